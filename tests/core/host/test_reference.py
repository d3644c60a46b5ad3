"""Entries, guards, rollback, limits and worlds on the reference host; the clause is in the docstring."""

from __future__ import annotations

import threading

import pytest

from core.host.worlds import ALICE, BOB, RICH, TOKEN, contract, data, deployed, manifest, world
from sshi.errors import UsageError
from sshi.host.chain import Call, Code
from sshi.host.engine import wat_to_wasm
from sshi.host.outcome import Event, Exhausted, Refusal, Rejected, Resource, Returned, Reverted, Transfer, TrapKind, Trapped
from sshi.host.reference import DEFAULT_FUEL, ReferenceVM

KEY = data(0, b"\1\0\0\0k")
EVENT = data(16, b"\2\0\0\0ev")
BOB_BLOB = data(32, b"\3\0\0\0bob")
ONE = data(48, b"\1" + bytes(15))
ALL = KEY + EVENT + BOB_BLOB + ONE

WRITE = "(call $storage_write (i32.const 0) (i32.const 4) (i32.const 1))"
EMIT = "(call $emit (i32.const 16) (i32.const 4) (i32.const 1))"
SEND = "(drop (call $transfer (i32.const 32) (i32.const 48)))"
RETURN = "(call $set_return (i32.const 4) (i32.const 1))"
REVERT = "(call $revert (i32.const 4) (i32.const 1))"


@pytest.fixture(params=["interpreter", "aot"])
def engine(request):
    return request.param


def func(name: str, body: str = "") -> str:
    return f'(func (export "{name}") {body})'


def call(vm: ReferenceVM, entry: str, **options):
    return vm.call(TOKEN, Call(entry, **{"caller": ALICE, **options}))


def reason(result) -> Refusal:
    receipt = getattr(result, "receipt", result)
    assert isinstance(receipt.outcome, Rejected), receipt.outcome
    assert receipt.effects == type(receipt.effects)()
    return receipt.outcome.reason


# ---- entries -----------------------------------------------------------------------------------------------------


def test_what_is_refused_before_any_code_runs():
    """entry.unknown, entry.call-query, entry.init-query, entry.input-limit"""
    vm = deployed(func("init") + func("go") + func("ask"), "init:init", "call:go", "query:ask")
    assert reason(call(vm, "nothing")) is Refusal.UNKNOWN_ENTRY
    assert reason(vm.query(TOKEN, Call("go"))) is Refusal.NOT_A_QUERY
    assert reason(vm.query(TOKEN, Call("init"))) is Refusal.IS_INIT
    assert reason(call(vm, "go", input=bytes(16_385))) is Refusal.INPUT_LIMIT
    assert isinstance(call(vm, "go", input=bytes(16_384)).outcome, Returned)
    assert reason(vm.call(b"nobody", Call("go", caller=ALICE))) is Refusal.UNKNOWN_CONTRACT
    assert reason(vm.query(b"nobody", Call("ask"))) is Refusal.UNKNOWN_CONTRACT
    assert reason(call(vm, "go", caller=b"stranger")) is Refusal.UNKNOWN_ACCOUNT
    assert reason(vm.query(TOKEN, Call("ask", value=1))) is Refusal.NOT_PAYABLE


def test_value_that_nobody_has_is_refused():
    vm = deployed(func("go"), "call:go!")
    assert reason(call(vm, "go", value=RICH + 1)) is Refusal.INSUFFICIENT_FUNDS
    assert isinstance(call(vm, "go", value=RICH).outcome, Returned)


def test_initialize_runs_before_the_entry_in_every_call(engine):
    """entry.initialize, memory.fresh"""
    bump = "(i32.store8 (i32.const 4) (i32.add (i32.load8_u (i32.const 4)) (i32.const 1)))"
    fields = func("_initialize", bump) + func("go", RETURN) + func("ask", RETURN) + data(4, b"a")
    vm = deployed(fields, "call:go", "query:ask", engine=engine)
    assert call(vm, "go").outcome == call(vm, "go").outcome == vm.query(TOKEN, Call("ask")).outcome == Returned(b"b")


def test_the_raw_pair_are_entries_like_any_other():
    """entry.raw-pair"""
    vm = deployed(func("call", RETURN) + func("query", RETURN) + KEY, "call:call", "query:query")
    assert call(vm, "call").outcome == vm.query(TOKEN, Call("query")).outcome == Returned(b"k")


# ---- deployment and guards -----------------------------------------------------------------------------------------


def deploy(vm: ReferenceVM, wasm: bytes, *entries: str, name: str = "token", entry: str | None = None, **options):
    return vm.deploy(Code(wasm, manifest(*entries)), name, Call(entry, **{"caller": ALICE, **options}))


def test_a_contract_without_init_takes_no_entry_no_value_and_no_input():
    """guard.no-init"""
    vm, wasm = world(), contract(func("go"))
    for options in ({"entry": "init"}, {"value": 1}, {"input": b"x"}):
        assert reason(deploy(vm, wasm, "call:go", **options)) is Refusal.NO_INIT
    assert deploy(vm, wasm, "call:go").address == TOKEN
    assert vm.balance(TOKEN) == 0


def test_a_contract_with_init_is_deployed_by_naming_one():
    """guard.init-required"""
    vm, wasm = world(), contract(func("init") + func("go"))
    assert reason(deploy(vm, wasm, "init:init", "call:go")) is Refusal.INIT_REQUIRED
    assert reason(deploy(vm, wasm, "init:init", "call:go", entry="go")) is Refusal.NOT_INIT
    assert reason(deploy(vm, wasm, "init:init", "call:go", entry="gone")) is Refusal.UNKNOWN_ENTRY
    assert deploy(vm, wasm, "init:init", "call:go", entry="init").address == TOKEN
    assert reason(deploy(vm, wasm, "init:init", "call:go", entry="init")) is Refusal.CONTRACT_EXISTS
    assert reason(deploy(vm, wasm, "init:init", "call:go", entry="init", name="alice")) is Refusal.CONTRACT_EXISTS


def test_the_init_that_ran_closes_every_init(engine):
    """guard.init-once, guard.init-closes-all"""
    vm = deployed(func("init") + func("other"), "init:init", "init:other", engine=engine)
    for entry in ("init", "other"):
        assert call(vm, entry).outcome == Reverted("sshi: already initialised")


def test_the_payment_guard_comes_first():
    """guard.not-payable, guard.payment-first, guard.payable"""
    vm = deployed(func("init") + func("go") + func("pay"), "init:init", "call:go", "call:pay!")
    for entry in ("init", "go"):
        receipt = call(vm, entry, value=5)
        assert (receipt.outcome, receipt.effects.balances) == (Reverted("sshi: not payable"), ())
    assert vm.balance(ALICE) == RICH
    assert call(vm, "pay", value=5).effects.balances == ((ALICE, -5), (TOKEN, 5))
    assert (vm.balance(ALICE), vm.balance(TOKEN)) == (RICH - 5, 5)


def test_init_runs_with_the_deployment_and_may_be_payable(engine):
    """guard.init-payable, caller.init"""
    fields = func("init", WRITE + EMIT + SEND + RETURN) + ALL
    vm = world(engine)
    result = deploy(vm, contract(fields), "init:init!", entry="init", value=3)
    assert result.receipt.outcome == Returned(b"k")
    assert result.receipt.effects.storage == ((b"k", b"k"),)
    assert result.receipt.effects.events == (Event("ev", b"k"),)
    assert result.receipt.effects.transfers == (Transfer(BOB, 1),)
    assert result.receipt.effects.balances == ((ALICE, -3), (BOB, 1), (TOKEN, 2))
    assert vm.storage(TOKEN) == {b"k": b"k"}
    closed = deploy(vm, contract(fields), "init:init", entry="init", value=3, name="other")
    assert (closed.address, closed.receipt.outcome) == (None, Reverted("sshi: not payable"))


@pytest.mark.parametrize("end", [REVERT, "(unreachable)", "(loop (br 0))"], ids=["reverts", "traps", "never ends"])
def test_a_failed_init_leaves_no_contract(engine, end):
    """guard.failed-init"""
    vm = world(engine)
    result = deploy(vm, contract(func("init", WRITE + SEND + end) + ALL), "init:init!", entry="init", value=3, gas=100_000)
    assert result.address is None
    assert (vm.balance(ALICE), vm.balance(BOB), vm.balance(TOKEN), vm.storage(TOKEN)) == (RICH, RICH, None, {})
    assert reason(vm.call(TOKEN, Call("init", caller=ALICE))) is Refusal.UNKNOWN_CONTRACT


MALFORMED = {
    "not a module": b"no",
    "cut off": contract(func("go"))[:-1],
    "another import": wat_to_wasm('(module (import "env" "time" (func)) (memory (export "memory") 1))', where="test"),
    "another module": wat_to_wasm('(module (import "wasi" "value" (func (param i32))) (memory (export "memory") 1))', where="test"),
    "another type": wat_to_wasm('(module (import "env" "value" (func (param i64))) (memory (export "memory") 1))', where="test"),
    "the limiter's own": wat_to_wasm('(module (import "sshi" "stack_exhausted" (func)) (memory (export "memory") 1))', where="test"),
    "no memory": wat_to_wasm('(module (func (export "go")))', where="test"),
    "memory not exported": wat_to_wasm('(module (memory 1) (func (export "go")))', where="test"),
    "too much memory": contract(func("go"), "16"),
    "no such entry": contract(func("stop")),
    "entry with a parameter": contract('(func (export "go") (param i32))'),
    "a huge table": contract(func("go") + '(table (export "t") 4000000000 funcref)'),
    "many tables": contract(func("go") + "".join(f'(table (export "t{at}") 1 funcref)' for at in range(17))),
    "not valid": wat_to_wasm('(module (memory (export "memory") 1) (func (export "go") (result i32)))', where="test"),
    "too large": contract(func("go")) + b"\0" + b"\xfc\xff\xff\x01" + b"\1x" + bytes(4_194_298),
}


@pytest.mark.parametrize("why", MALFORMED)
def test_code_that_could_not_run_is_rejected(why):
    vm = world()
    result = deploy(vm, MALFORMED[why], "call:go")
    assert reason(result) is Refusal.MALFORMED_MODULE
    assert result.receipt.outcome.detail
    assert vm.balance(TOKEN) is None


# ---- what remains --------------------------------------------------------------------------------------------------

ENDS = {
    "reverts": (REVERT, Reverted("k")),
    "traps": ("(unreachable)", TrapKind.UNREACHABLE),
    "loads outside": ("(drop (i32.load (i32.const -4)))", TrapKind.MEMORY),
    "divides by zero": ("(drop (i32.div_u (i32.const 1) (i32.const 0)))", TrapKind.DIVISION),
    "breaks a limit": ("(call $set_return (i32.const 0) (i32.const 16385))", TrapKind.LIMIT),
    "breaks a precondition": ("(call $emit (i32.const 64) (i32.const 0) (i32.const 0))", TrapKind.ARGUMENT),
    "points outside": ("(call $value (i32.const -1))", TrapKind.MEMORY),
    "never ends": ("(loop (br 0))", Exhausted(Resource.GAS)),
    "recurses": ("(call $again)", Exhausted(Resource.STACK)),
}


@pytest.mark.parametrize("end", ENDS)
def test_anything_but_returned_undoes_everything(engine, end):
    """revert.undoes, outcome.trap-undoes, outcome.exhausted-undoes"""
    body, expected = ENDS[end]
    fields = func("go", WRITE + EMIT + SEND + RETURN + body) + ALL + "(func $again (call $again))" + func("well", WRITE + EMIT + SEND)
    vm = deployed(fields, "call:go!", "call:well!", engine=engine)
    receipt = call(vm, "go", value=9, gas=1_000_000)
    outcome = receipt.outcome
    assert (outcome.trap if isinstance(outcome, Trapped) else outcome) == expected
    assert receipt.effects == type(receipt.effects)()
    assert receipt.cost["fuel"] > 0
    assert (vm.storage(TOKEN), vm.balance(ALICE), vm.balance(BOB), vm.balance(TOKEN)) == ({}, RICH, RICH, 0)
    kept = call(vm, "well", value=9)  # the same without the end, so that the above was not nothing
    assert (kept.effects.storage, len(kept.effects.events), len(kept.effects.transfers)) == (((b"k", b"k"),), 1, 1)


def test_a_query_entry_stays_read_only_in_a_transaction_and_pays_its_way(engine):
    """entry.query-call"""
    vm = deployed(func("ask", RETURN) + func("bad", WRITE) + ALL, "query:ask!", "query:bad", engine=engine)
    assert call(vm, "ask", value=4).outcome == Returned(b"k")
    assert vm.balance(TOKEN) == 4
    assert call(vm, "bad").outcome.trap is TrapKind.QUERY


def test_effects_are_sorted_by_key_and_by_address():
    other = data(64, b"\1\0\0\0a") + data(80, b"\5\0\0\0alice")
    body = (
        WRITE
        + "(call $storage_write (i32.const 64) (i32.const 4) (i32.const 1))"
        + SEND
        + "(drop (call $transfer (i32.const 80) (i32.const 48)))"
    )
    effects = call(deployed(func("go", body) + ALL + other, "call:go!"), "go", caller=BOB, value=4).effects
    assert effects.storage == ((b"a", b"k"), (b"k", b"k"))
    assert effects.balances == ((ALICE, 1), (BOB, -3), (TOKEN, 2))
    assert effects.transfers == (Transfer(BOB, 1), Transfer(ALICE, 1))


def test_contracts_do_not_share_keys():
    """storage_write.isolated"""
    vm, wasm = world(), contract(func("go", WRITE) + ALL)
    for name in ("one", "two"):
        deploy(vm, wasm, "call:go", name=name)
    vm.call(b"one", Call("go", caller=ALICE))
    assert (vm.storage(b"one"), vm.storage(b"two")) == ({b"k": b"k"}, {})


def test_events_are_limited_in_number_and_in_bytes(engine):
    """limits.events, limits.event-data, emit.order"""
    body = """(local $n i32) (drop (call $input (i32.const 992))) (local.set $n (i32.load8_u (i32.const 997)))
        (loop (call $emit (i32.const 16) (i32.const 64) (i32.shl (i32.load8_u (i32.const 996)) (i32.const 8)))
            (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))"""
    vm = deployed(func("go", body) + EVENT + data(992, b"\x08\0\0\0"), "call:go", engine=engine)
    assert len(call(vm, "go", input=bytes([1, 32])).effects.events) == 32
    assert call(vm, "go", input=bytes([1, 33])).outcome.trap is TrapKind.LIMIT
    assert call(vm, "go", input=bytes([0, 33])).outcome.trap is TrapKind.LIMIT
    assert call(vm, "go", input=bytes([32, 2])).outcome.trap is TrapKind.LIMIT


def test_memory_grows_to_its_declared_maximum_and_never_past_15_pages(engine):
    """memory.grow, limits.memory"""
    grow = "(i32.store (i32.const 4) (memory.grow (i32.const {}))) (i32.store (i32.const 8) (memory.size)) {}"
    show = "(call $set_return (i32.const 4) (i32.const 8))"
    for pages, by, expected in (("1", 14, (1, 15)), ("1", 15, (-1, 1)), ("1 3", 2, (1, 3)), ("1 3", 3, (-1, 1)), ("2 900", 14, (-1, 2))):
        vm = deployed(func("go", grow.format(by, show)), "call:go", engine=engine, pages=pages)
        told = call(vm, "go").outcome.data
        assert tuple(int.from_bytes(told[at : at + 4], "little", signed=True) for at in (0, 4)) == expected


@pytest.mark.parametrize(("depth", "fits"), [(512, True), (513, False)])
def test_at_least_512_calls_fit_and_the_reference_host_stops_there(engine, depth, fits):
    """limits.depth, outcome.stack: the entry is the first call"""
    down = "(func $down (param i32) (if (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1))))))"
    vm = deployed(func("go", f"(call $down (i32.const {depth - 2}))") + down, "call:go", engine=engine)
    outcome = call(vm, "go").outcome
    assert outcome == (Returned() if fits else Exhausted(Resource.STACK))


# ---- cost ----------------------------------------------------------------------------------------------------------


def test_the_gas_limit_counts_instructions_and_host_calls_together(engine):
    vm = deployed(func("go", WRITE) + ALL, "call:go", engine=engine)
    cost = call(vm, "go").cost["fuel"]
    assert call(vm, "go", gas=cost).outcome == Returned()
    short = call(vm, "go", gas=cost - 1)
    assert (short.outcome, short.cost) == (Exhausted(Resource.GAS), {"fuel": cost - 1})
    assert call(vm, "go", gas=0).outcome == Exhausted(Resource.GAS)


def test_a_call_that_states_no_limit_has_one():
    vm = deployed(func("go", "(loop (br 0))"), "call:go", engine="aot")
    receipt = call(vm, "go")
    assert (receipt.outcome, receipt.cost) == (Exhausted(Resource.GAS), {"fuel": DEFAULT_FUEL})


# ---- worlds --------------------------------------------------------------------------------------------------------


def counter(engine: str = "interpreter") -> ReferenceVM:
    """`go` adds a byte to the value under `k`."""
    first = "(call $storage_write (i32.const 0) (i32.const 12) (i32.const 0))"
    grow = """(i32.store (i32.const 8) (i32.const 100)) (drop (call $storage_read (i32.const 0) (i32.const 8)))
        (call $storage_write (i32.const 0) (i32.const 12) (i32.add (i32.load (i32.const 8)) (i32.const 1)))"""
    return deployed(func("init", first) + func("go", grow) + KEY, "init:init", "call:go", engine=engine)


def grown(vm: ReferenceVM) -> int:
    return len(vm.storage(TOKEN)[b"k"])


def test_any_number_of_snapshots_is_kept_and_each_can_be_gone_back_to():
    vm = counter()
    tokens = []
    for height in range(4):
        vm.block_height, vm.block_time = height, 10 * height
        tokens.append(vm.snapshot())
        call(vm, "go")
        vm.create_account(BOB, height)
    for height in (2, 0, 3, 1, 1):
        vm.restore(tokens[height])
        assert (grown(vm), vm.block_height, vm.block_time) == (height, height, 10 * height)
        assert vm.balance(BOB) == (RICH if height == 0 else height - 1)
        call(vm, "go")
        assert grown(vm) == height + 1


def test_a_snapshot_knows_contracts_deployed_later_no_more():
    vm = world()
    before = vm.snapshot()
    deploy(vm, contract(func("go")), "call:go")
    vm.restore(before)
    assert reason(vm.call(TOKEN, Call("go", caller=ALICE))) is Refusal.UNKNOWN_CONTRACT
    assert deploy(vm, contract(func("go")), "call:go").address == TOKEN


def test_reset_leaves_an_empty_world_at_its_first_block():
    vm = counter()
    vm.block_height, vm.block_time = 9, 9
    vm.reset()
    assert (vm.balance(ALICE), vm.balance(TOKEN), vm.storage(TOKEN), vm.block_height, vm.block_time) == (None, None, {}, 1, 0)


def test_what_storage_gives_is_a_copy():
    vm = counter()
    vm.storage(TOKEN)[b"k"] = b"mine"
    assert vm.storage(TOKEN) == {b"k": b""}


def test_amounts_and_addresses_that_cannot_be_are_the_callers_fault():
    vm = deployed(func("go"), "call:go!")
    for wrong in (lambda: vm.create_account(b"", 1), lambda: vm.create_account(b"x" * 65, 1), lambda: vm.create_account(b"x", -1)):
        with pytest.raises(UsageError):
            wrong()
    with pytest.raises(UsageError):
        vm.create_account(b"x", 2**128)
    with pytest.raises(UsageError):
        call(vm, "go", value=-1)
    with pytest.raises(UsageError):
        deploy(vm, contract(func("go")), "call:go", name="x" * 65)


def test_a_foreign_token_is_no_snapshot():
    with pytest.raises(TypeError):
        world().restore(7)


def test_hosts_in_several_threads_do_not_meet(engine):
    """Each has its own world and its own ways to end."""
    ends = {
        "revert": REVERT,
        "trap": "(unreachable)",
        "well": WRITE + RETURN,
        "limit": "(call $set_return (i32.const 0) (i32.const 16385))",
    }
    fields = ALL + "".join(func(name, body) for name, body in ends.items())
    expected = {name: call(deployed(fields, *(f"call:{end}" for end in ends), engine=engine), name) for name in ends}
    wrong = []

    def work(name):
        vm = deployed(fields, *(f"call:{end}" for end in ends), engine=engine)
        start = vm.snapshot()
        for _ in range(50):
            vm.restore(start)
            receipt = call(vm, name)
            if receipt != expected[name]:
                wrong.append((name, receipt))

    threads = [threading.Thread(target=work, args=(name,)) for name in ends]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# ---- liars ---------------------------------------------------------------------------------------------------------


def test_a_miniature_overrides_bodies_guards_and_what_is_kept():
    class Liar(ReferenceVM):
        bodies = {"block_time": lambda call: call.world.time // 1000}  # noqa: RUF012

        def guard(self, _entry, _call, *, initialised):  # noqa: ARG002
            return None

        def keeps(self, outcome):
            return not isinstance(outcome, Rejected)

        def reads_only(self, _entry):
            return False

    time = func("ask", WRITE + "(i64.store (i32.const 8) (call $block_time)) (call $set_return (i32.const 8) (i32.const 8))")
    vm = deployed(func("init", WRITE) + func("go", WRITE + REVERT) + time + ALL, "init:init", "call:go", "query:ask", vm=Liar)
    vm.block_time = 5_000
    assert vm.query(TOKEN, Call("ask")).outcome == Returned((5).to_bytes(8, "little"))
    assert call(vm, "init", value=1).outcome == Returned()
    vm.world.contracts[TOKEN][1].apply({b"k": None})
    vm.query(TOKEN, Call("ask"))
    assert vm.storage(TOKEN) == {}  # a query leaves nothing, although this one could write
    assert call(vm, "go").outcome == Reverted("k")
    assert vm.storage(TOKEN) == {b"k": b"k"}
    assert ReferenceVM().bodies == {}
