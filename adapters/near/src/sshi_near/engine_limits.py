"""What the chain's engine has against a module beyond what can be counted in it: an instance and its metered code have a largest size.

The chain meters a module by writing a charge before everything that can be observed, most of them longer than what they charge for;
the result may not pass 16 MiB.  What an instance keeps of its module besides memory and table elements has to fit 1 MiB.

Source: near/nearcore@bc4e9e8cfb03d9e82f027883055624e18576993e:runtime/near-vm-runner/src/{prepare/instrument_v3,wasmtime_runner/mod}.rs,
wasmtime 45.0.3 crates/environ/src/vmoffsets.rs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sshi.wasm.check.limits import Excess
from sshi.wasm.edit import shifted
from sshi.wasm.encode import encode
from sshi.wasm.flow import CALL, RETURN
from sshi.wasm.immediates import VOID
from sshi.wasm.instructions import emit, index, tokens
from sshi.wasm.leb128 import encode_u
from sshi.wasm.meter import Costs, EntryCost, Kinds, PerUnit, Point, exact_points
from sshi.wasm.meter.costs import COUNTED
from sshi.wasm.module import FUNC, GLOBAL, I64, MEMORY, Code, Export, FuncType, Global, GlobalType, Import, Limits, Module
from sshi.wasm.opcodes import BY_MNEMONIC
from sshi.wasm.stack.height import Height, frame_bytes, heights
from sshi_near.tables import Parameters

INJECTED = 3
"""Functions that the chain's metering imports, and the `internal` names it does so under."""
_HELPERS = ("finite_wasm_gas_exhausted", "finite_wasm_stack_exhausted", "finite_wasm_gas")
_COUNTERS = (GlobalType(I64, mutable=True),) * 2
"""The globals it adds: remaining gas, remaining stack."""

_INSTANCE, _GLOBAL, _TABLE, _REFERENCE, _IMPORT = 432, 16, 16, 32, 64
"""Bytes of an instance: of any, and for each global, table, defined function that can be referred to, imported function."""

_LONGEST = 128
"""No instruction becomes more bytes than that: a charge by an operand has some 80, what surrounds a function's last `end` some 110."""

_REF_FUNC = BY_MNEMONIC["ref.func"].key


def costs_of(parameters: Parameters) -> Costs:
    """What instructions cost."""
    ops, constants = parameters.vm, parameters.constants
    linear = PerUnit(ops.linear_op_base_cost, ops.linear_op_unit_cost)
    return Costs(
        default=ops.regular_op_cost,
        counted=dict.fromkeys(COUNTED, linear),
        entry=EntryCost(constants.stack_frame_base, constants.stack_frame_per_op, ops.regular_op_cost),
    )


def excesses(module: Module, parameters: Parameters) -> Iterator[Excess]:
    """What the engine refuses the module for, and no number in `TargetLimits` says."""
    most = parameters.limits.max_instrumented_code_size
    if can_pass(module, most) and (size := instrumented_bytes(module, parameters)) > most:
        yield Excess("metered-size", size, most, "bytes with the chain's own metering")
    most = parameters.constants.max_instance_bytes
    if (size := instance_bytes(module)) > most:
        yield Excess("instance-size", size, most, "bytes of globals and functions in an instance")


def instance_bytes(module: Module) -> int:
    """What an instance takes, memory and table elements apart."""
    imported = len(module.imported(FUNC))
    referred = {export.index for export in module.exports if export.kind == FUNC}
    for segment in module.elements:
        referred.update(item if isinstance(item, int) else index(item) for item in segment.items if isinstance(item, int) or _names(item))
    referred.update(index(entry.init) for entry in module.globals if _names(entry.init))
    if module.start is not None:
        referred.add(module.start)
    return (
        _INSTANCE
        + _GLOBAL * (len(module.globals) + len(_COUNTERS))
        + _TABLE * len(module.tables)
        + _REFERENCE * sum(function >= imported for function in referred)
        + _IMPORT * imported
    )


def can_pass(module: Module, most: int) -> bool:
    """Whether metering could make it larger than `most`: it takes a second to see where a large module is charged, and hardly any could."""
    size = len(encode(module))
    if size + _LONGEST * sum(len(code.body) for code in module.codes) <= most:
        return False
    return size + _LONGEST * sum(len(tokens(code.body, code.at)) for code in module.codes) > most


def instrumented_bytes(module: Module, parameters: Parameters) -> int:
    """The size of the module with the chain's own metering."""
    shell = encode(_shell(module, parameters))
    writer = _Writer(len(module.globals), parameters)
    bodies = zip(module.funcs, module.codes, heights(module), strict=True)
    sizes = [writer.body(module.types[of], code, height) for of, code, height in bodies]
    codes = len(encode_u(len(sizes))) + sum(len(encode_u(size)) + size for size in sizes)
    return len(shell) + 1 + len(encode_u(codes)) + codes


def _shell(module: Module, parameters: Parameters) -> Module:
    """All but the code."""
    limits = parameters.limits
    moved = shifted(replace(module, codes=(), customs=(), raw=()), 0, INJECTED)
    none, gas = len(module.types), len(module.types) + 1
    return replace(
        moved,
        start=None,
        types=(*module.types, FuncType(b"", b""), FuncType(bytes((I64,)), b"")),
        imports=(*(Import("internal", name, FUNC, of) for name, of in zip(_HELPERS, (none, none, gas), strict=True)), *module.imports),
        memories=(Limits(limits.initial_memory_pages, limits.max_memory_pages),),
        globals=(
            *module.globals,
            *(
                Global(of, emit("i64.const", start) + emit("end"))
                for of, start in zip(_COUNTERS, (0, limits.max_stack_height), strict=True)
            ),
        ),
        exports=(
            *(replace(export, name="\0" + export.name) for export in moved.exports if export.kind != MEMORY),
            Export("memory", MEMORY, 0),
            Export("remaining_gas", GLOBAL, len(module.globals)),
            *(() if moved.start is None else (Export("start", FUNC, moved.start),)),
        ),
    )


class _Writer:
    """How long the chain's metering makes bodies; `globals_` are the module's own, behind which its two stand."""

    def __init__(self, globals_: int, parameters: Parameters) -> None:
        costs = costs_of(parameters)
        assert costs.entry is not None  # noqa: S101  made above
        self._entry = costs.entry
        self._frame = parameters.constants.stack_frame_base
        self._kinds = Kinds(costs)
        self._gas, self._stack = _length("global.get", globals_), _length("global.get", globals_ + 1)

    def body(self, of: FuncType, code: Code, height: Height) -> int:
        """The bytes of one function."""
        split = tokens(code.body, code.at)
        first_local = len(of.params) + sum(count for count, _ in code.locals)
        charge = self._frame + frame_bytes(of, code) + height.bytes
        # global.get, i64.const 0, i64.const charge, i64.const 0, i64.sub128 or add128, the test of its overflow, global.set
        stack = 2 * self._stack + 2 * _length("i64.const", 0) + _length("i64.const", charge) + _CHECKED
        size = len(encode_u(len(code.locals) + 2)) + sum(len(encode_u(count)) + 1 for count, _ in code.locals) + 2 * 2
        size += _length("block", VOID) + stack + self._fixed(self._entry.of(of, code))
        size += sum([1 + len(encode_u(index(token) + INJECTED)) if token[0] == CALL else len(token) for token in split])
        size += stack * sum([token[0] == RETURN for token in split])
        size += len(emit("end")) + stack
        return size + sum([self._charge(point, first_local) for point in exact_points(split, self._kinds)])

    def _charge(self, point: Point, local: int) -> int:
        return self._fixed(point.cost) if point.counted is None else self._by_operand(point.counted, local)

    def _fixed(self, cost: int) -> int:
        """global.get, i64.const, i64.lt_u, if, i64.const, call, unreachable, else, global.get, i64.const, i64.sub, global.set, end."""
        return 3 * self._gas + 3 * _length("i64.const", cost) + 1 + 2 + 2 + 1 + 1 + 1 + 1

    def _by_operand(self, per: PerUnit, local: int) -> int:
        """The operand is kept in one added local, what it costs in the other."""
        cost, count = _length("local.get", local), _length("local.get", local + 1)
        product = count + 1 + _length("i64.const", per.unit) + _CHECKED
        total = 2 * _length("i64.const", 0) + _length("i64.const", per.base) + _CHECKED
        test = cost + self._gas + 1 + 2 + cost + 2 + 1
        return product + total + test + 1 + 2 * self._gas + cost + 1 + 1 + count


_CHECKED = 2 + 1 + 2 + 1 + 2 + 1 + 1
"""A wide operation and the test that nothing was carried: i64.eqz, if, else, call, unreachable, end."""


def _length(mnemonic: str, value: int) -> int:
    return len(emit(mnemonic, value))


def _names(expression: bytes) -> bool:
    return expression[0] == _REF_FUNC
