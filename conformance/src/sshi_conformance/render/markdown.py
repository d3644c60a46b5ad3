"""Markdown, for a summary of a CI run or a pull request."""

from __future__ import annotations

from sshi_conformance.render.text import MARKS, Finding, because, cost_text, counts_text, findings
from sshi_conformance.report import Report

LONG = 60
"""More cases than this are counted by area."""


def markdown(report: Report) -> str:
    """The whole report on one page."""
    verdict = "Everything is as expected" if report.ok else "**Something is not as expected**"
    lines = [f"# Conformance of {_cell(report.subject)}", "", f"{verdict}: {counts_text(report.counts)}.", ""]
    lines += _hosts(report)
    if report.missing:
        lines += ["## Judges that were not asked", "", *(f"* `{each.host}`: {_cell(each.reason)}" for each in report.missing), ""]
    found = findings(report)
    if found:
        lines += ["## What is not as expected", ""]
        lines += [
            f"* **{_cell(each.case.id)}** on {_hosts_of(each)}, {each.result.status}: {_cell(because(each.result))}" for each in found
        ]
        lines += [""]
    lines += _areas(report) if len(report.cases) > LONG else _cases(report)
    if report.deviations:
        lines += ["## Declared deviations", "", "| deviation | instead | seen |", "|---|---|---|"]
        lines += [f"| `{each.id}` | {_cell(each.instead)} | {', '.join(each.seen) or 'no'} |" for each in report.deviations]
        lines += [""]
    covered = sum(bool(clause.cases) for clause in report.clauses)
    lines += [f"{covered} of {len(report.clauses)} clauses are shown by a case.", ""]
    return "\n".join(lines)


def _hosts_of(found: Finding) -> str:
    return ", ".join(f"`{host}`" for host in found.hosts)


def _hosts(report: Report) -> list[str]:
    lines = ["| host | verdicts | cases a second |", "|---|---|--:|"]
    lines += [f"| `{host.name}` | {counts_text(host.counts)} | {host.cases_per_second:,.0f} |" for host in report.hosts]
    return [*lines, ""]


def _areas(report: Report) -> list[str]:
    names = [host.name for host in report.hosts]
    lines = ["## Areas", "", f"| area | cases | {' | '.join(f'`{name}`' for name in names)} |", f"|---|--:|{'---|' * len(names)}"]
    for area in dict.fromkeys(case.area for case in report.cases):
        cases = [case for case in report.cases if case.area == area]
        cells: list[str] = []
        for name in names:
            statuses = [result.status.value for case in cases for result in case.results if result.host == name]
            cells.append(" ".join(f"{mark} {statuses.count(status)}" for status, mark in MARKS.items() if status in statuses))
        lines.append(f"| {area} | {len(cases)} | {' | '.join(cells)} |")
    return [*lines, ""]


def _cases(report: Report) -> list[str]:
    names = [host.name for host in report.hosts]
    lines = ["## Cases", "", f"| case | {' | '.join(f'`{name}`' for name in names)} |", f"|---|{'---|' * len(names)}"]
    for case in report.cases:
        cells = [f"{MARKS[result.status]} {cost_text(result)}".strip() for result in case.results]
        lines.append(f"| {_cell(case.id)} | {' | '.join(cells)} |")
    return [*lines, ""]


def _cell(text: str) -> str:
    """Text that stays within its cell and means nothing to Markdown."""
    for character in "\\`*_|<>":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.split())
