"""`sshi check` names a proposal that it cannot read, when the bytes are valid with that proposal, and never takes noise for one."""

from __future__ import annotations

import pytest

from sshi.host.engine import validate, wat_to_wasm

MEMORY = '(memory (export "memory") 1)'


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Write a module in the text format, and give its name relative to the working directory."""
    monkeypatch.chdir(tmp_path)

    def write(wasm: bytes) -> str:
        (tmp_path / "it.wasm").write_bytes(wasm)
        return "it.wasm"

    return write


def assembled(text: str) -> bytes:
    return wat_to_wasm(f"(module {MEMORY} {text})", where="it.wat")


@pytest.mark.parametrize(
    ("text", "function"),
    [
        ('(type (struct (field i32))) (func (export "go"))', ""),
        ('(type (array i8)) (func (export "go"))', ""),
        ('(rec (type (func)) (type (func))) (func (export "go"))', ""),
        ('(func (export "go")) (func (param anyref))', ""),
        ('(type $t (func)) (func (export "go")) (func (param (ref $t)))', ""),
        ('(func (export "go") (drop (ref.i31 (i32.const 1))))', "go"),
        ('(func (export "go") (drop (ref.null any)))', "go"),
        ('(func (export "go") (drop (block (result anyref) (ref.null any))))', "go"),
    ],
)
def test_garbage_collection_is_a_finding_with_its_byte_wherever_it_shows(sshi, written, text, function):
    """Clause determinism.no-others."""
    wasm = assembled(text)
    done = sshi("check", written(wasm), "--json")
    assert done.status == 1
    answer = done.json
    assert {target["verdict"] for target in answer["targets"]} == {"cannot"}
    errors = [finding for finding in answer["findings"] if finding["severity"] == "error"]
    assert [finding["code"] for finding in errors] == ["gc"]
    assert errors[0]["function"] == function
    assert 0 < errors[0]["offset"] < len(wasm)
    assert set(errors[0]["targets"]) == {target["target"] for target in answer["targets"]}


def test_a_feature_nobody_here_reads_is_one_nobody_takes(sshi, written):
    done = sshi("check", written(wat_to_wasm('(module (memory (export "memory") 1 (pagesize 1)) (func (export "go")))', where="it.wat")))
    assert done.status == 1
    assert "error[unknown-feature]" in done.out


def test_bytes_that_are_wrong_whatever_is_turned_on_are_malformed_and_no_feature(sshi, written):
    """A struct type that ends too soon."""
    wasm = assembled('(type (struct (field i32))) (func (export "go"))')
    wrong = wasm.replace(b"\x5f\x01\x7f\x00", b"\x5f\x01\x00\x00")
    assert wrong != wasm
    assert validate(wrong, proposals=True) is not None
    done = sshi("check", written(wrong))
    assert done.status == 2
    assert "contract.malformed" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("command", ["build", "meter"])
def test_other_commands_point_to_the_explanation(sshi, written, command):
    done = sshi(command, written(assembled('(type (struct (field i32))) (func (export "go"))')))
    assert done.status == 2
    assert "sshi check --explain gc" in done.err
