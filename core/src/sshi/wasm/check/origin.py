"""Where a float came from: what is known of the functions that have them, in Rust's libraries, in C's, in AssemblyScript's and Go's.

Names are as `demangle` gives them.  What is not known is given to the crate its name begins with, the standard library aside.
"""

from __future__ import annotations

import re
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
    (r"^(ryu|zmij|dtoa|lexical\w*)::", "printing of floats by a crate that serde_json and others use", "serialise integers or strings"),
    (
        r"^serde_json::|^<?serde_json",
        "serde_json, which knows floats",
        "use a format without floats, such as borsh or scale, or `serde-json-core`",
    ),
    (r"^(ciborium|half|serde_cbor|minicbor)\b", "a CBOR crate, which knows floats", "turn its float support off, or use borsh or scale"),
    (r"^(rand|rand_core|rand_distr)::", "a crate for random numbers", "draw integers: `gen_range` of integers, no `gen_bool`, no `f64`"),
    (
        r"^(fmt_fp|printf_core|v?s?n?printf|vfn?printf|pop_arg|pop_arg_long_double|__small_v?s?n?printf|frexpl?)$",
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


def float_fix(function: str, path: tuple[str, ...], otherwise: str) -> str:
    """What to do about a float in `function`, which the calls of `path` lead to; `otherwise` when nothing is known."""
    # not the first of the path: it is an export, so its name is the author's own
    for name in (function, *reversed(path[1:])):
        if origin := float_origin(name):
            whose = "it" if name == function else f"`{name}`"
            return f"{whose} is {origin.cause}: {origin.fix}"
    if name := crate(function):
        return f"it is part of `{name}`: {otherwise}"
    return otherwise
