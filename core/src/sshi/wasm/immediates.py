"""What follows an opcode, read from bytes and written back: one reader and one writer a kind, by its name in the opcode table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NoReturn

from sshi.wasm.leb128 import Reader, encode_s, encode_u
from sshi.wasm.module import GC, GC_TYPES, REFERENCE_TYPES, VALUE_TYPES

Immediate = int | bytes | tuple[int, ...]
"""An index, number or byte; the bytes of a float, vector or lane list; or several numbers.

memarg: (align as a power of two, offset, memory).  labels: the targets, then the default.  types: value-type bytes.
block: a type index, or a negative number (`VOID`, `value_type - 0x80`).  catches: per clause its kind, then tag and label, or label.
"""

VOID = -64
"""The block type that takes and leaves nothing; one that leaves a single value is `value_type - 0x80`."""

INDICES = ("func", "type", "table", "memory", "global", "local", "elem", "data", "tag", "label")

_HEAP_TYPES = (REFERENCE_TYPES | GC_TYPES) - {0x63, 0x64}  # those two begin a reference to a heap type

_MULTI_MEMORY = 0x40  # the bit of a memarg's alignment that says a memory index follows


def refuse_type(reader: Reader, byte: int, at: int, what: str = "value") -> NoReturn:
    """Refuse a byte that begins no type we read, saying so when it is one of garbage collection's."""
    rule = "binary-valtype" if what == "value" else "binary-reftype"
    reader.fail(f"an unknown {what} type 0x{byte:02X}", rule, at, GC if byte in GC_TYPES else "")


def _read_block(reader: Reader) -> int:
    start = reader.at
    value = reader.s(33)
    # a negative number is a value type's single byte; anything longer, or the prefix of a typed reference, is none we read
    if value < 0 and (reader.at - start > 1 or (value != VOID and value + 0x80 not in VALUE_TYPES)):
        feature = GC if reader.data[start] in GC_TYPES else ""
        reader.fail("an unknown block type", "binary-blocktype", start, feature)
    return value


def _read_heap(reader: Reader) -> int:
    start = reader.at
    value = reader.s(33)
    if value < 0 and (reader.at - start > 1 or value + 0x80 not in _HEAP_TYPES):
        reader.fail("an unknown heap type", "binary-heaptype", start)
    return value


def _read_memarg(reader: Reader) -> tuple[int, int, int]:
    start = reader.at
    align = reader.u()
    if align >= 2 * _MULTI_MEMORY:
        reader.fail(f"an alignment of 2^{align}", "binary-memarg", start)
    memory = reader.u() if align & _MULTI_MEMORY else 0
    return align & ~_MULTI_MEMORY, reader.u(64), memory


def _read_labels(reader: Reader) -> tuple[int, ...]:
    return tuple([reader.u() for _ in range(reader.count("binary-br-table") + 1)])


def _read_types(reader: Reader) -> tuple[int, ...]:
    types = tuple(reader.take(reader.count("binary-select"), "binary-select"))
    if unknown := [byte for byte in types if byte not in VALUE_TYPES]:
        refuse_type(reader, unknown[0], reader.at - len(types) + types.index(unknown[0]))
    return types


def _read_zero(reader: Reader) -> int:
    if reader.byte("binary-instr"):
        reader.fail("a zero byte expected", "binary-instr", reader.at - 1)
    return 0


def _read_catches(reader: Reader) -> tuple[int, ...]:
    clauses: list[int] = []
    for _ in range(reader.count("binary-try-table")):
        kind = reader.byte("binary-catch")
        if kind > 3:
            reader.fail(f"an unknown catch clause 0x{kind:02X}", "binary-catch", reader.at - 1)
        clauses += [kind, reader.u()] if kind > 1 else [kind, reader.u(), reader.u()]
    return tuple(clauses)


def _write_u(value: Immediate) -> bytes:
    return encode_u(_number(value))


def _write_s(value: Immediate) -> bytes:
    return encode_s(_number(value))


def _write_byte(value: Immediate) -> bytes:
    return bytes((_number(value),))


def _write_memarg(value: Immediate) -> bytes:
    align, offset, memory = (*_numbers(value), 0)[:3]
    return (encode_u(align | _MULTI_MEMORY) + encode_u(memory) if memory else encode_u(align)) + encode_u(offset)


def _write_labels(value: Immediate) -> bytes:
    labels = _numbers(value)
    return encode_u(len(labels) - 1) + b"".join(map(encode_u, labels))


def _write_types(value: Immediate) -> bytes:
    return encode_u(len(_numbers(value))) + bytes(_numbers(value))


def _write_catches(value: Immediate) -> bytes:
    clauses = [clause for _, clause in split_catches(_numbers(value))]
    return encode_u(len(clauses)) + b"".join(encode_u(number) for clause in clauses for number in clause)


def split_catches(clauses: tuple[int, ...]) -> Iterator[tuple[int, tuple[int, ...]]]:
    """The clauses of a try_table: each one's kind, and all its numbers (kind, tag and label, or kind and label)."""
    at = 0
    while at < len(clauses):
        size = 2 if clauses[at] > 1 else 3
        yield clauses[at], clauses[at : at + size]
        at += size


def _write_bytes(value: Immediate) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError(f"bytes wanted, not {value!r}")
    return value


def _number(value: Immediate) -> int:
    if not isinstance(value, int):
        raise TypeError(f"a number wanted, not {value!r}")
    return value


def _numbers(value: Immediate) -> tuple[int, ...]:
    if not isinstance(value, tuple):
        raise TypeError(f"numbers wanted, not {value!r}")
    return value


def _fixed(size: int) -> Callable[[Reader], bytes]:
    return lambda reader: reader.take(size, "binary-instr")


READ: dict[str, Callable[[Reader], Immediate]] = {
    **dict.fromkeys(INDICES, Reader.u),
    "i32": lambda reader: reader.s(32),
    "i64": lambda reader: reader.s(64),
    "f32": _fixed(4),
    "f64": _fixed(8),
    "v128": _fixed(16),
    "lanes": _fixed(16),
    "lane": lambda reader: reader.byte("binary-instr"),
    "zero": _read_zero,
    "block": _read_block,
    "heap": _read_heap,
    "memarg": _read_memarg,
    "labels": _read_labels,
    "types": _read_types,
    "catches": _read_catches,
}

WRITE: dict[str, Callable[[Immediate], bytes]] = {
    **dict.fromkeys(INDICES, _write_u),
    **dict.fromkeys(("i32", "i64", "block", "heap"), _write_s),
    **dict.fromkeys(("f32", "f64", "v128", "lanes"), _write_bytes),
    **dict.fromkeys(("lane", "zero"), _write_byte),
    "memarg": _write_memarg,
    "labels": _write_labels,
    "types": _write_types,
    "catches": _write_catches,
}
