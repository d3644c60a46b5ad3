"""World files: what was answered is kept, whatever happens to the process; anything else in a file is one error with its name."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from core.host.worlds import ALICE, BOB, RICH, TOKEN, contract, data, manifest
from sshi.errors import StateError
from sshi.host.chain import Call, Code
from sshi.host.outcome import Returned, Reverted
from sshi.host.reference import ReferenceVM
from sshi.host.store import StoredWorld

COUNT = """
(i64.store (i32.const 12) (i64.const 0)) (i32.store (i32.const 8) (i32.const 8)) (drop (call $storage_read (i32.const 0) (i32.const 8)))
(i64.store (i32.const 12) (i64.add (i64.load (i32.const 12)) (i64.const 1)))
(call $storage_write (i32.const 0) (i32.const 12) (i32.const 8))
(if (i32.ne (call $transfer (i32.const 32) (i32.const 48)) (i32.const 0)) (then unreachable))
(call $set_return (i32.const 12) (i32.const 8))"""
FIELDS = f"""(func (export "init")) (func (export "pay") {COUNT}) (func (export "back") {COUNT} (call $revert (i32.const 0) (i32.const 0)))
    (func (export "forget") (drop (call $storage_remove (i32.const 0))))
    {data(0, bytes([1, 0, 0, 0]) + b"n")} {data(32, bytes([3, 0, 0, 0]) + b"bob")} {data(48, bytes([1]) + bytes(15))}"""
ENTRIES = ("init:init!", "call:pay!", "call:back!", "call:forget")


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "world.db"


@contextlib.contextmanager
def opened(path: Path):
    with ReferenceVM(world=StoredWorld(path)) as vm:
        yield vm


def started(vm: ReferenceVM) -> ReferenceVM:
    vm.create_account(ALICE, RICH)
    vm.create_account(BOB, 0)
    assert vm.deploy(Code(contract(FIELDS), manifest(*ENTRIES)), "token", Call("init", caller=ALICE)).address == TOKEN
    return vm


def pay(vm: ReferenceVM) -> int:
    outcome = vm.call(TOKEN, Call("pay", caller=ALICE, value=1)).outcome
    assert isinstance(outcome, Returned), outcome
    return int.from_bytes(outcome.data, "little")


def test_a_world_is_found_again_as_it_was_left(path):
    with opened(path) as vm:
        started(vm)
        vm.block_height, vm.block_time = 2**64 - 1, 77
        assert [pay(vm), pay(vm)] == [1, 2]
    with opened(path) as vm:
        assert (vm.balance(ALICE), vm.balance(BOB), vm.balance(TOKEN), vm.balance(b"nobody")) == (RICH - 2, 2, 0, None)
        assert vm.storage(TOKEN) == {b"n": (2).to_bytes(8, "little")}
        assert (vm.block_height, vm.block_time) == (2**64 - 1, 77)
        assert pay(vm) == 3
        assert vm.call(TOKEN, Call("init", caller=ALICE)).outcome == Reverted("sshi: already initialised")


def test_only_a_call_that_returned_is_kept(path):
    with opened(path) as vm:
        started(vm)
        assert isinstance(vm.call(TOKEN, Call("back", caller=ALICE, value=1)).outcome, Reverted)
    with opened(path) as vm:
        assert (vm.storage(TOKEN), vm.balance(ALICE), vm.balance(BOB)) == ({}, RICH, 0)


def test_a_removed_key_is_gone_from_the_file_too(path):
    with opened(path) as vm:
        pay(started(vm))
        vm.call(TOKEN, Call("forget", caller=ALICE))
    with opened(path) as vm:
        assert vm.storage(TOKEN) == {}


def test_snapshots_and_reset_work_on_a_file_as_in_memory(path):
    with opened(path) as vm:
        empty = vm.snapshot()
        pay(started(vm))
        token = vm.snapshot()
        pay(vm)
        vm.restore(token)
        assert pay(vm) == 2
        vm.restore(empty)
        assert (vm.balance(ALICE), vm.storage(TOKEN)) == (None, {})
        vm.restore(token)
    with opened(path) as vm:
        assert pay(vm) == 2
        vm.reset()
    with opened(path) as vm:
        assert (vm.balance(ALICE), vm.balance(TOKEN)) == (None, None)


def test_a_world_may_be_large_and_a_call_writes_only_what_it_changed(path):
    with opened(path) as vm:
        started(vm)
        vm.world._db.execute("BEGIN")
        rows = ((TOKEN, number.to_bytes(4, "big"), bytes(100)) for number in range(50_000))
        vm.world._db.executemany("INSERT INTO storage VALUES (?, ?, ?)", rows)
        vm.world._db.execute("COMMIT")
        before = vm.world._db.total_changes
        pay(vm)
        assert vm.world._db.total_changes - before < 10
        assert len(vm.storage(TOKEN)) == 50_001


# ---- killed ------------------------------------------------------------------------------------------------------

PAYING = """
import sys
from pathlib import Path
from sshi.host.chain import Call
from sshi.host.reference import ReferenceVM
from sshi.host.store import StoredWorld
with ReferenceVM(world=StoredWorld(Path(sys.argv[1]))) as vm:
    while True:
        outcome = vm.call(b"token", Call("pay", caller=b"alice", value=1)).outcome
        print(int.from_bytes(outcome.data, "little"), flush=True)
"""


def test_a_kill_at_any_moment_loses_nothing_that_was_answered(path):
    """Ten processes are killed after some answers; then the counter is the last answer or one more, and no coin is lost."""
    random, last = Random(7), 0
    with opened(path) as vm:
        started(vm)
    for _ in range(10):
        process = subprocess.Popen([sys.executable, "-c", PAYING, str(path)], stdout=subprocess.PIPE, text=True)
        for _ in range(random.randrange(1, 30)):
            last = int(process.stdout.readline())
        for _ in range(random.randrange(30_000)):  # somewhere in the middle of the next call
            pass
        os.kill(process.pid, signal.SIGKILL)
        rest = process.communicate()[0].split()
        last = int(rest[-1]) if rest else last
        with opened(path) as vm:
            counted = int.from_bytes(vm.storage(TOKEN)[b"n"], "little")
            assert counted in (last, last + 1)
            assert (vm.balance(ALICE), vm.balance(BOB), vm.balance(TOKEN)) == (RICH - counted, counted, 0)
            last = counted


def test_a_call_interrupted_in_the_middle_of_saving_leaves_the_world_before_it(path):
    with opened(path) as vm:
        started(vm)

        def stop(*_):
            raise KeyboardInterrupt

        vm.world._save_storage = stop
        with pytest.raises(KeyboardInterrupt):
            vm.call(TOKEN, Call("pay", caller=ALICE, value=1))
        del vm.world._save_storage
        assert (vm.balance(ALICE), vm.storage(TOKEN)) == (RICH, {})
        assert pay(vm) == 1


# ---- other files -------------------------------------------------------------------------------------------------


def test_a_file_belongs_to_one_process_at_a_time(path):
    with opened(path):
        code = f"from pathlib import Path; from sshi.host.store import StoredWorld; StoredWorld(Path({str(path)!r}))"
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "StateError" in other.stderr
    assert f"{path}: another process has it open" in other.stderr
    with opened(path):
        pass


def text_file(path: Path) -> None:
    path.write_text("not a world, " * 500)


def other_database(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE mine (x)")


def later_format(path: Path) -> None:
    with opened(path):
        pass
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 2")


def no_tables(path: Path) -> None:
    with opened(path):
        pass
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE block")


def two_blocks(path: Path) -> None:
    with opened(path):
        pass
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO block VALUES ('1', '1')")


FOREIGN = {
    text_file: "damaged or no world at all",
    other_database: "not a world of this program",
    later_format: "its format is 2, this release reads 1",
    no_tables: "no such table: block",
    two_blocks: "it has 2 blocks",
    Path.mkdir: "unable to open database file",
}


@pytest.mark.parametrize("make", FOREIGN, ids=lambda make: make.__name__)
def test_a_file_that_is_no_world_is_refused_and_left_as_it_is(path, make):
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StateError, match=FOREIGN[make]) as caught:
        StoredWorld(path)
    assert str(path) in str(caught.value)
    assert before == (path.read_bytes() if path.is_file() else None)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE account SET balance = 'much'",
        "UPDATE account SET balance = '-1'",
        "UPDATE code SET wasm = 'text'",
        "UPDATE contract SET manifest = x'7b'",
        "UPDATE storage SET value = 'text'",
        "DROP TABLE storage",
    ],
)
def test_damage_found_in_the_middle_of_a_call_is_one_error_and_changes_nothing(path, damage):
    with opened(path) as vm:
        pay(started(vm))
    with sqlite3.connect(path) as db:
        db.execute(damage)
    with opened(path) as vm, pytest.raises(StateError, match=r"world\.db"):
        vm.call(TOKEN, Call("pay", caller=ALICE, value=1))


def test_a_file_cut_off_is_one_error_wherever_it_is_noticed(path):
    def use() -> None:
        with opened(path) as vm:
            vm.call(TOKEN, Call("pay", caller=ALICE, value=1))

    with opened(path) as vm:
        started(vm)
    path.write_bytes(path.read_bytes()[:6_000])
    with pytest.raises(StateError):
        use()
