"""What each function of the interface does, asked through a contract on both engines; the clause is in the docstring."""

from __future__ import annotations

import hashlib

import coincurve
import pytest

from core.host.probe import ALICE, FREE, RICH, SIZE, TOKEN, answer, ask, fresh
from core.host.worlds import BOB, blob
from sshi.host.outcome import Event, Receipt, Reverted, Transfer, TrapKind, Trapped

KEY, OUT, IN = FREE, FREE + 4096, FREE + 8192


@pytest.fixture(params=["interpreter", "aot"])
def engine(request):
    return request.param


def trap(receipt: Receipt) -> TrapKind:
    assert isinstance(receipt.outcome, Trapped), receipt.outcome
    return receipt.outcome.trap


def room(size: int) -> tuple[int, bytes]:
    """A buffer at OUT, filled with a pattern so that a byte too many shows."""
    return OUT, size.to_bytes(4, "little") + b"\xee" * 64


def store(vm, key: bytes, value: bytes) -> None:
    """Put a value there without a contract's help."""
    vm.world.contracts[TOKEN][1].apply({key: value})


# ---- storage -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "capacity", "length", "after"),
    [
        (b"value", 8, 5, blob(b"value") + b"\xee" * 3),  # storage_read.value
        (b"value", 5, 5, blob(b"value") + b"\xee" * 3),  # storage_read.exact
        (b"value", 4, 5, (4).to_bytes(4, "little") + b"\xee" * 8),  # storage_read.short
        (b"", 8, 0, blob(b"") + b"\xee" * 8),  # storage_read.empty
        (b"", 0, 0, blob(b"") + b"\xee" * 8),
        (None, 8, -1, (8).to_bytes(4, "little") + b"\xee" * 8),  # storage_read.absent
    ],
)
@pytest.mark.parametrize("query", [False, True], ids=["call", "query"])
def test_storage_read_answers_the_length_and_fills_what_fits(engine, stored, capacity, length, after, query):
    vm = fresh("storage_read", engine)
    if stored is not None:
        store(vm, b"k", stored)
    receipt = ask(vm, (KEY, OUT), [(KEY, blob(b"k")), room(capacity)], window=(OUT, 12), query=query)
    assert answer(receipt) == (length, after)


def test_storage_read_reads_the_key_before_it_writes_over_it(engine):
    """storage_read.overlap"""
    vm = fresh("storage_read", engine)
    store(vm, b"abcd", b"ABCD")
    receipt = ask(vm, (KEY, KEY), [(KEY, blob(b"abcd"))], window=(KEY, 8))
    assert answer(receipt) == (4, blob(b"ABCD"))


def test_storage_write_stores_replaces_and_keeps_an_empty_value(engine):
    """storage_write.stores, replaces, empty"""
    vm = fresh("storage_write", engine)
    for value in (b"first", b"2", b""):
        receipt = ask(vm, (KEY, IN, len(value)), [(KEY, blob(b"k")), (IN, value)])
        assert receipt.effects.storage == ((b"k", value),)
        assert vm.storage(TOKEN) == {b"k": value}


def test_writing_what_is_there_already_is_no_difference(engine):
    vm = fresh("storage_write", engine)
    store(vm, b"k", b"v")
    assert ask(vm, (KEY, IN, 1), [(KEY, blob(b"k")), (IN, b"v")]).effects.storage == ()


def test_storage_remove_tells_present_from_absent(engine):
    """storage_remove.present, absent"""
    vm = fresh("storage_remove", engine)
    store(vm, b"k", b"")
    gone = ask(vm, (KEY,), [(KEY, blob(b"k"))])
    assert (answer(gone)[0], gone.effects.storage, vm.storage(TOKEN)) == (1, ((b"k", None),), {})
    again = ask(vm, (KEY,), [(KEY, blob(b"k"))])
    assert (answer(again)[0], again.effects.storage) == (0, ())


def test_storage_has_tells_present_from_absent(engine):
    """storage_has.present, absent, query"""
    vm = fresh("storage_has", engine)
    store(vm, b"k", b"")
    assert answer(ask(vm, (KEY,), [(KEY, blob(b"k"))]))[0] == 1
    assert answer(ask(vm, (KEY,), [(KEY, blob(b"K"))], query=True))[0] == 0


@pytest.mark.parametrize("name", ["storage_read", "storage_write", "storage_remove", "storage_has"])
def test_a_key_has_1_to_128_bytes(engine, name):
    """limits.key"""
    vm = fresh(name, engine)
    rest = {"storage_read": (OUT,), "storage_write": (IN, 0)}.get(name, ())
    for size in (1, 128):
        answer(ask(vm, (KEY, *rest), [(KEY, blob(b"k" * size)), room(0)]))
    for size in (0, 129, 4_000):
        assert trap(ask(vm, (KEY, *rest), [(KEY, blob(b"k" * size)), room(0)])) is TrapKind.LIMIT


def test_a_value_has_at_most_16384_bytes(engine):
    """limits.value"""
    vm = fresh("storage_write", engine)
    answer(ask(vm, (KEY, IN, 16_384), [(KEY, blob(b"k"))]))
    assert trap(ask(vm, (KEY, IN, 16_385), [(KEY, blob(b"k"))])) is TrapKind.LIMIT


# ---- money -------------------------------------------------------------------------------------------------------


def send(vm, to: bytes, amount: int, **call) -> Receipt:
    return ask(vm, (KEY, IN), [(KEY, blob(to)), (IN, amount.to_bytes(16, "little"))], **call)


@pytest.mark.parametrize(
    ("to", "amount", "result"),
    [
        (BOB, 30, 0),  # transfer.accepted
        (BOB, 100, 0),  # transfer.all
        (BOB, 101, 1),  # transfer.too-much
        (BOB, 2**128 - 1, 1),
        (BOB, 0, 0),  # transfer.zero
        (b"nobody", 0, 0),
        (b"nobody", 30, 2),  # transfer.refused
        (b"nobody", 101, 1),  # transfer.order
        (b"", 0, 2),  # transfer.malformed
        (b"x" * 65, 101, 2),
        (b"x" * 64, 30, 2),
        (TOKEN, 30, 0),  # transfer.self
        (TOKEN, 101, 1),
    ],
)
def test_a_transfer_is_accepted_or_says_why_not(engine, to, amount, result):
    vm = fresh("transfer", engine)
    receipt = send(vm, to, amount, value=100)
    assert answer(receipt)[0] == result
    moved = amount if (to, result) == (BOB, 0) else 0
    assert (vm.balance(TOKEN), vm.balance(BOB), vm.balance(ALICE)) == (100 - moved, RICH + moved, RICH - 100)
    assert receipt.effects.transfers == ((Transfer(BOB, moved),) if moved else ())
    expected = {ALICE: -100, BOB: moved, TOKEN: 100 - moved}
    assert dict(receipt.effects.balances) == {address: change for address, change in expected.items() if change}


def test_money_can_go_back_to_the_caller(engine):
    vm = fresh("transfer", engine)
    receipt = send(vm, ALICE, 100, value=100)
    assert (answer(receipt)[0], receipt.effects.transfers, receipt.effects.balances) == (0, (Transfer(ALICE, 100),), ())


def test_a_balance_that_would_pass_128_bits_is_refused(engine):
    """transfer.refused"""
    vm = fresh("transfer", engine)
    vm.create_account(BOB, 2**128 - 1)
    assert answer(send(vm, BOB, 1, value=1))[0] == 2


@pytest.mark.parametrize("value", [0, 1, 2**64 + 5])
def test_balance_and_value_are_u128_with_the_attached_amount(engine, value):
    """balance.fresh, balance.value, value.attached, value.none"""
    for name in ("balance", "value"):
        receipt = ask(fresh(name, engine), (OUT,), window=(OUT, 16), value=value)
        assert answer(receipt)[1] == value.to_bytes(16, "little")


def test_all_128_bits_of_a_value_arrive(engine):
    """value.attached"""
    vm = fresh("value", engine)
    vm.create_account(ALICE, 2**128 - 1)
    assert answer(ask(vm, (OUT,), window=(OUT, 16), value=2**128 - 1))[1] == b"\xff" * 16
    assert (vm.balance(ALICE), vm.balance(TOKEN)) == (0, 2**128 - 1)


# ---- the call ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "bytes_"), [("caller", ALICE), ("self_address", TOKEN)])
def test_addresses_fill_a_buffer_or_say_how_long_they_are(engine, name, bytes_):
    """caller.address, caller.short, self_address.address, self_address.short"""
    vm = fresh(name, engine)
    assert answer(ask(vm, (OUT,), [room(8)], window=(OUT, 9))) == (5, blob(bytes_))
    assert answer(ask(vm, (OUT,), [room(4)], window=(OUT, 9))) == (5, (4).to_bytes(4, "little") + b"\xee" * 5)


def test_input_is_the_callers_bytes_and_may_be_asked_again(engine):
    """input.bytes, input.short, input.again: the probe has asked once already."""
    vm = fresh("input", engine)
    length, shown = answer(ask(vm, (OUT,), [room(4_096)], window=(OUT, 12)))
    assert shown == length.to_bytes(4, "little") + OUT.to_bytes(8, "little")
    assert answer(ask(vm, (OUT,), [room(8)], window=(OUT, 8)))[1] == (8).to_bytes(4, "little") + b"\xee" * 4


def test_the_blocks_numbers_are_64_bits(engine):
    """block_height.height, block_time.time"""
    for name, numbers in (("block_height", (2**64 - 1, 5)), ("block_time", (5, 2**64 - 1))):
        vm = fresh(name, engine)
        vm.block_height, vm.block_time = numbers
        assert answer(ask(vm, (), query=True))[0] == -1


# ---- ends --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ("no: ünter €5".encode(), Reverted("no: ünter €5")),  # revert.message
        (b"", Reverted("")),  # revert.empty
        (b"\xff\xfe", Reverted(None)),  # revert.not-utf8
        (b"\xed\xa0\x80", Reverted(None)),  # a surrogate is not UTF-8
        (b"m" * 1_024, Reverted("m" * 1_024)),  # limits.message
    ],
)
@pytest.mark.parametrize("query", [False, True], ids=["call", "query"])
def test_revert_ends_the_call_with_its_text(engine, message, outcome, query):
    assert ask(fresh("revert", engine), (IN, len(message)), [(IN, message)], query=query).outcome == outcome


def test_a_message_has_at_most_1024_bytes(engine):
    """limits.message"""
    assert trap(ask(fresh("revert", engine), (IN, 1_025))) is TrapKind.LIMIT


def test_return_data_has_at_most_16384_bytes(engine):
    """limits.return"""
    vm = fresh("set_return", engine)
    answer(ask(vm, (IN, 16_384)))
    assert trap(ask(vm, (IN, 16_385))) is TrapKind.LIMIT


# ---- events ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("topic", [b"a", b"Z", b"Transfer_1.2-b", b"t" * 32])
def test_an_event_has_its_topic_and_its_bytes(engine, topic):
    """emit.event, emit.empty"""
    vm = fresh("emit", engine)
    for content in (b"", b"\0\xff"):
        receipt = ask(vm, (KEY, IN, len(content)), [(KEY, blob(topic)), (IN, content)])
        assert receipt.effects.events == (Event(topic.decode(), content),)


@pytest.mark.parametrize("topic", [b"", b"t" * 33, b"a b", b"a\0", b"a\n", b"\xc3\xbc", b":", b"a" * 4_000])
def test_any_other_topic_traps(engine, topic):
    """emit.topic"""
    assert trap(ask(fresh("emit", engine), (KEY, IN, 0), [(KEY, blob(topic))])) is TrapKind.ARGUMENT


# ---- hashes and the curve ----------------------------------------------------------------------------------------

VECTORS = {  # FIPS 180-4 and the Keccak team's test vectors
    "sha256": {
        b"": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        b"abc": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    },
    "keccak256": {
        b"": "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470",
        b"abc": "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45",
    },
}


@pytest.mark.parametrize("name", VECTORS)
def test_hashes_are_those_of_their_standards(engine, name):
    """sha256.hash, sha256.empty, keccak256.hash, keccak256.empty"""
    for content, digest in VECTORS[name].items():
        receipt = ask(fresh(name, engine), (IN, len(content), OUT), [(IN, content)], window=(OUT, 32), query=True)
        assert answer(receipt)[1].hex() == digest


def test_a_hash_may_be_written_over_its_input(engine):
    """sha256.overlap"""
    receipt = ask(fresh("sha256", engine), (IN, 64, IN + 8), [(IN, b"x" * 64)], window=(IN + 8, 32))
    assert answer(receipt)[1] == hashlib.sha256(b"x" * 64).digest()


ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
FIELD = 2**256 - 2**32 - 977
SECRET = coincurve.PrivateKey(hashlib.sha256(b"a key").digest())
DIGEST = hashlib.sha256(b"a message").digest()
SIGNATURE = SECRET.sign_recoverable(DIGEST, hasher=None)
PUBLIC = SECRET.public_key.format()


def with_(r: bytes = SIGNATURE[:32], s: bytes = SIGNATURE[32:64], v: int = SIGNATURE[64]) -> bytes:
    return r + s + bytes([v])


def high_s() -> bytes:
    flipped = ORDER - int.from_bytes(SIGNATURE[32:64], "big")
    return with_(s=flipped.to_bytes(32, "big"), v=SIGNATURE[64] ^ 1)


def recover(engine: str, signature: bytes) -> tuple[int, bytes]:
    arguments = KEY, IN, OUT
    patches = [(KEY, DIGEST), (IN, signature), (OUT, b"\xee" * 33)]
    return answer(ask(fresh("secp256k1_recover", engine), arguments, patches, window=(OUT, 33), query=True))


@pytest.mark.parametrize("signature", [SIGNATURE, high_s()], ids=["low-s", "high-s"])
def test_a_signature_gives_the_key_that_made_it(engine, signature):
    """secp256k1_recover.key, high-s"""
    assert recover(engine, signature) == (0, PUBLIC)


def number(value: int) -> bytes:
    return value.to_bytes(32, "big")


@pytest.mark.parametrize(
    "signature",
    [
        with_(v=4),  # secp256k1_recover.v
        with_(v=27),
        with_(v=255),
        with_(r=bytes(32)),  # secp256k1_recover.range
        with_(s=bytes(32)),
        with_(r=number(ORDER)),
        with_(s=number(ORDER)),
        with_(r=b"\xff" * 32),
        with_(r=number(FIELD - ORDER), v=2),  # r + n is no longer below the field's prime
        with_(r=number(5)),  # no point has this x
    ],
)
def test_what_is_no_signature_answers_1_and_writes_nothing(engine, signature):
    """secp256k1_recover.untouched"""
    assert recover(engine, signature) == (1, b"\xee" * 33)


def test_a_signature_whose_r_wrapped_around_the_order_is_recovered(engine):
    """v of 2 or 3 says that the point's x is r plus the order; r = 2 gives such a point."""
    results = [recover(engine, with_(r=number(r), v=2))[0] for r in range(1, 9)]
    assert 0 in results


# ---- what does nothing here ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [(IN, 5), (SIZE, 0), (SIZE - 2, 50), (2**32 - 1, 2**32 - 1), (0, 2**32 - 1)])
@pytest.mark.parametrize("query", [False, True], ids=["call", "query"])
def test_debug_log_never_traps(engine, place, query):
    """debug_log.never-traps, debug_log.silent"""
    answer(ask(fresh("debug_log", engine), place, query=query))
    answer(ask(fresh("debug_log", engine), place, query=query, trace=True))


@pytest.mark.parametrize("units", [0, 1, 2**64 - 1])
def test_gas_consume_does_nothing_without_a_budget(engine, units):
    """gas_consume.no-budget"""
    answer(ask(fresh("gas_consume", engine), (units,), query=True))
