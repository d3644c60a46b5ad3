"""Read the adapter's own data, strictly: the chain's host functions, its costs by protocol version, the declared deviations.

Whatever a table holds that is not understood is a SpecError naming file and entry.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar

import msgspec

from sshi.adapter import ChainFunction, Deviation
from sshi.errors import SpecError

T = TypeVar("T")

_WASM_TYPES = ("i32", "i64")


class Fee(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An action's fee: burnt when it is made, and reserved until it is carried out."""

    send: int
    exec: int


class ExtCosts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Gas of host functions by the chain's own cost names; a name in `_byte` or `_bytes` is per byte."""

    base: int
    contract_loading_base: int
    contract_loading_bytes: int
    read_memory_base: int
    read_memory_byte: int
    write_memory_base: int
    write_memory_byte: int
    read_register_base: int
    read_register_byte: int
    write_register_base: int
    write_register_byte: int
    utf8_decoding_base: int
    utf8_decoding_byte: int
    sha256_base: int
    sha256_byte: int
    keccak256_base: int
    keccak256_byte: int
    ecrecover_base: int
    log_base: int
    log_byte: int
    storage_write_base: int
    storage_write_key_byte: int
    storage_write_value_byte: int
    storage_write_evicted_byte: int
    storage_read_base: int
    storage_read_key_byte: int
    storage_read_value_byte: int
    storage_large_read_overhead_base: int
    storage_large_read_overhead_byte: int
    storage_remove_base: int
    storage_remove_key_byte: int
    storage_remove_ret_value_byte: int
    storage_has_key_base: int
    storage_has_key_byte: int


class OpCosts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Gas of instructions: one, and the ones that work on as many bytes, pages or elements as an operand says."""

    regular_op_cost: int
    linear_op_base_cost: int
    linear_op_unit_cost: int


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The chain's limits by its own names."""

    max_gas_burnt: int
    max_stack_height: int
    initial_memory_pages: int
    max_memory_pages: int
    registers_memory_limit: int
    max_register_size: int
    max_number_registers: int
    max_number_logs: int
    max_total_log_length: int
    max_length_returned_data: int
    max_length_storage_key: int
    max_length_storage_value: int
    max_promises_per_function_call_action: int
    max_transaction_size: int
    max_functions_number_per_contract: int
    max_locals_per_contract: int
    max_locals_per_function: int
    max_params_per_function: int
    max_params_per_contract: int
    max_operand_stack_bytes_per_function: int
    max_tables_per_contract: int
    max_elements_per_contract_table: int
    max_function_body_size: int
    max_blocks_per_function: int
    max_blocks_per_contract: int
    max_types_per_contract: int
    max_instrumented_code_size: int
    min_contract_size_per_local: int | None = None
    fix_contract_loading_error: bool = False
    """Whether the call of a module that the engine cannot load is charged for loading it."""


class Fees(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Fees of what a transfer is made of."""

    new_action_receipt: Fee
    transfer: Fee
    create_account: Fee
    add_full_access_key: Fee


class StorageCosts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What has to be kept for storage: yoctoNEAR a byte, and the bytes that an account and a record count beyond their own."""

    amount_per_byte: int
    account_bytes: int
    record_bytes: int


class Constants(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Numbers that stand in the chain's sources and not in its parameters."""

    inline_value_max: int
    register_overhead: int
    stack_frame_base: int
    stack_frame_per_op: int
    storage_exempt_bytes: int
    injected_locals: int
    max_instance_bytes: int
    max_data_segments: int
    view_gas: int
    call_gas: int


class Parameters(msgspec.Struct, frozen=True):
    """Everything in force at one protocol version."""

    version: int
    ext_costs: ExtCosts
    vm: OpCosts
    limits: Limits
    fees: Fees
    storage: StorageCosts
    constants: Constants


class _Meta(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: str
    versions: tuple[int, ...]
    default: int


class _Costs(msgspec.Struct, frozen=True):
    meta: _Meta
    constants: Constants
    by_version: dict[int, Parameters]


class _FunctionTable(msgspec.Struct, forbid_unknown_fields=True):
    params: tuple[str, ...]
    results: tuple[str, ...]
    view: bool
    source: str
    since: int | None = None


class _Chain(msgspec.Struct, forbid_unknown_fields=True):
    module: str
    source: str


class HostTable(msgspec.Struct, frozen=True):
    """The chain's host functions by name, and which of them a view call may not use."""

    module: str
    functions: dict[str, ChainFunction]
    not_in_view: frozenset[str]


@cache
def host_table() -> HostTable:
    """spec/near.toml, read once."""
    return load_functions(_text("spec/near.toml"), file="near.toml")


@cache
def versions() -> tuple[int, ...]:
    """The protocol versions there is a profile for."""
    return _costs().meta.versions


def default_version() -> int:
    """The one that a user gets who does not say."""
    return _costs().meta.default


def parameters(version: int) -> Parameters:
    """What is in force at that protocol version; KeyError when there is no profile for it."""
    return _costs().by_version[version]


@cache
def deviations() -> tuple[Deviation, ...]:
    """deviations.toml, read once."""
    return load_deviations(_text("deviations.toml"), file="deviations.toml")


def load_functions(text: str, *, file: str) -> HostTable:
    """The host functions in `text`."""
    raw = _toml(text, file)
    chain = _typed(file, "chain", raw.pop("chain", {}), _Chain)
    entries = raw.pop("functions", {})
    _refuse_rest(raw, file)
    functions: dict[str, ChainFunction] = {}
    not_in_view: set[str] = set()
    for name, entry in entries.items():
        table = _typed(file, f"functions.{name}", entry, _FunctionTable)
        functions[name] = ChainFunction(
            module=chain.module,
            name=name,
            params=tuple([_param(file, name, param) for param in table.params]),
            results=table.results,
            source=chain.source + table.source,
            since=table.since,
        )
        if not set(table.results) <= set(_WASM_TYPES) or len(table.results) > 1:
            raise SpecError(file, f"functions.{name}.results", "at most one of i32, i64")
        if not table.view:
            not_in_view.add(name)
    return HostTable(chain.module, functions, frozenset(not_in_view))


def load_costs(text: str, *, file: str) -> _Costs:
    """The costs in `text`, worked out for every version it names."""
    raw = _toml(text, file)
    meta = _typed(file, "meta", raw.pop("meta", {}), _Meta)
    constants = _typed(file, "constants", raw.pop("constants", {}), Constants)
    base = raw.pop("base", {})
    groups = {name: dict(base.get(name, {})) for name in ("ext_costs", "vm", "limits", "fees", "storage")}
    if unknown := base.keys() - groups.keys():
        raise SpecError(file, f"base.{min(unknown)}", "there is no such group")
    by_version: dict[int, Parameters] = {}
    for version in meta.versions:
        for group, changes in raw.pop(f"pv{version}", {}).items():
            if group not in groups:
                raise SpecError(file, f"pv{version}.{group}", "there is no such group")
            groups[group] |= changes
        try:
            by_version[version] = msgspec.convert({**groups, "version": version, "constants": constants}, Parameters, strict=False)
        except msgspec.ValidationError as error:
            raise SpecError(file, f"version {version}", str(error)) from error
    _refuse_rest(raw, file)
    if meta.default not in by_version:
        raise SpecError(file, "meta.default", "it is none of the versions")
    return _Costs(meta, constants, by_version)


def load_deviations(text: str, *, file: str) -> tuple[Deviation, ...]:
    """The deviations in `text`: one table each, its name the part of the id after the chain's."""
    return tuple([_typed(file, name, {"id": f"near/{name}", **entry}, Deviation) for name, entry in _toml(text, file).items()])


@cache
def _costs() -> _Costs:
    return load_costs(_text("spec/costs.toml"), file="costs.toml")


def _text(path: str) -> str:
    return files("sshi_near").joinpath(path).read_text("utf-8")


def _toml(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(file, "the file", str(error)) from error


def _typed(file: str, entry: str, value: object, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise SpecError(file, entry, str(error)) from error


def _refuse_rest(raw: dict[str, Any], file: str) -> None:
    if raw:
        raise SpecError(file, min(raw), "nothing reads this table")


def _param(file: str, name: str, text: str) -> str:
    _, colon, kind = text.partition(": ")
    if not colon or kind not in _WASM_TYPES:
        raise SpecError(file, f"functions.{name}.params", f"{text!r} is not 'name: type' with a type of {', '.join(_WASM_TYPES)}")
    return kind
