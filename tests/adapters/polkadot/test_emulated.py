"""The emulated pallet refuses, bounds and undoes what the real one does; where the world is `world`, both are asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sshi.errors import UsageError
from sshi.host.chain import Code
from sshi.host.engine import wat_to_wasm
from sshi.host.outcome import Exhausted, Refusal, Resource, Returned, Trapped
from sshi.spec.manifest import Entry, Manifest
from sshi.wasm.decode import decode
from sshi.wasm.encode import encode
from sshi_polkadot.emulated.code import Refused, admit
from sshi_polkadot.emulated.hostcalls import host_functions

MANIFEST = Manifest(1, "test", (Entry("go"),))
MEMORY = '(import "env" "memory" (memory 1 16))'
ENTRIES = '(func (export "deploy")) (func (export "call"))'


def raw(body: str) -> Code:
    """A module for the pallet itself, without shim and glue."""
    return Code(wat_to_wasm(f"(module {body})", where="test"), MANIFEST)


def refused(world, code: Code) -> bool:
    outcome = world.deploy(code).receipt.outcome
    return getattr(outcome, "reason", None) is Refusal.MALFORMED_MODULE


ACCEPTED = {
    "the smallest": f"{MEMORY} {ENTRIES}",
    "no pages at all": f'(import "env" "memory" (memory 0 0)) {ENTRIES}',
    "no maximum": f'(import "env" "memory" (memory 1)) {ENTRIES}',
    "sign extension": f"{MEMORY} {ENTRIES} (func (drop (i32.extend8_s (i32.const 1))))",
    "a mutable global": f"{MEMORY} {ENTRIES} (global (mut i32) (i32.const 1))",
    "an indirect call": f"{MEMORY} {ENTRIES} (table 1 funcref) (type $t (func)) (func (call_indirect (type $t) (i32.const 0)))",
    "one function for both": f'{MEMORY} (func (export "deploy") (export "call"))',
    "a passive data segment": f'{MEMORY} {ENTRIES} (data "x")',
    "data to the last byte": f'{MEMORY} {ENTRIES} (data (i32.const 65535) "x")',
}

REJECTED = {
    "no memory": ENTRIES,
    "its own memory": f"(memory 1) {ENTRIES}",
    "memory of another name": f'(import "env" "mem" (memory 1)) {ENTRIES}',
    "memory of another module": f'(import "seal0" "memory" (memory 1)) {ENTRIES}',
    "17 pages": f'(import "env" "memory" (memory 1 17)) {ENTRIES}',
    "17 pages at once": f'(import "env" "memory" (memory 17)) {ENTRIES}',
    "no deploy": f'{MEMORY} (func (export "call"))',
    "no call": f'{MEMORY} (func (export "deploy"))',
    "another function": f'{MEMORY} {ENTRIES} (func (export "more"))',
    "an exported memory": f'{MEMORY} {ENTRIES} (export "memory" (memory 0))',
    "an exported global": f'{MEMORY} {ENTRIES} (global (export "g") i32 (i32.const 0))',
    "an exported table": f'{MEMORY} {ENTRIES} (table (export "t") 1 funcref)',
    "an entry with a parameter": f'{MEMORY} (func (export "deploy")) (func (export "call") (param i32))',
    "an imported global": f'{MEMORY} (import "env" "g" (global i32)) {ENTRIES}',
    "an imported table": f'{MEMORY} (import "env" "t" (table 1 funcref)) {ENTRIES}',
    "an unknown function": f'(import "seal0" "nope" (func)) {MEMORY} {ENTRIES}',
    "a function of our interface": f'(import "env" "balance" (func (param i32))) {MEMORY} {ENTRIES}',
    "a function of another version": f'(import "seal0" "balance" (func (param i32))) {MEMORY} {ENTRIES}',
    "a float type that nobody uses": f"{MEMORY} {ENTRIES} (type (func (param f32)))",
    "a float constant": f"{MEMORY} {ENTRIES} (func (drop (f64.const 1)))",
    "a float local": f"{MEMORY} {ENTRIES} (func (local f32))",
    "a float global": f"{MEMORY} {ENTRIES} (global f32 (f32.const 0))",
    "two results in a type that nobody uses": f"{MEMORY} {ENTRIES} (type (func (result i32 i32)))",
    "a block with a parameter": f"{MEMORY} {ENTRIES} (func (i32.const 1) (block (param i32) drop))",
    "a bulk instruction": f"{MEMORY} {ENTRIES} (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))",
    "a reference": f"{MEMORY} {ENTRIES} (func (drop (ref.null func)))",
    "a passive element segment": f"{MEMORY} {ENTRIES} (table 1 funcref) (elem funcref)",
    "data past the first pages": f'{MEMORY} {ENTRIES} (data (i32.const 65536) "x")',
    "elements past the table": f"{MEMORY} (func $f) {ENTRIES} (table 1 funcref) (elem (i32.const 1) $f)",
}


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED)
def test_a_module_of_the_pallet_s_rules_is_taken(world, body):
    assert not refused(world, raw(body))


@pytest.mark.parametrize("body", REJECTED.values(), ids=REJECTED)
def test_a_module_against_them_is_not(world, body):
    assert refused(world, raw(body))


def test_bytes_that_are_no_module_are_not(world):
    for junk in (b"", b"\0asm", b"\0asm\1\0\0\0\xff", b"hello"):
        assert refused(world, Code(junk, MANIFEST))


@pytest.mark.parametrize(
    ("plain", "padded"),
    [(b"\x11\x00\x00", b"\x11\x00\x80\x80\x80\x80\x00"), (b"\x3f\x00", b"\x3f\x80\x00")],
    ids=["call_indirect", "memory.size"],
)
def test_a_padded_index_is_not(world, plain, padded):
    """wasmi reads these as one byte 0; toolchains write five."""
    body = "(call_indirect (type $t) (i32.const 0)) (drop (memory.size))"
    module = decode(raw(f"{MEMORY} {ENTRIES} (table 1 funcref) (type $t (func)) (func {body})").wasm)
    codes = tuple(replace(code, body=code.body.replace(plain, padded)) for code in module.codes)
    assert codes != module.codes
    assert refused(world, Code(encode(replace(module, codes=codes)), MANIFEST))


def test_a_module_of_123_kib_is_taken_and_one_byte_more_is_not(world):
    frame = len(raw(f'{MEMORY} {ENTRIES} (@custom "x" (after data) "")').wasm)
    for more, expected in ((0, False), (1, True)):
        size = 125_952 - frame - 4 + more  # the section's size takes three bytes now, and it is counted twice
        code = raw(f'{MEMORY} {ENTRIES} (@custom "x" (after data) "{"x" * size}")')
        while len(code.wasm) != 125_952 + more:
            size += 125_952 + more - len(code.wasm)
            code = raw(f'{MEMORY} {ENTRIES} (@custom "x" (after data) "{"x" * size}")')
        assert refused(world, code) is expected


def test_a_function_that_is_not_emulated_is_refused_by_name():
    found = admit(raw(f'(import "seal1" "terminate" (func (param i32))) {MEMORY} {ENTRIES}').wasm)
    assert isinstance(found, Refused)
    assert "seal1.terminate is not a function that the emulated pallet has" in found.why


def test_the_emulated_functions_are_those_of_the_table(adapter):
    assert {(function.module, function.name) for function in adapter.functions} == set(host_functions())


def test_an_entry_with_a_result_passes_and_cannot_be_entered(world):
    code = raw(f'{MEMORY} (func (export "deploy") (result i32) (i32.const 0)) (func (export "call"))')
    assert refused(world, code)
    code = raw(f'{MEMORY} (func (export "deploy")) (func (export "call") (result i32) (i32.const 0))')
    contract = world.deployed(code)
    assert world.call(contract, "go").outcome.reason is Refusal.MALFORMED_MODULE


SEAL = """(import "env" "memory" (memory 1 2))
  (import "seal0" "input" (func $input (param i32 i32)))
  (import "seal0" "caller" (func $caller (param i32 i32)))
  (import "seal0" "transfer" (func $transfer (param i32 i32 i32 i32) (result i32)))
  (import "seal0" "seal_return" (func $return (param i32 i32 i32)))
  (import "seal0" "deposit_event" (func $event (param i32 i32 i32 i32)))
  (import "seal1" "get_storage" (func $get (param i32 i32 i32 i32) (result i32)))
  (import "seal2" "set_storage" (func $set (param i32 i32 i32 i32) (result i32)))
  (import "seal1" "contains_storage" (func $has (param i32 i32) (result i32)))
  (import "seal1" "clear_storage" (func $clear (param i32 i32) (result i32)))
  (func $equal (param i32 i32) (if (i32.ne (local.get 0) (local.get 1)) (then unreachable)))
  (func (export "deploy"))"""

# Each ends as named, on both pallets; `call` is the body.
ERRORS = {
    "OutputBufferTooSmall": "(i32.store (i32.const 0) (i32.const 31)) (call $caller (i32.const 8) (i32.const 0))",
    "OutOfBounds": "(i32.store (i32.const 0) (i32.const 32)) (call $caller (i32.const 65505) (i32.const 0))",
    "DecodingFailed": "(call $caller (i32.const 8) (i32.const 65533))",
    "OutOfBounds, past the end": "(call $caller (i32.const 8) (i32.const 65537))",
    "DecodingFailed, at the end": "(call $caller (i32.const 8) (i32.const 65536))",
    "ValueTooLarge": "(drop (call $set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 16385)))",
    "ValueTooLarge, before the key": "(drop (call $set (i32.const 0) (i32.const 129) (i32.const 0) (i32.const 16385)))",
    "DecodingFailed, a long key": "(drop (call $has (i32.const 0) (i32.const 129)))",
    "DecodingFailed, a long key outside": "(drop (call $clear (i32.const 99999) (i32.const 129)))",
    "OutOfBounds, a key outside": "(drop (call $has (i32.const 65536) (i32.const 1)))",
    "OutOfBounds, a value outside": "(drop (call $set (i32.const 0) (i32.const 1) (i32.const 65536) (i32.const 1)))",
    "ValueTooLarge, an event": "(call $event (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 16385))",
    "DecodingFailed, a topic without its count": "(call $event (i32.const 0) (i32.const 32) (i32.const 0) (i32.const 0))",
    "DecodingFailed, a topic and more": """(i32.store8 (i32.const 0) (i32.const 4))
        (call $event (i32.const 0) (i32.const 34) (i32.const 0) (i32.const 0))""",
    "TooManyTopics": """(i32.store8 (i32.const 0) (i32.const 20))
        (call $event (i32.const 0) (i32.const 161) (i32.const 0) (i32.const 0))""",
    "OutOfBounds, event data": "(call $event (i32.const 0) (i32.const 0) (i32.const 65530) (i32.const 7))",
    "DecodingFailed, a recipient": "(drop (call $transfer (i32.const 65520) (i32.const 32) (i32.const 0) (i32.const 16)))",
    "DecodingFailed, an amount": "(drop (call $transfer (i32.const 0) (i32.const 32) (i32.const 65521) (i32.const 16)))",
    "OutOfBounds, return data": "(call $return (i32.const 0) (i32.const 65530) (i32.const 7))",
    "OutOfBounds, far too long": "(call $return (i32.const 0) (i32.const 0) (i32.const 1048577))",
    "InvalidCallFlags": "(call $return (i32.const 2) (i32.const 0) (i32.const 0))",
    "ContractTrapped": "unreachable",
    "ContractTrapped, division": "(drop (i32.div_u (i32.const 1) (i32.const 0)))",
    "ContractTrapped, memory": "(drop (i32.load (i32.const 65536)))",
    "OutputBufferTooSmall, input": "(call $input (i32.const 0) (i32.const 0))",
}


@pytest.mark.parametrize("name", ERRORS)
def test_a_host_function_fails_as_the_pallet_s_does(world, name):
    contract = world.deployed(raw(f'{SEAL} (func (export "call") {ERRORS[name]})'))
    outcome = world.call(contract, "go", b"some input").outcome
    assert isinstance(outcome, Trapped)
    assert outcome.detail == name.partition(",")[0]


FINE = {
    "an absent key looks at no output": """
        (call $equal (call $get (i32.const 0) (i32.const 1) (i32.const -1) (i32.const -1)) (i32.const 3))""",
    "the empty key is a key": """
        (call $equal (call $set (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 5)) (i32.const -1))
        (call $equal (call $has (i32.const 9) (i32.const 0)) (i32.const 5))""",
    "an old value's length": """
        (drop (call $set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 5)))
        (call $equal (call $set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 7)) (i32.const 5))
        (call $equal (call $clear (i32.const 0) (i32.const 1)) (i32.const 7))
        (call $equal (call $clear (i32.const 0) (i32.const 1)) (i32.const -1))""",
    "the length is written last": """
        (i32.store (i32.const 0) (i32.const 64))
        (call $caller (i32.const 0) (i32.const 0))
        (call $equal (i32.load (i32.const 0)) (i32.const 32))""",
    "an empty range at the end": "(call $event (i32.const 0) (i32.const 0) (i32.const 65536) (i32.const 0))",
    "an explicitly empty list of topics": "(call $event (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0))",
    "memory grows to its maximum": """
        (call $equal (memory.grow (i32.const 2)) (i32.const -1))
        (call $equal (memory.grow (i32.const 1)) (i32.const 1))
        (drop (i32.load (i32.const 131068)))""",
    "recipient lengths do not matter": """
        (call $equal (call $transfer (i32.const 0) (i32.const 5) (i32.const 64) (i32.const 1)) (i32.const 0))""",
}


@pytest.mark.parametrize("name", FINE)
def test_a_host_function_does_as_the_pallet_s_does(world, name):
    contract = world.deployed(raw(f'{SEAL} (func (export "call") {FINE[name]})'))
    assert world.call(contract, "go").outcome == Returned()


# ---- what ends, and what is left ------------------------------------------------------------------------------------


def test_code_that_never_ends_runs_out_of_gas(link, world):
    """outcome.gas"""
    contract = world.deployed(link('(module (memory (export "memory") 1) (func (export "go") (loop $l (br $l))))', "go"))
    assert world.call(contract, "go", gas=10_000_000_000).outcome == Exhausted(Resource.GAS, "OutOfGas")


ENDLESS = {
    "reads": "(drop (call $has (i32.const 0) (i32.const 1)))",
    "callers": "(i32.store (i32.const 0) (i32.const 32)) (call $caller (i32.const 8) (i32.const 0))",
    "events": "(call $event (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 16384))",
}


@pytest.mark.parametrize("name", ENDLESS)
def test_host_calls_without_end_run_out_of_gas_too(world, name):
    """A host call is millions of instructions' worth: the engine's fuel alone would let them go on."""
    contract = world.deployed(raw(f'{SEAL} (func (export "call") (loop $l {ENDLESS[name]} (br $l)))'))
    assert world.call(contract, "go", gas=50_000_000_000).outcome == Exhausted(Resource.GAS, "OutOfGas")


def test_a_limit_of_nothing_is_used_up_at_once(link, world):
    contract = world.deployed(link('(module (memory (export "memory") 1) (func (export "go")))', "go"))
    assert world.call(contract, "go", gas=0).outcome == Exhausted(Resource.GAS, "OutOfGas")


RECURSION = """(module (import "env" "input" (func $input (param i32) (result i32))) (memory (export "memory") 1)
  (func $down (param $left i32) (if (local.get $left) (then (call $down (i32.sub (local.get $left) (i32.const 1))))))
  (func (export "go") (i32.store (i32.const 0) (i32.const 8)) (drop (call $input (i32.const 0))) (call $down (i32.load (i32.const 4)))))"""


def test_calls_nest_as_deep_as_on_the_real_pallet_and_trap_when_deeper(link, world):
    """limits.depth, outcome.stack: 1,024 frames with those of `call` and of the entry"""
    contract = world.deployed(link(RECURSION, "go"))
    deepest = 1024 - 3
    assert world.call(contract, "go", deepest.to_bytes(4, "little")).outcome == Returned()
    outcome = world.call(contract, "go", (deepest + 1).to_bytes(4, "little")).outcome
    assert isinstance(outcome, Trapped)
    assert outcome.detail == "ContractTrapped"


def test_the_same_deployment_twice_is_refused(link, world):
    code = link('(module (memory (export "memory") 1) (func (export "go")))', "go")
    world.deployed(code)
    assert world.deploy(code).receipt.outcome.reason is Refusal.CONTRACT_EXISTS
    assert world.deploy(code, "another name").address is not None


def test_the_contract_that_is_there_is_named_before_the_money_that_is_not(link, world):
    """Found by the fuzzer: the address does not depend on the value, and the pallet looks at it first."""
    code = link('(module (memory (export "memory") 1) (func (export "init")))', "init:init$")
    most = world.vm.balance(world.alice) * 2 // 3
    world.deployed(code, "init", value=most)
    assert world.deploy(code, entry="init", value=most).receipt.outcome.reason is Refusal.CONTRACT_EXISTS


def test_who_has_no_account_is_refused(link, emulated):
    code = link('(module (memory (export "memory") 1) (func (export "go")))', "go")
    contract = emulated.deployed(code)
    assert emulated.call(contract, "go", caller=b"s" * 32).outcome.reason is Refusal.UNKNOWN_ACCOUNT
    assert emulated.deploy(code, caller=b"s" * 32).receipt.outcome.reason is Refusal.UNKNOWN_ACCOUNT


def test_who_has_less_than_the_value_is_refused(link, world):
    contract = world.deployed(link('(module (memory (export "memory") 1) (func (export "paid")))', "paid$"))
    poor = b"s" * 32
    world.vm.create_account(poor, 10)
    assert world.call(contract, "paid", caller=poor, value=11).outcome.reason is Refusal.INSUFFICIENT_FUNDS
    assert world.call(contract, "paid", caller=poor, value=10).outcome == Returned()
    assert (world.vm.balance(poor), world.vm.balance(contract)) == (0, 10)


@pytest.mark.parametrize(("address", "balance"), [(b"short", 1), (b"l" * 32, 2**128 - 1), (b"l" * 32, -1)])
def test_an_account_that_no_such_chain_could_have_is_a_mistake_of_the_user(emulated, address, balance):
    with pytest.raises(UsageError):
        emulated.vm.create_account(address, balance)


@pytest.mark.parametrize(("height", "time"), [(2**32, 0), (1, 2**64), (-1, 0)])
def test_so_is_a_block_of_another_width(link, emulated, height, time):
    contract = emulated.deployed(link('(module (memory (export "memory") 1) (func (export "go")))', "go"))
    emulated.vm.block_height, emulated.vm.block_time = height, time
    with pytest.raises(UsageError):
        emulated.call(contract, "go")


def test_an_account_is_none_until_it_is_made(world):
    assert world.vm.balance(b"n" * 32) is None
    world.vm.create_account(b"n" * 32, 0)
    assert world.vm.balance(b"n" * 32) == 0


def test_a_world_goes_back_to_a_snapshot_any_number_of_times(link, world):
    code = link(
        """(module (import "env" "storage_write" (func $write (param i32 i32 i32))) (memory (export "memory") 1)
          (data (i32.const 0) "\\01\\00\\00\\00k") (func (export "go") (call $write (i32.const 0) (i32.const 0) (i32.const 5))))""",
        "go$",
    )
    contract = world.deployed(code)
    world.vm.block_height = 7
    token, before = world.vm.snapshot(), world.vm.balance(world.alice)
    for _ in range(2):
        world.vm.block_height = 8
        other = world.deployed(code, name="other")
        assert world.call(contract, "go", value=5).outcome == Returned()
        world.vm.restore(token)
        assert (world.vm.storage(contract), world.vm.balance(contract), world.vm.balance(world.alice)) == ({}, 0, before)
        assert world.call(other, "go").outcome.reason is Refusal.UNKNOWN_CONTRACT
        assert world.vm.block_height == 7


def test_a_traced_call_shows_the_pallet_s_own_lines(link, world):
    code = link(
        """(module (import "env" "storage_write" (func $write (param i32 i32 i32))) (memory (export "memory") 1 1)
          (data (i32.const 0) "\\01\\00\\00\\00k")
          (func (export "go") (call $write (i32.const 0) (i32.const 0) (i32.const 5)) unreachable))""",
        "go$",
    )
    contract = world.deployed(code)
    assert world.call(contract, "go").native == ("ContractTrapped",)
    assert world.call(contract, "go", trace=True).native == (
        "seal0::input(out_ptr: 81988, out_len_ptr: 81984) = Ok(())",
        "seal2::set_storage(key_ptr: 4, key_len: 1, value_ptr: 0, value_len: 5) = Ok(4294967295)",
        "ContractTrapped",
    )
