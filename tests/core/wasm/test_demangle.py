"""Names as rustc mangles them, both ways, and everything else left alone.  Expected names from RFC 2603 and rustc's own output."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sshi.wasm.demangle import demangle

NAMES = {
    "_ZN42_$LT$$RF$T$u20$as$u20$core..fmt..Debug$GT$3fmt17h325f6a196a908875E": "<&T as core::fmt::Debug>::fmt",
    "_ZN4core5array69_$LT$impl$u20$core..fmt..Debug$u20$for$u20$$u5b$T$u3b$$u20$N$u5d$$GT$3fmt17hc69f985c00b7b178E": (
        "core::array::<impl core::fmt::Debug for [T; N]>::fmt"
    ),
    "_ZN5alloc7raw_vec20RawVecInner$LT$A$GT$11finish_grow17hb9d94ee27f445099E": "alloc::raw_vec::RawVecInner<A>::finish_grow",
    "_ZN3foo3barE": "foo::bar",
    "_RNvXs8_NtNtNtCsgXGp5Oqx2Ny_4core3fmt3num3impmNtB9_7Display3fmt": "<u32 as core::fmt::Display>::fmt",
    "_RINvNtC3std3mem8align_ofjdE": "std::mem::align_of<usize, f64>",
    "_RNCC4main0": "main::{closure#0}",
    "_RNvC6_123foo3bar": "123foo::bar",
    "_RMC0INtC8arrayvec8ArrayVecpKj7b_E": "<arrayvec::ArrayVec<_, 123>>",
    "_RNvC7mycrateu8gdel_5qa": "mycrate::gödel",
    "_RNvMC0TReE4meth": "<(&str,)>::meth",
    "_RINvC1c1fFG_RL0_hEuE": "c::f<fn(&u8)>",
    "_RINvC1c1fDNtC1c2TrEL_E": "c::f<dyn c::Tr>",
    "_RINvC1c1fAhj3_E": "c::f<[u8; 3]>",
    "_RINvC1c1fKb1_Kc61_Kin5_E": "c::f<true, 'a', -5>",
    "_RINvC1c1fPhOSmE": "c::f<*const u8, *mut [u32]>",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_mangled_name_reads_as_its_author_wrote_it(name):
    assert demangle(name) == NAMES[name]


OTHERS = ("", "main", "_Z3foov", "_R", "_ZN", "_ZN3foo", "_ZN99fooE", "_RNvC3foo", "_RB_", "_RNvB0_3foo", "_RNvC3foo99x", "Rust")


@pytest.mark.parametrize("name", OTHERS)
def test_any_other_name_comes_back_as_it_is(name):
    assert demangle(name) == name


def test_a_short_name_that_would_unfold_without_end_comes_back_as_it_is():
    bomb = "_RINvC1c1f" + "TBa_" * 3 + "T" * 70 + "E"
    assert demangle(bomb) == bomb


@given(st.text("_RNvXMICtsBKTES0123456789abc", max_size=60))
def test_no_name_is_too_strange(rest):
    demangle("_R" + rest)
    demangle("_ZN" + rest + "E")
