"""Run function calls in this process: `EmulatedRuntime` answers as the chain's own VM does, gas included.

What a call costs is charged in the chain's order: the loading fee, the metered module's instructions, the host functions.  Evicted
and removed bytes are charged, trie nodes are not: what a chain charges for them depends on all its other accounts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from sshi.errors import ContractError
from sshi.host.engine import Compiled, Mode, StackOverflow, WasmTrap, engine
from sshi.host.outcome import TrapKind
from sshi.wasm.decode import decode
from sshi.wasm.module import FUNC, FuncType, Module
from sshi_near.emulated.bind import FUNCTIONS
from sshi_near.emulated.context import Call, Costs
from sshi_near.emulated.errors import Abort
from sshi_near.emulated.gas import GasCounter
from sshi_near.emulated.prepare import METHOD, START, link_problem, prepare
from sshi_near.runtime import Ended, FunctionCall, changed
from sshi_near.runtime import Module as Contract
from sshi_near.tables import Parameters

_ENTRY = FuncType(b"", b"")

_KEPT = 512
"""Modules; the one that came first goes first."""

_TRAPS = {
    TrapKind.UNREACHABLE: "Unreachable",
    TrapKind.MEMORY: "MemoryOutOfBounds",
    TrapKind.DIVISION: "IllegalArithmetic",
    TrapKind.OVERFLOW: "IllegalArithmetic",
}
_INDIRECT_CALLS = {"uninitialized element": "IndirectCallToNull", "indirect call type mismatch": "IncorrectCallIndirectSignature"}
"""By what the engine says; an index past the table is an access out of bounds on the chain."""


@dataclass(frozen=True)
class _Code:
    """What was made of a contract's module: ready to run, or why it never will be."""

    size: int
    compiled: Compiled | None = None
    methods: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()
    has_start: bool = False
    refused: Abort | None = None
    link_problem: str = ""


class _Stop(NamedTuple):
    """How a call ended before its first instruction; `burnt` counts, or it is as if nothing had been run."""

    why: Abort
    counts: bool


class EmulatedRuntime:
    """A `Runtime` of one protocol version.

    Ahead of time by default: a call that never ends takes half a second then, and 20 times that in the interpreter.
    """

    def __init__(self, parameters: Parameters, mode: Mode = "aot") -> None:
        self._parameters = parameters
        self._costs = Costs(parameters)
        self._engine = engine(mode, fuel=False)
        self._kept: dict[bytes, _Code] = {}

    def run(self, call: FunctionCall) -> Ended:
        """Run one call."""
        code = self._code(call.module)
        most = self._parameters.limits.max_gas_burnt
        gas = GasCounter(call.gas, call.gas if call.view else most, profile=call.trace)
        context = Call(call, self._costs, gas)
        stop = self._before(code, context)
        if stop is not None:
            return _aborted(context, stop.why) if stop.counts else _aborted(context, stop.why, GasCounter(0, 0, profile=call.trace))
        assert code.compiled is not None  # noqa: S101  what has none was stopped
        try:
            self._execute(code.compiled, code, context)
        except Abort as why:
            if context.overshot:
                return self._again(code, call, context)
            return _aborted(context, why)
        return _returned(context)

    def close(self) -> None:
        """Drop what was kept."""
        self._kept.clear()

    def _code(self, module: Contract) -> _Code:
        found = self._kept.get(module.hash)
        if found is None:
            while len(self._kept) >= _KEPT:
                del self._kept[next(iter(self._kept))]
            found = self._kept[module.hash] = self._load(module.wasm)
        return found

    def _load(self, wasm: bytes) -> _Code:
        try:
            prepared = prepare(wasm, self._parameters)
        except Abort as refused:
            return _Code(len(wasm), refused=refused)
        module = decode(wasm)
        problem = link_problem(module, self._parameters.version)
        if problem:
            return _Code(len(wasm), link_problem=problem)
        try:
            compiled = self._engine.compile(prepared)
        except ContractError as error:  # the emulator's own limit: a `br_table` of more than 65,520 targets
            return _Code(len(wasm), refused=Abort("CompilationError/WasmtimeCompileError", msg=error.message))
        methods, others = _methods(module)
        return _Code(len(wasm), compiled, methods, others, has_start=module.start is not None)

    def _before(self, code: _Code, context: Call) -> _Stop | None:
        """Everything up to the first instruction, in the chain's order."""
        method = context.request.method
        if not method:
            return _Stop(Abort("MethodResolveError/MethodEmptyName"), counts=False)
        if code.refused is not None and not self._pays_for_loading(code.refused):
            return _Stop(code.refused, counts=False)
        try:
            context.pay("contract_loading_bytes", code.size)
            context.pay("contract_loading_base")
        except Abort:
            return _Stop(Abort("HostError/GasExceeded"), counts=True)
        if code.refused is not None:
            return _Stop(code.refused, counts=True)
        if code.link_problem:
            return _Stop(Abort("LinkError", msg=code.link_problem), counts=True)
        if method not in code.methods:
            name = "MethodInvalidSignature" if method in code.others else "MethodNotFound"
            return _Stop(Abort(f"MethodResolveError/{name}"), counts=False)
        return None

    def _pays_for_loading(self, refused: Abort) -> bool:
        return refused.path == "LoadingError" and self._parameters.limits.fix_contract_loading_error

    def _again(self, code: _Code, call: FunctionCall, first: Call) -> Ended:
        """The same call with every charge tested where the chain tests it: what it burnt in the end is exact then."""
        compiled = self._engine.compile(prepare(call.module.wasm, self._parameters, late=False))
        context = Call(call, self._costs, GasCounter(call.gas, first.gas.most, profile=call.trace), exact=True)
        self._before(code, context)
        try:
            self._execute(compiled, code, context)
        except Abort as why:
            return _aborted(context, why)
        raise AssertionError  # a call that ran out of gas runs out of gas again

    def _execute(self, compiled: Compiled, code: _Code, context: Call) -> None:
        try:
            context.instance = self._engine.instantiate(compiled, FUNCTIONS, context)
        except WasmTrap as trap:  # a segment outside memory or table
            raise _trap(trap) from None
        for export in (START,) * code.has_start + (METHOD + context.request.method,):
            context.hand_over()
            try:
                context.instance.call(export)
            except WasmTrap as trap:
                context.take_back()  # more than there is: then it ran out of gas before it trapped
                raise _trap(trap) from None
            except StackOverflow:  # the engine's own stack is smaller than the chain's and larger than its limit
                context.take_back()
                raise Abort("HostError/MemoryAccessViolation") from None
            context.take_back()


def _methods(module: Module) -> tuple[frozenset[str], frozenset[str]]:
    """The exported functions that can be called, and those whose type forbids it."""
    types = {export.name: module.function_type(export.index) for export in module.exports if export.kind == FUNC}
    methods = frozenset(name for name, of in types.items() if of == _ENTRY)
    return methods, frozenset(types) - methods


def _trap(trap: WasmTrap) -> Abort:
    name = _TRAPS.get(trap.kind)
    if name is None:
        name = next((name for words, name in _INDIRECT_CALLS.items() if words in trap.detail), "MemoryOutOfBounds")
    return Abort(f"WasmTrap/{name}")


def _aborted(context: Call, why: Abort, gas: GasCounter | None = None) -> Ended:
    """Without effects: the VM itself undoes nothing, the chain drops all but gas and logs."""
    gas = gas or context.gas
    request = context.request
    return Ended(
        error=why.debug,
        name=why.path,
        message=why.message,
        data=b"",
        logs=tuple(context.logs),
        burnt=gas.burnt,
        used=gas.used,
        balance=request.balance,
        storage_usage=request.storage_usage,
        state=request.state,
        changes=(),
        sent=(),
        profile=_profile(gas),
        trace=tuple(context.trace),
    )


def _returned(context: Call) -> Ended:
    request = context.request
    before = request.state.storage
    changes = tuple(sorted((key, value) for key, value in context.writes.items() if before.get(key) != value))
    return Ended(
        error="",
        name="",
        message="",
        data=context.returned,
        logs=tuple(context.logs),
        burnt=context.gas.burnt,
        used=context.gas.used,
        balance=context.balance,
        storage_usage=context.storage_usage,
        state=changed(request.state, changes),
        changes=changes,
        sent=tuple(action for receipt in context.sent for action in receipt),
        profile=_profile(context.gas),
        trace=tuple(context.trace),
    )


def _profile(gas: GasCounter) -> dict[str, int]:
    """Gas by cost name, instructions being what no host function burnt."""
    if gas.profile is None:
        return {}
    named = {name: amount for name, amount in gas.profile.items() if amount}
    instructions = gas.burnt - sum(named.values())
    return {**named, "wasm_instruction": instructions} if instructions else named
