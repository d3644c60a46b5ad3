"""Take out calls that mean nothing on a chain: `debug_log`, and `gas_consume` when no budget is in force.

Such a call becomes the drops of its arguments, so the arguments' own effects stay, and `shake` finds the import unused.  An
argument that is a constant or a variable goes with its drop.  A function that is also in a table keeps its import; the shim's
empty body answers there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from sshi.wasm.instructions import emit, index, tokens
from sshi.wasm.leb128 import joined
from sshi.wasm.module import FUNC, Code, Module

_CALL = 0x10
_LOCAL_GET, _GLOBAL_GET, _I32_CONST, _I64_CONST = 0x20, 0x23, 0x41, 0x42
_PURE = frozenset((_LOCAL_GET, _GLOBAL_GET, _I32_CONST, _I64_CONST))
"""Instructions that only push one value."""


def without_calls(module: Module, importing: str, names: Collection[str]) -> Module:
    """The module without direct calls of `importing`.name for each name; only functions without results can be named."""
    arities = {
        at: len(module.function_type(at).params)
        for at, entry in enumerate(module.imported(FUNC))
        if entry.module == importing and entry.name in names and not module.function_type(at).results
    }
    if not arities:
        return module
    return replace(module, codes=tuple(_quiet(code, arities) for code in module.codes))


def _quiet(code: Code, arities: Mapping[int, int]) -> Code:
    kept: list[bytes] = []
    changed = False
    for token in tokens(code.body, code.at):
        left = arities.get(index(token)) if token[0] == _CALL else None
        if left is None:
            kept.append(token)
            continue
        changed = True
        while left and kept and kept[-1][0] in _PURE:
            kept.pop()
            left -= 1
        kept += [emit("drop")] * left
    return Code(code.locals, joined(kept)) if changed else code
