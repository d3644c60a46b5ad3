"""The name section: read it forgivingly, write it exactly, carry it through a renumbering.

It is a custom section, so a malformed one means no names and never an error.  Names of labels and fields are not kept: nobody
here reads them, and the passes that change bodies would leave them wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from sshi.errors import DecodeError
from sshi.wasm.leb128 import Reader, encode_u
from sshi.wasm.module import FUNC, Custom, Module

NameMap = Mapping[int, str]

SPACES = {1: "func", 4: "type", 5: "table", 6: "memory", 7: "global", 8: "elem", 9: "data", 11: "tag"}
"""The subsections that name one index space each, by id."""

_MODULE, _LOCALS = 0, 2


def _no_names() -> Mapping[str, NameMap]:
    return {}


def _no_locals() -> Mapping[int, NameMap]:
    return {}


@dataclass(frozen=True, slots=True)
class Names:
    """Names by index space ("func", "type", "global", …) and index, and the locals' by function and local."""

    module: str | None = None
    spaces: Mapping[str, NameMap] = field(default_factory=_no_names)
    locals: Mapping[int, NameMap] = field(default_factory=_no_locals)


def names(module: Module) -> Names:
    """What the module's name section says; nothing when it has none or a malformed one."""
    custom = module.custom("name")
    return _decode(custom.data) if custom else Names()


def function_names(module: Module) -> dict[int, str]:
    """The functions' names by index, imports included, as far as the name section has them."""
    return dict(names(module).spaces.get("func", {}))


def label(module: Module, index: int) -> str:
    """What to call a function: by its name, else its first export, else what it imports as "module.name", else "func[7]"."""
    return labels(module).get(index) or f"func[{index}]"


def labels(module: Module) -> dict[int, str]:
    """The same for all functions that something names, by index: for whoever asks about many."""
    found = {index: f"{entry.module}.{entry.name}" for index, entry in enumerate(module.imported(FUNC))}
    found |= {export.index: export.name for export in reversed(module.exports) if export.kind == FUNC}
    return found | {index: name for index, name in names(module).spaces.get("func", {}).items() if name}


def with_names(module: Module, new: Names) -> Module:
    """The module with exactly these names; the section stays where it was, a new one comes last."""
    data = _encode(new)
    old = module.custom("name")
    if old is None:
        return replace(module, customs=(*module.customs, Custom("name", data, after=11))) if data else module
    if old.data == data:
        return module
    entries = (replace(old, data=data) if custom is old else custom for custom in module.customs if custom is not old or data)
    return replace(module, customs=tuple(entries))


def with_function_names(module: Module, names_: Mapping[int, str], locals: Mapping[int, NameMap] | None = None) -> Module:  # noqa: A002
    """The module with these function names, and these locals' names unless None, which keeps them.

    For passes that leave the other index spaces' numbering as it was; their names are kept.
    """
    old = names(module)
    spaces = {**old.spaces, "func": dict(names_)}
    return with_names(module, Names(old.module, spaces, old.locals if locals is None else locals))


def renumbered(old: Names, maps: Mapping[str, Mapping[int, int]]) -> Names:
    """The names under new indices; an index without a new one loses its name, a space without a map keeps its numbering."""

    def moved(space: str, entries: Mapping[int, str]) -> NameMap:
        if space not in maps:
            return entries
        return {maps[space][index]: name for index, name in entries.items() if index in maps[space]}

    functions = maps.get("func")
    inner = old.locals if functions is None else {functions[f]: names for f, names in old.locals.items() if f in functions}
    return Names(old.module, {space: moved(space, entries) for space, entries in old.spaces.items()}, inner)


# -- the binary format -------------------------------------------------------------------------------------------------------------


@lru_cache(8)  # asked for again with every label of one module
def _decode(data: bytes) -> Names:
    reader = Reader(data)
    module: str | None = None
    spaces: dict[str, NameMap] = {}
    inner: Mapping[int, NameMap] = {}
    try:
        while reader.at < reader.end:
            number = reader.byte("binary-namesec")
            size = reader.u()
            if size > reader.end - reader.at:
                return Names()
            part = Reader(data, reader.at, reader.at + size)
            reader.at += size
            if number == _MODULE:
                module = part.name()
            elif number == _LOCALS:
                inner = {part.u(): _name_map(part) for _ in range(part.count("binary-indirectnamemap"))}
            elif number in SPACES:
                spaces[SPACES[number]] = _name_map(part)
    except DecodeError:
        return Names()
    return Names(module, spaces, inner)


def _name_map(reader: Reader) -> dict[int, str]:
    return {reader.u(): reader.name() for _ in range(reader.count("binary-namemap"))}


def _encode(new: Names) -> bytes:
    parts: dict[int, bytes] = {}
    if new.module is not None:
        parts[_MODULE] = _text(new.module)
    inner = {function: entries for function, entries in new.locals.items() if entries}
    if inner:
        parts[_LOCALS] = encode_u(len(inner)) + b"".join(encode_u(f) + _encoded_map(entries) for f, entries in sorted(inner.items()))
    for number, space in SPACES.items():
        if entries := new.spaces.get(space):
            parts[number] = _encoded_map(entries)
    return b"".join(bytes((number,)) + encode_u(len(part)) + part for number, part in sorted(parts.items()))


def _encoded_map(entries: NameMap) -> bytes:
    return encode_u(len(entries)) + b"".join(encode_u(index) + _text(name) for index, name in sorted(entries.items()))


def _text(name: str) -> bytes:
    encoded = name.encode()
    return encode_u(len(encoded)) + encoded
