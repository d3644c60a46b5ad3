"""`sshi adapters`: which chains are plugged in, at which profiles, and which of their VMs can run here."""

from __future__ import annotations

from typing import Any

import click

from sshi.cli.common import json_option, print_json
from sshi.plugins import Plugins

EPILOG = "\b\nExamples:\n  sshi adapters\n  sshi adapters --json\n\n\b\nExit status: 0, or 1 when an installed adapter is broken."


@click.command(epilog=EPILOG)
@json_option
@click.pass_context
def adapters(ctx: click.Context, as_json: bool) -> None:
    """List the installed adapters: profiles, deviations, and which VMs are ready and why not."""
    plugins = Plugins.load()
    found = plugins.adapters()
    rows: list[dict[str, Any]] = [
        {
            "name": adapter.name,
            "title": adapter.title,
            "default_profile": adapter.default_profile,
            "profiles": list(adapter.profiles),
            "deviations": [deviation.id for deviation in adapter.deviations],
            "vms": {
                kind: {"ready": why is None, "why": why or "", "what": vm.summary}
                for kind, vm in adapter.vms.items()
                for why in [vm.ready()]
            },
        }
        for adapter in found.values()
    ]
    problems = [
        {"adapter": problem.adapter, "code": problem.code, "message": str(problem), "hint": problem.hint} for problem in plugins.problems
    ]
    if as_json:
        print_json({"adapters": rows, "problems": problems})
    else:
        _show(rows, problems)
    ctx.exit(1 if problems else 0)


def _show(rows: list[dict[str, Any]], problems: list[dict[str, str]]) -> None:
    for row in rows:
        click.secho(f"{row['name']}", bold=True, nl=False)
        click.echo(f"  {row['title']}")
        profiles = ", ".join(f"{name} (default)" if name == row["default_profile"] else str(name) for name in row["profiles"])
        click.echo(f"  profiles    {profiles}")
        for kind, vm in row["vms"].items():
            state = click.style("ready", fg="green") if vm["ready"] else click.style("not ready", fg="yellow")
            click.echo(f"  {kind:<10}  {state}: {vm['what'] if vm['ready'] else vm['why']}")
        for deviation in row["deviations"]:
            click.echo(f"  deviation   {deviation}")
    if not rows:
        click.echo("no adapter is installed; try: pip install sshi-near sshi-polkadot")
    for problem in problems:
        click.secho("broken", fg="red", nl=False)
        click.echo(f"[{problem['code']}] {problem['message']}" + (f"\n  try: {problem['hint']}" if problem["hint"] else ""))
