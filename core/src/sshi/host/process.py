"""A chain's VM program, driven: start it, speak the protocol, survive its death.

One `ProcessVM` owns one process and may be used from several threads (one request at a time).  A request that kills the
program, overruns its time or breaks the protocol raises `VmError` with the cause and the place where the offending request
was saved; the next request starts a new process, whose world is empty: `generation` tells.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import resource
import select
import shutil
import subprocess
import sysconfig
import tempfile
import threading
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, ClassVar, TypeVar

import msgspec

from sshi.errors import VmError, VmUnavailable
from sshi.host.cache import cache_directory
from sshi.host.protocol import MAX_LINE, PROTOCOL, Answer, Bench, BenchOk, Hello, HelloOk, Message

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

DEFAULT_TIMEOUT = 60.0
"""Seconds for one request: the longest legal call is a gas limit's worth of work, about a second, and a cold compile."""
DEFAULT_MEMORY = 8 * 1024**3
"""Bytes of private writable memory (RLIMIT_DATA): address space cannot be limited, the engines reserve far more than they use."""

_PIPE = 1 << 16
"""Bytes read at once: a pipe holds no more, and a buffer of a megabyte may be mapped and unmapped for every answer, which takes 30 µs."""


@dataclass(eq=False)
class VmRefused(VmError):
    """The program answered with an error: `problem` is its stable code."""

    code: ClassVar[str] = "adapter.vm-refused"
    problem: str = ""


@dataclass(eq=False)
class VmCrashed(VmError):
    """The program died, hung or broke the protocol; `saved` is the file with the request that did it."""

    code: ClassVar[str] = "adapter.vm-crashed"
    saved: str = ""

    def __str__(self) -> str:
        return f"{super().__str__()}; the request is in {self.saved}" if self.saved else super().__str__()


def target_directory(chain: str) -> Path:
    """Where `sshi vm build` keeps that chain's Rust output: outside every checkout, so that a second build is quick."""
    return cache_directory() / f"target-{chain}"


def find_program(chain: str) -> Path | None:
    """The VM program of a chain: $SSHI_<CHAIN>_VM, what `sshi vm build` made, an installed wheel's script, the PATH."""
    name = f"sshi-{chain}-vm"
    places = (
        os.environ.get(f"SSHI_{chain.upper()}_VM"),
        target_directory(chain) / "release" / name,
        Path(sysconfig.get_path("scripts")) / name,
        shutil.which(name),
    )
    return next((Path(place) for place in places if place and os.access(place, os.X_OK)), None)


class ProcessVM:
    """One VM program, spoken to in the protocol's messages; `last` is the request sent last, for measuring it again."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        adapter: str,
        timeout: float = DEFAULT_TIMEOUT,
        memory: int | None = DEFAULT_MEMORY,
    ) -> None:
        self.generation = 0
        self.last: Message | None = None
        self._command = list(command)
        self._adapter = adapter
        self._timeout = timeout
        self._memory = memory
        self._process: subprocess.Popen[bytes] | None = None
        self._words: IO[bytes] | None = None
        self._pending = bytearray()
        self._lock = threading.RLock()
        self._ids = 0
        self._hello: HelloOk | None = None
        self._encoder = msgspec.json.Encoder()
        self._answers = msgspec.json.Decoder(Answer)
        self._decoders: dict[object, msgspec.json.Decoder[object]] = {}
        self._finalizer = weakref.finalize(self, lambda: None)

    @property
    def hello(self) -> HelloOk:
        """Who the program says it is; starts it when needed."""
        with self._lock:
            self._start()
            if self._hello is None:  # _start raises otherwise
                raise self._broken("it said no hello")
            return self._hello

    def next_id(self) -> int:
        """A fresh request id."""
        self._ids += 1
        return self._ids

    def request(self, message: Message, answer: type[T]) -> T:
        """Send one request and decode its `ok`; VmRefused for an error answer, VmCrashed when there is none."""
        with self._lock:
            self._start()
            self.last = message
            return self._ask(message, answer)

    def bench(self, message: Message, times: int) -> float:
        """Seconds of one warm run inside the program: the figure without protocol and Python."""
        inner = msgspec.to_builtins(message)
        ok = self.request(Bench(id=self.next_id(), request=inner, times=times), BenchOk)
        return int(ok.ns) / 1e9

    def close(self) -> None:
        """End the process and reap it; closing twice is fine, and a later request starts anew."""
        with self._lock:
            process, words = self._process, self._words
            self._process, self._words, self._hello, self._pending = None, None, None, bytearray()
            self._finalizer.detach()
            if process is not None and words is not None:
                _end(process, words)

    def _start(self) -> None:
        if self._process is not None:
            return
        words = tempfile.TemporaryFile()  # noqa: SIM115  closed with the process
        try:
            process = subprocess.Popen(  # noqa: S603  the command is the adapter's own
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=words, bufsize=0, start_new_session=True
            )
        except OSError as error:
            words.close()
            raise VmUnavailable(self._adapter, f"{self._command[0]} cannot be started: {error.strerror}") from error
        self._process, self._words = process, words
        self._finalizer.detach()
        self._finalizer = weakref.finalize(self, _end, process, words)
        if self._memory is not None and hasattr(resource, "prlimit"):
            with contextlib.suppress(OSError, ValueError):
                resource.prlimit(process.pid, resource.RLIMIT_DATA, (self._memory, self._memory))
        self.generation += 1
        hello = self._ask(Hello(id=self.next_id()), HelloOk)
        if hello.protocol != PROTOCOL:
            self.close()
            raise VmError(
                self._adapter,
                f"{hello.name} speaks protocol {hello.protocol}, this release {PROTOCOL}",
                "build or install the matching one",
            )
        self._hello = hello

    def _ask(self, message: Message, answer: type[T]) -> T:
        line = self._encoder.encode(message)
        try:
            reply = self._answers.decode(self._exchange(line))
        except msgspec.MsgspecError as error:
            raise self._broken(f"its answer is not the protocol's: {error}", line) from error
        if reply.error is not None:
            raise VmRefused(self._adapter, f"{reply.error.code}: {reply.error.message}", problem=reply.error.code)
        if reply.ok is msgspec.UNSET or reply.id != getattr(message, "id", None):
            raise self._broken(f"it answered request {reply.id} instead", line)
        decoder = self._decoders.get(answer)
        if decoder is None:
            decoder = self._decoders[answer] = msgspec.json.Decoder(answer)
        try:
            return decoder.decode(reply.ok)  # type: ignore[return-value]
        except msgspec.MsgspecError as error:
            raise self._broken(f"its answer is not the protocol's: {error}", line) from error

    def _exchange(self, line: bytes) -> bytes:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise self._broken("it is not running", line)
        if len(line) >= MAX_LINE:
            raise VmError(self._adapter, f"a request of {len(line)} bytes is over the protocol's {MAX_LINE}")
        until = time.monotonic() + self._timeout
        try:
            self._send(process.stdin.fileno(), process.stdout.fileno(), line + b"\n", until)
            return self._receive(process.stdout.fileno(), until)
        except TimeoutError as error:
            raise self._broken(f"it did not answer within {self._timeout:g} s", line) from error
        except (BrokenPipeError, EOFError) as error:
            raise self._broken("it died", line) from error
        except BaseException:
            # An interrupt in mid-answer would leave the next request reading this one's answer.
            self.close()
            raise

    def _send(self, into: int, out: int, data: bytes, until: float) -> None:
        """Write all of it, while also reading: both pipes may be full at once when lines are long."""
        if len(data) <= select.PIPE_BUF:
            os.write(into, data)  # a pipe takes this much whole or not at all
            return
        os.set_blocking(into, False)
        try:
            view = memoryview(data)
            while view:
                readable, writable, _ = select.select([out], [into], [], max(0.0, until - time.monotonic()))
                if not readable and not writable:
                    raise TimeoutError
                if readable:
                    self._fill(out)
                if writable:
                    view = view[os.write(into, view) :]
        finally:
            os.set_blocking(into, True)

    def _receive(self, out: int, until: float) -> bytes:
        searched = 0
        while True:
            end = self._pending.find(b"\n", searched)
            if end >= 0:
                line = bytes(self._pending[:end])
                del self._pending[: end + 1]
                return line
            searched = len(self._pending)
            if searched > MAX_LINE:
                raise EOFError
            if not select.select([out], [], [], max(0.0, until - time.monotonic()))[0]:
                raise TimeoutError
            self._fill(out)

    def _fill(self, out: int) -> None:
        data = os.read(out, _PIPE)
        if not data:
            raise EOFError
        self._pending += data

    def _broken(self, what: str, line: bytes = b"") -> VmCrashed:
        """Reap the program and say what happened: status, last words, and the request, saved."""
        process = self._process
        if process is not None and process.poll() is None and what == "it died":
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(2)
        status = "" if process is None or process.returncode is None else f" ({_status(process.returncode)})"
        words = "" if self._words is None else _last_words(self._words)
        self.close()
        saved = _save(self._adapter, line) if line else ""
        text = f"{Path(self._command[0]).name}: {what}{status}" + (f": {words}" if words else "")
        return VmCrashed(self._adapter, text, "replay the saved request, and report it to the adapter's author", saved=saved)


def _last_words(stderr: IO[bytes]) -> str:
    size = stderr.seek(0, os.SEEK_END)
    stderr.seek(max(0, size - 4096))
    lines = stderr.read().decode("utf-8", "replace").split("\n")
    return " | ".join(line.strip() for line in lines[-4:] if line.strip())[:500]


def _status(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit status {code}"


def _save(adapter: str, line: bytes) -> str:
    """Keep the request under its own hash, so that a loop of the same crash fills nothing."""
    folder = cache_directory() / "crashes"
    path = folder / f"{adapter}-{hashlib.sha256(line).hexdigest()[:16]}.jsonl"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(line + b"\n")
    except OSError:
        return ""
    return str(path)


def _end(process: subprocess.Popen[bytes], words: IO[bytes]) -> None:
    """Close its input (which ends it), kill what does not go, and reap."""
    words.close()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(0.2)
        return
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    process.wait()
