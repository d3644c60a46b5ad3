"""What a module is: one frozen value, its parts in the core specification's own terms.

Indices are those of the module's index spaces: imports first, then definitions.  Function bodies and constant expressions
stay as the bytes they are; `instructions.py` reads them when a pass needs to.  A pass makes a new module with
`dataclasses.replace`; a section whose tuple is still the *same object* that was decoded is written back byte for byte
(`raw`), so only what a pass touched is encoded anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from sshi.errors import DecodeError

I32, I64, F32, F64, V128, FUNCREF, EXTERNREF, EXNREF = 0x7F, 0x7E, 0x7D, 0x7C, 0x7B, 0x70, 0x6F, 0x69
"""Value types by their byte."""

VALUE_TYPES = {
    I32: "i32", I64: "i64", F32: "f32", F64: "f64", V128: "v128", FUNCREF: "funcref", EXTERNREF: "externref", EXNREF: "exnref",
}  # fmt: skip
"""Their names in the text format."""

REFERENCE_TYPES = frozenset((FUNCREF, EXTERNREF, EXNREF))

GC_TYPES = frozenset((0x63, 0x64, *range(0x6A, 0x6F), *range(0x71, 0x75)))
"""First bytes of the value types that garbage collection and typed references bring; a module with one is refused by name."""
GC_FORMS = frozenset((0x4E, 0x4F, 0x50, 0x5E, 0x5F))
"""Forms of its type definitions: rec, sub final, sub, array, struct."""
GC = "gc"
"""The finding that those are."""

FUNC, TABLE, MEMORY, GLOBAL, TAG = range(5)
"""External kinds, as imports and exports number them."""

KINDS = ("func", "table", "memory", "global", "tag")
"""Their names, by number."""

SECTIONS = {
    1: "types", 2: "imports", 3: "funcs", 4: "tables", 5: "memories", 13: "tags", 6: "globals", 7: "exports", 8: "start",
    9: "elements", 12: "datacount", 10: "codes", 11: "datas",
}  # fmt: skip
"""The known sections' ids in the order they must have, and the field of `Module` each one fills."""

PAGE = 65_536


@dataclass(frozen=True, slots=True)
class FuncType:
    """Parameters and results, as value-type bytes."""

    params: bytes
    results: bytes


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a memory (pages) or table (elements); `flags` keeps shared and 64-bit bits."""

    minimum: int
    maximum: int | None = None
    flags: int = 0


@dataclass(frozen=True, slots=True)
class TableType:
    """A table's reference type (its byte) and bounds; `init` is an explicit initial expression's bytes or None."""

    element: int
    limits: Limits
    init: bytes | None = None


@dataclass(frozen=True, slots=True)
class GlobalType:
    """A global's value type and mutability."""

    value: int
    mutable: bool


@dataclass(frozen=True, slots=True)
class Import:
    """`desc` is a type index for a function or tag, else the type itself."""

    module: str
    name: str
    kind: int
    desc: int | TableType | Limits | GlobalType


@dataclass(frozen=True, slots=True)
class Global:
    """A defined global; `init` is its constant expression with the final `end`."""

    type: GlobalType
    init: bytes


@dataclass(frozen=True, slots=True)
class Export:
    """A name, an external kind and an index of that kind's index space."""

    name: str
    kind: int
    index: int


@dataclass(frozen=True, slots=True)
class Element:
    """An element segment, its flag kept.

    `items` holds function indices for flags 0..3, constant expressions (with `end`) for flags 4..7.
    `offset` is None for passive and declarative segments.  `reftype` is the kind or type byte where the flag has one.
    """

    flag: int
    table: int
    offset: bytes | None
    reftype: int | None
    items: tuple[int, ...] | tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Code:
    """A function body: runs of (count, value type) as declared, and the instructions with the final `end`.

    `at` is the byte offset of `body` in the file it was decoded from, -1 for code a pass made.
    """

    locals: tuple[tuple[int, int], ...]
    body: bytes
    at: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class Data:
    """A data segment: flag 0 or 2 active (with `offset`), 1 passive."""

    flag: int
    memory: int
    offset: bytes | None
    data: bytes


@dataclass(frozen=True, slots=True)
class Custom:
    """A custom section and the id of the last known section before it (0: before all)."""

    name: str
    data: bytes
    after: int = 0


@dataclass(frozen=True, slots=True)
class RawSection:
    """A known section as it stood in the file: valid while `value` is still the module's tuple.  `frame` holds id and size as written."""

    id: int
    frame: bytes
    payload: bytes
    value: object


@dataclass(frozen=True, slots=True)
class Module:
    """A whole module.

    `funcs` are type indices, parallel to `codes`; `datacount` is None when there is no such section; `tags` are type indices.
    """

    types: tuple[FuncType, ...] = ()
    imports: tuple[Import, ...] = ()
    funcs: tuple[int, ...] = ()
    tables: tuple[TableType, ...] = ()
    memories: tuple[Limits, ...] = ()
    globals: tuple[Global, ...] = ()
    exports: tuple[Export, ...] = ()
    start: int | None = None
    elements: tuple[Element, ...] = ()
    datacount: int | None = None
    codes: tuple[Code, ...] = ()
    datas: tuple[Data, ...] = ()
    customs: tuple[Custom, ...] = ()
    tags: tuple[int, ...] = ()
    raw: tuple[RawSection, ...] = field(default=(), compare=False, repr=False)

    def imported(self, kind: int) -> tuple[Import, ...]:
        """The imports of one kind, in index order."""
        return tuple(entry for entry in self.imports if entry.kind == kind)

    def function_type(self, index: int) -> FuncType:
        """The type of a function by its index, imported or defined; DecodeError for an index that names none."""
        imported = self.imported(FUNC)
        try:
            desc = imported[index].desc if index < len(imported) else self.funcs[index - len(imported)]
            return self.types[cast("int", desc)]
        except IndexError:
            raise DecodeError(f"function {index} or its type does not exist", rule="syntax-funcidx") from None

    def function_types(self) -> list[FuncType]:
        """The types of all functions, in index order: for whoever asks about many.  DecodeError for one that does not exist."""
        try:
            indices = [cast("int", entry.desc) for entry in self.imports if entry.kind == FUNC]
            return [self.types[index] for index in (*indices, *self.funcs)]
        except IndexError:
            raise DecodeError("a function has a type that does not exist", rule="syntax-typeidx") from None

    def export(self, name: str, kind: int | None = None) -> Export | None:
        """The export of that name (and kind), or None."""
        return next((entry for entry in self.exports if entry.name == name and kind in (None, entry.kind)), None)

    def custom(self, name: str) -> Custom | None:
        """The first custom section of that name, or None."""
        return next((entry for entry in self.customs if entry.name == name), None)
