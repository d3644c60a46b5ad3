"""The pallet's host functions that our shims import, each in the order of checks of the pallet's own source (spec/polkadot.toml).

A range outside memory raises the engine's `OutOfBounds`, which is the pallet's error of that name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, wraps
from hashlib import sha256

from sshi.host.crypto import keccak256, recover
from sshi.host.engine import Frame, HostFunction, OutOfBounds
from sshi_polkadot.emulated.ledger import PALLET, Pending
from sshi_polkadot.encoding import ADDRESS_BYTES
from sshi_polkadot.tables import host_table

SENTINEL = 0xFFFF_FFFF
"""No such key, where a length is asked for."""
REVERT = 1
"""The one flag of `seal_return`."""
_MEMORY_BYTES = PALLET.memory_pages * 65_536
_TOPIC_BYTES = 32
_CODES = host_table().codes
_WEIGHTS = host_table().weights
_COSTS = {name: (_WEIGHTS.host_call + found.ref_time, found.ref_time_per_byte) for name, found in host_table().functions.items()}
"""By function: ref_time of a call and of a byte."""


class PalletError(Exception):
    """The pallet's error that ends a run, by its name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Ended(Exception):
    """The contract ended the call itself."""

    def __init__(self, flags: int, data: bytes) -> None:
        super().__init__(flags, data)
        self.flags = flags
        self.data = data


@dataclass(slots=True, eq=False)
class Run(Frame):
    """One execution of one contract: what it was given, and what it does.

    `gas` is the ref_time that is left for host calls; as on the pallet, they do not lessen what was given to the engine.
    """

    pending: Pending
    address: bytes
    caller: bytes
    value: int
    input: bytes
    height: int
    time_ms: int
    gas: int
    events: list[tuple[bytes, bytes]] = field(default_factory=list[tuple[bytes, bytes]])
    transfers: list[tuple[bytes, int]] = field(default_factory=list[tuple[bytes, int]])
    trace: list[str] = field(default_factory=list[str])

    def charge(self, function: str, size: int = 0, more: int = 0) -> None:
        """Take a host call's ref_time, or end the run."""
        base, per_byte = _COSTS[function]
        self.gas -= base + size * per_byte + more
        if self.gas < 0:
            raise PalletError("OutOfGas")

    def read(self, ptr: int, length: int) -> bytes:
        """A plain range; its length is held against the schedule's memory before the module's own."""
        if length > _MEMORY_BYTES:
            raise PalletError("OutOfBounds")
        return self.memory.read(ptr, length)

    def fixed(self, ptr: int, length: int) -> bytes:
        """A value of fixed size, which is decoded: too few bytes behind a good pointer fail in another way than a bad pointer."""
        size = self.memory.size()
        if ptr > size:
            raise PalletError("OutOfBounds")
        if size - ptr < length:
            raise PalletError("DecodingFailed")
        return self.memory.read(ptr, length)

    def key(self, ptr: int, length: int) -> bytes:
        """A storage key of any length."""
        if length > PALLET.key_bytes:
            raise PalletError("DecodingFailed")
        return self.memory.read(ptr, length)

    def output(self, out: int, length_at: int, data: bytes) -> None:
        """Answer through an out pointer and a pointer to its room; the length is written last, over the data when they overlap."""
        if int.from_bytes(self.fixed(length_at, 4), "little") < len(data):
            raise PalletError("OutputBufferTooSmall")
        self.memory.write(out, data)
        self.memory.write(length_at, len(data).to_bytes(4, "little"))


def _set_storage(run: Run, key_ptr: int, key_len: int, value_ptr: int, value_len: int) -> int:
    run.charge("set_storage", value_len)
    if value_len > PALLET.payload_bytes:
        raise PalletError("ValueTooLarge")
    key = run.key(key_ptr, key_len)
    value = run.read(value_ptr, value_len)
    return _length(run.pending.write(key, value))


def _clear_storage(run: Run, key_ptr: int, key_len: int) -> int:
    run.charge("clear_storage")
    return _length(run.pending.write(run.key(key_ptr, key_len), None))


def _get_storage(run: Run, key_ptr: int, key_len: int, out_ptr: int, out_len_ptr: int) -> int:
    run.charge("get_storage")
    value = run.pending.read(run.key(key_ptr, key_len))
    if value is None:
        return _CODES["KeyNotFound"]
    run.output(out_ptr, out_len_ptr, value)
    return _CODES["Success"]


def _contains_storage(run: Run, key_ptr: int, key_len: int) -> int:
    run.charge("contains_storage")
    value = run.pending.read(run.key(key_ptr, key_len))
    return _length(None if value is None else len(value))


def _length(old: int | None) -> int:
    return SENTINEL if old is None else old


def _transfer(run: Run, account_ptr: int, _account_len: int, value_ptr: int, _value_len: int) -> int:
    run.charge("transfer")
    target = run.fixed(account_ptr, ADDRESS_BYTES)
    amount = int.from_bytes(run.fixed(value_ptr, 16), "little")
    if not run.pending.transfer(run.address, target, amount):
        return _CODES["TransferFailed"]
    if amount and target != run.address:
        run.transfers.append((target, amount))
    return _CODES["Success"]


def _balance(run: Run, out_ptr: int, out_len_ptr: int) -> None:
    run.charge("balance")
    run.output(out_ptr, out_len_ptr, run.pending.spendable(run.address).to_bytes(16, "little"))


def _value_transferred(run: Run, out_ptr: int, out_len_ptr: int) -> None:
    run.charge("value_transferred")
    run.output(out_ptr, out_len_ptr, run.value.to_bytes(16, "little"))


def _caller(run: Run, out_ptr: int, out_len_ptr: int) -> None:
    run.charge("caller")
    run.output(out_ptr, out_len_ptr, run.caller)


def _address(run: Run, out_ptr: int, out_len_ptr: int) -> None:
    run.charge("address")
    run.output(out_ptr, out_len_ptr, run.address)


def _input(run: Run, out_ptr: int, out_len_ptr: int) -> None:
    run.charge("input", len(run.input))
    run.output(out_ptr, out_len_ptr, run.input)


def _seal_return(run: Run, flags: int, data_ptr: int, data_len: int) -> None:
    run.charge("seal_return", data_len)
    raise Ended(flags, run.read(data_ptr, data_len))


def _deposit_event(run: Run, topics_ptr: int, topics_len: int, data_ptr: int, data_len: int) -> None:
    run.charge("deposit_event", data_len, topics_len // _TOPIC_BYTES * _WEIGHTS.event_topic)
    if data_len > PALLET.payload_bytes:
        raise PalletError("ValueTooLarge")
    topics = _topics(run.memory.read(topics_ptr, topics_len)) if topics_len else []
    if len(topics) > PALLET.event_topics:
        raise PalletError("TooManyTopics")
    run.events.append((topics[0] if topics else b"", run.read(data_ptr, data_len)))


def _topics(encoded: bytes) -> list[bytes]:
    """A SCALE vector of hashes, short enough that its count is one byte."""
    count, rest = encoded[0] >> 2, encoded[1:]
    if encoded[0] & 3 or len(rest) != count * _TOPIC_BYTES:
        raise PalletError("DecodingFailed")
    return [rest[at : at + _TOPIC_BYTES] for at in range(0, len(rest), _TOPIC_BYTES)]


def _block_number(run: Run, out_ptr: int, out_len_ptr: int) -> None:
    run.charge("block_number")
    run.output(out_ptr, out_len_ptr, run.height.to_bytes(4, "little"))


def _now(run: Run, out_ptr: int, out_len_ptr: int) -> None:
    run.charge("now")
    run.output(out_ptr, out_len_ptr, run.time_ms.to_bytes(8, "little"))


def _hash_sha2_256(run: Run, input_ptr: int, input_len: int, output_ptr: int) -> None:
    run.charge("hash_sha2_256", input_len)
    run.memory.write(output_ptr, sha256(run.read(input_ptr, input_len)).digest())


def _hash_keccak_256(run: Run, input_ptr: int, input_len: int, output_ptr: int) -> None:
    run.charge("hash_keccak_256", input_len)
    run.memory.write(output_ptr, keccak256(run.read(input_ptr, input_len)))


def _ecdsa_recover(run: Run, signature_ptr: int, message_hash_ptr: int, output_ptr: int) -> int:
    run.charge("ecdsa_recover")
    signature = run.memory.read(signature_ptr, 65)
    message_hash = run.memory.read(message_hash_ptr, 32)
    v = signature[64]
    key = recover(message_hash, signature[:64] + bytes([v - 27 if v > 26 else v]))
    if key is None:
        return _CODES["EcdsaRecoveryFailed"]
    run.memory.write(output_ptr, key)
    return _CODES["Success"]


Body = Callable[..., "int | None"]

_BODIES: dict[str, Body] = {
    "set_storage": _set_storage,
    "clear_storage": _clear_storage,
    "get_storage": _get_storage,
    "contains_storage": _contains_storage,
    "transfer": _transfer,
    "balance": _balance,
    "value_transferred": _value_transferred,
    "caller": _caller,
    "address": _address,
    "input": _input,
    "seal_return": _seal_return,
    "deposit_event": _deposit_event,
    "block_number": _block_number,
    "now": _now,
    "hash_sha2_256": _hash_sha2_256,
    "hash_keccak_256": _hash_keccak_256,
    "ecdsa_recover": _ecdsa_recover,
}


@cache
def host_functions(*, traced: bool = False) -> Mapping[tuple[str, str], HostFunction]:
    """All of them by module and name; `traced` ones write a line each into `Run.trace`.  KeyError when table and bodies differ."""
    table = host_table().functions
    if extra := _BODIES.keys() - table.keys():
        raise KeyError(f"spec/polkadot.toml lacks {', '.join(sorted(extra))}")
    return {
        (function.module, name): HostFunction(
            ("i32",) * len(function.params),
            ("i32",) if function.result else (),
            _traced(name, _BODIES[name]) if traced else _BODIES[name],
        )
        for name, function in table.items()
    }


def _traced(name: str, body: Body) -> Body:
    """The body with the line that the pallet itself writes for its log target `runtime::contracts::strace`; errors are only named."""
    function = host_table().functions[name]
    results = {code: text for text, code in _CODES.items()} if function.result == "code" else {}

    @wraps(body)
    def call(run: Run, *arguments: int) -> int | None:
        shown = ", ".join(f"{param}: {value}" for param, value in zip(function.params, arguments, strict=True))
        head = f"{function.module}::{name}({shown}) = "
        try:
            result = body(run, *arguments)
        except Ended as end:
            run.trace.append(f"{head}Err(Return(ReturnData {{ flags: {end.flags}, data: {list(end.data)} }}))")
            raise
        except PalletError as error:
            run.trace.append(f"{head}Err({error.name})")
            raise
        except OutOfBounds:
            run.trace.append(f"{head}Err(OutOfBounds)")
            raise
        run.trace.append(f"{head}Ok({'()' if result is None else results.get(result, result)})")
        return result

    return call
