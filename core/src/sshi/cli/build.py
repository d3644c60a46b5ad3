"""`sshi build`: link a contract for chains, and write what each chain is given."""

from __future__ import annotations

from pathlib import Path

import click

from sshi.cli.common import (
    budget_option,
    chosen_adapters,
    costs_option,
    json_option,
    manifest_option,
    print_json,
    with_bounds,
    write_atomically,
)
from sshi.link.guard import CONSUME, charges
from sshi.link.linker import build as link
from sshi.link.source import read_source
from sshi.wasm.decode import decode
from sshi.wasm.meter import GAS_LEFT, counts_gas
from sshi.wasm.module import Module

EPILOG = """\b
Examples:
  sshi build token.wasm                        every installed chain, into ./dist
  sshi build token.wasm -t near@84 -o out      one chain, one profile
  sshi build counter.wat --names --json
  sshi build token.wasm --budget 100000        a call that runs more than that is exhausted(gas)

\b
Exit status: 0 written, 2 the contract cannot be linked or the command is wrong; then nothing is written.
"""


@click.command(epilog=EPILOG)
@click.argument("contract", type=click.Path(path_type=Path))
@click.option(
    "-t",
    "--target",
    "targets",
    multiple=True,
    metavar="CHAIN[@PROFILE]",
    help="Chain to link for; repeat for more.  Default: all installed.",
)
@click.option("-o", "--out", type=click.Path(path_type=Path), default=Path("dist"), show_default=True, help="Directory for the artifacts.")
@click.option("--name", help="Base name of the artifacts; default: the module's.")
@click.option("--names", is_flag=True, help="Keep function names in the artifacts (larger).")
@budget_option
@costs_option
@manifest_option
@json_option
def build(
    contract: Path,
    targets: tuple[str, ...],
    out: Path,
    name: str | None,
    names: bool,
    budget: int | None,
    costs: Path | None,
    manifest: Path | None,
    as_json: bool,
) -> None:
    """Link CONTRACT (.wasm or .wat) for each chain and write the artifacts."""
    source = read_source(contract, manifest)
    size = len(source.wasm)
    noted = notes(decode(source.wasm), budget)
    source = with_bounds(source, budget, costs)
    artifacts = [link(source.wasm, source.manifest, adapter, profile, names=names) for adapter, profile in chosen_adapters(targets)]
    base = name or contract.stem
    rows: list[dict[str, object]] = []
    for artifact in artifacts:
        for suffix, data in artifact.files.items():
            path = out / f"{base}{suffix}"
            write_atomically(path, data)
            rows.append({"path": str(path), "target": artifact.profile, "bytes": len(data)})
    if as_json:
        print_json({"contract": str(contract), "bytes": size, "artifacts": rows, "notes": noted})
        return
    width = max(len(str(row["path"])) for row in rows)
    for row in rows:
        click.echo(f"{row['path']!s:<{width}}  {row['bytes']:>8,} B  {row['target']}")
    for note in noted:
        click.echo(f"note: {note}")


def notes(module: Module, budget: int | None) -> list[str]:
    """What the author should know about gas: chains meter by themselves, so whatever the contract counts is paid on top."""
    if counts_gas(module):
        return [f"the contract was metered: it pays twice, to its own `{GAS_LEFT}` and to the chain; link the unmetered one with --budget"]
    if charges(module):
        taken = "its charges come off the budget" if budget is not None else "chains meter by themselves, so its charges are taken out"
        return [f"the contract calls `{CONSUME}`: {taken}"]
    return [] if budget is None else [f"a call pays twice: to its budget of {budget:,} units and to the chain"]
