"""The emulated VM against the chain's own: whatever module runs, every field of what comes back, gas to the last unit."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from adapters.near.test_gas import DATA as SIGNATURE
from adapters.near.worlds import TGAS, chain_imports, emulated, raw, real, request
from core.wasm.generator import generate
from sshi.errors import VmError
from sshi.host.engine import wat_to_wasm
from sshi.host.protocol import RunOk
from sshi.wasm.edit import with_functions
from sshi.wasm.encode import encode
from sshi.wasm.instructions import emit
from sshi.wasm.module import FUNC, Code, Export, FuncType
from sshi_near.accounts import AccountKind, kind_of
from sshi_near.runtime import Ended, FunctionCall, Module, State
from sshi_near.tables import host_table, versions

IDS = ["bob.near", "ab" * 32, "0x" + "12" * 20, "0s" + "12" * 20, "0u" + "0" * 52, "a..b"]
DATA = (
    SIGNATURE
    + "".join(f'(data (i32.const {1000 + 100 * at}) "{name}")' for at, name in enumerate(IDS))
    + '(data (i32.const 2000) "\\05") (data (i32.const 2020) "\\ff\\ff\\ff\\ff\\ff\\ff\\ff\\ff\\ff\\ff\\ff")'
)
MEMORY = 64 * 1024 * 1024


def differences(ours: Ended, theirs: Ended) -> dict[str, tuple[object, object]]:
    names = [name for name in Ended._fields if name not in ("state", "trace")]
    found = {name: (getattr(ours, name), getattr(theirs, name)) for name in names if getattr(ours, name) != getattr(theirs, name)}
    if ours.state.storage != theirs.state.storage:
        found["state"] = (ours.state.storage, theirs.state.storage)
    return found


def agree(call: FunctionCall, version: int = 86) -> Ended:
    """What both say, which must be the same."""
    ours, theirs = emulated(version).run(call), real(version).run(call)
    assert not differences(ours, theirs), call
    return ours


TRAPS = {
    "unreachable": "WasmTrap/Unreachable",
    "(drop (i32.load (i32.const -1)))": "WasmTrap/MemoryOutOfBounds",
    "(drop (i32.div_u (i32.const 1) (i32.const 0)))": "WasmTrap/IllegalArithmetic",
    "(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))": "WasmTrap/IllegalArithmetic",
    "(drop (i32.trunc_f32_s (f32.const 1e30)))": "WasmTrap/IllegalArithmetic",
    "(call_indirect (i32.const 0))": "WasmTrap/IndirectCallToNull",
    "(call_indirect (i32.const 1))": "WasmTrap/IncorrectCallIndirectSignature",
    "(call_indirect (i32.const 9))": "WasmTrap/MemoryOutOfBounds",
    "(memory.fill (i32.const -1) (i32.const 0) (i32.const 9))": "WasmTrap/MemoryOutOfBounds",
    "(memory.copy (i32.const 0) (i32.const 0) (i32.const -1))": "HostError/GasLimitExceeded",
    "(call $deeper (i64.const 0))": "HostError/MemoryAccessViolation",
    "(loop (br 0))": "HostError/GasExceeded",
}


@pytest.mark.parametrize("body", TRAPS)
def test_traps_and_what_they_cost(body):
    extra = "(table 2 funcref) (elem (i32.const 1) $deeper) (func $deeper (param i64) (local i32) (call $deeper (local.get 0)))"
    for gas in (TGAS, 90_000_000, 150_000_000):
        for view in (False, True):
            agree(request(raw(body, extra), gas=gas, view=view, trace=True))
    assert agree(request(raw(body, extra), gas=TGAS)).name == TRAPS[body]


CONTROL = [
    "(local i32) (loop $l (br_if $l (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 9))))",
    "(block (block (br_table 0 1 (i32.const 1))))",
    "(if (i32.const 0) (then nop) (else nop nop))",
    "(block $out (if (i32.const 1) (then (br $out))) nop)",
    "(drop (block (result i32) (i32.const 1) (br_if 0 (i32.const 1)) drop (i32.const 2)))",
    "(drop (memory.grow (i32.const 2))) (drop (memory.grow (i32.const 2000))) (drop (memory.size))",
    "(memory.copy (i32.const 0) (i32.const 50) (i32.const 20)) (memory.fill (i32.const 0) (i32.const 1) (i32.const 3))",
    "(drop (call $seven (i32.const 1) (i64.const 2)))",
    "(return) unreachable",
    "(i64.store (i32.const 8) (i64.const 3)) (drop (i64.load (i32.const 8)))",
]


@pytest.mark.parametrize("body", CONTROL)
def test_instructions_at_every_limit_of_gas(body):
    """Whatever limit a call is given, it gets as far as the chain lets it."""
    module = raw(body + "(drop (call $block_index))", "(func $seven (param i32 i64) (result i64) (local f64) (local.get 1))")
    whole = agree(request(module, trace=True))
    for missing in (1, 822_755, 822_756, 822_757, 5 * 822_756, 264_768_111, 264_768_112 + 822_756):
        agree(request(module, gas=max(whole.burnt - missing, 0), trace=True))


def _argument(rng: random.Random, name: str) -> int:
    """An argument of a host function: mostly what makes sense, with what does not in between."""
    wild = rng.random() < 0.15
    if name == "register":
        return rng.choice((0, 1, 2, -1) if wild else (0, 0, 1))
    if name.endswith("len"):
        if wild:
            return rng.choice((-1, -1, 0, 2049, 16_384, 16_385, 4_194_305, 1 << 40, 1 << 62))
        return {"hash_len": 32, "sig_len": 64, "account_len": rng.choice([len(each) for each in IDS])}.get(name, rng.choice((0, 1, 3, 20)))
    if name.endswith("ptr"):
        if wild:
            return rng.choice((0, 1, MEMORY, MEMORY - 16, MEMORY - 15, MEMORY + 1, -1, 1 << 33))
        places = {"hash_ptr": (600,), "sig_ptr": (632,), "amount_ptr": (2000, 2020, 3000)}
        return rng.choice(places.get(name, tuple(1000 + 100 * at for at in range(len(IDS))) if name == "account_ptr" else (0, 1, 500)))
    return {"v": rng.choice((0, 1, 2, 4)), "malleability": rng.choice((0, 0, 1, 2)), "promise": rng.choice((0, 0, 1, 9))}[name]


def _body(rng: random.Random, names: dict[str, tuple[str, ...]]) -> str:
    out = []
    for _ in range(rng.randrange(1, 9)):
        name = rng.choice(list(names))
        call = f"(call ${name} {' '.join(f'(i64.const {_argument(rng, param)})' for param in names[name])})"
        if host_table().functions[name].results:
            call = f"(local.set 0 (i64.add (local.get 0) {call}))"
        out.append(call)
    if rng.random() < 0.5:
        out.append("(i64.store (i32.const 3000) (local.get 0)) (call $value_return (i64.const 8) (i64.const 3000))")
    if rng.random() < 0.1:
        out.append("(loop $on (i32.store (i32.const 8) (i32.const 1)) (br $on))")
    return f"(local i64) {' '.join(out)}"


def _parameters() -> dict[str, tuple[str, ...]]:
    """The names of the parameters, from the table's own text."""
    import tomllib
    from importlib.resources import files

    table = tomllib.loads(files("sshi_near").joinpath("spec/near.toml").read_text("utf-8"))
    return {name: tuple(param.split(":")[0] for param in entry["params"]) for name, entry in table["functions"].items()}


@pytest.mark.parametrize("seed", range(6))
def test_any_host_calls_with_any_arguments(seed):
    rng = random.Random(seed)
    names = _parameters()
    for _ in range(40):
        wasm = wat_to_wasm(f'(module {chain_imports()} (memory 1) {DATA} (func (export "main") {_body(rng, names)}))', where="test")
        state = State({b"b": b"B" * rng.randrange(6000), b"": b"", b"bob": b"x"} if rng.random() < 0.6 else {})
        fields = {
            "state": state,
            "storage_usage": 100 + sum(len(key) + len(value) + 40 for key, value in state.storage.items()),
            "view": rng.random() < 0.15,
            "input": b"i" * rng.randrange(50),
            "deposit": rng.choice((0, 5, 10**24)),
            "balance": rng.choice((0, 7, 10**25)),
            "gas": rng.choice((10**13, 10**13, rng.randrange(10**9, 10**12))),
            "trace": True,
        }
        version = rng.choice(versions())
        whole = agree(request(Module(wasm), **fields), version)
        if whole.used:
            agree(request(Module(wasm), **{**fields, "gas": rng.randrange(1, whole.used + 1)}), version)


@pytest.mark.parametrize("seed", range(0, 80, 10))
def test_any_instructions(seed):
    """Whole modules of integer code that traps, branches, calls and copies, each at two limits of gas."""
    for each in range(seed, seed + 10):
        rng = random.Random(each)
        module = generate(each, bulk=rng.random() < 0.5)
        start = Code((), emit("call", 0) + emit("drop") * len(module.function_type(0).results) + emit("end"))
        module, (main,) = with_function(module, start)
        wasm = encode(replace(module, exports=(Export("main", FUNC, main),)))
        whole = agree(request(Module(wasm), trace=True), rng.choice(versions()))
        agree(request(Module(wasm), gas=rng.randrange(1, whole.burnt + 1), trace=True))


def with_function(module, code):
    """The module with one more function of type () -> (), and its index."""
    grown = with_functions(module, [("main", FuncType(b"", b""), code)])
    return grown, (len(grown.imported(FUNC)) + len(grown.funcs) - 1,)


def test_modules_that_cannot_be_linked_or_called():
    texts = [
        '(import "env" "z" (func)) (memory 1) (func (export "main"))',
        '(import "env" "input" (func (param i32))) (func (export "main"))',
        '(import "env" "input" (func (param i64) (result i64))) (func (export "main"))',
        '(import "sys" "input" (func (param i64))) (func (export "main"))',
        '(func (export "main") (drop (memory.size))) (memory 3 3)',
        '(func (export "main") (param i32))',
        '(global (export "main") i32 (i32.const 1))',
        '(import "env" "block_index" (func (result i64))) (func (export "other"))',
    ]
    for text in texts:
        for method in ("main", "other", ""):
            agree(request(Module(wat_to_wasm(f"(module {text})", where="test")), method=method, trace=True))
    agree(request(Module(b"\0asm\1\0\0\0\1")))


def test_a_program_that_forgot_is_given_everything_again():
    """State and module are sent anew after a restart, and the answer is the same."""
    runtime = real()
    body = "(drop (call $storage_read (i64.const 1) (i64.const 0) (i64.const 0))) (call $value_return (i64.const -1) (i64.const 0))"
    call = request(raw(body), state=State({b"\0": b"value"}))
    assert runtime.run(call).data == b"value"
    runtime.process.close()
    assert runtime.run(call).data == b"value"
    call.state.place = (runtime.process.generation, 4_000_000)
    assert runtime.run(call).data == b"value"


def test_a_chain_of_states_is_named_and_not_sent_again():
    runtime = real()
    write = raw("(drop (call $storage_write (i64.const 1) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0)))")
    first = runtime.run(request(write))
    assert first.state.storage == {b"\0": b""}
    assert first.state.place is not None
    assert runtime.run(request(write, state=first.state)).state is first.state


def test_a_vm_in_trouble_is_not_the_contracts_fault():
    """Under the name of a link error the chain's VM also says that it is out of memory."""
    runtime = real()
    call = request(raw(""))
    ended = runtime.run(call)
    wire = RunOk("e", "LinkError", "Cannot allocate memory (os error 12)", b"", (), "0", "0", "0", "0", 0, (), ())
    asked = runtime.process.request
    runtime.process.request = lambda message, answer: wire if answer is RunOk else asked(message, answer)
    try:
        with pytest.raises(VmError, match="in trouble: Cannot allocate memory"):
            runtime.run(call)
    finally:
        del runtime.process.request
    assert runtime.run(call) == ended


def test_ids_of_every_kind_are_among_those_tried():
    assert {kind_of(name) for name in IDS[:-1]} == set(AccountKind)
