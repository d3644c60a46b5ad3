"""The forms in which DWARF 4 and 5 write values, strings above all.  Source: DWARF 5, 7.5.5 and 7.5.6."""

from __future__ import annotations

from dataclasses import dataclass

from sshi.wasm.leb128 import Reader

RULE = "dwarf-line"
_MOST_TEXT = 4_000_000
"""Characters read at most in all: a contract that a chain takes has far fewer, and a hostile one is cut off."""

_FIXED = {
    0x01: 4, 0x05: 2, 0x06: 4, 0x07: 8, 0x0B: 1, 0x0C: 1, 0x10: 4, 0x11: 1, 0x12: 2, 0x13: 4, 0x14: 8, 0x17: 4, 0x1D: 4, 0x1E: 16, 0x20: 8,
    0x25: 1, 0x26: 2, 0x27: 3, 0x28: 4, 0x29: 1, 0x2A: 2, 0x2B: 3, 0x2C: 4,
}  # fmt: skip
"""Bytes of the forms that have a fixed size in 32-bit DWARF with addresses of 4 bytes."""
_ULEB = frozenset((0x0F, 0x15, 0x1A, 0x1B, 0x22, 0x23))
_BLOCKS = {0x0A: 1, 0x03: 2, 0x04: 4}
"""Bytes of a block's length."""


def number(reader: Reader, size: int) -> int:
    """So many bytes, little-endian."""
    return int.from_bytes(reader.take(size, RULE), "little")


@dataclass(slots=True)
class Forms:
    """Values in their forms; strings stand where they are used or in a section of strings, and only so much of them is read."""

    sections: dict[str, bytes]
    left: int = _MOST_TEXT

    def text(self, reader: Reader) -> str:
        """The string at the cursor."""
        end = reader.data.find(b"\0", reader.at, min(reader.end, reader.at + self.left))
        if end < 0:
            reader.fail("a string without end, or too much text", RULE)
        found = reader.data[reader.at : end].decode("utf-8", "replace")
        self.left -= end - reader.at
        reader.at = end + 1
        return found

    def value(self, reader: Reader, form: int) -> str | int:
        """The value at the cursor; a block is stepped over."""
        match form:
            case 0x08:  # string
                return self.text(reader)
            case 0x1F | 0x0E:  # line_strp, strp
                strings = self.sections.get(".debug_line_str" if form == 0x1F else ".debug_str", b"")
                return self.text(Reader(strings, min(number(reader, 4), len(strings))))
            case 0x0D:  # sdata
                return reader.s(64)
            case 0x19 | 0x21:  # flag_present, implicit_const: no bytes
                return 1
            case 0x09 | 0x18:  # block, exprloc
                reader.take(reader.u(32), RULE)
                return ""
            case _ if form in _BLOCKS:
                reader.take(number(reader, _BLOCKS[form]), RULE)
                return ""
            case _ if form in _ULEB:
                return reader.u(64)
            case _ if form in _FIXED:
                return number(reader, _FIXED[form])
            case _:
                return reader.fail(f"an unknown form 0x{form:x}", RULE)
