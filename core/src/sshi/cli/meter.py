"""`sshi meter`: a module that charges gas for what it runs."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import click

from sshi.cli.common import json_option, print_json, write_atomically
from sshi.errors import LinkError, UsageError
from sshi.host.engine import validate
from sshi.link.check import InvalidModule
from sshi.link.source import decode_file, read_file, read_module
from sshi.spec.loader import interface
from sshi.wasm.customs import positional
from sshi.wasm.encode import encode
from sshi.wasm.meter import Costs, HelperHook, HostHook, Metered, costs_from, metered, without_import
from sshi.wasm.module import FUNC, Module
from sshi.wasm.stack import limit_stack

GAS_LEFT = "gas_left"
"""The global that `--mode inline` exports."""

STOP = ("sshi", "stack_exhausted")

EPILOG = """\b
Examples:
  sshi meter token.wasm                                   env.gas_consume(units) before every block, into token.metered.wasm
  sshi meter token.wasm --mode inline --budget 100000     no import; a call that needs more than that traps
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
@click.option(
    "--costs",
    "table",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Costs of instructions (TOML).  Default: the table that comes along.",
)
@click.option(
    "--budget",
    type=click.IntRange(0, (1 << 63) - 1),
    metavar="UNITS",
    help=f"With --mode inline: what `{GAS_LEFT}` begins with.  [default: 0]",
)
@click.option(
    "--stack-limit",
    type=click.IntRange(1, 1 << 20),
    metavar="CALLS",
    help="Trap past this many nested calls, or the interface's bytes of locals.",
)
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="OUT", help="The file to write.  [default: FILE with .metered.wasm]")
@json_option
def meter(file: Path, mode: str, table: Path | None, budget: int | None, stack_limit: int | None, out: Path | None, as_json: bool) -> None:
    """Write FILE (.wasm or .wat) so that it charges gas at the head of every block, and by size for memory and table operations."""
    if budget is not None and mode != "inline":
        raise UsageError("--budget is what the module's own global begins with", advice="add --mode inline")
    wasm = read_module(file)
    module = decode_file(wasm, file)
    if complaint := validate(wasm):
        raise InvalidModule(complaint, where=str(file))
    hook = HostHook() if mode == "host" else HelperHook(GAS_LEFT, budget or 0)
    done = metered(module, read_costs(table), hook)
    result = encode(done.module if stack_limit is None else limited(done.module, stack_limit))
    if complaint := validate(result):
        raise LinkError(f"the metered module is not valid: {complaint}", where=str(file), advice="report it with the module")
    path = out or file.with_suffix(".metered.wasm")
    write_atomically(path, result)
    facts: dict[str, Any] = {
        "path": str(path),
        "mode": mode,
        "charges_by": f"{hook.module}.{hook.name}" if isinstance(hook, HostHook) else hook.export,
        "bytes_before": len(wasm),
        "bytes_after": len(result),
        "points": done.points,
        "points_by_size": done.counted,
        "stack_limit": stack_limit,
        "notes": notes(module, done),
    }
    if as_json:
        print_json(facts)
    else:
        show(facts)


def read_costs(path: Path | None) -> Costs:
    """The table in that file, or the one that comes along."""
    if path is None:
        return costs_from((files("sshi.wasm.meter") / "costs.toml").read_text("utf-8"), where="costs.toml")
    try:
        return costs_from(read_file(path).decode(), where=str(path))
    except UnicodeDecodeError as error:
        raise UsageError("a table of costs is UTF-8 text", where=str(path)) from error


def limited(module: Module, calls: int) -> Module:
    """The module trapping past that many nested calls; the limiter's own work is not charged, it is none of the contract's."""
    limit = limit_stack(module, depth=calls, frame_bytes=interface().limits.frame_bytes, exhausted=STOP)
    return without_import(limit, STOP, "stack.exhausted")


def notes(module: Module, done: Metered) -> list[str]:
    """What its author should know about the result."""
    found: list[str] = []
    host = HostHook()
    if any((entry.module, entry.name) == (host.module, host.name) for entry in module.imported(FUNC)) or module.export(GAS_LEFT):
        found.append("the module was metered before, or charges gas itself: it pays twice")
    if not done.points and not done.counted:
        found.append("nothing in it costs anything, so nothing is charged")
    if dropped := positional(module):
        found.append(f"dropped, since they hold for the code as it was only: {', '.join(dropped)}")
    return found


def show(facts: dict[str, Any]) -> None:
    """The facts for a person."""
    before, after = facts["bytes_before"], facts["bytes_after"]
    click.echo(f"{facts['path']}  {before:,} B -> {after:,} B ({after / before:.0%})")
    click.echo(f"{facts['points']:,} charges at block heads, {facts['points_by_size']:,} by size, through {facts['charges_by']}")
    if facts["stack_limit"] is not None:
        click.echo(f"at most {facts['stack_limit']:,} nested calls")
    for note in facts["notes"]:
        click.echo(f"note: {note}")
