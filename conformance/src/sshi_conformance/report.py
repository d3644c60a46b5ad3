"""What a run found, as data: the base of every rendering, and the JSON that CI keeps.

Derived from verdicts once; `docs/report.schema.json` is derived from the types here.  Seconds are measured, and compared by nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from sshi import __version__
from sshi.spec.loader import interface
from sshi_conformance.hosts import Host, MissingJudge
from sshi_conformance.runner import Row, Run
from sshi_conformance.scenario import Case
from sshi_conformance.show import outcome_text, plain
from sshi_conformance.verdict import Blame, Difference, Status, Verdict

FORMAT = 1
Counts = Annotated[dict[str, int], Meta(description="How many verdicts of each status.")]


class HostReport(msgspec.Struct, frozen=True):
    """One host: its verdicts counted, and how fast it was; linking and loading are not in `seconds`."""

    name: str
    profile: str
    kind: str
    adapter: str
    counts: Counts
    seconds: float
    preparing_seconds: float
    cases_per_second: float


class MissingReport(msgspec.Struct, frozen=True):
    """A judge that was not asked because it is not there."""

    host: str
    reason: str


class StepReport(msgspec.Struct, frozen=True):
    """One step as it was observed: what was done, its outcome in the interface's notation, its cost in the host's units."""

    step: str
    outcome: str
    cost: dict[str, int] = {}


class DifferenceReport(msgspec.Struct, frozen=True):
    """The first thing that was not as expected; `step` counts from 1, 0 when it was found after the last."""

    step: int
    path: str
    expected: str
    observed: str
    against: str
    explanation: str
    note: str


class ResultReport(msgspec.Struct, frozen=True):
    """One case on one host."""

    host: str
    status: Status
    seconds: float
    steps: tuple[StepReport, ...]
    reason: str = ""
    blame: Blame | None = None
    deviations: tuple[str, ...] = ()
    difference: DifferenceReport | None = None


class CaseReport(msgspec.Struct, frozen=True):
    """One case: the clauses it shows holding, those whose other side it shows, and a result for each host."""

    id: str
    area: str
    file: str
    doc: str
    clauses: tuple[str, ...]
    counter: tuple[str, ...]
    results: tuple[ResultReport, ...]


class DeviationReport(msgspec.Struct, frozen=True):
    """A declared deviation, and on which hosts it was seen."""

    id: str
    adapter: str
    instead: str
    reason: str
    source: str
    clauses: tuple[str, ...]
    cases: tuple[str, ...]
    seen: tuple[str, ...]


class ClauseReport(msgspec.Struct, frozen=True):
    """A clause with the cases that show it and its other side; `hosts` says for each host the worst status among them."""

    id: str
    group: str
    text: str
    cases: tuple[str, ...]
    counter: tuple[str, ...]
    hosts: dict[str, Status]


class Report(msgspec.Struct, frozen=True):
    """A whole run."""

    format: int
    sshi: str
    interface: int
    subject: str
    ok: bool
    counts: Counts
    hosts: tuple[HostReport, ...]
    missing: tuple[MissingReport, ...]
    cases: tuple[CaseReport, ...]
    clauses: tuple[ClauseReport, ...]
    deviations: tuple[DeviationReport, ...]


_WORST = (Status.ERRORED, Status.FAILED, Status.XPASSED, Status.XFAILED, Status.PASSED, Status.SKIPPED)


def worst(statuses: Iterable[Status]) -> Status:
    """The one that matters most; `skipped` only when there is nothing else."""
    found = set(statuses)
    return next(status for status in _WORST if status in found)


def make_report(run: Run, hosts: Sequence[Host], missing: Sequence[MissingJudge], *, subject: str) -> Report:
    """The report of a run; `subject` says what was judged (the suite, or a contract and its scenario)."""
    counts = Counter(verdict.status.value for row in run.rows for verdict in row.verdicts.values())
    return Report(
        format=FORMAT,
        sshi=__version__,
        interface=interface().version,
        subject=plain(subject),
        ok=not any(verdict.status.is_red for row in run.rows for verdict in row.verdicts.values()),
        counts=dict(sorted(counts.items())),
        hosts=tuple(_host(host, run) for host in hosts),
        missing=tuple(MissingReport(each.host, plain(each.reason)) for each in missing),
        cases=tuple(_case(row) for row in run.rows),
        clauses=tuple(_clauses(run, [host.name for host in hosts])),
        deviations=tuple(_deviations(run, hosts)),
    )


def _host(host: Host, run: Run) -> HostReport:
    verdicts = [row.verdicts[host.name] for row in run.rows]
    seconds = sum(verdict.seconds for verdict in verdicts)
    ran = sum(verdict.seconds > 0 for verdict in verdicts)
    return HostReport(
        name=host.name,
        profile=host.profile,
        kind=host.kind,
        adapter=host.adapter.name if host.adapter else "",
        counts=dict(sorted(Counter(verdict.status.value for verdict in verdicts).items())),
        seconds=round(seconds, 6),
        preparing_seconds=round(run.preparing.get(host.name, 0.0), 6),
        cases_per_second=round(ran / seconds, 1) if seconds else 0.0,
    )


def _case(row: Row) -> CaseReport:
    unit = row.unit
    results = tuple(result_report(host, verdict, unit.case) for host, verdict in row.verdicts.items())
    return CaseReport(unit.id, unit.area, unit.file, plain(unit.case.doc), unit.case.clauses, unit.case.counter, results)


def result_report(host: str, verdict: Verdict, case: Case) -> ResultReport:
    """A verdict as data."""
    steps = tuple(
        StepReport(f"{step.action[0]} {step.action[1]}".rstrip(), plain(outcome_text(receipt.outcome)), dict(receipt.cost))
        for step, receipt in zip(case.steps, verdict.receipts, strict=False)
    )
    return ResultReport(
        host=host,
        status=verdict.status,
        seconds=round(verdict.seconds, 6),
        steps=steps,
        reason=plain(verdict.reason),
        blame=verdict.blame,
        deviations=verdict.deviations,
        difference=_difference(verdict.difference, verdict.step, case),
    )


def _difference(found: Difference | None, step: int, case: Case) -> DifferenceReport | None:
    if found is None:
        return None
    note = case.steps[step - 1].note if 0 < step <= len(case.steps) else ""
    texts = (found.path, found.expected, found.observed, found.against, found.explanation, note)
    return DifferenceReport(step, *[plain(text) for text in texts])


def _clauses(run: Run, hosts: Sequence[str]) -> Iterable[ClauseReport]:
    """Every clause of the interface, covered or not."""
    shown: dict[str, list[Row]] = {}
    counter: dict[str, list[Row]] = {}
    for row in run.rows:
        for clause in row.unit.case.clauses:
            shown.setdefault(clause, []).append(row)
        for clause in row.unit.case.counter:
            counter.setdefault(clause, []).append(row)
    for clause in interface().clauses.values():
        rows = [*shown.get(clause.id, ()), *counter.get(clause.id, ())]
        yield ClauseReport(
            id=clause.id,
            group=clause.id.partition(".")[0],
            text=clause.text,
            cases=tuple(row.unit.id for row in shown.get(clause.id, ())),
            counter=tuple(row.unit.id for row in counter.get(clause.id, ())),
            hosts={host: worst(row.verdicts[host].status for row in rows) for host in hosts} if rows else {},
        )


def _deviations(run: Run, hosts: Sequence[Host]) -> Iterable[DeviationReport]:
    seen: dict[str, list[str]] = {}
    for row in run.rows:
        for host, verdict in row.verdicts.items():
            for deviation in verdict.deviations:
                if host not in seen.setdefault(deviation, []):
                    seen[deviation].append(host)
    adapters = {host.adapter.name: host.adapter for host in hosts if host.adapter is not None}
    for adapter in adapters.values():
        for each in adapter.deviations:
            cases = tuple(dict.fromkeys(case.case for case in each.cases))
            at = tuple(seen.get(each.id, ()))
            yield DeviationReport(each.id, adapter.name, each.instead, each.reason, each.source, each.clauses, cases, at)
