"""Any function of the interface with any arguments, through a contract that is linked for NEAR and runs as it is on the reference host.

An entry a function.  Its input: the arguments (eight bytes each), the window of memory to return behind the result, then patches to
make first, each address, length and bytes.  Pages 0 and 1 are the probe's own.
"""

from __future__ import annotations

import random
import struct
from typing import NamedTuple

from adapters.near.worlds import ALICE, BOB, CONTRACT, blob, u128
from sshi.spec.loader import interface
from sshi.spec.model import ParamType

PAGES = 3
SIZE = PAGES * 65_536
FREE = 2 * 65_536


def _entry(name: str) -> str:
    function = interface().functions[name]
    arguments = []
    for at, kind in enumerate(function.wasm_params):
        load = f"(i64.load (i32.const {4 + 8 * at}))"
        arguments.append(load if kind == "i64" else f"(i32.wrap_i64 {load})")
    call = f"(call ${name} {' '.join(arguments)})"
    if function.results == ("i32",):
        call = f"(i64.extend_i32_s {call})"
    stored = f"(i64.store (i32.const 65536) {call})" if function.results else call
    after = 4 + 8 * len(function.wasm_params)
    return f"""
    (func $do_{name} (local $at i32) (local $end i32) (local $size i32)
      (i32.store (i32.const 0) (i32.const 16384))
      (local.set $end (i32.add (i32.const 4) (call $input (i32.const 0))))
      (local.set $at (i32.const {after + 8}))
      (block $done (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $size (i32.load offset=4 (local.get $at)))
        (memory.copy (i32.load (local.get $at)) (i32.add (local.get $at) (i32.const 8)) (local.get $size))
        (local.set $at (i32.add (i32.add (local.get $at) (i32.const 8)) (local.get $size)))
        (br $next)))
      {stored}
      (local.set $size (i32.load (i32.const {after + 4})))
      (memory.copy (i32.const 65544) (i32.load (i32.const {after})) (local.get $size))
      (call $set_return (i32.const 65536) (i32.add (local.get $size) (i32.const 8))))
    (func (export "{name}") (call $do_{name}))
    (func (export "q_{name}") (call $do_{name}))"""


NAMES = tuple(interface().functions)
FIELDS = "".join(_entry(name) for name in NAMES)
ENTRIES = (*(f"call:{name}!" for name in NAMES), *(f"query:q_{name}" for name in NAMES))


class Asked(NamedTuple):
    """One call of the probe."""

    entry: str
    input: bytes
    value: int
    query: bool


def asked(arguments: list[int], patches: list[tuple[int, bytes]], window: tuple[int, int] = (0, 0)) -> bytes:
    """The input of an entry."""
    made = struct.pack(f"<{len(arguments)}Q", *arguments) + struct.pack("<II", *window)
    return made + b"".join(struct.pack("<II", at, len(data)) + data for at, data in patches)


def anything(rng: random.Random, signature: bytes) -> Asked:
    """A call that may well be wrong, but for the recipient of a transfer, which is one that both hosts judge alike."""
    name = rng.choice(NAMES)
    arguments: list[int] = []
    patches: list[tuple[int, bytes]] = []
    for param in interface().functions[name].params:
        arguments.append(_argument(rng, name, param.type, arguments, patches, signature))
    query = rng.random() < 0.2
    out = next((value for value in reversed(arguments) if FREE <= value < SIZE), FREE)
    window = (out, min(rng.choice((0, 40, 200)), SIZE - out))
    value = rng.choice((0, 0, 0, 1, 10**20)) if not query else 0
    return Asked(f"q_{name}" if query else name, asked(arguments, patches, window), value, query and rng.random() < 0.5)


def _argument(rng: random.Random, name: str, kind: ParamType, before: list[int], patches: list[tuple[int, bytes]], signature: bytes) -> int:
    match kind:
        case ParamType.U64:
            return rng.choice((0, 1, (1 << 64) - 1))
        case ParamType.LEN:
            room = max(0, SIZE - before[-1]) if before[-1] <= SIZE else 0
            return rng.choice((0, 1, 5, 31, 32, 100, 1024, 1025, 8192, 16_384, 16_385, room, room + 1, 0xFFFF_FFFF))
    at = _place(rng)
    fits = at + 200 <= SIZE
    if kind is ParamType.BLOB and fits:
        if name == "transfer":
            data = rng.choice((ALICE, BOB, CONTRACT, b"", b"a" * 65))
        elif name == "emit":
            data = rng.choice(
                (b"topic", b"A-z_0.9", b"", b"x" * 32, b"x" * 33, b"no space", b"\xff", *(bytes([byte]) for byte in b'"/:@[`{,'))
            )
        else:
            data = rng.choice((b"k", b"key", b"k" * 128, b"k" * 129, b"", b"\0"))
        patches.append((at, blob(data)))
    elif kind is ParamType.BUFFER and fits:
        patches.append((at, struct.pack("<I", rng.choice((0, 1, 3, 9, 10, 13, 64, 100, 0xFFFF_FFFF)))))
    elif kind is ParamType.U128 and fits:
        at = FREE + 40_000 + at % 4  # not over the recipient, whom both hosts must judge alike
        patches.append((at, u128(rng.choice((0, 1, 10**20, 10**20 + 1, (1 << 64) - 1, 1 << 64, (1 << 128) - 1)))))
    elif kind is ParamType.H256 and fits:
        patches.append((at, signature[:32]))
    elif kind is ParamType.BYTES65 and fits:
        patches.append((at, rng.choice((signature[32:], signature[32:-1] + b"\4", b"\0" * 65, b"\xff" * 64 + b"\0"))))
    elif kind is ParamType.PTR and fits and rng.random() < 0.7:
        patches.append((at, rng.choice((b"some text", bytes(range(97, 123)) * 7, b"\xff\xfe", "ключ".encode()))))
    return at


def _place(rng: random.Random) -> int:
    if rng.random() < 0.8:
        return FREE + rng.randrange(0, 6) * 5000 + rng.randrange(4)
    edges = [SIZE - before for before in (0, 1, 3, 4, 5, 15, 16, 32, 33, 65)]
    return rng.choice((*edges, SIZE + 1, 1 << 31, 0xFFFF_FFFC, 0xFFFF_FFFF))
