"""Arguments worth trying: the harmless ones, and those at and past every edge the interface speaks of.

Chosen by the type and the name of a parameter, so a function that the interface gains is fuzzed without a word here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from sshi.spec.loader import interface
from sshi.spec.model import FIXED_SIZE, OUTPUTS, ParamType
from sshi_conformance.fuzz.program import BUFFERS, FREE, INPUT, PAGE, PREPARED, WINDOW_END

_U32 = 1 << 32
_FAR = (0x8000_0000, _U32 - 1, _U32 - 4, _U32 - 16, _U32 - 32, _U32 - 65)
_EDGE_AMOUNTS = (1 << 63, 1 << 64, (1 << 64) - 1, 1 << 127, (1 << 128) - 1)
_BESIDE_TOPICS = 3 * b",/:@[^`{" + b'\0 !"\\|~\x7f\x80\xad\xdf\xff'
"""Bytes that no topic has: the neighbours of those that it may have, and some others."""
_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
"""Of secp256k1."""
_DIGEST = bytes.fromhex("9fd81c202e48882e1041bdd5b06ea9219a82392e92a6d3e6eb4115071e0561d4")
_SIGNATURE = bytes.fromhex(
    "5092af7247dbd4caa9155bde2dfe9afeb426680b32a324b67f5d16966847bb9e44769edd4334edeace34a79ccaa727ac09b765a0fb205156620044b1e7472a8800"
)
"""Over `_DIGEST`, by the private key 0x5517."""


@dataclass(frozen=True)
class Scope:
    """What the cases may do.

    portable   only what the interface promises everywhere: no absolute balances, no accounts that nobody made, no plain access
               between the contract's memory and the chain's, no more work than every chain's default gas pays
    gas        gas limits may be set, because both hosts count the same
    """

    portable: bool = False
    gas: bool = False


@dataclass
class Arena:
    """The memory of one contract while it is being made."""

    rng: Random
    pages: int
    prepared: list[tuple[int, bytes]] = field(default_factory=list)
    top: int = PREPARED
    window: int = BUFFERS

    @property
    def size(self) -> int:
        """Bytes of memory at the start."""
        return self.pages * PAGE

    def put(self, data: bytes) -> int:
        """Bytes prepared in memory, at any alignment; what does not fit any more stands where the last ones do."""
        at = self.top + self.rng.randrange(4)
        if at + len(data) > FREE:
            return self.prepared[-1][0] if self.prepared else PREPARED
        self.prepared.append((at, data))
        self.top = at + len(data)
        return at

    def blob(self, data: bytes) -> int:
        """A blob."""
        return self.put(len(data).to_bytes(4, "little") + data)

    def at_end(self, data: bytes) -> int:
        """Bytes that end where memory ends."""
        at = self.size - len(data)
        if all(at + len(data) <= other or other + len(old) <= at for other, old in self.prepared):
            self.prepared.append((at, data))
        return at

    def room(self, count: int, header: int | None = None) -> int:
        """Room in the part of memory that entries return; with a header, a buffer of that capacity."""
        at = self.window
        if at + 4 + count > WINDOW_END:
            return BUFFERS
        if header is not None:
            self.prepared.append((at, header.to_bytes(4, "little")))
            count += 4
        self.window = at + count
        return at


@dataclass
class Values:
    """Arguments for one contract; values repeat within it, so that keys are found again and ranges overlap."""

    rng: Random
    arena: Arena
    scope: Scope
    _keys: list[bytes] = field(default_factory=list)
    _kept: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        limits = interface().limits
        edges = (limits.key_max, limits.value_max, limits.message_max, limits.event_data_max)
        self._edges = tuple(edge + by for edge in edges for by in (0, 1))
        lengths = ((1, 1, 2, 4, 9, 32), (limits.key_max, limits.key_max - 1), (5, 64))
        self._keys = [self.rng.randbytes(self.rng.choice(some)) for some in lengths]

    def harmless(self, param: ParamType, name: str) -> int:
        """An argument that should be fine; one of those that were used before, half of the time."""
        kept = self._kept.setdefault((param, name), [])
        if kept and self.rng.random() < 0.5:
            return self.rng.choice(kept)
        value = self._harmless(param, name)
        kept.append(value)
        return value

    def hostile(self, param: ParamType, name: str, near: int | None = None) -> int:
        """An argument at or past an edge; `near` is a pointer of the same call that it may overlap with."""
        rng, size = self.rng, self.arena.size
        match param:
            case ParamType.LEN:
                at = near or 0
                edges = (*self._edges, size - at, size - at + 1, _U32 - at, 0x8000_0000, _U32 - 1, size)
                return rng.choice(edges) % _U32
            case ParamType.U64:
                return rng.choice((1 << 63, (1 << 64) - 1, 1 << 32))
            case ParamType.BLOB if rng.random() < 0.6:
                return self._hostile_blob(name)
            case ParamType.BYTES65 if rng.random() < 0.7:
                return self.arena.put(self._hostile_signature())
            case ParamType.U128 if rng.random() < 0.5:
                return self.arena.put(rng.choice(_EDGE_AMOUNTS).to_bytes(16, "little"))
            case ParamType.BUFFER if rng.random() < 0.4:
                return self._hostile_buffer()
        if near is not None and rng.random() < 0.3:
            return (near + rng.randrange(-8, 33)) % _U32
        width = FIXED_SIZE.get(param, 4)
        if rng.random() < 0.5:
            return size - width + rng.randrange(2)
        return rng.choice((size - 1, size, size + 1, size + PAGE, 0, *_FAR)) % _U32

    def outside(self) -> int:
        """A pointer to what no memory has room for, a length included."""
        return self.rng.choice((self.arena.size - 3, self.arena.size, *_FAR))

    def range(self) -> tuple[int, int]:
        """Pointer and length of bytes that are really there."""
        rng = self.rng
        if rng.random() < 0.08:
            length = rng.choice(self._edges)
            return FREE, min(length, PAGE - FREE)
        if rng.random() < 0.5 or not self.arena.prepared:
            return rng.choice((0, BUFFERS, INPUT, INPUT + 4)), rng.choice((0, 1, 8, 32, 64))
        at, data = rng.choice(self.arena.prepared)
        return at, min(len(data), 256)

    def lengths(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Lengths of what begins at FREE: harmless ones up to the edges, and the others."""
        limits = interface().limits
        edges = (limits.value_max, limits.return_max, limits.message_max, limits.event_data_max)
        room = self.arena.size - FREE
        return (self.rng.choice((0, 1, 9, 40)), self.rng.choice(edges)), (
            *(edge + 1 for edge in edges),
            room,
            room + 1,
            _U32 - FREE,
            _U32 - 1,
        )

    def text(self, limit: int) -> tuple[int, int]:
        """Pointer and length of UTF-8, mostly."""
        choices = (
            b"",
            b"no",
            "grüße €".encode(),
            b'"quoted"\\\n\0\x7f',
            b"m" * limit,
            b"m" * (limit + 1),
            b"\xff\xfe",
            b"\xc3",
            b"\xed\xa0\x80",
            b"ok\xf0\x9f\x98\x80",
        )
        data = self.rng.choice(choices)
        return self.arena.put(data), len(data)

    def _harmless(self, param: ParamType, name: str) -> int:
        rng, arena = self.rng, self.arena
        match param:
            case ParamType.BLOB if name == "key":
                return arena.blob(self._keys[min(rng.randrange(5), 2)])
            case ParamType.BLOB if name == "topic":
                return arena.blob(rng.choice((b"t", b"Transfer", b"a.b-c_D", b"x" * interface().limits.topic_max)))
            case ParamType.BLOB:
                return arena.blob(rng.randbytes(rng.choice((1, 8, 20, 32))))
            case ParamType.BUFFER:
                capacity = rng.choice((0, 1, 4, 31, 32, 33, 64, 64, 128, 128))
                return arena.room(capacity, capacity)
            case ParamType.U128:
                small = (0, 1, 255, 256, 1_000, 10**6)
                amount = rng.choice((*small, 1 << 120) if self.scope.portable else (*small, 10**9 - 1, 10**9, 10**19, 10**21, 10**24))
                return arena.put(amount.to_bytes(16, "little"))
            case ParamType.H256:
                return arena.put(rng.choice((_DIGEST, _DIGEST, bytes(32), rng.randbytes(32))))
            case ParamType.BYTES65:
                return arena.put(rng.choice((_SIGNATURE, _SIGNATURE, _high_s(), self._hostile_signature())))
            case ParamType.U64:
                return rng.choice((0, 1, 1_000_000))
            case ParamType.LEN:
                return rng.choice((0, 1, 7, 32))
            case _ if param in OUTPUTS:
                width = FIXED_SIZE.get(param, 0)
                return arena.size - width if rng.random() < 0.1 else arena.room(width)
            case _:
                return rng.choice((0, BUFFERS, INPUT))

    def _hostile_blob(self, name: str) -> int:
        rng, arena, limits = self.rng, self.arena, interface().limits
        longest = {"topic": limits.topic_max, "key": limits.key_max}.get(name, limits.address_max)
        match rng.randrange(9):
            case 0:
                return arena.blob(b"")
            case 1 | 2:
                return arena.blob(b"k" * (longest + 1))
            case 6 | 7 | 8 if name == "topic":
                return arena.blob(rng.choice((b"", b"a", b"t.")) + bytes((rng.choice(_BESIDE_TOPICS),)))
            case 6 | 7 | 8:
                return arena.blob(b"k" * longest)
            case 3:  # a length that passes the end of memory, or of the address space
                return arena.put(rng.choice((_U32 - 1, 0x8000_0000, arena.size, _U32 - PREPARED)).to_bytes(4, "little"))
            case 4:
                return arena.at_end(b"\x02\0\0\0ab")
            case _:
                return arena.at_end(b"\x03\0\0\0ab")

    def _hostile_buffer(self) -> int:
        arena = self.arena
        capacity = self.rng.choice((0, 1, 8, 40, _U32 - 1, 0x8000_0000, PAGE))
        if self.rng.random() < 0.5:
            return arena.at_end(capacity.to_bytes(4, "little") + bytes(self.rng.choice((0, 1, 4, 32))))
        return arena.room(32, capacity)

    def _hostile_signature(self) -> bytes:
        rng = self.rng
        r, s, v = _SIGNATURE[:32], _SIGNATURE[32:64], _SIGNATURE[64:]
        match rng.randrange(5):
            case 0:
                v = bytes((rng.choice((1, 2, 3, 4, 27, 28, 255)),))
            case 1:
                r = rng.choice((0, 1, _ORDER, _ORDER - 1, (1 << 256) - 1)).to_bytes(32, "big")
            case 2:
                s = rng.choice((0, 1, _ORDER, _ORDER - 1, (1 << 256) - 1)).to_bytes(32, "big")
            case 3:
                return rng.randbytes(64) + bytes((rng.randrange(4),))
            case _:
                return bytes(65)
        return r + s + v


def _high_s() -> bytes:
    """The same signature with the other s, above half the order."""
    s = _ORDER - int.from_bytes(_SIGNATURE[32:64], "big")
    return _SIGNATURE[:32] + s.to_bytes(32, "big") + bytes((_SIGNATURE[64] ^ 1,))
