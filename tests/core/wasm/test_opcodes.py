"""The opcode table against wasm-tools: the same names for the same bytes."""

from __future__ import annotations

from collections import Counter

import pytest

from sshi.wasm.encode import encode
from sshi.wasm.immediates import VOID
from sshi.wasm.instructions import emit, encode_instruction, immediates, key
from sshi.wasm.module import FUNCREF, Code, FuncType, Limits, Module, TableType
from sshi.wasm.opcodes import BY_KEY, BY_MNEMONIC, TABLE, op_name

SAMPLES = {
    "block": VOID, "heap": -16, "memarg": (0, 0, 0), "labels": (0, 0), "types": (0x7F,), "catches": (), "zero": 0, "lane": 0,
    "f32": bytes(4), "f64": bytes(8), "v128": bytes(16), "lanes": bytes(16),
}  # fmt: skip

ENCLOSED = {"else": ("if", VOID), "catch": ("try", VOID), "catch_all": ("try", VOID), "delegate": ("try", VOID), "rethrow": ("try", VOID)}
"""Instructions that the text format knows only inside another."""


@pytest.mark.parametrize("op", [op for op in TABLE if op.mnemonic != "end"], ids=lambda op: f"{op.key:X}-{op.mnemonic}")
def test_the_row_reads_back_from_its_own_bytes(op):
    values = tuple(SAMPLES.get(kind, 0) for kind in op.immediates)
    token = encode_instruction(op, values)
    assert (key(token), immediates(token)) == (op.key, values)


def test_wasm_tools_prints_every_instruction_by_the_name_in_its_row(wasm_tools):
    """One function an instruction, valid or not: printing needs no valid module."""
    ops = [op for op in TABLE if op.mnemonic not in ("end", "delegate", "rethrow")]
    codes: list[Code] = []
    for op in ops:
        before = emit(*ENCLOSED[op.mnemonic]) if op.mnemonic in ENCLOSED else b""
        token = encode_instruction(op, tuple(SAMPLES.get(kind, 0) for kind in op.immediates))
        opened = bool(before) + ("block" in op.immediates)
        codes.append(Code((), before + token + b"\x0b" * opened + b"\x0b"))
    module = Module(
        types=(FuncType(b"", b""),),
        funcs=(0,) * len(codes),
        tables=(TableType(FUNCREF, Limits(1)),),
        memories=(Limits(1),),
        codes=tuple(codes),
        tags=(0,),
    )
    printed = wasm_tools("print", "-", stdin=encode(module)).decode()
    functions = [part.splitlines()[1:] for part in printed.split("(func (;")[1:]]
    assert len(functions) == len(ops)
    for op, lines in zip(ops, functions, strict=True):
        assert op.mnemonic in {word for line in lines for word in line.split()[:1]}, (op, lines)


def test_no_two_rows_share_an_opcode():
    assert [number for number, count in Counter(op.key for op in TABLE).items() if count > 1] == []
    assert len(BY_KEY) == len(TABLE) > 500


def test_the_untyped_select_owns_the_name():
    assert BY_MNEMONIC["select"].immediates == ()
    assert BY_KEY[0x1C].mnemonic == "select"


def test_an_unknown_opcode_is_called_by_its_number():
    assert (op_name(0xFC0A), op_name(0xFC99)) == ("memory.copy", "0xFC99")
