"""The main job, end to end: check and link every example for both chains, then judge them and the whole suite on every host.

make demo        leaves out/report.html, report.json, report.junit.xml and the artifacts
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from rich.console import Console

from sshi.cli.common import write_atomically
from sshi.errors import SshiError
from sshi.link.linker import build
from sshi.link.source import read_source
from sshi.plugins import Plugins
from sshi_conformance.cli import json_text
from sshi_conformance.hosts import HostChoice, choose_hosts
from sshi_conformance.progress import Ticker
from sshi_conformance.render.html import html
from sshi_conformance.render.junit import junit
from sshi_conformance.render.terminal import show
from sshi_conformance.report import make_report
from sshi_conformance.runner import run
from sshi_conformance.suite import Unit, builtin_units, scenario_units

HERE = Path(__file__).resolve().parent
OUT = HERE.parent / "out"
EXAMPLES = {
    "counter": HERE / "counter" / "counter.wat",
    "token": HERE / "token" / "token.wasm",
    "token-rust": HERE / "token-rust" / "token_rust.wasm",
    "escrow": HERE / "escrow" / "escrow.wasm",
    "registry": HERE / "registry" / "registry.wasm",
}


def main() -> int:
    """Exit status 0 when everything is as expected."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=150)  # a log has no edge to wrap at
    started = time.monotonic()
    plugins = Plugins.load()
    units: list[Unit] = []
    console.print("[bold]linking[/] the examples")
    for name, path in EXAMPLES.items():
        source = read_source(path)
        sizes = []
        for adapter in plugins.adapters().values():
            artifact = build(source.wasm, source.manifest, adapter)
            for suffix, data in artifact.files.items():
                write_atomically(OUT / f"{name}{suffix}", data)
            sizes.append(f"{artifact.profile} {len(artifact.wasm):,} B")
        console.print(f"  {name:<11} {len(source.wasm):>5,} B  ->  {'   '.join(sizes)}", highlight=False)
        scenario = HERE / ("token" if name == "token-rust" else name) / "scenario.toml"
        units += scenario_units(scenario, source)
    units += builtin_units()
    hosts, missing = choose_hosts(plugins, HostChoice((), "all", "both"))
    console.print(f"[bold]judging[/] {len(units)} cases on {len(hosts)} hosts")
    with Ticker(len(units), Console(stderr=True)) as ticker:
        report = make_report(run(units, hosts, tick=ticker.tick), hosts, missing, subject="the examples and the suite")
    for name, text in (("report.json", json_text(report)), ("report.junit.xml", junit(report)), ("report.html", html(report))):
        write_atomically(OUT / name, text.encode())
    show(report, console)
    console.print(f"{time.monotonic() - started:.1f} s; the whole report: [bold]out/report.html[/]", highlight=False)
    return 0 if report.ok else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SshiError as error:
        sys.exit(f"error[{error.code}]: {error}\n{error.hint}")
