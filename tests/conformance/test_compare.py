from __future__ import annotations

import pytest

from sshi.host.outcome import (
    Effects,
    Event,
    Exhausted,
    Receipt,
    Refusal,
    Rejected,
    Resource,
    Returned,
    Reverted,
    Transfer,
    TrapKind,
    Trapped,
)
from sshi_conformance.compare import Observed, compare
from sshi_conformance.plan import Expected

SHORT = {b"alice.ref": "alice", b"bob": "bob"}
LONG = {b"\1" * 32: "alice", b"\2" * 32: "bob"}


def difference(expected: Expected, receipt: Receipt, reference: Receipt | None = None):
    found, _ = compare(expected, Observed(receipt, LONG), None if reference is None else Observed(reference, SHORT))
    return found


def test_a_blob_a_short_and_a_bare_address_are_the_same_on_hosts_whose_addresses_differ_in_length():
    ours = b"\x09\0\0\0alice.ref" + b"\x09alice.ref" + b"alice.ref!"
    theirs = b"\x20\0\0\0" + b"\1" * 32 + b"\x20" + b"\1" * 32 + b"\1" * 32 + b"!"
    assert Observed(Receipt(Returned()), SHORT).normal(ours) == Observed(Receipt(Returned()), LONG).normal(theirs)
    assert difference(Expected("returned"), Receipt(Returned(theirs)), Receipt(Returned(ours))) is None


def test_an_address_of_three_bytes_is_left_alone_since_it_could_be_anything():
    assert Observed(Receipt(Returned()), SHORT).normal(b"bobby") == b"bobby"


def test_an_address_whose_name_holds_another_address_is_not_replaced_twice():
    names = {b"alice": "alice", b"alice.alice": "alicia"}
    assert Observed(Receipt(Returned()), names).normal(b"alice.alice") == b"<alicia>"


@pytest.mark.parametrize(
    ("expected", "observed", "path"),
    [
        (Expected("returned"), Reverted("no"), "outcome"),
        (Expected("returned", data=b"a"), Returned(b"b"), "data"),
        (Expected("reverted", message="a"), Reverted("b"), "message"),
        (Expected("reverted", message="a"), Reverted(None), "message"),
        (Expected("trapped", trap=TrapKind.MEMORY), Trapped(TrapKind.LIMIT), "outcome"),
        (Expected("trapped", trap=TrapKind.MEMORY), Trapped(TrapKind.UNKNOWN, (TrapKind.LIMIT,)), "outcome"),
        (Expected("exhausted", what=Resource.GAS), Exhausted(Resource.STACK), "outcome"),
        (Expected("exhausted", what=Resource.GAS), Trapped(TrapKind.UNKNOWN), "outcome"),
        (Expected("rejected", reason=Refusal.NO_INIT), Rejected(Refusal.NOT_INIT), "outcome"),
    ],
)
def test_another_outcome_differs(expected, observed, path):
    assert difference(expected, Receipt(observed)).path == path


@pytest.mark.parametrize(
    ("expected", "observed"),
    [
        (Expected("returned"), Returned(b"anything")),
        (Expected("reverted"), Reverted(None)),
        (Expected("trapped", trap=TrapKind.MEMORY), Trapped(TrapKind.UNKNOWN)),
        (Expected("trapped", trap=TrapKind.MEMORY), Trapped(TrapKind.UNKNOWN, (TrapKind.LIMIT, TrapKind.MEMORY))),
        (Expected("exhausted", what=Resource.STACK), Trapped(TrapKind.UNKNOWN)),
    ],
)
def test_what_was_not_asked_for_or_cannot_be_told_apart_does_not_differ(expected, observed):
    assert difference(expected, Receipt(observed)) is None


def test_a_trap_taken_for_another_is_said_to_be_so():
    assert compare(Expected("trapped", trap=TrapKind.MEMORY), Observed(Receipt(Trapped(TrapKind.UNKNOWN)), LONG), None) == (None, True)
    assert compare(Expected("trapped"), Observed(Receipt(Trapped(TrapKind.UNKNOWN)), LONG), None) == (None, False)


@pytest.mark.parametrize(
    ("effects", "path"),
    [
        (Effects(storage=((b"k", b"2"),)), "storage[utf8:k]"),
        (Effects(storage=((b"j", b"1"), (b"k", b"1"))), "storage[utf8:j]"),
        (Effects(events=(Event("t", b"d"),)), "events"),
        (Effects(transfers=(Transfer(b"\2" * 32, 5),)), "transfers"),
        (Effects(balances=((b"\2" * 32, 5),)), "balances"),
    ],
)
def test_an_effect_that_nobody_expected_is_held_against_the_reference_host(effects, path):
    ours = Receipt(Returned(), Effects(storage=((b"k", b"1"),)))
    base = Effects(storage=((b"k", b"1"),))
    theirs = Receipt(Returned(), Effects(effects.storage or base.storage, effects.transfers, effects.events, effects.balances))
    found = difference(Expected("returned"), theirs, ours)
    assert (found.path, found.against) == (path, "the reference host")
    assert difference(Expected("returned"), theirs) is None


def test_effects_of_a_call_that_failed_differ_whatever_was_expected():
    found = difference(Expected("reverted"), Receipt(Reverted("no"), Effects(events=(Event("t", b""),))))
    assert (found.path, found.against) == ("events", "the interface")


def test_an_explicit_expectation_outweighs_the_reference_host():
    theirs = Receipt(Returned(b"here"))
    assert difference(Expected("returned", data=b"here"), theirs, Receipt(Returned(b"there"))) is None


def test_long_bytes_are_shown_where_they_part():
    found = difference(Expected("returned", data=bytes(5000) + b"\1"), Receipt(Returned(bytes(5001))))
    assert found.explanation == "they part at byte 5,000"
    assert found.expected == "…hex:000000000000000001 (5,001 bytes)"
