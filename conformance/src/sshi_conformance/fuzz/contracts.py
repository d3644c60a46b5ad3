"""A seed's contract: entries full of host calls, most of them harmless so that the hostile ones are reached."""

from __future__ import annotations

from random import Random

from sshi.spec.manifest import EntryKind
from sshi_conformance.fuzz.calls import Calls, reads_input
from sshi_conformance.fuzz.program import (
    BUFFERS,
    FREE,
    INPUT,
    INPUT_ROOM,
    PAGE,
    PASSIVE,
    PREPARED,
    SLOTS,
    Compute,
    Contract,
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
    Store,
    Tick,
    Unreachable,
    walk,
)
from sshi_conformance.fuzz.values import Arena, Scope

BINARY = ("add", "sub", "mul", "and", "or", "xor", "shl", "shr_s", "shr_u", "rotl", "rotr")
UNARY = ("clz", "ctz", "popcnt", "extend8_s", "extend16_s")
DIVISION = ("div_s", "div_u", "rem_s", "rem_u")
NAMES = ("call", "query", "deploy", "main", "transfer", "_", "a" * 64, "A0", "get", "put", "memory_", "start", "nothing", "observe")
"""Names of entries, some of which mean something to a chain, to a linker or to this program."""
WAYS = ("call", "block", "loop", "if")
REACTOR_SLOT = SLOTS - 1


def make_contract(rng: Random, scope: Scope) -> Contract:
    """A contract; the same generator state and scope give the same one."""
    minimum = rng.choice((1, 1, 1, 2))
    return _Maker(rng, scope, minimum).contract(rng.choice((None, minimum, minimum + 1, 15)))


class _Maker:
    """One contract in the making."""

    def __init__(self, rng: Random, scope: Scope, pages: int) -> None:
        self._rng = rng
        self._scope = scope
        self._arena = Arena(rng, pages)
        self._arena.prepared.append((INPUT, INPUT_ROOM.to_bytes(4, "little")))
        self._calls = Calls(rng, scope, self._arena)

    def contract(self, maximum: int | None) -> Contract:
        rng = self._rng
        funded = self._calls.funded = rng.random() < 0.6
        plans: list[tuple[str, EntryKind, bool]] = []
        if funded or rng.random() < 0.7:
            plans.append(("init", EntryKind.INIT, funded or rng.random() < 0.3))
        if plans and rng.random() < 0.3:
            plans.append(("init_b", EntryKind.INIT, funded))
        names = rng.sample(NAMES, 8)
        plans += [(names.pop(), EntryKind.CALL, rng.random() < 0.5) for _ in range(rng.randrange(3, 6))]
        plans += [(names.pop(), EntryKind.QUERY, rng.random() < 0.1) for _ in range(rng.randrange(1, 3))]
        entries = tuple(self._entry(*plan) for plan in plans)
        reactor = self._reactor() if rng.random() < 0.15 else None
        return Contract(
            (self._arena.pages, maximum),
            tuple(sorted(self._arena.prepared)),
            entries,
            self._arena.window,
            rng.choice((0, 0, 1, 7)),
            reactor,
            funded,
            rng.choice((rng.randrange(300), rng.randrange(5_000), rng.randrange(100_000), 1 << 40)) if rng.random() < 0.12 else None,
        )

    def _entry(self, name: str, kind: EntryKind, payable: bool) -> Entry:
        rng, calls = self._rng, self._calls
        calls.query = kind is EntryKind.QUERY
        calls.words, calls.slot = [], 0
        # a deployment that fails takes the rest of its case along
        calls.calm = rng.random() < (0.8 if kind is EntryKind.INIT else 0.4)
        body = self._body(rng.randrange(4) if kind is EntryKind.INIT else rng.randrange(1, 10), depth=0)
        if not calls.query and rng.random() < 0.4:
            body = (calls.keep() if rng.random() < 0.9 else calls.fill_up(), *body)
        if rng.random() < 0.2:
            body = (*body, *calls.digest())
        asks = reads_input([op for op in walk(body) if isinstance(op, Host)]) or rng.random() < 0.2
        return Entry(name, kind, payable, asks, body, tuple(calls.words))

    def _reactor(self) -> tuple[Op, ...]:
        """`_initialize`: it runs before every entry, so it had better not end them all, though in a query it may."""
        calls = self._calls
        calls.slot, calls.words, calls.query, calls.calm = REACTOR_SLOT, [], False, True
        more = calls.calm_read() if self._rng.random() < 0.7 else calls.keep()
        return (Store(INPUT + 0x400, self._rng.randrange(256), 4), more)

    def _body(self, count: int, depth: int) -> tuple[Op, ...]:
        ops: list[Op] = []
        while count > 0 and self._calls.slot < REACTOR_SLOT - 8:
            ops += self._some(depth)
            count -= 1
        return tuple(ops)

    def _some(self, depth: int) -> list[Op]:
        """One thing to do, which may take several operations."""
        rng, calls = self._rng, self._calls
        dice = rng.random()
        if dice < 0.72 or (dice < 0.80 and depth == 2):
            return calls.any()
        if dice < 0.80:
            return [self._branch(depth)]
        if dice < 0.83:
            return [Grow(calls.new_slot(), rng.choice((0, 0, 1, 1, 2, 14, 15, 0xFFFF, 0xFFFF_FFFF)))]
        if dice < 0.88:
            return [self._compute()]
        return [self._memory() if dice < 0.97 or calls.calm else self._odd()]

    def _branch(self, depth: int) -> Op:
        rng, calls = self._rng, self._calls
        dice = rng.random()
        if dice < 0.4:
            # no loop in a loop, and long ones of little: every chain must have enough gas
            long = rng.random() < 0.3
            return Loop(rng.choice((31, 32, 32, 33, 39)) if long else rng.randrange(1, 4), self._body(1 if long else 2, 2))
        if dice < 0.8:
            then, otherwise = (self._body(rng.randrange(1, 3), depth + 1), self._body(rng.randrange(3), depth + 1))
            return If(calls.some_slot(), rng.choice((0, 0, 1, 2, 0xFFFF_FFFF)), then, otherwise)
        return Pick(calls.some_slot(), tuple(self._body(rng.randrange(3), depth + 1) for _ in range(rng.randrange(1, 4))))

    def _compute(self) -> Op:
        rng = self._rng
        wide = rng.random() < 0.5
        prefix, bits = ("i64.", 64) if wide else ("i32.", 32)
        steps: list[tuple[str, int | None]] = []
        for _ in range(rng.randrange(1, 6)):
            if rng.random() < 0.25:
                steps.append((prefix + rng.choice(UNARY), None))
            elif rng.random() < 0.2:
                steps.append(
                    (
                        prefix + rng.choice(DIVISION),
                        rng.choice((1, 2, 3, 7, 7, 10, (1 << bits) - 1, 1 << (bits - 1), 5 if self._calls.calm else 0)),
                    )
                )
            else:
                steps.append((prefix + rng.choice(BINARY), rng.choice((0, 1, 3, 0x80, rng.getrandbits(bits)))))
        return Compute(self._calls.new_slot(), rng.choice((0, 1, 1 << 31, self._calls.some_slot())), tuple(steps), wide)

    def _memory(self) -> Op:
        rng, calls = self._rng, self._calls
        match rng.randrange(6):
            case 4:
                return Init(self._plain(len(PASSIVE)), rng.choice((0, 0, 1, 9)), rng.choice((0, 1, 8, 20)))
            case 5:
                return self._dialect()
            case 0:
                return Store(self._plain(8), rng.choice((0, 32, 0xFFFF_FFFF, calls.some_slot())), rng.choice((1, 4, 8)))
            case 1:
                at = self._plain(8)
                return Load(calls.new_slot(), at, rng.choice((1, 4, 8)))
            case 2:
                length = rng.choice((0, 1, 5, 40, 300))
                return Move(self._plain(length), self._plain(length), rng.choice((length, *self._too_many())))
            case _:
                length = rng.choice((0, 1, 5, 40, 0x1000))
                return Fill(self._plain(length) if length < 0x1000 else FREE, rng.randrange(256), rng.choice((length, *self._too_many())))

    def _dialect(self) -> Op:
        """What only some chains' machines have, so that linking takes it out: passive segments at their ends, several results."""
        rng, calls = self._rng, self._calls
        dice = rng.random()
        if dice < 0.1:
            return Drop()
        if dice < 0.2 and not calls.calm:
            offset = rng.choice((len(PASSIVE), len(PASSIVE) + 1, 1, 0xFFFF_FFFF))
            return Init(self._plain(len(PASSIVE)), offset, rng.choice((0, len(PASSIVE) - 1, len(PASSIVE), *self._too_many())))
        if dice < 0.35:
            return Tick(calls.new_slot())
        return Several(calls.new_slot(), rng.choice((0, 1, calls.some_slot())), rng.choice((0, 2, calls.some_slot())), rng.choice(WAYS))

    def _too_many(self) -> tuple[int, ...]:
        """More bytes than there are, once in a while: some chains charge for them before they look, and have more memory."""
        return () if self._scope.portable or self._calls.calm or self._rng.random() < 0.9 else (self._arena.size, 1 << 26, 0xFFFF_FFFF)

    def _plain(self, length: int) -> int:
        """Where a plain access may go."""
        rng, size = self._rng, self._arena.size
        if rng.random() < 0.04 and not self._calls.calm:
            far = (1 << 28, (1 << 32) - 8, 1 << 31)
            return rng.choice(far if self._scope.portable else (*far, size - length + 1, size, size + PAGE, 1 << 26, (1 << 26) - 1))
        return rng.choice((size - max(length, 8), BUFFERS, BUFFERS + 4, FREE, PREPARED, INPUT, self._arena.window))

    def _odd(self) -> Op:
        rng, calls = self._rng, self._calls
        match rng.randrange(7):
            case 0:
                return Unreachable()
            case 1:
                return Indirect(calls.new_slot(), rng.choice((0, 1, 2, 3, 0xFFFF_FFFF)))
            case 2 | 3:
                deep = (1, 20, 300) if self._scope.portable else (1, 20, 300, 3_000, 5_000)
                return Recurse(calls.new_slot(), 0xFFFF_FFFF if rng.random() < 0.1 else rng.choice(deep))
            case 4:
                return Indirect(calls.new_slot(), 0)
            case 5:
                return Leave(quick=False)
            case _:
                return Leave(quick=True)
