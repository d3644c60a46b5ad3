"""Every fenced block in the documentation holds: commands run, WAT assembles, TOML and JSON parse, Python compiles."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
import tomllib
from pathlib import Path

import pytest

from sshi.cli.main import main
from sshi.host.engine import wat_to_wasm
from sshi.spec.loader import interface

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks():
    for page in PAGES:
        text = page.read_text()
        for match in FENCE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            yield pytest.param(match[1], match[2], id=f"{page.relative_to(ROOT)}:{line}")


def commands(text: str) -> list[list[str]]:
    """The `sshi …` lines, what stands two spaces behind them being a remark."""
    lines = [line.removeprefix("$ ") for line in text.splitlines()]
    return [shlex.split(re.split(r"\s{2,}", line)[0])[1:] for line in lines if line.startswith("sshi ")]


@pytest.fixture
def place(tmp_path, monkeypatch, examples):
    shutil.copy(examples / "token/token.wasm", tmp_path / "token.wasm")
    shutil.copy(examples / "token/sshi.toml", tmp_path / "sshi.toml")
    shutil.copy(examples / "token/scenario.toml", tmp_path / "token.toml")
    shutil.copytree(examples, tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("kind", "text"), [*blocks()])
def test_a_block_holds(kind, text, place, monkeypatch, capsys):
    if kind == "wat":
        fragment = text if text.lstrip().startswith(("(module", ";;")) else f"(module {text})"
        wat_to_wasm(fragment, where="documentation")
    elif kind == "toml":
        tomllib.loads(text)
    elif kind == "json":
        json.loads(text)
    elif kind == "python":
        compile(text, "documentation", "exec")
    elif kind in {"text", "sh"}:
        for words in commands(text):
            if "--adapter" in words and words[words.index("--adapter") + 1] == "ledgerjs":
                continue  # tests/adapters/test_third_party.py installs that one and runs this line
            monkeypatch.setattr(sys, "argv", ["sshi", *words])
            with pytest.raises(SystemExit) as ended:
                main()
            assert not ended.value.code, f"sshi {' '.join(words)}: {capsys.readouterr()}"
    else:
        pytest.fail(f"a fenced block says what it is; {kind!r} is none of wat, toml, json, python, text, sh")


def test_every_relative_link_leads_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"


def test_the_why_page_counts_the_functions_right():
    assert len(interface().functions) == 20
