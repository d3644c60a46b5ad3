"""Bytes and amounts on the command line: `hex:6b31`, `utf8:text`, `@file`, `address:bob`, `u128:300`, `blob:address:bob`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sshi.errors import UsageError
from sshi.link.source import read_file

_INTEGERS = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "u128": 16}
FORMS = "hex:…, utf8:…, @FILE, address:NAME, u8: to u128:N (little-endian), blob:FORM (u32 length in front)"


def read_value(text: str, address: Callable[[str], bytes], *, where: str) -> bytes:
    """The bytes that one `--input` names; UsageError says which forms there are."""
    if text.startswith("@"):
        return read_file(Path(text[1:]))
    form, colon, rest = text.partition(":")
    try:
        if form == "hex" and colon:
            return bytes.fromhex(rest)
        if form in _INTEGERS and colon:
            return int(rest, 0).to_bytes(_INTEGERS[form], "little")
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{text!r} is no {form} value: {error}", where=where) from error
    if form == "utf8" and colon:
        return rest.encode()
    if form == "address" and colon:
        return address(rest)
    if form == "blob" and colon:
        inner = read_value(rest, address, where=where)
        return len(inner).to_bytes(4, "little") + inner
    raise UsageError(f"{text!r} names no bytes", where=where, advice=f"write one of {FORMS}")


def show_bytes(data: bytes, limit: int = 64) -> str:
    """Printable text as text, anything else as hex; long ones cut, with their length."""
    shown = data[:limit]
    text = f"utf8:{shown.decode()}" if shown.isascii() and shown.decode("ascii").isprintable() and shown else f"hex:{shown.hex()}"
    return text if len(data) <= limit else f"{text}… ({len(data):,} bytes)"
