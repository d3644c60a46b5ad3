"""One function call on NEAR's VM, as data: what goes in, what comes out, and who can do it.

A runtime applies nothing: the ledger does, and is the same for every runtime.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import NamedTuple, Protocol


class Module:
    """A contract's module; a runtime keeps what it made of it by its hash."""

    __slots__ = ("hash", "wasm")

    def __init__(self, wasm: bytes) -> None:
        self.wasm = wasm
        self.hash = hashlib.sha256(wasm).digest()


Place = tuple[int, int]
"""Where a runtime keeps its copy of a state, in numbers of its own."""


class State:
    """An account's storage: never changed, a call that writes makes a new one."""

    __slots__ = ("place", "storage")

    def __init__(self, storage: Mapping[bytes, bytes], place: Place | None = None) -> None:
        self.storage = storage
        self.place = place


EMPTY = State({})

Changes = tuple[tuple[bytes, bytes | None], ...]
"""A difference of storage, sorted by key; None is removed."""


def changed(state: State, changes: Changes, place: Place | None = None) -> State:
    """The state after the changes; the very same one when there are none."""
    if not changes:
        return state
    storage = dict(state.storage)
    for key, value in changes:
        if value is None:
            del storage[key]
        else:
            storage[key] = value
    return State(storage, place)


class FunctionCall(NamedTuple):
    """What one function call of one receipt is given.

    balance  of the account, without the deposit
    time_ns  nanoseconds since the Unix epoch
    view     under the rules of a view call
    trace    ask for `Ended.trace` and `Ended.profile`
    """

    module: Module
    state: State
    method: str
    input: bytes
    account: str
    predecessor: str
    balance: int
    deposit: int
    storage_usage: int
    height: int
    time_ns: int
    gas: int
    view: bool = False
    trace: bool = False


class Sent(NamedTuple):
    """An action of an outgoing receipt: "transfer", or the chain's name of another kind."""

    receiver: str
    kind: str
    amount: int


class Ended(NamedTuple):
    """What came of it; a call that was aborted has no effects but gas and logs.

    error    empty, or the Debug text of the chain's error; `name` its variants ("HostError/GuestPanic"), `message` its text
    balance, storage_usage  of the account afterwards
    """

    error: str
    name: str
    message: str
    data: bytes
    logs: tuple[str, ...]
    burnt: int
    used: int
    balance: int
    storage_usage: int
    state: State
    changes: Changes
    sent: tuple[Sent, ...]
    profile: Mapping[str, int] = {}
    trace: tuple[str, ...] = ()


class Runtime(Protocol):
    """Something that runs function calls."""

    def run(self, call: FunctionCall) -> Ended:
        """Run one call."""
        ...

    def close(self) -> None:
        """End programs and drop what was kept."""
