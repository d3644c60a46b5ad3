"""Rust's and C++'s mangled names as their authors wrote them; any other name, or a broken one, comes back as it is.

Rust's first mangling, read here, looks like a C++ name and tells itself apart by the hash at its end, which is left out: the names are
for people.  Source: rustc's `symbol_names/legacy.rs`.
"""

from __future__ import annotations

import re
from functools import lru_cache

from sshi.wasm.itanium import NotCxx, demangle_cxx
from sshi.wasm.rust_v0 import NotRust, demangle_v0

_LEGACY = re.compile(r"_ZN(\d\S*)17h[0-9a-f]{16}E((?:\.\w+)*)$")
_THIN_LTO = re.compile(r"\.llvm\.[0-9A-F@]+$")
"""What link-time optimisation puts behind a name that it made public."""
_LONGEST = 20_000
"""Characters of a name; no compiler makes as many, and reading takes the square of them when a name is made to hurt."""
_NUMBER = re.compile(r"0|[1-9]\d*")
_ESCAPES = {"SP": "@", "BP": "*", "RF": "&", "LT": "<", "GT": ">", "LP": "(", "RP": ")", "C": ","}


@lru_cache(4096)
def demangle(name: str) -> str:
    """The name for a person."""
    if len(name) > _LONGEST:
        return name
    try:
        text = _demangled(_THIN_LTO.sub("", name))
        text.encode()  # half a surrogate pair can be escaped, and nobody could print it
    except (_Malformed, NotRust, NotCxx, IndexError, ValueError, OverflowError):
        return name
    return text


def _demangled(name: str) -> str:
    if name.startswith("_R"):
        return demangle_v0(name)
    if legacy := _LEGACY.match(name):
        return _legacy(legacy[1]) + legacy[2]
    if name.startswith("_Z"):
        return demangle_cxx(name)
    raise _Malformed


class _Malformed(Exception):
    """Not a mangled name after all."""


def _legacy(name: str) -> str:
    """The components, each behind its length."""
    parts: list[str] = []
    at = 0
    while at < len(name):
        digits = _NUMBER.match(name, at)
        if digits is None:
            raise _Malformed
        at = digits.end() + int(digits[0])
        parts.append(name[digits.end() : at])
    if at > len(name):
        raise _Malformed
    return "::".join(map(_unescaped, parts))


def _unescaped(part: str) -> str:
    def escape(found: re.Match[str]) -> str:
        code = found[1]
        return chr(int(code[1:], 16)) if code.startswith("u") else _ESCAPES.get(code, found[0])

    plain = part[1:] if part.startswith("_$") else part
    return re.sub(r"\$(\w+)\$", escape, plain).replace("..", "::")
