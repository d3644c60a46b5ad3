"""A contract's declaration: which entries it has and of which kind.

Read from the custom section `sshi` (JSON), from a JSON or TOML manifest, or derived from the exports when there is none
(clauses `entry.*`).  Pure: text in, values out.
"""

from __future__ import annotations

import re
import tomllib
from enum import StrEnum

import msgspec

from sshi.errors import ManifestError

ENTRY_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
"""Clause `entry.name`."""


class EntryKind(StrEnum):
    """What an entry may do."""

    INIT = "init"
    CALL = "call"
    QUERY = "query"


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One entry point; `input` and `output` describe its bytes for people and tools."""

    name: str
    kind: EntryKind = EntryKind.CALL
    payable: bool = False
    input: str = ""
    output: str = ""
    docs: str = ""


class Manifest(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The whole declaration; `sshi` is the interface's version."""

    sshi: int
    name: str
    entries: tuple[Entry, ...]
    version: str = "0.1.0"
    description: str = ""

    def entry(self, name: str) -> Entry | None:
        """The entry of that name, or None."""
        return next((entry for entry in self.entries if entry.name == name), None)

    @property
    def inits(self) -> tuple[Entry, ...]:
        """The entries of kind init."""
        return tuple(entry for entry in self.entries if entry.kind is EntryKind.INIT)


def parse_manifest(text: bytes, *, where: str, toml: bool = False) -> Manifest:
    """Validate a manifest's text; ManifestError names the place and the field."""
    try:
        if toml:
            manifest = msgspec.convert(tomllib.loads(text.decode()), Manifest)
        else:
            manifest = msgspec.json.decode(text, type=Manifest)
    except (msgspec.ValidationError, msgspec.DecodeError, tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ManifestError(str(error), where=where) from error
    return checked(manifest, where=where)


def checked(manifest: Manifest, *, where: str) -> Manifest:
    """The manifest itself, or ManifestError for what its types cannot say."""
    if manifest.sshi != 1:
        raise ManifestError(f"it says sshi = {manifest.sshi}, and this release knows version 1", where=where)
    seen: set[str] = set()
    for entry in manifest.entries:
        if not ENTRY_NAME.fullmatch(entry.name):
            raise ManifestError(f"{entry.name!r} is no entry name: [A-Za-z_][A-Za-z0-9_]{{0,63}}", where=where)
        if entry.name in seen:
            raise ManifestError(f"entry {entry.name!r} is declared twice", where=where)
        seen.add(entry.name)
    return manifest


def derived_manifest(name: str, exports: tuple[str, ...]) -> Manifest:
    """The declaration of a module that has none, from its exported `() -> ()` functions: clause `entry.default`.

    What has no entry's name is none: toolchains export helpers of their own.
    """
    kinds = {"init": EntryKind.INIT, "query": EntryKind.QUERY}
    names = [export for export in exports if export != "_initialize" and ENTRY_NAME.fullmatch(export)]
    entries = tuple([Entry(name=name, kind=kinds.get(name, EntryKind.CALL)) for name in names])
    return Manifest(sshi=1, name=name, entries=entries)


def encode_manifest(manifest: Manifest) -> bytes:
    """The canonical JSON of the custom section."""
    return msgspec.json.encode(manifest)
