"""The suite's door: the subcommand `sshi conformance`."""

from __future__ import annotations

from sshi.hookspecs import CommandRef, hookimpl

SSHI_API = 1


@hookimpl
def sshi_commands() -> list[CommandRef]:
    """One group, imported when it runs."""
    return [CommandRef("conformance", "sshi_conformance.cli:conformance", "Run cases on every host and say where they differ.")]
