"""`memory.init` and `data.drop` where a target has no passive segments: the data becomes code.

A module cannot keep bytes outside its memory in any other way, and the memory is all the contract's own.  So each passive segment that
is used becomes a function that gives its eight-byte words by number, a tree of comparisons, and one that copies out of it.
Toolchains make passive segments for threads only, so what this costs in size is seldom paid.
"""

from __future__ import annotations

import re

from sshi.wasm.edit import assemble
from sshi.wasm.instructions import emit
from sshi.wasm.lower.bulk import OUT_OF_BOUNDS
from sshi.wasm.module import I32, I64, Code, FuncType

WORD = FuncType(bytes((I32,)), bytes((I64,)))


def words(data: bytes) -> Code:
    """The body of `(number) -> word`: the data's eight-byte words, the last one filled up with zeros."""
    padded = data.ljust(-(-len(data) // 8) * 8, b"\0")
    values = [int.from_bytes(padded[at : at + 8], "little", signed=True) for at in range(0, len(padded), 8)] or [0]

    def tree(first: int, last: int) -> bytes:
        if last - first == 1:
            return emit("i64.const", values[first])
        middle = (first + last) // 2
        head = assemble(f"local.get 0; i32.const {middle}; i32.lt_u") + emit("if", I64 - 0x80)
        return head + tree(first, middle) + emit("else") + tree(middle, last) + emit("end")

    return Code((), tree(0, len(values)) + emit("end"))


def init(size: bytes, word: bytes) -> Code:
    """The body of `(to, from, length)`; `size` pushes the segment's length, `word` calls the function of its words."""
    put = {"SIZE": size, "WORD": word}
    return Code(((1, I32),), b"".join([put[part] if part in put else assemble(part) for part in _INIT]))


_INIT = re.split(
    "(SIZE|WORD)",
    f"""
        local.get 1; i64.extend_i32_u; local.get 2; i64.extend_i32_u; i64.add; SIZE; i64.extend_i32_u; i64.gt_u
        local.get 0; i64.extend_i32_u; local.get 2; i64.extend_i32_u; i64.add
        memory.size 0; i64.extend_i32_u; i64.const 16; i64.shl; i64.gt_u
        i32.or; if void; {OUT_OF_BOUNDS}; end

        block void; loop void
            local.get 2; i32.eqz; br_if 1
            local.get 1; i32.const 7; i32.and; local.get 2; i32.const 8; i32.lt_u; i32.or
            if void
                local.get 0
                local.get 1; i32.const 3; i32.shr_u; WORD
                local.get 1; i32.const 7; i32.and; i32.const 3; i32.shl; i64.extend_i32_u; i64.shr_u
                i64.store8 0 0
                i32.const 1; local.set 3
            else
                local.get 0; local.get 1; i32.const 3; i32.shr_u; WORD; i64.store 0 0
                i32.const 8; local.set 3
            end
            local.get 0; local.get 3; i32.add; local.set 0
            local.get 1; local.get 3; i32.add; local.set 1
            local.get 2; local.get 3; i32.sub; local.set 2
            br 0
        end; end
    end
    """,
)
"""Its instructions, parted where those stand; there may be thousands of segments, so the rest is assembled once."""
