"""The error tree is documented, and every code is used once."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import pytest

import sshi
from sshi.errors import SshiError

ROOT = Path(__file__).resolve().parents[2]


def every_error() -> list[type[SshiError]]:
    for module in pkgutil.walk_packages(sshi.__path__, "sshi."):
        importlib.import_module(module.name)
    found, queue = [], [SshiError]
    while queue:
        error = queue.pop()
        found.append(error)
        queue += error.__subclasses__()
    return [error for error in found if error.__module__.startswith("sshi.")]


@pytest.mark.parametrize("error", every_error(), ids=lambda error: error.__name__)
def test_every_error_code_is_described_on_the_errors_page(error):
    page = (ROOT / "docs" / "errors.md").read_text()
    assert f'<a id="{error.code}"></a>' in page, f"describe {error.code} in docs/errors.md"


def test_no_two_errors_share_a_code():
    codes = [error.code for error in every_error()]
    assert len(codes) == len(set(codes)), sorted(codes)
