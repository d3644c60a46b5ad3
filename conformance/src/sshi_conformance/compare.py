"""Is what a host did what was expected?  The first difference, told so that a person understands it.

A field that the case states is held against the case.  Every other one is held against the reference host, addresses made
names first: a blob or short address whole (its length differs from chain to chain, too), then the bare bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sshi.host.outcome import Effects, Exhausted, Outcome, Receipt, Rejected, Resource, Returned, Reverted, TrapKind, Trapped
from sshi_conformance.plan import Expected
from sshi_conformance.show import balances_text, bytes_text, outcome_text, topics_text, transfers_text, value_text
from sshi_conformance.verdict import CASE, INTERFACE, REFERENCE, Difference

NO_EFFECTS = Effects()
SHORTEST = 4
"""A shorter address could be anything."""
KINDS: dict[type, str] = {Returned: "returned", Reverted: "reverted", Trapped: "trapped", Exhausted: "exhausted", Rejected: "rejected"}

Pairs = tuple[tuple[bytes, bytes | None], ...]
Events = tuple[tuple[str, bytes], ...]


@dataclass(slots=True)
class Observed:
    """A receipt, and the names of its host's addresses."""

    receipt: Receipt
    names: Mapping[bytes, str]

    def named(self, address: bytes) -> str:
        """The account's name; its bytes when the case names nobody of that address."""
        return self.names.get(address) or f"hex:{address.hex()}"

    def transfers(self) -> tuple[tuple[str, int], ...]:
        """Recipients by name, and amounts."""
        return tuple((self.named(each.to), each.amount) for each in self.receipt.effects.transfers)

    def balances(self) -> dict[str, int]:
        """Changes by name."""
        return {self.named(address): change for address, change in self.receipt.effects.balances}

    def normal(self, data: bytes) -> bytes:
        """The bytes with every known address made a token, in one pass from left to right."""
        known = {address: name for address, name in self.names.items() if len(address) >= SHORTEST}
        if not known:
            return data
        spelt = {prefix + address: name for address, name in known.items() for prefix in _lengths(address)}
        pattern = b"|".join(re.escape(each) for each in sorted(spelt, key=len, reverse=True))
        return re.sub(pattern, lambda match: b"<%s>" % spelt[match[0]].encode(), data)

    def normal_pairs(self) -> Pairs:
        """The storage difference with addresses made tokens."""
        pairs = self.receipt.effects.storage
        return tuple(sorted((self.normal(key), None if value is None else self.normal(value)) for key, value in pairs))

    def normal_events(self) -> Events:
        """The events with addresses made tokens."""
        return tuple((event.topic, self.normal(event.data)) for event in self.receipt.effects.events)


def _lengths(address: bytes) -> tuple[bytes, ...]:
    """What may stand before an address and differs with its length: a u32, a byte, or nothing."""
    return len(address).to_bytes(4, "little"), bytes([len(address)]), b""


def compare(expected: Expected, observed: Observed, reference: Observed | None) -> tuple[Difference | None, bool]:
    """The first difference, and whether `trapped(unknown)` had to be taken for what was asked for."""
    outcome = observed.receipt.outcome
    kind = KINDS[type(outcome)]
    blurred = isinstance(outcome, Trapped) and outcome.trap is TrapKind.UNKNOWN
    if kind != expected.kind:
        if blurred and expected.kind == "exhausted" and _wanted(expected, reference)[0] is Resource.STACK:
            return _failed_effects(observed), True
        return Difference("outcome", expected.text(), outcome_text(outcome), explanation=native_text(observed.receipt)), False
    difference = _outcome(expected, observed, reference)
    if difference is None:
        difference = _effects(expected, observed, reference) if kind == "returned" else _failed_effects(observed)
    return difference, blurred and _wanted(expected, reference)[0] not in (None, TrapKind.UNKNOWN)


def compare_stored(wanted: Mapping[bytes, bytes | None], found: Mapping[bytes, bytes]) -> Difference | None:
    """Whether the keys named are as they should be, whatever others there are."""
    for key, value in wanted.items():
        if found.get(key) != value:
            return Difference(f"stored[{bytes_text(key)}]", value_text(value), value_text(found.get(key)))
    return None


def storage_difference(wanted: Pairs, found: Pairs, against: str) -> Difference:
    """The first key in which two differences are not the same."""
    left, right = dict(wanted), dict(found)
    for key in sorted(left.keys() | right.keys()):
        if key not in right or key not in left or left[key] != right[key]:
            expected = value_text(left[key]) if key in left else "no change"
            observed = value_text(right[key]) if key in right else "no change"
            return Difference(f"storage[{bytes_text(key)}]", expected, observed, against)
    return Difference("storage", "sorted keys, each once", "another order, or a key twice", INTERFACE)


def native_text(receipt: Receipt) -> str:
    """The chain's own words, short."""
    return "; ".join(receipt.native)[:300]


def _wanted(expected: Expected, reference: Observed | None) -> tuple[object, str]:
    """The message, trap kind, resource or reason asked for (None: nobody asked), and by whom."""
    own = {"reverted": expected.message, "trapped": expected.trap, "exhausted": expected.what, "rejected": expected.reason}[expected.kind]
    theirs = reference.receipt.outcome if reference is not None else None
    if own is not None or theirs is None or KINDS[type(theirs)] != expected.kind:
        return own, CASE
    return detail_of(theirs), REFERENCE


def detail_of(outcome: Outcome) -> object:
    """What an outcome says beside its kind."""
    match outcome:
        case Returned(data):
            return data
        case Reverted(message):
            return message
        case Trapped(trap):
            return trap
        case Exhausted(what):
            return what
        case Rejected(reason):
            return reason


def _outcome(expected: Expected, observed: Observed, reference: Observed | None) -> Difference | None:
    """The parts of an outcome that is of the right kind."""
    outcome = observed.receipt.outcome
    if isinstance(outcome, Returned):
        return _data(expected, outcome.data, observed, reference)
    wanted, against = _wanted(expected, reference)
    if wanted is None or wanted == detail_of(outcome):
        return None
    if isinstance(outcome, Reverted):
        return Difference("message", repr(wanted), repr(outcome.message), against)
    if isinstance(outcome, Trapped) and outcome.trap is TrapKind.UNKNOWN and (not outcome.among or wanted in outcome.among):
        return None
    return Difference("outcome", f"{expected.kind}({wanted})", outcome_text(outcome), against, native_text(observed.receipt))


def _data(expected: Expected, data: bytes, observed: Observed, reference: Observed | None) -> Difference | None:
    if expected.data is not None:
        return None if data == expected.data else _bytes("data", expected.data, data, CASE)
    theirs = reference.receipt.outcome if reference is not None else None
    if reference is None or not isinstance(theirs, Returned) or theirs.data == data:
        return None
    wanted, found = reference.normal(theirs.data), observed.normal(data)
    return None if wanted == found else _bytes("data", wanted, found, REFERENCE)


def _failed_effects(observed: Observed) -> Difference | None:
    effects = observed.receipt.effects
    if effects == NO_EFFECTS:
        return None
    field = next(name for name in effects.__struct_fields__ if getattr(effects, name))
    text = "a call that did not return leaves no effects but cost"
    return Difference(field, "none", f"{len(getattr(effects, field))} of them", INTERFACE, text)


def _effects(expected: Expected, observed: Observed, reference: Observed | None) -> Difference | None:
    """Storage, events, transfers and balances of a call that returned."""
    effects = observed.receipt.effects
    if expected.storage is not None:
        if effects.storage != expected.storage:
            return storage_difference(expected.storage, effects.storage, CASE)
    elif reference is not None and effects.storage != reference.receipt.effects.storage:
        wanted, found = reference.normal_pairs(), observed.normal_pairs()
        if wanted != found:
            return storage_difference(wanted, found, REFERENCE)
    if expected.events is not None:
        events = tuple((event.topic, event.data) for event in effects.events)
        if events != expected.events:
            return _events(expected.events, events, CASE)
    elif reference is not None and effects.events != reference.receipt.effects.events:
        wanted_events, found_events = reference.normal_events(), observed.normal_events()
        if wanted_events != found_events:
            return _events(wanted_events, found_events, REFERENCE)
    return _money(expected, observed, reference)


def _money(expected: Expected, observed: Observed, reference: Observed | None) -> Difference | None:
    transfers, against = expected.transfers, CASE
    if transfers is None and reference is not None:
        transfers, against = reference.transfers(), REFERENCE
    if transfers is not None and transfers != observed.transfers():
        return Difference("transfers", transfers_text(transfers), transfers_text(observed.transfers()), against)
    balances, against = expected.balances, CASE
    if balances is None and reference is not None:
        balances, against = reference.balances(), REFERENCE
    if balances is not None and balances != observed.balances():
        return Difference("balances", balances_text(balances), balances_text(observed.balances()), against)
    return None


def _events(wanted: Events, found: Events, against: str) -> Difference:
    for index, (left, right) in enumerate(zip(wanted, found, strict=False)):
        if left[0] != right[0]:
            return Difference(f"events[{index}].topic", repr(left[0]), repr(right[0]), against)
        if left[1] != right[1]:
            return _bytes(f"events[{index}].data", left[1], right[1], against)
    return Difference("events", topics_text(wanted), topics_text(found), against)


def _bytes(path: str, wanted: bytes, found: bytes, against: str) -> Difference:
    at = next(
        (index for index, (left, right) in enumerate(zip(wanted, found, strict=False)) if left != right), min(len(wanted), len(found))
    )
    lengths = f"{len(wanted):,} bytes expected, {len(found):,} observed; " if len(wanted) != len(found) else ""
    return Difference(path, bytes_text(wanted, at), bytes_text(found, at), against, f"{lengths}they part at byte {at:,}")
