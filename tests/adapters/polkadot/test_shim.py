"""Each function of the interface as the shim makes it of the pallet's; a clause stands above what shows it."""

from __future__ import annotations

import hashlib
from itertools import product

import coincurve
import pytest
from Crypto.Hash import keccak

from adapters.polkadot.memory import DATA, ED, KEY, OUT, arguments, blob, image, read, trapped, write
from sshi.host.outcome import Event, Returned, Reverted, Transfer
from sshi.spec.loader import interface

# ---- storage -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 16, 23, 24, 100])
def test_a_stored_value_comes_back_and_nothing_behind_it_changes(probe, size):
    """storage_read.value, storage_read.empty, storage_read.exact: the shim moves whole words and must put back what it overwrote."""
    value = bytes(range(1, size + 1))
    assert write(probe, b"k", value).effects.storage == ((b"k", value),)
    length, buffer = read(probe, b"k", size)
    assert length == size
    assert buffer == blob(value) + b"\xee" * (100 - size)


def test_an_absent_key_answers_minus_1_and_leaves_the_buffer(probe):
    """storage_read.absent"""
    assert read(probe, b"never", 50) == (-1, (50).to_bytes(4, "little") + b"\xee" * 100)


def test_a_value_longer_than_the_buffer_answers_its_length_and_leaves_the_buffer(probe):
    """storage_read.short"""
    write(probe, b"k", bytes(33))
    assert read(probe, b"k", 32) == (33, (32).to_bytes(4, "little") + b"\xee" * 100)


def test_the_largest_value_crosses_both_ways(probe):
    """limits.value"""
    value = bytes(range(256)).ljust(16_384, b"\0")
    assert write(probe, b"k", value).effects.storage == ((b"k", value),)
    assert read(probe, b"k", 100)[0] == 16_384
    assert trapped(write(probe, b"k", value + b"\0"))


@pytest.mark.parametrize("size", [1, 128])
def test_keys_of_1_to_128_bytes_are_keys(probe, size):
    """limits.key"""
    assert write(probe, b"k" * size, b"v").effects.storage == ((b"k" * size, b"v"),)


@pytest.mark.parametrize("size", [0, 129, 0xFFFF_FFFF])
@pytest.mark.parametrize("function", ["storage_write", "storage_read", "storage_remove", "storage_has"])
def test_no_other_keys_are(probe, function, size):
    """limits.key: the pallet itself would take an empty one."""
    arguments = {"storage_write": (DATA, 0), "storage_read": (OUT,)}.get(function, ())
    assert trapped(probe.call(function, KEY, *arguments, image=size.to_bytes(4, "little") + bytes(200)))


def test_a_key_is_there_until_it_is_removed(probe):
    """storage_has.*, storage_remove.*, storage_write.empty"""
    key = image(key_0=blob(b"k"))
    assert probe.result("storage_has", KEY, image=key)[0] == 0
    assert probe.result("storage_remove", KEY, image=key)[0] == 0
    write(probe, b"k", b"")
    assert probe.result("storage_has", KEY, image=key)[0] == 1
    removed = probe.call("storage_remove", KEY, image=key)
    assert removed.effects.storage == ((b"k", None),)
    assert removed.outcome.data[:8] == (1).to_bytes(8, "little")
    assert probe.result("storage_has", KEY, image=key)[0] == 0


def test_a_key_may_lie_in_the_buffer_it_is_read_into(probe):
    """storage_read.overlap: the header is the capacity first and the key's length next to it."""
    write(probe, b"\x09\0\0\0kkkkk"[4:9] + b"vvvv", b"value")  # the key that lies at 8 in the buffer below
    memory = image(out_0=(40).to_bytes(4, "little"), key_4=blob(b"kkkkkvvvv"))
    length, after = probe.result("storage_read", 4, 0, image=memory)
    assert (length, after[:9]) == (5, blob(b"value"))


# ---- money ---------------------------------------------------------------------------------------------------------


def send(probe, to: bytes, amount: int, *, value: int = 0):
    return probe.call("transfer", 0, 128, image=image(to_0=blob(to), amount_128=amount.to_bytes(16, "little")), value=value)


def answer(receipt) -> int:
    return int.from_bytes(receipt.outcome.data[:8], "little")


def test_an_accepted_transfer_moves_the_amount(probe):
    """transfer.accepted"""
    bob = probe.world.bob
    receipt = send(probe, bob, 300, value=1000)
    assert answer(receipt) == 0
    assert receipt.effects.transfers == (Transfer(bob, 300),)
    expected = sorted({probe.world.alice: -1000, bob: 300, probe.address: 700}.items())
    assert receipt.effects.balances == tuple(expected)
    assert probe.world.vm.balance(probe.address) == 700


def test_all_that_can_be_spent_can_be_sent_and_not_one_more(probe):
    """transfer.all, transfer.too-much"""
    too_much = send(probe, probe.world.bob, 1001, value=1000)
    assert (answer(too_much), too_much.effects.transfers) == (1, ())
    assert answer(send(probe, probe.world.bob, 2000, value=1000)) == 0
    assert probe.world.vm.balance(probe.address) == 0


@pytest.mark.parametrize("amount", [2**64, 2**64 + 5, 2**127, 2**128 - 1])
def test_amounts_are_compared_in_all_their_128_bits(probe, amount):
    """transfer.too-much"""
    assert answer(send(probe, probe.world.bob, amount, value=100)) == 1


@pytest.mark.parametrize(("balance", "amount"), [(2**64 + 5, 2**64 + 5), (2**65, 2**64 - 1), (2**64, 1)])
def test_amounts_above_64_bits_are_sent(probe, balance, amount):
    """transfer.all"""
    assert answer(send(probe, probe.world.bob, amount, value=balance)) == 0
    assert probe.world.vm.balance(probe.address) == balance - amount


@pytest.mark.parametrize("size", [0, 1, 31, 33, 64])
@pytest.mark.parametrize("amount", [0, 1, 2**100])
def test_a_recipient_that_is_no_address_is_found_first(probe, size, amount):
    """transfer.malformed, transfer.order"""
    assert answer(send(probe, b"x" * size, amount, value=10)) == 2


def test_an_amount_of_0_does_nothing_for_any_recipient(probe):
    """transfer.zero"""
    receipt = send(probe, b"n" * 32, 0)
    assert (answer(receipt), receipt.effects.transfers, receipt.effects.balances) == (0, (), ())
    assert probe.world.vm.balance(b"n" * 32) is None


def test_a_transfer_to_itself_changes_nothing(probe):
    """transfer.self"""
    receipt = send(probe, probe.address, 500, value=500)
    assert (answer(receipt), receipt.effects.transfers) == (0, ())
    assert probe.world.vm.balance(probe.address) == 500
    assert answer(send(probe, probe.address, 501)) == 1


def test_an_account_below_the_existential_deposit_is_refused(probe):
    """transfer.refused"""
    receipt = send(probe, b"n" * 32, ED - 1, value=ED)
    assert (answer(receipt), receipt.effects.transfers) == (2, ())
    assert probe.world.vm.balance(probe.address) == ED


def test_an_account_is_made_by_its_existential_deposit(probe):
    """Deviation polkadot/transfer-creates-account."""
    assert answer(send(probe, b"n" * 32, ED, value=ED)) == 0
    assert probe.world.vm.balance(b"n" * 32) == 0


def test_balance_and_value_are_128_bits(probe):
    """balance.fresh, balance.value, value.attached, value.none"""
    amount = 2**79 + 12_345
    assert probe.result("balance", OUT)[1][OUT : OUT + 16] == bytes(16)
    assert probe.result("value", OUT, value=amount)[1][OUT : OUT + 16] == amount.to_bytes(16, "little")
    assert probe.result("balance", OUT)[1][OUT : OUT + 16] == amount.to_bytes(16, "little")
    assert probe.result("value", OUT)[1][OUT : OUT + 16] == bytes(16)


# ---- the call ------------------------------------------------------------------------------------------------------


def test_caller_and_self_are_addresses(probe):
    """caller.address, caller.short, self_address.address, self_address.short"""
    for function, address in (("caller", probe.world.bob), ("self_address", probe.address)):
        length, memory = probe.result(function, OUT, image=image(out_64=(32).to_bytes(4, "little")), caller=probe.world.bob)
        assert (length, memory[OUT : OUT + 36]) == (32, blob(address))
        length, memory = probe.result(function, OUT, image=image(out_64=(31).to_bytes(4, "little")), caller=probe.world.bob)
        assert (length, memory[OUT : OUT + 36]) == (32, (31).to_bytes(4, "little") + bytes(32))


ECHO = """(module
  (import "env" "input" (func $input (param i32) (result i32)))
  (import "env" "set_return" (func $set_return (param i32 i32)))
  (memory (export "memory") 1)
  (func $ask (param $room i32) (local $length i32)
    (i32.store (i32.const 8) (local.get $room))
    (local.set $length (call $input (i32.const 8)))
    (i32.store (i32.const 4) (local.get $length))
    (call $set_return (i32.const 4) (i32.const 16384)))
  (func (export "short") (call $ask (i32.const 99)))
  (func (export "exact") (call $ask (i32.const 100)))
  (func (export "twice") (call $ask (i32.const 30000)) (call $ask (i32.const 30000))))"""


@pytest.mark.parametrize("size", [0, 1, 7, 8, 100, 16_376])
def test_input_is_the_caller_s_bytes_without_the_selector(link, world, size):
    """input.bytes, input.empty, input.again"""
    data = bytes(number % 251 + 1 for number in range(size))
    contract = world.deployed(link(ECHO, "short", "exact", "twice"))
    answer = world.call(contract, "twice", data).outcome.data
    assert answer == (size.to_bytes(4, "little") + blob(data)).ljust(16_384, b"\0")


def test_an_input_longer_than_the_buffer_leaves_it(link, world):
    """input.short"""
    contract = world.deployed(link(ECHO, "short", "exact", "twice"))
    length, header = (100).to_bytes(4, "little"), (99).to_bytes(4, "little")
    assert world.call(contract, "short", b"x" * 100).outcome.data == (length + header).ljust(16_384, b"\0")
    assert world.call(contract, "exact", b"x" * 100).outcome.data == (length + blob(b"x" * 100)).ljust(16_384, b"\0")


def test_an_input_at_the_limit_crosses_and_a_longer_one_is_rejected(link, world):
    """entry.input-limit"""
    contract = world.deployed(link(ECHO, "short", "exact", "twice"))
    assert world.call(contract, "short", bytes(16_384)).outcome.data[:4] == (16_384).to_bytes(4, "little")
    assert world.call(contract, "short", bytes(16_385)).outcome.reason == "input-limit"


def test_return_data_is_copied_at_once(link, world):
    """set_return.copied, set_return.last, set_return.continues"""
    code = link(
        """(module
          (import "env" "set_return" (func $set_return (param i32 i32)))
          (memory (export "memory") 1)
          (data (i32.const 0) "first, and longer")
          (func (export "late") (call $set_return (i32.const 0) (i32.const 17)) (i64.store (i32.const 0) (i64.const 0)))
          (func (export "twice") (call $set_return (i32.const 0) (i32.const 17)) (call $set_return (i32.const 0) (i32.const 5)))
          (func (export "emptied") (call $set_return (i32.const 0) (i32.const 17)) (call $set_return (i32.const 0) (i32.const 0)))
          (func (export "edge") (i32.store8 (i32.const 65535) (i32.const 9)) (call $set_return (i32.const 65535) (i32.const 1))))""",
        "late",
        "twice",
        "emptied",
        "edge",
    )
    contract = world.deployed(code)
    found = {name: world.call(contract, name).outcome for name in ("late", "twice", "emptied", "edge")}
    assert found == {"late": Returned(b"first, and longer"), "twice": Returned(b"first"), "emptied": Returned(), "edge": Returned(b"\x09")}


@pytest.mark.parametrize("size", [0, 1, 16_384])
def test_return_data_up_to_the_limit(probe, size):
    """set_return.data, limits.return"""
    assert probe.call("set_return", 0, size).outcome == Returned(bytes(size))


def test_more_return_data_traps(probe):
    """limits.return"""
    assert trapped(probe.call("set_return", 0, 16_385))


@pytest.mark.parametrize(
    ("message", "expected"),
    [(b"", Reverted("")), ("größer".encode(), Reverted("größer")), (b"\xff\xfe", Reverted(None)), (b"x" * 1024, Reverted("x" * 1024))],
)
def test_revert_ends_the_call_with_its_message(probe, message, expected):
    """revert.message, revert.empty, revert.not-utf8, limits.message"""
    receipt = probe.call("revert", DATA, len(message), image=image(data_256=message), value=77)
    assert receipt.outcome == expected
    assert probe.world.vm.balance(probe.address) == 0  # revert.undoes


def test_a_longer_message_traps(probe):
    """limits.message"""
    assert trapped(probe.call("revert", 0, 1025))


def emit(probe, topic: bytes, data: bytes):
    return probe.call("emit", 0, 2048, len(data), image=image(topic_0=blob(topic), data_2048=data))


@pytest.mark.parametrize(("topic", "data"), [("t", b""), ("A-Za-z0-9_.-azAZ09", b"data"), ("x" * 32, bytes(8192))])
def test_an_event_is_an_effect(probe, topic, data):
    """emit.event, emit.empty, emit.topic, limits.event-data"""
    assert emit(probe, topic.encode(), data).effects.events == (Event(topic, data),)


ALLOWED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")


def test_each_of_the_256_bytes_is_in_a_topic_or_traps(emulated, probe_code):
    """emit.topic, first and last of several characters too"""
    address = emulated.deployed(probe_code)
    for byte, (before, after) in product(range(256), [(b"", b""), (b"ab", b""), (b"", b"ab")]):
        topic = before + bytes([byte]) + after
        data = (0).to_bytes(4, "little") + (DATA).to_bytes(4, "little") + bytes(4) + image(topic_0=blob(topic))
        receipt = emulated.call(address, "f_emit", data)
        assert trapped(receipt) is (byte not in ALLOWED), topic


@pytest.mark.parametrize("size", [0, 33, 1000])
def test_a_topic_of_another_length_traps(probe, size):
    """emit.topic"""
    assert trapped(emit(probe, b"t" * size, b""))


def test_more_event_data_traps(probe):
    """limits.event-data"""
    assert trapped(emit(probe, b"t", bytes(8193)))


EMITTER = """(module
  (import "env" "emit" (func $emit (param i32 i32 i32)))
  (import "env" "input" (func $input (param i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\20\\00\\00\\00longer-than-the-one-that-follows")
  (data (i32.const 64) "\\02\\00\\00\\00ab")
  (data (i32.const 100) "\\08\\00\\00\\00")
  (func (export "go") (local $left i32)
    (drop (call $input (i32.const 100)))
    (call $emit (i32.const 0) (i32.const 0) (i32.const 0))
    (local.set $left (i32.load (i32.const 104)))
    (loop $next
      (call $emit (i32.const 64) (i32.const 0) (i32.load (i32.const 108)))
      (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))))"""


def test_32_events_in_order_each_with_its_own_topic(link, world):
    """limits.events, emit.order; a shorter topic keeps nothing of the one before"""
    contract = world.deployed(link(EMITTER, "go"))
    events = world.call(contract, "go", (31).to_bytes(4, "little") + bytes(4)).effects.events
    assert events == (Event("longer-than-the-one-that-follows", b""), *[Event("ab", b"")] * 31)
    assert trapped(world.call(contract, "go", (32).to_bytes(4, "little") + bytes(4)))


def test_event_data_is_counted_over_the_whole_call(link, world):
    """limits.event-data"""
    contract = world.deployed(link(EMITTER, "go"))
    assert len(world.call(contract, "go", (8).to_bytes(4, "little") + (1024).to_bytes(4, "little")).effects.events) == 9
    assert trapped(world.call(contract, "go", (9).to_bytes(4, "little") + (910).to_bytes(4, "little"))) is False
    assert trapped(world.call(contract, "go", (9).to_bytes(4, "little") + (1000).to_bytes(4, "little")))


@pytest.mark.parametrize(("height", "time"), [(1, 0), (2**32 - 1, 1_700_000_000_123)])
def test_height_and_time_are_the_block_s(probe, height, time):
    """block_height.height, block_time.time"""
    probe.world.vm.block_height, probe.world.vm.block_time = height, time
    assert probe.result("block_height")[0] == height
    assert probe.result("block_time")[0] == time


# ---- cryptography --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 55, 56, 64, 200])
def test_hashes(probe, size):
    """sha256.hash, sha256.empty, sha256.overlap, keccak256.*"""
    data = bytes(range(size))
    expected = {"sha256": hashlib.sha256(data).digest(), "keccak256": keccak.new(digest_bits=256, data=data).digest()}
    for function, digest in expected.items():
        for out in (DATA, DATA + 100):
            memory = probe.result(function, DATA, size, out, image=image(data_256=data))[1]
            assert memory[out : out + 32] == digest


SECRET = coincurve.PrivateKey(b"\x07" * 32)
HASH = hashlib.sha256(b"message").digest()
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def recover(probe, signature: bytes):
    memory = image(hash_0=HASH, sig_64=signature, out_256=b"\xee" * 33)
    result, after = probe.result("secp256k1_recover", 0, 64, 256, image=memory)
    return result, after[256:289]


def signature(r: int | None = None, s: int | None = None, v: int | None = None) -> bytes:
    made = SECRET.sign_recoverable(HASH, hasher=None)
    parts = (made[:32] if r is None else r.to_bytes(32, "big"), made[32:64] if s is None else s.to_bytes(32, "big"))
    return b"".join(parts) + bytes([made[64] if v is None else v])


def test_a_signature_gives_its_key(probe):
    """secp256k1_recover.key, secp256k1_recover.high-s"""
    key = SECRET.public_key.format()
    assert recover(probe, signature()) == (0, key)
    made = signature()
    high = ORDER - int.from_bytes(made[32:64], "big")
    assert recover(probe, signature(s=high, v=made[64] ^ 1)) == (0, key)


@pytest.mark.parametrize(
    "wrong",
    [
        {"v": 4},
        {"v": 27},
        {"v": 28},
        {"v": 30},
        {"v": 255},
        {"r": 0},
        {"s": 0},
        {"r": ORDER},
        {"s": ORDER},
        {"r": 2**256 - 1},
        {"v": 2},
        {"v": 3},
    ],
    ids=str,
)
def test_what_is_no_signature_answers_1_and_writes_nothing(probe, wrong):
    """secp256k1_recover.v, secp256k1_recover.range, secp256k1_recover.untouched; the pallet itself takes a v of 27 and 28"""
    assert recover(probe, signature(**wrong)) == (1, b"\xee" * 33)


def test_a_key_may_be_written_over_its_signature(probe):
    """secp256k1_recover.overlap"""
    result, after = probe.result("secp256k1_recover", 0, 64, 70, image=image(hash_0=HASH, sig_64=signature()))
    assert (result, after[70:103]) == (0, SECRET.public_key.format())


# ---- queries -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [name for name, found in interface().functions.items() if "i64" not in found.wasm_params])
def test_in_a_query_exactly_the_forbidden_functions_trap(probe, function):
    """Every `<function>.query`, and entry.query-call: in a transaction as well"""
    values, memory = arguments(function)
    data = b"".join(value.to_bytes(4, "little") for value in values) + memory
    expected = not interface().functions[function].in_query
    asked = probe.query(function, *values, image=memory)
    called = probe.world.call(probe.address, f"q_{function}", data)
    assert (trapped(asked), trapped(called)) == (expected, expected)


def test_a_trap_leaves_nothing(link, world):
    """outcome.trap-undoes"""
    code = link(
        """(module
          (import "env" "storage_write" (func $write (param i32 i32 i32)))
          (import "env" "emit" (func $emit (param i32 i32 i32)))
          (memory (export "memory") 1)
          (data (i32.const 0) "\\01\\00\\00\\00k")
          (func (export "go")
            (call $write (i32.const 0) (i32.const 0) (i32.const 5))
            (call $emit (i32.const 0) (i32.const 0) (i32.const 5))
            unreachable))""",
        "go$",
    )
    contract = world.deployed(code)
    before = world.vm.balance(world.alice)
    receipt = world.call(contract, "go", value=500)
    assert receipt.outcome.trap == "unknown"
    assert receipt.outcome.detail == "ContractTrapped"
    assert receipt.effects == type(receipt.effects)()
    assert (world.vm.storage(contract), world.vm.balance(contract), world.vm.balance(world.alice)) == ({}, 0, before)
