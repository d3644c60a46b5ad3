"""What a host refuses before anything is sent to a chain, by the declaration alone: the same answers everywhere.

Clauses: `entry.unknown`, `entry.call-query`, `entry.init-query`, `entry.input-limit`, `guard.init-required`, `guard.no-init`.
"""

from __future__ import annotations

from sshi.host.chain import Call
from sshi.host.outcome import Refusal, Rejected
from sshi.spec.loader import interface
from sshi.spec.manifest import EntryKind, Manifest


def refusal(manifest: Manifest, call: Call, *, query: bool) -> Rejected | None:
    """Why this call or query is refused, or None."""
    entry = None if call.entry is None else manifest.entry(call.entry)
    if entry is None:
        return Rejected(Refusal.UNKNOWN_ENTRY, f"no entry {call.entry!r}")
    if query and entry.kind is EntryKind.CALL:
        return Rejected(Refusal.NOT_A_QUERY, f"{entry.name} is a call")
    if query and entry.kind is EntryKind.INIT:
        return Rejected(Refusal.IS_INIT, f"{entry.name} is init")
    if query and call.value:
        return Rejected(Refusal.NOT_PAYABLE, "a query takes no value")
    return _too_long(call)


def deploy_refusal(manifest: Manifest, call: Call) -> Rejected | None:
    """Why this deployment is refused, or None."""
    if call.entry is None:
        if manifest.inits:
            return Rejected(Refusal.INIT_REQUIRED, f"name one of {', '.join(entry.name for entry in manifest.inits)}")
        if call.value or call.input:
            return Rejected(Refusal.NO_INIT, "a contract without init takes no value and no input")
        return None
    entry = manifest.entry(call.entry)
    if entry is None:
        return Rejected(Refusal.UNKNOWN_ENTRY if manifest.inits else Refusal.NO_INIT, f"no entry {call.entry!r}")
    if entry.kind is not EntryKind.INIT:
        return Rejected(Refusal.NOT_INIT, f"{entry.name} is a {entry.kind.value}")
    return _too_long(call)


def _too_long(call: Call) -> Rejected | None:
    limit = interface().limits.input_max
    return Rejected(Refusal.INPUT_LIMIT, f"{len(call.input)} bytes, at most {limit}") if len(call.input) > limit else None
