"""A report in every rendering: complete, safe against what it quotes, and readable by those it is for."""

from __future__ import annotations

import io
import json
import re
from xml.etree import ElementTree as ET

import msgspec
import pytest
from rich.console import Console

from sshi.adapter import Deviation
from sshi.host.outcome import Receipt, Reverted, TrapKind, Trapped
from sshi.host.reference import ReferenceVM
from sshi.spec.loader import interface
from sshi_conformance.cli import json_text
from sshi_conformance.hosts import MissingJudge, reference_host
from sshi_conformance.miniatures import MINIATURES
from sshi_conformance.render.html import html
from sshi_conformance.render.junit import junit
from sshi_conformance.render.markdown import markdown
from sshi_conformance.render.terminal import show
from sshi_conformance.report import Report, make_report
from sshi_conformance.runner import run
from sshi_conformance.schemas import schemas
from sshi_conformance.suite import builtin_units, select

HOSTILE = "</script><script>alert(1)</script>\x00\x1b[31m|`*&"
DECLARED = Deviation(id="toy/never", clauses=("revert.ends",), instead="Nothing else.", reason="None.", source="https://example.org/x")


class Hostile(ReferenceVM):
    """Answers everything with a text that would like to be something else."""

    def call(self, contract, call):
        super().call(contract, call)
        return Receipt(Reverted(HOSTILE))


@pytest.fixture
def report(units, toy) -> Report:
    cases = units(
        "{ call = 'write' }, { query = 'nothing', expect = { reason = 'not-a-query' } }",
        "{ call = 'revert', expect = { message = 'value' } }",
    )
    hosts = [reference_host("interpreter"), toy(Hostile, DECLARED)]
    return make_report(run(cases, hosts), hosts, [MissingJudge("toy@1:real", "its program is not built")], subject=HOSTILE)


@pytest.fixture(scope="module")
def suite_report() -> Report:
    hosts = [reference_host("interpreter"), MINIATURES["value_big_endian"].host()]
    return make_report(run(builtin_units(), hosts), hosts, [], subject="the suite")


def test_json_is_the_whole_report_and_fits_its_schema(report):
    jsonschema = pytest.importorskip("jsonschema")
    text = json_text(report)
    assert msgspec.json.decode(text, type=Report) == report
    jsonschema.validate(json.loads(text), json.loads(schemas()["report.schema.json"]))


def test_the_suites_own_scenarios_fit_the_scenario_schema():
    import tomllib

    from sshi_conformance.suite import CASES

    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(json.loads(schemas()["scenario.schema.json"]))
    for path in CASES.glob("*/*.toml"):
        if path.name != "sshi.toml":
            assert [error.message for error in validator.iter_errors(tomllib.loads(path.read_text()))] == [], path.name
    assert list(validator.iter_errors({"case": {"a": {"doc": "", "steps": [{"call": "x", "inptu": "hex:"}]}}}))


def test_what_a_chain_says_of_a_trap_cannot_speak_to_the_terminal(units, toy):
    class Shouts(ReferenceVM):
        def call(self, contract, call):  # noqa: ARG002  the protocol's
            detail = "\x1b[2J" + "trapped\nhere"
            return Receipt(Trapped(TrapKind.UNREACHABLE, detail=detail), native=("\x1b]0;title\x07",))

    hosts = [toy(Shouts)]
    report = make_report(run(units("{ call = 'write' }"), hosts), hosts, [], subject="x")
    (result,) = report.cases[0].results
    assert "trapped here" in result.difference.observed
    assert "\x1b" not in json_text(report).replace("\\u001b", "\x1b")


def test_counts_statuses_and_costs_are_those_of_the_run(report):
    reference, toy = report.hosts
    assert (reference.counts, toy.counts) == ({"passed": 2}, {"failed": 2})
    assert report.counts == {"failed": 2, "passed": 2}
    assert not report.ok
    case = report.cases[0]
    assert [step.step for step in case.results[0].steps] == ["deploy", "call write", "query nothing"]
    assert case.results[0].steps[1].cost["fuel"] > 0


def test_a_deviation_that_nobody_saw_is_listed_as_such(report):
    (found,) = report.deviations
    assert (found.id, found.adapter, found.seen) == ("toy/never", "toy", ())


def test_every_clause_has_a_line_with_the_worst_that_any_of_its_cases_ended_in(suite_report):
    lines = {clause.id: clause for clause in suite_report.clauses}
    assert lines.keys() == interface().clauses.keys()
    assert lines["value.attached"].hosts == {"reference:interpreter": "passed", "miniature:value_big_endian": "failed"}
    assert lines["storage_read.absent"].hosts["miniature:value_big_endian"] == "passed"


def test_junit_has_a_suite_for_each_host_and_a_test_for_each_case(report):
    root = ET.fromstring(junit(report))  # noqa: S314  our own text
    assert [(suite.get("name"), suite.get("tests"), suite.get("failures")) for suite in root] == [
        ("reference:interpreter", "2", "0"),
        ("toy@1:emulated", "2", "2"),
    ]
    failure = root[1][0].find("failure")
    assert failure is not None
    assert "</script>" in failure.get("message")
    assert "\x1b" not in failure.get("message")


def test_html_fetches_nothing_and_runs_nothing_that_it_quotes(report):
    page = html(report)
    assert not re.search(r"""(src|href)\s*=\s*["'](?!#)""", page)
    assert "url(" not in page
    assert "@import" not in page
    assert page.count("<script") == 2
    assert "alert(1)</script>" not in page
    assert "default-src 'none'" in page


def test_html_says_what_was_not_asked_and_what_is_not_as_expected(report):
    page = html(report)
    assert "its program is not built" in page
    assert "Something is not as expected" in page
    assert "toy/never" in page
    assert "not seen" in page


def test_html_of_the_whole_suite_has_every_case_and_clause(suite_report):
    page = html(suite_report)
    assert all(f'data-id="{case.id}"' in page for case in suite_report.cases)
    assert all(f'id="clause-{clause.id}"' in page for clause in suite_report.clauses)
    embedded = re.search(r'<script type="application/json" id="details">(.*?)</script>', page, re.DOTALL)
    assert json.loads(embedded[1]).keys() == {case.id for case in suite_report.cases}


def test_markdown_keeps_what_it_quotes_within_its_cells(report, suite_report):
    page = markdown(report)
    assert "toy@1:real" in page
    assert "<script>" not in page.replace("\\<script\\>", "")
    lines = [line for line in markdown(suite_report).splitlines() if line.startswith("| storage")]
    assert lines
    assert all(line.replace("\\|", "").count("|") == 5 for line in lines)


@pytest.mark.parametrize("every", [False, True])
def test_the_terminal_shows_the_difference_and_the_missing_judge(report, every):
    out = io.StringIO()
    show(report, Console(file=out, width=120), every=every)
    text = out.getvalue()
    assert "t/a  on toy@1:emulated" in text
    assert "expected  returned  by the case" in text
    assert "not run  toy@1:real  its program is not built" in text
    assert "\x1b" not in text


def test_a_long_run_is_counted_by_area(suite_report):
    out = io.StringIO()
    show(suite_report, Console(file=out, width=120))
    areas = {unit.area for unit in builtin_units()}
    lines = out.getvalue().splitlines()
    assert areas <= {line.split()[0] for line in lines if line}
    assert len(lines) < 100


def test_hosts_that_fail_alike_are_told_of_once(units, toy):
    import dataclasses

    cases = units("{ call = 'revert' }")
    first = toy()
    hosts = [first, dataclasses.replace(first, name="toy@1:real")]
    out = io.StringIO()
    show(make_report(run(cases, hosts), hosts, [], subject="x"), Console(file=out, width=120))
    assert "t/a  on toy@1:emulated, toy@1:real" in out.getvalue()


def test_a_filtered_suite_reports_the_clauses_it_does_not_show():
    hosts = [reference_host("interpreter")]
    report = make_report(run(select(builtin_units(), clause="block_time"), hosts), hosts, [], subject="x")
    assert {clause.id for clause in report.clauses if clause.cases or clause.counter} >= {"block_time.time", "block_time.query"}
    assert next(clause for clause in report.clauses if clause.id == "revert.ends").hosts == {}


def test_a_narrow_terminal_keeps_the_hosts_names_and_drops_costs_before_cases(report):
    wide, narrow = io.StringIO(), io.StringIO()
    show(report, Console(file=wide, width=100))
    show(report, Console(file=narrow, width=36))
    assert "k fuel" in wide.getvalue().split("failed")[0]
    assert "k fuel" not in narrow.getvalue().split("failed")[0]
    assert narrow.getvalue().splitlines()[1].split() == ["case", "interpreter", "emulated"]


def test_progress_shows_after_a_while_to_those_who_watch(monkeypatch):
    from sshi_conformance import progress

    for patience, watched in ((0.0, True), (0.0, False), (1000.0, True)):
        monkeypatch.setattr(progress, "PATIENCE", patience)
        out = io.StringIO()
        with progress.Ticker(2, Console(file=out, force_terminal=watched, width=80)) as ticker:
            ticker.tick()
            ticker.tick()
        assert bool(out.getvalue()) is (watched and not patience)
