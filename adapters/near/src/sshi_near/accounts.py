"""Account ids: which text is one, and which ones a transfer may bring into being.

Source: near-account-id 3.0.0, src/validation.rs; near/nearcore@bc4e9e8cfb03d9e82f027883055624e18576993e.
"""

from __future__ import annotations

import hashlib
import re
from enum import Enum

_ID = re.compile(rb"(?=.{2,64}\Z)[a-z0-9]+(?:[-_.][a-z0-9]+)*")
_HEX_64 = re.compile(r"[0-9a-f]{64}")
_HEX_40 = re.compile(r"0[xs][0-9a-f]{40}")
_UNIVERSAL = re.compile(r"0u[0-9abcdefghjkmnpqrstvwxyz]{51}[0g]")

UNIVERSAL_SINCE = 88
"""The protocol version from which a transfer creates a universal account."""


class AccountKind(Enum):
    """What an id says about its account; all but named ones come into being by the first transfer to them."""

    NAMED = "named"
    IMPLICIT = "implicit"  # the hexadecimal of a key, which gets full access
    BARE = "bare"  # from an Ethereum address, or derived: no key is added
    UNIVERSAL = "universal"


def is_account_id(address: bytes) -> bool:
    """Could the chain have an account of this id?"""
    return _ID.fullmatch(address) is not None


def kind_of(account: str) -> AccountKind:
    """The kind of a well-formed id."""
    if _HEX_64.fullmatch(account):
        return AccountKind.IMPLICIT
    if _HEX_40.fullmatch(account):
        return AccountKind.BARE
    return AccountKind.UNIVERSAL if _UNIVERSAL.fullmatch(account) else AccountKind.NAMED


def comes_into_being(account: str, version: int) -> bool:
    """Does a transfer to an id that no account has yet create one?"""
    kind = kind_of(account)
    return kind in (AccountKind.IMPLICIT, AccountKind.BARE) or (kind is AccountKind.UNIVERSAL and version >= UNIVERSAL_SINCE)


def address(name: str) -> bytes:
    """The id of a symbolic name: under the chain's own top-level account, or an implicit one where that cannot be an id."""
    account = f"{name}.near".encode()
    return account if is_account_id(account) else hashlib.sha256(account).hexdigest().encode()


def show(account: bytes) -> str:
    """An id for people."""
    return account.decode("ascii", "backslashreplace")
