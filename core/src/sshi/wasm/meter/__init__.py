"""Gas inside the module: cost models as data, where to charge, and the two ways to inject it."""

from sshi.wasm.meter.costs import Costs, EntryCost, PerUnit
from sshi.wasm.meter.inject import GlobalHook, HelperHook, HostHook, InlineModel, Metered, StackModel, inject, inject_exact, metered
from sshi.wasm.meter.points import Kinds, Point, block_points, exact_points
from sshi.wasm.meter.stop import without_import
from sshi.wasm.meter.table import costs_from

__all__ = [
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
    "exact_points",
    "inject",
    "inject_exact",
    "metered",
    "without_import",
]
