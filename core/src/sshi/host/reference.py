"""The reference host: the interface as its clauses say it, nothing more, at the portable limits.

A call runs on a fresh instance and changes the world only when it has returned.  Where the chains differ it is the strictest
of them, so that what runs here runs everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import ClassVar, Self

from sshi.errors import ContractError, UsageError
from sshi.host.bind import BODIES, Body, bind
from sshi.host.call import HostCall, HostTrap, Revert
from sshi.host.chain import Call, Code, Deployed
from sshi.host.engine import HostFunction, Instance, Mode, OutOfBounds, OutOfFuel, StackOverflow, WasmTrap, engine
from sshi.host.outcome import (
    Effects,
    Exhausted,
    Outcome,
    Receipt,
    Refusal,
    Rejected,
    Resource,
    Returned,
    Reverted,
    TrapKind,
    Trapped,
    reverted,
)
from sshi.host.prepare import STACK_EXHAUSTED, Prepared, prepare
from sshi.host.refusal import deploy_refusal, refusal
from sshi.host.state import Change, Contract, MemoryStorage, MemoryWorld, World
from sshi.spec.loader import interface
from sshi.spec.manifest import Entry, EntryKind
from sshi.wasm.meter import GAS_LEFT

DEFAULT_FUEL = 400_000_000
"""A call's limit when it states none: a little more instructions than 300 Tgas buys on NEAR, two to four seconds of the interpreter."""
MOST_FUEL = (1 << 63) - 1

_AMOUNTS = range(1 << 128)
_LIMITS = interface().limits
_TEXTS = interface().texts


class ReferenceVM:
    """A `ChainVM` of its own world; `world` is one in memory unless given.

    A miniature, wrong on purpose, overrides `bodies`, `guard`, `keeps` or `reads_only`.
    """

    profile = "reference"
    kind = "reference"
    bodies: ClassVar[Mapping[str, Body]] = {}
    """Bodies that take the place of those in `functions.py`."""

    def __init__(self, engine: Mode = "interpreter", world: World | None = None) -> None:
        self.mode: Mode = engine
        self.world: World = MemoryWorld() if world is None else world

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def block_height(self) -> int:
        """The height of the block that calls run in."""
        return self.world.height

    @block_height.setter
    def block_height(self, height: int) -> None:
        self.world.height = height

    @property
    def block_time(self) -> int:
        """Its time in milliseconds since the Unix epoch."""
        return self.world.time

    @block_time.setter
    def block_time(self, time: int) -> None:
        self.world.time = time

    def create_account(self, address: bytes, balance: int) -> None:
        """Make (or set) a plain account."""
        if not _LIMITS.address_min <= len(address) <= _LIMITS.address_max:
            raise UsageError(f"an address has {_LIMITS.address_min} to {_LIMITS.address_max} bytes, not {len(address)}")
        self.world.set_balance(address, _amount(balance))

    def balance(self, address: bytes) -> int | None:
        """What the account owns; None when it does not exist."""
        return self.world.balance(address)

    def storage(self, contract: bytes) -> dict[bytes, bytes]:
        """All of the contract's keys."""
        found = self.world.contract(contract)
        return {} if found is None else found.storage.all()

    def snapshot(self) -> object:
        """A token for `restore`."""
        return self.world.copy()

    def restore(self, token: object) -> None:
        """Back to the world as it was when the token was taken."""
        if not isinstance(token, MemoryWorld):
            raise TypeError(f"a {type(token).__name__} is no snapshot of this host")
        self.world.become(token)

    def reset(self) -> None:
        """Back to an empty world."""
        self.world.become(MemoryWorld())

    def close(self) -> None:
        """Let go of the world."""
        self.world.close()

    def deploy(self, code: Code, name: str, call: Call) -> Deployed:
        """Deploy and initialise, both or neither; the address is the name's bytes.  Clauses: `guard.*`."""
        address = name.encode()
        if not _LIMITS.address_min <= len(address) <= _LIMITS.address_max:
            raise UsageError(f"a contract's name has {_LIMITS.address_min} to {_LIMITS.address_max} bytes, not {len(address)}")
        refused = deploy_refusal(code.manifest, call) or self._payer(call)
        if refused is None and self.world.balance(address) is not None:
            refused = Rejected(Refusal.CONTRACT_EXISTS, f"{name} is taken")
        if refused is not None:
            return Deployed(None, Receipt(refused))
        try:
            prepared = prepare(self.mode, code.wasm)
        except ContractError as error:
            return Deployed(None, Receipt(Rejected(Refusal.MALFORMED_MODULE, str(error))))
        missing = [entry.name for entry in code.manifest.entries if entry.name not in prepared.entries]
        if missing:
            detail = f"it declares {missing[0]} and exports no such function of type () -> ()"
            return Deployed(None, Receipt(Rejected(Refusal.MALFORMED_MODULE, detail)))
        entry = None if call.entry is None else code.manifest.entry(call.entry)
        if entry is None:
            self.world.apply(Change(address, {address: 0}, {}, code))
            return Deployed(address, Receipt(Returned(), cost={"fuel": 0}))
        receipt = self.guard(entry, call, initialised=False)
        if receipt is None:
            receipt = self._run(address, Contract(code, MemoryStorage()), entry, call, deploying=True)
        return Deployed(address if self.keeps(receipt.outcome) else None, receipt)

    def call(self, contract: bytes, call: Call) -> Receipt:
        """Run an entry in a transaction."""
        found = self.world.contract(contract)
        if found is None:
            return Receipt(Rejected(Refusal.UNKNOWN_CONTRACT))
        refused = refusal(found.code.manifest, call, query=False) or self._payer(call)
        if refused is not None:
            return Receipt(refused)
        entry = _entry(found, call)
        return self.guard(entry, call, initialised=True) or self._run(contract, found, entry, call)

    def query(self, contract: bytes, call: Call) -> Receipt:
        """Run a query entry; nothing stays.  It takes no value, since nobody signs it."""
        found = self.world.contract(contract)
        if found is None:
            return Receipt(Rejected(Refusal.UNKNOWN_CONTRACT))
        refused = refusal(found.code.manifest, call, query=True)
        if refused is not None:
            return Receipt(refused)
        return self._run(contract, found, _entry(found, call), call, stays=False)

    def guard(self, entry: Entry, call: Call, *, initialised: bool) -> Receipt | None:
        """What keeps contract code from running, the payment guard first.  Clauses: `guard.payment-first`, `guard.init-once`."""
        if call.value and not entry.payable:
            return Receipt(Reverted(_TEXTS.not_payable), cost={"fuel": 0})
        if entry.kind is EntryKind.INIT and initialised:
            return Receipt(Reverted(_TEXTS.already_initialised), cost={"fuel": 0})
        return None

    def keeps(self, outcome: Outcome) -> bool:
        """Do the effects of a call stay that ended so?  Clauses: `outcome.*`."""
        return isinstance(outcome, Returned)

    def reads_only(self, entry: Entry) -> bool:
        """Do forbidden functions trap in this entry?  Clause `entry.query-call`."""
        return entry.kind is EntryKind.QUERY

    def _payer(self, call: Call) -> Rejected | None:
        """Why whoever signs the call cannot."""
        owned = self.world.balance(call.caller)
        if owned is None:
            return Rejected(Refusal.UNKNOWN_ACCOUNT)
        if _amount(call.value) > owned:
            return Rejected(Refusal.INSUFFICIENT_FUNDS, f"{call.value} are more than {owned}")
        return None

    def _run(self, address: bytes, contract: Contract, entry: Entry, call: Call, *, deploying: bool = False, stays: bool = True) -> Receipt:
        context = HostCall(
            self.world,
            address,
            contract,
            caller=call.caller,
            value=call.value,
            data=call.input,
            read_only=self.reads_only(entry),
            fuel_limit=DEFAULT_FUEL if call.gas is None else min(max(call.gas, 0), MOST_FUEL),
            traced=call.trace,
        )
        outcome, cost = self._execute(context, prepare(self.mode, contract.code.wasm), entry.name)
        effects = Effects()
        if self.keeps(outcome):
            effects = context.effects()
            if deploying:
                self.world.apply(Change(address, {address: 0, **context.balances}, context.written, contract.code))
            elif stays and (context.written or context.balances):
                self.world.apply(Change(address, context.balances, context.written))
        return Receipt(outcome, effects, cost, tuple(context.trace), tuple(context.log))

    def _execute(self, context: HostCall, prepared: Prepared, entry: str) -> tuple[Outcome, dict[str, int]]:
        """How the call ends, and what it took: fuel, the module's own and its host functions' together, and what its budget has left."""
        limit = context.fuel_limit
        instance: Instance | None = None
        outcome: Outcome
        try:
            functions = _functions(type(self), trace=context.traced)
            instance = engine(self.mode).instantiate(prepared.compiled, functions, context, fuel=limit)
            if prepared.reactor:
                instance.call(interface().reactor)
            instance.call(entry)
            outcome = Returned(context.returned)
        except (HostTrap, WasmTrap) as trap:
            outcome = Trapped(trap.kind, detail=trap.detail)
        except OutOfBounds as trap:
            outcome = Trapped(TrapKind.MEMORY, detail=str(trap))
        except Revert as revert:
            outcome = reverted(revert.message)
        except OutOfFuel:
            outcome = Exhausted(Resource.GAS)
        except StackOverflow:
            outcome = Exhausted(Resource.STACK)
        fuel = context.spent + (0 if instance is None else limit - instance.fuel_left())
        if fuel > limit:
            outcome, fuel = Exhausted(Resource.GAS), limit
        cost = {"fuel": fuel}
        if prepared.counts_gas and instance is not None:
            left = instance.get_global(GAS_LEFT)
            cost[GAS_LEFT] = left - (left >> 63 << 64)
        return outcome, cost


def _entry(contract: Contract, call: Call) -> Entry:
    entry = contract.code.manifest.entry(call.entry or "")
    assert entry is not None  # noqa: S101  refusal() has looked
    return entry


def _amount(value: int) -> int:
    if value not in _AMOUNTS:
        raise UsageError(f"an amount is below 2^128 and not negative, unlike {value}")
    return value


@cache
def _functions(vm: type[ReferenceVM], *, trace: bool) -> Mapping[tuple[str, str], HostFunction]:
    return {**bind({**BODIES, **vm.bodies}, trace=trace), STACK_EXHAUSTED: HostFunction((), (), _stack_exhausted)}


def _stack_exhausted(_call: HostCall) -> None:
    raise StackOverflow
