"""The interface's table made into host functions: types from the table, bodies by name.

What is the same for every function stands here: in a query a forbidden function traps whatever its arguments; then the
arguments are read, in the table's order and by their types.  A body too many or too few is a SpecError when this is imported.
"""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Callable, Mapping
from importlib.resources import files
from types import ModuleType
from typing import Any

import msgspec

from sshi.errors import SpecError
from sshi.host import functions
from sshi.host.call import Buffer, Cost, HostCall, HostTrap, Range
from sshi.host.engine import HostFunction, Memory
from sshi.host.outcome import TrapKind
from sshi.host.trace import traced
from sshi.spec.loader import interface
from sshi.spec.model import FIXED_SIZE, OUTPUTS, Function, ParamType

Body = Callable[..., int | None]
Reader = Callable[..., Any]
Plan = tuple[tuple[Reader, int, int], ...]
"""How each argument of a body is read: the reader and the wasm arguments it takes, from and up to."""

_COSTS = "costs.toml"


def bind(bodies: Mapping[str, Body], *, trace: bool) -> dict[tuple[str, str], HostFunction]:
    """Every function of the interface as a module imports it; `trace` notes each call in `HostCall.trace`."""
    bound: dict[tuple[str, str], HostFunction] = {}
    for name, function in interface().functions.items():
        body = _bound(function, bodies[name], COSTS[name])
        bound[interface().module, name] = HostFunction(function.wasm_params, function.results, traced(function, body) if trace else body)
    return bound


def _bound(function: Function, body: Body, cost: Cost) -> Body:
    forbidden, plan = not function.in_query, _plan(function)

    def call(frame: HostCall, *arguments: int) -> int | None:
        if forbidden and frame.read_only:
            raise HostTrap(TrapKind.QUERY, f"{function.name} in a query")
        frame.cost = cost
        memory = frame.memory
        return body(frame, *[read(memory, *arguments[start:end]) for read, start, end in plan])

    return call


def _plan(function: Function) -> Plan:
    steps: list[tuple[Reader, int, int]] = []
    for at, param in enumerate(function.params):
        if param.type is ParamType.PTR:
            steps.append((_range if function.silent else Memory.read, at, at + 2))
        elif param.type is not ParamType.LEN:
            steps.append((_reader(param.type), at, at + 1))
    return tuple(steps)


def _reader(kind: ParamType) -> Reader:
    """What a body gets for a parameter of that type."""
    if kind is ParamType.U64:
        return _plain
    if kind is ParamType.BLOB:
        return _blob
    if kind is ParamType.BUFFER:
        return _buffer
    return _fixed(FIXED_SIZE[kind], output=kind in OUTPUTS, number=kind is ParamType.U128)


def _fixed(size: int, *, output: bool, number: bool) -> Reader:
    def output_at(memory: Memory, ptr: int) -> int:
        memory.check(ptr, size)
        return ptr

    def bytes_at(memory: Memory, ptr: int) -> bytes:
        return memory.read(ptr, size)

    def number_at(memory: Memory, ptr: int) -> int:
        return int.from_bytes(memory.read(ptr, size), "little")

    return output_at if output else number_at if number else bytes_at


def _plain(_memory: Memory, value: int) -> int:
    return value


def _range(_memory: Memory, ptr: int, length: int) -> Range:
    return Range(ptr, length)


def _blob(memory: Memory, ptr: int) -> bytes:
    return memory.read(ptr + 4, memory.read_u32(ptr))


def _buffer(memory: Memory, ptr: int) -> Buffer:
    return Buffer(ptr, memory.read_u32(ptr))


def bodies_of(module: ModuleType) -> dict[str, Body]:
    """The module's public functions by name; SpecError unless they are one body for each function of the table."""
    public = inspect.getmembers(module, inspect.isfunction)
    found = {name: body for name, body in public if body.__module__ == module.__name__}
    for name, function in interface().functions.items():
        if name not in found:
            raise SpecError(module.__name__, name, "the interface has this function, and there is no body for it")
        expected = len(_plan(function)) + 1
        if len(inspect.signature(found[name]).parameters) != expected:
            raise SpecError(module.__name__, name, f"by the interface's table its body takes {expected} arguments, the call included")
    for name in found.keys() - interface().functions.keys():
        raise SpecError(module.__name__, name, "the interface has no such function")
    return found


def costs_from(text: str) -> dict[str, Cost]:
    """The costs in a table's text; SpecError unless they are one for each function of the interface."""
    try:
        found = msgspec.convert(tomllib.loads(text), dict[str, Cost])
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise SpecError(_COSTS, "the file", str(error)) from error
    for name in found.keys() ^ interface().functions.keys():
        raise SpecError(_COSTS, name, "the interface and the costs do not have the same functions")
    return found


BODIES: Mapping[str, Body] = bodies_of(functions)
COSTS: Mapping[str, Cost] = costs_from((files("sshi.host") / _COSTS).read_text("utf-8"))
