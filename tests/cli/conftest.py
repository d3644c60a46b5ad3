"""The command line, run in this process as a shell would run it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass

import pytest

from sshi.cli.main import main


@dataclass
class Ran:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def sshi(capsys, monkeypatch):
    def run(*words: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["sshi", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return Ran(ended.value.code or 0, out, err)

    return run
