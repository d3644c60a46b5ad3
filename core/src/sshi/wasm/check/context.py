"""What every part of a check asks: names, call paths, what the linker will keep, and a place to put findings."""

from __future__ import annotations

from collections import Counter
from typing import TypedDict, Unpack

from sshi.wasm.callgraph import call_graph
from sshi.wasm.check.finding import Finding, Severity
from sshi.wasm.check.places import Places
from sshi.wasm.check.rules import Rules
from sshi.wasm.demangle import demangle
from sshi.wasm.dwarf import LineTable, line_table
from sshi.wasm.module import FUNC, Module
from sshi.wasm.names import function_names
from sshi.wasm.reach import Reach

PATH_SHOWN = 12
"""Longer call paths lose their middle."""

SHOWN = 25
"""Findings of one code; more of the same are counted."""


class Where(TypedDict, total=False):
    """Where a finding is and what it says beyond its message; without an offset it is the function's."""

    function: int
    offset: int | None
    rule: str
    fix: str
    dropped: bool


class Context:
    """One module held to one target's rules."""

    def __init__(self, module: Module, rules: Rules) -> None:
        self.module = module
        self.rules = rules
        self.imports = module.imported(FUNC)
        self.kept = Reach(module).live
        """What the linker keeps, by index space; the rest it drops."""
        self.places = Places(module)
        self.findings: list[Finding] = []
        self._count: Counter[tuple[str, Severity]] = Counter()
        self._graph = call_graph(module)
        self._before = self._graph.reached(self._graph.roots)
        self._names = function_names(module)
        self._lines: LineTable | None = None
        self._exports: dict[int, str] = {}
        for export in module.exports:
            if export.kind == FUNC:
                self._exports.setdefault(export.index, export.name)

    def add(self, code: str, severity: Severity, message: str, **where: Unpack[Where]) -> None:
        """Report something."""
        self._count[code, severity] += 1
        if self._count[code, severity] > SHOWN:
            return
        function = where.get("function")
        name = "" if function is None else self.name(function)
        path = () if function is None else self.path(function)
        offset = where.get("offset")
        if offset is None and function is not None:
            offset = self.places.function(function)
        source, line = self.source(offset)
        self.findings.append(
            Finding(
                code,
                severity,
                message,
                self.rules.target,
                function=name,
                path=path,
                offset=offset,
                rule=where.get("rule", ""),
                fix=where.get("fix", ""),
                source=source,
                line=line,
                dropped=where.get("dropped", False),
            )
        )

    def shows(self, code: str, severity: Severity) -> bool:
        """Whether one more of these would be shown, or only counted."""
        return self._count[code, severity] < SHOWN

    def all(self) -> tuple[Finding, ...]:
        """Every finding, errors first, and how many more there were of a kind that was cut short."""
        for (code, severity), count in self._count.items():
            if count > SHOWN:
                self.findings.append(Finding(code, severity, f"and {count - SHOWN} more of the same", self.rules.target))
        order = ("error", "warning", "info")
        return tuple(sorted(self.findings, key=lambda finding: order.index(finding.severity)))

    def name(self, function: int) -> str:
        """What to call a function, as its author wrote it."""
        if function in self._names:
            return demangle(self._names[function])
        if function in self._exports:
            return self._exports[function]
        imported = function < len(self.imports)
        return f"{self.imports[function].module}.{self.imports[function].name}" if imported else f"func[{function}]"

    def path(self, function: int) -> tuple[str, ...]:
        """The shortest chain of calls from what the host can start to the function, which comes last; empty when there is none."""
        path = self._graph.path(self._before, function)
        if len(path) <= PATH_SHOWN:
            return tuple(map(self.name, path))
        half = PATH_SHOWN // 2
        return (*map(self.name, path[:half]), f"… {len(path) - 2 * half} more …", *map(self.name, path[-half:]))

    def source(self, offset: int | None) -> tuple[str, int]:
        """The source file and line that byte comes from; ("", 0) when nothing says."""
        if offset is None:
            return "", 0
        if self._lines is None:
            self._lines = line_table(self.module)
        return self._lines.at(offset) or ("", 0)

    def is_kept(self, function: int) -> bool:
        """Whether the linker keeps the function."""
        return function in self.kept["func"]
