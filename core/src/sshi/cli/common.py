"""What subcommands share: where the adapters come from, how files are written, how a target is named."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from sshi.errors import AdapterError, UsageError
from sshi.plugins import Plugins

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sshi.adapter import Adapter
    from sshi.link.source import Source

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
manifest_option = click.option(
    "--manifest",
    type=click.Path(path_type=Path),
    help="Declaration of entries (TOML or JSON); else the custom section, else sshi.toml beside.",
)

costs_option = click.option(
    "--costs", type=click.Path(path_type=Path), metavar="FILE", help="Costs of instructions (TOML); default: the table that comes along."
)
budget_option = click.option(
    "--budget",
    type=click.IntRange(0, (1 << 63) - 1),
    metavar="UNITS",
    help="Bound what a call may run, in units of --costs: past it the call is exhausted(gas), on every host alike.",
)


def with_bounds(source: Source, budget: int | None, costs: Path | None) -> Source:
    """The contract with the budget that was asked for; UsageError for costs of nothing."""
    if budget is None:
        if costs is not None:
            raise UsageError("--costs says what a budget is spent on", advice="add --budget")
        return source
    from sshi.link.guard import with_budget  # noqa: PLC0415  most contracts have no budget
    from sshi.link.source import read_file  # noqa: PLC0415
    from sshi.wasm.meter import costs_from  # noqa: PLC0415

    return with_budget(source, budget, costs and costs_from(read_file(costs), where=str(costs)))


def chosen_adapters(names: Iterable[str]) -> list[tuple[Adapter, str]]:
    """(adapter, profile) for each `near` or `near@84`, or every sound adapter when none is named."""
    plugins = Plugins.load()
    if not tuple(names):
        found = [(adapter, adapter.default_profile) for adapter in plugins.adapters().values()]
        for problem in plugins.problems:
            click.echo(f"warning: {problem}" + (f" ({problem.hint})" if problem.hint else ""), err=True)
        if not found:
            raise UsageError("no adapter is installed, so there is nothing to link for", advice="pip install sshi-near sshi-polkadot")
        return found
    return [_one(plugins, name) for name in names]


def _one(plugins: Plugins, name: str) -> tuple[Adapter, str]:
    chain, at, _ = name.partition("@")
    adapter = plugins.adapter(chain)
    profile = name if at else adapter.default_profile
    if profile not in adapter.profiles:
        raise AdapterError(chain, f"it has no profile {profile!r}, only {', '.join(adapter.profiles)}")
    return adapter, profile


def write_atomically(path: Path, data: bytes) -> None:
    """The whole file or none of it; UsageError when it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=str(path)) from error


def print_json(value: Any) -> None:
    """One indented JSON document on standard output; bytes are base64."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
