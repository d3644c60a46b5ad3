"""From a byte of the code to its source line: the line tables of DWARF 4 and 5, and nothing else of it but where a unit was compiled.

Tables are found by walking `.debug_line` alone, so no other section can lead astray.  They come from the contract and are believed
in nothing: a broken one ends the reading, and what was read before it stands.  Addresses are offsets into the content of the code
section (DWARF for WebAssembly, section "Code addresses").  Sources: DWARF 5, 6.2; DWARF 4, 6.2.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from sshi.errors import DecodeError
from sshi.wasm.dwarf_forms import RULE, Forms, number
from sshi.wasm.dwarf_units import unit_directories
from sshi.wasm.leb128 import Reader
from sshi.wasm.module import Module

CODE_SECTION = 10
_MOST_ROWS = 500_000
"""Rows read at most: a contract that a chain takes has far fewer, and a hostile one is cut off."""

_SECTIONS = (".debug_line", ".debug_line_str", ".debug_str", ".debug_info", ".debug_abbrev")

_PATH, _DIRECTORY = 1, 2
"""Content types of a file or directory."""


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
        return _joined(directory, name), line


def line_table(module: Module) -> LineTable:
    """What the module's debug information says; an empty table when it has none, or when the module was not decoded from a file."""
    sections = {custom.name: custom.data for custom in module.customs if custom.name in _SECTIONS}
    base = _code_base(module)
    if ".debug_line" not in sections or base is None:
        return LineTable()
    return _table(tuple(sections.items()), base, frozenset([code.at + len(code.body) - base for code in module.codes]))


@lru_cache(2)  # asked for again with every target of one module
def _table(sections: tuple[tuple[str, bytes], ...], base: int, ends: frozenset[int]) -> LineTable:
    """`ends` are the addresses at which functions end."""
    runs: dict[int, list[Row]] = {}
    run: list[Row] = []
    try:
        for row in islice(_rows(dict(sections)), _MOST_ROWS):
            run.append(row)
            if row.ends:
                # Of a function that several units had, one copy stays, and the tables of all say that it is theirs.
                other = runs.get(run[0].address)
                if other is None or (other[-1].address not in ends and row.address in ends):
                    runs[run[0].address] = run
                run = []
    except DecodeError:
        pass  # what came before the broken part is still true
    found = _placed(runs)
    return LineTable(base, tuple(found), tuple(found.values()))


def _placed(runs: dict[int, list[Row]]) -> dict[int, Place]:
    """What begins at each address, in order."""
    runs.pop(0, None)  # a function that the linker left out; others of them stand past the end, where nobody asks
    found: dict[int, Place] = {}
    for run in runs.values():
        for row in run:
            # the end of one run and the start of the next can share an address: the start is what holds from there on
            if not row.ends or row.address not in found:
                found[row.address] = row.place
    return dict(sorted(found.items()))


def _joined(directory: str, path: str) -> str:
    """The path from where `directory` is seen; an absolute one is itself, also one of Windows."""
    return path if not directory or path.startswith("/") or path[1:3] in (":\\", ":/") else f"{directory.rstrip('/')}/{path}"


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
    forms = Forms(sections)
    compiled_in = unit_directories(sections, forms)
    while reader.at < reader.end:
        start = reader.at
        size = number(reader, 4)
        if size >= 0xFFFF_FFF0:
            reader.fail("64-bit DWARF, which wasm has no use for", RULE)
        if size > reader.end - reader.at:
            reader.fail("a table longer than its section", RULE)
        table = Reader(reader.data, reader.at, reader.at + size)
        reader.at += size
        version = number(table, 2)
        if version in (4, 5):
            yield from _Program(table, version, forms, compiled_in.get(start, "")).rows()


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
    forms: Forms
    directory: str
    """Where the unit was compiled, which version 5 says itself."""
    files: dict[int, tuple[str, str]] = field(default_factory=dict[int, tuple[str, str]])

    def rows(self) -> Iterator[Row]:
        """The rows as the program makes them."""
        reader = self.reader
        if self.version == 5:
            reader.take(2, RULE)  # address and segment selector size
        length = number(reader, 4)
        start = reader.at + length
        unit = number(reader, 1)
        reader.take(2, RULE)  # operations an instruction, default_is_stmt: neither moves an address here
        base = int.from_bytes(reader.take(1, RULE), "little", signed=True)
        scale = number(reader, 1)
        first = number(reader, 1)
        operands = (0, *reader.take(max(first - 1, 0), RULE))
        if not scale:
            reader.fail("a line range of zero", RULE)
        self._read_files()
        if start > reader.end:
            reader.fail("a header longer than its table", RULE)
        reader.at = start
        state = _Registers()
        while reader.at < reader.end:
            op = reader.byte(RULE)
            if op >= first:
                state.address += (op - first) // scale * unit
                state.line += base + (op - first) % scale
                yield self._row(state)
            elif op == 0:
                size = reader.u()
                following = reader.at + size
                if not size or following > reader.end:
                    reader.fail("an operation past the end", RULE)
                extended = reader.byte(RULE)
                if extended == 1:
                    yield Row(state.address, None, ends=True)
                    state = _Registers()
                elif extended == 2:
                    state.address = number(reader, min(size - 1, 8))
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
                state.address += number(reader, 2)
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
        directories4 = [self.directory]
        while reader.at < reader.end and reader.data[reader.at]:
            directories4.append(self.forms.text(reader))
        reader.byte(RULE)
        at = 1
        while reader.at < reader.end and reader.data[reader.at]:
            name = self.forms.text(reader)
            directory = reader.u(64)
            reader.u(64)
            reader.u(64)
            self._name(at, name, directories4, directory)
            at += 1

    def _name(self, at: int, name: str, directories: list[str], directory: object) -> None:
        place = directories[directory] if isinstance(directory, int) and 0 <= directory < len(directories) else ""
        self.files[at] = (_joined(directories[0], place) if directory and directories else place, name)

    def _entries(self) -> list[dict[int, str | int]]:
        """A DWARF 5 list of directories or files, each by content type."""
        reader = self.reader
        formats = [(reader.u(64), reader.u(64)) for _ in range(reader.byte(RULE))]
        count = reader.u(64)
        if count > reader.end - reader.at or (count and not formats):
            reader.fail(f"a list of {count} entries", RULE)
        return [{kind: self.forms.value(reader, form) for kind, form in formats} for _ in range(count)]
