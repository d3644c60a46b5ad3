"""What a generated contract is: entries made of operations, over a fixed plan of memory.  Pure values.

Every operation that has a result adds it to its *slot*, eight bytes at the bottom of memory, and counts itself there too; every entry
returns the slots and the buffers above them.  So nothing that a host answers can stay unseen.

    0x0000  slots      0x0200  buffers, returned with the slots      0x1000  the input      0x2000  prepared bytes      0x9000  free
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from sshi.spec.manifest import Entry as Declared
from sshi.spec.manifest import EntryKind, Manifest

SLOT_BYTES = 8
SLOTS = 64
BUFFERS = SLOTS * SLOT_BYTES
WINDOW_END = 0x0800
INPUT = 0x1000
INPUT_ROOM = 0x0800
WORDS = 24
ADDRESS = INPUT + 4 + 4 * WORDS
"""Where the input has its address, a blob: addresses differ from host to host, so no module contains one."""
PREPARED = 0x2000
FREE = 0x9000
PAGE = 0x10000
PASSIVE = b"a segment that memory.init copies"
COUNT_SHIFT = 48
"""A slot holds the sum of results below this bit and the number of completed executions from it on."""


class Word(msgspec.Struct, frozen=True, tag="word"):
    """An argument that the case chooses: the u32 at this index of the input."""

    index: int


class Slot(msgspec.Struct, frozen=True, tag="slot"):
    """An argument that an earlier operation answered: the low half of its slot."""

    index: int


Arg = int | Word | Slot
"""A constant is unsigned."""


class Host(msgspec.Struct, frozen=True, tag="host"):
    """A call of a host function; a quiet one only counts itself."""

    slot: int
    function: str
    args: tuple[Arg, ...]
    quiet: bool = False


class Store(msgspec.Struct, frozen=True, tag="store"):
    """Write the low `width` bytes (1, 4 or 8) of a value."""

    at: Arg
    value: Arg
    width: int


class Load(msgspec.Struct, frozen=True, tag="load"):
    """Read 1, 4 or 8 bytes into the slot."""

    slot: int
    at: Arg
    width: int


class Move(msgspec.Struct, frozen=True, tag="move"):
    """`memory.copy`."""

    to: Arg
    source: Arg
    length: Arg


class Fill(msgspec.Struct, frozen=True, tag="fill"):
    """`memory.fill`."""

    to: Arg
    byte: int
    length: Arg


class Delta(msgspec.Struct, frozen=True, tag="delta"):
    """How far two 8-byte numbers in memory are apart."""

    slot: int
    before: int
    after: int


class Bump(msgspec.Struct, frozen=True, tag="bump"):
    """Add to an 8-byte number in memory."""

    at: int
    by: int


class Grow(msgspec.Struct, frozen=True, tag="grow"):
    """`memory.grow`, and then `memory.size`, both into the slot."""

    slot: int
    pages: Arg


class Compute(msgspec.Struct, frozen=True, tag="compute"):
    """Arithmetic: a value, then instructions that take it and perhaps an operand.  `wide` is 64-bit."""

    slot: int
    start: Arg
    steps: tuple[tuple[str, int | None], ...]
    wide: bool


class Init(msgspec.Struct, frozen=True, tag="init"):
    """`memory.init` from the passive segment."""

    to: Arg
    offset: int
    length: Arg


class Drop(msgspec.Struct, frozen=True, tag="drop"):
    """`data.drop` of the passive segment."""


class Tick(msgspec.Struct, frozen=True, tag="tick"):
    """Count up a global, which begins at 5 in every call."""

    slot: int


class Several(msgspec.Struct, frozen=True, tag="several"):
    """Two values through something with several results, then the first of them less the second.

    way  "call": a function that swaps them; "block", "loop", "if": a block that takes and leaves both, and swaps them or changes one
    """

    slot: int
    first: Arg
    second: Arg
    way: str


class Unreachable(msgspec.Struct, frozen=True, tag="unreachable"):
    """`unreachable`."""


class Indirect(msgspec.Struct, frozen=True, tag="indirect"):
    """`call_indirect` as `() -> ()` through a table of three: a function of that type, an empty slot, one of another type."""

    slot: int
    index: Arg


class Recurse(msgspec.Struct, frozen=True, tag="recurse"):
    """Nested calls of a function with some locals, that many deep."""

    slot: int
    depth: Arg


class Loop(msgspec.Struct, frozen=True, tag="loop"):
    """The body, `times` times (one or more)."""

    times: int
    body: tuple[Op, ...]


class If(msgspec.Struct, frozen=True, tag="if"):
    """A branch on equality."""

    test: Arg
    equals: int
    then: tuple[Op, ...]
    otherwise: tuple[Op, ...]


class Pick(msgspec.Struct, frozen=True, tag="pick"):
    """A `br_table`: the arm of that number, the last one for any other."""

    on: Arg
    arms: tuple[tuple[Op, ...], ...]


class Leave(msgspec.Struct, frozen=True, tag="leave"):
    """To the end of the entry; a quick one returns without showing slots and buffers.  What follows is dead code."""

    quick: bool


Op = (
    Host
    | Store
    | Load
    | Move
    | Fill
    | Init
    | Drop
    | Delta
    | Bump
    | Grow
    | Compute
    | Several
    | Tick
    | Unreachable
    | Indirect
    | Recurse
    | Loop
    | If
    | Pick
    | Leave
)


class Entry(msgspec.Struct, frozen=True):
    """An entry.

    reads_input  it begins by reading the input to INPUT, without which words are zero
    words        for each word of the input, values worth trying, the harmless ones first and how many those are
    """

    name: str
    kind: EntryKind
    payable: bool
    reads_input: bool
    body: tuple[Op, ...]
    words: tuple[tuple[int, tuple[int, ...]], ...] = ()


class Contract(msgspec.Struct, frozen=True):
    """A contract.

    pages      initial and maximum size of its memory
    prepared   bytes in memory from the start, by address
    window     how many bytes from 0 every entry returns
    frame      locals of the recursing function
    reactor    what `_initialize` does; None: there is none
    funded     a deployment must attach money, because transfers count on it
    budget     what a call may run, in units of metering; None: no bound
    """

    pages: tuple[int, int | None]
    prepared: tuple[tuple[int, bytes], ...]
    entries: tuple[Entry, ...]
    window: int
    frame: int = 0
    reactor: tuple[Op, ...] | None = None
    funded: bool = False
    budget: int | None = None

    @property
    def manifest(self) -> Manifest:
        """The declaration."""
        return Manifest(1, "generated", tuple(Declared(entry.name, entry.kind, entry.payable) for entry in self.entries))

    def entry(self, name: str | None) -> Entry | None:
        """The entry of that name."""
        return next((entry for entry in self.entries if entry.name == name), None)

    @property
    def bodies(self) -> Iterator[tuple[Op, ...]]:
        """All code."""
        yield from (entry.body for entry in self.entries)
        if self.reactor is not None:
            yield self.reactor


def blocks(op: Op) -> tuple[tuple[Op, ...], ...]:
    """The operations inside an operation, by block."""
    match op:
        case Loop(body=body):
            return (body,)
        case If(then=then, otherwise=otherwise):
            return (then, otherwise)
        case Pick(arms=arms):
            return arms
        case _:
            return ()


def with_blocks(op: Op, new: tuple[tuple[Op, ...], ...]) -> Op:
    """The operation with other operations inside."""
    match op:
        case Loop():
            return msgspec.structs.replace(op, body=new[0])
        case If():
            return msgspec.structs.replace(op, then=new[0], otherwise=new[1])
        case Pick():
            return msgspec.structs.replace(op, arms=new)
        case _:
            return op


def walk(ops: tuple[Op, ...]) -> Iterator[Op]:
    """Every operation, the inner ones after their outer one."""
    for op in ops:
        yield op
        for block in blocks(op):
            yield from walk(block)


def hosts(contract: Contract) -> dict[int, Host]:
    """The calls of host functions by slot."""
    return {op.slot: op for body in contract.bodies for op in walk(body) if isinstance(op, Host)}


def observes(op: Op) -> bool:
    """Whether it has a slot."""
    return hasattr(op, "slot")


def uses(contract: Contract, wanted: Callable[[Op], bool]) -> bool:
    """Whether some operation is as wanted."""
    return any(wanted(op) for body in contract.bodies for op in walk(body))
