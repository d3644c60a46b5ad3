"""`sshi inspect`: what is in a module."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import click
import msgspec

from sshi.cli.common import json_option, manifest_option, print_json
from sshi.errors import ManifestError
from sshi.link.source import decode_file, read_manifest, read_module
from sshi.wasm.module import FUNC, GLOBAL, MEMORY, TABLE, FuncType, Module
from sshi.wasm.names import labels

EPILOG = """\b
Examples:
  sshi inspect token.wasm
  sshi inspect dist/token.near.wasm --json

\b
Exit status: 0, or 2 when the file is no module.
"""

_TYPES_SHOWN = 16
_KINDS = {FUNC: "func", TABLE: "table", MEMORY: "memory", GLOBAL: "global"}
_TYPES = {0x7F: "i32", 0x7E: "i64", 0x7D: "f32", 0x7C: "f64", 0x7B: "v128", 0x70: "funcref", 0x6F: "externref"}


class FunctionFacts(msgspec.Struct, frozen=True):
    """A defined function; `bytes` is its code."""

    index: int
    name: str
    type: str
    bytes: int


class CustomFacts(msgspec.Struct, frozen=True):
    """A custom section; `bytes` is what it holds."""

    name: str
    bytes: int


@click.command(epilog=EPILOG)
@click.argument("module", type=click.Path(path_type=Path))
@manifest_option
@json_option
def inspect(module: Path, manifest: Path | None, as_json: bool) -> None:
    """Show the imports, exports, entries, memory, functions and sizes of MODULE (.wasm or .wat)."""
    wasm = read_module(module)
    decoded = decode_file(wasm, module)
    facts = describe(decoded, len(wasm))
    try:
        found = read_manifest(decoded, module, manifest)
        facts["entries"] = [{"name": entry.name, "kind": entry.kind.value, "payable": entry.payable} for entry in found.entries]
    except ManifestError as error:
        facts["entries"] = []
        facts["note"] = str(error)
    if as_json:
        print_json(facts)
    else:
        _show(facts)


def describe(module: Module, size: int) -> dict[str, Any]:
    """The module's facts as plain data."""
    types = [type_text(of) for of in module.function_types()]
    imported = iter(types)
    functions = len(types) - len(module.funcs)
    found = labels(module)
    return {
        "bytes": size,
        "imports": [
            {
                "module": entry.module,
                "name": entry.name,
                "kind": _KINDS.get(entry.kind, "tag"),
                "type": next(imported) if entry.kind == FUNC else "",
            }
            for entry in module.imports
        ],
        "exports": [{"name": entry.name, "kind": _KINDS.get(entry.kind, "tag"), "index": entry.index} for entry in module.exports],
        "memories": [{"pages": memory.minimum, "maximum": memory.maximum} for memory in module.memories],
        "functions": [
            FunctionFacts(at, found.get(at, f"func[{at}]"), types[at], len(code.body)) for at, code in enumerate(module.codes, functions)
        ],
        "data_bytes": sum(len(segment.data) for segment in module.datas),
        "customs": [CustomFacts(custom.name, len(custom.data)) for custom in module.customs],
    }


@lru_cache(1024)
def type_text(kind: FuncType) -> str:
    """`(i32, i32) -> i32`."""
    return f"({_type_names(kind.params)}) -> {_type_names(kind.results) or '()'}"


def _type_names(kinds: bytes) -> str:
    """The first of them, and how many more: there may be a thousand, for every function."""
    more = [f"{len(kinds) - _TYPES_SHOWN} more"] if len(kinds) > _TYPES_SHOWN else []
    return ", ".join([*(_TYPES.get(byte, f"0x{byte:02x}") for byte in kinds[:_TYPES_SHOWN]), *more])


def _show(facts: dict[str, Any]) -> None:
    click.echo(f"{facts['bytes']:,} bytes, {len(facts['functions'])} functions, {facts['data_bytes']:,} bytes of data")
    for memory in facts["memories"]:
        click.echo(f"memory    {memory['pages']} pages, at most {memory['maximum'] if memory['maximum'] is not None else 'undeclared'}")
    for entry in facts["entries"]:
        click.echo(f"entry     {entry['name']}  {entry['kind']}{', payable' if entry['payable'] else ''}")
    for entry in facts["imports"]:
        click.echo(f"import    {entry['module']}.{entry['name']}  {entry['kind']} {entry['type']}")
    for entry in facts["exports"]:
        click.echo(f"export    {entry['name']}  {entry['kind']} {entry['index']}")
    for function in facts["functions"]:
        click.echo(f"function  {function.index:>4}  {function.bytes:>6} B  {function.name}  {function.type}")
    for custom in facts["customs"]:
        click.echo(f"custom    {custom.name}  {custom.bytes:,} B")
    if "note" in facts:
        click.echo(f"note      {facts['note']}")
