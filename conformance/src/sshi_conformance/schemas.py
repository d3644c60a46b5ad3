"""JSON Schemas of the suite's files, derived from the types that read and write them."""

from __future__ import annotations

from typing import Any

import msgspec

from sshi_conformance.report import Report
from sshi_conformance.scenario import ScenarioFile

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, str]:
    """Text by file name."""
    return {
        "scenario.schema.json": _schema(ScenarioFile, "An sshi scenario: cases for one contract"),
        "report.schema.json": _schema(Report, "An sshi conformance report, format 1"),
    }


def _schema(kind: type[msgspec.Struct], title: str) -> str:
    (root,), components = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    document: dict[str, Any] = {"$schema": DRAFT, "title": title, **root, "$defs": dict(sorted(components.items()))}
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
