"""`lower` itself: bodies instruction by instruction, then the sections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NoReturn

from sshi.errors import LinkError
from sshi.wasm.customs import without_positional
from sshi.wasm.edit import assemble, with_functions
from sshi.wasm.flow import number
from sshi.wasm.immediates import VOID, Immediate
from sshi.wasm.instructions import block_signature, emit, encode_instruction, immediates, key, tokens
from sshi.wasm.leb128 import joined
from sshi.wasm.lower import bulk, passive
from sshi.wasm.lower.features import Features, flags
from sshi.wasm.lower.multi import single_values
from sshi.wasm.lower.segments import lowered_segments
from sshi.wasm.module import FUNC, GLOBAL, I32, REFERENCE_TYPES, Code, FuncType, Global, GlobalType, Module
from sshi.wasm.names import label
from sshi.wasm.opcodes import BY_KEY, Op

SIGN_EXTENSION = {
    "i32.extend8_s": "i32.const 24; i32.shl; i32.const 24; i32.shr_s",
    "i32.extend16_s": "i32.const 16; i32.shl; i32.const 16; i32.shr_s",
    "i64.extend8_s": "i64.const 56; i64.shl; i64.const 56; i64.shr_s",
    "i64.extend16_s": "i64.const 48; i64.shl; i64.const 48; i64.shr_s",
    "i64.extend32_s": "i64.const 32; i64.shl; i64.const 32; i64.shr_s",
}

MOST_FUNCTIONS = 10_000
"""Functions added in all: each segment takes two, and no chain takes as many."""
MOST_PASSIVE = 1 << 20
"""Bytes of passive segments that become code, which is nearly three times as long: no chain takes as much."""

TARGET_FEATURES = "target_features"
"""The custom section in which LLVM lists the features a module was built with."""


def lower(module: Module, features: Features) -> Module:
    """The module in what `features` leaves; the very same object when there is nothing to do.

    Raises LinkError (contract's fault) with function, offset and build flags for what cannot be done without a feature.
    """
    lowered = module if features.multi_value else single_values(module)
    lowering = _Lowering(lowered, features)
    codes = tuple([lowering.code(at, code) for at, code in enumerate(lowered.codes)])
    _refuse_types(lowered, features)
    if any(new is not old for new, old in zip(codes, module.codes, strict=True)):
        lowered = without_positional(replace(lowered, codes=codes))
        lowered = replace(lowered, globals=(*lowered.globals, *lowering.globals)) if lowering.globals else lowered
        lowered = with_functions(lowered, lowering.functions)
    lowered = lowered_segments(lowered, features)
    if lowered is not module and any(custom.name == TARGET_FEATURES for custom in lowered.customs):
        lowered = replace(lowered, customs=tuple([custom for custom in lowered.customs if custom.name != TARGET_FEATURES]))
    return lowered


class _Refused(Exception):
    """An instruction that has no equal: what it needs, and the feature that gives it."""

    def __init__(self, what: str, feature: str) -> None:
        super().__init__(what)
        self.what = what
        self.feature = feature


class _Lowering(dict[bytes, bytes]):
    """Every distinct instruction lowered once, and the functions and globals that takes."""

    def __init__(self, module: Module, features: Features) -> None:
        super().__init__()
        self.functions: list[tuple[str, FuncType, Code]] = []
        self.globals: list[Global] = []
        self._module = module
        self._features = features
        self._functions = len(module.imported(FUNC)) + len(module.funcs)
        self._globals = len(module.imported(GLOBAL)) + len(module.globals)
        self._calls: dict[str, bytes] = {}
        self._passive = 0
        self._lengths: dict[int, int] = {}
        """Globals that hold what is left of a passive segment."""
        self._may_drop = not features.bulk_memory and any(b"\xfc\x09" in code.body for code in module.codes)

    def code(self, at: int, code: Code) -> Code:
        """One body; the very same object when nothing in it changed."""
        split = tokens(code.body, code.at)
        try:
            body = joined([self[token] for token in split])
        except _Refused as refused:
            offset = code.at
            for token in split:
                if token not in self:
                    break
                offset += len(token)
            function = label(self._module, len(self._module.imported(FUNC)) + at)
            raise LinkError(
                f"{refused.what}, which the target does not accept and nothing else does",
                where=f"`{function}`" if code.at < 0 else f"`{function}` at byte {offset}",
                advice=str(flags(refused.feature)),
            ) from None
        return code if body == code.body else Code(code.locals, body)

    def __missing__(self, token: bytes) -> bytes:
        op = BY_KEY[key(token)]
        values = immediates(token)
        new = self._lowered(op, values)
        self[token] = lowered = encode_instruction(op, values) if new is None else new
        return lowered

    def _lowered(self, op: Op, values: tuple[Immediate, ...]) -> bytes | None:
        """What replaces the instruction, or None when it stays."""
        match op.proposal:
            case "sign-extension" if not self._features.sign_extension:
                return assemble(SIGN_EXTENSION[op.mnemonic])
            case "bulk-memory" if not self._features.bulk_memory:
                return self._bulk(op.mnemonic, values)
            case "reference-types" if not self._features.reference_types:
                return self._reference(op, values)
            case _:
                pass
        if op.mnemonic == "call_indirect" and number(values[1]) and not self._features.reference_types:
            raise _Refused(f"`call_indirect` through table {values[1]} needs a second table", "reference-types")
        if op.immediates[:1] == ("block",) and number(values[0]) >= 0 and not self._features.multi_value:
            results = block_signature(self._module.types, number(values[0])).results
            return emit(op.mnemonic, results[0] - 0x80 if results else VOID)
        return None

    def _reference(self, op: Op, values: tuple[Immediate, ...]) -> bytes:
        if op.mnemonic == "select" and isinstance(values[0], tuple) and not set(values[0]) & set(REFERENCE_TYPES):
            return emit("select")
        raise _Refused(f"`{op.mnemonic}` needs references", "reference-types")

    def _bulk(self, mnemonic: str, values: tuple[Immediate, ...]) -> bytes:
        match mnemonic, values:
            case "memory.copy", (0, 0):
                return self._call("memory.copy", bulk.THREE, bulk.copy)
            case "memory.fill", (0,):
                return self._call("memory.fill", bulk.THREE, bulk.fill)
            case "memory.init", (int(segment), 0):
                return self._init(segment)
            case "data.drop", (int(segment),):
                return self._drop(segment)
            case _:
                raise _Refused(f"`{mnemonic}` needs a table or memory that changes", "bulk-memory")

    def _call(self, name: str, of: FuncType, code: Callable[[], Code]) -> bytes:
        """A call of that helper, which is made when it is first wanted."""
        if name not in self._calls:
            if len(self.functions) == MOST_FUNCTIONS:
                advice = str(flags("bulk-memory"))
                raise LinkError(f"`memory.init` of so many segments takes more than {MOST_FUNCTIONS:,} functions", advice=advice)
            self._calls[name] = emit("call", self._functions + len(self.functions))
            self.functions.append((f"lowered.{name}", of, code()))
        return self._calls[name]

    def _init(self, segment: int) -> bytes:
        data = self._data(segment)
        word = self._call(f"data[{segment}]", passive.WORD, lambda: self._words(data))
        size = emit("global.get", self._length(segment)) if self._may_drop else emit("i32.const", len(data))
        return self._call(f"memory.init[{segment}]", bulk.THREE, lambda: passive.init(size, word))

    def _words(self, data: bytes) -> Code:
        self._passive += len(data)
        if self._passive > MOST_PASSIVE:
            message = f"`memory.init` of {self._passive:,} bytes of passive segments, at most {MOST_PASSIVE:,} are made code"
            raise LinkError(message, advice=str(flags("bulk-memory")))
        return passive.words(data)

    def _drop(self, segment: int) -> bytes:
        return assemble(f"i32.const 0; global.set {self._length(segment)}") if self._data(segment) else b""

    def _data(self, segment: int) -> bytes:
        """What `memory.init` finds: an active segment is used up once the module is instantiated."""
        return self._module.datas[segment].data if self._module.datas[segment].offset is None else b""

    def _length(self, segment: int) -> int:
        if segment not in self._lengths:
            self._lengths[segment] = self._globals + len(self.globals)
            init = emit("i32.const", len(self._data(segment))) + emit("end")
            self.globals.append(Global(GlobalType(I32, mutable=True), init))
        return self._lengths[segment]


def _refuse_types(module: Module, features: Features) -> None:
    """Signatures, locals and globals that have no equal without a feature."""
    imports = module.imported(FUNC)
    types = [module.types[of] for of in (*(entry.desc for entry in imports if isinstance(entry.desc, int)), *module.funcs)]
    for function, of in enumerate(types):
        kinds = {*of.params, *of.results}
        if function >= len(imports):
            kinds.update(kind for _, kind in module.codes[function - len(imports)].locals)
        if kinds & REFERENCE_TYPES and not features.reference_types:
            _refuse("it has references among its parameters, results or locals", f"`{label(module, function)}`", "reference-types")
    imported = [entry.desc for entry in module.imported(GLOBAL) if isinstance(entry.desc, GlobalType)]
    for at, of in enumerate((*imported, *(entry.type for entry in module.globals))):
        if of.value in REFERENCE_TYPES and not features.reference_types:
            _refuse("it holds a reference", f"global {at}", "reference-types")


def _refuse(message: str, where: str, feature: str) -> NoReturn:
    raise LinkError(message, where=where, advice=str(flags(feature)))
