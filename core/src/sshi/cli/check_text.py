"""A check's report for a person: each finding as a paragraph, then a line a target.

Why a rule exists is said once for each code, and what to do once for each thing to do: many findings have one cause.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePath

import click

from sshi.link.report import CheckReport, Problem, TargetReport

_COLOURS = {"error": "red", "warning": "yellow", "info": "cyan", "loads": "green", "loads after lowering": "green", "cannot": "red"}


def text(report: CheckReport, here: Path, *, verbose: bool) -> str:
    """The whole report; infos only when `verbose`.  Source files below `here` are named from there."""
    shown = [problem for problem in report.findings if verbose or problem.severity != "info"]
    said: set[str] = set()
    parts: list[str] = []
    for problem in shown:
        why = problem.why if problem.severity != "info" and problem.code not in said else ""
        fix = problem.fix if problem.fix not in said else ""
        parts.append(_problem(problem, here, why, fix) + "\n")
        said |= {problem.code, problem.fix}
    parts.append("\n".join(_verdicts(report.targets)))
    hidden = len(report.findings) - len(shown)
    if hidden:
        parts[-1] += f"\n{hidden} thing{'s' * (hidden != 1)} the linker takes care of: --verbose shows them"
    return "\n".join(parts) + "\n"


def from_here(path: str, here: Path) -> str:
    """A source file's path, relative when it is below `here`."""
    return str(PurePath(path).relative_to(here)) if PurePath(path).is_relative_to(here) else path


def _problem(problem: Problem, here: Path, why: str, fix: str) -> str:
    head = click.style(problem.severity, fg=_COLOURS[problem.severity], bold=True)
    lines = [f"{head}[{problem.code}]: {problem.message} ({_named(problem.targets)})"]
    if problem.function:
        lines.append(f"  in: {problem.function}")
    if problem.offset is not None:
        place = f"{from_here(problem.source, here)}:{problem.line}, byte {problem.offset}" if problem.line else f"byte {problem.offset}"
        lines.append(f"  at: {place}")
    if len(problem.path) > 1:
        lines.append(f"  reached by: {' -> '.join(problem.path)}")
    if why:
        lines.append(f"  why: {why}" + (f" (rule {problem.rule})" if problem.rule else ""))
    if fix:
        lines.append(f"  fix: {fix}")
    return "\n".join(lines)


def _named(targets: Iterable[str]) -> str:
    """Targets, a chain's versions together: `near@84/85, polkadot@51`."""
    chains: dict[str, list[str]] = {}
    for target in targets:
        chain, _, version = target.partition("@")
        chains.setdefault(chain, []).append(version)
    return ", ".join(f"{chain}@{'/'.join(sorted(versions, key=_numbers))}" for chain, versions in chains.items())


def _numbers(version: str) -> tuple[int, str]:
    return (int(version), "") if version.isdecimal() else (0, version)


def _verdicts(targets: tuple[TargetReport, ...]) -> list[str]:
    """A line for each target asked for, then one for its other versions that are alike."""
    groups: dict[tuple[bool, str, str, str], list[str]] = {}
    for target in targets:
        note = "" if target.bytes is None else f"{target.bytes:,} B, {len(target.imports)} host functions"
        note += f"{'; ' * bool(note and target.reason)}{target.reason}"
        chain = target.target if target.asked else target.target.partition("@")[0]
        groups.setdefault((target.asked, chain, target.verdict, note), []).append(target.target)
    rows = [(verdict, _named(names), f"{note}{'' if asked else ' (not asked for)'}") for (asked, _, verdict, note), names in groups.items()]
    width, wide = max(len(row[0]) for row in rows), max(len(row[1]) for row in rows)
    return [
        f"{click.style(f'{verdict:<{width}}', fg=_COLOURS[verdict])}  {names:<{wide}}  {note}".rstrip() for verdict, names, note in rows
    ]
