"""An adapter's declared deviations, made ready to be held against cases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sshi.errors import AdapterError, ScenarioError
from sshi_conformance.plan import Override, merged
from sshi_conformance.scenario import SELF, check_expect, parse_expect

if TYPE_CHECKING:
    from sshi.adapter import Adapter, Deviation
    from sshi_conformance.hosts import Host
    from sshi_conformance.suite import Unit


@dataclass(frozen=True)
class Declared:
    """What one host may do differently.

    trap_kinds  the deviation that says traps cannot be told apart, or ""
    cases       for a case's id, what each of its steps ends in instead
    """

    trap_kinds: str = ""
    cases: Mapping[str, Mapping[int, Override]] = field(default_factory=dict)

    def overrides(self, case: str) -> Mapping[int, Override]:
        """Overrides by step of one case."""
        return self.cases.get(case, {})


def declared(host: Host, units: Iterable[Unit]) -> Declared:
    """The deviations that hold for this VM and profile; AdapterError when one cannot be held against its case."""
    if host.adapter is None:
        return Declared()
    known = {unit.id: unit for unit in units}
    trap_kinds = next((each.id for each in host.deviations if each.trap_kinds), "")
    cases: dict[str, dict[int, Override]] = {}
    for deviation in host.deviations:
        for each in deviation.cases:
            if (each.vms and host.kind not in each.vms) or (each.profiles and host.profile not in each.profiles) or each.case not in known:
                continue
            override = _override(host.adapter, deviation, known[each.case], each.step, each.expect)
            steps = cases.setdefault(each.case, {})
            if each.step in steps:
                text = f"deviations {steps[each.step].deviation} and {deviation.id} both claim step {each.step} of {each.case}"
                raise AdapterError(host.adapter.name, text, "let one deviation say all of it")
            steps[each.step] = override
    return Declared(trap_kinds, cases)


def unknown_cases(adapter: Adapter, units: Iterable[Unit]) -> list[str]:
    """`<deviation>: <case>` for every case an adapter names and the suite does not have."""
    known = {unit.id for unit in units}
    return [f"{deviation.id}: {each.case}" for deviation in adapter.deviations for each in deviation.cases if each.case not in known]


def _override(adapter: Adapter, deviation: Deviation, unit: Unit, step: int, raw: dict[str, object]) -> Override:
    where = f"deviation {deviation.id}: case {unit.id}: step {step}"
    if not 1 <= step <= len(unit.case.steps):
        raise AdapterError(adapter.name, f"{where}: the case has {len(unit.case.steps)} steps")
    try:
        expect = parse_expect(raw, where=where)
        book = dict.fromkeys([*unit.case.people, *(each.contract for each in unit.case.steps), SELF], b"\0" * 8)
        check_expect(merged(unit.case.steps[step - 1].expect, expect), book, where=where)
    except ScenarioError as error:
        raise AdapterError(adapter.name, str(error), error.hint) from error
    return Override(deviation.id, expect)
