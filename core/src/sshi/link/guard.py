"""Bounds that travel with a contract: a budget of gas and a limit of nested calls, the same on every host.

The contract is metered as it came, before it is lowered and linked, so that units mean the same on every chain; a chain's own gas is
paid besides.  What a budget has left stands in the exported global `gas_left`, afresh in every call.  Where a bound is passed the call
reverts with the interface's text for that, which every host tells as exhausted(gas) or exhausted(stack); or it traps, for hosts that
have no `revert`.  Neither what charges nor what counts is itself charged or counted.  Clauses: `gas_consume.budget`, `outcome.bounds`.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec

from sshi.errors import LinkError
from sshi.link.check import check_contract
from sshi.link.source import Source
from sshi.spec.loader import interface
from sshi.wasm.decode import decode
from sshi.wasm.edit import assemble, with_functions, with_imports
from sshi.wasm.encode import encode
from sshi.wasm.instructions import emit
from sshi.wasm.meter import GAS_LEFT, TRAP, Costs, HelperHook, HostHook, Metered, default_costs, metered, with_gas, without_import
from sshi.wasm.module import FUNC, I32, I64, MEMORY, Code, FuncType, Module
from sshi.wasm.reindex import reindex
from sshi.wasm.stack import limit_stack

CONSUME = "gas_consume"
NO_GAS, NO_STACK = ("sshi", "gas_exhausted"), ("sshi", "stack_exhausted")
"""What the passes call to stop with; it is code of the module's own in the end."""

_RANGE = FuncType(bytes((I32, I32)), b"")
_UNITS = FuncType(bytes((I64,)), b"")


def with_budget(source: Source, units: int | None, costs: Costs | None = None) -> Source:
    """The contract with a budget of that many units a call, 0 to 2^63 - 1; the very same source when it is None.

    A contract that imports `gas_consume` charges for itself and is not metered: its own charges come off the budget.
    Raises RuleBroken or InvalidModule when the contract is not fit to be linked, LinkError when it has a `gas_left` already.
    """
    if units is None:
        return source
    module = decode(source.wasm)
    check_contract(source.wasm, module, source.manifest)
    if charges(module):
        module, revert = _with_revert(module)
        module = _ended(_counting(module, units), revert)
    else:
        module = guarded(module, costs or default_costs(), budget=units).module
    return msgspec.structs.replace(source, wasm=encode(module))


def charges(module: Module) -> bool:
    """Whether it calls the interface's `gas_consume`: it was metered for a host, or charges by itself."""
    return any((entry.module, entry.name) == (interface().module, CONSUME) for entry in module.imported(FUNC))


def guarded(module: Module, costs: Costs, *, budget: int | None = None, calls: int | None = None, reverts: bool = True) -> Metered:
    """The module charging for what it runs: against a budget of its own, or by `gas_consume` when that is None.

    With `calls` it ends past that many nested calls, or the interface's bytes of locals and operands.  Unless it `reverts` it traps there.
    Raises LinkError for what cannot be metered, and for a module that shall revert and has no memory.
    """
    hook = HostHook() if budget is None else HelperHook(GAS_LEFT, budget, NO_GAS if reverts else None)
    own = len(module.funcs)
    module, revert = _with_revert(module) if reverts and (budget, calls) != (None, None) else (module, None)
    done = metered(module, costs, hook)
    module = done.module
    if calls is not None:
        first = len(module.imported(FUNC))
        helpers = frozenset(range(first + own, first + len(module.funcs)))
        bytes_most = interface().limits.frame_bytes
        module = limit_stack(module, depth=calls, frame_bytes=bytes_most, exhausted=NO_STACK, free=helpers)
    return replace(done, module=_ended(module, revert))


def _counting(module: Module, units: int) -> Module:
    """The module with its import `gas_consume` defined: the units, which are unsigned, come off the global."""
    functions = module.imported(FUNC)
    consume = next(at for at, entry in enumerate(functions) if (entry.module, entry.name) == (interface().module, CONSUME))
    own = len(functions) + len(module.funcs)
    module = reindex(module, {"func": [own if index == consume else index for index in range(own)]})
    # the helper is there before the import is added, so that every index moves with it
    module, gas = with_gas(module, GAS_LEFT, units)
    module = with_functions(module, [(CONSUME, _UNITS, Code((), emit("end")))])
    module, (stop,) = with_imports(module, [(NO_GAS, FuncType(b"", b""))])
    body = f"""
        local.get 0; global.get {gas}; i64.gt_u
        if void
            global.get {gas}; local.get 0; i64.sub; i64.const {-1 << 63}; i64.or; global.set {gas}; call {stop}
        end
        global.get {gas}; local.get 0; i64.sub; global.set {gas}
    end"""
    return replace(module, codes=(*module.codes[:-1], Code((), assemble(body))))


def _with_revert(module: Module) -> tuple[Module, int]:
    """The module importing the interface's `revert`, and its index; LinkError when it has no memory to revert from."""
    face = interface()
    if module.export(face.memory, MEMORY) is None or not module.memories:
        raise LinkError(f"it has no memory {face.memory!r}, where the text of a revert would be", advice="let it trap instead")
    module, (revert,) = with_imports(module, [((face.module, "revert"), _RANGE)])
    return module, revert


def _ended(module: Module, revert: int | None) -> Module:
    """The module with what it stops with defined: a revert with the text, or a trap; the import added last first."""
    texts = interface().texts
    for imported, text in ((NO_STACK, texts.stack_exhausted), (NO_GAS, texts.gas_exhausted)):
        body = TRAP if revert is None else _reverting(module, text.encode(), revert)
        module = without_import(module, imported, ".".join(imported), body)
    return module


def _reverting(module: Module, text: bytes, revert: int) -> bytes:
    """Code that reverts with the text, written where memory begins: nobody reads that any more."""
    words = [int.from_bytes(text[at : at + 8].ljust(8, b"\0"), "little", signed=True) for at in range(0, len(text), 8)]
    stores = "".join(f"i32.const 0; i64.const {word}; i64.store 0 {at * 8};" for at, word in enumerate(words))
    # a memory that may have no page at all holds no text, on no host
    empty = "" if module.memories[0].minimum else "memory.size 0; i32.eqz; if void; unreachable; end;"
    return assemble(f"{empty} {stores} i32.const 0; i32.const {len(text)}; call {revert}") + TRAP
