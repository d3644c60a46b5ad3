"""Bytes to metered bytes, ours beside wasm-instrument's: `python benchmarks/meter.py`.

The modules repeat the functions of the examples until they are large enough.  wasm-instrument is compiled Rust; where cargo is not
there, only our own figures are printed.  Never a test: machines differ.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from run import ROOT, timed

from sshi.wasm.decode import decode
from sshi.wasm.encode import encode
from sshi.wasm.instructions import Rewriter, emit, immediates
from sshi.wasm.lower import NONE, lower
from sshi.wasm.meter import Costs, HelperHook, HostHook, default_costs, inject
from sshi.wasm.opcodes import BY_MNEMONIC

SIZES = (10_000, 200_000, 1_000_000)
BAR = 12.0
"""How many times as long as wasm-instrument a Python program may take."""

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

# its own host-function backend, one unit an instruction; the median of the rounds in nanoseconds, and the size it came to
MAIN = """
use std::{env, fs, time::Instant};
use wasm_instrument::{gas_metering::{self, host_function, ConstantCostRules}, parity_wasm};

fn main() {
    let rounds: usize = env::args().nth(1).unwrap().parse().unwrap();
    for path in env::args().skip(2) {
        let wasm = fs::read(path).unwrap();
        let mut size = 0;
        let mut times: Vec<u128> = (0..rounds).map(|_| {
            let started = Instant::now();
            let module: parity_wasm::elements::Module = parity_wasm::deserialize_buffer(&wasm).unwrap();
            let metered = gas_metering::inject(
                module, host_function::Injector::new("env", "gas_consume"), &ConstantCostRules::new(1, 0, 0)).unwrap();
            size = parity_wasm::serialize(metered).unwrap().len();
            started.elapsed().as_nanos()
        }).collect();
        times.sort();
        println!("{} {}", times[rounds / 2], size);
    }
}
"""


def module_of(size: int) -> bytes:
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
    return encode(replace(base, funcs=tuple(funcs), codes=tuple(codes)))


def instrument(paths: list[Path], rounds: int) -> list[tuple[float, int]] | None:
    """Seconds and size of each by wasm-instrument; None where it cannot be built."""
    cargo = shutil.which("cargo")
    if cargo is None:
        return None
    with tempfile.TemporaryDirectory() as place:
        crate = Path(place)
        (crate / "src").mkdir()
        (crate / "Cargo.toml").write_text(CARGO)
        (crate / "src/main.rs").write_text(MAIN)
        built = subprocess.run([cargo, "build", "--release", "-q"], cwd=crate, capture_output=True, text=True, check=False)
        if built.returncode:
            print(f"wasm-instrument could not be built: {built.stderr.strip()[-300:]}", file=sys.stderr)
            return None
        done = subprocess.run([crate / "target/release/instrument", str(rounds), *paths], capture_output=True, text=True, check=True)
    return [(int(line.split()[0]) / 1e9, int(line.split()[1])) for line in done.stdout.splitlines()]


def main() -> int:
    one_each, default = Costs(overrides={"block": 1, "else": 0, "end": 0}), default_costs()
    with tempfile.TemporaryDirectory() as place:
        paths = [Path(place) / f"{size}.wasm" for size in SIZES]
        for path, size in zip(paths, SIZES, strict=True):
            path.write_bytes(module_of(size))
        theirs = instrument(paths, 21)
        held = True
        print(f"{'module':>12} {'host mode':>12} {'wasm-instrument':>16} {'ratio':>12}   {'size':>6} {'theirs':>7} {'inline':>7}")
        for at, path in enumerate(paths):
            wasm = path.read_bytes()
            seconds = timed(lambda wasm=wasm: encode(inject(decode(wasm), one_each, HostHook())), 9)
            size = len(encode(inject(decode(wasm), one_each, HostHook()))) / len(wasm)
            inline = len(encode(inject(decode(wasm), default, HelperHook("gas_left")))) / len(wasm)
            line = f"{len(wasm):>10,} B {seconds * 1e3:>9.2f} ms"
            if theirs is None:
                print(f"{line} {'-':>16} {'-':>12}   {size:>6.1%} {'-':>7} {inline:>7.1%}")
                continue
            ratio = seconds / theirs[at][0]
            held = held and ratio <= BAR
            verdict = "held" if ratio <= BAR else "MISSED"
            larger = theirs[at][1] / len(wasm)
            print(f"{line} {theirs[at][0] * 1e3:>13.2f} ms {ratio:>5.1f}× {verdict:>6}   {size:>6.1%} {larger:>7.1%} {inline:>7.1%}")
    print(f"bar: {BAR:.0f}× wasm-instrument {CRATE[1:]}'s time, both from bytes to bytes")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
