"""Contracts and cases in a loop: counted, compared, and what differs made small.

Contract `n` of a seed and its cases depend on nothing else, so any number of processes finds the same.
"""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from functools import cache
from random import Random

from sshi.host.outcome import Returned
from sshi.plugins import Plugins
from sshi_conformance.fuzz.contracts import make_contract
from sshi_conformance.fuzz.findings import Finding, outcome_label, signature, summary
from sshi_conformance.fuzz.module import to_wasm
from sshi_conformance.fuzz.pairs import Pair, find_pair
from sshi_conformance.fuzz.program import COUNT_SHIFT, SLOT_BYTES, Contract, Host, hosts
from sshi_conformance.fuzz.scenarios import make_case
from sshi_conformance.fuzz.shrink import Subject, shrink
from sshi_conformance.fuzz.trial import Trial
from sshi_conformance.scenario import Case

CASES_PER_CONTRACT = 40
"""Linking and compiling a contract costs as much as some thirty of its cases."""
SHRUNK_PER_KIND = 2
"""Differences that look alike are shrunk this often; the others are only counted."""


@dataclass(frozen=True)
class Order:
    """What to do: cases of a pair, from a seed; `until` is a wall-clock time, `shrink` how long a finding may be worked on."""

    pair: str
    seed: int
    cases: int
    per_contract: int = CASES_PER_CONTRACT
    until: float | None = None
    shrink_seconds: float = 60.0


@dataclass
class Tally:
    """What happened.

    outcomes   of the first host, by step kind and outcome
    answers    by host function: how often a call of it completed, and what it answered
    ends       by host function: how it ended an entry
    kinds      differences by signature
    """

    contracts: int = 0
    cases: int = 0
    steps: int = 0
    seconds: float = 0.0
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    ends: Counter[tuple[str, str]] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Count another's in; of alike findings only the first ones are kept."""
        self.contracts += other.contracts
        self.cases += other.cases
        self.steps += other.steps
        self.seconds += other.seconds
        self.outcomes += other.outcomes
        self.answers += other.answers
        self.ends += other.ends
        self.kinds += other.kinds
        for finding in other.findings:
            if sum(known.signature == finding.signature for known in self.findings) < SHRUNK_PER_KIND:
                self.findings.append(finding)


def run(order: Order, jobs: int = 1, pair: Pair | None = None) -> Iterator[Tally]:
    """The tally so far, again and again, the last one complete.  A `pair` that is given is used, in this process, and left open."""
    total = Tally()
    contracts = -(-order.cases // order.per_contract)
    if jobs == 1 or pair is not None:
        own = pair or find_pair(order.pair, Plugins.load())
        for number in range(contracts):
            if _late(order):
                break
            total.add(one_contract(order, number, own))
            yield total
        if pair is None:
            own.close()
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        numbers = iter(range(contracts))
        # taken in the order of their numbers, so that the findings kept are always the same
        waiting: list[Future[Tally]] = []
        done = False
        while waiting or not done:
            while not done and len(waiting) < 4 * jobs:
                number = next(numbers, None)
                done = number is None or _late(order)
                if number is not None and not done:
                    waiting.append(pool.submit(_work, order, number))
            if waiting:
                wait(waiting[:1], return_when=FIRST_COMPLETED)
                total.add(waiting.pop(0).result())
                yield total


def _work(order: Order, number: int) -> Tally:
    return one_contract(order, number, _pair(order.pair))


@cache
def _pair(text: str) -> Pair:
    """A worker keeps its worlds until it ends."""
    return find_pair(text, Plugins.load())


def one_contract(order: Order, number: int, pair: Pair) -> Tally:
    """One contract with all its cases."""
    started = time.perf_counter()
    scope = pair.scope
    contract = make_contract(_random(f"{order.seed}/{number}"), scope)
    tally = Tally(contracts=1)
    try:
        codes = pair.prepare(to_wasm(contract), contract.manifest)
    except Exception as error:  # noqa: BLE001  every generated contract keeps the rules, so whoever refuses it is wrong
        tally.cases = 1
        tally.kinds["link"] += 1
        tally.findings.append(
            Finding(order.pair, contract, None, "link", "cannot be linked", type(error).__name__, str(error), origin=_origin(order, number))
        )
        return tally
    for index in range(min(order.per_contract, order.cases - number * order.per_contract)):
        if _late(order):
            break
        case = make_case(_random(f"{order.seed}/{number}/{index}"), contract, scope)
        difference, trials = pair.differ(codes, case)
        _count(tally, contract, case, trials[0])
        if difference is not None:
            kind = signature(difference)
            tally.kinds[kind] += 1
            if tally.kinds[kind] <= SHRUNK_PER_KIND:
                tally.findings.append(small(order, pair, Subject(contract, case), kind, f"{_origin(order, number)}  (case {index})"))
    tally.seconds = time.perf_counter() - started
    return tally


def small(order: Order, pair: Pair, subject: Subject, kind: str, origin: str) -> Finding:
    """The finding that a difference of this kind shrinks to."""

    def differs(candidate: Subject) -> bool:
        try:
            codes = pair.prepare(to_wasm(candidate.contract), candidate.contract.manifest)
        except Exception:  # noqa: BLE001  not a contract any more, such as one without entries
            return False
        found = pair.differ(codes, candidate.case)[0]
        return found is not None and signature(found) == kind

    least = shrink(subject, differs, seconds=order.shrink_seconds)
    codes = pair.prepare(to_wasm(least.contract), least.contract.manifest)
    difference, trials = pair.differ(codes, least.case)
    if difference is None:
        # seen once and not again: a host that is not deterministic
        return Finding(order.pair, subject.contract, subject.case, "unsteady", kind, "no difference the second time", "", origin=origin)
    shown = (summary(trials[0]), summary(trials[1]))
    explanation = difference.explanation
    return Finding(
        order.pair, least.contract, least.case, difference.path, difference.expected, difference.observed, explanation, shown, origin
    )


def _count(tally: Tally, contract: Contract, case: Case, trial: Trial) -> None:
    tally.cases += 1
    tally.steps += len(case.steps)
    if trial.ended_by is not None:
        tally.ends[trial.ended_by] += 1
    entries = {entry.name: hosts_of for entry in contract.entries for hosts_of in (_hosts(contract, entry.name),)}
    for step, receipt in zip(case.steps, trial.receipts, strict=False):
        kind, name = step.action
        if receipt is None:
            tally.outcomes[kind, "not deployed"] += 1
            continue
        tally.outcomes[kind, outcome_label(receipt.outcome)] += 1
        if isinstance(receipt.outcome, Returned) and len(receipt.outcome.data) == contract.window:
            _answers(tally, entries.get(name, {}), receipt.outcome.data)


def _hosts(contract: Contract, name: str) -> dict[int, Host]:
    return hosts(Contract(contract.pages, (), tuple(entry for entry in contract.entries if entry.name == name), 0))


def _answers(tally: Tally, calls: dict[int, Host], data: bytes) -> None:
    for slot, op in calls.items():
        value = int.from_bytes(data[SLOT_BYTES * slot : SLOT_BYTES * (slot + 1)], "little")
        count, answer = value >> COUNT_SHIFT, value & ((1 << COUNT_SHIFT) - 1)
        if 0 < count < 64:
            shown = str(answer) if answer < 3 else "-1" if answer == 0xFFFF_FFFF else "more"
            tally.answers[op.function, shown if count == 1 else "several"] += 1


def _random(seed: str) -> Random:
    return Random(seed)  # noqa: S311  it must be the same every time


def _origin(order: Order, number: int) -> str:
    per = order.per_contract
    return f"--seed {order.seed} --cases {(number + 1) * per} --cases-per-contract {per}"


def _late(order: Order) -> bool:
    return order.until is not None and time.time() >= order.until
