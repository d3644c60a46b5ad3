"""A world of NEAR: `ChainVM` over a ledger and whatever runtime runs its function calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from sshi.errors import UsageError
from sshi.host.chain import Call, Code, Deployed
from sshi.host.outcome import Effects, Event, Exhausted, Outcome, Receipt, Refusal, Rejected, Resource, Returned, Transfer
from sshi.host.refusal import deploy_refusal, refusal
from sshi_near.accounts import address, is_account_id, show
from sshi_near.ledger import Account, Contract, Ledger
from sshi_near.runtime import Changes, Ended, FunctionCall, Runtime
from sshi_near.tables import Parameters
from sshi_near.verdict import event_of, outcome_of

GUARD = b""
"""The key that init leaves behind: a contract's own keys have at least one byte."""

_NO_EFFECTS = Effects()
_NS_PER_MS = 1_000_000
_AMOUNTS = range(1 << 128)
_NO_METHOD = " "
"""A name that no entry has: a call of it tells whether the chain would run the module at all."""


class NearVM:
    """Accounts, contracts, and calls between them; `kind` says which runtime it is."""

    def __init__(self, profile: str, kind: str, runtime: Runtime, parameters: Parameters) -> None:
        self.profile = profile
        self.kind = kind
        self.block_height = 1
        self.block_time = 0
        self._runtime = runtime
        self._parameters = parameters
        self._ledger = Ledger(parameters)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def create_account(self, address: bytes, balance: int) -> None:
        """Make, or set, a plain account; UsageError for what is no account id or no amount."""
        if not is_account_id(address):
            raise UsageError(f"{show(address)!r} is no account id", advice="2 to 64 of a-z and 0-9, single - _ . between them")
        self._ledger.create(show(address), _amount(balance))

    def balance(self, address: bytes) -> int | None:
        """What the account could transfer now; None when it does not exist."""
        return self._ledger.spendable(show(address))

    def deploy(self, code: Code, name: str, call: Call) -> Deployed:
        """Make the account, deploy and initialise, all or nothing: on the chain, the actions of one transaction."""
        account = show(address(name))
        refused = deploy_refusal(code.manifest, call) or self._unpaid(call, account)
        if refused is None and account in self._ledger.accounts:
            refused = Rejected(Refusal.CONTRACT_EXISTS, account)
        if refused is not None:
            return Deployed(None, Receipt(refused))
        before = dict(self._ledger.accounts)
        endowment = self._ledger.install(account, code.wasm, code.manifest)
        start = {**before, account: Account(endowment, 0)}  # so that the endowment is no effect
        receipt = self._probe(account) if call.entry is None else self._transact(account, call, call.entry, start)
        if isinstance(receipt.outcome, Returned):
            return Deployed(account.encode(), receipt)
        self._ledger.accounts = before
        return Deployed(None, receipt)

    def call(self, contract: bytes, call: Call) -> Receipt:
        """Run an entry in a transaction."""
        account = show(contract)
        found = self._contract(account)
        if found is None:
            return Receipt(Rejected(Refusal.UNKNOWN_CONTRACT, account))
        refused = refusal(found.manifest, call, query=False) or self._unpaid(call, account)
        if refused is not None or call.entry is None:
            return Receipt(refused or Rejected(Refusal.UNKNOWN_ENTRY))
        return self._transact(account, call, call.entry, dict(self._ledger.accounts))

    def query(self, contract: bytes, call: Call) -> Receipt:
        """Run a query entry as a view call."""
        account = show(contract)
        found = self._contract(account)
        if found is None:
            return Receipt(Rejected(Refusal.UNKNOWN_CONTRACT, account))
        refused = refusal(found.manifest, call, query=True)
        if refused is not None or call.entry is None:
            return Receipt(refused or Rejected(Refusal.UNKNOWN_ENTRY))
        ended = self._run(account, call, call.entry, view=True)
        return _receipt(outcome_of(ended), ended)

    def storage(self, contract: bytes) -> dict[bytes, bytes]:
        """The contract's own keys and values."""
        found = self._contract(show(contract))
        return {} if found is None else {key: value for key, value in found.state.storage.items() if key != GUARD}

    def snapshot(self) -> object:
        """A token for `restore`."""
        return dict(self._ledger.accounts), self.block_height, self.block_time

    def restore(self, token: object) -> None:
        """Back to the world as it was when the token was taken."""
        accounts, self.block_height, self.block_time = token  # type: ignore[misc]
        self._ledger.accounts = dict(accounts)  # type: ignore[arg-type]

    def reset(self) -> None:
        """Back to an empty world."""
        self._ledger.accounts = {}
        self.block_height, self.block_time = 1, 0

    def close(self) -> None:
        """End the runtime."""
        self._runtime.close()

    def _contract(self, account: str) -> Contract | None:
        found = self._ledger.accounts.get(account)
        return None if found is None else found.contract

    def _unpaid(self, call: Call, account: str) -> Rejected | None:
        """Why the caller cannot send this call with this value, or None."""
        caller = self._ledger.spendable(show(call.caller))
        if caller is None:
            return Rejected(Refusal.UNKNOWN_ACCOUNT, show(call.caller))
        if _amount(call.value) > caller:
            return Rejected(Refusal.INSUFFICIENT_FUNDS, f"{caller} yoctoNEAR, and {call.value} are to be attached")
        held = self._ledger.accounts.get(account)
        if held is not None and held.balance + call.value not in _AMOUNTS:
            return Rejected(Refusal.INSUFFICIENT_FUNDS, "no account can hold that much")
        return None

    def _transact(self, account: str, call: Call, entry: str, before: Mapping[str, Account]) -> Receipt:
        """One receipt with the call, and those it sends."""
        ledger = self._ledger
        undo = dict(ledger.accounts)
        ledger.add(show(call.caller), -call.value)
        ended = self._run(account, call, entry, view=False)
        outcome = outcome_of(ended)
        if isinstance(outcome, Returned):
            found = ledger.accounts[account]
            contract = found.contract and found.contract._replace(state=ended.state)
            ledger.accounts[account] = Account(ended.balance, ended.storage_usage, contract)
            if not ledger.is_backed(account):
                outcome = Exhausted(Resource.STORAGE, f"LackBalanceForState: {ended.balance} yoctoNEAR for {ended.storage_usage} bytes")
        if not isinstance(outcome, Returned):
            ledger.accounts = undo
            return _receipt(outcome, ended)
        ledger.settle(account, ended.sent)
        return _receipt(outcome, ended, _effects(ended, before, ledger.accounts))

    def _run(self, account: str, call: Call, entry: str, *, view: bool) -> Ended:
        found = self._ledger.accounts[account]
        assert found.contract is not None  # noqa: S101  callers have looked
        constants = self._parameters.constants
        gas = call.gas if call.gas is not None else constants.view_gas if view else constants.call_gas
        return self._runtime.run(
            FunctionCall(
                module=found.contract.module,
                state=found.contract.state,
                method=entry,
                input=call.input,
                account=account,
                predecessor=account if view else show(call.caller),
                balance=found.balance,
                deposit=0 if view else call.value,
                storage_usage=found.usage,
                height=self.block_height,
                time_ns=self.block_time * _NS_PER_MS,
                gas=min(max(gas, 0), self._parameters.limits.max_gas_burnt),
                view=view,
                trace=call.trace,
            )
        )

    def _probe(self, account: str) -> Receipt:
        """Returned when the chain would run the module, rejected when it would refuse it at every call."""
        outcome = outcome_of(self._run(account, Call(None), _NO_METHOD, view=True))
        malformed = isinstance(outcome, Rejected) and outcome.reason is Refusal.MALFORMED_MODULE
        return Receipt(outcome if malformed else Returned(), cost={"gas": 0})


def _amount(value: int) -> int:
    if value not in _AMOUNTS:
        raise UsageError(f"an amount is below 2^128 and not negative, unlike {value}")
    return value


def _receipt(outcome: Outcome, ended: Ended, effects: Effects = _NO_EFFECTS) -> Receipt:
    if isinstance(outcome, Rejected):
        return Receipt(outcome)
    plain = [log for log in ended.logs if event_of(log) is None]
    spent = [f"gas {name} {amount:,}" for name, amount in sorted(ended.profile.items(), key=lambda pair: (-pair[1], pair[0]))]
    native = (*ended.trace, *plain, *((ended.error,) if ended.error else ()), *spent)
    return Receipt(outcome, effects, {"gas": ended.burnt}, native=native)


def _effects(ended: Ended, before: Mapping[str, Account], after: Mapping[str, Account]) -> Effects:
    changes: Changes = tuple([change for change in ended.changes if change[0] != GUARD])
    events: list[Event] = [event for log in ended.logs if (event := event_of(log)) is not None]
    transfers = [Transfer(action.receiver.encode(), action.amount) for action in ended.sent if action.amount]
    moved: list[tuple[bytes, int]] = []
    for name, account in after.items():
        old = before.get(name)
        if old is not account and (change := account.balance - (0 if old is None else old.balance)):
            moved.append((name.encode(), change))
    return Effects(changes, tuple(transfers), tuple(events), tuple(sorted(moved)))
