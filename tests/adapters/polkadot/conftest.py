"""Contracts linked for Polkadot by the real linker, on the emulated pallet and, where it is built, on the real one."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from sshi.adapter import VmRequest
from sshi.host.chain import Call, Code
from sshi.host.engine import wat_to_wasm
from sshi.link.linker import build
from sshi.spec.loader import interface
from sshi.spec.manifest import Entry, EntryKind, Manifest
from sshi_polkadot.adapter import adapter as polkadot

MONEY = 10**24
WINDOW = 512
"""Bytes of memory, from its beginning, that a probe returns, behind the eight of the function's result."""


@pytest.fixture(scope="session")
def adapter():
    return polkadot()


@pytest.fixture(scope="session")
def link(adapter):
    """A contract's WAT and entries, as name:kind with a `$` when payable, to what is deployed."""

    def make(wat: str, *entries: str) -> Code:
        manifest = Manifest(1, "test", tuple(entry(text) for text in entries))
        return Code(build(wat_to_wasm(wat, where="contract"), manifest, adapter).wasm, manifest)

    return make


def entry(text: str) -> Entry:
    name, _, kind = text.rstrip("$").partition(":")
    return Entry(name, EntryKind(kind or "call"), payable=text.endswith("$"))


@dataclass
class World:
    """One VM with alice and bob on it."""

    vm: object
    alice: bytes
    bob: bytes

    def deploy(self, code, name="contract", entry=None, data=b"", *, value=0, caller=None, **more):
        return self.vm.deploy(code, name, Call(entry, data, caller or self.alice, value, **more))

    def deployed(self, code, entry=None, data=b"", *, value=0, name="contract"):
        made = self.deploy(code, name, entry, data, value=value)
        assert made.address is not None, made.receipt
        return made.address

    def call(self, contract, entry, data=b"", *, value=0, caller=None, **more):
        return self.vm.call(contract, Call(entry, data, caller or self.alice, value, **more))

    def query(self, contract, entry, data=b"", **more):
        return self.vm.query(contract, Call(entry, data, **more))


@pytest.fixture(scope="session")
def programs(adapter):
    """The VMs of this session, by kind."""
    made = {}

    def get(kind: str):
        missing = adapter.vms[kind].ready()
        if missing:
            pytest.skip(missing)
        if kind not in made:
            made[kind] = adapter.vms[kind].make(VmRequest(adapter.profile()))
        return made[kind]

    yield get
    for vm in made.values():
        vm.close()


@pytest.fixture(scope="session")
def new_world(programs, adapter):
    """An empty world of that kind, with alice and bob on it."""

    def make(kind: str) -> World:
        vm = programs(kind)
        vm.reset()
        world = World(vm, adapter.address("alice"), adapter.address("bob"))
        for address in (world.alice, world.bob):
            vm.create_account(address, MONEY)
        return world

    return make


@pytest.fixture(params=["emulated", "real"])
def world(request, new_world) -> World:
    return new_world(request.param)


@pytest.fixture
def emulated(new_world) -> World:
    return new_world("emulated")


def probe_wat() -> str:
    """A contract with an entry a function, `f_<name>`, and one as a query, `q_<name>`.

    Its input is the function's arguments, 32 bits each, and an image of memory from address 0.  It returns the result as 64 bits and
    the window of memory as the function left it; the functions that set the return data or end the call speak for themselves.
    """
    functions = [function for function in interface().functions.values() if "i64" not in function.wasm_params]
    lines = ["(module", '  (memory (export "memory") 1 1)']
    for function in functions:
        params = "".join(f" (param {kind})" for kind in function.wasm_params)
        results = "".join(f" (result {kind})" for kind in function.results)
        lines.append(f'  (import "env" "{function.name}" (func ${function.name}{params}{results}))')
    lines.append("""
      (func $load (param $arguments i32)
        (local $at i32) (local $from i32) (local $size i32)
        (i32.store (i32.const 40000) (i32.const 20000))
        (local.set $size (i32.sub (call $input (i32.const 40000)) (local.get $arguments)))
        (local.set $from (i32.add (i32.const 40004) (local.get $arguments)))
        (block $done (loop $next
          (br_if $done (i32.ge_s (local.get $at) (local.get $size)))
          (i32.store8 (local.get $at) (i32.load8_u (i32.add (local.get $from) (local.get $at))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $next))))""")
    for function in functions:
        arguments = "".join(f" (i32.load (i32.const {40004 + 4 * number}))" for number in range(len(function.params)))
        call = f"(call ${function.name}{arguments})"
        wide = call if function.results == ("i64",) else f"(i64.extend_i32_s {call})"
        keep = f"(i64.store (i32.const 39000) {wide})" if function.results else call
        answer = "" if function.name == "set_return" else "(call $answer)"
        body = f"(call $load (i32.const {4 * len(function.params)})) {keep} {answer}"
        lines += [f'  (func (export "{prefix}_{function.name}") {body})' for prefix in "fq"]
    lines.append(f"""
      (func $answer
        (local $at i32)
        (loop $next
          (i64.store offset=39008 (local.get $at) (i64.load (local.get $at)))
          (local.set $at (i32.add (local.get $at) (i32.const 8)))
          (br_if $next (i32.lt_u (local.get $at) (i32.const {WINDOW}))))
        (call $set_return (i32.const 39000) (i32.const {8 + WINDOW})))""")
    order = [line for line in lines[1:] if line.startswith("  (import")] + [line for line in lines[1:] if not line.startswith("  (import")]
    return "\n".join([lines[0], *order, ")"])


@pytest.fixture(scope="session")
def probe_code(link):
    names = [name for name, function in interface().functions.items() if "i64" not in function.wasm_params]
    return link(probe_wat(), *(f"f_{name}$" for name in names), *(f"q_{name}:query" for name in names))


@dataclass
class Probe:
    """The probe, deployed."""

    world: World
    address: bytes

    def call(self, function: str, *arguments: int, image: bytes = b"", value: int = 0, caller: bytes | None = None, trace: bool = False):
        data = b"".join((argument & 0xFFFF_FFFF).to_bytes(4, "little") for argument in arguments) + image
        return self.world.call(self.address, f"f_{function}", data, value=value, caller=caller, trace=trace)

    def query(self, function: str, *arguments: int, image: bytes = b""):
        data = b"".join((argument & 0xFFFF_FFFF).to_bytes(4, "little") for argument in arguments) + image
        return self.world.query(self.address, f"q_{function}", data)

    def result(self, function: str, *arguments: int, **more) -> tuple[int, bytes]:
        """The function's result, and the window of memory after it."""
        receipt = self.call(function, *arguments, **more)
        assert receipt.outcome.__struct_config__.tag == "returned", receipt
        return int.from_bytes(receipt.outcome.data[:8], "little", signed=True), receipt.outcome.data[8:]


@pytest.fixture
def probe(world, probe_code) -> Probe:
    return Probe(world, world.deployed(probe_code))


def blob(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data
