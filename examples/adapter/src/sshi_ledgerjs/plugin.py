"""The adapter of ledgerjs, a chain of one Node.js file (`vm.mjs`).

The chain was designed after the interface, so its host functions are the interface's own, in module `ledger`, and the shim
hands each through.  It knows init, query and payable entries natively: an export's name begins with the entry's flags.
It has no Keccak and no secp256k1, and it does not meter: a contract that needs either belongs elsewhere.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from sshi.adapter import API_VERSION, Adapter, ChainFunction, Features, GlueRequest, Profile, TargetLimits, VmKind, VmRequest
from sshi.hookspecs import hookimpl
from sshi.spec.loader import interface
from sshi.spec.manifest import EntryKind

if TYPE_CHECKING:
    from sshi.host.chain import ChainVM

SSHI_API = 1
HERE = Path(__file__).parent
FLAGS = {EntryKind.INIT: "init", EntryKind.CALL: "call", EntryKind.QUERY: "query"}


def shim() -> str:
    """Each base function, imported from the chain and exported again."""
    lines = ["(module", '  (import "contract" "memory" (memory 0))']
    for function in interface().functions.values():
        params = "".join(f" (param {kind})" for kind in function.wasm_params)
        results = "".join(f" (result {kind})" for kind in function.results)
        lines.append(f'  (import "ledger" "{function.name}" (func ${function.name}{params}{results}))')
    lines += [f'  (export "{name}" (func ${name}))' for name in interface().functions]
    return "\n".join([*lines, ")"])


def glue(request: GlueRequest) -> str:
    """Each entry under `flags:name`, and how much of the memory is the contract's own."""
    lines = ["(module", '  (import "sshi" "memory_bytes" (global $bytes i32))']
    reactor = ['  (import "contract" "_initialize" (func $initialize))'] if request.reactor else []
    entries = request.manifest.entries
    lines += [*reactor, *(f'  (import "contract" "{entry.name}" (func ${entry.name}))' for entry in entries)]
    lines.append('  (export "memory_bytes" (global $bytes))')
    for entry in entries:
        name = f"{FLAGS[entry.kind]}{'$' if entry.payable else ''}:{entry.name}"
        start = " call $initialize" if request.reactor else ""
        lines.append(f'  (func (export "{name}"){start} call ${entry.name})')
    return "\n".join([*lines, ")"])


def ready() -> str | None:
    """Node runs the chain."""
    return None if shutil.which("node") else "node is not installed"


def make(request: VmRequest) -> ChainVM:
    """A world of ledgerjs."""
    from sshi.host.world import WorldVM, plain_entries

    return WorldVM(
        [shutil.which("node") or "node", str(HERE / "vm.mjs")], adapter="ledgerjs", profile=request.profile.name, encode=plain_entries
    )


@hookimpl
def sshi_adapter() -> Adapter:
    """The whole adapter."""
    functions = tuple(
        ChainFunction("ledger", function.name, function.wasm_params, function.results, "vm.mjs")
        for function in interface().functions.values()
    )
    return Adapter(
        name="ledgerjs",
        title="ledgerjs, an example chain",
        api_version=API_VERSION,
        spec_version=1,
        profiles={"ledgerjs": Profile("ledgerjs", 1, Features(sign_extension=True, bulk_memory=True), TargetLimits())},
        default_profile="ledgerjs",
        shim=shim(),
        glue=glue,
        functions=functions,
        deviations=(),
        address=lambda name: f"ledger:{name}".encode(),
        wellformed=lambda address: 1 <= len(address) <= 64,
        show_address=lambda address: address.decode("utf-8", "replace"),
        vms={"emulated": VmKind(make, ready, "Node.js")},
        exports_memory=True,
    )
