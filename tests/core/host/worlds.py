"""Small worlds to run contracts in: alice and bob with money, one contract, its entries by their names' first letters."""

from __future__ import annotations

from functools import cache

from sshi.host.chain import Call, Code
from sshi.host.engine import wat_to_wasm
from sshi.host.outcome import Returned
from sshi.host.reference import ReferenceVM
from sshi.spec.loader import interface
from sshi.spec.manifest import Entry, EntryKind, Manifest

ALICE, BOB, TOKEN = b"alice", b"bob", b"token"
RICH = 10**27


def imports() -> str:
    """Every function of the interface, imported under its own name."""
    lines = []
    for function in interface().functions.values():
        params = f"(param {' '.join(function.wasm_params)})" if function.params else ""
        results = f"(result {' '.join(function.results)})" if function.results else ""
        lines.append(f'(import "env" "{function.name}" (func ${function.name} {params} {results}))')
    return "\n".join(lines)


@cache
def contract(fields: str, pages: str = "1 15") -> bytes:
    """A contract that imports everything and has these fields beside its memory."""
    return wat_to_wasm(f'(module {imports()} (memory (export "memory") {pages}) {fields})', where="test")


def manifest(*entries: str) -> Manifest:
    """`init:name`, `query:name`, `call:name`, with `!` at the end when payable."""
    made = []
    for text in entries:
        kind, _, name = text.rstrip("!").partition(":")
        made.append(Entry(name, EntryKind(kind), payable=text.endswith("!")))
    return Manifest(sshi=1, name="token", entries=tuple(made))


def world(engine: str = "interpreter", vm: type[ReferenceVM] = ReferenceVM) -> ReferenceVM:
    """A host with two rich accounts."""
    host = vm(engine)
    host.create_account(ALICE, RICH)
    host.create_account(BOB, RICH)
    return host


def deployed(
    fields: str, *entries: str, engine: str = "interpreter", vm: type[ReferenceVM] = ReferenceVM, pages: str = "1 15", **call
) -> ReferenceVM:
    """That world with the contract in it; the first entry of kind init is run."""
    host = world(engine, vm)
    inits = [text.rstrip("!").partition(":")[2] for text in entries if text.startswith("init:")]
    done = host.deploy(
        Code(contract(fields, pages), manifest(*entries)), TOKEN.decode(), Call(inits[0] if inits else None, caller=ALICE, **call)
    )
    assert isinstance(done.receipt.outcome, Returned), done.receipt
    return host


def blob(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data


def text(data: bytes) -> str:
    """Bytes as a WAT string."""
    return "".join(f"\\{byte:02x}" for byte in data)


def data(at: int, content: bytes) -> str:
    """A data segment."""
    return f'(data (i32.const {at}) "{text(content)}")'
