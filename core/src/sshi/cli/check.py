"""`sshi check`: does a contract load on each target, and if not, what is wrong, where, and what to do."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

import click

from sshi.cli.check_sarif import sarif
from sshi.cli.check_text import text
from sshi.cli.common import chosen_adapters, manifest_option, print_json
from sshi.errors import DecodeError, UsageError
from sshi.link.report import Target, report, report_unread
from sshi.link.source import read_module, read_unchecked
from sshi.wasm.check.codes import codes, explain

EPILOG = """\b
Examples:
  sshi check token.wasm
  sshi check token.wasm -t near@84 -t polkadot
  sshi check token.wasm --format sarif
  sshi check --explain float

\b
Without @PROFILE every version of the chain is judged; the one that `sshi build` takes decides.
Exit status: 0 it loads on every target asked for, 1 not on each, 2 wrong usage or a file that is no module.
"""


def _explain(ctx: click.Context, _parameter: click.Parameter, code: str | None) -> None:
    if code is None:
        return
    if code not in codes():
        close = get_close_matches(code, codes(), 1)
        raise UsageError(
            f"no finding has the code {code!r}", advice=f"did you mean {close[0]!r}?" if close else "one of " + ", ".join(codes())
        )
    click.echo(explain(code), nl=False)
    ctx.exit(0)


@click.command(epilog=EPILOG)
@click.argument("contract", type=click.Path(path_type=Path))
@click.option(
    "-t",
    "--target",
    "targets",
    multiple=True,
    metavar="CHAIN[@PROFILE]",
    help="Target to check for; repeat for more.  Default: all installed.",
)
@click.option("-v", "--verbose", is_flag=True, help="Also show what the linker takes care of.")
@click.option(
    "--explain", metavar="CODE", is_eager=True, expose_value=False, callback=_explain, help="Say what a finding's code means, and stop."
)
@click.option("--format", "form", type=click.Choice(["text", "json", "sarif"]), default="text", show_default=True, help="How to print it.")
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
@manifest_option
@click.pass_context
def check(ctx: click.Context, contract: Path, targets: tuple[str, ...], verbose: bool, form: str, manifest: Path | None) -> None:
    """Check CONTRACT (.wasm or .wat) against the interface's rules and each target's: imports, signatures, entries, determinism, limits."""
    asked = _targets(targets)
    try:
        found = report(read_unchecked(contract, manifest)[0], asked)
    except DecodeError as error:
        found = report_unread(str(contract), read_module(contract), error, asked)
    match form:
        case "json":
            print_json(found)
        case "sarif":
            print_json(sarif(found, Path.cwd()))
        case _:
            click.echo(text(found, Path.cwd(), verbose=verbose), nl=False)
    ctx.exit(0 if found.loads else 1)


def _targets(names: tuple[str, ...]) -> list[Target]:
    """What was named; for a chain without a version also its other versions, which are judged and do not decide."""
    versioned = {name for name in names if "@" in name}
    found: list[Target] = []
    for adapter, profile in chosen_adapters(names):
        found.append(Target(adapter, profile))
        if profile not in versioned:
            found += [Target(adapter, other, asked=False) for other in adapter.profiles if other != profile]
    return found
