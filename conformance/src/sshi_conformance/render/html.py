"""One HTML file: everything inside it, nothing fetched, light or dark as the reader's system is.

The tables are there without a script; the script filters them and opens a case's steps, which travel as JSON in the page.
"""

from __future__ import annotations

from typing import Any

import jinja2
import markupsafe
import msgspec

from sshi_conformance.render.text import LABELS, MARKS, WORDS, because, cost_text, costs_text, counts_text, findings
from sshi_conformance.report import CaseReport, Report, ResultReport


def html(report: Report) -> str:
    """The report as one page."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("sshi_conformance", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        report=report,
        summary=counts_text(report.counts),
        marks=MARKS,
        words=WORDS,
        labels=LABELS,
        present=[status for status in WORDS if report.counts.get(status)],
        areas=_areas(report),
        groups=_groups(report),
        findings=[(found, because(found.result)) for found in findings(report)],
        details=markupsafe.Markup(_embedded({case.id: _detail(case) for case in report.cases})),  # noqa: S704  it is escaped for a script element
        cells={case.id: [_cell(result) for result in case.results] for case in report.cases},
    )


def _areas(report: Report) -> list[tuple[str, list[CaseReport]]]:
    names = dict.fromkeys(case.area for case in report.cases)
    return [(name, [case for case in report.cases if case.area == name]) for name in names]


def _groups(report: Report) -> list[tuple[str, list[Any]]]:
    names = dict.fromkeys(clause.group for clause in report.clauses)
    return [(name, [clause for clause in report.clauses if clause.group == name]) for name in names]


def _cell(result: ResultReport) -> dict[str, str]:
    """What a matrix cell shows: the mark, the first unit of the cost, and everything in its title."""
    cost = cost_text(result)
    title = "; ".join(part for part in (WORDS[result.status], because(result), cost) if part)
    return {"status": result.status.value, "cost": cost.split(", ")[0], "title": title}


def _detail(case: CaseReport) -> list[dict[str, Any]]:
    """What opens under a case: for each host its steps, and the difference."""
    return [
        {
            "host": result.host,
            "status": result.status.value,
            "label": LABELS[result.status],
            "why": because(result),
            "deviations": result.deviations,
            "steps": [[step.step, step.outcome, costs_text(step.cost)] for step in result.steps],
        }
        for result in case.results
    ]


def _embedded(value: object) -> str:
    """JSON that no element can end."""
    return msgspec.json.encode(value).decode().replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
