"""The twenty functions of the base profile, as the reference host gives them.

What is done for all of them stands in `bind.py`, and happens before a body: in a query a forbidden function traps whatever
its arguments are; then the arguments are read in order, so a body begins with the values.  After that the headings of
every body keep one order.

    COST    charged before anything else can fail, so that a failing call is paid for
    CHECK   limits and preconditions; what the arguments mean
    EFFECT  what the call changes
    RESULT  what the contract gets

A `blob` or a range arrives as its bytes, an amount as an integer, a fixed output as a pointer whose range has been checked, a
`buffer` as its header, and a range of a function that is silent as its pointer and length: nothing about it may trap.
"""

from __future__ import annotations

import re
from typing import NoReturn

from sshi.host import crypto
from sshi.host.call import Buffer, HostCall, Range, Revert
from sshi.host.outcome import Event, Transfer, TrapKind
from sshi.spec.loader import interface

LIMITS = interface().limits
AMOUNT_MAX = (1 << 128) - 1

_TOPIC = re.compile(rb"[A-Za-z0-9_.-]{%d,%d}" % (LIMITS.topic_min, LIMITS.topic_max))
_LOG_LINES, _LOG_BYTES = 1_000, 1_024


def storage_read(call: HostCall, key: bytes, out: Buffer) -> int:
    """Length of the value, or -1."""
    # COST
    call.charge(len(key))
    # CHECK
    call.limit("key bytes", len(key), LIMITS.key_max, LIMITS.key_min)
    # RESULT
    value = call.stored(key)
    return -1 if value is None else call.fill(out, value)


def storage_write(call: HostCall, key: bytes, value: bytes) -> None:
    """Store the bytes."""
    # COST
    call.charge(len(key) + len(value))
    # CHECK
    call.limit("key bytes", len(key), LIMITS.key_max, LIMITS.key_min)
    call.limit("value bytes", len(value), LIMITS.value_max)
    # EFFECT
    call.written[key] = value


def storage_remove(call: HostCall, key: bytes) -> int:
    """1 when the key was there, 0 when it was absent."""
    # COST
    call.charge(len(key))
    # CHECK
    call.limit("key bytes", len(key), LIMITS.key_max, LIMITS.key_min)
    # EFFECT
    old = call.stored(key)
    call.written[key] = None
    # RESULT
    return int(old is not None)


def storage_has(call: HostCall, key: bytes) -> int:
    """1 when the key is there, 0 when it is absent."""
    # COST
    call.charge(len(key))
    # CHECK
    call.limit("key bytes", len(key), LIMITS.key_max, LIMITS.key_min)
    # RESULT
    return int(call.stored(key) is not None)


def transfer(call: HostCall, to: bytes, amount: int) -> int:
    """0 accepted, 1 more than the balance, 2 recipient malformed or refused.

    An account that does not exist is refused: NEAR would take the money and refund it later, Polkadot takes no less than its
    existential deposit.  A transfer to the contract itself moves nothing, so it is no effect.
    """
    # COST
    call.charge(len(to))
    # CHECK
    if not LIMITS.address_min <= len(to) <= LIMITS.address_max:
        return 2
    if amount == 0:
        return 0
    if amount > (call.balance(call.address) or 0):
        return 1
    if to == call.address:
        return 0
    credited = call.balance(to)
    if credited is None or credited + amount > AMOUNT_MAX:
        return 2
    # EFFECT
    call.move(call.address, to, amount)
    call.transfers.append(Transfer(to, amount))
    # RESULT
    return 0


def balance(call: HostCall, out: int) -> None:
    """What the contract owns, attached value included."""
    # COST
    call.charge()
    # RESULT
    call.memory.write(out, (call.balance(call.address) or 0).to_bytes(16, "little"))


def value(call: HostCall, out: int) -> None:
    """The attached value."""
    # COST
    call.charge()
    # RESULT
    call.memory.write(out, call.value.to_bytes(16, "little"))


def caller(call: HostCall, out: Buffer) -> int:
    """The address of whoever signed the call."""
    # COST
    call.charge(len(call.caller))
    # RESULT
    return call.fill(out, call.caller)


def self_address(call: HostCall, out: Buffer) -> int:
    """The contract's own address."""
    # COST
    call.charge(len(call.address))
    # RESULT
    return call.fill(out, call.address)


def input(call: HostCall, out: Buffer) -> int:  # noqa: A001  the interface's own word
    """The call's input."""
    # COST
    call.charge(len(call.input))
    # RESULT
    return call.fill(out, call.input)


def set_return(call: HostCall, data: bytes) -> None:
    """Set what the caller gets; the last call wins."""
    # COST
    call.charge(len(data))
    # CHECK
    call.limit("return bytes", len(data), LIMITS.return_max)
    # EFFECT
    call.returned = data


def revert(call: HostCall, message: bytes) -> NoReturn:
    """End the call and undo it."""
    # COST
    call.charge(len(message))
    # CHECK
    call.limit("message bytes", len(message), LIMITS.message_max)
    # RESULT
    try:
        raise Revert(message.decode())
    except UnicodeDecodeError:
        raise Revert(None) from None


def emit(call: HostCall, topic: bytes, data: bytes) -> None:
    """Append an event."""
    # COST
    call.charge(len(topic) + len(data))
    # CHECK
    if not _TOPIC.fullmatch(topic):
        call.trap(TrapKind.ARGUMENT, f"{topic[:40]!r} is no topic")
    call.limit("events", len(call.events) + 1, LIMITS.events_max)
    call.limit("event bytes", call.event_bytes + len(data), LIMITS.event_data_max)
    # EFFECT
    call.events.append(Event(topic.decode(), data))
    call.event_bytes += len(data)


def block_height(call: HostCall) -> int:
    """The block's height."""
    # COST
    call.charge()
    # RESULT
    return call.world.height


def block_time(call: HostCall) -> int:
    """The block's time in milliseconds."""
    # COST
    call.charge()
    # RESULT
    return call.world.time


def sha256(call: HostCall, data: bytes, out: int) -> None:
    """SHA-256 of the range."""
    # COST
    call.charge(len(data))
    # RESULT
    call.memory.write(out, crypto.sha256(data))


def keccak256(call: HostCall, data: bytes, out: int) -> None:
    """Keccak-256 of the range."""
    # COST
    call.charge(len(data))
    # RESULT
    call.memory.write(out, crypto.keccak256(data))


def secp256k1_recover(call: HostCall, hash: bytes, sig: bytes, out: int) -> int:  # noqa: A002  the interface's own word
    """0 and the compressed key, or 1."""
    # COST
    call.charge()
    # RESULT
    key = crypto.recover(hash, sig)
    if key is None:
        return 1
    call.memory.write(out, key)
    return 0


def debug_log(call: HostCall, text: Range) -> None:
    """Keep the text for a developer who asked for a trace; what lies outside memory is left out."""
    # COST
    call.charge(min(text.len, _LOG_BYTES))
    # EFFECT
    if call.traced and len(call.log) < _LOG_LINES:
        size = min(text.len, _LOG_BYTES, max(0, call.memory.size() - text.ptr))
        call.log.append((call.memory.read(text.ptr, size) if size else b"").decode("utf-8", "backslashreplace"))


def gas_consume(call: HostCall, units: int) -> None:  # noqa: ARG001
    """Nothing: no budget is in force here, the limit is fuel."""
    # COST
    call.charge()
