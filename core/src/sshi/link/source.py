"""A contract as it comes from its author: read the file, find its declaration, hold it against its exports.

The declaration is, in this order, a manifest file that was named, the custom section `sshi`, a `sshi.toml` beside the module,
or what the exports imply.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import msgspec

from sshi.errors import ContractError, ManifestError, UsageError
from sshi.spec.loader import interface
from sshi.spec.manifest import Manifest, checked, derived_manifest, parse_manifest
from sshi.wasm.decode import decode
from sshi.wasm.module import FUNC, FuncType, Module

MAX_BYTES = 64 * 1024 * 1024
"""No chain takes a tenth of it; a larger file is not read."""

BESIDE = "sshi.toml"


class Source(msgspec.Struct, frozen=True):
    """A contract's bytes and its declaration; `path` is for messages, `declared` is false where the exports imply the declaration."""

    path: str
    wasm: bytes
    manifest: Manifest
    declared: bool = True


def read_source(path: Path, manifest: Path | None = None) -> Source:
    """Read a module (`.wat` is assembled) and its declaration; UsageError or ContractError says what is wrong with which file."""
    source, module = read_unchecked(path, manifest)
    check_entries(module, source.manifest, where=str(path))
    return source


def read_unchecked(path: Path, manifest: Path | None = None) -> tuple[Source, Module]:
    """The same with the decoded module, and without holding the declaration to the exports: for who reports on that."""
    wasm = read_module(path)
    module = decode_file(wasm, path)
    found = find_manifest(module, path, manifest)
    return Source(str(path), wasm, found or derived_manifest(path.stem, entry_exports(module)), declared=found is not None), module


def read_module(path: Path) -> bytes:
    """The module's bytes; a `.wat` file is assembled."""
    data = read_file(path)
    if path.suffix != ".wat":
        return data
    from sshi.host.engine import wat_to_wasm  # noqa: PLC0415  the engine is not needed for .wasm

    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ContractError("a .wat file is UTF-8 text", where=str(path)) from error
    return wat_to_wasm(text, where=str(path))


@lru_cache(maxsize=1)
def decoded(wasm: bytes) -> Module:
    """The module in these bytes, for whoever asks for the same one again with every target.  Raises as `decode` does."""
    return decode(wasm)


def read_file(path: Path) -> bytes:
    """A file's bytes, bounded; UsageError when there is none or it is too large."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if len(data) > MAX_BYTES:
        raise UsageError(f"is over {MAX_BYTES >> 20} MiB, which no chain takes", where=str(path))
    return data


def decode_file(wasm: bytes, path: Path) -> Module:
    """Decode, and say which file it was."""
    try:
        return decoded(wasm)
    except ContractError as error:
        error.where = str(path)
        raise


def read_manifest(module: Module, path: Path, manifest: Path | None) -> Manifest:
    """The declaration that holds for this module, checked against its exports."""
    found = find_manifest(module, path, manifest) or derived_manifest(path.stem, entry_exports(module))
    check_entries(module, found, where=str(path))
    return found


def find_manifest(module: Module, path: Path, manifest: Path | None) -> Manifest | None:
    """The declaration as it is written, None when nobody wrote one."""
    beside = path.with_name(BESIDE)
    section = module.custom(interface().section)
    if manifest is not None:
        return parse_manifest(read_file(manifest), where=str(manifest), toml=manifest.suffix != ".json")
    if section is not None:
        return parse_manifest(section.data, where=f"{path}: custom section {section.name!r}")
    return parse_manifest(read_file(beside), where=str(beside), toml=True) if beside.is_file() else None


def entry_exports(module: Module) -> tuple[str, ...]:
    """The names of exported functions of type `() -> ()`, in order."""
    nothing = FuncType(b"", b"")
    entries = {index for index, of in enumerate(module.function_types()) if of == nothing}
    return tuple(export.name for export in module.exports if export.kind == FUNC and export.index in entries)


def check_entries(module: Module, manifest: Manifest, *, where: str) -> None:
    """ManifestError unless every declared entry has a legal name and is exported with type `() -> ()`."""
    checked(manifest, where=where)
    present = dict.fromkeys(entry_exports(module))
    for entry in manifest.entries:
        if entry.name in present:
            continue
        if module.export(entry.name, FUNC) is not None:
            raise ManifestError(f"entry {entry.name!r} is exported, but its type is not () -> ()", where=where)
        raise ManifestError(
            f"entry {entry.name!r} is declared and not exported; exported are {', '.join(present) or 'no entry points'}",
            where=where,
            advice=f'add (export "{entry.name}") to the function, or take it out of the manifest',
        )
    if not manifest.entries:
        raise ManifestError("the contract has no entry points", where=where, advice="export a function of type () -> ()")
