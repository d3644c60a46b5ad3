"""The two exports of an artifact: which entry runs, what is refused before it, and in which order."""

from __future__ import annotations

import pytest

from sshi.adapter import GlueRequest
from sshi.errors import LinkError
from sshi.host.chain import Call, Code
from sshi.host.outcome import Refusal, Returned, Reverted, Trapped
from sshi.spec.manifest import Entry, EntryKind, Manifest
from sshi.wasm.decode import decode
from sshi_polkadot.emulated.code import admit
from sshi_polkadot.emulated.hostcalls import Run
from sshi_polkadot.emulated.ledger import Contract, Ledger, Pending
from sshi_polkadot.emulated.machine import execute, gas_limit
from sshi_polkadot.encoding import selector
from sshi_polkadot.glue import glue

NOT_PAYABLE = Reverted("sshi: not payable")
ALREADY = Reverted("sshi: already initialised")

# Every entry returns its own letter; `_initialize` puts a star in front when the test's module exports it.
LETTERS = """(module
  (import "env" "set_return" (func $set_return (param i32 i32)))
  (import "env" "storage_write" (func $write (param i32 i32 i32)))
  (memory (export "memory") 1)
  (func $say (param $letter i32) (i32.store8 offset=1 (i32.const 0) (local.get $letter)) (call $set_return (i32.const 0) (i32.const 2)))
  (func (export "_initialize") (i32.store8 (i32.const 0) (i32.const 42)))
  (func (export "init") (call $say (i32.const 105)))
  (func (export "init_paid") (call $say (i32.const 73)))
  (func (export "get") (call $say (i32.const 103)))
  (func (export "get_paid") (call $say (i32.const 71)))
  (func (export "set") (call $say (i32.const 115)))
  (func (export "set_paid") (call $say (i32.const 83))))"""

ENTRIES = ("init:init", "init_paid:init$", "get:query", "get_paid:query$", "set", "set_paid$")


@pytest.fixture
def letters(link) -> Code:
    return link(LETTERS, *ENTRIES)


def test_each_entry_runs_under_its_own_selector_after_initialize(letters, world):
    """entry.initialize, entry.query-call"""
    contract = world.deployed(letters, "init")
    found = {name: world.call(contract, name).outcome for name in ("get", "get_paid", "set", "set_paid")}
    assert found == {"get": Returned(b"*g"), "get_paid": Returned(b"*G"), "set": Returned(b"*s"), "set_paid": Returned(b"*S")}
    assert {name: world.query(contract, name).outcome for name in ("get", "get_paid")} == {
        "get": Returned(b"*g"),
        "get_paid": Returned(b"*G"),
    }


def test_a_deployment_returns_what_its_init_returned(letters, world):
    """guard.init-payable"""
    assert world.deploy(letters, "a", "init").receipt.outcome == Returned(b"*i")
    assert world.deploy(letters, "b", "init_paid", value=5).receipt.outcome == Returned(b"*I")


def test_value_goes_only_to_payable_entries(letters, world):
    """guard.not-payable, guard.payable"""
    contract = world.deployed(letters, "init")
    found = {name: world.call(contract, name, value=7).outcome for name in ("get", "get_paid", "set", "set_paid")}
    assert found == {"get": NOT_PAYABLE, "get_paid": Returned(b"*G"), "set": NOT_PAYABLE, "set_paid": Returned(b"*S")}
    assert world.vm.balance(contract) == 14


def test_value_that_is_refused_at_deployment_leaves_no_contract(letters, world):
    """guard.not-payable, guard.failed-init"""
    before = world.vm.balance(world.alice)
    made = world.deploy(letters, "a", "init", value=7)
    assert (made.address, made.receipt.outcome) == (None, NOT_PAYABLE)
    assert world.vm.balance(world.alice) == before


@pytest.mark.parametrize("used", ["init", "init_paid"])
def test_whichever_init_ran_all_are_closed(letters, world, used):
    """guard.init-once, guard.init-closes-all"""
    contract = world.deployed(letters, used)
    assert {world.call(contract, name).outcome.message for name in ("init", "init_paid")} == {ALREADY.message}


def test_the_payment_guard_comes_before_the_init_guard(letters, world):
    """guard.payment-first"""
    contract = world.deployed(letters, "init")
    assert world.call(contract, "init", value=1).outcome == NOT_PAYABLE
    assert world.call(contract, "init_paid", value=1).outcome == ALREADY


def test_what_the_manifest_alone_tells_is_rejected_before_anything_is_sent(letters, world):
    """entry.unknown, entry.call-query, entry.init-query, guard.init-required"""
    contract = world.deployed(letters, "init")
    assert world.call(contract, "nothing").outcome.reason is Refusal.UNKNOWN_ENTRY
    assert world.query(contract, "set").outcome.reason is Refusal.NOT_A_QUERY
    assert world.query(contract, "init").outcome.reason is Refusal.IS_INIT
    assert world.deploy(letters).receipt.outcome.reason is Refusal.INIT_REQUIRED
    assert world.deploy(letters, entry="set").receipt.outcome.reason is Refusal.NOT_INIT
    assert world.call(b"x" * 32, "set").outcome.reason is Refusal.UNKNOWN_CONTRACT


def test_an_artifact_traps_on_an_entry_that_it_does_not_have(letters, world):
    """entry.unknown, for who reaches the artifact directly: here the declaration promises too much."""
    promised = Manifest(1, "test", (*letters.manifest.entries, Entry("ghost"), Entry("ghost_init", EntryKind.INIT)))
    contract = world.deployed(Code(letters.wasm, promised), "init")
    assert isinstance(world.call(contract, "ghost").outcome, Trapped)
    assert isinstance(world.deploy(Code(letters.wasm, promised), "b", "ghost_init").receipt.outcome, Trapped)


def test_init_is_no_entry_of_call_and_a_call_is_none_of_deploy(letters, world):
    """A declaration that swaps them reaches neither."""
    swapped = Manifest(1, "test", (Entry("set", EntryKind.INIT), Entry("get", EntryKind.QUERY)))
    assert isinstance(world.deploy(Code(letters.wasm, swapped), "a", "set").receipt.outcome, Trapped)


def raw(code: Code, export: str, data: bytes, value: int = 0):
    """The artifact, reached directly with any bytes at all."""
    run = Run(Pending(Ledger(), Contract(b"")), b"c" * 32, b"a" * 32, value, data, 1, 0, gas_limit(None))
    return execute(admit(code.wasm), export, run, traced=False)


@pytest.mark.parametrize("export", ["deploy", "call"])
@pytest.mark.parametrize("data", [b"", b"\x6d", selector("init")[:3], selector("set")[:3]])
def test_an_input_without_a_whole_selector_traps(letters, export, data):
    assert isinstance(raw(letters, export, data), Trapped)


def test_a_selector_that_ends_in_0_is_not_found_in_a_shorter_input(link):
    """e320 is such a name; memory behind a short input reads 0."""
    code = link('(module (memory (export "memory") 1) (func (export "e320")))', "e320")
    assert selector("e320")[3] == 0
    assert raw(code, "call", selector("e320")) == Returned()
    assert isinstance(raw(code, "call", selector("e320")[:3]), Trapped)


def test_an_input_past_the_limit_traps(letters):
    """entry.input-limit, for who reaches the artifact directly"""
    assert raw(letters, "call", selector("set") + bytes(16_384)) == Returned(b"*s")
    assert isinstance(raw(letters, "call", selector("set") + bytes(16_385)), Trapped)


NO_INIT = '(module (memory (export "memory") 1) (func (export "go")))'


def test_a_contract_without_init_is_deployed_without_anything(link, world):
    """guard.no-init"""
    code = link(NO_INIT, "go")
    assert world.deploy(code).receipt.outcome == Returned()
    assert world.deploy(code, "b", value=1).receipt.outcome.reason is Refusal.NO_INIT
    assert world.deploy(code, "b", data=b"x").receipt.outcome.reason is Refusal.NO_INIT
    assert world.deploy(code, "b", entry="init").receipt.outcome.reason is Refusal.NO_INIT


def test_its_artifact_refuses_input_and_value_as_well(link):
    """guard.no-init, for who reaches the artifact directly"""
    code = link(NO_INIT, "go")
    assert raw(code, "deploy", b"") == Returned()
    assert isinstance(raw(code, "deploy", b"x"), Trapped)
    assert raw(code, "deploy", b"", value=1) == NOT_PAYABLE


def test_initialize_does_not_run_when_there_is_nothing_to_run_it_for(link, world):
    """A deployment without init runs no contract code, so not even a trap in `_initialize` stops it."""
    code = link('(module (memory (export "memory") 1) (func (export "_initialize") unreachable) (func (export "go")))', "go")
    contract = world.deployed(code)
    assert isinstance(world.call(contract, "go").outcome, Trapped)


def test_the_payment_guard_comes_before_initialize(link, world):
    """guard.not-payable: before anything of the contract"""
    code = link('(module (memory (export "memory") 1) (func (export "_initialize") unreachable) (func (export "go")))', "go")
    assert world.call(world.deployed(code), "go", value=1).outcome == NOT_PAYABLE


def test_entries_may_have_the_names_of_our_own_functions(link, world):
    """entry.raw-pair"""
    names = ("call", "query:query", "deploy", "selector", "refuse", "finish", "no_input", "_attached")
    bodies = " ".join(f'(func (export "{name.partition(":")[0]}"))' for name in names)
    contract = world.deployed(link(f'(module (memory (export "memory") 1) {bodies})', *names))
    assert {world.call(contract, name.partition(":")[0]).outcome for name in names} == {Returned()}


def request(*entries: Entry, imports: tuple[str, ...] = (), adapter) -> GlueRequest:
    return GlueRequest(Manifest(1, "test", entries), reactor=False, imports=frozenset(imports), profile=adapter.profile())


def test_two_entries_with_one_selector_are_a_link_error_that_names_both(adapter):
    one, other = Entry("entry_37441"), Entry("entry_135263")
    with pytest.raises(LinkError, match="'entry_37441' and 'entry_135263' have the same selector d3132859"):
        glue(request(one, other, adapter=adapter))


def test_an_artifact_asks_for_value_only_when_an_entry_is_not_payable(link):
    """The call costs 0.8 million ps."""
    module = '(module (memory (export "memory") 1) (func (export "init")) (func (export "go")))'
    assert "value_transferred" not in imports(link(module, "init:init$", "go$"))
    assert "value_transferred" in imports(link(module, "init:init$", "go"))
    assert "value_transferred" in imports(link(module, "init:init", "go$"))


def imports(code: Code) -> set[str]:
    return {entry.name for entry in decode(code.wasm).imports}


def test_an_empty_contract_imports_memory_and_what_the_guards_need(link):
    assert imports(link(NO_INIT, "go")) == {"memory", "input", "seal_return", "value_transferred"}


def test_many_entries_all_have_their_turn(link, emulated):
    names = [f"entry_{number}" for number in range(300)]
    bodies = "".join(
        f'(func (export "{name}") (i32.store (i32.const 0) (i32.const {number})) (call $r (i32.const 0) (i32.const 4)))'
        for number, name in enumerate(names)
    )
    code = link(f'(module (import "env" "set_return" (func $r (param i32 i32))) (memory (export "memory") 1) {bodies})', *names)
    contract = emulated.deployed(code)
    for number in (0, 1, 150, 299):
        assert emulated.call(contract, names[number]).outcome == Returned(number.to_bytes(4, "little"))


def test_a_query_s_flag_is_for_contracts_that_could_do_harm(adapter):
    """Without a forbidden function there is nothing to forbid."""
    query = Entry("get", EntryKind.QUERY)
    assert "global.set" in glue(request(query, imports=("storage_write",), adapter=adapter))
    assert "global.set" not in glue(request(query, imports=("storage_read",), adapter=adapter))


def test_a_call_by_another_account_is_a_call(letters, world):
    contract = world.deployed(letters, "init")
    assert world.vm.call(contract, Call("set", b"", world.bob)).outcome == Returned(b"*s")
