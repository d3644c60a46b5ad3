"""The engine's disk cache stays out of the user's."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def cache_of_its_own(cache, monkeypatch):
    """For these tests only: others look for the chains' programs in the user's."""
    monkeypatch.setenv("SSHI_CACHE_DIR", str(cache))
