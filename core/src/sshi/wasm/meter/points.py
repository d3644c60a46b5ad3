"""Where gas is charged, and how much.

Two schedules, both linear in the code.  `block_points` charges a whole run before its first instruction: the run is all that must
execute once its head does, the code after a block included when nothing inside leaves further out; a trap or a call that ends
the contract may leave part of it unexecuted.  `exact_points` never charges for an instruction that an observer could see not
executed: it joins only instructions that can do nothing but compute, up to the next one that can trap, branch, call or touch memory.

Code that validation calls unreachable is not charged.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, compress
from typing import NamedTuple, overload

from sshi.wasm.flow import (
    BLOCK,
    BR,
    BR_IF,
    CALL,
    CALL_INDIRECT,
    ELSE,
    END,
    IF,
    LEAVES,
    LOOP,
    OPENERS,
    RETURN,
    UNREACHABLE,
    labels,
    refuse_unknown,
)
from sshi.wasm.instructions import index, key
from sshi.wasm.meter.costs import Costs, PerUnit
from sshi.wasm.opcodes import BY_KEY, Op


class Point(NamedTuple):
    """A charge of `cost` before the instruction `at` (counted, not a byte offset).

    With `counted` it is a charge by the topmost operand instead.  `seen` says that the host may look, or the loop never end,
    before the next point: a meter that tests late must test here.
    """

    at: int
    cost: int
    counted: PerUnit | None = None
    seen: bool = True


class _Kind(NamedTuple):
    """An instruction as the schedules see it; control may turn where it `turns`, or its charge hangs on an operand."""

    cost: int
    counted: PerUnit | None
    is_pure: bool
    turns: bool


class Kinds(dict[bytes, _Kind]):
    """The kind of every distinct instruction, worked out once an opcode; `costs` and `turns` are what `block_points` asks of it."""

    def __init__(self, costs: Costs) -> None:
        super().__init__()
        self.turns: dict[bytes, bool] = {}
        self.costs = _CostsOf(self)
        self._costs = costs
        self._by_op: dict[int, _Kind] = {}
        self._wholes: dict[int, tuple[Point]] = {}

    def __missing__(self, token: bytes) -> _Kind:
        kind = self[token] = self.of(token)
        return kind

    def of(self, token: bytes) -> _Kind:
        """The same for who asks once, so that nothing is remembered."""
        number = token[0] if token[0] < 0xFB else key(token)
        kind = self._by_op.get(number)
        if kind is None:
            kind = self._by_op[number] = self._kind(token, BY_KEY[number])
        return kind

    def whole(self, cost: int) -> tuple[Point]:
        """The one point of a body that is charged as a whole; the same one for all such bodies, which are most of the short ones."""
        if cost not in self._wholes:
            self._wholes[cost] = (Point(0, cost),)
        return self._wholes[cost]

    def _kind(self, token: bytes, op: Op) -> _Kind:
        refuse_unknown(token, "")
        counted = self._costs.counted.get(op.mnemonic)
        cost = 0 if counted else self._costs.of(op.mnemonic)
        return _Kind(cost, counted, is_pure(op), counted is not None or op.key in _TURNS)


class _CostsOf(dict[bytes, int]):
    """What each distinct instruction costs; once that was asked, it is known whether control turns there."""

    def __init__(self, kinds: Kinds) -> None:
        super().__init__()
        self._kinds = kinds

    def __missing__(self, token: bytes) -> int:
        kind = self._kinds.of(token)
        self._kinds.turns[token] = kind.turns
        self[token] = kind.cost
        return kind.cost


_TURNS = frozenset((*OPENERS, ELSE, END, *LEAVES, BR_IF))
_PURE_ELSEWHERE = frozenset(("memory.size", "table.size", "data.drop", "elem.drop"))


@cache
def is_pure(op: Op) -> bool:
    """Whether it can only compute: it cannot trap, branch, call or touch memory or a table."""
    name = op.mnemonic
    if op.proposal in ("exceptions", "legacy-exceptions", "function-references", "tail-call", "threads"):
        return False
    if name in _PURE_ELSEWHERE:
        return True
    if name.startswith(("memory.", "table.")) or "memarg" in op.immediates:
        return False
    if "*" in op.stack or "!" in op.stack:
        return False
    return not any(part in name for part in (".div_s", ".div_u", ".rem_s", ".rem_u", ".trunc_f"))


@dataclass(slots=True)
class _Run:
    """Instructions charged together, before the instruction `at`."""

    at: int
    cost: int = 0


_FEW = 4
"""Points that take less as they are than as numbers."""


class _Points(Sequence[Point]):
    """Points of known costs, kept as numbers: of a hostile body there may be half as many as it has bytes."""

    __slots__ = ("_at", "_cost")

    def __init__(self, at: array[int], cost: array[int]) -> None:
        self._at, self._cost = at, cost

    def __len__(self) -> int:
        return len(self._at)

    def __iter__(self) -> Iterator[Point]:
        return map(Point, self._at, self._cost)

    @overload
    def __getitem__(self, index: int) -> Point: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Point]: ...
    def __getitem__(self, index: int | slice) -> Point | Sequence[Point]:
        if isinstance(index, slice):
            return _Points(self._at[index], self._cost[index])
        return Point(self._at[index], self._cost[index])


def block_points(code: Sequence[bytes], kinds: Kinds, entry: int = 0) -> Sequence[Point]:
    """The points of a body's instructions, in order, each run charged as a whole; `entry` is charged at its start."""
    # only where control turns is anything to decide; between, the costs are summed without looking: a body is mostly that
    before = array("q", accumulate(map(kinds.costs.__getitem__, code), initial=0))
    begins, costs = array("q", (0,)), array("q", (entry,))  # the runs: where each begins, and its cost as far as it is known
    run = 0  # the one being gathered
    entered, outermost = (
        array("q", (0,)),
        array("q", (0,)),
    )  # of each open block: the run it was entered in, the outermost block that a branch inside goes to
    counted: list[Point] = []
    done = dead = 0
    for at in compress(range(len(code)), map(kinds.turns.__getitem__, code)):
        token = code[at]
        op = token[0]
        if dead:
            dead = _still_dead(op, dead)
            if dead or op in OPENERS:
                continue
            done = at
        after = at + 1
        charged = at if op == LOOP else after  # what a loop costs is paid on every round
        costs[run] += before[charged] - before[done]
        done = charged
        begins_run = False
        if op == END:
            run = entered.pop()
            left = outermost.pop()
            if entered and left < len(entered):  # something inside left this block too: what follows may not run
                begins_run = True
                outermost[-1] = min(outermost[-1], left)
        elif op == BR_IF or op in LEAVES:
            target = _outermost(token, len(entered) - 1)
            outermost[-1] = min(outermost[-1], target)
            begins_run = op == BR_IF
            dead = int(op != BR_IF)
        elif op in OPENERS:
            outermost.append(len(entered))
            entered.append(run)
            begins_run = op != BLOCK
        elif op == ELSE:
            begins_run = True
        elif per := kinds.of(token).counted:
            counted.append(Point(at, 0, per))
        if begins_run:
            run = len(begins)
            begins.append(after)
            costs.append(0)
    points: Sequence[Point]
    if len(begins) == 1:
        points = kinds.whole(costs[0]) if costs[0] else ()
    elif len(begins) <= _FEW:
        points = tuple(map(Point, compress(begins, costs), filter(None, costs)))
    else:
        points = _Points(array("q", compress(begins, costs)), array("q", filter(None, costs)))
    return sorted([*points, *counted], key=_place) if counted else points


def _place(point: Point) -> int:
    return point.at


def exact_points(code: Sequence[bytes], kinds: Kinds, entry: int = 0, *, apart: bool = False) -> list[Point]:
    """The points of a body's instructions, in order, exact wherever anyone can look; `entry` is charged at its start.

    `apart` makes the entry a point of its own, as a meter does that tests every charge: what is left when a call runs out right there
    depends on the charge's size.
    """
    exact = _Exact(_Run(0, 0 if apart else entry))
    if apart and entry:
        exact.points.append(Point(0, entry))
    dead = 0
    for at, token in enumerate(code):
        op = token[0]
        if dead:
            dead = _still_dead(op, dead)
            if dead or op in OPENERS:
                continue
            exact.run = _Run(at)
        dead = exact.step(at, token, kinds[token])
    exact.close(len(code), seen=False)
    return exact.points


class _Exact:
    """The run being gathered, and for each open block whether a branch goes to its end."""

    def __init__(self, run: _Run) -> None:
        self.points: list[Point] = []
        self.run = run
        self._targets = [False]
        self._loops = [False]
        self._in_loop = False  # a loop began and nothing was charged since

    def close(self, following: int, *, seen: bool) -> None:
        """Charge the run, and begin the next one."""
        if self.run.cost:
            self.points.append(Point(self.run.at, self.run.cost, seen=seen or self._in_loop))
            self._in_loop = False
        self.run = _Run(following)

    def step(self, at: int, token: bytes, kind: _Kind) -> int:
        """Take one instruction; 1 when nothing after it runs, else 0."""
        op = token[0]
        if kind.counted:
            self.close(at, seen=True)
            self.points.append(Point(at, 0, kind.counted))
            self.close(at + 1, seen=False)
        elif op == LOOP:
            self.close(at + 1, seen=False)
            self.run.cost, self._in_loop = kind.cost, True
            self._enter(is_loop=True)
        elif op == ELSE:
            self.close(at + 1, seen=False)
        elif op == END:
            self._loops.pop()
            if self._targets.pop():
                self.close(at + 1, seen=False)
        else:
            self.run.cost += kind.cost
            if op in OPENERS:
                self._enter(is_loop=False, is_target=op == IF)
            elif op in LEAVES or op == BR_IF:
                for target in _targets(token, len(self._targets) - 1):
                    self._targets[target] = not self._loops[target]
            if op == IF or not (kind.is_pure or op in OPENERS):
                self.close(at + 1, seen=op in (CALL, CALL_INDIRECT))
        return int(op in LEAVES)

    def _enter(self, *, is_loop: bool, is_target: bool = False) -> None:
        self._targets.append(is_target)
        self._loops.append(is_loop)


def _still_dead(op: int, dead: int) -> int:
    """How many blocks are open in code that does not run, after this instruction of it."""
    if op in OPENERS:
        return dead + 1
    return dead - 1 if op == END or (op == ELSE and dead == 1) else dead


def _targets(token: bytes, innermost: int) -> list[int]:
    """The open blocks, numbered from the function's 0, that a leaving instruction goes to."""
    if token[0] == UNREACHABLE:
        return []
    if token[0] == RETURN:
        return [0]
    return [innermost - label for label in labels(token)]


def _outermost(token: bytes, innermost: int) -> int:
    op = token[0]
    if op in (BR, BR_IF):
        return innermost - index(token)
    return min(_targets(token, innermost), default=innermost)
