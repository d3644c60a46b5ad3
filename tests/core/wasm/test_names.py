"""The name section: read forgivingly, written exactly, right after a renumbering."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sshi.wasm.customs import positional, without_positional
from sshi.wasm.decode import decode
from sshi.wasm.encode import encode
from sshi.wasm.module import Custom
from sshi.wasm.names import Names, function_names, label, names, renumbered, with_function_names, with_names

NAMED = """
(module $token
  (import "env" "log" (func $log (param i32)))
  (import "env" "silent" (func))
  (global $supply (mut i64) (i64.const 0))
  (memory $ram 1)
  (func $mint (param $amount i64) (local $old i64))
  (func (export "quiet"))
  (func))
"""


def test_names_are_read_by_space_and_index(parse):
    found = names(parse(NAMED))
    assert found.module == "token"
    assert found.spaces == {"func": {0: "log", 2: "mint"}, "global": {0: "supply"}, "memory": {0: "ram"}}
    assert found.locals == {2: {0: "amount", 1: "old"}}


def test_a_label_is_the_name_else_the_export_else_the_import_else_the_number(parse):
    module = parse(NAMED)
    assert [label(module, index) for index in range(6)] == ["log", "env.silent", "mint", "quiet", "func[4]", "func[5]"]


def test_written_names_are_what_wasm_tools_reads(parse, wasm_tools, valid):
    module = with_function_names(parse(NAMED), {3: "louder", 4: "last"}, {3: {}, 2: {1: "before"}})
    printed = wasm_tools("print", "-", stdin=valid(module)).decode()
    for text in ("(func $louder", "(func $last", "(local $before i64)", "(module $token", "(global $supply", "(memory $ram"):
        assert text in printed
    for text in ("$mint", "$log", "$amount", "$old"):
        assert text not in printed


def test_keeping_the_locals_names_is_the_default(parse):
    assert names(with_function_names(parse(NAMED), {2: "coin"})).locals == {2: {0: "amount", 1: "old"}}


def test_names_of_labels_are_dropped_when_names_are_written(wasm_tools):
    text = b"(module (func $f (block $inner (br $inner))))"
    module = decode(wasm_tools("parse", "-", stdin=text))
    assert "$inner" in wasm_tools("print", "-", stdin=encode(module)).decode()
    assert "$inner" not in wasm_tools("print", "-", stdin=encode(with_function_names(module, {0: "g"}))).decode()


def test_names_that_do_not_change_leave_the_module_alone(parse):
    module = parse(NAMED)
    assert with_names(module, names(module)) is module


def test_a_name_section_stays_where_it_was_and_a_new_one_comes_last(parse):
    module = parse(NAMED)
    (section,) = module.customs
    crowded = replace(module, customs=(Custom("first", b"", 0), section, Custom("last", b"", 11)))
    assert [custom.name for custom in with_function_names(crowded, {0: "a"}).customs] == ["first", "name", "last"]
    bare = replace(module, customs=(Custom("first", b"", 0),))
    assert [(custom.name, custom.after) for custom in with_function_names(bare, {0: "a"}).customs] == [("first", 0), ("name", 11)]


def test_no_names_means_no_section(parse):
    module = parse(NAMED)
    assert with_names(module, Names()).customs == ()
    assert with_names(replace(module, customs=()), Names()).customs == ()


def test_a_malformed_name_section_means_no_names(parse):
    module = parse(NAMED)
    data = module.customs[0].data
    for size in range(len(data)):
        cut = replace(module, customs=(Custom("name", data[:size], 11),))
        assert function_names(cut) in ({}, {0: "log", 2: "mint"})
        assert label(cut, 5) == "func[5]"
    for broken in (
        b"\xff",
        b"\x01\xff\xff\xff\xff\x0f",
        b"\x01\x04\x01\x00\x01\xff",
        b"\x01\x05\xff\xff\xff\xff\x0f",
        b"\x01\x03\x01\x00\x05",
    ):
        assert names(replace(module, customs=(Custom("name", broken, 11),))) == Names()


def test_an_unknown_subsection_is_stepped_over(parse):
    module = parse(NAMED)
    data = module.customs[0].data + b"\x63\x02hi"
    assert names(replace(module, customs=(Custom("name", data, 11),))) == names(module)


def test_renumbered_names_follow_their_things_and_lose_those_that_are_gone(parse):
    moved = renumbered(names(parse(NAMED)), {"func": {2: 0}, "global": {}})
    assert moved.spaces == {"func": {0: "mint"}, "global": {}, "memory": {0: "ram"}}
    assert moved.locals == {0: {0: "amount", 1: "old"}}


@pytest.mark.parametrize("name", [".debug_info", ".debug_line", "sourceMappingURL", "reloc.CODE", "metadata.code.branch_hint"])
def test_sections_that_point_into_code_are_known_by_name(parse, name):
    module = replace(parse(NAMED), customs=(Custom("producers", b"", 11), Custom(name, b"", 11), Custom("sshi", b"{}", 11)))
    assert positional(module) == (name,)
    assert [custom.name for custom in without_positional(module).customs] == ["producers", "sshi"]
