"""A float is traced to what brought it: a library's known functions, the crate, or a caller on the way.  Names as compilers write them."""

from __future__ import annotations

import pytest

from sshi.wasm.check.origin import crate, float_fix, float_origin

KNOWN = {
    "core::fmt::float::float_to_decimal_common_exact<f64>": "formatting of floats in Rust's core",
    "core::fmt::float::<impl core::fmt::Display for f64>::fmt": "formatting of floats in Rust's core",
    "<f64 as core::fmt::Display>::fmt": "formatting of floats in Rust's core",
    "core::num::flt2dec::strategy::dragon::format_shortest": "formatting of floats in Rust's core",
    "core::num::dec2flt::dec2flt": "parsing of floats in Rust's core",
    "core::time::Duration::as_secs_f64": "durations as seconds in Rust's core",
    "compiler_builtins::math::libm::sqrt::sqrt": "Rust's libm",
    "ryu::pretty::format64": "printing of floats by a crate that serde_json and others use",
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
    path = ("go", "serde_json::to_vec", "ryu::pretty::format64", "helper")
    assert float_fix("__muldf3", path, "generic").startswith("it is the compiler's run-time library")
    assert float_fix("helper", path, "generic").startswith("`ryu::pretty::format64` is printing of floats by a crate")


def test_an_entry_is_its_author_s_own_whatever_its_name():
    assert float_fix("rate", ("pow", "rate"), "generic") == "generic"


def test_an_unknown_function_is_given_to_its_crate():
    assert crate("<&mut statrs::Mean as core::fmt::Debug>::fmt") == "statrs"
    assert float_fix("statrs::mean", ("go", "statrs::mean"), "generic") == "it is part of `statrs`: generic"
    assert crate("rate") == crate("core::fmt::write") == ""
