"""Element and data segments, tables and constant expressions in the encodings of WebAssembly 1.0."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from sshi.errors import LinkError
from sshi.wasm.callgraph import REF_FUNC
from sshi.wasm.instructions import emit, immediates, index, tokens
from sshi.wasm.lower.features import Features, flags
from sshi.wasm.module import FUNCREF, TABLE, Data, Element, Module, TableType
from sshi.wasm.names import names, renumbered, with_names

MASK, MASK_64 = 0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF
MOST_SEGMENTS = 100_000
"""Element segments that engines take."""
FOLDED: dict[bytes, tuple[int, Callable[[int, int], int]]] = {
    emit(f"i{bits}.{name}"): (bits, compute)
    for bits in (32, 64)
    for name, compute in (("add", int.__add__), ("sub", int.__sub__), ("mul", int.__mul__))
}
"""What an extended constant expression may compute."""


def lowered_segments(module: Module, features: Features) -> Module:
    """The module without the section encodings that `features` does not name; the very same object when it has none.

    Bodies must be lowered before: segments that only they could use are dropped.
    """
    if not features.bulk_memory and module.datacount is not None:
        module = replace(module, datacount=None)
    module = _folded(module)
    if not features.bulk_memory:
        module = _data(module)
    if not (features.bulk_memory and features.reference_types):
        module = plain_elements(module)
    if not features.reference_types:
        module = _tables(module)
    return module


# -- data --------------------------------------------------------------------------------------------------------------------------


def _data(module: Module) -> Module:
    """Active segments of memory 0 only; nothing is left that could use a passive one."""
    kept = [at for at, segment in enumerate(module.datas) if segment.offset is not None]
    datas = tuple([_plain_data(module.datas[at]) for at in kept])
    if datas == module.datas:
        return module
    return replace(_renamed(module, "data", kept), datas=datas)


def _plain_data(segment: Data) -> Data:
    return replace(segment, flag=0) if segment.flag == 2 and segment.memory == 0 else segment


# -- elements and tables -----------------------------------------------------------------------------------------------------------


def plain_elements(module: Module) -> Module:
    """Active segments of table 0 only, their items function indices."""
    kept: list[int] = []
    elements: list[Element] = []
    for at, segment in enumerate(module.elements):
        if segment.offset is None:
            continue
        if segment.table:
            raise LinkError(f"element segment {at} fills table {segment.table}", advice=str(flags("reference-types")))
        kept.append(at)
        elements += _plain_elements(at, segment, segment.offset, is_first=not elements)
    if tuple(elements) == module.elements:
        return module
    if len(elements) > MOST_SEGMENTS:
        message = f"without null references the elements are {len(elements):,} segments, {MOST_SEGMENTS:,} are allowed"
        raise LinkError(message, advice=str(flags("reference-types")))
    return replace(_renamed(module, "elem", kept if len(kept) == len(elements) else []), elements=tuple(elements))


def _plain_elements(at: int, segment: Element, offset: bytes, *, is_first: bool) -> Iterator[Element]:
    items = [item if isinstance(item, int) else _function(at, item) for item in segment.items]
    if None not in items:
        yield Element(0, 0, offset, None, tuple([item for item in items if item is not None]))
        return
    first = _constant(offset)
    if first is None or not is_first:  # a null item would have to undo what an earlier segment wrote
        raise LinkError(f"element segment {at} writes null references", advice=str(flags("reference-types")))
    run: list[int] = []
    for place, item in enumerate([*items, None]):
        if item is not None:
            run.append(item)
        elif run or place == len(items):  # the last one may be empty: it still traps when the segment does not fit
            start = emit("i32.const", _signed(first + place - len(run), 32)) + emit("end")
            yield Element(0, 0, start, None, tuple(run))
            run = []


def _function(at: int, item: bytes) -> int | None:
    """The function an item refers to, or None for a null reference."""
    first = tokens(item)[0]
    if first[0] == REF_FUNC:
        return index(first)
    if first == emit("ref.null", FUNCREF - 0x80):
        return None
    raise LinkError(f"element segment {at} holds something else than functions", advice=str(flags("reference-types")))


def _tables(module: Module) -> Module:
    """One table at most, of functions, that begins with nulls without saying so."""
    imported = [entry.desc for entry in module.imported(TABLE) if isinstance(entry.desc, TableType)]
    if len(imported) + len(module.tables) > 1:
        count = len(imported) + len(module.tables)
        raise LinkError(f"the module has {count} tables, and the target takes one", advice=str(flags("reference-types")))
    null = emit("ref.null", FUNCREF - 0x80) + emit("end")
    for table in (*imported, *module.tables):
        if table.element != FUNCREF or table.init not in (None, null):
            raise LinkError(
                "the table begins with references, or holds something else than functions", advice=str(flags("reference-types"))
            )
    tables = tuple([TableType(table.element, table.limits) for table in module.tables])
    return module if tables == module.tables else replace(module, tables=tables)


# -- constant expressions ----------------------------------------------------------------------------------------------------------


def _folded(module: Module) -> Module:
    """Constant expressions worked out, as far as they compute with constants."""
    globals_ = tuple([replace(entry, init=_fold(entry.init)) for entry in module.globals])
    datas = tuple([replace(entry, offset=_fold(entry.offset)) if entry.offset else entry for entry in module.datas])
    elements = tuple([replace(entry, offset=_fold(entry.offset)) if entry.offset else entry for entry in module.elements])
    if globals_ != module.globals:
        module = replace(module, globals=globals_)
    if datas != module.datas:
        module = replace(module, datas=datas)
    return replace(module, elements=elements) if elements != module.elements else module


def _fold(expression: bytes) -> bytes:
    split = tokens(expression)
    if len(split) == 2:
        return expression
    stack: list[int] = []
    bits = 32
    for token in split[:-1]:
        if token in FOLDED:
            bits, compute = FOLDED[token]
            second, first = stack.pop(), stack.pop()
            stack.append(compute(first, second) & MASK_64)
        elif token[0] in (0x41, 0x42):
            (value,) = immediates(token)
            stack.append(value if isinstance(value, int) else 0)
        else:
            return expression
    value = _signed(stack[0], bits)
    return emit(f"i{bits}.const", value) + split[-1]


def _constant(expression: bytes) -> int | None:
    first, *rest = tokens(expression)
    (value,) = immediates(first)
    return value & MASK if first[0] == 0x41 and len(rest) == 1 and isinstance(value, int) else None


def _signed(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _renamed(module: Module, space: str, kept: list[int]) -> Module:
    """The names moved along with the segments that stay."""
    return with_names(module, renumbered(names(module), {space: {old: new for new, old in enumerate(kept)}}))
