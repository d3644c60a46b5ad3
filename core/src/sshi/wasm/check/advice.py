"""The words of the findings: what each kind of thing is, which rule is against it, and how to do without."""

from __future__ import annotations

from dataclasses import dataclass

from sshi.wasm.lower.features import flags

WASI = ("wasi_snapshot_preview1", "wasi_unstable", "wasi")
BINDGEN = ("wbg", "__wbindgen_placeholder__", "__wbindgen_externref_xform__", "./index_bg.js")


SINCE = {
    "sign-extension": ("sign-ext", "rustc 1.70 and clang 16"),
    "bulk-memory": ("bulk-memory", "rustc 1.87 and clang 20"),
    "reference-types": ("reference-types", "rustc 1.82 and clang 19"),
    "multi-value": ("multivalue", "rustc 1.82 and clang 19"),
}
"""LLVM's name for a feature, and the compilers that first turned it on by default."""


def turned_on(feature: str) -> str:
    """Who turned the feature on, and how to turn it off."""
    name, since = SINCE[feature]
    return f"on by default since {since}; to turn it off, {flags(name)}"


@dataclass(frozen=True, slots=True)
class Advice:
    """A forbidden kind of type or instruction: its name in a sentence, the rule, and what to do."""

    what: str
    rule: str
    fix: str

    @property
    def one(self) -> str:
        """One of that kind, with its article."""
        return f"{'an' if self.what[0] in 'aeiou' else 'a'} {self.what}"


FORBIDDEN = {
    "float": Advice(
        "float",
        "determinism.no-floats",
        "compute in integers or fixed point: f32 and f64 may round differently from one machine to the next. Look for float literals and "
        "casts, for formatting and parsing of floats, for durations in seconds and for JSON or CBOR libraries that know floats",
    ),
    "simd": Advice("vector", "determinism.no-simd", str(flags("simd128"))),
    "threads": Advice("atomic", "determinism.no-threads", f"{flags('atomics')}, without --shared-memory"),
    "exceptions": Advice(
        "exception-handling",
        "determinism.no-others",
        "build with panic=abort (Rust) or -fno-exceptions and without -fwasm-exceptions (C++): end a call with a revert or a trap",
    ),
    "tail-call": Advice("tail-call", "determinism.no-others", str(flags("tail-call"))),
    "gc": Advice("garbage-collection", "determinism.no-others", "compile for linear memory: wasm GC is refused on every chain"),
    "memory64": Advice("64-bit memory", "determinism.no-others", "build for wasm32-unknown-unknown, not wasm64"),
    "multi-memory": Advice("multi-memory", "determinism.no-others", str(flags("multimemory"))),
    "reference-types": Advice(
        "reference", "determinism.no-others", f"keep references out of code and tables. The feature is {turned_on('reference-types')}"
    ),
    "bulk-memory": Advice("table-changing", "determinism.no-others", f"the feature is {turned_on('bulk-memory')}"),
    "unknown-feature": Advice("unsupported", "determinism.no-others", "build for the features of WebAssembly 2.0 or less (-mcpu=mvp)"),
}

PROPOSALS = {
    "simd": "simd",
    "relaxed-simd": "simd",
    "threads": "threads",
    "exceptions": "exceptions",
    "legacy-exceptions": "exceptions",
    "tail-call": "tail-call",
    "function-references": "gc",
    "gc": "gc",
    "saturating-float-to-int": "float",
}
"""The finding for instructions of a proposal that no target accepts."""

LOWERED = {
    "sign-extension": "sign extension",
    "bulk-memory": "bulk memory",
    "reference-types": "reference-types encodings",
    "multi-value": "multi-value",
}
"""What the linker rewrites, in words."""


def foreign_module(module: str) -> str:
    """What to do about imports from another module than the interface's."""
    if module.startswith(WASI):
        return (
            "this is WASI, an operating system: build for wasm32-unknown-unknown (Rust), -target wasm32-freestanding (Zig, C), not for wasi"
        )
    if module in BINDGEN:
        return (
            "wasm-bindgen is for browsers and came in with a dependency: `cargo tree -i wasm-bindgen` names it; "
            'usual causes are getrandom\'s "js" feature and chrono\'s "wasmbind"'
        )
    return "import functions of the interface only, all from `env`"


STACK = (
    "toolchains reserve 1 MiB of stack unless told otherwise: link with -zstack-size=65536 "
    "(Rust: -C link-arg=-zstack-size=65536, C and Zig: -Wl,-z,stack-size=65536)"
)
EXPORT = 'export the entry: #[no_mangle] pub extern "C" fn name() (Rust), __attribute__((export_name("name"))) void name(void) (C)'
START = "export an entry for what must run first, or `_initialize`, which every call runs before its entry; C and C++: link with --no-entry"
MEMORY = "link with --export-memory, and without --import-memory"
