"""One run of one artifact on the engine, and what it ended in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from sshi.host.engine import HostFunction, OutOfBounds, OutOfFuel, StackOverflow, WasmTrap, engine
from sshi.host.outcome import Exhausted, Outcome, Refusal, Rejected, Resource, Returned, Reverted, TrapKind, Trapped, reverted
from sshi_polkadot.emulated.code import MEMORY_IMPORT, STACK_EXHAUSTED, Code
from sshi_polkadot.emulated.hostcalls import REVERT, Ended, PalletError, Run, host_functions
from sshi_polkadot.tables import constants

_LONGEST = 10
"""Blocks of work that a run may be given, whatever limit it states: every run ends."""


def gas_limit(asked: int | None) -> int:
    """The ref_time that a run is given."""
    block = constants().chain.block_ref_time
    return block if asked is None else min(asked, _LONGEST * block)


def execute(code: Code, export: str, run: Run, *, traced: bool) -> Outcome:
    """Run `deploy` or `call`.

    What gas is left when the run begins buys instructions as well; neither is a cost that could be told, it ends what would not end
    by itself.  The pallet has one error for every trap.
    """
    if export not in code.enterable:
        return Rejected(Refusal.MALFORMED_MODULE, "CodeRejected")
    fuel = run.gas // constants().pallet.instruction_ref_time
    try:
        instance = engine("interpreter").instantiate(
            code.compiled,
            _imports(traced=traced),
            run,
            fuel=fuel,
            memory_import=MEMORY_IMPORT,
            table_elements=constants().engine.table_elements,
        )
        instance.call(export)
    except Ended as end:
        return _ended(end)
    except PalletError as error:
        return Exhausted(Resource.GAS, error.name) if error.name == "OutOfGas" else _trapped(error.name)
    except OutOfBounds:
        return _trapped("OutOfBounds")
    except (WasmTrap, StackOverflow):
        return _trapped("ContractTrapped")
    except OutOfFuel:
        return Exhausted(Resource.GAS, "OutOfGas")
    return Returned()


def _ended(end: Ended) -> Outcome:
    if end.flags & ~REVERT:
        return _trapped("InvalidCallFlags")
    if not end.flags:
        return Returned(end.data)
    try:
        return reverted(end.data.decode())
    except UnicodeDecodeError:
        return Reverted()


def _trapped(error: str) -> Trapped:
    return Trapped(TrapKind.UNKNOWN, detail=error)


@cache
def _imports(*, traced: bool) -> Mapping[tuple[str, str], HostFunction]:
    return {**host_functions(traced=traced), STACK_EXHAUSTED: HostFunction((), (), _stack_exhausted)}


def _stack_exhausted(_run: Run) -> None:
    raise PalletError("ContractTrapped")
