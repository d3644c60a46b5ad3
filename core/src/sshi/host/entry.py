"""Going into a module and coming back out: host functions, what they raise, and who may be inside.

A host function is one C callback, made once and used by every instance.  It finds the call it belongs to as the innermost
frame inside; one re-entrant lock around every entry makes that safe.  Whatever a body raises is parked on its own call's
frame, the engine is told to trap, and the entry raises it again: wasmtime-py parks it in one slot for the whole process,
where another thread may find it (wasmtime-py #254).

An interrupt waits until the outermost entry is over, which fuel sees to.  Python runs a signal's handler at the first
bytecode of a function, so in a callback it would raise above the `try`, and ctypes returns an undefined pointer for a callback
that raised: the engine would follow it.
"""

from __future__ import annotations

import ctypes
import signal
import threading
from collections.abc import Callable
from importlib import import_module
from types import FrameType
from typing import Any, TypeVar

from sshi.host.memory import Memory
from sshi.host.outcome import TrapKind

T = TypeVar("T")

Body = Callable[..., int | None]
NewTrap = Callable[[], int]

_WIDTHS = {"i32": ctypes.c_uint32, "i64": ctypes.c_uint64}
_I32 = 0xFFFF_FFFF
_SLOT = 16
"""Bytes of one argument, wasmtime's `wasmtime_val_raw_t`; arguments lie side by side, the result takes the first one's place."""

_CALLBACKS: dict[Any, Any] = {
    word: ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(word), ctypes.c_size_t)
    for word in _WIDTHS.values()
}


class WasmTrap(Exception):
    """The module trapped by itself; `detail` is the engine's own text."""

    def __init__(self, kind: TrapKind, detail: str) -> None:
        super().__init__(f"{kind.value}: {detail}")
        self.kind = kind
        self.detail = detail


class OutOfFuel(Exception):
    """The module used up its fuel."""


class StackOverflow(Exception):
    """The module used up the engine's own stack."""


class Frame:
    """One call's context, handed to every host function it reaches; subclass it with what the bodies need.

    memory  the module's own, set by `instantiate`; of no bytes before that and when it has none
    parked  what a host function raised, on its way out through the engine
    """

    memory: Memory = Memory(0, lambda: 0, None)
    parked: BaseException | None = None


class HostFunction:
    """A function for modules to import: wasm types ("i32", "i64"), at most one result.

    `body(frame, *arguments)` gets unsigned integers, i32 below 2^32 and i64 below 2^64; what it returns is taken modulo the
    result's width.  It may raise anything.
    """

    __slots__ = ("_callback", "body", "params", "results")

    def __init__(self, params: tuple[str, ...], results: tuple[str, ...], body: Body) -> None:
        if len(results) > 1 or not {*params, *results} <= _WIDTHS.keys():
            raise ValueError(f"no host function can have the type {params} -> {results}")
        self.params = params
        self.results = results
        self.body = body
        self._callback: Any = None

    def callback(self, new_trap: NewTrap) -> Any:
        """The C callback, the same one every time; `new_trap` makes the trap that carries an exception through the engine."""
        if self._callback is None:
            self._callback = self._make(new_trap)
        return self._callback

    def _make(self, new_trap: NewTrap) -> Any:
        # measured: one slice of the whole argument array is half the time of an item each, and masking costs a list
        narrow = {*self.params, *self.results} == {"i32"}
        word = ctypes.c_uint32 if narrow else ctypes.c_uint64
        per_slot = _SLOT // ctypes.sizeof(word)
        cut = slice(0, len(self.params) * per_slot, per_slot) if self.params else None  # ctypes reads one item of an empty slice
        masks = tuple(_I32 if kind == "i32" else -1 for kind in self.params)
        mask = _I32 if self.results == ("i32",) else -1
        body, mixed = self.body, not narrow and "i32" in self.params

        def with_result(_env: int, _caller: int, slots: Any, _count: int) -> int:
            frame = _inside[-1]
            try:
                arguments = slots[cut] if cut else ()
                if mixed:
                    arguments = [value & keep for value, keep in zip(arguments, masks, strict=True)]
                slots[0] = body(frame, *arguments) & mask  # pyright: ignore[reportOperatorIssue]  None is a body's mistake
            except BaseException as raised:  # noqa: BLE001  nothing may pass through the engine's own frames
                frame.parked = raised
                return new_trap()
            return 0

        def without_result(_env: int, _caller: int, slots: Any, _count: int) -> int:
            frame = _inside[-1]
            try:
                arguments = slots[cut] if cut else ()
                if mixed:
                    arguments = [value & keep for value, keep in zip(arguments, masks, strict=True)]
                body(frame, *arguments)
            except BaseException as raised:  # noqa: BLE001
                frame.parked = raised
                return new_trap()
            return 0

        return _CALLBACKS[word](with_result if self.results else without_result)


_LOCK = threading.RLock()
_inside: list[Frame] = []
_held: list[int] = []

# `signal.signal` tries to make an enum of every handler: 7 µs, what lies below it 0.5
_SIGNALS: Any = import_module("_signal")


def enter(frame: Frame, function: Callable[..., T], *arguments: object) -> T:
    """Call a function of the engine that runs the module of this frame; what a host function raised is parked there after."""
    with _LOCK:
        outermost = not _inside
        handler = _hold_interrupts() if outermost else None
        _inside.append(frame)
        try:
            return function(*arguments)
        finally:
            _inside.pop()
            if handler is not None:
                _release_interrupts(handler)


def _hold_interrupts() -> object:
    """Make SIGINT wait; what its handler was, or None when it cannot be held from here and cannot raise here either."""
    if threading.get_ident() != threading.main_thread().ident:
        return None
    handler = _SIGNALS.getsignal(signal.SIGINT)
    if handler is not None:
        _SIGNALS.signal(signal.SIGINT, _hold)
    return handler


def _release_interrupts(handler: object) -> None:
    _SIGNALS.signal(signal.SIGINT, handler)
    if _held:
        _held.clear()
        signal.raise_signal(signal.SIGINT)


def _hold(signum: int, _frame: FrameType | None) -> None:
    _held.append(signum)
