"""Splitting bodies, reading and emitting instructions, renumbering; the fast tokenizer against the exact one."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sshi.errors import DecodeError
from sshi.wasm import instructions
from sshi.wasm.decode import decode
from sshi.wasm.immediates import VOID
from sshi.wasm.instructions import END, Rewriter, block_signature, emit, encode_instruction, immediates, index, key, renumber, scan, tokens
from sshi.wasm.module import I32, Code, FuncType
from sshi.wasm.opcodes import BY_KEY, BY_MNEMONIC

EVERYTHING = {
    f"{name}_enabled": True
    for name in ("simd", "relaxed_simd", "threads", "exceptions", "tail_call", "memory64", "wide_arithmetic", "extended_const")
}


def bodies(smith, seeds, **options) -> list[bytes]:
    return [code.body for seed in seeds for code in decode(smith(seed, 4000, min_funcs=3, **EVERYTHING, **options)).codes]


def exactly(body: bytes) -> list[bytes]:
    return instructions._tokens_exactly(body, -1)  # pyright: ignore[reportPrivateUsage]


def test_the_fast_tokenizer_and_the_exact_one_agree_on_random_functions(smith):
    found = [*bodies(smith, range(40)), *bodies(smith, range(15), min_uleb_size=3, max_memories=3)]
    assert sum(map(len, found)) > 20_000
    for body in found:
        assert tokens(body) == exactly(body)


@given(st.binary(max_size=60))
def test_the_fast_tokenizer_and_the_exact_one_agree_on_garbage(body):
    try:
        wanted = exactly(body)
    except DecodeError:
        with pytest.raises(DecodeError):
            tokens(body)
    else:
        if wanted and wanted[-1] == END:
            assert tokens(body) == wanted


def test_every_instruction_of_random_functions_is_emitted_as_it_was_read(smith):
    seen: set[int] = set()
    for body in bodies(smith, range(40)):
        for token in tokens(body):
            seen.add(key(token))
            assert encode_instruction(BY_KEY[key(token)], immediates(token)) == token
    assert len(seen) > 250


def test_scan_gives_offsets_and_opcodes_that_tile_the_body():
    body = emit("i32.const", 300) + emit("memory.copy", 0, 0) + emit("i8x16.shuffle", bytes(range(16))) + END
    assert list(scan(body)) == [(0, 0x41, 3), (3, 0xFC0A, 7), (7, 0xFD0D, 25), (25, 0x0B, 26)]


def test_an_instruction_has_its_row_and_its_immediates():
    body = emit("i64.store", (3, 1 << 20)) + emit("br_table", (2, 0, 1)) + emit("if", I32 - 0x80) + END
    assert [(one.offset, one.op.mnemonic, one.immediates) for one in instructions.instructions(body)] == [
        (0, "i64.store", ((3, 1 << 20, 0),)),
        (5, "br_table", ((2, 0, 1),)),
        (10, "if", (-1,)),
        (12, "end", ()),
    ]


@pytest.mark.parametrize("targets", [0, 1, 63, 64, 200])
def test_a_br_table_of_any_length_is_one_instruction(targets):
    token = emit("br_table", (*range(targets), 0))
    assert tokens(token + END) == [token, END]
    assert immediates(token) == ((*range(targets), 0),)


@pytest.mark.parametrize(
    ("body", "offset", "rule"),
    [
        (b"\x01\xff\x0b", 1, "binary-instr"),
        (b"\x01\xfc\x99\x01\x0b", 1, "binary-instr"),
        (b"\x20", 1, "binary-int"),
        (b"\x41\x80\x80\x80\x80\x80\x00\x0b", 5, "binary-int"),
        (b"\x43\0\0", 1, "binary-instr"),
        (b"\x02\x42\x0b\x0b", 1, "binary-blocktype"),
        (b"\x28\x80\x01\0\x0b", 1, "binary-memarg"),
        (b"\x0e\xff\xff\xff\xff\x0f\0\x0b", 1, "binary-br-table"),
        (b"\x1c\x01\x33\x0b", 2, "binary-valtype"),
        (b"\xfe\x03\x01\x0b", 2, "binary-instr"),
        (b"\x01\x01", 2, "binary-expr"),
        (b"", 0, "binary-expr"),
    ],
)
def test_a_malformed_body_is_refused_at_its_byte_in_the_file_or_in_the_body(body, offset, rule):
    for at, base in ((-1, 0), (0, 0), (1000, 1000)):
        with pytest.raises(DecodeError) as caught:
            tokens(body, at)
        assert (caught.value.offset, caught.value.rule) == (base + offset, rule)


def test_padded_opcodes_and_immediates_are_kept_as_they_are():
    body = b"\xfc\x8a\x80\x00\x80\x00\x00" + b"\x28\x82\x00\x81\x00" + END
    assert [key(token) for token in tokens(body)] == [BY_MNEMONIC[name].key for name in ("memory.copy", "i32.load", "end")]
    assert b"".join(tokens(body)) == body
    assert immediates(tokens(body)[1]) == ((2, 1, 0),)


def test_the_first_index_is_read_however_it_is_padded():
    assert (index(b"\x10\x07"), index(b"\x10\x87\x80\x00")) == (7, 7)


def test_emitting_takes_a_memarg_with_or_without_its_memory():
    assert emit("i32.load", (2, 4)) == emit("i32.load", (2, 4, 0)) == b"\x28\x02\x04"
    assert emit("i32.load", (2, 4, 1)) == b"\x28\x42\x01\x04"


def test_emitting_refuses_immediates_of_the_wrong_number_or_kind():
    with pytest.raises(ValueError, match="zip"):
        emit("call")
    with pytest.raises(TypeError, match="a number wanted"):
        emit("call", b"3")
    with pytest.raises(KeyError):
        emit("i32.frobnicate")


def test_a_block_type_says_what_the_block_takes_and_leaves():
    types = (FuncType(b"\x7f", b"\x7e\x7e"),)
    assert block_signature(types, VOID) == FuncType(b"", b"")
    assert block_signature(types, I32 - 0x80) == FuncType(b"", b"\x7f")
    assert block_signature(types, 0) == types[0]


# -- renumbering -------------------------------------------------------------------------------------------------------------------


def test_renumbering_moves_each_space_by_its_own_map():
    old = [
        emit("call", 1),
        emit("call_indirect", 0, 1),
        emit("global.set", 1),
        emit("block", 1),
        emit("i32.load", (2, 8)),
        emit("memory.init", 1, 0),
        emit("table.init", 1, 0),
        emit("try_table", VOID, (0, 1, 0, 2, 3)),
        emit("local.get", 1),
        emit("i32.const", 1),
        END,
    ]
    new = [
        emit("call", 200),
        emit("call_indirect", 2, 5),
        emit("global.set", 7),
        emit("block", 3),
        emit("i32.load", (2, 8, 4)),
        emit("memory.init", 9, 4),
        emit("table.init", 8, 6),
        emit("try_table", VOID, (0, 11, 0, 2, 3)),
        *old[-3:],
    ]
    maps = {
        "func": [0, 200],
        "type": [2, 3],
        "table": [6, 5],
        "global": {1: 7},
        "memory": [4],
        "data": [0, 9],
        "elem": [0, 8],
        "tag": [0, 11],
    }
    assert renumber(maps).body(b"".join(old)) == b"".join(new)


def test_renumbering_leaves_the_bytes_of_what_does_not_move(smith):
    padded = b"\x10\x83\x00" + b"\x10\x01" + END
    assert renumber({"func": {3: 3, 1: 500}}).body(padded) == b"\x10\x83\x00" + emit("call", 500) + END
    body = bodies(smith, range(3), min_uleb_size=2)[0]
    assert renumber({"func": range(10_000), "type": range(10_000)}).body(body) is body


def test_renumbering_there_and_back_is_no_change(smith):
    sizes = {"func": 300, "type": 300, "global": 300, "table": 300, "memory": 300, "elem": 300, "data": 300, "tag": 300}
    random = Random(1)
    there = {space: random.sample(range(size), size) for space, size in sizes.items()}
    back = {space: {new: old for old, new in enumerate(moved)} for space, moved in there.items()}
    for body in bodies(smith, range(20), max_memories=3):
        assert renumber(back).body(renumber(there).body(body)) == body


def test_an_index_without_a_new_number_is_an_error_at_its_instruction():
    body = emit("nop") * 5 + emit("call", 9) + END
    with pytest.raises(DecodeError, match="func index 9 is out of range") as caught:
        renumber({"func": [1, 0]}).body(body, 100)
    assert (caught.value.offset, caught.value.rule) == (105, "syntax-index")


def test_a_function_body_that_does_not_change_stays_the_same_object():
    codes = (Code((), emit("call", 0) + END, 20), Code((), emit("call", 1) + END, 40))
    first, second = renumber({"func": [0, 5]}).codes(codes)
    assert first is codes[0]
    assert (second.body, second.at) == (emit("call", 5) + END, -1)
    assert renumber({"func": [0, 1, 5]}).codes(codes) is codes


def test_an_edit_may_drop_an_instruction_or_put_several_in_its_place_and_sees_each_once():
    seen: list[bytes] = []

    def edit(token: bytes) -> bytes:
        seen.append(token)
        return {emit("nop"): b"", emit("drop"): emit("drop") + emit("nop")}.get(token, token)

    assert Rewriter(edit).body(emit("nop") * 3 + emit("drop") * 2 + END) == (emit("drop") + emit("nop")) * 2 + END
    assert sorted(seen) == [emit("nop"), END, emit("drop")]
