"""`sshi meter`: a module that charges gas for what it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sshi.cli.common import costs_option, json_option, print_json, write_atomically
from sshi.errors import UsageError
from sshi.link.kept import Bounds, Kept, kept
from sshi.link.source import read_file, read_module

EPILOG = """\b
Examples:
  sshi meter token.wasm                                   env.gas_consume(units) before every block, into token.metered.wasm
  sshi meter token.wasm --mode inline --budget 100000     a call that needs more than that is exhausted(gas)
  sshi meter token.wasm --stack-limit 256 -o out/token.wasm --json

\b
Units are those of the table of costs; docs/metering.md shows the default one.
Exit status: 0 written, 2 the file is no module that can be metered or the command is wrong; then nothing is written.
"""


@click.command(epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--mode", type=click.Choice(["host", "inline"]), default="host", show_default=True, help="Call env.gas_consume, or count a global down."
)
@costs_option
@click.option(
    "--budget",
    type=click.IntRange(0, (1 << 63) - 1),
    metavar="UNITS",
    help="With --mode inline: what `gas_left` begins with.  [default: 0]",
)
@click.option(
    "--stack-limit",
    type=click.IntRange(1, 1 << 20),
    metavar="CALLS",
    help="End past this many nested calls, or the interface's bytes of locals.",
)
@click.option(
    "--end",
    type=click.Choice(["revert", "trap"]),
    help="How a bound ends a call: by `env.revert`, told as exhausted, or by a trap.  [default: revert, if it exports its memory]",
)
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="OUT", help="The file to write.  [default: FILE with .metered.wasm]")
@json_option
def meter(
    file: Path, mode: str, costs: Path | None, budget: int | None, stack_limit: int | None, end: str | None, out: Path | None, as_json: bool
) -> None:
    """Write FILE (.wasm or .wat) so that it charges gas at the head of every block, and by size for memory and table operations."""
    if budget is not None and mode != "inline":
        raise UsageError("--budget is what the module's own global begins with", advice="add --mode inline")
    wasm = read_module(file)
    table = None if costs is None else read_file(costs)
    bounds = Bounds(None if mode == "host" else budget or 0, stack_limit, None if end is None else end == "revert")

    def make() -> Kept:
        from sshi.link.meter import meter_module  # noqa: PLC0415  a module that was metered before needs none of it

        return meter_module(wasm, file, bounds, table, costs)

    done = kept(wasm, (bounds, table), make)
    path = out or file.with_suffix(".metered.wasm")
    write_atomically(path, done.wasm)
    facts: dict[str, Any] = {
        "path": str(path),
        "mode": mode,
        "charges_by": done.charges_by,
        "ends_by": done.ends_by,
        "bytes_before": len(wasm),
        "bytes_after": len(done.wasm),
        "points": done.points,
        "points_by_size": done.counted,
        "stack_limit": stack_limit,
        "notes": done.notes,
    }
    if as_json:
        print_json(facts)
    else:
        show(facts)


def show(facts: dict[str, Any]) -> None:
    """The facts for a person."""
    before, after = facts["bytes_before"], facts["bytes_after"]
    click.echo(f"{facts['path']}  {before:,} B -> {after:,} B ({after / before:.0%})")
    click.echo(f"{facts['points']:,} charges at block heads, {facts['points_by_size']:,} by size, through {facts['charges_by']}")
    if facts["stack_limit"] is not None:
        click.echo(f"at most {facts['stack_limit']:,} nested calls")
    if facts["ends_by"]:
        click.echo(f"what passes a bound ends by a {facts['ends_by']}")
    for note in facts["notes"]:
        click.echo(f"note: {note}")
