"""A stranger's adapter, installed as a wheel: it is found, it runs the examples, and its program in another language keeps the protocol."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from sshi.host import protocol as wire
from sshi.host.process import ProcessVM, VmRefused

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="the example chain is a Node.js program, and node is not installed")


@pytest.fixture(scope="session")
def installed(root, tmp_path_factory):
    """The environment of a process that has the example adapter installed from its wheel."""
    place = tmp_path_factory.mktemp("wheel")
    source = shutil.copytree(root / "examples/adapter", place / "source")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", place, source], check=True)
    (wheel,) = place.glob("*.whl")
    site = place / "site"
    subprocess.run([*pip, "install", "--no-deps", "--target", site, wheel], check=True)
    return os.environ | {"PYTHONPATH": str(site)}


def sshi(environment, *words):
    command = [sys.executable, "-c", "from sshi.cli.main import main; main()", *map(str, words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_wheel_s_adapter_is_listed_beside_the_others(installed):
    ran = sshi(installed, "adapters", "--json")
    assert {row["name"] for row in json.loads(ran.stdout)["adapters"]} >= {"ledgerjs", "near", "polkadot"}


@needs_node
@pytest.mark.parametrize("example", ["token", "escrow", "registry"])
def test_a_wheel_s_adapter_runs_an_example_s_scenario(installed, examples, example):
    contract, scenario = examples / example / f"{example}.wasm", examples / example / "scenario.toml"
    ran = sshi(installed, "conformance", "run", contract, "--scenario", scenario, "--adapter", "ledgerjs")
    assert ran.returncode == 0, ran.stdout + ran.stderr


@needs_node
def test_a_program_in_another_language_keeps_the_protocol(root):
    vm = ProcessVM([shutil.which("node"), str(root / "examples/adapter/src/sshi_ledgerjs/vm.mjs")], adapter="ledgerjs")
    try:
        assert vm.hello.speaks == ("world",)
        vm.request(wire.Reset(id=vm.next_id(), profile="ledgerjs"), dict)
        vm.request(wire.Account(id=vm.next_id(), address=b"a", balance=str(2**127)), dict)
        assert vm.request(wire.Balance(id=vm.next_id(), address=b"a"), wire.BalanceOk).balance == str(2**127)
        with pytest.raises(VmRefused) as caught:
            vm.request(wire.LoadCode(id=vm.next_id(), code=b""), wire.StateOk)
        assert caught.value.problem == "unknown-op"
    finally:
        vm.close()
