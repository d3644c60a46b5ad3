"""How a scenario writes bytes: text, or pieces that are put one after another.

An address is written by its symbolic name, since every chain has its own; so the same text gives other bytes on another
host, and `encode` takes the address book of the host that the bytes are for.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Mapping
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

MAX_BYTES = 1 << 20
MAX_DEPTH = 16
U128_MAX = (1 << 128) - 1

U8 = Annotated[int, Meta(ge=0, le=0xFF)]
U16 = Annotated[int, Meta(ge=0, le=0xFFFF)]
U32 = Annotated[int, Meta(ge=0, le=0xFFFF_FFFF)]
I32 = Annotated[int, Meta(ge=-0x8000_0000, le=0x7FFF_FFFF)]
Amount = Annotated[int | str, Meta(description="An integer, or its decimal digits as a string.")]


class PieceError(ValueError):
    """What is wrong with a piece; the caller knows in which file it stands."""


class Fill(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same byte, `count` times."""

    byte: U8
    count: Annotated[int, Meta(ge=0, le=MAX_BYTES)]


class Piece(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Exactly one field: an integer (little-endian), text, an address, or bytes with their length in front.

    words  several u32 in a row
    blob   u32 length, then the bytes: what the interface calls a blob
    short  u8 length, then the bytes
    size   the u32 length alone, for bytes whose length differs from host to host
    """

    u8: U8 | UnsetType = UNSET
    u16: U16 | UnsetType = UNSET
    u32: U32 | UnsetType = UNSET
    u64: Amount | UnsetType = UNSET
    u128: Amount | UnsetType = UNSET
    i32: I32 | UnsetType = UNSET
    words: tuple[U32, ...] | UnsetType = UNSET
    hex: str | UnsetType = UNSET
    utf8: str | UnsetType = UNSET
    address: str | UnsetType = UNSET
    fill: Fill | UnsetType = UNSET
    blob: Input | UnsetType = UNSET
    short: Input | UnsetType = UNSET
    size: Input | UnsetType = UNSET


Input = Annotated[
    str | Piece | tuple[Piece, ...],
    Meta(description='Bytes: "hex:6b31", "utf8:text", one piece, or a list of pieces.'),
]

_INTEGERS = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "u128": 16}


def encode(value: Input, book: Mapping[str, bytes]) -> bytes:
    """The bytes on the host whose addresses are in `book`; PieceError says what cannot be encoded."""
    return _encode(value, book, MAX_DEPTH)


def names(value: Input) -> Iterator[str]:
    """The symbolic names that `value` writes addresses of."""
    if isinstance(value, str):
        return
    for piece in value if isinstance(value, tuple) else (value,):
        if piece.address is not UNSET:
            yield piece.address
        for inner in (piece.blob, piece.short, piece.size):
            if inner is not UNSET:
                yield from names(inner)


def amount(value: int | str, *, bits: int = 128, signed: bool = False) -> int:
    """An amount written as an integer or in decimal digits."""
    try:
        number = int(value) if isinstance(value, int) or value.removeprefix("-").isdecimal() else None
    except ValueError:  # more digits than Python converts
        number = None
    low = -(1 << bits) + 1 if signed else 0
    if number is None or not low <= number < 1 << bits:
        raise PieceError(f"{str(value)[:60]!r} is no {'signed ' if signed else ''}integer of {bits} bits")
    return number


def _encode(value: Input, book: Mapping[str, bytes], depth: int) -> bytes:
    if depth == 0:
        raise PieceError(f"pieces are nested more than {MAX_DEPTH} deep")
    if isinstance(value, str):
        return _text(value)
    out = bytearray()
    for piece in value if isinstance(value, tuple) else (value,):
        out += _piece(piece, book, depth)
        if len(out) > MAX_BYTES:
            raise PieceError(f"it is over {MAX_BYTES:,} bytes long")
    return bytes(out)


def _text(value: str) -> bytes:
    kind, colon, rest = value.partition(":")
    if colon and kind == "utf8":
        return rest.encode()
    if colon and kind == "hex":
        return _hex(rest)
    raise PieceError(f"{value[:60]!r} begins with neither 'hex:' nor 'utf8:'")


def _hex(digits: str) -> bytes:
    try:
        return binascii.unhexlify("".join(digits.split()))
    except (ValueError, binascii.Error) as error:
        raise PieceError(f"{digits[:60]!r} is no hexadecimal: {error}") from error


def _piece(piece: Piece, book: Mapping[str, bytes], depth: int) -> bytes:
    fields = [(name, value) for name in piece.__struct_fields__ if (value := getattr(piece, name)) is not UNSET]
    if len(fields) != 1:
        raise PieceError(f"a piece has exactly one field of {', '.join(piece.__struct_fields__)}, not {len(fields)}")
    name, value = fields[0]
    if name in _INTEGERS:
        return amount(value, bits=8 * _INTEGERS[name]).to_bytes(_INTEGERS[name], "little")
    match name:
        case "i32":
            return value.to_bytes(4, "little", signed=True)
        case "words":
            return b"".join(word.to_bytes(4, "little") for word in value)
        case "hex":
            return _hex(value)
        case "utf8":
            return value.encode()
        case "fill":
            return bytes([value.byte]) * value.count
        case "address":
            if value not in book:
                raise PieceError(f"no account or contract is called {value!r} here, only {', '.join(sorted(book)) or 'none'}")
            return book[value]
        case _:
            return _sized(name, value, book, depth)


def _sized(name: str, value: Input, book: Mapping[str, bytes], depth: int) -> bytes:
    """A blob, a short or a size alone."""
    inner = _encode(value, book, depth - 1)
    if name == "short" and len(inner) > 0xFF:
        raise PieceError(f"a short holds up to 255 bytes, not {len(inner)}")
    return len(inner).to_bytes(1 if name == "short" else 4, "little") + (b"" if name == "size" else inner)
