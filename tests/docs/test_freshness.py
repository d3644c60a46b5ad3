"""Derived files say what the program says; `make docs` writes them anew."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def regenerate():
    spec = importlib.util.spec_from_file_location("regenerate", ROOT / "docs" / "regenerate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return dict(module.derived())


DERIVED = regenerate()


@pytest.mark.parametrize("name", DERIVED)
def test_a_derived_file_is_fresh(name):
    path = ROOT / name
    assert path.is_file(), f"{name} is missing: run `make docs`"
    assert path.read_text() == DERIVED[name], f"{name} is stale: run `make docs`"
