"""`memory.copy` and `memory.fill` as functions over loads and stores.

Both check every range before they write, in 64 bits, and leave the memory untouched when one does not fit.  They then trap as the
instruction would, as a memory trap: by a load at 2^32 and beyond, which no memory holds.  Words of eight bytes first, single bytes
last; per word a copy runs 14 instructions and a fill 11.
"""

from __future__ import annotations

from sshi.wasm.edit import assemble
from sshi.wasm.module import I32, I64, Code, FuncType

THREE = FuncType(bytes((I32, I32, I32)), b"")

OUT_OF_BOUNDS = "i32.const -1; i32.load8_u 0 0xffffffff; drop"
"""Traps, and says memory is why."""

_COPY = f"""
    local.get 0; local.get 1; local.get 0; local.get 1; i32.gt_u; select        # the range that ends higher
    i64.extend_i32_u; local.get 2; i64.extend_i32_u; i64.add
    memory.size 0; i64.extend_i32_u; i64.const 16; i64.shl
    i64.gt_u; if void; {OUT_OF_BOUNDS}; end

    local.get 1; local.get 0; i32.sub; local.set 3                              # the distance to the source
    i32.const 8; local.set 4                                                    # the step, upwards
    local.get 0; local.get 1; i32.gt_u
    if void                                                                     # downwards when the copy goes up: it may overlap
        i32.const -8; local.set 4
        local.get 0; local.get 2; i32.add; i32.const 8; i32.sub; local.set 0
    end

    local.get 2; i32.const 3; i32.shr_u; local.get 4; i32.mul; local.get 0; i32.add; local.tee 5
    local.get 0; i32.ne
    if void; loop void
        local.get 0; local.get 0; local.get 3; i32.add; i64.load 0 0; i64.store 0 0
        local.get 0; local.get 4; i32.add; local.tee 0; local.get 5; i32.ne; br_if 0
    end; end

    local.get 4; i32.const 31; i32.shr_s; i32.const 7; i32.and; local.get 0; i32.add; local.set 0
    local.get 4; i32.const 3; i32.shr_s; local.set 4                            # one byte a step, the same way
    local.get 2; i32.const 7; i32.and; local.get 4; i32.mul; local.get 0; i32.add; local.tee 5
    local.get 0; i32.ne
    if void; loop void
        local.get 0; local.get 0; local.get 3; i32.add; i32.load8_u 0 0; i32.store8 0 0
        local.get 0; local.get 4; i32.add; local.tee 0; local.get 5; i32.ne; br_if 0
    end; end
end
"""

_FILL = f"""
    local.get 0; i64.extend_i32_u; local.get 2; i64.extend_i32_u; i64.add
    memory.size 0; i64.extend_i32_u; i64.const 16; i64.shl
    i64.gt_u; if void; {OUT_OF_BOUNDS}; end

    local.get 1; i64.extend_i32_u; i64.const 255; i64.and; i64.const 0x0101010101010101; i64.mul; local.set 3

    local.get 2; i32.const -8; i32.and; local.get 0; i32.add; local.tee 4
    local.get 0; i32.ne
    if void; loop void
        local.get 0; local.get 3; i64.store 0 0
        local.get 0; i32.const 8; i32.add; local.tee 0; local.get 4; i32.ne; br_if 0
    end; end

    local.get 2; i32.const 7; i32.and; local.get 0; i32.add; local.tee 4
    local.get 0; i32.ne
    if void; loop void
        local.get 0; local.get 3; i64.store8 0 0
        local.get 0; i32.const 1; i32.add; local.tee 0; local.get 4; i32.ne; br_if 0
    end; end
end
"""


def copy() -> Code:
    """The body of `(to, from, length)`; its locals are the distance, the step and where to stop."""
    return Code(((3, I32),), assemble(_COPY))


def fill() -> Code:
    """The body of `(to, byte, length)`; its locals are the byte eight times over and where to stop."""
    return Code(((1, I64), (1, I32)), assemble(_FILL))
