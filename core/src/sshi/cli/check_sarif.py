"""A check's report as SARIF 2.1.0, in the shape that GitHub's code scanning takes.

The contract is a binary, so a place in it is a byte; scanning services want a line all the same, and get the first.  Where debug
information leads to a file below the working directory, that line comes first and the byte is a related location: a file of a library
is in no repository and would only hide the finding.  A finding's chain of calls is its code flow.
"""

from __future__ import annotations

import re
from collections import Counter
from hashlib import sha256
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote

from sshi import __version__
from sshi.cli.check_text import from_here
from sshi.link.report import CheckReport, Problem
from sshi.wasm.check.codes import codes

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_SEVERITIES = {"error": "error", "warning": "warning", "info": "recommendation"}
"""GitHub's words, for what a rule's findings are at worst."""


def sarif(report: CheckReport, here: Path) -> dict[str, Any]:
    """The log with one run; places below `here` are named from there."""
    used = [code for code in codes() if any(problem.code == code for problem in report.findings)]
    contract = from_here(report.contract, here)
    seen: Counter[str] = Counter()
    run = {
        "tool": {"driver": {"name": "sshi check", "semanticVersion": __version__, "rules": [_rule(code) for code in used]}},
        "artifacts": [{"location": {"uri": _uri(contract)}, "length": report.bytes, "mimeType": "application/wasm"}],
        "invocations": [{"executionSuccessful": True}],
        "results": [_result(problem, contract, here, used.index(problem.code), seen) for problem in report.findings],
        "columnKind": "unicodeCodePoints",
        "properties": {
            "targets": [{"target": target.target, "verdict": target.verdict, "reason": target.reason} for target in report.targets]
        },
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(name: str) -> dict[str, Any]:
    code = codes()[name]
    example = f"\n\n```wat\n{code.example}\n```" if code.example else ""
    return {
        "id": name,
        "shortDescription": {"text": code.title},
        "fullDescription": {"text": code.why},
        "help": {"text": code.fix, "markdown": f"{code.why}\n\n**What to do:** {code.fix}{example}"},
        "defaultConfiguration": {"level": _LEVELS[code.severity]},
        "properties": {
            "precision": "very-high",
            "problem.severity": _SEVERITIES[code.severity],
            "tags": ["webassembly", code.group.lower().replace(" ", "-")],
        },
    }


def _result(problem: Problem, contract: str, here: Path, rule: int, seen: Counter[str]) -> dict[str, Any]:
    artifact = {"artifactLocation": {"uri": _uri(contract), "index": 0}}
    place = _place(problem.function)
    byte = {**place, "physicalLocation": {**artifact, "region": _region(problem)}}
    result: dict[str, Any] = {
        "ruleId": problem.code,
        "ruleIndex": rule,
        "level": _LEVELS[problem.severity],
        "message": {"text": problem.message + (f". To mend it: {problem.fix}" if problem.fix else "")},
        "locations": [byte],
        "partialFingerprints": {"primaryLocationLineHash": _fingerprint(problem, seen)},
        "properties": {
            "targets": list(problem.targets),
            "reachable": problem.reachable,
            **({"rule": problem.rule} if problem.rule else {}),
        },
    }
    if problem.line:
        source = from_here(problem.source, here)
        line = {**place, "physicalLocation": {"artifactLocation": {"uri": _uri(source)}, "region": {"startLine": problem.line}}}
        first, second, words = (byte, line, "the line it comes from")
        if not PurePath(source).is_absolute():
            first, second, words = line, byte, "the instruction in the module"
        result["locations"], result["relatedLocations"] = [first], [{**second, "message": {"text": words}}]
    if len(problem.path) > 1:
        steps = [_step(name, {**artifact, "region": {"startLine": 1}}) for name in problem.path[:-1]]
        result["codeFlows"] = [{"threadFlows": [{"locations": [*steps, {"location": byte}]}]}]
    return result


def _step(name: str, physical: dict[str, Any]) -> dict[str, Any]:
    return {"location": {**_place(name), "physicalLocation": physical, "message": {"text": name}}}


def _place(function: str) -> dict[str, Any]:
    return {"logicalLocations": [{"fullyQualifiedName": function, "kind": "function"}]} if function else {}


def _region(problem: Problem) -> dict[str, Any]:
    return {"startLine": 1} if problem.offset is None else {"startLine": 1, "byteOffset": problem.offset, "byteLength": 1}


def _fingerprint(problem: Problem, seen: Counter[str]) -> str:
    """The same for the same finding of the next build, when code has moved and counts have changed; then which one of several it is."""
    what = problem.function or re.sub(r"[\d,]+", "#", problem.message)
    found = sha256(f"{problem.code}\0{what}".encode()).hexdigest()[:16]
    seen[found] += 1
    return f"{found}:{seen[found]}"


def _uri(path: str) -> str:
    """A relative reference for a relative path, else a file URI."""
    return f"file://{quote(path)}" if path.startswith("/") else quote(path)
