"""A chain whose VM program keeps the world itself: a `ChainVM` over the protocol's `world` operations.

The chain's adapter says only how an entry and its input cross (`encode`) and which text a topic's bytes are (`topic`);
what can be refused before anything is sent is refused by the same rules as everywhere (`refusal`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Self

import msgspec

from sshi.host import protocol as wire
from sshi.host.chain import Call, Code, Deployed
from sshi.host.outcome import Effects, Event, Receipt, Refusal, Rejected, Returned, Reverted, Transfer, reverted
from sshi.host.process import ProcessVM, VmRefused
from sshi.host.refusal import deploy_refusal, refusal
from sshi.spec.manifest import Entry, Manifest


class Encoded(NamedTuple):
    """An entry and an input as the chain's program is given them."""

    entry: str
    input: bytes


Encode = Callable[[Entry | None, bytes], Encoded]


def plain_entries(entry: Entry | None, data: bytes) -> Encoded:
    """For a chain that has named entries: nothing is changed."""
    return Encoded("" if entry is None else entry.name, data)


def topic_text(topic: bytes) -> str:
    """A topic's text: trailing zero padding is the chain's."""
    return topic.rstrip(b"\0").decode("utf-8", "backslashreplace")


class _Token(NamedTuple):
    """What `snapshot` gives: the program's own token, and what is remembered on this side."""

    snapshot: int
    manifests: dict[bytes, Manifest]
    block: tuple[int, int]


class WorldVM:
    """A world kept by a VM program."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        adapter: str,
        profile: str,
        encode: Encode,
        kind: str = "real",
        salt: Callable[[str], bytes] = str.encode,
        timeout: float | None = None,
    ) -> None:
        self.profile = profile
        self.kind = kind
        self.block_height = 1
        self.block_time = 0
        self.program = ProcessVM(command, adapter=adapter) if timeout is None else ProcessVM(command, adapter=adapter, timeout=timeout)
        self._encode = encode
        self._salt = salt
        self._manifests: dict[bytes, Manifest] = {}
        self._block: tuple[int, int] | None = (1, 0)
        self._generation = -1
        self._anyone = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def reset(self) -> None:
        """Back to an empty world."""
        self.block_height, self.block_time = 1, 0
        self._block = (1, 0)
        self._manifests = {}
        self._send(wire.Reset(id=self.program.next_id(), profile=self.profile))
        self._generation = self.program.generation

    def create_account(self, address: bytes, balance: int) -> None:
        """Make (or set) a plain account."""
        self._ready()
        self._anyone = self._anyone or address
        self._send(wire.Account(id=self.program.next_id(), address=address, balance=str(balance)))

    def balance(self, address: bytes) -> int | None:
        """What the account could transfer now; None when it does not exist."""
        self._ready()
        try:
            found = self.program.request(wire.Balance(id=self.program.next_id(), address=address), wire.BalanceOk).balance
        except VmRefused:  # what is no address of this chain is nobody's
            return None
        return None if found is None else int(found)

    def deploy(self, code: Code, name: str, call: Call) -> Deployed:
        """Deploy and initialise, both or neither."""
        self._ready()
        refused = deploy_refusal(code.manifest, call)
        if refused is not None:
            return Deployed(None, Receipt(refused))
        entry = None if call.entry is None else code.manifest.entry(call.entry)
        encoded = self._encode(entry, call.input)
        self._sync()
        request = wire.Deploy(
            id=self.program.next_id(),
            code=code.wasm,
            caller=call.caller,
            entry=encoded.entry,
            input=encoded.input,
            value=str(call.value),
            salt=self._salt(name),
            gas=None if call.gas is None else str(call.gas),
            trace=call.trace,
        )
        result = self.program.request(request, wire.Result)
        if result.address is not None:
            self._manifests[result.address] = code.manifest
        return Deployed(result.address, _receipt(result))

    def call(self, contract: bytes, call: Call) -> Receipt:
        """Run an entry in a transaction."""
        return self._run(contract, call, query=False)

    def query(self, contract: bytes, call: Call) -> Receipt:
        """Run a query entry; nothing stays."""
        return self._run(contract, call, query=True)

    def storage(self, contract: bytes) -> dict[bytes, bytes]:
        """All of the contract's keys."""
        return dict(self.program.request(wire.Storage(id=self.program.next_id(), contract=contract), wire.StorageOk).storage)

    def snapshot(self) -> object:
        """A token for `restore`."""
        ok = self.program.request(wire.Snapshot(id=self.program.next_id()), wire.SnapshotOk)
        return _Token(ok.snapshot, dict(self._manifests), (self.block_height, self.block_time))

    def restore(self, token: object) -> None:
        """Back to the world as it was when the token was taken."""
        if not isinstance(token, _Token):
            raise TypeError(f"{token!r} is no token of this host")
        self._manifests = dict(token.manifests)
        self.block_height, self.block_time = token.block
        self._block = None  # the program's block is the snapshot's, which may have been taken before the last change arrived
        self._send(wire.Restore(id=self.program.next_id(), snapshot=token.snapshot))

    def close(self) -> None:
        """End the program."""
        self.program.close()

    def _run(self, contract: bytes, call: Call, *, query: bool) -> Receipt:
        self._ready()
        manifest = self._manifests.get(contract)
        if manifest is None:
            return Receipt(Rejected(Refusal.UNKNOWN_CONTRACT))
        refused = refusal(manifest, call, query=query)
        if refused is not None:
            return Receipt(refused)
        entry = None if call.entry is None else manifest.entry(call.entry)
        encoded = self._encode(entry, call.input)
        self._sync()
        request = wire.WorldCall(
            id=self.program.next_id(),
            contract=contract,
            caller=call.caller or self._anyone,
            entry=encoded.entry,
            input=encoded.input,
            value=str(call.value),
            dry=query,
            gas=None if call.gas is None else str(call.gas),
            trace=call.trace,
        )
        receipt = _receipt(self.program.request(request, wire.Result))
        if query and isinstance(receipt.outcome, Returned):
            return msgspec.structs.replace(receipt, effects=Effects())
        return receipt

    def _ready(self) -> None:
        """A program that died took its world along; the next user starts with an empty one."""
        if self._generation != self.program.generation:
            self.reset()

    def _sync(self) -> None:
        block = (self.block_height, self.block_time)
        if block != self._block:
            self._send(wire.Block(id=self.program.next_id(), height=str(block[0]), time_ms=str(block[1])))
            self._block = block

    def _send(self, message: wire.Message) -> None:
        self.program.request(message, dict[str, object])


def _receipt(result: wire.Result) -> Receipt:
    effects = Effects(
        storage=result.storage,
        transfers=tuple(Transfer(transfer.to, int(transfer.amount)) for transfer in result.transfers),
        events=tuple(Event(topic_text(event.topic), event.data) for event in result.events),
        balances=tuple((address, int(change)) for address, change in result.balances),
    )
    native = (*result.native, result.error) if result.error else result.native
    outcome = reverted(result.outcome.message) if isinstance(result.outcome, Reverted) else result.outcome
    return Receipt(outcome, effects, {unit: int(amount) for unit, amount in result.cost.items()}, native=native)
