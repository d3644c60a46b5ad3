"""Any function of the interface with any arguments, through a real contract.

The probe's input is the arguments (eight bytes each), the window of memory to show afterwards, and patches to make first.  It
returns the function's result and the window.  Pages 0 and 1 are the probe's own, the rest is for the arguments to point at.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from core.host.worlds import ALICE, RICH, TOKEN, deployed
from sshi.host.chain import Call
from sshi.host.outcome import Receipt, Returned
from sshi.host.reference import ReferenceVM
from sshi.spec.loader import interface

PAGES = 3
SIZE = PAGES * 65_536
FREE = 2 * 65_536
"""Where the probe's own memory ends."""

_ROOM = 16_384


def _fields(name: str) -> str:
    function = interface().functions[name]
    arguments = []
    for at, kind in enumerate(function.wasm_params):
        load = f"(i64.load (i32.const {4 + 8 * at}))"
        arguments.append(load if kind == "i64" else f"(i32.wrap_i64 {load})")
    call = f"(call ${name} {' '.join(arguments)})"
    if function.results == ("i32",):
        call = f"(i64.extend_i32_s {call})"
    stored = f"(i64.store (i32.const 65536) {call})" if function.results else call
    after = 4 + 8 * len(function.wasm_params)
    return f"""
    (func $probe (local $at i32) (local $end i32) (local $size i32)
      (i32.store (i32.const 0) (i32.const {_ROOM}))
      (local.set $end (i32.add (i32.const 4) (call $input (i32.const 0))))
      (local.set $at (i32.const {after + 8}))
      (block $done (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $size (i32.load offset=4 (local.get $at)))
        (memory.copy (i32.load (local.get $at)) (i32.add (local.get $at) (i32.const 8)) (local.get $size))
        (local.set $at (i32.add (i32.add (local.get $at) (i32.const 8)) (local.get $size)))
        (br $next)))
      {stored}
      (local.set $size (i32.load (i32.const {after + 4})))
      (memory.copy (i32.const 65544) (i32.load (i32.const {after})) (local.get $size))
      (call $set_return (i32.const 65536) (i32.add (local.get $size) (i32.const 8))))
    (func (export "probe") (call $probe))
    (func (export "asked") (call $probe))"""


@cache
def host(name: str, engine: str = "interpreter") -> ReferenceVM:
    """A world with the probe of that function; `fresh` puts it back to its start."""
    return deployed(_fields(name), "call:probe!", "query:asked", engine=engine, pages=f"{PAGES} {PAGES}")


@cache
def _start(name: str, engine: str) -> object:
    return host(name, engine).snapshot()


def fresh(name: str, engine: str = "interpreter") -> ReferenceVM:
    """The probe's world as it was at first."""
    vm = host(name, engine)
    vm.restore(_start(name, engine))
    return vm


def ask(
    vm: ReferenceVM,
    arguments: Sequence[int],
    patches: Sequence[tuple[int, bytes]] = (),
    *,
    window: tuple[int, int] = (0, 0),
    query: bool = False,
    entry: str = "probe",
    **call,
) -> Receipt:
    """Call it."""
    data = b"".join(argument.to_bytes(8, "little") for argument in (*arguments,))
    data += window[0].to_bytes(4, "little") + window[1].to_bytes(4, "little")
    data += b"".join(at.to_bytes(4, "little") + len(content).to_bytes(4, "little") + content for at, content in patches)
    if query:
        return vm.query(TOKEN, Call("asked", data, **call))
    return vm.call(TOKEN, Call(entry, data, **{"caller": ALICE, **call}))


def answer(receipt: Receipt) -> tuple[int, bytes]:
    """The function's result (signed) and the window, of a call that returned."""
    assert isinstance(receipt.outcome, Returned), receipt.outcome
    data = receipt.outcome.data
    return int.from_bytes(data[:8], "little", signed=True), data[8:]


__all__ = ["ALICE", "FREE", "PAGES", "RICH", "SIZE", "TOKEN", "answer", "ask", "fresh", "host"]
