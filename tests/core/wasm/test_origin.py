"""A float is traced to what brought it: a library's known functions, the crate, or a caller on the way.  Names as compilers write them."""

from __future__ import annotations

import pytest

from sshi.wasm.check.origin import crate, float_fix, float_origin, is_own, library_module

KNOWN = {
    "core::fmt::float::float_to_decimal_common_exact<f64>": "formatting of floats in Rust's core",
    "core::fmt::float::<impl core::fmt::Display for f64>::fmt": "formatting of floats in Rust's core",
    "<f64 as core::fmt::Display>::fmt": "formatting of floats in Rust's core",
    "core::num::flt2dec::strategy::dragon::format_shortest": "formatting of floats in Rust's core",
    "core::num::dec2flt::dec2flt": "parsing of floats in Rust's core",
    "core::time::Duration::as_secs_f64": "durations as seconds in Rust's core",
    "compiler_builtins::math::libm::sqrt::sqrt": "Rust's libm",
    "ryu::pretty::format64": "printing of floats by a crate that serde_json and others use",
    "<f64 as zmij::private::Sealed>::write_to_zmij_buffer": "printing of floats by a crate that serde_json and others use",
    "core::fmt::float::float_to_decimal_common_exact::<f64>": "formatting of floats in Rust's core",
    "__muldf3": "the compiler's run-time library for floats (compiler-rt)",
    "__floatunsidf": "the compiler's run-time library for floats (compiler-rt)",
    "__extendsfdf2": "the compiler's run-time library for floats (compiler-rt)",
    "__fixunsdfsi": "the compiler's run-time library for floats (compiler-rt)",
    "printf_core": "printf in the C library",
    "fmt_fp": "printf in the C library",
    "__floatscan": "scanf or strtod in the C library",
    "powf": "the C mathematics library",
    "__rem_pio2_large": "the C mathematics library",
    "~lib/util/number/dtoa_core": "AssemblyScript's numbers",
    "strconv.FormatFloat": "Go's library",
    "fmt.parse_float.parse_float.parseFloat": "Zig's standard library",
    "std.fmt.float.": "Zig's standard library",
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_function_is_named_for_what_it_is(name):
    assert float_origin(name).cause == KNOWN[name]


@pytest.mark.parametrize(
    "name", ["rate", "func[7]", "core::fmt::write", "core::str::from_utf8", "token::power", "__multi3", "storage::log2"]
)
def test_a_name_that_says_nothing_has_no_origin(name):
    assert float_origin(name) is None


def test_the_function_s_own_name_counts_before_its_callers_and_those_from_the_nearest_on():
    callers = ("ryu::pretty::format64", "serde_json::to_vec")
    assert float_fix("__muldf3", callers, (), "generic").startswith("it is the compiler's run-time library")
    assert float_fix("helper", callers, (), "generic").startswith("`ryu::pretty::format64` is printing of floats by a crate")


REGISTRY = "/home/me/.cargo/registry/src/index.example-0123456789abcdef"

MODULES = {
    f"{REGISTRY}/statrs-0.18.0/src/statistics/iter_statistics.rs": "statrs::statistics::iter_statistics::",
    f"{REGISTRY}/near-sdk-5.17.2/src/lib.rs": "near_sdk::",
    "/home/me/.cargo/git/checkouts/rust-decimal-a1b2c3/0f1e2d3/src/maths.rs": "rust_decimal::maths::",
    "/rustc/59807616e1fa/library/core/src/num/dec2flt/mod.rs": "core::num::dec2flt::",
    "/rustc/59807616e1fa/library/compiler-builtins/libm/src/math/pow.rs": "libm::math::pow::",
    "/opt/rust/lib/rustlib/src/rust/library/core/src/time.rs": "core::time::",
    "/opt/zig/lib/libc/musl/src/stdio/vfprintf.c": "vfprintf",
    "/opt/zig/lib/libc/musl/src/math/pow.c": "pow",
    "/opt/zig/lib/std/fmt/parse_float/parse.zig": "std.fmt.parse_float.parse.",
    "/home/me/contract/src/lib.rs": "",
    "C:\\me\\contract\\src\\lib.rs": "",
    "src/rate.c": "",
    "": "",
}


@pytest.mark.parametrize("source", MODULES)
def test_a_library_s_source_file_stands_for_its_module(source):
    assert library_module(source) == MODULES[source]


@pytest.mark.parametrize("source", MODULES)
def test_a_file_is_the_author_s_own_when_no_library_has_it(source):
    assert is_own(source) == (bool(source) and not MODULES[source])


def test_a_file_of_the_toolchain_is_nobody_s():
    assert not is_own("/rustc/59807616e1fa/library/strange/place.rs")
    assert not is_own("/opt/wasi-sdk/share/wasi-sysroot/include/math.h")


def test_what_was_inlined_is_known_by_the_files_it_comes_from():
    """Link-time optimisation leaves one function, and its lines still tell whose they were."""
    own, statrs = "/home/me/contract/src/lib.rs", f"{REGISTRY}/statrs-0.18.0/src/statistics/iter_statistics.rs"
    parsing = "/rustc/59807616e1fa/library/core/src/num/dec2flt/mod.rs"
    assert float_fix("call", (), (own, statrs), "generic") == "inlined into it is code of `statrs`: generic"
    assert float_fix("call", (), (own, statrs, parsing), "generic").startswith("inlined into it is parsing of floats in Rust's core:")
    assert float_fix("call", (), (own, ""), "generic") == "generic"


def test_an_unknown_function_is_given_to_its_crate():
    assert crate("<&mut statrs::Mean as core::fmt::Debug>::fmt") == "statrs"
    assert float_fix("statrs::mean", ("go",), (), "generic") == "it is part of `statrs`: generic"
    assert crate("rate") == crate("core::fmt::write") == ""
