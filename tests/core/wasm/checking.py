"""What the tests of the check ask: the findings on a module, held to an interface of two functions."""

from __future__ import annotations

from sshi.wasm.check import Finding, check
from sshi.wasm.module import I32, I64, FuncType, Module

INTERFACE = {"storage_read": FuncType(bytes((I32, I32)), bytes((I32,))), "gas_consume": FuncType(bytes((I64,)), b"")}
MEMORY = '(memory (export "memory") 1)'


def findings(module: Module, **options) -> tuple[Finding, ...]:
    return check(module, interface=INTERFACE, **options)


def only(module: Module, **options) -> Finding:
    (finding,) = findings(module, **options)
    return finding


def codes(module: Module, severity: str = "error", **options) -> set[str]:
    return {finding.code for finding in findings(module, **options) if finding.severity == severity}
