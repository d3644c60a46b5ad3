"""Where each unit was compiled: DWARF 4's line tables leave that directory to `.debug_info`.

Only the first entry of a unit is read.  Nothing in it is believed: where it ends early, the tables of the rest keep the names they have.
Source: DWARF 4, 3.1.1, 7.5.1.1 and 7.5.3.
"""

from __future__ import annotations

from sshi.errors import DecodeError
from sshi.wasm.dwarf_forms import RULE, Forms, number
from sshi.wasm.leb128 import Reader

_STATEMENTS, _DIRECTORY = 0x10, 0x1B
"""Attributes stmt_list, the unit's line table, and comp_dir."""
_VERSION = 4
_MOST_ATTRIBUTES = 500_000
"""Attributes declared in all: tables may overlap, and a hostile module's would be read again and again."""

Attributes = list[tuple[int, int]]
"""Each attribute with its form."""


def unit_directories(sections: dict[str, bytes], forms: Forms) -> dict[int, str]:
    """The directory of compilation by the offset of the line table in `.debug_line`."""
    found: dict[int, str] = {}
    reader = Reader(sections.get(".debug_info", b""))
    abbreviations = _Abbreviations(sections.get(".debug_abbrev", b""))
    try:
        while reader.at < reader.end:
            size = number(reader, 4)
            unit = Reader(reader.data, reader.at, min(reader.at + size, reader.end))
            reader.at += size
            if number(unit, 2) != _VERSION:
                continue
            first = abbreviations.find(number(unit, 4), unit)
            values = {attribute: forms.value(unit, form) for attribute, form in first}
            table, directory = values.get(_STATEMENTS), values.get(_DIRECTORY)
            if isinstance(table, int) and isinstance(directory, str):
                found[table] = directory
    except DecodeError:
        pass
    return found


class _Abbreviations:
    """What attributes an entry has, and in which form: tables of kinds of entries, which many units share."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = _MOST_ATTRIBUTES
        self._tables: dict[int, dict[int, Attributes]] = {}

    def find(self, start: int, unit: Reader) -> Attributes:
        """Those of the entry at the unit's cursor, before which its header's last byte, the size of an address, is read."""
        number(unit, 1)
        if start not in self._tables:
            self._tables[start] = self._read(Reader(self._data, min(start, len(self._data))))
        found = self._tables[start].get(unit.u())
        return unit.fail("an entry of no declared kind", RULE) if found is None else found

    def _read(self, reader: Reader) -> dict[int, Attributes]:
        table: dict[int, Attributes] = {}
        while code := reader.u():
            reader.u()  # the tag; then whether it has children
            reader.byte(RULE)
            table[code] = self._attributes(reader)
        return table

    def _attributes(self, reader: Reader) -> Attributes:
        found: list[tuple[int, int]] = []
        while True:
            attribute, form = reader.u(), reader.u()
            self._left -= 1
            if self._left < 0:
                reader.fail("too many attributes", RULE)
            if not attribute:
                return found
            found.append((attribute, form))
