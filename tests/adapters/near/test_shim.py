"""The shim: whatever is asked of it, it answers as the reference host does; and it does so within its bars."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import coincurve
import pytest

from adapters.near.probe import ENTRIES, FIELDS, FREE, PAGES, anything, asked
from adapters.near.worlds import ALICE, BOB, CONTRACT, KINDS, NEAR, RICH, TGAS, World, blob, imports, linked, manifest, u128
from sshi.host.chain import Call, Code
from sshi.host.engine import wat_to_wasm
from sshi.host.outcome import Event, Receipt, Returned, Reverted, Transfer, TrapKind, Trapped
from sshi.host.reference import ReferenceVM
from sshi.link.linker import build
from sshi.link.source import read_source

DIGEST = hashlib.sha256(b"a message").digest()
SIGNED = DIGEST + coincurve.PrivateKey(b"\x07" * 32).sign_recoverable(DIGEST, hasher=None)
TOKEN = Path(__file__).resolve().parents[3] / "examples" / "token" / "token.wasm"


def reference() -> ReferenceVM:
    """The same contract, as it is, at the same address on the reference host."""
    wasm = wat_to_wasm(f'(module {imports()} (memory (export "memory") {PAGES} {PAGES}) {FIELDS})', where="test")
    vm = ReferenceVM()
    vm.create_account(ALICE, RICH)
    vm.create_account(BOB, RICH)
    done = vm.deploy(Code(wasm, manifest(*ENTRIES)), CONTRACT.decode(), Call(None, caller=ALICE))
    assert done.address == CONTRACT
    return vm


def same(ours: Receipt, theirs: Receipt) -> bool:
    """The same outcome, traps as far as the chain can tell them, and the same effects."""
    if isinstance(theirs.outcome, Trapped):
        kind = theirs.outcome.trap
        return isinstance(ours.outcome, Trapped) and (ours.outcome.trap is kind or kind in ours.outcome.among)
    return type(ours.outcome) is type(theirs.outcome) and ours.outcome == theirs.outcome and ours.effects == theirs.effects


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(12))
def test_any_calls_end_as_on_the_reference_host(kind, seed):
    world = World(kind).deployed(FIELDS, *ENTRIES, pages=f"{PAGES} {PAGES}")
    host = reference()
    rng = random.Random(seed)
    for vm in (world.vm, host):
        vm.block_height, vm.block_time = 5, 1_700_000_000_123
    for step in range(120):
        call = anything(rng, SIGNED)
        sent = Call(call.entry, call.input, rng.choice((ALICE, BOB)), call.value)
        if call.query:
            ours, theirs = world.vm.query(CONTRACT, sent), host.query(CONTRACT, sent)
        else:
            ours, theirs = world.vm.call(CONTRACT, sent), host.call(CONTRACT, sent)
        assert same(ours, theirs), (step, call, ours, theirs)
    assert world.vm.storage(CONTRACT) == host.storage(CONTRACT)
    assert [world.vm.balance(who) for who in (ALICE, BOB, CONTRACT)] == [host.balance(who) for who in (ALICE, BOB, CONTRACT)]


@pytest.mark.parametrize("kind", KINDS)
def test_memory_that_grows_is_the_contracts_and_what_lies_behind_it_is_not(kind):
    """Clauses `memory.grow`, `memory.outside`: the chain's memory is there all along, and scratch begins where growing ends."""
    fields = """
        (data (i32.const 0) "\\01\\00\\00\\00t")
        (func (export "before") (call $set_return (i32.const 65530) (i32.const 7)))
        (func (export "after")
          (drop (memory.grow (i32.const 2)))
          (memory.fill (i32.const 65536) (i32.const 7) (i32.const 131072))
          (call $emit (i32.const 0) (i32.const 196605) (i32.const 3))
          (call $set_return (i32.const 196600) (i32.const 8)))
        (func (export "beyond")
          (drop (memory.grow (i32.const 2)))
          (if (i32.ne (memory.grow (i32.const 1)) (i32.const -1)) (then (return)))
          (call $set_return (i32.const 196601) (i32.const 8)))"""
    world = World(kind).deployed(fields, "call:before", "call:after", "call:beyond", pages="1 3")
    for entry in ("before", "beyond"):
        outcome = world.call(entry).outcome
        assert isinstance(outcome, Trapped)
        assert TrapKind.MEMORY in outcome.among
    receipt = world.call("after")
    assert receipt.outcome == Returned(b"\7" * 8)
    assert receipt.effects.events == (Event("t", b"\7\7\7"),)


# ---- events -----------------------------------------------------------------------------------------------------

EMIT = """
    (data (i32.const 0) "\\03\\00\\00\\00a.B")
    (func (export "main")
      (i32.store (i32.const 1000) (i32.const 16384))
      (call $emit (i32.const 0) (i32.const 1004) (call $input (i32.const 1000))))
    (func (export "many") (local $left i32)
      (i32.store (i32.const 1000) (i32.const 64))
      (drop (call $input (i32.const 1000)))
      (local.set $left (i32.load (i32.const 1004)))
      (loop $next
        (call $emit (i32.const 0) (i32.const 2000) (i32.load (i32.const 1008)))
        (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1))))))"""


@pytest.mark.parametrize("kind", KINDS)
def test_data_of_every_length_comes_back_from_its_base64(kind):
    """Clauses `emit.event`, `emit.empty`."""
    world = World(kind).deployed(EMIT, "call:main", "call:many")
    rng = random.Random(0)
    for length in (*range(70), 255, 256, 8190, 8191, 8192):
        data = rng.randbytes(length)
        assert world.call(data=data).effects.events == (Event("a.B", data),), length


def test_an_event_is_one_line_in_the_form_that_wallets_read():
    """NEP-297, and not a character more than it needs."""
    world = World("emulated").deployed(EMIT, "call:main", "call:many")
    runtime, found = world.vm._runtime, []
    run = runtime.run
    runtime.run = lambda call: found.append(run(call)) or found[-1]
    try:
        world.call(data=b"hello")
    finally:
        runtime.run = run
    assert found[0].logs == ('EVENT_JSON:{"standard":"sshi","version":"1.0.0","event":"a.B","data":["aGVsbG8="]}',)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("count", "size", "fits"),
    [(32, 256, True), (33, 0, False), (1, 8192, True), (1, 8193, False), (2, 4096, True), (2, 4097, False), (31, 264, True)],
)
def test_the_limits_of_a_calls_events(kind, count, size, fits):
    """Clauses `limits.events`, `limits.event-data`: and the chain's own 16 KiB of log text hold the largest that fits."""
    world = World(kind).deployed(EMIT, "call:main", "call:many")
    receipt = world.call("many", count.to_bytes(4, "little") + size.to_bytes(4, "little"))
    if fits:
        assert receipt.effects.events == (Event("a.B", bytes(size)),) * count
    else:
        assert isinstance(receipt.outcome, Trapped)
        assert TrapKind.LIMIT in receipt.outcome.among


@pytest.mark.parametrize("kind", KINDS)
def test_the_longest_events_leave_room_for_the_longest_revert(kind):
    """Clauses `limits.events`, `limits.event-data`, `limits.message`, at once and with topics of 32 characters."""
    fields = f"""
        (data (i32.const 0) "\\20\\00\\00\\00{"t" * 32}") (data (i32.const 100) "{"m" * 1024}")
        (func (export "main") (local $left i32)
          (local.set $left (i32.const 32))
          (loop $next
            (call $emit (i32.const 0) (i32.const 2000) (i32.const 256))
            (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
          (call $revert (i32.const 100) (i32.const 1024)))"""
    assert World(kind).deployed(fields, "call:main").call().outcome == Reverted("m" * 1024)


# ---- money ------------------------------------------------------------------------------------------------------

PAY = """
    (func $amount (result i32) (i32.sub (i32.add (i32.const 1000) (call $input (i32.const 1000))) (i32.const 12)))
    (func (export "pay")
      (i32.store (i32.const 1000) (i32.const 256))
      (drop (call $input (i32.const 1000)))
      (i32.store (i32.const 4096) (call $transfer (i32.const 1004) (i32.add (i32.const 1008) (i32.load (i32.const 1004)))))
      (call $balance (i32.const 4100))
      (call $set_return (i32.const 4096) (i32.const 20)))
    (func (export "take"))
    (func (export "ask") (call $balance (i32.const 4100)) (call $set_return (i32.const 4100) (i32.const 16)))"""


def paid(code: int, left: int) -> bytes:
    return code.to_bytes(4, "little") + u128(left)


@pytest.fixture(params=KINDS)
def purse(request):
    """A contract that was given 1000."""
    world = World(request.param).deployed(PAY, "call:pay!", "call:take!", "query:ask")
    assert isinstance(world.call("take", value=1000).outcome, Returned)
    return world


def test_a_contract_that_was_given_nothing_can_spend_nothing(purse):
    """Clauses `balance.fresh`, `balance.query`: its endowment does not show."""
    other = purse.deploy(linked(PAY, "call:pay!", "call:take!", "query:ask"), name="other")
    assert purse.vm.query(other.address, Call("ask")).outcome == Returned(u128(0))
    assert purse.vm.balance(other.address) == 0
    assert other.receipt.effects.balances == ()


def test_what_is_attached_is_spendable_and_what_is_sent_is_not(purse):
    """Clauses `balance.value`, `balance.deducted`, `transfer.accepted`."""
    receipt = purse.call("pay", blob(BOB) + u128(7), value=5)
    assert receipt.outcome == Returned(paid(0, 998))
    assert receipt.effects.transfers == (Transfer(BOB, 7),)
    assert receipt.effects.balances == ((ALICE, -5), (BOB, 7), (CONTRACT, -2))
    assert purse.vm.balance(BOB) == RICH + 7


@pytest.mark.parametrize(("amount", "code"), [(1000, 0), (1001, 1), (1 << 64, 1), ((1 << 128) - 1, 1)])
def test_all_of_it_can_be_sent_and_not_more(purse, amount, code):
    """Clauses `transfer.all`, `transfer.too-much`."""
    assert purse.data("pay", blob(BOB) + u128(amount)) == paid(code, 0 if code == 0 else 1000)


def test_sending_to_oneself_moves_nothing(purse):
    """Clause `transfer.self`; and more than there is is too much all the same."""
    receipt = purse.call("pay", blob(CONTRACT) + u128(1000))
    assert receipt.outcome == Returned(paid(0, 1000))
    assert (receipt.effects.transfers, receipt.effects.balances) == ((), ())
    assert purse.data("pay", blob(CONTRACT) + u128(1001)) == paid(1, 1000)
    same_length = b"c" * len(CONTRACT)
    assert purse.data("pay", blob(same_length) + u128(1)) == paid(0, 999)


def test_a_malformed_recipient_is_found_before_the_amount_is_looked_at(purse):
    """Clauses `transfer.malformed`, `transfer.order`."""
    assert purse.data("pay", blob(b"Bob") + u128(1001)) == paid(2, 1000)
    assert purse.data("pay", blob(b"Bob") + u128(0)) == paid(2, 1000)


def test_balances_beyond_64_bits(purse):
    """Both halves of an amount count, and the borrow between them."""
    large = (1 << 64) * 3 - 1000
    purse.call("take", value=large)
    assert purse.data("pay", blob(BOB) + u128((1 << 64) + 1)) == paid(0, (1 << 64) * 2 - 1)
    assert purse.data("pay", blob(BOB) + u128(1 << 65)) == paid(1, (1 << 64) * 2 - 1)


# ---- the bars ---------------------------------------------------------------------------------------------------


def test_the_token_is_small_and_cheap():
    source = read_source(TOKEN)
    artifact = build(source.wasm, source.manifest, NEAR)
    assert len(artifact.wasm) <= 3072
    world = World("emulated")
    made = world.deploy(Code(artifact.wasm, artifact.manifest), "init", u128(10**6), name="token")
    transfer = world.call("transfer", blob(BOB) + u128(300), contract=made.address)
    assert transfer.cost["gas"] <= 0.36 * TGAS
    balance = world.vm.query(made.address, Call("balance_of", blob(BOB)))
    assert balance.outcome == Returned(u128(300))
    assert balance.cost["gas"] <= 0.10 * TGAS


def test_what_a_contract_does_not_use_is_not_in_its_artifact():
    """Nothing but the payment guard is left of shim and glue here."""
    artifact = build(wat_to_wasm('(module (memory (export "memory") 1) (func (export "main")))', where="test"), manifest("call:main"), NEAR)
    assert artifact.imports == ("env.attached_deposit", "env.panic_utf8")
    assert len(artifact.wasm) < 200


def test_the_probe_reaches_what_it_is_given():
    """A judge of the differential test above: it would also hold if the probe did nothing."""
    world = World("emulated").deployed(FIELDS, *ENTRIES, pages=f"{PAGES} {PAGES}")
    call = asked([FREE, 3, FREE + 8], [(FREE, b"abc")], (FREE + 8, 32))
    assert world.data("sha256", call)[8:] == hashlib.sha256(b"abc").digest()
