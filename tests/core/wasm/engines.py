"""Runs a module on wasmtime, on both of its back ends, and says what happened in the interpreter's words."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import wasmtime

from sshi.wasm.encode import encode
from sshi.wasm.module import Module

BACK_ENDS = ("cranelift", "pulley64")

SMITH = {
    "ends": True,
    "min_funcs": 4,
    "export_everything": True,
    "allow_start_export": False,
    "max_imports": 2,
    "max_memories": 1,
    "max_memory32_bytes": 1 << 18,
    "memory_max_size_required": True,
    "max_table_elements": 100,
}
"""What makes a random module of wasm-smith worth running: functions that can be called, memories that can be compared."""

KINDS = {
    wasmtime.TrapCode.UNREACHABLE: "unreachable",
    wasmtime.TrapCode.MEMORY_OUT_OF_BOUNDS: "memory",
    wasmtime.TrapCode.TABLE_OUT_OF_BOUNDS: "indirect-call",
    wasmtime.TrapCode.INDIRECT_CALL_TO_NULL: "indirect-call",
    wasmtime.TrapCode.BAD_SIGNATURE: "indirect-call",
    wasmtime.TrapCode.INTEGER_OVERFLOW: "overflow",
    wasmtime.TrapCode.INTEGER_DIVISION_BY_ZERO: "division",
}


class Stop(Exception):
    """What a host function raises to end the run; the argument says why."""


@dataclass
class Result:
    """How a run ended: ("returned", values), ("trapped", kind) or ("stopped", reason); and the memory and globals then."""

    end: tuple[str, object]
    memory: bytes
    globals: dict[str, int]


@cache
def engine(back_end: str) -> wasmtime.Engine:
    config = wasmtime.Config()
    config.memory_reservation = 1 << 20  # not 4 GiB of addresses an instance: thousands live in one test run
    if back_end == "pulley64":
        config.target = "pulley64"
    return wasmtime.Engine(config)


class Instance:
    """An instance whose imports are given by "module.name"; each gets the instance and the arguments."""

    def __init__(self, module: Module, imports: dict[str, Callable[..., object]] | None = None, back_end: str = "cranelift") -> None:
        self.store = wasmtime.Store(engine(back_end))
        compiled = wasmtime.Module(engine(back_end), encode(module))
        me = weakref.proxy(self)  # the store keeps its functions: holding ourselves there would keep both for ever
        given = []
        for entry in compiled.imports:
            assert isinstance(entry.type, wasmtime.FuncType)
            function = (imports or {})[f"{entry.module}.{entry.name}"]
            given.append(wasmtime.Func(self.store, entry.type, lambda *args, function=function: function(me, *args)))
        self.exports = dict(wasmtime.Instance(self.store, compiled, given).exports(self.store))

    def global_(self, name: str) -> wasmtime.Global:
        found = self.exports[name]
        assert isinstance(found, wasmtime.Global)
        return found

    def set(self, name: str, value: int) -> None:
        self.global_(name).set_value(self.store, value)

    def get(self, name: str) -> int:
        return self.global_(name).value(self.store)

    def read(self, at: int, length: int) -> bytes:
        return bytes(self._memory().read(self.store, at, at + length))

    def write(self, at: int, data: bytes) -> None:
        self._memory().write(self.store, data, at)

    def _memory(self) -> wasmtime.Memory:
        found = self.exports["memory"]
        assert isinstance(found, wasmtime.Memory)
        return found

    def run(self, name: str, *args: int) -> Result:
        function = self.exports[name]
        assert isinstance(function, wasmtime.Func)
        try:
            values = function(self.store, *args)
            listed = [] if values is None else list(values) if isinstance(values, (list, tuple)) else [values]
            kinds = function.type(self.store).results
            end: tuple[str, object] = ("returned", [v % (1 << (32 if str(k) == "i32" else 64)) for v, k in zip(listed, kinds, strict=True)])
        except Stop as stop:
            end = ("stopped", str(stop))
        except wasmtime.Trap as trap:
            end = ("trapped", KINDS[trap.trap_code])
        memory = self.exports.get("memory")
        found = {name: value.value(self.store) for name, value in self.exports.items() if isinstance(value, wasmtime.Global)}
        return Result(end, bytes(memory.read(self.store)) if isinstance(memory, wasmtime.Memory) else b"", found)
