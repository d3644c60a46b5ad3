"""A progress bar on stderr, for runs that last: nothing for the first second, nothing where nobody watches."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

PATIENCE = 1.0


class Ticker:
    """Counts cases; use it as a context manager."""

    def __init__(self, total: int, console: Console) -> None:
        self._total = total
        self._console = console
        self._started = time.monotonic()
        self._done = 0
        self._progress: Progress | None = None
        self._task = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self._progress is not None:
            self._progress.stop()

    def tick(self, count: int = 1) -> None:
        """That many cases more have been run."""
        self._done += count
        if self._progress is None and self._console.is_terminal and time.monotonic() - self._started > PATIENCE:
            columns = (TextColumn("cases"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._progress = Progress(*columns, console=self._console, transient=True)
            self._progress.start()
            self._task = self._progress.add_task("cases", total=self._total)
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=self._done)
