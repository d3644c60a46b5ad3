"""What `sshi meter` does with a module that it has not seen before."""

from __future__ import annotations

from pathlib import Path

from sshi.errors import LinkError
from sshi.host.engine import validate
from sshi.link.check import InvalidModule
from sshi.link.guard import charges, guarded
from sshi.link.kept import Bounds, Kept
from sshi.link.source import decode_file
from sshi.spec.loader import interface
from sshi.wasm.customs import positional
from sshi.wasm.encode import encode
from sshi.wasm.meter import GAS_LEFT, HostHook, Metered, costs_from, counts_gas, default_costs
from sshi.wasm.module import MEMORY, Module


def meter_module(wasm: bytes, path: Path, bounds: Bounds, table: bytes | None, costs: Path | None) -> Kept:
    """The module of that file metered by a table of costs, None for the one that comes along.

    Raises ContractError for what is no valid module or cannot be metered, UsageError for a table that is none.
    """
    module = decode_file(wasm, path)
    if complaint := validate(wasm):
        raise InvalidModule(complaint, where=str(path))
    prices = default_costs() if table is None else costs_from(table, where=str(costs))
    reverts = bounds.reverts if bounds.reverts is not None else module.export(interface().memory, MEMORY) is not None
    try:
        done = guarded(module, prices, budget=bounds.budget, calls=bounds.calls, reverts=reverts)
    except LinkError as error:
        error.where = error.where or str(path)
        raise
    result = encode(done.module)
    if complaint := validate(result):
        raise LinkError(f"the metered module is not valid: {complaint}", where=str(path), advice="report it with the module")
    hook = HostHook()
    ends = (bounds.budget, bounds.calls) != (None, None)
    return Kept(
        result,
        done.points,
        done.counted,
        charges_by=f"{hook.module}.{hook.name}" if bounds.budget is None else GAS_LEFT,
        ends_by=("revert" if reverts else "trap") if ends else None,
        notes=tuple(_notes(module, done, bounds)),
    )


def _notes(module: Module, done: Metered, bounds: Bounds) -> list[str]:
    """What its author should know about the result."""
    found: list[str] = []
    if bounds.budget == 0:
        found.append(f"the budget is 0: every call is exhausted unless a host sets `{GAS_LEFT}` first; --budget gives one")
    if charges(module) or counts_gas(module):
        found.append("the module was metered before, or charges gas itself: it pays twice")
    if not done.points and not done.counted:
        found.append("nothing in it costs anything, so nothing is charged")
    if dropped := positional(module):
        found.append(f"dropped, since they hold for the code as it was only: {', '.join(dropped)}")
    return found
