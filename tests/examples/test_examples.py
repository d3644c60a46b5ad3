"""The examples' committed modules are what their sources make, and their scenarios hold on every host."""

from __future__ import annotations

import importlib.util
import subprocess

import pytest

from sshi.link.linker import build
from sshi.link.source import read_source
from sshi.plugins import Plugins


@pytest.fixture(scope="session")
def builder(examples):
    spec = importlib.util.spec_from_file_location("build_examples", examples / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["token", "escrow", "registry"])
def test_a_committed_c_module_is_what_its_source_makes(builder, examples, tmp_path, name):
    out = tmp_path / f"{name}.wasm"
    subprocess.run(builder.c_command(examples / name / f"{name}.c", out), check=True, cwd=examples)
    assert out.read_bytes() == (examples / name / f"{name}.wasm").read_bytes(), "run `python examples/build.py`"


def test_the_committed_rust_module_is_what_its_source_makes(builder, examples, tmp_path):
    release = builder.rust_release()
    if release != builder.RUSTC:
        pytest.skip(f"rustc {builder.RUSTC} with wasm32-unknown-unknown made the committed module, here is {release or 'none'}")
    out = tmp_path / "token_rust.wasm"
    subprocess.run(builder.rust_command(examples / "token-rust/token_rust.rs", out), check=True, cwd=examples)
    assert out.read_bytes() == (examples / "token-rust/token_rust.wasm").read_bytes(), "run `python examples/build.py`"


@pytest.mark.parametrize("example", ["counter/counter.wat", "token/token.wasm", "escrow/escrow.wasm", "registry/registry.wasm"])
def test_an_example_links_alike_at_every_profile(examples, example):
    source = read_source(examples / example)
    for adapter in Plugins.load().adapters().values():
        artifacts = {build(source.wasm, source.manifest, adapter, profile).wasm for profile in adapter.profiles}
        assert len(artifacts) == 1
