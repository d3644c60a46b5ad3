"""Sentences and figures that several renderings share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sshi_conformance.report import CaseReport, Report, ResultReport

MARKS = {"passed": "✓", "failed": "✗", "xfailed": "≠", "xpassed": "!", "skipped": "–", "errored": "✗"}
LABELS = {"passed": "passed", "failed": "failed", "xfailed": "declared", "xpassed": "stale", "skipped": "skipped", "errored": "errored"}
WORDS = {
    "passed": "passed",
    "failed": "failed",
    "xfailed": "differ as declared",
    "xpassed": "declared to differ, and do not",
    "skipped": "skipped",
    "errored": "could not be judged",
}


def counts_text(counts: Mapping[str, int]) -> str:
    """`312 passed, 4 differ as declared`."""
    return ", ".join(f"{counts[status]:,} {word}" for status, word in WORDS.items() if counts.get(status)) or "nothing ran"


def because(result: ResultReport) -> str:
    """Why a result is what it is, on one line; empty for a plain pass."""
    difference = result.difference
    if difference is not None:
        place = f"step {difference.step}: " if difference.step else "at the end: "
        note = f" ({difference.note})" if difference.note else ""
        text = f"{place}{difference.path}{note}: expected {difference.expected} by {difference.against}, observed {difference.observed}"
        return text + (f"; {difference.explanation}" if difference.explanation else "")
    if result.blame is not None:
        return f"the {result.blame} is to blame: {result.reason}"
    return result.reason or ", ".join(result.deviations)


def cost_text(result: ResultReport) -> str:
    """The whole case's cost in the host's own units, `1.25 G ref_time`."""
    return costs_text(total_cost([result]))


def total_cost(results: Iterable[ResultReport]) -> dict[str, int]:
    """What all steps of the results cost together, by unit."""
    total: dict[str, int] = {}
    for result in results:
        for step in result.steps:
            for unit, amount in step.cost.items():
                total[unit] = total.get(unit, 0) + amount
    return total


def costs_text(costs: Mapping[str, int]) -> str:
    """What was spent, unit by unit; nothing for what was not."""
    return ", ".join(f"{short(amount)} {unit}" for unit, amount in costs.items() if amount)


def short(amount: int) -> str:
    """Three digits and a prefix."""
    for factor, prefix in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if abs(amount) >= factor:
            return f"{amount / factor:.3g} {prefix}"
    return str(amount)


@dataclass(frozen=True)
class Finding:
    """A case that is not as expected in one way, on one host or on several; `result` is the first of them."""

    case: CaseReport
    result: ResultReport
    hosts: tuple[str, ...]


def findings(report: Report) -> list[Finding]:
    """Whatever makes the run fail, in order; hosts that fail in the same way stand together."""
    found: list[Finding] = []
    for case in report.cases:
        alike: dict[object, list[ResultReport]] = {}
        for result in case.results:
            if result.status.is_red:
                alike.setdefault((result.status, result.difference, result.reason), []).append(result)
        found += [Finding(case, results[0], tuple(result.host for result in results)) for results in alike.values()]
    return found
