"""Custom sections that a change to the code leaves wrong.

DWARF, source maps, relocations and branch hints point at bytes of the code section.  No pass here moves them along, so a pass that
moves code drops them; `positional` is for whoever wants to tell the user.
"""

from __future__ import annotations

from dataclasses import replace

from sshi.wasm.module import Module

_PREFIXES = (".debug_", "reloc.", "metadata.code.")
_NAMES = frozenset(("linking", "dylink", "dylink.0", "sourceMappingURL", "external_debug_info", "build_id"))


def positional(module: Module) -> tuple[str, ...]:
    """The names of the module's custom sections that hold only for its code as it is, byte for byte."""
    return tuple(custom.name for custom in module.customs if custom.name.startswith(_PREFIXES) or custom.name in _NAMES)


def without_positional(module: Module) -> Module:
    """The module without them."""
    dropped = frozenset(positional(module))
    return replace(module, customs=tuple(custom for custom in module.customs if custom.name not in dropped)) if dropped else module
