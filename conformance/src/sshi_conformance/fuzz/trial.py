"""One case on one host, with everything that it shows: each step's receipt, and what is left in the world at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from sshi.host.chain import Call, ChainVM, Code
from sshi.host.outcome import Receipt
from sshi_conformance.plan import Plan, PlannedStep

NOWHERE = bytes(8)
"""The address of a contract that was not deployed, in inputs that write it."""


@dataclass(slots=True)
class Trial:
    """What a host showed.

    receipts   one a step; None for a step whose contract was never deployed
    addresses  of the contracts, by their names in the case
    storage, balances  at the end, by name
    ended_by   the host function that ended the last step, and how, where the host can tell
    broke      what the host raised, which no contract may cause; the trial ends there
    """

    receipts: list[Receipt | None] = field(default_factory=list)
    addresses: dict[str, bytes] = field(default_factory=dict)
    storage: dict[str, Mapping[bytes, bytes]] = field(default_factory=dict)
    balances: dict[str, int | None] = field(default_factory=dict)
    ended_by: tuple[str, str] | None = None
    broke: str = ""


def attempt(vm: ChainVM, code: Code, plan: Plan) -> Trial:
    """Run the case in an empty world; whatever the host raises is a result too.

    The last step is done twice, from a snapshot and traced the second time: neither may change anything.
    """
    trial = Trial()
    try:
        _run(vm, code, plan, trial)
    except Exception as error:  # noqa: BLE001  a host that raises is what we look for
        trial.broke = f"{type(error).__name__}: {error}"
    return trial


def _run(vm: ChainVM, code: Code, plan: Plan, trial: Trial) -> None:
    vm.reset()
    for address, balance in plan.accounts:
        vm.create_account(address, balance)
    nowhere = dict.fromkeys([step.contract for step in plan.steps], NOWHERE)
    for step in plan.steps:
        vm.block_height, vm.block_time = step.block
        call = step.made_call(nowhere | plan.book | trial.addresses)
        before = vm.snapshot() if step is plan.steps[-1] else None
        receipt = _step(vm, code, step, call, trial)
        if before is not None:
            vm.restore(before)
            again = _step(vm, code, step, msgspec.structs.replace(call, trace=True), trial)
            if again is not None and again.trace and again.trace[-1].result.startswith(("trapped", "reverted")):
                trial.ended_by = (again.trace[-1].function, again.trace[-1].result)
            if _essence(again) != _essence(receipt):
                trial.broke = f"step {step.number} done again from a snapshot, traced, is not the same: {_essence(again)}"
        trial.receipts.append(receipt)
    for name, address in trial.addresses.items():
        trial.storage[name] = vm.storage(address)
    for name, address in (plan.book | trial.addresses).items():
        trial.balances[name] = vm.balance(address)


def _essence(receipt: Receipt | None) -> Receipt | None:
    """A receipt without what is there for people."""
    return None if receipt is None else msgspec.structs.replace(receipt, trace=(), native=())


def _step(vm: ChainVM, code: Code, step: PlannedStep, call: Call, trial: Trial) -> Receipt | None:
    name = step.contract
    if step.kind == "deploy":
        deployed = vm.deploy(code, name, call)
        if deployed.address is not None:
            trial.addresses[name] = deployed.address
        return deployed.receipt
    here = trial.addresses.get(name)
    if here is None:
        return None
    return vm.call(here, call) if step.kind == "call" else vm.query(here, call)
