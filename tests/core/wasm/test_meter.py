"""Metered modules do what they did, and charge what a count of every instruction by the book comes to."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.wasm.book import CHAIN, COSTS, ENOUGH, GAS, GROWS, HOST, STACK, STOPS, Book, book, charged
from core.wasm.engines import BACK_ENDS, SMITH, Instance, Result, Stop
from core.wasm.generator import generate
from sshi.errors import LinkError, UsageError
from sshi.wasm.decode import decode
from sshi.wasm.instructions import tokens
from sshi.wasm.meter import (
    Costs,
    EntryCost,
    HelperHook,
    HostHook,
    InlineModel,
    Kinds,
    PerUnit,
    StackModel,
    block_points,
    costs_from,
    exact_points,
    inject,
    inject_exact,
    metered,
    without_import,
)
from sshi.wasm.module import I32, Module
from sshi.wasm.names import function_names
from sshi.wasm.stack import limit_stack


def run_exact(module: Module, model: InlineModel, gas: int = ENOUGH, name: str = "f0", back_end: str = "cranelift", **imports) -> Result:
    """A run of the metered module, read as a host must read it: a trap with the gas below zero is exhaustion."""
    instance = Instance(inject_exact(module, model), {**STOPS, **{f"env.{key}": value for key, value in imports.items()}}, back_end)
    instance.set("gas_left", gas)
    result = instance.run(name)
    if model.late and result.end[0] == "trapped" and result.globals["gas_left"] < 0:
        result.end = ("stopped", "gas")
    return result


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
