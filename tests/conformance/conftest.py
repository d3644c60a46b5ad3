"""Hosts for tests of the suite itself: the reference host in disguise, as the emulated VM of a chain called `toy`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from sshi.adapter import Adapter, Deviation, Features, Profile, TargetLimits, VmKind
from sshi.host.chain import ChainVM
from sshi.host.reference import ReferenceVM
from sshi_conformance.hosts import Host, prepare_reference
from sshi_conformance.scenario import parse_scenario
from sshi_conformance.suite import Module, Unit
from sshi_conformance.suite import _units as units_of


def long_address(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def adapter(make: Callable[[], ChainVM], deviations: tuple[Deviation, ...]) -> Adapter:
    return Adapter(
        name="toy",
        title="Toy",
        api_version=1,
        spec_version=1,
        profiles={"toy@1": Profile("toy@1", 1, Features(), TargetLimits())},
        default_profile="toy@1",
        shim="",
        glue=lambda _: "",
        functions=(),
        deviations=deviations,
        address=long_address,
        wellformed=lambda _: True,
        show_address=bytes.hex,
        vms={"emulated": VmKind(lambda _: make(), lambda: None, "a reference host")},
    )


@pytest.fixture
def toy():
    """A chain host: toy(VM class, deviations) -> Host."""

    def make(vm: Callable[[], ChainVM] = ReferenceVM, *deviations: Deviation, prepare=prepare_reference) -> Host:
        return Host("toy@1:emulated", "toy@1", "emulated", vm, prepare, long_address, adapter(vm, deviations))

    return make


ALL_KINDS = """
(module
  (import "env" "storage_write" (func $write (param i32 i32 i32)))
  (import "env" "storage_read" (func $read (param i32 i32) (result i32)))
  (import "env" "set_return" (func $set_return (param i32 i32)))
  (import "env" "caller" (func $caller (param i32) (result i32)))
  (import "env" "emit" (func $emit (param i32 i32 i32)))
  (import "env" "revert" (func $revert (param i32 i32)))
  (memory (export "memory") 1 1)
  (data (i32.const 0) "\\01\\00\\00\\00kvalue")
  (data (i32.const 64) "\\40\\00\\00\\00")
  (func $self (result i32) (i32.add (call $self) (i32.const 1)))
  (func (export "nothing"))
  (func (export "write") (call $write (i32.const 0) (i32.const 5) (i32.const 5)))
  (func (export "emit") (call $emit (i32.const 0) (i32.const 5) (i32.const 5)))
  (func (export "who") (local $n i32)
    (local.set $n (call $caller (i32.const 64)))
    (call $set_return (i32.const 64) (i32.add (local.get $n) (i32.const 4))))
  (func (export "trap") unreachable)
  (func (export "divide") (drop (i32.div_u (i32.const 1) (i32.load (i32.const 128)))))
  (func (export "deep") (drop (call $self)))
  (func (export "revert") (call $revert (i32.const 5) (i32.const 5))))
"""


@pytest.fixture
def units():
    """Cases over a module with an entry for each kind of end: units(TOML of one case's steps, …) -> units `t/a`, `t/b`, …"""
    from sshi.host.engine import wat_to_wasm
    from sshi.link.source import entry_exports
    from sshi.spec.manifest import derived_manifest
    from sshi.wasm.decode import decode

    def make(*steps: str, head: str = "") -> list[Unit]:
        wasm = wat_to_wasm(ALL_KINDS, where="all kinds")
        module = Module("all kinds", wasm, derived_manifest("all", entry_exports(decode(wasm))))
        cases = [
            f"[case.{chr(97 + index)}]\ndoc = 'A case.'\n{head}\nsteps = [{{ deploy = '' }}, {each}]" for index, each in enumerate(steps)
        ]
        return units_of(parse_scenario("\n".join(cases).encode(), where="t.toml"), "t", "t", "t.toml", module)

    return make
