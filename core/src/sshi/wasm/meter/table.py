"""A table of costs as text, read strictly: an unknown name or a number out of range is refused, never ignored."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

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


@cache
def default_costs() -> Costs:
    """The table that comes along."""
    return costs_from((files("sshi.wasm.meter") / "costs.toml").read_bytes(), where="costs.toml")


def costs_from(text: bytes, *, where: str) -> Costs:
    """The costs in a table's text; UsageError names the file and what is wrong with it."""
    try:
        table = msgspec.convert(tomllib.loads(text.decode()), _Table)
        return Costs(
            default=table.default,
            overrides={**dict.fromkeys(MARKERS, 0), **table.instructions},
            counted={name: PerUnit(per.base, per.unit) for name, per in table.counted.items()},
            entry=EntryCost(table.entry.base_bytes, table.entry.bytes_per_unit, table.entry.unit) if table.entry else None,
        )
    except UnicodeDecodeError as error:
        raise UsageError("a table of costs is UTF-8 text", where=where) from error
    except (ValueError, RecursionError) as error:  # TOML's and msgspec's are ValueErrors too
        raise UsageError(str(error), where=where, advice="compare it with the default table in docs/metering.md") from error
