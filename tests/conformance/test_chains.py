"""The claim itself: every installed chain, on every VM that is there, does what the reference host does or has declared otherwise."""

from __future__ import annotations

import pytest

from sshi.plugins import Plugins
from sshi_conformance.deviations import unknown_cases
from sshi_conformance.hosts import HostChoice, choose_hosts, reference_host
from sshi_conformance.render.text import because
from sshi_conformance.report import result_report
from sshi_conformance.runner import run
from sshi_conformance.suite import builtin_units

PLUGINS = Plugins.load()
HOSTS, MISSING = choose_hosts(PLUGINS, HostChoice())
UNITS = builtin_units()


@pytest.mark.parametrize("host", HOSTS[1:], ids=lambda host: host.name)
def test_a_chain_conforms(host):
    rows = run(UNITS, [reference_host("interpreter"), host]).rows
    red = [
        f"{row.unit.id}: {because(result_report(host.name, verdict, row.unit.case))}"
        for row in rows
        if (verdict := row.verdicts[host.name]).status.is_red
    ]
    assert not red, "\n".join(red)


@pytest.mark.parametrize("judge", MISSING, ids=lambda judge: judge.host)
def test_a_judge_that_is_missing_is_said_to_be(judge):
    pytest.skip(f"{judge.host}: {judge.reason}")


@pytest.mark.parametrize("adapter", PLUGINS.adapters().values(), ids=lambda adapter: adapter.name)
def test_deviations_name_cases_that_there_are(adapter):
    assert unknown_cases(adapter, UNITS) == []


@pytest.mark.parametrize("adapter", PLUGINS.adapters().values(), ids=lambda adapter: adapter.name)
def test_every_deviation_is_shown_by_a_case_or_by_every_trap(adapter):
    assert [deviation.id for deviation in adapter.deviations if not deviation.cases and not deviation.trap_kinds] == []
