"""Names as rustc and C++ compilers mangle them, and everything else left alone.

Expected names from RFC 2603, rustc's own output, rustc-demangle, and llvm-cxxfilt.
"""

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
    "_RINvNtC3std3mem8align_ofjdE": "std::mem::align_of::<usize, f64>",
    "_RNCC4main0": "main::{closure#0}",
    "_RNvC6_123foo3bar": "123foo::bar",
    "_RMC0INtC8arrayvec8ArrayVecpKj7b_E": "<arrayvec::ArrayVec<_, 123>>",
    "_RNvC7mycrateu8gdel_5qa": "mycrate::gödel",
    "_RNvMC0TReE4meth": "<(&str,)>::meth",
    "_RINvC1c1fFG_RL0_hEuE": "c::f::<for<'a> fn(&'a u8)>",
    "_RINvC1c1fFUKCmEuE": 'c::f::<unsafe extern "C" fn(u32)>',
    "_RINvC1c1fFK15thiscall_unwindEhE": 'c::f::<extern "thiscall-unwind" fn() -> u8>',
    "_RINvC1c1fDNtC1c2TrEL_E": "c::f::<dyn c::Tr>",
    "_RINvC1c1fDG_INtC1c2TrL0_Ep6OutputmEL_E": "c::f::<dyn for<'a> c::Tr<'a, Output = u32>>",
    "_RINvC1c1fAhj3_E": "c::f::<[u8; 3]>",
    "_RINvC1c1fKb1_Kc61_Kin5_E": "c::f::<true, 'a', -5>",
    "_RINvC1c1fKofffffffffffffffff_E": "c::f::<0xfffffffffffffffff>",
    "_RINvC1c1fKRe68ec9d_KANtB0_VB0_UEE": "_RINvC1c1fKRe68ec9d_KANtB0_VB0_UEE",
    "_RINvC1c1fKRe6869_E": 'c::f::<"hi">',
    "_RINvC1c1fKVNtB2_1PS1xm1_1yTb0_EEE": "c::f::<{c::P { x: 1, y: (false,) }}>",
    "_RINvC1c1fKAm1_m2_EE": "c::f::<{[1, 2]}>",
    "_RINvC1c1fPhOSmE": "c::f::<*const u8, *mut [u32]>",
    "_RINvC1c1fC4f128E": "c::f::<f128>",
    "_RINvC1c1fmEC5other": "c::f::<u32>",
    "_RNvC1c1f.llvm.9A3F": "c::f",
    "_RNvNvC1c1f6STATIC.0": "c::f::STATIC.0",
    "_ZN1c1f6STATIC17h0123456789abcdefE.0": "c::f::STATIC.0",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_mangled_name_reads_as_its_author_wrote_it(name):
    assert demangle(name) == NAMES[name]


CXX = {
    "_Z3foov": "foo()",
    "_ZN3foo3barEi": "foo::bar(int)",
    "_ZN4bank6LedgerIiLi7EE6scaledERKiPh": "bank::Ledger<int, 7>::scaled(int const&, unsigned char*)",
    "_ZNK4bank6LedgerIiLi7EEclEi": "bank::Ledger<int, 7>::operator()(int) const",
    "_ZNK4bank6LedgerIiLi7EEeqERKS1_": "bank::Ledger<int, 7>::operator==(bank::Ledger<int, 7> const&) const",
    "_ZN4bank6LedgerIiLi7EEC2Ei": "bank::Ledger<int, 7>::Ledger(int)",
    "_ZN4bank6LedgerIiLi7EED0Ev": "bank::Ledger<int, 7>::~Ledger()",
    "_ZN4bank12_GLOBAL__N_16hiddenEPFddEx": "bank::(anonymous namespace)::hidden(double (*)(double), long long)",
    "_ZN4bank3sumIJijfcEEEdDpT_": "double bank::sum<int, unsigned int, float, char>(int, unsigned int, float, char)",
    "_ZN4bank3fwdIJRiOdEEEvDpOT_": "void bank::fwd<int&, double&&>(int&, double&&)",
    "_ZNSt6vectorIiSaIiEE9push_backEOi": "std::vector<int, std::allocator<int>>::push_back(int&&)",
    "_ZNKR3app1QILNS_1EE1ELb1ELln7EE1fERA3_iMNS_1KEKFviE": (
        "app::Q<(app::E)1, true, -7l>::f(int (&) [3], void (app::K::*)(int) const) const &"
    ),
    "_ZNK3app1QILb1EEcvbEv": "app::Q<true>::operator bool() const",
    "_ZZ1giENKUliE_clEi": "g(int)::'lambda'(int)::operator()(int) const",
    "_ZZ1giENUlT_E0_C1Ev": "g(int)::'lambda0'(auto)::()",
    "_ZTV4bank": "vtable for bank",
    "_ZN3abiB5cxx11Ev": "abi[abi:cxx11]()",
    "_Znwj": "operator new(unsigned int)",
    "_Z3foov.isra.0": "foo()",
    "_ZThn8_N3app3Box4areaEv": "non-virtual thunk to app::Box::area()",
    "_ZTv0_n12_N3app3BoxD1Ev": "virtual thunk to app::Box::~Box()",
    "_ZTCN3app3BoxE8_NS_5ShapeE": "construction vtable for app::Shape-in-app::Box",
    "_ZTW5count": "thread-local wrapper routine for count",
    "_ZGVZ1fvE1s": "guard variable for f()::s",
    "_ZN3app3getILm1EiEENS_3tupIXT_ET0_E4typeEv": "app::tup<1ul, int>::type app::get<1ul, int>()",
    "_ZN3app7failureB5cxx11D1Ev": "app::failure[abi:cxx11]::~failure()",
}


@pytest.mark.parametrize("name", CXX)
def test_a_c_plus_plus_name_reads_as_its_author_wrote_it(name):
    assert demangle(name) == CXX[name]


def test_a_c_plus_plus_name_with_an_expression_comes_back_as_it_is():
    name = "_ZN1aIXplLi1ELi2EEEvv"
    assert demangle(name) == name


OTHERS = (
    "",
    "main",
    "_Z",
    "_Z3fo",
    "_ZTV",
    "_Z1fS_",
    "_Z1fT_",
    "_R",
    "_ZN",
    "_ZN3foo",
    "_ZN99fooE",
    "_RNvC3foo",
    "_RB_",
    "_RNvB0_3foo",
    "_RNvC3foo99x",
    "Rust",
)


@pytest.mark.parametrize("name", OTHERS)
def test_any_other_name_comes_back_as_it_is(name):
    assert demangle(name) == name


def test_a_short_name_that_would_unfold_without_end_comes_back_as_it_is():
    bomb = "_RINvC1c1f" + "TBa_" * 3 + "T" * 70 + "E"
    assert demangle(bomb) == bomb


@given(st.text("_RNvXMICtsBKTES0123456789abc", max_size=60))
def test_no_name_is_too_strange(rest):
    demangle("_R" + rest)
    demangle("_ZN" + rest + "17h0123456789abcdefE")


@given(st.text("_NEISTJDpOKPFULZ0123456789abcivdlrCx.", max_size=60))
def test_no_c_plus_plus_name_is_too_strange(rest):
    demangle("_Z" + rest)
    demangle("_ZN1aI" + rest + "EEvDpT_")


def test_a_c_plus_plus_name_that_would_unfold_without_end_comes_back_as_it_is():
    """Every substitution doubles the one before it."""
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

    def doubled(times: int) -> str:
        return "_Z1fP1aS0_" + "".join(f"FvS{digit}_S{digit}_E" for digit in digits[:times])

    assert demangle(doubled(2)) == "f(a*, a*, void (a*, a*), void (void (a*, a*), void (a*, a*)))"
    assert demangle(doubled(30)) == doubled(30)


@pytest.mark.parametrize("name", ["_ZN7$ud800$17h0123456789abcdefE", "_ZN7$udfff$1a17h0123456789abcdefE", "_RNvCu9c_ud800__1a"])
def test_a_name_with_half_a_surrogate_pair_comes_back_as_one_that_can_be_printed(name):
    """An escape can say a character that is none; a report of it could not be written."""
    assert demangle(name).encode()


def test_a_name_longer_than_any_compiler_makes_comes_back_as_it_is():
    name = "_Z1a" + "P" * 99_000 + "i"
    assert demangle(name) == name
