"""A world of NEAR: what a call may begin with, what it leaves behind, and what the chain does around it."""

from __future__ import annotations

import pytest

from adapters.near.worlds import ALICE, BOB, CONTRACT, KINDS, NEAR, RICH, World, blob, linked, u128
from sshi.errors import UsageError
from sshi.host.chain import Call, Code
from sshi.host.outcome import Effects, Exhausted, Refusal, Rejected, Resource, Returned, Reverted, TrapKind, Trapped
from sshi.spec.manifest import Manifest
from sshi_near.ledger import FREE_BYTES, RESERVED_BYTES, Ledger
from sshi_near.runtime import Sent
from sshi_near.tables import parameters

STORE = """
    (data (i32.const 0) "\\01\\00\\00\\00k")
    (func $put (param $n i32)
      (i32.store8 (i32.const 4) (local.get $n))
      (call $storage_write (i32.const 0) (i32.const 1000) (i32.const 16384)))
    (func (export "put") (call $put (i32.const 1)))
    (func (export "many") (local $n i32)
      (loop $next
        (call $put (local.get $n))
        (br_if $next (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 13)))))
    (func (export "pay") (drop (call $transfer (i32.const 50000) (i32.const 50100))))
    (func (export "take"))
    (data (i32.const 50000) "\\08\\00\\00\\00bob.near") (data (i32.const 50100) "\\05")"""
ENTRIES = ("call:put", "call:many", "call:pay", "call:take!")

EVERYTHING = """
    (data (i32.const 0) "\\01\\00\\00\\00k") (data (i32.const 100) "\\08\\00\\00\\00bob.near") (data (i32.const 120) "\\05")
    (data (i32.const 200) "\\05\\00\\00\\00topic")
    (func $do
      (call $storage_write (i32.const 0) (i32.const 0) (i32.const 4))
      (drop (call $transfer (i32.const 100) (i32.const 120)))
      (call $emit (i32.const 200) (i32.const 0) (i32.const 2))
      (call $set_return (i32.const 0) (i32.const 2)))
    (func (export "works") (call $do))
    (func (export "reverts") (call $do) (call $revert (i32.const 200) (i32.const 0)))
    (func (export "mumbles") (call $do) (i32.store8 (i32.const 300) (i32.const 255)) (call $revert (i32.const 300) (i32.const 1)))
    (func (export "traps") (call $do) unreachable)
    (func (export "spins") (call $do) (loop (br 0)))
    (func (export "recurs") (call $do) (call $deeper))
    (func $deeper (call $deeper))"""
ENDS = ("works", "reverts", "mumbles", "traps", "spins", "recurs")


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def busy(kind):
    return World(kind).deployed(EVERYTHING, *(f"call:{name}!" for name in ENDS))


# ---- before anything runs ---------------------------------------------------------------------------------------


def test_what_is_refused_before_anything_is_sent(kind):
    """Clauses `entry.unknown`, `entry.call-query`, `entry.input-limit`, and who may sign."""
    world = World(kind).deployed(STORE, *ENTRIES)
    reasons = {
        Refusal.UNKNOWN_ENTRY: world.call("absent"),
        Refusal.NOT_A_QUERY: world.query("put"),
        Refusal.INPUT_LIMIT: world.call("put", b"i" * 16_385),
        Refusal.UNKNOWN_CONTRACT: world.call("put", contract=BOB),
        Refusal.UNKNOWN_ACCOUNT: world.call("put", caller=b"nobody.near"),
        Refusal.INSUFFICIENT_FUNDS: world.call("take", value=RICH + 1),
    }
    for reason, receipt in reasons.items():
        assert isinstance(receipt.outcome, Rejected), receipt
        assert (receipt.outcome.reason, receipt.cost, receipt.effects) == (reason, {}, Effects())


def test_what_a_deployment_is_refused_for(kind):
    """Clauses `guard.init-required`, `guard.no-init`."""
    world = World(kind).deployed(STORE, *ENTRIES)
    code = linked(STORE, *ENTRIES)
    with_init = linked('(func (export "init"))', "init:init")
    tries = {
        Refusal.CONTRACT_EXISTS: world.deploy(code),
        Refusal.NO_INIT: world.deploy(code, data=b"x", name="other"),
        Refusal.INIT_REQUIRED: world.deploy(with_init, name="other"),
        Refusal.NOT_INIT: world.deploy(code, "put", name="other"),
        Refusal.UNKNOWN_ACCOUNT: world.deploy(code, name="other", caller=b"nobody.near"),
        Refusal.MALFORMED_MODULE: world.deploy(Code(b"\0asm", code.manifest), name="other"),
    }
    for reason, done in tries.items():
        assert done.address is None
        assert isinstance(done.receipt.outcome, Rejected), (reason, done)
        assert done.receipt.outcome.reason is reason
    assert world.vm.balance(NEAR.address("other")) is None


def test_a_module_that_the_chain_would_never_run_is_no_contract(kind):
    """Although the chain itself would take the deployment, and fail every call."""
    wasm = b"\0asm\1\0\0\0" + bytes.fromhex("01040160000002090103656e76017a0000")  # imports env.z
    for entry in (None, "init"):
        manifest = Manifest(1, "test", linked('(func (export "init"))', "init:init").manifest.entries if entry else ())
        done = World(kind).deploy(Code(wasm, manifest), entry)
        assert isinstance(done.receipt.outcome, Rejected)
        assert done.receipt.outcome.reason is Refusal.MALFORMED_MODULE


def test_a_deployment_whose_init_does_not_return_leaves_nothing(kind):
    """Clause `guard.failed-init`."""
    world = World(kind)
    for body in ("unreachable", "(call $revert (i32.const 0) (i32.const 0))", "(loop (br 0))"):
        done = world.deploy(linked(f'(func (export "init") {body})', "init:init!"), "init", value=3, gas=10**12)
        assert done.address is None
        assert not isinstance(done.receipt.outcome, Returned | Rejected)
    assert world.vm.balance(CONTRACT) is None
    assert world.vm.balance(ALICE) == RICH


def test_addresses_and_amounts_of_no_kind_are_the_users_mistake():
    world = World("emulated")
    with pytest.raises(UsageError, match="no account id"):
        world.vm.create_account(b"Alice", 1)
    with pytest.raises(UsageError, match="an amount is below"):
        world.vm.create_account(ALICE, 1 << 128)


def test_more_than_an_account_can_hold_is_not_sent(kind):
    world = World(kind).deployed(STORE, *ENTRIES)
    world.vm.create_account(ALICE, (1 << 128) - 1)
    receipt = world.call("take", value=(1 << 128) - 1)
    assert isinstance(receipt.outcome, Rejected)
    assert receipt.outcome.reason is Refusal.INSUFFICIENT_FUNDS


# ---- ends -------------------------------------------------------------------------------------------------------


def test_a_call_that_returned_leaves_all_of_it(busy):
    """Clause `outcome.returned`."""
    receipt = busy.call("works", value=7)
    assert receipt.outcome == Returned(b"\1\0")
    assert receipt.effects.storage == ((b"k", b"\1\0\0\0"),)
    assert [event.topic for event in receipt.effects.events] == ["topic"]
    assert receipt.effects.balances == ((ALICE, -7), (BOB, 5), (CONTRACT, 2))
    assert receipt.cost["gas"] > 0


@pytest.mark.parametrize(
    ("entry", "end"),
    [
        ("reverts", Reverted("")),
        ("mumbles", Reverted(None)),
        ("traps", Trapped),
        ("spins", Exhausted(Resource.GAS)),
        ("recurs", Exhausted(Resource.STACK)),
    ],
)
def test_any_other_end_leaves_nothing_but_its_cost(busy, entry, end):
    """Clauses `revert.undoes`, `revert.not-utf8`, `outcome.trap-undoes`, `outcome.exhausted-undoes`."""
    receipt = busy.call(entry, value=7, gas=10**12)
    if isinstance(end, type):
        assert isinstance(receipt.outcome, end)
    elif isinstance(end, Exhausted):
        assert (type(receipt.outcome), receipt.outcome.what) == (Exhausted, end.what)
    else:
        assert receipt.outcome == end
    assert receipt.effects == Effects()
    assert receipt.cost["gas"] > 0
    assert busy.vm.storage(CONTRACT) == {}
    assert (busy.vm.balance(ALICE), busy.vm.balance(CONTRACT)) == (RICH, 0)


@pytest.mark.parametrize(
    ("body", "kinds"),
    [
        ("unreachable", {TrapKind.UNREACHABLE, TrapKind.ARGUMENT, TrapKind.LIMIT, TrapKind.QUERY}),
        ("(call $set_return (i32.const 65536) (i32.const 1))", {TrapKind.MEMORY, TrapKind.INDIRECT_CALL}),
        ("(drop (i32.load (i32.const -1)))", {TrapKind.MEMORY, TrapKind.INDIRECT_CALL}),
        ("(call_indirect (i32.const 5))", {TrapKind.MEMORY, TrapKind.INDIRECT_CALL}),
        ("(drop (i32.div_u (i32.const 1) (i32.load (i32.const 0))))", {TrapKind.DIVISION, TrapKind.OVERFLOW}),
        ("(call_indirect (i32.const 0))", {TrapKind.INDIRECT_CALL}),
        ("(call_indirect (i32.const 1))", {TrapKind.INDIRECT_CALL}),
    ],
)
def test_a_trap_says_what_it_can_be(kind, body, kinds):
    """Deviation `near/trap-kind-partial`."""
    fields = f'(table 2 2 funcref) (elem (i32.const 1) $other) (func $other (param i64)) (func (export "main") {body})'
    outcome = World(kind).deployed(fields, "call:main").call().outcome
    assert isinstance(outcome, Trapped)
    assert (set(outcome.among) or {outcome.trap}) == kinds


# ---- money and storage ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("account", "profile", "arrives"),
    [
        ("nobody.near", "near@86", False),
        ("ab" * 32, "near@86", True),
        ("0x" + "ab" * 20, "near@86", True),
        ("0s" + "ab" * 20, "near@86", True),
        ("0u" + "0" * 52, "near@87", False),
        ("0u" + "0" * 52, "near@88", True),
    ],
)
def test_a_transfer_to_nobody_comes_back_or_makes_the_account(account, profile, arrives):
    """Deviation `near/transfer-settles-later`."""
    world = World("emulated", profile)
    data = f'(data (i32.const 0) "\\{len(account):02x}\\00\\00\\00{account}") (data (i32.const 100) "\\05")'
    fields = f'{data} (func (export "main") (if (call $transfer (i32.const 0) (i32.const 100)) (then unreachable)))'
    receipt = world.deployed(fields, "call:main!").call(value=7)
    assert receipt.outcome == Returned()
    assert [(transfer.to, transfer.amount) for transfer in receipt.effects.transfers] == [(account.encode(), 5)]
    expected = [(ALICE, -7), (CONTRACT, 2 if arrives else 7)] + [(account.encode(), 5)] * arrives
    assert receipt.effects.balances == tuple(sorted(expected))
    assert world.vm.balance(account.encode()) == (5 if arrives else None)


def test_storage_within_the_endowment_costs_nothing_that_is_spendable(kind):
    world = World(kind).deployed(STORE, *ENTRIES)
    world.call("take", value=5)
    assert world.call("put").outcome == Returned()
    assert world.vm.balance(CONTRACT) == 5


def test_storage_that_is_not_backed_undoes_the_call(kind):
    """Deviation `near/storage-staking`: 13 values of 16 KiB are more than 200,000 bytes."""
    world = World(kind).deployed(STORE, *ENTRIES)
    receipt = world.call("many")
    assert isinstance(receipt.outcome, Exhausted)
    assert (receipt.outcome.what, receipt.effects) == (Resource.STORAGE, Effects())
    assert world.vm.storage(CONTRACT) == {}
    assert receipt.cost["gas"] > 0


def test_storage_beyond_the_endowment_is_taken_from_what_is_spendable(kind):
    """Deviation `near/storage-staking`."""
    world = World(kind).deployed(STORE, *ENTRIES)
    world.call("take", value=10**25)
    assert world.call("many").outcome == Returned()
    usage = 100 + len(linked(STORE, *ENTRIES).wasm) + 13 * (1 + 16_384 + 40)
    assert world.vm.balance(CONTRACT) == 10**25 - (usage - RESERVED_BYTES) * 10**19


def test_the_shim_and_the_ledger_agree_on_what_is_spendable(kind):
    fields = """
        (func (export "ask") (call $balance (i32.const 0)) (call $set_return (i32.const 0) (i32.const 16)))
        (func (export "put") (call $storage_write (i32.const 100) (i32.const 0) (i32.const 16384)))
        (func (export "take")) (data (i32.const 100) "\\01\\00\\00\\00k")"""
    big = "".join(f'(data (i32.const 0) "{"x" * 60_000}")' for _ in range(4))
    world = World(kind).deployed(fields + big, "query:ask", "call:put", "call:take!")
    for value in (0, 1, 10**24, 10**26):
        world.call("take", value=value)
        assert world.query("ask").outcome == Returned(u128(world.vm.balance(CONTRACT)))
    world.call("put")
    assert world.query("ask").outcome == Returned(u128(world.vm.balance(CONTRACT)))


def test_a_large_contract_is_endowed_for_a_hundred_thousand_bytes_more():
    ledger = Ledger(parameters(86))
    assert ledger.install("small.near", b"x" * 50_000, Manifest(1, "small", ())) == RESERVED_BYTES * 10**19
    assert ledger.install("large.near", b"x" * 150_000, Manifest(1, "large", ())) == (100 + 150_000 + FREE_BYTES) * 10**19
    assert ledger.spendable("small.near") == 0


def test_an_account_of_few_bytes_need_not_hold_anything():
    ledger = Ledger(parameters(86))
    ledger.create("alice.near", 0)
    assert ledger.is_backed("alice.near")
    ledger.accounts["alice.near"] = ledger.accounts["alice.near"]._replace(usage=771)
    assert not ledger.is_backed("alice.near")


def test_a_ledger_settles_transfers_only():
    ledger = Ledger(parameters(86))
    with pytest.raises(ValueError, match="nothing but transfers"):
        ledger.settle("alice.near", (Sent("bob.near", "function-call", 0),))


# ---- worlds -----------------------------------------------------------------------------------------------------


def test_a_world_goes_back_to_where_it_was(busy):
    busy.vm.block_height, busy.vm.block_time = 9, 1000
    token = busy.vm.snapshot()
    busy.call("works", value=7)
    busy.vm.block_height = 10
    for _ in range(2):
        busy.vm.restore(token)
        assert (busy.vm.block_height, busy.vm.block_time) == (9, 1000)
        assert busy.vm.storage(CONTRACT) == {}
        assert busy.vm.balance(ALICE) == RICH
        assert busy.call("works", value=7).outcome == Returned(b"\1\0")
    busy.vm.reset()
    assert busy.vm.balance(ALICE) is None
    assert busy.vm.block_height == 1


def test_a_block_has_its_height_and_its_time_in_milliseconds(kind):
    """Clauses `block_height.height`, `block_time.time`."""
    fields = """(func (export "ask") (i64.store (i32.const 0) (call $block_height)) (i64.store (i32.const 8) (call $block_time))
        (call $set_return (i32.const 0) (i32.const 16)))"""
    world = World(kind).deployed(fields, "query:ask")
    world.vm.block_height, world.vm.block_time = 123_456_789, 1_700_000_000_123
    assert world.query("ask").outcome == Returned((123_456_789).to_bytes(8, "little") + (1_700_000_000_123).to_bytes(8, "little"))


def test_contracts_do_not_share_keys(kind):
    """Clause `storage_write.isolated`."""
    world = World(kind).deployed(STORE, *ENTRIES)
    other = world.deploy(linked(STORE, *ENTRIES), name="other").address
    world.call("put")
    assert world.vm.storage(other) == {}


def test_a_query_needs_no_signer_and_keeps_nothing(kind):
    fields = '(func (export "ask") (call $set_return (i32.const 0) (i32.const 3)))'
    world = World(kind).deployed(fields, "query:ask")
    receipt = world.vm.query(CONTRACT, Call("ask"))
    assert (receipt.outcome, receipt.effects) == (Returned(b"\0\0\0"), Effects())


def test_a_trace_is_the_chains_host_calls_when_asked_for():
    world = World("emulated").deployed(EVERYTHING, *(f"call:{name}!" for name in ENDS))
    assert world.call("works").native == ()
    traced = world.call("works", trace=True).native
    assert any(line.startswith("storage_write(1, 4, 4, 0, 0) -> 1") for line in traced)


def test_addresses_in_a_blob_are_what_callers_reach(kind):
    """Clauses `caller.address`, `caller.init`, `self_address.address`."""
    fields = """
        (data (i32.const 0) "\\40") (data (i32.const 100) "\\40")
        (func $both (drop (call $caller (i32.const 0))) (drop (call $self_address (i32.const 100))))
        (func (export "init") (call $both) (call $storage_write (i32.const 100) (i32.const 4) (i32.load (i32.const 0))))
        (func (export "main") (call $both) (call $storage_write (i32.const 100) (i32.const 4) (i32.load (i32.const 0))))"""
    world = World(kind).deployed(fields, "init:init", "call:main", init="init")
    assert world.vm.storage(CONTRACT) == {CONTRACT: ALICE}
    world.call(caller=BOB)
    assert world.vm.storage(CONTRACT) == {CONTRACT: BOB}
    assert blob(CONTRACT)[4:] == CONTRACT
