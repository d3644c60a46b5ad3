"""Every limit of the pallet and its engine: an artifact that just keeps it runs, one past it is refused, and `sshi check` has said so.

The pallet's engine is given no limits of its own, so most numbers are bounded by what the size of the code has room for; that such
contracts run is tried too.  What cannot be met: more than 1,000 parameters make no valid module anywhere, and 131,072 targets of a
`br_table` or 100,000 segments take more bytes than there are.
"""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from adapters import sizes
from adapters.sizes import Family, artifact, boundary, checked, contract, taken
from sshi.wasm.decode import decode
from sshi.wasm.immediates import VOID
from sshi.wasm.instructions import emit
from sshi.wasm.module import MEMORY, Limits, Module
from sshi_polkadot.adapter import adapter

POLKADOT = adapter()
PROFILE = POLKADOT.default_profile
KINDS = ("emulated", "real")


def values(module: Module) -> int:
    """Parameters and locals, with what the registers' contract has besides."""
    return max(
        len(module.types[of].params) + sum(count for count, _ in code.locals) + code.body.count(emit("drop"))
        for of, code in zip(module.funcs, module.codes, strict=True)
    )


def declared(module: Module) -> int:
    return max(
        len(module.types[of].params) + sum(count for count, _ in code.locals) for of, code in zip(module.funcs, module.codes, strict=True)
    )


FAMILIES = {
    "parameters and locals": (32_765, Family("registers", sizes.values, declared)),
    "operands": (32_765, Family("registers", sizes.registers, values, 1_000)),
    "table": (10_000_000, Family("table-size", sizes.table, lambda module: module.tables[0].limits.minimum)),
}


def agree(within: Module, past: Module, code: str) -> None:
    """The one loads everywhere, the other nowhere."""
    assert checked(POLKADOT, PROFILE, within) == ()
    assert checked(POLKADOT, PROFILE, past) == (code,)
    for kind in KINDS:
        assert taken(adapter, kind, PROFILE, artifact(POLKADOT, PROFILE, within))
        assert not taken(adapter, kind, PROFILE, artifact(POLKADOT, PROFILE, past))


@pytest.mark.parametrize("what", FAMILIES)
def test_an_artifact_at_a_limit_runs_and_one_past_it_is_refused_as_the_check_says(what):
    most, family = FAMILIES[what]
    size = boundary(POLKADOT, PROFILE, family, most)
    agree(family.contract(size), family.contract(size + 1), family.code)


def test_different_constants_are_counted_in_one_function():
    agree(sizes.constants(32_766), sizes.constants(32_767), "constants")


def test_code_fits_to_the_byte():
    added = len(artifact(POLKADOT, PROFILE, sizes.code_bytes(100_000))) - 100_000
    agree(sizes.code_bytes(125_952 - added), sizes.code_bytes(125_953 - added), "code-size")


def test_with_the_linkers_page_a_contract_may_have_all_the_pallet_gives():
    """The pallet's 16 pages are the interface's 15 and one of scratch."""
    made = replace(contract(), memories=(Limits(15, 15),))
    wasm = artifact(POLKADOT, PROFILE, made)
    (memory,) = decode(wasm).imported(MEMORY)
    assert memory.desc == Limits(16, 16)
    for kind in KINDS:
        assert taken(adapter, kind, PROFILE, wasm)


FILLED = {
    "functions": lambda: sizes.functions(17_600),
    "types": lambda: sizes.types(2_600),
    "globals": lambda: sizes.globals_(13_700),
    "data segments": lambda: sizes.datas(20_500),
    "element segments": lambda: sizes.elements(24_000),
    "blocks inside each other": lambda: contract(sizes.plain(emit("block", VOID) * 40_000 + emit("end") * 40_000)),
    "blocks after each other": lambda: contract(sizes.plain((emit("block", VOID) + emit("end")) * 40_000)),
}


@pytest.mark.parametrize("what", FILLED)
def test_what_else_the_code_has_room_for_runs(what):
    made = FILLED[what]()
    wasm = artifact(POLKADOT, PROFILE, made)
    assert 120_000 < len(wasm) <= 125_952
    assert checked(POLKADOT, PROFILE, made) == ()
    for kind in KINDS:
        assert taken(adapter, kind, PROFILE, wasm)


def test_a_table_of_branches_that_only_the_pallet_compiles_is_refused_cleanly_by_the_emulated_one():
    """The project's own engine has at most 65,520 targets."""
    wasm = artifact(POLKADOT, PROFILE, contract(sizes.plain(emit("i32.const", 0) + emit("br_table", (0,) * 65_522))))
    assert not taken(adapter, "emulated", PROFILE, wasm)
    assert taken(adapter, "real", PROFILE, wasm)


NEARBY = {
    "registers": (sizes.registers, 32_765),
    "values": (sizes.values, 32_765),
    "constants": (sizes.constants, 32_766),
    "table": (sizes.table, 10_000_000),
}


@pytest.mark.parametrize("seed", range(4))
def test_near_its_limits_whatever_the_check_says_is_what_the_pallet_does(seed):
    rng = random.Random(seed)
    for _ in range(5):
        make, most = NEARBY[rng.choice(sorted(NEARBY))]
        made = make(rng.randint(most - 2, most + 2))
        assert taken(adapter, "real", PROFILE, artifact(POLKADOT, PROFILE, made)) == (not checked(POLKADOT, PROFILE, made))
