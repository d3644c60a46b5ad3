"""Gas to the last unit: totals of each host function, written as the formulas that were measured on the chain's own VM."""

from __future__ import annotations

import hashlib

import coincurve
import pytest

from adapters.near.worlds import TGAS, emulated, escaped, loading, raw, real, request
from sshi_near.runtime import State

OP = 822_756
ENTRY = 8 * OP
"""Entering a function without parameters and locals."""

DIGEST = hashlib.sha256(b"a message").digest()
SIGNATURE = coincurve.PrivateKey(b"\x01" * 32).sign_recoverable(DIGEST, hasher=None)
DATA = f'(data (i32.const 0) "bob.near") (data (i32.const 600) {escaped(DIGEST + SIGNATURE)})'


def spell(name: str, *arguments: int) -> tuple[str, int]:
    """A host call in the text format, its result dropped, and the instructions it takes."""
    text = f"(call ${name} {' '.join(f'(i64.const {argument})' for argument in arguments)})"
    drops = name in RESULTS
    return (f"(drop {text})" if drops else text), len(arguments) + 1 + drops


RESULTS = {
    "register_len", "block_index", "block_timestamp", "storage_usage", "ecrecover", "promise_batch_create", "storage_write",
    "storage_read", "storage_remove", "storage_has_key",
}  # fmt: skip


def burnt(*calls: tuple[str, int], **fields) -> int:
    """What those calls burn, the instructions around them and the loading left out."""
    module = raw("".join(text for text, _ in calls), DATA)
    ended = emulated().run(request(module, **fields))
    assert ended.error == "" or ended.name == "HostError/GuestPanic", ended.error
    return ended.burnt - loading(module) - ENTRY - OP * sum(ops for _, ops in calls)


INPUT = 3_130_290_597
STORED = State({b"k" * n: b"v" * (7 * n) for n in (1, 5, 100)} | {b"e": b"", b"big": b"x" * 5000})


@pytest.mark.parametrize("name", ["register_len", "block_index", "block_timestamp", "storage_usage"])
def test_what_only_answers_costs_the_base(name):
    assert burnt(spell(name, *((0,) if name == "register_len" else ()))) == 264_768_111


@pytest.mark.parametrize(("name", "field"), [("current_account_id", "account"), ("predecessor_account_id", "predecessor")])
@pytest.mark.parametrize("length", [2, 10, 64])
def test_an_account_id_in_a_register(name, field, length):
    assert burnt(spell(name, 0), **{field: "a" * length}) == 3_130_290_597 + 3_801_564 * length


@pytest.mark.parametrize("length", [0, 1, 5000])
def test_input_costs_nothing_for_its_bytes(length):
    assert burnt(spell("input", 0), input=b"i" * length) == INPUT


@pytest.mark.parametrize("length", [0, 1, 5000])
def test_reading_a_register(length):
    total = burnt(spell("input", 0), spell("read_register", 0, 100), input=b"i" * length)
    assert total == INPUT + 5_585_728_158 + 2_822_334 * length


@pytest.mark.parametrize("name", ["account_balance", "attached_deposit"])
def test_an_amount_in_memory(name):
    assert burnt(spell(name, 0)) == 3_112_143_324


@pytest.mark.parametrize("length", [0, 1, 300])
def test_texts_and_results(length):
    assert burnt(spell("value_return", length, 0)) == 2_874_631_311 + 3_801_333 * length
    assert burnt(spell("log_utf8", length, 1000)) == 9_529_723_422 + 308_580_603 * length
    assert burnt(spell("panic_utf8", length, 1000)) == 5_986_410_372 + 295_381_812 * length


@pytest.mark.parametrize("length", [0, 1, 1000])
def test_hashes(length):
    assert burnt(spell("sha256", length, 0, 0)) == 10_138_005_984 + 27_918_684 * length
    assert burnt(spell("keccak256", length, 0, 0)) == 11_476_527_009 + 25_272_438 * length


def test_recovering_a_key():
    arguments = (32, 600, 64, 632, SIGNATURE[64], 0, 0)
    assert burnt(spell("ecrecover", *arguments)) == 287_515_465_407


@pytest.mark.parametrize(("key", "value"), [(0, 0), (1, 0), (5, 16), (128, 3000), (2048, 5000)])
def test_writing_a_new_key(key, value):
    assert burnt(spell("storage_write", key, 2000, value, 0, 0)) == 69_681_230_511 + 74_284_200 * key + 34_819_872 * value


@pytest.mark.parametrize("old", [0, 1, 300])
def test_replacing_a_value_pays_for_the_bytes_it_evicts(old):
    total = burnt(spell("storage_write", 1, 2000, 16, 0, 0), state=State({b"\0": b"o" * old}))
    assert total == 69_681_230_511 + 74_284_200 + 34_819_872 * 16 + 2_865_522_486 + 3_801_564 * old + 32_117_307 * old


@pytest.mark.parametrize(("key", "value"), [(1, 0), (1, 1), (8, 4000)])
def test_reading_a_value(key, value):
    total = burnt(spell("storage_read", key, 0, 0), state=State({b"bob.near"[:key]: b"v" * value}))
    assert total == 62_096_999_546 + 34_753_866 * key + 9_412_568 * value


def test_reading_a_value_of_more_than_4000_bytes_costs_one_gas_a_byte_and_one():
    total = burnt(spell("storage_read", 1, 0, 0), state=State({b"b": b"v" * 4001}))
    assert total == 62_096_999_546 + 34_753_866 + 9_412_568 * 4001 + 4001 + 1


@pytest.mark.parametrize("key", [0, 1, 128])
def test_what_is_absent(key):
    assert burnt(spell("storage_read", key, 2000, 0)) == 59_231_477_060 + 34_753_866 * key
    assert burnt(spell("storage_remove", key, 2000, 0)) == 56_347_661_811 + 42_021_717 * key
    assert burnt(spell("storage_has_key", key, 2000)) == 56_914_527_936 + 34_592_178 * key


@pytest.mark.parametrize("old", [0, 1, 300])
def test_removing_pays_for_the_bytes_it_removes(old):
    total = burnt(spell("storage_remove", 1, 2000, 0), state=State({b"\0": b"o" * old}))
    assert total == 56_347_661_811 + 42_021_717 + 2_865_522_486 + 3_801_564 * old + 11_531_556 * old


def test_a_register_is_a_cheaper_argument_than_memory():
    memory = burnt(spell("value_return", 9, 0))
    register = burnt(spell("input", 0), spell("value_return", -1, 0), input=b"i" * 9) - INPUT
    assert memory - register == 2_609_863_200 + 3_801_333 * 9 - (2_517_165_186 + 98_562 * 9)


def test_a_transfer_burns_its_sending_and_reserves_the_rest():
    calls = [spell("promise_batch_create", 8, 0), spell("promise_batch_action_transfer", 0, 100)]
    module = raw("".join(text for text, _ in calls), DATA)
    ended = emulated().run(request(module))
    host = 114_045_910_372 + 295_381_812 * 8 + 118_058_515_139
    assert ended.burnt == loading(module) + ENTRY + OP * sum(ops for _, ops in calls) + host
    assert ended.used - ended.burnt == 108_059_500_000 + 115_123_062_500


@pytest.mark.parametrize(
    ("version", "receiver", "reserved"),
    [
        (84, "ab" * 32, 3_850_000_000_000 + 101_765_125_000),
        (85, "ab" * 32, 7_200_000_000_000 + 101_765_125_000),
        (88, "0x" + "12" * 20, 7_200_000_000_000),
        (88, "0s" + "12" * 20, 7_200_000_000_000),
        (87, "0u" + "0" * 52, 0),
        (88, "0u" + "0" * 52, 7_200_000_000_000),
        (88, "0u" + "0" * 51 + "1", 0),  # not canonical, so a name like any other
    ],
)
def test_a_transfer_to_an_id_that_it_may_create_reserves_for_that(version, receiver, reserved):
    text = f"(drop (call $promise_batch_create (i64.const {len(receiver)}) (i64.const 0))) "
    module = raw(text + "(call $promise_batch_action_transfer (i64.const 0) (i64.const 100))", f'(data (i32.const 0) "{receiver}")')
    ended = emulated(version).run(request(module))
    assert ended.error == ""
    assert ended.used - ended.burnt == 108_059_500_000 + 115_123_062_500 + reserved


# ---- instructions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "ops"),
    [
        ("", 0),
        ("nop nop", 2),
        ("(block (block nop))", 1),
        ("(if (i32.const 1) (then nop) (else nop nop))", 3),
        ("(if (i32.const 0) (then nop) (else nop nop))", 4),
        ("(loop nop)", 2),
        ("(local i32) (loop $l (br_if $l (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 10))))", 10 * 8 + 1),
        ("(drop (memory.grow (i32.const 3)))", 2 + 32 + 3),
        ("(drop (memory.grow (i32.const 5000)))", 2 + 32 + 5000),
        ("(memory.copy (i32.const 0) (i32.const 9) (i32.const 100))", 3 + 32 + 100),
        ("(memory.fill (i32.const 0) (i32.const 9) (i32.const 0))", 3 + 32),
        ("(call $wide (i64.const 1))", 2 + 12),
        ("(local i64 i32 f32)", 2),
    ],
)
def test_instructions(body, ops):
    module = raw(body, "(func $wide (param i64) (local i64 i32 f64))")  # 64 + 8 + 8 + 4 + 8 = 92 bytes, 12 operations
    assert emulated().run(request(module)).burnt == loading(module) + ENTRY + OP * ops


def test_the_crates_own_number_for_an_empty_module():
    """`memory_custom` of near-vm-runner's tests: 46 bytes, 92,135,581 gas."""
    assert 35_445_963 + 46 * 1_089_295 + 8 * OP == 92_135_581


# ---- running out ------------------------------------------------------------------------------------------------


def test_gas_that_runs_out_is_all_burnt():
    ended = emulated().run(request(raw("(loop (br 0))"), gas=TGAS))
    assert (ended.name, ended.burnt, ended.used) == ("HostError/GasExceeded", TGAS, TGAS)


def test_a_view_call_reports_the_limit_of_all_calls():
    ended = emulated().run(request(raw("(loop (br 0))"), gas=TGAS, view=True))
    assert (ended.name, ended.burnt) == ("HostError/GasLimitExceeded", TGAS)


def test_gas_that_does_not_cover_the_loading():
    module = raw("")
    ended = emulated().run(request(module, gas=loading(module) - 1))
    assert (ended.name, ended.burnt) == ("HostError/GasExceeded", loading(module) - 1)


def test_it_runs_out_before_the_next_effect_and_not_before_the_last():
    """One unit less than the call needs leaves the log of before and not the log of after."""
    first, second = spell("log_utf8", 1, 0), spell("log_utf8", 2, 0)
    module = raw(first[0] + second[0], DATA)
    whole = emulated().run(request(module))
    assert whole.logs == ("b", "bo")
    short = emulated().run(request(module, gas=whole.burnt - 1))
    assert (short.name, short.logs, short.burnt) == ("HostError/GasExceeded", ("b",), whole.burnt - 1)


def test_one_absurd_charge_reports_the_limit_of_all_calls_and_a_larger_one_overflows():
    for length, name in {"0x7fffffff": "HostError/GasLimitExceeded", "0x7fffffffffffffff": "HostError/IntegerOverflow"}.items():
        assert emulated().run(request(raw(f"(call $value_return (i64.const {length}) (i64.const 0))"))).name == name


LOOP_AFTER_A_RECEIPT = """
    (drop (call $promise_batch_create (i64.const 3) (i64.const 0)))
    (loop $next (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (i32.const 1))) (br $next))"""


@pytest.mark.parametrize("gas", range(340_000_000_000, 340_020_000_000, 1_234_567))
def test_gas_that_runs_out_with_some_reserved_burns_the_charge_that_did_not_fit(gas):
    """Burnt is then less than all: how much hangs on what the chain charges at once."""
    module = raw(LOOP_AFTER_A_RECEIPT, DATA)
    ours, theirs = (runtime.run(request(module, gas=gas)) for runtime in (emulated(), real()))
    assert ours.name == "HostError/GasExceeded"
    assert (ours.burnt, ours.used) == (theirs.burnt, theirs.used)


def test_a_stack_that_runs_out_stops_at_the_4096th_activation():
    module = raw("(call $again)", "(func $again (call $again))")
    ended = emulated().run(request(module))
    assert ended.name == "HostError/MemoryAccessViolation"
    # 4,095 of `again` besides `main`, each a call and an entry but the last, which has no room left to call
    assert ended.burnt == loading(module) + ENTRY + 4095 * 9 * OP + OP
