"""The world of the emulated pallet: free balances, contracts with their storage and deposits, stored code.

A run works on an overlay (`Pending`) and is written back whole or not at all; nothing here is undone.  Deposits follow
pallet-contracts 51.0.0, src/storage/meter.rs, to the last unit, its rounding included.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from sshi_polkadot.tables import constants

CHAIN, PALLET = constants().chain, constants().pallet
ED = CHAIN.existential_deposit

CONTRACT_DEPOSIT = CHAIN.deposit_per_byte * PALLET.contract_info_bytes + CHAIN.deposit_per_item
"""Held for a contract itself, beside its existential deposit."""

_FIXED_POINT = 10**18
"""One, in the pallet's `FixedU128`."""


def code_deposit(code: bytes) -> int:
    """Held by whoever stores this code first."""
    return CHAIN.deposit_per_byte * (len(code) + PALLET.code_info_bytes) + CHAIN.deposit_per_item * PALLET.code_items


@dataclass(frozen=True, slots=True)
class Stored:
    """What a contract's storage amounts to, and what is held for it."""

    size: int = 0
    items: int = 0
    byte_deposit: int = 0
    item_deposit: int = 0

    def changed(self, size: int, items: int) -> tuple[Stored, int]:
        """After so many bytes and items more (or fewer); and the deposit, negative when it is given back."""
        byte_change = CHAIN.deposit_per_byte * size if size > 0 else -_share(-size, self.size, self.byte_deposit)
        item_change = CHAIN.deposit_per_item * items if items > 0 else -_share(-items, self.items, self.item_deposit)
        after = Stored(
            self.size + size, self.items + items, self.byte_deposit + byte_change, self.item_deposit + item_change
        )  # fmt: skip
        return after, byte_change + item_change


def _share(removed: int, stored: int, deposit: int) -> int:
    """The part of a deposit that goes back, pro rata; both steps round down, as the pallet's fixed-point numbers do."""
    ratio = min(removed * _FIXED_POINT // stored, _FIXED_POINT) if stored else 0
    return ratio * deposit // _FIXED_POINT


@dataclass(slots=True)
class Contract:
    """A contract: its code by hash, its keys and values, its deposits."""

    code_hash: bytes
    storage: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    stored: Stored = Stored()

    def copy(self) -> Contract:
        """Another one that changes by itself."""
        return replace(self, storage=dict(self.storage))


@dataclass(slots=True)
class Ledger:
    """Free balances by address (who is not here has no account), contracts by address, and the hashes of stored code."""

    free: dict[bytes, int] = field(default_factory=dict[bytes, int])
    contracts: dict[bytes, Contract] = field(default_factory=dict[bytes, Contract])
    codes: set[bytes] = field(default_factory=set[bytes])

    def copy(self) -> Ledger:
        """Another world that changes by itself."""
        contracts = {address: contract.copy() for address, contract in self.contracts.items()}
        return Ledger(dict(self.free), contracts, set(self.codes))

    def spendable(self, address: bytes) -> int:
        """What the account could transfer and live on."""
        return max(0, self.free.get(address, 0) - ED)


@dataclass(slots=True)
class Pending:
    """What one run has changed so far: free balances, and one contract's storage; `size` bytes and `items` more than before."""

    ledger: Ledger
    contract: Contract
    free: dict[bytes, int] = field(default_factory=dict[bytes, int])
    writes: dict[bytes, bytes | None] = field(default_factory=dict[bytes, bytes | None])
    size: int = 0
    items: int = 0

    def balance(self, address: bytes) -> int | None:
        """Free balance; None when there is no account."""
        return self.free.get(address, self.ledger.free.get(address))

    def spendable(self, address: bytes) -> int:
        """What the account could transfer and live on."""
        return max(0, (self.balance(address) or 0) - ED)

    def transfer(self, source: bytes, target: bytes, amount: int) -> bool:
        """Move money as the pallet does; False when the source would fall, or a new account begin, below the existential deposit."""
        if amount == 0 or source == target:
            return True
        before = self.balance(target)
        if amount > self.spendable(source) or (before is None and amount < ED):
            return False
        self.add(source, -amount)
        self.add(target, amount)
        return True

    def add(self, address: bytes, amount: int) -> None:
        """Change a free balance."""
        self.free[address] = (self.balance(address) or 0) + amount

    def read(self, key: bytes) -> bytes | None:
        """The value under a key."""
        return self.writes[key] if key in self.writes else self.contract.storage.get(key)

    def write(self, key: bytes, value: bytes | None) -> int | None:
        """Set or (None) forget a key; the old value's length."""
        old = self.read(key)
        self.size += len(value or b"") - len(old or b"")
        self.items += (value is not None) - (old is not None)
        self.writes[key] = value
        return None if old is None else len(old)

    def difference(self) -> tuple[tuple[bytes, bytes | None], ...]:
        """The keys whose value is another than before, sorted."""
        before = self.contract.storage
        return tuple(sorted((key, value) for key, value in self.writes.items() if before.get(key) != value))

    def write_back(self, stored: Stored) -> None:
        """Make it so."""
        self.ledger.free.update(self.free)
        storage = self.contract.storage
        for key, value in self.writes.items():
            if value is None:
                storage.pop(key, None)
            else:
                storage[key] = value
        self.contract.stored = stored
