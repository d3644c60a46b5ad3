"""Account ids: the chain's own vectors, and what an id says about its account."""

from __future__ import annotations

import pytest

from adapters.near.worlds import World, escaped, u128
from sshi_near.accounts import AccountKind, address, comes_into_being, is_account_id, kind_of

GOOD = [
    "aa", "a-a", "a-aa", "100", "0o", "com", "near", "bowen", "b-o_w_e-n", "b.owen", "bro.wen", "a.ha", "a.b-a.ra", "system",
    "over.9000", "google.com", "illia.cheapaccounts.near", "0o0ooo00oo00o", "alex-skidanov", "10-4.8-2", "b-o_w_e-n", "no_lols",
    "0123456789012345678901234567890123456789012345678901234567890123", "near.a",
]  # fmt: skip
BAD = [
    "a", "A", "Abc", "-near", "near-", "-near-", "near.", ".near", "near@", "@near", "неар", "@@@@@", "0__0", "0_-_0", "0_-_0", "..",
    "a..near", "nEar", "_bowen", "hello world",
    "abcdefghijklmnopqrstuvwxyz.abcdefghijklmnopqrstuvwxyz.abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789012345678901234567890123456789012345678901234", "some-complex-address@gmail.com",
    "sub.buy_d1gitz@atata@b0-rg.c_0_m", "", "near\n", "a`b", "a{b", "a/b", "a:b", "a+b", "a,b",
]  # fmt: skip
"""near-account-id 3.0.0, src/test_data.rs; what stands beside the allowed characters was added."""


@pytest.mark.parametrize("account", GOOD)
def test_good_ids(account):
    assert is_account_id(account.encode())


@pytest.mark.parametrize("account", BAD)
def test_bad_ids(account):
    assert not is_account_id(account.encode())


@pytest.mark.parametrize("kind", ["emulated", "real"])
def test_the_shim_refuses_just_the_same_ids(kind):
    """Clause `transfer.malformed`; an amount of 0 to any of the good ones answers 0."""
    amount = 8192
    world = World(kind).deployed(f"""
        (data (i32.const {amount}) {escaped(u128(0))})
        (func (export "main")
          (i32.store (i32.const 0) (i32.const 1000))
          (drop (call $input (i32.const 0)))
          (i32.store (i32.const 4096) (call $transfer (i32.const 0) (i32.const {amount})))
          (call $set_return (i32.const 4096) (i32.const 4)))""", "call:main")  # fmt: skip
    for account in GOOD:
        assert world.data(data=account.encode()) == b"\0\0\0\0", account
    for account in BAD:
        assert world.data(data=account.encode()) == b"\2\0\0\0", account


@pytest.mark.parametrize(
    ("account", "kind", "since"),
    [
        ("bob", AccountKind.NAMED, None),
        ("ab" * 32, AccountKind.IMPLICIT, 84),
        ("AB" * 32, AccountKind.NAMED, None),
        ("0x" + "ab" * 20, AccountKind.BARE, 84),
        ("0s" + "ab" * 20, AccountKind.BARE, 84),
        ("0x" + "ab" * 19, AccountKind.NAMED, None),
        ("0u" + "z" * 51 + "g", AccountKind.UNIVERSAL, 88),
        ("0u" + "z" * 51 + "h", AccountKind.NAMED, None),
        ("0u" + "o" * 51 + "g", AccountKind.NAMED, None),
    ],
)
def test_an_ids_kind_says_whether_a_transfer_creates_its_account(account, kind, since):
    assert kind_of(account) is kind
    for version in (84, 87, 88):
        assert comes_into_being(account, version) is (since is not None and version >= since)


def test_a_symbolic_name_always_gives_the_same_id_and_never_anothers():
    names = ["alice", "bob", "a", "A", "Alice", "my contract", "x" * 64, "x" * 65, "ключ"]
    ids = [address(name) for name in names]
    assert ids == [address(name) for name in names]
    assert len(set(ids)) == len(names)
    assert all(is_account_id(found) for found in ids)
    assert address("alice") == b"alice.near"
