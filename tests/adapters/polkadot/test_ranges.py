"""Every range that the shim is given is held against the contract's own memory; a clause stands above what shows it."""

from __future__ import annotations

import pytest

from adapters.polkadot.memory import KEY, OUT, PAGE, arguments, blob, image, trapped, write
from sshi.host.outcome import Returned
from sshi.spec.loader import interface
from sshi.spec.model import FIXED_SIZE, ParamType

READS = [ParamType.BLOB, ParamType.BUFFER, *FIXED_SIZE]
SILENT = {"debug_log": "does nothing on a chain, whatever its range"}


def pointers() -> list[tuple[str, int, int]]:
    """(function, parameter's position, bytes that must lie inside) for every pointer of the interface."""
    found = []
    for function in interface().functions.values():
        if function.name not in SILENT:
            for at, param in enumerate(function.params):
                if param.type in READS:
                    found.append((function.name, at, FIXED_SIZE.get(param.type, 4)))
    return found


@pytest.mark.parametrize(("function", "at", "size"), pointers(), ids=str)
def test_a_pointer_past_the_end_of_the_contract_s_own_memory_traps(probe, function, at, size):
    """memory.outside, memory.header, memory.before-work, memory.wraps: the scratch page behind it is not the contract's"""
    values, memory = arguments(function)
    assert not trapped(probe.call(function, *values, image=memory)), "the arguments themselves are fine"
    for place in (PAGE - size + 1, PAGE, PAGE + 100, 2 * PAGE - 1, 2 * PAGE, 2**31, 2**32 - size, 2**32 - 1):
        values[at] = place
        assert trapped(probe.call(function, *values, image=memory)), place


@pytest.mark.parametrize(("function", "at", "size"), [entry for entry in pointers() if entry[2] != 4], ids=str)
def test_a_fixed_size_that_ends_where_memory_ends_is_inside(probe, function, at, size):
    """memory.edge"""
    values, memory = arguments(function)
    values[at] = PAGE - size
    assert not trapped(probe.call(function, *values, image=memory))


@pytest.mark.parametrize("function", ["storage_write", "set_return", "emit", "sha256", "keccak256"])
def test_a_plain_range_is_inside_up_to_the_edge_and_not_one_byte_further(probe, function):
    """memory.edge, memory.outside, memory.empty-at-end, memory.empty-past-end, memory.wraps"""
    values, memory = arguments(function)
    at = next(number for number, param in enumerate(interface().functions[function].params) if param.type is ParamType.PTR)
    for ptr, length, inside in [
        (PAGE - 5, 5, True),
        (PAGE - 5, 6, False),
        (PAGE, 0, True),
        (PAGE + 1, 0, False),
        (2 * PAGE, 0, False),
        (2**32 - 1, 2, False),
        (16, 2**32 - 16, False),
        (16, 2**32 - 1, False),
    ]:
        values[at : at + 2] = ptr, length
        assert trapped(probe.call(function, *values, image=memory)) is not inside, (ptr, length)


EDGE = """(module
  (import "env" "{function}" (func $f (param {params}){result}))
  (memory (export "memory") 1)
  (func $blob (param $length i32)
    (i64.store (i32.const 65522) (i64.const 0x6b6b6b6b00000000))
    (i64.store (i32.const 65528) (i64.const 0x6b6b6b6b6b6b6b6b))
    (i32.store (i32.const 65522) (local.get $length)))
  (func (export "fits") (call $blob (i32.const 10)) {call})
  (func (export "passes") (call $blob (i32.const 11)) {call}))"""


@pytest.mark.parametrize(
    ("function", "rest"),
    [("storage_read", 1), ("storage_write", 2), ("storage_has", 0), ("storage_remove", 0), ("transfer", 1), ("emit", 2)],
)
def test_a_blob_s_bytes_are_held_against_memory_too(link, world, function, rest):
    """memory.outside, for the bytes behind a header near the edge"""
    found = interface().functions[function]
    call = f"(call $f (i32.const 65522){' (i32.const 0)' * rest})"
    wat = EDGE.format(
        function=function,
        params=" ".join(found.wasm_params),
        result=" (result i32)" if found.results else "",
        call=f"(drop {call})" if found.results else call,
    )
    contract = world.deployed(link(wat, "fits", "passes"))
    assert not trapped(world.call(contract, "fits"))
    assert trapped(world.call(contract, "passes"))


def test_only_the_bytes_really_written_need_to_lie_inside(probe):
    """memory.written-only: a capacity far past the end of memory"""
    write(probe, b"k", b"12345")
    memory = image(key_0=blob(b"k"), out_64=b"\xff\xff\xff\xff")
    length, after = probe.result("storage_read", KEY, OUT, image=memory)
    assert (length, after[OUT : OUT + 9]) == (5, blob(b"12345"))


def test_a_value_at_the_edge_fits_to_the_last_byte(link, world):
    """memory.edge, storage_read.value"""
    code = link(
        """(module
          (import "env" "storage_write" (func $write (param i32 i32 i32)))
          (import "env" "storage_read" (func $read (param i32 i32) (result i32)))
          (import "env" "set_return" (func $set_return (param i32 i32)))
          (memory (export "memory") 1)
          (data (i32.const 0) "\\01\\00\\00\\00k")
          (data (i32.const 16) "12345")
          (func (export "go") (param) (local $at i32)
            (call $write (i32.const 0) (i32.const 16) (i32.const 5))
            (i32.store (i32.const 65527) (i32.const 5))
            (drop (call $read (i32.const 0) (i32.const 65527)))
            (call $set_return (i32.const 65531) (i32.const 5)))
          (func (export "past")
            (i32.store (i32.const 65528) (i32.const 5))
            (drop (call $read (i32.const 0) (i32.const 65528)))))""",
        "go",
        "past",
    )
    contract = world.deployed(code)
    assert world.call(contract, "go").outcome == Returned(b"12345")
    assert trapped(world.call(contract, "past"))


def test_growing_memory_moves_the_edge(link, world):
    """memory.grow, memory.outside"""
    code = link(
        """(module
          (import "env" "set_return" (func $set_return (param i32 i32)))
          (memory (export "memory") 1 2)
          (func (export "before") (call $set_return (i32.const 65536) (i32.const 1)))
          (func (export "grown") (drop (memory.grow (i32.const 1))) (call $set_return (i32.const 131071) (i32.const 1)))
          (func (export "past") (drop (memory.grow (i32.const 1))) (call $set_return (i32.const 131071) (i32.const 2)))
          (func (export "too_far") (if (i32.ne (memory.grow (i32.const 2)) (i32.const -1)) (then unreachable))
            (if (i32.ne (memory.size) (i32.const 1)) (then unreachable))))""",
        "before",
        "grown",
        "past",
        "too_far",
    )
    contract = world.deployed(code)
    found = {name: trapped(world.call(contract, name)) for name in ("before", "grown", "past", "too_far")}
    assert found == {"before": True, "grown": False, "past": True, "too_far": False}
