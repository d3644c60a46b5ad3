"""What `sshi meter` made before, by content: the same bytes with the same costs and bounds are metered once.

A result is found by a hash of everything it hangs on: the module, the costs, the bounds and the passes themselves.  It lies in the
user's cache, in files that are used only when they are this user's own and whole (see `host/cache.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec

import sshi
from sshi.host.cache import CodeCache, cache_directory


class Bounds(msgspec.Struct, frozen=True):
    """What is asked for: a budget, or None for a host's; a limit of nested calls; whether passing one reverts, None for what fits."""

    budget: int | None
    calls: int | None
    reverts: bool | None


class Kept(msgspec.Struct, frozen=True):
    """A metered module with what is told of it; `points` and `counted` as in `Metered`, `ends_by` None where nothing ends a call."""

    wasm: bytes
    points: int
    counted: int
    charges_by: str
    ends_by: str | None
    notes: tuple[str, ...]


def kept(wasm: bytes, request: tuple[Bounds, bytes | None], make: Callable[[], Kept]) -> Kept:
    """What was made of these bytes for these bounds and table of costs before, else what `make` makes of them."""
    files = CodeCache(cache_directory() / "metered")
    key = hashlib.sha256(msgspec.msgpack.encode((_passes(), *request, wasm))).hexdigest()
    found = files.load(key)
    if found is not None:
        return msgspec.msgpack.decode(found, type=Kept)
    made = make()
    files.store(key, msgspec.msgpack.encode(made))
    return made


@cache
def _passes() -> str:
    """The code that makes the results: its files' names, sizes and times, which an edit or another release changes."""
    root = Path(sshi.__file__).parent
    files = [(str(path.relative_to(root)), path.stat()) for path in sorted(root.rglob("*.py"))]
    return hashlib.sha256(repr([(name, of.st_size, of.st_mtime_ns) for name, of in files]).encode()).hexdigest()
