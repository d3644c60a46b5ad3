"""What every instruction costs, one at a time: metering by the book, on the tests' own interpreter."""

from __future__ import annotations

from core.wasm.engines import Instance, Stop
from core.wasm.interpreter import Interpreter, Stopped, Trap, Watcher
from sshi.wasm.meter import Costs, EntryCost, GlobalHook, HostHook, PerUnit, StackModel, inject
from sshi.wasm.module import FUNC, Import, Module
from sshi.wasm.opcodes import BY_KEY
from sshi.wasm.stack import frame_bytes, heights

COSTS = Costs(
    default=3,
    overrides={"block": 0, "else": 0, "end": 0, "loop": 2, "i32.add": 5, "call": 11},
    counted={"memory.grow": PerUnit(32, 7), "memory.copy": PerUnit(30, 1), "memory.fill": PerUnit(31, 2)},
    entry=EntryCost(64, 8, 3),
)
GAS = GlobalHook("gas_left", ("env", "out_of_gas"))
STACK = StackModel(1500, 64, ("env", "stack_exhausted"))
ENOUGH = 10**12
GROWS = '(module (memory 1) (func (export "f") (param i32) (drop (memory.grow (local.get 0)))))'
HOST = (Import("env", "host", FUNC, 0),)
CHAIN = Costs(default=1, counted={"memory.grow": PerUnit(32, 1), "memory.copy": PerUnit(32, 1)}, entry=EntryCost(64, 8, 1))
"""The shape of a chain's own costs, in units of one instruction."""


class Book(Watcher):
    """Charges every instruction and every entry, one at a time."""

    def __init__(self, module: Module, costs: Costs, gas: int = ENOUGH, stack: StackModel | None = None) -> None:
        self.module, self.costs, self.gas, self.stack = module, costs, gas, stack
        self.first = len(module.imported(FUNC))
        self.heights = heights(module)
        self.used = 0

    def spend(self, units: int) -> None:
        self.gas -= units
        if self.gas < 0:
            raise Stopped("gas")

    def _size(self, function: int) -> int:
        at = function - self.first
        frame = frame_bytes(self.module.types[self.module.funcs[at]], self.module.codes[at])
        return self.heights[at].bytes + frame + (self.stack.base_bytes if self.stack else 0)

    def enter(self, function: int) -> None:
        self.used += self._size(function)
        if self.stack and self.used > self.stack.limit:
            raise Stopped("stack")
        at = function - self.first
        if self.costs.entry:
            self.spend(self.costs.entry.of(self.module.types[self.module.funcs[at]], self.module.codes[at]))

    def leave(self, function: int) -> None:
        self.used -= self._size(function)

    def instruction(self, function: int, at: int, op: int, count: int | None) -> None:  # noqa: ARG002
        name = BY_KEY[op].mnemonic
        counted = self.costs.counted.get(name)
        self.spend(counted.base + counted.unit * (count or 0) if counted else self.costs.of(name))


def book(module: Module, watcher: Book, name: str = "f0", hosts=None) -> tuple[tuple[str, object], Interpreter]:
    interpreter = Interpreter(module, hosts or {}, watcher, steps=20_000)
    try:
        return ("returned", interpreter.call(name)), interpreter
    except Trap as trap:
        return ("trapped", str(trap)), interpreter
    except Stopped as stopped:
        return ("stopped", str(stopped)), interpreter


def stop(reason: str):
    def run(_: Instance) -> None:
        raise Stop(reason)

    return run


STOPS = {"env.out_of_gas": stop("gas"), "env.stack_exhausted": stop("stack")}


def charged(module: Module, costs: Costs, name: str, *args: int) -> tuple[tuple[str, object], list[int]]:
    """How a run with host metering ends, and every charge on the way."""
    charges: list[int] = []
    metered = inject(module, costs, HostHook())
    result = Instance(metered, {"env.gas_consume": lambda _, units: charges.append(units)}).run(name, *args)
    return result.end, charges
