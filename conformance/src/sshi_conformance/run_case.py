"""One case on one host, step by step, to its first difference or to its end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from sshi.errors import ContractError
from sshi.host.chain import Call, ChainVM, Code
from sshi.host.outcome import Receipt, Refusal, Rejected, Returned
from sshi_conformance.compare import NO_EFFECTS, Observed, compare, compare_stored, storage_difference
from sshi_conformance.deviations import Declared
from sshi_conformance.hosts import Host
from sshi_conformance.plan import Expected, Plan, PlannedStep
from sshi_conformance.show import outcome_text
from sshi_conformance.suite import Unit
from sshi_conformance.verdict import INTERFACE, Difference, Status, Verdict


@dataclass(slots=True)
class CaseRun:
    """What is known while a case runs.

    asking     the host has the floor: what is raised now is its fault
    book       addresses by name, contracts as they are deployed
    ledger     for each contract, the storage that its receipts add up to
    seen_instead, stale   deviations whose cases were seen, and were not
    """

    host: Host
    unit: Unit
    code: Code | ContractError
    plan: Plan
    declared: Declared
    reference: Sequence[Observed] | None
    seen: list[Observed] = field(default_factory=list)
    asking: bool = False
    started: float = 0.0
    step: int = 0
    book: dict[str, bytes] = field(default_factory=dict)
    names: dict[bytes, str] = field(default_factory=dict)
    ledger: dict[bytes, dict[bytes, bytes]] = field(default_factory=dict)
    deviations: list[str] = field(default_factory=list)
    seen_instead: bool = False
    stale: str = ""

    def verdict(self, vm: ChainVM) -> Verdict:
        """Run the case."""
        self.started = time.perf_counter()
        made = self.plan
        self.book = dict(made.book)
        self.names = dict(made.names)
        self.asking = True
        vm.reset()
        for address, balance in made.accounts:
            vm.create_account(address, balance)
        self.asking = False
        for step in made.steps:
            self.step = step.number
            difference = self._reject(vm, step) if step.kind == "reject" else self._perform(vm, step)
            if difference is not None:
                return self.ended(Status.FAILED, difference)
        self.step = 0
        difference = self._audit(vm)
        if difference is not None:
            return self.ended(Status.FAILED, difference)
        if self.stale:
            return self.ended(Status.XPASSED, reason=f"{self.stale} is declared for this case and was not seen")
        return self.ended(Status.XFAILED if self.seen_instead else Status.PASSED)

    def ended(self, status: Status, difference: Difference | None = None, reason: str = "") -> Verdict:
        """The verdict, with all that was observed up to now."""
        return Verdict(
            status,
            seconds=time.perf_counter() - self.started if self.started else 0.0,
            reason=reason,
            step=self.step,
            difference=difference,
            deviations=tuple(dict.fromkeys(self.deviations)),
            receipts=[each.receipt for each in self.seen],
        )

    def _reject(self, vm: ChainVM, step: PlannedStep) -> Difference | None:
        """The module must be refused: when it is checked or linked, else by the host itself."""
        if isinstance(self.code, ContractError):
            self._note(Receipt(Rejected(Refusal.MALFORMED_MODULE, str(self.code))))
            wanted = step.source.action[1]
            return None if wanted in ("", self.code.code) else Difference("reject", wanted, self.code.code, explanation=str(self.code))
        entry = next((entry.name for entry in self.code.manifest.inits), None)
        self.asking = True
        receipt = vm.deploy(self.code, step.contract, Call(entry, caller=self.book["alice"])).receipt
        self.asking = False
        self._note(receipt)
        outcome = receipt.outcome
        if isinstance(outcome, Rejected) and outcome.reason is Refusal.MALFORMED_MODULE:
            return None
        return Difference("outcome", "the module is refused", outcome_text(outcome))

    def _perform(self, vm: ChainVM, step: PlannedStep) -> Difference | None:
        if isinstance(self.code, ContractError):
            raise self.code
        observed = self._note(self._ask(vm, step, self.code))
        reference = None
        if self.reference is not None and step.number <= len(self.reference):
            reference = self.reference[step.number - 1]
        own = self._compared(vm, step, step.made_expected(self.book), observed, reference)
        instead = step.made_override(self.book)
        if instead is None or step.override is None:
            return own
        difference = self._compared(vm, step, instead, observed, reference)
        if own is None:
            self.stale = step.override.deviation
            return None
        if difference is None:
            self.deviations.append(step.override.deviation)
            self.seen_instead = True
            return None
        difference.against = f"{step.override.deviation} ({difference.against})"
        return difference

    def _ask(self, vm: ChainVM, step: PlannedStep, code: Code) -> Receipt:
        """Do the step, and keep the books."""
        call = step.made_call(self.book)
        self.asking = True
        if (vm.block_height, vm.block_time) != step.block:
            vm.block_height, vm.block_time = step.block
        if step.kind == "deploy":
            deployed = vm.deploy(code, step.contract, call)
            receipt, address = deployed.receipt, deployed.address
            if address is not None:
                self.book[step.contract] = address
                self.names[address] = step.contract
                self.ledger[address] = {}
        else:
            address = self.book.get(step.contract) or self.host.address(step.contract)
            receipt = vm.call(address, call) if step.kind == "call" else vm.query(address, call)
        self.asking = False
        if address is not None and isinstance(receipt.outcome, Returned) and address in self.ledger:
            stored = self.ledger[address]
            for key, value in receipt.effects.storage:
                if value is None:
                    stored.pop(key, None)
                else:
                    stored[key] = value
        return receipt

    def _compared(
        self, vm: ChainVM, step: PlannedStep, expected: Expected, observed: Observed, reference: Observed | None
    ) -> Difference | None:
        difference, blurred = compare(expected, observed, reference)
        if difference is None and step.kind == "query" and observed.receipt.effects != NO_EFFECTS:
            difference = Difference("effects", "none", "some", INTERFACE, "a query leaves nothing behind")
        if difference is None and expected.stored is not None:
            self.asking = True
            found = vm.storage(self.book[step.contract]) if step.contract in self.book else {}
            self.asking = False
            difference = compare_stored(expected.stored, found)
        if difference is None and blurred:
            if not self.declared.trap_kinds:
                text = "no deviation says that this host cannot tell traps apart"
                return Difference("outcome", expected.text(), outcome_text(observed.receipt.outcome), explanation=text)
            self.deviations.append(self.declared.trap_kinds)
        return difference

    def _audit(self, vm: ChainVM) -> Difference | None:
        """At the end every contract's storage is what the receipts add up to: no receipt kept silent, none made a thing up."""
        for address, told in self.ledger.items():
            self.asking = True
            found = vm.storage(address)
            self.asking = False
            if found != told:
                difference = storage_difference(tuple(sorted(told.items())), tuple(sorted(found.items())), INTERFACE)
                difference.explanation = "after the last step storage is not what the receipts add up to"
                return difference
        return None

    def _note(self, receipt: Receipt) -> Observed:
        observed = Observed(receipt, self.names)
        self.seen.append(observed)
        return observed
