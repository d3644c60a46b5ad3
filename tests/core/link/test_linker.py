"""Linking: what goes in, what comes out, and who is blamed when it cannot."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sshi.errors import AdapterError, ContractError, LinkError
from sshi.host.engine import validate, wat_to_wasm
from sshi.link.check import InvalidModule, RuleBroken
from sshi.link.linker import build
from sshi.link.source import entry_exports
from sshi.plugins import Plugins
from sshi.spec.loader import interface
from sshi.spec.manifest import derived_manifest
from sshi.spec.render import wat_import
from sshi.wasm.decode import decode
from sshi.wasm.module import FUNC
from sshi.wasm.names import function_names

ADAPTERS = Plugins.load().adapters()


@pytest.fixture(params=sorted(ADAPTERS))
def adapter(request):
    return ADAPTERS[request.param]


def link(adapter, text, *, profile=None, names=False):
    wasm = wat_to_wasm(text, where="test")
    return build(wasm, derived_manifest("test", entry_exports(decode(wasm))), adapter, profile, names=names)


MEMORY = '(memory (export "memory") 1 1)'


def test_a_contract_that_uses_every_function_links_to_a_valid_module(adapter):
    imports = "".join(wat_import(interface(), function) for function in interface().functions.values())
    calls = ""
    for function in interface().functions.values():
        arguments = "".join(f"({kind}.const 0)" for kind in function.wasm_params)
        calls += f"(drop (call ${function.name} {arguments}))" if function.results else f"(call ${function.name} {arguments})"
    artifact = link(adapter, f'(module {imports} {MEMORY} (func (export "all") {calls}))')
    assert validate(artifact.wasm) is None
    assert len(artifact.imports) > 10


def test_what_means_nothing_on_a_chain_leaves_nothing(adapter):
    """Clauses debug_log.silent, gas_consume.no-budget."""
    silent = f"""(module (import "env" "debug_log" (func $log (param i32 i32))) (import "env" "gas_consume" (func $gas (param i64)))
        {MEMORY} (func (export "go") (call $log (i32.const 1) (i32.const 2)) (call $gas (i64.const 3))))"""
    plain = f'(module {MEMORY} (func (export "go")))'
    assert link(adapter, silent).wasm == link(adapter, plain).wasm


def test_what_the_arguments_of_a_silent_call_do_stays(adapter):
    """Clause debug_log.silent: the length comes from a call that writes."""
    text = f"""(module (import "env" "debug_log" (func $log (param i32 i32)))
        (import "env" "storage_remove" (func $remove (param i32) (result i32))) {MEMORY}
        (func (export "go") (call $log (i32.const 1) (call $remove (i32.const 8)))))"""
    assert any("remove" in name or "clear" in name for name in link(adapter, text).imports)


def test_entries_may_have_any_legal_name(adapter):
    """Clause entry.name: also names that linking uses itself."""
    names = ("scratch", "memory_bytes", "deploy", "call", "query", "init", "storage_read", "_", "a" * 64)
    exports = "".join(f'(func (export "{name}") (drop (memory.grow (i32.const 1))))' for name in names)
    assert validate(link(adapter, f'(module (memory (export "memory") 1 3) {exports})').wasm) is None


def test_a_reactor_s_start_is_called_and_is_no_entry(adapter):
    """Clause entry.initialize."""
    text = f'(module {MEMORY} (func (export "_initialize") unreachable) (func (export "go")))'
    artifact = link(adapter, text)
    assert [entry.name for entry in artifact.manifest.entries] == ["go"]
    assert b"\x00\x0b" in artifact.wasm  # the unreachable body was not shaken away


def test_function_names_are_kept_when_asked_for_and_only_then(adapter):
    text = f'(module {MEMORY} (func $inner (drop (i32.load (i32.const 0)))) (func $go (export "go") (call $inner) (call $inner)))'
    assert "inner" in function_names(decode(link(adapter, text, names=True).wasm)).values()
    assert decode(link(adapter, text).wasm).customs == ()


def test_the_profile_decides_what_may_be_imported():
    near = ADAPTERS["near"]
    later = tuple(
        msgspec.structs.replace(function, since=87) if function.name == "storage_read" else function for function in near.functions
    )
    future = dataclasses.replace(near, functions=later)
    text = f"""(module (import "env" "storage_read" (func $read (param i32 i32) (result i32))) {MEMORY}
        (func (export "go") (drop (call $read (i32.const 0) (i32.const 8)))))"""
    assert "env.storage_read" in link(future, text, profile="near@87").imports
    with pytest.raises(LinkError, match="not there at near@86"):
        link(future, text, profile="near@86")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('(module (func (export "go")))', RuleBroken),
        ('(module (memory (export "memory") 16) (func (export "go")))', RuleBroken),
        (f'(module {MEMORY} (func (export "go") (drop (f32.const 1))))', RuleBroken),
        (f'(module (import "env" "nonsense" (func $n)) {MEMORY} (func (export "go") (call $n)))', RuleBroken),
        (f'(module (import "env" "storage_has" (func $n)) {MEMORY} (func (export "go") (call $n)))', RuleBroken),
        (f'(module (import "wasi" "exit" (func $n)) {MEMORY} (func (export "go") (call $n)))', RuleBroken),
        (f'(module {MEMORY} (func $s) (start $s) (func (export "go")))', RuleBroken),
    ],
)
def test_a_contract_that_breaks_a_rule_is_refused_with_the_remedy(adapter, text, error):
    with pytest.raises(error) as caught:
        link(adapter, text)
    assert caught.value.findings
    assert all(finding.rule or finding.fix for finding in caught.value.findings)


def test_a_module_that_is_no_valid_wasm_is_the_contract_s_fault(adapter):
    wasm = bytearray(wat_to_wasm(f'(module {MEMORY} (func (export "go") (drop (i32.add (i32.const 1) (i32.const 2)))))', where="test"))
    wasm[wasm.index(0x6A)] = 0x7C  # i64.add
    with pytest.raises(InvalidModule):
        build(bytes(wasm), derived_manifest("test", ("go",)), adapter)


def test_a_shim_that_makes_an_invalid_module_is_the_adapter_s_fault(adapter):
    broken = dataclasses.replace(
        adapter, glue=lambda request: '(module (func (export "call") (drop (i64.add (i32.const 1) (i32.const 1)))))'
    )
    with pytest.raises(AdapterError):
        link(broken, f'(module {MEMORY} (func (export "go")))')


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_module_is_refused_or_links(data):
    source = wat_to_wasm(
        f"""(module (import "env" "storage_write" (func $w (param i32 i32 i32))) {MEMORY} (data (i32.const 8) "\\01\\00\\00\\00k")
        (func (export "go") (local $i i32) (loop $l (call $w (i32.const 8) (i32.const 0) (local.get $i))
        (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 9))))))""",
        where="test",
    )
    damaged = bytearray(source)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    adapter = ADAPTERS[data.draw(st.sampled_from(sorted(ADAPTERS)))]
    try:
        module = decode(bytes(damaged))
        assert validate(build(bytes(damaged), derived_manifest("test", entry_exports(module)), adapter).wasm) is None
    except ContractError:
        pass


def test_exports_are_the_glue_s_and_nothing_else(adapter):
    module = decode(
        link(
            adapter, f'(module {MEMORY} (global (export "g") i32 (i32.const 1)) (func (export "go")) (func (export "helper") (param i32)))'
        ).wasm
    )
    assert {export.kind for export in module.exports} == {FUNC}
    assert "helper" not in {export.name for export in module.exports}
