"""House rules that are code."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(path for place in ("core", "adapters", "conformance") for path in (ROOT / place).rglob("src/**/*.py"))


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def test_imports_point_one_way():
    result = subprocess.run([Path(sys.executable).with_name("lint-imports")], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_exactly_one_module_imports_the_engine():
    assert [path.relative_to(ROOT).as_posix() for path in SOURCES if "wasmtime" in imports_of(path)] == ["core/src/sshi/host/engine.py"]


PURE = sorted(path for part in ("spec", "wasm") for path in (ROOT / "core/src/sshi" / part).glob("*.py"))
IMPURE = {"os", "io", "pathlib", "subprocess", "socket", "random", "time", "logging", "tempfile", "shutil", "sqlite3"}


@pytest.mark.parametrize("path", PURE, ids=lambda path: path.name)
def test_spec_and_wasm_do_no_io(path):
    assert not imports_of(path) & IMPURE


def test_importing_sshi_imports_no_adapter():
    code = "import sys, sshi; print([name for name in sys.modules if name.startswith('sshi_')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_importing_the_command_line_imports_no_engine():
    code = "import sys, sshi.cli.main; print('wasmtime' in sys.modules, 'rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False False"


TABLES = {"opcodes.py": "one row an opcode, and wasm has that many"}


def tracked() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listing.split("\0") if name and (ROOT / name).is_file()]


def test_no_tracked_file_is_over_64_kib_and_no_lock_file_is_tracked():
    locks = {"uv.lock", "Cargo.lock", "package-lock.json", "poetry.lock"}
    assert [path.name for path in tracked() if path.name in locks or (path.stat().st_size > 65_536 and path.name not in TABLES)] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_module_says_at_its_top_what_it_is_for(path):
    assert ast.get_docstring(ast.parse(path.read_text())), f"{path} begins with a docstring"


def test_no_source_file_is_over_600_lines():
    assert {path.name: count for path in SOURCES if (count := len(path.read_text().splitlines())) > 600 and path.name not in TABLES} == {}
