"""Chain programs that behave, hang, die and lie: `ProcessVM` answers or blames, and goes on."""

from __future__ import annotations

import os
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from sshi.errors import VmUnavailable
from sshi.host import protocol as wire
from sshi.host.process import ProcessVM, VmCrashed, VmRefused

PROGRAM = textwrap.dedent(
    """
    import json, os, sys, time
    def say(value):
        sys.stdout.write(json.dumps(value) + "\\n"); sys.stdout.flush()
    for line in sys.stdin:
        request = json.loads(line)
        number, op = request["id"], request["op"]
        if op == "hello":
            say({"id": number, "ok": {"protocol": PROTOCOL, "name": "fake", "version": "1", "chain": "fake",
                                      "speaks": ["world"], "profiles": []}})
        elif op == "balance":
            address = request["address"]
            if address == "ZGll": print("last words", file=sys.stderr); os._exit(7)
            if address == "a2lsbA==": os.kill(os.getpid(), 9)
            if address == "aGFuZw==": time.sleep(60)
            if address == "bGll": say({"id": number + 1, "ok": {"balance": "1"}}); continue
            if address == "anVuaw==": print("junk", flush=True); continue
            if address == "dHlwZQ==": say({"id": number, "ok": {"balance": []}}); continue
            if address == "bm8=": say({"id": number, "error": {"code": "no-account", "message": "no such account"}}); continue
            say({"id": number, "ok": {"balance": str(len(address))}})
        elif op == "storage":
            say({"id": number, "ok": {"storage": [["", request["contract"]]]}})
    """
)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SSHI_CACHE_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "vm.py"
    path.write_text(PROGRAM.replace("PROTOCOL", "1"))
    made = []

    def make(timeout: float = 20.0) -> ProcessVM:
        vm = ProcessVM([sys.executable, "-u", str(path)], adapter="fake", timeout=timeout)
        made.append(vm)
        return vm

    yield make
    for vm in made:
        vm.close()


def balance(vm: ProcessVM, address: bytes) -> str | None:
    return vm.request(wire.Balance(id=vm.next_id(), address=address), wire.BalanceOk).balance


def test_a_program_says_hello_and_answers(program):
    vm = program()
    assert vm.hello.chain == "fake"
    assert balance(vm, b"abc") == "4"


@pytest.mark.parametrize(
    ("address", "cause"),
    [
        (b"die", "it died (exit status 7): last words"),
        (b"kill", "it died (signal 9)"),
        (b"lie", "it answered request"),
        (b"junk", "its answer is not the protocol's"),
        (b"type", "its answer is not the protocol's"),
    ],
)
def test_a_program_that_dies_or_lies_is_blamed_and_the_next_request_finds_a_new_one(program, address, cause):
    vm = program()
    with pytest.raises(VmCrashed) as caught:
        balance(vm, address)
    assert cause in str(caught.value)
    assert b'"balance"' in Path(caught.value.saved).read_bytes()
    assert balance(vm, b"abc") == "4"
    assert vm.generation == 2


def test_a_program_that_hangs_is_ended_at_its_time(program):
    vm = program(timeout=1.0)
    assert balance(vm, b"abc") == "4"
    with pytest.raises(VmCrashed, match="did not answer within 1 s"):
        balance(vm, b"hang")
    assert balance(vm, b"abc") == "4"


def test_an_error_answer_keeps_the_program(program):
    vm = program()
    with pytest.raises(VmRefused) as caught:
        balance(vm, b"no")
    assert caught.value.problem == "no-account"
    assert balance(vm, b"abc") == "4"
    assert vm.generation == 1


def test_lines_larger_than_any_pipe_cross_both_ways(program):
    vm = program()
    big = bytes(range(256)) * 20_000
    answer = vm.request(wire.Storage(id=vm.next_id(), contract=big), wire.StorageOk)
    assert answer.storage[0][1] == big


def test_a_program_of_another_protocol_is_refused(tmp_path):
    path = tmp_path / "old.py"
    path.write_text(PROGRAM.replace("PROTOCOL", "99"))
    with pytest.raises(Exception, match="speaks protocol 99") as caught:
        _ = ProcessVM([sys.executable, str(path)], adapter="fake").hello
    assert caught.value.code == "adapter.vm"


def test_a_missing_program_is_unavailable_not_a_crash(tmp_path):
    with pytest.raises(VmUnavailable):
        _ = ProcessVM([str(tmp_path / "nothing")], adapter="fake").hello


def test_no_process_is_left_when_it_is_closed_or_forgotten(program, tmp_path):
    vm = program()
    balance(vm, b"abc")
    pid = vm._process.pid
    vm.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    forgotten = ProcessVM([sys.executable, "-u", str(tmp_path / "vm.py")], adapter="fake")
    balance(forgotten, b"abc")
    pid = forgotten._process.pid
    del forgotten
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_several_threads_share_one_program_and_each_gets_its_own_answer(program):
    vm = program()
    wrong: list[object] = []

    def work(size: int) -> None:
        for _ in range(50):
            answer = vm.request(wire.Storage(id=vm.next_id(), contract=b"x" * size), wire.StorageOk)
            if len(answer.storage[0][1]) != size:
                wrong.append(size)

    threads = [threading.Thread(target=work, args=(size,)) for size in (1, 1000, 100_000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
