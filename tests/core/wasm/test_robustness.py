"""Malformed and hostile modules end in a clean error, or in modules that wasmtime accepts: `make robust` in small."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def robust():
    """The program's own modules, which are scripts of the repository and no package."""
    sys.path.insert(0, str(ROOT))
    try:
        from robustness import inputs, passes

        yield inputs, passes
    finally:
        sys.path.remove(str(ROOT))


def test_every_input_that_was_kept_ends_as_it_should(robust):
    inputs, passes = robust
    for name, data in inputs.kept().items():
        try:
            passes.tried(data)
        except Exception as error:
            error.add_note(name)
            raise


def test_every_explained_difference_is_shown_by_an_input_that_was_kept(robust):
    """An explanation of nothing would hide the next thing that looks like it."""
    inputs, passes = robust
    shown = {passes.tried(data).difference for data in inputs.kept().values()}
    assert set(passes.differences()) - shown == set()


@pytest.mark.parametrize("source", ["truncated", "flipped", "edited", "sections", "bodies", "smith", "mutated"])
def test_inputs_of_every_source_end_as_they_should(robust, source, wasm_tools):
    """Check, inspect, meter in its modes, the stack limit, lowering and linking; wasmtime's verdict beside ours."""
    inputs, passes = robust
    ends = set()
    for number in range(40):
        data = inputs.make(source, number, 2026)
        if len(data) < 10_000:
            try:
                ends.add(passes.tried(data).end)
            except Exception as error:
                error.add_note(f"make robust: {source} {number}, seed 2026")
                raise
    assert ends


def test_a_command_is_weighed_by_what_it_takes_itself(robust):
    """In a process of its own: neither what was there before counts, nor does what another command left."""
    costs, size = weighing(), 64 << 20
    before = b"\1" * size
    for _ in range(2):
        assert costs.run("large", lambda: len(b"\1" * size)) == size
        assert costs.run("small", lambda: before.count(b"\1")) == size
        assert abs(costs.memory["large"] - size) < 16 << 20
        assert costs.memory["small"] < 16 << 20


def test_what_is_free_in_the_process_is_weighed_when_a_command_uses_it(robust):
    pieces = [bytes(2_000) for _ in range(50_000)]
    last = bytes(2_000)  # behind them: what is free at the end of the heap is given back by itself
    del pieces
    costs = weighing()
    assert costs.run("again", lambda: len([bytes(2_000) for _ in range(32_768)])) == 32_768
    assert costs.memory["again"] > 60 << 20
    assert len(last) == 2_000


def test_a_command_that_fails_or_is_lost_in_its_own_process_says_so(robust):
    costs = weighing()
    with pytest.raises(Exception, match="ZeroDivisionError"):
        costs.run("fails", lambda: 1 // 0)
    with pytest.raises(Exception, match="lost: dies ended with 3"):
        costs.run("dies", lambda: os._exit(3))
    assert not costs.seconds


def test_as_many_inputs_are_planned_as_were_asked_for(robust):
    from robustness.__main__ import planned

    for inputs in (1_000, 4_999, 100_000):
        assert inputs <= len(planned(inputs, 0)) < inputs + 10


def weighing():
    from robustness.worker import Costs

    return Costs(weighs=True)
