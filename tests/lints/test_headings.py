"""Host function bodies share their headings, in one order: the reader sees what is charged before what can fail."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

SOURCE = (Path(__file__).resolve().parents[2] / "core/src/sshi/host/functions.py").read_text()
ORDER = ["COST", "CHECK", "EFFECT", "RESULT"]
BODIES = [node for node in ast.parse(SOURCE).body if isinstance(node, ast.FunctionDef)]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.name)
def test_a_body_has_the_headings_in_order_and_begins_with_the_cost(body):
    found = re.findall(r"^    # ([A-Z]+)$", ast.get_source_segment(SOURCE, body) or "", re.MULTILINE)
    assert found == [heading for heading in ORDER if heading in found], found
    assert found[:1] == ["COST"], "what fails is paid for too"
    assert len(set(found)) == len(found), found
