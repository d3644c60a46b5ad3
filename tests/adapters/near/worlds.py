"""Contracts linked for NEAR by the real linker, on the emulated VM and, where it is built, on the chain's own."""

from __future__ import annotations

import struct
from functools import cache

import pytest

from sshi.adapter import VmRequest
from sshi.host.chain import Call, Code
from sshi.host.engine import wat_to_wasm
from sshi.host.outcome import Returned
from sshi.host.process import find_program
from sshi.link.linker import build
from sshi.spec.loader import interface
from sshi.spec.manifest import Entry, EntryKind, Manifest
from sshi_near import tables
from sshi_near.adapter import adapter
from sshi_near.emulated.run import EmulatedRuntime
from sshi_near.real import RealRuntime
from sshi_near.runtime import EMPTY, FunctionCall, Module

NEAR = adapter()
ALICE, BOB, CONTRACT = NEAR.address("alice"), NEAR.address("bob"), NEAR.address("contract")
RICH = 10**27
KINDS = ("emulated", "real")
TGAS = 10**12


def blob(data: bytes) -> bytes:
    """As the interface writes it: a length and the bytes."""
    return struct.pack("<I", len(data)) + data


def u128(value: int) -> bytes:
    return value.to_bytes(16, "little")


def escaped(data: bytes) -> str:
    """Bytes as a string of the text format."""
    return '"' + "".join(f"\\{byte:02x}" for byte in data) + '"'


@cache
def imports() -> str:
    """Every function of the interface, imported under its own name."""
    lines = []
    for function in interface().functions.values():
        params = "".join(f" (param {kind})" for kind in function.wasm_params)
        results = "".join(f" (result {kind})" for kind in function.results)
        lines.append(f'(import "env" "{function.name}" (func ${function.name}{params}{results}))')
    return "\n".join(lines)


def manifest(*entries: str) -> Manifest:
    """`init:name`, `query:name`, `call:name`, with `!` at the end when payable."""
    made = []
    for text in entries:
        kind, _, name = text.rstrip("!").partition(":")
        made.append(Entry(name, EntryKind(kind), payable=text.endswith("!")))
    return Manifest(sshi=1, name="test", entries=tuple(made))


@cache
def linked(fields: str, *entries: str, pages: str = "1 1", profile: str | None = None) -> Code:
    """A contract that imports everything and has these fields, linked."""
    wasm = wat_to_wasm(f'(module {imports()} (memory (export "memory") {pages}) {fields})', where="test")
    declared = manifest(*entries)
    return Code(build(wasm, declared, NEAR, profile).wasm, declared)


@cache
def vm_of(kind: str, profile: str = "near@86"):
    """One VM a kind and profile for the whole session."""
    missing = NEAR.vms[kind].ready()
    if missing:
        pytest.skip(missing)
    return NEAR.vms[kind].make(VmRequest(NEAR.profile(profile)))


class World:
    """A VM, put back to its start, with alice and bob on it and one contract."""

    def __init__(self, kind: str, profile: str = "near@86") -> None:
        self.vm = vm_of(kind, profile)
        self.vm.reset()
        self.vm.create_account(ALICE, RICH)
        self.vm.create_account(BOB, RICH)

    def deploy(self, code: Code, entry: str | None = None, data: bytes = b"", *, name: str = "contract", caller: bytes = ALICE, **more):
        return self.vm.deploy(code, name, Call(entry, data, caller, **more))

    def deployed(self, fields: str, *entries: str, init: str | None = None, data: bytes = b"", value: int = 0, pages: str = "1 1") -> World:
        """With that contract in it."""
        done = self.deploy(linked(fields, *entries, pages=pages), init, data, value=value)
        assert isinstance(done.receipt.outcome, Returned), done.receipt
        assert done.address == CONTRACT
        return self

    def call(self, entry: str = "main", data: bytes = b"", *, caller: bytes = ALICE, contract: bytes = CONTRACT, **more):
        return self.vm.call(contract, Call(entry, data, caller, **more))

    def query(self, entry: str, data: bytes = b"", **more):
        return self.vm.query(CONTRACT, Call(entry, data, **more))

    def data(self, entry: str = "main", data: bytes = b"", **more) -> bytes:
        """What a call returned."""
        receipt = self.call(entry, data, **more)
        assert isinstance(receipt.outcome, Returned), receipt
        return receipt.outcome.data


# ---- single function calls of raw modules -----------------------------------------------------------------------


def chain_imports(*names: str) -> str:
    """Those host functions of the chain, imported under their own names."""
    lines = []
    for name in names or tables.host_table().functions:
        function = tables.host_table().functions[name]
        params = "".join(f" (param {kind})" for kind in function.params)
        results = "".join(f" (result {kind})" for kind in function.results)
        lines.append(f'(import "env" "{name}" (func ${name}{params}{results}))')
    return "\n".join(lines)


@cache
def raw(body: str, extra: str = "", *names: str) -> Module:
    """A module that only NEAR knows, with `main`."""
    text = f'(module {chain_imports(*names)} (memory 1) {extra} (func (export "main") {body}))'
    return Module(wat_to_wasm(text, where="test"))


@cache
def emulated(version: int = 86) -> EmulatedRuntime:
    return EmulatedRuntime(tables.parameters(version))


@cache
def real(version: int = 86) -> RealRuntime:
    program = find_program("near")
    if program is None:
        pytest.skip("the chain's VM is not built: run `sshi vm build near`")
    return RealRuntime(program, f"near@{version}")


def request(module: Module, **fields) -> FunctionCall:
    """A call of `main` by bob of alice's contract; fields as of `FunctionCall`."""
    given = {
        "state": EMPTY, "method": "main", "input": b"", "account": "alice", "predecessor": "bob", "balance": 10**25, "deposit": 0,
        "storage_usage": 1000, "height": 7, "time_ns": 5_000_000, "gas": 300 * TGAS,
    }  # fmt: skip
    return FunctionCall(module=module, **{**given, **fields})


def loading(module: Module) -> int:
    """What every call of the module burns first."""
    return 35_445_963 + 1_089_295 * len(module.wasm)
