"""Integers as the binary format writes them, the cursor that every reader of bytes shares, and how many bytes are put together.

Padding within the allowed length is accepted, because toolchains emit it; over-long and out-of-range encodings are refused where
the core specification refuses them.  Offsets in errors are indices into the bytes handed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from sshi.errors import DecodeError

_PARTS = 1 << 15
_SHORT = tuple(bytes((value,)) for value in range(0x80))


def encode_u(value: int) -> bytes:
    """The shortest unsigned encoding; ValueError for a negative number."""
    if 0 <= value < 0x80:
        return _SHORT[value]
    if value < 0:
        raise ValueError(f"{value} has no unsigned encoding")
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode_s(value: int) -> bytes:
    """The shortest signed encoding."""
    out = bytearray()
    while not -64 <= value < 64:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)
    return bytes(out)


def read_u(data: bytes, at: int, bits: int = 32, end: int | None = None) -> tuple[int, int]:
    """The unsigned integer of that many bits at `at`, and the offset after it."""
    stop = len(data) if end is None else end
    value = shift = 0
    while at < stop:
        byte = data[at]
        if shift + 7 > bits and byte >> (bits - shift):
            raise DecodeError("integer too long" if byte & 0x80 else "integer too large", offset=at, rule="binary-int")
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
    raise DecodeError("unexpected end inside an integer", offset=stop, rule="binary-int")


def read_s(data: bytes, at: int, bits: int = 32, end: int | None = None) -> tuple[int, int]:
    """The signed integer of that many bits at `at`, and the offset after it."""
    stop = len(data) if end is None else end
    value = shift = 0
    while at < stop:
        byte = data[at]
        left = bits - shift
        if left < 7:
            if byte & 0x80:
                raise DecodeError("integer too long", offset=at, rule="binary-int")
            # the bits that do not belong to the number must repeat its sign
            if byte >> (left - 1) not in (0, 0x7F >> (left - 1)):
                raise DecodeError("integer too large", offset=at, rule="binary-int")
        value |= (byte & 0x7F) << shift
        shift += 7
        at += 1
        if byte < 0x80:
            return (value - (1 << shift) if byte & 0x40 else value), at
    raise DecodeError("unexpected end inside an integer", offset=stop, rule="binary-int")


def joined(parts: Sequence[bytes]) -> bytes:
    """The parts one after the other: as `bytes.join`, which takes 80 bytes for each part while it joins, but that for a few at a time."""
    if len(parts) <= _PARTS:
        return b"".join(parts)
    return b"".join([b"".join(parts[at : at + _PARTS]) for at in range(0, len(parts), _PARTS)])


class Reader:
    """A cursor over `data[at:end]`.  It never reads past `end` and never trusts a length or count before it has looked."""

    __slots__ = ("at", "data", "end")

    def __init__(self, data: bytes, at: int = 0, end: int | None = None) -> None:
        self.data = data
        self.at = at
        self.end = len(data) if end is None else end

    def fail(self, message: str, rule: str, at: int | None = None, feature: str = "") -> NoReturn:
        """Raise a DecodeError here, or at `at`."""
        raise DecodeError(message, offset=self.at if at is None else at, rule=rule, feature=feature)

    def byte(self, rule: str) -> int:
        """One byte; running out of them breaks `rule`."""
        if self.at >= self.end:
            self.fail("unexpected end", rule)
        self.at += 1
        return self.data[self.at - 1]

    def take(self, count: int, rule: str) -> bytes:
        """That many bytes."""
        if count > self.end - self.at:
            self.fail(f"{count} bytes wanted, {self.end - self.at} left", rule)
        self.at += count
        return self.data[self.at - count : self.at]

    def u(self, bits: int = 32) -> int:
        """An unsigned integer."""
        if self.at < self.end and (byte := self.data[self.at]) < 0x80:
            self.at += 1
            return byte
        value, self.at = read_u(self.data, self.at, bits, self.end)
        return value

    def s(self, bits: int) -> int:
        """A signed integer."""
        value, self.at = read_s(self.data, self.at, bits, self.end)
        return value

    def count(self, rule: str) -> int:
        """The length of a list whose entries take a byte or more each: refused at once when that many cannot follow."""
        start = self.at
        count = self.u()
        if count > self.end - self.at:
            self.fail(f"a list of {count} entries in {self.end - self.at} bytes", rule, start)
        return count

    def span(self, rule: str) -> bytes:
        """A length and that many bytes."""
        start = self.at
        size = self.u()
        if size > self.end - self.at:
            self.fail(f"a length of {size} with {self.end - self.at} bytes left", rule, start)
        return self.take(size, rule)

    def name(self) -> str:
        """A name: a length and UTF-8."""
        encoded = self.span("binary-name")
        try:
            return encoded.decode()
        except UnicodeDecodeError as error:
            return self.fail("a name that is not UTF-8", "binary-utf8", self.at - len(encoded) + error.start)
