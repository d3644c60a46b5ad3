"""Which definition an import means when several modules are merged, and whether it may.

The rules are the core specification's import matching, with one leniency: the merged module has one global where the parts had an
export and an import, so an immutable import may be resolved by a mutable global.  The importing part only ever reads it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sshi.errors import LinkError
from sshi.wasm.module import FUNC, GLOBAL, KINDS, MEMORY, TABLE, VALUE_TYPES, FuncType, GlobalType, Import, Limits, Module, TableType

ItemType = FuncType | TableType | Limits | GlobalType


def _no_links() -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Part:
    """A module to merge; `links` says which part's exports resolve the imports from a module name, the rest stay imports."""

    name: str
    module: Module
    links: Mapping[str, str] = field(default_factory=_no_links)


@dataclass(frozen=True, slots=True)
class Definition:
    """An entry that a part defines itself: the part's number and the index in its index space."""

    part: int
    index: int


@dataclass(frozen=True, slots=True)
class Unresolved:
    """An import that stays; two that are equal become one import of the merged module."""

    module: str
    name: str
    kind: int
    type: ItemType


Origin = Definition | Unresolved


def origins(parts: Sequence[Part]) -> list[tuple[tuple[Origin, ...], ...]]:
    """What each index means: by part, kind and index.

    Raises LinkError (contract's fault) naming both parts and the field for a missing export, one of another kind or type, a link to a
    part that is not there, and exports that only name each other in a circle.
    """
    linker = _Linker(parts)
    return [
        tuple(tuple([linker.origin(number, kind, index) for index in range(linker.size(number, kind))]) for kind in range(len(KINDS)))
        for number in range(len(parts))
    ]


class _Linker:
    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = parts
        self.numbers = {part.name: number for number, part in enumerate(parts)}
        if len(self.numbers) < len(parts):
            raise LinkError(f"two parts have the same name: {', '.join(part.name for part in parts)}")
        self.imports = [[part.module.imported(kind) for kind in range(len(KINDS))] for part in parts]
        self.known: dict[tuple[int, Definition], Origin] = {}
        self.exports = [{export.name: export for export in part.module.exports} for part in parts]

    def size(self, part: int, kind: int) -> int:
        """How many indices that index space has."""
        module = self.parts[part].module
        defined = (module.funcs, module.tables, module.memories, module.globals, module.tags)[kind]
        return len(self.imports[part][kind]) + len(defined)

    def origin(self, part: int, kind: int, index: int) -> Origin:
        """Follow imports to exports until something is defined, or imported from outside."""
        at = Definition(part, index)
        seen: dict[Definition, None] = {}
        origin: Origin | None = None
        while origin is None:
            if at in seen:
                raise LinkError(f"{_named(self.parts[at.part], self.imports[at.part][kind][at.index])} comes back to itself by its exports")
            seen[at] = None
            if at.index >= len(self.imports[at.part][kind]):
                origin = at
            elif (kind, at) in self.known:
                origin = self.known[kind, at]
            else:
                importer, entry = self.parts[at.part], self.imports[at.part][kind][at.index]
                if entry.module in importer.links:
                    at = self._exported(importer, entry)
                else:
                    origin = Unresolved(entry.module, entry.name, kind, _import_type(importer, entry))
        self.known.update({(kind, one): origin for one in seen})
        return origin

    def _exported(self, importer: Part, entry: Import) -> Definition:
        what = _named(importer, entry)
        number = self.numbers.get(importer.links[entry.module])
        if number is None:
            raise LinkError(f"{what} is linked to {importer.links[entry.module]!r}, which is no part")
        exporter = self.parts[number]
        export = self.exports[number].get(entry.name)
        if export is None:
            present = ", ".join(sorted(self.exports[number])) or "nothing"
            raise LinkError(f"{what} is not exported by part {exporter.name!r}", advice=f"{exporter.name!r} exports {present}")
        if export.kind != entry.kind:
            raise LinkError(f"{what} is a {KINDS[entry.kind]}, but part {exporter.name!r} exports a {KINDS[export.kind]} of that name")
        if export.index >= self.size(number, export.kind):
            raise LinkError(f"part {exporter.name!r} exports {export.name!r} with an index out of range")
        wanted, found = _import_type(importer, entry), self._type(number, export.kind, export.index)
        if not _matches(found, wanted):
            raise LinkError(f"{what} is {describe(wanted)}, but part {exporter.name!r} exports {describe(found)}")
        return Definition(number, export.index)

    def _type(self, number: int, kind: int, index: int) -> ItemType:
        part, imports = self.parts[number], self.imports[number][kind]
        if index < len(imports):
            return _import_type(part, imports[index])
        defined = index - len(imports)
        if kind == TABLE:
            return part.module.tables[defined]
        if kind == MEMORY:
            return part.module.memories[defined]
        if kind == GLOBAL:
            return part.module.globals[defined].type
        return _function_type(part, (part.module.funcs if kind == FUNC else part.module.tags)[defined])


def _named(part: Part, entry: Import) -> str:
    return f"import {entry.module}.{entry.name} of part {part.name!r}"


def _import_type(part: Part, entry: Import) -> ItemType:
    return _function_type(part, entry.desc) if isinstance(entry.desc, int) else entry.desc


def _function_type(part: Part, index: int) -> FuncType:
    if index >= len(part.module.types):
        raise LinkError(f"type index {index} is out of range in part {part.name!r}")
    return part.module.types[index]


def _matches(found: ItemType, wanted: ItemType) -> bool:
    match found, wanted:
        case GlobalType(), GlobalType():
            return found.value == wanted.value and (found.mutable or not wanted.mutable)
        case Limits(), Limits():
            return _limits_match(found, wanted)
        case TableType(), TableType():
            return found.element == wanted.element and _limits_match(found.limits, wanted.limits)
        case _:
            return found == wanted


def _limits_match(found: Limits, wanted: Limits) -> bool:
    return (
        found.flags == wanted.flags
        and found.minimum >= wanted.minimum
        and (wanted.maximum is None or (found.maximum is not None and found.maximum <= wanted.maximum))
    )


def describe(of: ItemType) -> str:
    """A type for a message: "(i32, i32) -> (i64)", "a mutable i32", "2..15"."""
    match of:
        case FuncType():
            params, results = (", ".join(VALUE_TYPES[byte] for byte in types) for types in (of.params, of.results))
            return f"({params}) -> ({results})"
        case GlobalType():
            return f"{'a mutable' if of.mutable else 'an immutable'} {VALUE_TYPES[of.value]}"
        case Limits():
            return f"{of.minimum}..{'' if of.maximum is None else of.maximum}"
        case TableType():
            return f"{VALUE_TYPES[of.element]} {describe(of.limits)}"
