"""The engine's disk cache stays out of the user's."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session", autouse=True)
def cache_of_its_own(tmp_path_factory):
    before = os.environ.get("SSHI_CACHE_DIR")
    os.environ["SSHI_CACHE_DIR"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["SSHI_CACHE_DIR"]
    else:
        os.environ["SSHI_CACHE_DIR"] = before
