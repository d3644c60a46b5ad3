"""Contracts that mean harm: every call ends, within its fuel, its memory and its own world."""

from __future__ import annotations

import resource

import pytest

from core.host.worlds import ALICE, TOKEN, data, deployed
from sshi.host.chain import Call
from sshi.host.outcome import Exhausted, Resource, Returned, TrapKind, Trapped
from sshi.spec.loader import interface

GAS = 20_000_000
"""A twentieth of what a call gets by default; what these do grows with it."""


@pytest.fixture(params=["interpreter", "aot"])
def engine(request):
    return request.param


def run(body: str, fields: str = "", *, engine: str, gas: int = GAS, pages: str = "1 15"):
    vm = deployed(f'(func (export "go") (local $i i32) (local $n i64) {body}) {fields}', "call:go", engine=engine, pages=pages)
    return vm, vm.call(TOKEN, Call("go", caller=ALICE, gas=gas))


LOOPS = {
    "does nothing": "(loop $l (br $l))",
    "fills memory": "(loop $l (memory.fill (i32.const 0) (i32.const 7) (i32.const 65536)) (br $l))",
    "copies memory": "(loop $l (memory.copy (i32.const 0) (i32.const 1) (i32.const 65535)) (br $l))",
    "grows memory": "(loop $l (drop (memory.grow (i32.const 1))) (br $l))",
    "grows no memory": "(loop $l (drop (memory.grow (i32.const 99))) (br $l))",
    "grows a table": "(loop $l (drop (table.grow (ref.null func) (i32.const 9999999))) (br $l))",
    "copies a table": "(loop $l (table.copy (i32.const 0) (i32.const 1) (i32.const 99)) (br $l))",
    "fills a table": "(loop $l (table.fill (i32.const 0) (ref.null func) (i32.const 100)) (br $l))",
    "refers to a function": "(loop $l (drop (ref.func $refer)) (br $l))",
    "drops a segment": "(loop $l (elem.drop $listed) (br $l))",
    "fills nothing": "(loop $l (memory.fill (i32.const 0) (i32.const 7) (i32.const 0)) (br $l))",
    "writes storage": "(loop $l (call $storage_write (i32.const 0) (i32.const 0) (i32.const 16384)) (br $l))",
    "reads storage": "(loop $l (drop (call $storage_read (i32.const 0) (i32.const 0))) (br $l))",
    "logs": "(loop $l (call $debug_log (i32.const 0) (i32.const -1)) (br $l))",
    "asks the time": "(loop $l (drop (call $block_time)) (br $l))",
    "consumes gas": "(loop $l (call $gas_consume (i64.const -1)) (br $l))",
    "hashes": "(loop $l (call $sha256 (i32.const 0) (i32.const 65536) (i32.const 0)) (br $l))",
    "hashes with Keccak": "(loop $l (call $keccak256 (i32.const 0) (i32.const 65536) (i32.const 0)) (br $l))",
    "recovers keys": "(loop $l (drop (call $secp256k1_recover (i32.const 0) (i32.const 0) (i32.const 0))) (br $l))",
    "returns": "(loop $l (call $set_return (i32.const 0) (i32.const 16384)) (br $l))",
}


FIELDS = "(table 100 funcref) (func $refer) (elem $listed func $refer)"


@pytest.mark.parametrize("what", LOOPS)
def test_a_loop_that_never_ends_is_out_of_gas(engine, what):
    """outcome.gas"""
    _, receipt = run(LOOPS[what], data(0, b"\4\0\0\0key!") + FIELDS, engine=engine)
    assert (receipt.outcome, receipt.cost) == (Exhausted(Resource.GAS), {"fuel": GAS})


SLOW = {
    "(drop (memory.grow (i32.const 1)))": 300,
    "(drop (table.grow (ref.null func) (i32.const 0)))": 300,
    "(drop (ref.func $refer))": 300,
    "(elem.drop $listed)": 300,
    "(memory.fill (i32.const 0) (i32.const 0) (i32.const 0))": 40,
    "(table.copy (i32.const 0) (i32.const 1) (i32.const 99))": 990,
    "(table.init $listed (i32.const 0) (i32.const 0) (i32.const 1))": 300,
}


@pytest.mark.parametrize("slow", SLOW)
def test_what_takes_the_engine_long_costs_as_much(engine, slow):
    costs = [run(body, FIELDS, engine=engine)[1].cost["fuel"] for body in ("(drop (i32.const 1))", slow)]
    assert costs[1] - costs[0] > SLOW[slow]


FUNCTIONS = 150
"""That many, each of which returns its number; they fill as many elements of a table twice as large."""


def _after(operation: str, engine: str) -> list[int] | TrapKind:
    """Which functions are in the table after an operation on it, 255 where there is none; or how it trapped."""
    numbers = range(FUNCTIONS)
    fields = f"""(table {2 * FUNCTIONS} funcref) (elem $all func {" ".join(f"$f{at}" for at in numbers)}) (type $number (func (result i32)))
        {" ".join(f"(func $f{at} (result i32) (i32.const {at}))" for at in numbers)}"""
    body = f"""(table.init $all (i32.const 0) (i32.const 0) (i32.const {FUNCTIONS})) {operation}
        (loop $each
          (i32.store8 (local.get $i) (if (result i32) (ref.is_null (table.get (local.get $i)))
            (then (i32.const 255)) (else (call_indirect (type $number) (local.get $i)))))
          (br_if $each (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (table.size))))
        (call $set_return (i32.const 0) (table.size))"""
    _, receipt = run(body, fields, engine=engine)
    return list(receipt.outcome.data) if isinstance(receipt.outcome, Returned) else receipt.outcome.trap


@pytest.mark.parametrize(
    ("to", "start", "count"), [(0, 0, 150), (0, 1, 149), (40, 0, 150), (31, 1, 33), (150, 0, 150), (0, 100, 200), (7, 9, 0)]
)
def test_a_table_is_copied_as_if_at_once_whatever_overlaps(engine, to, start, count):
    expected = [*range(FUNCTIONS), *[255] * FUNCTIONS]
    expected[to : to + count] = expected[start : start + count]
    assert _after(f"(table.copy (i32.const {to}) (i32.const {start}) (i32.const {count}))", engine) == expected


def test_a_table_is_filled_and_set_from_a_segment(engine):
    plain = [*range(FUNCTIONS), *[255] * FUNCTIONS]
    found = _after("(table.fill (i32.const 3) (ref.func $f9) (i32.const 101))", engine)
    assert found == [*plain[:3], *[9] * 101, *plain[104:]]
    found = _after("(table.init $all (i32.const 140) (i32.const 50) (i32.const 100))", engine)
    assert found == [*plain[:140], *range(50, 150), *plain[240:]]


@pytest.mark.parametrize("count", [151, 301, 0xFFFF_FFFF])
@pytest.mark.parametrize("operation", ["table.copy", "table.init $all", "table.fill"])
def test_a_table_that_is_left_traps(engine, operation, count):
    second = "(ref.null func)" if operation == "table.fill" else "(i32.const 0)"
    for to in (150, 0xFFFF_FFF0):
        assert _after(f"({operation} (i32.const {to}) {second} (i32.const {count}))", engine) is TrapKind.INDIRECT_CALL


def test_growing_costs_the_same_without_a_byte_of_memory(engine):
    _, receipt = run("(drop (memory.grow (i32.const 1)))", engine=engine, pages="0 1")
    assert receipt.outcome == Returned()


def test_every_function_that_can_be_called_for_ever_is_tried_here():
    tried = " ".join(LOOPS.values())
    ends_by_itself = {"revert", "emit"}  # the one ends the call, the other has a limit
    like_others = {"storage_has", "storage_remove", "transfer", "balance", "value", "caller", "self_address", "input", "block_height"}
    untried = {name for name in interface().functions if f"${name} " not in tried and f"${name})" not in tried}
    assert untried == ends_by_itself | like_others


RECURSION = {
    "plain": "(func $f (call $f))",
    "many locals": f"(func $f {'(local i64) ' * 400} (call $f))",
    "parameters": "(func $f (call $g (i64.const 1) (i64.const 2))) (func $g (param i64 i64) (call $f) (drop (local.get 0)))",
    "operands": f"(func $f {'(i64.const 1) ' * 300} (call $f) {'drop ' * 300})",
    "indirect": "(table 1 funcref) (elem (i32.const 0) $f) (type $t (func)) (func $f (call_indirect (type $t) (i32.const 0)))",
}


@pytest.mark.parametrize("how", RECURSION)
def test_recursion_without_end_is_out_of_stack_alike_on_both_engines(how):
    """outcome.stack"""
    receipts = [run("(call $f)", RECURSION[how], engine=engine)[1] for engine in ("interpreter", "aot")]
    assert receipts[0] == receipts[1]
    assert receipts[0].outcome == Exhausted(Resource.STACK)


def test_one_frame_may_not_be_larger_than_the_whole_stack():
    wide = f"(func $f {'(local i64) ' * 9_000} (drop (local.get 8999)))"
    receipts = [run("(call $f)", wide, engine=engine)[1] for engine in ("interpreter", "aot")]
    assert receipts[0].outcome == receipts[1].outcome == Exhausted(Resource.STACK)


def test_frames_within_the_limit_fit_the_engines_own_stack():
    """limits.depth: 64 KiB of live values in 500 frames, which no engine may run out of first."""
    names = [f"$l{at}" for at in range(14)]
    declared = " ".join(f"(local {name} i64)" for name in names)
    filled = " ".join(f"(local.set {name} (i64.add (local.get $v) (i64.const {at})))" for at, name in enumerate(names))
    summed = " ".join(f"(local.get {name}) i64.add" for name in names)
    body = f"""(func $f (param $n i32) (param $v i64) (result i64) {declared} {filled}
        (if (i32.eqz (local.get $n)) (then (return (i64.const 0))))
        (call $f (i32.sub (local.get $n) (i32.const 1)) (i64.add (local.get $v) (i64.const 1))) {summed})"""
    receipts = [run("(drop (call $f (i32.const 400) (local.get $n)))", body, engine=engine)[1] for engine in ("interpreter", "aot")]
    assert receipts[0].outcome == receipts[1].outcome == Returned()
    assert receipts[0].cost == receipts[1].cost


def test_writing_for_ever_fills_neither_the_world_nor_the_machine(engine):
    """A fresh key and 16 KiB each time; half a default call's worth of fuel."""
    body = """(loop $l (i32.store (i32.const 4) (local.tee $i (i32.add (local.get $i) (i32.const 1))))
        (call $storage_write (i32.const 0) (i32.const 64) (i32.const 16384)) (br $l))"""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    vm, receipt = run(body, data(0, b"\4\0\0\0"), engine=engine, gas=10 * GAS)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert receipt.outcome == Exhausted(Resource.GAS)
    assert vm.storage(TOKEN) == {}
    assert grown_kib < 64 * 1024


def test_events_cannot_be_huge_in_sum(engine):
    """limits.event-data"""
    _, receipt = run("(loop $l (call $emit (i32.const 0) (i32.const 0) (i32.const 8192)) (br $l))", data(0, b"\1\0\0\0e"), engine=engine)
    assert isinstance(receipt.outcome, Trapped)
    assert (receipt.outcome.trap, receipt.effects.events) == (TrapKind.LIMIT, ())


def test_a_blob_that_says_it_is_4_gib_long_is_not_read(engine):
    _, receipt = run("(drop (call $storage_has (i32.const 0)))", data(0, b"\xff\xff\xff\xff"), engine=engine)
    assert receipt.outcome.trap is TrapKind.MEMORY


def test_debug_text_without_end_is_cut(engine):
    vm, _ = run("(loop $l (call $debug_log (i32.const 0) (i32.const 60000)) (br $l))", engine=engine, gas=GAS)
    receipt = vm.call(TOKEN, Call("go", caller=ALICE, gas=GAS, trace=True))
    assert len(receipt.native) <= 1_000
    assert max(map(len, receipt.native)) <= 1_024


def test_a_failed_call_does_not_spoil_the_next(engine):
    fields = '(func (export "bad") (i32.store (i32.const 0) (i32.const 9)) (unreachable))'
    fields += '(func (export "good") (call $set_return (i32.const 0) (i32.const 4)))'
    vm = deployed(fields, "call:bad", "call:good", engine=engine)
    for _ in range(3):
        assert isinstance(vm.call(TOKEN, Call("bad", caller=ALICE)).outcome, Trapped)
        assert vm.call(TOKEN, Call("good", caller=ALICE)).outcome == Returned(bytes(4))
