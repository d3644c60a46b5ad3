"""Who pays for what is stored: the pallet's deposits, worked out by hand from its rules and held against both pallets."""

from __future__ import annotations

import pytest

from sshi.host.outcome import Exhausted, Resource, Returned
from sshi_polkadot.emulated.ledger import CONTRACT_DEPOSIT, Stored, code_deposit

ED, ITEM, BYTE = 1_000_000_000, 20_000_000_000, 1_000_000

# set: key and value lengths, then a key and a value; del: a key.
STORE = """(module
  (import "env" "input" (func $input (param i32) (result i32)))
  (import "env" "storage_write" (func $write (param i32 i32 i32)))
  (import "env" "storage_remove" (func $remove (param i32) (result i32)))
  (memory (export "memory") 1)
  (func $load (i32.store (i32.const 0) (i32.const 20000)) (drop (call $input (i32.const 0))))
  (func (export "set")
    (call $load)
    (call $write (i32.const 4) (i32.add (i32.const 8) (i32.load (i32.const 4)))
      (i32.sub (i32.sub (i32.load (i32.const 0)) (i32.const 4)) (i32.load (i32.const 4)))))
  (func (export "set_and_trap") (call $load) (call $write (i32.const 4) (i32.const 0) (i32.const 9)) unreachable)
  (func (export "round_trip")
    (call $load)
    (call $write (i32.const 4) (i32.const 0) (i32.const 200))
    (drop (call $remove (i32.const 4))))
  (func (export "del") (call $load) (drop (call $remove (i32.const 4)))))"""


@pytest.fixture
def store(link):
    return link(STORE, "set", "set_and_trap", "round_trip", "del")


def blob(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data


def test_code_a_contract_and_its_existential_deposit_are_paid_at_the_first_deployment(store, world):
    """Code and its information are two items; a contract is 122 bytes and an item."""
    code = BYTE * (len(store.wasm) + 61) + 2 * ITEM
    contract = BYTE * 122 + ITEM
    before = world.vm.balance(world.alice)
    first = world.deploy(store, "one")
    assert first.receipt.cost["deposit"] == code + contract + ED
    assert world.deploy(store, "two").receipt.cost["deposit"] == contract + ED
    assert before - world.vm.balance(world.alice) == code + 2 * (contract + ED)
    assert world.vm.balance(first.address) == 0
    assert first.receipt.effects.balances == ()


def test_the_constants_are_those_sums():
    assert CONTRACT_DEPOSIT == BYTE * 122 + ITEM
    assert code_deposit(bytes(100)) == BYTE * 161 + 2 * ITEM


def test_bytes_and_items_are_charged_and_a_shorter_value_refunds(store, world):
    """Keys are free."""
    contract = world.deployed(store)

    def deposit(entry: str, data: bytes, **more) -> int:
        return world.call(contract, entry, data, **more).cost["deposit"]

    assert deposit("set", blob(b"k" * 100) + b"v" * 10) == ITEM + 10 * BYTE
    assert deposit("set", blob(b"k" * 100) + b"v" * 10) == 0
    assert deposit("set", blob(b"k" * 100) + b"v" * 16) == 6 * BYTE
    assert deposit("set", blob(b"k" * 100) + b"v" * 4) == -12 * BYTE
    assert deposit("set", blob(b"e")) == ITEM
    assert deposit("del", blob(b"e")) == -ITEM
    assert deposit("del", blob(b"e")) == 0
    assert deposit("round_trip", blob(b"r")) == 0


def test_a_refund_goes_to_whoever_removes(store, world):
    contract = world.deployed(store)
    world.call(contract, "set", blob(b"k") + b"v" * 10)
    before = world.vm.balance(world.bob)
    receipt = world.call(contract, "del", blob(b"k"), caller=world.bob)
    assert world.vm.balance(world.bob) - before == ITEM + 10 * BYTE
    assert receipt.effects.balances == ()


def test_what_traps_costs_no_deposit(store, world):
    contract = world.deployed(store)
    before = world.vm.balance(world.alice)
    assert world.call(contract, "set_and_trap", blob(b"k")).cost["deposit"] == 0
    assert world.vm.balance(world.alice) == before


@pytest.mark.parametrize("missing", [0, 1])
def test_a_call_needs_its_deposit_and_an_existential_deposit_more(store, world, missing):
    """Deviation polkadot/storage-deposit.  The pallet leaves two existential deposits out of what a caller may deposit."""
    contract = world.deployed(store)
    world.vm.create_account(world.bob, ITEM + 10 * BYTE + ED - missing)
    receipt = world.call(contract, "set", blob(b"k") + b"v" * 10, caller=world.bob)
    if missing:
        assert receipt.outcome == Exhausted(Resource.STORAGE, "StorageDepositLimitExhausted")
        assert world.vm.storage(contract) == {}
    else:
        assert receipt.outcome == Returned()
        assert world.vm.balance(world.bob) == ED


@pytest.mark.parametrize("missing", [0, 1])
def test_a_deployment_needs_all_its_deposits(store, world, missing):
    needed = BYTE * (len(store.wasm) + 61) + 2 * ITEM + BYTE * 122 + ITEM + ED
    world.vm.create_account(world.bob, needed + ED - missing)
    made = world.deploy(store, caller=world.bob)
    expected = Exhausted(Resource.STORAGE, "StorageDepositLimitExhausted") if missing else Returned()
    assert made.receipt.outcome == expected


def test_an_account_that_cannot_pay_for_code_stores_none(store, world):
    world.vm.create_account(world.bob, ITEM)
    assert world.deploy(store, caller=world.bob).receipt.outcome == Exhausted(Resource.STORAGE, "StorageDepositNotEnoughFunds")
    assert world.deploy(store).receipt.cost["deposit"] > BYTE * len(store.wasm), "alice pays for the code, since bob's is not there"


def test_a_refund_is_the_removed_share_rounded_down_twice():
    """Of 7 bytes 3 go: 3/7 in 18 decimals is 0.428571428571428571, and that of 7 million less than 3 million."""
    stored, charge = Stored().changed(7, 1)
    assert charge == 7 * BYTE + ITEM
    after, refund = stored.changed(-3, 0)
    assert refund == -2_999_999
    assert after == Stored(4, 1, 4_000_001, ITEM)


def test_what_was_rounded_away_comes_back_with_the_last_byte(store, world):
    """The same, on both pallets."""
    contract = world.deployed(store)

    def deposit(size: int) -> int:
        return world.call(contract, "set", blob(b"k") + b"v" * size).cost["deposit"]

    assert [deposit(7), deposit(4), deposit(0)] == [ITEM + 7 * BYTE, -2_999_999, -4_000_001]
