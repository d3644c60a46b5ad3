"""`sshi build` writes what each chain is given, the same bytes every time, or nothing."""

from __future__ import annotations

import shutil

import pytest

from sshi.wasm.decode import decode

LOOP = """(module (memory (export "memory") 1 1)
  (func (export "rounds") (local i32)
    (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 100))))))"""
BAR = 3072
"""Bytes: what the linked token may take on each chain, all guards and checks in."""


@pytest.fixture
def loop(tmp_path):
    path = tmp_path / "loop.wat"
    path.write_text(LOOP)
    return path


def test_both_artifacts_and_the_bundle_are_written(sshi, examples, tmp_path):
    ran = sshi("build", examples / "token/token.wasm", "-o", tmp_path)
    assert ran.status == 0, ran.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["token.contract", "token.near.wasm", "token.polkadot.wasm"]


@pytest.mark.parametrize("chain", ["near", "polkadot"])
def test_the_linked_token_keeps_its_size(sshi, examples, tmp_path, chain):
    sshi("build", examples / "token/token.wasm", "-o", tmp_path, "-t", chain)
    assert (tmp_path / f"token.{chain}.wasm").stat().st_size <= BAR


def test_two_builds_are_the_same_bytes(sshi, examples, tmp_path):
    for place in ("a", "b"):
        sshi("build", examples / "escrow/escrow.wasm", "-o", tmp_path / place)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


@pytest.mark.parametrize("chain", ["near", "polkadot"])
def test_an_artifact_imports_only_what_its_contract_needs(sshi, examples, tmp_path, chain):
    """The counter moves no money, so nothing about money is left in it."""
    sshi("build", examples / "counter/counter.wat", "-o", tmp_path, "-t", chain)
    names = {entry.name for entry in decode((tmp_path / f"counter.{chain}.wasm").read_bytes()).imports}
    assert not {name for name in names if name == "transfer" or "promise" in name or "recover" in name or "sha" in name}


def test_a_budget_is_linked_in_and_ends_a_call_alike_on_every_chain(sshi, loop, tmp_path):
    """A hundred rounds of eight units and one for the entry: the same everywhere, whatever the chain's own gas is."""
    assert sshi("build", loop, "-o", tmp_path, "--budget", 801).status == 0
    for host in ("reference", "near:emulated", "polkadot:emulated"):
        assert sshi("run", loop, "rounds", "--budget", 801, "--on", host, "--json").json["outcome"]["kind"] == "returned"
        outcome = sshi("run", loop, "rounds", "--budget", 800, "--on", host, "--json").json["outcome"]
        assert (outcome["kind"], outcome["what"]) == ("exhausted", "gas")


def test_who_pays_twice_is_told(sshi, loop, tmp_path):
    """Chains meter by themselves."""

    def notes(*words: object) -> list[str]:
        ran = sshi("build", *words, "-o", tmp_path / "out", "-t", "polkadot", "--json")
        assert ran.status == 0, ran.err
        return ran.json["notes"]

    assert notes(loop) == []
    (note,) = notes(loop, "--budget", 5_000)
    assert "pays twice" in note
    inline, host = tmp_path / "inline.wasm", tmp_path / "host.wasm"
    assert sshi("meter", loop, "--mode", "inline", "--budget", 5_000, "-o", inline).status == 0
    assert sshi("meter", loop, "-o", host).status == 0
    (note,) = notes(inline)
    assert "pays twice" in note
    (note,) = notes(host)
    assert "taken out" in note
    (note,) = notes(host, "--budget", 5_000)
    assert "come off the budget" in note
    assert "note: " in sshi("build", host, "-o", tmp_path / "out").out
    assert sshi("build", inline, "--budget", 5, "-o", tmp_path / "out").status == 2


def test_costs_without_a_budget_are_costs_of_nothing(sshi, loop, tmp_path):
    ran = sshi("build", loop, "--costs", "any.toml", "-o", tmp_path / "out")
    assert ran.status == 2
    assert "--budget" in ran.err


def test_the_listing_is_json_when_asked_for(sshi, examples, tmp_path):
    rows = sshi("build", examples / "token/token.wasm", "-o", tmp_path, "-t", "near", "--json").json["artifacts"]
    assert [row["target"] for row in rows] == ["near@86"]
    assert (tmp_path / "token.near.wasm").stat().st_size == rows[0]["bytes"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("build", "missing.wasm"), "usage"),
        (("build", "{tmp}/junk.wasm"), "contract.malformed"),
        (("build", "{tmp}/text.wat"), "contract.invalid"),
        (("build", "{token}", "-t", "ethereum"), "adapter.broken"),
        (("build", "{token}", "-t", "near@1"), "adapter.broken"),
        (("build", "{token}", "--manifest", "{tmp}/bad.toml"), "contract.manifest"),
        (("build", "{token}", "-o", "{tmp}/junk.wasm/out"), "usage"),
    ],
)
def test_a_wrong_command_or_input_is_one_message_and_status_2(sshi, examples, tmp_path, words, code):
    (tmp_path / "junk.wasm").write_bytes(b"\xff\xd8\xff\xe0JFIF")
    (tmp_path / "text.wat").write_text("(module (func (export")
    (tmp_path / "bad.toml").write_text("sshi = 1\nname = 'x'\nentries = 5\n")
    where = {"tmp": tmp_path, "token": examples / "token/token.wasm"}
    ran = sshi(*(word.format(**where) for word in words), "--json")
    assert (ran.status, ran.json["error"]["code"]) == (2, code)


def test_nothing_is_written_when_one_target_fails(sshi, examples, tmp_path):
    ran = sshi("build", examples / "token/token.wasm", "-o", tmp_path / "out", "-t", "near", "-t", "near@1")
    assert ran.status == 2
    assert not (tmp_path / "out").exists()


def test_a_manifest_beside_the_module_a_named_one_and_a_section_say_the_same(sshi, examples, tmp_path):
    shutil.copy(examples / "token/token.wasm", tmp_path / "token.wasm")
    beside = sshi("build", examples / "token/token.wasm", "-o", tmp_path / "a")
    named = sshi("build", tmp_path / "token.wasm", "--manifest", examples / "token/sshi.toml", "-o", tmp_path / "b")
    assert (beside.status, named.status) == (0, 0)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
