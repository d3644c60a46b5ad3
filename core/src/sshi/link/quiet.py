"""Take out calls that mean nothing on a chain: `debug_log`, and `gas_consume` when no budget is in force.

Each call becomes the drops of its arguments, so the arguments' own effects stay, and `shake` finds the import unused.
A function that is also in a table keeps its import; the shim's empty body answers there.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from sshi.wasm.instructions import Rewriter, emit, index
from sshi.wasm.module import FUNC, Module

_CALL = 0x10


def without_calls(module: Module, importing: str, names: Collection[str]) -> Module:
    """The module with every direct call of `importing`.name replaced by drops; only functions without results can be named."""
    drops = {
        at: emit("drop") * len(module.function_type(at).params)
        for at, entry in enumerate(module.imported(FUNC))
        if entry.module == importing and entry.name in names and not module.function_type(at).results
    }
    if not drops:
        return module
    rewriter = Rewriter(lambda token: drops.get(index(token), token) if token[0] == _CALL else token)
    return replace(module, codes=rewriter.codes(module.codes))
