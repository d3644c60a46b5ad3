"""Several modules into one: imports of one resolved by exports of another.

Index spaces are laid out as the parts come: the imports that are left, each once, then every part's definitions.  Nothing is
thrown away (that is `shake.py`'s work) and nothing is run.  A merged module has no byte of any part's code where it was, so custom
sections that point into code are dropped (`customs.py`); of the others the first part's are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from sshi.errors import DecodeError, LinkError
from sshi.wasm.customs import without_positional
from sshi.wasm.instructions import Rewriter, index, key, renumber, tokens
from sshi.wasm.links import Definition, Origin, Part, Unresolved, origins
from sshi.wasm.module import GLOBAL, KINDS, FuncType, Import, Module
from sshi.wasm.names import NameMap, Names, names, with_names
from sshi.wasm.opcodes import BY_MNEMONIC
from sshi.wasm.reindex import reindex

__all__ = ["Part", "merge", "select_exports"]

GLOBAL_GET = BY_MNEMONIC["global.get"].key
CONSTANTS = frozenset(BY_MNEMONIC[name].key for name in ("i32.const", "i64.const", "f32.const", "f64.const", "ref.null", "ref.func"))

T = TypeVar("T")

Space = Sequence[int]


def merge(parts: Sequence[Part]) -> Module:
    """One module that does what the parts linked together would do; it exports everything they do, as "part:name".

    Imports of a module name in `Part.links` are resolved; the others stay, equal ones once.  Functions keep their names, a name used
    twice gets its part before it.
    Raises LinkError (contract's fault) as `links.origins` does, for two start functions, and for a constant expression that
    reads a global whose value is not constant; DecodeError for a body that cannot be read or an index out of range.
    """
    merger = _Merger(parts)
    modules = [merger.reindexed(number) for number in range(len(parts))]
    starts = [(part.name, module.start) for part, module in zip(parts, modules, strict=True) if module.start is not None]
    if len(starts) > 1:
        raise LinkError(f"more than one start function: parts {' and '.join(repr(name) for name, _ in starts)} have one each")
    counted = any(module.datacount is not None for module in modules)
    merged = Module(
        types=tuple(merger.types),
        imports=tuple(merger.imports),
        funcs=_joined(module.funcs for module in modules),
        tables=_joined(module.tables for module in modules),
        memories=_joined(module.memories for module in modules),
        globals=_joined(module.globals for module in modules),
        exports=tuple(
            replace(export, name=f"{part.name}:{export.name}")
            for part, module in zip(parts, modules, strict=True)
            for export in module.exports
        ),
        start=starts[0][1] if starts else None,
        elements=_joined(module.elements for module in modules),
        datacount=sum(len(module.datas) for module in modules) if counted else None,
        codes=_joined(module.codes for module in modules),
        datas=_joined(module.datas for module in modules),
        tags=_joined(module.tags for module in modules),
        customs=tuple(custom for custom in without_positional(modules[0]).customs if custom.name != "name") if parts else (),
    )
    return with_names(merged, merger.names())


def select_exports(module: Module, exports: Mapping[str, str]) -> Module:
    """The module exporting exactly these, by their new names and in that order: `{"call": "contract:call"}`.

    Raises LinkError (contract's fault) for one that is not exported.
    """
    present = {export.name: export for export in module.exports}
    if missing := [old for old in exports.values() if old not in present]:
        raise LinkError(f"no export {missing[0]!r}", advice=f"there are {', '.join(sorted(present)) or 'none'}")
    return replace(module, exports=tuple(replace(present[old], name=new) for new, old in exports.items()))


class _Merger:
    """The merged index spaces: `spaces[n]` gives the new numbers of part n's indices, space by space."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = parts
        self.origins = origins(parts)
        self.types: dict[FuncType, int] = {}
        self.imports: list[Import] = []
        for part in parts:
            for of in part.module.types:
                self.types.setdefault(of, len(self.types))
        numbers = self._numbers()
        self.spaces: list[dict[str, Space]] = []
        elements = datas = 0
        for part, kinds in zip(parts, self.origins, strict=True):
            spaces: dict[str, Space] = {name: [numbers[kind, origin] for origin in kinds[kind]] for kind, name in enumerate(KINDS)}
            spaces["type"] = [self.types[of] for of in part.module.types]
            spaces["elem"] = range(elements, elements + len(part.module.elements))
            spaces["data"] = range(datas, datas + len(part.module.datas))
            elements += len(part.module.elements)
            datas += len(part.module.datas)
            self.spaces.append(spaces)
        self._renumber = [renumber(spaces) for spaces in self.spaces]
        self._imported_globals = [len(part.module.imported(GLOBAL)) for part in parts]
        self._values: dict[Definition, tuple[int, bytes] | None] = {}

    def _numbers(self) -> dict[tuple[int, Origin], int]:
        numbers: dict[tuple[int, Origin], int] = {}
        counts = [0] * len(KINDS)
        for part, kinds in zip(self.parts, self.origins, strict=True):
            seen = [0] * len(KINDS)
            for entry in part.module.imports:
                origin = kinds[entry.kind][seen[entry.kind]]
                seen[entry.kind] += 1
                if isinstance(origin, Unresolved) and (entry.kind, origin) not in numbers:
                    numbers[entry.kind, origin] = counts[entry.kind]
                    counts[entry.kind] += 1
                    desc = self.types[origin.type] if isinstance(origin.type, FuncType) else origin.type
                    self.imports.append(Import(origin.module, origin.name, origin.kind, desc))
        for n, kinds in enumerate(self.origins):
            for kind, entries in enumerate(kinds):
                for at, origin in enumerate(entries):
                    if origin == Definition(n, at):
                        numbers[kind, origin] = counts[kind]
                        counts[kind] += 1
        return numbers

    def reindexed(self, part: int) -> Module:
        """A part in the merged module's numbers."""
        try:
            return reindex(self.parts[part].module, self.spaces[part], Rewriter(lambda token: self._constant_token(part, token)))
        except DecodeError as error:
            raise replace(error, where=self.parts[part].name) from error

    def _constant_token(self, part: int, token: bytes) -> bytes:
        # an import may be read in a constant expression, a global defined in the module only since late proposals, and only one
        # defined before: so what the import stood for is put in its place
        if key(token) == GLOBAL_GET and index(token) < len(self.origins[part][GLOBAL]):
            origin = self.origins[part][GLOBAL][index(token)]
            if value := self._value(origin):
                owner, constant = value
                return self._renumber[owner][constant]
            if isinstance(origin, Definition) and origin.part != part:
                here, there = (self.parts[n].name for n in (part, origin.part))
                raise LinkError(f"a constant expression of part {here!r} reads a global of part {there!r} that is not constant")
        return self._renumber[part][token]

    def _value(self, origin: Origin) -> tuple[int, bytes] | None:
        """The one constant instruction that initialises an immutable global, and the part it is from; None when there is none such."""
        # a chain of globals that read each other is walked once: it may be as long as the module
        walked: list[Definition] = []
        value: tuple[int, bytes] | None = None
        while isinstance(origin, Definition):
            if origin in self._values:
                value = self._values[origin]
                break
            self._values[origin] = None
            walked.append(origin)
            entry = self.parts[origin.part].module.globals[origin.index - self._imported_globals[origin.part]]
            first, *rest = tokens(entry.init)
            if entry.type.mutable or len(rest) != 1:
                break
            if key(first) in CONSTANTS:
                value = origin.part, first
                break
            known = self.origins[origin.part][GLOBAL]
            if key(first) != GLOBAL_GET or index(first) >= len(known):
                break
            origin = known[index(first)]
        self._values.update(dict.fromkeys(walked, value))
        return value

    def names(self) -> Names:
        """Every part's names: a definition's own before what importers call it, the first part's before the others'."""
        found = [names(part.module) for part in self.parts]
        spaces: dict[str, dict[int, str]] = {}
        used: dict[str, set[str]] = {}
        for own in (True, False):
            for n, of in enumerate(found):
                for space, old, name in self._entries(n, of):
                    if self._is_own(n, space, old) is own and (new := self.spaces[n][space][old]) not in spaces.setdefault(space, {}):
                        spaces[space][new] = _unique(name, self.parts[n].name, new, used.setdefault(space, set()))
        inner: dict[int, NameMap] = {
            self.spaces[n]["func"][old]: entries
            for n, of in enumerate(found)
            for old, entries in of.locals.items()
            if self._is_own(n, "func", old)
        }
        return Names(found[0].module if found else None, spaces, inner)

    def _entries(self, part: int, of: Names) -> Iterator[tuple[str, int, str]]:
        for space, entries in of.spaces.items():
            for old, name in entries.items():
                if old < len(self.spaces[part][space]):
                    yield space, old, name

    def _is_own(self, part: int, space: str, old: int) -> bool:
        """Whether that index is the part's own definition, or a thing without imports."""
        if space not in KINDS:
            return True
        entries = self.origins[part][KINDS.index(space)]
        return old < len(entries) and entries[old] == Definition(part, old)


def _joined(sections: Iterable[tuple[T, ...]]) -> tuple[T, ...]:
    return tuple([entry for section in sections for entry in section])


def _unique(name: str, part: str, index: int, used: set[str]) -> str:
    new = name
    if new in used:
        new = f"{part}:{name}"
    while new in used:
        new = f"{part}:{name}#{index}"  # an index has one name, so this ends unless somebody named functions to annoy
        index += 1
    used.add(new)
    return new
