"""A budget that a module counts down itself: where it runs out, what is left, and what the code for that takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.wasm.book import COSTS, ENOUGH, GROWS, STACK, Book, book, charged
from core.wasm.engines import BACK_ENDS, SMITH, Instance, Result, Stop
from core.wasm.generator import generate
from sshi.wasm.decode import decode
from sshi.wasm.edit import assemble, with_functions
from sshi.wasm.encode import encode
from sshi.wasm.instructions import emit, tokens
from sshi.wasm.meter import Costs, HelperHook, HostHook, Kinds, PerUnit, block_points, inject, with_gas
from sshi.wasm.meter.inline import ROOM, SHRINKS, Gauge
from sshi.wasm.module import FUNC, I32, I64, Code, FuncType, Module
from sshi.wasm.names import function_names

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"

ROOMS = {"as it comes": ROOM, "nothing more in place than helpers save": 0, "all in place": 1 << 20}


def on_a_budget(module: Module, budget: int, *, room: int = ROOM, back_end: str = "cranelift", **imports) -> Result:
    metered = inject(module, COSTS, HelperHook("gas_left", budget, room=room))
    return Instance(metered, {f"env.{name}": function for name, function in imports.items()}, back_end).run("f0")


def until(module: Module, charges: int) -> Result:
    """A run with host metering that is stopped at that charge, the first is 0: what a budget that runs out there must leave."""
    left = iter(range(charges))

    def consume(_: Instance, units: int) -> None:
        if next(left, None) is None:
            raise Stop("gas")

    return Instance(inject(module, COSTS, HostHook()), {"env.gas_consume": consume}).run("f0")


@given(seed=st.integers(0, 1 << 32), places=st.lists(st.integers(0, 1 << 16), min_size=3, max_size=3), back_end=st.sampled_from(BACK_ENDS))
@settings(deadline=None, max_examples=40)
def test_a_budget_that_runs_out_anywhere_leaves_everything_as_it_was_there(seed, places, back_end):
    """Each charge may be the one too many, in loops and below calls, however it is written: what ran before it, and the gas, are exact."""
    module = generate(seed, bulk=True, recursive=True)
    if book(module, Book(module, COSTS, stack=STACK))[0][0] == "stopped":  # it may never end
        return
    end, charges = charged(module, COSTS, "f0")
    whole = sum(charges)
    for place in sorted({0, len(charges) - 1, *(place % max(1, len(charges)) for place in places)} if charges else ()):
        paid = sum(charges[:place])
        expected = until(module, place)
        for room in ROOMS.values():
            for budget in (paid, paid + charges[place] - 1):
                result = on_a_budget(module, budget, room=room, back_end=back_end)
                assert result.end == ("trapped", "unreachable")
                assert result.globals.pop("gas_left") == budget - paid - charges[place] < 0
                assert (result.memory, result.globals) == (expected.memory, expected.globals)
    for room in ROOMS.values():
        result = on_a_budget(module, whole, room=room, back_end=back_end)
        assert (result.end, result.globals["gas_left"]) == (end, 0)


@pytest.mark.parametrize(
    ("budget", "end", "left"),
    [
        (132, "returned", 0),
        (131, "trapped", -1),
        (2, "trapped", -130),
        (1, "trapped", -1),
        (0, "trapped", -2),
        ((1 << 63) - 1, "returned", (1 << 63) - 133),
    ],
)
def test_the_helper_traps_when_the_budget_would_pass_zero_and_says_by_how_much(parse, budget, end, left):
    """Two instructions and 130 for three pages: charged apart, at the head and when they are asked for."""
    costs = Costs(counted={"memory.grow": PerUnit(100, 10)})
    result = Instance(inject(parse(GROWS), costs, HelperHook("gas_left", budget))).run("f", 3)
    assert result.end[0] == end
    assert result.globals["gas_left"] == left


@pytest.mark.parametrize("given", [-1, -2, -(1 << 62), -(1 << 63), -(1 << 63) + 1])
def test_a_budget_below_zero_stays_there_and_buys_nothing(parse, given):
    """The dearest charge there is on the least budget there is would wrap around to a fortune."""
    costs = Costs(default=(1 << 31) - 1, counted={"memory.grow": PerUnit((1 << 31) - 1, (1 << 31) - 1)})
    instance = Instance(inject(parse(GROWS), costs, HelperHook("gas_left")))
    instance.set("gas_left", given)
    for _ in range(3):
        assert instance.run("f", -1).end == ("trapped", "unreachable")
        assert instance.get("gas_left") < 0


SORTS = """
(module
  (memory (export "memory") 1) (global $swaps (export "swaps") (mut i32) (i32.const 0))
  (table 2 funcref) (elem (i32.const 0) $less $at_most) (type $compares (func (param i32 i32) (result i32)))
  (func $less (type $compares) (i32.lt_s (i32.load (local.get 0)) (i32.load (local.get 1))))
  (func $at_most (type $compares) (i32.eqz (call $less (local.get 1) (local.get 0))))
  (func $swap (param i32 i32) (local i32)
    (if (i32.eq (local.get 0) (local.get 1)) (then (return)))
    (local.set 2 (i32.load (local.get 0)))
    (memory.copy (local.get 0) (local.get 1) (i32.const 4))
    (i32.store (local.get 1) (local.get 2))
    (global.set $swaps (i32.add (global.get $swaps) (i32.const 1))))
  (func $sort (param $from i32) (param $to i32) (local $at i32) (local $kept i32)
    (if (i32.ge_u (local.get $from) (local.get $to)) (then (return)))
    (local.set $at (local.tee $kept (local.get $from)))
    (loop $next
      (block $stays
        (br_if $stays
          (i32.eqz (call_indirect (type $compares) (local.get $at) (local.get $to)
            (i32.and (i32.shr_u (local.get $at) (i32.const 2)) (i32.const 1)))))
        (call $swap (local.get $at) (local.get $kept))
        (local.set $kept (i32.add (local.get $kept) (i32.const 4))))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4))) (local.get $to))))
    (call $swap (local.get $kept) (local.get $to))
    (if (local.get $kept) (then (call $sort (local.get $from) (i32.sub (local.get $kept) (i32.const 4)))))
    (call $sort (i32.add (local.get $kept) (i32.const 4)) (local.get $to)))
  (func (export "f0") (local $at i32) (local $x i32)
    (loop $next
      (i32.store (local.get $at) (local.tee $x (i32.add (i32.mul (local.get $x) (i32.const 1103515245)) (i32.const 12345))))
      (br_if $next (i32.ne (local.tee $at (i32.add (local.get $at) (i32.const 4))) (i32.const 36))))
    (call $sort (i32.const 0) (i32.const 32))))
"""


@pytest.mark.parametrize("back_end", BACK_ENDS)
@pytest.mark.parametrize("room", ROOMS.values(), ids=ROOMS)
def test_a_sort_is_stopped_at_every_one_of_its_charges_as_the_host_would(parse, room, back_end):
    """Loops in a recursion, calls through a table, a charge by an operand: one budget for each place."""
    module = parse(SORTS)
    watcher = Book(module, COSTS)
    assert book(module, watcher)[0] == ("returned", [])
    _, charges = charged(module, COSTS, "f0")
    assert len(charges) > 100
    assert sum(charges) == ENOUGH - watcher.gas
    instance = Instance(inject(module, COSTS, HelperHook("gas_left", room=room)), {}, back_end)
    paid = 0
    for place, cost in enumerate(charges):
        instance.set("gas_left", paid)
        instance.set("swaps", 0)
        instance.write(0, bytes(64))
        result, expected = instance.run("f0"), until(module, place)
        assert (result.end, result.globals.pop("gas_left")) == (("trapped", "unreachable"), -cost)
        assert (result.memory, result.globals) == (expected.memory, expected.globals)
        paid += cost
    assert on_a_budget(module, paid, room=room, back_end=back_end).end == ("returned", [])


BEGINNINGS = {
    "a loop": '(func (export "f") (loop $l (br_if $l (global.get $n))))',
    "a call": '(func (export "f") (call $g)) (func $g (local i64) (loop $l (br_if $l (global.get $n))))',
    "a call through the table": '(table 1 funcref) (elem (i32.const 0) $g) (func (export "f") (call_indirect (i32.const 0))) (func $g nop)',
    "a charge by an operand": '(memory 1) (func (export "f") (drop (memory.grow (i32.const -1))))',
    "a block that is left": '(func (export "f") (block (br_if 0 (global.get $n)) (loop $l (br_if $l (global.get $n)))))',
}


@pytest.mark.parametrize("given", [-1, -(1 << 62), -(1 << 63)])
@pytest.mark.parametrize("room", ROOMS.values(), ids=ROOMS)
@pytest.mark.parametrize("begins", BEGINNINGS)
def test_a_budget_below_zero_buys_nothing_whatever_the_code_begins_with(parse, begins, room, given):
    """What an entry begins with may cost nothing, and a charge in place subtracts before it compares: neither lets anything pass."""
    module = parse(f"(module (global $n (mut i32) (i32.const 0)) {BEGINNINGS[begins]})")
    most = (1 << 31) - 1
    dear = Costs(default=0, overrides={"loop": most, "nop": most, "br_if": most}, counted={"memory.grow": PerUnit(most, most)})
    instance = Instance(inject(module, dear, HelperHook("gas_left", room=room)))
    instance.set("gas_left", 1 << 62)
    assert instance.run("f").end[0] == ("trapped" if "operand" in begins else "returned")
    instance.set("gas_left", given)
    for _ in range(2):
        assert instance.run("f").end == ("trapped", "unreachable")
        assert instance.get("gas_left") < 0


UNPAID = '(func (export "%d") (loop (br_if 0 (i32.const 0))))'
"""An entry whose first instructions cost nothing."""


def by_one_helper(module: Module, costs: Costs) -> int:
    """Bytes of the module when every charge calls one helper."""
    module, gas = with_gas(module, "gas_left", 0)
    first = len(module.imported(FUNC)) + len(module.funcs)
    gauge, kinds = Gauge(gas, emit("unreachable")), Kinds(costs)
    helpers = [("gas.charge", FuncType(bytes((I64,)), b""), Code((), gauge.test + gauge.spend(emit("local.get", 0)) + emit("end")))]
    counted: dict[PerUnit, bytes] = {}
    codes: list[Code] = []
    for of, code in zip(module.funcs, module.codes, strict=True):
        split = tokens(code.body)
        for point in reversed(block_points(split, kinds, costs.entry.of(module.types[of], code) if costs.entry else 0)):
            if per := point.counted:
                if per not in counted:
                    counted[per] = emit("call", first + len(helpers))
                    units = f"local.get 0; i64.extend_i32_u; i64.const {per.unit}; i64.mul; i64.const {per.base}; i64.add"
                    body = assemble(f"{units}; call {first}; local.get 0; end")
                    helpers.append(("", FuncType(bytes((I32,)), bytes((I32,))), Code((), body)))
                split.insert(point.at, counted[per])
            else:
                split.insert(point.at, emit("i64.const", point.cost) + emit("call", first))
        codes.append(Code(code.locals, b"".join(split)))
    return len(encode(with_functions(replace(module, codes=tuple(codes)), helpers)))


def with_code(module: Module, size: int) -> Module:
    """The module with its functions repeated until it has about that much code."""
    times = -(-size // sum(len(code.body) for code in module.codes))
    return replace(module, funcs=module.funcs * times, codes=module.codes * times)


def test_what_is_written_in_place_takes_no_more_bytes_than_it_may(smith, parse):
    """Never more than the room beyond one helper for all, which large contracts have none of; names apart, which helpers have too."""
    examples = [path.read_bytes() for path in sorted(EXAMPLES.glob("*/*.wasm"))]
    modules = [decode(data) for data in (*examples, *(smith(seed, 6000, **SMITH) for seed in range(24)))]
    modules += [generate(seed, bulk=True, recursive=True) for seed in range(24)]
    modules += [parse(f"(module {''.join(UNPAID % at for at in range(entries))})") for entries in (4, 9, 60)]
    # indices of helpers that take two bytes as soon as there is one helper more
    filling = "(func (param i32) (loop (memory.fill (local.get 0) (local.get 0) (local.get 0)) (br_if 0 (local.get 0))))"
    modules += [parse(f"(module (memory 1) {filling * functions})") for functions in range(120, 128)]
    modules += [with_code(module, 10_000) for module in modules[: len(examples)]]
    larger = 0
    for module in [replace(module, customs=()) for module in modules]:
        most = by_one_helper(module, COSTS)
        for room in (0, 24, ROOM):
            size = len(encode(inject(module, COSTS, HelperHook("gas_left", room=room))))
            assert size <= most + max(0, room - sum(len(code.body) for code in module.codes) // SHRINKS)
            larger += size > most
    assert larger > 20


def test_a_cost_that_is_charged_often_gets_a_helper_of_its_own(parse):
    often = "(block (br_if 0 (local.get 0)) nop nop nop)" * 30
    module = parse(f'(module (func $f (export "f") (param i32) {often}))')
    metered = inject(module, Costs(), HelperHook("gas_left", 1000))
    assert function_names(metered) == {0: "f", 1: "gas.charge", 2: "gas.charge.3"}
    assert len(encode(metered)) < by_one_helper(module, Costs())
    instance = Instance(metered)
    assert instance.run("f", 0).end == ("returned", [])
    assert instance.get("gas_left") == 1000 - 30 * 5


def test_the_hottest_charges_are_in_place_and_what_reports_an_error_never_is(parse):
    """One loop around a call is one loop around all of the function; what ends in a trap runs once at most."""
    module = parse(
        """(module (memory 1)
             (func $once (export "once") (param i32) (call $f (local.get 0))
               (loop (call $hot (local.get 0)) (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
             (func $f (param i32) nop nop nop)
             (func $hot (param i32) (if (i32.eqz (local.get 0)) (then nop nop nop nop nop nop unreachable))))"""
    )
    metered = inject(module, Costs(), HelperHook("gas_left", 1000))
    subtractions = [tokens(code.body).count(emit("i64.sub")) for code in metered.codes]
    assert subtractions[:3] == [1, 0, 1]
    instance = Instance(metered)
    assert instance.run("once", 3).end == ("returned", [])
    assert 1000 - instance.get("gas_left") == sum(charged(module, Costs(), "once", 3)[1])


def test_what_a_recursion_charges_is_hot_without_any_loop(parse):
    module = parse(
        '(module (func (export "f") (call $g)) (func $g (call $h)) (func $h (call $g)) (func $i nop) (func (export "i") (call $i)))'
    )
    metered = inject(module, Costs(), HelperHook("gas_left"))
    assert [tokens(code.body).count(emit("i64.sub")) for code in metered.codes[:5]] == [0, 1, 1, 0, 0]
