"""A lowered module does what it did, on engines that know nothing newer than WebAssembly 1.0; what cannot be lowered is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.wasm.engines import BACK_ENDS, SMITH, Instance
from core.wasm.generator import generate
from core.wasm.interpreter import Interpreter, Stopped, Trap
from sshi.errors import LinkError
from sshi.wasm.decode import decode
from sshi.wasm.encode import encode
from sshi.wasm.instructions import emit
from sshi.wasm.lower import ALL, NONE, Features, lower
from sshi.wasm.module import FUNC, FUNCREF, PAGE, Custom, Element, Module
from sshi.wasm.names import function_names, names
from sshi.wasm.shake import shake

MVP = "--features=mvp,mutable-global"


@pytest.fixture(scope="session")
def mvp(wasm_tools):
    """The module's bytes, once an engine's validator with every later feature off has accepted them."""

    def check(module: Module) -> bytes:
        data = encode(shake(module))
        wasm_tools("validate", MVP, "-", stdin=data)
        return data

    return check


# -- everything at once ------------------------------------------------------------------------------------------------------------


@given(seed=st.integers(0, 1 << 32))
@settings(deadline=None, max_examples=100)
def test_a_lowered_module_does_what_it_did(seed):
    """Result, trap and its kind, memory: against an interpreter that has bulk memory and sign extension built in."""
    module = generate(seed, bulk=True, sign_extension=True)
    interpreter = Interpreter(module)
    try:
        end: tuple[str, object] = ("returned", interpreter.call("f0"))
    except Trap as trap:
        end = ("trapped", str(trap))
    except Stopped:
        return
    for back_end in BACK_ENDS:
        result = Instance(lower(module, NONE), back_end=back_end).run("f0")
        assert result.end == end
        assert result.memory == bytes(interpreter.memory)


def test_any_module_without_floats_is_lowered_to_the_same_or_refused(smith, mvp, observe):
    compared = refused = 0
    for seed in range(48):
        data = smith(seed, 4000, **SMITH, allow_floats=False, multi_value_enabled=False, reference_types_enabled=seed % 4 == 0)
        try:
            lowered = lower(decode(data), NONE)
        except LinkError as error:
            refused += bool(error.hint)
            continue
        after = {label: rest for label, *rest in observe([("", mvp(lowered))], seed) or []}
        before = {label: rest for label, *rest in observe([("", data)], seed) or []}
        for label in before.keys() & after.keys():
            assert after[label] == before[label], (seed, label)
            compared += 1
    assert compared > 20
    assert refused > 3


def test_a_module_with_nothing_to_lower_comes_back_as_it_is(parse):
    plain = parse('(module (memory (export "memory") 1) (func (export "f") (result i32) (i32.load (i32.const 0))))')
    assert lower(plain, NONE) is plain
    new = parse("(module (memory 1) (func (memory.copy (i32.const 0) (i32.const 0) (i32.extend8_s (i32.const 0)))))")
    assert lower(new, ALL) is new


def test_each_feature_is_lowered_only_where_it_is_missing(parse):
    module = parse("(module (memory 1) (func (memory.copy (i32.const 0) (i32.const 0) (i32.extend8_s (i32.const 0)))))")
    assert len(lower(module, Features(bulk_memory=True)).codes) == 1
    assert len(lower(module, Features(sign_extension=True)).codes) == 2


# -- bulk memory -------------------------------------------------------------------------------------------------------------------

BULK = """
(module (memory (export "memory") 1 3)
  (data (i32.const 0) "0123456789abcdefghijklmnopqrstuvwxyz") (data (i32.const 65500) "the end of the first page is here: .")
  (func (export "copy") (param i32 i32 i32) (memory.copy (local.get 0) (local.get 1) (local.get 2)))
  (func (export "fill") (param i32 i32 i32) (memory.fill (local.get 0) (local.get 1) (local.get 2)))
  (func (export "grow") (drop (memory.grow (i32.const 1)))))
"""

NEAR_EDGES = st.one_of(
    st.integers(0, 80),
    st.integers(PAGE - 80, PAGE + 9),
    st.sampled_from((1 << 31, (1 << 32) - 1, (1 << 32) - 8, PAGE * 2)),
    st.integers(0, PAGE),
)
LENGTHS = st.one_of(st.integers(0, 80), st.sampled_from((PAGE, PAGE - 1, PAGE + 1, (1 << 32) - 1, 1 << 31, 1000, 4097)))


def signed(value: int, bits: int = 32) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


@pytest.fixture(scope="module")
def bulk_pair(parse):
    module = parse(BULK)
    return module, lower(module, NONE)


@given(
    name=st.sampled_from(("copy", "fill")),
    calls=st.lists(st.tuples(NEAR_EDGES, NEAR_EDGES, LENGTHS), min_size=1, max_size=6),
    grow=st.booleans(),
)
@example(name="copy", calls=[(PAGE, PAGE, 0)], grow=False)
@example(name="copy", calls=[(PAGE + 1, 0, 0)], grow=False)
@example(name="copy", calls=[(0, PAGE + 1, 0)], grow=False)
@example(name="copy", calls=[(1, 0, PAGE - 1), (0, 1, PAGE - 1)], grow=False)
@example(name="copy", calls=[(0, (1 << 32) - 1, 2)], grow=False)
@example(name="fill", calls=[(PAGE + 1, 0, 0)], grow=False)
@example(name="fill", calls=[(PAGE, 7, 1)], grow=True)
@settings(deadline=None, max_examples=120)
def test_copies_and_fills_are_the_instructions_to_the_byte(bulk_pair, name, calls, grow):
    """Overlap, empty ranges, ranges past the end and past 2^32; a call that traps leaves memory untouched."""
    native, lowered = (Instance(module) for module in bulk_pair)
    if grow:
        native.run("grow")
        lowered.run("grow")
    for call in calls:
        expected = native.run(name, *map(signed, call))
        found = lowered.run(name, *map(signed, call))
        assert (found.end, found.memory == expected.memory) == (expected.end, True)


@pytest.mark.parametrize("distance", [-17, -9, -8, -7, -1, 0, 1, 3, 7, 8, 9, 16])
@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 15, 16, 17, 31])
def test_overlapping_copies_go_the_right_way(bulk_pair, distance, length):
    native, lowered = (Instance(module) for module in bulk_pair)
    assert lowered.run("copy", 18 + distance, 18, length).memory == native.run("copy", 18 + distance, 18, length).memory


def test_the_helpers_are_small_and_made_once(parse):
    copy, fill = (f"(func (memory.{name} (i32.const 0) (i32.const 0) (i32.const 0)))" for name in ("copy", "fill"))
    twice = parse(f"(module (memory 1) {copy} {copy})")
    lowered = lower(twice, NONE)
    assert len(lowered.codes) == 3
    assert len(lowered.codes[2].body) < 200
    assert len(lower(parse(f"(module (memory 1) {fill})"), NONE).codes[1].body) < 130


INIT = """
(module (memory (export "memory") 1 1) (data (i32.const 4) "used up") (data $p "a passive segment of some length") (data $q "")
  (func (export "init") (param i32 i32 i32) (memory.init $p (local.get 0) (local.get 1) (local.get 2)))
  (func (export "active") (param i32 i32 i32) (memory.init 0 (local.get 0) (local.get 1) (local.get 2)))
  (func (export "empty") (param i32 i32 i32) (memory.init $q (local.get 0) (local.get 1) (local.get 2)))
  (func (export "drop") (data.drop $p) (data.drop 0)))
"""


@given(
    name=st.sampled_from(("init", "init", "init", "active", "empty")),
    calls=st.lists(st.tuples(NEAR_EDGES, st.integers(0, 34), st.integers(0, 34)), min_size=1, max_size=5),
    drops=st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_passive_segments_become_code_that_does_the_same(parse, mvp, name, calls, drops):
    module = parse(INIT)
    lowered = lower(module, NONE)
    assert len(lowered.datas) == 1
    mvp(lowered)
    instances = Instance(module), Instance(lowered)
    for at, call in enumerate(calls):
        if drops and at == 2:
            assert [instance.run("drop").end for instance in instances] == [("returned", [])] * 2
        expected, found = (instance.run(name, *map(signed, call)) for instance in instances)
        assert (found.end, found.memory == expected.memory) == (expected.end, True)


# -- multi-value -------------------------------------------------------------------------------------------------------------------


@given(seed=st.integers(0, 1 << 32))
@settings(deadline=None, max_examples=150)
def test_several_values_arrive_where_they_did(mvp, seed):
    """Functions, blocks, loops and branches of every kind with several values, in bodies made to trap sometimes."""
    module = generate(seed, bulk=True, sign_extension=True, multi=True)
    interpreter = Interpreter(module)
    try:
        end: tuple[str, object] = ("returned", interpreter.call("f0"))
    except Trap as trap:
        end = ("trapped", str(trap))
    except Stopped:
        return
    lowered = lower(module, NONE)
    mvp(lowered)
    for back_end in BACK_ENDS:
        result = Instance(lowered, back_end=back_end).run("f0")
        assert result.end == end
        assert result.memory == bytes(interpreter.memory)
        assert result.globals == {"g32": signed(interpreter.globals[0]), "g64": signed(interpreter.globals[1], 64)}


def test_any_module_with_several_values_is_lowered_to_the_same(smith, wasm_tools, observe):
    """Of wasm-smith's; what it exports with several results is not exported here, so that it may be lowered."""
    compared = several = 0
    for seed in range(32):
        module = decode(smith(seed, 4000, **{**SMITH, "max_imports": 0}, allow_floats=False, reference_types_enabled=False))
        exports = [export for export in module.exports if export.kind != FUNC or len(module.function_type(export.index).results) < 2]
        module = replace(module, exports=tuple(exports))
        lowered = lower(module, replace(ALL, multi_value=False))
        wasm_tools("validate", f"{MVP},bulk-memory,sign-extension,reference-types", "-", stdin=encode(lowered))
        several += sum(len(module.types[of].results) > 1 for of in module.funcs)
        after = {label: rest for label, *rest in observe([("", encode(lowered))], seed) or []}
        before = {label: rest for label, *rest in observe([("", encode(module))], seed) or []}
        for label in before.keys() & after.keys():
            assert after[label] == before[label], (seed, label)
            compared += 1
    assert compared > 20
    assert several > 20


def same_ends(parse, mvp, text: str, arguments) -> Module:
    """The lowered module, once its `f` has ended as it did for each of these arguments."""
    module = parse(f"(module {text})")
    lowered = lower(module, NONE)
    mvp(lowered)
    for argument in arguments:
        assert Instance(lowered).run("f", argument).end == Instance(module).run("f", argument).end, argument
    return lowered


def test_what_an_if_without_else_takes_passes_through(parse, mvp):
    text = """(func (export "f") (param i32) (result i64) (local i64 i64)
        (i32.const 7) (i64.const 8) (i32.const 9) (local.get 0)
        (if (param i32 i64 i32) (result i32 i64 i32) (then (drop) (drop) (drop) (i32.const 1) (i64.const 2) (i32.const 3)))
        i64.extend_i32_u (local.set 1) (local.set 2)
        i64.extend_i32_u (i64.const 100) i64.mul (local.get 2) i64.add (i64.const 100) i64.mul (local.get 1) i64.add)"""
    same_ends(parse, mvp, text, (0, 1))


def test_one_table_branches_to_a_loop_a_block_and_the_function(parse, mvp):
    """Each takes its values from another place: the loop all of them, the block all but one, the function from globals."""
    text = """(func (export "f") (param i32) (result i32) (call $g (local.get 0)) i32.sub)
        (func $g (param i32) (result i32 i32)
          (block $b (result i32 i32)
            (i32.const 1) (i32.const 2)
            (loop $l (param i32 i32) (result i32 i32)
              (i32.const 40) i32.add
              (local.get 0) (local.set 0 (i32.add (local.get 0) (i32.const 5)))
              (br_table $l 2 $b $b 2 2)))
          (i32.const 1000) i32.add)"""
    same_ends(parse, mvp, text, range(5))


def test_a_branch_not_taken_leaves_the_values_where_they_were(parse, mvp):
    text = """(func (export "f") (param i32) (result i32) (call $g (local.get 0)) i32.sub)
        (func $g (param i32) (result i32 i32)
          (i32.const 50) (i32.const 8) (br_if 0 (local.get 0)) i32.sub
          (i32.const 7) (br_if 0 (i32.eqz (local.get 0))) (return))"""
    same_ends(parse, mvp, text, (0, 1))


def test_types_that_differ_in_later_results_only_go_on_differing(parse, mvp):
    """A caller that takes one for the other must trap as before; the caller that is right passes what tells them apart."""
    text = """(type $a (func (param i32) (result i32))) (type $b (func (param i32) (result i32 i32)))
        (type $c (func (param i32) (result i32 i64))) (type $d (func (param i32 i32) (result i32)))
        (table 4 4 funcref) (elem (i32.const 0) $fa $fb $fc $fd)
        (func $fa (type $a) (i32.const 1))
        (func $fb (type $b) (local $x i32) (local.set $x (local.get 0)) (i32.const 30) (i32.mul (local.get $x) (i32.const 2)))
        (func $fc (type $c) (i32.const 4) (i64.const 5)) (func $fd (type $d) (local.get 1))
        (func (export "f") (param i32) (result i32) (call_indirect (type $b) (i32.const 9) (local.get 0)) i32.add)
        (func (export "a") (param i32) (result i32) (call_indirect (type $a) (i32.const 9) (local.get 0)))
        (func (export "c") (param i32) (result i64) (local $y i64) (call_indirect (type $c) (i32.const 9) (local.get 0))
            (i64.const 3) i64.mul (local.set $y)
            i64.extend_i32_u (local.get $y) i64.add)"""
    lowered = same_ends(parse, mvp, text, range(5))
    for name in ("a", "c"):
        for slot in range(4):
            expected = Instance(parse(f"(module {text})")).run(name, slot).end
            assert Instance(lowered).run(name, slot).end == expected
    assert names(lowered).locals[1] == {3: "x"}


def test_without_indirect_calls_nothing_is_added_to_a_call(parse):
    module = parse(
        "(module (func $g (result i32 i32) (i32.const 1) (i32.const 2)) (func (result i32) (i32.const 0)) (func (call $g) drop drop))"
    )
    lowered = lower(module, NONE)
    assert lowered.codes[2].body == bytes.fromhex("10 00 23 00 1a 1a 0b")
    assert lowered.codes[0].body == bytes.fromhex("41 01 41 02 24 00 0b")
    assert lowered.codes[1] is module.codes[1]


def test_a_float_among_several_results_is_refused(parse):
    with pytest.raises(LinkError, match="f64"):
        lower(parse("(module (func (result i32 f64) (i32.const 1) (f64.const 2)))"), NONE)


# -- the other features ------------------------------------------------------------------------------------------------------------


def test_sign_extension_becomes_two_shifts(parse, mvp):
    text = "".join(
        f'(func (export "{name}") (param {kind}) (result {kind}) ({kind}.{name} (local.get 0)))'
        for kind, name in (("i32", "extend8_s"), ("i32", "extend16_s"), ("i64", "extend32_s"))
    )
    module = parse(f"(module {text})")
    lowered = lower(module, NONE)
    mvp(lowered)
    for value in (0, 1, 127, 128, 255, 256, 32_767, 32_768, -1, -128, (1 << 31) - 1, -(1 << 31)):
        for name in ("extend8_s", "extend16_s", "extend32_s"):
            assert Instance(lowered).run(name, value).end == Instance(module).run(name, value).end


def test_padded_numbers_in_code_become_their_shortest_form():
    """As wasm-ld writes them for relocation: call_indirect's table, memory.size's memory, a local, a constant."""
    body = bytes.fromhex("3f 80 80 00 1a  20 80 80 80 80 00 1a  41 ff 80 80 80 00 1a  41 00 11 80 00 80 80 80 80 00  0b")
    start = bytes.fromhex("0061736d01000000 0104016000 00".replace(" ", "")) + bytes.fromhex(
        "030201 00 0404 01 70 00 01 0503 01 00 01".replace(" ", "")
    )
    code = bytes((1, 1, 0x7F)) + body
    module = decode(start + bytes((0x0A, len(code) + 2, 1, len(code))) + code)
    lowered = lower(module, NONE)
    assert lowered.codes[0].body == bytes.fromhex("3f 00 1a 20 00 1a 41 ff 00 1a 41 00 11 00 00 0b")
    assert Instance(lowered)


def test_a_typed_select_of_numbers_loses_its_type(parse, mvp):
    module = parse('(module (func (export "f") (param i32) (result i64) (select (result i64) (i64.const 1) (i64.const 2) (local.get 0))))')
    lowered = lower(module, NONE)
    mvp(lowered)
    assert Instance(lowered).run("f", 1).end == ("returned", [1])
    assert Instance(lowered).run("f", 0).end == ("returned", [2])


def test_a_block_typed_by_index_with_one_result_is_typed_by_it():
    """`block 0` and `block 1` for `() -> ()` and `() -> i32`, as some optimisers write them."""
    body = bytes.fromhex("02 00 0b 02 01 41 05 0b 1a 0b")
    types = bytes.fromhex("0108026000006000017f")
    code = b"\0" + body
    module = decode(b"\0asm\1\0\0\0" + types + bytes.fromhex("03020100") + bytes((0x0A, len(code) + 2, 1, len(code))) + code)
    assert lower(module, NONE).codes[0].body == bytes.fromhex("02 40 0b 02 7f 41 05 0b 1a 0b")
    assert lower(module, Features(multi_value=True)) is module


TABLES = {
    "expressions": "(table 3 funcref) (elem (i32.const 1) funcref (ref.func $a) (ref.func $b))",
    "an explicit table": "(table $t 3 funcref) (elem (table $t) (i32.const 1) func $a $b)",
    "passive and declarative segments": "(table 3 funcref) (elem func $a) (elem declare func $b) (elem (i32.const 1) func $a $b)",
    "nulls between": "(table 4 funcref) (elem (i32.const 0) funcref (ref.null func) (ref.func $a) (ref.func $b) (ref.null func))",
}


@pytest.mark.parametrize("name", TABLES)
def test_element_segments_become_lists_of_functions(parse, mvp, name):
    text = f"""(module {TABLES[name]} (func $a (result i32) (i32.const 10)) (func $b (result i32) (i32.const 20))
        (func (export "f") (param i32) (result i32) (call_indirect (result i32) (local.get 0))))"""
    module = parse(text)
    lowered = lower(module, NONE)
    mvp(lowered)
    assert {segment.flag for segment in lowered.elements} == {0}
    for slot in range(5):
        assert Instance(lowered).run("f", slot).end == Instance(module).run("f", slot).end


def test_a_segment_of_nulls_that_does_not_fit_still_traps(parse):
    module = parse("(module (table 1 funcref) (elem (i32.const 1) funcref (ref.null func)))")
    lowered = lower(module, NONE)
    for one in (module, lowered):
        with pytest.raises(Exception, match="out of bounds"):
            Instance(one)


def test_the_data_count_goes_and_explicit_memory_zero_too(parse, mvp):
    module = parse('(module (memory 1) (data "unused") (data (i32.const 1) "x") (func (data.drop 0)))')
    module = replace(module, datas=(module.datas[0], replace(module.datas[1], flag=2)))
    lowered = lower(module, NONE)
    assert lowered.datacount is None
    assert [(segment.flag, segment.data) for segment in lowered.datas] == [(0, b"x")]
    mvp(lowered)


def test_constant_expressions_that_compute_are_worked_out(wasm_tools, mvp):
    text = """(module (memory 1) (global (export "g") i64 (i64.sub (i64.const 5) (i64.mul (i64.const 3) (i64.const 4))))
        (data (i32.add (i32.const 65530) (i32.const -65528)) "x"))"""
    module = decode(wasm_tools("parse", "-", stdin=text.encode()))
    lowered = lower(module, NONE)
    mvp(lowered)
    assert Instance(lowered).get("g") == -7
    assert lowered.datas[0].offset == b"\x41\x02\x0b"


def test_names_follow_what_moves_and_positions_do_not_stay_wrong(parse):
    module = parse(
        """(module (memory 1) (data $gone "p") (data $kept (i32.const 0) "k")
             (func $f (memory.copy (i32.const 0) (i32.const 0) (i32.const 1))))"""
    )
    module = replace(module, customs=(*module.customs, Custom(".debug_line", b"..", 11), Custom("target_features", b"\0", 11)))
    lowered = lower(module, NONE)
    assert function_names(lowered) == {0: "f", 1: "lowered.memory.copy"}
    assert names(lowered).spaces["data"] == {0: "kept"}
    assert [custom.name for custom in lowered.customs] == ["name"]


# -- refusals ----------------------------------------------------------------------------------------------------------------------

REFUSED = {
    "table.get": ("(table 1 funcref) (func $f (drop (table.get (i32.const 0))))", "reference-types"),
    "ref.func": ("(elem declare func $f) (func $f (drop (ref.func $f)))", "reference-types"),
    "table.copy": ("(table 1 funcref) (func $f (table.copy (i32.const 0) (i32.const 0) (i32.const 0)))", "bulk-memory"),
    "elem.drop": ("(table 1 funcref) (elem $e func $f) (func $f (elem.drop $e))", "bulk-memory"),
    "table 1": ("(table 1 funcref) (table $u 1 funcref) (func $f (call_indirect $u (i32.const 0)))", "reference-types"),
    "it is exported and returns 2 values": ('(func $f (export "g") (result i32 i32) (i32.const 0) (i32.const 0))', "multivalue"),
    "it is imported and returns 3 values": ('(import "env" "h" (func $f (result i32 i32 i64)))', "multivalue"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_has_no_equal_is_refused_with_function_place_and_flag(parse, wat, what):
    text, feature = REFUSED[what]
    with pytest.raises(LinkError) as caught:
        lower(parse(f"(module {text})"), NONE)
    assert what in str(caught.value)
    assert "`f`" in str(caught.value)
    assert f"-{feature}" in caught.value.hint
    if "at byte" in caught.value.where:
        offset = int(caught.value.where.rpartition(" ")[2])
        assert wat(f"(module {text})")[offset] in (0x25, 0xD2, 0xFC, 0x11)


def test_segments_that_need_references_are_refused(parse):
    for text in (
        "(table $t 1 funcref) (table $u 1 funcref) (elem (table $u) (i32.const 0) func $f)",
        "(table 2 funcref) (elem (i32.const 0) func $f) (elem (i32.const 0) funcref (ref.null func))",
        "(table 1 externref) (elem (i32.const 0) externref (ref.null extern))",
        "(table 1 funcref) (table 1 funcref)",
    ):
        with pytest.raises(LinkError, match=r"segment|tables"):
            lower(parse(f"(module {text} (func $f))"), NONE)


def test_elements_of_plain_tables_are_left_alone(parse):
    module = parse("(module (table 1 funcref) (elem (i32.const 0) $f) (func $f))")
    assert module.elements == (Element(0, 0, b"\x41\0\x0b", None, (0,)),)
    assert lower(module, NONE) is module


@pytest.mark.parametrize(("pairs", "is_taken"), [(99_999, True), (100_000, False)])
def test_null_references_may_part_elements_into_as_many_segments_as_there_may_be_and_no_more(parse, pairs, is_taken):
    """Every null parts a segment in two, and an empty one at the end asks whether the last null fits; one more than engines take made an
    invalid module.
    """
    plain = parse("(module (table 300000 funcref) (elem (i32.const 0) func $f) (func $f))")
    ref, null = (emit(*words) + emit("end") for words in (("ref.func", 0), ("ref.null", FUNCREF - 0x80)))
    module = replace(plain, elements=(Element(4, 0, plain.elements[0].offset, None, (ref, null) * pairs),))
    if is_taken:
        assert len(lower(module, NONE).elements) == pairs + 1
    else:
        with pytest.raises(LinkError, match="100,001 segments"):
            lower(module, NONE)


def test_passive_segments_without_end_are_refused_before_they_are_code(parse):
    """Each that is read takes two functions."""
    segments = 5_001
    inits = " ".join(f"(memory.init {at} (i32.const 0) (i32.const 0) (i32.const 1))" for at in range(segments))
    module = parse("(module (memory 1) " + '(data "x") ' * segments + f"(func {inits}))")
    with pytest.raises(LinkError, match="10,000 functions"):
        lower(module, NONE)


def test_passive_segments_of_more_than_a_mebibyte_together_are_refused_before_they_are_code(parse):
    """A module of 3.7 MB took 274 MiB to be told that its 10 MB of code are too much for a chain."""
    read = "(memory.init 0 (i32.const 0) (i32.const 0) (i32.const 1)) (memory.init 1 (i32.const 0) (i32.const 0) (i32.const 1))"
    plain = parse(f'(module (memory 1) (data "x") (data "") (func {read}))')
    most, more = (replace(plain, datas=(replace(plain.datas[0], data=bytes(size)), plain.datas[0])) for size in ((1 << 20) - 1, 1 << 20))
    assert len(lower(most, NONE).codes) == 5
    with pytest.raises(LinkError, match="1,048,577 bytes of passive segments"):
        lower(more, NONE)
