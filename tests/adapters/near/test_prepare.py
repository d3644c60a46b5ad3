"""Which modules the chain takes: refused by name, and for nothing."""

from __future__ import annotations

import pytest

from adapters.near.worlds import emulated, raw, real, request
from sshi.host.engine import wat_to_wasm
from sshi_near.runtime import Module

BODIES = {
    "TooManyFunctions": "(func)" * 10_000,
    "TooManyTypes": "".join(f"(type (func {' '.join(f'(param {kind})' for kind in kinds)}))" for kinds in [
        [("i32", "i64", "f32", "f64")[n >> shift & 3] for shift in range(0, 12, 2)] for n in range(1100)
    ]),
    "TooManyLocals": "(func (local " + "i32 " * 50_000 + "))" * 1 + ("(func (local " + "i32 " * 50_000 + "))") * 20,
    "TooManyParamsPerFunction": f"(func (param {'i32 ' * 65}))",
    "TooManyBlocksPerFunction": f"(func {'(block)' * 5001})",
    "TooManyTableElements": "(table 10001 funcref)",
    "TooManyTables": "(table 1 funcref) (table 1 funcref)",
    "FunctionBodyTooLarge": f"(func {'nop ' * 196_607})",
    "OperandStackTooLarge": f"(func {'(i64.const 0) ' * 1025} {'drop ' * 1025})",
}  # fmt: skip

OFF = {
    "two results": "(func (result i32 i32) (i32.const 0) (i32.const 0))",
    "two results of a type that nothing uses": "(type (func (result i32 i32)))",
    "parameters of a block": "(func (i32.const 0) (block (param i32) drop))",
    "externref in a parameter": "(func (param externref))",
    "externref in code": "(func (drop (ref.is_null (ref.null extern))))",
    "externref in a table": "(table 1 externref)",
    "extended constants": "(global i32 (i32.add (i32.const 1) (i32.const 1)))",
    "a global's value in a constant": "(global $a i32 (i32.const 1)) (global i32 (global.get $a))",
    "vectors": "(func (drop (v128.const i64x2 0 0)))",
    "two memories": "(memory 1)",
    "tail calls": "(func $f (return_call $f))",
    "64-bit memory": "(memory i64 1)",
}

ON = {
    "floats": "(func (drop (f64.add (f64.const 1) (f64.const 2))))",
    "sign extension": "(func (drop (i32.extend8_s (i32.const 1))))",
    "saturating conversion": "(func (drop (i32.trunc_sat_f32_s (f32.const 1))))",
    "bulk memory": '(data $d "x") (func (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1)) (data.drop $d))',
    "funcref tables": "(table $t 1 funcref) (func (drop (table.grow $t (ref.null func) (i32.const 1))))",
    "mutable globals": "(global (mut i64) (i64.const 1))",
    "a result of a block": "(func (drop (block (result i32) (i32.const 1))))",
}


def module(fields: str, memory: str = "(memory 1)") -> Module:
    return Module(wat_to_wasm(f'(module {memory} {fields} (func (export "main")))', where="test"))


@pytest.mark.parametrize("reason", BODIES)
def test_a_limit_passed_is_refused_by_its_name_and_costs_nothing(reason):
    found = emulated().run(request(module(BODIES[reason])))
    assert (found.name, found.burnt) == (f"CompilationError/PrepareError/{reason}", 0)


@pytest.mark.parametrize("what", OFF)
def test_what_is_off_is_refused(what):
    assert emulated().run(request(module(OFF[what]))).name == "CompilationError/PrepareError/Deserialization"


@pytest.mark.parametrize("what", ON)
def test_what_is_on_is_taken(what):
    assert emulated().run(request(module(ON[what]))).error == ""


@pytest.mark.parametrize("version", [84, 85, 86, 87, 88])
def test_the_chain_itself_agrees(version):
    for fields in (*BODIES.values(), *OFF.values(), *ON.values()):
        call = request(module(fields))
        assert emulated(version).run(call)[:3] == real(version).run(call)[:3], fields[:60]


@pytest.mark.parametrize(("version", "refused"), [(86, False), (87, True)])
def test_from_version_87_on_a_contract_has_at_most_half_as_many_locals_as_bytes(version, refused):
    found = emulated(version).run(request(module("(func (local " + "i32 " * 200 + "))")))
    assert (found.name == "CompilationError/PrepareError/TooManyLocals") is refused


def test_other_imports_than_functions_of_env():
    for text, reason in {
        '(import "sys" "input" (func (param i64)))': "Instantiate",
        '(import "env" "memory" (memory 1))': "Memory",
        '(import "env" "g" (global i32))': "Instantiate",
    }.items():
        assert emulated().run(request(module(text, memory=""))).name == f"CompilationError/PrepareError/{reason}"


def test_bytes_that_are_no_module():
    assert emulated().run(request(Module(b"no module"))).name == "CompilationError/PrepareError/Deserialization"


def test_memory_is_64_mib_whatever_the_module_says():
    """Deviation `near/more-memory`: an access past the declared memory goes through."""
    body = "(i32.store (i32.const 0x3fffffc) (i32.const 7)) (call $value_return (i64.const 4) (i64.const 0x3fffffc))"
    assert emulated().run(request(raw(body))).data == b"\x07\0\0\0"
    assert emulated().run(request(raw("(drop (i32.load (i32.const 0x3fffffd)))"))).name == "WasmTrap/MemoryOutOfBounds"


def test_an_entry_may_have_the_name_of_anything_of_ours():
    text = '(module (memory 1) (func (export "memory")) (func (export "gas")) (func (export "start")) (func (export "method main")))'
    whole = Module(wat_to_wasm(text, where="test"))
    for method in ("memory", "gas", "start", "method main"):
        assert emulated().run(request(whole, method=method)).error == ""


def test_a_start_function_runs_metered_before_every_method():
    plain, started = module("(func $s nop nop)"), module("(func $s nop nop) (start $s)")
    extra = 1_089_295 * (len(started.wasm) - len(plain.wasm)) + (8 + 2) * 822_756
    assert emulated().run(request(started)).burnt - emulated().run(request(plain)).burnt == extra
    assert emulated().run(request(module("(func $s unreachable) (start $s)"))).name == "WasmTrap/Unreachable"


def test_a_segment_outside_memory_traps_once_the_loading_is_paid():
    whole = module('(data (i32.const 0x4000000) "x")')
    found = emulated().run(request(whole))
    assert (found.name, found.burnt) == ("WasmTrap/MemoryOutOfBounds", 35_445_963 + 1_089_295 * len(whole.wasm))
