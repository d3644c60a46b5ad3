"""The contract with plugins: all that an adapter's author, or the author of a command, must read.

A plugin is an installed package with an entry point in group `sshi` whose object has hook implementations
(`from sshi.hookspecs import hookimpl`).  It also states `SSHI_API = 1`, the version it was written for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pluggy

if TYPE_CHECKING:
    from sshi.adapter import Adapter

GROUP = "sshi"
"""The entry-point group."""

hookspec = pluggy.HookspecMarker("sshi")
hookimpl = pluggy.HookimplMarker("sshi")


class CommandRef(NamedTuple):
    """A subcommand by name, imported only when it runs: `target` is `package.module:attribute`, a click command."""

    name: str
    target: str
    help: str


@hookspec
def sshi_adapter() -> Adapter:  # type: ignore[empty-body]
    """Describe one chain: profiles, limits, capabilities, deviations, shim, glue, VM makers.

    Called:  once per plugin that implements it, when adapters are first asked for, after its `SSHI_API` has been accepted.
    Returns: a frozen Adapter.  Building it starts no VM and reaches no network.
    Raises:  nothing on purpose; what escapes becomes an AdapterError naming the plugin, and the other plugins go on.
    Added:   0.1
    """


@hookspec
def sshi_commands() -> list[CommandRef]:  # type: ignore[empty-body]
    """Name subcommands of `sshi`.

    Called:  once per plugin that implements it, at every start of the command line: name them, import nothing.
    Returns: references; a name that is taken already is an AdapterError naming both.
    Raises:  nothing on purpose; what escapes becomes an AdapterError naming the plugin, and the other plugins go on.
    Added:   0.1
    """
