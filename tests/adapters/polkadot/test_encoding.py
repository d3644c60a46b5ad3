"""Selectors, addresses and how people write them."""

from __future__ import annotations

import pytest

from sshi_polkadot.encoding import address, blake2_256, contract_address, selector, show_address, wellformed


@pytest.mark.parametrize(
    ("entry", "expected"),
    [("new", "9bae9d5e"), ("get", "2f865bd9"), ("flip", "633aa551"), ("init", "44d6441f"), ("transfer", "84a15da1")],
)
def test_a_selector_is_what_the_chain_s_own_tools_make_of_the_name(entry, expected):
    assert selector(entry).hex() == expected


def test_a_symbolic_account_has_the_same_address_every_time_and_no_other_one():
    assert address("alice") == address("alice") != address("bob")
    assert wellformed(address("alice"))
    assert not wellformed(address("alice")[:31])


def test_an_address_is_shown_as_ss58():
    """The development account that every Substrate tool knows."""
    alice = bytes.fromhex("d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d")
    assert show_address(alice) == "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"


def test_what_is_no_address_is_shown_as_it_is():
    assert show_address(b"\x01\x02") == "0x0102"


def test_a_contract_s_address_is_the_pallet_s(world, probe_code):
    made = world.deploy(probe_code, "some name")
    assert made.address == contract_address(world.alice, blake2_256(probe_code.wasm), b"", b"some name")


@pytest.mark.parametrize("size", [0, 63, 64, 16_383, 16_384])
def test_the_length_of_the_input_is_in_a_contract_s_address(size, world, link):
    """SCALE writes lengths from 64 and from 16,384 on in other ways; the selector's four bytes count."""
    code = link('(module (memory (export "memory") 1) (func (export "init")))', "init:init")
    data = bytes(max(0, size - 4))
    made = world.deploy(code, "x", "init", data)
    assert made.address == contract_address(world.alice, blake2_256(code.wasm), selector("init") + data, b"x")
