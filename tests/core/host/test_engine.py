"""The engine's promises, in both modes: traps by kind, exceptions to their own call, memory, fuel, globals."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from sshi.errors import ContractError
from sshi.host.engine import Engine, Frame, HostFunction, OutOfBounds, OutOfFuel, StackOverflow, WasmTrap, engine, validate, wat_to_wasm
from sshi.host.outcome import TrapKind

MODES = ("interpreter", "aot")


CALL = '(module (import "env" "f" (func $f)) (func (export "main") (call $f)))'
"""A module that does nothing but call its one import."""


@pytest.fixture(params=MODES)
def mode(request):
    return request.param


def start(wat: str, functions=None, *, mode="interpreter", frame=None, **options):
    chosen = engine(mode)
    return chosen.instantiate(chosen.compile(wat_to_wasm(wat, where="test")), functions or {}, frame or Frame(), **options)


def main(body: str, fields: str = "") -> str:
    return f'(module {fields} (memory (export "memory") 1 2) (func (export "main") {body}))'


TABLE = "(type $none (func)) (type $one (func (param i32))) (table 4 funcref) (elem (i32.const 1) $one) (func $one (type $one))"


@pytest.mark.parametrize(
    ("wat", "kind"),
    [
        (main("unreachable"), TrapKind.UNREACHABLE),
        (main("(drop (i32.load (i32.const 65533)))"), TrapKind.MEMORY),
        (main("(i64.store (i32.const -1) (i64.const 0))"), TrapKind.MEMORY),
        (main("(memory.fill (i32.const 65536) (i32.const 0) (i32.const 1))"), TrapKind.MEMORY),
        (main("(drop (i32.div_u (i32.const 1) (i32.const 0)))"), TrapKind.DIVISION),
        (main("(drop (i64.rem_s (i64.const 1) (i64.const 0)))"), TrapKind.DIVISION),
        (main("(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))"), TrapKind.OVERFLOW),
        (main("(drop (i64.div_s (i64.const 0x8000000000000000) (i64.const -1)))"), TrapKind.OVERFLOW),
        (main("(call_indirect (type $none) (i32.const 9))", TABLE), TrapKind.INDIRECT_CALL),
        (main("(call_indirect (type $none) (i32.const 0))", TABLE), TrapKind.INDIRECT_CALL),
        (main("(call_indirect (type $none) (i32.const 1))", TABLE), TrapKind.INDIRECT_CALL),
    ],
)
def test_a_trap_has_its_kind(mode, wat, kind):
    with pytest.raises(WasmTrap) as caught:
        start(wat, mode=mode).call("main")
    assert caught.value.kind is kind
    assert caught.value.detail


def test_an_endless_loop_ends_in_out_of_fuel_with_nothing_left(mode):
    instance = start(main("(loop (br 0))"), mode=mode, fuel=10_000)
    with pytest.raises(OutOfFuel):
        instance.call("main")
    assert instance.fuel_left() == 0


def test_endless_recursion_ends_in_stack_overflow(mode):
    with pytest.raises(StackOverflow):
        start(main("(call $again)", "(func $again (call $again))"), mode=mode).call("main")


def test_both_modes_use_the_same_fuel():
    wat = main("(local i32) (loop (local.set 0 (i32.add (local.get 0) (i32.const 1))) (br_if 0 (i32.lt_u (local.get 0) (i32.const 1000))))")
    left = []
    for mode in MODES:
        instance = start(wat, mode=mode, fuel=1_000_000)
        instance.call("main")
        left.append(instance.fuel_left())
    assert left[0] == left[1] < 1_000_000


def test_an_engine_without_fuel_counts_none(mode):
    plain = Engine(mode, fuel=False)
    plain.instantiate(plain.compile(wat_to_wasm(main(""), where="test")), {}, Frame()).call("main")


@pytest.mark.parametrize(
    ("params", "result", "pushed", "seen", "answer"),
    [
        ((), (), "", (), None),
        (("i32",), (), "(i32.const -1)", (0xFFFF_FFFF,), None),
        (("i64",), (), "(i64.const -1)", (0xFFFF_FFFF_FFFF_FFFF,), None),
        (("i32", "i64", "i32"), (), "(i32.const -2) (i64.const -3) (i32.const 4)", (2**32 - 2, 2**64 - 3, 4), None),
        (("i32", "i32"), ("i32",), "(i32.const 1) (i32.const 2)", (1, 2), -1),
        (("i32", "i32"), ("i64",), "(i32.const -1) (i32.const 2)", (2**32 - 1, 2), -1),
        ((), ("i64",), "", (), 2**63),
        (("i64",) * 9, ("i32",), "(i64.const 7)" * 9, (7,) * 9, 2**40 + 5),
    ],
)
def test_arguments_arrive_unsigned_and_results_leave_modulo_their_width(mode, params, result, pushed, seen, answer):
    got = []

    def body(_frame, *arguments):
        got.append(arguments)
        return answer

    kind = result[0] if result else "i32"
    call = f"(global.set $out (call $f {pushed}))" if result else f"(call $f {pushed})"
    wat = f"""(module (import "env" "f" (func $f (param {" ".join(params)}) (result {" ".join(result)})))
        (global $out (export "out") (mut {kind}) ({kind}.const 0)) (func (export "main") {call}))"""
    instance = start(wat, {("env", "f"): HostFunction(params, result, body)}, mode=mode)
    instance.call("main")
    assert got == [seen]
    if result:
        assert instance.get_global("out") == answer % (1 << int(kind[1:]))


class Interrupted(BaseException):
    pass


RAISED = [KeyError("mine"), KeyboardInterrupt(), SystemExit(3), Interrupted()]


@pytest.mark.parametrize("raised", RAISED, ids=lambda error: type(error).__name__)
def test_what_a_host_function_raises_leaves_the_call_as_it_is(mode, raised):
    def body(_frame):
        raise raised

    instance = start(CALL, {("env", "f"): HostFunction((), (), body)}, mode=mode)
    with pytest.raises(type(raised)) as caught:
        instance.call("main")
    assert caught.value is raised


def test_a_body_that_forgets_its_result_is_a_type_error_not_a_wrong_value(mode):
    wat = '(module (import "env" "f" (func $f (result i32))) (func (export "main") (drop (call $f))))'
    with pytest.raises(TypeError):
        start(wat, {("env", "f"): HostFunction((), ("i32",), lambda _frame: None)}, mode=mode).call("main")


def test_a_host_function_may_run_another_module_and_each_keeps_its_own_frame(mode):
    order = []
    inner_wat = '(module (import "env" "say" (func $say)) (func (export "main") (call $say)))'
    outer_wat = '(module (import "env" "say" (func $say)) (import "env" "run" (func $run)) (func (export "main") (call $run) (call $say)))'

    class Named(Frame):
        def __init__(self, name):
            self.name = name

    say = HostFunction((), (), lambda frame: order.append(frame.name))
    run = HostFunction((), (), lambda _frame: start(inner_wat, functions, mode=mode, frame=Named("inner")).call("main"))
    functions = {("env", "say"): say, ("env", "run"): run}
    start(outer_wat, functions, mode=mode, frame=Named("outer")).call("main")
    assert order == ["inner", "outer"]


def test_with_threads_every_exception_reaches_the_thread_that_raised_it(mode):
    class Mine(BaseException):
        pass

    class Named(Frame):
        name = ""

    def body(frame):
        raise Mine(frame.name)

    functions = {("env", "f"): HostFunction((), (), body)}
    wrong = []

    def work(name):
        for _ in range(200):
            frame = Named()
            frame.name = name
            try:
                start(CALL, functions, mode=mode, frame=frame).call("main")
                wrong.append((name, "nothing"))
            except Mine as mine:
                if mine.args != (name,):
                    wrong.append((name, mine.args))

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.fixture
def interruptible():
    """Python's own handler: a test run started in the background of a shell has SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_inside_a_call_waits_for_its_end_and_then_reaches_the_handler(mode):
    calls = []

    def body(_frame):
        signal.raise_signal(signal.SIGINT)
        calls.append("went on")

    instance = start(CALL, {("env", "f"): HostFunction((), (), body)}, mode=mode)
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        instance.call("main")
    assert calls == ["went on"]
    assert signal.getsignal(signal.SIGINT) is handler


INTERRUPTED = """
import os, signal, threading
signal.signal(signal.SIGINT, signal.default_int_handler)
from sshi.host.engine import Frame, HostFunction, engine, wat_to_wasm
wasm = wat_to_wasm('(module (import "env" "f" (func $f)) (func (export "main") (local i32 i32) (loop $out (local.set 1 (i32.const 10000)) '
    '(loop $in (br_if $in (local.tee 1 (i32.sub (local.get 1) (i32.const 1))))) (call $f) '
    '(br_if $out (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 30))))))', where="test")
running = engine("interpreter")
compiled, functions = running.compile(wasm), {("env", "f"): HostFunction((), (), lambda frame: None)}
caught = 0
for turn in range(40):
    try:
        threading.Timer(0.001 + turn * 0.0001, os.kill, (os.getpid(), signal.SIGINT)).start()
        while True:
            running.instantiate(compiled, functions, Frame()).call("main")
    except KeyboardInterrupt:
        caught += 1
print(caught)
"""


def test_interrupts_at_any_moment_raise_where_they_should_and_nowhere_else():
    """Mostly the module runs when one comes, so that the first bytecode after it is the callback's."""
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout.strip(), done.stderr, done.returncode) == ("40", "", 0)


def test_memory_reads_and_writes_are_checked_against_its_size_now(mode):
    frame = Frame()
    instance = start(main("(drop (memory.grow (i32.const 1)))"), mode=mode, frame=frame)
    memory = frame.memory
    assert memory.size() == 65_536
    memory.write(65_532, b"abcd")
    assert memory.read(65_532, 4) == b"abcd"
    assert memory.read_u32(65_532) == int.from_bytes(b"abcd", "little")
    assert memory.read(65_536, 0) == b""
    for bad, *arguments in ((memory.read, 65_533, 4), (memory.write, 65_533, b"abcd"), (memory.read_u32, 65_533), (memory.read, 65_537, 0)):
        with pytest.raises(OutOfBounds):
            bad(*arguments)
    assert memory.read(65_532, 4) == b"abcd"
    instance.call("main")
    memory.write(131_068, b"wxyz")
    assert (memory.size(), memory.read(65_532, 4), memory.read(131_068, 4)) == (131_072, b"abcd", b"wxyz")


def test_memory_outlives_its_instance():
    frame = Frame()
    start(main("(i32.store (i32.const 8) (i32.const 77))"), frame=frame).call("main")
    assert frame.memory.read_u32(8) == 77


def test_growing_past_what_any_chain_gives_fails(mode):
    wat = """(module (memory (export "memory") 1) (global $g (export "g") (mut i32) (i32.const 0))
        (func (export "main") (global.set $g (memory.grow (i32.const 4000)))))"""
    instance = start(wat, mode=mode)
    instance.call("main")
    assert instance.get_global("g") == 0xFFFF_FFFF


def test_an_imported_memory_is_made_anew_with_the_type_asked_for(mode):
    wat = """(module (import "env" "memory" (memory 1 3)) (import "env" "f" (func $f))
        (func (export "main") (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))) (call $f)
            (drop (memory.grow (i32.const 5)))))"""
    seen = []
    functions = {("env", "f"): HostFunction((), (), lambda frame: seen.append(frame.memory.read_u32(0)))}
    for _ in range(2):
        frame = Frame()
        start(wat, functions, mode=mode, frame=frame, memory_import=("env", "memory")).call("main")
        assert frame.memory.size() == 65_536
    assert seen == [1, 1]


def test_globals_are_read_and_set_by_their_export_names(mode):
    instance = start('(module (global (export "a") (mut i32) (i32.const -1)) (global (export "b") (mut i64) (i64.const 5)))', mode=mode)
    instance.set_global("b", 2**64 - 1)
    assert (instance.get_global("a"), instance.get_global("b")) == (2**32 - 1, 2**64 - 1)
    with pytest.raises(ContractError, match="exports no global 'c'"):
        instance.get_global("c")


def test_only_exported_functions_are_called(mode):
    instance = start('(module (memory (export "memory") 1) (func (export "main")) (func (export "odd") (param i32)))', mode=mode)
    assert (instance.has_function("main"), instance.has_function("memory"), instance.has_function("no")) == (True, False, False)
    with pytest.raises(ContractError, match="exports no function 'memory'"):
        instance.call("memory")
    with pytest.raises(ContractError):
        instance.call("odd")


@pytest.mark.parametrize(
    ("wat", "says"),
    [
        ('(module (import "env" "g" (func)))', "imports env.g, which this host does not give"),
        ('(module (import "env" "f" (func (param i64))))', "f"),
        ('(module (import "env" "f" (global i32)))', "imports env.f, which this host does not give"),
        ('(module (import "env" "memory" (memory 1)))', "imports env.memory, which this host does not give"),
    ],
)
def test_an_import_that_is_missing_or_of_another_type_is_the_contracts_fault(mode, wat, says):
    with pytest.raises(ContractError, match=says):
        start(wat, {("env", "f"): HostFunction((), (), lambda _frame: None)}, mode=mode)


def test_a_trap_while_instantiating_is_a_trap(mode):
    with pytest.raises(WasmTrap) as caught:
        start('(module (memory 1) (data (i32.const 65536) "x"))', mode=mode)
    assert caught.value.kind is TrapKind.MEMORY


@pytest.mark.parametrize(
    "wat",
    [
        "(module (memory 1) (func (drop (i32x4.splat (i32.const 0)))))",
        "(module (memory 1 1 shared))",
        "(module (memory i64 1))",
        "(module (memory 1) (memory 1))",
        "(module (func $f (return_call $f)))",
        "(module (tag))",
        "(module (type (struct)))",
    ],
)
def test_what_no_contract_may_use_is_not_valid(mode, wat):
    wasm = wat_to_wasm(wat, where="test")
    assert validate(wasm) is not None
    with pytest.raises(ContractError):
        engine(mode).compile(wasm)


@pytest.mark.parametrize("content", [b"", b"(module)", b"\0asm", b"\0asm\2\0\0\0", b"\0asm\x0d\0\1\0"])
def test_what_is_no_binary_module_is_not_compiled(mode, content):
    """wasmtime-py would take the second for text, and the last is a component."""
    with pytest.raises(ContractError):
        engine(mode).compile(content)


def test_a_wrong_text_is_rejected_with_line_and_column():
    with pytest.raises(ContractError) as caught:
        wat_to_wasm("(module\n  (func (call $gone)))", where="shim.wat")
    assert str(caught.value) == "shim.wat:2:15: unknown func: failed to find name `$gone`"
    assert "(func (call $gone))" in caught.value.hint


def test_a_host_function_has_a_type_of_integers_and_at_most_one_result():
    for params, results in ((("f64",), ()), ((), ("i32", "i32"))):
        with pytest.raises(ValueError, match="no host function"):
            HostFunction(params, results, lambda _frame: None)


def test_to_validate_starts_no_thread():
    """A process that has threads cannot be forked, and who embeds us may want to: with every proposal on, validation was parallel."""
    code = """
from pathlib import Path
from sshi.host.engine import validate, wat_to_wasm
wasm = wat_to_wasm("(module " + "(func)" * 100 + ")", where="test")
assert validate(wasm) is None and validate(wasm, proposals=True) is None
print(len(list(Path("/proc/self/task").iterdir())))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
