"""Bytes to metered bytes, ours beside wasm-instrument's: `python benchmarks/meter.py`.

The modules repeat the functions of the examples until they are large enough.  wasm-instrument is compiled Rust; where cargo is not
there, only our own figures are printed.  Both are measured in processor time, which waiting for others does not count in, and run in
turns, so that what else the machine does hits both alike: a ratio is the median of many rounds, each the best of a few runs of either.
Never a test: machines differ.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import IO, cast

from run import ROOT

from sshi.link.kept import Bounds, Kept, kept
from sshi.link.meter import meter_module
from sshi.wasm.decode import decode
from sshi.wasm.edit import with_functions
from sshi.wasm.encode import encode
from sshi.wasm.instructions import Rewriter, emit, immediates
from sshi.wasm.lower import NONE, lower
from sshi.wasm.meter import Costs, HelperHook, HostHook, inject, without_import
from sshi.wasm.module import FUNC, I32, Code, Export, FuncType, Module
from sshi.wasm.opcodes import BY_MNEMONIC
from sshi.wasm.stack import limit_stack

SIZES = {10_000: (25, 9), 200_000: (15, 1), 1_000_000: (7, 1)}
"""Each with how many rounds of how many runs."""

BAR = 12.0
"""How many times as long as wasm-instrument a Python program may take."""

STACK_BAR = 1.3
"""How large gas and the stack limiter together may make a contract of 10 KB."""

CALLS, FRAME_BYTES = 512, 65_536
NO_BOUNDS = Bounds(None, None, None)
STOP = ("sshi", "stack_exhausted")
ONE_EACH = Costs(overrides={"block": 1, "else": 0, "end": 0})
HOOKS = {"host": HostHook(), "inline": HelperHook("gas_left")}
CRATE = "=0.4.0"
I32_CONST = BY_MNEMONIC["i32.const"].key

CARGO = f"""[package]
name = "instrument"
version = "0.0.0"
edition = "2021"

[dependencies]
wasm-instrument = "{CRATE}"

[profile.release]
opt-level = 3
"""

# its own back ends, one unit an instruction; a request is a line `mode limiter runs path`, the answer nanoseconds of the best run and bytes
MAIN = f"""
use std::{{fs, io::{{self, BufRead}}}};
use wasm_instrument::{{
    gas_metering::{{self, host_function, mutable_global, ConstantCostRules}}, inject_stack_limiter, parity_wasm}};

#[repr(C)]
struct Timespec {{ seconds: i64, nanoseconds: i64 }}
extern "C" {{ fn clock_gettime(clock: i32, time: *mut Timespec) -> i32; }}

fn processor_time() -> i64 {{
    let mut time = Timespec {{ seconds: 0, nanoseconds: 0 }};
    let process = if cfg!(target_os = "macos") {{ 12 }} else {{ 2 }};
    unsafe {{ clock_gettime(process, &mut time) }};
    time.seconds * 1_000_000_000 + time.nanoseconds
}}

fn metered(wasm: &[u8], mode: &str, limiter: &str) -> usize {{
    let module: parity_wasm::elements::Module = parity_wasm::deserialize_buffer(wasm).unwrap();
    let rules = ConstantCostRules::new(1, 0, 0);
    let module = match mode {{
        "host" => gas_metering::inject(module, host_function::Injector::new("env", "gas_consume"), &rules),
        _ => gas_metering::inject(module, mutable_global::Injector::new("gas_left"), &rules),
    }}.unwrap();
    let module = if limiter == "limited" {{ inject_stack_limiter(module, {CALLS}).unwrap() }} else {{ module }};
    parity_wasm::serialize(module).unwrap().len()
}}

fn main() {{
    for line in io::stdin().lock().lines().map(Result::unwrap) {{
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        let wasm = fs::read(words[3]).unwrap();
        let (mut best, mut size) = (i64::MAX, 0);
        for _ in 0..words[2].parse::<usize>().unwrap() {{
            let started = processor_time();
            size = metered(&wasm, words[0], words[1]);
            best = best.min(processor_time() - started);
        }}
        println!("{{}} {{}}", best, size);
    }}
}}
"""

Instrument = Callable[..., tuple[float, int]]
"""Seconds of the best run and the size, of a file in a mode: `instrument(path, "host", runs=3, limited=False)`."""


def module_of(size: int) -> Module:
    """The example with the most code, its functions repeated until the module has about that size, as WebAssembly 1.0 without names.

    Every copy's constants are its own, so that nothing is gained by having seen an instruction before.
    """
    examples = [decode(path.read_bytes()) for path in (ROOT / "examples").glob("*/*.wasm")]
    most = max(examples, key=lambda module: sum(len(code.body) for code in module.codes))
    base = replace(lower(most, NONE), customs=())
    funcs, codes = list(base.funcs), list(base.codes)
    room = size - len(encode(base))
    while room > 0:
        shift = len(codes)
        copy = Rewriter(
            lambda token, shift=shift: emit("i32.const", (immediates(token)[0] + shift) % (1 << 20)) if token[0] == I32_CONST else token
        )
        added = [copy.code(code) for code in base.codes]
        funcs += base.funcs
        codes += added
        room -= sum(len(code.body) + 4 for code in added)
    return replace(base, funcs=tuple(funcs), codes=tuple(codes))


def recursive(module: Module) -> Module:
    """The module with one function more, which calls itself and all the others: there is none that a limiter may leave alone."""
    first = len(module.imported(FUNC))
    own = first + len(module.funcs)
    body = emit("call", own)
    for function, of in enumerate(module.funcs, first):
        for kind in module.types[of].params:
            body += emit("i32.const" if kind == I32 else "i64.const", 0)
        body += emit("call", function) + emit("drop") * len(module.types[of].results)
    with_it = with_functions(module, [("all", FuncType(b"", b""), Code((), body + emit("end")))])
    return replace(with_it, exports=(*with_it.exports, Export("all", FUNC, own)))


def limited(module: Module, own: int) -> Module:
    """The module with the stack limiter, of which the first `own` functions are the contract's."""
    first = len(module.imported(FUNC))
    helpers = range(first + own, first + len(module.funcs))
    stopping = limit_stack(module, depth=CALLS, frame_bytes=FRAME_BYTES, exhausted=STOP, free=helpers)
    return without_import(stopping, STOP, "stack.exhausted")


@contextmanager
def instrument() -> Iterator[Instrument | None]:
    """wasm-instrument, waiting for work; None where it cannot be built."""
    cargo = shutil.which("cargo")
    if cargo is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as place:
        crate = Path(place)
        (crate / "src").mkdir()
        (crate / "Cargo.toml").write_text(CARGO)
        (crate / "src/main.rs").write_text(MAIN)
        built = subprocess.run([cargo, "build", "--release", "-q"], cwd=crate, capture_output=True, text=True, check=False)
        if built.returncode:
            print(f"wasm-instrument could not be built: {built.stderr.strip()[-300:]}", file=sys.stderr)
            yield None
            return
        program = subprocess.Popen([crate / "target/release/instrument"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        requests, answers = cast("IO[str]", program.stdin), cast("IO[str]", program.stdout)

        def ask(path: Path, mode: str, *, runs: int = 1, limited: bool = False) -> tuple[float, int]:
            print(mode, "limited" if limited else "free", runs, path, file=requests, flush=True)
            nanoseconds, size = answers.readline().split()
            return int(nanoseconds) / 1e9, int(size)

        with program:
            yield ask


def best(work: Callable[[], object], runs: int) -> float:
    """Seconds of the fastest run."""
    times: list[float] = []
    for _ in range(runs):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


def verdict(*, held: bool) -> str:
    return "HELD" if held else "MISSED"


def times(path: Path, theirs: Instrument | None, rounds: int, runs: int) -> bool:
    """Print how long host mode takes, and when the module was metered before; whether the bar held."""
    wasm = path.read_bytes()

    def ours() -> bytes:
        return encode(inject(decode(wasm), ONE_EACH, HOOKS["host"]))

    def again() -> Kept:
        return kept(wasm, (NO_BOUNDS, None), lambda: meter_module(wasm, path, NO_BOUNDS, None, None))

    best(ours, 2)
    again()
    second = best(again, 5)
    pairs = [(best(ours, runs), theirs(path, "host", runs=3 * runs)[0] if theirs else 0.0) for _ in range(rounds)]
    line = f"{len(wasm):>10,} B {second * 1e3:>9.2f} ms {median(a for a, _ in pairs) * 1e3:>9.2f} ms"
    if theirs is None:
        print(f"{line} {'-':>16} {'-':>8}")
        return True
    ratio = median(a / b for a, b in pairs)
    print(f"{line} {median(b for _, b in pairs) * 1e3:>13.2f} ms {ratio:>7.1f}×  {verdict(held=ratio <= BAR)}")
    return ratio <= BAR


def sizes(path: Path, theirs: Instrument | None) -> bool:
    """Print how large both modes make a module; whether neither is larger than wasm-instrument's."""
    wasm = path.read_bytes()
    line, held = f"{len(wasm):>10,} B", True
    for mode, hook in HOOKS.items():
        size = len(encode(inject(decode(wasm), ONE_EACH, hook)))
        line += f" {size / len(wasm):>11.1%}"
        if theirs is not None:
            other = theirs(path, mode)[1]
            held = held and size <= other
            line += f" {other / len(wasm):>8.1%}"
    print(line + (f"   {verdict(held=held)}" if theirs else ""))
    return held


def with_limiter(place: Path, theirs: Instrument | None) -> bool:
    """Print what gas and the stack limiter together add to a contract of which every function must be limited; whether the bar held."""
    module = recursive(module_of(min(SIZES)))
    path = place / "recursive.wasm"
    path.write_bytes(encode(module))
    line, held, before = f"{path.stat().st_size:>10,} B", True, path.stat().st_size
    for mode, hook in HOOKS.items():
        ratio = len(encode(limited(inject(module, ONE_EACH, hook), len(module.funcs)))) / before
        held = held and ratio <= STACK_BAR
        line += f" {ratio:>11.1%}" + (f" {theirs(path, mode, limited=True)[1] / before:>8.1%}" if theirs else "")
    print(f"{line}   {verdict(held=held)}")
    return held


def main() -> int:
    with instrument() as theirs, tempfile.TemporaryDirectory() as place:
        paths = {size: Path(place) / f"{size}.wasm" for size in SIZES}
        for size, path in paths.items():
            path.write_bytes(encode(module_of(size)))
        os.environ["SSHI_CACHE_DIR"] = place
        print(f"{'':>12} {'second run':>12} {'host mode':>12} {'wasm-instrument':>16} {'ratio':>8}")
        held = [times(path, theirs, *SIZES[size]) for size, path in paths.items()]
        print(
            f"bar: {BAR:.0f}× the time of wasm-instrument {CRATE[1:]}, both from bytes to bytes; an unchanged module comes from the cache\n"
        )
        head = "".join(f" {mode:>11}" + (f" {'theirs':>8}" if theirs else "") for mode in HOOKS)
        print(f"{'size':>12}{head}")
        held += [sizes(path, theirs) for path in paths.values()]
        print("bar: no larger than wasm-instrument makes it, mode by mode\n")
        print(f"{'with a limit':>12}{head}")
        held.append(with_limiter(Path(place), theirs))
        print(f"bar: {STACK_BAR:.0%}, at most {CALLS} nested calls in a contract of 10 KB whose every function recursion leads to")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
