"""`sshi check`: does a contract load on each target, and if not, what is wrong, where, and what to do."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from sshi.cli.common import chosen_adapters, json_option, manifest_option, print_json
from sshi.errors import ContractError
from sshi.link.check import findings_of, rules_of
from sshi.link.linker import build as link
from sshi.link.source import decode_file, read_source
from sshi.wasm.check import Finding

EPILOG = """\b
Examples:
  sshi check token.wasm
  sshi check token.wasm -t near@84 -t polkadot
  sshi check counter.wat --json

\b
Exit status: 0 it can be linked for every target, 1 not for each, 2 wrong usage or a file that is no module.
"""


class TargetReport(msgspec.Struct, frozen=True):
    """One target's answer; `bytes` is the linked artifact's size, None when it cannot be linked."""

    target: str
    links: bool
    bytes: int | None
    imports: tuple[str, ...]
    findings: tuple[Finding, ...]
    error: str = ""


@click.command(epilog=EPILOG)
@click.argument("contract", type=click.Path(path_type=Path))
@click.option("-t", "--target", "targets", multiple=True, metavar="CHAIN[@PROFILE]", help="Target to check for; repeat for more.  Default: all installed.")
@click.option("-v", "--verbose", is_flag=True, help="Also show what the linker takes care of.")
@manifest_option
@json_option
@click.pass_context
def check(ctx: click.Context, contract: Path, targets: tuple[str, ...], verbose: bool, manifest: Path | None, as_json: bool) -> None:
    """Check CONTRACT (.wasm or .wat) against the interface's rules and each target's: imports, signatures, entries, determinism, limits."""
    source = read_source(contract, manifest)
    module = decode_file(source.wasm, contract)
    reports: list[TargetReport] = []
    for adapter, profile in chosen_adapters(targets):
        found = findings_of(source.wasm, module, source.manifest, rules_of(adapter.profile(profile)))
        try:
            artifact = link(source.wasm, source.manifest, adapter, profile)
        except ContractError as error:
            reports.append(TargetReport(profile, links=False, bytes=None, imports=(), findings=found, error=str(error)))
        else:
            reports.append(TargetReport(profile, links=True, bytes=len(artifact.wasm), imports=artifact.imports, findings=found))
    if as_json:
        entries = [{"name": entry.name, "kind": entry.kind.value, "payable": entry.payable} for entry in source.manifest.entries]
        print_json({"contract": str(contract), "bytes": len(source.wasm), "entries": entries, "targets": reports})
    else:
        _show(reports, verbose=verbose)
    ctx.exit(0 if all(report.links for report in reports) else 1)


def _show(reports: list[TargetReport], *, verbose: bool) -> None:
    shown: set[str] = set()
    for report in reports:
        for finding in report.findings:
            text = str(finding)
            key = text.replace(f"({report.target})", "")
            if key not in shown and (verbose or finding.severity != "info"):
                shown.add(key)
                click.echo(text + "\n")
        if report.error and not any(finding.severity == "error" for finding in report.findings):
            click.echo(f"error: {report.error} ({report.target})\n")
    for report in reports:
        lowered = sum(finding.severity == "info" for finding in report.findings)
        if report.links:
            note = f", {lowered} thing{'s' * (lowered != 1)} lowered" if lowered else ""
            click.echo(f"{click.style('links', fg='green')}   {report.target:<12} {report.bytes:,} B, {len(report.imports)} host functions{note}")
        else:
            click.echo(f"{click.style('cannot', fg='red')}  {report.target:<12} {report.error}")
