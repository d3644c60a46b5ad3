"""Function bodies as instructions: split, read, emit, renumber.

A body stays the bytes it is.  `tokens` splits it into instructions, each the very bytes that stood there, and everything else is
built on that: an edit is a function from one instruction's bytes to new bytes, worked out once per *distinct* instruction.

Two readers know the encoding.  `_skip`, driven by the opcode table, is the truth and knows the exact byte that is wrong.  The regular
expression made from the same table only goes faster; what it cannot tell, such as a br_table with many targets or a padded opcode,
is left to `_skip`.  Whether a body is *valid* is not asked here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sshi.errors import DecodeError
from sshi.wasm.immediates import INDICES, READ, VOID, WRITE, Immediate, split_catches
from sshi.wasm.leb128 import Reader, encode_u, joined, read_u
from sshi.wasm.module import GC, REFERENCE_TYPES, VALUE_TYPES, Code, FuncType
from sshi.wasm.opcodes import BY_KEY, BY_MNEMONIC, TABLE, Op

END = b"\x0b"

_SINGLE = {op.code: op.immediates[0] for op in TABLE if op.prefix is None and len(op.immediates) == 1 and op.immediates[0] in INDICES}


@dataclass(frozen=True, slots=True)
class Instr:
    """One instruction; `offset` counts from the start of the body."""

    offset: int
    op: Op
    immediates: tuple[Immediate, ...]


# -- splitting ---------------------------------------------------------------------------------------------------------------------


def tokens(body: bytes, at: int = -1) -> list[bytes]:
    """The instructions of a body or constant expression, each as its own bytes; joined they are the body again.

    Raises DecodeError (contract's fault) for an unknown opcode, a malformed immediate or a missing final `end`, with the offset in the
    file when `at`, the body's own, is given and in the body otherwise.
    """
    found: list[bytes] = _FAST.findall(body)
    # findall steps over what it cannot match, so only an unbroken run proves that it understood everything
    if sum(map(len, found)) != len(body):
        found = _tokens_exactly(body, at)
    if not found or found[-1] != END:
        raise DecodeError("a body that does not close with `end`", offset=max(at, 0) + len(body), rule="binary-expr")
    return found


def scan(body: bytes, at: int = -1) -> Iterator[tuple[int, int, int]]:
    """For each instruction its offset in the body, its opcode as `Op.key`, and the offset after it.  Raises as `tokens` does."""
    offset = 0
    for token in tokens(body, at):
        end = offset + len(token)
        yield offset, token[0] if token[0] < 0xFB else key(token), end
        offset = end


def instructions(body: bytes, at: int = -1) -> Iterator[Instr]:
    """The instructions with their immediates read.  Raises as `tokens` does."""
    offset = 0
    for token in tokens(body, at):
        yield Instr(offset, BY_KEY[key(token)], immediates(token))
        offset += len(token)


def skip_expression(reader: Reader) -> bytes:
    """A constant expression from where the reader stands, its `end` included."""
    start = reader.at
    while reader.byte("binary-expr") != END[0]:
        reader.at -= 1
        _skip(reader)
    return reader.data[start : reader.at]


def _tokens_exactly(body: bytes, at: int) -> list[bytes]:
    found: list[bytes] = []
    match = _FAST.match
    reader = Reader(body)
    try:
        while reader.at < reader.end:
            start = reader.at
            if quick := match(body, start):
                reader.at = quick.end()
            else:
                _skip(reader)
            found.append(body[start : reader.at])
    except DecodeError as error:
        error.offset += max(at, 0)
        raise
    return found


# -- one instruction ---------------------------------------------------------------------------------------------------------------


def key(token: bytes) -> int:
    """The opcode of an instruction, as `Op.key`."""
    first = token[0]
    if first < 0xFB:
        return first
    code, _ = read_u(token, 1)
    return first << (8 if code <= 0xFF else 12) | code


def immediates(token: bytes) -> tuple[Immediate, ...]:
    """The immediates of an instruction, in the order of its row in the opcode table."""
    reader = Reader(token)
    op = _opcode(reader)
    return tuple(READ[kind](reader) for kind in op.immediates)


def index(token: bytes) -> int:
    """The first immediate of a one-byte opcode that takes an unsigned number: an index, a label."""
    if len(token) == 2:  # by far the commonest: opcode and one byte
        return token[1]
    return token[1] & 0x7F | token[2] << 7 if len(token) == 3 and token[1] > 0x7F else read_u(token, 1)[0]


def single_space(token: bytes) -> str | None:
    """The index space of an instruction of one byte and one index, which most with an index are; None for another."""
    return _SINGLE.get(token[0])


def emit(mnemonic: str, *values: Immediate) -> bytes:
    """The bytes of an instruction with these immediates; KeyError for an unknown mnemonic.  A memarg may leave out its memory."""
    return encode_instruction(BY_MNEMONIC[mnemonic], values)


@lru_cache(4096)
def encode_instruction(op: Op, values: tuple[Immediate, ...]) -> bytes:
    """The bytes of an instruction, every number in its shortest form."""
    return op.encoding + b"".join(WRITE[kind](value) for kind, value in zip(op.immediates, values, strict=True))


def block_signature(types: Sequence[FuncType], block: int) -> FuncType:
    """What a block type takes and leaves."""
    if block >= 0:
        return types[block]
    return FuncType(b"", b"" if block == VOID else bytes((block + 0x80,)))


def _opcode(reader: Reader) -> Op:
    start = reader.at
    number = reader.byte("binary-instr")
    if number >= 0xFB:
        code = reader.u()
        number = number << (8 if code <= 0xFF else 12) | code
    op = BY_KEY.get(number)
    if op is None:
        feature = GC if number >> 8 == 0xFB or number >> 12 == 0xFB else ""
        reader.fail(f"unknown instruction 0x{number:02X}", "binary-instr", start, feature)
    return op


def _skip(reader: Reader) -> None:
    for kind in _opcode(reader).immediates:
        READ[kind](reader)


# -- the fast tokenizer ------------------------------------------------------------------------------------------------------------


def _fast_pattern() -> re.Pattern[bytes]:
    """One alternative per shape of immediates, each a subset of what `_skip` accepts and of the same length."""
    u32 = rb"(?:[\x00-\x7f]|[\x80-\xff]{1,3}[\x00-\x7f]|[\x80-\xff]{4}[\x00-\x0f])"
    value_types = _escaped(bytes(VALUE_TYPES))
    shapes = {
        **dict.fromkeys(INDICES, u32),
        "i32": rb"(?:[\x80-\xff]{0,3}[\x00-\x7f]|[\x80-\xff]{4}[\x00-\x07\x78-\x7f])",
        "i64": rb"(?:[\x80-\xff]{0,8}[\x00-\x7f]|[\x80-\xff]{9}[\x00\x7f])",
        "f32": rb".{4}",
        "f64": rb".{8}",
        "v128": rb".{16}",
        "lanes": rb".{16}",
        "lane": rb".",
        "zero": rb"\x00",
        "block": rb"(?:[\x40" + value_types + rb"]|[\x00-\x3f]|[\x80-\xff]{1,3}[\x00-\x3f])",
        "heap": b"[" + _escaped(bytes(REFERENCE_TYPES)) + b"]",
        "memarg": rb"[\x00-\x3f]" + u32,
        # a regular expression cannot count, but targets are few and near
        "labels": b"(?:" + b"|".join(b"\\x%02x[\\x00-\\x7f]{%d}" % (count, count + 1) for count in range(64)) + b")",
        "types": rb"\x01[" + value_types + b"]",
    }
    groups: dict[tuple[int | None, tuple[str, ...]], list[bytes]] = {}
    for op in TABLE:
        if all(kind in shapes for kind in op.immediates):
            groups.setdefault((op.prefix, op.immediates), []).append(op.encoding)
    frequent: list[tuple[str, ...]] = [("local",), (), ("i32",), ("memarg",), ("func",), ("label",), ("block",), ("global",)]
    ordered = sorted(groups, key=lambda group: frequent.index(group[1]) if group[1] in frequent and not group[0] else len(frequent))
    return re.compile(b"|".join(_any_of(groups[group]) + b"".join(shapes[kind] for kind in group[1]) for group in ordered), re.DOTALL)


def _any_of(opcodes: list[bytes]) -> bytes:
    """A pattern for these opcodes, one character class for all that differ in a single byte: an alternation is tried one by one."""
    classes: dict[tuple[bytes, bytes], list[bytes]] = {}
    for opcode in opcodes:
        split = min(len(opcode) - 1, 1)
        classes.setdefault((opcode[:split], opcode[split + 1 :]), []).append(_escaped(opcode[split : split + 1]))
    return b"(?:" + b"|".join(_escaped(a) + b"[" + b"".join(some) + b"]" + _escaped(b) for (a, b), some in classes.items()) + b")"


def _escaped(data: bytes) -> bytes:
    return b"".join(b"\\x%02x" % byte for byte in data)


_FAST = _fast_pattern()


# -- editing -----------------------------------------------------------------------------------------------------------------------


class Rewriter(dict[bytes, bytes]):
    """Edits bodies instruction by instruction: `edit` gives each distinct instruction's replacement, which may be several or none."""

    def __init__(self, edit: Callable[[bytes], bytes] | None) -> None:
        super().__init__()
        self._edit = edit

    def __missing__(self, token: bytes) -> bytes:
        if self._edit is None:
            return token
        new = self[token] = self._edit(token)
        return new

    def body(self, body: bytes, at: int = -1) -> bytes:
        """The body edited.  Raises as `tokens` does, and what `edit` raises as a DecodeError at the instruction's offset."""
        if self._edit is None:
            return body
        split = tokens(body, at)
        try:
            return joined([self[token] for token in split])
        except DecodeError as error:
            offset = max(at, 0)
            for token in split:
                if token not in self:
                    break
                offset += len(token)
            raise DecodeError(error.message, offset=offset, rule=error.rule) from None

    def code(self, code: Code) -> Code:
        """The function body edited; the very same object when nothing in it changed."""
        body = self.body(code.body, code.at)
        return code if body == code.body else Code(code.locals, body)

    def codes(self, codes: tuple[Code, ...]) -> tuple[Code, ...]:
        """Every body edited; the very same tuple when none changed."""
        new = tuple([self.code(code) for code in codes])
        return codes if all(a is b for a, b in zip(new, codes, strict=True)) else new


IndexMap = Mapping[int, int] | Sequence[int]


def renumber(spaces: Mapping[str, IndexMap]) -> Rewriter:
    """A rewriter that gives indices their new numbers, space by space ("func", "type", "global", "memory", "table", "elem", …).

    A space left out, or mapped to itself, is left alone, and so are the bytes of every instruction whose indices stay.
    An index without a new number is a DecodeError (contract's fault) at its instruction.
    """
    moved = {space: new for space, new in spaces.items() if not _is_identity(new)}
    if not moved:
        return Rewriter(None)
    touched = {"block": "type", "memarg": "memory", "catches": "tag"}

    def edit(token: bytes) -> bytes:
        space = single_space(token)
        if space is not None:
            if space not in moved:
                return token
            at = index(token)
            to = _moved(space, at, moved)
            return token if to == at else bytes((token[0],)) + encode_u(to)
        op = BY_KEY[key(token)]
        if not any(touched.get(kind, kind) in moved for kind in op.immediates):
            return token
        old = immediates(token)
        new = tuple([_renumbered(kind, value, moved) for kind, value in zip(op.immediates, old, strict=True)])
        return token if new == old else encode_instruction(op, new)

    return Rewriter(edit)


def _is_identity(new: IndexMap) -> bool:
    return isinstance(new, Sequence) and all(a == b for a, b in enumerate(new))


def _renumbered(kind: str, value: Immediate, moved: Mapping[str, IndexMap]) -> Immediate:
    match kind, value:
        case "block", int():
            return _moved("type", value, moved) if value >= 0 else value
        case "memarg", (align, offset, memory):
            return align, offset, _moved("memory", memory, moved)
        case "catches", tuple():
            clauses = [
                (caught, _moved("tag", numbers[1], moved), *numbers[2:]) if caught < 2 else numbers
                for caught, numbers in split_catches(value)
            ]
            return tuple(number for clause in clauses for number in clause)
        case _, int():
            return _moved(kind, value, moved)
        case _:
            return value


def _moved(space: str, index: int, moved: Mapping[str, IndexMap]) -> int:
    if space not in moved:
        return index
    try:
        return moved[space][index]
    except LookupError:
        raise DecodeError(f"{space} index {index} is out of range", rule="syntax-index") from None
