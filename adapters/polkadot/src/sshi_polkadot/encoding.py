"""How things cross to the pallet: entries as selectors, names as addresses, addresses as people write them."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from sshi.host.world import Encoded

if TYPE_CHECKING:
    from sshi.spec.manifest import Entry

ADDRESS_BYTES = 32
SELECTOR_BYTES = 4

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_SS58_PREFIX = 42
"""Any Substrate chain."""


def blake2_256(data: bytes) -> bytes:
    """The chain's hash."""
    return blake2b(data, digest_size=32).digest()


def selector(entry: str) -> bytes:
    """The first four bytes of an input that ask for this entry."""
    return blake2_256(entry.encode())[:SELECTOR_BYTES]


def encode(entry: Entry | None, data: bytes) -> Encoded:
    """An entry and its input as the artifact reads them; no entry is no input, which only `deploy` takes."""
    return Encoded("", b"") if entry is None else Encoded(entry.name, selector(entry.name) + data)


def address(name: str) -> bytes:
    """A symbolic account's address."""
    return blake2_256(b"sshi/account/" + name.encode())


def wellformed(address: bytes) -> bool:
    """Any 32 bytes are an account's."""
    return len(address) == ADDRESS_BYTES


def contract_address(deployer: bytes, code_hash: bytes, data: bytes, salt: bytes) -> bytes:
    """The address that the pallet gives a contract; `data` is the constructor's whole input, selector included.

    Source: pallet-contracts 51.0.0, src/address.rs, DefaultAddressGenerator.
    """
    return blake2_256(b"contract_addr_v1" + deployer + code_hash + _compact(len(data)) + data + _compact(len(salt)) + salt)


def show_address(address: bytes) -> str:
    """SS58 for the generic prefix; hexadecimal when it is no address of this chain."""
    if not wellformed(address):
        return f"0x{address.hex()}"
    body = bytes([_SS58_PREFIX]) + address
    number = int.from_bytes(body + blake2b(b"SS58PRE" + body).digest()[:2], "big")  # never starts with a zero byte: nothing to pad
    text = ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    return text


def _compact(number: int) -> bytes:
    """SCALE's compact integer, for lengths."""
    if number < 1 << 6:
        return bytes([number << 2])
    if number < 1 << 14:
        return (number << 2 | 1).to_bytes(2, "little")
    return (number << 2 | 2).to_bytes(4, "little")
