"""What metering costs at run time, ahead of time compiled, beside wasmtime's own fuel: `python benchmarks/fuel.py`.

Every workload runs in turns without metering, with fuel, with an inline meter and with a host one.  Each time is the best of many, in
processor time: what else the machine does only ever adds to it.  Never a test: machines differ.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from run import ROOT

from sshi.host.engine import engine, wat_to_wasm
from sshi.host.entry import Frame, HostFunction
from sshi.wasm.decode import decode
from sshi.wasm.encode import encode
from sshi.wasm.merge import Part, merge, select_exports
from sshi.wasm.meter import GAS_LEFT, HelperHook, HostHook, default_costs, inject

WORKLOADS = {"hash": 8, "sort": 8, "token": 20_000, "recursion": 2_000}
"""Each with how many rounds of it one measurement takes: about a millisecond."""

MEASUREMENTS = 101
HOST_ONE_IN = 50
"""A host function written in Python takes about a microsecond, so one round in fifty is enough to time it."""

BAR = 3
"""On so many of the workloads the inline meter is no slower than fuel."""

GIVEN = (1 << 63) - 1
HERE = Path(__file__).parent / "workloads"
CONSUMED = {("env", "gas_consume"): HostFunction(("i64",), (), lambda _frame, _units: None)}


def workload(name: str) -> bytes:
    """A module that exports `run` and how many `rounds` that takes; the token is the example, linked with a host of its own."""
    path = HERE / f"{name}.wat"
    wasm = wat_to_wasm(path.read_text(), where=str(path))
    if name != "token":
        return wasm
    token = decode((ROOT / "examples/token/token.wasm").read_bytes())
    both = merge([Part("token", token, {"env": "host"}), Part("host", decode(wasm), {"token": "token"})])
    return encode(select_exports(both, {"run": "host:run", "rounds": "host:rounds"}))


def run(wasm: bytes, rounds: int, *, fuel: bool = False, start: Mapping[str, int]) -> Callable[[], float]:
    """What runs the module in a fresh instance, some globals set before, and gives the seconds a round took."""
    aot = engine("aot", fuel=fuel)
    compiled = aot.compile(wasm)

    def seconds() -> float:
        instance = aot.instantiate(compiled, CONSUMED, Frame(), fuel=GIVEN if fuel else None)
        for name, value in {"rounds": rounds, **start}.items():
            instance.set_global(name, value)
        started = time.process_time()
        instance.call("run")
        return (time.process_time() - started) / rounds

    return seconds


def measure(name: str) -> bool:
    """Print a workload's row; whether the inline meter is no slower than fuel, to the hundredth."""
    rounds = WORKLOADS[name]
    wasm = workload(name)
    by_global, by_host = (encode(inject(decode(wasm), default_costs(), hook)) for hook in (HelperHook(GAS_LEFT), HostHook()))
    plain, fuel = run(wasm, rounds, start={}), run(wasm, rounds, fuel=True, start={})
    inline = run(by_global, rounds, start={GAS_LEFT: GIVEN})
    taken = [(plain(), fuel(), inline()) for _ in range(MEASUREMENTS)]
    bare, fueled, counted = (min(times) for times in zip(*taken, strict=True))
    host = min(run(by_host, max(1, rounds // HOST_ONE_IN), start={})() for _ in range(5))
    against_fuel = round(counted / fueled, 2)
    held = against_fuel <= 1
    print(
        f"{name:<10} {bare * 1e6:>11.3f} µs {fueled / bare:>8.2f}× {counted / bare:>8.2f}×"
        f" {host / bare:>8.1f}× {against_fuel:>13.2f}×  {'HELD' if held else 'MISSED':<8} {len(wasm):>6,} B {len(by_global):>6,} B"
    )
    return held


def main() -> int:
    print(
        f"{'a round of':<10} {'unmetered':>14} {'fuel':>9} {'inline':>9} {'host':>9} {'inline/fuel':>14}  {'':<8} {'size':>8} {'inline':>8}"
    )
    held = sum([measure(name) for name in WORKLOADS])
    print(f"bar: inline no slower than fuel on {BAR} of {len(WORKLOADS)}; {held} of them: {'HELD' if held >= BAR else 'MISSED'}")
    return 0 if held >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
