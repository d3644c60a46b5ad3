"""A contract's memory as host functions see it: ranges that are checked, bytes that are copied.

The memory never moves (the engine reserves its whole range) and never shrinks, so its size is asked for again only when a
range passes the size that was seen last.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable

_U32 = struct.Struct("<I")


class OutOfBounds(Exception):
    """A range that passes the end of memory; the contract's fault.  Clause `memory.outside`."""

    def __init__(self, ptr: int, length: int, size: int) -> None:
        super().__init__(f"{length} bytes at {ptr} pass the end of memory, {size}")
        self.ptr = ptr
        self.length = length


class Memory:
    """`size_bytes` asks the engine; `base` is the address of byte 0; `owner` keeps the memory alive as long as this object."""

    __slots__ = ("_base", "_owner", "_seen", "_size", "_view")

    def __init__(self, base: int, size_bytes: Callable[[], int], owner: object) -> None:
        self._base = base
        self._size = size_bytes
        self._owner = owner
        self._seen = -1
        self._view = memoryview(b"")

    def size(self) -> int:
        """Bytes of the memory now."""
        size = self._size()
        if size != self._seen:
            self._seen = size
            self._view = memoryview((ctypes.c_ubyte * size).from_address(self._base)).cast("B")
        return size

    def check(self, ptr: int, length: int) -> None:
        """OutOfBounds unless the range is inside; an empty range past the end is not.  Clauses `memory.edge`, `memory.empty-past-end`."""
        if ptr + length > self._seen and ptr + length > self.size():
            raise OutOfBounds(ptr, length, self._seen)

    def read(self, ptr: int, length: int) -> bytes:
        """A copy of the range."""
        end = ptr + length
        if end > self._seen and end > self.size():
            raise OutOfBounds(ptr, length, self._seen)
        return self._view[ptr:end].tobytes()

    def write(self, ptr: int, data: bytes | bytearray | memoryview) -> None:
        """Copy `data` to the range that begins at `ptr`."""
        end = ptr + len(data)
        if end > self._seen and end > self.size():
            raise OutOfBounds(ptr, len(data), self._seen)
        self._view[ptr:end] = data

    def read_u32(self, ptr: int) -> int:
        """The little-endian 32-bit integer at `ptr`."""
        if ptr + 4 > self._seen and ptr + 4 > self.size():
            raise OutOfBounds(ptr, 4, self._seen)
        return _U32.unpack_from(self._view, ptr)[0]

    def write_u32(self, ptr: int, value: int) -> None:
        """Write a little-endian 32-bit integer at `ptr`."""
        self.write(ptr, _U32.pack(value))
