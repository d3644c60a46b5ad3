"""What the chain does around a function call: accounts, deposits, receipts that are settled afterwards, and storage staking.

The same for every runtime.  Nothing is charged for gas, a call's cost is only reported; and a contract's endowment comes from nowhere,
so that a world needs no richer accounts than its author gave it.

Sources: near-parameters 0.38.0 (amounts, bytes of records); https://docs.near.org/protocol/storage/storage-staking and
https://github.com/near/NEPs/blob/master/neps/nep-0448.md (accounts of up to 770 bytes); nearcore's own runtime for receipts.
"""

from __future__ import annotations

from typing import NamedTuple

from sshi.spec.manifest import Manifest
from sshi_near.accounts import comes_into_being
from sshi_near.runtime import EMPTY, Module, Sent, State
from sshi_near.tables import Parameters

RESERVED_BYTES = 200_000
"""What the shim takes every contract to use at least: 2 NEAR, never spendable.  The number stands in shim.wat, too."""

FREE_BYTES = 100_000
"""What a contract is endowed for on top of its code, however large that is."""

KEY_BYTES = 82
"""Of a plain account's one access key."""


class Contract(NamedTuple):
    """What an account runs: the module, its entries, its storage."""

    module: Module
    manifest: Manifest
    state: State


class Account(NamedTuple):
    """An account; `usage` in bytes, its own record included."""

    balance: int
    usage: int
    contract: Contract | None = None


class Ledger:
    """The accounts of one world.  Accounts are values: a copy of the table is a snapshot."""

    def __init__(self, parameters: Parameters) -> None:
        self.accounts: dict[str, Account] = {}
        self._storage = parameters.storage
        self._exempt = parameters.constants.storage_exempt_bytes
        self._version = parameters.version

    def create(self, account: str, balance: int) -> None:
        """Make, or set, a plain account."""
        self.accounts[account] = Account(balance, self._storage.account_bytes + KEY_BYTES)

    def add(self, account: str, amount: int) -> None:
        """Change the balance of an account that exists."""
        old = self.accounts[account]
        self.accounts[account] = old._replace(balance=old.balance + amount)

    def spendable(self, account: str) -> int | None:
        """What the account could transfer now, as the shim reckons for a contract; None when there is none."""
        found = self.accounts.get(account)
        if found is None or found.contract is None:
            return None if found is None else found.balance
        return max(0, found.balance - max(found.usage, RESERVED_BYTES) * self._storage.amount_per_byte)

    def is_backed(self, account: str) -> bool:
        """Does the account have what the chain wants kept for its bytes?"""
        found = self.accounts[account]
        return found.usage <= self._exempt or found.balance >= found.usage * self._storage.amount_per_byte

    def install(self, account: str, wasm: bytes, manifest: Manifest) -> int:
        """Make a contract's account with its endowment, which is the result."""
        usage = self._storage.account_bytes + len(wasm)
        endowment = max(RESERVED_BYTES, usage + FREE_BYTES) * self._storage.amount_per_byte
        self.accounts[account] = Account(endowment, usage, Contract(Module(wasm), manifest, EMPTY))
        return endowment

    def settle(self, sender: str, sent: tuple[Sent, ...]) -> None:
        """Carry out the transfers that a call sent: an account that does not exist is made by its kind, or the money goes back."""
        for action in sent:
            if action.kind != "transfer":
                raise ValueError(f"a linked contract sends nothing but transfers, and this was a {action.kind}")
            if action.receiver in self.accounts:
                self.add(action.receiver, action.amount)
            elif comes_into_being(action.receiver, self._version):
                self.create(action.receiver, action.amount)
            else:
                self.add(sender, action.amount)
