"""`sshi meter` writes a module that does what it did and pays for it, or nothing."""

from __future__ import annotations

import pytest

from sshi.host.engine import validate
from sshi.wasm.decode import decode
from sshi.wasm.module import GLOBAL

LOOP = """(module (memory (export "memory") 1 1)
  (func $deep (param i32) (if (local.get 0) (then (call $deep (i32.sub (local.get 0) (i32.const 1))))))
  (func (export "rounds") (local i32)
    (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 100)))))
  (func (export "nested") (call $deep (i32.const 20))))"""

ONE_EACH = "default = 1\n[instructions]\nloop = 0\n"


@pytest.fixture
def loop(tmp_path):
    path = tmp_path / "loop.wat"
    path.write_text(LOOP)
    return path


@pytest.fixture
def costs(tmp_path):
    path = tmp_path / "costs.toml"
    path.write_text(ONE_EACH)
    return path


def test_a_metered_token_is_little_larger_and_charges_the_host(sshi, examples, tmp_path):
    out = tmp_path / "token.wasm"
    ran = sshi("meter", examples / "token/token.wasm", "-o", out, "--json")
    assert ran.status == 0, ran.err
    assert ran.json["bytes_before"] == (examples / "token/token.wasm").stat().st_size
    assert ran.json["bytes_after"] == out.stat().st_size < 1.2 * ran.json["bytes_before"]
    assert ran.json["points"] > 10
    assert "gas_consume" in {entry.name for entry in decode(out.read_bytes()).imports}


@pytest.mark.parametrize("mode", [("host",), ("inline", "--budget", 1_000_000)], ids=lambda mode: mode[0])
def test_a_metered_token_passes_its_own_scenario_on_every_host(sshi, examples, tmp_path, mode):
    token = tmp_path / "token.wasm"
    assert sshi("meter", examples / "token/token.wasm", "--mode", *mode, "--stack-limit", 100, "-o", token).status == 0
    ran = sshi(
        *("conformance", "run", token, "--scenario", examples / "token/scenario.toml", "--manifest", examples / "token/sshi.toml"),
        *("--vm", "emulated"),
    )
    assert ran.status == 0, ran.out


def test_the_host_is_told_of_every_round_of_a_loop(sshi, loop, costs, tmp_path):
    sshi("meter", loop, "--costs", costs, "-o", tmp_path / "out.wasm")
    ran = sshi("run", tmp_path / "out.wasm", "rounds", "--trace")
    assert ran.status == 0, ran.err
    assert ran.out.count("gas_consume") == 100


def test_a_budget_is_spent_to_the_unit(sshi, loop, costs, tmp_path):
    """A round is seven instructions, so a hundred of them are 700."""
    out = tmp_path / "out.wasm"
    for budget, ends in ((700, "returned"), (699, "exhausted")):
        assert sshi("meter", loop, "--costs", costs, "--mode", "inline", "--budget", budget, "-o", out).status == 0
        for host in ("reference", "near:emulated", "polkadot:emulated"):
            assert sshi("run", out, "rounds", "--on", host, "--json").json["outcome"]["kind"] == ends


def test_calls_nested_too_deep_are_exhausted(sshi, loop, tmp_path):
    """`nested` and 21 calls of `deep`."""
    out = tmp_path / "out.wasm"
    for mode in ("host", "inline"):
        for calls, ends in ((22, "returned"), (21, "exhausted")):
            words = ("--budget", 10_000) if mode == "inline" else ()
            assert sshi("meter", loop, "--mode", mode, *words, "--stack-limit", calls, "-o", out).status == 0
            for engine in ("interpreter", "aot"):
                outcome = sshi("run", out, "nested", "--engine", engine, "--json").json["outcome"]
                assert (outcome["kind"], outcome.get("what")) == (ends, "stack" if ends == "exhausted" else None)


@pytest.mark.parametrize(("end", "imported"), [((), ["revert"]), (("--end", "revert"), ["revert"]), (("--end", "trap"), [])], ids=str)
def test_an_inline_meter_exports_what_is_left_and_imports_what_ends_a_call(sshi, loop, end, imported):
    assert sshi("meter", loop, "--mode", "inline", "--stack-limit", 8, *end).status == 0
    data = loop.with_suffix(".metered.wasm").read_bytes()
    module = decode(data)
    assert validate(data) is None
    assert [entry.name for entry in module.imports] == imported
    assert module.export("gas_left", GLOBAL)


def test_a_module_without_memory_traps_unless_it_is_told_to_revert(sshi, tmp_path):
    path = tmp_path / "plain.wat"
    path.write_text('(module (func (export "f") (loop (br 0))))')
    assert sshi("meter", path, "--mode", "inline", "--json").json["ends_by"] == "trap"
    refused = sshi("meter", path, "--mode", "inline", "--end", "revert")
    assert refused.status == 2
    assert "no memory" in refused.err


def test_metering_twice_is_said_to_cost_twice(sshi, loop, tmp_path):
    once, twice = tmp_path / "once.wasm", tmp_path / "twice.wasm"
    assert sshi("meter", loop, "-o", once, "--json").json["notes"] == []
    (note,) = sshi("meter", once, "-o", twice, "--json").json["notes"]
    assert "pays twice" in note


def test_a_budget_of_nothing_is_pointed_out(sshi, loop):
    (note,) = sshi("meter", loop, "--mode", "inline", "--json").json["notes"]
    assert "--budget" in note
    assert sshi("meter", loop, "--mode", "inline", "--budget", 9, "--json").json["notes"] == []


def test_an_unchanged_module_is_metered_once_and_a_changed_one_again(sshi, loop, tmp_path, monkeypatch):
    """By content: the same bytes under another name are found, another cost table or bound is another result."""
    monkeypatch.setenv("SSHI_CACHE_DIR", str(tmp_path / "cache"))
    kept = tmp_path / "cache" / "metered"
    costs = tmp_path / "costs.toml"
    costs.write_text(ONE_EACH)
    made = {}
    for words, files in ((("--stack-limit", 9), 1), (("--stack-limit", 9), 1), (("--stack-limit", 8), 2), (("--costs", costs), 3)):
        ran = sshi("meter", loop, *words, "-o", tmp_path / "out.wasm", "--json")
        assert ran.status == 0, ran.err
        assert len(list(kept.iterdir())) == files
        facts = {**ran.json, "wasm": (tmp_path / "out.wasm").read_bytes()}
        assert made.setdefault(words, facts) == facts
    copy = tmp_path / "copy.wat"
    copy.write_text(LOOP)
    assert sshi("meter", copy, "--stack-limit", 9).status == 0
    copy.write_text(LOOP.replace("100", "101"))
    assert sshi("meter", copy, "--stack-limit", 9).status == 0
    assert len(list(kept.iterdir())) == 4


def test_a_kept_result_that_was_tampered_with_is_made_again(sshi, loop, tmp_path, monkeypatch):
    monkeypatch.setenv("SSHI_CACHE_DIR", str(tmp_path / "cache"))
    out = tmp_path / "out.wasm"
    assert sshi("meter", loop, "-o", out).status == 0
    good = out.read_bytes()
    (file,) = (tmp_path / "cache" / "metered").iterdir()
    file.write_bytes(file.read_bytes().replace(b"gas_consume", b"gas_consumf"))
    assert sshi("meter", loop, "-o", out).status == 0
    assert out.read_bytes() == good


def test_the_same_module_and_costs_give_the_same_bytes(sshi, loop, tmp_path):
    for name in "ab":
        sshi("meter", loop, "--mode", "inline", "--stack-limit", 9, "-o", tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--budget", "5"), "--mode inline"),
        (("--costs", "wrong.toml"), "i32.plus"),
        (("--costs", "absent.toml"), "absent.toml"),
        (("--stack-limit", "0"), "0"),
        (("--mode", "inline", "--budget", str(1 << 63)), "range"),
    ],
)
def test_a_wrong_command_writes_nothing(sshi, loop, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrong.toml").write_text('default = 1\n[instructions]\n"i32.plus" = 2\n')
    ran = sshi("meter", loop, *words, "-o", "out.wasm")
    assert ran.status == 2
    assert message in ran.err
    assert not (tmp_path / "out.wasm").exists()


def test_a_file_that_is_no_valid_module_is_refused(sshi, tmp_path):
    bad = tmp_path / "bad.wasm"
    bad.write_bytes(b"\0asm\1\0\0\0" + bytes.fromhex("010401600000" + "03020100" + "0a05010300 6a0b"))
    ran = sshi("meter", bad)
    assert ran.status == 2
    assert "contract.not-valid" in ran.err
    assert not bad.with_suffix(".metered.wasm").exists()


def test_the_page_shows_the_table_that_comes_along(root):
    table = (root / "core/src/sshi/wasm/meter/costs.toml").read_text()
    assert table in (root / "docs/metering.md").read_text()
