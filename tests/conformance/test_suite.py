"""The suite's own files: every clause has its cases, every file says what it is and can be run by hand."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from sshi.errors import ContractError, ScenarioError, UsageError
from sshi.link.source import Source
from sshi.spec.loader import interface
from sshi.spec.manifest import Manifest
from sshi_conformance.scenario import Expect
from sshi_conformance.suite import CASES, builtin_units, check_clauses, file_units, path_units, scenario_units, select

UNITS = builtin_units()
SHOWN = Counter(clause for unit in UNITS for clause in unit.case.clauses)
COUNTER = Counter(clause for unit in UNITS for clause in unit.case.counter)


@pytest.mark.parametrize("clause", interface().clauses)
def test_every_clause_is_shown_holding_and_shown_where_it_ends(clause):
    assert SHOWN[clause], f"write a case with {clause} among its clauses"
    assert COUNTER[clause], f"write a case with {clause} under counter: its condition missed by one, or its rule broken"


@pytest.mark.parametrize("function", interface().functions)
def test_every_function_is_imported_by_a_module_that_cases_run(function):
    name = f'"env" "{function}"'
    texts = [path.read_text() for path in CASES.glob("*/*.wat")]
    assert sum(name in text for text in texts) >= 1
    cited = [unit for unit in UNITS if any(clause.startswith(f"{function}.") for clause in unit.case.clauses)]
    assert len(cited) >= 2


def test_cases_cite_clauses_of_the_interface_only():
    check_clauses(UNITS)


def test_every_case_has_a_name_of_its_own_and_says_what_it_is():
    assert [name for name, count in Counter(unit.id for unit in UNITS).items() if count > 1] == []
    assert [unit.id for unit in UNITS if not unit.case.doc.endswith(".")] == []


def test_every_case_expects_something_of_its_own():
    """A case all of whose steps are expected to return, whatever they do, could hardly fail."""
    silent = [unit.id for unit in UNITS if all(step.expect == Expect() and step.action[0] != "reject" for step in unit.case.steps)]
    assert silent == []


@pytest.mark.parametrize("path", sorted(CASES.glob("*/*.wat")), ids=lambda path: path.name)
def test_a_module_says_how_to_run_it_what_it_is_and_a_clause(path):
    text = path.read_text()
    first, second, *_ = text.splitlines()
    assert first == ";; RUN: sshi conformance run --cases %"
    assert path_units(path)
    cited = re.findall(r"clause: (\S+)", text.split("(module")[0])
    assert cited
    assert set(cited) <= set(interface().clauses)
    assert second.startswith(";; ")


@pytest.mark.parametrize("path", sorted(CASES.glob("*/*.toml")), ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_scenario_begins_with_a_sentence_and_stays_readable(path):
    text = path.read_text()
    assert re.match(r"# [A-Z`].*\.$", text.splitlines()[0])
    assert len(text) < 40_000


def test_a_words_filter_wants_every_word_and_none_after_not():
    units = select(UNITS, expression="storage put not probe")
    assert units == []
    units = select(UNITS, expression="storage key not probe and not long")
    names = {unit.id.removeprefix("storage/") for unit in units}
    assert names == {"other-keys", "over-its-key", "over-its-key-short", "key-limits", "many-keys"}


def test_a_clause_filter_takes_a_clause_or_a_whole_function():
    one = select(UNITS, clause="transfer.order")
    every = select(UNITS, clause="transfer")
    assert {unit.id for unit in one} < {unit.id for unit in every}
    assert select(UNITS, clause="transf") == []


def test_a_module_in_text_that_does_not_parse_names_line_and_column(tmp_path):
    (tmp_path / "bad.toml").write_text("[case.a]\ndoc = 'A.'\nwat = '(module (fun))'\nsteps = [{ deploy = '' }]")
    with pytest.raises(ContractError, match=r"case a:1:"):
        file_units(tmp_path / "bad.toml")


def test_a_case_without_a_module_says_where_one_may_stand(tmp_path):
    (tmp_path / "none.toml").write_text("[case.a]\ndoc = 'A.'\nsteps = [{ deploy = '' }]")
    with pytest.raises(ScenarioError, match="has no module"):
        file_units(tmp_path / "none.toml")
    (tmp_path / "lost.toml").write_text("module = 'x.wat'\n[case.a]\ndoc = 'A.'\nsteps = [{ deploy = '' }]")
    with pytest.raises(ScenarioError, match=r"'x\.wat' is not there"):
        file_units(tmp_path / "lost.toml")


def test_an_empty_directory_is_no_suite(tmp_path):
    with pytest.raises(UsageError, match="no scenario here"):
        path_units(tmp_path)


def test_a_clause_that_does_not_exist_is_named(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text("[case.a]\ndoc = 'A.'\nclauses = ['storage_read.nothing']\nsteps = [{ deploy = '' }]")
    units = scenario_units(path, Source("c.wasm", b"", Manifest(sshi=1, name="c", entries=())))
    assert [unit.id for unit in units] == ["c/a"]
    with pytest.raises(ScenarioError, match=r"'storage_read.nothing' is not in the interface"):
        check_clauses(units)
