"""Build the examples' modules from their sources, with the compilers that are here: `python examples/build.py [DIRECTORY]`.

C is compiled by clang from the `ziglang` package, Rust by rustc with the target `wasm32-unknown-unknown`.  tests/examples compares
what comes out with what is committed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
STACK = 4096
"""Bytes of shadow stack: plenty for these, and memory stays one page."""

C = ("token", "escrow", "registry")
RUST = {"token-rust": "token_rust"}
RUSTC = "1.95.0"
"""The release that made the committed module; another one may make other bytes."""


def c_command(source: Path, out: Path) -> list[str]:
    """Clang for wasm32, small, no C library."""
    link = ["-Wl,--no-entry", f"-Wl,-z,stack-size={STACK}", "-Wl,--export-memory"]
    flags = ["-target", "wasm32-freestanding", "-Os", "-nostdlib", "-fno-sanitize=all", "-Wall", "-Wextra"]
    return [sys.executable, "-m", "ziglang", "cc", *flags, *link, "-o", str(out), str(source)]


def rust_command(source: Path, out: Path) -> list[str]:
    """Rustc for wasm32-unknown-unknown, small, no standard library."""
    codegen = ["opt-level=s", "lto=fat", "panic=abort", "strip=debuginfo", f"link-arg=-zstack-size={STACK}"]
    options = [word for option in codegen for word in ("-C", option)]
    return [
        "rustc",
        "--edition",
        "2021",
        "--target",
        "wasm32-unknown-unknown",
        "--crate-type",
        "cdylib",
        *options,
        "-o",
        str(out),
        str(source),
    ]


def rust_release() -> str | None:
    """The release of the rustc at hand when it has the wasm target, else None."""
    if shutil.which("rustc") is None:
        return None
    place = subprocess.run(
        ["rustc", "--print", "target-libdir", "--target", "wasm32-unknown-unknown"], capture_output=True, text=True, check=False
    )
    if place.returncode or not Path(place.stdout.strip()).is_dir():
        return None
    return subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]


def commands(out: Path) -> Iterator[tuple[Path, list[str]]]:
    """(module, command) for each example whose compiler is here."""
    if find_spec("ziglang") is not None:
        for name in C:
            target = out / name / f"{name}.wasm"
            yield target, c_command(HERE / name / f"{name}.c", target)
    if rust_release() is not None:
        for folder, name in RUST.items():
            target = out / folder / f"{name}.wasm"
            yield target, rust_command(HERE / folder / f"{name}.rs", target)


def main(out: Path) -> None:
    """Build what can be built."""
    for target, command in commands(out):
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(command, check=True, cwd=HERE)
        sys.stdout.write(f"{target.name}  {target.stat().st_size:,} B\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
