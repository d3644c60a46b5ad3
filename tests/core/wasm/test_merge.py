"""Several modules into one: what resolves what, what is refused, and that the result does what the parts linked together do."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from sshi.errors import ContractError, DecodeError, LinkError
from sshi.wasm.decode import decode
from sshi.wasm.encode import encode
from sshi.wasm.instructions import emit
from sshi.wasm.leb128 import encode_u
from sshi.wasm.memory import bound, to_definition, to_import, virtualise
from sshi.wasm.merge import Part, merge, select_exports
from sshi.wasm.module import (
    FUNC,
    GLOBAL,
    I32,
    MEMORY,
    PAGE,
    TABLE,
    Code,
    Custom,
    Data,
    Export,
    FuncType,
    Global,
    GlobalType,
    Import,
    Module,
)
from sshi.wasm.names import function_names, names
from sshi.wasm.shake import fold_globals, shake

CONTRACT = """
(module $token
  (import "env" "read" (func $read (param i32) (result i32)))
  (import "env" "revert" (func $revert))
  (memory (export "memory") 1 2)
  (func $helper (result i32) (call $read (i32.const 5)))
  (func $never (call $revert))
  (func (export "call") (result i32) (i32.add (call $helper) (i32.load8_u (i32.const 100))))
  (data (i32.const 100) "\\01"))
"""

SHIM = """
(module $shim
  (import "contract" "memory" (memory 1))
  (import "chain" "fetch" (func $fetch (param i32) (result i32)))
  (func $helper (param $key i32) (result i32) (i32.add (call $fetch (local.get $key)) (i32.load8_u (i32.const 100))))
  (export "read" (func $helper))
  (func (export "revert") unreachable))
"""


@pytest.fixture(scope="module")
def linked(parse) -> Module:
    return merge([Part("contract", parse(CONTRACT), {"env": "shim"}), Part("shim", parse(SHIM), {"contract": "contract"})])


def two(parse, first: str, second: str) -> Module:
    """The first importing from "b", which is the second, and the second from "a"."""
    return merge([Part("a", parse(first), {"b": "b"}), Part("b", parse(second), {"a": "a"})])


def refusal(parse, first: str, second: str) -> str:
    with pytest.raises(LinkError) as caught:
        two(parse, first, second)
    return str(caught.value)


def test_imports_are_resolved_and_the_others_stay(linked, valid):
    valid(linked)
    assert [(entry.module, entry.name) for entry in linked.imports] == [("chain", "fetch")]
    assert len(linked.memories) == 1


def test_the_merged_module_runs_like_its_parts(linked, valid, observe):
    (call,) = [one for one in observe([("", valid(linked))]) if one[0] == "contract:call"]
    assert call[:3] == ("contract:call", [2, 2], (("chain", "fetch", [5]), ("chain", "fetch", [5])))


def test_every_export_carries_its_part_s_name(linked):
    assert [export.name for export in linked.exports] == ["contract:memory", "contract:call", "shim:read", "shim:revert"]


def test_selecting_exports_renames_and_orders_them(linked, valid):
    selected = select_exports(linked, {"transfer": "contract:call", "memory": "contract:memory"})
    assert [(export.name, export.kind) for export in selected.exports] == [("transfer", FUNC), ("memory", MEMORY)]
    valid(selected)


def test_selecting_an_export_that_is_not_there_says_what_is(linked):
    with pytest.raises(LinkError, match="no export 'contract:cal'") as caught:
        select_exports(linked, {"call": "contract:cal"})
    assert "contract:call" in caught.value.hint


def test_function_names_are_kept_and_a_second_use_gets_its_part(linked):
    assert function_names(linked) == {0: "fetch", 1: "helper", 2: "never", 4: "shim:helper", 5: "revert"}
    assert names(linked).module == "token"
    assert names(linked).locals == {4: {0: "key"}}


def test_names_stay_unique_however_often_a_name_is_used(parse):
    one = parse("(module (func $f) (func $g))")
    twice = replace(one, customs=(replace(one.customs[0], data=one.customs[0].data.replace(b"\1g", b"\1f")),))
    found = function_names(merge([Part("a", one), Part("b", twice), Part("c", one)]))
    assert found == {0: "f", 1: "g", 2: "b:f", 3: "b:f#3", 4: "c:f", 5: "c:g"}


def test_types_are_written_once(linked):
    assert len(linked.types) == len(set(linked.types))


def test_equal_imports_become_one_and_others_of_the_name_stay_apart(parse, valid):
    first = '(module (import "x" "f" (func)) (import "x" "g" (global i32)) (import "x" "f" (func (param i32))))'
    merged = two(parse, first, '(module (import "x" "g" (global i32)) (import "x" "f" (func)) (func (export "h") (call 0)))')
    valid(merged)
    assert [(entry.name, entry.kind) for entry in merged.imports] == [("f", FUNC), ("g", GLOBAL), ("f", FUNC)]
    assert merged.codes[0].body == b"\x10\x00\x0b"


def test_two_parts_may_call_each_other(parse, valid, observe):
    merged = two(
        parse,
        """(module (import "b" "odd" (func $odd (param i32) (result i32)))
            (func (export "even") (param i32) (result i32)
              (if (result i32) (local.get 0) (then (call $odd (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 1))))
            (func (export "ten") (result i32) (call 1 (i32.const 10))))""",
        """(module (import "a" "even" (func $even (param i32) (result i32)))
            (func (export "odd") (param i32) (result i32)
              (if (result i32) (local.get 0) (then (call $even (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 0)))))""",
    )
    assert {name: results for name, results, *_ in observe([("", valid(merged))])}["a:ten"] == [1, 1]


def test_an_import_that_is_exported_again_resolves_to_its_origin(parse, valid):
    """a imports from b what b imports from c; and what b imports from outside stays an import by *that* name."""
    a = parse('(module (import "b" "f" (func)) (import "b" "out" (func (param i32))) (func (export "go") (call 0) (call 1 (i32.const 1))))')
    b = parse(
        '(module (import "c" "g" (func $g)) (import "world" "put" (func $p (param i32))) (export "f" (func $g)) (export "out" (func $p)))'
    )
    c = parse('(module (func (export "g") nop nop))')
    merged = merge([Part("a", a, {"b": "b"}), Part("b", b, {"c": "c"}), Part("c", c)])
    valid(merged)
    assert [(entry.module, entry.name) for entry in merged.imports] == [("world", "put")]
    indices = {export.name: export.index for export in merged.exports}
    assert indices["b:f"] == indices["c:g"] != indices["b:out"]


def test_exports_that_only_name_each_other_are_refused(parse):
    first = '(module (import "b" "f" (func $f)) (export "f" (func $f)))'
    says = refusal(parse, first, first.replace('"b"', '"a"'))
    assert says == "import b.f of part 'a' comes back to itself by its exports"


@pytest.mark.parametrize(
    ("imported", "exported", "says"),
    [
        ("(func)", '(func (export "g"))', "import b.f of part 'a' is not exported by part 'b'"),
        ("(func)", '(memory (export "f") 1)', "import b.f of part 'a' is a func, but part 'b' exports a memory of that name"),
        (
            "(func (param i32 i64))",
            '(func (export "f") (result i32) unreachable)',
            "import b.f of part 'a' is (i32, i64) -> (), but part 'b' exports () -> (i32)",
        ),
        (
            "(global (mut i32))",
            '(global (export "f") i32 (i32.const 0))',
            "import b.f of part 'a' is a mutable i32, but part 'b' exports an immutable i32",
        ),
        ("(memory 2)", '(memory (export "f") 1)', "import b.f of part 'a' is 2.., but part 'b' exports 1.."),
        ("(memory 1 3)", '(memory (export "f") 1 4)', "import b.f of part 'a' is 1..3, but part 'b' exports 1..4"),
        ("(memory 1 3)", '(memory (export "f") 1)', "import b.f of part 'a' is 1..3, but part 'b' exports 1.."),
        ("(table 1 funcref)", '(table (export "f") 1 externref)', "is funcref 1.., but part 'b' exports externref 1.."),
    ],
)
def test_an_import_that_does_not_fit_is_refused_with_both_parts_and_the_field(parse, imported, exported, says):
    assert says in refusal(parse, f'(module (import "b" "f" {imported}))', f"(module {exported})")


def test_the_advice_for_a_missing_export_lists_what_there_is(parse):
    with pytest.raises(LinkError) as caught:
        two(parse, '(module (import "b" "f" (func)))', '(module (func (export "g")) (func (export "e")))')
    assert caught.value.hint == "'b' exports e, g"


def test_a_link_to_no_part_and_two_parts_of_one_name_are_refused(parse):
    module = parse('(module (import "b" "f" (func)))')
    with pytest.raises(LinkError, match="linked to 'shim', which is no part"):
        merge([Part("a", module, {"b": "shim"})])
    with pytest.raises(LinkError, match="same name: a, a"):
        merge([Part("a", module), Part("a", module)])


def test_an_immutable_import_may_be_a_mutable_global_there(parse, valid, observe):
    merged = two(
        parse,
        '(module (import "b" "n" (global i32)) (import "b" "up" (func)) (func (export "get") (result i32) (call 0) (global.get 0)))',
        '(module (global $n (export "n") (mut i32) (i32.const 7))'
        '  (func (export "up") (global.set $n (i32.add (global.get $n) (i32.const 1)))))',
    )
    assert observe([("", valid(merged))])[0][:2] == ("a:get", [8, 9])


def test_a_constant_expression_gets_the_value_of_the_global_it_imported(parse, valid):
    """A defined global may not be read there, so its value is put in its place: through chains, and for segments too."""
    merged = two(
        parse,
        """(module (import "b" "n" (global $n i32)) (memory 1) (table 8 funcref) (func $f)
            (global (export "m") i32 (global.get $n)) (data (global.get $n) "x") (elem (global.get $n) $f))""",
        '(module (import "a" "m" (global $m i32)) (global (export "n") i32 (i32.const 7)) (memory 1)'
        ' (data (memory 0) (global.get $m) "y"))',
    )
    valid(merged)
    assert [segment.offset for segment in merged.datas] == [b"\x41\x07\x0b"] * 2
    assert (merged.elements[0].offset, merged.globals[0].init, merged.datas[1].memory) == (b"\x41\x07\x0b", b"\x41\x07\x0b", 1)


def test_a_constant_expression_cannot_read_a_mutable_global_of_another_part(parse):
    first = '(module (import "b" "n" (global i32)) (memory 1) (data (global.get 0) "x"))'
    says = refusal(parse, first, '(module (global (export "n") (mut i32) (i32.const 7)))')
    assert says == "a constant expression of part 'a' reads a global of part 'b' that is not constant"


def test_globals_that_start_from_each_other_are_refused(parse):
    first = '(module (import "b" "n" (global i32)) (global (export "n") i32 (global.get 0)))'
    assert "that is not constant" in refusal(parse, first, first.replace('"b"', '"a"'))


def test_tables_memories_and_segments_of_later_parts_are_renumbered(parse, valid, observe):
    part = """(module
        (type $t (func (result i32)))
        (memory 1) (data $d "%s") (table $t 4 funcref) (elem $e (i32.const 1) func $f) (elem $p func $f)
        (func $f (result i32) (i32.load8_u (i32.const 3)))
        (func (export "%s") (result i32)
          (memory.init $d (i32.const 3) (i32.const 0) (i32.const 1)) (data.drop $d)
          (table.init $t $p (i32.const 2) (i32.const 0) (i32.const 1)) (elem.drop $p)
          (call_indirect (type $t) (i32.const 1))))"""
    merged = two(parse, part % ("A", "a"), part % ("B", "b"))
    assert (len(merged.memories), len(merged.tables), merged.datacount) == (2, 2, 2)
    assert [(segment.flag, segment.table) for segment in merged.elements] == [(0, 0), (1, 0), (2, 1), (1, 0)]
    # called a second time the dropped segments are empty, and memory.init out of their bounds
    seen = {name: results for name, results, *_ in observe([("", valid(merged))])}
    assert {name: results[0] for name, results in seen.items()} == {"a:a": ord("A"), "b:b": ord("B")}


def test_one_start_function_is_kept_and_two_are_refused(parse):
    starting = "(module (func) (func $s) (start $s))"
    assert two(parse, "(module (func))", starting).start == 2
    says = refusal(parse, starting, starting)
    assert says == "more than one start function: parts 'a' and 'b' have one each"


def test_custom_sections_are_the_first_part_s_without_what_points_into_code(parse):
    first = replace(parse("(module)"), customs=tuple(Custom(name, b"1", 11) for name in ("producers", ".debug_info", "sshi")))
    second = replace(parse("(module)"), customs=(Custom("producers", b"2", 11), Custom("other", b"2", 11)))
    assert merge([Part("a", first), Part("b", second)]).customs == (first.customs[0], first.customs[2])


def test_an_index_out_of_range_is_an_error_with_the_part_it_is_in():
    body = Module(types=(), funcs=(), codes=())
    wrong = replace(body, exports=(Export("f", FUNC, 3),))
    with pytest.raises(DecodeError, match=r"^b: func index 3 is out of range"):
        merge([Part("a", body), Part("b", wrong)])
    with pytest.raises(LinkError, match="with an index out of range"):
        merge(
            [
                Part("a", replace(body, imports=(Import("b", "f", TABLE, 0),)), {"b": "b"}),
                Part("b", replace(wrong, exports=(Export("f", TABLE, 3),))),
            ]
        )
    code = Module(types=(), funcs=(0,), codes=(Code((), emit("call", 9) + b"\x0b", 50),))
    with pytest.raises(DecodeError):
        merge([Part("a", code)])
    with pytest.raises(DecodeError, match="memory index 2"):
        merge([Part("a", replace(body, datas=(Data(2, 2, b"\x41\0\x0b", b""),)))])


def test_a_merge_of_one_part_changes_nothing_but_export_names(smith, valid):
    for seed in range(30):
        module = decode(smith(seed, 3000, max_memories=2, max_tables=3))
        merged = merge([Part("it", module)])
        valid(merged)
        assert (merged.codes, merged.datas, merged.tables) == (module.codes, module.datas, module.tables), seed


@pytest.mark.parametrize("size", [5000])
def test_a_chain_as_long_as_the_module_is_no_deeper_than_another(size):
    """Globals that start from each other, exports that name each other's: hostile, and no reason to run out of stack."""
    inits = [b"\x41\x07\x0b", *(b"\x23" + encode_u(at) + b"\x0b" for at in range(size - 1))]
    chain = Module(globals=tuple(Global(GlobalType(I32, mutable=False), init) for init in inits))
    assert {entry.init for entry in merge([Part("a", chain)]).globals} == {inits[0]}

    exports = tuple(Export(f"f{at}", FUNC, at) for at in range(size))
    imports = [Import("a", f"f{at + 1}", FUNC, 0) for at in range(size - 1)]
    code = Module(types=(FuncType(b"", b""),), imports=tuple(imports), funcs=(0,), codes=(Code((), b"\x0b"),), exports=exports)
    named = Module(types=code.types, imports=tuple(Import("b", f"f{at}", FUNC, 0) for at in range(size)), exports=exports)
    merged = merge([Part("a", named, {"b": "b"}), Part("b", code, {"a": "a"})])
    assert (merged.imports, {export.index for export in merged.exports}) == ((), {0})


def test_a_pass_over_a_broken_module_gives_a_module_or_a_contract_error(wat, smith):
    """Bits flipped where decoding does not notice: whatever else escapes would be a bug."""
    random = Random(3)
    passes = (
        lambda module: merge([Part("a", module, {"b": "b", "": "b"}), Part("b", module, {"a": "a"})]),
        lambda module: shake(fold_globals(module)),
        lambda module: virtualise(bound(module, 15), 1),
        lambda module: to_definition(to_import(module, "env", "memory")),
    )
    made = refused = 0
    for data in (wat(CONTRACT), wat(SHIM), *(smith(seed, 3000, max_memories=1, max_memory32_bytes=4 * PAGE) for seed in range(10))):
        for _ in range(250):
            broken = bytearray(data)
            broken[random.randrange(8, len(broken))] = random.choice((0, 1, 0x0B, 0x7F, 0x80, random.randrange(256)))
            try:
                module = decode(bytes(broken))
            except DecodeError:
                continue
            for change in passes:
                try:
                    encode(change(module))
                    made += 1
                except ContractError:
                    refused += 1
    assert min(made, refused) > 100


# -- against the engine's own linking ----------------------------------------------------------------------------------------------

LIVELY = {
    "min_funcs": 6, "export_everything": True, "max_table_elements": 1000, "table_max_size_required": True, "max_memory32_bytes": 1 << 20,
    "max_tables": 2, "ends": True,
}  # fmt: skip


def test_merged_modules_do_what_the_engine_s_linking_of_the_parts_does(smith, observe, valid, tmp_path):
    """b at random, a importing at random from b: the same results, calls to the outside and final state, merged or not; shaken too."""
    compared = resolved = 0
    for seed in range(40):
        b = replace(decode(smith(seed, 4000, **LIVELY)), start=None)
        wanted = tmp_path / f"{seed}.wasm"
        wanted.write_bytes(encode(importing_all_of(b)))
        a = decode(smith(seed + 10_000, 4000, available_imports=wanted, disallow_traps=seed % 2 == 0, **LIVELY))
        merged = merge([Part("b", b), Part("a", a, {"b": "b"})])
        apart = observe([("b", encode(b)), ("a", encode(a))], seed)
        for together in (merged, shake(fold_globals(merged))):
            assert observe([("", valid(together))], seed) == apart, seed
        resolved += len(a.imports)
        compared += len(apart or ())
    assert resolved > 100
    assert compared > 150


def importing_all_of(module: Module) -> Module:
    """A module that imports from "b" everything this one exports."""
    types = {
        GLOBAL: [*(entry.desc for entry in module.imported(GLOBAL)), *(entry.type for entry in module.globals)],
        MEMORY: [*(entry.desc for entry in module.imported(MEMORY)), *module.memories],
        TABLE: [*(entry.desc for entry in module.imported(TABLE)), *module.tables],
    }
    imports = [
        Import("b", export.name, export.kind, types[export.kind][export.index])
        if export.kind in types
        else Import("b", export.name, FUNC, module.types.index(module.function_type(export.index)))
        for export in module.exports
    ]
    return Module(types=module.types, imports=tuple(imports))
