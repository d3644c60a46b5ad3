"""Operand heights are what a hand count gives, and a limited module stops where a count by the book does, on every engine."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.wasm.engines import BACK_ENDS, SMITH, Instance, Stop
from core.wasm.generator import generate
from core.wasm.interpreter import Interpreter, Stopped, Trap, Watcher
from sshi.errors import LinkError
from sshi.wasm.decode import decode
from sshi.wasm.meter import Costs, HelperHook, HostHook, PerUnit, inject
from sshi.wasm.meter.inline import ROOM
from sshi.wasm.module import FUNC, I32, Module
from sshi.wasm.stack import Height, frame_bytes, heights, limit_stack

EXHAUSTED = ("env", "exhausted")


def stop(_: Instance) -> None:
    raise Stop("stack")


def limited(module: Module, depth: int = 512, frame_bytes: int = 65_536) -> Module:
    return limit_stack(module, depth=depth, frame_bytes=frame_bytes, exhausted=EXHAUSTED)


def run(module: Module, name: str, *args: int, back_end: str = "cranelift") -> tuple[str, object]:
    return Instance(module, {"env.exhausted": stop}, back_end).run(name, *args).end


class Count(Watcher):
    """Counts activations and their bytes by the book, and stops past the limits."""

    def __init__(self, module: Module, depth: int, frame_bytes_: int) -> None:
        self.heights = heights(module)
        functions = zip(self.heights, module.funcs, module.codes, strict=True)
        self.sizes = [height.bytes + frame_bytes(module.types[of], code) for height, of, code in functions]
        self.left, self.bytes_left = depth, frame_bytes_
        self.highest = [Height(0, 0)] * len(self.sizes)

    def enter(self, function: int) -> None:
        self.left -= 1
        self.bytes_left -= self.sizes[function]
        if self.left < 0 or self.bytes_left < 0:
            raise Stopped("stack")

    def leave(self, function: int) -> None:
        self.left += 1
        self.bytes_left += self.sizes[function]

    def operands(self, function: int, size: int, slots: int) -> None:
        old = self.highest[function]
        self.highest[function] = Height(max(old.bytes, size), max(old.slots, slots))


# -- heights -----------------------------------------------------------------------------------------------------------------------

BODIES = {
    "nothing": ("(func)", 0, 0),
    "one operation": ("(func (drop (i32.add (i32.const 1) (i32.const 2))))", 8, 2),
    "i64 is eight bytes": ("(func (drop (i64.add (i64.const 1) (i64.const 2))))", 16, 2),
    "a result widened": ("(func (drop (i64.extend_i32_u (i32.const 1))))", 8, 1),
    "f32 four, f64 eight": ("(func (drop (f32.const 0)) (drop (f64.const 0)))", 8, 1),
    "locals are not operands": ("(func (param i64) (local i64) (local.set 1 (local.get 0)))", 8, 1),
    "below a block": ("(func (i64.const 1) (block (drop (i32.const 1))) drop)", 12, 2),
    "a block's result": ("(func (result i64) (block (result i64) (i64.const 1) (i32.const 1) (br_if 0)))", 12, 2),
    "the higher arm": (
        "(func (if (result i32) (i32.const 0) (then (i32.const 1)) (else (i64.const 1) (i64.const 2) i64.add i32.wrap_i64)) drop)",
        16,
        2,
    ),
    "select": ("(func (result i64) (select (i64.const 1) (i64.const 2) (i32.const 0)))", 20, 3),
    "call arguments": ("(func $f (param i64 i64 i32) (result i32) (call $f (i64.const 0) (i64.const 0) (i32.const 0)))", 20, 3),
    "results of a call": ("(func (result i64 i64 i64) (call 0))", 24, 3),
    "an index for call_indirect": ("(table 1 funcref) (func (param i64) (call_indirect (param i64) (local.get 0) (i32.const 0)))", 12, 2),
    "after call_indirect": (
        "(table 1 funcref) (func (call_indirect (param i64) (i64.const 0) (i32.const 0)) (i64.const 1) (i64.const 2) drop drop)",
        16,
        2,
    ),
    "block parameters": ("(func (i64.const 1) (block (param i64) (i64.const 2) drop drop))", 16, 2),
    "parameters come again in else": (
        "(func (i64.const 1) (if (param i64) (i32.const 1) (then drop) (else (i64.const 2) (i64.const 3) drop drop drop)))",
        24,
        3,
    ),
    "dead code is not run": ("(func (br 0) (i64.const 1) (i64.const 2) drop drop)", 0, 0),
    "dead blocks neither": ("(func (block (unreachable) (block (i64.const 1) (i64.const 2) drop drop)) (drop (i32.const 1)))", 4, 1),
    "after a dead block's end": ("(func (result i64) (block (result i64) (return (i64.const 1))) (i32.const 1) drop)", 12, 2),
    "dead until else": ("(func (if (i32.const 1) (then (unreachable) (i64.const 0) drop) (else (drop (i64.const 1)))))", 8, 1),
    "after br_table": ("(func (i32.const 0) (br_table 0 0) (i64.const 1) drop)", 4, 1),
    "a store": ("(memory 1) (func (i64.store (i32.const 0) (i64.const 1)))", 12, 2),
    "memory.copy": ("(memory 1) (func (memory.copy (i32.const 0) (i32.const 1) (i32.const 2)))", 12, 3),
    "a reference": ("(table 1 funcref) (func (table.set (i32.const 0) (ref.null func)))", 12, 2),
    "globals": ("(global $g (mut i64) (i64.const 0)) (func (global.set $g (global.get $g)))", 8, 1),
    "tee leaves its value": ("(func (local i64) (drop (local.tee 0 (i64.const 1))))", 8, 1),
}


@pytest.mark.parametrize("name", BODIES)
def test_the_height_of_a_body_is_what_a_hand_count_gives(name, parse):
    text, size, slots = BODIES[name]
    assert heights(parse(f"(module {text})"))[-1] == Height(size, slots)


@given(seed=st.integers(0, 1 << 32))
@settings(deadline=None, max_examples=60)
def test_no_run_ever_gets_higher_than_the_height(seed):
    module = generate(seed, bulk=True, sign_extension=True)
    watcher = Count(module, 1 << 30, 1 << 30)
    with suppress(Trap, Stopped):
        Interpreter(module, watcher=watcher).call("f0")
    for seen, height in zip(watcher.highest, watcher.heights, strict=True):
        assert seen.bytes <= height.bytes
        assert seen.slots <= height.slots


@given(values=st.lists(st.sampled_from(("i32", "i64", "f32", "f64")), max_size=20))
@settings(deadline=None, max_examples=40)
def test_straight_code_is_as_high_as_what_it_pushed(values, parse):
    """Without branches and calls the whole body runs, so the bound is met, not only kept."""
    text = "".join(f"({kind}.const 0)" for kind in values) + "drop " * len(values)
    assert heights(parse(f"(module (func {text}))")) == (Height(sum(int(kind[1:]) // 8 for kind in values), len(values)),)


def test_control_that_is_not_followed_is_refused_by_name():
    module = decode(b"\0asm\1\0\0\0\1\4\1\x60\0\0\3\2\1\0\x0a\6\1\4\0\x12\0\x0b")
    with pytest.raises(LinkError, match="return_call"):
        heights(module)


# -- the limit ---------------------------------------------------------------------------------------------------------------------

DOWN = """
(module (memory (export "memory") 1)
  (func $down (export "down") (param i32) (result i32)
    (if (i32.eqz (local.get 0)) (then (return (i32.const 7))))
    (call $down (i32.sub (local.get 0) (i32.const 1)))))
"""


@pytest.mark.parametrize("back_end", BACK_ENDS)
def test_the_last_call_allowed_returns_and_the_next_stops(parse, back_end):
    module = limited(parse(DOWN), depth=10)
    assert run(module, "down", 9, back_end=back_end) == ("returned", [7])
    assert run(module, "down", 10, back_end=back_end) == ("stopped", "stack")


def test_bytes_of_parameters_locals_and_operands_count_to_the_last(parse):
    """`down` takes 4 bytes of parameters and 8 of operands: ten activations are 120 bytes."""
    assert run(limited(parse(DOWN), frame_bytes=120), "down", 9) == ("returned", [7])
    assert run(limited(parse(DOWN), frame_bytes=119), "down", 9) == ("stopped", "stack")


def test_a_frame_larger_than_the_limit_stops_at_once(parse):
    module = parse('(module (func (export "f") (local i64 i64 i64)))')
    assert run(limited(module, frame_bytes=24), "f") == ("returned", [])
    for too_few in (23, 3, 0):
        assert run(limited(module, frame_bytes=too_few), "f") == ("stopped", "stack")


def test_the_count_is_put_back_when_a_call_ends_whatever_way_it_ends(parse):
    """Each export leaves through another door; after every one of them exactly as many calls fit as before."""
    ways = {
        "falls": "(nop)",
        "returns": "(if (i32.const 1) (then (return)))",
        "branches": "(block (loop (br 2)))",
        "branches_if": "(br_if 0 (i32.const 1))",
        "table": "(block (br_table 1 0 1 (i32.const 0)))",
    }
    functions = "".join(f'(func (export "{name}") {body} (drop (call $down (i32.const 0))))' for name, body in ways.items())
    module = limited(parse(DOWN.strip().removesuffix(")") + functions + ")"), depth=10)
    for name in ways:
        instance = Instance(module, {"env.exhausted": stop})
        for _ in range(3):
            assert instance.run(name).end == ("returned", [])
            assert instance.run("down", 9).end == ("returned", [7]), name
        assert instance.run("down", 10).end == ("stopped", "stack")


def test_several_results_come_through_an_early_return(parse):
    module = parse(
        """(module (func $f (export "f") (param i32) (result i32 i64)
             (if (i32.eqz (local.get 0)) (then (return (i32.const 3) (i64.const 4))))
             (call $f (i32.sub (local.get 0) (i32.const 1)))))"""
    )
    assert run(limited(module, depth=5), "f", 4) == ("returned", [3, 4])
    assert run(limited(module, depth=5), "f", 5) == ("stopped", "stack")


@pytest.mark.parametrize("back_end", BACK_ENDS)
def test_recursion_through_the_table_and_through_two_functions_counts(parse, back_end):
    module = limited(
        parse(
            """(module (type $t (func (param i32) (result i32))) (table 1 funcref) (elem (i32.const 0) $odd)
                 (func $even (export "even") (type $t)
                   (if (result i32) (local.get 0)
                     (then (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0))) (else (i32.const 1))))
                 (func $odd (type $t)
                   (if (result i32) (local.get 0) (then (call $even (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 0)))))"""
        ),
        depth=100,
    )
    assert run(module, "even", 99, back_end=back_end) == ("returned", [0])
    assert run(module, "even", 100, back_end=back_end) == ("stopped", "stack")


METERS = {"host": HostHook(), **{f"inline, room for {room}": HelperHook("gas_left", 1 << 40, room=room) for room in (0, ROOM, 1 << 20)}}


@pytest.mark.parametrize("back_end", BACK_ENDS)
@pytest.mark.parametrize("meter", METERS)
def test_a_metered_recursion_stops_as_deep_as_one_that_is_not(parse, meter, back_end):
    """What a meter adds is free: neither its helpers nor what it writes in place moves the depth, or what was done up to there."""
    plain = parse(
        """(module (memory 1) (global (export "entered") (mut i32) (i32.const 0))
             (func $a (export "f") (param i32)
               (global.set 0 (i32.add (global.get 0) (i32.const 1)))
               (loop (br_if 0 (local.tee 0 (i32.shr_u (local.get 0) (i32.const 1)))))
               (memory.fill (i32.const 0) (i32.const 0) (i32.const 3))
               (call $b (i32.const 9)))
             (func $b (param i32) (call $a (local.get 0))))"""
    )
    own = len(plain.funcs)
    module = inject(plain, Costs(counted={"memory.fill": PerUnit(1, 1)}), METERS[meter])
    first = len(module.imported(FUNC))
    helpers = range(first + own, first + len(module.funcs))
    bounded = limit_stack(module, depth=101, frame_bytes=1 << 20, exhausted=EXHAUSTED, free=helpers)
    result = Instance(bounded, {"env.exhausted": stop, "env.gas_consume": lambda *_: None}, back_end).run("f", 5)
    expected = Instance(limited(plain, depth=101, frame_bytes=1 << 20), {"env.exhausted": stop}).run("f", 5)
    assert result.end == expected.end == ("stopped", "stack")
    assert result.globals["entered"] == expected.globals["entered"] == 51


def test_a_module_that_cannot_pass_the_limit_comes_back_as_it_is(parse):
    module = parse('(module (func $leaf) (func $mid (call $leaf) (call $leaf)) (func (export "f") (call $mid)))')
    assert limited(module, depth=3) is module
    assert limited(module, depth=2) is not module


def test_only_functions_on_the_way_to_a_check_are_touched(parse):
    """`deep` recurses, `top` leads to it, `side` does neither."""
    module = parse(
        """(module (func $deep (call $deep)) (func $side (drop (i32.const 1)))
             (func (export "top") (call $side) (if (i32.const 0) (then (call $deep)))))"""
    )
    out = limited(module)
    assert [new.body == old.body for new, old in zip(out.codes, module.codes, strict=True)] == [False, True, False]


def test_limits_that_need_more_than_a_word_are_counted_in_two(parse):
    module = limited(parse(DOWN), depth=1 << 20, frame_bytes=1 << 30)
    assert run(module, "down", 1000) == ("returned", [7])
    assert run(limited(parse(DOWN), depth=50, frame_bytes=1 << 40), "down", 50) == ("stopped", "stack")
    with pytest.raises(ValueError, match="do not fit"):
        limited(parse(DOWN), depth=1 << 40, frame_bytes=1 << 40)


def test_the_import_shifts_every_function_index_and_its_name(parse):
    module = parse(
        """(module (import "env" "a" (func $a)) (table 2 funcref) (elem (i32.const 0) func $r $a) (elem declare func $r)
             (func $r (export "r") (call $r) (call $a) (drop (ref.func $r))))"""
    )
    out = limited(module)
    assert [(entry.module, entry.name) for entry in out.imports] == [("env", "a"), EXHAUSTED]
    assert out.exports[0].index == 2
    assert out.elements[0].items == (2, 0)
    assert Instance(out, {"env.a": lambda _: None, "env.exhausted": stop}).run("r").end == ("stopped", "stack")


def test_a_module_that_imports_the_function_already_gets_no_second_import(parse):
    module = parse('(module (import "env" "exhausted" (func)) (func $r (export "r") (call $r)))')
    assert len(limited(module).imports) == 1
    assert run(limited(module), "r") == ("stopped", "stack")


@given(seed=st.integers(0, 1 << 32), depth=st.integers(1, 12), frame_bytes_=st.sampled_from((40, 100, 300, 1 << 20)))
@settings(deadline=None, max_examples=80)
def test_a_limited_module_does_what_it_did_and_stops_where_the_book_says(seed, depth, frame_bytes_):
    module = generate(seed, bulk=True, recursive=True)
    book = Interpreter(module, watcher=Count(module, depth, frame_bytes_), steps=20_000)
    try:
        end: tuple[str, object] = ("returned", book.call("f0"))
    except Trap as trap:
        end = ("trapped", str(trap))
    except Stopped as stopped:
        end = ("stopped", str(stopped))
    if end == ("stopped", "steps"):
        return
    for back_end in BACK_ENDS:
        result = Instance(limited(module, depth, frame_bytes_), {"env.exhausted": stop}, back_end).run("f0")
        assert result.end == end
        assert result.memory == bytes(book.memory)
        assert [result.globals["g32"] % (1 << 32), result.globals["g64"] % (1 << 64)] == book.globals


def test_any_module_stays_valid_and_does_the_same_below_the_limit(smith, valid, observe):
    """Modules with floats, several results, references: the pass must not care."""
    compared = 0
    for seed in range(32):
        data = smith(seed, 4000, **SMITH)
        out = limited(decode(data), depth=1 << 14, frame_bytes=1 << 24)
        before = {label: rest for label, *rest in observe([("", data)], seed) or []}
        after = {label: rest for label, *rest in observe([("", valid(out))], seed) or []}
        for label in before.keys() & after.keys():
            assert after[label] == before[label], (seed, label)
            compared += 1
    assert compared > 40


@pytest.mark.parametrize(("locals_", "is_taken"), [(49_999, True), (50_000, False)])
def test_a_function_with_as_many_locals_as_there_may_be_is_refused_and_one_less_is_limited(parse, valid, locals_, is_taken):
    """The count is kept in a local more; found by bodies made at random."""
    module = parse("""(module (func $f (export "f") (call $f)))""")
    full = replace(module, codes=(replace(module.codes[0], locals=((locals_, I32),)),))
    valid(full)
    if is_taken:
        valid(limit_stack(full, depth=9, frame_bytes=1 << 20, exhausted=("sshi", "stop")))
    else:
        with pytest.raises(LinkError, match="50,000"):
            limit_stack(full, depth=9, frame_bytes=1 << 20, exhausted=("sshi", "stop"))
