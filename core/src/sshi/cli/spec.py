"""`sshi spec`: the interface, rendered."""

from __future__ import annotations

import click

from sshi.spec.loader import interface
from sshi.spec.render import FORMATS


@click.command(
    epilog="\b\nExamples:\n  sshi spec --format c-header > sshi.h\n  sshi spec --json | jq .functions.transfer\n\nExit status: 0."
)
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="md", show_default=True, help="What to print.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def spec(form: str, as_json: bool) -> None:
    """Print the interface: every function, type, limit and clause."""
    click.echo(FORMATS["json" if as_json else form](interface()), nl=False)
