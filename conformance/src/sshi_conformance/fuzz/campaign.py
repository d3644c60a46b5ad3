"""Contracts and cases in a loop: counted, compared, and what differs made small.

Contract `n` of a seed and its cases depend on nothing else, so any number of processes finds the same.
"""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
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
SHRUNK = 12
"""So many differences that look alike, and so many in all, are shrunk; the others are only counted."""


@dataclass(frozen=True)
class Order:
    """What to do: cases of a pair, from a seed; `until` is a wall-clock time, `shrink` how long a finding may be worked on."""

    pair: str
    seed: int
    cases: int
    per_contract: int = CASES_PER_CONTRACT
    until: float | None = None
    shrink_seconds: float = 60.0

    @property
    def contracts(self) -> int:
        """How many contracts that takes."""
        return -(-self.cases // self.per_contract)


@dataclass(frozen=True)
class Suspect:
    """A difference as it was met; `refused` says why the contract could not even be linked."""

    subject: Subject
    kind: str
    origin: str
    refused: str = ""


@dataclass
class Tally:
    """What happened.

    outcomes   of the first host, by step kind and outcome
    answers    by host function: how often a call of it completed, and what it answered
    ends       by host function: how it ended an entry
    kinds      differences by signature
    suspects   the first ones of each kind, as they were met
    findings   what became of them, when all cases are done
    """

    contracts: int = 0
    cases: int = 0
    steps: int = 0
    seconds: float = 0.0
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    ends: Counter[tuple[str, str]] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    suspects: list[Suspect] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Count another's in; of suspects that look alike only the first ones are kept."""
        self.contracts += other.contracts
        self.cases += other.cases
        self.steps += other.steps
        self.seconds += other.seconds
        self.outcomes += other.outcomes
        self.answers += other.answers
        self.ends += other.ends
        self.kinds += other.kinds
        for suspect in other.suspects:
            self.suspect(suspect)

    def suspect(self, suspect: Suspect) -> None:
        """Keep it, unless there are enough of its kind."""
        if len(self.suspects) < SHRUNK and sum(known.kind == suspect.kind for known in self.suspects) < SHRUNK_PER_KIND:
            self.suspects.append(suspect)


def run(order: Order, jobs: int = 1, pair: Pair | None = None) -> Iterator[Tally]:
    """The tally so far, again and again, the last one complete.  A `pair` that is given is used, in this process, and left open."""
    total = Tally()
    own = pair or find_pair(order.pair, Plugins.load())
    try:
        for tally in _alone(order, own) if jobs == 1 or pair is not None else _together(order, jobs):
            total.add(tally)
            yield total
        # after all cases: a host that is wrong everywhere must not keep every contract's shrinking waiting
        total.findings = [finding(order, own, suspect) for suspect in total.suspects]
        yield total
    finally:
        if pair is None:
            own.close()


def _alone(order: Order, pair: Pair) -> Iterator[Tally]:
    for number in range(order.contracts):
        if _late(order):
            return
        yield one_contract(order, number, pair)


def _together(order: Order, jobs: int) -> Iterator[Tally]:
    """The contracts' tallies in the order of their numbers, so that what is kept is always the same."""
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        numbers = iter(range(order.contracts))
        waiting: deque[Future[Tally]] = deque()
        while True:
            while len(waiting) < 4 * jobs and not _late(order) and (number := next(numbers, None)) is not None:
                waiting.append(pool.submit(_work, order, number))
            if not waiting:
                return
            yield waiting.popleft().result()


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
        nothing = Case("Not run.", ())
        tally.suspect(Suspect(Subject(contract, nothing), "link", _origin(order, number), f"{type(error).__name__}: {error}"))
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
            tally.suspect(Suspect(Subject(contract, case), kind, f"{_origin(order, number)}  (case {index})"))
    tally.seconds = time.perf_counter() - started
    return tally


def finding(order: Order, pair: Pair, suspect: Suspect) -> Finding:
    """What a suspect shrinks to."""
    subject, kind, origin = suspect.subject, suspect.kind, suspect.origin
    if suspect.refused:
        return Finding(order.pair, subject.contract, None, kind, "a contract that keeps the rules", suspect.refused, "", origin=origin)

    def differs(candidate: Subject) -> bool:
        try:
            codes = pair.prepare(to_wasm(candidate.contract), candidate.contract.manifest)
        except Exception:  # noqa: BLE001  not a contract any more, such as one without entries
            return False
        found = pair.differ(codes, candidate.case)[0]
        return found is not None and signature(found) == kind

    least = shrink(subject, differs, seconds=order.shrink_seconds)
    difference, trials = pair.differ(pair.prepare(to_wasm(least.contract), least.contract.manifest), least.case)
    if difference is None:
        # seen once and not again: a host that is not deterministic
        return Finding(order.pair, subject.contract, subject.case, "unsteady", kind, "no difference the second time", "", origin=origin)
    sides = (difference.path, difference.expected, difference.observed, difference.explanation)
    return Finding(order.pair, least.contract, least.case, *sides, (summary(trials[0]), summary(trials[1])), origin)


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
