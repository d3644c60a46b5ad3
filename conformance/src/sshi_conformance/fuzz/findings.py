"""A difference, written down so that a person can understand and replay it: a module, a scenario and an account of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET

from sshi.host.outcome import Exhausted, Outcome, Receipt, Rejected, Returned, Trapped
from sshi_conformance.compare import KINDS
from sshi_conformance.fuzz.lines import describe
from sshi_conformance.fuzz.module import to_wat
from sshi_conformance.fuzz.program import BUFFERS, SLOT_BYTES, Contract, hosts
from sshi_conformance.fuzz.trial import Trial
from sshi_conformance.scenario import Case, Expect, Step
from sshi_conformance.show import outcome_text
from sshi_conformance.verdict import Difference

_BARE = re.compile(r"[A-Za-z0-9_-]+")


class Finding(msgspec.Struct, frozen=True):
    """One difference between two hosts.

    case        None when the contract cannot even be linked
    trials      what each host showed, a line a step
    origin      which of a seed's contracts and cases it was before it was made smaller
    """

    pair: str
    contract: Contract
    case: Case | None
    path: str
    left: str
    right: str
    explanation: str
    trials: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    origin: str = ""

    @property
    def signature(self) -> str:
        """What findings of the same cause probably share."""
        return signature(Difference(self.path, self.left, self.right))


def signature(difference: Difference) -> str:
    """A difference without its numbers: the field, and the kinds of both sides."""
    path = re.sub(r"step \d+: |\[.*\]", "", difference.path)
    first, second = (re.match(r"[a-z]*(\([a-z-]*)?", side) for side in (difference.expected, difference.observed))
    kinds = f" {first[0]}/{second[0]}" if first and second and path in ("outcome", "trap") else ""
    return path + kinds


def summary(trial: Trial) -> tuple[str, ...]:
    """A trial, a line a step."""
    lines = [_line(receipt) for receipt in trial.receipts]
    return (*lines, f"broke: {trial.broke}") if trial.broke else tuple(lines)


def write_finding(finding: Finding, folder: Path) -> Path:
    """Write `<hash>.wat`, `.toml` and `.txt`; the path of the module."""
    account = explain(finding)
    wat = to_wat(finding.contract, head=account)
    scenario = to_toml(finding) if finding.case is not None else ""
    name = hashlib.sha256((wat + scenario).encode()).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.wat"
    path.write_text(wat)
    if scenario:
        path.with_suffix(".toml").write_text(scenario)
    path.with_suffix(".txt").write_text(account)
    return path


def explain(finding: Finding) -> str:
    """The account: what differs, what each host showed, how to see it again."""
    left, right = finding.pair.split(",")
    out = [f"{finding.path}: {left} says {finding.left}", f"{' ' * len(finding.path)}  {right} says {finding.right}"]
    out += [finding.explanation] if finding.explanation else []
    out += list(_slot(finding))
    for name, lines in zip((left, right), finding.trials, strict=True):
        out += [
            "",
            f"{name}:",
            *(f"  step {number}{label}: {line}" for number, (label, line) in enumerate(zip(_labels(finding), lines, strict=False), 1)),
        ]
    if finding.origin:
        out += ["", f"found by: python -m sshi_conformance.fuzz --pair {finding.pair} {finding.origin}"]
    out += [f"see again: python -m sshi_conformance.fuzz --pair {finding.pair} --replay THIS.wat"] if finding.case is not None else []
    return "\n".join(out) + "\n"


def _labels(finding: Finding) -> Iterator[str]:
    """What each step does."""
    for step in finding.case.steps if finding.case is not None else ():
        kind, entry = step.action
        yield f" ({kind} {entry or '-'})"
    yield from repeat("")


def to_toml(finding: Finding) -> str:
    """The scenario file; each step expects the end that the first host of the pair showed."""
    if finding.case is None:
        return ""
    kinds = finding.trials[0]
    steps = tuple(_expecting(step, kinds[at] if at < len(kinds) else "") for at, step in enumerate(finding.case.steps))
    budget = UNSET if finding.contract.budget is None else finding.contract.budget
    table: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(finding.case, steps=steps, doc=finding.path, budget=budget))
    usual: dict[str, Any] = msgspec.to_builtins(Step())
    out = ["[case.found]"]
    for key, value in table.items():
        if key == "steps":
            shown = ({name: each for name, each in step.items() if each != usual.get(name)} for step in value)
            out += ["steps = [", *(f"    {_toml(step)}," for step in shown), "]"]
        elif value:
            out.append(f"{key} = {_toml(value)}")
    return "\n".join(out) + "\n"


def _expecting(step: Step, line: str) -> Step:
    kind = re.split(r"[ (;]", line)[0]
    return msgspec.structs.replace(step, expect=Expect(outcome=kind)) if kind in KINDS.values() else step  # type: ignore[arg-type]


def _toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value) if abs(value) < 1 << 63 else f'"{value}"'
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case dict():
            inside = ", ".join(
                f"{key if _BARE.fullmatch(key) else _toml(key)} = {_toml(each)}" for key, each in value.items() if each not in ({}, "")
            )
            return f"{{ {inside} }}" if inside else "{}"
        case list() | tuple():
            return f"[{', '.join(_toml(each) for each in value)}]"
        case _:
            raise TypeError(f"no scenario holds a {type(value).__name__}")


def _line(receipt: Receipt | None) -> str:
    if receipt is None:
        return "no such contract"
    effects = receipt.effects
    counts = [f"{len(getattr(effects, name))} {name}" for name in effects.__struct_fields__ if getattr(effects, name)]
    cost = [f"{unit} {amount:,}" for unit, amount in receipt.cost.items()]
    return "; ".join([outcome_text(receipt.outcome), *counts, *cost])


def _slot(finding: Finding) -> Iterator[str]:
    """Which operation's answer it was, when it was one."""
    at = re.search(r"part at byte (\d+)", finding.explanation)
    if at is None or not finding.path.endswith("data"):
        return
    byte = int(at[1])
    if byte >= BUFFERS:
        yield f"byte {byte} belongs to a buffer, at {byte:#x}"
        return
    op = hosts(finding.contract).get(byte // SLOT_BYTES)
    yield f"byte {byte} belongs to slot {byte // SLOT_BYTES}" + (f": {describe(op)}" if op is not None else "")


def outcome_label(outcome: Outcome) -> str:
    """An outcome for counting."""
    match outcome:
        case Trapped(trap):
            return f"trapped({trap})"
        case Exhausted(what):
            return f"exhausted({what})"
        case Rejected(reason):
            return f"rejected({reason})"
        case Returned():
            return "returned"
        case _:
            return "reverted"
