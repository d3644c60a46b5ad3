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
    """The cost of entering a function: `unit` for every started `bytes_per_unit` of `base_bytes` + parameters + locals."""

    base_bytes: int
    bytes_per_unit: int
    unit: int

    def of(self, of_type: FuncType, code: Code) -> int:
        """What entering this function costs."""
        return -(-(self.base_bytes + frame_bytes(of_type, code)) // self.bytes_per_unit) * self.unit


def _markers() -> Mapping[str, int]:
    return dict.fromkeys(MARKERS, 0)


def _nothing() -> Mapping[str, PerUnit]:
    return {}


@dataclass(frozen=True, slots=True)
class Costs:
    """A cost model: `default` for every instruction that `overrides` or `counted` does not price.

    ValueError for a name that is no instruction, a negative number, an `else` or `end` that costs something, a `counted` entry for
    an operation without a count, or a unit of 2^31 and more, whose product with an operand would not fit 63 bits.
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
        numbers = (self.default, *self.overrides.values(), *(n for per in self.counted.values() for n in (per.base, per.unit)))
        if min(numbers) < 0 or any(per.unit >= 1 << 31 for per in self.counted.values()):
            raise ValueError("a cost is not negative, and a cost per unit is below 2^31")

    def of(self, mnemonic: str) -> int:
        """What one such instruction costs, unless it is counted."""
        return self.overrides.get(mnemonic, self.default)
