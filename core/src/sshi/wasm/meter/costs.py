"""What instructions cost, as data: numbers come from the caller, none from here.

A cost model prices one instruction by its mnemonic.  Work that grows with an operand is priced by that operand, and a call by the
frame it opens.  `end` and `else` are markers, not work: what reaches them depends on the branch taken, so they cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sshi.wasm.module import Code, FuncType
from sshi.wasm.opcodes import BY_MNEMONIC
from sshi.wasm.stack.height import frame_bytes

MARKERS = ("block", "else", "end")
"""They only shape the code; by default they cost nothing."""

COUNTED = frozenset(name for name in BY_MNEMONIC if name.split(".")[-1] in ("grow", "fill", "copy", "init"))
"""Operations whose topmost operand says how much they do: pages, bytes or elements."""


@dataclass(frozen=True, slots=True)
class PerUnit:
    """The cost of a counted operation: `base + unit * operand`, the operand read as unsigned."""

    base: int
    unit: int


@dataclass(frozen=True, slots=True)
class EntryCost:
    """The cost of entering a function: `unit` for every started `bytes_per_unit` of `base_bytes` + parameters + locals.

    ValueError for a negative number, one of 2^31 and more, or units of no bytes.
    """

    base_bytes: int
    bytes_per_unit: int
    unit: int

    def __post_init__(self) -> None:
        _check_numbers(self.base_bytes, self.bytes_per_unit, self.unit)
        if not self.bytes_per_unit:
            raise ValueError("an entry's unit of cost is at least one byte")

    def of(self, of_type: FuncType, code: Code) -> int:
        """What entering this function costs."""
        return -(-(self.base_bytes + frame_bytes(of_type, code)) // self.bytes_per_unit) * self.unit


def _check_numbers(*numbers: int) -> None:
    if min(numbers) < 0 or max(numbers) >= 1 << 31:
        raise ValueError("a cost is a number from 0 to 2^31 - 1")


def _markers() -> Mapping[str, int]:
    return dict.fromkeys(MARKERS, 0)


def _nothing() -> Mapping[str, PerUnit]:
    return {}


@dataclass(frozen=True, slots=True)
class Costs:
    """A cost model: `default` for every instruction that `overrides` or `counted` does not price.

    ValueError for a name that is no instruction, a negative number or one of 2^31 and more, an `else` or `end` that costs something, or
    a `counted` entry for an operation without a count.  So no charge can pass 2^63: neither a base and a unit times an operand, nor all
    the instructions of a body.
    """

    default: int = 1
    overrides: Mapping[str, int] = field(default_factory=_markers)
    counted: Mapping[str, PerUnit] = field(default_factory=_nothing)
    entry: EntryCost | None = None

    def __post_init__(self) -> None:
        for name in (*self.overrides, *self.counted):
            if name not in BY_MNEMONIC:
                raise ValueError(f"there is no instruction {name!r}")
        for name in self.counted:
            if name not in COUNTED:
                raise ValueError(f"{name!r} has no operand that says how much it does")
        if any(self.overrides.get(name, self.default) for name in ("else", "end")):
            raise ValueError("`else` and `end` cost nothing: they are reached by some branches and not by others")
        _check_numbers(self.default, *self.overrides.values(), *(n for per in self.counted.values() for n in (per.base, per.unit)))

    def of(self, mnemonic: str) -> int:
        """What one such instruction costs, unless it is counted."""
        return self.overrides.get(mnemonic, self.default)
