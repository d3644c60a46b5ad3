"""Glue: one exported function an entry, with its guards before it.

Guards come in the interface's order: the payment, then init.  A query entry raises the shim's `query` flag, in a transaction too.
An entry that needs none of it is the contract's own function.
"""

from __future__ import annotations

from sshi.adapter import GlueRequest
from sshi.spec.loader import interface
from sshi.spec.manifest import Entry, EntryKind

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
EVENT_PREFIX = "EVENT_JSON:"
EVENT_HEAD = EVENT_PREFIX + '{"standard":"sshi","version":"1.0.0","event":"'


def glue(request: GlueRequest) -> str:
    """The glue's WAT."""
    reactor = interface().reactor
    lines = ["(module"]
    texts = _texts(request)
    if texts:
        lines += ['  (import "contract" "memory" (memory 0))', '  (import "sshi" "scratch" (global $scratch i32))']
    lines += ['  (import "shim" "query" (global $query (mut i32)))']
    lines += ['  (import "shim" "_unpaid" (func $unpaid))', '  (import "shim" "_once" (func $once))']
    if request.reactor:
        lines.append(f'  (import "contract" "{reactor}" (func $initialize))')
    entries = request.manifest.entries
    lines += [f'  (import "contract" "{entry.name}" (func $entry_{entry.name}))' for entry in entries]
    if texts:
        lines.append(f"  (data (global.get $scratch) {_quoted(texts)})")
    lines += [_entry(entry, reactor=request.reactor) for entry in entries]
    return "\n".join([*lines, ")"]) + "\n"


def _entry(entry: Entry, *, reactor: bool) -> str:
    steps: list[str] = []
    if not entry.payable:
        steps.append("(call $unpaid)")
    if entry.kind is EntryKind.INIT:
        steps.append("(call $once)")
    if entry.kind is EntryKind.QUERY:
        steps.append("(global.set $query (i32.const 1))")
    if reactor:
        steps.append("(call $initialize)")
    if not steps:
        return f'  (export "{entry.name}" (func $entry_{entry.name}))'
    return f'  (func (export "{entry.name}") {" ".join(steps)} (call $entry_{entry.name}))'


def _texts(request: GlueRequest) -> str:
    """What the shim needs at the start of scratch, as far as this contract can come to need it; `shim.wat` has the layout."""
    texts, entries = interface().texts, request.manifest.entries
    parts = (
        (texts.not_payable, any(not entry.payable for entry in entries)),
        (texts.already_initialised, any(entry.kind is EntryKind.INIT for entry in entries)),
        (ALPHABET + EVENT_HEAD, "emit" in request.imports),
    )
    last = max((at for at, (_, needed) in enumerate(parts) if needed), default=-1)
    return "".join(text for text, _ in parts[: last + 1])


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
