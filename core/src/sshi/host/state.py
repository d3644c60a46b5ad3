"""The world of the reference host: accounts, contracts, their storage, and the block.

A `World` is asked for one thing at a time and changed by one whole `Change` a call.  This one lives in memory and can be
copied cheaply: copies share storage until one of them changes it.  `store.py` has the one that lives in a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from sshi.host.chain import Code

FIRST_BLOCK = 1


class Storage(Protocol):
    """One contract's keys and values."""

    def get(self, key: bytes, /) -> bytes | None:
        """The value, or None."""

    def all(self) -> dict[bytes, bytes]:
        """Everything, as a copy."""
        ...


@dataclass(frozen=True)
class Contract:
    """A deployed contract; deployed means initialised, since the two are one operation."""

    code: Code
    storage: Storage


@dataclass(frozen=True)
class Change:
    """What one call leaves behind: new balances, the called contract's storage (None: removed), its code when it is new."""

    contract: bytes
    balances: Mapping[bytes, int]
    storage: Mapping[bytes, bytes | None]
    deployed: Code | None = None


class World(Protocol):
    """What the reference host needs of a world."""

    height: int
    time: int

    def balance(self, address: bytes) -> int | None:
        """What an account owns; None when there is none."""
        ...

    def contract(self, address: bytes) -> Contract | None:
        """The contract at the address."""
        ...

    def set_balance(self, address: bytes, balance: int) -> None:
        """Make an account, or set what it owns."""

    def apply(self, change: Change) -> None:
        """All of the change, or nothing of it when this raises."""

    def copy(self) -> MemoryWorld:
        """The same world in memory; later changes of either do not show in the other."""
        ...

    def become(self, other: MemoryWorld) -> None:
        """Be a copy of the other."""

    def close(self) -> None:
        """Let go of files."""


class MemoryStorage:
    """Storage in a dictionary, shared between copies until it is changed."""

    __slots__ = ("_entries", "_shared")

    def __init__(self, entries: dict[bytes, bytes] | None = None, *, shared: bool = False) -> None:
        self._entries = {} if entries is None else entries
        self._shared = shared

    def get(self, key: bytes, /) -> bytes | None:
        """The value, or None."""
        return self._entries.get(key)

    def all(self) -> dict[bytes, bytes]:
        """Everything, as a copy."""
        return dict(self._entries)

    def copy(self) -> MemoryStorage:
        """Another that costs nothing until one of the two is changed."""
        self._shared = True
        return MemoryStorage(self._entries, shared=True)

    def apply(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Store and remove."""
        if self._shared:
            self._entries, self._shared = dict(self._entries), False
        for key, value in changes.items():
            if value is None:
                self._entries.pop(key, None)
            else:
                self._entries[key] = value


@dataclass
class MemoryWorld:
    """A world in memory."""

    height: int = FIRST_BLOCK
    time: int = 0
    accounts: dict[bytes, int] = field(default_factory=dict[bytes, int])
    contracts: dict[bytes, tuple[Code, MemoryStorage]] = field(default_factory=dict[bytes, tuple[Code, MemoryStorage]])

    def balance(self, address: bytes) -> int | None:
        """What an account owns; None when there is none."""
        return self.accounts.get(address)

    def contract(self, address: bytes) -> Contract | None:
        """The contract at the address."""
        found = self.contracts.get(address)
        return None if found is None else Contract(*found)

    def set_balance(self, address: bytes, balance: int) -> None:
        """Make an account, or set what it owns."""
        self.accounts[address] = balance

    def apply(self, change: Change) -> None:
        """All of the change."""
        self.accounts.update(change.balances)
        if change.deployed is not None:
            self.contracts[change.contract] = change.deployed, MemoryStorage()
        if change.storage:
            self.contracts[change.contract][1].apply(change.storage)

    def copy(self) -> MemoryWorld:
        """The same world; storage is shared until either changes it."""
        contracts = {address: (code, storage.copy()) for address, (code, storage) in self.contracts.items()}
        return MemoryWorld(self.height, self.time, dict(self.accounts), contracts)

    def become(self, other: MemoryWorld) -> None:
        """Be a copy of the other."""
        twin = other.copy()
        self.height, self.time, self.accounts, self.contracts = twin.height, twin.time, twin.accounts, twin.contracts

    def close(self) -> None:
        """There is nothing to let go of."""
