"""An inline meter: the code that counts a global down, and which charges of a contract are worth writing in place.

A call of a helper is the smallest charge and the slowest, since no engine here inlines calls: the registers of the loop around it are
saved and read back.  In place it is four times the bytes and costs next to nothing.  So a cost that is charged often gets a helper of
its own, which takes no operand, and the bytes this saves are spent on the hottest charges, in place.  A small contract saves too little
for its few hot loops and gets `ROOM` instead, less the larger it is: at 9 KB none of it is left.
Heat is what the code shows: how many loops are around a charge, recursion and the loops around calls of its function included.  The
module never gets more than `ROOM` bytes larger than by one helper for all, names aside.

Measured on the workloads of benchmarks/fuel.py (wasmtime 50, ahead of time; times of the unmetered hash, sort, token and recursion): with
helpers only 1.7, 2.6, 2.6 and 2.4; as it comes 1.0, 1.2, 1.7 and 1.1; all in place 1.0, 1.2, 1.6 and 1.1.

What is written in place subtracts before it tests, which wraps around if a host has set the global far below zero.  So whatever a host
can start begins with a call of the first helper, which tests before; past that the global is not below zero until the code has stopped.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sshi.wasm.callgraph import CallGraph, call_graph
from sshi.wasm.edit import assemble
from sshi.wasm.flow import BR_IF, CALL, CALL_INDIRECT, ELSE, END, LEAVES, LOOP, OPENERS, UNREACHABLE
from sshi.wasm.instructions import emit, index
from sshi.wasm.meter.points import Point
from sshi.wasm.module import FUNC, I64, Code, FuncType, Module

ROOM, SHRINKS = 172, 54
"""Bytes that charges in place may add to a contract too small to save as much by helpers; one less for every so many of its code."""

BEGIN = -1
"""The place before a function's first instruction, and before what is charged there."""

HOTTEST = 8
"""Loops deeper than this are as hot as each other."""

NO_TYPE = FuncType(b"", b"")
UNITS = FuncType(bytes((I64,)), b"")

Helper = tuple[str, FuncType, Code]
"""A function to add: its name, its type and its body."""


class Body(NamedTuple):
    """A body of the contract: its instructions, and where it is charged."""

    split: Sequence[bytes]
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Gauge:
    """The global that counts down, by its index, and the code that ends a call when it is below zero."""

    gas: int
    stop: bytes

    def take(self, units: bytes) -> bytes:
        """Take off what `units` pushes; for a global that is not below zero."""
        return assemble(f"global.get {self.gas}") + units + assemble(f"i64.sub; global.set {self.gas}")

    @property
    def test(self) -> bytes:
        """Stop when too much was taken."""
        # it reads the global anew, which costs nothing: an engine knows what it has just stored there
        return assemble(f"global.get {self.gas}; i64.const 0; i64.lt_s; if void") + self.stop + emit("end")

    def spend(self, units: bytes) -> bytes:
        """Take it off, and stop when that was too much."""
        return self.take(units) + self.test


@dataclass(frozen=True, slots=True)
class Charges:
    """How charges are written: those `at` these instructions of each function, the others as those `of` such a cost.

    At `BEGIN` a function has one more, of 0.
    """

    helpers: list[Helper]
    at: Mapping[int, Mapping[int, bytes]]
    of: Mapping[int, bytes]
    is_begun: bool
    """Whether whatever a host can start begins with a call of the first helper."""


def plan_charges(module: Module, bodies: Sequence[Body], gauge: Gauge, first: int, room: int = ROOM) -> Charges:
    """How to charge the module's bodies when `first` is the index of the first helper."""
    graph = call_graph(module)
    imports = len(module.imported(FUNC))
    plan = _Plan(bodies, gauge, first, {root - imports for root in graph.roots if root >= imports})
    helpers: list[Helper] = [("gas.charge", UNITS, Code((), gauge.test + gauge.spend(emit("local.get", 0)) + emit("end")))]
    own, calls, saved = plan.own_helpers(new_type=NO_TYPE not in module.types)
    size = sum(len(code.body) for code in module.codes)
    room = max(saved, room - size // SHRINKS) - plan.overhead(len(own))
    if room < 0:
        return Charges(helpers, {}, plan.of, is_begun=False)
    plan.of |= calls
    return Charges([*helpers, *own], plan.places(_heats(graph, imports, bodies), room), plan.of, is_begun=True)


class _Plan:
    """The bodies, and how their charges are written as far as that is known; `started` are those that a host can start."""

    def __init__(self, bodies: Sequence[Body], gauge: Gauge, first: int, started: set[int]) -> None:
        self._bodies, self._gauge, self._first, self._started = bodies, gauge, first, started
        self.of = {point.cost: self._called(point.cost) for body in bodies for point in body.points if not point.counted}
        self._bare = [function for function in sorted(started) if _must_begin(bodies[function])]

    def overhead(self, own: int) -> int:
        """Bytes besides: to begin with a charge, to rely on that where an operand is charged, to call that past the own helpers."""
        counted = Counter(point.counted for body in self._bodies for point in body.points if point.counted)
        apart = len(self._gauge.spend(b"")) - len(emit("call", self._first))
        wider = len(emit("call", self._first + own + len(counted))) - len(emit("call", self._first + 1))
        return len(self._bare) * (len(self._called(0)) + 1) + len(counted) * apart + counted.total() * wider

    def own_helpers(self, *, new_type: bool) -> tuple[list[Helper], dict[int, bytes], int]:
        """Helpers for single costs, which follow the first, how such costs are charged then, and the bytes it saves."""
        uses = Counter(point.cost for _, point in self._free())
        helpers: list[Helper] = []
        calls: dict[int, bytes] = {}
        saved = 0
        for cost, count in sorted(uses.items(), key=lambda use: (-use[1], use[0])):
            call = emit("call", self._first + 1 + len(helpers))
            body = self._in_place(cost) + emit("end")
            # its type's index, its size, its empty list of locals; the type itself
            overhead = 3 + (3 if new_type and not helpers else 0)
            gain = count * (len(self.of[cost]) - len(call)) - len(body) - overhead
            if gain > 0:
                helpers.append((f"gas.charge.{cost}", NO_TYPE, Code((), body)))
                calls[cost] = call
                saved += gain
        return helpers, calls, saved

    def places(self, heats: Sequence[bytes], room: int) -> Mapping[int, Mapping[int, bytes]]:
        """Code for single charges by function: the hottest in place, as far as there is room, and what a host can start begins with."""
        found: defaultdict[int, dict[int, bytes]] = defaultdict(dict)
        for function, at, cost in self._by_heat(heats):
            if _is_last(self._bodies[function].split, at):
                continue
            code = self._in_place(cost)
            # a body that grows may need one more byte for its size
            larger = len(code) - len(self.of[cost]) + (function not in found)
            if larger <= room:
                room -= larger
                found[function][at] = code
        for function in self._started:
            for point in self._bodies[function].points[:1]:
                if _begins(point):
                    found[function][point.at] = self._called(point.cost)
        for function in self._bare:
            found[function][BEGIN] = self._called(0)
        return found

    def _by_heat(self, heats: Sequence[bytes]) -> Iterator[tuple[int, int, int]]:
        """Function, place and cost of the charges that are in a loop at all, the hottest first, else in order."""
        found = [array("q") for _ in range(2 * HOTTEST + 1)]  # numbers only: of a hostile body there are hundreds of thousands
        for function, point in self._free():
            found[heats[function][point.at]].extend((function, point.at, point.cost))
        for numbers in reversed(found[1:]):
            each = iter(numbers)
            yield from zip(each, each, each, strict=True)

    def _free(self) -> Iterator[tuple[int, Point]]:
        """The charges of a known cost by function, but for those that a function which a host can start begins with."""
        for function, body in enumerate(self._bodies):
            begun = function in self._started
            for point in body.points:
                if not (point.counted or (begun and _begins(point))):
                    yield function, point

    def _in_place(self, cost: int) -> bytes:
        return self._gauge.spend(emit("i64.const", cost))

    def _called(self, cost: int) -> bytes:
        return emit("i64.const", cost) + emit("call", self._first)


def _begins(point: Point) -> bool:
    return point.at == 0 and not point.counted


def _must_begin(body: Body) -> bool:
    """Whether something may be charged in or below this body that nothing in it was charged before."""
    if body.points and _begins(body.points[0]):
        return False
    return bool(body.points) or any(token[0] in (CALL, CALL_INDIRECT) for token in body.split)


def _is_last(split: Sequence[bytes], at: int) -> bool:
    """Whether code traps, as what reports an error does, before control turns: it runs once in a call at most, in any loop."""
    turn = next(place for place in range(at, len(split)) if split[place][0] in _TURNS)
    return split[turn][0] == UNREACHABLE


_TURNS = frozenset((*OPENERS, ELSE, END, *LEAVES, BR_IF))


def _heats(graph: CallGraph, imports: int, bodies: Sequence[Body]) -> list[bytes]:
    """How many loops are around each instruction, those around its function's calls included; a recursion is a loop too."""
    same: dict[bytes, bytes] = {}  # most have no loop, and there may be hundreds of thousands
    depths = [same.setdefault(depth, depth) for depth in (_depths(body.split) for body in bodies)]
    calls: dict[tuple[int, int], int] = {}
    for function, (body, depth) in enumerate(zip(bodies, depths, strict=True), imports):
        for token, loops in zip(body.split, depth, strict=True):
            if loops and token[0] in (CALL, CALL_INDIRECT):
                place = function, index(token) if token[0] == CALL else graph.functions
                calls[place] = max(calls.get(place, 0), loops)
    heat = [0] * len(graph.successors)
    for component in reversed(graph.components()):  # callers first
        is_cycle = len(component) > 1 or component[0] in graph.successors[component[0]]
        inside = min(HOTTEST, max(heat[node] for node in component) + is_cycle)
        for node in component:
            heat[node] = inside
        within = frozenset(component)
        for node in component:
            for following in {*graph.successors[node]} - within:
                loops = calls.get((node, min(following, graph.functions)), 0)  # the nodes past the functions are types
                heat[following] = min(HOTTEST, max(heat[following], inside + loops))
    return [bytes([own + heat[function] for own in depth]) if heat[function] else depth for function, depth in enumerate(depths, imports)]


def _depths(split: Sequence[bytes]) -> bytes:
    """How many loops are around each instruction, as far as that counts: a byte each."""
    found = bytearray()
    is_loop: list[bool] = []
    depth = 0
    for token in split:
        found.append(min(depth, HOTTEST))
        op = token[0]
        if op in OPENERS:
            is_loop.append(op == LOOP)
            depth += op == LOOP
        elif op == END and is_loop:
            depth -= is_loop.pop()
    return bytes(found)
