"""Throw away what nothing can reach, and renumber what is left.

Whatever can be noticed stays (`reach.py`): memories, exports, the traps of instantiation.  The result does what the module did and
asks for fewer imports.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from sshi.wasm.customs import without_positional
from sshi.wasm.instructions import Rewriter, index, key, tokens
from sshi.wasm.module import GLOBAL, KINDS, Element, Import, Module
from sshi.wasm.names import names, renumbered, with_names
from sshi.wasm.opcodes import BY_MNEMONIC
from sshi.wasm.reach import Reach
from sshi.wasm.reindex import edit_constants, reindex, same

T = TypeVar("T")

GLOBAL_GET = BY_MNEMONIC["global.get"].key
NUMERIC_CONSTANTS = frozenset(BY_MNEMONIC[name].key for name in ("i32.const", "i64.const", "f32.const", "f64.const"))


def shake(module: Module) -> Module:
    """The module without functions, imports, globals, tables, tags, segments and types that nothing uses.

    A table stays when it is exported or an instruction uses it, and its segments' functions with it.  Equal types become one.
    Raises DecodeError (contract's fault) for a body that cannot be read or an index out of range.
    """
    reach = Reach(module)
    maps = {space: {old: new for new, old in enumerate(sorted(live))} for space, live in reach.live.items()}
    types = {of: at for at, of in enumerate(dict.fromkeys(module.types[old] for old in maps["type"]))}
    maps["type"] = {old: types[module.types[old]] for old in maps["type"]}
    moved = {space: new for space, new in maps.items() if len(new) < reach.sizes[space] or any(a != b for a, b in new.items())}

    def kept(space: str, entries: Sequence[T]) -> list[T]:
        first = reach.sizes[space] - len(entries)  # imports come before
        return [entry for at, entry in enumerate(entries, first) if at in maps[space]]

    elements = kept("elem", module.elements)
    if undeclared := reach.undeclared():
        elements.append(Element(3, 0, None, 0, tuple(undeclared)))
    datas = same(kept("data", module.datas), module.datas)
    selected = replace(
        module,
        types=same(types, module.types),
        imports=same(_kept_imports(module, reach), module.imports),
        funcs=same(kept("func", module.funcs), module.funcs),
        tables=same(kept("table", module.tables), module.tables),
        globals=same(kept("global", module.globals), module.globals),
        elements=same(elements, module.elements),
        datacount=len(datas) if reach.reads_segments else None,
        codes=same(kept("func", module.codes), module.codes),
        datas=datas,
        tags=same(kept("tag", module.tags), module.tags),
    )
    shaken = reindex(selected, moved)
    if moved:
        shaken = with_names(shaken, renumbered(names(module), moved))
    return shaken if shaken.codes is module.codes else without_positional(shaken)


def fold_globals(module: Module) -> Module:
    """The module with every read of an immutable numeric global replaced by its value; `shake` then drops the globals."""
    values: dict[int, bytes] = {}
    for at, entry in enumerate(module.globals, len(module.imported(GLOBAL))):
        value, *rest = tokens(entry.init)
        if key(value) == GLOBAL_GET:
            value = values.get(index(value), value)
        if not entry.type.mutable and len(rest) == 1 and key(value) in NUMERIC_CONSTANTS:
            values[at] = value
    if not values:
        return module
    rewriter = Rewriter(lambda token: values.get(index(token), token) if key(token) == GLOBAL_GET else token)
    folded = edit_constants(replace(module, codes=rewriter.codes(module.codes)), rewriter)
    return folded if folded.codes is module.codes else without_positional(folded)


def _kept_imports(module: Module, reach: Reach) -> list[Import]:
    found: list[Import] = []
    seen = [0] * len(KINDS)
    for entry in module.imports:
        if seen[entry.kind] in reach.live[KINDS[entry.kind]]:
            found.append(entry)
        seen[entry.kind] += 1
    return found
