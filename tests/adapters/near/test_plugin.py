"""The adapter through the door that every adapter comes in by."""

from __future__ import annotations

import subprocess
import sys

import pytest

from adapters.near.worlds import NEAR
from sshi.adapter import VmRequest
from sshi.errors import VmUnavailable
from sshi.host.process import find_program
from sshi.link.admission import complaints
from sshi_near import plugin


def test_the_adapter_is_sound():
    assert [*complaints(plugin.sshi_adapter())] == []


def test_naming_the_plugin_imports_neither_engine_nor_linker():
    names = ["wasmtime", "sshi.link.linker", "sshi_near.adapter"]
    code = f"import sys, sshi_near.plugin; print([name for name in {names} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_describing_the_chain_imports_no_engine():
    code = "import sys, sshi_near.plugin; sshi_near.plugin.sshi_adapter(); print('wasmtime' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_without_its_program_the_real_vm_says_so(monkeypatch):
    monkeypatch.setattr("sshi_near.adapter.find_program", lambda _: None)
    assert "sshi vm build near" in NEAR.vms["real"].ready()
    with pytest.raises(VmUnavailable) as caught:
        NEAR.vms["real"].make(VmRequest(NEAR.profile()))
    assert caught.value.hint == "build it with `sshi vm build near`"


def test_the_real_vm_is_ready_where_its_program_is():
    assert (NEAR.vms["real"].ready() is None) == (find_program("near") is not None)
    assert NEAR.vms["emulated"].ready() is None


def test_the_rust_sources_are_found_in_a_checkout():
    assert NEAR.program is not None
    assert NEAR.program.crate is not None
    assert (NEAR.program.crate / "Cargo.toml").is_file()
