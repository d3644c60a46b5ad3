"""A budget travels with its contract: to the unit, wherever it runs; what passes it is exhausted(gas), and says how much was left."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sshi.errors import LinkError
from sshi.host.chain import Call, Code
from sshi.host.engine import validate, wat_to_wasm
from sshi.host.outcome import Exhausted, Resource, Returned, TrapKind, Trapped
from sshi.host.reference import ReferenceVM
from sshi.link.check import InvalidModule, RuleBroken
from sshi.link.guard import guarded, with_budget
from sshi.link.linker import build
from sshi.link.source import Source, entry_exports
from sshi.plugins import Plugins
from sshi.spec.manifest import derived_manifest
from sshi.wasm.decode import decode
from sshi.wasm.encode import encode
from sshi.wasm.meter import Costs, PerUnit
from sshi.wasm.module import FUNC
from sshi.wasm.names import function_names

ADAPTERS = Plugins.load().adapters()
MEMORY = '(memory (export "memory") 1 1)'
ROUNDS = f"""(module {MEMORY}
  (func (export "ten") (local i32)
    (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 10))))))"""
EACH = Costs(overrides={"block": 0, "loop": 0, "else": 0, "end": 0})
TEN = 70
"""A round is seven instructions."""


def source(text: str) -> Source:
    wasm = wat_to_wasm(text, where="test")
    return Source("test.wat", wasm, derived_manifest("test", entry_exports(decode(wasm))))


def run(found: Source, entry: str, *, engine="interpreter"):
    vm = ReferenceVM(engine=engine)
    vm.create_account(b"alice", 1000)
    contract = vm.deploy(Code(found.wasm, found.manifest), "it", Call(None, caller=b"alice")).address
    assert contract is not None
    return vm.call(contract, Call(entry, caller=b"alice"))


def test_without_a_budget_the_contract_stays_the_very_same():
    contract = source(ROUNDS)
    assert with_budget(contract, None) is contract


@pytest.mark.parametrize("engine", ["interpreter", "aot"])
@pytest.mark.parametrize(
    ("units", "outcome", "left"),
    [
        (TEN + 5, Returned(), 5),
        (TEN, Returned(), 0),
        (TEN - 1, Exhausted(Resource.GAS, "sshi: gas exhausted"), -1),
        (TEN - 7, Exhausted(Resource.GAS, "sshi: gas exhausted"), -7),
        (0, Exhausted(Resource.GAS, "sshi: gas exhausted"), -7),
    ],
)
def test_what_is_left_is_told_and_below_zero_how_much_was_too_much(engine, units, outcome, left):
    """Clause gas_consume.budget."""
    receipt = run(with_budget(source(ROUNDS), units, EACH), "ten", engine=engine)
    assert receipt.outcome == outcome
    assert receipt.cost["gas_left"] == left


def test_a_stack_limit_counts_the_contract_s_calls_and_none_of_the_meter_s():
    """Four calls deep, with charges in the deepest; the meter's own functions are not counted, in either mode."""
    text = f"""(module {MEMORY} (func $d (drop (memory.grow (i32.const 0)))) (func $c (call $d)) (func $b (call $c))
        (func (export "go") (call $b)))"""
    costs = Costs(counted={"memory.grow": PerUnit(1, 1)})
    for budget in (None, 1000):
        for calls, outcome in ((4, Returned), (3, Exhausted)):
            wasm = encode(guarded(decode(source(text).wasm), costs, budget=budget, calls=calls).module)
            ended = run(Source("it", wasm, source(text).manifest), "go").outcome
            assert type(ended) is outcome
            assert ended in (Returned(), Exhausted(Resource.STACK, "sshi: stack exhausted"))


def test_bounds_may_trap_where_a_host_has_no_revert():
    wasm = encode(guarded(decode(source(ROUNDS).wasm), EACH, budget=TEN - 1, calls=9, reverts=False).module)
    assert decode(wasm).imports == ()
    receipt = run(Source("it", wasm, source(ROUNDS).manifest), "ten")
    assert isinstance(receipt.outcome, Trapped)
    assert receipt.outcome.trap is TrapKind.UNREACHABLE
    assert receipt.cost["gas_left"] == -1


CHARGES = f"""(module (import "env" "gas_consume" (func $gas_consume (param i64))) {MEMORY}
  (table 2 funcref) (elem (i32.const 1) $gas_consume)
  (func $other (export "other"))
  (func (export "go") (call $gas_consume (i64.const %d)) (call_indirect (param i64) (i64.const %d) (i32.const 1)) (call $other)))"""


@given(units=st.integers(0, 300), first=st.integers(-2, 200), second=st.integers(-2, 200))
@example(units=100, first=60, second=40)
@example(units=100, first=60, second=41)
@example(units=(1 << 63) - 1, first=-(1 << 63), second=0)
@settings(deadline=None, max_examples=40)
def test_a_contract_that_charges_by_itself_spends_just_that(units, first, second):
    """Clause gas_consume.budget: unsigned, through a table too; its instructions are not metered besides."""
    receipt = run(with_budget(source(CHARGES % (first, second)), units), "go")
    wanted = [first % (1 << 64), second % (1 << 64)]
    left = units - wanted[0]
    if left >= 0:
        left -= wanted[1]
    assert receipt.outcome == (Returned() if left >= 0 else Exhausted(Resource.GAS, "sshi: gas exhausted"))
    if left >= -(1 << 63):
        assert receipt.cost["gas_left"] == left
    assert (receipt.cost["gas_left"] < 0) == (left < 0)


@pytest.mark.parametrize("chain", sorted(ADAPTERS))
@pytest.mark.parametrize("text", [ROUNDS, CHARGES % (1, 2)], ids=["metered", "by-itself"])
def test_the_budget_is_in_the_artifact_and_no_charge_is_left_to_the_chain(chain, text):
    found = with_budget(source(text), 1000)
    artifact = build(found.wasm, found.manifest, ADAPTERS[chain])
    plain = build(source(text).wasm, found.manifest, ADAPTERS[chain])
    assert validate(artifact.wasm) is None
    assert len(artifact.wasm) > len(plain.wasm)
    assert not any("gas_consume" in name for name in artifact.imports)


def test_a_memory_that_may_be_empty_ends_in_a_trap_and_not_in_a_text():
    text = '(module (memory (export "memory") 0 1) (func (export "go") (loop (br 0))))'
    receipt = run(with_budget(source(text), 5), "go")
    assert isinstance(receipt.outcome, Trapped)
    assert receipt.outcome.trap is TrapKind.UNREACHABLE


def test_a_contract_that_cannot_be_linked_is_refused_at_its_own_bytes():
    """Not at those of the metered one."""
    with pytest.raises(RuleBroken) as caught:
        with_budget(source(f'(module {MEMORY} (func (export "go") (drop (f64.const 1))))'), 5)
    offset = caught.value.findings[0].offset
    assert offset is not None
    assert source(f'(module {MEMORY} (func (export "go") (drop (f64.const 1))))').wasm[offset] == 0x44


def test_a_module_that_is_not_valid_is_refused_before_it_is_metered():
    """It adds two numbers of 32 bits as if they had 64."""
    good = source(ROUNDS)
    wrong = good.wasm.replace(bytes((0x6A, 0x22)), bytes((0x7C, 0x22)))
    assert wrong != good.wasm
    with pytest.raises(InvalidModule):
        with_budget(Source("it", wrong, good.manifest), 5)


def test_a_second_budget_is_refused():
    once = with_budget(source(ROUNDS), 50)
    with pytest.raises(LinkError, match="gas_left"):
        with_budget(once, 50)


def test_functions_keep_their_names():
    wasm = encode(guarded(decode(source(CHARGES % (1, 2)).wasm), EACH, budget=5, calls=20).module)
    named = function_names(decode(wasm))
    imports = len(decode(wasm).imported(FUNC))
    assert named[imports] == "sshi.gas_exhausted"
    assert "other" in named.values()
