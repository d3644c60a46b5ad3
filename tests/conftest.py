"""What every test may use: the repository's root, its examples, a private cache."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sshi.plugins import Plugins

ROOT = Path(__file__).resolve().parents[1]
JUDGES = [f"sshi vm build {name}" for name, adapter in Plugins.load().adapters().items() if adapter.vms["real"].ready() is None]
"""What a skip for want of a chain's own VM would advise, for those that are here when the tests begin."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """A judge that is here must be asked: a test that says it is not has looked in the wrong place, and proves nothing."""
    report = yield
    reason = report.longrepr[2] if report.skipped and isinstance(report.longrepr, tuple) else ""
    if any(advice in reason for advice in JUDGES):
        report.outcome, report.longrepr = "failed", f"the VM is built, and yet: {reason}"
    return report


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
