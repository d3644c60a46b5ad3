from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sshi_conformance.pieces import MAX_BYTES, Fill, Piece, PieceError, amount, encode, names

BOOK = {"alice": b"alice.ref", "bob": bytes(32)}


@pytest.mark.parametrize(
    ("value", "data"),
    [
        ("hex:", b""),
        ("hex:00 ff", b"\x00\xff"),
        ("utf8:wörld: it", "wörld: it".encode()),
        ((), b""),
        (Piece(u8=255), b"\xff"),
        (Piece(u16=258), b"\x02\x01"),
        (Piece(i32=-2), b"\xfe\xff\xff\xff"),
        (Piece(words=(1, 0x01020304)), b"\x01\0\0\0\x04\x03\x02\x01"),
        (Piece(u64="18446744073709551615"), b"\xff" * 8),
        (Piece(u128=1 << 127), bytes(15) + b"\x80"),
        (Piece(fill=Fill(7, 3)), b"\7\7\7"),
        (Piece(blob="utf8:key"), b"\3\0\0\0key"),
        (Piece(short="utf8:key"), b"\3key"),
        (Piece(size=Piece(address="bob")), b"\x20\0\0\0"),
        ((Piece(blob=Piece(blob="hex:01")), Piece(u8=9)), b"\5\0\0\0\1\0\0\0\1\x09"),
    ],
)
def test_pieces_are_put_one_after_another(value, data):
    assert encode(value, BOOK) == data


def test_an_address_is_that_of_the_host_it_is_written_for():
    assert encode(Piece(blob=Piece(address="alice")), BOOK) == b"\x09\0\0\0alice.ref"
    assert encode(Piece(blob=Piece(address="alice")), {"alice": b"\1" * 32}) == b"\x20\0\0\0" + b"\1" * 32


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("key", "begins with neither"),
        ("hex:0", "no hexadecimal"),
        ("hex:zz", "no hexadecimal"),
        (Piece(), "exactly one field"),
        (Piece(u8=1, u16=1), "not 2"),
        (Piece(address="carol"), "only alice, bob"),
        (Piece(u64=1 << 64), "no integer of 64 bits"),
        (Piece(u128=-1), "no integer of 128 bits"),
        (Piece(u64="0x10"), "no integer"),
        (Piece(u64="9" * 5000), "no integer"),
        (Piece(short=Piece(fill=Fill(0, 256))), "up to 255 bytes"),
        ((Piece(fill=Fill(0, MAX_BYTES)), Piece(u8=1)), "over 1,048,576 bytes"),
    ],
)
def test_what_cannot_be_encoded_says_why(value, says):
    with pytest.raises(PieceError, match=says):
        encode(value, BOOK)


def test_nesting_has_a_bound():
    value = Piece(u8=1)
    for _ in range(15):
        value = Piece(blob=value)
    assert len(encode(value, BOOK)) == 61
    with pytest.raises(PieceError, match="16 deep"):
        encode(Piece(blob=value), BOOK)


def test_names_are_found_however_deep_they_stand():
    value = (Piece(address="alice"), Piece(blob=(Piece(size=Piece(address="bob")), Piece(u8=1))))
    assert set(names(value)) == {"alice", "bob"}
    assert list(names("utf8:alice")) == []


@given(st.integers(-(1 << 128), 1 << 129))
def test_an_amount_means_the_same_as_digits(number):
    inside = 0 <= number < 1 << 128
    for written in (number, str(number)):
        if inside:
            assert amount(written) == number
        else:
            with pytest.raises(PieceError):
                amount(written)
