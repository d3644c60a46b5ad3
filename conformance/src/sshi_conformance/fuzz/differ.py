"""The first difference between what two hosts showed of the same case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from sshi.host.outcome import Exhausted, Outcome, Receipt, Rejected, Returned, Reverted, Trapped
from sshi_conformance.compare import KINDS, Observed, compare
from sshi_conformance.fuzz.trial import Trial
from sshi_conformance.plan import Expected
from sshi_conformance.show import bytes_text, outcome_text, value_text
from sshi_conformance.verdict import Difference

K = TypeVar("K")
V = TypeVar("V")


def same(left: Trial, right: Trial) -> Difference | None:
    """Two hosts of one chain: everything is equal, and the cost too in each unit that both state."""
    for number, (one, other) in enumerate(zip(left.receipts, right.receipts, strict=False), 1):
        if one is None or other is None:
            if one is not other:
                return Difference(f"step {number}: deployed", str(one is not None), str(other is not None))
            continue
        found = _receipt(one, other)
        if found is not None:
            return _in_step(number, found)
    return _broke(left, right) or _mapping("address", left.addresses, right.addresses) or _world(left, right, balances=True)


def alike(reference: Trial, chain: Trial, names: tuple[Mapping[bytes, str], Mapping[bytes, str]], *, kinds_blur: bool) -> Difference | None:
    """The reference host and a chain: outcomes, effects and stored values.  `kinds_blur`: the chain has declared vague traps."""
    for number, (one, other) in enumerate(zip(reference.receipts, chain.receipts, strict=False), 1):
        if one is None or other is None:
            if one is not other:
                return Difference(f"step {number}: deployed", str(one is not None), str(other is not None))
            continue
        found, blurred = compare(Expected(KINDS[type(one.outcome)]), Observed(other, names[1]), Observed(one, names[0]))
        if found is not None:
            wanted = outcome_text(one.outcome) if found.path == "outcome" else found.expected
            return _in_step(number, replace(found, expected=wanted))
        if blurred and not kinds_blur:
            return Difference(
                f"step {number}: trap",
                outcome_text(one.outcome),
                outcome_text(other.outcome),
                explanation="no declared deviation allows it",
            )
    return _broke(reference, chain) or _world(reference, chain, balances=False)


def _receipt(one: Receipt, other: Receipt) -> Difference | None:
    if not _same_outcome(one.outcome, other.outcome):
        if isinstance(one.outcome, Returned) and isinstance(other.outcome, Returned):
            return _data("data", one.outcome.data, other.outcome.data)
        native = "; ".join((*one.native, *other.native))[:300]
        return Difference("outcome", outcome_text(one.outcome), outcome_text(other.outcome), explanation=native)
    if one.effects != other.effects:
        field = next(name for name in one.effects.__struct_fields__ if getattr(one.effects, name) != getattr(other.effects, name))
        left, right = getattr(one.effects, field), getattr(other.effects, field)
        at = next((index for index, pair in enumerate(zip(left, right, strict=False)) if pair[0] != pair[1]), min(len(left), len(right)))
        return Difference(f"{field}[{at}]", _item(left, at), _item(right, at))
    for unit in sorted(one.cost.keys() & other.cost.keys()):
        if one.cost[unit] != other.cost[unit]:
            by = other.cost[unit] - one.cost[unit]
            return Difference(f"cost.{unit}", f"{one.cost[unit]:,}", f"{other.cost[unit]:,}", explanation=f"{by:+,}")
    return None


def _same_outcome(one: Outcome, other: Outcome) -> bool:
    match one, other:
        case (Returned(), Returned()) | (Reverted(), Reverted()):
            return one == other
        case Trapped(), Trapped():
            return (one.trap, sorted(one.among)) == (other.trap, sorted(other.among))
        case Exhausted(), Exhausted():
            return one.what is other.what
        case Rejected(), Rejected():
            return one.reason is other.reason
        case _:
            return False


def _broke(left: Trial, right: Trial) -> Difference | None:
    if not (left.broke or right.broke):
        return None
    step = min(len(left.receipts) if left.broke else 1 << 30, len(right.receipts) if right.broke else 1 << 30) + 1
    return Difference(
        f"step {step}: broke",
        left.broke or "went on",
        right.broke or "went on",
        explanation="a host may not raise for what a contract does",
    )


def _world(left: Trial, right: Trial, *, balances: bool) -> Difference | None:
    for name in left.storage:
        found = _mapping(f"storage of {name}", left.storage[name], right.storage.get(name, {}))
        if found is not None:
            return found
    return _mapping("balance", left.balances, right.balances) if balances else None


def _mapping(path: str, left: Mapping[K, V], right: Mapping[K, V]) -> Difference | None:
    if left == right:
        return None
    key = next(key for key in [*left, *right] if left.get(key) != right.get(key))
    label = bytes_text(key) if isinstance(key, bytes) else str(key)
    return Difference(f"end: {path}[{label}]", _value(left.get(key)), _value(right.get(key)))


def _data(path: str, one: bytes, other: bytes) -> Difference:
    at = next((index for index, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), min(len(one), len(other)))
    explanation = f"they part at byte {at}" + (f"; {len(one)} and {len(other)} bytes" if len(one) != len(other) else "")
    return Difference(path, bytes_text(one, at), bytes_text(other, at), explanation=explanation)


def _item(items: tuple[object, ...], at: int) -> str:
    return str(items[at])[:300] if at < len(items) else "none"


def _value(value: object) -> str:
    return value_text(value) if isinstance(value, bytes | None) else f"{value:,}" if isinstance(value, int) else str(value)


def _in_step(number: int, found: Difference) -> Difference:
    return replace(found, path=f"step {number}: {found.path}")
