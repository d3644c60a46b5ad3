"""What made a module, as far as it says so itself, and how that is told to reserve less stack."""

from __future__ import annotations

from sshi.wasm.module import Module

_SAYS_SO = ("producers", ".debug_str")
"""The custom sections that name compilers, in whatever words: a tool's convention, and the strings of DWARF."""

_FLAGS = {
    (b"\x05rustc", b"(rustc version"): "Rust: -C link-arg=-zstack-size=65536",
    (b"\0zig ",): "Zig: --stack 65536",
    (b"\x05clang", b"\0clang version"): "C and C++: -Wl,-z,stack-size=65536",
}
"""By how a compiler signs, in the first and in the second: rustc says `clang LLVM (rustc version …)` there.  `zig cc` signs as clang."""


def stack_fix(module: Module) -> str:
    """How to have less stack: by the compilers that the module names, or by every one."""
    said = b"\0".join([custom.data for custom in module.customs if custom.name in _SAYS_SO])
    known = [flag for names, flag in _FLAGS.items() if any(name in said for name in names)] or list(_FLAGS.values())
    return f"toolchains reserve 1 MiB of stack unless told otherwise: link with -zstack-size=65536 ({', '.join(known)})"
