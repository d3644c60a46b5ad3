"""Cases times hosts: the reference host first, every other one held against it, and no host that breaks stops the run.

One VM a host, `reset` for each case; a module is linked and loaded once a host, which is counted apart from the cases.
Verdicts come in the order of cases and hosts, however many processes ran them.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sshi.errors import AdapterError, ContractError, SshiError, VmUnavailable
from sshi.host.chain import Call, ChainVM, Code
from sshi_conformance.compare import Observed
from sshi_conformance.deviations import Declared, declared
from sshi_conformance.hosts import YARDSTICK, Host
from sshi_conformance.pieces import PieceError
from sshi_conformance.plan import Plan, plan
from sshi_conformance.run_case import CaseRun
from sshi_conformance.scenario import CONTRACT
from sshi_conformance.suite import Module, Unit
from sshi_conformance.verdict import Blame, Status, Verdict

BREAKS = 3
"""A host that breaks this often in a row is not asked again."""


@dataclass
class Row:
    """One case and its verdicts by host, in the hosts' order."""

    unit: Unit
    verdicts: dict[str, Verdict]


@dataclass
class Run:
    """All rows; by host the seconds spent on linking, loading and encoding before cases ran."""

    rows: list[Row]
    preparing: dict[str, float]


@dataclass
class HostRun:
    """A host during a run: its world, what was linked for it, and why it is not asked any more."""

    host: Host
    declared: Declared
    vm: ChainVM | None = None
    codes: dict[Module, Code | ContractError | AdapterError] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    preparing: float = 0.0
    breaks: int = 0
    gone: str = ""

    def run(self, unit: Unit, reference: Sequence[Observed] | None) -> tuple[Verdict, list[Observed]]:
        """One case, whatever happens, and what was observed of each step."""
        if self.gone:
            return Verdict(Status.SKIPPED, reason=self.gone), []
        run: CaseRun | None = None
        try:
            started = time.perf_counter()
            if self.vm is None:
                self.vm = self.host.make()
            code, made = self._prepared(self.vm, unit)
            self.preparing += time.perf_counter() - started
            run = CaseRun(self.host, unit, code, made, self.declared, reference)
            verdict = run.verdict(self.vm)
        except VmUnavailable as error:
            self.gone = f"{error} ({error.hint})" if error.hint else str(error)
            return Verdict(Status.SKIPPED, reason=self.gone), []
        except PieceError as error:
            verdict = self._broken(run, Blame.CASE, error)
        except ContractError as error:
            verdict = self._broken(run, Blame.ADAPTER if run is None or run.asking else Blame.CONTRACT, error)
        except Exception as error:  # noqa: BLE001  whatever a host raises is recorded, and the run goes on
            theirs = Blame.HARNESS if self.host.adapter is None else Blame.ADAPTER
            asked = run is None or run.asking or isinstance(error, AdapterError)
            verdict = self._broken(run, theirs if asked else Blame.HARNESS, error)
            self._restart()
        else:
            self.breaks = 0
        return verdict, run.seen if run else []

    def _broken(self, run: CaseRun | None, blame: Blame, error: Exception) -> Verdict:
        """The verdict when there can be none."""
        kind = "" if isinstance(error, SshiError | PieceError) else f"{type(error).__name__}: "
        hint = f" ({error.hint})" if isinstance(error, SshiError) and error.hint else ""
        verdict = (
            run.ended(Status.ERRORED, reason=f"{kind}{error}{hint}") if run else Verdict(Status.ERRORED, reason=f"{kind}{error}{hint}")
        )
        verdict.blame = blame
        return verdict

    def close(self) -> None:
        """End the world; a host that cannot even do that has been blamed already."""
        if self.vm is not None:
            with contextlib.suppress(Exception):
                self.vm.close()
            self.vm = None

    def _restart(self) -> None:
        """A host that broke gets a new world; after a few in a row there is no sense in going on."""
        self.close()
        self.breaks += 1
        if self.breaks >= BREAKS:
            self.gone = f"not run: the host broke {BREAKS} times in a row"

    def _prepared(self, vm: ChainVM, unit: Unit) -> tuple[Code | ContractError, Plan]:
        """The module as this host is given it, and the case in this host's bytes; AdapterError when linking broke."""
        if unit.module not in self.codes:
            self.codes[unit.module] = code = self._linked(unit.module)
            if isinstance(code, Code):
                self._load(vm, code)
        code = self.codes[unit.module]
        if isinstance(code, AdapterError):
            raise code
        if unit.id not in self.plans:
            self.plans[unit.id] = plan(unit.case, self.host.address, self.declared.overrides(unit.id))
        return code, self.plans[unit.id]

    def _linked(self, module: Module) -> Code | ContractError | AdapterError:
        if module.refused is not None:
            return module.refused
        try:
            return self.host.prepare(module.wasm, module.manifest)
        except (ContractError, AdapterError) as error:
            return error
        except Exception as error:  # noqa: BLE001  an adapter's glue is a stranger's code
            name = self.host.adapter.name if self.host.adapter else self.host.profile
            return AdapterError(name, f"linking raised {type(error).__name__}: {error}")

    def _load(self, vm: ChainVM, code: Code) -> None:
        """Deploy it once, so that no case pays for the engine's compiling."""
        deployer = self.host.address("alice")
        entry = next((entry.name for entry in code.manifest.inits), None)
        vm.reset()
        vm.create_account(deployer, 10**27)
        vm.deploy(code, CONTRACT, Call(entry, caller=deployer))


def run(units: Sequence[Unit], hosts: Sequence[Host], *, tick: Callable[[], None] = lambda: None) -> Run:
    """Every case on every host; `tick` is called after each case.  AdapterError when a deviation cannot be read."""
    runs = [HostRun(host, declared(host, units)) for host in hosts]
    rows: list[Row] = []
    try:
        for unit in units:
            verdicts: dict[str, Verdict] = {}
            reference: list[Observed] | None = None
            for each in runs:
                is_yardstick = each.host.name == YARDSTICK
                verdicts[each.host.name], seen = each.run(unit, None if is_yardstick else reference)
                if is_yardstick:
                    reference = seen
            rows.append(Row(unit, verdicts))
            tick()
    finally:
        for each in runs:
            each.close()
    return Run(rows, {each.host.name: each.preparing for each in runs})
