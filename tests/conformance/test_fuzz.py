"""The fuzzer, proved on hosts that lie: what it generates is valid and reaches much, what it finds it makes small and can replay."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random
from types import SimpleNamespace

import msgspec
import pytest

from sshi.adapter import Deviation
from sshi.errors import VmUnavailable
from sshi.host.chain import Code, Deployed
from sshi.host.engine import validate, wat_to_wasm
from sshi.host.outcome import Exhausted, Receipt, Resource, Returned, TrapKind, Trapped
from sshi.host.reference import ReferenceVM
from sshi.link.source import read_source
from sshi.plugins import Plugins
from sshi.spec.loader import interface
from sshi.wasm.decode import decode
from sshi.wasm.encode import encode
from sshi_conformance.fuzz.calls import BALANCE, HIDDEN, OWN_ADDRESS
from sshi_conformance.fuzz.campaign import Order, Tally, run
from sshi_conformance.fuzz.contracts import make_contract
from sshi_conformance.fuzz.differ import alike, same
from sshi_conformance.fuzz.findings import explain, signature, write_finding
from sshi_conformance.fuzz.module import to_wasm, to_wat
from sshi_conformance.fuzz.pairs import Pair
from sshi_conformance.fuzz.program import Host as HostOp
from sshi_conformance.fuzz.program import walk
from sshi_conformance.fuzz.scenarios import make_case
from sshi_conformance.fuzz.trial import Trial
from sshi_conformance.fuzz.values import Scope
from sshi_conformance.hosts import Host, prepare_reference, reference_host
from sshi_conformance.pieces import encode as encode_input
from sshi_conformance.scenario import parse_scenario

SCOPES = (Scope(), Scope(gas=True), Scope(portable=True))
BOOK = dict.fromkeys(("alice", "bob", "poor", "ghost", "contract", "other"), b"\0" * 20)


def contracts(count, scope):
    return [make_contract(Random(f"{number}"), scope) for number in range(count)]


def called(contract):
    return Counter(op.function for body in contract.bodies for op in walk(body) if isinstance(op, HostOp))


# -- what is generated -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", SCOPES, ids=str)
def test_a_seed_gives_the_same_contract_and_cases_every_time(scope):
    first, second = (make_contract(Random("7"), scope) for _ in range(2))
    assert to_wasm(first) == to_wasm(second)
    assert make_case(Random("8"), first, scope) == make_case(Random("8"), second, scope)


@pytest.mark.parametrize("scope", SCOPES, ids=str)
def test_every_contract_is_a_valid_module_that_the_interface_admits(scope):
    for contract in contracts(60, scope):
        wasm = to_wasm(contract)
        assert validate(wasm) is None
        prepare_reference(wasm, contract.manifest)


def test_the_text_assembles_to_the_very_module_that_ran():
    for contract in contracts(30, Scope()):
        assembled = decode(wat_to_wasm(to_wat(contract, head="a head\nof two lines"), where="test"))
        kept = tuple(custom for custom in assembled.customs if custom.name == interface().section)
        assert encode(replace(assembled, customs=kept, raw=())) == to_wasm(msgspec.structs.replace(contract, budget=None))


def test_contracts_call_every_function_of_the_interface():
    reached = sum((called(contract) for contract in contracts(100, Scope())), Counter())
    assert {name for name in interface().functions if reached[name] < 20} == set()


def test_cases_are_scenarios_with_every_kind_of_step():
    kinds = Counter()
    for contract in contracts(20, Scope(gas=True)):
        for number in range(20):
            case = make_case(Random(f"{number}"), contract, Scope(gas=True))
            kinds.update(step.action[0] for step in case.steps)
            kinds.update("gas" for step in case.steps if step.gas is not msgspec.UNSET)
            assert all(len(encode_input(step.input, BOOK)) <= interface().limits.input_max + 1 for step in case.steps)
    assert min(kinds[kind] for kind in ("deploy", "call", "query", "gas")) > 50


def test_portable_contracts_show_no_balance_and_no_address_of_their_own():
    for contract in contracts(80, Scope(portable=True)):
        ops = [op for body in contract.bodies for op in walk(body) if isinstance(op, HostOp)]
        uneven = [op for op in ops if op.function in (BALANCE, OWN_ADDRESS)]
        assert all(isinstance(op.args[0], int) and op.args[0] >= HIDDEN for op in uneven)
        assert all(op.quiet for op in uneven if op.function == OWN_ADDRESS)


# -- what is compared --------------------------------------------------------------------------------------------------------------


def trial(outcome, **cost):
    return Trial([Receipt(outcome, cost=cost)])


def test_one_unit_of_gas_is_a_difference_and_a_unit_only_one_states_is_none():
    found = same(trial(Returned(), gas=7), trial(Returned(), gas=8))
    assert (found.path, found.explanation) == ("step 1: cost.gas", "+1")
    assert same(trial(Returned(), gas=7), trial(Returned(), ref_time=8)) is None


def test_hosts_of_one_chain_must_give_the_very_same_trap():
    known, vague = Trapped(TrapKind.MEMORY), Trapped(TrapKind.UNKNOWN, among=(TrapKind.MEMORY, TrapKind.LIMIT))
    assert same(trial(known), trial(vague)).path == "step 1: outcome"
    assert same(trial(vague), trial(replace_detail(vague))) is None


def replace_detail(outcome):
    return msgspec.structs.replace(outcome, detail="other words", among=tuple(reversed(outcome.among)))


@pytest.mark.parametrize("outcome", [Trapped(TrapKind.LIMIT), Exhausted(Resource.STACK)], ids=str)
def test_an_unknown_trap_passes_for_a_known_one_only_where_that_is_declared(outcome):
    unknown = trial(Trapped(TrapKind.UNKNOWN))
    assert alike(trial(outcome), unknown, ({}, {}), kinds_blur=True) is None
    assert alike(trial(outcome), unknown, ({}, {}), kinds_blur=False).path == "step 1: trap"


def test_an_unknown_trap_among_some_kinds_is_none_of_the_others():
    narrowed = trial(Trapped(TrapKind.UNKNOWN, among=(TrapKind.DIVISION, TrapKind.OVERFLOW)))
    assert alike(trial(Trapped(TrapKind.MEMORY)), narrowed, ({}, {}), kinds_blur=True).path == "step 1: outcome"


def test_a_host_that_raises_is_a_difference():
    broken = Trial([], broke="KeyError: 'x'")
    assert same(trial(Returned()), broken).path == "step 1: broke"


# -- what is found -----------------------------------------------------------------------------------------------------------------


class HashingVM:
    """A world without wasm: a call returns a hash of all that was given.  With a lie, it charges more wherever one function is imported."""

    profile = kind = "hashing"

    def __init__(self, lie: bytes = b"") -> None:
        self.lie = lie
        self.reset()

    def reset(self):
        self.block_height, self.block_time = 1, 0
        self.codes = {}

    def create_account(self, address, balance):
        pass

    def balance(self, _):
        return 0

    def deploy(self, code, name, call):
        self.codes[name.encode()] = code
        return Deployed(name.encode(), self.answer(code, call))

    def call(self, contract, call):
        return self.answer(self.codes[contract], call)

    query = call

    def answer(self, code, call):
        seen = hashlib.sha256(
            code.wasm + repr((msgspec.structs.replace(call, trace=False), self.block_height, self.block_time)).encode()
        ).digest()
        return Receipt(Returned(seen), cost={"gas": 2 if self.lie and self.lie in code.wasm else 1})

    def snapshot(self):
        return dict(self.codes)

    def restore(self, token):
        self.codes = dict(token)

    def storage(self, _):
        return {}

    def close(self):
        pass


def hashing(name, lie=b""):
    return Host(name, "hashing", "hashing", lambda: HashingVM(lie), Code, str.encode)


class TrappingVM(HashingVM):
    """Every call traps, as well as this host can tell."""

    def __init__(self, trap) -> None:
        super().__init__()
        self.trap = trap

    def answer(self, *_):
        return Receipt(Trapped(self.trap))


@pytest.mark.parametrize("declared", [True, False])
def test_an_adapter_declares_vague_traps_as_data(declared):
    """The rule knows no chain by name: a deviation with `trap_kinds` is all it asks for."""
    vague = Deviation("x/trap-kind", ("outcome.limit",), "unknown", "one error for all", "nowhere", trap_kinds=declared)
    exact = replace(hashing("exact:a"), make=lambda: TrappingVM(TrapKind.LIMIT))
    chain = Host("chain:b", "chain", "x", lambda: TrappingVM(TrapKind.UNKNOWN), Code, str.encode, SimpleNamespace(deviations=(vague,)))
    pair = Pair(exact, chain)
    contract = make_contract(Random("1"), pair.scope)
    codes = pair.prepare(to_wasm(contract), contract.manifest)
    difference, _ = pair.differ(codes, make_case(Random("1"), contract, pair.scope))
    assert (difference is None) == declared


ORDER = Order("one:a,one:b", seed=3, cases=120, per_contract=30, shrink_seconds=20)


def last(tallies) -> Tally:
    *_, tally = tallies
    return tally


def test_honest_hosts_differ_in_nothing():
    tally = last(run(ORDER, pair=Pair(hashing("one:a"), hashing("one:b"))))
    assert (tally.cases, tally.kinds, tally.findings) == (120, Counter(), [])


def test_a_difference_shrinks_to_the_one_call_that_makes_it():
    tally = last(run(ORDER, pair=Pair(hashing("one:a"), hashing("one:b", lie=b"keccak256"))))
    assert set(tally.kinds) == {"cost.gas"}
    for finding in tally.findings:
        ops = [op for body in finding.contract.bodies for op in walk(body)]
        assert [type(op).__name__ for op in ops] == ["Host"]
        assert ops[0].function == "keccak256"
        assert ops[0].args == (0, 0, 0)
        assert finding.contract.prepared == ()
        assert [step.action[0] for step in finding.case.steps] == ["deploy"]


def test_a_host_that_is_wrong_everywhere_gives_a_few_findings_and_a_count():
    tally = last(run(ORDER, pair=Pair(hashing("one:a"), hashing("one:b", lie=b"memory"))))
    assert tally.kinds == Counter({"cost.gas": 120})
    assert len(tally.findings) == 2


def test_a_finding_is_a_module_and_a_scenario_that_say_the_same(tmp_path):
    finding = last(run(ORDER, pair=Pair(hashing("one:a"), hashing("one:b", lie=b"keccak256")))).findings[0]
    path = write_finding(finding, tmp_path)
    assert "cost.gas: one:a says 1" in path.with_suffix(".txt").read_text()
    source = read_source(path)
    assert source.manifest == finding.contract.manifest
    [case] = parse_scenario(path.with_suffix(".toml").read_bytes(), where="found").case.values()
    assert [(step.action, encode_input(step.input, BOOK)) for step in case.steps] == [
        (step.action, encode_input(step.input, BOOK)) for step in finding.case.steps
    ]
    pair = Pair(hashing("one:a"), hashing("one:b", lie=b"keccak256"))
    again = pair.differ(pair.prepare(source.wasm, source.manifest), case)[0]
    assert signature(again) == finding.signature


def test_a_contract_that_cannot_be_linked_is_a_finding():
    def refuse(_, manifest):
        raise KeyError(manifest.name)

    pair = Pair(replace(hashing("one:a"), prepare=refuse), hashing("one:b"))
    pair.__dict__["scope"] = Scope()
    tally = last(run(replace(ORDER, cases=1), pair=pair))
    assert [finding.path for finding in tally.findings] == ["link"]
    assert tally.kinds == Counter(link=1)


# -- real hosts --------------------------------------------------------------------------------------------------------------------


def reference_pair(right=None):
    left = reference_host("interpreter")
    return Pair(left, right or reference_host("aot"))


def test_both_engines_of_the_reference_host_agree_to_the_last_unit_and_much_is_reached():
    tally = last(run(Order("reference:interpreter,reference:aot", seed=1, cases=400), pair=reference_pair()))
    assert (tally.kinds, tally.cases) == (Counter(), 400)
    kinds = Counter()
    for (_, outcome), count in tally.outcomes.items():
        kinds[outcome.partition("(")[0]] += count
    assert kinds["returned"] > 0.3 * tally.steps
    assert min(kinds[kind] for kind in ("reverted", "trapped", "exhausted", "rejected")) >= 5
    assert len({name for name, how in tally.ends if how != "trapped(query)"}) >= 8
    assert {name for name, _ in tally.answers} >= {name for name, function in interface().functions.items() if function.access != "end"}


class FastClock(ReferenceVM):
    """Says in a query that it is a millisecond later than it is."""

    def query(self, contract, call):
        self.block_time += 1
        try:
            return super().query(contract, call)
        finally:
            self.block_time -= 1


def test_a_host_with_a_wrong_clock_is_caught_and_the_finding_asks_for_nothing_but_the_time():
    """Clause `block_time.time`."""
    liar = replace(reference_host("interpreter"), name="reference:fast", make=lambda: FastClock(engine="interpreter"))
    tally = last(run(Order("reference:interpreter,reference:fast", seed=2, cases=200, shrink_seconds=20), pair=reference_pair(liar)))
    finding = next(finding for finding in tally.findings if finding.path.endswith("data"))
    functions = [op.function for body in finding.contract.bodies for op in walk(body) if isinstance(op, HostOp)]
    assert functions == ["block_time"]
    assert "slot" in explain(finding)
    assert ": block_time()" in explain(finding)


def test_two_processes_find_what_one_does():
    order = Order("reference:interpreter,reference:aot", seed=4, cases=60, per_contract=10)
    alone, together = (last(run(order, jobs=jobs)) for jobs in (1, 2))
    assert (alone.cases, alone.outcomes, alone.answers, alone.ends) == (together.cases, together.outcomes, together.answers, together.ends)


@pytest.mark.parametrize("name", sorted(Plugins.load().adapters()))
def test_every_installed_chain_does_as_the_reference_host(name):
    pair = f"reference:interpreter,{name}:emulated"
    assert last(run(Order(pair, seed=5, cases=300, per_contract=10, shrink_seconds=10))).findings == []


@pytest.mark.parametrize("name", sorted(Plugins.load().adapters()))
def test_every_emulated_chain_does_as_the_real_one_to_the_last_unit(name):
    pair = f"{name}:emulated,{name}:real"
    try:
        tally = last(run(Order(pair, seed=6, cases=300, per_contract=10, shrink_seconds=10)))
    except VmUnavailable as missing:
        pytest.skip(str(missing))
    assert tally.findings == []


def test_a_pair_that_makes_no_sense_is_a_usage_error_with_exit_status_2():
    environment = {**os.environ, "SSHI_PLUGINS": ""}
    for pair, words in (
        ("near:emulated", "two hosts"),
        ("reference:jit,reference:aot", "no engine 'jit'"),
        ("nowhere:real,nowhere:real", "nowhere"),
    ):
        command = [sys.executable, "-m", "sshi_conformance.fuzz", "--pair", pair, "--cases", "1"]
        result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert result.returncode == 2, result.stderr
        assert words in result.stderr


def test_the_command_says_what_was_reached_and_ends_well(tmp_path):
    command = [
        sys.executable,
        "-m",
        "sshi_conformance.fuzz",
        "--pair",
        "reference:interpreter,reference:aot",
        "--cases",
        "60",
        "--out",
        str(tmp_path),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(tmp_path))
    assert result.returncode == 0, result.stdout + result.stderr
    assert "60 cases" in result.stdout
    assert "storage_write" in result.stdout
