"""What the pallet takes as a contract: the rules of an upload, with its own words for each refusal.

Source: pallet-contracts 51.0.0, src/wasm/prepare.rs, and what wasmi 0.32.3 accepts as that configures it.  Unlike the pallet, a refusal
also says which rule was broken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from sshi.errors import ContractError, SshiError
from sshi.host.engine import Compiled, engine, validate
from sshi.wasm.check.limits import of_function, of_operands
from sshi.wasm.check.rules import Rules
from sshi.wasm.decode import decode
from sshi.wasm.encode import encode
from sshi.wasm.flow import number
from sshi.wasm.instructions import immediates, key, tokens
from sshi.wasm.leb128 import read_u
from sshi.wasm.module import F32, F64, FUNC, FUNCREF, GLOBAL, I32, KINDS, MEMORY, PAGE, TABLE, FuncType, Limits, Module
from sshi.wasm.module import Code as Body
from sshi.wasm.opcodes import BY_KEY, BY_MNEMONIC, Op
from sshi.wasm.stack import heights, limit_stack
from sshi_polkadot.encoding import blake2_256
from sshi_polkadot.tables import chain_functions, constants

MEMORY_IMPORT = ("env", "memory")
STACK_EXHAUSTED = ("emulated", "stack_exhausted")
"""The import through which an instrumented module says that its calls nest too deep."""
ENTRIES = ("deploy", "call")

_FLOATS = frozenset((F32, F64))
_PROPOSALS = frozenset(("mvp", "sign-extension"))
_LOADING = "Can't load the module into wasmi!"
_INSTANTIATING = "New code rejected on wasmi instantiation!"
_ZERO_BYTE = frozenset(BY_MNEMONIC[name].key for name in ("memory.size", "memory.grow"))
_CALL_INDIRECT = BY_MNEMONIC["call_indirect"].key
_CONSTANTS = frozenset(BY_MNEMONIC[name].key for name in ("i32.const", "i64.const"))


@dataclass(frozen=True)
class Code:
    """Code that was accepted; `enterable` are the exports of type () -> (), since one with a result passes and fails when it is run."""

    wasm: bytes
    hash: bytes
    compiled: Compiled
    enterable: frozenset[str]


@dataclass(frozen=True)
class Refused:
    """Code that was not: the pallet's error, and why."""

    error: str
    why: str


@lru_cache(maxsize=512)
def admit(wasm: bytes) -> Code | Refused:
    """The code, ready to run, or why the pallet does not take it."""
    limit = constants().pallet.code_bytes
    if len(wasm) > limit:
        return Refused("CodeTooLarge", f"{len(wasm)} bytes, at most {limit}")
    try:
        module = decode(wasm)
    except SshiError as error:
        return Refused("CodeRejected", f"{_LOADING} {error}")
    complaint = next(_loading(module), None) or validate(wasm) or next(_translating(module), None)
    if complaint:
        return Refused("CodeRejected", f"{_LOADING} {complaint}")
    complaint = next(_exports(module), None) or next(_imports(module), None)
    if complaint:
        return Refused("CodeRejected", complaint)
    complaint = next(_instantiating(module), None)
    if complaint:
        return Refused("CodeRejected", f"{_INSTANTIATING} {complaint}")
    nothing = FuncType(b"", b"")
    enterable = frozenset(entry.name for entry in module.exports if module.function_type(entry.index) == nothing)
    try:
        compiled = engine("interpreter").compile(encode(_stack_limited(module)))
    except ContractError as error:  # the emulator's own limit: a `br_table` of more than 65,520 targets
        return Refused("CodeRejected", f"{_LOADING} {error}")
    return Code(wasm, blake2_256(wasm), compiled, enterable)


def _stack_limited(module: Module) -> Module:
    """The module counting its stack in values, as the engine does: parameters, locals, temporaries, and a function's own constants.

    Nearly as it does: an operand that is a local or a constant as it stands takes no temporary there, and here it does.
    """
    limits = constants().engine
    functions = zip(heights(module), module.funcs, module.codes, strict=True)
    frames = [height.slots + len(module.types[of].params) + _locals(code) + _constants(code) for height, of, code in functions]
    return limit_stack(module, depth=limits.call_depth, frame_bytes=limits.stack_values, exhausted=STACK_EXHAUSTED, frames=frames)


def _locals(code: Body) -> int:
    return sum(count for count, _ in code.locals)


def _constants(code: Body) -> int:
    """The different constants that the engine keeps in every frame: those that do not fit the 16 bits an instruction has for them."""
    split = set(tokens(code.body))
    values = {number(immediates(token)[0]) for token in split if token[0] in _CONSTANTS}
    return sum(not -(1 << 15) <= value < 1 << 15 for value in values)


def _loading(module: Module) -> Iterator[str]:
    """Features that the pallet's engine has switched off, and its limits."""
    limits = constants().engine
    for of in module.types:
        if _FLOATS & {*of.params, *of.results}:
            yield "a function type has floats"
        if len(of.results) > 1:
            yield "a function type has several results"
        if len(of.params) > limits.params_per_function:
            yield f"a function type has {len(of.params)} parameters"
    if any(table.element != FUNCREF or table.init is not None for table in module.tables) or len(module.tables) > 1:
        yield "it has a table of another kind, or two"
    if any(table.limits.minimum > limits.table_elements for table in module.tables):
        yield f"a table begins with more than {limits.table_elements:,} elements"
    if module.tags:
        yield "it has exception tags"
    if any(segment.flag not in (0, 2) for segment in module.elements):
        yield "an element segment is passive, declarative or made of expressions"
    if any(entry.type.value in _FLOATS for entry in module.globals):
        yield "a global has a float"
    if any(entry.kind == GLOBAL and module.globals[entry.index - len(module.imported(GLOBAL))].type.mutable for entry in module.exports):
        yield "it exports a mutable global"
    if any(len(tokens(entry.init)) != 2 for entry in module.globals):
        yield "a global's initial value is an extended constant expression"
    for at, code in enumerate(module.codes, len(module.imported(FUNC))):
        if any(kind in _FLOATS for _, kind in code.locals):
            yield f"function {at} has a float local"
        for token in set(tokens(code.body, code.at)):
            complaint = _instruction(token)
            if complaint:
                yield f"function {at} has {complaint}"


def _translating(module: Module) -> Iterator[str]:
    """What does not fit the pallet's engine once it makes registers of a valid module."""
    limits = constants().engine
    rules = Rules(max_registers=limits.registers_per_function, max_constants=limits.constants_per_function)
    yield from (f"function {at} has {excess}" for at, excess in of_operands(module, rules))
    for at, (of, code) in enumerate(zip(module.funcs, module.codes, strict=True), len(module.imported(FUNC))):
        for excess in of_function(module.types[of], code, rules):
            yield f"function {at} has {excess}"


def _instruction(token: bytes) -> str:
    op = BY_KEY[key(token)]
    if op.proposal not in _PROPOSALS:
        return f"{op.mnemonic}, of the proposal {op.proposal}"
    if _has_float(op):
        return f"{op.mnemonic}, a floating-point instruction"
    if op.key in _ZERO_BYTE and token[1:] != b"\0":
        return f"{op.mnemonic} with a padded index"
    if op.key == _CALL_INDIRECT and token[read_u(token, 1)[1] :] != b"\0":
        return "call_indirect with a padded or other table index"
    if "block" in op.immediates:
        kind = immediates(token)[0]
        if isinstance(kind, int) and kind >= 0:
            return f"a {op.mnemonic} with parameters or several results"
        if isinstance(kind, int) and kind + 0x80 in _FLOATS:
            return f"a {op.mnemonic} with a float result"
    return ""


def _has_float(op: Op) -> bool:
    return bool({"f32", "f64"} & {*op.pops, *op.pushes, *op.immediates})


def _exports(module: Module) -> Iterator[str]:
    for entry in module.exports:
        if entry.kind != FUNC:
            yield f"{KINDS[entry.kind]} export is forbidden"
        elif entry.name not in ENTRIES:
            yield f"unknown function export: expecting only deploy and call functions, not {entry.name}"
        else:
            of = module.function_type(entry.index)
            if of.params or of.results not in (b"", bytes((I32,))):
                yield "entry point has wrong signature"
    for name in ENTRIES:
        if module.export(name, FUNC) is None:
            yield f"{name} function isn't exported"


def _imports(module: Module) -> Iterator[str]:
    pages = constants().pallet.memory_pages
    if module.imported(TABLE):
        yield "Cannot import tables"
    if module.imported(GLOBAL):
        yield "Cannot import globals"
    memories = module.imported(MEMORY)
    for entry in memories:
        if entry.module != MEMORY_IMPORT[0]:
            yield "Invalid module for imported memory"
        if entry.name != MEMORY_IMPORT[1]:
            yield "Memory import must have the field name 'memory'"
        limits = entry.desc
        if isinstance(limits, Limits):
            maximum = pages if limits.maximum is None else limits.maximum
            if limits.minimum > maximum:
                yield "Requested initial number of memory pages should not exceed the requested maximum"
            if maximum > pages:
                yield "Maximum number of memory pages should not exceed the maximum configured in the Schedule"
    if not memories:
        yield "No memory import found in the module"


def _instantiating(module: Module) -> Iterator[str]:
    known = {(function.module, function.name): function for function in chain_functions()}
    for entry in module.imported(FUNC):
        function = known.get((entry.module, entry.name))
        if function is None:
            yield f"{entry.module}.{entry.name} is not a function that the emulated pallet has"
        elif isinstance(entry.desc, int) and module.types[entry.desc] != FuncType(_types(function.params), _types(function.results)):
            yield f"{entry.module}.{entry.name} has another type"
    if module.start is not None:
        yield "it has a start function, which the emulated pallet does not run"
    memory = module.imported(MEMORY)[0].desc
    size = memory.minimum * PAGE if isinstance(memory, Limits) else 0
    for data in module.datas:
        if data.offset is not None and _constant(data.offset) + len(data.data) > size:
            yield "OutOfBoundsAccess: a data segment"
    slots = module.tables[0].limits.minimum if module.tables else 0
    for segment in module.elements:
        if segment.offset is not None and _constant(segment.offset) + len(segment.items) > slots:
            yield "OutOfBoundsAccess: an element segment"


def _types(kinds: tuple[str, ...]) -> bytes:
    return bytes((I32,)) * len(kinds)


def _constant(expression: bytes) -> int:
    """The unsigned value of an `i32.const`; no other offset is valid without imported globals."""
    value = immediates(tokens(expression)[0])[0]
    return value & 0xFFFF_FFFF if isinstance(value, int) else 0
