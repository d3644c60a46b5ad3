"""The chain's words in the interface's: every end of a call, and which lines of log are events."""

from __future__ import annotations

import pytest

from sshi.host.outcome import Event, Exhausted, Refusal, Rejected, Resource, Returned, Reverted, TrapKind, Trapped
from sshi_near.runtime import EMPTY, Ended
from sshi_near.verdict import event_of, outcome_of

UNKNOWN = TrapKind.UNKNOWN


def ended(name: str, message: str = "text") -> Ended:
    return Ended("Debug" if name else "", name, message, b"data", (), 1, 1, 0, 0, EMPTY, (), ())


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("", Returned(b"data")),
        ("HostError/GuestPanic", Reverted("text")),
        ("HostError/BadUTF8", Reverted(None)),
        ("HostError/GasExceeded", Exhausted(Resource.GAS, "Debug")),
        ("HostError/GasLimitExceeded", Exhausted(Resource.GAS, "Debug")),
        ("HostError/MemoryAccessViolation", Exhausted(Resource.STACK, "Debug")),
        ("HostError/ProhibitedInView", Trapped(TrapKind.QUERY, detail="Debug")),
        ("HostError/BalanceExceeded", Trapped(UNKNOWN, detail="Debug")),
        ("WasmTrap/IllegalArithmetic", Trapped(UNKNOWN, (TrapKind.DIVISION, TrapKind.OVERFLOW), "Debug")),
        ("WasmTrap/IndirectCallToNull", Trapped(TrapKind.INDIRECT_CALL, detail="Debug")),
        ("CompilationError/PrepareError/TooManyTypes", Rejected(Refusal.MALFORMED_MODULE, "Debug")),
        ("LinkError", Rejected(Refusal.MALFORMED_MODULE, "Debug")),
        ("MethodResolveError/MethodNotFound", Rejected(Refusal.UNKNOWN_ENTRY, "Debug")),
    ],
)
def test_an_end_of_the_chain_is_one_of_the_interface(name, outcome):
    assert outcome_of(ended(name)) == outcome


def test_a_panic_without_text_is_a_revert_with_an_empty_message():
    assert outcome_of(ended("HostError/GuestPanic", "")) == Reverted("")


LINE = 'EVENT_JSON:{"standard":"sshi","version":"1.0.0","event":"t","data":["%s"]}'


@pytest.mark.parametrize(("text", "data"), [("", b""), ("AA==", b"\0"), ("//79", b"\xff\xfe\xfd")])
def test_an_event_is_read_back_from_its_line(text, data):
    assert event_of(LINE % text) == Event("t", data)


@pytest.mark.parametrize(
    "log",
    [
        "", "hello", "EVENT_JSON:", "EVENT_JSON:{}", LINE % "not base64", LINE % "A",
        'EVENT_JSON:{"standard":"nep171","version":"1.0.0","event":"nft_mint","data":[]}',
        'EVENT_JSON:{"standard":"nep141","version":"1.0.0","event":"ft_mint","data":[{"owner_id":"x"}]}',
        'EVENT_JSON:{"standard":"sshi","version":"1.0.0","event":"t","data":["",""]}',
        "x" + LINE % "",
    ],
)  # fmt: skip
def test_a_line_of_anyone_else_is_no_event(log):
    assert event_of(log) is None
