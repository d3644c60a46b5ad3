"""The contract's memory: bounded, walled off from scratch, moved between definition and import."""

from __future__ import annotations

from dataclasses import replace

import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from sshi.errors import LinkError
from sshi.wasm.decode import decode
from sshi.wasm.encode import encode
from sshi.wasm.memory import MEMORY_BYTES, SCRATCH, bound, set_limits, to_definition, to_import, virtualise
from sshi.wasm.module import FUNC, GLOBAL, MEMORY, PAGE, Custom, Export, Limits, Module
from sshi.wasm.names import function_names
from sshi.wasm.shake import fold_globals, shake

GROWS = """
(module
  (memory (export "memory") 2 5)
  (func $size (export "size") (result i32) memory.size)
  (func (export "grow") (param $pages i32) (result i32) (memory.grow (local.get $pages)))
  (func (export "grow_twice") (param $pages i32) (result i32 i32)
    (memory.grow (memory.grow (local.get $pages))) (call $size))
  (data (i32.const 10) "data"))
"""

STILL = '(module (memory (export "memory") 2 5) (func (export "size") (result i32) memory.size))'


class Running:
    """A module in the engine, and what to ask it."""

    def __init__(self, data: bytes) -> None:
        engine = wasmtime.Engine()
        self.store = wasmtime.Store(engine)
        self.exports = wasmtime.Instance(self.store, wasmtime.Module(engine, data), []).exports(self.store)

    def __call__(self, name: str, *arguments: int) -> object:
        return self.exports[name](self.store, *arguments)

    def value(self, name: str) -> int:
        return self.exports[name].value(self.store)

    def pages(self) -> int:
        return self.exports["memory"].size(self.store)


# -- bounds ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "pages", "becomes"), [("1", 15, (1, 15)), ("1 20", 15, (1, 15)), ("1 3", 15, (1, 3)), ("15", 15, (15, 15))]
)
def test_a_bound_memory_has_a_maximum_within_the_bound(parse, valid, limits, pages, becomes):
    module = bound(parse(f"(module (memory {limits}))"), pages)
    valid(module)
    assert module.memories == (Limits(*becomes),)


def test_a_memory_within_the_bound_is_left_alone(parse):
    module = parse("(module (memory 1 3))")
    assert bound(module, 15) is module


def test_a_memory_that_starts_too_large_is_refused_and_the_stack_is_suspected(parse):
    with pytest.raises(LinkError, match="starts with 17 pages of 64 KiB, 15 are allowed") as caught:
        bound(parse("(module (memory 17))"), 15)
    assert "-zstack-size=16384" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("(module)", "has 0 memories"),
        ('(module (import "e" "m" (memory 1)) (memory 1))', "has 2 memories"),
        ("(module (memory 1 2 shared))", "shared"),
        ("(module (memory i64 1))", "64-bit"),
    ],
)
def test_a_contract_has_one_plain_memory(parse, text, says):
    for change in (lambda module: bound(module, 15), lambda module: virtualise(module, 1), lambda module: set_limits(module, 1, 2)):
        with pytest.raises(LinkError, match=says):
            change(parse(text))


# -- scratch -----------------------------------------------------------------------------------------------------------------------


def test_scratch_begins_where_the_contract_s_own_maximum_ends(parse, valid):
    module = virtualise(parse(GROWS), 1)
    running = Running(valid(module))
    assert module.memories == (Limits(6, 6),)
    assert (running.pages(), running.value(SCRATCH), running.value(MEMORY_BYTES)) == (6, 5 * PAGE, 2 * PAGE)
    assert bytes(running.exports["memory"].read(running.store, 10, 14)) == b"data"


@given(st.lists(st.one_of(st.integers(0, 4), st.sampled_from([2**16 - 1, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**32 - 2]))))
@settings(max_examples=60, deadline=None)
def test_growing_is_what_the_engine_does_for_a_memory_without_scratch(parse, deltas):
    plain, virtual = (Running(encode(module)) for module in (parse(GROWS), virtualise(parse(GROWS), 3)))
    for delta in deltas:
        signed = delta - 2**32 if delta >= 2**31 else delta
        assert virtual("grow", signed) == plain("grow", signed)
        assert virtual("grow_twice", signed % 2) == plain("grow_twice", signed % 2)
        assert virtual("size") == plain("size") == plain.pages()
        assert virtual.value(MEMORY_BYTES) == plain.pages() * PAGE
        assert virtual.pages() == 8


def test_a_memory_that_never_grows_has_a_constant_size_that_folds_away(parse, valid):
    module = virtualise(parse(STILL), 1)
    assert not any(entry.type.mutable for entry in module.globals)
    assert module.codes[0].body == b"\x41\x02\x0b"
    kept = [export for export in module.exports if export.kind != GLOBAL]
    small = shake(fold_globals(replace(module, exports=tuple(kept))))
    assert (small.globals, Running(valid(small))("size")) == ((), 2)


def test_the_helper_that_grows_is_named_and_stands_last(parse):
    module = virtualise(parse(GROWS), 1)
    assert function_names(module) == {0: "size", 3: "memory.grow"}
    assert len(module.codes) == 4


def test_a_memory_at_its_maximum_of_one_page_can_still_be_virtual(parse, valid):
    running = Running(valid(virtualise(parse(GROWS.replace("2 5", "1 1")), 2)))
    assert (running("grow", 0), running("grow", 1), running("size")) == (1, -1, 1)


def test_addresses_above_two_gibibytes_are_right(parse, valid):
    module = virtualise(parse("(module (memory 40000 60000) (func (drop (memory.grow (i32.const 0)))))"), 1)
    valid(module)
    running = Running(encode(set_limits(module, 1, 1)))
    assert (running.value(SCRATCH) % 2**32, running.value(MEMORY_BYTES) % 2**32) == (60000 * PAGE, 40000 * PAGE)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("(module (memory 1))", "no declared maximum"),
        ("(module (memory 1 65535))", "do not fit in 32-bit addresses"),
        ('(module (memory 1 2) (data (i32.const 65535) "ab"))', "data segment 0 ends at byte 65537, past the memory's 1 pages"),
        ('(module (memory 1 2) (func (export "scratch.base")))', "the export 'scratch.base' has a name that linking needs"),
        ('(module (memory 1 2) (global (export "memory.bytes") i32 (i32.const 0)))', "the export 'memory.bytes'"),
    ],
)
def test_what_cannot_be_walled_off_is_refused(parse, text, says):
    with pytest.raises(LinkError, match=says):
        virtualise(parse(text), 1)


def test_debug_sections_go_when_instructions_were_replaced_and_stay_otherwise(parse):
    debug = (Custom(".debug_line", b"", 11),)
    assert virtualise(replace(parse(GROWS), customs=debug), 1).customs == ()
    assert virtualise(replace(parse("(module (memory 1 1) (func))"), customs=debug), 1).customs == debug


def test_random_modules_do_not_notice_the_scratch(smith, observe, valid):
    """Their accesses are guarded by memory.size, so that they stay within what they believe to have."""
    compared = grown = 0
    for seed in range(100):
        data = smith(
            seed, 4000, ends=True, disallow_traps=True, min_memories=1, max_memories=1, max_memory32_bytes=6 * PAGE, max_imports=0,
            max_table_elements=1000, table_max_size_required=True, min_funcs=6, export_everything=True, bulk_memory_enabled=False,
        )  # fmt: skip
        module = bound(decode(data), 8)
        module = replace(module, exports=tuple(export for export in module.exports if export.kind != MEMORY), start=None)
        try:
            virtual = virtualise(module, 2)
        except LinkError as error:
            assert "data segment" in error.message  # noqa: PT017  smith may put one anywhere
            continue
        names = {export.name for export in virtual.exports} - {export.name for export in module.exports}
        seen = observe([("", valid(virtual))], seed)
        assert _without(seen, names) == observe([("", encode(module))], seed), seed
        compared += len(seen or ())
        grown += virtual.globals[-2].type.mutable
    assert compared > 200
    assert grown > 20


def _without(seen, names):
    return seen and [
        (label, results, calls, {key: state[key] for key in state if key not in names}) for label, results, calls, state in seen
    ]


# -- definition and import ---------------------------------------------------------------------------------------------------------


def test_a_memory_becomes_an_import_and_a_definition_again(parse, valid):
    module = parse(GROWS)
    imported = to_import(module, "env", "memory")
    valid(imported)
    assert [(entry.module, entry.name, entry.kind, entry.desc) for entry in imported.imports] == [("env", "memory", MEMORY, Limits(2, 5))]
    assert imported.memories == ()
    assert to_definition(imported) == module


def test_limits_are_set_on_an_imported_memory_too(parse, valid):
    module = set_limits(parse('(module (import "e" "f" (func)) (import "env" "memory" (memory 1)))'), 2, 16)
    valid(module)
    assert [entry.desc for entry in module.imported(MEMORY)] == [Limits(2, 16)]
    assert set_limits(module, 2, None).imported(MEMORY)[0].desc == Limits(2)


def test_moving_a_memory_to_where_it_is_already_is_refused(parse):
    defined, imported = parse("(module (memory 1))"), parse('(module (import "e" "m" (memory 1)))')
    with pytest.raises(LinkError, match="imported already"):
        to_import(imported, "env", "memory")
    with pytest.raises(LinkError, match="is not imported"):
        to_definition(defined)


def test_a_virtual_memory_may_be_imported(parse, valid):
    module = to_import(virtualise(parse(GROWS), 1), "env", "memory")
    valid(module)
    assert module.imported(MEMORY)[0].desc == Limits(6, 6)
    assert Export(SCRATCH, GLOBAL, 1) in module.exports
    assert isinstance(module, Module)
    assert module.export("grow", FUNC) is not None
