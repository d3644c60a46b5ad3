"""Run function calls on the chain's own VM: the Rust program of `vm/`, spoken to over the protocol's `receipt` operations.

Modules and states are sent once and named from then on.  A program that died or dropped what it held is given them again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sshi.errors import VmError
from sshi.host import protocol as wire
from sshi.host.process import ProcessVM, VmRefused
from sshi_near.runtime import Ended, FunctionCall, Module, Sent, State, changed

_FORGOTTEN = ("unknown-code", "unknown-state")

_GUEST_LINK_ERRORS = ("unknown or invalid import", "types incompatible")
"""What the chain's VM says when the module is at fault; under the same name it also reports troubles of its own."""


class RealRuntime:
    """A `Runtime` of one profile, such as "near@86"."""

    def __init__(self, program: Path, profile: str) -> None:
        # no memory limit: the chain's engine maps 128 MiB for each of 1,000 slots and gives them back 500 at a time
        self.process = ProcessVM([str(program)], adapter="near", memory=None)
        self._profile = profile
        self._sent: set[tuple[int, bytes]] = set()

    def run(self, call: FunctionCall) -> Ended:
        """Run one call."""
        try:
            return self._run(call)
        except VmRefused as refused:
            if refused.problem not in _FORGOTTEN:
                raise
            self._sent.clear()
            call.state.place = None
            return self._run(call)

    def request(self, call: FunctionCall) -> wire.Run:
        """The wire's form of a call, with its module and state sent."""
        self._send(call.module)
        return wire.Run(
            id=self.process.next_id(),
            profile=self._profile,
            code=call.module.hash,
            state=self._place(call.state),
            method=call.method,
            input=call.input,
            account=call.account,
            signer=call.predecessor,
            predecessor=call.predecessor,
            balance=str(call.balance),
            deposit=str(call.deposit),
            storage_usage=str(call.storage_usage),
            height=str(call.height),
            time_ns=str(call.time_ns),
            gas=str(call.gas),
            view=call.view,
            trace=call.trace,
        )

    def close(self) -> None:
        """End the program."""
        self.process.close()
        self._sent.clear()

    def _run(self, call: FunctionCall) -> Ended:
        ok = self.process.request(self.request(call), wire.RunOk)
        if ok.name == "LinkError" and not ok.message.startswith(_GUEST_LINK_ERRORS):
            raise VmError("near", f"the chain's VM is in trouble: {ok.message}", "close other programs, and run it again")
        place = (self.process.generation, ok.state)
        return Ended(
            error=ok.error,
            name=ok.name,
            message=ok.message,
            data=ok.data,
            logs=ok.logs,
            burnt=int(ok.burnt),
            used=int(ok.used),
            balance=int(ok.balance),
            storage_usage=int(ok.storage_usage),
            state=changed(call.state, ok.storage, place),
            changes=ok.storage,
            sent=tuple([Sent(receipt.receiver, action.kind, int(action.amount)) for receipt in ok.receipts for action in receipt.actions]),
            profile={name: int(gas) for name, gas in ok.profile.items()},
        )

    def _send(self, module: Module) -> None:
        """Make sure that the running program has the module."""
        key = (self._generation(), module.hash)
        if key not in self._sent:
            self.process.request(wire.LoadCode(id=self.process.next_id(), code=module.wasm), dict[str, Any])
            self._sent.add(key)

    def _place(self, state: State) -> int:
        """The name that the running program has for a state."""
        if not state.storage:
            return 0
        generation = self._generation()
        if state.place is None or state.place[0] != generation:
            load = wire.LoadState(id=self.process.next_id(), storage=tuple(state.storage.items()))
            state.place = (generation, self.process.request(load, wire.StateOk).state)
        return state.place[1]

    def _generation(self) -> int:
        """Which start of the program this is; starts it when it does not run."""
        _ = self.process.hello
        return self.process.generation
