"""Results on disk, by content: a file is used only when it is ours, whole and what its name says.

Loading machine code that somebody else wrote is running it, so a file must belong to this user, be writable by nobody else,
and carry the hash of its key and content.  Any number of processes may write at once: a file appears complete or not at all.
A cache that cannot be read or written is as good as an empty one; nothing here raises.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
from pathlib import Path

_MAGIC = b"sshi-code-1\n"
_DIGEST = hashlib.sha256().digest_size
MOST_FILES = 2_048


def cache_directory() -> Path:
    """Where compiled code, built programs and crash inputs are kept: $SSHI_CACHE_DIR, or the user's cache."""
    chosen = os.environ.get("SSHI_CACHE_DIR")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    if sys.platform == "darwin" and not base:
        return Path.home() / "Library" / "Caches" / "sshi"
    return (Path(base) if base else Path.home() / ".cache") / "sshi"


class CodeCache:
    """Files of `directory`, one a key; keys are hex digests."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def load(self, key: str) -> bytes | None:
        """The code stored under the key, or None."""
        try:
            with (self.directory / key).open("rb") as file:
                status = os.fstat(file.fileno())
                if status.st_uid != os.getuid() or status.st_mode & 0o022:
                    return None
                data = file.read()
        except OSError:
            return None
        seal = data[len(_MAGIC) : len(_MAGIC) + _DIGEST]
        code = data[len(_MAGIC) + _DIGEST :]
        return code if data.startswith(_MAGIC) and seal == _seal(key, code) else None

    def store(self, key: str, code: bytes | bytearray) -> None:
        """Keep the code; an older file of that key is replaced."""
        with contextlib.suppress(OSError):
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._prune()
            descriptor, temporary = tempfile.mkstemp(dir=self.directory, prefix=".new-")  # readable by this user only
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(_MAGIC + _seal(key, code) + code)
                Path(temporary).replace(self.directory / key)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise

    def _prune(self) -> None:
        """Make room: when there are too many files the older half goes."""
        files = list(self.directory.iterdir())
        if len(files) < MOST_FILES:
            return
        ages: list[tuple[float, Path]] = []
        for file in files:
            with contextlib.suppress(OSError):  # another process prunes too
                ages.append((file.stat().st_mtime, file))
        for _, file in sorted(ages)[: len(ages) // 2]:
            file.unlink(missing_ok=True)


def _seal(key: str, code: bytes | bytearray) -> bytes:
    return hashlib.sha256(key.encode() + b"\0" + code).digest()
