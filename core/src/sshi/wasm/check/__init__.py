"""Whether a contract keeps the interface's rules and a target's, and what to do where it does not.

Linear in the module.  What nothing uses is reported as such, because the linker drops it: only what stays is an error.  A module must
have been decoded; whether it is *valid* is an engine's question, asked before this one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sshi.wasm.check.bodies import check_bodies
from sshi.wasm.check.context import Context
from sshi.wasm.check.finding import Finding, Severity
from sshi.wasm.check.limits import check_artifact
from sshi.wasm.check.rules import Rules
from sshi.wasm.check.shape import check_shape, default_entries
from sshi.wasm.module import FuncType, Module


def check(
    module: Module,
    *,
    interface: Mapping[str, FuncType],
    entries: Sequence[str] | None = None,
    rules: Rules = Rules(),  # noqa: B008  frozen
    source: str = "env",
) -> tuple[Finding, ...]:
    """What the module does against the rules, errors first; no error means that the linker can make it fit the target.

    `interface` has the types of the functions it may import from module `source`; `entries` are the declared entries' names, None when
    nothing was declared and every exported `() -> ()` is one.
    """
    names = default_entries(module) if entries is None else tuple(entries)
    # without any, whatever is exported has to do: its author will make entries of it
    context = Context(module, rules, names or [export.name for export in module.exports])
    check_shape(context, interface, source, entries)
    check_bodies(context)
    return context.all()


__all__ = ["Finding", "Rules", "Severity", "check", "check_artifact"]
