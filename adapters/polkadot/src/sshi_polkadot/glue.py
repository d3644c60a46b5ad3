"""The two exports of a Polkadot artifact, `deploy` and `call`, generated for the contract at hand.

Both read the selector and run one entry.  In this order: the payment guard, the init guard, the query flag, `_initialize`, the
entry, the return data.  A selector that no entry has ends in a trap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sshi.adapter import GlueRequest
from sshi.errors import LinkError
from sshi.spec.loader import interface
from sshi.spec.manifest import Entry, EntryKind
from sshi_polkadot.encoding import selector

_TEXTS_AT = 4
"""Where in scratch the texts begin: see the layout in shim.wat."""


def glue(request: GlueRequest) -> str:
    """The glue's WAT; LinkError when two entries have the same selector."""
    return _Glue(request).text()


class _Glue:
    def __init__(self, request: GlueRequest) -> None:
        face = interface()
        self.entries = request.manifest.entries
        _refuse_collisions(self.entries)
        self.inits = request.manifest.inits
        self.others = [entry for entry in self.entries if entry.kind is not EntryKind.INIT]
        self.initialize = ["(call $contract._initialize)"] if request.reactor else []
        # The flag matters to functions that a query must not call, and only the contract's imports can be called.
        self.flags_queries = any(not face.functions[name].in_query for name in request.imports)
        self.finish = ["(call $finish)"] if "set_return" in request.imports else []
        self.texts = b"".join((face.texts.not_payable.encode(), face.texts.already_initialised.encode()))
        self.not_payable = (_TEXTS_AT, len(face.texts.not_payable))
        self.already_initialised = (_TEXTS_AT + len(face.texts.not_payable), len(face.texts.already_initialised))

    def text(self) -> str:
        deploy = self.function("deploy", self.deploy_body() if self.inits else ["(call $no_input)", "(call $refuse_value)"])
        call = self.function("call", self.call_body())
        contract = [f'(import "contract" "{name}" (func $contract.{name}))' for name in self.imported_entries()]
        data = "".join(f"\\{byte:02x}" for byte in bytes(_TEXTS_AT) + self.texts)
        return "\n".join([
            "(module",
            '  (import "contract" "memory" (memory 0))',
            '  (import "sshi" "scratch" (global $scratch i32))',
            '  (import "shim" "_query" (global $query (mut i32)))',
            '  (import "shim" "_selector" (func $selector (result i32)))',
            '  (import "shim" "_no_input" (func $no_input))',
            '  (import "shim" "_attached" (func $attached (result i32)))',
            '  (import "shim" "_refuse" (func $refuse (param i32 i32)))',
            '  (import "shim" "_finish" (func $finish))',
            *(f"  {line}" for line in contract),
            f'  (data (global.get $scratch) "{data}")',
            f"  (func $refuse_value (if (call $attached) (then {_refuse(self.not_payable)})))",
            *(f"  {line}" for line in (*deploy, *call)),
            ")",
        ])  # fmt: skip

    def imported_entries(self) -> Iterator[str]:
        if self.initialize:
            yield interface().reactor
        yield from (entry.name for entry in self.entries)

    def function(self, export: str, body: Sequence[str]) -> list[str]:
        return [f'(func (export "{export}")', *(f"  {line}" for line in body), ")"]

    def deploy_body(self) -> list[str]:
        return self.dispatch(payable=self.branches(_payable(self.inits), inline=True), unpaid=self.branches(_unpaid(self.inits)))

    def call_body(self) -> list[str]:
        payable = self.once(_payable(self.inits)) + self.branches(_payable(self.others), inline=True)
        calls = [entry for entry in _unpaid(self.others) if entry.kind is EntryKind.CALL]
        queries = [entry for entry in _unpaid(self.others) if entry.kind is EntryKind.QUERY]
        # The reactor is part of the query that it runs for, so the flag is up before it.
        apart = bool(queries and self.initialize and self.flags_queries)
        unpaid = self.branches(calls, inline=apart)
        if queries:
            unpaid += ([] if apart else self.flag()) + self.branches(queries, inline=apart)
        return self.dispatch(payable=payable, unpaid=unpaid, once=self.once(_unpaid(self.inits)), initialize=not apart)

    def dispatch(self, *, payable: Sequence[str], unpaid: Sequence[str], once: Sequence[str] = (), initialize: bool = True) -> list[str]:
        """Payable entries are asked for before the payment guard, all others after it; `initialize` once for all of these."""
        first = self.initialize if unpaid and initialize else []
        guarded = ["(call $refuse_value)", *once, *first, *unpaid] if once or unpaid else []
        branches = [f"  {line}" for line in (*payable, *guarded, "(unreachable)")]
        return ["(local $s i32)", "(local.set $s (call $selector))", "(block $done", *branches, ")", *self.finish]

    def branches(self, entries: Iterable[Entry], *, inline: bool = False) -> list[str]:
        """One test an entry; `inline` puts in front of the entry what has not been done for all before."""
        lines: list[str] = []
        for entry in entries:
            before = [*(self.flag() if entry.kind is EntryKind.QUERY else ()), *self.initialize] if inline else []
            lines.append(f"(if {_asked(entry)} (then {' '.join([*before, f'(call $contract.{entry.name})', '(br $done)'])}))")
        return lines

    def flag(self) -> list[str]:
        return ["(global.set $query (i32.const 1))"] if self.flags_queries else []

    def once(self, inits: Iterable[Entry]) -> list[str]:
        """Init, asked for again."""
        return [f"(if {_asked(entry)} (then {_refuse(self.already_initialised)}))" for entry in inits]


def _refuse_collisions(entries: Iterable[Entry]) -> None:
    owners: dict[bytes, str] = {}
    for entry in entries:
        owner = owners.setdefault(selector(entry.name), entry.name)
        if owner != entry.name:
            raise LinkError(
                f"entries {owner!r} and {entry.name!r} have the same selector {selector(entry.name).hex()} on Polkadot",
                where="polkadot",
                advice="rename one of them",
            )


def _payable(entries: Iterable[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.payable]


def _unpaid(entries: Iterable[Entry]) -> list[Entry]:
    return [entry for entry in entries if not entry.payable]


def _asked(entry: Entry) -> str:
    return f"(i32.eq (local.get $s) (i32.const 0x{int.from_bytes(selector(entry.name), 'little'):08x})) (; {entry.name} ;)"


def _refuse(text: tuple[int, int]) -> str:
    return "(call $refuse (i32.const {}) (i32.const {}))".format(*text)
