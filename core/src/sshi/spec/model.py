"""The interface's types: what an entry of `sshi.toml` is once it has been read."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class ParamType(StrEnum):
    """How a parameter crosses; all are one i32 but `u64`."""

    BLOB = "blob"
    BUFFER = "buffer"
    U128 = "u128"
    U128_OUT = "u128_out"
    H256 = "h256"
    H256_OUT = "h256_out"
    BYTES65 = "bytes65"
    BYTES33_OUT = "bytes33_out"
    PTR = "ptr"
    LEN = "len"
    U64 = "u64"

    @property
    def wasm(self) -> str:
        """The wasm value type."""
        return "i64" if self is ParamType.U64 else "i32"


FIXED_SIZE = {
    ParamType.U128: 16,
    ParamType.U128_OUT: 16,
    ParamType.H256: 32,
    ParamType.H256_OUT: 32,
    ParamType.BYTES65: 65,
    ParamType.BYTES33_OUT: 33,
}
"""Bytes at the address of a parameter of fixed size."""

OUTPUTS = frozenset({ParamType.BUFFER, ParamType.U128_OUT, ParamType.H256_OUT, ParamType.BYTES33_OUT})


class Access(StrEnum):
    """What a function touches."""

    PURE = "pure"
    READ = "read"
    WRITE = "write"
    END = "end"


class Param(msgspec.Struct, frozen=True):
    """One parameter."""

    name: str
    type: ParamType


class Clause(msgspec.Struct, frozen=True):
    """One sentence of the interface; `id` is `<function or topic>.<name>`."""

    id: str
    text: str


class Function(msgspec.Struct, frozen=True):
    """One host function; `results` are wasm value types, `since` the interface version it came with.

    A `silent` function means nothing on a chain: the linker takes its calls out.
    """

    name: str
    params: tuple[Param, ...]
    results: tuple[str, ...]
    access: Access
    in_query: bool
    since: int
    doc: str
    clauses: tuple[Clause, ...]
    seed: bool = False
    silent: bool = False

    @property
    def wasm_params(self) -> tuple[str, ...]:
        """Parameter types as wasm sees them."""
        return tuple(param.type.wasm for param in self.params)


class Topic(msgspec.Struct, frozen=True):
    """Clauses that belong to no single function."""

    name: str
    doc: str
    clauses: tuple[Clause, ...]


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The portable limits, in bytes unless the name says otherwise."""

    key_min: int
    key_max: int
    value_max: int
    input_max: int
    return_max: int
    message_max: int
    events_max: int
    event_data_max: int
    topic_min: int
    topic_max: int
    address_min: int
    address_max: int
    memory_pages: int
    call_depth: int
    frame_bytes: int


class Texts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the guards, and the bounds that a contract carries, revert with, word for word."""

    not_payable: str
    already_initialised: str
    gas_exhausted: str
    stack_exhausted: str


class Interface(msgspec.Struct, frozen=True):
    """The whole interface.  `module` is the import module, `section` the custom section of the declaration."""

    name: str
    title: str
    version: int
    module: str
    memory: str
    reactor: str
    section: str
    limits: Limits
    texts: Texts
    functions: dict[str, Function]
    topics: dict[str, Topic]

    @property
    def clauses(self) -> dict[str, Clause]:
        """Every clause by id, functions first."""
        groups = (*self.functions.values(), *self.topics.values())
        return {clause.id: clause for group in groups for clause in group.clauses}
