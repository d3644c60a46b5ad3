"""Gas inside the module: cost models as data, where to charge, and the two ways to inject it."""

from sshi.wasm.meter.costs import Costs, EntryCost, PerUnit
from sshi.wasm.meter.inject import (
    GAS_LEFT,
    GlobalHook,
    HelperHook,
    HostHook,
    InlineModel,
    Metered,
    StackModel,
    counts_gas,
    inject,
    inject_exact,
    metered,
    with_gas,
)
from sshi.wasm.meter.points import Kinds, Point, block_points, exact_points
from sshi.wasm.meter.stop import TRAP, without_import
from sshi.wasm.meter.table import costs_from, default_costs

__all__ = [
    "GAS_LEFT",
    "TRAP",
    "Costs",
    "EntryCost",
    "GlobalHook",
    "HelperHook",
    "HostHook",
    "InlineModel",
    "Kinds",
    "Metered",
    "PerUnit",
    "Point",
    "StackModel",
    "block_points",
    "costs_from",
    "counts_gas",
    "default_costs",
    "exact_points",
    "inject",
    "inject_exact",
    "metered",
    "with_gas",
    "without_import",
]
