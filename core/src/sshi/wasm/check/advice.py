"""The words of the findings: what each kind of thing is, which rule is against it, and how to do without."""

from __future__ import annotations

from dataclasses import dataclass

from sshi.wasm.lower.features import flags

SINCE = {
    "sign-extension": ("sign-ext", "rustc 1.70 and clang 16"),
    "bulk-memory": ("bulk-memory", "rustc 1.87 and clang 20"),
    "reference-types": ("reference-types", "rustc 1.82 and clang 19"),
    "multi-value": ("multivalue", "rustc 1.82 and clang 19"),
}
"""LLVM's name for a feature, and the compilers that first turned it on by default."""


ASSEMBLYSCRIPT = ("sign-extension", "bulk-memory")
"""What asc turns on by default, under its own names."""


LIBRARIES = "Rust's own libraries do without it for the target wasm32v1-none only, or with -Z build-std"


def turned_on(feature: str) -> str:
    """Who turned the feature on, and how to turn it off."""
    name, since = SINCE[feature]
    asc = f", or `asc --disable {feature}`" if feature in ASSEMBLYSCRIPT else ""
    return f"on by default since {since}; to turn it off, {flags(name)}{asc}. {LIBRARIES}"


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


EXPORT = 'export the entry: #[no_mangle] pub extern "C" fn name() (Rust), __attribute__((export_name("name"))) void name(void) (C)'
START = (
    "export an entry for what must run first, or `_initialize`, which every call runs before its entry; "
    "C and C++: link with --no-entry; AssemblyScript: --exportStart _initialize"
)
MEMORY = "link with --export-memory, and without --import-memory"
