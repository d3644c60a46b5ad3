"""The interpreter and the compiler are one machine: outcome, effects, trace and cost are equal, whatever a contract does."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from core.host.worlds import ALICE, BOB, TOKEN, data, deployed
from core.wasm.generator import generate
from sshi.host.chain import Call
from sshi.host.engine import Frame, HostFunction, OutOfFuel, StackOverflow, WasmTrap, engine
from sshi.host.outcome import Exhausted, Receipt, Returned, Reverted, Trapped
from sshi.host.reference import ReferenceVM
from sshi.spec.loader import interface
from sshi.wasm.edit import assemble, with_functions
from sshi.wasm.encode import encode
from sshi.wasm.module import FUNC, GLOBAL, VALUE_TYPES, Code, Export, FuncType, Module
from sshi.wasm.stack import limit_stack

ENGINES = ("interpreter", "aot")
FUNCTIONS = list(interface().functions.values())


class Maker:
    """A contract that asks its host for things, sums what it is told, and goes wrong now and then."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def number(self, kind: str) -> str:
        """An expression, mostly a pointer at something that makes sense."""
        random = self.random
        if kind == "i64":
            return random.choice(("(local.get $sum)", f"(i64.const {random.randrange(-5, 5)})"))
        places = (0, 16, 32, 64, 96, 128, 200, 1000, 65_530, 65_536, -1)
        weights = (9, 9, 9, 9, 9, 9, 9, 9, 1, 1, 1)
        constant = f"(i32.const {random.choices(places, weights)[0]})"
        return random.choices((constant, "(i32.wrap_i64 (local.get $sum))", f"(i32.const {random.randrange(12)})"), (12, 1, 8))[0]

    def statement(self, depth: int) -> str:
        random = self.random
        shape = random.randrange(14)
        if shape < 8:
            function = random.choice(FUNCTIONS)
            if function.name == "revert" and random.random() < 0.8:
                function = FUNCTIONS[0]
            call = f"(call ${function.name} {' '.join(self.number(kind) for kind in function.wasm_params)})"
            if function.results == ("i32",):
                call = f"(i64.extend_i32_s {call})"
            return self.add(call) if function.results else call
        if shape == 8:
            return f"(i64.store (i32.and {self.number('i32')} (i32.const 1023)) (local.get $sum))"
        if shape == 9:
            return self.add(f"(i64.load {self.number('i32')})")
        if shape == 10:
            operation = random.choice(("div_s", "div_u", "rem_s", "rem_u", "mul", "rotl"))
            return self.add(f"(i64.{operation} (local.get $sum) (i64.const {random.choice((-1, 1, 3, 3, 7, 7, 0))}))")
        if shape == 11 and depth:
            count = random.randrange(1, 6)
            down = "(local.set $n (i32.sub (local.get $n) (i32.const 1))) (br_if 0 (i32.gt_s (local.get $n) (i32.const 0)))"
            return f"(local.set $n (i32.const {count})) (loop {self.block(depth - 1)} {down})"
        if shape == 12 and depth:
            test = f"(i64.gt_s (local.get $sum) (i64.const {random.randrange(9)}))"
            return f"(if {test} (then {self.block(depth - 1)}) (else {self.block(depth - 1)}))"
        return random.choices(
            (
                f"(drop (memory.grow (i32.const {random.randrange(9)})))",
                "(call $helper (i32.const 3))",
                "(unreachable)",
                f"(call_indirect (type $none) (i32.const {random.randrange(4)}))",
                f"(memory.copy {self.number('i32')} {self.number('i32')} (i32.const 9))",
            ),
            (6, 6, 1, 4, 4),
        )[0]

    def add(self, expression: str) -> str:
        return f"(local.set $sum (i64.add (i64.rotl (local.get $sum) (i64.const 7)) {expression}))"

    def block(self, depth: int) -> str:
        return " ".join(self.statement(depth) for _ in range(self.random.randrange(1, 5)))

    def fields(self) -> str:
        helper = "(func $helper (param i32) (if (local.get 0) (then (call $helper (i32.sub (local.get 0) (i32.const 1))))))"
        table = "(type $none (func)) (table 3 funcref) (elem (i32.const 1) $again $helper) (func $again (call $again))"
        told = "(i64.store (i32.const 512) (local.get $sum)) (call $set_return (i32.const 512) (i32.const 8))"
        bodies = "".join(
            f'(func (export "{name}") (local $sum i64) (local $n i32) {self.block(2)} {self.block(2)} {told})'
            for name in ("one", "two", "ask")
        )
        places = [data(0, b"\1\0\0\0k"), data(16, b"\3\0\0\0bob"), data(32, (5).to_bytes(16, "little")), data(64, b"\2\0\0\0ev")]
        places += [data(96, b"\x20\0\0\0"), data(128, b"\5\0\0\0token"), data(200, b"\xff\0\0\0")]
        return helper + table + bodies + "".join(places)


def story(vm: ReferenceVM) -> list[Receipt]:
    """What three entries do, twice, in one world."""
    receipts = []
    for entry, caller, value in (("one", ALICE, 7), ("two", BOB, 0), ("ask", ALICE, 0)) * 2:
        receipts.append(vm.call(TOKEN, Call(entry, b"in" * value, caller, value, gas=3_000_000, trace=True)))
        receipts.append(vm.query(TOKEN, Call("ask", b"q", gas=3_000_000, trace=True)))
    return receipts


@pytest.mark.parametrize("seed", range(120))
def test_a_contract_does_the_same_on_both_engines(seed):
    fields = Maker(Random(seed)).fields()
    vms = [deployed(fields, "call:one!", "call:two!", "query:ask", engine=engine) for engine in ENGINES]
    stories = [story(vm) for vm in vms]
    for left, right in zip(*stories, strict=True):
        assert left == right
    assert vms[0].storage(TOKEN) == vms[1].storage(TOKEN)


def test_the_generator_reaches_every_way_to_end():
    """The test above proves nothing about ends that no contract of it reaches."""
    ends: set[type] = set()
    for seed in range(40):
        vm = deployed(Maker(Random(seed)).fields(), "call:one!", "call:two!", "query:ask")
        ends.update(type(receipt.outcome) for receipt in story(vm))
    assert ends == {Returned, Reverted, Trapped, Exhausted}


def entered(module: Module) -> tuple[Module, list[str]]:
    """The module with an entry for each exported function, which passes it numbers and drops what it returns."""
    functions, exports = [], []
    first = len(module.imported(FUNC)) + len(module.funcs)
    for export in [export for export in module.exports if export.kind == FUNC]:
        of = module.function_type(export.index)
        pushed = ";".join(f"{VALUE_TYPES[kind]}.const {-3 + 5 * at}" for at, kind in enumerate(of.params))
        body = f"{pushed}; call {export.index}; {'drop;' * len(of.results)} end"
        exports.append(Export(f"enter_{export.name}", FUNC, first + len(functions)))
        functions.append((f"enter_{export.name}", FuncType(b"", b""), Code((), assemble(body))))
    made = with_functions(module, functions)
    return replace(made, exports=(*made.exports, *exports)), [export.name for export in exports]


@pytest.mark.parametrize("seed", range(60))
def test_plain_computation_leaves_the_same_memory_globals_and_fuel(seed):
    """Random modules of integer instructions, recursive ones among them."""
    module, entries = entered(generate(seed, bulk=True, sign_extension=True, recursive=seed % 2 == 0))
    globals_ = [export.name for export in module.exports if export.kind == GLOBAL]
    limited = limit_stack(module, depth=512, frame_bytes=65_536, exhausted=("sshi", "stop"))

    def stop(_frame: Frame) -> None:
        raise StackOverflow

    found = []
    for name in ENGINES:
        running, frame = engine(name), Frame()
        instance = running.instantiate(
            running.compile(encode(limited)), {("sshi", "stop"): HostFunction((), (), stop)}, frame, fuel=500_000
        )
        ends = []
        for entry in entries:
            try:
                instance.call(entry)
                ends.append("returned")
            except WasmTrap as trap:
                ends.append(str(trap))
            except (StackOverflow, OutOfFuel) as end:
                ends.append(type(end).__name__)
                break  # an instance that was stopped is not called again
        memory = frame.memory.read(0, frame.memory.size())
        found.append((ends, memory, [instance.get_global(at) for at in globals_], instance.fuel_left()))
    assert found[0] == found[1]
