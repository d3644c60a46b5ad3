"""`PalletVM`: a world on the emulated pallet.

A deployment is `bare_instantiate` and a call is `bare_call`, in their order of checks, each in one storage transaction: what does
not return leaves nothing.  Errors are told in the interface's terms as the program of the real pallet tells them (vm/src/outcome.rs).
"""

from __future__ import annotations

from typing import NamedTuple, Self

from sshi.errors import UsageError
from sshi.host.chain import Call, Code, Deployed
from sshi.host.outcome import Effects, Event, Exhausted, Outcome, Receipt, Refusal, Rejected, Resource, Returned, Transfer, Trapped
from sshi.host.refusal import deploy_refusal, refusal
from sshi.host.world import topic_text
from sshi.spec.manifest import Manifest
from sshi_polkadot.emulated import code as codes
from sshi_polkadot.emulated.hostcalls import Run
from sshi_polkadot.emulated.ledger import CONTRACT_DEPOSIT, ED, Contract, Ledger, Pending, Stored, code_deposit
from sshi_polkadot.emulated.machine import execute, gas_limit
from sshi_polkadot.encoding import ADDRESS_BYTES, contract_address, encode

_NOBODY = bytes(ADDRESS_BYTES)
"""Who asks a query that nobody signed."""
_MOST = (1 << 128) - 1
_HEIGHTS, _TIMES = range(1 << 32), range(1 << 64)
_NO_ACCOUNT = Rejected(Refusal.UNKNOWN_ACCOUNT, "the caller has no account")


class _Snapshot(NamedTuple):
    ledger: Ledger
    manifests: dict[bytes, Manifest]
    height: int
    time_ms: int


class PalletVM:
    """A world of accounts and contracts."""

    kind = "emulated"

    def __init__(self, profile: str) -> None:
        self.profile = profile
        self._codes: dict[bytes, codes.Code] = {}
        self.reset()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def reset(self) -> None:
        """Back to an empty world."""
        self.block_height = 1
        self.block_time = 0
        self._ledger = Ledger()
        self._manifests: dict[bytes, Manifest] = {}

    def create_account(self, address: bytes, balance: int) -> None:
        """Make (or set) a plain account; the existential deposit comes on top.  UsageError for what no chain of this kind could hold."""
        if len(address) != ADDRESS_BYTES:
            raise UsageError(f"an address has {ADDRESS_BYTES} bytes, not {len(address)}")
        others = sum(self._ledger.free.values()) - self._ledger.free.get(address, 0)
        if balance < 0 or others + balance + ED > _MOST:
            raise UsageError(f"a balance is not negative, and all of them together are below 2^128, unlike {balance}")
        self._ledger.free[address] = balance + ED

    def balance(self, address: bytes) -> int | None:
        """What the account could transfer now; None when it does not exist."""
        return self._ledger.spendable(address) if address in self._ledger.free else None

    def deploy(self, code: Code, name: str, call: Call) -> Deployed:
        """Upload, instantiate and initialise, both or neither."""
        refused = deploy_refusal(code.manifest, call)
        if refused is not None:
            return Deployed(None, Receipt(refused))
        if call.caller not in self._ledger.free:
            return Deployed(None, _without_effects(_NO_ACCOUNT))
        admitted = codes.admit(code.wasm)
        if isinstance(admitted, codes.Refused):
            return Deployed(None, _without_effects(Rejected(Refusal.MALFORMED_MODULE, admitted.why), error=admitted.error))
        entry = None if call.entry is None else code.manifest.entry(call.entry)
        return self._instantiate(admitted, code.manifest, encode(entry, call.input).input, name.encode(), call)

    def call(self, contract: bytes, call: Call) -> Receipt:
        """Run an entry in a transaction."""
        return self._call(contract, call, query=False)

    def query(self, contract: bytes, call: Call) -> Receipt:
        """Run a query entry in a dry run."""
        return self._call(contract, call, query=True)

    def storage(self, contract: bytes) -> dict[bytes, bytes]:
        """All of the contract's keys."""
        found = self._ledger.contracts.get(contract)
        return dict(sorted(found.storage.items())) if found else {}

    def snapshot(self) -> object:
        """A token for `restore`."""
        return _Snapshot(self._ledger.copy(), dict(self._manifests), self.block_height, self.block_time)

    def restore(self, token: object) -> None:
        """Back to the world as it was when the token was taken."""
        if not isinstance(token, _Snapshot):
            raise TypeError("not a snapshot of this VM")
        self._ledger, self._manifests = token.ledger.copy(), dict(token.manifests)
        self.block_height, self.block_time = token.height, token.time_ms

    def close(self) -> None:
        """Forget everything."""
        self.reset()
        self._codes = {}

    def _instantiate(self, code: codes.Code, manifest: Manifest, data: bytes, salt: bytes, call: Call) -> Deployed:
        ledger, caller = self._ledger, call.caller
        pending = Pending(ledger, Contract(code.hash))
        affordable = call.value <= ledger.spendable(caller)
        upload = 0 if code.hash in ledger.codes else code_deposit(code.wasm)
        if upload > pending.spendable(caller):
            return Deployed(None, _not_started("StorageDepositNotEnoughFunds", affordable=affordable))
        pending.add(caller, -upload)
        limit = _deposit_limit(pending, call)
        address = contract_address(caller, code.hash, data, salt)
        if address in ledger.contracts:
            return Deployed(None, _not_started("DuplicateContract", affordable=affordable))
        if not pending.transfer(caller, address, ED):
            return Deployed(None, _not_started("Token(FundsUnavailable)", affordable=affordable))
        if not pending.transfer(caller, address, call.value):
            return Deployed(None, _not_started("TransferFailed", affordable=affordable))
        run = self._new_run(pending, address, data, call)
        outcome = execute(code, "deploy", run, traced=call.trace)
        if not isinstance(outcome, Returned):
            return Deployed(None, _without_effects(outcome, run))
        stored, change = Stored().changed(pending.size, pending.items)
        if ED + CONTRACT_DEPOSIT + change > limit:
            return Deployed(None, _without_effects(_no_deposit("StorageDepositLimitExhausted"), run))
        pending.add(caller, -(CONTRACT_DEPOSIT + change))
        receipt = _receipt(outcome, run, upload + ED + CONTRACT_DEPOSIT + change)
        pending.write_back(stored)
        ledger.contracts[address] = pending.contract
        ledger.codes.add(code.hash)
        self._codes[code.hash] = code
        self._manifests[address] = manifest
        return Deployed(address, receipt)

    def _call(self, contract: bytes, call: Call, *, query: bool) -> Receipt:
        manifest = self._manifests.get(contract)
        if manifest is None:
            return Receipt(Rejected(Refusal.UNKNOWN_CONTRACT))
        refused = refusal(manifest, call, query=query)
        if refused is not None:
            return Receipt(refused)
        if not query and call.caller not in self._ledger.free:
            return _without_effects(_NO_ACCOUNT)
        found = self._ledger.contracts[contract]
        pending = Pending(self._ledger, found)
        limit = _deposit_limit(pending, call)
        if not pending.transfer(call.caller, contract, call.value):
            return _not_started("TransferFailed", affordable=False)
        entry = None if call.entry is None else manifest.entry(call.entry)
        run = self._new_run(pending, contract, encode(entry, call.input).input, call)
        outcome = execute(self._codes[found.code_hash], "call", run, traced=call.trace)
        if not isinstance(outcome, Returned):
            return _without_effects(outcome, run)
        stored, change = found.stored.changed(pending.size, pending.items)
        if change > limit:
            return _without_effects(_no_deposit("StorageDepositLimitExhausted"), run)
        if query:
            return Receipt(outcome, cost={"deposit": change}, native=tuple(run.trace))
        if change:
            pending.add(call.caller, -change)
        receipt = _receipt(outcome, run, change)
        pending.write_back(stored)
        return receipt

    def _new_run(self, pending: Pending, address: bytes, data: bytes, call: Call) -> Run:
        if self.block_height not in _HEIGHTS or self.block_time not in _TIMES:
            raise UsageError(f"a block's height has 32 bits and its time 64, unlike {self.block_height} and {self.block_time}")
        return Run(pending, address, call.caller or _NOBODY, call.value, data, self.block_height, self.block_time, gas_limit(call.gas))


def _deposit_limit(pending: Pending, call: Call) -> int:
    """What the pallet lets a caller deposit who states no limit: all but the value and two existential deposits."""
    return max(0, pending.spendable(call.caller) - call.value - ED)


def _not_started(error: str, *, affordable: bool) -> Receipt:
    """What an error of the pallet means before any code ran; who cannot pay is told so, unless the contract is there."""
    if error == "DuplicateContract":
        return _without_effects(Rejected(Refusal.CONTRACT_EXISTS, error))
    if affordable and error == "StorageDepositNotEnoughFunds":
        return _without_effects(_no_deposit(error))
    return _without_effects(Rejected(Refusal.INSUFFICIENT_FUNDS, error))


def _no_deposit(error: str) -> Exhausted:
    return Exhausted(Resource.STORAGE, error)


def _without_effects(outcome: Outcome, run: Run | None = None, *, error: str = "") -> Receipt:
    """Nothing but what happened; the pallet's error is the last native line, as the real one's program tells it."""
    if not error and outcome is not _NO_ACCOUNT and isinstance(outcome, Trapped | Exhausted | Rejected):
        error = outcome.detail
    return Receipt(outcome, cost={"deposit": 0}, native=(*(run.trace if run else ()), *([error] if error else [])))


def _receipt(outcome: Returned, run: Run, deposit: int) -> Receipt:
    """A call that returned; to be made before its changes are written back."""
    changes: dict[bytes, int] = {}
    value = [(run.caller, run.address, run.value)] if run.caller != run.address else []
    for source, target, amount in (*value, *((run.address, target, amount) for target, amount in run.transfers)):
        changes[source] = changes.get(source, 0) - amount
        changes[target] = changes.get(target, 0) + amount
    effects = Effects(
        storage=run.pending.difference(),
        transfers=tuple(Transfer(target, amount) for target, amount in run.transfers),
        events=tuple(Event(topic_text(topic), data) for topic, data in run.events),
        balances=tuple(sorted((address, change) for address, change in changes.items() if change)),
    )
    return Receipt(outcome, effects, {"deposit": deposit}, native=tuple(run.trace))
