"""Gas inside the module: cost models as data, where to charge, and the two ways to inject it."""

from sshi.wasm.meter.costs import Costs, EntryCost, PerUnit
from sshi.wasm.meter.inject import GlobalHook, HostHook, InlineModel, StackModel, inject, inject_exact
from sshi.wasm.meter.points import Kinds, Point, block_points, exact_points

__all__ = [
    "Costs",
    "EntryCost",
    "GlobalHook",
    "HostHook",
    "InlineModel",
    "Kinds",
    "PerUnit",
    "Point",
    "StackModel",
    "block_points",
    "exact_points",
    "inject",
    "inject_exact",
]
