"""`sshi vm`: build the chains' real VMs, the judges, from the Rust crates beside their adapters.

Build output goes to the user's cache, outside every checkout, so that a second build takes seconds.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sshi.errors import UsageError, VmUnavailable
from sshi.host.process import find_program, target_directory
from sshi.plugins import Plugins

if TYPE_CHECKING:
    from sshi.adapter import Adapter

EPILOG = """\b
Examples:
  sshi vm build            every chain whose sources are here
  sshi vm build near

\b
Exit status: 0 built, 1 the build failed, 2 there is nothing to build or no cargo.
"""


@click.group()
def vm() -> None:
    """Build the chains' own virtual machines."""


@vm.command(epilog=EPILOG)
@click.argument("chains", nargs=-1)
@click.pass_context
def build(ctx: click.Context, chains: tuple[str, ...]) -> None:
    """Build the real VM of each of CHAINS with cargo; cargo's own progress is shown."""
    plugins = Plugins.load()
    wanted = [plugins.adapter(name) for name in chains] or list(plugins.adapters().values())
    crates = [(adapter, _crate(adapter)) for adapter in wanted if chains or _present(adapter)]
    if not crates:
        raise UsageError(
            "no installed adapter has the sources of its VM here", advice="install the wheel sshi-<chain>-vm instead, or work in a checkout"
        )
    cargo = shutil.which("cargo")
    if cargo is None:
        raise UsageError(
            "cargo is not installed", advice="install Rust 1.95 or newer, or the wheel sshi-<chain>-vm; everything else works without"
        )
    for adapter, crate in crates:
        click.secho(f"building sshi-{adapter.name}-vm", bold=True, err=True)
        status = _cargo(cargo, adapter.name, crate)
        if status:
            ctx.exit(1)
        click.echo(str(find_program(adapter.name)))


def _present(adapter: Adapter) -> bool:
    return adapter.program is not None and adapter.program.crate is not None and (adapter.program.crate / "Cargo.toml").is_file()


def _crate(adapter: Adapter) -> Path:
    if adapter.program is None or adapter.program.crate is None or not _present(adapter):
        raise VmUnavailable(adapter.name, "the sources of its VM are not here", f"install the wheel sshi-{adapter.name}-vm")
    return adapter.program.crate


def _cargo(cargo: str, chain: str, crate: Path) -> int:
    target = target_directory(chain)
    target.mkdir(parents=True, exist_ok=True)
    command = [cargo, "build", "--release", "--manifest-path", str(crate / "Cargo.toml")]
    return subprocess.run(command, env=os.environ | {"CARGO_TARGET_DIR": str(target)}, check=False).returncode  # noqa: S603  cargo on our own crate
