"""What `sshi check` says of each kind of module is what the chains' own VMs do with it: what it says loads does, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.sizes import MANIFEST, taken
from sshi.host.engine import wat_to_wasm
from sshi.link.linker import build
from sshi.link.report import Target, report
from sshi.link.source import Source
from sshi.wasm.decode import decode
from sshi.wasm.encode import encode
from sshi_near.adapter import adapter as near
from sshi_polkadot.adapter import adapter as polkadot

CHAINS = {"near": (near, "near@86"), "polkadot": (polkadot, "polkadot@51")}
LOADS, LOWERED = "loads", "loads after lowering"
TABLE = "(table 1 funcref) (elem func $x) (elem declare func $x) (func $x)"
IN_TABLE = "(table 1 funcref) (elem (i32.const 0) $x) (func $x)"

CASES = {  # declarations, what `go` does, and the verdict of each chain: the findings' codes where it cannot load
    "an unused type of floats": ("(type (func (param f32)))", "", LOADS, LOADS),
    "an unused type of several results": ("(type (func (result i32 i32)))", "", LOADS, LOADS),
    "an unused function with floats": ("(func (param f32) (drop (f32.const 0)))", "", LOADS, LOADS),
    "an unused global of floats": ("(global f32 (f32.const 0))", "", LOADS, LOADS),
    "an unused global that is exported": ('(global (export "g") f64 (f64.const 0))', "", LOADS, LOADS),
    "saturating truncation": ("", "(drop (i32.trunc_sat_f32_s (f32.const 1)))", "float", "float"),
    "sign extension": ("", "(drop (i32.extend8_s (i32.const 1)))", LOADS, LOADS),
    "an exported global": ('(global (export "g") (mut i32) (i32.const 0))', "(global.set 0 (i32.const 1))", LOADS, LOADS),
    "an imported global": ('(import "env" "g" (global i32))', "(drop (global.get 0))", "import-kind", "import-kind"),
    "an imported global that changes": (
        '(import "env" "g" (global (mut i32)))',
        "(global.set 0 (i32.const 0))",
        "import-kind",
        "import-kind",
    ),
    "a second table that nothing uses": (IN_TABLE + "(table 1 funcref)", "(call_indirect (i32.const 0))", LOADS, LOADS),
    "only the second table": (
        "(table 1 funcref) (table 1 funcref) (elem (table 1) (i32.const 0) func $x) (func $x)",
        "(call_indirect 1 (i32.const 0))",
        LOADS,
        LOADS,
    ),
    "two tables": (
        "(table 1 funcref) (table 1 funcref) (elem (i32.const 0) $x) (elem (table 1) (i32.const 0) func $x) (func $x)",
        "(call_indirect 0 (i32.const 0)) (call_indirect 1 (i32.const 0))",
        "tables",
        "reference-types",
    ),
    "an exported table": ('(export "t" (table 0))' + IN_TABLE, "(call_indirect (i32.const 0))", LOADS, LOADS),
    "a table of external references": ("(table 1 externref)", "", "reference-types", "reference-types"),
    "a table that begins with a function": ("(table 1 funcref (ref.func $x)) (func $x)", "(call_indirect (i32.const 0))", "gc", "gc"),
    "functions in expressions": (
        "(table 2 funcref) (elem (i32.const 0) funcref (ref.func $x) (ref.null func)) (func $x)",
        "(call_indirect (i32.const 0))",
        LOADS,
        LOADS,
    ),
    "functions in expressions of another table": (
        "(table 1 funcref) (table 2 funcref) (elem (table 1) (i32.const 0) funcref (ref.func $x)) (func $x)",
        "(call_indirect 1 (i32.const 0))",
        LOADS,
        LOADS,
    ),
    "a segment that nothing copies": ("(table 1 funcref) (elem func $x) (func $x)", "", LOADS, LOADS),
    "a segment that only declares": ("(table 1 funcref) (elem declare func $x) (func $x)", "", LOADS, LOADS),
    "table.get": (TABLE, "(drop (table.get 0 (i32.const 0)))", LOADS, "reference-types"),
    "table.set": (TABLE, "(table.set 0 (i32.const 0) (ref.null func))", LOADS, "reference-types"),
    "table.size": (TABLE, "(drop (table.size 0))", LOADS, "reference-types"),
    "table.grow": (TABLE, "(drop (table.grow 0 (ref.null func) (i32.const 0)))", LOADS, "reference-types"),
    "table.fill": (TABLE, "(table.fill 0 (i32.const 0) (ref.null func) (i32.const 0))", LOADS, "reference-types"),
    "table.copy": (TABLE, "(table.copy (i32.const 0) (i32.const 0) (i32.const 0))", LOADS, "bulk-memory"),
    "table.init": (TABLE, "(table.init 0 (i32.const 0) (i32.const 0) (i32.const 0))", LOADS, "bulk-memory"),
    "elem.drop": (TABLE, "(elem.drop 0)", LOADS, "bulk-memory"),
    "ref.is_null": (TABLE, "(drop (ref.is_null (ref.null func)))", LOADS, "reference-types"),
    "ref.func": (TABLE, "(drop (ref.func $x))", LOADS, "reference-types"),
    "select with a type": ("", "(drop (select (result i32) (i32.const 0) (i32.const 0) (i32.const 0)))", LOADS, LOWERED),
    "select of references": (
        TABLE,
        "(drop (select (result funcref) (ref.null func) (ref.null func) (i32.const 0)))",
        LOADS,
        "reference-types",
    ),
    "a global of references": ("(global (mut funcref) (ref.null func))", "(global.set 0 (ref.null func))", LOADS, "reference-types"),
    "memory.copy": ("", "(memory.copy (i32.const 0) (i32.const 0) (i32.const 0))", LOADS, LOWERED),
    "a passive segment": ('(data "x")', "(memory.init 0 (i32.const 0) (i32.const 0) (i32.const 0)) (data.drop 0)", LOADS, LOWERED),
    "a block with parameters": ("", "(i32.const 0) (block (param i32) drop)", LOWERED, LOWERED),
    "a function with several results": (
        "(func $m (result i32 i32) (i32.const 0) (i32.const 0))",
        "(call $m) drop drop",
        LOWERED,
        LOWERED,
    ),
    "an extended constant": ("(global i32 (i32.add (i32.const 1) (i32.const 2)))", "(drop (global.get 0))", LOADS, LOADS),
    "a start function": ("(func $s) (start $s)", "", "start-function", "start-function"),
    "a tail call": ("(func $x)", "(return_call $x)", "tail-call", "tail-call"),
    "vectors": ("", "(drop (v128.const i32x4 0 0 0 0))", "simd", "simd"),
    "an unused type of vectors": ("(type (func (param v128)))", "", "simd", "simd"),
    "an unused type of external references": ("(type (func (param externref)))", "", "reference-types", "reference-types"),
    "a global from a global": ("(global i32 (i32.const 1)) (global i32 (global.get 0))", "", *["constant-expression"] * 2),
    "a fence": ("", "(atomic.fence)", "threads", "threads"),
    "exceptions": ("(tag)", "(throw 0)", "exceptions", "exceptions"),
    "a second memory": ("(memory 1)", "", "multi-memory", "multi-memory"),
}

OURS = ("start-function", "float")
"""What the interface forbids though a chain may take it."""


def contract(declarations: str, body: str) -> bytes:
    imports, rest = ("", declarations) if not declarations.startswith("(import") else (declarations, "")
    return wat_to_wasm(f'(module {imports} (memory (export "memory") 1) {rest} (func (export "go") {body}))', where="test")


def unlinked(chain: str, declarations: str, body: str) -> bytes:
    """The same without the linker, in the shape that the chain wants."""
    if chain == "near":
        return contract(declarations, body)
    memory = '(import "env" "memory" (memory 1 16))'
    imports, rest = ("", declarations) if not declarations.startswith("(import") else (declarations, "")
    entries = '(func (export "call") (call $go)) (func (export "deploy"))'
    return wat_to_wasm(f"(module {imports} {memory} {rest} (func $go {body}) {entries})", where="test")


def agrees(chain: str, wasm: bytes, expected: str) -> bool:
    """Whether the check says so; if it says that the contract loads, the chain took it and ran it."""
    maker, profile = CHAINS[chain]
    found = report(Source("it.wasm", wasm, MANIFEST), [Target(maker(), profile)])
    (target,) = found.targets
    if target.verdict == "cannot":
        return target.reason == expected
    linked = build(wasm, MANIFEST, maker(), profile).wasm
    return target.verdict == expected and taken(maker, "real", profile, linked)


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("what", CASES)
def test_a_verdict_is_the_chain_s(chain, what):
    declarations, body, *verdicts = CASES[what]
    expected = verdicts[list(CHAINS).index(chain)]
    assert agrees(chain, contract(declarations, body), expected)
    if expected not in (LOADS, LOWERED, *OURS, "tables"):
        maker, profile = CHAINS[chain]
        assert not taken(maker, "real", profile, unlinked(chain, declarations, body))


@pytest.mark.parametrize("chain", CHAINS)
def test_numbers_that_are_longer_than_they_need_be_load(chain):
    """Linkers leave room to write a larger one: calls, globals, addresses, also of `call_indirect`'s type and table."""
    plain = decode(contract("(global (mut i32) (i32.const 0))" + IN_TABLE, "(call $x) (global.set 0 (i32.load offset=8 (i32.const 0)))"))
    x, go = plain.codes
    body = (
        b"\x10\x80\x80\x80\x80\x00" b"\x41\x80\x80\x80\x80\x00" b"\x28\x02\x88\x80\x80\x80\x00" b"\x24\x80\x80\x80\x80\x00"
        b"\x41\x80\x80\x80\x80\x00" b"\x11\x80\x80\x80\x80\x00\x80\x80\x80\x80\x00" b"\x0b"
    )  # fmt: skip
    wasm = encode(replace(plain, codes=(x, replace(go, body=body))))
    assert agrees(chain, wasm, LOADS if chain == "near" else LOWERED)
