"""One call on the reference host: what it may see, what it has changed so far, and how it can end.

Nothing of the world changes before the call has returned: writes, transfers and the attached value live here, laid over the
world, so that undoing them is forgetting them.
"""

from __future__ import annotations

from typing import NamedTuple, NoReturn

import msgspec

from sshi.host.engine import Frame, OutOfFuel
from sshi.host.outcome import Effects, Event, TraceEvent, Transfer, TrapKind
from sshi.host.state import Contract, World


class HostTrap(Exception):
    """A host function refused: the call is trapped(kind)."""

    def __init__(self, kind: TrapKind, detail: str) -> None:
        super().__init__(f"{kind.value}: {detail}")
        self.kind = kind
        self.detail = detail


class Revert(Exception):
    """The contract ended its call; `message` is None when its bytes are not UTF-8."""

    def __init__(self, message: str | None) -> None:
        super().__init__(message)
        self.message = message


class Cost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a host function costs in fuel, and each byte it moves."""

    base: int
    per_byte: int


class Buffer(NamedTuple):
    """An output whose header has been read: `room` bytes behind it."""

    ptr: int
    room: int


class Range(NamedTuple):
    """A range that has not been looked at."""

    ptr: int
    len: int


class HostCall(Frame):
    """The context of one call, as the bodies in `functions.py` use it.

    read_only    the entry is a query
    traced       somebody asked for `trace` and `log`
    cost         of the function that runs now
    spent        fuel for host functions so far; `fuel_limit` bounds it together with the module's own
    written      storage laid over the contract's: None is removed
    balances     laid over the world's accounts
    """

    def __init__(
        self,
        world: World,
        address: bytes,
        contract: Contract,
        *,
        caller: bytes,
        value: int,
        data: bytes,
        read_only: bool,
        fuel_limit: int,
        traced: bool = False,
    ) -> None:
        self.world = world
        self.address = address
        self.contract = contract
        self.caller = caller
        self.value = value
        self.input = data
        self.read_only = read_only
        self.traced = traced
        self.fuel_limit = fuel_limit
        self.spent = 0
        self.cost = Cost(0, 0)
        self.written: dict[bytes, bytes | None] = {}
        self.balances: dict[bytes, int] = {}
        self.transfers: list[Transfer] = []
        self.events: list[Event] = []
        self.event_bytes = 0
        self.returned = b""
        self.trace: list[TraceEvent] = []
        self.log: list[str] = []
        if value:
            self.move(caller, address, value)

    def charge(self, size_bytes: int = 0) -> None:
        """Pay for the function that runs now and the bytes it moves; OutOfFuel when that passes the limit."""
        self.spent += self.cost.base + self.cost.per_byte * size_bytes
        if self.spent > self.fuel_limit:
            raise OutOfFuel

    def trap(self, kind: TrapKind, detail: str) -> NoReturn:
        """End the call as trapped."""
        raise HostTrap(kind, detail)

    def limit(self, what: str, amount: int, most: int, least: int = 0) -> None:
        """A portable limit: trapped(limit) past it."""
        if not least <= amount <= most:
            raise HostTrap(TrapKind.LIMIT, f"{what}: {amount:,}, allowed are {least:,} to {most:,}")

    def fill(self, out: Buffer, data: bytes) -> int:
        """Write the data and its length when there is room for it; how much room it needs, either way."""
        if len(data) <= out.room:
            self.memory.write(out.ptr + 4, data)
            self.memory.write_u32(out.ptr, len(data))
        return len(data)

    def stored(self, key: bytes) -> bytes | None:
        """The value under the key now, None when it is absent."""
        return self.written[key] if key in self.written else self.contract.storage.get(key)

    def balance(self, address: bytes) -> int | None:
        """What the account owns now, None when there is no such account."""
        return self.balances[address] if address in self.balances else self.world.balance(address)

    def move(self, source: bytes, target: bytes, amount: int) -> None:
        """Move money between two accounts that exist, from one that has it."""
        self.balances[source] = (self.balance(source) or 0) - amount
        self.balances[target] = (self.balance(target) or 0) + amount

    def effects(self) -> Effects:
        """The difference that the call makes."""
        before = self.contract.storage.get
        storage = tuple((key, value) for key, value in sorted(self.written.items()) if value != before(key))
        moved = [(address, after - (self.world.balance(address) or 0)) for address, after in sorted(self.balances.items())]
        balances = tuple(change for change in moved if change[1])
        return Effects(storage, tuple(self.transfers), tuple(self.events), balances)
