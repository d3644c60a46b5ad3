"""The host functions, each in the chain's order of charges, checks and effects.

A body's name is its import's.  What all have in common is done before (`bind.py`): `base` is charged, except by the hashes and
`ecrecover`, and a view call is refused what it may not use.  Arguments are unsigned 64-bit integers.

Source: spec/near.toml, which has the place of each.
"""

from __future__ import annotations

import hashlib

from sshi_near.accounts import is_account_id
from sshi_near.emulated.context import Call
from sshi_near.emulated.errors import Abort
from sshi_near.runtime import Sent

# ---- registers ----


def read_register(call: Call, register: int, ptr: int) -> None:
    """A register's bytes into memory."""
    call.write_memory(ptr, call.read_register(register))


def register_len(call: Call, register: int) -> int:
    """Its length; -1 when it was never set."""
    length = call.register_len(register)
    return -1 if length is None else length


# ---- context ----


def current_account_id(call: Call, register: int) -> None:
    """The account whose contract runs."""
    call.write_register(register, call.request.account.encode())


def predecessor_account_id(call: Call, register: int) -> None:
    """The account whose receipt this is."""
    call.write_register(register, call.request.predecessor.encode())


def input_(call: Call, register: int) -> None:
    """The arguments.  Nothing is charged for their bytes, whatever the chain's own comment says."""
    call.write_register(register, call.request.input, charge_bytes=False)


def block_index(call: Call) -> int:
    """The block's height."""
    return call.request.height


def block_timestamp(call: Call) -> int:
    """The block's time in nanoseconds."""
    return call.request.time_ns


def storage_usage(call: Call) -> int:
    """Bytes the account uses, with what this call wrote."""
    return call.storage_usage


def account_balance(call: Call, ptr: int) -> None:
    """What the account has, the deposit included and what receipts took left out."""
    call.write_u128(ptr, call.balance)


def attached_deposit(call: Call, ptr: int) -> None:
    """What came with this receipt."""
    call.write_u128(ptr, call.request.deposit)


# ---- results ----


def value_return(call: Call, length: int, ptr: int) -> None:
    """Set the return data; execution goes on."""
    value = call.slice(length, ptr)
    limit = call.costs.limits.max_length_returned_data
    if len(value) > limit:
        raise Abort("HostError/ReturnedValueLengthExceeded", length=len(value), limit=limit)
    call.returned = value


def panic_utf8(call: Call, length: int, ptr: int) -> None:
    """End the call with a text."""
    raise Abort("HostError/GuestPanic", panic_msg=call.utf8(length, ptr))


def log_utf8(call: Call, length: int, ptr: int) -> None:
    """Log a text."""
    limits = call.costs.limits
    if len(call.logs) >= limits.max_number_logs:
        raise Abort("HostError/NumberOfLogsExceeded", limit=limits.max_number_logs)
    text = call.utf8(length, ptr)
    size = len(text.encode())
    call.pay("log_base")
    call.pay("log_byte", size)
    call.log_bytes += size
    call.logs.append(text)


# ---- hashes and keys ----


def sha256(call: Call, length: int, ptr: int, register: int) -> None:
    """SHA-256 into a register."""
    call.pay("sha256_base")
    value = call.slice(length, ptr)
    call.pay("sha256_byte", len(value))
    call.write_register(register, hashlib.sha256(value).digest())


def keccak256(call: Call, length: int, ptr: int, register: int) -> None:
    """Keccak-256, with the original padding, into a register."""
    from Crypto.Hash import keccak  # noqa: PLC0415  most calls hash nothing

    call.pay("keccak256_base")
    value = call.slice(length, ptr)
    call.pay("keccak256_byte", len(value))
    call.write_register(register, keccak.new(digest_bits=256, data=value).digest())


def ecrecover(call: Call, hash_len: int, hash_ptr: int, sig_len: int, sig_ptr: int, v: int, malleability: int, register: int) -> int:
    """The 64-byte public key of a signature into a register, and 1; or 0."""
    call.pay("ecrecover_base")
    signature = call.slice(sig_len, sig_ptr)
    if len(signature) != 64:
        raise Abort("HostError/ECRecoverError", msg=f"The length of the signature: {len(signature)}, exceeds the limit of 64 bytes")
    if v > 3:
        raise Abort("HostError/ECRecoverError", msg=f"V recovery byte 0 through 3 are valid but was provided {v}")
    digest = call.slice(hash_len, hash_ptr)
    if len(digest) != 32:
        raise Abort("HostError/ECRecoverError", msg=f"The length of the hash: {len(digest)}, exceeds the limit of 32 bytes")
    if malleability > 1:
        text = f"Malleability flag needs to be 0 or 1, but is instead {malleability}"
        raise Abort("HostError/ECRecoverError", msg=text)
    key = _recovered(digest, signature, v, low_s=bool(malleability))
    if key is None:
        return 0
    call.write_register(register, key)
    return 1


ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
"""Of the curve secp256k1."""


def _recovered(digest: bytes, signature: bytes, v: int, *, low_s: bool) -> bytes | None:
    import coincurve  # noqa: PLC0415  most calls recover nothing

    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    if not (0 < r < ORDER and 0 < s <= (ORDER // 2 if low_s else ORDER - 1)):
        return None
    try:
        key = coincurve.PublicKey.from_signature_and_message(signature + bytes([v]), digest, hasher=None)
    except Exception:  # noqa: BLE001  the library raises no class of its own for a signature without a key
        return None
    return key.format(compressed=False)[1:]


# ---- storage ----


def storage_write(call: Call, key_len: int, key_ptr: int, value_len: int, value_ptr: int, register: int) -> int:
    """Store; 1 and the old value into a register when there was one, else 0."""
    call.pay("storage_write_base")
    key = call.storage_key(key_len, key_ptr)
    value = call.slice(value_len, value_ptr)
    limit = call.costs.limits.max_length_storage_value
    if len(value) > limit:
        raise Abort("HostError/ValueLengthExceeded", length=len(value), limit=limit)
    call.pay("storage_write_key_byte", len(key))
    call.pay("storage_write_value_byte", len(value))
    old = call.stored(key)
    if old is not None:
        call.pay("storage_write_evicted_byte", len(old))
    call.writes[key] = value
    if old is None:
        call.storage_usage += len(key) + len(value) + call.costs.parameters.storage.record_bytes
        return 0
    call.storage_usage += len(value) - len(old)
    call.write_register(register, old)
    return 1


def storage_read(call: Call, key_len: int, key_ptr: int, register: int) -> int:
    """1 and the value into a register, or 0."""
    call.pay("storage_read_base")
    key = call.storage_key(key_len, key_ptr)
    call.pay("storage_read_key_byte", len(key))
    value = call.stored(key)
    if value is None:
        return 0
    call.pay("storage_read_value_byte", len(value))
    if len(value) > call.costs.inline_value_max:
        call.pay("storage_large_read_overhead_base")
        call.pay("storage_large_read_overhead_byte", len(value))
    call.write_register(register, value)
    return 1


def storage_remove(call: Call, key_len: int, key_ptr: int, register: int) -> int:
    """Forget; 1 and the old value into a register, or 0."""
    call.pay("storage_remove_base")
    key = call.storage_key(key_len, key_ptr)
    call.pay("storage_remove_key_byte", len(key))
    old = call.stored(key)
    if old is None:
        return 0
    call.pay("storage_remove_ret_value_byte", len(old))
    call.writes[key] = None
    call.storage_usage -= len(key) + len(old) + call.costs.parameters.storage.record_bytes
    call.write_register(register, old)
    return 1


def storage_has_key(call: Call, key_len: int, key_ptr: int) -> int:
    """1 or 0."""
    call.pay("storage_has_key_base")
    key = call.storage_key(key_len, key_ptr)
    call.pay("storage_has_key_byte", len(key))
    return int(call.stored(key) is not None)


# ---- receipts ----


def promise_batch_create(call: Call, account_len: int, account_ptr: int) -> int:
    """A receipt to an account; its number."""
    account = call.account_id(account_len, account_ptr)
    if not is_account_id(account):
        raise Abort("HostError/InvalidAccountId")
    call.gas.pay_fee("new_action_receipt", call.costs.parameters.fees.new_action_receipt)
    call.receivers.append(account.decode())
    call.sent.append([])
    limit = call.costs.limits.max_promises_per_function_call_action
    if len(call.sent) > limit:
        raise Abort("HostError/NumberPromisesExceeded", number_of_promises=len(call.sent), limit=limit)
    return len(call.sent) - 1


def promise_batch_action_transfer(call: Call, promise: int, amount_ptr: int) -> None:
    """A transfer in that receipt: the amount leaves the balance now."""
    amount = int.from_bytes(call.read_memory(amount_ptr, 16), "little")
    receiver = call.receipt_receiver(promise)
    call.gas.pay_fee("transfer", call.costs.transfer_fee(receiver))
    if amount > call.balance:
        raise Abort("HostError/BalanceExceeded")
    call.balance -= amount
    call.sent[promise].append(Sent(receiver, "transfer", amount))
