"""The adapter's data files, read strictly: what they do not explain they may not contain."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Literal, TypeVar

import msgspec

from sshi.adapter import ChainFunction, Deviation
from sshi.errors import SpecError
from sshi.spec.loader import interface

T = TypeVar("T")

CHAIN, CONSTANTS, DEVIATIONS = "spec/polkadot.toml", "spec/constants.toml", "deviations.toml"


class HostFunction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One host function of the pallet; `result` is "" for none, "code" for a return code."""

    module: str
    params: tuple[str, ...]
    result: Literal["", "i32", "code"]
    line: int
    doc: str
    ref_time: int
    ref_time_per_byte: int


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the pallet's functions are written."""

    crate: str
    file: str


class Weights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a host call takes beside its function's own, in picoseconds."""

    host_call: int
    event_topic: int


class HostTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The host functions by name, and the return codes by name."""

    source: Source
    weights: Weights
    codes: dict[str, int]
    functions: dict[str, HostFunction]


class Chain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a chain chooses."""

    existential_deposit: int
    deposit_per_item: int
    deposit_per_byte: int
    block_ref_time: int


class Pallet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the pallet and its schedule say."""

    code_bytes: int
    key_bytes: int
    payload_bytes: int
    event_topics: int
    memory_pages: int
    instruction_ref_time: int
    contract_info_bytes: int
    code_info_bytes: int
    code_items: int


class Engine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the pallet's engine allows."""

    call_depth: int
    stack_values: int
    registers_per_function: int
    constants_per_function: int
    params_per_function: int
    table_elements: int


class Constants(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All numbers of the chain."""

    chain: Chain
    pallet: Pallet
    engine: Engine


class _DeviationFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    deviation: tuple[Deviation, ...]


@cache
def host_table() -> HostTable:
    """What shims may import."""
    return load(_text(CHAIN), HostTable, file=CHAIN)


@cache
def constants() -> Constants:
    """The emulated chain's numbers."""
    return load(_text(CONSTANTS), Constants, file=CONSTANTS)


def chain_functions() -> tuple[ChainFunction, ...]:
    """The host functions as the linker is told them."""
    table = host_table()
    return tuple(
        ChainFunction(
            module=function.module,
            name=name,
            params=("i32",) * len(function.params),
            results=("i32",) if function.result else (),
            source=f"{table.source.file}#L{function.line}",
        )
        for name, function in table.functions.items()
    )


def deviations() -> tuple[Deviation, ...]:
    """What is declared to differ; SpecError for one that touches no clause, or has no reason or source."""
    found = load(_text(DEVIATIONS), _DeviationFile, file=DEVIATIONS).deviation
    clauses = interface().clauses
    for deviation in found:
        wrong = [clause for clause in deviation.clauses if clause not in clauses]
        if wrong or not deviation.clauses:
            raise SpecError(DEVIATIONS, deviation.id, f"touches {', '.join(wrong) or 'no clause'}")
        if not (deviation.id.startswith("polkadot/") and deviation.reason and deviation.source and deviation.instead):
            raise SpecError(
                DEVIATIONS, deviation.id, "an id begins with polkadot/, and says what happens instead, why, and where that is written"
            )
    return found


def load(text: str, kind: type[T], *, file: str) -> T:
    """The table in `text`; SpecError names `file` and what is wrong."""
    try:
        table: dict[str, Any] = tomllib.loads(text)
        return msgspec.convert(table, kind)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise SpecError(file, "the file", str(error)) from error


def _text(name: str) -> str:
    return (files("sshi_polkadot") / name).read_text("utf-8")
