"""A stack limit inside the module, so that every engine stops a deep call at the same place.

Each call of a defined function counts one, and the bytes of its parameters, locals and highest operand stack; past `depth`
calls or `frame_bytes` bytes the function that was entered calls `exhausted` before it does anything else.  Functions the
host starts count as depth 1.  The count lives in one global, depth and bytes side by side; each has a guard bit just above
its limit, so one `and` asks both.  After a trap the count is not put back: an instance that trapped is not called again.

The callee counts, not the call: indirect calls, exports and recursion need no care, and it is the smaller code.  Measured on
`fib` (nothing but calls; wasmtime 50): 2.19 ns a call without a limit, 2.48 this way, 2.37 counting at the call, 4.02 when
the count is subtracted again instead of kept in a local, 3.91 through a helper function; bytes a function 56, 78, 49, 68.

A function whose worst case over all call paths stays within the limits needs no check, and one that leads to no check need
not count; most modules without recursion come out as they went in.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from sshi.errors import LinkError
from sshi.wasm.callgraph import CallGraph, call_graph
from sshi.wasm.customs import without_positional
from sshi.wasm.edit import around, assemble, result_block, with_imports
from sshi.wasm.instructions import emit
from sshi.wasm.module import FUNC, GLOBAL, I32, I64, Code, FuncType, Global, GlobalType, Module
from sshi.wasm.stack.height import frame_bytes as bytes_of_frame
from sshi.wasm.stack.height import heights

UNBOUNDED = 1 << 62
MOST_LOCALS = 50_000
"""Parameters and locals of a function that engines take, which no specification says."""


def limit_stack(
    module: Module,
    *,
    depth: int,
    frame_bytes: int,
    exhausted: tuple[str, str],
    free: Collection[int] = frozenset(),
    frames: Sequence[int] | None = None,
) -> Module:
    """The module, stopping in the imported `exhausted` (module and name, `() -> ()`, never returns) past either limit.

    Entering one of the functions `free`, which a pass has added, counts nothing.  `frames` are the bytes that each defined function's
    activation takes; unless they are given it is those of parameters, locals and the highest operand stack.
    Raises ValueError for limits that do not fit a counter of 64 bits together, and LinkError (contract's fault) for a function that has as
    many locals as there may be: the count needs one more.
    """
    imports = len(module.imported(FUNC))
    if frames is None:
        functions = zip(heights(module), module.funcs, module.codes, strict=True)
        frames = [height.bytes + bytes_of_frame(module.types[of], code) for height, of, code in functions]
    counted = [0] * imports + [int(index not in free) for index in range(imports, imports + len(frames))]
    taken = [0] * imports + [size * counted[at] for at, size in enumerate(frames, imports)]
    needed = needs(call_graph(module), (taken, counted), (frame_bytes, depth))
    if not needed:
        return module
    module, (stop,) = with_imports(without_positional(module), [(exhausted, FuncType(b"", b""))])
    counter = Counter.holding(len(module.imported(GLOBAL)) + len(module.globals), (frame_bytes, depth), stop)
    codes = list(module.codes)
    for function, need in needed.items():
        at = function - imports
        of = module.types[module.funcs[at]]
        module, results = result_block(module, of)
        codes[at] = counter.guarded(codes[at], of, results, counter.cost((frames[at], 1)), need)
    return replace(module, codes=tuple(codes), globals=(*module.globals, counter.definition()))


@dataclass(frozen=True, slots=True)
class Need:
    """What a function must do when it is entered: test the limit, keep the count for functions below it, or both."""

    checks: bool
    counts: bool


_NEEDS = {(checks, counts): Need(checks, counts) for checks in (False, True) for counts in (False, True)}


def needs(graph: CallGraph, costs: Sequence[Sequence[int]], limits: Sequence[int]) -> dict[int, Need]:
    """What each function must do so that no call path passes a limit unseen; functions that need nothing are left out.

    `costs[k][f]` is what entering function `f` adds to count `k` (0 for an import), `limits[k]` is that count's limit.
    """
    components = graph.components()
    component_of = array("q", (-1,)) * len(graph.successors)  # numbers only, as there
    for at, component in enumerate(components):
        for node in component:
            component_of[node] = at
    cyclic = [len(component) > 1 or component[0] in graph.successors[component[0]] for component in components]
    worst = [[0] * len(components) for _ in limits]
    for at in range(len(components) - 1, -1, -1):  # callers first
        below = {component_of[following] for node in components[at] for following in graph.successors[node]}
        for count, cost in zip(worst, costs, strict=True):
            own = max((cost[node] for node in components[at] if node < graph.functions), default=0)
            count[at] = UNBOUNDED if cyclic[at] and own else count[at] + own
            for following in below - {at}:
                count[following] = max(count[following], count[at])
    found: dict[int, Need] = {}
    for at, component in enumerate(components):  # callees first
        checks = any(count[at] > limit for count, limit in zip(worst, limits, strict=True))
        below = [found[following] for node in component for following in graph.successors[node] if component_of[following] != at]
        counts = (checks and cyclic[at]) or any(need.checks or need.counts for need in below)
        for node in component:
            found[node] = _NEEDS[checks and node < graph.functions and any(cost[node] for cost in costs), counts]
    return {node: need for node, need in found.items() if node < graph.functions and (need.checks or need.counts)}


_SAVING = {kind: ((1, kind),) for kind in (I32, I64)}
"""The local that keeps the count: the same value for all functions that have no other."""


@dataclass(frozen=True, slots=True)
class Counter:
    """One global that keeps several counts side by side, each below a guard bit that is set as soon as it passes its limit."""

    index: int
    limits: tuple[int, ...]
    stop: int

    @classmethod
    def holding(cls, index: int, limits: tuple[int, ...], stop: int) -> Counter:
        """A counter for these limits in the global of that index, that calls the function `stop`."""
        counter = cls(index, limits, stop)
        if counter.bits > 64:
            raise ValueError(f"limits of {limits} do not fit one counter")
        return counter

    @property
    def shifts(self) -> list[int]:
        """Where each count begins, and where the last one's guard bit ends."""
        # a field never carries: it is below its guard until the entry that passes the limit, which adds at most limit + 1
        return [0, *accumulate(limit.bit_length() + 1 for limit in self.limits)]

    @property
    def bits(self) -> int:
        """How many bits the counts take together."""
        return self.shifts[-1]

    @property
    def kind(self) -> int:
        """The global's type, the narrower one that is wide enough."""
        return I32 if self.bits <= 32 else I64

    @property
    def guards(self) -> int:
        """The guard bits."""
        return sum(1 << end - 1 for end in self.shifts[1:])

    def cost(self, amounts: Sequence[int]) -> int:
        """What an entry adds that costs these amounts."""
        return sum(min(amount, limit + 1) << at for amount, limit, at in zip(amounts, self.limits, self.shifts, strict=False))

    def definition(self) -> Global:
        """The global before any call: each count starts as far below its guard bit as its limit allows."""
        start = self.guards - sum((limit + 1) << at for limit, at in zip(self.limits, self.shifts, strict=False))
        return Global(GlobalType(self.kind, mutable=True), self.constant(start) + emit("end"))

    def constant(self, value: int) -> bytes:
        """The instruction that pushes it."""
        bits = 32 if self.kind == I32 else 64
        return emit("i32.const" if bits == 32 else "i64.const", value - (1 << bits) if value >> (bits - 1) else value)

    def guarded(self, code: Code, of: FuncType, results: int, cost: int, need: Need) -> Code:
        """A body that counts itself while it runs and stops when that is too much; `results` is the block type of what it returns."""
        kind = "i32" if self.kind == I32 else "i64"
        here, there = emit("global.get", self.index), emit("global.set", self.index)
        add = self.constant(cost) + emit(f"{kind}.add")
        saved = len(of.params) + sum(count for count, _ in code.locals)
        test = self.constant(self.guards) + emit(f"{kind}.and") + (b"" if self.kind == I32 else assemble("i64.const 0; i64.ne"))
        stopping = test + assemble(f"if void; call {self.stop}; end")
        if not need.counts:  # nothing below looks, so the sum is only tested
            return Code(code.locals, here + add + stopping + code.body)
        if saved >= MOST_LOCALS:
            message = f"a function of {saved:,} parameters and locals, which needs one more to count calls, {MOST_LOCALS:,} are allowed"
            raise LinkError(message, advice="split the function")
        before = here + emit("local.tee", saved) + add + there + (here + stopping if need.checks else b"")
        body = around(code, results, before, emit("local.get", saved) + there)
        saving = _SAVING[self.kind]
        return Code((*code.locals, *saving) if code.locals else saving, body)
