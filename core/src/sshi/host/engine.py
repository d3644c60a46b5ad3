# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# (wasmtime's C API is reached below its typed surface, whose host functions cost 14 µs a call instead of 0.8)
"""The engine: modules in, traps and exceptions out.  The only module that imports wasmtime.

*interpreter* is wasmtime's Pulley bytecode, *aot* is Cranelift ahead of time with a cache on disk; there is no lazy JIT.
Both count fuel the same way and give the same traps.  An instance is made for one call and thrown away.
"""

from __future__ import annotations

import ctypes
import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any, Literal

import wasmtime
from wasmtime import _ffi as ffi

from sshi.errors import ContractError
from sshi.host.cache import CodeCache, cache_directory
from sshi.host.entry import Frame, HostFunction, OutOfFuel, StackOverflow, WasmTrap, enter
from sshi.host.memory import Memory, OutOfBounds
from sshi.host.native import Library
from sshi.host.outcome import TrapKind
from sshi.spec.loader import interface

__all__ = [
    "Compiled", "Engine", "Frame", "HostFunction", "Instance", "Memory", "Mode", "OutOfBounds", "OutOfFuel", "StackOverflow",
    "WasmTrap", "engine", "validate", "wat_to_wasm",
]  # fmt: skip

Mode = Literal["interpreter", "aot"]
Imports = Mapping[tuple[str, str], HostFunction]

MEMORY_PAGES = 2_048
"""No instance's memory grows past this, the most that any chain gives."""
TABLES, TABLE_ELEMENTS = 16, 1 << 20
"""No instance has more tables, nor larger ones unless its chain allows them."""
STACK_BYTES = 1 << 20
"""The engine's own stack.  A contract's limit of 512 calls within 64 KiB of values ends well before it in both modes."""

_COMPILED_KEPT, _LINKED_KEPT = 512, 8
_MEMORY = interface().memory
_PAGE = 65_536
_UNLIMITED = (1 << 64) - 1
_FUNCTIONS_SHOWN = 8
_REASON = re.compile(r"wasm trap: (.+)")
_FUNCTION = re.compile(r"0x[0-9a-f]+ - [^!\n]*!(.+)$", re.MULTILINE)
_POSITION = re.compile(r"^\s*--> <anon>:(\d+):(\d+)$", re.MULTILINE)

_FEATURES = (
    "threads", "tail_call", "relaxed_simd", "simd", "multi_memory", "memory64", "exceptions", "function_references", "gc",
    "wide_arithmetic", "custom_page_sizes",
)  # fmt: skip
"""What a contract may not use and the engine could, by wasmtime's names."""

_LIB = Library(str(ffi.filename))
_TRAPS: dict[int | None, TrapKind] = {
    wasmtime.TrapCode.MEMORY_OUT_OF_BOUNDS.value: TrapKind.MEMORY,
    wasmtime.TrapCode.TABLE_OUT_OF_BOUNDS.value: TrapKind.INDIRECT_CALL,
    wasmtime.TrapCode.INDIRECT_CALL_TO_NULL.value: TrapKind.INDIRECT_CALL,
    wasmtime.TrapCode.BAD_SIGNATURE.value: TrapKind.INDIRECT_CALL,
    wasmtime.TrapCode.INTEGER_OVERFLOW.value: TrapKind.OVERFLOW,
    wasmtime.TrapCode.BAD_CONVERSION_TO_INTEGER.value: TrapKind.OVERFLOW,
    wasmtime.TrapCode.INTEGER_DIVISION_BY_ZERO.value: TrapKind.DIVISION,
    wasmtime.TrapCode.UNREACHABLE.value: TrapKind.UNREACHABLE,
}


def wat_to_wasm(text: str, *, where: str) -> bytes:
    """The binary form of a module's text; ContractError with line and column when it is wrong."""
    try:
        return bytes(wasmtime.wat2wasm(text))
    except wasmtime.WasmtimeError as error:
        message = str(error)
        place = _POSITION.search(message)
        raise ContractError(
            message.split("\n", 1)[0], where=f"{where}:{place[1]}:{place[2]}" if place else where, advice=_excerpt(message)
        ) from None


def _excerpt(message: str) -> str:
    """The source line and the mark below it, as the parser shows them."""
    return "\n".join(line.split("|", 1)[1][1:] for line in message.splitlines() if "|" in line and line.split("|", 1)[1].strip())


def validate(wasm: bytes, *, proposals: bool = False) -> str | None:
    """What the engine has against the module, or None; with `proposals` it may use every feature that the engine knows of."""
    try:
        wasmtime.Module.validate(_every_feature() if proposals else engine("interpreter").native, wasm)
    except wasmtime.WasmtimeError as error:
        return str(error)
    return None


@cache
def _every_feature() -> wasmtime.Engine:
    config = wasmtime.Config()
    config.parallel_compilation = False  # here too: it validates in parallel as well
    for feature in _FEATURES:
        setattr(config, f"wasm_{feature}", True)
    return wasmtime.Engine(config)


@cache
def engine(mode: Mode, *, fuel: bool = True) -> Engine:
    """This process's engine of that mode."""
    return Engine(mode, fuel=fuel)


class Engine:
    """Compiles modules and makes instances; keeps what it compiled."""

    def __init__(self, mode: Mode, *, fuel: bool = True) -> None:
        self.mode: Mode = mode
        self.counts_fuel = fuel
        self.native = wasmtime.Engine(_config(mode, fuel=fuel))
        self._address = _address(self.native)
        self._compiled: OrderedDict[bytes, Compiled] = OrderedDict()
        self._lock = threading.Lock()
        self._disk = CodeCache(cache_directory() / "code") if mode == "aot" else None

    def compile(self, wasm: bytes) -> Compiled:
        """The module, ready to be instantiated; ContractError with the engine's complaint when it is not valid."""
        with self._lock:
            found = self._compiled.get(wasm)
            if found is not None:
                self._compiled.move_to_end(wasm)
                return found
        made = Compiled(self._module_from(self._disk, wasm) if self._disk else self._module(wasm))
        with self._lock:
            self._compiled[wasm] = made
            while len(self._compiled) > _COMPILED_KEPT:
                self._compiled.popitem(last=False)
        return made

    def instantiate(
        self,
        compiled: Compiled,
        functions: Imports,
        frame: Frame,
        *,
        fuel: int | None = None,
        memory_import: tuple[str, str] | None = None,
        table_elements: int = TABLE_ELEMENTS,
    ) -> Instance:
        """A fresh instance whose host functions work for `frame`, and `frame.memory`.

        functions      what may be imported; what the module does not import costs nothing
        fuel           how much the module may use; None: no bound
        memory_import  the import that is given a new memory of just the type it asks for
        table_elements how large a table may be

        ContractError when an import is missing or of another type; traps and exceptions as in `Instance.call`.
        """
        linked = compiled.linked(self.native, functions, memory_import)
        store = Store(self._address, table_elements)
        if self.counts_fuel:
            _check(_LIB.set_fuel(store.context, _UNLIMITED if fuel is None else fuel))
        return Instance(store, linked, frame)

    def _module(self, wasm: bytes) -> wasmtime.Module:
        if not wasm.startswith(b"\0asm"):  # wasmtime-py would take it for the text format
            raise ContractError("it does not begin as a module does")
        try:
            return wasmtime.Module(self.native, wasm)
        except wasmtime.WasmtimeError as error:
            raise ContractError(str(error)) from None

    def _module_from(self, disk: CodeCache, wasm: bytes) -> wasmtime.Module:
        key = hashlib.sha256(f"{version('wasmtime')} fuel={self.counts_fuel} stack={STACK_BYTES}\n".encode() + wasm).hexdigest()
        code = disk.load(key)
        if code is not None:
            try:
                return wasmtime.Module.deserialize(self.native, code)
            except wasmtime.WasmtimeError:
                pass  # another machine's or another build's: compiled again and replaced
        module = self._module(wasm)
        disk.store(key, module.serialize())
        return module


class Compiled:
    """A compiled module and, for each set of host functions it was given, its linked form."""

    def __init__(self, module: wasmtime.Module) -> None:
        self.module = module
        self.imports = tuple((entry.module, entry.name or "", entry.type) for entry in module.imports)
        self.exports = {entry.name: entry.name.encode() for entry in module.exports}
        self._linked: dict[tuple[object, ...], Linked] = {}

    def linked(self, native: wasmtime.Engine, functions: Imports, memory_import: tuple[str, str] | None) -> Linked:
        """The module with these functions."""
        needed: dict[tuple[str, str], HostFunction] = {}
        memory: tuple[str, str, int] | None = None
        for module, name, kind in self.imports:
            if (module, name) == memory_import and isinstance(kind, wasmtime.MemoryType):
                memory = module, name, _address(kind)
            elif (module, name) in functions and isinstance(kind, wasmtime.FuncType):
                needed[module, name] = functions[module, name]
            else:
                raise ContractError(f"it imports {module}.{name}, which this host does not give")
        key = (memory_import, *needed.values())
        found = self._linked.get(key)
        if found is None:
            if len(self._linked) >= _LINKED_KEPT:
                self._linked.clear()
            found = self._linked[key] = Linked(native, self, needed, memory)
        return found


class Linked:
    """A compiled module with its host functions defined; only an imported memory is made for each instance."""

    def __init__(
        self,
        native: wasmtime.Engine,
        compiled: Compiled,
        functions: dict[tuple[str, str], HostFunction],
        memory: tuple[str, str, int] | None,
    ) -> None:
        self.exports = compiled.exports
        self._compiled = compiled
        self._functions = functions  # the engine keeps only a bare pointer to each callback
        self._memory = memory
        self._module = _address(compiled.module)
        self._linker = wasmtime.Linker(native)
        self._linker_address = _address(self._linker)
        for (module, name), function in functions.items():
            self._define(module.encode(), name.encode(), function)
        if memory is None:
            try:
                self._pre = self._linker.instantiate_pre(compiled.module)
            except wasmtime.WasmtimeError as error:
                raise ContractError(str(error)) from None
            self._pre_address = _address(self._pre)

    def _define(self, module: bytes, name: bytes, function: HostFunction) -> None:
        kinds = {"i32": wasmtime.ValType.i32, "i64": wasmtime.ValType.i64}
        kind = wasmtime.FuncType([kinds[name]() for name in function.params], [kinds[name]() for name in function.results])
        callback = function.callback(_LIB.new_trap)
        names = module, len(module), name, len(name)
        _check(_LIB.linker_function(self._linker_address, *names, _address(kind), callback, None, None))

    def instantiate(self, store: Store, frame: Frame) -> tuple[Any, Any]:
        """A fresh instance and the memory made for it, None when it has its own; both are C structs."""
        instance = ffi.wasmtime_instance_t()
        if self._memory is None:
            _run(frame, _LIB.instantiate_pre, self._pre_address, store.context, ctypes.byref(instance))
            return instance, None
        module, name, kind = self._memory
        memory = ffi.wasmtime_extern_t(kind=ffi.WASMTIME_EXTERN_MEMORY)
        _check(_LIB.memory_new(store.context, kind, _inner(memory)))
        linker = _LIB.linker_clone(self._linker_address)
        try:
            names = module.encode(), len(module.encode()), name.encode(), len(name.encode())
            _check(_LIB.linker_define(linker, store.context, *names, ctypes.byref(memory)))
            _run(frame, _LIB.instantiate_linker, linker, store.context, self._module, ctypes.byref(instance))
        finally:
            _LIB.linker_delete(linker)
        return instance, memory


class Store:
    """What owns an instance and its memory; freed with the last object that can reach them."""

    __slots__ = ("_delete", "_store", "context")

    def __init__(self, engine: int, table_elements: int) -> None:
        self._delete = _LIB.store_delete  # at hand also when the process ends
        self._store = _LIB.store_new(engine, None, None)
        self.context = _LIB.store_context(self._store)
        _LIB.store_limiter(self._store, MEMORY_PAGES * _PAGE, table_elements, -1, TABLES, -1)

    def __del__(self) -> None:
        self._delete(self._store)


class Instance:
    """A module with a memory and globals of its own, for one call."""

    def __init__(self, store: Store, linked: Linked, frame: Frame) -> None:
        self._store = store
        self._linked = linked  # keeps the callbacks
        self._frame = frame
        self._instance, memory = linked.instantiate(store, frame)
        if memory is None:
            memory = self._export(_MEMORY, ffi.WASMTIME_EXTERN_MEMORY)
        if memory is not None:
            frame.memory = _memory(store, memory)

    def call(self, export: str) -> None:
        """Run an exported function of type () -> ().

        Raises WasmTrap, OutOfFuel, StackOverflow, or exactly what a host function raised; ContractError when there is no such function.
        """
        function = self._export(export, ffi.WASMTIME_EXTERN_FUNC)
        if function is None:
            raise ContractError(f"it exports no function {export!r}", advice=f"it exports {', '.join(self._linked.exports) or 'nothing'}")
        _run(self._frame, _LIB.call, self._store.context, _inner(function), None, 0, None, 0)

    def has_function(self, name: str) -> bool:
        """Is a function exported under the name?"""
        return self._export(name, ffi.WASMTIME_EXTERN_FUNC) is not None

    def fuel_left(self) -> int:
        """What is left of the fuel it was given."""
        left = ctypes.c_uint64()
        _check(_LIB.get_fuel(self._store.context, ctypes.byref(left)))
        return left.value

    def get_global(self, name: str) -> int:
        """The value of an exported i32 or i64 global, unsigned."""
        value: Any = ffi.wasmtime_val_t()
        _LIB.global_get(self._store.context, _inner(self._global(name)), ctypes.byref(value))
        return value.of.i32 & 0xFFFF_FFFF if value.kind == ffi.WASMTIME_I32.value else value.of.i64 & _UNLIMITED

    def set_global(self, name: str, value: int) -> None:
        """Set an exported mutable i32 or i64 global, modulo its width."""
        place = _inner(self._global(name))
        box: Any = ffi.wasmtime_val_t()
        _LIB.global_get(self._store.context, place, ctypes.byref(box))
        if box.kind == ffi.WASMTIME_I32.value:
            box.of.i32 = value
        else:
            box.of.i64 = value
        _check(_LIB.global_set(self._store.context, place, ctypes.byref(box)))

    def _global(self, name: str) -> Any:
        found = self._export(name, ffi.WASMTIME_EXTERN_GLOBAL)
        if found is None:
            raise ContractError(f"it exports no global {name!r}")
        return found

    def _export(self, name: str, kind: Any) -> Any:
        text = self._linked.exports.get(name)
        if text is None:
            return None
        item: Any = ffi.wasmtime_extern_t()
        _LIB.export_get(self._store.context, ctypes.byref(self._instance), text, len(text), ctypes.byref(item))
        return item if item.kind == kind.value else None


def _run(frame: Frame, function: Any, *arguments: object) -> None:
    """Call one that runs the module; raise what came of it."""
    trap = ctypes.c_void_p()
    error = enter(frame, function, *arguments, ctypes.byref(trap))
    if not error and not trap.value:
        return
    parked, frame.parked = frame.parked, None
    try:
        if parked is not None:  # the engine brings a host function's trap back as an error
            raise parked
        if error:
            raise ContractError(_LIB.error_text(error))
        code = _LIB.trap_code(trap)
        if code == wasmtime.TrapCode.OUT_OF_FUEL.value:
            raise OutOfFuel
        if code == wasmtime.TrapCode.STACK_OVERFLOW.value:
            raise StackOverflow
        raise WasmTrap(_TRAPS.get(code, TrapKind.UNKNOWN), _short(_LIB.trap_text(trap)))
    finally:
        if error:
            _LIB.error_delete(error)
        else:
            _LIB.trap_delete(trap)


def _short(text: str) -> str:
    """A trap's text as a person wants it: the reason and the innermost functions, alike in both modes."""
    reason, functions = _REASON.search(text), _FUNCTION.findall(text)
    where = " < ".join(functions[:_FUNCTIONS_SHOWN]) + (" < …" if len(functions) > _FUNCTIONS_SHOWN else "")
    return f"{reason[1] if reason else text}{', in ' if where else ''}{where}"


def _check(error: int | None) -> None:
    """Raise what an error of linking says."""
    if error:
        text = _LIB.error_text(error)
        _LIB.error_delete(error)
        raise ContractError(text)


def _memory(store: Store, extern: Any) -> Memory:
    place, context = _inner(extern), store.context
    return Memory(_LIB.memory_data(context, place), lambda: _LIB.memory_size(context, place), (store, extern))


def _inner(extern: Any) -> Any:
    return ctypes.byref(extern, ffi.wasmtime_extern_t.of.offset)


def _address(thing: Any) -> int:
    return ctypes.cast(thing.ptr(), ctypes.c_void_p).value or 0


def _config(mode: Mode, *, fuel: bool) -> wasmtime.Config:
    config = wasmtime.Config()
    if mode == "interpreter":
        config.target = "pulley64"
        config.memory_reservation = MEMORY_PAGES * _PAGE  # it checks every access itself, so 4 GiB of addresses buy it nothing
        config.memory_guard_size = _PAGE
    config.memory_may_move = False  # `Memory` counts on it
    config.cranelift_opt_level = "speed"  # "none" saves a quarter on a small module, and takes 14 s instead of 2 for a function of 660 kB
    config.consume_fuel = fuel
    config.max_wasm_stack = STACK_BYTES
    config.parallel_compilation = False  # contracts are small, and a pool of threads does not survive a fork
    for feature in (*_FEATURES, "stack_switching", "component_model"):
        setattr(config, f"wasm_{feature}", False)
    config.gc_support = False
    return config
