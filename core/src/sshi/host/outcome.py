"""What a call can end in, and what it can change: the only things ever compared between hosts.

Pure values (msgspec structs, so that reports and the VM protocol share them).  Bytes are bytes in Python and base64
in JSON; amounts are Python integers here and decimal strings wherever JSON carries them.  Clauses: `outcome.*`.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from sshi.spec.loader import interface


class TrapKind(StrEnum):
    """The closed list of ways to trap; `unknown` is what a chain says that cannot tell them apart."""

    UNREACHABLE = "unreachable"
    MEMORY = "memory"
    DIVISION = "division"
    OVERFLOW = "overflow"
    INDIRECT_CALL = "indirect-call"
    ARGUMENT = "argument"
    LIMIT = "limit"
    QUERY = "query"
    UNKNOWN = "unknown"


class Resource(StrEnum):
    """What can run out."""

    GAS = "gas"
    MEMORY = "memory"
    STACK = "stack"
    STORAGE = "storage"


class Refusal(StrEnum):
    """Why a host refused before any code ran."""

    UNKNOWN_ENTRY = "unknown-entry"
    NOT_A_QUERY = "not-a-query"
    IS_INIT = "is-init"
    NOT_INIT = "not-init"
    NO_INIT = "no-init"
    INIT_REQUIRED = "init-required"
    INPUT_LIMIT = "input-limit"
    NOT_PAYABLE = "not-payable"
    UNKNOWN_CONTRACT = "unknown-contract"
    UNKNOWN_ACCOUNT = "unknown-account"
    INSUFFICIENT_FUNDS = "insufficient-funds"
    CONTRACT_EXISTS = "contract-exists"
    MALFORMED_MODULE = "malformed-module"


class Returned(msgspec.Struct, frozen=True, tag="returned", tag_field="kind"):
    """Ended normally, with the bytes of the last `set_return` (empty when there was none)."""

    data: bytes = b""


class Reverted(msgspec.Struct, frozen=True, tag="reverted", tag_field="kind"):
    """Ended by `revert` or a guard; `message` is None when its bytes are not UTF-8 (then never compared)."""

    message: str | None = None


class Trapped(msgspec.Struct, frozen=True, tag="trapped", tag_field="kind"):
    """Aborted by the machine.

    `among` narrows `unknown` to the kinds the chain could mean (empty: any).  `detail` is the chain's own text, for people.
    """

    trap: TrapKind
    among: tuple[TrapKind, ...] = ()
    detail: str = ""


class Exhausted(msgspec.Struct, frozen=True, tag="exhausted", tag_field="kind"):
    """Ran out of a resource."""

    what: Resource
    detail: str = ""


class Rejected(msgspec.Struct, frozen=True, tag="rejected", tag_field="kind"):
    """Refused before any code ran."""

    reason: Refusal
    detail: str = ""


Outcome = Returned | Reverted | Trapped | Exhausted | Rejected


def reverted(message: str | None) -> Outcome:
    """How a revert with this text ended: the bounds that a contract carries end a call by texts of their own.  Clause `outcome.bounds`."""
    texts = interface().texts
    if message == texts.gas_exhausted:
        return Exhausted(Resource.GAS, texts.gas_exhausted)
    return Exhausted(Resource.STACK, texts.stack_exhausted) if message == texts.stack_exhausted else Reverted(message)


class Event(msgspec.Struct, frozen=True):
    """One `emit`: the topic's text and the data."""

    topic: str
    data: bytes


class Transfer(msgspec.Struct, frozen=True):
    """One accepted `transfer` of a positive amount by the called contract."""

    to: bytes
    amount: int


class Effects(msgspec.Struct, frozen=True):
    """What a call changed.  Empty unless the outcome is `returned`.

    storage    the called contract's difference, sorted by key; None means removed; guard keys of an adapter are left out
    balances   signed change of every account whose money moved, sorted by address, **without** the chain's own costs (fees, deposits)
    """

    storage: tuple[tuple[bytes, bytes | None], ...] = ()
    transfers: tuple[Transfer, ...] = ()
    events: tuple[Event, ...] = ()
    balances: tuple[tuple[bytes, int], ...] = ()


class TraceEvent(msgspec.Struct, frozen=True):
    """One host call at the level of the interface: function, arguments as the contract gave them, result."""

    function: str
    arguments: tuple[str, ...]
    result: str = ""


class Receipt(msgspec.Struct, frozen=True):
    """Everything observed of one call.

    cost    the chain's own units by name (`fuel`; `gas`; `ref_time`, `proof_size`, `deposit`); a unit that cannot be known is absent
    trace   host calls at the level of the interface, when asked for and the host can tell them
    native  the chain's own words: log lines, error text, traced chain host calls; for people, never compared
    """

    outcome: Outcome
    effects: Effects = Effects()
    cost: dict[str, int] = {}
    trace: tuple[TraceEvent, ...] = ()
    native: tuple[str, ...] = ()
