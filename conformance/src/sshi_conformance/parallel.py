"""A run spread over processes: each links and runs some modules' cases on hosts of its own; the order stays the same."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from sshi.errors import SshiError
from sshi.plugins import Plugins
from sshi_conformance.hosts import HostChoice, choose_hosts
from sshi_conformance.runner import Row, Run, run
from sshi_conformance.suite import Unit

CHUNK = 32
"""Cases of one module that a process takes at a time."""


@dataclass(eq=False)
class WorkerDied(SshiError):
    """A process of the run ended before its cases had: nobody can say whose fault it was."""

    code = "harness.worker-died"
    modules: tuple[str, ...]

    def __str__(self) -> str:
        return f"a process ended while it ran cases of {', '.join(self.modules)}"

    @property
    def hint(self) -> str:
        """Where to look."""
        return "run them without --jobs to see at which case"


def run_parallel(units: Sequence[Unit], choice: HostChoice, jobs: int, *, tick: Callable[[int], None] = lambda _: None) -> Run:
    """The same as `run` on the hosts of `choice`, in `jobs` processes; `tick` is told how many cases have been run.

    Raises WorkerDied when one of the processes did.
    """
    chunks = list(_chunks(units))
    done: dict[int, Run] = {}
    # Spawned, not forked: an engine that has started threads does not survive a fork.
    with ProcessPoolExecutor(min(jobs, len(chunks)) or 1, mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = {pool.submit(_run_chunk, chunk, choice): index for index, chunk in enumerate(chunks)}
        for future in as_completed(futures):
            index = futures[future]
            try:
                done[index] = future.result()
            except BrokenProcessPool as error:
                left = dict.fromkeys(chunk[0].module.label for at, chunk in enumerate(chunks) if at not in done)
                raise WorkerDied(tuple(left)) from error
            tick(len(chunks[index]))
    runs = [done[index] for index in range(len(chunks))]
    preparing: dict[str, float] = {}
    for each in runs:
        for host, seconds in each.preparing.items():
            preparing[host] = preparing.get(host, 0.0) + seconds
    found = {row.unit.id: row for each in runs for row in each.rows}
    return Run([Row(unit, found[unit.id].verdicts) for unit in units], preparing)


def _run_chunk(units: Sequence[Unit], choice: HostChoice) -> Run:
    hosts, _ = choose_hosts(Plugins.load(), choice)
    return run(units, hosts)


def _chunks(units: Sequence[Unit]) -> Iterator[list[Unit]]:
    """Units by module, in slices."""
    modules: dict[int, list[Unit]] = {}
    for unit in units:
        modules.setdefault(id(unit.module), []).append(unit)
    for same in modules.values():
        yield from (same[start : start + CHUNK] for start in range(0, len(same), CHUNK))
