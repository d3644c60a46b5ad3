"""Imports that a contract cannot have: whose they are, and where they stand."""

from __future__ import annotations

import pytest

from core.wasm.checking import MEMORY, codes, findings, only
from sshi.wasm.check import check
from sshi.wasm.decode import decode
from sshi.wasm.module import I32, FuncType


def calling(declared: str) -> str:
    return f'(module {declared} {MEMORY} (func (export "call") (unreachable) (call 0)))'


def test_an_unknown_import_gets_the_nearest_name(parse):
    finding = only(parse(calling('(import "env" "storage_reed" (func (param i32 i32) (result i32)))')))
    assert (finding.code, finding.rule) == ("import-unknown", "determinism.imports")
    assert finding.fix == "did you mean `storage_read`?"


ELSEWHERE = {
    "promise_batch_create": "NEAR's own host",
    "db_read": "CosmWasm's host",
    "__cxa_throw": "-fno-exceptions",
    "invoke_vi": "Emscripten",
    "memcpy": "the C library",
    "__multi3": "compiler-rt",
    "seed": "AssemblyScript",
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_an_unknown_import_says_who_has_it(parse, name):
    finding = only(parse(calling(f'(import "env" "{name}" (func))')))
    assert finding.code == "import-unknown"
    assert ELSEWHERE[name] in finding.fix


def test_a_name_that_several_have_is_that_of_the_host_the_module_is_for(parse):
    """`abort` is AssemblyScript's, CosmWasm's and the C library's."""
    alone = parse(calling('(import "env" "abort" (func))'))
    assert "AssemblyScript" in only(alone).fix
    cosmwasm = parse(
        f"""(module (import "env" "abort" (func $a)) (import "env" "db_read" (func $b)) (import "env" "addr_validate" (func $c)) {MEMORY}
            (func (export "call") (call $a) (call $b) (call $c)))"""
    )
    assert all("CosmWasm" in finding.fix for finding in findings(cosmwasm))


def test_what_a_dynamic_linker_would_bring_is_told(parse):
    module = parse(
        f'(module (import "env" "__memory_base" (global i32)) (import "GOT.mem" "x" (global i32)) {MEMORY} (func (export "call")))'
    )
    assert all("-fPIC" in finding.fix for finding in findings(module))


def test_an_import_and_an_export_have_the_byte_of_their_names(wat):
    """What is no instruction has a place too: its own entry, or the section it is in."""
    data = wat(
        """(module (import "env" "storage_read" (func $r (param i32 i32) (result i32))) (import "env" "storage_reed" (func $x))
             (import "env" "table" (table 1 funcref)) (memory (export "mem") 99) (global f32 (f32.const 0)) (export "g" (global 0))
             (func (export "call") (call $x)) (func (export "pay") (param i32)))"""
    )
    found = {finding.code: finding.offset for finding in findings(decode(data))}
    assert data[found["import-unknown"] :].startswith(b"\x03env\x0cstorage_reed")
    assert data[found["import-kind"] :].startswith(b"\x03env\x05table")
    assert data[found["entry-type"] :].startswith(b"\x03pay")
    assert data[found["memory-export"] :].startswith(b"\x01\x00\x63")
    assert data[found["float"] :].startswith(b"\x01\x7d")


def test_an_import_with_another_signature_shows_both(parse):
    finding = only(parse(calling('(import "env" "storage_read" (func (param i32 i64)))')))
    assert finding.code == "import-signature"
    assert "(i32, i64) -> ()" in finding.message
    assert "(i32, i32) -> (i32)" in finding.message


FOREIGN = {
    "CosmWasm": ("env", "db_read", "db_write", "addr_validate"),
    "Stellar": ("l", "_", "1", "e"),
    "NEAR": ("env", "read_register", "storage_has_key", "panic_utf8"),
    "Polkadot": ("seal0", "input", "seal_return", "caller"),
    "another chain": ("ic0", "msg_reply", "trap", "time"),
    "": ("a", "a", "b", "c"),  # Emscripten's programs
}


@pytest.mark.parametrize("chain", FOREIGN)
def test_a_contract_of_another_chain_is_told_as_a_whole_though_nothing_in_it_can_be_called(parse, chain):
    """Its exports take what that chain passes, and a marker without parameters would be the only entry: found on public contracts."""
    module, *names = FOREIGN[chain]
    imports = " ".join(f'(import "{module}" "{name}" (func))' for name in names)
    rest = f'{MEMORY} (func (export "version")) (func (export "act") (param i32) (call 0))'
    found = [finding for finding in findings(parse(f"(module {imports} {rest})")) if finding.code == "foreign-contract"]
    assert [(finding.severity, chain in finding.message) for finding in found] == ([("warning", True)] if chain else [])


def test_a_contract_that_uses_none_of_the_interfaces_functions_is_no_other_chains(parse):
    """NEAR's host has functions of the same names."""
    module = parse(f'(module (import "env" "input" (func (param i32) (result i32))) {MEMORY} (func (export "go")))')
    assert check(module, interface={"input": FuncType(bytes((I32,)), bytes((I32,)))}) == ()


@pytest.mark.parametrize(
    ("module", "hint"),
    [
        ("wasi_snapshot_preview1", "wasm32-unknown-unknown"),
        ("wasi:cli/exit@0.2.0", "an operating system"),
        ("wbg", "cargo tree"),
        ("__wbindgen_placeholder__", "cargo tree"),
        ("./contract_bg.js", "cargo tree"),
        ("seal0", "ink!"),
        ("vm_hooks", "another chain"),
        ("gojs", "TinyGo"),
        ("elsewhere", "all from `env`"),
    ],
)
def test_an_import_from_elsewhere_says_where_it_came_from(parse, module, hint):
    finding = only(parse(calling(f'(import "{module}" "x" (func))')))
    assert finding.code == "import-module"
    assert hint in finding.fix


def test_only_functions_may_be_imported(parse):
    module = parse('(module (import "env" "memory" (memory 1)) (import "env" "g" (global i32)) (func (export "call")))')
    assert codes(module) == {"import-kind", "memory-export"}
