"""A contract's cases: deployments, calls and queries by several people, with money, inputs and blocks of all sorts."""

from __future__ import annotations

from random import Random

from msgspec import UNSET, UnsetType

from sshi.spec.loader import interface
from sshi.spec.manifest import EntryKind
from sshi_conformance.fuzz.program import INPUT_ROOM, WORDS, Contract, Entry
from sshi_conformance.fuzz.values import Scope
from sshi_conformance.pieces import Fill, Input, Piece
from sshi_conformance.scenario import CONTRACT, Account, Block, Case, Step

FUND = 10**24
"""What a funded contract is given when it is deployed."""
RICH = 10**27
PEOPLE = {"alice": Account(RICH), "bob": Account(RICH)}
POOR, GHOST, OTHER = "poor", "ghost", "other"
"""Somebody with little money, somebody who does not exist, and a second contract."""
HEIGHTS = (1, 2, 1_000, 1 << 31, (1 << 32) - 1)
TIMES = (0, 1, 999, 1_700_000_000_123, 1 << 43)


def make_case(rng: Random, contract: Contract, scope: Scope) -> Case:
    """A case; the same generator state, contract and scope give the same one."""
    maker = _Maker(rng, contract, scope)
    steps = (*maker.deployments(), *(maker.step() for _ in range(rng.randrange(1, 5))))
    accounts = (
        dict(PEOPLE) if scope.portable else PEOPLE | {POOR: Account(rng.choice((0, 1, 10**9, 10**19))), GHOST: Account(0, exists=False)}
    )
    return Case("Generated.", steps, accounts=accounts, block=Block(rng.choice(HEIGHTS), rng.choice(TIMES)))


class _Maker:
    def __init__(self, rng: Random, contract: Contract, scope: Scope) -> None:
        self._rng = rng
        self._contract = contract
        self._scope = scope
        self._inits = [entry for entry in contract.entries if entry.kind is EntryKind.INIT]
        self._names = [CONTRACT]
        self._hostile = rng.choice((0.3, 0.05, 0.05))

    def deployments(self) -> list[Step]:
        """One that should work, sometimes after one that should not; perhaps a second contract."""
        rng = self._rng
        # a name that is taken is another address on some chains
        steps = [self._deployment(OTHER if self._scope.portable else CONTRACT)] if rng.random() < 0.15 else []
        steps.append(self._good_deployment(CONTRACT))
        if not self._scope.portable and rng.random() < 0.1:
            # under the same name it must be refused
            steps.append(self._deployment(rng.choice((OTHER, CONTRACT))))
            self._names.append(OTHER)
        return steps

    def step(self) -> Step:
        """A call or a query."""
        rng = self._rng
        entry = rng.choice(self._contract.entries)
        if entry.kind is EntryKind.INIT and rng.random() < 0.7:
            entry = rng.choice(self._contract.entries)
        asked = entry.kind is EntryKind.QUERY and rng.random() < 0.7
        name = entry.name
        if rng.random() < 0.03:
            asked, name = rng.choice(((not asked, name), (asked, "absent"), (asked, "")))
        moved = rng.random() < 0.2
        return Step(
            call=UNSET if asked else name,
            query=name if asked else UNSET,
            contract=rng.choice(self._names),
            input=self._input(entry),
            caller=self._caller(),
            value=0 if asked and rng.random() < 0.97 else self._value(payable=entry.payable),
            height=rng.choice(HEIGHTS) if moved else UNSET,
            time_ms=rng.choice(TIMES) if moved else UNSET,
            gas=self._gas(),
        )

    def _good_deployment(self, name: str) -> Step:
        rng = self._rng
        caller = rng.choice(("alice", "bob"))
        if not self._inits:
            return Step(deploy="", contract=name, caller=caller)
        entry = rng.choice(self._inits)
        value = FUND if self._contract.funded else rng.choice((0, 1, 10**9, 10**21)) if entry.payable else 0
        return Step(deploy=entry.name, contract=name, input=self._input(entry, deploying=True), caller=caller, value=value)

    def _deployment(self, name: str) -> Step:
        rng = self._rng
        entry = rng.choice((None, *self._inits, *self._contract.entries))
        return Step(
            deploy="" if entry is None else entry.name,
            contract=name,
            input=rng.choice(("hex:", self._input(entry, deploying=True))),
            caller=self._caller(),
            value=self._value(payable=entry is not None and entry.payable),
            gas=self._gas(),
        )

    def _caller(self) -> str:
        rng = self._rng
        if self._scope.portable or rng.random() < 0.93:
            return rng.choice(("alice", "bob"))
        return rng.choice((POOR, GHOST))

    def _value(self, *, payable: bool) -> int:
        rng = self._rng
        dice = rng.random()
        if dice < (0.4 if payable else 0.9):
            return 0
        if dice < 0.98:
            small = (1, 1_000, 10**9, 10**18, 10**21)
            return rng.choice(small if self._scope.portable else (*small, *small, RICH, RICH - 10**11, RICH - 2 * FUND))
        return rng.choice((RICH + 1 if not self._scope.portable else 2 * RICH, 1 << 127, (1 << 128) - 1))

    def _gas(self) -> int | UnsetType:
        rng = self._rng
        if not self._scope.gas or rng.random() < 0.9:
            return UNSET
        return rng.choice((0, 1, rng.randrange(10**9), rng.randrange(10**12), rng.randrange(3 * 10**13)))

    def _input(self, entry: Entry | None, *, deploying: bool = False) -> Input:
        """The entry's words, an address, and perhaps more; or something else altogether."""
        rng = self._rng
        limit = interface().limits.input_max
        if entry is None or not entry.reads_input or rng.random() < 0.04:
            count = rng.choice((0, 0, 0, 1, 4, 100, INPUT_ROOM, INPUT_ROOM + 1) if rng.random() < 0.9 else (limit - 1, limit, limit + 1))
            return (Piece(fill=Fill(rng.choice((0, 1, 0x61, 0xFF)), count)),)
        words = b"".join(self._word(*choices).to_bytes(4, "little") for choices in entry.words)
        pieces = [Piece(hex=words.ljust(4 * WORDS, b"\0").hex())]
        addressed = rng.random() < 0.9
        if addressed:
            pieces.append(Piece(blob=(Piece(address=self._somebody(deploying=deploying)),)))
        # other bytes in the address's place are an account on some chain and none on another
        if rng.random() < 0.2 and (addressed or not self._scope.portable):
            pieces.append(Piece(fill=Fill(rng.randrange(256), rng.choice((1, 33, 700)))))
        return tuple(pieces)

    def _word(self, harmless: int, values: tuple[int, ...]) -> int:
        rng = self._rng
        if rng.random() >= self._hostile:
            return values[rng.randrange(harmless)]
        return rng.choice(values) & 0xFFFF_FFFF

    def _somebody(self, *, deploying: bool) -> str:
        rng = self._rng
        if self._scope.portable:
            return rng.choice(("alice", "bob"))
        return rng.choice(("alice", "bob", POOR, GHOST, "bob" if deploying else CONTRACT))
