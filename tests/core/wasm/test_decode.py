"""What is decoded, and that everything else is refused once, at a byte, by a rule."""

from __future__ import annotations

import tracemalloc
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sshi.errors import DecodeError
from sshi.wasm.decode import decode
from sshi.wasm.encode import encode
from sshi.wasm.module import FUNC, FUNCREF, GLOBAL, I32, I64, MEMORY, FuncType, GlobalType, Limits, Module, TableType

HEADER = b"\0asm\1\0\0\0"

RICH = """
(module $rich
  (type $t (func (param i32 i64) (result i32)))
  (import "env" "log" (func $log (param i32)))
  (import "env" "base" (global $base i32))
  (table $table 2 5 funcref)
  (memory (export "memory") 1 15)
  (global $counter (mut i64) (i64.const -7))
  (elem (i32.const 0) func $add $add)
  (elem declare func $log)
  (func $add (export "add") (type $t) (local i32 i32 f64)
    (call $log (local.get 0))
    (call_indirect (type $t) (local.get 0) (local.get 1) (i32.const 1)))
  (func $init (data.drop $passive))
  (start $init)
  (data (i32.const 8) "hello")
  (data $passive "later"))
"""


def refused(data: bytes) -> tuple[int, str]:
    """Where and by which rule these bytes are refused."""
    with pytest.raises(DecodeError) as caught:
        decode(data)
    return caught.value.offset, caught.value.rule


def decoded(data: bytes) -> Module | DecodeError:
    """The module, or the one error that is allowed: at a byte of the file, by a rule."""
    try:
        return decode(data)
    except DecodeError as error:
        assert 0 <= error.offset <= len(data)  # noqa: PT017  either is right
        assert error.rule  # noqa: PT017
        return error


def section(number: int, payload: bytes) -> bytes:
    return bytes((number, len(payload))) + payload


def test_a_module_decodes_into_the_specification_s_terms(parse):
    module = parse(RICH)
    assert module.types[0] == FuncType(bytes((I32, I64)), bytes((I32,)))
    assert [(entry.module, entry.name, entry.kind) for entry in module.imports] == [("env", "log", FUNC), ("env", "base", GLOBAL)]
    assert module.imports[1].desc == GlobalType(I32, mutable=False)
    assert module.tables == (TableType(FUNCREF, Limits(2, 5)),)
    assert module.memories == (Limits(1, 15),)
    assert [(entry.type.mutable, entry.init) for entry in module.globals] == [(True, b"\x42\x79\x0b")]
    assert [(entry.name, entry.kind, entry.index) for entry in module.exports] == [("memory", MEMORY, 0), ("add", FUNC, 1)]
    assert (module.start, module.datacount) == (2, 2)
    assert [(segment.flag, segment.items) for segment in module.elements] == [(0, (1, 1)), (3, (0,))]
    assert module.codes[0].locals == ((2, I32), (1, 0x7C))
    assert [(segment.flag, segment.data) for segment in module.datas] == [(0, b"hello"), (1, b"later")]
    assert [custom.name for custom in module.customs] == ["name"]
    assert module.function_type(1) == module.types[0]


def test_a_body_knows_its_offset_in_the_file(wat):
    data = wat(RICH)
    for code in decode(data).codes:
        assert data[code.at : code.at + len(code.body)] == code.body


def test_a_bytearray_decodes_as_bytes(wat):
    assert decode(bytearray(wat(RICH))) == decode(wat(RICH))


def test_a_section_longer_than_the_file_is_rejected_at_its_size():
    assert refused(HEADER + b"\x01\x7f") == (9, "binary-section")


@pytest.mark.parametrize(
    ("data", "place", "says"),
    [
        (b"", (0, "binary-magic"), "no WebAssembly module"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01", (0, "binary-magic"), "no WebAssembly module"),
        (b"(module)", (0, "binary-magic"), "no WebAssembly module"),
        (b"\0asm\x0d\0\1\0", (4, "binary-version"), "a component"),
        (b"\0asm\2\0\0\0", (4, "binary-version"), "version 02000000"),
        (HEADER + b"\x0e\x00", (8, "binary-section"), "unknown section 14"),
        (HEADER + section(3, b"\0") + section(1, b"\0"), (11, "binary-module"), "types section comes after the funcs section"),
        (HEADER + section(1, b"\0") * 2, (11, "binary-module"), "types section comes after the types section"),
        (HEADER + section(11, b"\0") + section(12, b"\0"), (11, "binary-module"), "datacount section comes after the datas section"),
        (HEADER + section(1, b"\0\0"), (11, "binary-section"), "1 bytes too many in the types section"),
        (HEADER + section(1, b"\1\x5e\x7f\0"), (11, "binary-functype"), "a type of form 0x5E"),
        (HEADER + section(1, b"\1\x60\1\x42\0"), (13, "binary-valtype"), "unknown value type 0x42"),
        (HEADER + section(1, b"\xff\xff\xff\xff\x0f\x60\0\0"), (10, "binary-list"), "a list of 4294967295 entries in 3 bytes"),
        (HEADER + section(1, b"\1\x60\0\0") + section(3, b"\1\0"), (18, "binary-module"), "1 functions declared, 0 bodies given"),
        (HEADER + section(12, b"\3"), (11, "binary-module"), "3 data segments announced, 0 given"),
        (HEADER + section(2, b"\1\1a\1\xff\0\0"), (14, "binary-utf8"), "not UTF-8"),
        (HEADER + section(2, b"\1\1a\1b\7\0"), (15, "binary-importdesc"), "unknown kind 0x07"),
        (HEADER + section(7, b"\1\1a\x09\0"), (13, "binary-exportdesc"), "unknown kind 0x09"),
        (HEADER + section(5, b"\1\x08\1"), (11, "binary-limits"), "unknown limits 0x08"),
        (HEADER + section(6, b"\1\x7f\2\x41\0\x0b"), (12, "binary-mut"), "mutability of 0x02"),
        (HEADER + section(6, b"\1\x7f\0\x41\0"), (15, "binary-expr"), "unexpected end"),
        (HEADER + section(6, b"\1\x7f\0\xff\x0b"), (13, "binary-instr"), "unknown instruction 0xFF"),
        (HEADER + section(9, b"\1\x08\0"), (11, "binary-elem"), "flags 8"),
        (HEADER + section(11, b"\1\3\0"), (11, "binary-data"), "flags 3"),
        (HEADER + section(0, b"\x05ab"), (10, "binary-name"), "a length of 5"),
        (
            HEADER + section(1, b"\1\x60\0\0") + section(3, b"\1\0") + section(10, b"\1\x08\2\xff\xff\xff\xff\x0f\x7f\1\x7f\x0b"),
            (29, "binary-local"),
            "more than 2^32 - 1 locals",
        ),
        (HEADER + section(1, b"\1\x60\0\0") + section(3, b"\1\0") + section(10, b"\1\x09\0\x0b"), (21, "binary-code"), "a body of 9 bytes"),
    ],
)
def test_a_wrong_byte_is_named_with_its_rule(data, place, says):
    with pytest.raises(DecodeError) as caught:
        decode(data)
    assert (caught.value.offset, caught.value.rule) == place
    assert says in caught.value.message


def test_every_truncation_is_refused_inside_what_is_left(wat, smith):
    for data in (wat(RICH), smith(1), smith(2, min_uleb_size=3)):
        whole = decode(data)
        ends = {8}  # a module may well end between sections, when its code is not missing then
        for size in range(len(data)):
            cut = decoded(data[:size])
            if isinstance(cut, Module):
                ends.add(size)
                assert len(cut.raw) < len(whole.raw)
        assert len(ends) <= len(whole.raw) + 1


def test_a_flipped_bit_gives_a_module_or_one_error(wat, smith):
    random = Random(0)
    for data in (wat(RICH), *(smith(seed, generate_custom_sections=True) for seed in range(8))):
        for _ in range(400):
            broken = bytearray(data)
            for _ in range(random.randint(1, 3)):
                broken[random.randrange(8, len(broken))] ^= 1 << random.randrange(8)
            module = decoded(bytes(broken))
            assert not isinstance(module, Module) or encode(module) == broken


@given(st.binary(max_size=200))
def test_garbage_behind_a_header_gives_a_module_or_one_error(data):
    module = decoded(HEADER + data)
    assert not isinstance(module, Module) or encode(module) == HEADER + data


@pytest.mark.parametrize("number", range(1, 12))
def test_a_claimed_count_of_four_billion_takes_no_memory(number):
    payload = b"\xff\xff\xff\xff\x0f" + bytes(1000)
    data = HEADER + bytes((number,)) + b"\xed\x07" + payload
    tracemalloc.start()
    refused(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300_000


def test_sections_may_be_empty_and_custom_sections_stand_anywhere():
    custom = section(0, b"\4notejust text")
    data = HEADER + custom + section(1, b"\0") + custom + custom + section(3, b"\0") + section(10, b"\0") + custom
    module = decode(data)
    assert [(entry.data, entry.after) for entry in module.customs] == [(b"just text", after) for after in (0, 1, 1, 10)]
    assert encode(module) == data


def test_types_of_late_proposals_keep_their_place(wat):
    data = wat('(module (type (func)) (tag (type 0)) (memory i64 1) (table 1 funcref (ref.null func)) (func $f) (export "f" (func $f)))')
    module = decode(data)
    assert (module.tags, module.memories[0].flags, module.tables[0].init) == ((0,), 4, b"\xd0\x70\x0b")
    assert encode(module) == data
