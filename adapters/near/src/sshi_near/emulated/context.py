"""One call while it runs: registers, logs, receipts, the storage it wrote, and what the chain checks and charges on the way.

The names are those of the chain's own helpers.  Every charge stands where the chain has it, before or after the check beside it:
a call that runs out of gas must do so at the same place.

Source: near/nearcore@bc4e9e8cfb03d9e82f027883055624e18576993e:runtime/near-vm-runner/src/logic/{host,vmstate,logic}.rs.
"""

from __future__ import annotations

import msgspec

from sshi.host.engine import Frame, Instance, OutOfBounds
from sshi_near.accounts import AccountKind, comes_into_being, kind_of
from sshi_near.emulated.errors import Abort
from sshi_near.emulated.gas import GasCounter
from sshi_near.runtime import FunctionCall, Sent
from sshi_near.tables import Fee, Parameters

FROM_REGISTER = (1 << 64) - 1
"""A length that says that the pointer is a register's number."""

GAS = "gas"
"""The global that the metered module counts down."""


class Costs:
    """A version's parameters as a running call looks them up."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.gas: dict[str, int] = msgspec.structs.asdict(parameters.ext_costs)
        self.limits = parameters.limits
        self.overhead = parameters.constants.register_overhead
        self.inline_value_max = parameters.constants.inline_value_max

    def transfer_fee(self, receiver: str) -> Fee:
        """A transfer's fee, with what creating the account would cost when the id's kind allows for it."""
        fees = self.parameters.fees
        parts = [fees.transfer]
        if comes_into_being(receiver, self.parameters.version):
            parts.append(fees.create_account)
            if kind_of(receiver) is AccountKind.IMPLICIT:
                parts.append(fees.add_full_access_key)
        return Fee(sum(part.send for part in parts), sum(part.exec for part in parts))


class Call(Frame):
    """The chain's view of a call.

    exact     tell the module what is left after every host call.  Without it the module runs on after host functions used up
              the gas, up to the next one: nobody can see that, and what is burnt is all there was in either case, unless
              some is reserved, or so much was given that the error would be another
    overshot  instructions ran out of gas when some was reserved: what is burnt depends on how much was charged at once
    """

    instance: Instance

    def __init__(self, request: FunctionCall, costs: Costs, gas: GasCounter, *, exact: bool = False) -> None:
        self.exact = exact or (2 * gas.prepaid > gas.most and not request.view)
        self.request = request
        self.costs = costs
        self.gas = gas
        self.balance = request.balance + request.deposit
        self.storage_usage = request.storage_usage
        self.writes: dict[bytes, bytes | None] = {}
        self.logs: list[str] = []
        self.log_bytes = 0
        self.sent: list[list[Sent]] = []
        self.receivers: list[str] = []
        self.returned = b""
        self.trace: list[str] = []
        self.overshot = False
        self._registers: dict[int, bytes] = {}
        self._register_bytes = 0
        self._seen = 0

    # ---- gas ----

    def hand_over(self) -> None:
        """Tell the module how much it may burn."""
        self._seen = self.gas.limit - self.gas.burnt
        self.instance.set_global(GAS, self._seen)

    def take_back(self) -> None:
        """Burn what the module spent since."""
        left = self.instance.get_global(GAS)
        if left >> 63:
            left -= 1 << 64
        spent, self._seen = self._seen - left, left
        gas = self.gas
        self.overshot = gas.reserved > 0 and gas.burnt + spent > gas.limit
        gas.burn(spent)

    def pay(self, name: str, count: int = 1) -> None:
        """Burn a cost of the chain's table, `count` times."""
        self.gas.pay(name, self.costs.gas[name], count)

    # ---- memory ----

    def read_memory(self, ptr: int, length: int) -> bytes:
        """Bytes of memory."""
        self.pay("read_memory_base")
        self.pay("read_memory_byte", length)
        try:
            return self.memory.read(ptr, length)
        except OutOfBounds:
            raise Abort("HostError/MemoryAccessViolation") from None

    def write_memory(self, ptr: int, data: bytes) -> None:
        """Bytes into memory."""
        self.pay("write_memory_base")
        self.pay("write_memory_byte", len(data))
        try:
            self.memory.write(ptr, data)
        except OutOfBounds:
            raise Abort("HostError/MemoryAccessViolation") from None

    def write_u128(self, ptr: int, value: int) -> None:
        """An amount into memory."""
        self.write_memory(ptr, value.to_bytes(16, "little"))

    # ---- registers ----

    def register_len(self, register: int) -> int | None:
        """A register's length, None when it was never set."""
        value = self._registers.get(register)
        return None if value is None else len(value)

    def read_register(self, register: int) -> bytes:
        """A register's bytes."""
        value = self._registers.get(register)
        if value is None:
            raise Abort("HostError/InvalidRegisterId", register_id=register)
        self.pay("read_register_base")
        self.pay("read_register_byte", len(value))
        return value

    def write_register(self, register: int, value: bytes, *, charge_bytes: bool = True) -> None:
        """Bytes into a register."""
        self.pay("write_register_base")
        if charge_bytes:
            self.pay("write_register_byte", len(value))
        limits = self.costs.limits
        old = self._registers.get(register)
        usage = self._register_bytes + len(value) + self.costs.overhead
        if old is not None:
            usage -= len(old) + self.costs.overhead
        # at the full number even an overwrite fails: the chain's own bug, frozen by consensus
        full = len(self._registers) >= limits.max_number_registers
        if len(value) > limits.max_register_size or full or usage > limits.registers_memory_limit:
            raise Abort("HostError/MemoryAccessViolation")
        self._register_bytes = usage
        self._registers[register] = value

    def slice(self, length: int, ptr: int) -> bytes:
        """A slice argument: memory, or a register."""
        return self.read_register(ptr) if length == FROM_REGISTER else self.read_memory(ptr, length)

    # ---- text ----

    def utf8(self, length: int, ptr: int) -> str:
        """Text for a log or a panic: no longer than what is left for logs, zero-terminated when its length is -1."""
        self.pay("utf8_decoding_base")
        limit = self.costs.limits.max_total_log_length
        room = max(0, limit - self.log_bytes)
        if length == FROM_REGISTER:
            data = self._terminated(ptr, room)
        else:
            if length > room:
                raise self.too_long(length)
            data = self.read_memory(ptr, length)
        self.pay("utf8_decoding_byte", len(data))
        return self._decoded(data)

    def account_id(self, length: int, ptr: int) -> bytes:
        """An account id argument, not yet looked at."""
        data = self.slice(length, ptr)
        self.pay("utf8_decoding_base")
        self.pay("utf8_decoding_byte", len(data))
        self._decoded(data)
        return data

    def too_long(self, length: int) -> Abort:
        """What a text that passes the limit of all logs together ends in."""
        limit = self.costs.limits.max_total_log_length
        return Abort("HostError/TotalLogLengthExceeded", length=self.log_bytes + length, limit=limit)

    def _terminated(self, ptr: int, room: int) -> bytes:
        data = bytearray()
        while True:
            byte = self.read_memory(ptr + len(data), 1)
            if byte == b"\0":
                return bytes(data)
            if len(data) == room:
                raise self.too_long(room + 1)
            data += byte

    def _decoded(self, data: bytes) -> str:
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise Abort("HostError/BadUTF8") from None

    # ---- storage ----

    def stored(self, key: bytes) -> bytes | None:
        """The value under a key, as this call sees it."""
        return self.writes[key] if key in self.writes else self.request.state.storage.get(key)

    def storage_key(self, length: int, ptr: int) -> bytes:
        """A key argument."""
        key = self.slice(length, ptr)
        limit = self.costs.limits.max_length_storage_key
        if len(key) > limit:
            raise Abort("HostError/KeyLengthExceeded", length=len(key), limit=limit)
        return key

    # ---- receipts ----

    def receipt_receiver(self, promise: int) -> str:
        """Whom the receipt of a promise goes to."""
        if promise >= len(self.receivers):
            raise Abort("HostError/InvalidPromiseIndex", promise_idx=promise)
        return self.receivers[promise]
