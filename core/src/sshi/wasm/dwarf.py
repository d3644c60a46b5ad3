"""From a byte of the code to its source line: the line tables of DWARF 4 and 5, and nothing else of it.

Tables are found by walking `.debug_line` alone, so no other section can lead astray.  They come from the contract and are believed
in nothing: a broken one ends the reading, and what was read before it stands.  Addresses are offsets into the content of the code
section (DWARF for WebAssembly, section "Code addresses").  Sources: DWARF 5, 6.2; DWARF 4, 6.2.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from sshi.errors import DecodeError
from sshi.wasm.leb128 import Reader
from sshi.wasm.module import Module

CODE_SECTION = 10
_RULE = "dwarf-line"
_MOST_ROWS = 1_000_000
_MOST_TEXT = 4_000_000
"""Rows, and characters of file names, read at most in all: a contract that a chain takes has far fewer, and a hostile one is cut off."""

_PATH, _DIRECTORY = 1, 2
"""Content types of a file or directory."""

_FIXED = {0x0B: 1, 0x05: 2, 0x06: 4, 0x07: 8, 0x1E: 16}
"""Bytes of the forms data1, data2, data4, data8, data16."""


Place = tuple[str, str, int] | None
"""Directory, file and line; None where nothing says, such as after a function's end.  Joined when asked: many files share a directory."""


class Row(NamedTuple):
    """From this address on it is that place; `ends` a run of code."""

    address: int
    place: Place
    ends: bool = False


@dataclass(frozen=True, slots=True)
class LineTable:
    """Where code comes from; `base` is the file offset of the code section's content.

    `starts` are sorted addresses, `places` what begins at each.
    """

    base: int = 0
    starts: tuple[int, ...] = ()
    places: tuple[Place, ...] = ()

    def at(self, offset: int) -> tuple[str, int] | None:
        """The source file and line of the instruction at that offset of the file; None when nothing says."""
        before = bisect_right(self.starts, offset - self.base) - 1
        place = self.places[before] if before >= 0 else None
        if place is None:
            return None
        directory, name, line = place
        return (name if name.startswith("/") or not directory else f"{directory.rstrip('/')}/{name}"), line


def line_table(module: Module) -> LineTable:
    """What the module's debug information says; an empty table when it has none, or when the module was not decoded from a file."""
    sections = {custom.name: custom.data for custom in module.customs if custom.name in (".debug_line", ".debug_line_str", ".debug_str")}
    base = _code_base(module)
    if ".debug_line" not in sections or base is None:
        return LineTable()
    found: dict[int, Place] = {}
    sequence: list[Row] = []
    try:
        for row in islice(_rows(sections), _MOST_ROWS):
            sequence.append(row)
            if row.ends:
                _add(found, sequence)
                sequence = []
    except DecodeError:
        pass  # what came before the broken part is still true
    ordered = sorted(found.items())
    return LineTable(base, tuple(address for address, _ in ordered), tuple(place for _, place in ordered))


def _add(found: dict[int, Place], sequence: list[Row]) -> None:
    """One run of code.  A function that the linker left out stands at address 0, before any code, or past the end: nothing asks there."""
    if sequence[0].address == 0:
        return
    for row in sequence:
        # the end of one run and the start of the next can share an address: the start is what holds from there on
        if not row.ends or row.address not in found:
            found[row.address] = row.place


def _code_base(module: Module) -> int | None:
    """The file offset of the code section's content; None when that section is not the file's own."""
    at = 8
    for section in module.raw:
        at += len(section.frame)
        if section.id == CODE_SECTION:
            return at if section.value is module.codes else None
        at += len(section.payload)
    return None


def _rows(sections: dict[str, bytes]) -> Iterator[Row]:
    """Every row of every table."""
    reader = Reader(sections[".debug_line"])
    texts = _Texts(sections)
    while reader.at < reader.end:
        size = _number(reader, 4)
        if size >= 0xFFFF_FFF0:
            reader.fail("64-bit DWARF, which wasm has no use for", _RULE)
        if size > reader.end - reader.at:
            reader.fail("a table longer than its section", _RULE)
        table = Reader(reader.data, reader.at, reader.at + size)
        reader.at += size
        version = _number(table, 2)
        if version in (4, 5):
            yield from _Program(table, version, texts).rows()


def _number(reader: Reader, size: int) -> int:
    return int.from_bytes(reader.take(size, _RULE), "little")


@dataclass(slots=True)
class _Texts:
    """Strings, in the table itself or in a section of strings; so many characters in all and no more."""

    sections: dict[str, bytes]
    left: int = _MOST_TEXT

    def here(self, reader: Reader) -> str:
        """The string at the cursor."""
        end = reader.data.find(b"\0", reader.at, min(reader.end, reader.at + self.left))
        if end < 0:
            reader.fail("a string without end, or too much text", _RULE)
        found = reader.data[reader.at : end].decode("utf-8", "replace")
        self.left -= end - reader.at
        reader.at = end + 1
        return found

    def at(self, section: str, offset: int) -> str:
        """The string at that offset of a section."""
        strings = self.sections.get(section, b"")
        return self.here(Reader(strings, min(offset, len(strings))))


@dataclass(slots=True)
class _Registers:
    address: int = 0
    file: int = 1
    line: int = 1


@dataclass(slots=True)
class _Program:
    """One unit's table: its header, then the program that makes the rows."""

    reader: Reader
    version: int
    texts: _Texts
    files: dict[int, tuple[str, str]] = field(default_factory=dict[int, tuple[str, str]])

    def rows(self) -> Iterator[Row]:
        """The rows as the program makes them."""
        reader = self.reader
        if self.version == 5:
            reader.take(2, _RULE)  # address and segment selector size
        length = _number(reader, 4)
        start = reader.at + length
        unit = _number(reader, 1)
        reader.take(2, _RULE)  # operations an instruction, default_is_stmt: neither moves an address here
        base = int.from_bytes(reader.take(1, _RULE), "little", signed=True)
        scale = _number(reader, 1)
        first = _number(reader, 1)
        operands = (0, *reader.take(max(first - 1, 0), _RULE))
        if not scale:
            reader.fail("a line range of zero", _RULE)
        self._read_files()
        if start > reader.end:
            reader.fail("a header longer than its table", _RULE)
        reader.at = start
        state = _Registers()
        while reader.at < reader.end:
            op = reader.byte(_RULE)
            if op >= first:
                state.address += (op - first) // scale * unit
                state.line += base + (op - first) % scale
                yield self._row(state)
            elif op == 0:
                size = reader.u()
                following = reader.at + size
                if not size or following > reader.end:
                    reader.fail("an operation past the end", _RULE)
                extended = reader.byte(_RULE)
                if extended == 1:
                    yield Row(state.address, None, ends=True)
                    state = _Registers()
                elif extended == 2:
                    state.address = _number(reader, min(size - 1, 8))
                reader.at = following
            elif (row := self._standard(op, operands, state, unit, (255 - first) // scale)) is not None:
                yield row

    def _standard(self, op: int, operands: tuple[int, ...], state: _Registers, unit: int, advance: int) -> Row | None:
        reader = self.reader
        match op:
            case 1:
                return self._row(state)
            case 2:
                state.address += reader.u(64) * unit
            case 3:
                state.line += reader.s(64)
            case 4:
                state.file = reader.u(64)
            case 8:
                state.address += advance * unit
            case 9:
                state.address += _number(reader, 2)
            case _:
                for _ in range(operands[op]):
                    reader.u(64)
        return None

    def _row(self, state: _Registers) -> Row:
        file = self.files.get(state.file)
        # line 0 says that the code is nobody's: the compiler made it
        return Row(state.address, (*file, state.line) if file and state.line > 0 else None)

    def _read_files(self) -> None:
        if self.version == 5:
            directories = [entry.get(_PATH, "") for entry in self._entries()]
            for at, entry in enumerate(self._entries()):
                self._name(at, str(entry.get(_PATH, "")), [str(name) for name in directories], entry.get(_DIRECTORY, 0))
            return
        reader = self.reader
        directories4 = [""]
        while reader.at < reader.end and reader.data[reader.at]:
            directories4.append(self.texts.here(reader))
        reader.byte(_RULE)
        at = 1
        while reader.at < reader.end and reader.data[reader.at]:
            name = self.texts.here(reader)
            directory = reader.u(64)
            reader.u(64)
            reader.u(64)
            self._name(at, name, directories4, directory)
            at += 1

    def _name(self, at: int, name: str, directories: list[str], directory: object) -> None:
        place = directories[directory] if isinstance(directory, int) and 0 <= directory < len(directories) else ""
        self.files[at] = (place, name)

    def _entries(self) -> list[dict[int, str | int]]:
        """A DWARF 5 list of directories or files, each by content type."""
        reader = self.reader
        formats = [(reader.u(64), reader.u(64)) for _ in range(reader.byte(_RULE))]
        count = reader.u(64)
        if count > reader.end - reader.at or (count and not formats):
            reader.fail(f"a list of {count} entries", _RULE)
        return [{kind: self._value(form) for kind, form in formats} for _ in range(count)]

    def _value(self, form: int) -> str | int:
        reader = self.reader
        match form:
            case 0x08:  # string
                return self.texts.here(reader)
            case 0x1F | 0x0E:  # line_strp, strp
                return self.texts.at(".debug_line_str" if form == 0x1F else ".debug_str", _number(reader, 4))
            case 0x0F:  # udata
                return reader.u(64)
            case 0x09:  # block
                reader.take(reader.u(32), _RULE)
                return ""
            case _ if form in _FIXED:
                return _number(reader, _FIXED[form])
            case _:
                return reader.fail(f"an unknown form 0x{form:x}", _RULE)
