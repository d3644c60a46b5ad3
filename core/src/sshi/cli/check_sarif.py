"""A check's report as SARIF 2.1.0, which code-scanning services and editors read.

The contract is a binary, so a place in it is a byte; where the module has debug information the source line comes first and the byte
is a related location.  A finding's chain of calls is its code flow.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any
from urllib.parse import quote

from sshi import __version__
from sshi.link.report import CheckReport, Problem
from sshi.wasm.check.codes import codes

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def sarif(report: CheckReport) -> dict[str, Any]:
    """The log with one run."""
    used = [code for code in codes() if any(problem.code == code for problem in report.findings)]
    run = {
        "tool": {"driver": {"name": "sshi check", "semanticVersion": __version__, "rules": [_rule(code) for code in used]}},
        "artifacts": [{"location": {"uri": _uri(report.contract)}, "length": report.bytes, "mimeType": "application/wasm"}],
        "invocations": [{"executionSuccessful": True}],
        "results": [_result(problem, report.contract, used.index(problem.code)) for problem in report.findings],
        "columnKind": "unicodeCodePoints",
        "properties": {
            "targets": [{"target": target.target, "verdict": target.verdict, "reason": target.reason} for target in report.targets]
        },
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(name: str) -> dict[str, Any]:
    code = codes()[name]
    return {
        "id": name,
        "shortDescription": {"text": code.title},
        "fullDescription": {"text": code.why},
        "help": {"text": code.fix},
        "defaultConfiguration": {"level": _LEVELS[code.severity]},
    }


def _result(problem: Problem, contract: str, rule: int) -> dict[str, Any]:
    place = _place(problem)
    byte = {**place, "physicalLocation": {"artifactLocation": {"uri": _uri(contract), "index": 0}, **_region(problem)}}
    result: dict[str, Any] = {
        "ruleId": problem.code,
        "ruleIndex": rule,
        "level": _LEVELS[problem.severity],
        "message": {"text": problem.message + (f". To mend it: {problem.fix}" if problem.fix else "")},
        "locations": [byte],
        "partialFingerprints": {"sshiFinding/v1": sha256(f"{problem.code}\0{problem.function}\0{problem.message}".encode()).hexdigest()},
        "properties": {
            "targets": list(problem.targets),
            "reachable": problem.reachable,
            **({"rule": problem.rule} if problem.rule else {}),
        },
    }
    if problem.line:
        line = {"artifactLocation": {"uri": _uri(problem.source)}, "region": {"startLine": problem.line}}
        result["locations"] = [{**place, "physicalLocation": line}]
        result["relatedLocations"] = [{**byte, "message": {"text": "the instruction in the module"}}]
    if len(problem.path) > 1:
        steps = [{"location": {"logicalLocations": [{"fullyQualifiedName": name, "kind": "function"}]}} for name in problem.path]
        result["codeFlows"] = [{"threadFlows": [{"locations": steps}]}]
    return result


def _place(problem: Problem) -> dict[str, Any]:
    return {"logicalLocations": [{"fullyQualifiedName": problem.function, "kind": "function"}]} if problem.function else {}


def _region(problem: Problem) -> dict[str, Any]:
    return {} if problem.offset is None else {"region": {"byteOffset": problem.offset, "byteLength": 1}}


def _uri(path: str) -> str:
    """A relative reference for a relative path, else a file URI."""
    return f"file://{quote(path)}" if path.startswith("/") else quote(path)
