"""Random valid modules over the integer instructions, made to trap sometimes and to end always.

Functions call only functions after them (unless `recursive`), loops count down a local of their own, so every run is
short.  A module has one page of memory, a table with some null slots, two mutable globals, and exports its memory, its
globals and its functions; with `multi` blocks and functions have parameters and several results, and only `f0` is exported.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from sshi.wasm.module import (
    FUNC,
    FUNCREF,
    GLOBAL,
    I32,
    I64,
    MEMORY,
    Code,
    Data,
    Element,
    Export,
    FuncType,
    Global,
    GlobalType,
    Import,
    Limits,
    Module,
    TableType,
)

TYPES = (I32, I64)
I32_BINARY = (*range(0x6A, 0x79), *range(0x46, 0x50))
I64_BINARY = range(0x7C, 0x8B)
I64_COMPARE = range(0x51, 0x5B)


def uleb(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def sleb(value: int) -> bytes:
    out = bytearray()
    while not -64 <= value < 64:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value & 0x7F])


@dataclass
class Maker:
    """One module in the making."""

    random: Random
    bulk: bool = False
    sign_extension: bool = False
    recursive: bool = False
    multi: bool = False
    imports: tuple[Import, ...] = ()
    size: int = 24
    types: list[FuncType] = field(default_factory=list)
    signatures: list[FuncType] = field(default_factory=list)

    def type(self, of: FuncType) -> int:
        if of not in self.types:
            self.types.append(of)
        return self.types.index(of)

    def module(self) -> Module:
        random = self.random
        host = FuncType(bytes([I32]), bytes([I32]))
        self.type(host)
        count = random.randint(1, 5)
        self.signatures = [host] * len(self.imports)
        for index in range(count):
            params = bytes(random.choices(TYPES, k=random.randint(0, 2)))
            results = bytes(random.choices(TYPES, k=1)) if random.random() < 0.8 else b""
            results += bytes(random.choices(TYPES, k=random.randint(0, 2))) if self.multi else b""
            self.signatures.append(FuncType(b"", results[:1]) if index == 0 else FuncType(params, results))
        funcs = tuple(self.type(of) for of in self.signatures[len(self.imports) :])
        codes = tuple(Function(self, index).code() for index in range(len(self.imports), len(self.signatures)))
        later = [len(self.imports) + count - 1] * 2 + [len(self.imports) if self.recursive else len(self.imports) + count - 1]
        later += [0] if self.imports else []
        first = len(self.imports)
        return Module(
            types=tuple(self.types),
            imports=self.imports,
            funcs=funcs,
            tables=(TableType(FUNCREF, Limits(5, 5)),),
            memories=(Limits(1, 3),),
            globals=(Global(GlobalType(I32, True), b"\x41\x07\x0b"), Global(GlobalType(I64, True), b"\x42\x7f\x0b")),
            exports=(
                Export("memory", MEMORY, 0),
                Export("g32", GLOBAL, 0),
                Export("g64", GLOBAL, 1),
                *(Export(f"f{index - first}", FUNC, index) for index in range(first, first + (1 if self.multi else count))),
            ),
            elements=(Element(0, 0, b"\x41\x01\x0b", None, tuple(later)),),
            codes=codes,
            datas=(Data(0, 0, b"\x41\x10\x0b", bytes(range(40))),),
        )


@dataclass
class Function:
    """One body."""

    maker: Maker
    index: int

    def __post_init__(self) -> None:
        self.random = self.maker.random
        self.of = self.maker.signatures[self.index]
        self.locals = [*self.of.params, *self.random.choices(TYPES, k=self.random.randint(0, 4))]
        self.free = list(range(len(self.locals)))
        self.budget = self.maker.size
        self.labels: list[bytes] = []

    def code(self) -> Code:
        self.labels.append(self.of.results)
        body = self.sequence(3) + b"".join(self.value(kind, 3) for kind in self.of.results) + b"\x0b"
        extra = self.locals[len(self.of.params) :]
        return Code(tuple((1, kind) for kind in extra), body)

    def sequence(self, depth: int) -> bytes:
        return b"".join(self.statement(depth) for _ in range(self.random.randint(0, 4)))

    def local(self, kind: int) -> int | None:
        fitting = [index for index in self.free if self.locals[index] == kind]
        return self.random.choice(fitting) if fitting else None

    def statement(self, depth: int) -> bytes:
        random = self.random
        self.budget -= 1
        if depth == 0 or self.budget < 0:
            return random.choice((b"\x01", self.value(I32, 0) + b"\x1a"))
        kind = random.choice(TYPES)
        if self.maker.multi and random.random() < 0.4:
            return random.choice((self.multi_block, self.multi_if, self.multi_loop))(depth)
        match random.randrange(14):
            case 0:
                return self.value(kind, depth) + b"\x1a"
            case 1 | 2:
                target = self.local(kind)
                return b"" if target is None else self.value(kind, depth) + b"\x21" + uleb(target)
            case 3:
                return self.value(kind, depth) + b"\x24" + uleb(TYPES.index(kind))
            case 4 | 5:
                ops = (0x36, 0x3A, 0x3B) if kind == I32 else (0x37, 0x3C, 0x3D, 0x3E)
                return self.address(depth) + self.value(kind, depth) + bytes([random.choice(ops), 0]) + uleb(random.choice((0, 4, 300)))
            case 6:
                otherwise = b"\x05" + self.block(b"", depth) if random.random() < 0.5 else b""
                return self.value(I32, depth) + b"\x04\x40" + self.block(b"", depth) + otherwise + b"\x0b"
            case 7:
                return b"\x02\x40" + self.block(b"", depth) + b"\x0b"
            case 8:
                return self.loop(depth)
            case 9 | 10:
                return self.leave(depth)
            case 11:
                return self.call(None, depth) or b""
            case 12 if self.maker.bulk:
                op = b"\xfc\x0a\x00\x00" if random.random() < 0.6 else b"\xfc\x0b\x00"
                second = self.address(depth) if op[1] == 0x0A else self.value(I32, 1)
                return self.address(depth) + second + self.length() + op
            case 12:
                return b"\x41" + sleb(random.choice((0, 1, 1, 5))) + b"\x40\x00\x1a"
            case _:
                return b"\x00" if random.random() < 0.15 else b"\x01"

    def length(self) -> bytes:
        random = self.random
        return b"\x41" + sleb(random.choice((0, 1, 7, 8, 9, 16, 31, random.randrange(300), 65_530, -1)))

    def address(self, depth: int) -> bytes:
        random = self.random
        if random.random() < 0.75:
            return b"\x41" + sleb(
                random.choice((0, 16, 20, random.randrange(400), 65_536 - random.randrange(20), 65_536, random.randrange(1 << 17)))
            )
        return self.value(I32, depth - 1) + b"\x41\xff\x00\x71"

    def block(self, results: bytes, depth: int) -> bytes:
        self.labels.append(results)
        body = self.sequence(depth - 1) + b"".join(self.value(kind, depth - 1) for kind in results)
        self.labels.pop()
        return body

    def loop(self, depth: int) -> bytes:
        """Counts a local down before the body, so that a branch back ends too."""
        counter = self.local(I32)
        if counter is None:
            return b""
        self.free.remove(counter)
        self.labels += [b"", b""]
        body = self.sequence(depth - 1)
        del self.labels[-2:]
        self.free.append(counter)
        at = uleb(counter)
        start = b"\x41" + sleb(self.random.randint(0, 3)) + b"\x21" + at + b"\x02\x40\x03\x40"
        count = b"\x20" + at + b"\x45\x0d\x01\x20" + at + b"\x41\x01\x6b\x21" + at
        again = b"\x0c\x00" if self.random.random() < 0.5 else b"\x20" + at + b"\x0d\x00"
        return start + count + body + again + b"\x0b\x0b"

    def kinds(self, most: int = 3) -> bytes:
        return bytes(self.random.choices(TYPES, k=self.random.randint(0, most)))

    def typed(self, params: bytes, results: bytes) -> bytes:
        """A block type by index."""
        return sleb(self.maker.type(FuncType(params, results)))

    def sink(self, kinds: bytes) -> bytes:
        """Takes the values off the stack, into locals where there are some."""
        targets = [(kind, self.local(kind)) for kind in reversed(kinds)]
        to_global = self.random.random() < 0.3
        return b"".join(
            b"\x24" + uleb(TYPES.index(kind)) if to_global else b"\x1a" if at is None else b"\x21" + uleb(at) for kind, at in targets
        )

    def multi_block(self, depth: int) -> bytes:
        params, results = self.kinds(), self.kinds()
        head = self.values(params, depth) + b"\x02" + self.typed(params, results)
        keep = params == results and self.random.random() < 0.3
        body = b"" if keep else self.sink(params) + self.block(results, depth)
        return head + body + b"\x0b" + self.sink(results)

    def multi_if(self, depth: int) -> bytes:
        params, results = self.kinds(), self.kinds()
        if self.random.random() < 0.4:
            results = params
        head = self.values(params, depth) + self.value(I32, depth - 1) + b"\x04" + self.typed(params, results)
        body = self.sink(params) + self.block(results, depth)
        if params != results or self.random.random() < 0.3:
            body += b"\x05" + self.sink(params) + self.block(results, depth)
        return head + body + b"\x0b" + self.sink(results)

    def multi_loop(self, depth: int) -> bytes:
        """Like `loop`, with parameters that a branch back gives anew."""
        counter = self.local(I32)
        if counter is None:
            return b""
        self.free.remove(counter)
        params, results = self.kinds(), self.kinds()
        at = uleb(counter)
        start = b"\x41" + sleb(self.random.randint(0, 3)) + b"\x21" + at + b"\x02" + self.typed(b"", results)
        self.labels.append(results)
        start += self.values(params, depth) + b"\x03" + self.typed(params, results)
        self.labels.append(params)
        body = self.sink(params)
        self.labels.append(b"")
        body += b"\x20" + at + b"\x45\x04\x40" + self.values(results, 2) + b"\x0c\x02\x0b"
        self.labels.pop()
        body += b"\x20" + at + b"\x41\x01\x6b\x21" + at + self.sequence(depth - 1)
        if self.random.random() < 0.7:
            body += self.values(params, depth) + b"\x20" + at + b"\x0d\x00" + b"\x1a" * len(params)
        body += self.values(results, depth)
        del self.labels[-2:]
        self.free.append(counter)
        return start + body + b"\x0b\x0b" + self.sink(results)

    def leave(self, depth: int) -> bytes:
        """A conditional branch outwards; or, under a condition, a branch table or a return with dead code after it."""
        random = self.random
        condition = self.value(I32, depth - 1)
        if random.random() < 0.5:
            target = random.randrange(len(self.labels))
            results = self.labels[-1 - target]
            return self.values(results, depth) + condition + b"\x0d" + uleb(target) + b"\x1a" * len(results)
        self.labels.append(b"")
        if random.random() < 0.6:
            results = random.choice(self.labels)
            fitting = [index for index in range(len(self.labels)) if self.labels[-1 - index] == results]
            targets = random.choices(fitting, k=random.randint(1, 4))
            table = b"\x0e" + uleb(len(targets) - 1) + b"".join(uleb(index) for index in targets)
            leaving = self.values(results, depth) + self.value(I32, depth - 1) + table
        else:
            leaving = self.values(self.of.results, depth) + b"\x0f"
        dead = self.statement(depth - 1)
        self.labels.pop()
        return condition + b"\x04\x40" + leaving + dead + b"\x0b"

    def values(self, kinds: bytes, depth: int) -> bytes:
        return b"".join(self.value(kind, depth - 1) for kind in kinds)

    def call(self, kind: int | None, depth: int) -> bytes | None:
        """A call that gives one value of that kind, or whose result is dropped."""
        first = 0 if self.maker.recursive else self.index + 1
        last = len(self.maker.signatures)
        imports = len(self.maker.imports)
        candidates = [*range(imports), *range(max(first, imports), last)]
        if kind is not None:
            candidates = [index for index in candidates if self.maker.signatures[index].results == bytes([kind])]
        if not candidates:
            return None
        callee = self.random.choice(candidates)
        of = self.maker.signatures[callee]
        args = b"".join(self.value(param, depth - 1) for param in of.params)
        indirect = self.random.random() < 0.25
        if indirect and self.maker.multi and kind is None and self.random.random() < 0.3:  # of a type that is only nearly its own
            of = FuncType(of.params, of.results[: self.random.randint(0, 1)] + self.kinds(1))
        drop = b"" if kind is not None else self.sink(of.results) if self.maker.multi else b"\x1a" * len(of.results)
        if indirect:
            if not self.maker.recursive and callee != last - 1:
                return None
            slot = b"\x41" + sleb(self.random.choice((1, 1, 2, 2, 3, 4, 0, 5)))
            return args + slot + b"\x11" + uleb(self.maker.type(of)) + b"\x00" + drop
        return args + b"\x10" + uleb(callee) + drop

    def value(self, kind: int, depth: int) -> bytes:
        random = self.random
        self.budget -= 1
        if depth <= 0 or self.budget < 0:
            target = self.local(kind)
            if target is not None and random.random() < 0.5:
                return b"\x20" + uleb(target)
            return self.constant(kind)
        match random.randrange(16):
            case 0 | 1:
                return (
                    self.value(kind, depth - 1)
                    + self.value(kind, depth - 1)
                    + bytes([random.choice(I32_BINARY if kind == I32 else I64_BINARY)])
                )
            case 2:
                if kind == I32:
                    return self.value(I64, depth - 1) + self.value(I64, depth - 1) + bytes([random.choice(I64_COMPARE)])
                return self.value(I32, depth - 1) + bytes([random.choice((0xAC, 0xAD))])
            case 3:
                if kind == I32:
                    return self.value(I64, depth - 1) + bytes([random.choice((0xA7, 0x50))])
                return self.value(I64, depth - 1) + bytes([random.choice((0x79, 0x7A, 0x7B))])
            case 4 | 5:
                ops = (0x28, 0x2C, 0x2D, 0x2E, 0x2F) if kind == I32 else (0x29, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35)
                return self.address(depth) + bytes([random.choice(ops), 0]) + uleb(random.choice((0, 3, 1000)))
            case 6:
                return self.value(kind, depth - 1) + self.value(kind, depth - 1) + self.value(I32, depth - 1) + b"\x1b"
            case 7:
                return b"\x23" + uleb(TYPES.index(kind))
            case 8:
                target = self.local(kind)
                return self.constant(kind) if target is None else self.value(kind, depth - 1) + b"\x22" + uleb(target)
            case 9:
                return b"\x02" + bytes([kind]) + self.block(bytes([kind]), depth) + b"\x0b"
            case 10:
                head = self.value(I32, depth - 1) + b"\x04" + bytes([kind])
                return head + self.block(bytes([kind]), depth) + b"\x05" + self.block(bytes([kind]), depth) + b"\x0b"
            case 11 | 12:
                return self.call(kind, depth) or self.constant(kind)
            case 13 if self.maker.sign_extension:
                return self.value(kind, depth - 1) + bytes([random.choice((0xC0, 0xC1) if kind == I32 else (0xC2, 0xC3, 0xC4))])
            case 14 if kind == I32:
                return b"\x3f\x00" if random.random() < 0.5 else self.value(I32, depth - 1) + b"\x45"
            case _:
                return self.constant(kind)

    def constant(self, kind: int) -> bytes:
        random = self.random
        bits = 32 if kind == I32 else 64
        value = random.choice((0, 1, -1, 2, 7, -128, 255, 1 << (bits - 1), random.randrange(1 << bits), random.randrange(1 << bits)))
        value &= (1 << bits) - 1
        return bytes([0x41 if kind == I32 else 0x42]) + sleb(value - (1 << bits) if value >> (bits - 1) else value)


def generate(seed: int, **options: object) -> Module:
    """The module of that seed."""
    return Maker(Random(seed), **options).module()  # type: ignore[arg-type]
