"""`sshi conformance` as it is typed: what it prints, what it writes, what it exits with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from sshi.errors import AdapterError, ContractError, ScenarioError, SshiError, UsageError, VmUnavailable
from sshi_conformance.cli import conformance
from sshi_conformance.hosts import HostChoice, choose_hosts
from sshi_conformance.suite import builtin_units

CONTRACT = '(module (memory (export "memory") 1 1) (func (export "go")) (func (export "trap") unreachable))'
GOOD = "[case.goes]\ndoc = 'It goes.'\nsteps = [{ deploy = '' }, { call = 'go', expect = { data = 'hex:' } }]\n"
BAD = "[case.traps]\ndoc = 'It does not.'\nsteps = [{ deploy = '' }, { call = 'trap' }]\n"


@pytest.fixture
def typed(monkeypatch, tmp_path):
    """Type a command line in an empty directory with no adapter installed: typed("run …") -> the result."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SSHI_PLUGINS", "")
    (tmp_path / "c.wat").write_text(CONTRACT)
    (tmp_path / "good.toml").write_text(GOOD)
    (tmp_path / "bad.toml").write_text(GOOD + BAD)

    def run(line: str):
        return CliRunner().invoke(conformance, line.split())

    return run


def refused(result, kind: type[SshiError]) -> str:
    """The message of the error that main turns into exit status 2."""
    assert isinstance(result.exception, kind), (result.exception, result.output)
    return str(result.exception)


def test_a_contract_and_its_scenario_pass_with_status_0(typed):
    result = typed("run c.wat --scenario good.toml")
    assert result.exit_code == 0, result.output
    assert "1 passed" in result.output


def test_a_failure_ends_with_status_1_and_says_where(typed):
    result = typed("run c.wat --scenario bad.toml")
    assert result.exit_code == 1
    assert "step 2: call trap" in result.output
    assert "1 passed, 1 failed" in result.output


def test_scenario_toml_beside_the_contract_is_found(typed):
    Path("scenario.toml").write_text(GOOD)
    assert typed("run c.wat").exit_code == 0


def test_every_report_is_written_and_json_may_go_to_standard_output(typed):
    result = typed("run c.wat --scenario good.toml --junit out/j.xml --markdown out/m.md --html out/h.html --json -")
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert report["cases"][0]["id"] == "c/goes"
    assert {path.name: path.read_text()[:9] for path in Path("out").iterdir()} == {
        "j.xml": "<?xml ver",
        "m.md": "# Conform",
        "h.html": "<!doctype",
    }


def test_one_area_of_the_suite_runs_on_both_engines(typed):
    result = typed("run --engine both -k block/ --json -")
    report = json.loads(result.stdout)
    assert [host["name"] for host in report["hosts"]] == ["reference:interpreter", "reference:aot"]
    assert {case["area"] for case in report["cases"]} == {"block"}
    first, second = ([[step["cost"] for step in case["results"][at]["steps"]] for case in report["cases"]] for at in (0, 1))
    assert first == second, "an engine must not show in the cost"


def test_a_module_of_the_suite_is_run_by_the_command_in_its_first_line(typed):
    from sshi_conformance.suite import CASES

    result = typed(f"run --cases {CASES / 'block' / 'block.wat'}")
    assert result.exit_code == 0
    assert "4 passed" in result.output


def test_list_and_run_list_name_the_cases_and_run_none(typed):
    listed = typed("list --clause transfer.order").output
    assert listed == typed("run --list --clause transfer.order").output
    assert [line.split()[0] for line in listed.splitlines()] == ["money/order", "money/refused"]
    assert len(json.loads(typed("list --json").output)) == len(builtin_units())


def test_the_matrix_has_a_line_for_every_clause_and_says_when_one_is_not_shown(typed):
    result = typed("matrix --json")
    assert result.exit_code == 0
    assert all(row["cases"] and row["counter"] for row in json.loads(result.output))
    assert typed("matrix --cases good.toml").exception
    Path("own.toml").write_text(GOOD.replace("doc =", f"wat = '{CONTRACT}'\ndoc ="))
    assert typed("matrix --cases own.toml").exit_code == 1


@pytest.mark.parametrize(
    ("line", "kind", "says"),
    [
        ("run c.wat", UsageError, "no scenario.toml beside"),
        ("run none.wasm --scenario good.toml", UsageError, "cannot be read"),
        ("run c.wat --scenario none.toml", UsageError, "cannot be read"),
        ("run --scenario good.toml", UsageError, "belong to a contract"),
        ("run c.wat --cases good.toml", UsageError, "no contract goes with it"),
        ("run --clause nothing.at-all", UsageError, "is not in the interface"),
        ("run -k no-such-case-anywhere", UsageError, "no case is left"),
        ("run --cases .", ScenarioError, "has no module"),
        ("run --adapter nowhere -k block", AdapterError, "no adapter of that name"),
        ("run good.toml --scenario good.toml", ContractError, "good.toml"),
    ],
)
def test_wrong_usage_is_one_error_that_names_the_fault(typed, line, kind, says):
    assert says in refused(typed(line), kind)


def test_a_wrong_option_is_clicks_usage_error(typed):
    assert typed("run --vm imaginary").exit_code == 2


@pytest.mark.parametrize("command", ["run", "list", "matrix"])
def test_help_ends_with_examples_and_exit_status(typed, command):
    text = typed(f"{command} --help").output
    assert text.index("Examples:") < text.index("Exit status:")


class Chains:
    """Plugins with one adapter."""

    def __init__(self, adapter):
        self._adapters = {adapter.name: adapter}

    def adapters(self):
        return self._adapters

    def adapter(self, name):
        return self._adapters[name]


def test_a_judge_that_is_not_there_is_missing_unless_it_was_asked_for_by_name(toy):
    import dataclasses

    from sshi.adapter import VmKind

    adapter = toy().adapter
    real = VmKind(lambda _: None, lambda: "not built", "the judge")
    adapter = dataclasses.replace(adapter, vms={**adapter.vms, "real": real})
    hosts, missing = choose_hosts(Chains(adapter), HostChoice())
    assert [host.name for host in hosts] == ["reference:interpreter", "toy@1:emulated"]
    assert [(each.host, each.reason) for each in missing] == [("toy@1:real", "not built")]
    with pytest.raises(VmUnavailable, match="its real VM cannot run: not built"):
        choose_hosts(Chains(adapter), HostChoice(vm="real"))
    with pytest.raises(UsageError, match="no profile 'toy@9', only toy@1"):
        choose_hosts(Chains(adapter), HostChoice(chains=("toy@9",)))
    assert [host.name for host in choose_hosts(Chains(adapter), HostChoice(chains=("reference",), engine="both"))[0]] == [
        "reference:interpreter",
        "reference:aot",
    ]
