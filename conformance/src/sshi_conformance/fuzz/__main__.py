"""`python -m sshi_conformance.fuzz`: compare hosts on generated contracts."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path

import click

from sshi.errors import SshiError
from sshi.link.source import read_source
from sshi.plugins import Plugins
from sshi_conformance.fuzz.campaign import CASES_PER_CONTRACT, Order, Tally, run
from sshi_conformance.fuzz.findings import explain, summary, write_finding
from sshi_conformance.fuzz.pairs import find_pair
from sshi_conformance.scenario import parse_scenario

EPILOG = """
\b
Examples:
  python -m sshi_conformance.fuzz --pair near:emulated,near:real --cases 20000 --jobs 2
  python -m sshi_conformance.fuzz --pair reference:interpreter,polkadot:emulated --seconds 60
  python -m sshi_conformance.fuzz --pair near:emulated,near:real --replay out/fuzz/5f0c8a77.wat

\b
Exit status: 0 no difference, 1 a difference, 2 a host cannot run or the command is wrong.
"""


@click.command(epilog=EPILOG)
@click.option(
    "--pair",
    "pairs",
    multiple=True,
    required=True,
    metavar="HOST,HOST",
    help="Two hosts: CHAIN[@PROFILE]:KIND or reference:ENGINE. Repeatable.",
)
@click.option("--cases", default=2_000, show_default=True, type=click.IntRange(1), help="How many cases for each pair.")
@click.option("--seed", default=0, show_default=True, help="Decides every contract and case.")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), help="Stop each pair after so long, whatever was asked for.")
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1), help="Processes.")
@click.option(
    "--cases-per-contract", default=CASES_PER_CONTRACT, show_default=True, type=click.IntRange(1), help="Cases that share a contract."
)
@click.option(
    "--shrink-seconds", default=60.0, show_default=True, type=click.FloatRange(0), help="How long one difference may be worked on."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("out/fuzz"),
    show_default=True,
    help="Where differences are written.",
)
@click.option(
    "--replay",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Compare on this module and the scenario beside it instead.",
)
def main(
    pairs: tuple[str, ...],
    cases: int,
    seed: int,
    seconds: float | None,
    jobs: int,
    cases_per_contract: int,
    shrink_seconds: float,
    out: Path,
    replay: Path | None,
) -> None:
    """Run generated contracts and scenarios on two hosts and compare all that they show."""
    try:
        if replay is not None:
            sys.exit(max(_replay(pair, replay) for pair in pairs))
        for pair in pairs:
            find_pair(pair, Plugins.load())  # a host that cannot run is said before any other starts
        found = 0
        for pair in pairs:
            until = None if seconds is None else time.time() + seconds
            found += _campaign(Order(pair, seed, cases, cases_per_contract, until, shrink_seconds), jobs, out)
    except SshiError as error:
        click.echo(f"error: {error}" + (f"\nhint: {error.hint}" if error.hint else ""), err=True)
        sys.exit(2)
    sys.exit(1 if found else 0)


def _campaign(order: Order, jobs: int, out: Path) -> int:
    started = time.perf_counter()
    told = started
    tally = Tally()
    for tally in run(order, jobs):
        now = time.perf_counter()
        if sys.stderr.isatty() and now - told > 1:
            told = now
            click.echo(f"\r{order.pair}: {tally.cases:,} cases, {sum(tally.kinds.values())} differences", nl=False, err=True)
    seconds = time.perf_counter() - started
    click.echo("\n".join(report(order, tally, seconds)))
    for finding in tally.findings:
        path = write_finding(finding, out)
        click.echo(f"\n{path}\n{explain(finding)}")
    return sum(tally.kinds.values())


def report(order: Order, tally: Tally, seconds: float) -> list[str]:
    """The figures of one pair."""
    found = "".join(f"; {kind}: {count}" for kind, count in tally.kinds.most_common())
    lines = [
        f"{order.pair}: seed {order.seed}, {tally.contracts:,} contracts, {tally.cases:,} cases, {tally.steps:,} steps",
        f"  {seconds:.1f} s, {tally.cases / seconds if seconds else 0:,.0f} cases/s",
        f"  differences: {sum(tally.kinds.values())}{found}",
    ]
    for kind in ("deploy", "call", "query"):
        of_kind = {label: count for (step, label), count in tally.outcomes.most_common() if step == kind}
        every = sum(of_kind.values()) or 1
        lines.append(
            f"  {kind}: {sum(of_kind.values()):,}: " + ", ".join(f"{label} {100 * count / every:.1f} %" for label, count in of_kind.items())
        )
    lines.append("  calls that completed in an entry that returned, by answer (0 where there is none):")
    lines += _by_function(tally.answers)
    if tally.ends:
        lines.append("  calls that ended the last step of a case, and how:")
        lines += _by_function(tally.ends)
    return lines


def _by_function(counts: Mapping[tuple[str, str], int]) -> list[str]:
    functions: dict[str, list[str]] = {}
    for (name, how), count in sorted(counts.items()):
        functions.setdefault(name, []).append(f"{how} {count:,}")
    return [f"    {name}: {', '.join(shown)}" for name, shown in functions.items()]


def _replay(name: str, path: Path) -> int:
    source = read_source(path)
    scenario = path.with_suffix(".toml")
    pair = find_pair(name, Plugins.load())
    codes = pair.prepare(source.wasm, source.manifest)
    differs = 0
    for label, case in parse_scenario(scenario.read_bytes(), where=str(scenario)).case.items():
        difference, trials = pair.differ(codes, case)
        for host, trial in zip((pair.left, pair.right), trials, strict=True):
            click.echo(f"{host.name}, case {label}:")
            click.echo("\n".join(f"  step {number}: {line}" for number, line in enumerate(summary(trial), 1)))
        if difference is not None:
            differs = 1
            click.echo(f"{difference.path}: {difference.expected} / {difference.observed} {difference.explanation}")
    pair.close()
    return differs


if __name__ == "__main__":
    main()
