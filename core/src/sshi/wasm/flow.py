"""Structured control as the passes walk it: the opcodes that shape it, and where a branch goes."""

from __future__ import annotations

from sshi.errors import LinkError
from sshi.wasm.immediates import Immediate
from sshi.wasm.instructions import immediates, index, key
from sshi.wasm.leb128 import encode_u
from sshi.wasm.opcodes import BY_MNEMONIC, TABLE, op_name


def _key(mnemonic: str) -> int:
    return BY_MNEMONIC[mnemonic].key


BLOCK, LOOP, IF, ELSE, END = map(_key, ("block", "loop", "if", "else", "end"))
BR, BR_IF, BR_TABLE, RETURN, UNREACHABLE = map(_key, ("br", "br_if", "br_table", "return", "unreachable"))
CALL, CALL_INDIRECT, RETURN_CALL, RETURN_CALL_INDIRECT = map(_key, ("call", "call_indirect", "return_call", "return_call_indirect"))

OPENERS = frozenset((BLOCK, LOOP, IF))
"""They open a block that an `end` closes."""

LEAVES = frozenset((BR, BR_TABLE, RETURN, UNREACHABLE))
"""Nothing after them runs, up to the end of the block."""

UNKNOWN_CONTROL = frozenset(
    op.key for op in TABLE if op.proposal in ("exceptions", "legacy-exceptions", "function-references", "tail-call") and op.prefix is None
)
"""Control that no pass here follows; `check` refuses it first."""


def labels(token: bytes) -> tuple[int, ...]:
    """The labels a `br`, `br_if` or `br_table` may go to, counted outwards from where it stands."""
    if token[0] != BR_TABLE:
        return (index(token),)
    (targets,) = immediates(token)
    return targets if isinstance(targets, tuple) else ()


def number(value: Immediate) -> int:
    """An immediate that the opcode table says is a number."""
    return value if isinstance(value, int) else 0


def branch(depth: int) -> bytes:
    """An unconditional branch to that label."""
    return bytes((BR,)) + encode_u(depth)


def refuse_unknown(token: bytes, where: str) -> None:
    """Raise LinkError for control this package cannot follow."""
    if token[0] in UNKNOWN_CONTROL:
        raise LinkError(
            f"`{op_name(key(token))}` cannot be followed here",
            where=where,
            advice="run `sshi check` first: it says how to build without it",
        )
