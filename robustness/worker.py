"""One input at a time in a process that may be killed: what came of it, how long it took, what it took of memory."""

from __future__ import annotations

import ctypes
import gc
import os
import re
import resource
import signal
import subprocess
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import NamedTuple, NoReturn, TypeVar

from robustness.inputs import ROOT, kept, make, wasm_tools
from robustness.passes import Fault, Outcome, targets, tried

from sshi.adapter import Features

Number = TypeVar("Number", int, float)
T = TypeVar("T")

Job = tuple[str, int]
"""A source and a number."""

MEMORY_RATIO, MEMORY_MORE = 50, 64 << 20
SECONDS = 20
"""The bars of a command: bytes of memory for each of the input's and besides; of the processor's time, for a megabyte or less."""

MOST_MEMORY = 8 << 30
MOST_SECONDS = 120
"""What a process is given before it is stopped: more than the bars, so that it is seen by how much an input misses them."""

WEIGHED = 32_768
"""Inputs of more bytes get a process of their own, where memory is measured: that takes longer than a small input does."""
SAMPLE = 20
"""One of so many inputs that load is shown to a second validator."""
TRIALS = 400
"""Attempts at making a failing input smaller."""


@dataclass(frozen=True)
class Result:
    """What came of one input; `failure` is where and what, empty when all is well, and then `data` is what shows it.

    `slowest` and `largest` are the commands that took most time and memory; memory is known of inputs that had a process of their own.
    """

    job: Job
    size: int
    end: str = ""
    difference: str = ""
    slowest: str = ""
    seconds: float = 0.0
    largest: str = ""
    memory: int = 0
    failure: str = ""
    detail: str = ""
    data: bytes = b""
    small: bytes = b""


class Large(NamedTuple):
    """A job whose input takes a process of its own."""

    job: Job


class Broken(Exception):
    """A command in a process of its own came to what it should not; `where` and `detail` say what."""

    def __init__(self, where: str, detail: str) -> None:
        super().__init__(where, detail)
        self.where, self.detail = where, detail


class Costs:
    """Runs commands and keeps what each took: seconds of the processor's time and, where `weighs`, bytes of memory at the most.

    To be weighed a command runs in a process of its own, as a user's does: what others left, or remembered, would hide what it takes.
    """

    def __init__(self, *, weighs: bool) -> None:
        self.seconds: dict[str, float] = {}
        self.memory: dict[str, int] = {}
        self._weighs = weighs

    def run(self, command: str, work: Callable[[], T], /) -> T:
        """What the work gives.  Raises what it raised; Broken instead from a process of its own."""
        if self._weighs:
            value, self.seconds[command], self.memory[command] = _apart(command, work)
            return value
        started = time.process_time()
        value = work()
        self.seconds[command], self.memory[command] = time.process_time() - started, 0
        return value


def _apart(command: str, work: Callable[[], T]) -> tuple[T, float, int]:
    """What the work gives in a process of its own, and what it took.  Nothing here has started a thread that a fork would lose."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what is free here the work would use without taking it
    ours, theirs = Pipe()
    child = os.fork()
    if not child:
        _answer(theirs, work)
    theirs.close()
    try:
        answer = ours.recv()
    except EOFError:
        answer = None
    _, status = os.waitpid(child, 0)
    ours.close()
    if answer is None:
        raise Broken(f"lost: {command} ended with {os.waitstatus_to_exitcode(status)}", "")
    if isinstance(answer, Broken):
        raise answer
    return answer


def _answer(pipe: Connection, work: Callable[[], object]) -> NoReturn:
    """Do the work, answer with what it gave, its seconds and its bytes, and end the process."""
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    before, started = _memory("VmRSS"), time.process_time()
    try:
        answer = work(), time.process_time() - started, _memory("VmHWM") - before
    except Exception as error:  # noqa: BLE001  whatever it is, it is what is looked for
        answer = Broken(*_shown(error))
    pipe.send(answer)
    os._exit(0)


def _memory(which: str) -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{which}:")[2].split()[0]) << 10


def serve(pipe: Connection, seed: int, *, alone: bool) -> None:
    """Try the jobs that come through the pipe, a list at a time, and answer each: first the job itself, then its result.

    In a process for one input memory is measured.  In one for many an input that may have taken too much is answered as Large.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    tried(next(iter(kept().values())))
    shrinking = _Shrinking()
    peak = _memory("VmHWM")
    while jobs := pipe.recv():
        for job in jobs:
            signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
            pipe.send(job)
            # to make a large input takes memory, and what that leaves behind would not be weighed
            data = _apart("make", lambda job=job: make(*job, seed))[0] if alone else make(*job, seed)
            if not alone and len(data) > WEIGHED:
                pipe.send(Large(job))
                continue
            result = _tried(job, data, Costs(weighs=alone), shrinking)
            if not alone and _memory("VmHWM") - peak > allowed(len(data)):
                peak = _memory("VmHWM")
                pipe.send(Large(job))
            else:
                pipe.send(result)


def allowed(size: int) -> int:
    """Bytes of memory that a command may take for an input of that size."""
    return MEMORY_RATIO * size + MEMORY_MORE


def _tried(job: Job, data: bytes, costs: Costs, shrinking: _Shrinking) -> Result:
    try:
        outcome = tried(data, costs.run)
        if outcome.artifacts and job[1] % SAMPLE == 0:
            _second_opinion(outcome)
    except Exception as error:  # noqa: BLE001  as above
        where, detail = _shown(error)
        return Result(job, len(data), failure=where, detail=detail, data=data, small=shrinking.shrunk(data, where))
    slowest, seconds = _most(costs.seconds)
    largest, memory = _most(costs.memory)
    failure = ""
    if seconds > SECONDS:
        failure = f"time: {slowest} took {seconds:.0f} s for {len(data):,} bytes"
    elif memory > allowed(len(data)):
        failure = f"memory: {largest} took {memory >> 20} MiB for {len(data):,} bytes"
    return Result(
        job, len(data), outcome.end, outcome.difference, slowest, seconds, largest, memory, failure, data=data if failure else b""
    )


def _most(costs: Mapping[str, Number]) -> tuple[str, Number]:
    return max(costs.items(), key=lambda item: item[1])


def _shown(error: Exception) -> tuple[str, str]:
    """Where and what, in one line and in many."""
    if isinstance(error, Broken):
        return error.where, error.detail
    return _place(error), "".join(traceback.format_exception(error, limit=-8))


def _place(error: Exception) -> str:
    """What kind of error in which line of ours; what a Fault says without its numbers, which differ from input to input."""
    if isinstance(error, Fault):
        return re.sub(r"0x[0-9a-fA-F]+|\d+", "#", str(error))
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(ROOT)]
    own = [frame for frame in frames if ".venv" not in frame.filename]
    last = own[-1] if own else None
    return f"{type(error).__name__} at {Path(last.filename).relative_to(ROOT)}:{last.lineno}" if last else type(error).__name__


def _fails_at(data: bytes, where: str) -> bool:
    try:
        tried(data)
    except Exception as error:  # noqa: BLE001  as above
        return _place(error) == where
    return False


class _Shrinking:
    """Makes failing inputs small, one for each way to fail: it takes hundreds of attempts."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def shrunk(self, data: bytes, where: str) -> bytes:
        """The input with as much taken out as still fails so: halves first, then smaller and smaller pieces."""
        if where in self._seen or len(data) > WEIGHED:
            return data
        self._seen.add(where)
        left = TRIALS
        size = len(data) // 2
        while size and left:
            at = 0
            while at < len(data) and left:
                less = data[:at] + data[at + size :]
                left -= 1
                if _fails_at(less, where):
                    data = less
                else:
                    at += size
            size //= 2
        return data


_FEATURES = {
    "sign_extension": "sign-extension",
    "bulk_memory": "bulk-memory",
    "reference_types": "reference-types",
    "multi_value": "multi-value",
}


def _second_opinion(outcome: Outcome) -> None:
    """Show the artifacts to `wasm-tools validate`, with the features that the chain takes and no others."""
    features = {target.profile: target.adapter.profile(target.profile).features for target in targets()}
    for profile, wasm in outcome.artifacts:
        arguments = [wasm_tools(), "validate", f"--features={','.join(_named(features[profile]))}", "-"]
        done = subprocess.run(arguments, input=wasm, capture_output=True, check=False)
        if done.returncode:
            raise Fault(f"wasm-tools refuses the artifact for {profile}: {done.stderr.decode().splitlines()[0]}")


def _named(features: Features) -> Iterable[str]:
    yield from ("mvp", "-floats")
    yield from (name for field, name in _FEATURES.items() if getattr(features, field))
