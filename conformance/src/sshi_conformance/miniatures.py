"""Hosts that are wrong on purpose, each in one thing: a suite that has never caught a liar proves nothing.

Every miniature is the honest reference host with one lie, and names the clause whose cases must catch it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import msgspec

from sshi.host import functions as honest
from sshi.host.bind import Body
from sshi.host.call import Buffer, HostCall, Range
from sshi.host.chain import Call
from sshi.host.outcome import Effects, Event, Exhausted, Outcome, Receipt, Returned, Reverted, TrapKind, Trapped
from sshi.host.prepare import Prepared
from sshi.host.reference import ReferenceVM
from sshi.spec.manifest import Entry, EntryKind
from sshi_conformance.hosts import Host, prepare_reference, reference_address


@dataclass(frozen=True)
class Miniature:
    """A host with one lie, and the clause that it breaks."""

    name: str
    lie: str
    caught_by: str
    make: Callable[[], ReferenceVM]

    def host(self) -> Host:
        """As a run takes it."""
        return Host(f"miniature:{self.name}", "miniature", "miniature", self.make, prepare_reference, reference_address)


MINIATURES: dict[str, Miniature] = {}


def miniature(caught_by: str) -> Callable[[type[ReferenceVM]], type[ReferenceVM]]:
    """Register a host class; its docstring says the lie."""

    def register(vm: type[ReferenceVM]) -> type[ReferenceVM]:
        MINIATURES[vm.__name__] = Miniature(vm.__name__, (vm.__doc__ or "").strip(), caught_by, vm)
        return vm

    return register


def _body(caught_by: str) -> Callable[[Body], Body]:
    """Register a host whose body for one function is this one; its name is `<function>__<lie>`."""

    def register(body: Body) -> Body:
        function, _, lie = body.__name__.partition("__")
        members = {"__doc__": body.__doc__, "bodies": {function: body}}
        miniature(caught_by)(type(f"{function}_{lie}", (ReferenceVM,), members))
        return body

    return register


# ---- storage -----------------------------------------------------------------------------------------------------


@_body("storage_read.value")
def storage_read__one_byte_short(call: HostCall, key: bytes, out: Buffer) -> int:
    """The last byte of a value is lost."""
    value = call.stored(key)
    return -1 if value is None else call.fill(out, value[:-1])


@_body("storage_read.absent")
def storage_read__absent_is_empty(call: HostCall, key: bytes, out: Buffer) -> int:
    """An absent key reads as an empty value."""
    return call.fill(out, call.stored(key) or b"")


@_body("storage_read.short")
def storage_read__cut(call: HostCall, key: bytes, out: Buffer) -> int:
    """A buffer too short gets as much as it holds."""
    value = call.stored(key)
    if value is None:
        return -1
    call.memory.write(out.ptr + 4, value[: out.room])
    return call.fill(out, value)


@_body("storage_read.exact")
def storage_read__never_full(call: HostCall, key: bytes, out: Buffer) -> int:
    """A value that fills its buffer is taken for one that does not fit."""
    value = call.stored(key)
    return -1 if value is None else call.fill(Buffer(out.ptr, max(0, out.room - 1)), value)


@_body("storage_write.empty")
def storage_write__empty_removes(call: HostCall, key: bytes, value: bytes) -> None:
    """Writing an empty value removes the key."""
    call.written[key] = value or None


@_body("storage_write.replaces")
def storage_write__keeps_the_tail(call: HostCall, key: bytes, value: bytes) -> None:
    """A shorter value leaves the rest of a longer one behind it."""
    honest.storage_write(call, key, value + (call.stored(key) or b"")[len(value) :])


@_body("limits.key")
def storage_has__any_key(call: HostCall, key: bytes) -> int:
    """A key may have any length."""
    return int(call.stored(key) is not None)


@_body("storage_remove.absent")
def storage_remove__always_there(call: HostCall, key: bytes) -> int:
    """Removing answers 1, whatever was there."""
    honest.storage_remove(call, key)
    return 1


@miniature("storage_write.isolated")
class SharesKeys(ReferenceVM):
    """A key that one contract lacks is looked for in the others."""

    @staticmethod
    def _anywhere(call: HostCall, key: bytes) -> int:
        worlds: Any = call.world
        return int(call.stored(key) is not None or any(storage.get(key) is not None for _, storage in worlds.contracts.values()))

    bodies: ClassVar[Mapping[str, Body]] = {"storage_has": _anywhere}


# ---- money -------------------------------------------------------------------------------------------------------


@_body("value.attached")
def value__big_endian(call: HostCall, out: int) -> None:
    """A u128 is written with its high byte first."""
    call.memory.write(out, call.value.to_bytes(16, "big"))


@_body("value.attached")
def value__64_bits(call: HostCall, out: int) -> None:
    """Only the low half of a u128 is written."""
    call.memory.write(out, (call.value % (1 << 64)).to_bytes(16, "little"))


@_body("transfer.accepted")
def transfer__big_endian(call: HostCall, to: bytes, amount: int) -> int:
    """An amount is read with its high byte first."""
    return honest.transfer(call, to, int.from_bytes(amount.to_bytes(16, "little"), "big"))


@_body("transfer.too-much")
def transfer__as_much_as_there_is(call: HostCall, to: bytes, amount: int) -> int:
    """A transfer of too much is accepted, and sends what there is."""
    return honest.transfer(call, to, min(amount, call.balance(call.address) or 0))


@_body("transfer.all")
def transfer__keeps_one(call: HostCall, to: bytes, amount: int) -> int:
    """The last unit cannot be sent."""
    return 1 if amount and amount == call.balance(call.address) else honest.transfer(call, to, amount)


@_body("transfer.self")
def transfer__pays_itself(call: HostCall, to: bytes, amount: int) -> int:
    """A transfer to the contract itself makes money."""
    if to != call.address:
        return honest.transfer(call, to, amount)
    call.balances[to] = (call.balance(to) or 0) + amount
    return 0


@_body("transfer.order")
def transfer__amount_first(call: HostCall, to: bytes, amount: int) -> int:
    """An amount of 0 is accepted before the recipient is looked at."""
    return honest.transfer(call, to, amount) if amount else 0


@_body("transfer.refused")
def transfer__to_nobody(call: HostCall, to: bytes, amount: int) -> int:
    """Whoever is not there is made, and credited."""
    if call.balance(to) is None and 0 < len(to) <= honest.LIMITS.address_max:
        call.balances[to] = 0
    return honest.transfer(call, to, amount)


@_body("balance.deducted")
def balance__as_before(call: HostCall, out: int) -> None:
    """The balance does not know what the call itself has sent."""
    sent = sum(each.amount for each in call.transfers)
    call.memory.write(out, ((call.balance(call.address) or 0) + sent).to_bytes(16, "little"))


# ---- the call ----------------------------------------------------------------------------------------------------


@_body("caller.address")
def caller__its_own(call: HostCall, out: Buffer) -> int:
    """The caller is the contract itself."""
    return call.fill(out, call.address)


@_body("input.bytes")
def input__header_as_it_was(call: HostCall, out: Buffer) -> int:
    """A filled buffer keeps its capacity in the header."""
    if len(call.input) <= out.room:
        call.memory.write(out.ptr + 4, call.input)
    return len(call.input)


@_body("input.empty")
def input__nothing_is_absent(call: HostCall, out: Buffer) -> int:
    """No input answers -1."""
    return call.fill(out, call.input) if call.input else -1


@_body("set_return.last")
def set_return__first(call: HostCall, data: bytes) -> None:
    """The first call of set_return wins."""
    call.returned = call.returned or data


@_body("limits.return")
def set_return__no_limit(call: HostCall, data: bytes) -> None:
    """Return data may have any length."""
    call.returned = data


@_body("block_time.time")
def block_time__in_seconds(call: HostCall) -> int:
    """The time is in seconds."""
    return call.world.time // 1000


@_body("block_height.height")
def block_height__the_last(call: HostCall) -> int:
    """The height is that of the block before."""
    return max(0, call.world.height - 1)


@_body("debug_log.never-traps")
def debug_log__traps(call: HostCall, text: Range) -> None:
    """A log outside memory traps."""
    call.memory.read(text.ptr, text.len)


# ---- events, hashes, keys ----------------------------------------------------------------------------------------


@_body("emit.order")
def emit__backwards(call: HostCall, topic: bytes, data: bytes) -> None:
    """The last event comes first."""
    honest.emit(call, topic, data)
    call.events.insert(0, call.events.pop())


@_body("emit.topic")
def emit__any_topic(call: HostCall, topic: bytes, data: bytes) -> None:
    """A topic is any text."""
    call.events.append(Event(topic.decode("latin-1"), data))


@_body("limits.event-data")
def emit__each_on_its_own(call: HostCall, topic: bytes, data: bytes) -> None:
    """The limit of event data is one event's, not all events'."""
    call.event_bytes = 0
    honest.emit(call, topic, data)


@_body("keccak256.hash")
def keccak256__sha3(call: HostCall, data: bytes, out: int) -> None:
    """The padding is that of the standard which came later."""
    call.memory.write(out, hashlib.sha3_256(data).digest())


_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


@_body("secp256k1_recover.high-s")
def secp256k1_recover__low_s_only(call: HostCall, hash: bytes, sig: bytes, out: int) -> int:  # noqa: A002  the interface's own word
    """A signature with a high s is refused."""
    return 1 if int.from_bytes(sig[32:64], "big") > _HALF_ORDER else honest.secp256k1_recover(call, hash, sig, out)


@_body("secp256k1_recover.v")
def secp256k1_recover__v_of_27(call: HostCall, hash: bytes, sig: bytes, out: int) -> int:  # noqa: A002  the interface's own word
    """A v of 27 is another spelling of 0."""
    return honest.secp256k1_recover(call, hash, sig[:64] + bytes([sig[64] - 27]) if sig[64] in (27, 28) else sig, out)


@_body("secp256k1_recover.untouched")
def secp256k1_recover__clears(call: HostCall, hash: bytes, sig: bytes, out: int) -> int:  # noqa: A002  the interface's own word
    """The output is cleared when there is no key."""
    failed = honest.secp256k1_recover(call, hash, sig, out)
    if failed:
        call.memory.write(out, bytes(33))
    return failed


# ---- ends, guards, entries ---------------------------------------------------------------------------------------


@miniature("revert.undoes")
class KeepsAllOnRevert(ReferenceVM):
    """A revert undoes nothing."""

    def keeps(self, outcome: Outcome) -> bool:
        """Also what reverted."""
        return isinstance(outcome, Returned | Reverted)


@miniature("revert.undoes")
class KeepsAllOnRevertInSilence(KeepsAllOnRevert):
    """A revert undoes nothing, and the receipt says that it did."""

    def call(self, contract: bytes, call: Call) -> Receipt:
        """A receipt without effects."""
        receipt = super().call(contract, call)
        return receipt if isinstance(receipt.outcome, Returned) else msgspec.structs.replace(receipt, effects=Effects())


@miniature("revert.undoes")
class KeepsEventsOnRevert(KeepsAllOnRevert):
    """A revert keeps the events."""

    def call(self, contract: bytes, call: Call) -> Receipt:
        """Everything undone but the events."""
        before = self.snapshot()
        receipt = super().call(contract, call)
        if isinstance(receipt.outcome, Returned):
            return receipt
        self.restore(before)
        return msgspec.structs.replace(receipt, effects=Effects(events=receipt.effects.events))


@miniature("outcome.trap-undoes")
class KeepsValueOnTrap(ReferenceVM):
    """The value attached to a call that traps stays with the contract."""

    def call(self, contract: bytes, call: Call) -> Receipt:
        """The money does not go back."""
        receipt = super().call(contract, call)
        if isinstance(receipt.outcome, Trapped) and call.value:
            self.create_account(call.caller, (self.balance(call.caller) or 0) - call.value)
            self.create_account(contract, (self.balance(contract) or 0) + call.value)
            moved = tuple(sorted(((call.caller, -call.value), (contract, call.value))))
            return msgspec.structs.replace(receipt, effects=Effects(balances=moved))
        return receipt


@miniature("outcome.exhausted-undoes")
class KeepsAllOnExhaustion(ReferenceVM):
    """Running out of gas undoes nothing."""

    def keeps(self, outcome: Outcome) -> bool:
        """Also what was exhausted."""
        return isinstance(outcome, Returned | Exhausted)


@miniature("guard.failed-init")
class KeepsFailedInit(ReferenceVM):
    """An init that traps leaves a contract."""

    def keeps(self, outcome: Outcome) -> bool:
        """Also what trapped."""
        return isinstance(outcome, Returned | Trapped)


@miniature("revert.ends")
class RevertReturns(ReferenceVM):
    """A revert is noted, and the code goes on."""

    @staticmethod
    def _noted(call: HostCall, message: bytes) -> None:
        call.log.append(message.decode("utf-8", "replace"))

    bodies: ClassVar[Mapping[str, Body]] = {"revert": _noted}

    def _execute(self, context: HostCall, prepared: Prepared, entry: str) -> tuple[Outcome, dict[str, int]]:
        outcome, cost = super()._execute(context, prepared, entry)
        return (Reverted(context.log[0]), cost) if context.log and isinstance(outcome, Returned) else (outcome, cost)


@miniature("outcome.division")
class OneTrapForAll(ReferenceVM):
    """Every trap of the machine is called unreachable."""

    def _execute(self, context: HostCall, prepared: Prepared, entry: str) -> tuple[Outcome, dict[str, int]]:
        outcome, cost = super()._execute(context, prepared, entry)
        return (Trapped(TrapKind.UNREACHABLE), cost) if isinstance(outcome, Trapped) else (outcome, cost)


@miniature("storage_write.query")
class QueryMayWrite(ReferenceVM):
    """A query entry that is called in a transaction may do what a call may."""

    def reads_only(self, entry: Entry) -> bool:
        """Nothing is."""
        del entry
        return False


@miniature("guard.not-payable")
class TakesAnyValue(ReferenceVM):
    """Every entry takes value."""

    def guard(self, entry: Entry, call: Call, *, initialised: bool) -> Receipt | None:
        """Only the init guard."""
        return super().guard(entry, msgspec.structs.replace(call, value=0), initialised=initialised)


@miniature("guard.init-once")
class InitAgain(ReferenceVM):
    """Init runs as often as it is called."""

    def guard(self, entry: Entry, call: Call, *, initialised: bool) -> Receipt | None:
        """Only the payment guard."""
        del initialised
        return super().guard(entry, call, initialised=False)


@miniature("guard.payment-first")
class InitGuardFirst(ReferenceVM):
    """The init guard comes before the payment guard."""

    def guard(self, entry: Entry, call: Call, *, initialised: bool) -> Receipt | None:
        """The other order."""
        if entry.kind is EntryKind.INIT and initialised:
            return super().guard(entry, msgspec.structs.replace(call, value=0), initialised=True)
        return super().guard(entry, call, initialised=initialised)


@miniature("entry.initialize")
class SkipsInitialize(ReferenceVM):
    """`_initialize` is never run."""

    def _execute(self, context: HostCall, prepared: Prepared, entry: str) -> tuple[Outcome, dict[str, int]]:
        return super()._execute(context, replace(prepared, reactor=False), entry)


@miniature("transfer.accepted")
class ForgetsTransfers(ReferenceVM):
    """Money moves, and no receipt says that it was a transfer."""

    def call(self, contract: bytes, call: Call) -> Receipt:
        """A receipt without transfers."""
        receipt = super().call(contract, call)
        return msgspec.structs.replace(receipt, effects=msgspec.structs.replace(receipt.effects, transfers=()))


@miniature("storage_write.stores")
class InventsStorage(ReferenceVM):
    """Something is stored that no receipt tells of."""

    def storage(self, contract: bytes) -> dict[bytes, bytes]:
        """One key more than there is."""
        return super().storage(contract) | {b"invented": b""}
