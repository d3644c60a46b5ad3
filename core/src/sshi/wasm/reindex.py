"""Every use of an index in a module, moved to its new number: what merging and shaking have in common.

The entries themselves stay where they are; whoever moves them, or drops some, says so in the maps.  A tuple in which nothing changed
stays the same object, so that `encode` writes its section as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from sshi.errors import DecodeError
from sshi.wasm.instructions import IndexMap, Rewriter, renumber
from sshi.wasm.module import FUNCREF, KINDS, Data, Element, Export, Global, Import, Module

T = TypeVar("T")


def reindex(module: Module, spaces: Mapping[str, IndexMap], constants: Rewriter | None = None) -> Module:
    """The module with the indices of each space ("func", "type", …) renumbered; a space left out keeps its numbers.

    `constants` edits constant expressions where they need more than new numbers.
    Raises DecodeError (contract's fault) for an index without a new number, and for a body that cannot be read.
    """
    rewriter = renumber(spaces)

    def moved(space: str, index: int) -> int:
        if space not in spaces:
            return index
        try:
            return spaces[space][index]
        except LookupError:
            raise DecodeError(f"{space} index {index} is out of range", rule="syntax-index") from None

    def imported(entry: Import) -> Import:
        return Import(entry.module, entry.name, entry.kind, moved("type", entry.desc)) if isinstance(entry.desc, int) else entry

    def exported(entry: Export) -> Export:
        return Export(entry.name, entry.kind, moved(KINDS[entry.kind], entry.index))

    def element(segment: Element) -> Element:
        items = tuple([item if isinstance(item, bytes) else moved("func", item) for item in segment.items])
        table = segment.table if segment.offset is None else moved("table", segment.table)
        flag, of = segment.flag, segment.reftype
        if table and flag in (0, 4):  # these say table 0 by saying nothing
            flag, of = (2, 0) if flag == 0 else (6, FUNCREF)
        return Element(flag, table, segment.offset, of, items)  # pyright: ignore[reportArgumentType]  all indices or all expressions

    def data(segment: Data) -> Data:
        memory = segment.memory if segment.offset is None else moved("memory", segment.memory)
        return Data(2 if memory else segment.flag, memory, segment.offset, segment.data)

    def types(indices: tuple[int, ...]) -> tuple[int, ...]:
        return _each(indices, lambda index: moved("type", index))

    reindexed = replace(
        module,
        imports=_each(module.imports, imported),
        funcs=types(module.funcs),
        exports=_each(module.exports, exported),
        start=None if module.start is None else moved("func", module.start),
        elements=_each(module.elements, element),
        codes=rewriter.codes(module.codes),
        datas=_each(module.datas, data),
        tags=types(module.tags),
    )
    return edit_constants(reindexed, rewriter if constants is None else constants)


def edit_constants(module: Module, rewriter: Rewriter) -> Module:
    """The module with every constant expression edited: of globals, tables, and the offsets and items of segments."""

    def element(segment: Element) -> Element:
        items = tuple([rewriter.body(item) if isinstance(item, bytes) else item for item in segment.items])
        return replace(segment, offset=segment.offset and rewriter.body(segment.offset), items=items)

    def global_(entry: Global) -> Global:
        init = rewriter.body(entry.init)
        return entry if init == entry.init else Global(entry.type, init)

    def data(segment: Data) -> Data:
        offset = segment.offset and rewriter.body(segment.offset)
        return segment if offset == segment.offset else replace(segment, offset=offset)

    return replace(
        module,
        tables=_each(module.tables, lambda of: replace(of, init=of.init and rewriter.body(of.init))),
        globals=_each(module.globals, global_),
        elements=_each(module.elements, element),
        datas=_each(module.datas, data),
    )


def same(new: Iterable[T], old: tuple[T, ...]) -> tuple[T, ...]:
    """The new entries, as the very old tuple when they are equal to it."""
    entries = tuple(new)
    return old if entries == old else entries


def _each(old: tuple[T, ...], edit: Callable[[T], T]) -> tuple[T, ...]:
    return same([edit(entry) for entry in old], old)
