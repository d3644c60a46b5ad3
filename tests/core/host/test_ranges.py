"""Every pointer of every function, from the interface's table: a new function is tested before anyone thinks of it.

What lies outside is decided here from the parameter's type alone, in the words of the clauses `memory.*`.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.host.probe import FREE, SIZE, ask, fresh
from core.host.worlds import blob
from sshi.host.outcome import Reverted, TrapKind, Trapped
from sshi.spec.loader import interface
from sshi.spec.model import FIXED_SIZE, OUTPUTS, Function, ParamType

FUNCTIONS = interface().functions
SILENT = {name for name, function in FUNCTIONS.items() if function.silent}
"""Functions that never trap, for a range outside memory either: clause `debug_log.never-traps`."""

POINTERS = [
    (name, at)
    for name, function in FUNCTIONS.items()
    for at, param in enumerate(function.params)
    if param.type not in (ParamType.LEN, ParamType.U64) and name not in SILENT
]

TOP = 2**32 - 1


def valid(function: Function) -> tuple[list[int], list[tuple[int, bytes]]]:
    """Arguments that work, each pointing at a place of its own, and what must lie there."""
    arguments: list[int] = []
    patches: list[tuple[int, bytes]] = []
    for at, param in enumerate(function.params):
        place = FREE + 1024 * at
        arguments.append({ParamType.LEN: 5, ParamType.U64: 1}.get(param.type, place))
        if param.type is ParamType.BLOB:
            patches.append((place, blob(b"ok")))
        if param.type is ParamType.BUFFER:
            patches.append((place, (64).to_bytes(4, "little")))
    return arguments, patches


def asked(name: str, at: int, ptr: int, length: int = 0, patch: bytes = b"") -> tuple[bool, str]:
    """Did it trap for memory when its pointer `at` was this one, and what happened in words."""
    arguments, patches = valid(FUNCTIONS[name])
    arguments[at] = ptr
    if FUNCTIONS[name].params[at].type is ParamType.PTR:
        arguments[at + 1] = length
    if patch and ptr + len(patch) <= SIZE:
        patches.append((ptr, patch))
    outcome = ask(fresh(name), arguments, patches).outcome
    return isinstance(outcome, Trapped) and outcome.trap is TrapKind.MEMORY, repr(outcome)


def near(size: int) -> st.SearchStrategy[int]:
    """Pointers around the place where a range of that size no longer fits, and anywhere."""
    return st.integers(-3, 3).map(lambda step: SIZE - size + step) | st.integers(FREE, TOP) | st.just(TOP)


@pytest.mark.parametrize(("name", "at"), POINTERS, ids=str)
def test_a_function_given_what_it_wants_does_not_trap(name, at):
    """The other tests here would pass for a function that always trapped."""
    arguments, patches = valid(FUNCTIONS[name])
    outcome = ask(fresh(name), arguments, patches).outcome
    assert not isinstance(outcome, Trapped), (outcome, at)


@pytest.mark.parametrize(("name", "at"), POINTERS, ids=str)
@given(draw=st.data())
def test_a_range_outside_memory_traps_and_one_inside_does_not(name, at, draw):
    """memory.outside, memory.edge, memory.empty-past-end, memory.empty-at-end, memory.wraps, memory.unaligned, memory.header"""
    kind = FUNCTIONS[name].params[at].type
    if kind is ParamType.PTR:
        length = draw.draw(st.integers(0, 40) | st.integers(0, TOP))
        ptr = draw.draw(near(length))
        ptr = max(0, min(ptr, TOP))
        outside, patch, size = ptr + length > SIZE, b"", length
    elif kind is ParamType.BLOB:
        content = draw.draw(st.integers(1, 32)) * b"k"
        size = draw.draw(st.just(len(content)) | st.integers(33, TOP))
        ptr = draw.draw(near(4 + size if size < 100 else 4))
        patch = size.to_bytes(4, "little") + content[: max(0, min(len(content), SIZE - ptr - 4))]
        outside = ptr + 4 > SIZE or ptr + 4 + size > SIZE
        if not outside and size > 32:
            return  # a limit decides, not memory
        length = 0
    else:
        size, length, patch = (4, 0, bytes(4)) if kind is ParamType.BUFFER else (FIXED_SIZE[kind], 0, b"")
        ptr = draw.draw(near(size))
        outside = ptr + size > SIZE
    trapped, outcome = asked(name, at, ptr, length, patch)
    assert trapped == outside, (kind, ptr, size, outcome)


@pytest.mark.parametrize("name", [name for name, function in FUNCTIONS.items() if any(p.type is ParamType.BUFFER for p in function.params)])
@pytest.mark.parametrize("capacity", [0, 5, 64, TOP])
def test_only_bytes_really_written_to_a_buffer_need_lie_inside(name, capacity):
    """memory.written-only: the buffer's room passes the end of memory, what is written does not; then one byte of it does."""
    arguments, patches = valid(FUNCTIONS[name])
    at = next(index for index, param in enumerate(FUNCTIONS[name].params) if param.type is ParamType.BUFFER)

    def outcome(vm, ptr, room):
        arguments[at] = ptr
        return ask(vm, arguments, [*patches, (ptr, room.to_bytes(4, "little"))]).outcome

    vm = fresh(name)
    if name == "storage_read":
        vm.world.contracts[b"token"][1].apply({b"ok": b"value"})
    length = int.from_bytes(outcome(vm, FREE + 4096, 0).data[:8], "little")
    fits = capacity >= length
    assert not isinstance(outcome(vm, SIZE - 4 - length, capacity), Trapped)
    past = outcome(vm, SIZE - 4 - length + 1, capacity)
    assert isinstance(past, Trapped) == fits, past


@pytest.mark.parametrize(
    ("name", "at"), [(name, at) for name, at in POINTERS if FUNCTIONS[name].params[at].type in OUTPUTS - {ParamType.BUFFER}], ids=str
)
def test_a_fixed_output_is_checked_before_the_work(name, at):
    """memory.before-work: also when nothing would be written, since the arguments give no result."""
    trapped, outcome = asked(name, at, SIZE - 3)
    assert trapped, outcome


@pytest.mark.parametrize("name", [name for name, function in FUNCTIONS.items() if not function.in_query])
@pytest.mark.parametrize("broken", [False, True], ids=["good arguments", "bad arguments"])
def test_a_forbidden_function_traps_in_a_query_whatever_its_arguments(name, broken):
    """outcome.query; asked as a query and in a transaction, entry.query-call"""
    arguments, patches = valid(FUNCTIONS[name])
    if broken:
        arguments, patches = [TOP] * len(arguments), []
    for receipt in (ask(fresh(name), arguments, patches, query=True), in_transaction(name, arguments, patches)):
        assert isinstance(receipt.outcome, Trapped), receipt.outcome
        assert receipt.outcome.trap is TrapKind.QUERY
        assert receipt.effects.storage == receipt.effects.transfers == receipt.effects.events == ()


def in_transaction(name, arguments, patches):
    return ask(fresh(name), arguments, patches, entry="asked")


@pytest.mark.parametrize("name", [name for name, function in FUNCTIONS.items() if function.in_query])
def test_every_other_function_works_in_a_query(name):
    arguments, patches = valid(FUNCTIONS[name])
    outcome = ask(fresh(name), arguments, patches, query=True).outcome
    assert not isinstance(outcome, Trapped), outcome
    assert isinstance(outcome, Reverted) == (name == "revert")
