"""`sshi conformance`: run cases on every host, list them, show which clause is held by which."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sshi.cli.common import json_option, manifest_option, print_json, write_atomically
from sshi.errors import UsageError
from sshi.link.source import read_source
from sshi.plugins import Plugins
from sshi.spec.loader import interface
from sshi_conformance.hosts import HostChoice, choose_hosts
from sshi_conformance.parallel import run_parallel
from sshi_conformance.progress import Ticker
from sshi_conformance.render.html import html
from sshi_conformance.render.junit import junit
from sshi_conformance.render.markdown import markdown
from sshi_conformance.render.terminal import show
from sshi_conformance.report import Report, make_report
from sshi_conformance.runner import run as run_units
from sshi_conformance.suite import Unit, builtin_units, check_clauses, path_units, scenario_units, select

EPILOG = """\b
Examples:
  sshi conformance run                                  the whole suite, every chain, every VM that is there
  sshi conformance run --adapter near@84 --vm emulated
  sshi conformance run --clause revert.undoes -v
  sshi conformance run token.wasm --scenario token.toml --html out.html
  sshi conformance run --adapter reference --engine both --json -

\b
Exit status: 0 all is as expected, 1 something is not, 2 wrong usage, a broken contract or scenario, or a judge
asked for by --vm that is not there.
"""
MATRIX_EPILOG = """\b
Examples:
  sshi conformance matrix
  sshi conformance matrix --json

\b
Exit status: 0, or 1 when a clause is shown by no case.
"""
SCENARIO = "scenario.toml"
cases_option = click.option(
    "--cases", "path", type=click.Path(path_type=Path), help="Instead of the suite: a scenario, a module that has some, or a directory."
)
AS_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def conformance() -> None:
    """Run the same cases on every host, and say where they differ."""


def _filters(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("-k", "expression", default="", metavar="WORDS", help="Only cases whose id has all of WORDS; `not WORD` leaves out."),
        click.option("--clause", default="", metavar="ID", help="Only cases that cite this clause, or one of this function."),
        cases_option,
    ):
        command = option(command)
    return command


@conformance.command(epilog=EPILOG)
@click.argument("contract", type=click.Path(path_type=Path), required=False)
@click.option("--scenario", type=AS_FILE, help=f"The contract's cases.  Default: {SCENARIO} beside it.")
@manifest_option
@click.option("--adapter", "chains", multiple=True, metavar="NAME[@PROFILE]", help="Chain to judge; repeat for more; `reference` for none.")
@click.option("--vm", type=click.Choice(["emulated", "real", "all"]), default="all", show_default=True, help="Which of a chain's VMs.")
@click.option(
    "--engine", type=click.Choice(["interpreter", "aot", "both"]), default="interpreter", show_default=True, help="Of the reference host."
)
@_filters
@click.option("--list", "only_list", is_flag=True, help="Name the cases and run none.")
@click.option("--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes.")
@click.option("-v", "--verbose", is_flag=True, help="Every case on its own line.")
@click.option(
    "--json", "json_file", type=click.Path(allow_dash=True, path_type=Path), help="Write the report as JSON; - for standard output."
)
@click.option("--junit", "junit_file", type=AS_FILE, help="Write it as JUnit XML.")
@click.option("--markdown", "markdown_file", type=AS_FILE, help="Write it as Markdown.")
@click.option("--html", "html_file", type=AS_FILE, help="Write it as one HTML file that needs no network.")
@click.pass_context
def run(ctx: click.Context, contract: Path | None, scenario: Path | None, manifest: Path | None, **options: Any) -> None:
    """Run the suite, or CONTRACT's own scenario, on the reference host and on every chain."""
    subject = "the suite" if contract is None else contract.name
    units = _chosen(contract, scenario, manifest, path=options["path"], expression=options["expression"], clause=options["clause"])
    if options["only_list"]:
        _print_list(units)
        return
    choice = HostChoice(tuple(options["chains"]), options["vm"], options["engine"])
    report = _judge(units, choice, options["jobs"], subject)
    for target, text in (
        (options["json_file"], lambda: json_text(report)),
        (options["junit_file"], lambda: junit(report)),
        (options["markdown_file"], lambda: markdown(report)),
        (options["html_file"], lambda: html(report)),
    ):
        if target is not None and str(target) == "-":
            click.echo(text(), nl=False)
        elif target is not None:
            write_atomically(target, text().encode())
    if str(options["json_file"]) != "-":
        show(report, Console(), every=options["verbose"])
    ctx.exit(0 if report.ok else 1)


@conformance.command("list", epilog="\b\nExamples:\n  sshi conformance list --clause transfer\n\n\b\nExit status: 0.")
@_filters
@json_option
def list_(expression: str, clause: str, path: Path | None, as_json: bool) -> None:
    """Name the cases, what each says, and the clauses it cites."""
    units = _chosen(path=path, expression=expression, clause=clause)
    if as_json:
        print_json([{"id": unit.id, "doc": unit.case.doc, "clauses": unit.case.clauses, "counter": unit.case.counter} for unit in units])
    else:
        _print_list(units)


@conformance.command(epilog=MATRIX_EPILOG)
@click.option(
    "--cases", "path", type=click.Path(path_type=Path), help="A scenario, a module that has some, or a directory, instead of the suite."
)
@json_option
@click.pass_context
def matrix(ctx: click.Context, path: Path | None, as_json: bool) -> None:
    """Show for every clause how many cases show it, and how many its other side."""
    units = _chosen(path=path)
    rows = [
        (clause, sum(clause.id in unit.case.clauses for unit in units), sum(clause.id in unit.case.counter for unit in units))
        for clause in interface().clauses.values()
    ]
    if as_json:
        print_json([{"clause": clause.id, "text": clause.text, "cases": shown, "counter": counter} for clause, shown, counter in rows])
    else:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("clause", "shown by", "other side by", "text"):
            table.add_column(name, justify="right" if name.endswith("by") else "left", no_wrap=name == "clause", overflow="fold")
        for clause, shown, counter in rows:
            table.add_row(clause.id, _count(shown), _count(counter), Text(clause.text, style="dim"))
        Console().print(table)
    ctx.exit(0 if all(shown for _, shown, _ in rows) else 1)


def json_text(report: Report) -> str:
    """The report as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1).decode() + "\n"


def _count(number: int) -> Text:
    return Text(str(number), style="" if number else "red bold")


def _judge(units: list[Unit], choice: HostChoice, jobs: int, subject: str) -> Report:
    plugins = Plugins.load()
    hosts, missing = choose_hosts(plugins, choice)
    for problem in plugins.problems:
        click.echo(f"warning: {problem}" + (f" ({problem.hint})" if problem.hint else ""), err=True)
    with Ticker(len(units), Console(stderr=True)) as ticker:
        found = run_parallel(units, choice, jobs, tick=ticker.tick) if jobs > 1 else run_units(units, hosts, tick=ticker.tick)
    return make_report(found, hosts, missing, subject=subject)


def _chosen(
    contract: Path | None = None,
    scenario: Path | None = None,
    manifest: Path | None = None,
    *,
    path: Path | None,
    expression: str = "",
    clause: str = "",
) -> list[Unit]:
    """The cases asked for; UsageError when there are none."""
    if contract is None and (scenario is not None or manifest is not None):
        raise UsageError("--scenario and --manifest belong to a contract", advice="name the contract, or use --cases")
    if contract is not None and path is not None:
        raise UsageError("--cases names scenarios that find their own modules, so no contract goes with it", advice="use --scenario")
    if contract is not None:
        beside = contract.with_name(SCENARIO)
        if scenario is None and not beside.is_file():
            raise UsageError(f"there is no {SCENARIO} beside the contract", where=str(contract), advice="name its cases with --scenario")
        units = scenario_units(scenario or beside, read_source(contract, manifest))
    elif path is None:
        units = builtin_units()
    else:
        units = path_units(path)
    check_clauses(units)
    if clause and not any(known == clause or known.startswith(f"{clause}.") for known in interface().clauses):
        raise UsageError(f"clause {clause!r} is not in the interface", where="--clause", advice="see `sshi conformance matrix`")
    found = select(units, expression=expression, clause=clause)
    if not found:
        raise UsageError("no case is left by -k and --clause", advice="see `sshi conformance list`")
    return found


def _print_list(units: list[Unit]) -> None:
    width = max(len(unit.id) for unit in units)
    for unit in units:
        click.echo(f"{unit.id:<{width}}  {unit.case.doc}")
