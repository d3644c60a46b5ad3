"""Functions with several results, and blocks with parameters or several results, where a target has neither.

A function keeps its first result and leaves the others in globals, from which its caller takes them at once.  A block keeps its first
result too, and passes the others, and all its parameters, in locals: they are filled just before a block is entered, left or begun
again and emptied just after, so all blocks of a function share them.  Code that cannot run is dropped on the way.

Two function types that differed only in later results must go on differing for `call_indirect`: parameters that mean nothing tell them
apart.  Imported and exported functions stay what they are, so one with several results is refused; a table that the host reads is not
seen, the interface has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sshi.errors import LinkError
from sshi.wasm.flow import (
    BR,
    BR_IF,
    BR_TABLE,
    CALL,
    CALL_INDIRECT,
    ELSE,
    END,
    IF,
    LEAVES,
    LOOP,
    OPENERS,
    RETURN,
    branch,
    labels,
    number,
    refuse_unknown,
)
from sshi.wasm.immediates import VOID
from sshi.wasm.instructions import block_signature, emit, encode_instruction, immediates, index, key, tokens
from sshi.wasm.leb128 import joined
from sshi.wasm.lower.features import flags
from sshi.wasm.module import FUNC, GLOBAL, I32, I64, VALUE_TYPES, Code, FuncType, Global, GlobalType, Module
from sshi.wasm.names import label, names, with_names
from sshi.wasm.opcodes import BY_KEY, BY_MNEMONIC
from sshi.wasm.reindex import same

MOST_MOVES = 1_000_000
"""Instructions added in all: a few bytes can pass a thousand values, and this many are more code than any host takes."""

LOCALS = {BY_MNEMONIC[name].key: name for name in ("local.get", "local.set", "local.tee")}


def single_values(module: Module) -> Module:
    """The module without multi-value; the very same object when it has none.

    Raises LinkError (contract's fault) for imported or exported functions with several results, and for results nothing can keep.
    """
    _refuse_outside(module)
    plan = _Plan(module)
    codes = same([plan.code(at, code) for at, code in enumerate(module.codes)], module.codes)
    types = same(plan.types, module.types)
    if types is module.types and codes is module.codes:
        return module
    lowered = replace(module, types=types, codes=codes)
    if plan.globals:
        lowered = replace(lowered, globals=(*module.globals, *plan.globals))
    return _renamed_locals(lowered, plan) if any(plan.padding) else lowered


def _refuse_outside(module: Module) -> None:
    imports = len(module.imported(FUNC))
    exported = {export.index for export in module.exports if export.kind == FUNC}
    types = module.function_types()
    for function in (*range(imports), *sorted(exported - set(range(imports)))):
        results = len(types[function].results)
        if results > 1:
            what = "imported" if function < imports else "exported"
            raise LinkError(
                f"it is {what} and returns {results} values, and the target takes one",
                where=f"`{label(module, function)}`",
                advice=str(flags("multivalue")),
            )


class _Plan:
    """What every body must agree on: the new types, and the globals that carry results."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.globals: list[Global] = []
        self.signatures = [*(number(entry.desc) for entry in module.imported(FUNC) if isinstance(entry.desc, int)), *module.funcs]
        """The type index of every function."""
        self.imports = len(self.signatures) - len(module.funcs)
        self.padding = self._paddings()
        """By type index, how many parameters were added."""
        self.types = tuple([_padded(of, count) for of, count in zip(module.types, self.padding, strict=True)])
        self._first_global = len(module.imported(GLOBAL)) + len(module.globals)
        self._carriers: dict[tuple[int, int], int] = {}
        self._moves = 0

    def code(self, at: int, code: Code) -> Code:
        """One body; the very same object when nothing in it needs to change."""
        split = tokens(code.body, code.at)
        of = self.signatures[self.imports + at]
        if not (_is_several(self.module.types[of]) or any(self._is_new(token) for token in dict.fromkeys(split))):
            return code
        return _Body(self, of, code).lowered(split)

    def carrier(self, place: int, kind: int) -> int:
        """The global that carries the result at that place (from 0) of that type."""
        if (place, kind) not in self._carriers:
            self._carriers[place, kind] = self._first_global + len(self.globals)
            if kind not in (I32, I64):
                raise LinkError(f"a result of type {VALUE_TYPES[kind]} beside others has nowhere to go", advice=str(flags("multivalue")))
            init = emit("i32.const" if kind == I32 else "i64.const", 0) + emit("end")
            self.globals.append(Global(GlobalType(kind, mutable=True), init))
        return self._carriers[place, kind]

    def count_moves(self, count: int) -> None:
        """So many more instructions that pass a value; LinkError when there are too many."""
        self._moves += count
        if self._moves > MOST_MOVES:
            message = f"passing several values one by one takes more than {MOST_MOVES:,} instructions"
            raise LinkError(message, advice=str(flags("multivalue")))

    def _paddings(self) -> list[int]:
        """As few added parameters as keep every two types apart, where an indirect call could take one for the other."""
        module = self.module
        several = dict.fromkeys(of for of in module.types if _is_several(of))
        added = dict.fromkeys(module.types, 0)
        if several and any(token[0] == CALL_INDIRECT for code in module.codes for token in dict.fromkeys(tokens(code.body, code.at))):
            taken = {of for of in module.types if of not in several}
            for of in several:
                while _padded(of, added[of]) in taken:
                    added[of] += 1
                taken.add(_padded(of, added[of]))
        return [added[of] for of in module.types]

    def _is_new(self, token: bytes) -> bool:
        """Whether this instruction cannot stay as it is."""
        op = token[0]
        if op in OPENERS:
            block = number(immediates(token)[0])
            return block >= 0 and (bool(self.module.types[block].params) or _is_several(self.module.types[block]))
        if op == CALL:
            return _is_several(self.module.types[self.signatures[index(token)]])
        return op == CALL_INDIRECT and _is_several(self.module.types[number(immediates(token)[0])])


def _is_several(of: FuncType) -> bool:
    return len(of.results) > 1


def _padded(of: FuncType, count: int) -> FuncType:
    return FuncType(of.params + bytes((I32,)) * count, of.results[:1]) if _is_several(of) else of


@dataclass(frozen=True, slots=True)
class _Block:
    """An open block by its opcode, END for the function itself; `has_else` once an `else` was met."""

    op: int
    params: bytes
    results: bytes
    has_else: bool = False

    @property
    def carried(self) -> bytes:
        """What a branch to it takes along."""
        return self.params if self.op == LOOP else self.results

    @property
    def is_plain(self) -> bool:
        """Whether a branch to it is what it was."""
        return not self.params if self.op == LOOP else len(self.results) < 2


class _Body:
    """One function in the making.  Values are *spilled* from the stack to where they are carried, and *filled* back."""

    def __init__(self, plan: _Plan, of: int, code: Code) -> None:
        self._plan = plan
        self._code = code
        self._types = plan.module.types
        self._params = len(self._types[of].params)
        self._padding = plan.padding[of]
        self._next = self._params + self._padding + sum(count for count, _ in code.locals)
        self._locals: dict[tuple[int, int], int] = {}
        self._added: list[int] = []
        self._open = [_Block(END, b"", self._types[of].results)]
        self._out: list[bytes] = []
        self._moves: dict[tuple[str, bytes, int, bool], bytes] = {}

    def lowered(self, split: Sequence[bytes]) -> Code:
        """The body, rewritten instruction by instruction."""
        dead = 0
        for token in split:
            op = token[0]
            if dead:
                dead += (op in OPENERS) - (op == END or (op == ELSE and dead == 1))
                if dead or op in OPENERS:
                    continue
                self._close(token, falls=False)
                continue
            refuse_unknown(token, "")
            if op in OPENERS:
                self._enter(token)
            elif op in (ELSE, END):
                self._close(token, falls=True)
            elif op == BR_TABLE:
                self._branch_table(token)
            elif op in (BR, BR_IF, RETURN):
                self._branch(token)
            elif op in (CALL, CALL_INDIRECT):
                self._call(token)
            else:
                self._out.append(self._moved(token))
            dead = int(op in LEAVES)
        return Code((*self._code.locals, *((1, kind) for kind in self._added)), joined(self._out))

    # -- carriers --------------------------------------------------------------------------------------------------------------

    def _local(self, place: int, kind: int) -> int:
        """The local that carries the value at that place (from 0, -1 for what must step aside) of that type."""
        if (place, kind) not in self._locals:
            self._locals[place, kind] = self._next + len(self._added)
            self._added.append(kind)
        return self._locals[place, kind]

    def _spill(self, kinds: bytes, first: int, *, to_globals: bool = False) -> None:
        """Take the values from place `first` on off the stack."""
        self._move("set", kinds, first, to_globals=to_globals)

    def _fill(self, kinds: bytes, first: int, *, to_globals: bool = False) -> None:
        """Put them back."""
        self._move("get", kinds, first, to_globals=to_globals)

    def _move(self, how: str, kinds: bytes, first: int, *, to_globals: bool) -> None:
        places = range(first, len(kinds))
        self._plan.count_moves(len(places))
        asked = how, kinds, first, to_globals
        if asked not in self._moves:
            of = self._plan.carrier if to_globals else self._local
            space = "global" if to_globals else "local"
            moves = [emit(f"{space}.{how}", of(place, kinds[place])) for place in places]
            self._moves[asked] = b"".join(reversed(moves) if how == "set" else moves)
        self._out.append(self._moves[asked])

    def _aside(self, how: str) -> None:
        """The i32 on top of the stack, set aside or put back."""
        self._out.append(emit(f"local.{how}", self._local(-1, I32)))

    def _spill_for(self, block: _Block) -> None:
        self._spill(block.carried, int(block.op != LOOP), to_globals=block.op == END)

    def _fill_from(self, block: _Block) -> None:
        self._fill(block.carried, int(block.op != LOOP), to_globals=block.op == END)

    # -- instructions ----------------------------------------------------------------------------------------------------------

    def _moved(self, token: bytes) -> bytes:
        """An instruction that stays, with the number its local has now."""
        if not self._padding or token[0] not in LOCALS or index(token) < self._params:
            return token
        return emit(LOCALS[token[0]], index(token) + self._padding)

    def _enter(self, token: bytes) -> None:
        of = block_signature(self._types, number(immediates(token)[0]))
        self._open.append(_Block(token[0], of.params, of.results))
        if of.params:
            if token[0] == IF:
                self._aside("set")
            self._spill(of.params, 0)
            if token[0] == IF:
                self._aside("get")
        kind = of.results[0] - 0x80 if of.results else VOID
        self._out.append(encode_instruction(BY_KEY[key(token)], (kind,)))
        self._fill(of.params, 0)

    def _close(self, token: bytes, *, falls: bool) -> None:
        """An `else` or `end`; `falls` says whether the code before it gets there."""
        block = self._open.pop()
        if falls:
            self._spill(block.results, 1, to_globals=block.op == END)
        if token[0] == ELSE:
            self._open.append(replace(block, has_else=True))
            self._out.append(token)
            self._fill(block.params, 0)
            return
        if block.op == IF and not block.has_else and block.params:
            # what it takes is what it leaves, and all but the first lies where it is looked for
            self._out += [emit("else"), emit("local.get", self._local(0, block.params[0]))]
        self._out.append(token)
        if block.op != END:
            self._fill(block.results, 1)

    def _branch(self, token: bytes) -> None:
        block = self._open[0] if token[0] == RETURN else self._open[-1 - index(token)]
        if block.is_plain:
            self._out.append(token)
            return
        if token[0] == BR_IF:
            self._aside("set")
        self._spill_for(block)
        if token[0] == BR_IF:
            self._aside("get")
        self._out.append(token)
        if token[0] == BR_IF:
            self._fill_from(block)

    def _branch_table(self, token: bytes) -> None:
        """As it is when its targets take nothing special; else over blocks of our own, one a target, that each end in its branch."""
        targets = labels(token)
        blocks = [self._open[-1 - target] for target in targets]
        if all(block.is_plain for block in blocks):
            self._out.append(token)
            return
        kinds = blocks[-1].carried
        distinct = list(dict.fromkeys(targets))
        self._aside("set")
        self._spill(kinds, 0)
        self._out += [emit("block", VOID)] * len(distinct)
        self._aside("get")
        self._out += [emit("br_table", tuple([distinct.index(target) for target in targets]))]
        for at, target in enumerate(distinct):
            self._out.append(emit("end"))
            block = self._open[-1 - target]
            if block.op != LOOP:
                self._fill(kinds if block.op == END else kinds[:1], 0)
            if block.op == END:
                self._spill(kinds, 1, to_globals=True)
            self._out.append(branch(target + len(distinct) - 1 - at))

    def _call(self, token: bytes) -> None:
        of = self._plan.signatures[index(token)] if token[0] == CALL else number(immediates(token)[0])
        if self._plan.padding[of]:
            if token[0] == CALL_INDIRECT:
                self._aside("set")
            self._out += [emit("i32.const", 0)] * self._plan.padding[of]
            if token[0] == CALL_INDIRECT:
                self._aside("get")
        self._out.append(token)
        self._fill(self._types[of].results, 1, to_globals=True)


def _renamed_locals(module: Module, plan: _Plan) -> Module:
    """Names of locals behind parameters that were added move with them."""
    old = names(module)
    moved = dict(old.locals)
    for function, entries in old.locals.items():
        if plan.imports <= function < len(plan.signatures):
            of = plan.signatures[function]
            params, padding = len(plan.module.types[of].params), plan.padding[of]
            moved[function] = {at if at < params else at + padding: name for at, name in entries.items()}
    return with_names(module, replace(old, locals=moved))
