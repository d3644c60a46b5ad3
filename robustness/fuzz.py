"""Inputs that a coverage-guided fuzzer finds: libFuzzer through atheris, which sees each line of our passes that an input reaches.

    make corpus                                         grows the corpus in out/robust/corpus
    python -m robustness.fuzz --keep 40                 writes the smallest that together reach the most to inputs/found-by-atheris.hex

What fails is written by libFuzzer to the working directory, and then belongs among the inputs that are kept, by a name of its own.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import atheris

# what is imported here is instrumented: the passes and the linker, not the engine and not the standard library
with atheris.instrument_imports(include=["sshi.wasm", "sshi.link", "sshi.spec.manifest"]):
    from robustness.passes import tried

from robustness.inputs import KEPT, ROOT, modules

CORPUS = ROOT / "out" / "robust" / "corpus"
FOUND = KEPT / "found-by-atheris.hex"
LONGEST, SMALL = 4_096, 256
"""Bytes of an input while fuzzing, and of one that is kept."""

HEAD = """\
# Inputs that a coverage-guided fuzzer (atheris) found, the smallest first: each reaches something that those before it do not.
# One a line, in hexadecimal; `python -m robustness.fuzz` makes this file.
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m robustness.fuzz")
    parser.add_argument("--seconds", type=int, default=1_200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=int, help="write so many of the corpus to the repository instead of fuzzing")
    asked = parser.parse_args()
    if asked.keep is not None:
        keep(asked.keep)
        return
    CORPUS.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(modules()):
        (CORPUS / f"module-{number}").write_bytes(data)
    options = [
        f"-max_total_time={asked.seconds}",
        f"-seed={asked.seed}",
        f"-max_len={LONGEST}",
        "-timeout=60",
        "-rss_limit_mb=4096",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(CORPUS)], lambda data: tried(bytes(data)) and None)
    atheris.Fuzz()


def keep(most: int) -> None:
    """Choose inputs by the lines they reach: greedily, small ones first."""
    found = sorted((path.read_bytes() for path in CORPUS.iterdir()), key=lambda data: (len(data), data))
    reached: set[tuple[str, int]] = set()
    chosen: list[bytes] = []
    for data in found:
        if len(data) > SMALL or len(chosen) == most:
            break
        lines = _lines(data)
        if not lines <= reached:
            reached |= lines
            chosen.append(data)
    FOUND.write_text(HEAD + "".join(f"{data.hex()}\n" for data in chosen))


def _lines(data: bytes) -> set[tuple[str, int]]:
    """The lines of the passes that the input reaches."""
    seen: set[tuple[str, int]] = set()

    def watch(frame, event, _argument):
        if "/sshi/wasm/" not in frame.f_code.co_filename:
            return None
        if event == "line":
            seen.add((Path(frame.f_code.co_filename).name, frame.f_lineno))
        return watch

    sys.settrace(watch)
    try:
        tried(data)
    finally:
        sys.settrace(None)
    return seen


if __name__ == "__main__":
    main()
