"""Every rule is broken once: the finding has its code, its place, its path and a way out; and what nothing uses is told apart."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from core.wasm.checking import MEMORY, codes, findings, only
from core.wasm.engines import SMITH
from sshi.errors import LinkError
from sshi.wasm.check import Rules, check_artifact
from sshi.wasm.check.advice import FORBIDDEN
from sshi.wasm.decode import decode
from sshi.wasm.encode import encode
from sshi.wasm.lower import NONE, Features, lower
from sshi.wasm.memory import bound
from sshi.wasm.module import FUNC, I32, Custom, Global, GlobalType, Limits
from sshi.wasm.shake import shake

OLD = Rules(target="old", features=NONE)


def test_a_contract_that_keeps_the_rules_has_no_findings(parse):
    module = parse(
        f"""(module (import "env" "storage_read" (func $read (param i32 i32) (result i32))) {MEMORY}
            (func (export "_initialize")) (func (export "call") (drop (call $read (i32.const 0) (i32.const 64)))))"""
    )
    assert findings(module) == ()
    assert findings(module, rules=OLD) == ()
    assert findings(module, entries=["call"]) == ()


# -- instructions and types --------------------------------------------------------------------------------------------------------

FORBIDDEN_CODE = {
    "float": ("(drop (i32.trunc_f32_s (f32.const 1)))", 0x43),
    "simd": ("(drop (v128.const i64x2 0 0))", 0xFD),
    "threads": ("(atomic.fence)", 0xFE),
    "tail-call": ("(return_call $f)", 0x12),
}


@pytest.mark.parametrize("code", FORBIDDEN_CODE)
def test_a_forbidden_instruction_is_reported_where_it_stands_with_the_way_to_it(wasm_tools, code):
    body, opcode = FORBIDDEN_CODE[code]
    text = f'(module {MEMORY} (func $f nop {body}) (func $mid (call $f)) (func (export "call") (call $mid)))'
    data = wasm_tools("parse", "-", stdin=text.encode())
    finding = only(decode(data))
    assert (finding.code, finding.severity, finding.function) == (code, "error", "f")
    assert finding.path == ("call", "mid", "f")
    assert finding.offset is not None
    assert data[finding.offset] == opcode
    assert finding.rule.startswith("determinism.")
    assert finding.fix == FORBIDDEN[code].fix


def test_the_first_of_several_floats_is_shown_and_the_rest_are_counted(parse):
    module = parse(f'(module {MEMORY} (func (export "call") (drop (f64.add (f64.const 1) (f64.const 2))) (drop (f32.const 0))))')
    finding = only(module)
    assert "`f64.const` is a float instruction, and 3 more like it" in finding.message


@pytest.mark.parametrize("text", ["(func $f (local f32 i32 f64))", "(func $f (param f64))", "(func $f (result f32) (unreachable))"])
def test_a_float_that_only_a_signature_or_local_has_is_one_too(parse, text):
    call = "(drop (call $f))" if "result" in text else "(unreachable) (call $f)"
    finding = only(parse(f'(module {MEMORY} {text} (func (export "call") {call}))'))
    assert (finding.code, finding.function, finding.severity) == ("float", "f", "error")


def test_what_nothing_uses_is_told_apart_because_the_linker_drops_it(parse):
    """An unused type, function, global and import: not refused, and gone once the module is shaken.  A misspelling is a warning."""
    module = parse(
        f"""(module (type (func (param f64))) (import "env" "gone" (func)) (import "wasi_snapshot_preview1" "fd_write" (func)) {MEMORY}
            (global f32 (f32.const 0)) (func $unused (drop (f32.const 1))) (func (export "call")))"""
    )
    found = findings(module)
    assert {finding.code for finding in found} == {"float", "import-unknown", "import-module"}
    assert {finding.severity for finding in found if finding.code != "import-unknown"} == {"info"}
    assert all("drops it" in finding.message and finding.dropped for finding in found)
    assert len([finding for finding in found if finding.code == "float"]) == 3
    assert findings(shake(module)) == ()


def test_a_function_that_only_the_table_holds_stays_and_is_an_error(parse):
    """No call of its type is known to happen, and the path says so; but the linker keeps what a used table holds."""
    module = parse(
        f"""(module {MEMORY} (table 1 funcref) (elem (i32.const 0) $held) (func $held (param i32) (drop (f32.const 0)))
            (func (export "call") (call_indirect (i32.const 0))))"""
    )
    finding = only(module)
    assert (finding.code, finding.severity, finding.function, finding.path) == ("float", "error", "held", ("(the table)", "held"))


def test_paths_go_through_the_table_by_type(parse):
    module = parse(
        f"""(module {MEMORY} (table 1 funcref) (elem (i32.const 0) $held) (func $held (param i32) (drop (f32.const 0)))
            (func (export "call") (call_indirect (param i32) (i32.const 0) (i32.const 0))))"""
    )
    assert only(module).path == ("call", "held (indirect)")


def test_what_only_an_export_that_is_no_entry_reaches_is_dropped(parse):
    """Toolchains export helpers; the linker exports the entries and the memory, so what only a helper calls goes."""
    module = parse(
        f"""(module (import "env" "nope" (func $nope)) {MEMORY} (global (export "rate") f64 (f64.const 1))
            (func $f (drop (f64.const 1)) (call $nope)) (func (export "helper") (param i32) (call $f)) (func (export "go")))"""
    )
    assert codes(module) == set()
    assert codes(module, "warning") == {"entry-type", "import-unknown"}
    assert {(finding.code, finding.path, finding.dropped) for finding in findings(module) if finding.severity == "info"} == {
        ("float", (), True)
    }
    assert codes(parse(f'(module {MEMORY} (func (export "helper") (param i32) (drop (f64.const 1))))')) == {"entry-missing", "float"}


def test_an_export_whose_name_is_no_entry_s_is_a_warning(parse):
    (finding,) = findings(parse(f'(module {MEMORY} (func (export "go")) (func (export "~lib/rt/__visit") (drop (f32.const 0))))'))[:1]
    assert (finding.code, finding.severity, finding.rule) == ("entry-name", "warning", "entry.name")


def test_the_shortest_path_is_shown_and_a_very_long_one_loses_its_middle(parse):
    chain = "".join(f"(func $f{n} (call $f{n + 1}))" for n in range(40))
    module = parse(
        f'(module {MEMORY} {chain} (func $f40 (drop (f32.const 0))) (func (export "call") (call $f0)) (func (export "b") (call $f38)))'
    )
    assert only(module).path == ("b", "f38", "f39", "f40")
    longer = parse(f'(module {MEMORY} {chain} (func $f40 (drop (f32.const 0))) (func (export "call") (call $f0)))')
    assert len(only(longer).path) == 13
    assert "… 30 more …" in only(longer).path


def test_rust_s_names_are_shown_as_written(parse):
    module = parse(f'(module {MEMORY} (func $_ZN4core3fmt5float3fmt17h0123456789abcdefE (export "call") (drop (f32.const 0))))')
    assert only(module).function == "core::fmt::float::fmt"


def test_many_findings_of_a_kind_are_cut_short_and_counted(parse):
    functions = "".join(f"(func $f{n} (drop (f32.const 0)))" for n in range(60))
    calls = "".join(f"(call $f{n})" for n in range(60))
    found = findings(parse(f'(module {MEMORY} {functions} (func (export "call") {calls}))'))
    assert len(found) == 26
    assert found[-1].message == "and 35 more of the same"


# -- features ----------------------------------------------------------------------------------------------------------------------


def test_what_will_be_lowered_is_said_once_a_feature(parse):
    module = parse(
        f"""(module {MEMORY} (func $g (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))
            (func (export "call") (call $g) (drop (i32.extend8_s (i32.const 0)))
              (memory.copy (i32.const 0) (i32.const 0) (i32.const 0)) (memory.copy (i32.const 0) (i32.const 0) (i32.const 0))))"""
    )
    found = findings(module, rules=OLD)
    assert {(finding.code, finding.severity, finding.target) for finding in found} == {("feature-lowered", "info", "old")}
    assert {finding.message.partition(":")[0] for finding in found} == {"bulk memory", "sign extension"}
    assert "bulk memory: 3 instructions in 2 functions will be rewritten" in {finding.message for finding in found}
    assert findings(module) == ()


def test_only_the_index_of_a_table_or_memory_is_too_long_for_an_old_engine(parse):
    """Linkers pad every number, that of a type too, and engines have always taken those; for these two they wanted one byte."""
    module = parse(f'(module {MEMORY} (table 1 funcref) (func (export "call") (call_indirect (i32.const 0)) (drop (memory.size))))')
    (code,) = module.codes
    for call, size, found in (
        (b"\x11\x00\x00", b"\x3f\x00", set()),
        (b"\x11\x80\x80\x80\x80\x00\x00", b"\x3f\x00", set()),
        (b"\x11\x00\x80\x80\x80\x80\x00", b"\x3f\x00", {"feature-lowered"}),
        (b"\x11\x00\x00", b"\x3f\x80\x00", {"feature-lowered"}),
    ):
        body = b"\x41\x00" + call + size + b"\x1a\x0b"
        assert codes(replace(module, codes=(replace(code, body=body),)), "info", rules=OLD) == found


NOT_LOWERED = {
    "reference-types": "(table 1 funcref) (func $f (drop (table.get (i32.const 0))))",
    "bulk-memory": "(table 1 funcref) (func $f (table.copy (i32.const 0) (i32.const 0) (i32.const 0)))",
}


@pytest.mark.parametrize("code", NOT_LOWERED)
def test_what_cannot_be_lowered_is_an_error_for_the_target_without_it_only(parse, code):
    module = parse(f'(module {MEMORY} {NOT_LOWERED[code]} (func (export "call") (call $f)))')
    assert codes(module, rules=OLD) == {code}
    assert codes(module) == set()


SEVERAL = {
    "a function": "(func $f (result i32 i32) (i32.const 0) (i32.const 0))",
    "a block": "(func $f (result i32) (i32.const 0) (block (param i32) (result i32)))",
    "an indirect call": "(table 1 funcref) (func $f (result i32) (call_indirect (result i32 i32) (i32.const 0)) drop)",
}


@pytest.mark.parametrize("what", SEVERAL)
def test_several_values_are_lowered(parse, what):
    text = f'(module {MEMORY} {SEVERAL[what]} (func (export "call") (call $f) (unreachable)))'
    (finding,) = findings(parse(text), rules=OLD)
    assert (finding.code, finding.severity) == ("feature-lowered", "info")
    assert finding.message == "multi-value: 1 instruction in 1 function will be rewritten"


def test_no_error_means_that_lowering_works(smith):
    """On modules of every kind: what `check` lets pass, the linker can make."""
    passed = 0
    for seed in range(40):
        module = shake(
            decode(smith(seed, 4000, **SMITH, allow_floats=False, reference_types_enabled=seed % 4 == 0, multi_value_enabled=seed % 3 == 0))
        )
        ignored = {"import-module", "import-kind", "entry-missing", "memory-missing", "memory-export", "data-range"}
        bad = codes(module, rules=OLD) - ignored
        if bad:
            continue
        singles = [export for export in module.exports if export.kind != FUNC or len(module.function_type(export.index).results) < 2]
        lower(replace(module, exports=tuple(singles)), NONE)  # the linker exports entries only
        passed += 1
    assert passed > 8


# -- entries, start, memory --------------------------------------------------------------------------------------------------------


def test_a_module_without_entries_cannot_be_called(parse):
    module = parse(f'(module {MEMORY} (func (export "f") (param i32)) (func (export "_initialize")))')
    assert codes(module) == {"entry-missing"}
    assert codes(module, "warning") == {"entry-type"}


def test_declared_entries_must_be_exported_with_no_parameters(parse):
    module = parse(f'(module {MEMORY} (func (export "transfer") (param i32)) (func (export "balance")))')
    found = {finding.code: finding for finding in findings(module, entries=["transfer", "balanse", "balance"])}
    assert set(found) == {"entry-type", "entry-missing"}
    assert "(i32) -> ()" in found["entry-type"].message
    assert found["entry-missing"].fix == "the module exports `balance`"


def test_a_start_function_is_refused(parse):
    finding = only(parse(f'(module {MEMORY} (func $begin) (start $begin) (func (export "call")))'))
    assert (finding.code, finding.function, finding.rule) == ("start-function", "begin", "determinism.no-start")


MEMORIES = {
    '(memory (export "memory") 16)': "memory-too-large",
    '(memory (export "memory") 1 16)': "memory-too-large",
    '(memory (export "mem") 1)': "memory-export",
    "": "memory-missing",
    '(memory (export "memory") 1) (data (i32.const 65535) "xx")': "data-range",
    '(memory (export "memory") 1) (table 1 funcref) (elem (i32.const 1) $f) (func $f)': "element-range",
}


@pytest.mark.parametrize("text", MEMORIES)
def test_memory_is_held_to_the_rules(parse, text):
    assert codes(parse(f'(module {text} (func (export "call")))')) == {MEMORIES[text]}


STACKS = {
    "all of it below the data": ('(global (mut i32) (i32.const 1048576)) (data (i32.const 1048576) "x")', ", 16 of them stack,", ""),
    "and the data are large too": (
        '(global (mut i32) (i32.const 65536)) (data (i32.const 65536) "x")',
        ", 1 of them stack,",
        "16 pages of data stay",
    ),
    "above the data, or not known": ('(global (mut i32) (i32.const 1048576)) (data (i32.const 8) "x")', ", 15 are", ""),
    "no stack pointer": ("(global i32 (i32.const 1048576))", ", 15 are", ""),
}


@pytest.mark.parametrize("where", STACKS)
def test_how_much_of_a_large_memory_is_stack_is_said_where_it_is_known(parse, where):
    text, message, fix = STACKS[where]
    finding = only(parse(f'(module (memory (export "memory") 17) {text} (func (export "call") (drop (global.get 0))))'))
    assert message in finding.message
    assert fix in finding.fix


def test_a_table_that_nothing_uses_does_not_count(parse):
    """The linker drops it, and numbers the others anew."""
    text = "(table 1 funcref) (table 1 funcref) (table 1 externref) (elem (table 1) (i32.const 0) func $f) (func $f)"
    module = parse(f'(module {MEMORY} {text} (func (export "call") (call_indirect 1 (i32.const 0))))')
    assert codes(module, rules=OLD) == set()
    assert codes(module, "info", rules=OLD) == {"reference-types"}
    assert only(parse(f'(module {MEMORY} (table 1 funcref (ref.func $f)) (func $f (export "call")))')).code == "gc"


def test_an_entry_is_its_author_s_own_whatever_its_name(parse):
    module = parse(f'(module {MEMORY} (func $log (export "log") (drop (f64.const 1))))')
    assert only(module).fix == FORBIDDEN["float"].fix


def test_the_cause_of_a_large_memory_is_named(parse):
    finding = only(parse('(module (memory (export "memory") 17) (func (export "call")))'))
    assert "17 pages" in finding.message
    assert "-zstack-size" in finding.fix


@pytest.mark.parametrize(
    ("section", "said", "flags"),
    [
        ("producers", b"\1\x0cprocessed-by\1\5rustc\x061.95.0", "(Rust: -C link-arg=-zstack-size=65536)"),
        ("producers", b"\1\x0cprocessed-by\1\5clang\x0622.1.8", "(C and C++: -Wl,-z,stack-size=65536)"),
        (".debug_str", b"main.zig\0zig 0.17.1\0", "(Zig: --stack 65536)"),
        (".debug_str", b"clang LLVM (rustc version 1.95.0)\0", "(Rust: -C link-arg=-zstack-size=65536)"),
        (".debug_str", b"x\0clang LLVM (rustc version 1)\0clang version 22\0", "(Rust: -C link-arg=-zstack-size=65536, C and C++: -Wl,"),
        ("other", b"\5rustc", "(Rust: -C link-arg=-zstack-size=65536, Zig: --stack 65536, C and C++: -Wl,-z,stack-size=65536)"),
    ],
)
def test_how_to_have_less_stack_is_told_in_the_words_of_the_compiler_that_signed(parse, section, said, flags):
    module = parse('(module (memory (export "memory") 17) (func (export "call")))')
    assert flags in only(replace(module, customs=(Custom(section, said),))).fix


def test_shared_64_bit_and_second_memories_are_refused_each_by_its_name(parse):
    module = parse(f'(module {MEMORY} (func (export "call")))')
    for memories, code in (
        ((Limits(1, 2, flags=2),), "threads"),
        ((Limits(1, 2, flags=4),), "memory64"),
        ((Limits(1, 2), Limits(1, 2)), "multi-memory"),
    ):
        assert codes(replace(module, memories=memories)) == {code}


def test_types_of_globals_tables_and_tags_are_held_to_the_rules(parse, wasm_tools):
    module = parse(
        f"""(module {MEMORY} (global $g f64 (f64.const 0)) (table $t 1 externref)
            (func (export "call") (drop (global.get $g)) (drop (table.get $t (i32.const 0)))))"""
    )
    assert codes(module) == {"float", "reference-types"}
    tagged = decode(wasm_tools("parse", "-", stdin=f'(module {MEMORY} (tag) (func (export "call")))'.encode()))
    assert codes(tagged) == {"exceptions"}
    computed = Global(GlobalType(I32, mutable=True), b"\x23\0\x0b")
    plain = parse(f'(module {MEMORY} (global i32 (i32.const 0)) (func (export "call") (drop (global.get 1))) (global i32 (i32.const 0)))')
    assert codes(replace(plain, globals=(plain.globals[0], computed))) == {"constant-expression"}


# -- limits ------------------------------------------------------------------------------------------------------------------------

LIMITS = {
    "params": (Rules(max_params=2), 3, '(func $f (param i32 i32 i32)) (func (export "call") (unreachable) (call $f))'),
    "locals": (Rules(max_locals=2), 3, '(func $f (param i64) (local i32 i32)) (func (export "call") (unreachable) (call $f))'),
    "body-size": (Rules(max_body_bytes=5), 7, '(func (export "call") nop nop nop nop nop)'),
    "blocks": (Rules(max_blocks=2), 3, '(func (export "call") (block (loop (block))))'),
    "operands": (Rules(max_operand_bytes=8), 12, '(func (export "call") (i64.const 0) (i32.const 0) drop drop)'),
    "registers": (Rules(max_registers=2), 3, '(func (export "call") (local i64) (i64.const 0) (i32.const 0) drop drop)'),
    "constants": (
        Rules(max_constants=2),
        3,
        '(func (export "call") (drop (i32.const -1)) (drop (i64.const 0xffffffff)) (drop (i64.const -1)) (drop (i32.const 1)))',
    ),
    "table-size": (Rules(max_table_elements=2), 3, '(table 3 funcref) (func (export "call"))'),
    "segments": (Rules(max_data_segments=1), 2, '(data "a") (data "b") (func (export "call"))'),
    "code-size": (Rules(max_module_bytes=30), 53, '(func (export "call") nop nop nop nop nop)'),
    "functions": (Rules(max_functions=1), 2, '(func (export "call")) (func)'),
    "types": (Rules(max_types=1), 2, '(type (func (param i32))) (func (export "call"))'),
    "globals": (Rules(max_globals=0), 1, '(global i32 (i32.const 0)) (func (export "call"))'),
}


def limited(rules, most):
    """The rules with their one limit set to that."""
    (name,) = (name for name in Rules.__dataclass_fields__ if name.startswith("max_") and getattr(rules, name) != getattr(Rules(), name))
    return replace(rules, **{name: most})


@pytest.mark.parametrize("code", LIMITS)
def test_a_target_s_own_limits_are_kept_to_the_last_unit(parse, code):
    """By the artifact they are errors; of a contract nothing is certain before it is linked."""
    rules, enough, text = LIMITS[code]
    module = parse(f"(module {MEMORY} {text})")
    for most, found in ((enough, set()), (enough - 1, {code})):
        assert codes(module, "warning", rules=limited(rules, most)) == found
        assert codes(module, rules=limited(rules, most)) == set()
        assert {finding.code for finding in check_artifact(module, len(encode(module)), limited(rules, most))} == found


def test_what_the_linker_drops_may_be_of_any_size(parse):
    module = parse(f'(module {MEMORY} (func (param i32 i32 i32) (local i64)) (func (export "call")))')
    assert codes(module, "warning", rules=Rules(max_params=2, max_locals=2)) == set()
    assert codes(module, "info", rules=Rules(max_params=2, max_locals=2)) == {"params", "locals"}


def test_a_function_that_is_too_large_is_called_by_its_name(parse):
    module = parse("(module (func $_ZN5token4sortE (local i32 i32)))")
    (finding,) = check_artifact(module, 50, Rules(max_locals=1))
    assert finding.function == "token::sort"
    (finding,) = check_artifact(replace(module, customs=()), 50, Rules(max_locals=1))
    assert finding.function == "func[0]"


TOTALS = {
    "tables": (Rules(max_tables=1), 1, "(table 1 funcref) (table 1 funcref)"),
    "total-locals": (Rules(max_total_locals=4), 4, ""),
    "total-params": (Rules(max_total_params=2), 2, ""),
    "total-blocks": (Rules(max_total_blocks=1), 1, ""),
}


@pytest.mark.parametrize("code", TOTALS)
def test_a_linked_artifact_is_held_to_what_all_functions_may_have_together(parse, code):
    rules, most, more = TOTALS[code]
    module = parse(f"(module {more} (func (param i32 i32) (local i32 i64) (block)) (func (param i64) (local i32 i32 i32) (loop)))")
    (finding,) = check_artifact(module, 100, rules)
    assert (finding.code, finding.severity) == (code, "error")
    assert check_artifact(module, 100, limited(rules, most + 1)) == ()


def test_locals_may_be_counted_against_the_size(parse):
    module = parse("(module (func (local i32 i64 i32)))")
    assert check_artifact(module, 60, Rules(min_bytes_per_local=20)) == ()
    (finding,) = check_artifact(module, 59, Rules(min_bytes_per_local=20))
    assert (finding.code, finding.message) == (
        "total-locals",
        "after linking: 3 locals in all functions together, for 59 bytes, 2 are allowed",
    )


def test_the_page_limit_is_the_linker_s(parse):
    """`check` refuses exactly the memories that `bound` cannot make fit."""
    for pages in (14, 15, 16):
        module = parse(f'(module (memory (export "memory") {pages}) (func (export "call")))')
        if codes(module):
            with pytest.raises(LinkError):
                bound(module, 15)
        else:
            bound(module, 15)


# -- the report --------------------------------------------------------------------------------------------------------------------


def test_a_finding_reads_as_one_paragraph(parse):
    module = parse(f'(module {MEMORY} (func $rate (drop (f32.const 1))) (func (export "call") (call $rate)))')
    offset = only(module).offset
    assert str(only(module)).splitlines()[:3] == [
        f"error[float]: `f32.const` is a float instruction in `rate` at byte {offset} (sshi)",
        "  reached by: call -> rate",
        "  rule: determinism.no-floats",
    ]


def test_errors_come_before_warnings_and_those_before_the_rest(parse):
    module = parse(
        """(module (type (func (param f32))) (func (export "f") (param i32))
             (func (export "call") (drop (f32.const 0)) (drop (i32.extend8_s (i32.const 0)))))"""
    )
    severities = [finding.severity for finding in findings(module, rules=OLD)]
    assert severities == sorted(severities, key=["error", "warning", "info"].index)
    assert set(severities) == {"error", "warning", "info"}


def test_every_error_says_what_to_do(parse):
    for text in (*MEMORIES, *(NOT_LOWERED[code] for code in NOT_LOWERED)):
        for finding in findings(parse(f"(module {text})"), rules=replace(OLD, features=Features())):
            assert finding.fix or finding.severity != "error", finding


def chain(count: int) -> str:
    """Each function reached by a path as long as there are functions."""
    functions = "".join(f"(func $f{n} (call $f{n + 1}) (drop (f32.const 0)))" for n in range(count))
    return f'{MEMORY} {functions} (func $f{count}) (func (export "call") (call $f0))'


def crowd(count: int) -> str:
    """Imports that nobody has, and exports that are no entries."""
    imports = "".join(f'(import "env" "no_{n}" (func $f{n}))' for n in range(count))
    exports = "".join(f'(func (export "x.{n}"))' for n in range(count))
    return f'{imports} {MEMORY} {exports} (func (export "call") {"".join(f"(call $f{n})" for n in range(count))})'


@pytest.mark.parametrize("made", [chain, crowd])
def test_a_large_module_is_checked_in_linear_time(parse, made):
    """Ten times as much takes about ten times the steps."""

    def steps(count: int) -> int:
        module = parse(f"(module {made(count)})")
        taken = 0

        def count_calls(_frame, event, _argument):
            nonlocal taken
            taken += event.endswith("call")

        sys.setprofile(count_calls)
        findings(module, rules=OLD)
        sys.setprofile(None)
        return taken

    assert steps(2000) < 15 * steps(200)
