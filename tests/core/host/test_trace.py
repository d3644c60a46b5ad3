"""A trace says what the contract asked and what it was told; nobody pays for one that was not asked for."""

from __future__ import annotations

import pytest

from core.host.probe import FREE, SIZE, ask, fresh
from core.host.worlds import ALICE, TOKEN, blob, data, deployed
from sshi.host.chain import Call
from sshi.host.outcome import TraceEvent

HALF_A_TEXT = b"h\xffllo"

STORY = f"""(func (export "go")
    (call $storage_write (i32.const 0) (i32.const 16) (i32.const 2))
    (drop (call $storage_read (i32.const 0) (i32.const 32)))
    (drop (call $storage_read (i32.const 0) (i32.const 64)))
    (drop (call $storage_has (i32.const 96)))
    (drop (call $transfer (i32.const 128) (i32.const 160)))
    (call $balance (i32.const 192))
    (call $sha256 (i32.const 0) (i32.const 0) (i32.const 224))
    (drop (call $block_height))
    (call $gas_consume (i64.const -1))
    (call $debug_log (i32.const 288) (i32.const 5))
    (call $set_return (i32.const 1000) (i32.const 100))
    (call $emit (i32.const 96) (i32.const 16) (i32.const 2))
    (call $value (i32.const -1)))
    {data(0, blob(b"k"))} {data(16, b"12")} {data(32, bytes([8, 0, 0, 0]))} {data(64, bytes([1, 0, 0, 0]))} {data(96, blob(b"no"))}
    {data(128, blob(b"bob"))} {data(160, bytes([5]) + bytes(15))} {data(288, HALF_A_TEXT)}"""

TOLD = """
storage_write key=6b value=3132 ->
storage_read key=6b out=[8] -> 2 3132
storage_read key=6b out=[1] -> 2
storage_has key=6e6f -> 0
transfer to=626f62 amount=5 -> 0
balance out=[16] -> 02000000000000000000000000000000
sha256 data= out=[32] -> e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
block_height -> 1
gas_consume units=18446744073709551615 ->
debug_log data=68ff6c6c6f ->
set_return data=000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000…(100 bytes) ->
emit topic=6e6f data=3132 ->
value out=@4294967295 -> trapped(memory)
""".strip()


def line(event: TraceEvent) -> str:
    return " ".join((event.function, *event.arguments, "->", event.result)).rstrip()


@pytest.mark.parametrize("engine", ["interpreter", "aot"])
def test_a_trace_tells_the_whole_story(engine):
    vm = deployed(STORY, "call:go!", engine=engine)
    receipt = vm.call(TOKEN, Call("go", caller=ALICE, value=7, trace=True))
    assert "\n".join(map(line, receipt.trace)) == TOLD
    assert receipt.native == ("h\\xffllo",)


def test_a_trace_changes_neither_the_end_nor_the_cost():
    vm = deployed(STORY, "call:go!")
    plain, traced = (vm.call(TOKEN, Call("go", caller=ALICE, value=7, trace=trace)) for trace in (False, True))
    assert (plain.outcome, plain.effects, plain.cost) == (traced.outcome, traced.effects, traced.cost)
    assert (plain.trace, plain.native) == ((), ())


@pytest.mark.parametrize(
    ("name", "arguments", "patches", "gas", "query", "told"),
    [
        ("revert", (FREE, 2), [(FREE, b"no")], None, False, "revert data=6e6f -> reverted"),
        ("emit", (FREE, FREE, 0), [], None, False, "emit topic= data= -> trapped(argument)"),
        ("storage_has", (FREE,), [], None, False, "storage_has key= -> trapped(limit)"),
        ("storage_has", (SIZE - 4,), [(SIZE - 4, b"\1\0\0\0")], None, False, f"storage_has key=@{SIZE - 4} -> trapped(memory)"),
        ("caller", (FREE,), [], None, True, "caller out=[0] -> trapped(query)"),
        ("keccak256", (FREE, 60_000, FREE), [], 100_000, False, "exhausted(gas)"),
        ("secp256k1_recover", (FREE, FREE, FREE), [], None, False, f"hash={'00' * 32} sig={'00' * 48}…(65 bytes) out=[33] -> 1"),
    ],
)
def test_the_last_line_says_how_it_ended(name, arguments, patches, gas, query, told):
    receipt = ask(fresh(name), arguments, patches, query=query, gas=gas, trace=True)
    last = [event for event in receipt.trace if event.function == name][-1]
    assert told in line(last)
