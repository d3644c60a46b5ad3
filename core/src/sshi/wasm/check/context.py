"""What every part of a check asks: names, call paths, what the linker will keep, and a place to put findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
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

INITIALIZE = "_initialize"
"""The export of a reactor, which runs before every entry."""

PATH_SHOWN = 12
"""Longer call paths lose their middle."""

TABLE = "(the table)"
INDIRECT = " (indirect)"
"""What a path begins with when only the table leads to it, and what follows the name of a function that is called through the table."""

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
    """One module held to one target's rules; `entries` are the names of what the host may start in it."""

    def __init__(self, module: Module, rules: Rules, entries: Collection[str]) -> None:
        self.module = module
        self.rules = rules
        self.imports = module.imported(FUNC)
        self.function_types = module.function_types()
        # the linker exports the entries and the memory: what only another export reaches, it drops
        exported = {*entries, INITIALIZE, "memory"}
        linked = replace(module, exports=tuple([export for export in module.exports if export.name in exported]))
        self.kept = Reach(linked).live
        """What the linker keeps, by index space; the rest it drops."""
        self.places = Places(module)
        self.findings: list[Finding] = []
        self._count: Counter[tuple[str, Severity]] = Counter()
        self._graph = call_graph(linked)
        self._before = self._graph.reached(self._graph.roots)
        self._held: dict[int, int | None] | None = None
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
        path = () if function is None or where.get("dropped") else self.path(function)
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
        """The best chain of calls from what the host can start to the function, which comes last; empty when there is none.

        A function that is called through the table says so.  One that only the table leads to begins there: no call of its type is
        known to happen, and the linker keeps it all the same.
        """
        path = self._graph.path(self._before, function)
        first = ()
        if not path:
            if self._held is None:
                self._held = self._graph.reached(self._graph.taken)
            path = self._graph.path(self._held, function)
            first = (TABLE,) if path else ()
        if len(first) + len(path) <= PATH_SHOWN:
            return (*first, *self._called(path))
        half = PATH_SHOWN // 2
        left = half - len(first)
        return (*first, *self._called(path[:left]), f"… {len(path) - left - half} more …", *self._called(path[-half:]))

    def _called(self, path: Sequence[tuple[int, bool]]) -> tuple[str, ...]:
        """The names of functions, those that are called through the table marked."""
        return tuple([f"{self.name(at)}{INDIRECT * indirect}" for at, indirect in path])

    def callers(self, function: int) -> tuple[str, ...]:
        """The names on that path that certainly call it, the nearest first; not an entry's, which is its author's own."""
        found: list[str] = []
        for name in reversed(self.path(function)[1:]):
            found.append(name.removesuffix(INDIRECT))
            if name.endswith(INDIRECT):
                break
        return tuple(found[1:])

    def source(self, offset: int | None) -> tuple[str, int]:
        """The source file and line that byte comes from; ("", 0) when nothing says."""
        if offset is None:
            return "", 0
        if self._lines is None:
            self._lines = line_table(self.module)
        return self._lines.at(offset) or ("", 0)

    def is_entry(self, function: int) -> bool:
        """Whether the host starts the function."""
        return function in self._before and self._before[function] is None

    def is_kept(self, function: int) -> bool:
        """Whether the linker keeps the function."""
        return function in self.kept["func"]
