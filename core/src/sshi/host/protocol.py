"""The VM protocol, version 1: what a chain's VM program and this project say to each other.

JSON lines over stdin and stdout, one object a line, every request answered exactly once and in order, `id` echoed.
Bytes are base64 (standard, padded); amounts, gas and every other 64- or 128-bit integer are decimal strings; diagnostics
go to stderr.  A line over `MAX_LINE` bytes is answered with the error `line-too-long` and id null, a line that is no
request with `malformed`; after either the program goes on.  A panic is answered with `panic` when that is possible, and
ends the program.  End of input ends the program.

    request   {"id": 7, "op": "call", …}
    answer    {"id": 7, "ok": {…}}   or   {"id": 7, "error": {"code": "unknown-contract", "message": "…"}}

`docs/vm-protocol.schema.json` is derived from these types.

Two groups of operations; `hello` says which a program speaks:

*world*    the program holds accounts, contracts and a ledger of its own: reset, account, balance, deploy, call, storage, block,
           snapshot, restore
*receipt*  the program runs single function calls and applies nothing, the ledger is ours: code, state, run
"""

from __future__ import annotations

from typing import Any

import msgspec

from sshi.host.outcome import Outcome

PROTOCOL = 1
MAX_LINE = 64 * 1024 * 1024

Decimal = str
"""A non-negative integer in decimal digits; `SignedDecimal` may start with a minus."""
SignedDecimal = str


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """What every message is."""


# ---- both groups -------------------------------------------------------------------------------------------------


class Hello(Message, frozen=True, tag="hello", tag_field="op"):
    """The first request."""

    id: int
    protocol: int = PROTOCOL


class HelloOk(Message, frozen=True):
    """Who answers.  `speaks` holds "world" or "receipt"; `profiles` such as "near@86"; `crates` the judge's own versions."""

    protocol: int
    name: str
    version: str
    chain: str
    speaks: tuple[str, ...]
    profiles: tuple[str, ...]
    crates: dict[str, str] = {}


class Bench(Message, frozen=True, tag="bench", tag_field="op"):
    """Run the request given `times` times inside the program, effects dropped, and say the mean: the raw figure."""

    id: int
    request: dict[str, Any]
    times: int


class BenchOk(Message, frozen=True):
    """Nanoseconds of one warm run, protocol excluded."""

    ns: Decimal


# ---- world -------------------------------------------------------------------------------------------------------


class Reset(Message, frozen=True, tag="reset", tag_field="op"):
    """An empty world of this profile; compiled code may be kept, snapshots are forgotten."""

    id: int
    profile: str
    height: Decimal = "1"
    time_ms: Decimal = "0"


class Account(Message, frozen=True, tag="account", tag_field="op"):
    """Make, or set, a plain account.  Answer: {}."""

    id: int
    address: bytes
    balance: Decimal


class Balance(Message, frozen=True, tag="balance", tag_field="op"):
    """What the account could transfer now.  Answer: BalanceOk."""

    id: int
    address: bytes


class BalanceOk(Message, frozen=True):
    """None when the account does not exist."""

    balance: Decimal | None


class Deploy(Message, frozen=True, tag="deploy", tag_field="op"):
    """Upload, instantiate and initialise, both or neither.  Answer: Result, with `address` when it returned.

    input  as the chain sees it (selector included); salt tells two deployments of the same code and input apart
    """

    id: int
    code: bytes
    caller: bytes
    entry: str = ""
    input: bytes = b""
    value: Decimal = "0"
    salt: bytes = b""
    gas: Decimal | None = None
    trace: bool = False


class WorldCall(Message, frozen=True, tag="call", tag_field="op"):
    """Run a contract; `dry` drops every effect afterwards (a query).  Answer: Result."""

    id: int
    contract: bytes
    caller: bytes
    entry: str = ""
    input: bytes = b""
    value: Decimal = "0"
    dry: bool = False
    gas: Decimal | None = None
    trace: bool = False


class Storage(Message, frozen=True, tag="storage", tag_field="op"):
    """Every key and value of a contract.  Answer: StorageOk."""

    id: int
    contract: bytes


class StorageOk(Message, frozen=True):
    """Pairs, sorted by key."""

    storage: tuple[tuple[bytes, bytes], ...]


class Block(Message, frozen=True, tag="block", tag_field="op"):
    """Set height and time of the block that the next calls run in.  Answer: {}."""

    id: int
    height: Decimal
    time_ms: Decimal


class Snapshot(Message, frozen=True, tag="snapshot", tag_field="op"):
    """Remember the world.  Answer: SnapshotOk."""

    id: int


class SnapshotOk(Message, frozen=True):
    """The token."""

    snapshot: int


class Restore(Message, frozen=True, tag="restore", tag_field="op"):
    """Back to a remembered world; the token stays good.  Answer: {}."""

    id: int
    snapshot: int


class WireEvent(Message, frozen=True):
    """One event of the called contract: raw topic bytes as the chain keeps them, and data."""

    topic: bytes
    data: bytes


class WireTransfer(Message, frozen=True):
    """Money that left the called contract for another account, in order."""

    to: bytes
    amount: Decimal


class Result(Message, frozen=True):
    """A deploy's or a call's end, in the interface's terms.

    storage   the called contract's difference: [key, value or null], sorted; empty unless it returned
    balances  [address, signed change] of what moved, without fees and deposits, sorted
    error     the chain's own error, word for word (`ContractTrapped`, `HostError(GasExceeded)`), empty when there was none
    native    the chain's own trace lines when asked for
    """

    outcome: Outcome
    cost: dict[str, Decimal]
    address: bytes | None = None
    storage: tuple[tuple[bytes, bytes | None], ...] = ()
    events: tuple[WireEvent, ...] = ()
    transfers: tuple[WireTransfer, ...] = ()
    balances: tuple[tuple[bytes, SignedDecimal], ...] = ()
    error: str = ""
    native: tuple[str, ...] = ()


# ---- receipt -----------------------------------------------------------------------------------------------------


class LoadCode(Message, frozen=True, tag="code", tag_field="op"):
    """Keep a module under its sha256 for later runs.  Answer: {"hash": base64}."""

    id: int
    code: bytes


class LoadState(Message, frozen=True, tag="state", tag_field="op"):
    """Keep a storage map; states are immutable and named by the program.  Answer: StateOk."""

    id: int
    storage: tuple[tuple[bytes, bytes], ...]


class StateOk(Message, frozen=True):
    """The name of the new state; 0 is always the empty one."""

    state: int


class Run(Message, frozen=True, tag="run", tag_field="op"):
    """Run one function call of one receipt.  Answer: RunOk; error `unknown-state` or `unknown-code` after a restart: load again.

    balance   of the account, without the deposit;  time_ns  nanoseconds;  view  the view-call rules of the chain
    """

    id: int
    profile: str
    code: bytes
    state: int
    method: str
    input: bytes
    account: str
    signer: str
    predecessor: str
    balance: Decimal
    deposit: Decimal
    storage_usage: Decimal
    height: Decimal
    time_ns: Decimal
    gas: Decimal
    view: bool = False
    trace: bool = False


class Action(Message, frozen=True):
    """One action of an outgoing receipt; other kinds than these two are named and not described."""

    kind: str  # "transfer", "function-call", or the chain's name of another
    amount: Decimal = "0"
    method: str = ""
    input: bytes = b""
    gas: Decimal = "0"


class OutgoingReceipt(Message, frozen=True):
    """A receipt that the call created, in order."""

    receiver: str
    actions: tuple[Action, ...]


class RunOk(Message, frozen=True):
    """The VM's own outcome, nothing applied and nothing interpreted.

    error    empty, or the error's Debug text: `HostError(GuestPanic { panic_msg: "…" })`, `WasmTrap(Unreachable)`, …
    name     its path of variants without fields: "HostError/GuestPanic", "WasmTrap/Unreachable", "LinkError"
    message  the panic's text for a guest panic, else the error's Display text
    balance, storage_usage  after the call
    state    the name of the state after the call; equal to the one given when nothing was written or the call failed
    storage  the difference: [key, value or null], sorted
    profile  gas by the VM's own cost names, when asked for by `trace`
    """

    error: str
    name: str
    message: str
    data: bytes
    logs: tuple[str, ...]
    burnt: Decimal
    used: Decimal
    balance: Decimal
    storage_usage: Decimal
    state: int
    storage: tuple[tuple[bytes, bytes | None], ...]
    receipts: tuple[OutgoingReceipt, ...]
    profile: dict[str, Decimal] = {}


WorldRequest = Reset | Account | Balance | Deploy | WorldCall | Storage | Block | Snapshot | Restore
ReceiptRequest = LoadCode | LoadState | Run
Request = Hello | Bench | WorldRequest | ReceiptRequest


class Problem(Message, frozen=True):
    """Why a request was not done: a stable code and a sentence."""

    code: str
    message: str


class Answer(Message, frozen=True):
    """An answer's frame; `ok` is decoded by the type that the request asks for."""

    id: int | None
    ok: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: Problem | None = None
