"""What can be said of a case on a host: a closed set, with whoever is to blame when nothing could be said."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sshi.host.outcome import Receipt

CASE, REFERENCE, INTERFACE = "the case", "the reference host", "the interface"
"""Whose word an expectation is."""


class Status(StrEnum):
    """The end of one case on one host.

    xfailed  a declared deviation was seen, and exactly as declared: well
    xpassed  a declared deviation was not seen, so the declaration is stale: red
    errored  the case could not be judged; `Blame` says whose fault that is
    """

    PASSED = "passed"
    FAILED = "failed"
    XFAILED = "xfailed"
    XPASSED = "xpassed"
    SKIPPED = "skipped"
    ERRORED = "errored"

    @property
    def is_red(self) -> bool:
        """Whether a run with this in it has failed."""
        return self in (Status.FAILED, Status.XPASSED, Status.ERRORED)


class Blame(StrEnum):
    """Whose fault it is that a case could not be judged."""

    HARNESS = "harness"
    ADAPTER = "adapter"
    CONTRACT = "contract"
    CASE = "case"


@dataclass(slots=True)
class Difference:
    """The first thing that is not as expected: where (`data`, `events[1].topic`), and both sides for a person.

    against  whose word the expected side is: CASE, REFERENCE, INTERFACE or a deviation's id
    """

    path: str
    expected: str
    observed: str
    against: str = CASE
    explanation: str = ""


@dataclass(slots=True)
class Verdict:
    """One case on one host.  `step` counts from 1, 0 when no step is to blame; `seconds` is measured and never compared."""

    status: Status
    seconds: float = 0.0
    reason: str = ""
    blame: Blame | None = None
    step: int = 0
    difference: Difference | None = None
    deviations: tuple[str, ...] = ()
    receipts: list[Receipt] = field(default_factory=list)
