"""How high each function's operand stack gets, exactly: an abstract run over stack types, once through each body.

A value of type i32 or f32 is 4 bytes, v128 16, any other 8.  Code behind an unconditional branch is not run and not counted,
up to the end of its block, as validation reads it.  The module must be valid: a body that is not gives nonsense or an
IndexError, never a wrong answer for a valid one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from sshi.errors import LinkError
from sshi.wasm.flow import BR_IF, CALL, CALL_INDIRECT, ELSE, END, IF, LEAVES, OPENERS, number, refuse_unknown
from sshi.wasm.immediates import VOID
from sshi.wasm.instructions import immediates, index, key, tokens
from sshi.wasm.module import F32, F64, FUNC, FUNCREF, GLOBAL, I32, I64, V128, Code, FuncType, GlobalType, Module
from sshi.wasm.opcodes import BY_KEY, BY_MNEMONIC, op_name

LOCAL_GET, LOCAL_TEE, GLOBAL_GET = (BY_MNEMONIC[name].key for name in ("local.get", "local.tee", "global.get"))
SELECTS = (0x1B, 0x1C)


@dataclass(frozen=True, slots=True)
class Height:
    """The most operands that lie on one activation's stack at once: their bytes, and how many."""

    bytes: int
    slots: int


def size_of(kind: int) -> int:
    """Bytes of a value type."""
    return _SIZES[kind]


def frame_bytes(of_type: FuncType, code: Code) -> int:
    """Bytes of a function's parameters and locals."""
    return sum(of_type.params.translate(_SIZES)) + sum(count * _SIZES[kind] for count, kind in code.locals)


def heights(module: Module) -> tuple[Height, ...]:
    """The operand height of every defined function, in order.

    Raises LinkError (contract's fault) for exceptions and typed references, whose control is not followed here.
    """
    space = _Space.of(module)
    return tuple([space.height(index, code) for index, code in zip(module.funcs, module.codes, strict=True)])


def heights_of(module: Module, functions: Sequence[int]) -> dict[int, Height]:
    """The operand height of some defined functions, by index; raises as `heights` does."""
    if not functions:
        return {}
    space, known = _followed(module)
    first = len(module.imported(FUNC))
    for at in functions:
        if at not in known:
            known[at] = space.height(module.funcs[at - first], module.codes[at - first])
    return {at: known[at] for at in functions}


@lru_cache(maxsize=2)  # a contract and what is linked of it are asked about again with every target
def _followed(module: Module) -> tuple[_Space, dict[int, Height]]:
    return _Space.of(module), {}


_SIZES = bytes(4 if kind in (I32, F32) else 16 if kind == V128 else 8 for kind in range(0x100))
_NAMED = {"i32": I32, "i64": I64, "f32": F32, "f64": F64, "v128": V128, "funcref": FUNCREF, "ref": FUNCREF}


def _sizes(kinds: bytes) -> tuple[int, ...]:
    return tuple(kinds.translate(_SIZES))


class _Fixed(dict[bytes, "tuple[int, tuple[int, ...]] | None"]):
    """By instruction: how many it pops and the sizes it pushes, or None when that hangs on more than its opcode."""

    def __missing__(self, token: bytes) -> tuple[int, tuple[int, ...]] | None:
        op = BY_KEY[key(token)]
        known = all(name in _NAMED for name in op.pushes) and "*" not in op.pops
        effect = self[token] = (len(op.pops), tuple([_SIZES[_NAMED[name]] for name in op.pushes])) if known else None
        return effect


class _Locals:
    """Sizes of a function's parameters and locals by index.  Runs stay runs: a few bytes can declare thousands in every function."""

    __slots__ = ("_ends", "_params", "_sizes")

    def __init__(self, params: tuple[int, ...], code: Code) -> None:
        self._params = params
        self._ends = list(accumulate((count for count, _ in code.locals), initial=len(params)))
        self._sizes = [_SIZES[kind] for _, kind in code.locals]

    def __getitem__(self, index: int) -> int:
        return self._params[index] if index < len(self._params) else self._sizes[bisect_right(self._ends, index) - 1]


class _Block(NamedTuple):
    """What a block takes and leaves, and the bytes of what it takes."""

    params: tuple[int, ...]
    results: tuple[int, ...]
    taken: int


class _Frame(NamedTuple):
    """A block that was entered: operands and bytes below its parameters, and what it takes and leaves."""

    slots: int
    bytes: int
    params: tuple[int, ...]
    results: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Space:
    """Sizes of everything an index can name."""

    params: tuple[tuple[int, ...], ...]
    results: tuple[tuple[int, ...], ...]
    functions: tuple[int, ...]
    globals: tuple[int, ...]
    fixed: _Fixed
    blocks: dict[bytes, _Block]

    @classmethod
    def of(cls, module: Module) -> _Space:
        imported = [entry.desc.value for entry in module.imported(GLOBAL) if isinstance(entry.desc, GlobalType)]
        return cls(
            tuple([_sizes(of.params) for of in module.types]),
            tuple([_sizes(of.results) for of in module.types]),
            (*(entry.desc for entry in module.imported(FUNC) if isinstance(entry.desc, int)), *module.funcs),
            tuple([_SIZES[kind] for kind in (*imported, *(entry.type.value for entry in module.globals))]),
            _Fixed(),
            {},
        )

    def block(self, token: bytes) -> _Block:
        """Sizes a block takes and leaves."""
        if (known := self.blocks.get(token)) is not None:
            return known
        value = number(immediates(token)[0])
        params = self.params[value] if value >= 0 else ()
        results = self.results[value] if value >= 0 else () if value == VOID else (_SIZES[value + 0x80],)
        block = self.blocks[token] = _Block(params, results, sum(params))
        return block

    def moving(self, token: bytes, local: _Locals) -> tuple[int, tuple[int, ...]]:
        """What an instruction pops and pushes when that hangs on an index."""
        op = token[0]
        if op == LOCAL_GET:
            return 0, (local[index(token)],)
        if op == GLOBAL_GET:
            return 0, (self.globals[index(token)],)
        if op == CALL:
            called = self.functions[index(token)]
            return len(self.params[called]), self.results[called]
        if op == CALL_INDIRECT:
            called = number(immediates(token)[0])
            return len(self.params[called]) + 1, self.results[called]
        if op in SELECTS:
            return 2, ()  # both operands have one size, so the lower one stands for the result
        if op == BR_IF:
            return 1, ()
        if BY_KEY[key(token)].mnemonic == "table.get":
            return 1, (_SIZES[FUNCREF],)
        raise LinkError(f"the stack effect of `{op_name(key(token))}` is not known", advice="run `sshi check` first")

    def height(self, of_type: int, code: Code) -> Height:
        """One body."""
        local = _Locals(self.params[of_type], code)
        fixed, stack = self.fixed, list[int]()
        total = most = most_slots = 0
        frames = [_Frame(0, 0, (), self.results[of_type])]
        dead = 0  # blocks open in code that does not run, the one it began in counted; 0 while code runs
        for token in tokens(code.body, code.at):
            op = token[0]
            if dead:
                if op in OPENERS:
                    dead += 1
                elif op == END or (op == ELSE and dead == 1):
                    dead -= 1
                if dead or op in OPENERS:
                    continue
            effect = fixed[token]
            if effect is not None:
                pops, pushed = effect
            elif op == LOCAL_TEE:
                continue
            elif op in OPENERS:
                if op == IF:
                    total -= stack.pop()
                params, results, taken = self.block(token)
                frame = _Frame(len(stack) - len(params), total - taken, params, results)
                frames.append(frames[-1] if frames[-1] == frame else frame)  # there may be one for every two bytes
                continue
            elif op in (ELSE, END):
                frame = frames[-1]
                if op == END:
                    frames.pop()
                    if not frames:
                        break
                del stack[frame.slots :]
                pops, total = 0, frame.bytes
                pushed = frame.results if op == END else frame.params
            elif op in LEAVES:
                dead = 1
                continue
            else:
                refuse_unknown(token, "")
                pops, pushed = self.moving(token, local)
            if pops:
                total -= sum(stack[-pops:])
                del stack[-pops:]
            if pushed:
                stack += pushed
                total += sum(pushed)
                most = max(most, total)
                most_slots = max(most_slots, len(stack))
        return Height(most, most_slots)
