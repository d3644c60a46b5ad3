"""Every error a user can meet, as one tree.

    SshiError
    ├── ContractError   the contract, its manifest or its bytes are at fault
    │   └── DecodeError   ... and this is the byte
    ├── AdapterError    an adapter, a chain program or a plugin is at fault
    ├── SpecError       the interface's own data is at fault
    └── UsageError      the command, a scenario or another file of the user's is at fault

The class says whose fault it is, `code` is stable and documented in docs/errors.md, `hint` says what to do next.
Fields are data; text is made in `__str__`.  Whatever else escapes to a user is a bug of this project.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(eq=False)
class SshiError(Exception):
    """The root: something a person can act on, said in one sentence."""

    code: ClassVar[str] = "error"

    @property
    def hint(self) -> str:
        """What to do about it; empty when the message already says so."""
        return ""


@dataclass(eq=False)
class _Told:
    """A sentence, where it holds (a file, a function, an export) and what to do."""

    message: str
    where: str = ""
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message

    @property
    def hint(self) -> str:
        """What to do about it."""
        return self.advice


@dataclass(eq=False)
class ContractError(_Told, SshiError):
    """The contract, its manifest or its bytes are at fault."""

    code: ClassVar[str] = "contract.invalid"


@dataclass(eq=False)
class DecodeError(ContractError):
    """The bytes are no wasm module the interface allows; `offset` is the first wrong byte, `rule` names the core spec's section.

    `feature` is the finding (`gc`) of the proposal that gives the byte a meaning, empty when none is known to.
    """

    code: ClassVar[str] = "contract.malformed"
    offset: int = 0
    rule: str = ""
    feature: str = ""

    @property
    def hint(self) -> str:
        """What to do about it."""
        return self.advice or (f"no target takes that: `sshi check --explain {self.feature}`" if self.feature else "")

    def __str__(self) -> str:
        place = f"at byte {self.offset} ({self.rule})" if self.rule else f"at byte {self.offset}"
        return f"{self.where + ': ' if self.where else ''}{self.message}, {place}"


@dataclass(eq=False)
class ManifestError(ContractError):
    """The declaration of entries (custom section `sshi`, or a manifest file) is wrong."""

    code: ClassVar[str] = "contract.manifest"


@dataclass(eq=False)
class LinkError(ContractError):
    """The contract cannot be linked for a chain."""

    code: ClassVar[str] = "contract.link"


@dataclass(eq=False)
class AdapterError(SshiError):
    """The adapter named is at fault."""

    code: ClassVar[str] = "adapter.broken"
    adapter: str
    message: str
    advice: str = ""

    def __str__(self) -> str:
        return f"adapter {self.adapter!r}: {self.message}"

    @property
    def hint(self) -> str:
        """What to do about it."""
        return self.advice


@dataclass(eq=False)
class VmError(AdapterError):
    """A chain's VM program is missing, broke the protocol, ran out of time or memory, or died."""

    code: ClassVar[str] = "adapter.vm"


@dataclass(eq=False)
class VmUnavailable(VmError):
    """A VM of this kind cannot run here (not built, not installed); a skip with a reason, never a pass."""

    code: ClassVar[str] = "adapter.vm-unavailable"


@dataclass(eq=False)
class SpecError(SshiError):
    """The interface's own data, or an adapter's table, contradicts itself; names file and entry."""

    code: ClassVar[str] = "spec.invalid"
    file: str
    entry: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.entry}: {self.message}"


@dataclass(eq=False)
class UsageError(_Told, SshiError):
    """A command line, a scenario or another file of the user's is at fault."""

    code: ClassVar[str] = "usage"


@dataclass(eq=False)
class ScenarioError(UsageError):
    """A scenario file is wrong; `where` is file and place."""

    code: ClassVar[str] = "usage.scenario"


@dataclass(eq=False)
class StateError(UsageError):
    """A world file cannot be read or written."""

    code: ClassVar[str] = "usage.state"
