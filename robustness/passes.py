"""What is done with one input: everything a user's commands do with a module, and what must hold of it.

`check` with its three ways to print, `inspect`, `meter` in every mode, the stack limit, lowering to WebAssembly 1.0, and `build` for every
chain.  Each ends in an error of ours that a person can act on, or in a module that wasmtime accepts; whatever else happens is a bug.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, Protocol, TypeVar

import msgspec

from sshi.cli.check_sarif import sarif
from sshi.cli.check_text import text
from sshi.cli.inspect import describe
from sshi.errors import ContractError, DecodeError
from sshi.host.engine import validate
from sshi.link.guard import NO_STACK
from sshi.link.kept import Bounds
from sshi.link.linker import build
from sshi.link.meter import meter_module
from sshi.link.report import Target, report, report_unread
from sshi.link.source import Source, decoded, entry_exports, find_manifest
from sshi.plugins import Plugins
from sshi.spec.loader import interface
from sshi.spec.manifest import derived_manifest
from sshi.wasm.decode import decode
from sshi.wasm.encode import encode
from sshi.wasm.instructions import tokens
from sshi.wasm.lower import lower
from sshi.wasm.lower.features import NONE
from sshi.wasm.stack import limit_stack

T = TypeVar("T")

DIFFERENCES = Path(__file__).with_name("differences.toml")
NAME = Path("input.wasm")
CALLS, BUDGET = 512, 1_000_000


class Difference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where one of the two refuses what the other takes, and is right to; `message` is a regular expression for what it says.

    sshi speaks before anything is validated, wasmtime with every proposal turned on that it knows.
    """

    by: Literal["sshi", "wasmtime"]
    message: str
    why: str


class Fault(Exception):
    """Something that must not happen."""


@dataclass(frozen=True)
class Outcome:
    """How an input ended: `end` is "loads" or the code of what is wrong, `difference` the explained one that it shows, or empty.

    `artifacts` are the linked modules, by target.
    """

    end: str
    difference: str
    artifacts: tuple[tuple[str, bytes], ...] = ()


TOO_LARGE = re.compile("exceeds? (limit|maximum)")
"""What a rewrite makes larger than engines take: `build` refuses it by its target's limits, `meter` by asking the engine."""


class Run(Protocol):
    """How a command is run: `work` in this process, or in one of its own."""

    def __call__(self, command: str, work: Callable[[], T], /) -> T: ...


def _here(_command: str, work: Callable[[], T]) -> T:
    return work()


def tried(data: bytes, run: Run = _here) -> Outcome:
    """Do everything with these bytes.  Raises Fault, or whatever a pass raised and should not have."""
    refused, difference = run("read", lambda: _read(data))
    end = run("check", lambda: _check(data))
    if end == "contract.malformed":
        return Outcome(end, difference)
    run("inspect", lambda: _inspect(data))
    complaint = validate(data)
    if end == "loads" and (complaint or refused):
        raise Fault(f"it loads, and is no valid module: {complaint or refused}")
    if complaint is None:
        for name in REWRITES:
            run(name, lambda name=name: _rewrite(name, data))
    if end != "loads":
        return Outcome(end, difference)
    return Outcome(end, difference, run("build", lambda: _build(data)))


# -- agreement ---------------------------------------------------------------------------------------------------------------------


@cache
def differences() -> dict[str, Difference]:
    """The explained differences by name."""
    return msgspec.convert(tomllib.loads(DIFFERENCES.read_text("utf-8")), dict[str, Difference])


def _read(data: bytes) -> tuple[str, str]:
    """Why the bytes are no module, empty when they can be read whole, and the name of the difference to wasmtime, empty for none."""
    unreadable = _unreadable(data)
    return str(unreadable or ""), _agreement(unreadable, validate(data, proposals=True))


def _unreadable(data: bytes) -> DecodeError | None:
    """Why the bytes are no module, function bodies included; None when they can be read whole."""
    try:
        for code in decode(data).codes:
            tokens(code.body, code.at)
    except DecodeError as error:
        if not 0 <= error.offset <= len(data) or not error.rule:
            raise Fault(f"a refusal without a place or a rule: {error}") from error
        return error
    return None


def _agreement(error: DecodeError | None, complaint: str | None) -> str:
    """The name of the difference between us and wasmtime, empty when there is none.  Fault for one that nobody has explained."""
    if (error is None) == (complaint is None):
        return ""
    by, message = ("sshi", str(error)) if complaint is None else ("wasmtime", complaint)
    for name, known in differences().items():
        if known.by == by and re.search(known.message, message):
            return name
    raise Fault(f"only {by} refuses: {message}")


# -- the commands ------------------------------------------------------------------------------------------------------------------


@cache
def targets() -> tuple[Target, ...]:
    """Every version of every installed chain; asked for are the ones that `build` takes by default."""
    return tuple(
        Target(adapter, profile, asked=profile == adapter.default_profile)
        for adapter in Plugins.load().adapters().values()
        for profile in adapter.profiles
    )


def _check(data: bytes) -> str:
    """`check`: "loads", or the code of the first thing wrong."""
    try:
        found = report(_source(data), targets())
    except DecodeError as error:
        try:
            found = report_unread(str(NAME), data, error, targets())
        except DecodeError as refused:
            return _told(refused)
    except ContractError as refused:
        return _told(refused)
    msgspec.json.encode(found)
    msgspec.json.encode(sarif(found, Path.cwd()))
    text(found, Path.cwd(), verbose=True)
    return "loads" if found.loads else found.findings[0].code


def _inspect(data: bytes) -> None:
    """`inspect`, with its text thrown away."""
    _clean(lambda: msgspec.json.encode(describe(decode(data), len(data))))


def _source(data: bytes) -> Source:
    """The contract with its declaration; in place of one that is wrong what the exports imply, so that the rest is tried all the same."""
    module = decoded(data)
    if encode(module) != data:
        raise Fault("encode does not give back what was decoded")
    written = _clean(lambda: find_manifest(module, NAME, None))
    names = _clean(lambda: entry_exports(module)) or ()
    return Source(str(NAME), data, written or derived_manifest(NAME.stem, names), declared=written is not None)


def _metered(bounds: Bounds) -> Callable[[bytes], bytes]:
    return lambda data: meter_module(data, NAME, bounds, None, None).wasm


def _limited(data: bytes) -> bytes:
    limits = interface().limits
    module = decode(data)
    return encode(limit_stack(module, depth=limits.call_depth, frame_bytes=limits.frame_bytes, exhausted=NO_STACK))


REWRITES: dict[str, Callable[[bytes], bytes]] = {
    "meter": _metered(Bounds(None, None, None)),
    "meter, inline": _metered(Bounds(BUDGET, CALLS, None)),
    "meter, trapping": _metered(Bounds(BUDGET, CALLS, reverts=False)),
    "limit": _limited,
    "lower": lambda data: encode(lower(decode(data), NONE)),
}
"""What makes a new module of one that wasmtime takes: `meter` in its modes, the stack limit of `run`, and lowering as far as it goes."""


def _rewrite(name: str, data: bytes) -> None:
    """One of them, and the engine's word on the result."""
    new = _clean(lambda: REWRITES[name](data))
    if new is not None and (complaint := validate(new)) and not TOO_LARGE.search(complaint):
        raise Fault(f"{name} made an invalid module: {complaint}")


def _build(data: bytes) -> tuple[tuple[str, bytes], ...]:
    source = _source(data)
    artifacts = [build(source.wasm, source.manifest, target.adapter, target.profile) for target in targets() if target.asked]
    for artifact in artifacts:
        if complaint := validate(artifact.wasm):
            raise Fault(f"build made an invalid module: {complaint}")
    return tuple((artifact.profile, artifact.wasm) for artifact in artifacts)


def _told(error: ContractError) -> str:
    """The error's code, once its text was made."""
    f"{error} {error.hint}".encode()
    return error.code


def _clean(work: Callable[[], T]) -> T | None:
    """What the work gives; None when it ends in an error that is the contract's fault."""
    try:
        return work()
    except ContractError as error:
        _told(error)
        return None
