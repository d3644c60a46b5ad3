"""`sshi build`: link a contract for chains, and write what each chain is given."""

from __future__ import annotations

from pathlib import Path

import click

from sshi.cli.common import chosen_adapters, json_option, manifest_option, print_json, write_atomically
from sshi.link.linker import build as link
from sshi.link.source import read_source

EPILOG = """\b
Examples:
  sshi build token.wasm                        every installed chain, into ./dist
  sshi build token.wasm -t near@84 -o out      one chain, one profile
  sshi build counter.wat --names --json

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
@manifest_option
@json_option
def build(contract: Path, targets: tuple[str, ...], out: Path, name: str | None, names: bool, manifest: Path | None, as_json: bool) -> None:
    """Link CONTRACT (.wasm or .wat) for each chain and write the artifacts."""
    source = read_source(contract, manifest)
    artifacts = [link(source.wasm, source.manifest, adapter, profile, names=names) for adapter, profile in chosen_adapters(targets)]
    base = name or contract.stem
    rows: list[dict[str, object]] = []
    for artifact in artifacts:
        for suffix, data in artifact.files.items():
            path = out / f"{base}{suffix}"
            write_atomically(path, data)
            rows.append({"path": str(path), "target": artifact.profile, "bytes": len(data)})
    if as_json:
        print_json({"contract": str(contract), "bytes": len(source.wasm), "artifacts": rows})
        return
    width = max(len(str(row["path"])) for row in rows)
    for row in rows:
        click.echo(f"{row['path']!s:<{width}}  {row['bytes']:>8,} B  {row['target']}")
