"""What the chain makes of a contract's module before it runs it: refuse, normalise, meter.

The chain's checks come in its order: first those of its early pass in section order, then those of its instrumentation.  A module
that breaks several rules of the early pass at once may be refused here for another one of them.

Source: near/nearcore@bc4e9e8cfb03d9e82f027883055624e18576993e:runtime/near-vm-runner/src/prepare/{prepare_v3,instrument_v3}.rs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sshi.errors import ContractError
from sshi.host.engine import validate
from sshi.spec.loader import interface
from sshi.wasm.decode import decode
from sshi.wasm.encode import encode
from sshi.wasm.instructions import emit, tokens
from sshi.wasm.leb128 import encode_u
from sshi.wasm.meter import GlobalHook, InlineModel, StackModel, inject_exact
from sshi.wasm.module import EXTERNREF, FUNC, I32, I64, MEMORY, TAG, VALUE_TYPES, Code, Export, FuncType, Import, Limits, Module
from sshi.wasm.opcodes import BY_MNEMONIC
from sshi.wasm.stack.height import heights
from sshi_near.emulated.bind import OUT_OF_GAS, OUT_OF_STACK
from sshi_near.emulated.context import GAS
from sshi_near.emulated.errors import Abort
from sshi_near.engine_limits import INJECTED, can_pass, costs_of, instance_bytes, instrumented_bytes
from sshi_near.tables import Parameters, host_table

METHOD = "method "
"""Before every exported function's name, so that none can be taken for an export of ours."""

START = "start"

_BLOCKS = frozenset(BY_MNEMONIC[name].key for name in ("block", "loop", "if"))
_GLOBAL_GET = BY_MNEMONIC["global.get"].key
_REF_NULL_EXTERN = emit("ref.null", EXTERNREF)


def prepare(wasm: bytes, parameters: Parameters, *, late: bool = True) -> bytes:
    """The module that runs: with the chain's memory, exports under `METHOD`, and metered.

    `late` tests gas only where it can be seen, which is faster; without it every charge is tested, as the chain does.
    Raises Abort with the chain's PrepareError.
    """
    try:
        module = decode(wasm)
    except ContractError:
        raise _refused("Deserialization") from None
    module = replace(module, customs=(), raw=())
    for reason in _early(module, len(wasm), parameters):
        raise _refused(reason)
    if validate(encode(module)) is not None:
        raise _refused("Deserialization")
    for reason in _late(module, parameters):
        raise _refused(reason)
    for refused in _in_the_engine(module, parameters):
        raise refused
    return encode(inject_exact(_normalised(module, parameters), metering(parameters, late=late)))


def link_problem(module: Module, version: int) -> str:
    """What the chain says of the imports; empty when it has them all."""
    known = host_table().functions
    for entry in module.imported(FUNC):
        function = known.get(entry.name)
        if function is None or (function.since or 0) > version:
            return "unknown or invalid import"
        wanted, found = _import_type(module, entry), FuncType(_kinds(function.params), _kinds(function.results))
        if wanted != found:
            return f"types incompatible: expected type `{_text(wanted)}`, found type `{_text(found)}`"
    return ""


def metering(parameters: Parameters, *, late: bool) -> InlineModel:
    """The chain's own metering."""
    stack = StackModel(parameters.limits.max_stack_height, parameters.constants.stack_frame_base, OUT_OF_STACK)
    return InlineModel(costs_of(parameters), GlobalHook(GAS, OUT_OF_GAS), stack, START, late)


def _refused(reason: str) -> Abort:
    return Abort(f"CompilationError/PrepareError/{reason}")


def _early(module: Module, size: int, parameters: Parameters) -> Iterator[str]:
    limits = parameters.limits
    if len(module.types) > limits.max_types_per_contract:
        yield "TooManyTypes"
    for entry in module.imports:
        if entry.module != host_table().module:
            yield "Instantiate"
        if entry.kind != FUNC:
            yield {MEMORY: "Memory", TAG: "Deserialization"}.get(entry.kind, "Instantiate")
    if len(module.tables) > 1:
        yield "TooManyTables"
    if any(table.limits.minimum > limits.max_elements_per_contract_table for table in module.tables):
        yield "TooManyTableElements"
    if len(module.memories) > 1 or _uses_what_is_off(module):
        yield "Deserialization"
    if len(module.imported(FUNC)) + len(module.funcs) > limits.max_functions_number_per_contract:
        yield "TooManyFunctions"
    room = limits.max_locals_per_contract
    if limits.min_contract_size_per_local is not None:
        room = min(room, size // limits.min_contract_size_per_local)
    for of, code in zip(module.funcs, module.codes, strict=True):
        if _body_size(code) > limits.max_function_body_size:
            yield "FunctionBodyTooLarge"
        declared = sum(count for count, _ in code.locals)
        room -= declared
        if room < 0:
            yield "TooManyLocals"
        if len(module.types[of].params) + declared > limits.max_locals_per_function:
            yield "Deserialization"


def _late(module: Module, parameters: Parameters) -> Iterator[str]:
    limits = parameters.limits
    params = blocks = 0
    for of, code, height in zip(module.funcs, module.codes, heights(module), strict=True):
        own = len(module.types[of].params)
        params += own
        if own > limits.max_params_per_function:
            yield "TooManyParamsPerFunction"
        if params > limits.max_params_per_contract:
            yield "TooManyParamsPerContract"
        if height.bytes > limits.max_operand_stack_bytes_per_function:
            yield "OperandStackTooLarge"
        inside = sum(token[0] in _BLOCKS for token in tokens(code.body, code.at))
        blocks += inside
        if inside > limits.max_blocks_per_function:
            yield "TooManyBlocksPerFunction"
        if blocks > limits.max_blocks_per_contract:
            yield "TooManyBlocksPerContract"
    if can_pass(module, limits.max_instrumented_code_size) and instrumented_bytes(module, parameters) > limits.max_instrumented_code_size:
        yield "InstrumentedCodeTooLarge"


def _in_the_engine(module: Module, parameters: Parameters) -> Iterator[Abort]:
    """What fails when the metered module is compiled and loaded."""
    first = len(module.imported(FUNC)) + INJECTED
    for at, (of, code) in enumerate(zip(module.funcs, module.codes, strict=True), first):
        values = len(module.types[of].params) + sum(count for count, _ in code.locals) + parameters.constants.injected_locals
        if values > parameters.limits.max_locals_per_function:
            yield Abort("CompilationError/WasmtimeCompileError", msg=f"failed to compile: wasm[0]::function[{at}]")
    if instance_bytes(module) > parameters.constants.max_instance_bytes:
        yield Abort("LoadingError", msg="module instance size does not fit in pooling allocator requirements")


def _body_size(code: Code) -> int:
    """Bytes of a body with its declaration of locals."""
    return len(encode_u(len(code.locals))) + sum(len(encode_u(count)) + 1 for count, _ in code.locals) + len(code.body)


def _uses_what_is_off(module: Module) -> bool:
    """Multi-value, externref, or a constant expression of more than one constant: valid modules that the chain does not take."""
    kinds = [kind for of in module.types for kind in of.params + of.results]
    kinds += [entry.type.value for entry in module.globals]
    kinds += [table.element for table in module.tables]
    kinds += [kind for code in module.codes for _, kind in code.locals]
    if EXTERNREF in kinds or any(len(of.results) > 1 for of in module.types):
        return True
    constants = [entry.init for entry in module.globals]
    constants += [segment.offset for segment in (*module.elements, *module.datas) if segment.offset is not None]
    constants += [item for segment in module.elements for item in segment.items if isinstance(item, bytes)]
    if any(len(tokens(constant)) != 2 or constant[0] == _GLOBAL_GET for constant in constants):
        return True
    with_params = {emit("block", at)[1:] for at, of in enumerate(module.types) if of.params}
    distinct = {token for code in module.codes for token in tokens(code.body, code.at)}
    return _REF_NULL_EXTERN in distinct or any(token[0] in _BLOCKS and token[1:] in with_params for token in distinct)


def _normalised(module: Module, parameters: Parameters) -> Module:
    """With the memory that every contract gets, and only functions exported."""
    limits = parameters.limits
    methods = [replace(export, name=METHOD + export.name) for export in module.exports if export.kind == FUNC]
    return replace(
        module,
        memories=(Limits(limits.initial_memory_pages, limits.max_memory_pages),),
        exports=(*methods, Export(interface().memory, MEMORY, 0)),
    )


def _import_type(module: Module, entry: Import) -> FuncType:
    assert isinstance(entry.desc, int)  # noqa: S101  the decoder gives functions a type index
    return module.types[entry.desc]


def _kinds(names: tuple[str, ...]) -> bytes:
    return bytes([{"i32": I32, "i64": I64}[name] for name in names])


def _text(of: FuncType) -> str:
    """A function type in the engine's words."""
    sides = (("param", of.params), ("result", of.results))
    parts = [f" ({word} {' '.join(VALUE_TYPES[kind] for kind in kinds)})" for word, kinds in sides if kinds]
    return f"(func{''.join(parts)})"
