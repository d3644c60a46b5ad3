"""Bytes to Module, and nothing else.

Never reads a file, never runs code, never repairs: a module is either decoded exactly or rejected with the offset of the first
wrong byte.  Whether it is *valid* is another question, and function bodies are only cut out here; `instructions.py` reads them.
Time and memory are linear in the input: no length or count in it is believed before that many bytes have been seen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sshi.errors import DecodeError
from sshi.wasm.immediates import refuse_type
from sshi.wasm.instructions import skip_expression
from sshi.wasm.leb128 import Reader
from sshi.wasm.module import (
    FUNC,
    GC,
    GC_FORMS,
    GLOBAL,
    KINDS,
    MEMORY,
    REFERENCE_TYPES,
    SECTIONS,
    TABLE,
    TAG,
    VALUE_TYPES,
    Code,
    Custom,
    Data,
    Element,
    Export,
    FuncType,
    Global,
    GlobalType,
    Import,
    Limits,
    Module,
    RawSection,
    TableType,
)  # fmt: skip

T = TypeVar("T")

MAGIC = b"\0asm"
VERSION = b"\1\0\0\0"
COMPONENT = b"\x0d\0\1\0"

_MAX_LOCALS = 2**32 - 1


def decode(data: bytes) -> Module:
    """The module in these bytes, its sections kept as written so that `encode` gives the same bytes back.

    Raises DecodeError (contract's fault) for anything else: text, a component, a truncated or padded file.
    """
    data = bytes(data)  # a bytearray, as wasmtime makes them, would leave values that cannot be hashed; bytes are not copied
    if not data.startswith(MAGIC):
        raise DecodeError("this is no WebAssembly module: it does not begin with \\0asm", offset=0, rule="binary-magic")
    if data[4:8] != VERSION:
        found = "a component; a contract is a core module" if data[4:8] == COMPONENT else f"version {data[4:8].hex()}"
        raise DecodeError(f"this is {found}", offset=4, rule="binary-version")
    reader = Reader(data, 8)
    parts: dict[str, object] = {}
    customs: list[Custom] = []
    raw: list[RawSection] = []
    frames: dict[bytes, bytes] = {}  # one for all that are alike: a section may be three bytes
    last = 0
    while reader.at < len(data):
        start = reader.at
        number = reader.byte("binary-section")
        size_at = reader.at
        size = reader.u()
        if size > len(data) - reader.at:
            reader.fail(f"a section of {size} bytes with {len(data) - reader.at} left", "binary-section", size_at)
        section = Reader(data, reader.at, reader.at + size)
        value: object
        if number == 0:
            value = Custom(section.name(), data[section.at : section.end], last)
            customs.append(value)
        else:
            if number not in _SECTIONS:
                reader.fail(f"an unknown section {number}", "binary-section", start)
            if last and _ORDER.index(number) <= _ORDER.index(last):
                reader.fail(f"the {SECTIONS[number]} section comes after the {SECTIONS[last]} section", "binary-module", start)
            last = number
            value = parts[SECTIONS[number]] = _SECTIONS[number](section)
            if section.at != section.end:
                section.fail(f"{section.end - section.at} bytes too many in the {SECTIONS[number]} section", "binary-section")
        frame = data[start : reader.at]
        raw.append(RawSection(number, frames.setdefault(frame, frame), data[reader.at : section.end], value))
        reader.at = section.end
    module = Module(**parts, customs=tuple(customs), raw=tuple(raw))  # pyright: ignore[reportArgumentType]  each reader gives its field's type
    _check_counts(module, len(data))
    return module


def _check_counts(module: Module, end: int) -> None:
    if len(module.funcs) != len(module.codes):
        message = f"{len(module.funcs)} functions declared, {len(module.codes)} bodies given"
        raise DecodeError(message, offset=end, rule="binary-module")
    if module.datacount is not None and module.datacount != len(module.datas):
        message = f"{module.datacount} data segments announced, {len(module.datas)} given"
        raise DecodeError(message, offset=end, rule="binary-module")


# -- types -------------------------------------------------------------------------------------------------------------------------


def _list(item: Callable[[Reader], T]) -> Callable[[Reader], tuple[T, ...]]:
    def read(reader: Reader) -> tuple[T, ...]:
        return tuple([item(reader) for _ in range(reader.count("binary-list"))])

    return read


def _value_type(reader: Reader) -> int:
    byte = reader.byte("binary-valtype")
    if byte not in VALUE_TYPES:
        refuse_type(reader, byte, reader.at - 1)
    return byte


def _value_types(reader: Reader) -> bytes:
    types = reader.span("binary-resulttype")
    for offset, byte in enumerate(types, reader.at - len(types)):
        if byte not in VALUE_TYPES:
            refuse_type(reader, byte, offset)
    return types


def _reference_type(reader: Reader) -> int:
    byte = reader.byte("binary-reftype")
    if byte not in REFERENCE_TYPES:
        refuse_type(reader, byte, reader.at - 1, "reference")
    return byte


def _function_type(reader: Reader) -> FuncType:
    form = reader.byte("binary-functype")
    if form != 0x60:
        feature = GC if form in GC_FORMS else ""
        reader.fail(f"a type of form 0x{form:02X}; only function types are known", "binary-functype", reader.at - 1, feature)
    return FuncType(_value_types(reader), _value_types(reader))


def _limits(reader: Reader) -> Limits:
    flags = reader.byte("binary-limits")
    if flags > 7:
        reader.fail(f"unknown limits 0x{flags:02X}", "binary-limits", reader.at - 1)
    bits = 64 if flags & 4 else 32
    minimum = reader.u(bits)
    return Limits(minimum, reader.u(bits) if flags & 1 else None, flags & ~1)


def _table_type(reader: Reader) -> TableType:
    return TableType(_reference_type(reader), _limits(reader))


def _table(reader: Reader) -> TableType:
    # 0x40 0x00 announces a table with an initial value; no reference type has that byte
    if reader.at < reader.end and reader.data[reader.at] == 0x40:
        reader.at += 1
        if reader.byte("binary-table"):
            reader.fail("a zero byte expected", "binary-table", reader.at - 1)
        of = _table_type(reader)
        return TableType(of.element, of.limits, skip_expression(reader))
    return _table_type(reader)


def _global_type(reader: Reader) -> GlobalType:
    value = _value_type(reader)
    mutable = reader.byte("binary-mut")
    if mutable > 1:
        reader.fail(f"a mutability of 0x{mutable:02X}", "binary-mut", reader.at - 1)
    return GlobalType(value, bool(mutable))


def _tag(reader: Reader) -> int:
    if reader.byte("binary-tagtype"):
        reader.fail("a zero byte expected", "binary-tagtype", reader.at - 1)
    return reader.u()


# -- sections ----------------------------------------------------------------------------------------------------------------------

_IMPORTED: dict[int, Callable[[Reader], int | TableType | Limits | GlobalType]] = {
    FUNC: Reader.u,
    TABLE: _table_type,
    MEMORY: _limits,
    GLOBAL: _global_type,
    TAG: _tag,
}


def _import(reader: Reader) -> Import:
    module, name = reader.name(), reader.name()
    kind = reader.byte("binary-importdesc")
    if kind not in _IMPORTED:
        reader.fail(f"an import of an unknown kind 0x{kind:02X}", "binary-importdesc", reader.at - 1)
    return Import(module, name, kind, _IMPORTED[kind](reader))


def _global(reader: Reader) -> Global:
    return Global(_global_type(reader), skip_expression(reader))


def _export(reader: Reader) -> Export:
    name = reader.name()
    kind = reader.byte("binary-exportdesc")
    if kind >= len(KINDS):
        reader.fail(f"an export of an unknown kind 0x{kind:02X}", "binary-exportdesc", reader.at - 1)
    return Export(name, kind, reader.u())


def _element(reader: Reader) -> Element:
    start = reader.at
    flag = reader.u()
    if flag > 7:
        reader.fail(f"an element segment with flags {flag}", "binary-elem", start)
    # bit 0: not active; bit 1: a table index or a type is written out; bit 2: expressions instead of indices
    table = reader.u() if flag & 3 == 2 else 0
    offset = None if flag & 1 else skip_expression(reader)
    of = None
    if flag & 3:
        of = _reference_type(reader) if flag & 4 else reader.byte("binary-elemkind")
        if not flag & 4 and of:
            reader.fail(f"an unknown element kind 0x{of:02X}", "binary-elemkind", reader.at - 1)
    items = _list(skip_expression)(reader) if flag & 4 else _list(Reader.u)(reader)
    return Element(flag, table, offset, of, items)


def _code(reader: Reader) -> Code:
    size_at = reader.at
    size = reader.u()
    if size > reader.end - reader.at:
        reader.fail(f"a body of {size} bytes with {reader.end - reader.at} left", "binary-code", size_at)
    body = Reader(reader.data, reader.at, reader.at + size)
    runs: list[tuple[int, int]] = []
    total = 0
    for _ in range(body.count("binary-local")):
        run_at = body.at
        count = body.u()
        total += count
        if total > _MAX_LOCALS:
            body.fail("more than 2^32 - 1 locals", "binary-local", run_at)
        run = count, _value_type(body)
        runs.append(runs[-1] if runs and runs[-1] == run else run)  # there may be one for every two bytes
    reader.at = body.end
    return Code(tuple(runs), reader.data[body.at : body.end], body.at)


def _data(reader: Reader) -> Data:
    start = reader.at
    flag = reader.u()
    if flag > 2:
        reader.fail(f"a data segment with flags {flag}", "binary-data", start)
    memory = reader.u() if flag == 2 else 0
    offset = None if flag == 1 else skip_expression(reader)
    return Data(flag, memory, offset, reader.span("binary-data"))


_SECTIONS: dict[int, Callable[[Reader], object]] = {
    1: _list(_function_type),
    2: _list(_import),
    3: _list(Reader.u),
    4: _list(_table),
    5: _list(_limits),
    6: _list(_global),
    7: _list(_export),
    8: Reader.u,
    9: _list(_element),
    10: _list(_code),
    11: _list(_data),
    12: Reader.u,
    13: _list(_tag),
}

_ORDER = tuple(SECTIONS)
