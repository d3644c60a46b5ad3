"""Where in the file something stands that is no instruction: a section's content, an import or export in it, a function's code."""

from __future__ import annotations

from sshi.wasm.leb128 import encode_u
from sshi.wasm.module import FUNC, SECTIONS, Import, Module

IMPORTS, TABLES, MEMORIES, GLOBALS, EXPORTS, ELEMENTS, DATAS, TAGS = 2, 4, 5, 6, 7, 9, 11, 13
"""Ids of the sections that are pointed at."""


class Places:
    """The places of one module; None for what a pass made, which is in no file."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._imports = module.imported(FUNC)
        self._sections: dict[int, tuple[int, bytes]] = {}
        at = 8
        for section in module.raw:
            at += len(section.frame)
            if section.id and section.value is getattr(module, SECTIONS[section.id]):
                self._sections[section.id] = at, section.payload
            at += len(section.payload)

    def section(self, number: int) -> int | None:
        """The first byte of a section's content."""
        found = self._sections.get(number)
        return found[0] if found else None

    def imported(self, entry: Import) -> int | None:
        """The import's first byte."""
        return self._named(IMPORTS, _text(entry.module) + _text(entry.name))

    def exported(self, name: str) -> int | None:
        """The export's first byte."""
        return self._named(EXPORTS, _text(name))

    def function(self, index: int) -> int | None:
        """The first instruction of a function, or its import."""
        if index < len(self._imports):
            return self.imported(self._imports[index])
        at = self._module.codes[index - len(self._imports)].at
        return at if at >= 0 else None

    def _named(self, number: int, encoded: bytes) -> int | None:
        # names are looked for as compilers write them, their lengths unpadded; a padded one has the section's own place
        start, payload = self._sections.get(number, (None, b""))
        return start if start is None else start + max(payload.find(encoded), 0)


def _text(name: str) -> bytes:
    encoded = name.encode()
    return encode_u(len(encoded)) + encoded
