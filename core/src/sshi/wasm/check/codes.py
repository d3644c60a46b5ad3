"""Every finding's code with what a person is told about it: the one source of `--explain`, of docs/checks.md and of SARIF's rules.

`why` says what would go wrong if the rule were not there; `fix` what to do in general, a finding's own fix being about that finding.
`example` is the smallest module with such a finding, where one fits on a page; a test holds that it really has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import fill

from sshi.wasm.check.finding import Severity


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of finding; `severity` is the worst it comes with."""

    code: str
    title: str
    severity: Severity
    why: str
    fix: str
    example: tuple[str, ...] = ()


DETERMINISM = (
    Code(
        "float",
        "Floating-point numbers",
        "error",
        "The bits of a NaN may differ from one machine to the next, and validators that compute different bits fork. Every chain refuses "
        "floats or gives them a meaning of its own.",
        "Compute in integers or fixed point. The finding names the function and, where it is a known one, what brought it in: often it is "
        "not arithmetic of yours but formatting, parsing or a library's statistics. Two builds help to find it: one with names "
        "(`strip = false`, or `-g`), and one with `lto = true`, which drops what is never called.",
        (
            '(memory (export "memory") 1)',
            "(func $rate (result f64) f64.const 1.5)",
            '(func (export "pay") (drop (call $rate)))',
        ),
    ),
    Code(
        "simd",
        "Vector instructions",
        "error",
        "No chain's engine takes `v128`, and the relaxed kind gives different results on different processors.",
        'Build without `simd128`. A crate can turn it on for one function (`#[target_feature(enable = "simd128")]`); then choose another '
        "crate or its portable feature.",
        (
            '(memory (export "memory") 1)',
            '(func (export "go") (drop (v128.const i64x2 0 0)))',
        ),
    ),
    Code(
        "threads",
        "Atomics and shared memory",
        "error",
        "A contract runs on one thread, the same way on every node; the order in which threads meet is not the same.",
        "Build without `atomics` and link without `--shared-memory`. Rust's `core::sync::atomic` becomes plain loads and stores by itself.",
        (
            '(memory (export "memory") 1)',
            '(func (export "go") atomic.fence)',
        ),
    ),
    Code(
        "exceptions",
        "Exceptions",
        "error",
        "No chain's engine unwinds; a call ends by returning, by `revert` or by a trap.",
        'Build with `panic = "abort"` (Rust), or `-fno-exceptions` and no `-fwasm-exceptions` (C++).',
        (
            '(memory (export "memory") 1)',
            "(tag $oops)",
            '(func (export "go") (throw $oops))',
        ),
    ),
    Code(
        "tail-call",
        "Tail calls",
        "error",
        "They change how deep a contract may call, which is part of the interface's limits, and no chain's engine takes them.",
        "Build without `tail-call`; turn the recursion into a loop.",
        (
            '(memory (export "memory") 1)',
            "(func $next)",
            '(func (export "go") (return_call $next))',
        ),
    ),
    Code(
        "gc",
        "Garbage collection and typed references",
        "error",
        "When a collector runs is up to the engine, so costs would differ; no chain's engine has one.",
        "Compile for linear memory. Languages that need wasm GC (Kotlin, Dart, OCaml's wasm back end) cannot be contracts.",
    ),
    Code(
        "memory64",
        "64-bit memory",
        "error",
        "Pointers of the interface are 32 bits wide, and so is every chain's memory.",
        "Build for wasm32, not wasm64.",
        (
            '(memory (export "memory") i64 1)',
            '(func (export "go"))',
        ),
    ),
    Code(
        "multi-memory",
        "Several memories",
        "error",
        "A pointer that crosses the interface means the one memory called `memory`.",
        "Keep one memory; build without `multimemory`.",
        (
            '(memory (export "memory") 1)',
            "(memory 1)",
            '(func (export "go"))',
        ),
    ),
    Code(
        "unknown-feature",
        "An instruction of another proposal",
        "error",
        "What no target is known to accept cannot be promised to behave the same.",
        "Build for the features of WebAssembly 2.0 or less; `-mcpu=mvp` or Rust's target `wasm32v1-none` is the safest.",
    ),
    Code(
        "start-function",
        "A start function",
        "error",
        "It would run before any entry, the guards for payment and initialisation included, and chains disagree whether it runs at all.",
        "Export an entry of kind init for what runs once, or `_initialize` for what runs before every entry.",
        (
            '(memory (export "memory") 1)',
            "(func $begin)",
            "(start $begin)",
            '(func (export "go"))',
        ),
    ),
    Code(
        "constant-expression",
        "A computed constant",
        "error",
        "Engines of chains take plain constants only for globals and segments.",
        "With LLVM: `-mno-extended-const`.",
        (
            '(memory (export "memory") 1)',
            "(global $a i32 (i32.const 1))",
            "(global $b i32 (global.get $a))",
            '(func (export "go") (drop (global.get $b)))',
        ),
    ),
)

FEATURES = (
    Code(
        "feature-lowered",
        "A feature the linker rewrites",
        "info",
        "Compilers turn features on by default that a target's engine does not take: sign extension since rustc 1.70 and clang 16, "
        "multi-value and the longer encodings of reference types since rustc 1.82 and clang 19, bulk memory since rustc 1.87 and clang 20. "
        "The linker writes the same behaviour without the feature, traps included.",
        "Nothing has to be done. To save the bytes, turn the feature off (`-C target-feature=-sign-ext`, `-mno-sign-ext`, and so on), or "
        "use Rust's target `wasm32v1-none`, whose own libraries do without too.",
    ),
    Code(
        "reference-types",
        "References as values",
        "error",
        "The target's engine has one table of functions, which nothing changes; a reference in code has no equal there.",
        "Build with `-C target-feature=-reference-types` or `-mno-reference-types`, and without wasm-bindgen's externref pass. The longer "
        "encoding of `call_indirect` that comes with the feature (rustc 1.82, clang 19) is lowered and no reason to worry.",
    ),
    Code(
        "bulk-memory",
        "Instructions that change tables",
        "error",
        "`table.init`, `table.copy` and `elem.drop` change the table of functions, which the target's engine does not.",
        "Build without `bulk-memory` (on since rustc 1.87 and clang 20), or do not change the table. `memory.copy`, `memory.fill` and "
        "`memory.init` are lowered.",
    ),
)

IMPORTS = (
    Code(
        "import-unknown",
        "A function the interface does not have",
        "error",
        "Every chain maps the functions of the interface and no others. Where nothing calls it the linker drops it, and this is a warning, "
        "since it mostly is a misspelling.",
        "Compare the name with `sshi spec`.",
        (
            '(import "env" "storage_reed" (func $read (param i32 i32) (result i32)))',
            '(memory (export "memory") 1)',
            '(func (export "go") (drop (call $read (i32.const 0) (i32.const 8))))',
        ),
    ),
    Code(
        "import-signature",
        "An interface function of another type",
        "error",
        "The call would pass other arguments than the host reads.",
        "Declare it as `sshi spec --format c-header` does: every pointer and length is one i32, only block numbers, times and gas are i64.",
        (
            '(import "env" "storage_read" (func $read (param i32 i64)))',
            '(memory (export "memory") 1)',
            '(func (export "go") (call $read (i32.const 0) (i64.const 8)))',
        ),
    ),
    Code(
        "import-module",
        "A function from elsewhere",
        "error",
        "A contract that imports one chain's functions, WASI or JavaScript runs only there. Where nothing calls it, the linker drops it.",
        "Import from `env` only. WASI comes with the build target, wasm-bindgen with a dependency: `cargo tree -i wasm-bindgen` names it.",
        (
            '(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))',
            '(memory (export "memory") 1)',
            '(func (export "go") (call $exit (i32.const 0)))',
        ),
    ),
    Code(
        "import-kind",
        "An import that is no function",
        "error",
        "Memory, tables and globals are the contract's own; the linker decides whether a chain provides the memory.",
        "Link without `--import-memory` and `--import-table`, and with `--export-memory`.",
        (
            '(import "env" "memory" (memory 1))',
            '(export "memory" (memory 0))',
            '(func (export "go"))',
        ),
    ),
)

ENTRIES = (
    Code(
        "entry-missing",
        "An entry that is not there",
        "error",
        "There is nothing to call, or the declaration names what the module does not export.",
        'Export it: `#[no_mangle] pub extern "C" fn name()`, or `__attribute__((export_name("name"))) void name(void)`. Where linking drops '
        'it, it is not exported: check `crate-type = ["cdylib"]`, or `-Wl,--export=name`.',
        ('(memory (export "memory") 1)',),
    ),
    Code(
        "entry-type",
        "An entry with parameters or results",
        "error",
        "An entry is () -> () so that one glue serves every chain: input and answer cross by `input` and `set_return`. An export of another "
        "type that nobody declared is a warning, for it cannot be called.",
        "Take the parameters from `input`, give the answer to `set_return`.",
        (
            '(memory (export "memory") 1)',
            '(func (export "pay") (param i32))',
            '(func (export "go"))',
        ),
    ),
    Code(
        "initialize-type",
        "`_initialize` with parameters or results",
        "error",
        "It runs before the entry in every call, so nothing could give it arguments.",
        "Make it () -> (), or give it another name.",
        (
            '(memory (export "memory") 1)',
            '(func (export "_initialize") (param i32))',
            '(func (export "go"))',
        ),
    ),
)

MEMORY = (
    Code(
        "memory-missing",
        "No memory",
        "error",
        "Everything crosses the interface as a place in memory.",
        'Link with `--export-memory`; in the text format: `(memory (export "memory") 1)`.',
        ('(func (export "go"))',),
    ),
    Code(
        "memory-export",
        "The memory is not exported as `memory`",
        "error",
        "The host, and the shim the contract is linked with, look for it under that name.",
        "Link with `--export-memory`, and without `--import-memory`.",
        (
            '(memory (export "mem") 1)',
            '(func (export "go"))',
        ),
    ),
    Code(
        "memory-too-large",
        "More memory than every chain gives",
        "error",
        "Polkadot gives 16 pages of 64 KiB and the linker may need one, so 15 are portable.",
        "Toolchains reserve 1 MiB of stack: `-zstack-size=65536`. If that is done, look for large statics; bound the maximum with "
        "`--max-memory=983040`.",
        (
            '(memory (export "memory") 17)',
            '(func (export "go"))',
        ),
    ),
    Code(
        "data-range",
        "Data outside the memory",
        "error",
        "The module could never be instantiated, on any host.",
        "Start with more pages.",
        (
            '(memory (export "memory") 1)',
            '(data (i32.const 65535) "xx")',
            '(func (export "go"))',
        ),
    ),
)

LIMITS = (
    Code(
        "code-size",
        "Too much code",
        "error",
        "A chain refuses larger code, or a transaction cannot carry it. Before linking it is a warning; the linked artifact decides.",
        'Optimise for size: `opt-level = "z"`, `lto = true`, `codegen-units = 1`, `panic = "abort"`, `wasm-opt -Oz`. `sshi inspect` '
        "lists the functions with their sizes.",
    ),
    Code(
        "functions",
        "Too many functions",
        "error",
        "The chain's engine refuses more. Before linking it is a warning; the linked artifact decides.",
        "Link-time optimisation removes the unused and joins the small.",
    ),
    Code(
        "types",
        "Too many function types",
        "error",
        "The chain's engine refuses more. Before linking it is a warning; the linked artifact decides.",
        "Link-time optimisation removes the unused.",
    ),
    Code(
        "globals",
        "Too many globals",
        "error",
        "The chain's engine refuses more. Before linking it is a warning; the linked artifact decides.",
        "Keep the values in memory.",
    ),
    Code("table-size", "A table that is too large", "error", "The chain's engine refuses it.", "Take fewer functions' addresses."),
    Code("params", "Too many parameters", "error", "The chain's engine refuses the function.", "Pass a pointer to a structure."),
    Code("locals", "Too many locals", "error", "The chain's engine refuses the function.", "Split the function, or inline less."),
    Code("body-size", "A function that is too large", "error", "The chain's engine refuses it.", "Split the function, or inline less."),
    Code(
        "blocks", "Too many blocks", "error", "The chain's engine refuses the function.", "Split the function: a large `match` or `switch`."
    ),
    Code(
        "operands",
        "Too many operands at once",
        "error",
        "The chain's engine bounds how much one function may have on its stack.",
        "Split the expression over several statements or functions.",
    ),
    Code(
        "link",
        "Refused when linking",
        "error",
        "What only the whole shows: a host function that the chain's version lacks, two entries that a chain would call by one selector.",
        "The message says what collides or is missing; choose another profile with `--target`, or another name.",
    ),
)

GROUPS = {
    "Determinism": DETERMINISM,
    "Features": FEATURES,
    "Imports": IMPORTS,
    "Entries": ENTRIES,
    "Memory": MEMORY,
    "Limits of targets": LIMITS,
}
"""The codes in the order of the page."""

CODES = {code.code: code for codes in GROUPS.values() for code in codes}
"""Every code by its name."""

_HEAD = """\
# What `sshi check` finds

<!-- generated by `make docs` from core/src/sshi/wasm/check/codes.py -->

`sshi check CONTRACT` holds a module to the interface's rules and to each target's, offline. Every finding has a stable code, described
here and by `sshi check --explain CODE`; the function it is in, the shortest chain of calls that leads there, the byte, and the source
line when the module has debug information. An *error* keeps the module from loading, a *warning* is probably not meant, an *info* is
what the linker takes care of. What nothing calls is an info: the linker drops it.
"""


def section(code: Code) -> str:
    """The code's part of the page."""
    lines = [
        f'<a id="{code.code}"></a>',
        f"### {code.code}",
        "",
        f"**{code.title}** ({code.severity}). {code.why}",
        "",
        f"*What to do:* {code.fix}",
    ]
    if code.example:
        lines += ["", "```wat", *code.example, "```"]
    return "\n".join(lines) + "\n"


def page() -> str:
    """docs/checks.md."""
    parts = [_HEAD]
    for title, codes in GROUPS.items():
        parts += [f"## {title}\n", *map(section, codes)]
    return "\n".join(parts)


def explain(code: Code) -> str:
    """The same for a terminal."""
    parts = [f"{code.code} ({code.severity}): {code.title}", fill(f"Why: {code.why}", 100), fill(f"What to do: {code.fix}", 100)]
    if code.example:
        parts.append("\n".join(("Example:", *(f"  {line}" for line in code.example))))
    return "\n\n".join(parts) + "\n"
