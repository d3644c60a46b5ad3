"""What is wrong with an adapter, found before it is used: each complaint with its remedy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sshi.adapter import API_VERSION, Adapter
from sshi.errors import SshiError
from sshi.host.engine import wat_to_wasm
from sshi.link.linker import CONTRACT, PROVIDED, function_type
from sshi.spec.loader import interface
from sshi.wasm.decode import decode
from sshi.wasm.module import FUNC, FuncType, Module

_BYTES = {"i32": 0x7F, "i64": 0x7E}


def complaints(adapter: Any) -> Iterator[tuple[str, str]]:
    """(what is wrong, what to do) for each thing wrong; nothing when the adapter is sound."""
    if not isinstance(adapter, Adapter):
        yield f"sshi_adapter returned a {type(adapter).__name__}, not an Adapter", "return sshi.adapter.Adapter"
        return
    face = interface()
    if adapter.api_version != API_VERSION:
        yield (
            f"its Adapter was written for plugin API {adapter.api_version}, this release has {API_VERSION}",
            "install a release that matches",
        )
        return
    if adapter.spec_version != face.version:
        yield f"it maps version {adapter.spec_version} of the interface, this release has {face.version}", "install a release that matches"
        return
    if adapter.default_profile not in adapter.profiles:
        yield f"its default profile {adapter.default_profile!r} is none of its profiles", "name one of " + ", ".join(adapter.profiles)
    clauses = face.clauses
    for deviation in adapter.deviations:
        unknown = [clause for clause in deviation.clauses if clause not in clauses]
        if unknown:
            yield f"deviation {deviation.id} touches {', '.join(unknown)}, which the interface does not have", "see `sshi spec`"
    try:
        shim = decode(wat_to_wasm(adapter.shim, where="shim.wat"))
    except SshiError as error:
        yield f"its shim does not assemble: {error}", "mend shim.wat"
        return
    yield from _mapping(shim)
    yield from _imports(adapter, shim)


def _mapping(shim: Module) -> Iterator[tuple[str, str]]:
    """Every base function is there with its own type, and nothing that looks like one is unknown."""
    face = interface()
    exported = {export.name: shim.function_type(export.index) for export in shim.exports if export.kind == FUNC}
    missing = [name for name in face.functions if name not in exported]
    if missing:
        yield (
            f"its shim misses the base function{'s' * (len(missing) > 1)} {', '.join(missing)}",
            "export each from shim.wat under its own name",
        )
    for name, found in exported.items():
        function = face.functions.get(name)
        if function is None:
            if not name.startswith("_"):
                yield (
                    f"its shim maps {name}, which the interface does not have",
                    "see `sshi spec`; helpers for the glue begin with an underscore",
                )
            continue
        expected = FuncType(bytes(_BYTES[kind] for kind in function.wasm_params), bytes(_BYTES[kind] for kind in function.results))
        if found != expected:
            yield f"its shim exports {name} with another type than the interface's", "see `sshi spec --format wit`"


def _imports(adapter: Adapter, shim: Module) -> Iterator[tuple[str, str]]:
    """Every chain function the shim imports stands in the adapter's table, with its type."""
    known = {(function.module, function.name): function for function in adapter.functions}
    for entry in shim.imports:
        if entry.kind != FUNC or entry.module in (CONTRACT, PROVIDED):
            continue
        function = known.get((entry.module, entry.name))
        if function is None:
            yield (
                f"its shim imports {entry.module}.{entry.name}, which its table of chain functions lacks",
                "add it with its type and source",
            )
        elif isinstance(entry.desc, int) and shim.types[entry.desc] != function_type(function):
            yield (
                f"its shim imports {entry.module}.{entry.name} with another type than its table says",
                "compare both with the chain's source",
            )
