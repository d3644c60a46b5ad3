"""The scenario file: named cases for one module, each a list of steps with what to expect.

Pure: text in, values out, every mistake a ScenarioError with file, case, step and field.  `docs/scenarios.md` explains
the file to its authors, `docs/scenario.schema.json` is derived from the types here.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from sshi.errors import ScenarioError
from sshi.host.outcome import Refusal, Resource, TrapKind
from sshi.spec.manifest import Manifest
from sshi_conformance.pieces import Amount, Fill, Input, Piece, PieceError, amount, encode

MAX_TEXT = 1 << 20
MAX_CASES = 1_000
MAX_STEPS = 256
CONTRACT = "contract"
"""The name of a contract whose step gives it none."""
SELF = "self"
"""In an address piece: the step's own contract."""
ABSENT = "absent"
T = TypeVar("T", bound=msgspec.Struct)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

Height = Annotated[int, Meta(ge=0, le=(1 << 32) - 1)]
Time = Annotated[int, Meta(ge=0, lt=1 << 44)]


class Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A plain account of the case; one that does not exist still has an address."""

    balance: Amount = 10**27
    exists: bool = True


class Block(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The block that the first step runs in; time is in milliseconds since the Unix epoch."""

    height: Height = 1_000
    time_ms: Time = 1_700_000_000_000


class ExpectedEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One event."""

    topic: str
    data: Input = "hex:"


class ExpectedTransfer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One transfer, to an account or contract by name."""

    to: str
    amount: Amount


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key and its value; without `value` the key is absent.  For keys that need pieces."""

    key: Input
    value: Input | UnsetType = UNSET


Stored = Annotated[
    dict[str, Input] | tuple[Entry, ...],
    Meta(
        description='Keys and values: a table with keys "utf8:…" or "hex:…", or a list of {key, value}.  The value "absent": no such key.'
    ),
]


class Expect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a step ends in and changes.  A field that is not there is compared with the reference host's.

    outcome   when none is given: what `message`, `trap`, `what` or `reason` implies, else `returned`
    data      the returned bytes                     message   the revert's text
    trap      the kind of a trap                     what      the resource that ran out
    reason    why the host refused
    storage   the step's whole difference            stored    keys as they are after the step, others may be there too
    events, transfers, balances                      the step's own, whole
    """

    outcome: Literal["returned", "reverted", "trapped", "exhausted", "rejected"] | UnsetType = UNSET
    data: Input | UnsetType = UNSET
    message: str | UnsetType = UNSET
    trap: TrapKind | UnsetType = UNSET
    what: Resource | UnsetType = UNSET
    reason: Refusal | UnsetType = UNSET
    storage: Stored | UnsetType = UNSET
    stored: Stored | UnsetType = UNSET
    events: tuple[ExpectedEvent, ...] | UnsetType = UNSET
    transfers: tuple[ExpectedTransfer, ...] | UnsetType = UNSET
    balances: dict[str, Amount] | UnsetType = UNSET


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing done; exactly one of `deploy`, `call`, `query` and `reject`.

    deploy    the init entry, "" for none            reject    "": the module is refused before it is deployed; or the error's code
    contract  which contract, by a name of the case's own
    gas       a limit in the host's own main unit    note      said when the step differs
    """

    deploy: str | UnsetType = UNSET
    call: str | UnsetType = UNSET
    query: str | UnsetType = UNSET
    reject: str | UnsetType = UNSET
    contract: str = CONTRACT
    input: Input = "hex:"
    caller: str = "alice"
    value: Amount = 0
    height: Height | UnsetType = UNSET
    time_ms: Time | UnsetType = UNSET
    gas: Annotated[int, Meta(ge=0, le=(1 << 63) - 1)] | UnsetType = UNSET
    expect: Expect = Expect()
    note: str = ""

    @property
    def action(self) -> tuple[str, str]:
        """Which of the four it is, and of what."""
        for kind in ("deploy", "call", "query"):
            if (entry := getattr(self, kind)) is not UNSET:
                return kind, entry
        return "reject", self.reject or ""


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One case.

    clauses   the clauses it shows holding
    counter   the clauses whose other side it shows: a condition missed by one, a rule broken, and what happens then
    wat       a module of its own, instead of the file's
    manifest  a declaration of its own
    budget    bounds what each call may run, in units of the default costs of metering
    """

    doc: str
    steps: Annotated[tuple[Step, ...], Meta(min_length=1, max_length=MAX_STEPS)]
    clauses: tuple[str, ...] = ()
    counter: tuple[str, ...] = ()
    accounts: dict[str, Account] = {}
    block: Block = Block()
    wat: str = ""
    manifest: dict[str, Any] | UnsetType = UNSET
    budget: Annotated[int, Meta(ge=0, le=(1 << 63) - 1)] | UnsetType = UNSET

    @property
    def people(self) -> dict[str, Account]:
        """Every account: those of the case, and alice and bob."""
        return {"alice": Account(), "bob": Account()} | self.accounts


class ScenarioFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole file: its module (a path from the file; default: the .wat of the same name), its declaration, the cases by name."""

    case: Annotated[dict[str, Case], Meta(min_length=1, max_length=MAX_CASES)]
    module: str = ""
    manifest: Manifest | UnsetType = UNSET


def parse_scenario(text: bytes, *, where: str) -> ScenarioFile:
    """The file's cases; ScenarioError names `where`, case, step and field."""
    if len(text) > MAX_TEXT:
        raise ScenarioError(f"a scenario file is at most {MAX_TEXT >> 20} MiB", where=where)
    try:
        table = tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ScenarioError(f"is no TOML: {error or 'nested too deep'}", where=where) from error
    cases: dict[str, object] | None = table.pop("case", None)
    if not isinstance(cases, dict) or not cases:
        raise ScenarioError("has no case", where=where, advice="begin one with [case.NAME]")
    if len(cases) > MAX_CASES:
        raise ScenarioError(f"has {len(cases)} cases, and {MAX_CASES} is the most", where=where)
    head = _convert(table | {"case": {"-": {"doc": "", "steps": [{"deploy": ""}]}}}, ScenarioFile, where)
    found = {name: _case(name, raw, f"{where}: case {name}") for name, raw in cases.items()}
    return ScenarioFile(found, head.module, head.manifest)


def parse_expect(raw: dict[str, Any], *, where: str) -> Expect:
    """An `expect` table that stands elsewhere, such as in an adapter's deviations."""
    return _convert(raw, Expect, where)


def _case(name: str, raw: object, where: str) -> Case:
    if not _NAME.fullmatch(name):
        raise ScenarioError("a case's name is letters, digits, '.', '_' and '-'", where=where)
    case = _convert(raw, Case, where)
    people = case.people
    contracts = {step.contract for step in case.steps}
    if both := contracts & people.keys():
        raise ScenarioError(f"{min(both)!r} is an account and a contract", where=where)
    book = dict.fromkeys([*people, *contracts, SELF], b"\0" * 8)
    _attempt(where, "accounts", lambda: [amount(account.balance) for account in people.values()])
    for number, step in enumerate(case.steps, 1):
        _check_step(step, book, people, f"{where}: step {number}")
    return case


def _check_step(step: Step, book: dict[str, bytes], people: dict[str, Account], where: str) -> None:
    """Everything that can be known wrong before a host runs."""
    actions = [kind for kind in ("deploy", "call", "query", "reject") if getattr(step, kind) is not UNSET]
    if len(actions) != 1:
        raise ScenarioError(f"a step is one of deploy, call, query and reject, not {' and '.join(actions) or 'none of them'}", where=where)
    if step.caller not in people:
        raise ScenarioError(f"caller {step.caller!r} is no account, only {', '.join(people)}", where=where, advice="name it under accounts")
    _attempt(where, "input", lambda: encode(step.input, book))
    _attempt(where, "value", lambda: amount(step.value))
    check_expect(step.expect, book, where=where)


def check_expect(expect: Expect, book: dict[str, bytes], *, where: str) -> None:
    """ScenarioError when the fields contradict each other or name what nobody knows."""
    implied = implied_outcomes(expect)
    if len(implied) > 1:
        raise ScenarioError(f"expect asks for {' and '.join(sorted(implied))} at once", where=where, advice="one outcome a step")
    if (data := expect.data) is not UNSET:
        _attempt(where, "expect.data", lambda: encode(data, book))
    for field in ("storage", "stored"):
        pairs = getattr(expect, field)
        if pairs is not UNSET:
            _attempt(where, f"expect.{field}", lambda pairs=pairs: stored_pairs(pairs, book))
    for event in expect.events or ():
        _attempt(where, "expect.events", lambda event=event: encode(event.data, book))
    for transfer in expect.transfers or ():
        _attempt(where, "expect.transfers", lambda transfer=transfer: (_known(transfer.to, book), amount(transfer.amount)))
    for name, change in (expect.balances or {}).items():
        _attempt(where, "expect.balances", lambda name=name, change=change: (_known(name, book), amount(change, signed=True)))


def implied_outcomes(expect: Expect) -> set[str]:
    """The kinds of outcome that the fields ask for."""
    kinds = {"data": "returned", "message": "reverted", "trap": "trapped", "what": "exhausted", "reason": "rejected"}
    implied = {kind for field, kind in kinds.items() if getattr(expect, field) is not UNSET}
    return implied | ({expect.outcome} if expect.outcome is not UNSET else set())


def stored_pairs(stored: Stored, book: dict[str, bytes]) -> dict[bytes, bytes | None]:
    """Keys and values as bytes, None for an absent key."""
    if isinstance(stored, dict):
        return {encode(key, book): None if value == ABSENT else encode(value, book) for key, value in stored.items()}
    return {encode(entry.key, book): None if entry.value is UNSET else encode(entry.value, book) for entry in stored}


def _known(name: str, book: dict[str, bytes]) -> None:
    if name not in book:
        raise PieceError(f"no account or contract is called {name!r} here, only {', '.join(sorted(book))}")


def _attempt(where: str, field: str, check: Callable[[], object]) -> None:
    try:
        check()
    except PieceError as error:
        raise ScenarioError(f"{field}: {error}", where=where) from error


_TABLES = (
    (r"(input|data|blob|short|size|value|key)(\[\d+\])?$", Piece),
    (r"fill$", Fill),
    (r"expect$", Expect),
    (r"events\[\d+\]$", ExpectedEvent),
    (r"transfers\[\d+\]$", ExpectedTransfer),
    (r"(storage|stored)\[\d+\]$", Entry),
    (r"steps\[\d+\]$", Step),
    (r"accounts\[\.\.\.\]$", Account),
    (r"block$", Block),
    (r"manifest$", Manifest),
)

_OUTCOMES = ("returned", "reverted", "trapped", "exhausted", "rejected")
_VALUES: dict[str, Any] = {"outcome": _OUTCOMES, "trap": tuple(TrapKind), "what": tuple(Resource), "reason": tuple(Refusal)}


def _convert(raw: object, kind: type[T], where: str) -> T:
    try:
        return msgspec.convert(raw, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise _explained(str(error) or "nested too deep", kind, where) from error


def _explained(text: str, kind: type[msgspec.Struct], where: str) -> ScenarioError:
    """A complaint of msgspec's with the place in our words, and what is allowed there."""
    message, _, path = text.partition(" - at `$")
    path = path.rstrip("`")
    step = re.match(r"\.steps\[(\d+)\]\.?", path)
    place = f"{where}: step {int(step[1]) + 1}" if step else where
    field = path[step.end() :] if step else path.lstrip(".")
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", message)
    values = _VALUES.get(field.rpartition(".")[2])
    if values and message.startswith("Invalid enum value"):
        return ScenarioError(f"{field}: {message.removeprefix('Invalid enum value ')} is none of {', '.join(values)}", where=place)
    if unknown is None:
        return ScenarioError(f"{field}: {message}" if field else message, where=place)
    table = next((found for pattern, found in _TABLES if re.search(pattern, path)), kind)
    allowed = table.__struct_fields__
    near = difflib.get_close_matches(unknown[1], allowed, 1)
    inside = f" in {field}" if field else ""
    advice = f"did you mean {near[0]!r}?" if near else ""
    return ScenarioError(f"unknown field {unknown[1]!r}{inside}; allowed are {', '.join(allowed)}", where=place, advice=advice)
