"""The interface's hashes and its one curve, for every host written in Python.

The libraries are imported when first used: most contracts hash nothing, and the command line should start at once.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import hashlib


def sha256(data: bytes) -> bytes:
    """SHA-256 (FIPS 180-4)."""
    return hashlib.sha256(data).digest()


def keccak256(data: bytes) -> bytes:
    """Keccak-256 with the original padding, as Ethereum uses it."""
    from Crypto.Hash import keccak

    return keccak.new(digest_bits=256, data=data).digest()


def recover(message_hash: bytes, signature: bytes) -> bytes | None:
    """The compressed public key that made the signature (r, s, v: 65 bytes, v 0 to 3), or None when there is none.

    High s is accepted, since libsecp256k1 recovers without looking at it; r or s of 0 or not below the order is not, and v above 1 only
    when r plus the order is still below the field's prime.
    """
    import coincurve

    try:
        return coincurve.PublicKey.from_signature_and_message(signature, message_hash, hasher=None).format()
    except ValueError:
        return None
