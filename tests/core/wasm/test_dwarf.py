"""Source lines as compilers write them, held against wasm-tools' own reader; and nothing in a table is believed."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from random import Random

import pytest

from sshi.wasm.decode import decode
from sshi.wasm.dwarf import LineTable, line_table
from sshi.wasm.instructions import tokens
from sshi.wasm.module import Custom

SOURCE = """\
extern int storage_read(const void *key, void *out);
__attribute__((noinline)) static int rate(int x) {
  double d = x * 1.5;            /* the line with the float */
  return (int)d;
}
__attribute__((export_name("go"))) void go(void) {
  static char key[16], out[64];
  out[0] = (char)rate(storage_read(key, out));
  for (int i = 1; i < 16; i++)
    out[i] ^= key[i];
  storage_read(key, out);
}
"""


@pytest.fixture(scope="module", params=[4, 5])
def compiled(request, tmp_path_factory):
    """The source, compiled by clang with debug information of that version."""
    if find_spec("ziglang") is None:
        pytest.skip("no clang for wasm32 here (ziglang)")
    place = tmp_path_factory.mktemp("dwarf")
    (place / "float.c").write_text(SOURCE)
    flags = ["-target", "wasm32-freestanding", f"-gdwarf-{request.param}", "-O1", "-nostdlib"]
    link = ["-Wl,--no-entry", "-Wl,--export-memory", "-Wl,--import-symbols"]
    subprocess.run([sys.executable, "-m", "ziglang", "cc", *flags, *link, "-o", "float.wasm", "float.c"], cwd=place, check=True)
    return place / "float.wasm"


def offsets(module) -> list[int]:
    """Where each instruction stands in the file."""
    found = []
    for code in module.codes:
        at = code.at
        for token in tokens(code.body):
            found.append(at)
            at += len(token)
    return found


def test_every_instruction_has_the_line_that_wasm_tools_gives_it(compiled, wasm_tools):
    module = decode(compiled.read_bytes())
    table = line_table(module)
    lines = 0
    for offset in offsets(module):
        said = wasm_tools("addr2line", str(compiled), str(offset)).decode()
        expected = re.search(r"(\S+float\.c):(\d+):", said)
        found = table.at(offset)
        if expected:
            assert found is not None, said
            assert found == (expected[1], int(expected[2])), said
            lines += 1
    assert lines > 10


def test_a_file_is_named_from_where_it_was_compiled(compiled, tmp_path):
    """Version 4 leaves that to the unit, version 5 says it itself: either way a path leads to the file."""
    table = line_table(decode(compiled.read_bytes()))
    sources = {place[0] for offset in range(200) if (place := table.at(table.base + offset))}
    assert sources == {str(compiled.parent / "float.c")}


def test_of_two_units_that_both_had_a_function_the_one_whose_length_it_has_is_believed(parse):
    """The linker keeps one copy, and lets the line tables of both claim its place."""
    module = parse("(module (func nop nop nop nop))")
    start = module.codes[0].at - line_table_base(module)

    def unit(name: bytes, line: int, length: int) -> bytes:
        header = bytes([1, 1, 1, 0xFB, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1]) + b"\0" + name + b"\0\0\0\0\0"
        program = b"\0\5\2" + start.to_bytes(4, "little") + b"\3" + bytes([line - 1]) + b"\1" + bytes([2, length]) + b"\0\1\1"
        body = b"\4\0" + len(header).to_bytes(4, "little") + header + program
        return len(body).to_bytes(4, "little") + body

    short, whole = unit(b"gone.c", 7, 2), unit(b"kept.c", 9, len(module.codes[0].body))
    for tables in (short + whole, whole + short):
        table = line_table(replace(module, customs=(Custom(".debug_line", tables),)))
        assert table.at(module.codes[0].at) == ("kept.c", 9)
        assert table.at(module.codes[0].at + 3) == ("kept.c", 9)


def line_table_base(module) -> int:
    """The file offset of the code section's content: its one function's body begins after the counts and the size."""
    return module.codes[0].at - 3


def test_a_path_of_windows_is_absolute():
    table = LineTable(0, (0,), (("C:/me", "C:\\other\\a.c", 1),))
    assert table.at(0) == ("C:\\other\\a.c", 1)
    assert LineTable(0, (0,), (("C:/me", "a.c", 1),)).at(0) == ("C:/me/a.c", 1)


def test_the_float_stands_on_its_line(compiled):
    module = decode(compiled.read_bytes())
    data = compiled.read_bytes()
    (first,) = [offset for offset in offsets(module) if data[offset] == 0x44]
    source, line = line_table(module).at(first)
    assert source.endswith("float.c")
    assert line == 1 + SOURCE[: SOURCE.index("1.5")].count("\n")


def test_a_module_without_debug_information_or_changed_since_has_no_lines(compiled, parse):
    assert line_table(parse("(module (func nop))")) == LineTable()
    module = decode(compiled.read_bytes())
    assert line_table(module).starts
    assert line_table(replace(module, codes=(module.codes[0], *module.codes[1:]))).at(module.codes[0].at) is None
    assert LineTable().at(0) is None


def test_a_broken_table_gives_what_came_before_and_never_an_error(compiled):
    """Cut anywhere and with any bytes changed, it is read in bounded time to a table that is sorted."""
    module = decode(compiled.read_bytes())
    broken = [custom for custom in module.customs if custom.name in (".debug_line", ".debug_info", ".debug_abbrev")]
    random = Random(5)

    def read(broken: Custom, data: bytes) -> LineTable:
        customs = tuple([replace(custom, data=data) if custom is broken else custom for custom in module.customs])
        return line_table(replace(module, customs=customs))

    for section in broken:
        for cut in range(len(section.data)):
            assert len(read(section, section.data[:cut]).starts) <= len(line_table(module).starts)
    for _ in range(2_000):
        section = random.choice(broken)
        data = bytearray(section.data)
        for _ in range(random.randint(1, 6)):
            data[random.randrange(len(data))] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))
        table = read(section, bytes(data))
        assert list(table.starts) == sorted(table.starts)
        table.at(module.codes[0].at)


def test_a_table_whose_files_repeat_one_long_name_is_cut_off(parse):
    """Every entry of a DWARF 5 table may name the same megabyte; text is counted, not trusted."""
    module = parse("(module (func nop))")
    header = bytes([1, 1, 1, 0xFB, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1])
    directories = b"\1\1\x08\1/\0"
    files = b"\1\1\x1f" + b"\xff\xff\1" + b"\0\0\0\0" * 32_767
    body = header + directories + files
    unit = b"\5\0\4\0" + len(body).to_bytes(4, "little") + body
    table = len(unit).to_bytes(4, "little") + unit
    customs = (Custom(".debug_line", table), Custom(".debug_line_str", b"x" * 1_000_000 + b"\0"))
    assert line_table(replace(module, customs=customs)).starts == ()
