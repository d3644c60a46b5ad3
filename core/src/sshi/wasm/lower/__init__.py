"""The features toolchains emit by default, rewritten into what a target accepts; behaviour stays the same, traps included.

Done here: sign extension, `memory.copy`, `memory.fill`, `memory.init`, `data.drop`, typed `select`, padded numbers in code (some
engines want the single byte 00 in `call_indirect` and `memory.size`), functions with several results, blocks with parameters or several
results, the encodings of element and data segments that came with bulk memory and reference types, constant expressions that compute.
Refused with the way to build without it: what has no equal without the feature, such as several tables.

Functions and globals are added after the module's own, so no index of theirs moves.  Lowering comes before the memory is virtualised:
the functions added ask `memory.size` like any other.  Types and functions that are left unused are `shake`'s to drop.
"""

from __future__ import annotations

from sshi.wasm.lower.features import ALL, NONE, Features, Flags, flags
from sshi.wasm.lower.lower import lower

__all__ = ["ALL", "NONE", "Features", "Flags", "flags", "lower"]
