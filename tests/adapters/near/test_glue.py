"""Glue: guards before entries, in the interface's order, and nothing that a contract does not need."""

from __future__ import annotations

import pytest

from adapters.near.worlds import CONTRACT, KINDS, NEAR, World, linked, manifest
from sshi.adapter import GlueRequest
from sshi.host.chain import Call
from sshi.host.outcome import Returned, Reverted, TrapKind, Trapped
from sshi_near.glue import glue
from sshi_near.tables import parameters

FIELDS = """
    (data (i32.const 0) "\\01\\00\\00\\00k")
    (func $write (call $storage_write (i32.const 0) (i32.const 0) (i32.const 4)))
    (func (export "init") (call $write))
    (func (export "other_init"))
    (func (export "main") (call $write))
    (func (export "paid"))
    (func (export "look") (call $write))
    (func (export "see") (call $set_return (i32.const 0) (i32.const 5)))"""
ENTRIES = ("init:init", "init:other_init!", "call:main", "call:paid!", "query:look", "query:see")


@pytest.fixture(params=KINDS)
def world(request):
    return World(request.param).deployed(FIELDS, *ENTRIES, init="init")


@pytest.mark.parametrize("entry", ["main", "see", "init"])
def test_value_attached_to_an_entry_that_is_not_payable_goes_back(world, entry):
    """Clauses `guard.not-payable`, `guard.payment-first`: on a second init, too."""
    receipt = world.call(entry, value=1)
    assert receipt.outcome == Reverted("sshi: not payable")
    assert receipt.effects.balances == ()


@pytest.mark.parametrize("value", [1, 1 << 64, 10**26])
def test_both_halves_of_the_value_count(world, value):
    assert world.call("main", value=value).outcome == Reverted("sshi: not payable")
    assert world.call("paid", value=value).outcome == Returned()


@pytest.mark.parametrize("entry", ["init", "other_init"])
def test_the_init_that_ran_closes_them_all(world, entry):
    """Clauses `guard.init-once`, `guard.init-closes-all`."""
    assert world.call(entry).outcome == Reverted("sshi: already initialised")


def test_a_query_entry_stays_read_only_in_a_transaction(world):
    """Clause `entry.query-call`."""
    receipt = world.call("look")
    assert isinstance(receipt.outcome, Trapped)
    assert TrapKind.QUERY in receipt.outcome.among
    assert world.call("see").outcome == Returned(b"\x01\0\0\0k")


def test_the_guards_key_is_nobodys(world):
    assert world.vm.storage(CONTRACT) == {b"k": b"\x01\0\0\0"}


def test_a_payable_init_takes_value():
    """Clause `guard.init-payable`."""
    world = World("emulated")
    done = world.deploy(linked(FIELDS, *ENTRIES), "other_init", value=9)
    assert done.receipt.outcome == Returned()
    assert world.vm.balance(CONTRACT) == 9


def test_initialize_runs_before_the_entry_and_after_the_guards():
    """Clause `entry.initialize`."""
    fields = """
        (global $set (mut i32) (i32.const 7))
        (func (export "_initialize") (global.set $set (i32.const 35)))
        (func (export "main") (i32.store8 (i32.const 0) (global.get $set)) (call $set_return (i32.const 0) (i32.const 1)))"""
    world = World("emulated").deployed(fields, "call:main")
    assert world.data() == b"\x23"
    assert world.call(value=1).outcome == Reverted("sshi: not payable")
    trapping = fields.replace("(global.set $set (i32.const 35))", "unreachable")
    world = World("emulated").deployed(trapping, "call:main")
    assert isinstance(world.call().outcome, Trapped)
    assert world.call(value=1).outcome == Reverted("sshi: not payable")


@pytest.mark.parametrize("name", ["_", "a" * 64, "call", "query", "unpaid", "entry_a", "export"])
def test_an_entry_may_have_any_name(name):
    """Clauses `entry.name`, `entry.raw-pair`."""
    fields = f'(func (export "{name}") (call $set_return (i32.const 0) (i32.const 2)))'
    assert World("emulated").deployed(fields, f"call:{name}").data(name) == b"\0\0"


def test_a_payable_call_without_guards_is_the_contracts_own_function():
    request = GlueRequest(manifest("call:main!"), reactor=False, imports=frozenset(), profile=NEAR.profile())
    assert '(export "main" (func $entry_main))' in glue(request)
    assert "(data" not in glue(request)


@pytest.mark.parametrize(
    ("entries", "imports", "holds"),
    [
        (["call:main"], [], ["not payable"]),
        (["init:init!", "call:main!"], [], ["not payable", "already initialised"]),
        (["call:main!"], ["emit"], ["not payable", "already initialised", "EVENT_JSON"]),
    ],
)
def test_scratch_begins_with_the_texts_up_to_the_last_that_is_needed(entries, imports, holds):
    """What comes before has its place in the layout, so it is there as well."""
    text = glue(GlueRequest(manifest(*entries), reactor=False, imports=frozenset(imports), profile=NEAR.profile()))
    assert [word for word in ("not payable", "already initialised", "EVENT_JSON") if word in text] == holds


def test_what_init_leaves_behind_costs_no_byte_of_its_key():
    """The guard is the empty key: one write, nothing per byte."""
    fields = '(func (export "init"))'
    costs = []
    for entries in (("init:init!",), ("call:init!",)):
        world = World("emulated")
        code = linked(fields, *entries)
        done = world.deploy(code, "init" if entries[0].startswith("init") else None)
        called = done.receipt if entries[0].startswith("init") else world.vm.call(CONTRACT, Call("init", caller=b"alice.near"))
        costs.append(called.cost["gas"] - 1_089_295 * len(code.wasm))
    assert costs[0] - costs[1] - 69_681_230_511 < 40 * parameters(86).vm.regular_op_cost
