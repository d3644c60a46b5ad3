"""The examples' own entries are charged what they ran."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.wasm.book import ENOUGH, Book
from core.wasm.engines import BACK_ENDS, Instance
from core.wasm.interpreter import Interpreter, Stopped
from core.wasm.ledger import Ledger
from sshi.wasm.decode import decode
from sshi.wasm.meter import HelperHook, HostHook, default_costs, inject
from sshi.wasm.module import Module

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def blob(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data


def u128(value: int) -> bytes:
    return value.to_bytes(16, "little")


TOKEN = (
    ("init", b"alice", u128(10**20), {}),
    ("transfer", b"alice", blob(b"bob") + u128(3 * 10**19), {}),
    ("transfer", b"bob", blob(b"carol-with-a-long-name") + u128(1), {}),
    ("transfer", b"carol", blob(b"bob") + u128(1), {}),
    ("transfer", b"alice", b"\1", {}),
    ("balance_of", b"", blob(b"bob"), {}),
    ("total_supply", b"", b"", {}),
)
CALLS = {
    "token": TOKEN,
    "token_rust": TOKEN,
    "escrow": (
        ("init", b"alice", blob(b"bob") + (2000).to_bytes(8, "little"), {"value": 5000}),
        ("refund", b"bob", b"", {"time": 1999}),
        ("release", b"bob", b"", {}),
        ("release", b"alice", b"", {}),
        ("refund", b"bob", b"", {"time": 2000}),
        ("status", b"", b"", {}),
    ),
    "registry": (
        ("set", b"alice", blob(b"n" * 127) + blob(b"v" * 4096), {}),
        ("set", b"bob", blob(b"n" * 127) + blob(b""), {}),
        ("get", b"", blob(b"n" * 127), {}),
        ("owner", b"", blob(b"n" * 127), {}),
        ("drop", b"alice", blob(b"n" * 127), {}),
        ("get", b"", blob(b"n" * 127), {}),
    ),
}


@pytest.mark.parametrize("back_end", BACK_ENDS)
@pytest.mark.parametrize("example", CALLS)
def test_what_an_example_is_charged_is_what_it_ran(example, back_end):
    """Real entries with real inputs, those that revert included: by the book, by the host and inline, and the same effects."""
    (path,) = EXAMPLES.glob(f"*/{example}.wasm")
    module, costs = decode(path.read_bytes()), default_costs()
    by_host, inline = (inject(module, costs, hook) for hook in (HostHook(), HelperHook("gas_left", ENOUGH)))
    ledgers = [Ledger(), Ledger(), Ledger()]
    ends: set[str] = set()
    for entry, caller, data, more in CALLS[example]:
        for ledger in ledgers:
            ledger.caller, ledger.input, ledger.value, ledger.time = caller, data, more.get("value", 0), more.get("time", 0)
        watcher = Book(module, costs)
        end, spent = entered(module, watcher, ledgers[0], entry)
        charges: list[int] = []
        imports = {**ledgers[1].for_engine(), "env.gas_consume": lambda _, units, charges=charges: charges.append(units)}
        assert Instance(by_host, imports, back_end).run(entry).end == end
        result = Instance(inline, ledgers[2].for_engine(), back_end).run(entry)
        assert result.end == end
        assert ENOUGH - result.globals["gas_left"] == sum(charges)
        # a revert in the middle leaves the rest of its block charged
        assert sum(charges) == spent if end[0] == "returned" else sum(charges) >= spent
        ends.add(end[0])
    assert ledgers[0].log == ledgers[1].log == ledgers[2].log
    assert ledgers[0].log
    assert ends == {"returned", "stopped"}


def entered(module: Module, watcher: Book, ledger: Ledger, entry: str) -> tuple[tuple[str, object], int]:
    """How an entry ends by the book, and what it cost."""
    interpreter = Interpreter(module, {}, watcher, steps=200_000)
    ledger.for_interpreter(interpreter)
    try:
        end: tuple[str, object] = ("returned", interpreter.call(entry))
    except Stopped as stopped:
        end = ("stopped", str(stopped))
    return end, ENOUGH - watcher.gas
