"""The smallest contract and case that still differ in the same way.

Plain hill climbing: every simplification is tried where it would save most first, and kept when the difference is still there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import monotonic

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from sshi_conformance.fuzz.program import Arg, Contract, Entry, If, Loop, Op, Pick, Slot, Word, blocks, walk, with_blocks
from sshi_conformance.pieces import Input, Piece
from sshi_conformance.scenario import Block, Case, Step

ATTEMPTS = 600
SECONDS = 60.0
PLAIN_BLOCK = Block()


@dataclass(frozen=True)
class Subject:
    """What is made smaller."""

    contract: Contract
    case: Case


def shrink(subject: Subject, differs: Callable[[Subject], bool], *, attempts: int = ATTEMPTS, seconds: float = SECONDS) -> Subject:
    """A local minimum of `subject` under `differs`, within so many attempts and so much time; `subject` itself is taken to differ."""
    until = monotonic() + seconds
    first = 0
    while True:
        for position, candidate in enumerate(candidates(subject)):
            if position < first:
                continue
            if attempts <= 0 or monotonic() >= until:
                return subject
            attempts -= 1
            if differs(candidate):
                # what was in vain before will mostly be in vain again: go on from here, and come back once at the end
                subject, first = candidate, position
                break
        else:
            if first == 0:
                return subject
            first = 0


def candidates(subject: Subject) -> Iterator[Subject]:
    """Simpler subjects, the boldest first."""
    contract, case = subject.contract, subject.case
    yield from (Subject(contract, smaller) for smaller in _cases(case))
    used = {step.action[1] for step in case.steps}
    idle = [entry for entry in contract.entries if entry.name not in used]
    for dropped in (idle, *([entry] for entry in idle)) if idle else ():
        yield Subject(replace(contract, entries=tuple(entry for entry in contract.entries if entry not in dropped)), case)
    yield from (Subject(smaller, case) for smaller in _contracts(contract))
    yield from _fixed_words(subject)
    yield from (Subject(contract, smaller) for smaller in _plainer_cases(case))


def _cases(case: Case) -> Iterator[Case]:
    """Fewer steps: only the first ones, then without each."""
    steps = case.steps
    yield from (replace(case, steps=steps[:count]) for count in range(1, len(steps)))
    yield from (replace(case, steps=steps[:at] + steps[at + 1 :]) for at in reversed(range(len(steps))) if len(steps) > 1)


def _plainer_cases(case: Case) -> Iterator[Case]:
    """Plainer steps, nobody who is not needed, an ordinary block."""
    for at, step in enumerate(case.steps):
        for smaller in _steps(step):
            yield replace(case, steps=(*case.steps[:at], smaller, *case.steps[at + 1 :]))
    if case.block != PLAIN_BLOCK:
        yield replace(case, block=PLAIN_BLOCK)
    everybody = replace(case, accounts={}).people
    for name, account in case.accounts.items():
        acts = any(step.caller == name or f"address='{name}'" in repr(step.input) for step in case.steps)
        # somebody whom every case has anyway, or nobody at all
        if everybody.get(name) == account or not acts:
            yield replace(case, accounts={other: account for other, account in case.accounts.items() if other != name})


def _steps(step: Step) -> Iterator[Step]:
    for field, plain in (("height", UNSET), ("time_ms", UNSET), ("gas", UNSET), ("value", 0), ("caller", "alice"), ("input", "hex:")):
        if getattr(step, field) != plain:
            yield replace(step, **{field: plain})
    if isinstance(step.value, int) and step.value > 1:
        yield replace(step, value=1)
    if isinstance(step.input, tuple):
        yield from (replace(step, input=smaller) for smaller in _inputs(step.input))


def _inputs(pieces: tuple[Piece, ...]) -> Iterator[Input]:
    for at, piece in enumerate(pieces):
        yield pieces[:at] + pieces[at + 1 :]
        if piece.fill is not UNSET and piece.fill.count > 1:
            yield (*pieces[:at], Piece(fill=replace(piece.fill, count=piece.fill.count // 2)), *pieces[at + 1 :])
        if piece.hex is not UNSET and piece.hex.strip("0"):
            yield (*pieces[:at], Piece(hex="00" * (len(piece.hex) // 2)), *pieces[at + 1 :])


def _contracts(contract: Contract) -> Iterator[Contract]:
    if contract.reactor is not None:
        yield replace(contract, reactor=None)
    for at, entry in enumerate(contract.entries):
        others = contract.entries[:at], contract.entries[at + 1 :]
        for smaller in _entries(entry):
            yield replace(contract, entries=(*others[0], smaller, *others[1]))
    prepared = contract.prepared
    half = len(prepared) // 2
    if half:
        yield replace(contract, prepared=prepared[half:])
        yield replace(contract, prepared=prepared[:half])
    yield from (replace(contract, prepared=prepared[:at] + prepared[at + 1 :]) for at in range(len(prepared)))
    for field, plain in (
        ("frame", 0),
        ("pages", (1, 1)),
        ("window", 8 * (1 + _highest_slot(contract))),
        ("funded", False),
        ("budget", None),
    ):
        if getattr(contract, field) != plain and (field != "window" or contract.window > 8 * (1 + _highest_slot(contract))):
            yield replace(contract, **{field: plain})


def _highest_slot(contract: Contract) -> int:
    return max((getattr(op, "slot", 0) for body in contract.bodies for op in walk(body)), default=0)


def _entries(entry: Entry) -> Iterator[Entry]:
    for body in _bodies(entry.body):
        yield replace(entry, body=body)
    if entry.reads_input:
        yield replace(entry, reads_input=False)


def _bodies(body: tuple[Op, ...]) -> Iterator[tuple[Op, ...]]:
    """Without large parts, then without each operation, then with a simpler one in its place."""
    size = len(body) // 2
    while size > 1:
        yield from (body[:at] + body[at + size :] for at in range(0, len(body), size))
        size //= 2
    yield from (body[:at] + body[at + 1 :] for at in reversed(range(len(body))))
    for at, op in enumerate(body):
        before, after = body[:at], body[at + 1 :]
        yield from ((*before, *block, *after) for block in blocks(op))
        yield from ((*before, smaller, *after) for smaller in _ops(op))


def _ops(op: Op) -> Iterator[Op]:
    """A simpler operation of the same kind."""
    inner = blocks(op)
    for at, block in enumerate(inner):
        yield from (with_blocks(op, (*inner[:at], smaller, *inner[at + 1 :])) for smaller in _bodies(block))
    match op:
        case Loop(times=times) if times > 1:
            yield replace(op, times=1)
            yield replace(op, times=times // 2)
        case Pick() | If():
            return
        case _:
            pass
    for field in op.__struct_fields__:
        value = getattr(op, field)
        if field == "args":
            yield from (replace(op, args=args) for args in _args(value))
        elif field == "steps" and len(value) > 1:
            yield from (replace(op, steps=value[:at] + value[at + 1 :]) for at in range(len(value)))
        elif field in ("at", "value", "to", "source", "length", "pages", "start", "index", "depth", "first", "second"):
            yield from (replace(op, **{field: smaller}) for smaller in _smaller(value))


def _args(args: tuple[Arg, ...]) -> Iterator[tuple[Arg, ...]]:
    for at, arg in enumerate(args):
        yield from ((*args[:at], smaller, *args[at + 1 :]) for smaller in _smaller(arg))


def _smaller(arg: Arg) -> Iterator[Arg]:
    if isinstance(arg, Slot | Word):
        yield 0
    elif isinstance(arg, int) and arg > 0:
        yield 0
        if arg < 0x1000:
            yield arg // 2


def _fixed_words(subject: Subject) -> Iterator[Subject]:
    """An entry whose words are constants, for each input that it is given."""
    for at, entry in enumerate(subject.contract.entries):
        if not any(isinstance(arg, Word) for op in walk(entry.body) for arg in _arguments(op)):
            continue
        for step in subject.case.steps:
            first = step.input[0] if step.action[1] == entry.name and isinstance(step.input, tuple) and step.input else None
            if first is None or first.hex is UNSET:
                continue
            data = bytes.fromhex(first.hex)
            fixed = replace(entry, body=_with_words(entry.body, data))
            entries = subject.contract.entries
            yield Subject(replace(subject.contract, entries=(*entries[:at], fixed, *entries[at + 1 :])), subject.case)


def _arguments(op: Op) -> Iterator[object]:
    for field in op.__struct_fields__:
        value = getattr(op, field)
        yield from value if isinstance(value, tuple) else (value,)


def _with_words(body: tuple[Op, ...], data: bytes) -> tuple[Op, ...]:
    def fixed(value: object) -> object:
        if isinstance(value, Word):
            return int.from_bytes(data[4 * value.index : 4 * value.index + 4], "little")
        return value

    new: list[Op] = []
    for op in body:
        inner = with_blocks(op, tuple(_with_words(block, data) for block in blocks(op)))
        fields = {name: getattr(inner, name) for name in inner.__struct_fields__}
        args = {name: tuple(map(fixed, value)) if name == "args" else fixed(value) for name, value in fields.items()}
        new.append(msgspec.structs.replace(inner, **args))
    return tuple(new)
