"""The judge, proved on liars: each is caught by a case that cites the clause it breaks, and the honest host by none."""

from __future__ import annotations

import pytest

from sshi.spec.loader import interface
from sshi_conformance.hosts import reference_host
from sshi_conformance.miniatures import MINIATURES, Miniature
from sshi_conformance.runner import run
from sshi_conformance.suite import builtin_units, select
from sshi_conformance.verdict import Status


@pytest.mark.parametrize("miniature", MINIATURES.values(), ids=lambda miniature: miniature.name)
def test_a_liar_is_caught_by_a_case_that_cites_the_clause_it_breaks(miniature: Miniature):
    """By what the case itself expects: no other host is there to be compared with."""
    units = select(builtin_units(), clause=miniature.caught_by)
    rows = run(units, [miniature.host()]).rows
    caught = [row.unit.id for row in rows if row.verdicts[miniature.host().name].status is Status.FAILED]
    assert caught, f"{miniature.name}: {miniature.lie} No case of {miniature.caught_by} noticed."


@pytest.mark.parametrize("engine", ["interpreter", "aot"])
def test_the_honest_host_passes_every_case(engine):
    name = f"reference:{engine}"
    rows = run(builtin_units(), [reference_host(engine)]).rows
    assert {
        row.unit.id: str(row.verdicts[name].difference or row.verdicts[name].reason)
        for row in rows
        if row.verdicts[name].status is not Status.PASSED
    } == {}


def test_every_liar_says_its_lie_and_names_a_clause_of_the_interface():
    assert len(MINIATURES) >= 12
    for miniature in MINIATURES.values():
        assert miniature.lie.endswith(".")
        assert miniature.caught_by in interface().clauses
