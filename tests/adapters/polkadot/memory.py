"""A contract's memory as the tests of the shim lay it out, and what they do with a key there."""

from __future__ import annotations

from sshi.host.outcome import Trapped
from sshi.spec.loader import interface
from sshi.spec.model import ParamType

PAGE = 65_536
KEY, OUT, DATA = 0, 64, 256
"""Where the tests put a key's blob, an output and other bytes."""
ED = 1_000_000_000


def blob(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data


def image(**places: bytes) -> bytes:
    """Memory from 0 with each piece at the address its name ends in: `key_0`, `out_64`."""
    memory = bytearray()
    for name, piece in places.items():
        at = int(name.rsplit("_", 1)[1])
        memory.extend(bytes(max(0, at + len(piece) - len(memory))))
        memory[at : at + len(piece)] = piece
    return bytes(memory)


def trapped(receipt) -> bool:
    return isinstance(receipt.outcome, Trapped)


def write(probe, key: bytes, value: bytes):
    """Zeros at the end are memory's own: an input cannot carry the largest value and its key."""
    return probe.call("storage_write", KEY, DATA, len(value), image=image(key_0=blob(key), data_256=value.rstrip(b"\0")))


def read(probe, key: bytes, capacity: int):
    length, memory = probe.result(
        "storage_read", KEY, OUT, image=image(key_0=blob(key), out_64=capacity.to_bytes(4, "little") + b"\xee" * 100)
    )
    return length, memory[OUT : OUT + 104]


def arguments(function: str) -> tuple[list[int], bytes]:
    """Arguments that are fine, and the memory they need: every blob is 32 bytes, every buffer has room for 16."""
    values, memory = [], bytearray(4096)
    for at, param in enumerate(interface().functions[function].params):
        place = 512 + 128 * at
        if param.type is ParamType.BLOB:
            memory[place : place + 36] = blob(b"k" * 32)
        elif param.type is ParamType.BUFFER:
            memory[place] = 16
        values.append(0 if param.type is ParamType.LEN else place)
    return values, bytes(memory)
