"""docs/scenarios.md says what the types say, and its examples are scenarios."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sshi_conformance.pieces import Piece
from sshi_conformance.scenario import Case, Expect, Step, parse_scenario
from sshi_conformance.schemas import schemas
from sshi_conformance.verdict import Status

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "scenarios.md").read_text()
BLOCKS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_every_example_is_a_scenario(block):
    assert parse_scenario(block.encode(), where="docs/scenarios.md").case


@pytest.mark.parametrize("kind", [Case, Step, Piece, Expect], ids=lambda kind: kind.__name__)
def test_every_field_is_explained(kind):
    assert [field for field in kind.__struct_fields__ if f"`{field}`" not in PAGE and f"`{field} = " not in PAGE] == []


def test_every_status_is_explained():
    assert [status for status in Status if status.value not in PAGE] == []


@pytest.mark.parametrize("name", schemas())
def test_a_schema_is_fresh(name):
    assert (DOCS / name).read_text() == schemas()[name], f"docs/{name} is stale: run `make docs`"
