"""What a contract asks its host, call by call, written for people and for comparing two hosts.

Only a call that asks for a trace runs through here; the others' host functions do not know of it.
"""

from __future__ import annotations

from collections.abc import Callable

from sshi.host.call import HostCall, HostTrap, Revert
from sshi.host.engine import Memory, OutOfBounds, OutOfFuel
from sshi.host.outcome import Resource, TraceEvent, TrapKind
from sshi.spec.model import FIXED_SIZE, OUTPUTS, Function, Param, ParamType

Body = Callable[..., int | None]

_BYTES_SHOWN = 48


def traced(function: Function, body: Body) -> Body:
    """The body, noting each call of it with its arguments as they were given and what came of it.

    Inputs are shown as what they point at, in hexadecimal, a buffer as its room in bytes; after the result stand the bytes
    that were written.
    """

    def call(frame: HostCall, *arguments: int) -> int | None:
        shown = tuple(_arguments(function, frame.memory, arguments))
        try:
            result = body(frame, *arguments)
        except Exception as ended:
            frame.trace.append(TraceEvent(function.name, shown, _ending(ended)))
            raise
        frame.trace.append(TraceEvent(function.name, shown, _result(function, frame.memory, arguments, result)))
        return result

    return call


def _arguments(function: Function, memory: Memory, values: tuple[int, ...]) -> list[str]:
    shown: list[str] = []
    for at, (param, value) in enumerate(zip(function.params, values, strict=True)):
        if param.type is ParamType.LEN:
            continue
        name = "data" if param.name == "ptr" else param.name.removesuffix("_ptr")
        try:
            length = values[at + 1] if param.type is ParamType.PTR else 0
            shown.append(f"{name}={_argument(param, memory, value, length)}")
        except OutOfBounds:
            shown.append(f"{name}=@{value}")
    return shown


def _argument(param: Param, memory: Memory, value: int, length: int) -> str:
    match param.type:
        case ParamType.U64:
            return str(value)
        case ParamType.U128:
            return str(int.from_bytes(memory.read(value, FIXED_SIZE[param.type]), "little"))
        case ParamType.BLOB:
            return _hex(memory, value + 4, memory.read_u32(value))
        case ParamType.BUFFER:
            return f"[{memory.read_u32(value)}]"
        case ParamType.PTR:
            return _hex(memory, value, length)
        case _ if param.type in OUTPUTS:
            memory.check(value, FIXED_SIZE[param.type])
            return f"[{FIXED_SIZE[param.type]}]"
        case _:
            return _hex(memory, value, FIXED_SIZE[param.type])


def _result(function: Function, memory: Memory, values: tuple[int, ...], result: int | None) -> str:
    texts = [] if result is None else [str(result)]
    for param, value in zip(function.params, values, strict=True):
        if param.type is ParamType.BUFFER and result is not None and memory.read_u32(value) == result:
            texts.append(_hex(memory, value + 4, result))
        elif param.type in OUTPUTS and param.type is not ParamType.BUFFER and not result:
            texts.append(_hex(memory, value, FIXED_SIZE[param.type]))
    return " ".join(texts)


def _ending(ended: Exception) -> str:
    match ended:
        case HostTrap():
            return f"trapped({ended.kind})"
        case OutOfBounds():
            return f"trapped({TrapKind.MEMORY})"
        case OutOfFuel():
            return f"exhausted({Resource.GAS})"
        case Revert():
            return "reverted"
        case _:
            return f"broken({type(ended).__name__})"


def _hex(memory: Memory, ptr: int, length: int) -> str:
    memory.check(ptr, length)
    shown = memory.read(ptr, min(length, _BYTES_SHOWN)).hex()
    return f"{shown}…({length} bytes)" if length > _BYTES_SHOWN else shown
