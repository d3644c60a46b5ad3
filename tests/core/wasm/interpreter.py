"""A tiny interpreter of wasm's integer instructions: the oracle of the passes, built a different way than they are.

It reads a `Module` value by itself (no opcode table, no scanner of ours) and tells a `Watcher` what it is about to do, one
instruction at a time, so a test can count gas, operands and frames by the book and compare.  Slow and plain on purpose.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sshi.wasm.module import FUNC, I32, I64, PAGE, FuncType, Module

M32, M64 = 0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF
SIZE = {I32: 4, I64: 8}


class Trap(Exception):
    """A trap; the argument is its kind."""


class Stopped(Exception):
    """A watcher stopped the run; the argument says why."""


class Watcher:
    """What a test may look at.  Every method is called before the thing happens."""

    def enter(self, function: int) -> None:
        """A defined function starts."""

    def leave(self, function: int) -> None:
        """It returned."""

    def instruction(self, function: int, at: int, op: int, count: int | None) -> None:
        """`op` (0xFC08 for a prefixed one) runs at byte `at` of the body; `count` is the top operand of a bulk operation."""

    def operands(self, function: int, size: int, slots: int) -> None:
        """The operand stack of this activation has this many bytes and slots."""


def signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def _uleb(body: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = body[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _sleb(body: bytes, at: int) -> tuple[int, int]:
    value, end = _uleb(body, at)
    bits = 7 * (end - at)
    return signed(value, bits), end


@dataclass
class Instruction:
    at: int
    op: int
    args: tuple[int, ...] = ()
    end: int = -1
    otherwise: int = -1


INDEX = {0x0C, 0x0D, 0x10, 0x20, 0x21, 0x22, 0x23, 0x24, 0x3F, 0x40, 0xD0, 0xD2, 0x25, 0x26}
PREFIXED = {8: 2, 9: 1, 10: 2, 11: 1, 12: 2, 13: 1, 14: 2, 15: 1, 16: 1, 17: 1}


def instructions(body: bytes) -> list[Instruction]:
    """A body's instructions, with the index of each block's `else` and `end`."""
    found: list[Instruction] = []
    open_blocks: list[int] = []
    at = 0
    while at < len(body):
        start, op = at, body[at]
        at += 1
        args: list[int] = []
        wanted = 0
        if op in (0x02, 0x03, 0x04):
            value, at = _sleb(body, at)
            args.append(value)
        elif op == 0x0E:
            wanted, at = _uleb(body, at)
            wanted += 1
        elif op in INDEX:
            wanted = 1
        elif op == 0x11 or 0x28 <= op <= 0x3E:
            wanted = 2
        elif op in (0x41, 0x42):
            value, at = _sleb(body, at)
            args.append(value)
        elif op == 0x1C:
            count, at = _uleb(body, at)
            at += count
            op = 0x1B
        elif op == 0xFC:
            sub, at = _uleb(body, at)
            op, wanted = 0xFC00 | sub, PREFIXED[sub]
        for _ in range(wanted):
            value, at = _uleb(body, at)
            args.append(value)
        index = len(found)
        found.append(Instruction(start, op, tuple(args)))
        if op in (0x02, 0x03, 0x04):
            open_blocks.append(index)
        elif op == 0x05:
            found[open_blocks[-1]].otherwise = index
        elif op == 0x0B and open_blocks:
            opener = found[open_blocks.pop()]
            opener.end = index
            if opener.otherwise >= 0:
                found[opener.otherwise].end = index
    return found


def _divide(bits: int, remainder: bool, sign: bool) -> Callable[[int, int], int]:
    mask = (1 << bits) - 1

    def run(a: int, b: int) -> int:
        if b == 0:
            raise Trap("division")
        if sign:
            a, b = signed(a, bits), signed(b, bits)
            if not remainder and a == -(1 << (bits - 1)) and b == -1:
                raise Trap("overflow")
        quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        return (a - quotient * b if remainder else quotient) & mask

    return run


def _clz(value: int, bits: int) -> int:
    return bits - value.bit_length()


def _ctz(value: int, bits: int) -> int:
    return (value & -value).bit_length() - 1 if value else bits


def _arithmetic(bits: int) -> dict[int, tuple[int, Callable[..., int]]]:
    """Offset from `clz` to (operands, function)."""
    mask = (1 << bits) - 1

    def rotl(a: int, b: int) -> int:
        b %= bits
        return (a << b | a >> (bits - b)) & mask

    return {
        0: (1, lambda a: _clz(a, bits)),
        1: (1, lambda a: _ctz(a, bits)),
        2: (1, lambda a: a.bit_count()),
        3: (2, lambda a, b: a + b & mask),
        4: (2, lambda a, b: a - b & mask),
        5: (2, lambda a, b: a * b & mask),
        6: (2, _divide(bits, remainder=False, sign=True)),
        7: (2, _divide(bits, remainder=False, sign=False)),
        8: (2, _divide(bits, remainder=True, sign=True)),
        9: (2, _divide(bits, remainder=True, sign=False)),
        10: (2, lambda a, b: a & b),
        11: (2, lambda a, b: a | b),
        12: (2, lambda a, b: a ^ b),
        13: (2, lambda a, b: a << b % bits & mask),
        14: (2, lambda a, b: signed(a, bits) >> b % bits & mask),
        15: (2, lambda a, b: a >> b % bits),
        16: (2, rotl),
        17: (2, lambda a, b: rotl(a, -b)),
    }


def _comparisons(bits: int) -> list[Callable[[int, int], int]]:
    def both(compare: Callable[[int, int], bool]) -> list[Callable[[int, int], int]]:
        return [
            lambda a, b: int(compare(signed(a, bits), signed(b, bits))),
            lambda a, b: int(compare(a, b)),
        ]

    return [
        lambda a, b: int(a == b),
        lambda a, b: int(a != b),
        *both(lambda a, b: a < b),
        *both(lambda a, b: a > b),
        *both(lambda a, b: a <= b),
        *both(lambda a, b: a >= b),
    ]


def _extend(width: int, mask: int) -> Callable[[int], int]:
    return lambda a: signed(a & ((1 << width) - 1), width) & mask


PURE: dict[int, tuple[int, int, Callable[..., int]]] = {
    0x45: (1, I32, lambda a: int(a == 0)),
    0x50: (1, I32, lambda a: int(a == 0)),
    0xA7: (1, I32, lambda a: a & M32),
    0xAC: (1, I64, lambda a: signed(a, 32) & M64),
    0xAD: (1, I64, lambda a: a),
    0xC0: (1, I32, _extend(8, M32)),
    0xC1: (1, I32, _extend(16, M32)),
    0xC2: (1, I64, _extend(8, M64)),
    0xC3: (1, I64, _extend(16, M64)),
    0xC4: (1, I64, _extend(32, M64)),
    **{0x46 + offset: (2, I32, function) for offset, function in enumerate(_comparisons(32))},
    **{0x51 + offset: (2, I32, function) for offset, function in enumerate(_comparisons(64))},
    **{0x67 + offset: (count, I32, function) for offset, (count, function) in _arithmetic(32).items()},
    **{0x79 + offset: (count, I64, function) for offset, (count, function) in _arithmetic(64).items()},
}
"""Instructions that only compute: operands, result type, function."""

LOADS = {
    0x28: (I32, 4, False), 0x29: (I64, 8, False), 0x2C: (I32, 1, True), 0x2D: (I32, 1, False), 0x2E: (I32, 2, True),
    0x2F: (I32, 2, False), 0x30: (I64, 1, True), 0x31: (I64, 1, False), 0x32: (I64, 2, True), 0x33: (I64, 2, False),
    0x34: (I64, 4, True), 0x35: (I64, 4, False),
}  # fmt: skip
STORES = {0x36: 4, 0x37: 8, 0x3A: 1, 0x3B: 2, 0x3C: 1, 0x3D: 2, 0x3E: 4}
BULK = {0x40, 0xFC08, 0xFC0A, 0xFC0B}


@dataclass
class Interpreter:
    """One instance.  `hosts` answer imported functions by index: values in, values out."""

    module: Module
    hosts: dict[int, Callable[..., list[int]]] = field(default_factory=dict)
    watcher: Watcher = field(default_factory=Watcher)
    steps: int = 200_000

    def __post_init__(self) -> None:
        module = self.module
        self.imports = len(module.imported(FUNC))
        self.bodies = [instructions(code.body) for code in module.codes]
        self.globals: list[int] = []
        for entry in module.globals:
            self.globals.append(self._expression(entry.init))
        limits = module.memories[0] if module.memories else None
        self.memory = bytearray(limits.minimum * PAGE if limits else 0)
        self.max_pages = 65_536 if limits is None or limits.maximum is None else limits.maximum
        self.dropped: set[int] = set()
        self.table: list[int | None] = []
        for table in module.tables[:1]:
            self.table = [None] * table.limits.minimum
        self._initialise()

    def _expression(self, init: bytes) -> int:
        if init[0] == 0x23:
            return self.globals[_uleb(init, 1)[0]]
        return _sleb(init, 1)[0] & (M32 if init[0] == 0x41 else M64)

    def _initialise(self) -> None:
        for segment in self.module.elements:
            if segment.flag not in (0, 2, 4, 6):
                continue
            assert segment.offset is not None
            at = self._expression(segment.offset)
            items = [item if isinstance(item, int) else (_uleb(item, 1)[0] if item[0] == 0xD2 else None) for item in segment.items]
            if at + len(items) > len(self.table):
                raise Trap("indirect-call")
            self.table[at : at + len(items)] = items
        for index, segment in enumerate(self.module.datas):
            if segment.offset is None:
                continue
            at = self._expression(segment.offset)
            if at + len(segment.data) > len(self.memory):
                raise Trap("memory")
            self.memory[at : at + len(segment.data)] = segment.data
            self.dropped.add(index)

    def call(self, name: str, *args: int) -> list[int]:
        """Run an export; raises Trap or Stopped."""
        export = self.module.export(name, FUNC)
        assert export is not None
        return self.invoke(export.index, list(args))

    def block_type(self, value: int) -> FuncType:
        if value >= 0:
            return self.module.types[value]
        return FuncType(b"", b"" if value == -0x40 else bytes([value & 0x7F]))

    def invoke(self, function: int, args: list[int]) -> list[int]:
        if function < self.imports:
            return self.hosts[function](*args)
        self.watcher.enter(function)
        results = self._run(function, args)
        self.watcher.leave(function)
        return results

    def _run(self, function: int, args: list[int]) -> list[int]:
        module, watcher = self.module, self.watcher
        of_type = module.function_type(function)
        code = self.bodies[function - self.imports]
        kinds_of_locals = of_type.params + b"".join(bytes([kind]) * count for count, kind in module.codes[function - self.imports].locals)
        local = args + [0] * (len(kinds_of_locals) - len(args))
        stack: list[int] = []
        kinds: list[int] = []
        labels: list[tuple[int, int, int]] = [(len(code), len(of_type.results), 0)]
        at = 0

        def push(value: int, kind: int) -> None:
            stack.append(value)
            kinds.append(kind)

        def pop() -> int:
            kinds.pop()
            return stack.pop()

        def popped(count: int) -> list[int]:
            if not count:
                return []
            values = stack[-count:]
            del stack[-count:], kinds[-count:]
            return values

        def branch(depth: int) -> int:
            del labels[len(labels) - depth :]
            target, arity, height = labels.pop()
            keep = len(stack) - arity
            del stack[height:keep], kinds[height:keep]
            if target == len(code):
                return target
            return target if code[target].op == 0x03 else target + 1  # a loop runs again, itself included

        def span(base: int, length: int) -> int:
            if base + length > len(self.memory):
                raise Trap("memory")
            return base

        while at < len(code):
            here = code[at]
            op, a = here.op, here.args
            self.steps -= 1
            if self.steps < 0:
                raise Stopped("steps")
            watcher.instruction(function, here.at, op, stack[-1] if op in BULK else None)
            at += 1
            if op in PURE:
                count, kind, compute = PURE[op]
                push(compute(*popped(count)), kind)
            elif op in LOADS:
                kind, width, sign = LOADS[op]
                base = span(pop() + a[1], width)
                value = int.from_bytes(self.memory[base : base + width], "little", signed=sign)
                push(value & (M32 if kind == I32 else M64), kind)
            elif op in STORES:
                width = STORES[op]
                value = pop() & ((1 << 8 * width) - 1)
                base = span(pop() + a[1], width)
                self.memory[base : base + width] = value.to_bytes(width, "little")
            elif op == 0x41:
                push(a[0] & M32, I32)
            elif op == 0x42:
                push(a[0] & M64, I64)
            elif op == 0x20:
                push(local[a[0]], kinds_of_locals[a[0]])
            elif op == 0x21:
                local[a[0]] = pop()
            elif op == 0x22:
                local[a[0]] = stack[-1]
            elif op == 0x23:
                push(self.globals[a[0]], module.globals[a[0]].type.value)
            elif op == 0x24:
                self.globals[a[0]] = pop()
            elif op == 0x1A:
                pop()
            elif op == 0x1B:
                condition, second = pop(), pop()
                if not condition:
                    stack[-1] = second
            elif op in (0x02, 0x03):
                kind = self.block_type(a[0])
                arity = len(kind.params if op == 0x03 else kind.results)
                labels.append((at - 1 if op == 0x03 else here.end, arity, len(stack) - len(kind.params)))
            elif op == 0x04:
                kind = self.block_type(a[0])
                condition = pop()
                labels.append((here.end, len(kind.results), len(stack) - len(kind.params)))
                if not condition:
                    at = here.otherwise + 1 if here.otherwise >= 0 else here.end
            elif op == 0x05:
                at = here.end
            elif op == 0x0B:
                labels.pop()
            elif op == 0x0C:
                at = branch(a[0])
            elif op == 0x0D:
                if pop():
                    at = branch(a[0])
            elif op == 0x0E:
                index = pop()
                at = branch(a[index] if index < len(a) - 1 else a[-1])
            elif op == 0x0F:
                at = branch(len(labels) - 1)
            elif op == 0x10:
                callee = module.function_type(a[0])
                for value, kind in zip(self.invoke(a[0], popped(len(callee.params))), callee.results, strict=True):
                    push(value, kind)
            elif op == 0x11:
                callee, index = module.types[a[0]], pop()
                if index >= len(self.table) or self.table[index] is None or module.function_type(self.table[index] or 0) != callee:
                    raise Trap("indirect-call")
                for value, kind in zip(self.invoke(self.table[index] or 0, popped(len(callee.params))), callee.results, strict=True):
                    push(value, kind)
            elif op == 0x3F:
                push(len(self.memory) // PAGE, I32)
            elif op == 0x40:
                old, more = len(self.memory) // PAGE, pop()
                if old + more > self.max_pages:
                    push(M32, I32)
                else:
                    self.memory.extend(bytes(more * PAGE))
                    push(old, I32)
            elif op == 0xFC0A:
                length, source, target = pop(), pop(), pop()
                span(source, length)
                span(target, length)
                self.memory[target : target + length] = self.memory[source : source + length]
            elif op == 0xFC0B:
                length, value, target = pop(), pop(), pop()
                span(target, length)
                self.memory[target : target + length] = bytes([value & 0xFF]) * length
            elif op == 0xFC08:
                length, source, target = pop(), pop(), pop()
                data = b"" if a[0] in self.dropped else module.datas[a[0]].data
                if source + length > len(data):
                    raise Trap("memory")
                span(target, length)
                self.memory[target : target + length] = data[source : source + length]
            elif op == 0xFC09:
                self.dropped.add(a[0])
            elif op == 0x00:
                raise Trap("unreachable")
            elif op != 0x01:
                raise NotImplementedError(hex(op))
            watcher.operands(function, sum(SIZE[kind] for kind in kinds), len(kinds))
        return stack[len(stack) - len(of_type.results) :]
