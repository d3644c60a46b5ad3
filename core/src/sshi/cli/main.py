"""The `sshi` command: finds subcommands through plugins, imports only the one that runs, turns errors into one message.

Exit status: 0 done, 1 a check or a call did not end well, 2 wrong usage or broken input.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click

from sshi import __version__
from sshi.errors import SshiError
from sshi.plugins import Plugins

if TYPE_CHECKING:
    from sshi.hookspecs import CommandRef

EPILOG = """\b
Examples:
  sshi check token.wasm
  sshi build token.wasm -o dist
  sshi run token.wasm total_supply
  sshi conformance run token.wasm --scenario token.toml

\b
Exit status: 0 all is well, 1 something did not hold, 2 wrong usage or broken input.
Completion: eval "$(_SSHI_COMPLETE=bash_source sshi)"  (or zsh_source, fish_source)
"""


_JSON = frozenset({"--json", "json", "sarif", "--format=json", "--format=sarif"})
"""Words of a command line that ask for a machine's answer, errors included."""


class LazyGroup(click.Group):
    """A group whose subcommands come from plugins, each imported when it is used."""

    _refs: dict[str, CommandRef] | None = None

    def refs(self) -> dict[str, CommandRef]:
        """Subcommands by name."""
        if self._refs is None:
            plugins = Plugins.load()
            self._refs = plugins.commands()
            for problem in plugins.problems:
                click.echo(f"warning: {problem}" + (f" ({problem.hint})" if problem.hint else ""), err=True)
        return self._refs

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Their names, in the order of registration."""
        return list(self.refs())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        """The subcommand, imported now."""
        ref = self.refs().get(cmd_name)
        if ref is None:
            return None
        module, _, attribute = ref.target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  click's signature
        """The list of `--help`, from the references alone."""
        rows = [(ref.name, ref.help) for ref in self.refs().values()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="sshi")
def cli() -> None:
    """Link one WebAssembly contract for every chain, and prove that it behaves the same on all of them."""


def main() -> NoReturn:
    """Run the command line; every SshiError becomes one message and exit status 2."""
    try:
        code = cli.main(standalone_mode=False)
    except SshiError as error:
        fail(error)
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except BrokenPipeError:
        # The reader went away (`| head`): not an error, but Python would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    sys.exit(code if isinstance(code, int) else 0)


def fail(error: SshiError) -> NoReturn:
    """Print one error, as JSON when the command line asked for JSON, and exit with status 2."""
    if _JSON.intersection(sys.argv):
        body: dict[str, Any] = {"error": {"code": error.code, "message": str(error), "hint": error.hint}}
        click.echo(json.dumps(body))
    else:
        click.echo(click.style("error", fg="red", bold=True, reset=True) + f"[{error.code}]: {error}", err=True)
        if error.hint:
            click.echo(f"  try: {error.hint}", err=True)
    sys.exit(2)
