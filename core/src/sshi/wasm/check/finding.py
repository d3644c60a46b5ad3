"""What a check reports: data first, so that a test, a report and a person can all read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]
"""error: the target refuses the module.  warning: it may not do what its author means.  info: the linker takes care of it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know about a module.

    `code` is stable, `rule` the clause of the interface it goes against, `target` whose rules it was held to.  `function` is a name a
    person can look for, `path` the shortest chain of calls to it from what the host can start, itself included (empty when nothing
    calls it), `offset` a byte of the file, `source` and `line` where debug information says that byte comes from.  `fix` says what to
    do, flags included.  `dropped`: nothing uses it, so the linker leaves it out.
    """

    code: str
    severity: Severity
    message: str
    target: str
    function: str = ""
    path: tuple[str, ...] = ()
    offset: int | None = None
    rule: str = ""
    fix: str = ""
    source: str = ""
    line: int = 0
    dropped: bool = False

    def __str__(self) -> str:
        place = f" in `{self.function}`" if self.function else ""
        place += f" at byte {self.offset}" if self.offset is not None else ""
        lines = [f"{self.severity}[{self.code}]: {self.message}{place} ({self.target})"]
        if len(self.path) > 1:
            lines.append(f"  reached by: {' -> '.join(self.path)}")
        if self.rule:
            lines.append(f"  rule: {self.rule}")
        if self.fix:
            lines.append(f"  fix: {self.fix}")
        return "\n".join(lines)
