"""`sshi doctor`: does this installation work, and what would make it complete?"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import sys
from collections.abc import Iterator

import click

from sshi import __version__
from sshi.cli.common import json_option, print_json
from sshi.errors import SshiError
from sshi.plugins import Plugins

EPILOG = """\b
Examples:
  sshi doctor
  sshi doctor --json

\b
Exit status: 0 all that is needed works, 1 something is broken; a missing judge is a warning.
"""

_PROBE = '(module (memory (export "memory") 1 1) (func (export "main")))'

Check = tuple[str, str, str]
"""("ok" | "warning" | "broken", what was looked at, what was found or what to do)."""


@click.command(epilog=EPILOG)
@json_option
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Check Python, libraries, engine, cache, plugins and the chains' VMs."""
    checks = [*_installation(), *_engines(), *_cache(), *_plugins()]
    if as_json:
        print_json({"version": __version__, "checks": [dict(zip(("state", "what", "text"), check, strict=True)) for check in checks]})
    else:
        colours = {"ok": "green", "warning": "yellow", "broken": "red"}
        for state, what, text in checks:
            click.echo(f"{click.style(f'{state:<8}', fg=colours[state])} {what:<24} {text}")
    ctx.exit(1 if any(state == "broken" for state, _, _ in checks) else 0)


def _installation() -> Iterator[Check]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield ("ok" if sys.version_info >= (3, 11) else "broken", "python", version)
    for requirement in importlib.metadata.requires("sshi") or ():
        pinned = re.match(r"([A-Za-z0-9._-]+)==([^ ;]+)$", requirement)
        if pinned is None:
            continue
        name, wanted = pinned.groups()
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield "broken", name, f"not installed; pip install {name}=={wanted}"
            continue
        yield ("ok" if found == wanted else "warning", name, found if found == wanted else f"{found}, tested with {wanted}")


def _engines() -> Iterator[Check]:
    from sshi.host.engine import Engine, Frame, wat_to_wasm  # noqa: PLC0415  a broken engine is what this looks for

    for mode in ("interpreter", "aot"):
        try:
            engine = Engine(mode)
            engine.instantiate(engine.compile(wat_to_wasm(_PROBE, where="probe")), {}, Frame()).call("main")
        except Exception as error:  # noqa: BLE001  a report, whatever it is
            yield "broken", f"engine {mode}", f"{type(error).__name__}: {error}"
        else:
            yield "ok", f"engine {mode}", "runs a module"


def _cache() -> Iterator[Check]:
    from sshi.host.cache import cache_directory  # noqa: PLC0415

    place = cache_directory()
    try:
        place.mkdir(parents=True, exist_ok=True)
        writable = os.access(place, os.W_OK)
    except OSError:
        writable = False
    yield ("ok" if writable else "warning", "cache", str(place) if writable else f"{place} is not writable; set SSHI_CACHE_DIR")


def _plugins() -> Iterator[Check]:
    plugins = Plugins.load()
    for adapter in plugins.adapters().values():
        yield "ok", f"adapter {adapter.name}", ", ".join(adapter.profiles)
        for kind, vm in adapter.vms.items():
            try:
                why = vm.ready()
            except SshiError as error:
                why = str(error)
            yield ("ok" if why is None else "warning", f"  {adapter.name} {kind}", why or "ready")
    for problem in plugins.problems:
        yield "broken", f"plugin {problem.adapter}", f"{problem}" + (f" ({problem.hint})" if problem.hint else "")
    if shutil.which("cargo") is None:
        yield "warning", "cargo", "not found: the chains' real VMs cannot be built here, only installed as wheels"
