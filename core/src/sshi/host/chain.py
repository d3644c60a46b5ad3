"""The one protocol every host speaks: the reference host, each chain's emulated VM, each chain's real VM.

A `ChainVM` is a private world of accounts and contracts with a block height and a time.  It never raises for what a
contract does (that is a `Receipt`); it raises `AdapterError` when it is broken itself and `VmUnavailable` when it cannot run here.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from sshi.host.outcome import Receipt
from sshi.spec.manifest import Manifest


class Code(msgspec.Struct, frozen=True):
    """What is deployed: for the reference host the contract itself, for a chain the linked artifact; and its entries."""

    wasm: bytes
    manifest: Manifest


class Call(msgspec.Struct, frozen=True):
    """One call, query or init.

    caller  address of whoever signs it; ignored by a query
    entry   an entry's name; None only in a deployment of a contract without init
    value   attached amount in the chain's smallest unit
    gas     a limit in the host's own main unit; None for the host's default
    trace   ask for `Receipt.trace` and `Receipt.native`
    """

    entry: str | None
    input: bytes = b""
    caller: bytes = b""
    value: int = 0
    gas: int | None = None
    trace: bool = False


class Deployed(msgspec.Struct, frozen=True):
    """A deployment's result; `address` is None unless the receipt's outcome is `returned`."""

    address: bytes | None
    receipt: Receipt


class ChainVM(Protocol):
    """A world to run contracts in.  Not shared between threads; `close` it, or use it as a context manager."""

    profile: str  # such as "reference", "near@86", "polkadot"
    kind: str  # "reference", "emulated" or "real"

    @property
    def block_height(self) -> int:
        """Of the block that the next calls run in."""
        ...

    @block_height.setter
    def block_height(self, height: int) -> None: ...

    @property
    def block_time(self) -> int:
        """Milliseconds since the Unix epoch."""
        ...

    @block_time.setter
    def block_time(self, time: int) -> None: ...

    def create_account(self, address: bytes, balance: int) -> None:
        """Make (or set) a plain account that exists and owns `balance`."""

    def balance(self, address: bytes) -> int | None:
        """What the account could transfer now; None when it does not exist."""
        ...

    def deploy(self, code: Code, name: str, call: Call) -> Deployed:
        """Deploy and initialise, both or neither; `name` is symbolic, the chain makes the address of it."""
        ...

    def call(self, contract: bytes, call: Call) -> Receipt:
        """Run an entry in a transaction; its effects stay when it returned."""
        ...

    def query(self, contract: bytes, call: Call) -> Receipt:
        """Run a query entry; nothing stays."""
        ...

    def storage(self, contract: bytes) -> dict[bytes, bytes]:
        """All of the contract's own keys; guard keys of the adapter are left out."""
        ...

    def snapshot(self) -> object:
        """A token for `restore`; cheap, any number may be kept."""
        ...

    def restore(self, token: object) -> None:
        """Back to the world as it was when the token was taken."""

    def reset(self) -> None:
        """Back to an empty world (keeps compiled code)."""

    def close(self) -> None:
        """End processes and drop caches."""
