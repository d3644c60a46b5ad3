"""The features toolchains turn on by default, as what a target accepts of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Features:
    """What a target accepts beyond the integer part of WebAssembly 1.0; whatever it does not is lowered.

    `reference_types` stands for references to functions (`funcref`): their tables, instructions and encodings.
    """

    sign_extension: bool = False
    bulk_memory: bool = False
    reference_types: bool = False
    multi_value: bool = False


NONE = Features()
"""WebAssembly 1.0 as it was."""

ALL = Features(sign_extension=True, bulk_memory=True, reference_types=True, multi_value=True)
"""What wasmtime takes without asking."""


@dataclass(frozen=True, slots=True)
class Flags:
    """How to tell a compiler not to use a feature."""

    rust: str
    clang: str
    note: str = ""

    def __str__(self) -> str:
        return f"build with `{self.rust}` (rustc) or `{self.clang}` (clang, zig cc{self.note})"


_SPLIT_OFF = {"bulk-memory": "bulk-memory-opt", "reference-types": "call-indirect-overlong"}
"""What LLVM 20 made a feature of its own, and goes on using when only the other is turned off."""


def flags(feature: str) -> Flags:
    """The flags that turn a feature off, by LLVM's name for it."""
    if feature not in _SPLIT_OFF:
        return Flags(f"-C target-feature=-{feature}", f"-mno-{feature}")
    other = _SPLIT_OFF[feature]
    return Flags(f"-C target-feature=-{feature},-{other}", f"-mno-{feature} -mno-{other}", "; before LLVM 20 the first alone")
