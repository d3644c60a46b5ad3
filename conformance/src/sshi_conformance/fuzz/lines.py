"""From operations to instructions, written once for both renderings: bytes and text differ only in how a line is printed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sshi.spec.loader import interface
from sshi.spec.model import ParamType
from sshi.wasm.immediates import VOID, Immediate
from sshi_conformance.fuzz.program import (
    COUNT_SHIFT,
    INPUT,
    SLOT_BYTES,
    Arg,
    Bump,
    Compute,
    Delta,
    Drop,
    Entry,
    Fill,
    Grow,
    Host,
    If,
    Indirect,
    Init,
    Leave,
    Load,
    Loop,
    Move,
    Op,
    Pick,
    Recurse,
    Several,
    Slot,
    Store,
    Tick,
    Unreachable,
    Word,
    blocks,
    walk,
)

Line = tuple[str, *tuple[Immediate, ...]]
"""A mnemonic and its immediates."""

SHOW, ASK = "set_return", "input"
"""The host functions that every entry relies on: they bring words in and results out."""
PLAIN, PAIR = 0, 1
"""The types `() -> ()`, and that of two values taken and left: the first ones of every module that has them."""
_LOAD = {1: "i64.load8_u", 4: "i64.load32_u", 8: "i64.load"}
_STORE = {1: "i64.store8", 4: "i64.store32", 8: "i64.store"}


class Writer:
    """The lines of one function.

    functions  the numbers of host functions and of helpers
    segment    the number of the passive segment
    """

    def __init__(self, functions: Mapping[str, int], segment: int) -> None:
        self.lines: list[Line | str] = []  # a bare string is a note for the reader
        self.locals = 0
        self._functions = functions
        self._segment = segment

    def entry(self, entry: Entry, window: int) -> None:
        """A whole entry."""
        if entry.reads_input:
            self._note(f"{ASK}({INPUT:#x})")
            self._add(("i32.const", INPUT), ("call", self._functions[ASK]), ("drop",))
        self._block(entry.body)
        self._note(f"{SHOW}(0, {window})")
        self._add(("i32.const", 0), ("i32.const", window), ("call", self._functions[SHOW]), ("end",))

    def reactor(self, body: tuple[Op, ...]) -> None:
        """`_initialize`."""
        self._block(body)
        self._add(("end",))

    def _block(self, body: tuple[Op, ...]) -> None:
        """The operations, in a block of their own when one of them leaves it."""
        leaves = any(isinstance(op, Leave) and not op.quick for op in walk(body))
        self._add(*[("block", VOID)] * leaves)
        self._ops(body, inside=0)
        self._add(*[("end",)] * leaves)

    def _ops(self, ops: Iterable[Op], inside: int) -> None:
        for op in ops:
            self._op(op, inside)

    def _op(self, op: Op, inside: int) -> None:
        """`inside` counts the labels between here and the entry's own block."""
        if not blocks(op):
            self._note(describe(op))
        match op:
            case Host():
                self._host(op)
            case Store(at, value, width):
                self._add(self._i32(at), self._i64(value), (_STORE[width], (0, 0)))
            case Load(slot, at, width):
                self._observe(slot, [*self._i32(at), (_LOAD[width], (0, 0))])
            case Move(to, source, length):
                self._add(self._i32(to), self._i32(source), self._i32(length), ("memory.copy", 0, 0))
            case Fill(to, byte, length):
                self._add(self._i32(to), ("i32.const", byte), self._i32(length), ("memory.fill", 0))
            case Init(to, offset, length):
                self._add(self._i32(to), self._i32(offset), self._i32(length), ("memory.init", self._segment, 0))
            case Drop():
                self._add(("data.drop", self._segment))
            case Tick(slot):
                self._add(("global.get", 0), ("i64.const", 1), ("i64.add",), ("global.set", 0))
                self._observe(slot, [("global.get", 0)])
            case Several():
                self._several(op)
            case Delta(slot, before, after):
                self._observe(slot, [*_load8(after), *_load8(before), ("i64.sub",)])
            case Bump(at, by):
                self._add(("i32.const", at), _load8(at), ("i64.const", by), ("i64.add",), ("i64.store", (0, 0)))
            case Grow(slot, pages):
                grown: list[Line] = [*self._i32(pages), ("memory.grow", 0), ("i64.extend_i32_u",)]
                self._observe(slot, [*grown, ("i64.const", 16), ("i64.shl",), ("memory.size", 0), ("i64.extend_i32_u",), ("i64.add",)])
            case Compute():
                self._observe(op.slot, self._computed(op))
            case Unreachable():
                self._add(("unreachable",))
            case Indirect(slot, index):
                self._observe(slot, [*self._i32(index), ("call_indirect", PLAIN, 0), ("i64.const", 0)])
            case Recurse(slot, depth):
                self._observe(slot, [*self._i32(depth), ("call", self._functions[RECURSE]), ("i64.const", 0)])
            case Leave(quick):
                self._add(("return",) if quick else ("br", inside))
            case Loop(times, body):
                self._loop(times, body, inside)
            case If(test, equals, then, otherwise):
                self._note(f"if {_shown(test)} == {equals:#x}")
                self._add(self._i32(test), ("i32.const", _signed(equals)), ("i32.eq",), ("if", VOID))
                self._ops(then, inside + 1)
                if otherwise:
                    self._add(("else",))
                    self._ops(otherwise, inside + 1)
                self._add(("end",))
            case Pick(on, arms):
                self._pick(on, arms, inside)

    def _host(self, op: Host) -> None:
        function = interface().functions[op.function]
        call: list[Line] = []
        for param, arg in zip(function.params, op.args, strict=True):
            call += self._i64(arg) if param.type is ParamType.U64 else self._i32(arg)
        call.append(("call", self._functions[op.function]))
        if function.results == ("i32",):
            call.append(("i64.extend_i32_u",))
        if op.quiet or not function.results:
            call += [("drop",)] * len(function.results) + [("i64.const", 0)]
        self._observe(op.slot, call)

    def _several(self, op: Several) -> None:
        both = [*self._i64(op.first), *self._i64(op.second)]
        swap: Line = ("call", self._functions[SWAP])
        match op.way:
            case "block":
                lines = [*both, ("block", PAIR), ("i64.const", 7), ("i64.add",), *self._i32(op.first), ("br_if", 0), swap, ("end",)]
            case "if":
                lines = [*both, *self._i32(op.second), ("if", PAIR), swap, ("else",), ("i64.const", 5), ("i64.xor",), ("end",)]
            case "loop":
                begin, again = self._counter(3)
                lines = [*begin, *both, ("loop", PAIR), swap, ("i64.const", 1), ("i64.add",), *again, ("br_if", 0), ("end",)]
            case _:
                lines = [*both, swap]
        self._observe(op.slot, [*lines, ("i64.sub",)])

    def _counter(self, times: int) -> tuple[list[Line], list[Line]]:
        """Instructions that begin to count, and those that leave how many rounds are left."""
        local = self.locals
        self.locals += 1
        again: list[Line] = [("local.get", local), ("i32.const", 1), ("i32.sub",), ("local.tee", local)]
        return [("i32.const", times), ("local.set", local)], again

    def _loop(self, times: int, body: tuple[Op, ...], inside: int) -> None:
        begin, again = self._counter(times)
        self._note(f"{times} times")
        self._add(begin, ("loop", VOID))
        self._ops(body, inside + 1)
        self._add(again, ("br_if", 0), ("end",))

    def _pick(self, on: Arg, arms: Sequence[tuple[Op, ...]], inside: int) -> None:
        self._note(f"pick an arm by {_shown(on)}")
        self._add(*[("block", VOID)] * (len(arms) + 1), self._i32(on), ("br_table", tuple(range(len(arms)))))
        for number, arm in enumerate(arms):
            self._add(("end",))
            self._ops(arm, inside + len(arms) - number)
            self._add(("br", len(arms) - 1 - number))
        self._add(("end",))

    def _computed(self, op: Compute) -> list[Line]:
        lines = self._i64(op.start) if op.wide else self._i32(op.start)
        for mnemonic, operand in op.steps:
            if operand is not None:
                lines.append(("i64.const", _signed(operand, 64)) if op.wide else ("i32.const", _signed(operand)))
            lines.append((mnemonic,))
        return lines if op.wide else [*lines, ("i64.extend_i32_u",)]

    def _observe(self, slot: int, lines: list[Line]) -> None:
        """Give the i64 that the lines leave to the slot."""
        self._add(("i32.const", SLOT_BYTES * slot), lines, ("call", self._functions[OBSERVE]))

    def _i32(self, arg: Arg) -> list[Line]:
        match arg:
            case Word(index):
                return [("i32.const", INPUT + 4 + 4 * index), ("i32.load", (0, 0))]
            case Slot(index):
                return [("i32.const", SLOT_BYTES * index), ("i32.load", (0, 0))]
            case _:
                return [("i32.const", _signed(arg))]

    def _i64(self, arg: Arg) -> list[Line]:
        return [("i64.const", _signed(arg, 64))] if isinstance(arg, int) else [*self._i32(arg), ("i64.extend_i32_u",)]

    def _note(self, text: str) -> None:
        self.lines.append(text)

    def _add(self, *parts: Line | list[Line]) -> None:
        for part in parts:
            self.lines += part if isinstance(part, list) else [part]


RECURSE, OBSERVE, SWAP = " recurse", " observe", " swap"
"""The helpers' names among `functions`; no import can have them."""


def observation() -> list[Line]:
    """The body of the function that adds its second argument to the slot at its first, and counts one more execution there."""
    lines: list[Line] = [("local.get", 0), ("local.get", 1), ("local.get", 0), ("i64.load", (0, 0)), ("i64.add",)]
    return [*lines, ("i64.const", 1 << COUNT_SHIFT), ("i64.add",), ("i64.store", (0, 0)), ("end",)]


def recursion(functions: Mapping[str, int], frame: int) -> list[Line]:
    """The body of the function that calls itself as deep as its argument says, with `frame` 64-bit locals used."""
    lines: list[Line] = [("local.get", 0), ("i32.eqz",), ("if", VOID), ("return",), ("end",)]
    for local in range(1, frame + 1):
        lines += [("local.get", 0), ("i64.extend_i32_u",), ("local.set", local)]
    return [*lines, ("local.get", 0), ("i32.const", 1), ("i32.sub",), ("call", functions[RECURSE]), ("end",)]


def describe(op: Op) -> str:
    """An operation on one line, for people."""
    match op:
        case Host(slot, function, args):
            names = [param.name for param in interface().functions[function].params]
            shown = ", ".join(f"{name}={_shown(arg)}" for name, arg in zip(names, args, strict=True))
            return f"slot {slot}: {function}({shown})"
        case Store(at, value, width):
            return f"store{8 * width} {_shown(value)} at {_shown(at)}"
        case Load(slot, at, width):
            return f"slot {slot}: load{8 * width} at {_shown(at)}"
        case Move(to, source, length):
            return f"copy {_shown(length)} bytes from {_shown(source)} to {_shown(to)}"
        case Fill(to, byte, length):
            return f"fill {_shown(length)} bytes at {_shown(to)} with {byte:#x}"
        case Init(to, offset, length):
            return f"copy {_shown(length)} bytes of the passive segment, from its byte {offset}, to {_shown(to)}"
        case Several(slot, first, second, way):
            return f"slot {slot}: {_shown(first)} and {_shown(second)} through a {way} with two results"
        case Tick(slot):
            return f"slot {slot}: count up the global"
        case Delta(slot, before, after):
            return f"slot {slot}: what is at {after:#x} less what is at {before:#x}"
        case Bump(at, by):
            return f"add {by} to what is at {at:#x}"
        case Grow(slot, pages):
            return f"slot {slot}: grow memory by {_shown(pages)}, then its size"
        case Compute(slot, start, steps):
            return f"slot {slot}: compute from {_shown(start)} in {len(steps)} steps"
        case Indirect(slot, index):
            return f"slot {slot}: call through table slot {_shown(index)}"
        case Recurse(slot, depth):
            return f"slot {slot}: recurse {_shown(depth)} deep"
        case Leave(quick):
            return "return" if quick else "leave the entry"
        case _:
            return type(op).__name__.lower()


def _load8(at: int) -> list[Line]:
    return [("i32.const", at), ("i64.load", (0, 0))]


def _shown(arg: Arg) -> str:
    match arg:
        case Word(index):
            return f"word {index}"
        case Slot(index):
            return f"slot {index}"
        case _:
            return str(arg) if arg < 0x100 else f"{arg:#x}"


def _signed(value: int, bits: int = 32) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value
