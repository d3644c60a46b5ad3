"""A contract as the reference host runs it: its memory and its stack bounded, compiled.

Whether it keeps the interface's rules is the check's question; here it is refused only when it could not be run, or would
not be the contract that its declaration describes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from sshi.errors import ContractError
from sshi.host.engine import TABLE_ELEMENTS, TABLES, Compiled, Mode, engine, validate
from sshi.host.pricing import priced
from sshi.spec.loader import interface
from sshi.spec.model import Function
from sshi.wasm.decode import decode
from sshi.wasm.encode import encode
from sshi.wasm.memory import bound
from sshi.wasm.meter import counts_gas
from sshi.wasm.module import FUNC, MEMORY, VALUE_TYPES, FuncType, Module
from sshi.wasm.shake import shake
from sshi.wasm.stack import limit_stack

CODE_BYTES = 4 << 20
"""More than any chain takes."""

STACK_EXHAUSTED = ("sshi", "stack_exhausted")
"""What the stack limiter calls; no contract may import it itself."""

_ENTRY = FuncType(b"", b"")


@dataclass(frozen=True)
class Prepared:
    """`entries` are the exported functions of type () -> (); `reactor` says whether one of them must run before an entry.

    `counts_gas`: it has a budget of its own, and exports what is left of it.
    """

    compiled: Compiled
    entries: frozenset[str]
    reactor: bool
    counts_gas: bool


@lru_cache(maxsize=512)
def prepare(mode: Mode, wasm: bytes) -> Prepared:
    """The contract's code for that engine; ContractError when it cannot be run."""
    if len(wasm) > CODE_BYTES:
        raise ContractError(f"the module has {len(wasm):,} bytes, {CODE_BYTES:,} are allowed")
    module = decode(wasm)
    complaint = validate(wasm)
    if complaint is not None:
        raise ContractError(complaint)
    module = shake(module)  # what nothing uses is no reason to refuse it: linking drops it, too
    _check_imports(module)
    if len(module.tables) > TABLES or any(table.limits.minimum > TABLE_ELEMENTS for table in module.tables):
        raise ContractError(f"it wants more than {TABLES} tables of {TABLE_ELEMENTS:,} elements")
    face, limits = interface(), interface().limits
    if module.export(face.memory, MEMORY) is None:
        raise ContractError(f"it does not export its memory as {face.memory!r}")
    bounded = bound(module, limits.memory_pages)
    limited = limit_stack(bounded, depth=limits.call_depth, frame_bytes=limits.frame_bytes, exhausted=STACK_EXHAUSTED)
    types = module.function_types()
    functions = [export for export in module.exports if export.kind == FUNC and types[export.index] == _ENTRY]
    entries = frozenset(export.name for export in functions)
    return Prepared(engine(mode).compile(encode(priced(limited))), entries, face.reactor in entries, counts_gas(module))


def _check_imports(module: Module) -> None:
    face = interface()
    for entry in module.imports:
        function = face.functions.get(entry.name) if entry.module == face.module and entry.kind == FUNC else None
        if function is None:
            raise ContractError(f"it imports {entry.module}.{entry.name}, which the interface does not have")
        if isinstance(entry.desc, int) and _types(module.types[entry.desc]) != (function.wasm_params, function.results):
            raise ContractError(f"it imports {entry.module}.{entry.name} with another type than {_signature(function)}")


def _types(function: FuncType) -> tuple[tuple[str, ...], tuple[str, ...]]:
    params, results = ([VALUE_TYPES[kind] for kind in kinds] for kinds in (function.params, function.results))
    return tuple(params), tuple(results)


def _signature(function: Function) -> str:
    return f"({', '.join(function.wasm_params)}) -> ({', '.join(function.results)})"
