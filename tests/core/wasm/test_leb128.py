"""Integers of the binary format: the core specification's section "Integers", and the corners its own tests poke at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sshi.errors import DecodeError
from sshi.wasm.leb128 import Reader, encode_s, encode_u, read_s, read_u


@given(st.integers(0, 2**64 - 1), st.binary(max_size=3), st.binary(max_size=3))
def test_an_unsigned_integer_reads_back_from_the_middle_of_other_bytes(value, before, after):
    data = before + encode_u(value) + after
    assert read_u(data, len(before), 64) == (value, len(data) - len(after))


@given(st.integers(-(2**63), 2**63 - 1), st.binary(max_size=3), st.binary(max_size=3))
def test_a_signed_integer_reads_back_from_the_middle_of_other_bytes(value, before, after):
    data = before + encode_s(value) + after
    assert read_s(data, len(before), 64) == (value, len(data) - len(after))


@pytest.mark.parametrize(
    ("value", "encoded"),
    [(0, "00"), (127, "7f"), (128, "8001"), (624485, "e58e26"), (2**32 - 1, "ffffffff0f")],
)
def test_unsigned_encodings_are_the_shortest(value, encoded):
    assert encode_u(value).hex() == encoded


@pytest.mark.parametrize(
    ("value", "encoded"),
    [(0, "00"), (63, "3f"), (64, "c000"), (-1, "7f"), (-64, "40"), (-65, "bf7f"), (-123456, "c0bb78"), (-(2**31), "8080808078")],
)
def test_signed_encodings_are_the_shortest(value, encoded):
    assert encode_s(value).hex() == encoded


def test_a_negative_number_has_no_unsigned_encoding():
    with pytest.raises(ValueError, match="-1 has no unsigned encoding"):
        encode_u(-1)


@pytest.mark.parametrize("encoded", ["8000", "808000", "8080808000"])
def test_padding_within_the_allowed_length_is_accepted(encoded):
    assert read_u(bytes.fromhex(encoded), 0)[0] == read_s(bytes.fromhex(encoded), 0)[0] == 0


@pytest.mark.parametrize(
    ("read", "bits", "encoded", "offset", "message"),
    [
        (read_u, 32, "8080808080", 4, "integer too long"),
        (read_u, 32, "ffffffff10", 4, "integer too large"),
        (read_u, 32, "ffffffff7f", 4, "integer too large"),
        (read_u, 64, "ffffffffffffffffff02", 9, "integer too large"),
        (read_s, 32, "808080808000", 4, "integer too long"),
        (read_s, 32, "ffffffff0f", 4, "integer too large"),
        (read_s, 32, "8080808008", 4, "integer too large"),
        (read_s, 33, "8080808010", 4, "integer too large"),
        (read_s, 64, "80808080808080808001", 9, "integer too large"),
        (read_u, 32, "8080", 2, "unexpected end inside an integer"),
        (read_s, 32, "", 0, "unexpected end inside an integer"),
    ],
)
def test_an_encoding_the_specification_refuses_is_refused_at_its_wrong_byte(read, bits, encoded, offset, message):
    with pytest.raises(DecodeError) as caught:
        read(bytes.fromhex(encoded), 0, bits)
    assert (caught.value.offset, caught.value.rule, caught.value.message) == (offset, "binary-int", message)


def test_a_reader_does_not_look_past_its_end():
    reader = Reader(b"\x05hello", 0, 3)
    with pytest.raises(DecodeError) as caught:
        reader.name()
    assert (caught.value.offset, caught.value.rule) == (0, "binary-name")


def test_a_name_is_refused_at_its_first_byte_that_is_not_utf_8():
    with pytest.raises(DecodeError) as caught:
        Reader(b"\x04ok\xed\xa0").name()  # half a surrogate pair
    assert (caught.value.offset, caught.value.rule) == (3, "binary-utf8")
