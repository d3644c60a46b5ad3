"""The functions of wasmtime's C API that every call needs, with plain pointers.

wasmtime-py's typed surface costs 14 µs a host call and as much again for a store; this costs 0.8.  Errors and traps are
turned into text here; whose fault they are is `engine.py`'s question.
"""

from __future__ import annotations

import ctypes
from typing import Any


class Bytes(ctypes.Structure):
    """`wasm_byte_vec_t`."""

    _fields_ = (("size", ctypes.c_size_t), ("data", ctypes.c_void_p))


class Library:
    """wasmtime's shared library at `path`.

    What runs a module lets other threads run meanwhile; the rest is too short to give the interpreter's lock away.
    """

    def __init__(self, path: str) -> None:
        pointer, size, u64, i64, text, flag = (
            ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint64, ctypes.c_int64, ctypes.c_char_p, ctypes.c_bool,
        )  # fmt: skip
        short, long = ctypes.PyDLL(path), ctypes.CDLL(path)
        self.store_new = _declare(short, "wasmtime_store_new", pointer, pointer, pointer, pointer)
        self.store_context = _declare(short, "wasmtime_store_context", pointer, pointer)
        self.store_limiter = _declare(short, "wasmtime_store_limiter", None, pointer, i64, i64, i64, i64, i64)
        self.store_delete = _declare(short, "wasmtime_store_delete", None, pointer)
        self.set_fuel = _declare(short, "wasmtime_context_set_fuel", pointer, pointer, u64)
        self.get_fuel = _declare(short, "wasmtime_context_get_fuel", pointer, pointer, pointer)
        self.export_get = _declare(short, "wasmtime_instance_export_get", flag, pointer, pointer, text, size, pointer)
        self.global_get = _declare(short, "wasmtime_global_get", None, pointer, pointer, pointer)
        self.global_set = _declare(short, "wasmtime_global_set", pointer, pointer, pointer, pointer)
        self.memory_new = _declare(short, "wasmtime_memory_new", pointer, pointer, pointer, pointer)
        self.memory_data = _declare(short, "wasmtime_memory_data", pointer, pointer, pointer)
        self.memory_size = _declare(short, "wasmtime_memory_data_size", size, pointer, pointer)
        self.linker_clone = _declare(short, "wasmtime_linker_clone", pointer, pointer)
        self.linker_delete = _declare(short, "wasmtime_linker_delete", None, pointer)
        self.linker_define = _declare(short, "wasmtime_linker_define", pointer, pointer, pointer, text, size, text, size, pointer)
        self.linker_function = _declare(
            short, "wasmtime_linker_define_func_unchecked", pointer, pointer, text, size, text, size, pointer, pointer, pointer, pointer
        )
        self._trap_new = _declare(short, "wasmtime_trap_new", pointer, text, size)
        self._trap_code = _declare(short, "wasmtime_trap_code", flag, pointer, pointer)
        self._trap_message = _declare(short, "wasm_trap_message", None, pointer, pointer)
        self.trap_delete = _declare(short, "wasm_trap_delete", None, pointer)
        self._error_message = _declare(short, "wasmtime_error_message", None, pointer, pointer)
        self.error_delete = _declare(short, "wasmtime_error_delete", None, pointer)
        self._bytes_delete = _declare(short, "wasm_byte_vec_delete", None, pointer)
        self.instantiate_pre = _declare(long, "wasmtime_instance_pre_instantiate", pointer, pointer, pointer, pointer, pointer)
        self.instantiate_linker = _declare(long, "wasmtime_linker_instantiate", pointer, pointer, pointer, pointer, pointer, pointer)
        self.call = _declare(long, "wasmtime_func_call", pointer, pointer, pointer, pointer, size, pointer, size, pointer)

    def new_trap(self) -> int:
        """A trap that stands for a host function's exception."""
        return self._trap_new(b"host", 4)

    def trap_code(self, trap: ctypes.c_void_p) -> int | None:
        """What kind of trap it is, None for a host function's."""
        code = ctypes.c_uint8()
        return code.value if self._trap_code(trap, ctypes.byref(code)) else None

    def trap_text(self, trap: ctypes.c_void_p) -> str:
        """What the engine says of a trap; with the names of its functions, which take a while to find."""
        return self._text(self._trap_message, trap)

    def error_text(self, error: int) -> str:
        """What the engine says of an error."""
        return self._text(self._error_message, error)

    def _text(self, read: Any, thing: int | ctypes.c_void_p) -> str:
        vector = Bytes()
        read(thing, ctypes.byref(vector))
        text = ctypes.string_at(vector.data, vector.size).rstrip(b"\0").decode("utf-8", "replace")
        self._bytes_delete(ctypes.byref(vector))
        return text


def _declare(library: ctypes.CDLL, name: str, result: Any, *arguments: Any) -> Any:
    function = library[name]  # a new object each time, so that wasmtime-py's own declarations stay as they are
    function.restype, function.argtypes = result, arguments
    return function
