"""Every limit of the chain's engine: an artifact that just keeps it runs, one past it is refused, and `sshi check` has said so.

What cannot be met is not tried.  More than 1,000 parameters of a type that only a call names, 131,072 targets of a `br_table` and
100,000 element segments make no valid module anywhere; two tables, and start functions, are against other rules; names, imports and
exports are the shim's and the manifest's; the chain gives every contract its own memory, whatever is declared.  The size of the code
is a transaction's limit, not the engine's.
"""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from adapters import sizes
from adapters.sizes import Family, artifact, boundary, checked, contract, taken
from sshi.spec.loader import interface
from sshi.wasm.decode import decode
from sshi.wasm.encode import encode
from sshi.wasm.instructions import tokens
from sshi.wasm.module import FUNC, I64, Module
from sshi.wasm.stack.height import heights
from sshi_near import tables
from sshi_near.adapter import adapter
from sshi_near.engine_limits import instrumented_bytes

NEAR = adapter()
PROFILES = tuple(NEAR.profiles)
KINDS = ("emulated", "real")


def functions(module: Module) -> int:
    return len(module.imports) + len(module.funcs)


def params(module: Module) -> list[int]:
    return [len(module.types[of].params) for of in module.funcs]


def locals_(module: Module) -> list[int]:
    return [sum(count for count, _ in code.locals) for code in module.codes]


def blocks(module: Module) -> list[int]:
    return [sum(token[0] in (2, 3, 4) for token in tokens(code.body)) for code in module.codes]


def kept(module: Module) -> int:
    """What an instance keeps, in places of 16 bytes: a global takes one, a function that can be referred to two, an import four."""
    referred = {export.index for export in module.exports if export.kind == FUNC}
    referred.update(*(segment.items for segment in module.elements))
    return len(module.globals) + len(module.tables) + 2 * len(referred) + 4 * len(module.imports)


FAMILIES = {
    "parameters of a function": (64, Family("params", sizes.params, lambda module: max(params(module)), 50)),
    "values of a function": (
        49_998,
        Family("locals", sizes.values, lambda module: max(map(sum, zip(params(module), locals_(module), strict=True)))),
    ),
    "bytes of a body": (196_608, Family("body-size", sizes.body, lambda module: max(len(code.body) + 1 for code in module.codes), 5_000)),
    "blocks of a function": (5_000, Family("blocks", sizes.blocks, lambda module: max(blocks(module)))),
    "operands": (8_192, Family("operands", sizes.operands, lambda module: max(each.bytes for each in heights(module)), 2_000, 4, 4)),
    "table": (10_000, Family("table-size", sizes.table, lambda module: module.tables[0].limits.minimum)),
}
LARGE = {
    "types": (1_024, Family("types", sizes.types, lambda module: len(module.types))),
    "parameters": (50_000, Family("total-params", sizes.all_params, lambda module: sum(params(module)), 1_000)),
    "locals": (1_000_000, Family("total-locals", sizes.locals_, lambda module: sum(locals_(module)))),
    "functions": (10_000, Family("functions", sizes.functions, functions)),
    "blocks": (50_000, Family("total-blocks", sizes.all_blocks, lambda module: sum(blocks(module)))),
    "globals and functions in the table": (65_507, Family("instance-size", sizes.referred, kept, gain=2)),
}
"""Those that take seconds to link: the same for all profiles, so one of them is asked."""


def agree(profile: str, family: Family, most: int) -> None:
    """At the limit it loads everywhere, past it nowhere."""
    size = boundary(NEAR, profile, family, most)
    for more, loads in ((0, True), (family.step, False)):
        made = family.contract(size + more)
        wasm = artifact(NEAR, profile, made)
        assert (most - family.gain < family.count(decode(wasm)) <= most) == loads
        assert checked(NEAR, profile, made) == (() if loads else (family.code,))
        assert [taken(adapter, kind, profile, wasm) for kind in KINDS] == [loads] * 2


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("what", FAMILIES)
def test_an_artifact_at_a_limit_runs_and_one_past_it_is_refused_as_the_check_says(what, profile):
    most, family = FAMILIES[what]
    make = family.contract
    if family.code == "locals" and NEAR.profile(profile).limits.bytes_per_local:
        family = replace(family, contract=lambda size: padded(make(size), 2 * size))
    agree(profile, family, most)


@pytest.mark.slow
@pytest.mark.parametrize("what", LARGE)
def test_so_do_the_limits_that_large_artifacts_meet(what):
    """From version 87 on no contract has a million locals, for two megabytes would not fit a transaction."""
    most, family = LARGE[what]
    agree(NEAR.default_profile, family, most)


def padded(module: Module, size: int) -> Module:
    """With data of about that size."""
    return replace(module, memories=sizes.code_bytes(0).memories, datas=sizes.code_bytes(size).datas)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_local_wants_two_bytes_of_the_artifact_from_version_87_on(profile):
    limited = NEAR.profile(profile).number >= 87
    found: set[bool] = set()
    for count in range(60, 200):
        made = contract(sizes.plain(b"", (count, I64)))
        wasm = artifact(NEAR, profile, made)
        missing = sum(locals_(decode(wasm))) * 2 - len(wasm)
        if abs(missing) < 4:
            loads = missing <= 0 or not limited
            found.add(missing <= 0)
            assert checked(NEAR, profile, made) == (() if loads else ("total-locals",))
            assert [taken(adapter, kind, profile, wasm) for kind in KINDS] == [loads] * 2
    assert found == {True, False}


@pytest.mark.slow
def test_the_linkers_own_data_is_counted_with_the_contracts():
    """One more segment than 100,000 is no valid module for the project's engine either, so nothing could link it."""
    profile = NEAR.default_profile
    added = len(decode(artifact(NEAR, profile, sizes.datas(1))).datas) - 1
    wasm = artifact(NEAR, profile, sizes.datas(100_000 - added))
    linked = decode(wasm)
    assert len(linked.datas) == 100_000
    assert checked(NEAR, profile, sizes.datas(100_000 - added)) == ()
    assert checked(NEAR, profile, sizes.datas(100_001 - added)) == ("segments",)
    one_more = encode(replace(linked, datas=(*linked.datas, linked.datas[0])))
    for kind in KINDS:
        assert taken(adapter, kind, profile, wasm)
        assert not taken(adapter, kind, profile, one_more)


@pytest.mark.slow
def test_code_that_the_chains_metering_makes_too_large_is_refused_to_the_byte():
    """16 MiB, mostly charges for calls; bytes of data make up what is missing."""
    profile = NEAR.default_profile
    most = tables.parameters(86).limits.max_instrumented_code_size
    made = sizes.calls(570_000, 100_000)
    missing = most - instrumented_bytes(decode(artifact(NEAR, profile, made)), tables.parameters(86))
    for more, code in ((0, ()), (1, ("metered-size",))):
        made = sizes.calls(570_000, 100_000 + missing + more)
        assert checked(NEAR, profile, made) == code
        assert taken(adapter, "real", profile, artifact(NEAR, profile, made)) == (not code)
    assert not taken(adapter, "emulated", profile, artifact(NEAR, profile, made))


@pytest.mark.parametrize("profile", PROFILES)
def test_a_deployment_with_the_longest_input_fits_a_transaction(profile):
    """With a kilobyte for all that is neither code nor input."""
    most = tables.parameters(NEAR.profile(profile).number).limits.max_transaction_size - interface().limits.input_max - 1_024
    family = Family("code-size", sizes.code_bytes, lambda module: 0)
    added = len(artifact(NEAR, profile, family.contract(most - 1_000))) - (most - 1_000)
    assert checked(NEAR, profile, family.contract(most - added)) == ()
    assert checked(NEAR, profile, family.contract(most - added + 1)) == ("code-size",)


NEARBY = {
    "types": (sizes.types, 1_024, 8),
    "params": (sizes.params, 64, 4),
    "locals": (sizes.values, 49_998, 3),
    "body-size": (sizes.body, 196_608, 3),
    "blocks": (sizes.blocks, 5_000, 3),
    "operands": (sizes.operands, 8_192, 12),
    "table-size": (sizes.table, 10_000, 3),
}
"""Contracts that are quickly linked, their limits, and how far from them to look."""


@pytest.mark.parametrize("seed", range(4))
def test_near_its_limits_whatever_the_check_says_is_what_the_chain_does(seed):
    rng = random.Random(seed)
    for _ in range(8):
        make, most, around = NEARBY[rng.choice(sorted(NEARBY))]
        made = make(rng.randint(most - around, most + around))
        profile = rng.choice(PROFILES)
        assert taken(adapter, "real", profile, artifact(NEAR, profile, made)) == (not checked(NEAR, profile, made))
