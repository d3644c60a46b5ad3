"""The report on a terminal: a table, then whatever is not as expected, then what was not asked."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sshi_conformance.render.text import MARKS, Finding, cost_text, costs_text, counts_text, findings, total_cost
from sshi_conformance.report import DifferenceReport, HostReport, Report, ResultReport

LONG = 40
"""More cases than this are counted by area."""
STYLES = {"passed": "green", "failed": "red bold", "xfailed": "cyan", "xpassed": "magenta bold", "skipped": "dim", "errored": "red bold"}


def show(report: Report, console: Console, *, every: bool = False) -> None:
    """Print the report; `every` case on its own line, however many they are."""
    few = every or len(report.cases) <= LONG
    console.print(_cases(report, console.width) if few else _areas(report, console.width))
    for found in findings(report):
        console.print(_explained(found))
    for each in report.missing:
        console.print(Text.assemble(("not run  ", "yellow"), (each.host, "bold"), f"  {each.reason}"))
    ran = {case.id for case in report.cases}
    for each in report.deviations:
        if not each.seen and ran.intersection(each.cases):
            console.print(Text.assemble(("not seen  ", "yellow"), (each.id, "bold"), "  declared, and none of these hosts shows it"))
    style = "green" if report.ok else "red bold"
    console.print(Text.assemble((counts_text(report.counts), style), ("  ", ""), (_speed(report), "dim")))


def _speed(report: Report) -> str:
    return "  ".join(f"{host.name} {host.cases_per_second:,.0f}/s" for host in report.hosts if host.cases_per_second)


def _table(report: Report, first: str, width: int) -> Table:
    """A column for each host, its kind on a second line; the first column gives way when there is little room."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column(first, no_wrap=True, max_width=_room(report, width))
    for host in report.hosts:
        table.add_column(Text(host.name.replace(":", "\n")), no_wrap=True, min_width=_least(host))
    return table


def _least(host: HostReport) -> int:
    return max(map(len, host.name.split(":")))


def _room(report: Report, width: int) -> int:
    """For the first column, beside the hosts' own."""
    return max(16, width - sum(_least(host) + 2 for host in report.hosts) - 2)


def _areas(report: Report, width: int) -> Table:
    """Verdicts counted by area, with the first unit of what its cases cost together, where there is room for it."""
    table = _table(report, "area", width)
    roomy = width >= 16 + 18 * len(report.hosts)
    for area in dict.fromkeys(case.area for case in report.cases):
        cases = [case for case in report.cases if case.area == area]
        row: list[RenderableType] = [Text.assemble(area, (f" {len(cases)}", "dim"))]
        for host in report.hosts:
            results = [result for case in cases for result in case.results if result.host == host.name]
            statuses = [result.status.value for result in results]
            parts = [(f"{mark} {statuses.count(status)} ", STYLES[status]) for status, mark in MARKS.items() if status in statuses]
            cost = costs_text(total_cost(results)).split(", ")[0] if roomy else ""
            row.append(Text.assemble(*parts, (cost, "dim")))
        table.add_row(*row)
    return table


def _cases(report: Report, width: int) -> Table:
    """With the first unit of every case's cost, where there is room for it."""
    table = _table(report, "case", width)
    room = _room(report, width)
    roomy = width >= max(len(case.id) for case in report.cases) + 18 * len(report.hosts)
    for case in report.cases:
        # the end of a case's name tells it from its neighbours
        row: list[RenderableType] = [Text(case.id if len(case.id) <= room else f"…{case.id[1 - room :]}")]
        for result in case.results:
            status = result.status.value
            cost = cost_text(result).split(", ")[0] if roomy else ""
            row.append(Text.assemble((MARKS[status], STYLES[status]), (f" {cost}", "dim")))
        table.add_row(*row)
    return table


def _explained(found: Finding) -> Group:
    """Which case, what it says, where both sides part."""
    case, result = found.case, found.result
    status = result.status.value
    head = Text.assemble((f"{status}  ", STYLES[status]), (case.id, "bold"), "  on ", (", ".join(found.hosts), "bold"))
    lines: list[RenderableType] = [head, Padding(Text(case.doc, style="dim"), (0, 0, 0, 2))]
    if result.difference is not None:
        lines.append(Padding(_difference(result.difference, result), (0, 0, 0, 2)))
    else:
        blame = f"the {result.blame} is to blame: " if result.blame else ""
        lines.append(Padding(Text(f"{blame}{result.reason}"), (0, 0, 0, 2)))
    if case.clauses or case.counter:
        lines.append(Padding(Text(f"clauses {', '.join((*case.clauses, *case.counter))}", style="dim"), (0, 0, 0, 2)))
    return Group(*lines)


def _difference(difference: DifferenceReport, result: ResultReport) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    step = "after the last step" if not difference.step else f"step {difference.step}"
    if 0 < difference.step <= len(result.steps):
        done = result.steps[difference.step - 1]
        cost = costs_text(done.cost)
        step += f": {done.step}" + (f"  [{cost}]" if cost else "")
    grid.add_row("at", Text(step + (f"  ({difference.note})" if difference.note else "")))
    grid.add_row("differs", Text(difference.path))
    grid.add_row("expected", Text.assemble((difference.expected, "green"), (f"  by {difference.against}", "dim")))
    grid.add_row("observed", Text(difference.observed, style="red"))
    if difference.explanation:
        grid.add_row("because", Text(difference.explanation))
    return grid
