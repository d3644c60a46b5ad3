"""A call's end in the chain's words, said in the interface's.

The table is the whole mapping.  `unknown among …` is what the chain cannot tell apart (deviation `near/trap-kind-partial`): the
shim's checks of limits, arguments and queries end in the instruction `unreachable`, its checks of ranges in a load outside memory.
"""

from __future__ import annotations

import binascii

import msgspec

from sshi.host.outcome import Event, Exhausted, Outcome, Refusal, Rejected, Resource, Returned, Reverted, TrapKind, Trapped, reverted
from sshi_near.glue import EVENT_PREFIX
from sshi_near.runtime import Ended

_TRAPS = {
    "WasmTrap/Unreachable": (TrapKind.UNREACHABLE, TrapKind.ARGUMENT, TrapKind.LIMIT, TrapKind.QUERY),
    "WasmTrap/MemoryOutOfBounds": (TrapKind.MEMORY, TrapKind.INDIRECT_CALL),  # a table index out of range, too
    "WasmTrap/IllegalArithmetic": (TrapKind.DIVISION, TrapKind.OVERFLOW),
    "WasmTrap/IndirectCallToNull": (TrapKind.INDIRECT_CALL,),
    "WasmTrap/IncorrectCallIndirectSignature": (TrapKind.INDIRECT_CALL,),
    "HostError/ProhibitedInView": (TrapKind.QUERY,),
}
_EXHAUSTED = {
    "HostError/GasExceeded": Resource.GAS,
    "HostError/GasLimitExceeded": Resource.GAS,
    # the limit of the chain's own stack accounting: every other cause is checked for by the shim
    "HostError/MemoryAccessViolation": Resource.STACK,
    "WasmTrap/StackOverflow": Resource.STACK,
}
_REJECTED = {
    "CompilationError": Refusal.MALFORMED_MODULE,
    "LinkError": Refusal.MALFORMED_MODULE,
    "LoadingError": Refusal.MALFORMED_MODULE,
    "MethodResolveError": Refusal.UNKNOWN_ENTRY,
}


def outcome_of(ended: Ended) -> Outcome:
    """The outcome of a call, storage staking apart."""
    name = ended.name
    if not name:
        return Returned(ended.data)
    if name == "HostError/GuestPanic":
        return reverted(ended.message)
    if name == "HostError/BadUTF8":
        return Reverted(None)
    if name in _TRAPS:
        among = _TRAPS[name]
        return Trapped(among[0], detail=ended.error) if len(among) == 1 else Trapped(TrapKind.UNKNOWN, among, ended.error)
    if name in _EXHAUSTED:
        return Exhausted(_EXHAUSTED[name], ended.error)
    refusal = _REJECTED.get(name.split("/", 1)[0])
    return Trapped(TrapKind.UNKNOWN, detail=ended.error) if refusal is None else Rejected(refusal, ended.error)


class _Line(msgspec.Struct):
    standard: str
    event: str
    data: tuple[str, ...] = ()


_LINES = msgspec.json.Decoder(_Line)


def event_of(log: str) -> Event | None:
    """The event that a line of log is, None when it is another's line."""
    if not log.startswith(EVENT_PREFIX):
        return None
    try:
        line = _LINES.decode(log[len(EVENT_PREFIX) :])
        if line.standard != "sshi" or len(line.data) != 1:
            return None
        return Event(line.event, binascii.a2b_base64(line.data[0], strict_mode=True))
    except (msgspec.MsgspecError, binascii.Error):
        return None
