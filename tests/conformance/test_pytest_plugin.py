"""The suite through pytest, as an adapter's author runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = """
def test_conforms(sshi_judged):
    sshi_judged.check()
"""
CASES = """
[case.kept]
doc = "A case that holds."
wat = '(module (memory (export "memory") 1 1) (func (export "go")))'
steps = [{ deploy = "" }, { call = "go", expect = { data = "hex:" } }]

[case.broken]
doc = "A case that does not."
wat = '(module (memory (export "memory") 1 1) (func (export "go") unreachable))'
steps = [{ deploy = "" }, { call = "go", expect = { data = "hex:" } }]
"""


def pytest_in(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (directory / "test_it.py").write_text(SUITE)
    (directory / "cases.toml").write_text(CASES)
    command = [sys.executable, "-m", "pytest", "-p", "sshi_conformance.pytest_plugin", "-p", "no:cacheprovider", "-v", *arguments]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)


def test_there_is_one_test_for_each_case_and_host(tmp_path):
    result = pytest_in(tmp_path, "--sshi-cases", "cases.toml", "--sshi-host", "reference", "--sshi-host", "reference:aot")
    assert result.returncode == 1
    assert "2 failed, 2 passed" in result.stdout
    assert f"test_conforms[reference:aot-{tmp_path.name}/cases/kept] PASSED" in result.stdout


def test_a_failure_says_what_was_expected(tmp_path):
    result = pytest_in(tmp_path, "--sshi-cases", "cases.toml", "--sshi-host", "reference", "-k", "broken")
    assert "A case that does not." in result.stdout
    assert "step 2: outcome: expected returned by the case, observed trapped(unreachable)" in result.stdout


@pytest.mark.parametrize("name", ["nowhere", "reference:steam"])
def test_an_unknown_host_is_a_usage_error(tmp_path, name):
    result = pytest_in(tmp_path, "--sshi-cases", "cases.toml", "--sshi-host", name)
    assert result.returncode == 2
    assert name in result.stdout + result.stderr
