"""Where a float came from: what is known of the functions that have them, in Rust's libraries, in C's, in AssemblyScript's and Go's.

Names are as `demangle` gives them, and a source file of a library stands for the module it is.  What is not known is given to the
crate its name begins with, the standard library aside.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """What brought a function in, in words, and how to do without."""

    cause: str
    fix: str


_KNOWN: tuple[tuple[str, str, str], ...] = (
    (
        r"core::(fmt::float|num::(imp::)?flt2dec)|core::fmt::\w+ for f(32|64)|<f(32|64) as core::fmt::",
        "formatting of floats in Rust's core",
        "do not format an f32 or f64, `{:?}` of a type that derives Debug around one included",
    ),
    (
        r"core::num::(imp::)?dec2flt|<f(32|64) as core::str::",
        "parsing of floats in Rust's core",
        "parse integers; a number with a point is two of them",
    ),
    (r"core::time::|std::time::", "durations as seconds in Rust's core", "use `as_millis` and integers, not `as_secs_f64`"),
    (r"^(compiler_builtins::(math|float)|libm::)", "Rust's libm", "do not call float methods such as `sqrt`, `powf` or `round`"),
    (
        r"^__(add|sub|mul|div|neg|pow|cmp|eq|ne|lt|le|gt|ge|unord|extend|trunc|fix|float)[a-z]*[hsdtx]f[a-z]*\d?$",
        "the compiler's run-time library for floats (compiler-rt)",
        "some code converts or computes with float, double or long double: look at the callers",
    ),
    (r"\b(ryu|zmij|dtoa|lexical\w*)::", "printing of floats by a crate that serde_json and others use", "serialise integers or strings"),
    (
        r"^serde_json::|^<?serde_json",
        "serde_json, which knows floats",
        "use a format without floats, such as borsh or scale, or `serde-json-core`",
    ),
    (r"^(ciborium|half|serde_cbor|minicbor)\b", "a CBOR crate, which knows floats", "turn its float support off, or use borsh or scale"),
    (r"^(rand|rand_core|rand_distr)::", "a crate for random numbers", "draw integers: `gen_range` of integers, no `gen_bool`, no `f64`"),
    (
        r"^(fmt_fp|printf_core|v?[sf]?n?printf|pop_arg|pop_arg_long_double|__small_v?s?n?printf|frexpl?)$",
        "printf in the C library",
        "write numbers with a loop of your own, or link a printf without floats (iprintf)",
    ),
    (
        r"^(__floatscan|decfloat|hexfloat|strto(f|d|ld)|atof|v?f?s?scanf|strtox)$",
        "scanf or strtod in the C library",
        "parse digits with a loop of your own",
    ),
    (
        r"^(__math_\w+|__rem_pio2\w*|(pow|sqrt|exp2?|log(2|10|1p)?|sin|cos|tan|floor|ceil|round|trunc|fmod|ldexp|scalbn|fabs|rint|fm(in|ax))[fl]?)$",
        "the C mathematics library",
        "use integer arithmetic: shifts for powers of two, Newton's method on integers for roots",
    ),
    (r"^~lib/(util/number|math|number)", "AssemblyScript's numbers", "use i32, i64 or u64 throughout: `number` is f64 there"),
    (
        r"^(std\.)?fmt\.(parse_float|float|format_float)\b|^std\.math\.",
        "Zig's standard library",
        "do not format or parse an f32 or f64, and do without the float functions of std.math",
    ),
    (
        r"^(strconv|math|fmt)\.|^runtime\.print(float|complex)",
        "Go's library",
        "avoid package fmt, which formats floats too, and package math",
    ),
    (
        r"^std::(__\w+::)?(basic_ostream|num_put|num_get|to_string|stod|stof)",
        "the C++ library's numbers",
        "do without iostreams; `std::to_chars` of integers has no floats",
    ),
)

_ORIGINS = tuple((re.compile(pattern), Origin(cause, fix)) for pattern, cause, fix in _KNOWN)
_STANDARD = frozenset(("core", "alloc", "std", "compiler_builtins"))
_RUST_SOURCES = (
    re.compile(
        r"/(?:registry/src/[^/]+|vendor|rustc/[^/]+/library|rustlib/src/rust/library)/"
        r"(?:.+/)?([A-Za-z_][\w-]*?)(?:-\d[^/]*)?/src/(.+)\.rs$"
    ),
    re.compile(r"/git/checkouts/([A-Za-z_][\w-]*)-[0-9a-f]+/[^/]+/(?:.+/)?src/(.+)\.rs$"),
)
_ZIG_SOURCE = re.compile(r"/lib/std/(.+)\.zig$")
_C_SOURCE = re.compile(r"/(?:musl|libc|libm|newlib|compiler[_-]rt|libcxx|libcxxabi)/(?:.+/)?(\w+)\.\w+$")
_TOOLCHAIN = re.compile(r"^/rustc/|/rustlib/|/registry/src/|/git/checkouts/|/lib/(?:std|libc|libcxx|compiler_rt)/|/wasi-sysroot/|/go/src/")
_CRATE = re.compile(r"[<&*\[( ]*(?:(?:mut|const|dyn) )?([A-Za-z_]\w*)::")


def float_origin(function: str) -> Origin | None:
    """What is known of the function; None when its name says nothing."""
    for pattern, origin in _ORIGINS:
        if pattern.search(function):
            return origin
    return None


def crate(function: str) -> str:
    """The crate or namespace a name begins with; empty for a plain name and for the standard library's."""
    found = _CRATE.match(function)
    return found[1] if found and found[1] not in _STANDARD else ""


def library_module(source: str) -> str:
    """What a source file of a library is called in code: `core::num::dec2flt::` or, of C's, `strtod`; empty for an author's own file."""
    for pattern in _RUST_SOURCES:
        if found := pattern.search(source):
            parts = [found[1].replace("-", "_"), *found[2].split("/")]
            return "".join(f"{part}::" for part in parts if part not in ("lib", "mod"))
    if found := _ZIG_SOURCE.search(source):
        return f"std.{found[1].replace('/', '.')}."
    found = _C_SOURCE.search(source)
    return found[1] if found else ""


def is_own(source: str) -> bool:
    """Whether a source file is the author's, as far as its path says: no library's and not the toolchain's."""
    return bool(source) and not library_module(source) and not _TOOLCHAIN.search(source)


def float_fix(function: str, callers: Sequence[str], sources: Sequence[str], otherwise: str) -> str:
    """What to do about the floats in `function`; `otherwise` when nothing is known.

    `callers` are those that lead to it, the nearest first; `sources` the files its floats come from, for what was inlined into it.
    """
    if origin := float_origin(function):
        return f"it is {origin.cause}: {origin.fix}"
    inlined = [module for source in sources if (module := library_module(source))]
    for module in inlined:
        if origin := float_origin(module):
            return f"inlined into it is {origin.cause}: {origin.fix}"
    for name in callers:
        if origin := float_origin(name):
            return f"`{name}` is {origin.cause}: {origin.fix}"
    if name := crate(function):
        return f"it is part of `{name}`: {otherwise}"
    crates = list(dict.fromkeys(f"`{name}`" for module in inlined if (name := crate(module))))
    return f"inlined into it is code of {' and '.join(crates)}: {otherwise}" if crates else otherwise
