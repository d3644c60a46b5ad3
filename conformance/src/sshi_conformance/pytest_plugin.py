"""The suite as pytest tests, for whoever writes an adapter.

A test that asks for the fixture `sshi_judged` runs once for each case and host:

    def test_my_chain_conforms(sshi_judged):
        sshi_judged.check()

`--sshi-host` says which hosts (`near`, `near@84`, `near:emulated`, `reference:aot`; repeat for more; default: all that are there),
`--sshi-cases` which scenarios instead of the suite.  Nothing of the suite is imported before a test asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sshi_conformance.compare import Observed
    from sshi_conformance.hosts import Host
    from sshi_conformance.runner import HostRun
    from sshi_conformance.suite import Unit
    from sshi_conformance.verdict import Verdict

FIXTURE = "sshi_judged"


@dataclass(frozen=True)
class Judged:
    """One case's verdict on one host."""

    unit: Unit
    host: Host
    verdict: Verdict

    def check(self) -> None:
        """Fail, skip or pass the test as the verdict says."""
        from sshi_conformance.render.text import because  # noqa: PLC0415
        from sshi_conformance.report import result_report  # noqa: PLC0415

        text = f"{self.unit.id} on {self.host.name}: {because(result_report(self.host.name, self.verdict, self.unit.case))}"
        if self.verdict.status == "skipped":
            pytest.skip(text)
        if self.verdict.status.is_red:
            pytest.fail(f"{self.unit.case.doc}\n{text}", pytrace=False)


@dataclass
class Judge:
    """Hosts that live as long as the test session; the yardstick runs each case once."""

    units: list[Unit]
    runs: dict[str, HostRun] = field(default_factory=dict)
    observed: dict[str, list[Observed]] = field(default_factory=dict)

    def judge(self, unit: Unit, host: Host) -> Judged:
        """Run the case on the yardstick, unless it has been, and on the host."""
        from sshi_conformance.hosts import YARDSTICK, reference_host  # noqa: PLC0415

        if unit.id not in self.observed:
            _, self.observed[unit.id] = self._run(reference_host("interpreter")).run(unit, None)
        verdict, _ = self._run(host).run(unit, None if host.name == YARDSTICK else self.observed[unit.id])
        return Judged(unit, host, verdict)

    def close(self) -> None:
        """End every host."""
        for run in self.runs.values():
            run.close()

    def _run(self, host: Host) -> HostRun:
        from sshi_conformance.deviations import declared  # noqa: PLC0415
        from sshi_conformance.runner import HostRun  # noqa: PLC0415

        if host.name not in self.runs:
            self.runs[host.name] = HostRun(host, declared(host, self.units))
        return self.runs[host.name]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Two options in a group of their own."""
    group = parser.getgroup("sshi", "conformance of contract hosts")
    group.addoption("--sshi-host", action="append", default=[], metavar="NAME[@PROFILE][:KIND]", help="Host to judge; repeat for more.")
    group.addoption("--sshi-cases", type=Path, default=None, metavar="PATH", help="A scenario file, or a directory, instead of the suite.")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each case and host."""
    if FIXTURE not in metafunc.fixturenames:
        return
    units = _units(metafunc.config)
    pairs = [pytest.param((unit, host), id=f"{host.name}-{unit.id}") for host in _hosts(metafunc.config) for unit in units]
    metafunc.parametrize(FIXTURE, pairs, indirect=True)


@pytest.fixture(scope="session")
def sshi_judge(request: pytest.FixtureRequest) -> Iterator[Judge]:
    """The hosts of the session."""
    judge = Judge(_units(request.config))
    yield judge
    judge.close()


@pytest.fixture
def sshi_judged(request: pytest.FixtureRequest, sshi_judge: Judge) -> Judged:
    """One case's verdict on one host."""
    return sshi_judge.judge(*request.param)


def _units(config: pytest.Config) -> list[Unit]:
    from sshi_conformance.suite import builtin_units, path_units  # noqa: PLC0415

    path: Path | None = config.getoption("--sshi-cases")
    return builtin_units() if path is None else path_units(path)


def _hosts(config: pytest.Config) -> list[Host]:
    """The hosts asked for, each once."""
    from sshi.errors import SshiError  # noqa: PLC0415
    from sshi.plugins import Plugins  # noqa: PLC0415
    from sshi_conformance.hosts import ENGINES, HostChoice, choose_hosts, reference_host  # noqa: PLC0415

    plugins = Plugins.load()
    found: dict[str, Host] = {}
    try:
        for name in config.getoption("--sshi-host") or ("reference", *plugins.adapters()):
            chain, _, kind = name.partition(":")
            if chain == "reference":
                hosts = [reference_host(engine) for engine in ENGINES if engine == (kind or ENGINES[0])]
            else:
                hosts = [host for host in choose_hosts(plugins, HostChoice((chain,), kind or "all"))[0] if host.adapter is not None]
            if not hosts:
                raise pytest.UsageError(f"--sshi-host: there is no {name}")
            found |= {host.name: host for host in hosts}
    except SshiError as error:
        raise pytest.UsageError(f"--sshi-host: {error}") from error
    return list(found.values())
