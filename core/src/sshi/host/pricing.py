"""What slow instructions cost beyond the engine's own price, so that a call's fuel bounds its time.

The engine takes a unit of fuel for an instruction, and one more for each byte or element of a bulk operation.  Most instructions are
worth that; a few take up to 150 times the time, and a loop of them would run for half a minute before its fuel was used up.  Seconds
that the default fuel lasts in the interpreter, without this and with it: `ref.func` 20 and 0.3, `elem.drop` 14 and 0.2, `memory.fill`
of no bytes 15 and 1.1, `table.copy` of 500,000 elements 9 and 1.4, `memory.grow` 30 and 0.3.  What is left to itself lasts 4.3 at most
(calls through a table; a plain loop 2.3), ahead of time 0.3.
"""

from __future__ import annotations

from dataclasses import replace

from sshi.wasm.edit import assemble, with_functions
from sshi.wasm.flow import number
from sshi.wasm.instructions import Rewriter, emit, immediates, key
from sshi.wasm.module import FUNC, I32, Code, FuncType, Module
from sshi.wasm.opcodes import BY_KEY, BY_MNEMONIC


def _burn(fuel: int) -> bytes:
    """As much fuel: the first bytes of memory, when there are any, copied to where they are."""
    return assemble(f"i32.const 0; i32.const 0; i32.const {fuel}; i32.const 0; memory.size 0; select; memory.copy 0 0")


_SLOW = {
    **dict.fromkeys(("memory.grow", "table.grow", "table.copy", "table.init", "table.fill", "ref.func", "elem.drop"), _burn(300)),
    "memory.fill": _burn(40),
}
_COSTS = {BY_MNEMONIC[name].key: code for name, code in _SLOW.items()}
_SLICED = frozenset(BY_MNEMONIC[name].key for name in ("table.copy", "table.init", "table.fill"))
_TABLE_COPY = BY_MNEMONIC["table.copy"].key
_SLICE = 32
"""Elements that cost as much as one operation: the engine asks for one unit each, and takes the time of ten."""


def priced(module: Module) -> Module:
    """The module, paying for the time that its slow instructions take."""
    helpers = _Helpers(module)
    codes = Rewriter(helpers.edit).codes(module.codes)
    return module if codes is module.codes else with_functions(replace(module, codes=codes), helpers.functions)


class _Helpers:
    """The functions that do operations on tables in slices, one for each distinct operation."""

    def __init__(self, module: Module) -> None:
        self.functions: list[tuple[str, FuncType, Code]] = []
        self._module = module
        self._next = len(module.imported(FUNC)) + len(module.funcs)

    def edit(self, token: bytes) -> bytes:
        """The instruction and its price."""
        if key(token) not in _SLICED:
            return token + _COSTS.get(key(token), b"")
        op, values = BY_KEY[key(token)], immediates(token)
        table = number(values[1 if op.mnemonic == "table.init" else 0])
        second = self._module.tables[table].element if op.mnemonic == "table.fill" else I32
        body = _sliced(token, table, moves=second == I32, upwards=key(token) == _TABLE_COPY)
        self.functions.append((op.mnemonic, FuncType(bytes((I32, second, I32)), b""), Code((), body)))
        return emit("call", self._next + len(self.functions) - 1)


def _sliced(operation: bytes, table: int, *, moves: bool, upwards: bool) -> bytes:
    """The operation on (to, from, count) from the last slice to the first, or `upwards` where the other way would overwrite its source.

    A count larger than the table is left to the operation itself, which traps; so does the slice that leaves a table, and what was
    written before it is never seen.
    """
    operation += _COSTS[key(operation)]
    count = f"i32.const {_SLICE}"
    source = "local.get 1; local.get 2; i32.add" if moves else "local.get 1"
    downwards = assemble(f"local.get 0; local.get 2; i32.add; {source}; {count}") + operation
    if upwards:
        step = f"local.get 0; {count}; i32.add; local.set 0; local.get 1; {count}; i32.add; local.set 1"
        slice_ = assemble("local.get 0; local.get 1; i32.le_u; if void")
        slice_ += assemble(f"local.get 0; local.get 1; {count}") + operation + assemble(f"{step}; else") + downwards + assemble("end")
    else:
        slice_ = downwards
    begin = f"""
        block void; loop void
            local.get 2; {count}; i32.le_u; br_if 1
            local.get 2; table.size {table}; i32.gt_u; br_if 1
            local.get 2; {count}; i32.sub; local.set 2"""
    return assemble(begin) + slice_ + assemble("br 0; end; end; local.get 0; local.get 1; local.get 2") + operation + assemble("end")
