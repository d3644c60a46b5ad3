"""What every test may use: the repository's root, its examples, a private cache."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def examples(root) -> Path:
    return root / "examples"


@pytest.fixture(autouse=True)
def no_plugins_from_the_environment(monkeypatch):
    """A developer's own settings must not decide a test."""
    for name in [name for name in os.environ if name.startswith("SSHI_") and name not in {"SSHI_CACHE_DIR", "SSHI_BLESS"}]:
        monkeypatch.delenv(name)
