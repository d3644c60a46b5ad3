"""Metered modules do what they did, and charge what a count of every instruction by the book comes to."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.wasm.engines import BACK_ENDS, SMITH, Instance, Result, Stop
from core.wasm.generator import generate
from core.wasm.interpreter import Interpreter, Stopped, Trap, Watcher
from core.wasm.ledger import Ledger
from sshi.errors import LinkError, UsageError
from sshi.wasm.decode import decode
from sshi.wasm.edit import assemble, with_functions
from sshi.wasm.encode import encode
from sshi.wasm.instructions import emit, tokens
from sshi.wasm.meter import (
    Costs,
    EntryCost,
    GlobalHook,
    HelperHook,
    HostHook,
    InlineModel,
    Kinds,
    PerUnit,
    StackModel,
    block_points,
    costs_from,
    default_costs,
    exact_points,
    inject,
    inject_exact,
    metered,
    with_gas,
    without_import,
)
from sshi.wasm.meter.inline import ROOM, SHRINKS, Gauge
from sshi.wasm.module import FUNC, I32, I64, Code, FuncType, Import, Module
from sshi.wasm.names import function_names
from sshi.wasm.opcodes import BY_KEY
from sshi.wasm.stack import frame_bytes, heights, limit_stack

COSTS = Costs(
    default=3,
    overrides={"block": 0, "else": 0, "end": 0, "loop": 2, "i32.add": 5, "call": 11},
    counted={"memory.grow": PerUnit(32, 7), "memory.copy": PerUnit(30, 1), "memory.fill": PerUnit(31, 2)},
    entry=EntryCost(64, 8, 3),
)
GAS = GlobalHook("gas_left", ("env", "out_of_gas"))
STACK = StackModel(1500, 64, ("env", "stack_exhausted"))
ENOUGH = 10**12
EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
HOST = (Import("env", "host", FUNC, 0),)
CHAIN = Costs(default=1, counted={"memory.grow": PerUnit(32, 1), "memory.copy": PerUnit(32, 1)}, entry=EntryCost(64, 8, 1))
"""The shape of a chain's own costs, in units of one instruction."""


class Book(Watcher):
    """Charges every instruction and every entry, one at a time."""

    def __init__(self, module: Module, costs: Costs, gas: int = ENOUGH, stack: StackModel | None = None) -> None:
        self.module, self.costs, self.gas, self.stack = module, costs, gas, stack
        self.first = len(module.imported(FUNC))
        self.heights = heights(module)
        self.used = 0

    def spend(self, units: int) -> None:
        self.gas -= units
        if self.gas < 0:
            raise Stopped("gas")

    def _size(self, function: int) -> int:
        at = function - self.first
        frame = frame_bytes(self.module.types[self.module.funcs[at]], self.module.codes[at])
        return self.heights[at].bytes + frame + (self.stack.base_bytes if self.stack else 0)

    def enter(self, function: int) -> None:
        self.used += self._size(function)
        if self.stack and self.used > self.stack.limit:
            raise Stopped("stack")
        at = function - self.first
        if self.costs.entry:
            self.spend(self.costs.entry.of(self.module.types[self.module.funcs[at]], self.module.codes[at]))

    def leave(self, function: int) -> None:
        self.used -= self._size(function)

    def instruction(self, function: int, at: int, op: int, count: int | None) -> None:  # noqa: ARG002
        name = BY_KEY[op].mnemonic
        counted = self.costs.counted.get(name)
        self.spend(counted.base + counted.unit * (count or 0) if counted else self.costs.of(name))


def book(module: Module, watcher: Book, name: str = "f0", hosts=None) -> tuple[tuple[str, object], Interpreter]:
    interpreter = Interpreter(module, hosts or {}, watcher, steps=20_000)
    try:
        return ("returned", interpreter.call(name)), interpreter
    except Trap as trap:
        return ("trapped", str(trap)), interpreter
    except Stopped as stopped:
        return ("stopped", str(stopped)), interpreter


def stop(reason: str):
    def run(_: Instance) -> None:
        raise Stop(reason)

    return run


STOPS = {"env.out_of_gas": stop("gas"), "env.stack_exhausted": stop("stack")}


def run_exact(module: Module, model: InlineModel, gas: int = ENOUGH, name: str = "f0", back_end: str = "cranelift", **imports) -> Result:
    """A run of the metered module, read as a host must read it: a trap with the gas below zero is exhaustion."""
    instance = Instance(inject_exact(module, model), {**STOPS, **{f"env.{key}": value for key, value in imports.items()}}, back_end)
    instance.set("gas_left", gas)
    result = instance.run(name)
    if model.late and result.end[0] == "trapped" and result.globals["gas_left"] < 0:
        result.end = ("stopped", "gas")
    return result


def charged(module: Module, costs: Costs, name: str, *args: int) -> tuple[tuple[str, object], list[int]]:
    """How a run with host metering ends, and every charge on the way."""
    charges: list[int] = []
    metered = inject(module, costs, HostHook())
    result = Instance(metered, {"env.gas_consume": lambda _, units: charges.append(units)}).run(name, *args)
    return result.end, charges


# -- the exact schedule ------------------------------------------------------------------------------------------------------------


@given(seed=st.integers(0, 1 << 32), gas=st.one_of(st.just(ENOUGH), st.integers(0, 400), st.integers(0, 4000)), late=st.booleans())
@settings(deadline=None, max_examples=150)
def test_the_exact_meter_agrees_with_the_book_wherever_anyone_can_look(seed, gas, late):
    """Outcome, gas when it returns or traps, and gas at every host call; recursion, traps and exhaustion included."""
    module = generate(seed, bulk=True, sign_extension=True, recursive=True, imports=HOST)
    seen: list[tuple[int, int]] = []
    watcher = Book(module, COSTS, gas, STACK)

    def host(value: int) -> list[int]:
        seen.append((value, watcher.gas))
        watcher.spend(value % 64)
        return [value ^ 5]

    end, interpreter = book(module, watcher, hosts={0: host})
    if end == ("stopped", "steps"):
        return
    looked: list[tuple[int, int]] = []

    def metered_host(instance: Instance, value: int) -> int:
        value %= 1 << 32
        looked.append((value, instance.get("gas_left")))
        instance.set("gas_left", instance.get("gas_left") - value % 64)
        if instance.get("gas_left") < 0:
            raise Stop("gas")
        return (value ^ 5) - ((value ^ 5) >> 31 << 32)

    for back_end in BACK_ENDS:
        looked.clear()
        result = run_exact(module, InlineModel(COSTS, GAS, STACK, late=late), gas, back_end=back_end, host=metered_host)
        assert result.end == end
        assert looked == seen
        if end != ("stopped", "gas"):
            assert result.globals["gas_left"] == watcher.gas
        if end[0] == "returned":
            assert result.memory == bytes(interpreter.memory)


@pytest.mark.parametrize("late", [False, True])
def test_a_trap_in_the_middle_of_a_block_shows_what_ran_and_no_more(parse, late):
    """Three instructions and the load that traps; the two after it were not charged."""
    module = parse('(module (memory 1) (func (export "f") nop nop (drop (i32.load (i32.const -1))) nop nop))')
    result = run_exact(module, InlineModel(Costs(), GAS, late=late), 100, "f")
    assert result.end == ("trapped", "memory")
    assert result.globals["gas_left"] == 100 - 4


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(
    "body",
    [
        "(unreachable)",
        "(drop (i32.div_u (i32.const 1) (i32.const 0)))",
        "(drop (i32.rem_s (i32.const 1) (i32.const 0)))",
        "(drop (i64.load (i32.const -1)))",
        "(i64.store (i32.const -1) (i64.const 0))",
        "(memory.copy (i32.const 0) (i32.const -1) (i32.const 5))",
        "(call_indirect (i32.const 0))",
    ],
)
def test_gas_that_ends_before_a_trap_is_exhaustion_and_gas_that_just_suffices_a_trap(parse, body, late):
    module = parse(f'(module (memory 1) (table 1 funcref) (func (export "f") nop nop nop {body} nop nop))')
    watcher = Book(module, Costs())
    end, _ = book(module, watcher, "f")
    assert end[0] == "trapped"
    needed = ENOUGH - watcher.gas
    assert run_exact(module, InlineModel(Costs(), GAS, late=late), needed, "f").end == end
    assert run_exact(module, InlineModel(Costs(), GAS, late=late), needed - 1, "f").end == ("stopped", "gas")


@pytest.mark.parametrize("late", [False, True])
def test_gas_that_ends_in_the_last_instructions_is_exhaustion_too(parse, late):
    module = parse('(module (func (export "f") (result i32) (call $g) (i32.const 1) (i32.const 2) i32.add) (func $g))')
    model = InlineModel(Costs(), GAS, late=late)
    assert run_exact(module, model, 4, "f").end == ("returned", [3])
    assert run_exact(module, model, 3, "f").end == ("stopped", "gas")


@pytest.mark.parametrize("back_end", BACK_ENDS)
@pytest.mark.parametrize(
    "body",
    ["(loop (br 0))", "(call $f)", "(loop (block (br_if 1 (i32.const 1))))", "(loop (loop (br 1)))", "(call_indirect (i32.const 0))"],
)
def test_what_never_ends_is_stopped(parse, body, back_end):
    model = InlineModel(Costs(), GAS)
    module = parse(f'(module (table 1 funcref) (elem (i32.const 0) $f) (func $f (export "f") {body}))')
    assert run_exact(module, model, 5_000, "f", back_end).end == ("stopped", "gas")


def test_exhaustion_leaves_what_was_asked_for_below_zero(parse):
    """A host that must tell an absurd demand from a small one reads it off the global."""
    module = parse('(module (memory 1) (func (export "f") (drop (memory.grow (i32.const -1)))))')
    result = run_exact(module, InlineModel(CHAIN, GAS), 1000, "f")
    assert result.end == ("stopped", "gas")
    assert result.globals["gas_left"] == 1000 - 8 - 1 - (32 + 0xFFFF_FFFF)
    assert run_exact(module, InlineModel(CHAIN, GAS), 5, "f").globals["gas_left"] == 5 - 8 - 1


def test_counted_work_is_charged_by_its_operand_before_any_bounds_check(parse):
    text = '(module (memory 1 1) (func (export "f") (param i32) (memory.copy (i32.const 0) (i32.const 0) (local.get 0))))'
    instance = Instance(inject_exact(parse(text), InlineModel(CHAIN, GAS)), STOPS)
    for size, end in ((0, "returned"), (5, "returned"), (1 << 20, "trapped")):
        instance.set("gas_left", ENOUGH)
        assert instance.run("f", size).end[0] == end
        assert ENOUGH - instance.get("gas_left") == -(-68 // 8) + 3 + 32 + size


def test_an_entry_costs_by_its_parameters_and_locals(parse):
    """64 bytes of frame and nothing else are 8 units; every started eight bytes more are one."""
    bodies = {"": 8, "(local i32)": 9, "(param i32)": 9, "(local i64 i32)": 10, "(param i64) (local i64 i64)": 11}
    for text, units in bodies.items():
        of = parse(f"(module (func {text}))")
        assert CHAIN.entry is not None
        assert CHAIN.entry.of(of.types[of.funcs[0]], of.codes[0]) == units
    empty = parse('(module (func (export "f")))')
    assert ENOUGH - run_exact(empty, InlineModel(CHAIN, GAS), name="f").globals["gas_left"] == 8


@pytest.mark.parametrize("back_end", BACK_ENDS)
def test_4096_activations_of_an_empty_recursive_function_fit_262144_bytes(parse, back_end):
    """As measured on a chain that counts this way (facts/near.md, 5.2); the one that does not fit is charged nothing."""
    module = parse('(module (global $n (export "n") (mut i32) (i32.const 0)) (func $f (export "f") (call $f)))')
    model = InlineModel(CHAIN, GAS, StackModel(262_144, 64, ("env", "stack_exhausted")))
    result = run_exact(module, model, name="f", back_end=back_end)
    assert result.end == ("stopped", "stack")
    assert ENOUGH - result.globals["gas_left"] == 4096 * (8 + 1)


def test_a_loop_is_charged_on_entry_and_on_every_branch_back(parse):
    module = parse(
        """(module (func (export "f") (local i32)
             (loop (local.set 0 (i32.add (local.get 0) (i32.const 1))) (br_if 0 (i32.lt_u (local.get 0) (i32.const 5))))))"""
    )
    result = run_exact(module, InlineModel(Costs(), GAS), name="f")
    assert ENOUGH - result.globals["gas_left"] == 5 * (1 + 4 + 4)


def test_a_start_function_waits_until_there_is_gas(parse):
    module = parse('(module (global (export "n") (mut i32) (i32.const 0)) (func $s (global.set 0 (i32.const 9))) (start $s))')
    with pytest.raises(LinkError, match="start function"):
        inject_exact(module, InlineModel(Costs(), GAS))
    instance = Instance(inject_exact(module, InlineModel(Costs(), GAS, start="begin")), STOPS)
    assert instance.get("n") == 0
    instance.set("gas_left", 2)
    assert instance.run("begin").end == ("returned", [])
    assert instance.get("n") == 9
    assert instance.get("gas_left") == 0


def test_a_module_with_an_export_of_the_global_s_name_is_refused(parse):
    module = parse('(module (func (export "gas_left")))')
    with pytest.raises(LinkError, match="gas_left"):
        inject_exact(module, InlineModel(Costs(), GAS))
    with pytest.raises(LinkError, match="gas_left"):
        inject(module, Costs(), HelperHook("gas_left"))


def test_exact_points_split_at_everything_that_can_be_seen(parse):
    """Charges by instruction: `nop nop load` together, then the store's run, the call's, the branch's, the rest."""
    module = parse(
        """(module (memory 1) (func $f (param i32)
             nop nop (i32.load (local.get 0)) (drop)
             (i32.store (i32.const 0) (local.get 0))
             (call $f (i32.const 1))
             (block (br_if 0 (local.get 0)) nop)
             nop))"""
    )
    points = exact_points(tokens(module.codes[0].body), Kinds(Costs()))
    assert [(point.at, point.cost, point.seen) for point in points] == [
        (0, 4, False),
        (4, 4, False),
        (8, 2, True),
        (10, 2, False),
        (13, 1, False),
        (15, 1, False),
    ]


# -- the block schedule ------------------------------------------------------------------------------------------------------------


@given(seed=st.integers(0, 1 << 32))
@settings(deadline=None, max_examples=100)
def test_block_charges_add_up_to_the_book_and_change_nothing_else(seed):
    module = generate(seed, bulk=True, sign_extension=True)
    watcher = Book(module, COSTS)
    end, interpreter = book(module, watcher)
    if end == ("stopped", "steps"):
        return
    spent = ENOUGH - watcher.gas
    charges: list[int] = []
    by_host = Instance(inject(module, COSTS, HostHook()), {"env.gas_consume": lambda _, units: charges.append(units)}).run("f0")
    instance = Instance(inject(module, COSTS, GAS), STOPS)
    instance.set("gas_left", ENOUGH)
    by_global = instance.run("f0")
    by_helper = Instance(inject(module, COSTS, HelperHook("gas_left", ENOUGH))).run("f0")
    assert by_host.end == by_global.end == by_helper.end == end
    assert by_host.memory == by_global.memory == by_helper.memory == bytes(interpreter.memory)
    assert ENOUGH - by_global.globals["gas_left"] == ENOUGH - by_helper.globals["gas_left"] == sum(charges)
    # a trap leaves the rest of its block charged; nothing else may differ
    assert sum(charges) == spent if end[0] == "returned" else sum(charges) >= spent


def test_a_loop_pays_per_iteration_and_a_branch_for_what_it_takes(parse):
    module = parse(
        """(module (func (export "f") (param i32)
             (loop
               (if (i32.and (local.get 0) (i32.const 1)) (then nop nop nop nop nop) (else nop))
               (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"""
    )
    end, charges = charged(module, Costs(), "f", 3)
    assert end == ("returned", [])
    assert charges == [10, 5, 10, 1, 10, 5]


def test_code_after_a_block_belongs_to_the_run_before_it_unless_something_left_further_out(parse):
    stays = parse('(module (func (export "f") nop (block (br_if 0 (i32.const 1)) nop) nop nop))')
    leaves = parse('(module (func (export "f") nop (block (br_if 1 (i32.const 1)) nop) nop nop))')
    assert [(point.at, point.cost) for point in block_points(tokens(stays.codes[0].body), Kinds(Costs()))] == [(0, 5), (4, 1)]
    assert [(point.at, point.cost) for point in block_points(tokens(leaves.codes[0].body), Kinds(Costs()))] == [(0, 3), (4, 1), (6, 2)]


def test_code_that_cannot_run_is_not_charged(parse):
    module = parse('(module (func (export "f") (return) nop nop (block nop)))')
    assert charged(module, Costs(), "f")[1] == [1]


def test_growing_is_charged_by_the_page_on_top_of_its_block(parse):
    module = parse('(module (memory 1) (func (export "f") (param i32) (drop (memory.grow (local.get 0)))))')
    end, charges = charged(module, Costs(counted={"memory.grow": PerUnit(100, 10)}), "f", 3)
    assert end == ("returned", [])
    assert charges == [2, 130]


# -- an inline meter -----------------------------------------------------------------------------------------------------------------

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


GROWS = '(module (memory 1) (func (export "f") (param i32) (drop (memory.grow (local.get 0)))))'


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


def test_the_charges_are_as_many_in_every_mode(smith):
    for seed in range(12):
        module = decode(smith(seed, 4000, **SMITH))
        by_host, inline = (metered(module, COSTS, hook) for hook in (HostHook(), HelperHook("gas_left")))
        assert (by_host.points, by_host.counted) == (inline.points, inline.counted)


def test_the_dearest_charge_there_is_fits(parse):
    costs = Costs(counted={"memory.grow": PerUnit((1 << 31) - 1, (1 << 31) - 1)})
    charges = charged(parse(GROWS), costs, "f", -1)[1]
    assert charges == [2, ((1 << 31) - 1) * (1 << 32)]
    assert charges[1] < 1 << 63


def test_the_charges_are_counted(parse):
    module = parse("(module (memory 1) (func (block (br_if 0 (i32.const 1)) nop)) (func (drop (memory.grow (i32.const 0)))) (func))")
    done = metered(module, Costs(counted={"memory.grow": PerUnit(1, 1)}), HostHook())
    assert (done.points, done.counted) == (3, 1)
    assert done.module.codes[2] is module.codes[2]


def test_block_points_come_in_order_and_cost_something(smith):
    for seed in range(12):
        for code in decode(smith(seed, 4000, **SMITH)).codes:
            for points in (block_points(tokens(code.body), Kinds(COSTS)), exact_points(tokens(code.body), Kinds(COSTS))):
                assert all(a.at <= b.at for a, b in pairwise(points))
                assert all(point.cost or point.counted for point in points)


# -- both --------------------------------------------------------------------------------------------------------------------------


def test_any_module_stays_valid_and_does_the_same_with_enough_gas(smith, valid, observe):
    """Modules with floats, several results, references. The stub of `gas_consume` is called; the globals are not compared."""
    compared = 0
    for seed in range(32):
        data = smith(seed, 4000, **SMITH)
        module = decode(data)
        before = {label: rest for label, *rest in observe([("", data)], seed) or []}
        after = {label: rest for label, *rest in observe([("", valid(inject(module, COSTS, HostHook())))], seed) or []}
        valid(inject_exact(module, InlineModel(COSTS, GAS, STACK, start="start")))
        for label in before.keys() & after.keys():
            assert after[label][0] == before[label][0], (seed, label)
            assert after[label][2] == before[label][2], (seed, label)
            compared += 1
    assert compared > 40


def test_functions_that_are_added_are_named_where_the_module_has_names(parse):
    named = parse('(module (memory 1) (func $grow (export "f") (drop (memory.grow (i32.const 1)))))')
    metered = inject(named, Costs(counted={"memory.grow": PerUnit(1, 1)}), HostHook())
    assert function_names(metered) == {1: "grow", 2: "gas.1+1n"}
    unnamed = parse('(module (memory 1) (func (export "f") (drop (memory.grow (i32.const 1)))))')
    assert function_names(inject(unnamed, Costs(counted={"memory.grow": PerUnit(1, 1)}), HostHook())) == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"overrides": {"no.such": 1}},
        {"overrides": {"end": 1}},
        {"overrides": {}},
        {"default": -1},
        {"counted": {"i32.add": PerUnit(1, 1)}},
        {"counted": {"memory.grow": PerUnit(1, 1 << 31)}},
        {"counted": {"memory.grow": PerUnit(-1, 1)}},
        {"default": 1 << 31},
        {"counted": {"memory.grow": PerUnit(1 << 31, 1)}},
    ],
    ids=str,
)
def test_a_cost_model_that_cannot_be_charged_is_refused(wrong):
    with pytest.raises(ValueError, match=r"instruction|cost|operand"):
        Costs(**wrong)


def test_the_hook_s_import_is_the_module_s_own_when_it_has_it(parse):
    module = parse('(module (import "env" "gas_consume" (func (param i64))) (func (export "f") (call 0 (i64.const 40))))')
    end, charges = charged(module, Costs(), "f")
    assert end == ("returned", [])
    assert charges == [2, 40]
    assert [entry.desc for entry in inject(module, Costs(), HostHook()).imports] == [0]
    assert module.types[0].params != bytes((I32,))


# -- real contracts ----------------------------------------------------------------------------------------------------------------


def blob(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data


def u128(value: int) -> bytes:
    return value.to_bytes(16, "little")


TOKEN = (
    ("init", b"alice", u128(10**20), {}),
    ("transfer", b"alice", blob(b"bob") + u128(3 * 10**19), {}),
    ("transfer", b"bob", blob(b"carol-with-a-long-name") + u128(1), {}),
    ("transfer", b"carol", blob(b"bob") + u128(1), {}),
    ("transfer", b"alice", b"\1", {}),
    ("balance_of", b"", blob(b"bob"), {}),
    ("total_supply", b"", b"", {}),
)
CALLS = {
    "token": TOKEN,
    "token_rust": TOKEN,
    "escrow": (
        ("init", b"alice", blob(b"bob") + (2000).to_bytes(8, "little"), {"value": 5000}),
        ("refund", b"bob", b"", {"time": 1999}),
        ("release", b"bob", b"", {}),
        ("release", b"alice", b"", {}),
        ("refund", b"bob", b"", {"time": 2000}),
        ("status", b"", b"", {}),
    ),
    "registry": (
        ("set", b"alice", blob(b"n" * 127) + blob(b"v" * 4096), {}),
        ("set", b"bob", blob(b"n" * 127) + blob(b""), {}),
        ("get", b"", blob(b"n" * 127), {}),
        ("owner", b"", blob(b"n" * 127), {}),
        ("drop", b"alice", blob(b"n" * 127), {}),
        ("get", b"", blob(b"n" * 127), {}),
    ),
}


@pytest.mark.parametrize("back_end", BACK_ENDS)
@pytest.mark.parametrize("example", CALLS)
def test_what_an_example_is_charged_is_what_it_ran(example, back_end):
    """Real entries with real inputs, those that revert included: by the book, by the host and inline, and the same effects."""
    (path,) = EXAMPLES.glob(f"*/{example}.wasm")
    module, costs = decode(path.read_bytes()), default_costs()
    by_host, inline = (inject(module, costs, hook) for hook in (HostHook(), HelperHook("gas_left", ENOUGH)))
    ledgers = [Ledger(), Ledger(), Ledger()]
    ends: set[str] = set()
    for entry, caller, data, more in CALLS[example]:
        for ledger in ledgers:
            ledger.caller, ledger.input, ledger.value, ledger.time = caller, data, more.get("value", 0), more.get("time", 0)
        watcher = Book(module, costs)
        end, spent = entered(module, watcher, ledgers[0], entry)
        charges: list[int] = []
        imports = {**ledgers[1].for_engine(), "env.gas_consume": lambda _, units, charges=charges: charges.append(units)}
        assert Instance(by_host, imports, back_end).run(entry).end == end
        result = Instance(inline, ledgers[2].for_engine(), back_end).run(entry)
        assert result.end == end
        assert ENOUGH - result.globals["gas_left"] == sum(charges)
        # a revert in the middle leaves the rest of its block charged
        assert sum(charges) == spent if end[0] == "returned" else sum(charges) >= spent
        ends.add(end[0])
    assert ledgers[0].log == ledgers[1].log == ledgers[2].log
    assert ledgers[0].log
    assert ends == {"returned", "stopped"}


def entered(module: Module, watcher: Book, ledger: Ledger, entry: str) -> tuple[tuple[str, object], int]:
    """How an entry ends by the book, and what it cost."""
    interpreter = Interpreter(module, {}, watcher, steps=200_000)
    ledger.for_interpreter(interpreter)
    try:
        end: tuple[str, object] = ("returned", interpreter.call(entry))
    except Stopped as stopped:
        end = ("stopped", str(stopped))
    return end, ENOUGH - watcher.gas


# -- a table of costs as text ------------------------------------------------------------------------------------------------------

TABLE = """
default = 3
[instructions]
"i32.add" = 5
[counted]
"memory.copy" = { base = 1, unit = 2 }
[entry]
base_bytes = 64
bytes_per_unit = 8
unit = 7
"""


def test_a_table_says_what_everything_costs():
    costs = costs_from(TABLE.encode(), where="costs.toml")
    assert [costs.of(name) for name in ("i32.add", "i32.sub", "block", "end")] == [5, 3, 0, 0]
    assert costs.counted == {"memory.copy": PerUnit(1, 2)}
    assert costs.entry == EntryCost(64, 8, 7)


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("default = 3", "", "default"),
        ("default = 3", "default = 3.5", "float"),
        ("default = 3", "default = true", "bool"),
        ("default = 3", "default = -3", "2^31"),
        ("default = 3", "default = 3\nsurplus = 1", "surplus"),
        ('"i32.add" = 5', '"i32.plus" = 5', "i32.plus"),
        ('"i32.add" = 5', '"end" = 5', "else"),
        ('"i32.add" = 5', '"i32.add" = 5\n"i32.add" = 6', "line 5"),
        ("memory.copy", "memory.size", "memory.size"),
        ("unit = 2 }", "unit = 2, per = 3 }", "per"),
        ("bytes_per_unit = 8", "bytes_per_unit = 0", "byte"),
        ("unit = 7", "unit = 2147483648", "2^31"),
        ("[entry]", "[entry", "line"),
    ],
)
def test_a_table_with_a_slip_is_refused_by_file_and_place(old, new, word):
    with pytest.raises(UsageError) as caught:
        costs_from(TABLE.replace(old, new).encode(), where="my.toml")
    assert caught.value.where == "my.toml"
    assert word in str(caught.value)


# -- the limiter's own stop --------------------------------------------------------------------------------------------------------


def test_a_stack_limit_needs_no_import(parse, valid):
    module = parse(
        """(module (import "env" "h" (func))
             (func $f (export "f") (param i32) (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1)))))))"""
    )
    stopping = limit_stack(module, depth=10, frame_bytes=4096, exhausted=("sshi", "stop"))
    closed = without_import(stopping, ("sshi", "stop"), "stop")
    valid(closed)
    assert [entry.name for entry in closed.imports] == ["h"]
    assert function_names(closed) == {1: "stop", 2: "f"}
    nothing = {"env.h": lambda _: None}
    assert Instance(closed, nothing).run("f", 9).end == ("returned", [])
    assert Instance(closed, nothing).run("f", 10).end == ("trapped", "unreachable")
    assert without_import(module, ("sshi", "stop"), "stop") is module
