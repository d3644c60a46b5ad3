"""Calls of host functions with their arguments, and the few that take more than one operation."""

from __future__ import annotations

from random import Random

import msgspec

from sshi.spec.loader import interface
from sshi.spec.model import Access, Function, Param, ParamType
from sshi_conformance.fuzz.program import ADDRESS, FREE, SLOTS, WORDS, Arg, Bump, Delta, Fill, Host, Loop, Op, Pick, Slot, Store, Word
from sshi_conformance.fuzz.values import Arena, Scope, Values

HOSTILE = 0.06
"""Of the arguments that the contract fixes, this share is hostile."""
BY_CASE = 0.3
"""Of the arguments, this share is left for each case to choose."""
RECIPIENT = "to"
"""The parameter that takes an account."""
COUNTED = "topic"
"""The parameter of functions that may be called so many times only."""
NO_ACCOUNT = (b"", b"a" * 65)
"""No chain's address."""
ODD_ACCOUNTS = (
    b"a",
    b"A" * 32,
    b"a..b",
    b"-a",
    b"a_",
    b"\xff\xfe",
    bytes(32),
    b"a" * 64,
    b"0x" + b"ab" * 20,
    b"nobody.here",
    b"a" * 31,
    b"a" * 33,
)
"""An address on some chain and none on another, or one that nobody has."""
HIDDEN = FREE + 0x6000
"""Memory that no range leads to: what differs between chains is kept there while it is in use."""
BALANCE, OWN_ADDRESS = "balance", "self_address"
"""The two functions whose answer differs between chains by nature."""


class Calls:
    """The calls of one contract; `slot`, `words` and `query` are those of the entry being made.

    A calm entry has no hostile argument but those that a case chooses.
    """

    def __init__(self, rng: Random, scope: Scope, arena: Arena) -> None:
        self.slot = 0
        self.words: list[tuple[int, tuple[int, ...]]] = []
        self.query = False
        self.calm = False
        self.funded = False
        self._rng = rng
        self._scope = scope
        self._arena = arena
        self._values = Values(rng, arena, scope)
        functions = interface().functions.values()
        self._ends = [function for function in functions if function.access is Access.END]
        self._reads = [function for function in functions if function.in_query and function.access is not Access.END]
        self._others = [function for function in functions if not function.in_query]
        self._stores = [function for function in self._others if {"key", "value_ptr"} <= {param.name for param in function.params}]
        self._payments = [function for function in functions if any(param.name == RECIPIENT for param in function.params)]

    def new_slot(self) -> int:
        """The next slot of the entry."""
        self.slot = min(self.slot + 1, SLOTS)
        return self.slot - 1

    def some_slot(self) -> Slot:
        """A slot that an earlier operation may have filled."""
        return Slot(self._rng.randrange(max(self.slot, 1)))

    def any(self) -> list[Op]:
        """A call of any function, as an entry of this kind would make it."""
        rng = self._rng
        dice = rng.random()
        if dice < 0.02 and not self.calm:
            return [self._end()]
        writes = (0.0 if self.calm else 0.1) if self.query else 0.5
        function = rng.choice(self._others if dice < writes else self._reads)
        pays = self.funded and not self.query
        if function.name == BALANCE and self._scope.portable:
            change = rng.random() < 0.7 or self.calm
            return self._balance_change(function, pays=pays) if change else self._all_or_more(function)
        if function.name == BALANCE and rng.random() < 0.4:
            return self._all_of_it(function)
        if function.name == OWN_ADDRESS and self._scope.portable:
            return self._own_address(function, pays=pays)
        if function in self._payments and self._scope.portable and not self.funded:
            return []
        if any(param.name == COUNTED for param in function.params) and rng.random() < 0.15:
            most = interface().limits.events_max
            return [Loop(rng.choice((most - 1, most, most, most + 1)), (self._call(function, fixed=True),))]
        return [self._call(function)]

    def fill_up(self) -> Op:
        """Store under one key after the other."""
        rng = self._rng
        long = not self._scope.portable and rng.random() < 0.6
        key = self._arena.blob(b"\0" * 8)
        store = Host(self.new_slot(), self._rng.choice(self._stores).name, (key, FREE, interface().limits.value_max if long else 40))
        return Loop(rng.choice((5, 20, 39)), (Bump(key + 4, 1), store))

    def keep(self) -> Op:
        """Store something under a key, so that there is something to find."""
        return self._call(self._rng.choice(self._stores), fixed=True)

    def calm_read(self) -> Host:
        """A call that changes nothing and has no hostile argument."""
        uneven = (BALANCE, OWN_ADDRESS)
        return self._call(self._rng.choice([function for function in self._reads if function.name not in uneven]), fixed=True)

    def _end(self) -> Op:
        function = self._rng.choice(self._ends)
        if self._rng.random() < 0.15:
            return self._call(function)
        return Host(self.new_slot(), function.name, self._values.text(interface().limits.message_max))

    def _call(self, function: Function, *, fixed: bool = False) -> Host:
        """A call with its arguments; `fixed` leaves none to the case, and none is hostile."""
        calm = fixed or self.calm
        args: list[Arg] = []
        length: Arg | None = None
        near: int | None = None
        for param in function.params:
            if param.type is ParamType.PTR and not fixed and self._rng.random() < BY_CASE:
                near, length = FREE, self._word(*self._values.lengths())
                args.append(near)
                continue
            if param.type is ParamType.PTR and (calm or self._rng.random() >= HOSTILE):
                near, length = self._values.range()
                args.append(near)
                continue
            if param.type is ParamType.LEN and length is not None and (calm or self._rng.random() >= HOSTILE):
                args.append(length)
                continue
            args.append(self._arg(param, near, fixed=fixed))
            if isinstance(args[-1], int) and param.type is not ParamType.U64:
                near = args[-1]
        return Host(self.new_slot(), function.name, tuple(args))

    def _arg(self, param: Param, near: int | None, *, fixed: bool) -> Arg:
        rng, values = self._rng, self._values
        if param.name == RECIPIENT and (fixed or self.calm or rng.random() < 0.85):
            return self._recipient()
        if param.name == RECIPIENT and self._scope.portable:
            return values.outside()  # whatever else lies in memory may be an address on some chain
        if fixed:
            return values.harmless(param.type, param.name)
        if rng.random() < BY_CASE and param.type is not ParamType.U64:
            harmless = tuple(values.harmless(param.type, param.name) for _ in range(2))
            return self._word(harmless, tuple(values.hostile(param.type, param.name, near) for _ in range(6)))
        if param.type is ParamType.LEN and not self.calm and rng.random() < 0.1:
            return self.some_slot()
        if not self.calm and rng.random() < HOSTILE:
            return values.hostile(param.type, param.name, near)
        return values.harmless(param.type, param.name)

    def _word(self, harmless: tuple[int, ...], hostile: tuple[int, ...]) -> Arg:
        """An argument for each case to choose, while the input has room for one."""
        if len(self.words) == WORDS:
            return harmless[0]
        self.words.append((len(harmless), harmless + hostile))
        return Word(len(self.words) - 1)

    def _recipient(self) -> int:
        if self._rng.random() < 0.8:
            return ADDRESS
        return self._arena.blob(self._rng.choice(NO_ACCOUNT if self._scope.portable else (*NO_ACCOUNT, *ODD_ACCOUNTS)))

    def _own_address(self, function: Function, *, pays: bool) -> list[Op]:
        """The contract's own address where nothing shows it; perhaps it pays itself."""
        ops: list[Op] = [Store(HIDDEN, 64, 4), Host(self.new_slot(), function.name, (HIDDEN,), quiet=True)]
        if pays:
            payment = self._call(self._rng.choice(self._payments), fixed=True)
            ops.append(msgspec.structs.replace(payment, args=(HIDDEN, *payment.args[1:])))
        return [*ops, Fill(HIDDEN, 0, 68)]

    def _all_of_it(self, function: Function) -> list[Op]:
        """Pay the whole balance, or a little more or less."""
        at = self._arena.room(16)
        payment = self._rng.choice(self._payments)
        ops: list[Op] = [Host(self.new_slot(), function.name, (at,)), Bump(at, self._rng.choice((0, 0, 1, -1, -(10**9))))]
        return ops if self.query and self.calm else [*ops, Host(self.new_slot(), payment.name, (self._recipient(), at))]

    def _all_or_more(self, function: Function) -> list[Op]:
        """Pay all, or one more, and undo it with a message that says how it went."""
        at = HIDDEN + 0x100
        end, payment = self._rng.choice(self._ends), self._rng.choice(self._payments)
        ops: list[Op] = [Host(self.new_slot(), function.name, (at,)), Bump(at, self._rng.choice((0, 1)))]
        paid = Host(self.new_slot(), payment.name, (ADDRESS, at))
        said = [(Host(self.new_slot(), end.name, (self._arena.put(text), len(text))),) for text in (b"paid", b"too much", b"refused")]
        return [*ops, paid, Pick(Slot(paid.slot), tuple(said))]

    def digest(self) -> list[Op]:
        """A hash of all memory: whatever was written where nothing should be shows."""
        kinds = [ParamType.PTR, ParamType.LEN, ParamType.H256_OUT]
        hashes = [function for function in self._reads if [param.type for param in function.params] == kinds]
        return [Host(self.new_slot(), self._rng.choice(hashes).name, (0, self._arena.size, self._arena.room(32)))]

    def _balance_change(self, function: Function, *, pays: bool) -> list[Op]:
        """The balance before and after a payment; only how far they are apart is kept."""
        middle = [self._call(self._rng.choice(self._payments), fixed=True)] if pays else []
        before = HIDDEN + 0x100
        after = self._rng.choice((before + 16, before + 16, self._arena.size - 16))
        ops: list[Op] = [Host(self.new_slot(), function.name, (before,)), *middle, Host(self.new_slot(), function.name, (after,))]
        return [*ops, Delta(self.new_slot(), before, after), Fill(before, 0, 16), Fill(after, 0, 16)]


def reads_input(ops: list[Host]) -> bool:
    """Whether some argument comes with the input."""
    return any(isinstance(arg, Word) or arg == ADDRESS for op in ops for arg in op.args)
