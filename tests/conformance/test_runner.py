"""A run: what passes, what fails and why, whose fault it is when nothing can be said, and that it goes on."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from sshi.adapter import DeviantCase, Deviation
from sshi.errors import AdapterError, LinkError, VmError, VmUnavailable
from sshi.host.outcome import Exhausted, Resource, Returned, TrapKind, Trapped
from sshi.host.reference import ReferenceVM
from sshi_conformance.hosts import Host, prepare_reference, reference_host
from sshi_conformance.miniatures import MINIATURES
from sshi_conformance.runner import run
from sshi_conformance.suite import builtin_units
from sshi_conformance.verdict import Blame, Status

TOY = "toy@1:emulated"


def verdicts(units, *hosts):
    return [row.verdicts[hosts[-1].name] for row in run(units, hosts).rows]


def verdict(units, *hosts):
    (found,) = verdicts(units, *hosts)
    return found


def deviation(step: int, **expect):
    where = {name: expect.pop(name) for name in ("vms", "profiles") if name in expect}
    case = DeviantCase(case="t/a", step=step, expect=expect, **where)
    return Deviation(id="toy/other", clauses=("outcome.returned",), instead="x.", reason="y.", source="z", cases=(case,))


BLURRED = Deviation(id="toy/blurred", clauses=("outcome.memory",), instead="x.", reason="y.", source="z", trap_kinds=True)


class Blurs(ReferenceVM):
    """Cannot tell traps apart, and traps when the stack is exhausted."""

    def call(self, contract, call):
        receipt = super().call(contract, call)
        if isinstance(receipt.outcome, Trapped) or receipt.outcome == Exhausted(Resource.STACK):
            return msgspec.structs.replace(receipt, outcome=Trapped(TrapKind.UNKNOWN, detail="Trapped"))
        return receipt


class Breaks(ReferenceVM):
    """Raises in every call of the entry `trap`."""

    def call(self, contract, call):
        if call.entry == "trap":
            raise RuntimeError("pipe closed")
        return super().call(contract, call)


def test_a_step_that_expects_nothing_is_expected_to_return(units):
    found = verdict(units("{ call = 'revert' }"), reference_host("interpreter"))
    assert (found.status, found.step, found.difference.path) == (Status.FAILED, 2, "outcome")


def test_hosts_with_other_addresses_agree(units, toy):
    steps = "{ call = 'who' }, { call = 'who', caller = 'bob', expect = { data = [{ blob = { address = 'bob' } }] } }"
    assert verdict(units(steps), reference_host("interpreter"), toy()).status is Status.PASSED


@pytest.mark.parametrize("length", [4, 20, 64])
def test_the_whole_suite_agrees_whatever_length_addresses_have(length):
    def address(name: str) -> bytes:
        return hashlib.shake_256(name.encode()).digest(length)

    host = Host("other:reference", "other", "reference", ReferenceVM, prepare_reference, address)
    rows = run(builtin_units(), [reference_host("interpreter"), host]).rows
    assert {row.unit.id: row.verdicts[host.name].difference for row in rows if row.verdicts[host.name].status is not Status.PASSED} == {}


def test_what_no_case_expects_is_held_against_the_reference_host(units, toy):
    found = verdict(units("{ call = 'emit' }"), reference_host("interpreter"), toy(MINIATURES["emit_backwards"].make))
    assert found.status is Status.PASSED, "one event has no order"
    found = verdict(units("{ call = 'write' }"), reference_host("interpreter"), toy(MINIATURES["storage_write_empty_removes"].make))
    assert found.status is Status.PASSED
    found = verdict(units("{ call = 'who' }"), reference_host("interpreter"), toy(MINIATURES["caller_its_own"].make))
    assert (found.status, found.difference.path, found.difference.against) == (Status.FAILED, "data", "the reference host")


def test_storage_that_no_receipt_told_of_is_found_at_the_end(units, toy):
    found = verdict(units("{ call = 'write' }"), toy(MINIATURES["InventsStorage"].make))
    assert (found.status, found.step, found.difference.path) == (Status.FAILED, 0, "storage[utf8:invented]")
    assert "not what the receipts add up to" in found.difference.explanation


def test_an_undeclared_blur_of_traps_fails_and_a_declared_one_passes_and_is_noted(units, toy):
    cases = units("{ call = 'divide', expect = { trap = 'division' } }", "{ call = 'deep', expect = { what = 'stack' } }")
    for found in verdicts(cases, toy(Blurs)):
        assert found.status is Status.FAILED
        assert "no deviation says" in found.difference.explanation
    for found in verdicts(cases, toy(Blurs, BLURRED)):
        assert (found.status, found.deviations) == (Status.PASSED, ("toy/blurred",))
    assert [found.deviations for found in verdicts(cases, toy(ReferenceVM, BLURRED))] == [(), ()]


def test_a_deviation_that_is_seen_as_declared_is_an_expected_failure(units, toy):
    cases = units("{ call = 'who', expect = { data = [{ blob = { address = 'alice' } }] } }")
    found = verdict(cases, toy(MINIATURES["caller_its_own"].make, deviation(2, data="hex:08000000636f6e7472616374")))
    assert (found.status, found.deviations) == (Status.XFAILED, ("toy/other",))


def test_a_deviation_that_is_not_seen_is_stale(units, toy):
    cases = units("{ call = 'who', expect = { data = [{ blob = { address = 'alice' } }] } }")
    found = verdict(cases, toy(ReferenceVM, deviation(2, data="hex:08000000636f6e7472616374")))
    assert (found.status, found.reason) == (Status.XPASSED, "toy/other is declared for this case and was not seen")
    assert found.status.is_red


def test_a_deviation_that_shows_itself_in_another_way_fails(units, toy):
    cases = units("{ call = 'who', expect = { data = [{ blob = { address = 'alice' } }] } }")
    found = verdict(cases, toy(MINIATURES["caller_its_own"].make, deviation(2, data="hex:00")))
    assert (found.status, found.difference.against) == (Status.FAILED, "toy/other (the case)")


def test_a_deviation_may_end_a_step_in_another_way_and_only_where_it_says(units, toy):
    cases = units("{ call = 'trap', expect = { trap = 'unreachable' } }")

    class Goes(ReferenceVM):
        def call(self, contract, call):
            return msgspec.structs.replace(super().call(contract, call), outcome=Returned())

    assert verdict(cases, toy(Goes, deviation(2, outcome="returned"))).status is Status.XFAILED
    assert verdict(cases, toy(Goes, deviation(2, outcome="returned", vms=("real",)))).status is Status.FAILED
    assert verdict(cases, toy(Goes, deviation(2, outcome="returned", profiles=("toy@1",)))).status is Status.XFAILED
    assert verdict(cases, toy(Goes, deviation(2, outcome="returned", profiles=("toy@2",)))).status is Status.FAILED


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        (deviation(3, outcome="returned"), "the case has 2 steps"),
        (deviation(2, outcome="ok"), "'ok' is none of returned"),
        (deviation(2, balances={"carol": 1}), "no account or contract is called 'carol'"),
        (deviation(2, trap="memory", message="m"), "asks for reverted and trapped"),
    ],
)
def test_a_deviation_that_cannot_be_held_against_its_case_is_the_adapters_fault(units, toy, declared, says):
    with pytest.raises(AdapterError, match=says):
        run(units("{ call = 'nothing' }"), [toy(ReferenceVM, declared)])


def test_two_deviations_do_not_claim_one_step(units, toy):
    with pytest.raises(AdapterError, match="both claim step 2 of t/a"):
        run(units("{ call = 'nothing' }"), [toy(ReferenceVM, deviation(2, outcome="returned"), deviation(2, data="hex:"))])


def test_a_host_that_breaks_is_blamed_and_the_run_goes_on(units, toy):
    cases = units("{ call = 'trap', expect = { trap = 'unreachable' } }", "{ call = 'write' }")
    broken, fine = verdicts(cases, reference_host("interpreter"), toy(Breaks))
    assert (broken.status, broken.blame, broken.step) == (Status.ERRORED, Blame.ADAPTER, 2)
    assert broken.reason == "RuntimeError: pipe closed"
    assert fine.status is Status.PASSED


def test_a_broken_reference_host_is_the_harness_fault(units):
    host = Host("reference:interpreter", "reference", "reference", Breaks, prepare_reference, str.encode)
    found = verdict(units("{ call = 'trap', expect = { trap = 'unreachable' } }"), host)
    assert (found.status, found.blame) == (Status.ERRORED, Blame.HARNESS)


def test_a_host_that_keeps_breaking_is_not_asked_for_ever(units, toy):
    cases = units(*["{ call = 'trap', expect = { trap = 'unreachable' } }"] * 5)
    statuses = [found.status for found in verdicts(cases, toy(Breaks))]
    assert statuses == [Status.ERRORED] * 3 + [Status.SKIPPED] * 2


def test_a_vm_that_is_not_there_is_a_skip_with_a_reason(units, toy):
    def make():
        raise VmUnavailable("toy", "the program is not built", "build it")

    found = verdict(units("{ call = 'nothing' }"), toy(make))
    assert (found.status, found.reason) == (Status.SKIPPED, "adapter 'toy': the program is not built (build it)")


def test_a_vm_that_dies_is_the_adapters_fault(units, toy):
    class Dies(ReferenceVM):
        def reset(self):
            raise VmError("toy", "the program ended with signal 11")

    found = verdict(units("{ call = 'nothing' }"), toy(Dies))
    assert (found.status, found.blame, found.reason) == (Status.ERRORED, Blame.ADAPTER, "adapter 'toy': the program ended with signal 11")


def test_a_contract_that_cannot_be_linked_is_blamed_in_the_linkers_words(units, toy):
    def prepare(_wasm, _manifest):
        raise LinkError("two entries share a selector", where="all kinds", advice="rename one")

    found = verdict(units("{ call = 'nothing' }"), toy(prepare=prepare))
    assert (found.status, found.blame, found.step) == (Status.ERRORED, Blame.CONTRACT, 1)
    assert found.reason == "all kinds: two entries share a selector (rename one)"


def test_glue_that_raises_is_the_adapters_fault(units, toy):
    def prepare(_wasm, _manifest):
        raise KeyError("selector")

    found = verdict(units("{ call = 'nothing' }"), toy(prepare=prepare))
    assert (found.status, found.blame) == (Status.ERRORED, Blame.ADAPTER)
    assert "linking raised KeyError" in found.reason


def test_an_address_of_a_contract_never_deployed_is_the_cases_fault(units):
    found = verdict(
        units("{ call = 'nothing', input = [{ address = 'second' }] }, { call = 'nothing', contract = 'second' }"),
        reference_host("interpreter"),
    )
    assert (found.status, found.blame, found.step) == (Status.ERRORED, Blame.CASE, 2)
    assert "no account or contract is called 'second'" in found.reason


def test_interrupting_the_run_interrupts_it(units, toy):
    class Interrupted(ReferenceVM):
        def call(self, contract, call):  # noqa: ARG002  the protocol's
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(units("{ call = 'nothing' }"), [toy(Interrupted)])


def test_processes_find_the_same_in_the_same_order(monkeypatch):
    from sshi_conformance.hosts import HostChoice
    from sshi_conformance.parallel import run_parallel

    monkeypatch.setenv("SSHI_PLUGINS", "")
    cases = [unit for unit in builtin_units() if unit.area in ("block", "guards", "determinism")]
    alone = run(cases, [reference_host("interpreter")]).rows
    ticks: list[int] = []
    together = run_parallel(cases, HostChoice(chains=("reference",)), 2, tick=ticks.append).rows
    assert sum(ticks) == len(cases)
    assert [row.unit.id for row in together] == [row.unit.id for row in alone]
    for one, other in zip(alone, together, strict=True):
        for name, found in one.verdicts.items():
            assert (found.status, found.receipts) == (other.verdicts[name].status, other.verdicts[name].receipts)


def test_a_process_that_dies_is_said_to_have(monkeypatch, tmp_path):
    """The plugin that it loads ends it."""
    from sshi_conformance.hosts import HostChoice
    from sshi_conformance.parallel import WorkerDied, run_parallel

    (tmp_path / "boom.py").write_text("import os\nos._exit(3)\n")
    metadata = tmp_path / "boom-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: boom\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[sshi]\nboom = boom\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("SSHI_PLUGINS", "boom")
    cases = [unit for unit in builtin_units() if unit.area == "block"]
    with pytest.raises(WorkerDied, match=r"block/block\.wat") as caught:
        run_parallel(cases, HostChoice(chains=("reference",)), 2)
    assert "without --jobs" in caught.value.hint
