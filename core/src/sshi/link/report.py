"""What `sshi check` says: for each target and version whether the contract loads there, and every finding once with all its targets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

import msgspec

from sshi.adapter import Adapter
from sshi.errors import ContractError, DecodeError
from sshi.link.check import RuleBroken, findings_of, of_proposal, rules_of
from sshi.link.linker import build
from sshi.link.source import Source, decoded
from sshi.spec.manifest import Entry
from sshi.wasm.check import Finding, Rules, Severity
from sshi.wasm.check.codes import codes

Verdict = Literal["loads", "loads after lowering", "cannot"]


class TargetReport(msgspec.Struct, frozen=True):
    """One version of one chain: `bytes` is the artifact's size, None when there is none; `reason` says what was lowered, or why it cannot.

    `asked` is false for the versions that were judged beside the one asked for: they do not decide the exit status.
    """

    target: str
    verdict: Verdict
    asked: bool
    bytes: int | None = None
    imports: tuple[str, ...] = ()
    reason: str = ""


class Problem(msgspec.Struct, frozen=True):
    """A finding, and every target it holds for.  `why` is the code's reason; `reachable` false: the linker drops it."""

    code: str
    severity: Severity
    message: str
    targets: tuple[str, ...]
    function: str
    path: tuple[str, ...]
    offset: int | None
    source: str
    line: int | None
    reachable: bool
    rule: str
    why: str
    fix: str


class CheckReport(msgspec.Struct, frozen=True):
    """The whole answer."""

    contract: str
    bytes: int
    entries: tuple[Entry, ...]
    targets: tuple[TargetReport, ...]
    findings: tuple[Problem, ...]

    @property
    def loads(self) -> bool:
        """Whether every target that was asked for takes the contract."""
        return all(target.verdict != "cannot" for target in self.targets if target.asked)


class Target(msgspec.Struct, frozen=True):
    """What to judge for."""

    adapter: Adapter
    profile: str
    asked: bool = True


def report(source: Source, targets: Iterable[Target]) -> CheckReport:
    """Judge the contract for each target.  Raises InvalidModule when it is no valid module, whatever the target."""
    module = decoded(source.wasm)
    known: dict[Rules, tuple[Finding, ...]] = {}
    verdicts: list[TargetReport] = []
    found: list[Finding] = []
    for target in targets:
        rules = rules_of(target.adapter.profile(target.profile))
        # versions of one chain mostly have the same rules, and a large module takes seconds
        same = replace(rules, target="")
        if same not in known:
            known[same] = findings_of(source.wasm, module, source.manifest, same, declared=source.declared)
        own = [replace(finding, target=target.profile) for finding in known[same]]
        verdict, more = _judge(source, target, own)
        verdicts.append(verdict)
        found += [*own, *more]
    return CheckReport(source.path, len(source.wasm), source.manifest.entries, tuple(verdicts), _merged(found))


def report_unread(path: str, wasm: bytes, error: DecodeError, targets: Iterable[Target]) -> CheckReport:
    """The answer for bytes that do not decode: `cannot` everywhere where that is a proposal's doing; else the error is raised again."""
    found = [of_proposal(wasm, error, target.profile) for target in targets]
    findings = [finding for finding in found if finding is not None]
    if not findings:
        raise error
    verdicts = [_refused(target, findings) for target in targets]
    return CheckReport(path, len(wasm), (), tuple(verdicts), _merged(findings))


def _judge(source: Source, target: Target, own: list[Finding]) -> tuple[TargetReport, tuple[Finding, ...]]:
    """The verdict, and what only linking showed."""
    broken = [finding for finding in own if finding.severity == "error"]
    if broken:
        return _refused(target, broken), ()
    try:
        artifact = build(source.wasm, source.manifest, target.adapter, target.profile, checked=True)
    except RuleBroken as error:
        return _refused(target, error.findings), error.findings
    except ContractError as error:
        only = Finding("link", "error", str(error), target.profile, fix=error.hint or codes()["link"].fix)
        return _refused(target, [only]), (only,)
    lowered = ", ".join(finding.message.partition(":")[0] for finding in own if finding.code == "feature-lowered")
    verdict: Verdict = "loads after lowering" if lowered else "loads"
    reason = f"{lowered} lowered" if lowered else ""
    return TargetReport(target.profile, verdict, target.asked, len(artifact.wasm), artifact.imports, reason), ()


def _refused(target: Target, errors: Iterable[Finding]) -> TargetReport:
    codes = dict.fromkeys(finding.code for finding in errors)
    return TargetReport(target.profile, "cannot", target.asked, reason=", ".join(codes))


_ORDER: tuple[Severity, ...] = ("error", "warning", "info")


def _merged(found: Iterable[Finding]) -> tuple[Problem, ...]:
    """Each finding once, the errors first, else in the order they were found."""
    targets: dict[Finding, dict[str, None]] = {}
    for finding in found:
        targets.setdefault(replace(finding, target=""), {})[finding.target] = None
    problems = [
        Problem(
            code=finding.code,
            severity=finding.severity,
            message=finding.message,
            targets=tuple(names),
            function=finding.function,
            path=finding.path,
            offset=finding.offset,
            source=finding.source,
            line=finding.line or None,
            reachable=not finding.dropped,
            rule=finding.rule,
            why=codes()[finding.code].why,
            fix=finding.fix,
        )
        for finding, names in targets.items()
    ]
    return tuple(sorted(problems, key=lambda problem: _ORDER.index(problem.severity)))
