"""What is thrown away, what must stay, and that nobody can tell the difference."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from sshi.errors import DecodeError
from sshi.wasm.decode import decode
from sshi.wasm.encode import encode
from sshi.wasm.module import FUNC, GLOBAL, Code, Custom, Element, Export, Module
from sshi.wasm.names import function_names, names
from sshi.wasm.shake import fold_globals, shake


@pytest.fixture
def shaken(parse, valid):
    """The module in the text, shaken and accepted by the engine."""

    def run(text: str) -> Module:
        module = shake(parse(text))
        valid(module)
        return module

    return run


def test_unreachable_functions_imports_globals_and_types_go_and_the_rest_is_renumbered(shaken):
    module = shaken("""
        (module
          (type $unused (func (param f64)))
          (import "env" "dead" (func $dead (param i64)))
          (import "env" "live" (func $live (param i32)))
          (import "env" "base" (global $base i32))
          (global $gone i32 (i32.const 1)) (global $kept (mut i32) (i32.const 2))
          (func $orphan (call $dead (i64.const 1)) (drop (global.get $gone)))
          (func $inner (result i32) (global.get $kept))
          (func (export "call") (call $live (call $inner))))""")
    assert [(entry.module, entry.name) for entry in module.imports] == [("env", "live")]
    assert (len(module.funcs), len(module.globals), len(module.types)) == (2, 1, 3)
    assert function_names(module) == {0: "live", 1: "inner"}
    assert names(module).spaces["global"] == {0: "kept"}
    assert [code.body for code in module.codes] == [b"\x23\x00\x0b", b"\x10\x01\x10\x00\x0b"]


def test_equal_types_become_one(parse):
    module = parse('(module (func (export "f") (param i32)) (func (export "g") (param i32)))')
    twice = replace(module, types=module.types * 2, funcs=(0, 1))
    assert (shake(twice).types, shake(twice).funcs) == (module.types, (0, 0))


def test_a_start_function_keeps_what_it_calls(shaken):
    module = shaken('(module (import "e" "f" (func $f)) (import "e" "g" (func)) (func $s (call $f)) (start $s))')
    assert ([entry.name for entry in module.imports], module.start) == (["f"], 1)


def test_memories_always_stay_and_so_does_their_data(shaken):
    module = shaken('(module (import "env" "memory" (memory 1)) (data (i32.const 0) "kept"))')
    assert (len(module.imports), len(module.datas)) == (1, 1)


def test_a_table_that_nothing_uses_goes_with_the_functions_only_it_names(shaken):
    module = shaken('(module (table 2 funcref) (elem (i32.const 0) $f) (func $f) (func (export "g")))')
    assert (module.tables, module.elements, len(module.funcs)) == ((), (), 1)


@pytest.mark.parametrize(
    "use",
    [
        '(export "t" (table $t))',
        '(func (export "g") (call_indirect $t (i32.const 0)))',
        '(func (export "g") (drop (table.size $t)))',
        '(func (export "g") (table.copy $t $t (i32.const 0) (i32.const 0) (i32.const 0)))',
    ],
)
def test_a_table_in_use_keeps_its_segments_functions(shaken, use):
    module = shaken(
        f'(module (import "e" "f" (func $f)) (table 1 funcref) (table $t 2 funcref) (elem (table $t) (i32.const 0) func $f) {use})'
    )
    assert len(module.tables) == 1
    assert [(segment.table, segment.items) for segment in module.elements] == [(0, (0,))]
    assert len(module.imports) == 1


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ("(table 1 funcref) (elem (i32.const 1) $f)", False),
        ("(table 2 funcref) (elem (i32.const -1) $f)", False),
        ('(memory 1) (data (i32.const 65537) "")', False),
        ('(memory 1) (data (i32.const 65536) "")', True),
        ("(table 2 funcref) (elem (i32.const 1) $f)", True),
    ],
)
def test_a_trap_at_instantiation_is_kept(parse, valid, observe, text, starts):
    whole = parse(f'(module {text} (func $f) (func (export "g")))')
    assert (observe([("", valid(whole))]) is not None) is starts
    module = shake(whole)
    assert (observe([("", valid(module))]) is not None) is starts
    assert bool(module.elements or module.datas) is not starts


def test_an_imported_table_that_is_filled_is_seen_from_outside(shaken):
    module = shaken('(module (import "e" "t" (table 2 funcref)) (elem (i32.const 0) $f) (func $f))')
    assert (len(module.imports), len(module.elements), len(module.funcs)) == (1, 1, 1)


def test_passive_segments_stay_only_with_an_instruction_that_reads_them(shaken):
    module = shaken("""
        (module (memory 1) (table 1 funcref) (data $a "a") (data $b "b") (elem $c func $f) (elem $d func $g) (func $f) (func $g)
          (func (export "go")
            (memory.init $b (i32.const 0) (i32.const 0) (i32.const 0)) (table.init $d (i32.const 0) (i32.const 0) (i32.const 0))))""")
    assert [segment.data for segment in module.datas] == [b"b"]
    assert module.datacount == 1
    assert [segment.items for segment in module.elements] == [(0,)]


def test_a_data_count_that_nothing_needs_goes_since_old_engines_refuse_it(shaken):
    module = shaken('(module (memory 1) (data $a "a") (data (i32.const 0) "b") (func (data.drop $a)))')
    assert (module.datacount, [segment.data for segment in module.datas]) == (None, [b"b"])


def test_a_function_whose_reference_is_taken_stays_declared(shaken):
    """Its declaration may have been in a segment that is gone: then it gets one of its own."""
    module = shaken("""
        (module (table 4 funcref) (elem (i32.const 0) $f $dead) (func $f) (func $dead)
          (func (export "is_null") (result i32) (ref.is_null (ref.func $f))))""")
    assert module.tables == ()
    assert module.elements == (Element(3, 0, None, 0, (0,)),)


def test_a_declaration_that_is_enough_stays_alone(shaken):
    module = shaken('(module (func $f) (elem declare func $f) (func (export "g") (drop (ref.func $f))))')
    assert module.elements == (Element(3, 0, None, 0, (0,)),)
    assert shaken('(module (func $f (export "f")) (elem declare func $f) (func (export "g") (drop (ref.func $f))))').elements == ()


def test_globals_and_tables_keep_what_their_initial_values_name(shaken):
    module = shaken("""
        (module (import "e" "n" (global $n i32)) (import "e" "m" (global $m i32)) (func $f) (func $dead)
          (global $r funcref (ref.func $f)) (global (export "k") i32 (global.get $m))
          (func (export "g") (result funcref) (global.get $r)))""")
    assert [entry.name for entry in module.imports] == ["m"]
    assert (len(module.funcs), [entry.init for entry in module.globals]) == (2, [b"\xd2\x00\x0b", b"\x23\x00\x0b"])


def test_tags_are_kept_with_the_instructions_that_name_them(parse):
    text = '(module (tag $a) (tag $b (param i32)) (func (export "f") (try_table (catch $b 0) (throw $b (i32.const 1))) unreachable))'
    module = shake(parse(text.replace("(catch $b 0)", "(catch_all 0)")))
    assert (len(module.tags), module.codes[0].body[:7]) == (1, b"\x1f\x40\x01\x02\x00\x41\x01")


def test_sections_that_point_into_code_go_when_code_moved_and_stay_when_it_did_not(parse):
    module = replace(
        parse('(module (func $a) (func (export "b")))'), customs=(Custom(".debug_line", b"", 11), Custom("producers", b"", 11))
    )
    assert [custom.name for custom in shake(module).customs] == ["producers"]
    assert shake(shake(module)) == shake(module)
    tight = replace(module, exports=(*module.exports, Export("a", FUNC, 0)))
    assert shake(tight).customs == tight.customs


def test_a_module_without_anything_to_throw_away_is_written_as_it_was(wat):
    data = wat('(module (import "e" "f" (func $f)) (memory (export "memory") 1) (func (export "g") (call $f)))')
    assert encode(shake(decode(data))) == data


def test_an_index_out_of_range_is_an_error():
    module = Module(exports=(Export("f", FUNC, 3),))
    with pytest.raises(DecodeError, match="func index 3 is out of range"):
        shake(module)
    with pytest.raises(DecodeError, match="type index 0 is out of range"):
        shake(Module(funcs=(0,), codes=(Code((), b"\x0b"),), exports=(Export("f", FUNC, 0),)))


# -- folding -----------------------------------------------------------------------------------------------------------------------


def test_reads_of_constant_globals_become_constants_and_the_globals_go(parse, valid, observe):
    module = parse("""
        (module (import "e" "n" (global $n i32)) (global $a i32 (i32.const 983040)) (global $b i32 (global.get $a)) (memory 1)
          (global $m (mut i32) (i32.const 1)) (global $w i64 (i64.const -1)) (global $late i32 (global.get $n))
          (data (global.get $b) "")
          (func (export "f") (result i32 i32 i64 i32) (global.get $b) (global.get $m) (global.get $w) (global.get $late)))""")
    folded = shake(fold_globals(module))
    assert folded.codes[0].body.startswith(b"\x41\x80\x80\x3c\x23\x01\x42\x7f\x23\x02")
    assert len(folded.globals) == 2
    assert observe([("", valid(folded))]) == observe([("", encode(module))])
    assert fold_globals(folded) is folded


def test_an_exported_constant_stays_exported(parse, valid):
    module = shake(fold_globals(parse('(module (global $a (export "a") i32 (i32.const 5)) (func (export "f") (drop (global.get $a))))')))
    valid(module)
    assert [(entry.name, entry.kind) for entry in module.exports] == [("a", GLOBAL), ("f", FUNC)]


# -- against the engine ------------------------------------------------------------------------------------------------------------


def test_a_random_module_does_the_same_shaken(smith, observe, valid):
    """Some exports are taken away first, so that there is something to throw away."""
    compared = dropped = 0
    for seed in range(120):
        random = Random(seed)
        data = smith(
            seed, 4000, ends=True, max_memories=2, max_tables=4, max_table_elements=1000, table_max_size_required=True,
            max_memory32_bytes=1 << 20, min_funcs=6, export_everything=True, disallow_traps=seed % 2 == 0,
        )  # fmt: skip
        whole = decode(data)
        kept = tuple(export for export in whole.exports if random.random() < (0.6 if export.kind == FUNC else 0.3))
        module = replace(whole, exports=kept)
        small = shake(module)
        assert len(encode(small)) <= len(encode(module)) + 8  # a declaration may have to be added
        assert shake(small) == small
        wanted = observe([("", encode(module))], seed)
        for candidate in (small, shake(fold_globals(module))):
            assert observe([("", valid(candidate))], seed) == wanted, seed
        compared += len(wanted or ())
        dropped += len(module.codes) - len(small.codes)
    assert compared > 150
    assert dropped > 100
