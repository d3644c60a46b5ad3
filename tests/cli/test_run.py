"""`sshi run`: an entry on any host, and what it did."""

from __future__ import annotations

import pytest

from sshi.plugins import Plugins

TOKEN = ("token/token.wasm", "--init-input", "u128:1000")


def run(sshi, examples, contract, *words):
    return sshi("run", examples / contract, *words, "--json")


HOSTS = ["reference", *(f"{name}:{kind}" for name, adapter in Plugins.load().adapters().items() for kind in adapter.vms)]


@pytest.mark.parametrize("host", HOSTS)
def test_a_query_answers_the_same_on_every_host(sshi, examples, host):
    chain, _, kind = host.partition(":")
    if kind and (why := Plugins.load().adapter(chain).vms[kind].ready()):
        pytest.skip(why)
    ran = run(sshi, examples, TOKEN[0], "balance_of", *TOKEN[1:], "--input", "blob:address:alice", "--on", host)
    assert (ran.status, ran.json["outcome"]) == (0, {"kind": "returned", "data": (1000).to_bytes(16, "little").hex()})


def test_both_engines_cost_the_same(sshi, examples):
    costs = {
        engine: run(sshi, examples, TOKEN[0], "total_supply", *TOKEN[1:], "--engine", engine).json["cost"]
        for engine in ("interpreter", "aot")
    }
    assert costs["interpreter"] == costs["aot"]


def test_a_revert_is_status_1_with_its_message(sshi, examples):
    ran = run(sshi, examples, TOKEN[0], "transfer", *TOKEN[1:], "--input", "blob:address:bob", "--input", "u128:1001")
    assert (ran.status, ran.json["outcome"]) == (1, {"kind": "reverted", "message": "token: balance too low"})


def test_a_world_file_keeps_what_was_done(sshi, examples, tmp_path):
    world = tmp_path / "world.db"
    words = ("--state", world)
    assert run(sshi, examples, "token/token.wasm", "init", "--input", "u128:1000", *words).status == 0
    assert run(sshi, examples, "token/token.wasm", "transfer", "--input", "blob:address:bob", "--input", "u128:300", *words).status == 0
    balance = run(sshi, examples, "token/token.wasm", "balance_of", "--input", "blob:address:bob", *words).json["outcome"]["data"]
    assert int.from_bytes(bytes.fromhex(balance), "little") == 300
    again = run(sshi, examples, "token/token.wasm", "init", "--input", "u128:1", *words)
    assert (again.status, again.json["outcome"]["message"]) == (1, "sshi: already initialised")


def test_a_world_file_of_another_contract_s_bytes_is_refused(sshi, examples, tmp_path):
    world = tmp_path / "world.db"
    assert run(sshi, examples, "token/token.wasm", "init", "--input", "u128:1", "--state", world).status == 0
    manifest = examples / "token/sshi.toml"
    other = run(sshi, examples, "token-rust/token_rust.wasm", "total_supply", "--manifest", manifest, "--state", world)
    assert (other.status, other.json["error"]["code"]) == (2, "usage")


def test_a_file_that_is_no_world_is_one_error(sshi, examples, tmp_path):
    world = tmp_path / "world.db"
    world.write_bytes(b"\xff\xd8\xff\xe0 not a database at all" * 100)
    ran = run(sshi, examples, "counter/counter.wat", "query", "--state", world)
    assert (ran.status, ran.json["error"]["code"]) == (2, "usage.state")


def test_a_trace_shows_every_host_call(sshi, examples):
    trace = run(sshi, examples, TOKEN[0], "total_supply", *TOKEN[1:], "--trace").json["trace"]
    assert [event["function"] for event in trace] == ["storage_read", "set_return"]


@pytest.mark.parametrize(
    "words",
    [
        ("nothing.wasm", "query"),
        ("counter/counter.wat", "query", "--input", "nonsense"),
        ("counter/counter.wat", "query", "--input", "hex:zz"),
        ("counter/counter.wat", "query", "--input", "u8:256"),
        ("counter/counter.wat", "query", "--input", "@missing"),
        ("counter/counter.wat", "query", "--on", "near@1"),
        ("counter/counter.wat", "query", "--on", "near:imagined"),
        ("counter/counter.wat", "query", "--on", "ethereum"),
        ("counter/counter.wat", "query", "--on", "near", "--state", "x.db"),
    ],
)
def test_a_wrong_command_is_one_message_and_status_2(sshi, examples, words):
    ran = run(sshi, examples, *words)
    assert ran.status == 2
    assert ran.json["error"]["message"]


def test_an_unknown_entry_is_rejected_not_an_error(sshi, examples):
    ran = run(sshi, examples, "counter/counter.wat", "nothing")
    assert (ran.status, ran.json["outcome"]["reason"]) == (1, "unknown-entry")
