"""A case made ready for one host: its bytes encoded once, with that host's addresses.

Addresses of contracts are known when they have been deployed, so a step that writes one is encoded when it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec
from msgspec import UNSET

from sshi.host.chain import Call
from sshi.host.outcome import Refusal, Resource, TrapKind
from sshi_conformance.pieces import amount, encode, names
from sshi_conformance.scenario import SELF, Case, Expect, Step, implied_outcomes, stored_pairs
from sshi_conformance.show import bytes_text

Book = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Expected:
    """What a step must end in and change, in this host's bytes; None: whatever the reference host shows.

    transfers, balances  by name, not by address
    """

    kind: str
    data: bytes | None = None
    message: str | None = None
    trap: TrapKind | None = None
    what: Resource | None = None
    reason: Refusal | None = None
    storage: tuple[tuple[bytes, bytes | None], ...] | None = None
    stored: Mapping[bytes, bytes | None] | None = None
    events: tuple[tuple[str, bytes], ...] | None = None
    transfers: tuple[tuple[str, int], ...] | None = None
    balances: Mapping[str, int] | None = None

    def text(self) -> str:
        """The outcome asked for, in the interface's notation."""
        part = self.trap or self.what or self.reason
        if part is not None:
            return f"{self.kind}({part})"
        if self.message is not None:
            return f"{self.kind} {self.message!r}"
        return f"{self.kind} {bytes_text(self.data)}" if self.data else self.kind


@dataclass(frozen=True, slots=True)
class Override:
    """What a deviation expects instead of a step's own expectation."""

    deviation: str
    expect: Expect


@dataclass(slots=True)
class PlannedStep:
    """A step; `call` and `expected` are None when they need a contract's address, and made by `made_call` and `made_expected` then."""

    number: int
    kind: str
    contract: str
    block: tuple[int, int]
    source: Step
    call: Call | None
    expected: Expected | None
    override: Override | None
    overridden: Expected | None

    def made_call(self, book: Book) -> Call:
        """The call, with the addresses known by now."""
        return self.call if self.call is not None else _call(self.source, book)

    def made_expected(self, book: Book) -> Expected:
        """The expectation, with the addresses known by now."""
        return self.expected if self.expected is not None else compile_expect(self.source.expect, book, self.contract)

    def made_override(self, book: Book) -> Expected | None:
        """The deviation's expectation, with the addresses known by now."""
        if self.override is None or self.overridden is not None:
            return self.overridden
        return compile_expect(self.override.expect, book, self.contract)


@dataclass(slots=True)
class Plan:
    """A case for one host: accounts to make, addresses by name, names by address, the steps."""

    accounts: tuple[tuple[bytes, int], ...]
    book: dict[str, bytes]
    names: dict[bytes, str]
    steps: tuple[PlannedStep, ...]


def plan(case: Case, address: Callable[[str], bytes], overrides: Mapping[int, Override] | None = None) -> Plan:
    """Encode a case for the host whose accounts have these addresses."""
    book = {name: address(name) for name in case.people}
    accounts = tuple((book[name], amount(account.balance)) for name, account in case.people.items() if account.exists)
    contracts = frozenset({step.contract for step in case.steps} | {SELF})
    block = (case.block.height, case.block.time_ms)
    steps: list[PlannedStep] = []
    for number, step in enumerate(case.steps, 1):
        block = (block[0] if step.height is UNSET else step.height, block[1] if step.time_ms is UNSET else step.time_ms)
        steps.append(_planned(number, step, book, contracts=contracts, block=block, override=(overrides or {}).get(number)))
    return Plan(accounts, book, {address: name for name, address in book.items()}, tuple(steps))


def merged(original: Expect, override: Expect) -> Expect:
    """The original with a deviation's fields in place of its own; another outcome drops what belonged to the first."""
    fields = {name: getattr(override, name) for name in override.__struct_fields__ if getattr(override, name) is not UNSET}
    kinds = implied_outcomes(override)
    if kinds and kinds != (implied_outcomes(original) or {"returned"}):
        original = msgspec.structs.replace(original, outcome=UNSET, data=UNSET, message=UNSET, trap=UNSET, what=UNSET, reason=UNSET)
    return msgspec.structs.replace(original, **fields)


def compile_expect(expect: Expect, book: Book, contract: str) -> Expected:
    """The expectation in a host's own bytes; `contract` is who `self` means."""
    here = {**book, SELF: book[contract]} if contract in book else dict(book)

    def named(name: str) -> str:
        return contract if name == SELF else name

    return Expected(
        kind=min(implied_outcomes(expect), default="returned"),
        data=None if expect.data is UNSET else encode(expect.data, here),
        message=None if expect.message is UNSET else expect.message,
        trap=None if expect.trap is UNSET else expect.trap,
        what=None if expect.what is UNSET else expect.what,
        reason=None if expect.reason is UNSET else expect.reason,
        storage=None if expect.storage is UNSET else tuple(sorted(stored_pairs(expect.storage, here).items())),
        stored=None if expect.stored is UNSET else stored_pairs(expect.stored, here),
        events=None if expect.events is UNSET else tuple((event.topic, encode(event.data, here)) for event in expect.events),
        transfers=None if expect.transfers is UNSET else tuple((named(each.to), amount(each.amount)) for each in expect.transfers),
        balances=None
        if expect.balances is UNSET
        else {named(name): amount(change, signed=True) for name, change in expect.balances.items()},
    )


def _planned(
    number: int, step: Step, book: Book, *, contracts: frozenset[str], block: tuple[int, int], override: Override | None
) -> PlannedStep:
    if override is not None:
        override = Override(override.deviation, merged(step.expect, override.expect))
    static = not contracts.intersection(names(step.input))

    def early(expect: Expect | None) -> Expected | None:
        return (
            compile_expect(expect, book, step.contract)
            if expect is not None and not contracts.intersection(_expect_names(expect))
            else None
        )

    return PlannedStep(
        number=number,
        kind=step.action[0],
        contract=step.contract,
        block=block,
        source=step,
        call=_call(step, book) if static else None,
        expected=early(step.expect),
        override=override,
        overridden=early(override.expect if override else None),
    )


def _call(step: Step, book: Book) -> Call:
    here = {**book, SELF: book[step.contract]} if step.contract in book else book
    kind, entry = step.action
    return Call(
        entry=entry or None if kind == "deploy" else entry,
        input=encode(step.input, here),
        caller=book[step.caller],
        value=amount(step.value),
        gas=None if step.gas is UNSET else step.gas,
    )


def _expect_names(expect: Expect) -> set[str]:
    """The names whose addresses the expectation's bytes hold."""
    found: set[str] = set()
    if expect.data is not UNSET:
        found.update(names(expect.data))
    for stored in (expect.storage, expect.stored):
        if isinstance(stored, dict):
            found.update(name for value in stored.values() for name in names(value))
        elif stored is not UNSET:
            for entry in stored:
                found.update(names(entry.key))
                if entry.value is not UNSET:
                    found.update(names(entry.value))
    for event in expect.events or ():
        found.update(names(event.data))
    return found
