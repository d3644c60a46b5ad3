"""Malformed and hostile modules through everything a command does with one: `make robust`.

    python -m robustness --inputs 100000 --seed 0

Prints a table by source and ends with 1 when anything failed; what did lies in `out/robust/`, as it came and as small as it could be made.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from random import Random
from typing import Any

from robustness.inputs import ROOT, SOURCES, make, once
from robustness.passes import differences
from robustness.worker import MOST_SECONDS, Job, Large, Result, allowed, serve

OUT = ROOT / "out" / "robust"
BATCH = 25
SILENT = 3 * MOST_SECONDS
"""Seconds without a word after which a process is given up."""
KEPT = 3
"""Inputs written for each way to fail."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m robustness", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", action="append", help="a source; repeat for more")
    asked = parser.parse_args()
    started = time.monotonic()
    tally = Tally()
    for result in run(planned(asked.inputs, asked.seed, asked.only), asked.seed, asked.jobs):
        tally.add(result)
        if tally.count % 1_000 == 0:
            print(f"{tally.count:,} in {time.monotonic() - started:,.0f} s, {sum(tally.failures.values())} failures", file=sys.stderr)
    tally.show(time.monotonic() - started)
    return 1 if tally.failures else 0


def planned(inputs: int, seed: int, only: Collection[str] | None = None) -> list[Job]:
    """What is tried: everything that is there once, then each source's share of the rest, mixed."""
    jobs = [(source, number) for source in once() for number in range(len(once()[source]))]
    left = max(inputs - len(jobs), 0)
    total = sum(share for _, share in SOURCES.values())
    rest = [(name, number) for name, (_, share) in SOURCES.items() for number in range(-(-left * share // total))]
    Random(seed).shuffle(rest)
    return [job for job in (*jobs, *rest) if only is None or job[0] in only]


# -- processes ---------------------------------------------------------------------------------------------------------------------


@dataclass
class Worker:
    process: Any
    pipe: Connection
    waiting: list[Job]
    alone: bool
    now: Job | None = None
    heard: float = field(default_factory=time.monotonic)


def run(jobs: list[Job], seed: int, processes: int) -> Iterator[Result]:
    """Every job's result, as they come.  A process that dies or falls silent is a result, too, and another takes what it had left."""
    queue = deque(job for job in jobs if job[0] != "bombs")
    large = deque(job for job in jobs if job[0] == "bombs")
    workers: list[Worker] = []
    while workers or queue or large:
        while len(workers) < processes and (queue or large):
            alone = bool(large)
            workers.append(_hired([large.popleft()] if alone else _batch(queue), seed, alone=alone))
        ready = wait([worker.pipe for worker in workers], 1)
        for worker in tuple(workers):
            if worker.pipe in ready:
                match _heard(worker):
                    case Result() as result:
                        yield result
                    case Large(job):
                        large.append(job)
                if worker.process.is_alive() and (worker.waiting or _given(worker, queue)):
                    continue
            elif time.monotonic() - worker.heard < SILENT:
                continue
            workers.remove(worker)
            worker.process.kill()
            worker.process.join()
            if worker.process.exitcode and worker.now in worker.waiting:
                yield _lost(worker, seed)
            queue.extendleft(worker.waiting)


def _batch(queue: deque[Job]) -> list[Job]:
    return [queue.popleft() for _ in range(min(BATCH, len(queue)))]


def _hired(batch: list[Job], seed: int, *, alone: bool) -> Worker:
    # a fresh interpreter: the engine has threads, and a fork of a process with threads hangs sooner or later
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, seed), kwargs={"alone": alone}, daemon=True)
    process.start()
    theirs.close()
    ours.send(batch)
    return Worker(process, ours, batch, alone)


def _given(worker: Worker, queue: deque[Job]) -> bool:
    """Whether the worker has more to do; one that was for a single input has not."""
    worker.waiting = [] if worker.alone else _batch(queue)
    worker.pipe.send(list(worker.waiting))
    return bool(worker.waiting)


def _heard(worker: Worker) -> Result | Large | None:
    """The next answer; None for the word that a job was begun, or that the process is gone."""
    worker.heard = time.monotonic()
    try:
        word = worker.pipe.recv()
    except (EOFError, ConnectionResetError):
        worker.process.join()
        return None
    if isinstance(word, Result | Large):
        worker.waiting.remove(word.job)
        return word
    worker.now = word
    return None


def _lost(worker: Worker, seed: int) -> Result:
    """The job that a process was at when it was lost."""
    job = worker.now or worker.waiting[0]
    worker.waiting.remove(job)
    data = make(*job, seed)
    return Result(job, len(data), failure=f"lost: the process ended with {worker.process.exitcode}", data=data)


# -- what came of it ---------------------------------------------------------------------------------------------------------------


@dataclass
class Tally:
    """Counts, the worst of everything, and the failures, written as they come."""

    count: int = 0
    ends: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    differences: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    failures: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    slowest: dict[str, Result] = field(default_factory=dict)
    largest: dict[str, Result] = field(default_factory=dict)

    def add(self, result: Result) -> None:
        source = result.job[0]
        self.count += 1
        self.ends[source][result.end or "failed"] += 1
        if result.difference:
            self.differences[source][result.difference] += 1
        self.slowest[source] = max(self.slowest.get(source, result), result, key=lambda one: one.seconds)
        self.largest[source] = max(self.largest.get(source, result), result, key=_share)
        if result.failure:
            self.failures[result.failure] += 1
            self.failed[source] += 1
            if self.failures[result.failure] <= KEPT:
                _write(result)

    def show(self, seconds: float) -> None:
        print(f"{self.count:,} inputs in {seconds:,.0f} s")
        print(f"{'source':<12}{'inputs':>8}{'load':>8}{'refused':>9}{'differ':>8}{'failed':>8}  {'slowest command':<34}most memory")
        for source, ends in self.ends.items():
            total, loads = sum(ends.values()), ends["loads"]
            slow, large = self.slowest[source], self.largest[source]
            memory = (
                f"{large.memory >> 20} MiB of {allowed(large.size) >> 20} {large.largest} ({_named(large.job)})" if large.memory else "-"
            )
            late = f"{slow.seconds:.2f} s {slow.slowest} ({_named(slow.job)})"
            row = f"{source:<12}{total:>8,}{loads:>8,}{total - loads - self.failed[source]:>9,}"
            print(f"{row}{sum(self.differences[source].values()):>8,}{self.failed[source]:>8,}  {late:<34}{memory}")
        refused = sum(self.ends.values(), Counter())
        print("\nhow they ended: " + ", ".join(f"{end} {count:,}" for end, count in refused.most_common()))
        seen = sum(self.differences.values(), Counter())
        print("differences:    " + (", ".join(f"{name} {count:,}" for name, count in seen.most_common()) or "none"))
        print("never seen:     " + (", ".join(name for name in differences() if name not in seen) or "none"))
        for failure, count in self.failures.most_common():
            print(f"FAILED {count:,} times: {failure}")
        if self.failures:
            print(f"the inputs are in {OUT.relative_to(ROOT)}/")


def _share(result: Result) -> float:
    return result.memory / allowed(result.size)


def _named(job: Job) -> str:
    source, number = job
    return str(tuple(once()[source])[number]) if source in once() else f"{source} {number}"


def _write(result: Result) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / f"{result.job[0]}-{result.job[1]}"
    path.with_suffix(".wasm").write_bytes(result.data)
    path.with_suffix(".txt").write_text(f"{_named(result.job)}\n{result.failure}\n\n{result.detail}")
    if result.small and result.small != result.data:
        path.with_suffix(".small.wasm").write_bytes(result.small)
    print(f"{_named(result.job)}: {result.failure}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
