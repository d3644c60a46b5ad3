"""Cases times hosts: the reference host first, every other one held against it, and no host that breaks stops the run.

One VM a host, `reset` for each case; a module is linked once a host.  Verdicts come in the order of cases and hosts,
however many processes ran them.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sshi.errors import AdapterError, ContractError, VmUnavailable
from sshi.host.chain import ChainVM, Code
from sshi_conformance.compare import Observed
from sshi_conformance.deviations import Declared, declared
from sshi_conformance.hosts import YARDSTICK, Host
from sshi_conformance.pieces import PieceError
from sshi_conformance.run_case import CaseRun
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
    """All rows; seconds spent linking by host."""

    rows: list[Row]
    linking: dict[str, float]


@dataclass
class HostRun:
    """A host during a run: its world, and what was linked for it."""

    host: Host
    declared: Declared
    vm: ChainVM | None = None
    codes: dict[Module, Code | ContractError | AdapterError] = field(default_factory=dict)
    linking: float = 0.0
    breaks: int = 0
    gone: str = ""

    def run(self, unit: Unit, reference: Sequence[Observed] | None) -> tuple[Verdict, list[Observed]]:
        """One case, whatever happens, and what was observed of each step."""
        if self.gone:
            return Verdict(Status.SKIPPED, reason=self.gone), []
        code = self._prepared(unit.module)
        if isinstance(code, AdapterError):
            return Verdict(Status.ERRORED, blame=Blame.ADAPTER, reason=str(code)), []
        run = CaseRun(self.host, unit, code, self.declared, reference)
        try:
            if self.vm is None:
                self.vm = self.host.make()
            verdict = run.verdict(self.vm)
        except VmUnavailable as error:
            self.gone = f"{error} ({error.hint})" if error.hint else str(error)
            return Verdict(Status.SKIPPED, reason=self.gone), []
        except PieceError as error:
            verdict = run.broken(Blame.CASE, error)
        except Exception as error:  # noqa: BLE001  whatever a host raises is recorded, and the run goes on
            theirs = Blame.HARNESS if self.host.adapter is None else Blame.ADAPTER
            verdict = run.broken(theirs if run.asking or isinstance(error, AdapterError) else Blame.HARNESS, error)
            self._restart()
        else:
            self.breaks = 0
        return verdict, run.seen

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

    def _prepared(self, module: Module) -> Code | ContractError | AdapterError:
        if module not in self.codes:
            started = time.perf_counter()
            try:
                if module.refused is not None:
                    raise module.refused
                self.codes[module] = self.host.prepare(module.wasm, module.manifest)
            except (ContractError, AdapterError) as error:
                self.codes[module] = error
            except Exception as error:  # noqa: BLE001  an adapter's glue is a stranger's code
                name = self.host.adapter.name if self.host.adapter else self.host.profile
                self.codes[module] = AdapterError(name, f"linking raised {type(error).__name__}: {error}")
            self.linking += time.perf_counter() - started
        return self.codes[module]


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
    return Run(rows, {each.host.name: each.linking for each in runs})
