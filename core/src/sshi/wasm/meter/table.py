"""A table of costs as text, read strictly: an unknown name or a number out of range is refused, never ignored."""

from __future__ import annotations

import tomllib

import msgspec

from sshi.errors import UsageError
from sshi.wasm.meter.costs import MARKERS, Costs, EntryCost, PerUnit


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    base_bytes: int
    bytes_per_unit: int
    unit: int


class _PerUnit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    base: int
    unit: int


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    default: int
    instructions: dict[str, int] = {}
    counted: dict[str, _PerUnit] = {}
    entry: _Entry | None = None


def costs_from(text: str, *, where: str) -> Costs:
    """The costs in a table's text; UsageError names the file and what is wrong with it."""
    try:
        table = msgspec.convert(tomllib.loads(text), _Table)
        return Costs(
            default=table.default,
            overrides={**dict.fromkeys(MARKERS, 0), **table.instructions},
            counted={name: PerUnit(per.base, per.unit) for name, per in table.counted.items()},
            entry=EntryCost(table.entry.base_bytes, table.entry.bytes_per_unit, table.entry.unit) if table.entry else None,
        )
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, ValueError) as error:
        raise UsageError(str(error), where=where, advice="compare it with the default table in docs/metering.md") from error
