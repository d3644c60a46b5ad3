"""A stop of the module's own, where there is no host function to call: what a pass imports to stop with becomes code, or a trap."""

from __future__ import annotations

from dataclasses import replace

from sshi.wasm.instructions import emit
from sshi.wasm.module import FUNC, Code, Module
from sshi.wasm.names import function_names, with_function_names

TRAP = emit("unreachable") + emit("end")


def without_import(module: Module, imported: tuple[str, str], name: str, body: bytes = TRAP) -> Module:
    """The module with its last function import, if it is that one and `() -> ()`, defined under this name: as a trap unless told how.

    It becomes the first function defined, so no index moves.
    """
    functions = module.imported(FUNC)
    if not functions or (functions[-1].module, functions[-1].name) != imported:
        return module
    last = functions[-1]
    module = replace(
        module,
        imports=tuple([entry for entry in module.imports if entry is not last]),
        funcs=(last.desc if isinstance(last.desc, int) else 0, *module.funcs),
        codes=(Code((), body), *module.codes),
    )
    named = function_names(module)
    return with_function_names(module, {**named, len(functions) - 1: name}) if named else module
