"""Each figure beside its bar: `make bench`.  Never a test: machines differ, and a slow one is not wrong."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
TOKEN = ROOT / "examples" / "token" / "token.wasm"


class Figure(NamedTuple):
    """What was measured, its bar, and whether more or less is better."""

    what: str
    value: float
    bar: float | None
    unit: str
    more: bool = False

    @property
    def held(self) -> bool | None:
        if self.bar is None:
            return None
        return self.value >= self.bar if self.more else self.value <= self.bar


def timed(work: Callable[[], object], rounds: int) -> float:
    """Median seconds of a call, after two warm ones."""
    for _ in range(2):
        work()
    figures = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        figures.append(time.perf_counter() - started)
    return median(figures)


def build() -> Iterator[Figure]:
    from sshi.link.linker import build as link
    from sshi.link.source import read_source
    from sshi.plugins import Plugins

    adapters = Plugins.load().adapters()
    source = read_source(TOKEN)

    def both() -> list[int]:
        return [len(link(source.wasm, source.manifest, adapter).wasm) for adapter in adapters.values()]

    yield Figure("sshi build of the C token for both chains, warm", timed(both, 20) * 1e3, 60, "ms")
    for (name, _), size in zip(adapters.items(), both(), strict=True):
        yield Figure(f"linked C token, {name}", size, 3072, "B")


def startup() -> Iterator[Figure]:
    command = [str(Path(sys.executable).with_name("sshi")), "--help"]
    yield Figure("sshi --help", timed(lambda: subprocess.run(command, capture_output=True, check=True), 10), 0.25, "s")


HOST_CALLS = 20_000
LOOP = f"""(module
  (import "env" "storage_has" (func $has (param i32) (result i32)))
  (import "env" "block_height" (func $height (result i64)))
  (memory (export "memory") 1 1)
  (data (i32.const 0) "\\01\\00\\00\\00k")
  (func (export "empty") (local $i i32)
    (loop $again (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (i32.const {HOST_CALLS})))))
  (func (export "plain") (local $i i32)
    (loop $again (drop (call $height)) (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (i32.const {HOST_CALLS})))))
  (func (export "reading") (local $i i32)
    (loop $again (drop (call $has (i32.const 0))) (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (i32.const {HOST_CALLS}))))))"""


def host_calls() -> Iterator[Figure]:
    from sshi.host.chain import Call, Code
    from sshi.host.engine import wat_to_wasm
    from sshi.host.reference import ReferenceVM
    from sshi.spec.manifest import derived_manifest

    vm = ReferenceVM(engine="aot")
    vm.create_account(b"alice", 1)
    code = Code(wat_to_wasm(LOOP, where="bench"), derived_manifest("bench", ("empty", "plain", "reading")))
    contract = vm.deploy(code, "bench", Call(None, caller=b"alice")).address

    def run(entry: str) -> float:
        return timed(lambda: vm.call(contract, Call(entry, caller=b"alice")), 7)

    base = run("empty")
    yield Figure("host call on the reference host, block_height", (run("plain") - base) / HOST_CALLS * 1e6, 3, "µs")
    yield Figure("host call on the reference host, storage_has (reads a key)", (run("reading") - base) / HOST_CALLS * 1e6, 3, "µs")


RATES = {"reference": 1000.0, "emulated": 500.0, "real": 500.0}
"""Cases a second on one core; a real VM has two cores for 1,000."""


def suite() -> Iterator[Figure]:
    from sshi.plugins import Plugins
    from sshi_conformance.hosts import HostChoice, choose_hosts
    from sshi_conformance.report import make_report
    from sshi_conformance.runner import run
    from sshi_conformance.suite import builtin_units, select

    units = select(builtin_units(), expression="not bombs")  # those run until all of their gas is gone, as they should
    hosts, missing = choose_hosts(Plugins.load(), HostChoice((), "all", "both"))
    run(units, hosts)
    report = make_report(run(units, hosts), hosts, missing, subject="the suite")
    for host in report.hosts:
        yield Figure(f"conformance on one core, {host.name}", host.cases_per_second, RATES[host.kind], "cases/s", more=True)


def real() -> Iterator[Figure]:
    from sshi.adapter import VmRequest
    from sshi.host.chain import Call, Code
    from sshi.link.linker import build as link
    from sshi.link.source import read_source
    from sshi.plugins import Plugins

    source = read_source(ROOT / "examples" / "counter" / "counter.wat")
    for adapter in Plugins.load().adapters().values():
        kind = adapter.vms.get("real")
        if kind is None or kind.ready() is not None:
            continue
        vm = kind.make(VmRequest(adapter.profile()))
        try:
            vm.reset()
            alice = adapter.address("alice")
            vm.create_account(alice, 10**27)
            artifact = link(source.wasm, source.manifest, adapter)
            contract = vm.deploy(Code(artifact.wasm, artifact.manifest), "counter", Call(None, caller=alice)).address
            call = Call("query", caller=alice)
            through = timed(lambda: [vm.query(contract, call) for _ in range(200)], 7) / 200
            program = vm.program if hasattr(vm, "program") else vm._runtime.process  # noqa: SLF001  two shapes of one thing
            raw = program.bench(program.last, 2000)
        finally:
            vm.close()
        yield Figure(f"warm call inside {adapter.name}'s own VM", raw * 1e6, None, "µs")
        yield Figure(f"overhead of Python and the protocol on it, {adapter.name}", (through - raw) * 1e6, 120, "µs")


SECTIONS = {"build": build, "startup": startup, "host": host_calls, "suite": suite, "real": real}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", help=f"of {', '.join(SECTIONS)}; default: all")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = [figure for name in options.sections or SECTIONS for figure in SECTIONS[name]()]
    status = 1 if any(figure.held is False for figure in figures) else 0
    if options.json:
        print(json.dumps([figure._asdict() | {"held": figure.held} for figure in figures], indent=2))
        return status
    width = max(len(figure.what) for figure in figures)
    for figure in figures:
        bar = "" if figure.bar is None else f"  bar {'≥' if figure.more else '≤'} {figure.bar:g} {figure.unit}"
        word = {True: "ok", False: "MISSED", None: ""}[figure.held]
        print(f"{figure.what:<{width}}  {figure.value:>10.2f} {figure.unit:<8}{bar:<22}{word}")
    return status


if __name__ == "__main__":
    sys.exit(main())
