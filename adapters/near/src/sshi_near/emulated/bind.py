"""The host functions as the engine imports them: types from spec/near.toml, bodies from `functions.py`, by name.

A body that is missing, or that no table names, is an error as soon as this is imported.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import NoReturn

from sshi.errors import SpecError
from sshi.host.engine import HostFunction
from sshi_near.emulated import functions
from sshi_near.emulated.context import Call
from sshi_near.emulated.errors import Abort
from sshi_near.tables import HostTable, host_table

OUT_OF_GAS = ("internal", "gas_exhausted")
OUT_OF_STACK = ("internal", "stack_exhausted")
"""What the metered module imports besides; no contract can import from this module."""

Body = Callable[..., int | None]


def bind(table: HostTable, bodies: dict[str, Body]) -> dict[tuple[str, str], HostFunction]:
    """Every function of the table, with its body; SpecError when they do not fit."""
    unknown = bodies.keys() - table.functions.keys()
    if unknown:
        raise SpecError("functions.py", min(unknown), "near.toml has no such function")
    bound: dict[tuple[str, str], HostFunction] = {}
    for name, function in table.functions.items():
        body = bodies.get(name)
        if body is None:
            raise SpecError("near.toml", f"functions.{name}", "functions.py has no body for it")
        if len(inspect.signature(body).parameters) != 1 + len(function.params):
            raise SpecError("near.toml", f"functions.{name}", "its body takes another number of parameters")
        wrapped = _wrapped(name, body, in_view=name not in table.not_in_view, charges_base=name not in _NO_BASE)
        bound[function.module, name] = HostFunction(function.params, function.results, wrapped)
    return bound


def bodies_of(module: object) -> dict[str, Body]:
    """The functions that a module defines, by the chain's names: a name that Python has taken ends in an underscore here."""
    found = inspect.getmembers(module, lambda member: inspect.isfunction(member) and member.__module__ == getattr(module, "__name__", ""))
    return {name.rstrip("_"): body for name, body in found if not name.startswith("_")}


_NO_BASE = frozenset(function.__name__ for function in (functions.sha256, functions.keccak256, functions.ecrecover))


def _wrapped(name: str, body: Body, *, in_view: bool, charges_base: bool) -> Body:
    def run(call: Call, *arguments: int) -> int | None:
        call.take_back()
        if charges_base:
            call.pay("base")
        if call.request.view and not in_view:
            raise Abort("HostError/ProhibitedInView", method_name=name)
        result = body(call, *arguments)
        if call.exact:
            call.hand_over()
        if call.request.trace:
            shown = ", ".join(str(argument) if argument >> 63 == 0 else str(argument - (1 << 64)) for argument in arguments)
            call.trace.append(f"{name}({shown})" + ("" if result is None else f" -> {result}"))
        return result

    return run


def _out_of_gas(call: Call) -> NoReturn:
    call.take_back()
    raise AssertionError  # the module calls this only when it spent more than there is, and taking that back raises


def _out_of_stack(call: Call) -> NoReturn:
    call.take_back()
    raise Abort("HostError/MemoryAccessViolation")


FUNCTIONS = {
    **bind(host_table(), bodies_of(functions)),
    OUT_OF_GAS: HostFunction((), (), _out_of_gas),
    OUT_OF_STACK: HostFunction((), (), _out_of_stack),
}
