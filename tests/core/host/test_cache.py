"""Compiled code on disk is used when it is whole and ours, and made again otherwise; a contract never notices."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sshi.host.cache import CodeCache
from sshi.host.engine import Engine, Frame, wat_to_wasm

WASM = wat_to_wasm(
    '(module (global $g (export "g") (mut i32) (i32.const 0)) (func (export "go") (global.set $g (i32.const 41))))', where="t"
)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("SSHI_CACHE_DIR", str(tmp_path))
    return tmp_path / "code"


def works(engine: Engine) -> bool:
    instance = engine.instantiate(engine.compile(WASM), {}, Frame())
    instance.call("go")
    return instance.get_global("g") == 41


def only(folder: Path) -> Path:
    (file,) = folder.iterdir()
    return file


def test_a_second_process_finds_what_the_first_compiled(folder):
    assert works(Engine("aot"))
    file = only(folder)
    before = file.stat()
    assert works(Engine("aot"))
    assert (only(folder).stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert before.st_mode & 0o777 == 0o600


def test_the_interpreter_writes_nothing(folder):
    assert works(Engine("interpreter"))
    assert not folder.exists()


def test_code_for_another_configuration_is_another_file(folder):
    assert works(Engine("aot"))
    assert works(Engine("aot", fuel=False))
    assert len(list(folder.iterdir())) == 2


def garbage(file: Path) -> None:
    file.write_bytes(b"garbage")


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def one_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def of_another_module(file: Path) -> None:
    other = wat_to_wasm('(module (func (export "go") unreachable) (global (export "g") i32 (i32.const 0)))', where="t")
    Engine("aot").compile(other)
    (stranger,) = [path for path in file.parent.iterdir() if path != file]
    stranger.replace(file)


def writable_by_others(file: Path) -> None:
    file.chmod(0o666)


def of_another_engine(file: Path) -> None:
    """Sealed as it should be, and no code of this engine."""
    CodeCache(file.parent).store(file.name, b"\x7fELF of another build")


@pytest.mark.parametrize("damage", [garbage, emptied, truncated, one_bit, of_another_module, writable_by_others, of_another_engine])
def test_a_file_that_cannot_be_trusted_is_compiled_again_and_replaced(folder, damage):
    assert works(Engine("aot"))
    file = only(folder)
    good = file.read_bytes()
    damage(file)
    assert works(Engine("aot"))
    assert only(folder).read_bytes()[:44] == good[:44]
    assert file.stat().st_mode & 0o777 == 0o600
    seen = file.stat().st_ino
    assert works(Engine("aot"))
    assert file.stat().st_ino == seen


def test_a_cache_that_cannot_be_written_is_no_cache(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SSHI_CACHE_DIR", str(tmp_path / "file"))
    assert works(Engine("aot"))


COMPILING = """
import sys
from sshi.host.engine import Engine
Engine("aot").compile(bytes.fromhex(sys.argv[1]))
"""


def test_any_number_of_processes_may_write_at_once(folder):
    running = [subprocess.Popen([sys.executable, "-c", COMPILING, WASM.hex()]) for _ in range(4)]
    assert [process.wait() for process in running] == [0] * 4
    file = only(folder)  # and nothing half-written beside it
    seen = file.stat().st_ino
    assert works(Engine("aot"))
    assert file.stat().st_ino == seen


def test_the_oldest_files_make_room(folder, monkeypatch):
    monkeypatch.setattr("sshi.host.cache.MOST_FILES", 8)
    cache = CodeCache(folder)
    for number in range(20):
        cache.store(f"{number:02}", b"code")
    assert len(list(folder.iterdir())) <= 8
    assert cache.load("19") == b"code"
