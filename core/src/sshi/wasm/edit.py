"""The small moves the passes share: write instructions as text, run code at every exit of a function, add a type, function or import.

A function index only ever shifts because an import was added; whatever else is added comes last in its space.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from sshi.wasm.flow import BR, BR_IF, BR_TABLE, END, OPENERS, RETURN, branch, labels
from sshi.wasm.immediates import VOID, Immediate
from sshi.wasm.instructions import emit, tokens
from sshi.wasm.leb128 import joined
from sshi.wasm.module import FUNC, Code, FuncType, Import, Module
from sshi.wasm.names import function_names, names, renumbered, with_function_names, with_names
from sshi.wasm.opcodes import BY_MNEMONIC
from sshi.wasm.reindex import reindex


@lru_cache(1024)
def assemble(text: str) -> bytes:
    """Instructions as `mnemonic immediate…`, one a line or parted by `;`, with `#` before a comment.

    Immediates are integers in the binary's order: a memarg is two, alignment (a power of two) and offset; the empty block type is `void`.
    """
    out: list[bytes] = []
    code = ";".join(line.partition("#")[0] for line in text.splitlines())
    for instruction in code.split(";"):
        mnemonic, *words = instruction.split() or ("",)
        if not mnemonic:
            continue
        numbers = iter([VOID if word == "void" else int(word, 0) for word in words])
        values: list[Immediate] = [
            (next(numbers), next(numbers)) if kind == "memarg" else next(numbers) for kind in BY_MNEMONIC[mnemonic].immediates
        ]
        out.append(emit(mnemonic, *values))
    return b"".join(out)


def around(code: Code, results: int, before: bytes, after: bytes) -> bytes:
    """The body with `before` at its start and `after` at every exit but a trap; `results` is the block type of what it returns.

    `after` finds the results on the stack and leaves them there.  A body that leaves from inside is wrapped in a block whose
    label takes the place of the function's: branches keep their depth, and `return` becomes a branch.
    """
    if not after:
        return before + code.body
    out: list[bytes] = []
    depth = 0
    leaves_early = False
    for token in tokens(code.body, code.at):
        op = token[0]
        if op in OPENERS:
            depth += 1
        elif op == END:
            depth -= 1
        elif op == RETURN:
            token = branch(depth)  # noqa: PLW2901  the new token takes the old one's place
            leaves_early = True
        elif op in (BR, BR_IF, BR_TABLE):
            leaves_early = leaves_early or depth in labels(token)
        out.append(token)
    end = out.pop()
    inner = emit("block", results) + joined(out) + end if leaves_early else joined(out)
    return before + inner + after + end


def with_type(module: Module, of: FuncType) -> tuple[Module, int]:
    """The module with that function type, and its index."""
    if of in module.types:
        return module, module.types.index(of)
    return replace(module, types=(*module.types, of)), len(module.types)


def result_block(module: Module, of: FuncType) -> tuple[Module, int]:
    """The block type that takes nothing and leaves a function's results: a new type when there are several."""
    if not of.results:
        return module, VOID
    if len(of.results) == 1:
        return module, of.results[0] - 0x80
    return with_type(module, FuncType(b"", of.results))


def with_functions(module: Module, functions: Sequence[tuple[str, FuncType, Code]]) -> Module:
    """The module with these functions after its own; a module that has names gets theirs too."""
    if not functions:
        return module
    first = len(module.imported(FUNC)) + len(module.funcs)
    types: list[int] = []
    for _, of, _ in functions:
        module, index = with_type(module, of)
        types.append(index)
    named = function_names(module)
    if named:
        module = with_function_names(module, {**named, **{first + at: name for at, (name, _, _) in enumerate(functions)}})
    return replace(module, funcs=(*module.funcs, *types), codes=(*module.codes, *(code for _, _, code in functions)))


def with_imports(module: Module, wanted: Sequence[tuple[tuple[str, str], FuncType]]) -> tuple[Module, list[int]]:
    """The module importing these functions, and their indices; an import it has already is used as it is."""
    imports = list(module.imports)
    functions = list(module.imported(FUNC))
    first = len(functions)
    found: list[int] = []
    for (source, name), of in wanted:
        module, index = with_type(module, of)
        wants = [isinstance(entry.desc, int) and module.types[entry.desc] == of for entry in functions]
        same = [at for at, entry in enumerate(functions) if wants[at] and (entry.module, entry.name) == (source, name)]
        found.append(same[0] if same else len(functions))
        if not same:
            functions.append(Import(source, name, FUNC, index))
            imports.append(functions[-1])
    module = shifted(module, first, len(functions) - first)
    return (module if len(imports) == len(module.imports) else replace(module, imports=tuple(imports))), found


def shifted(module: Module, first: int, by: int) -> Module:
    """The module with every function index from `first` on that much higher, wherever it is used."""
    if not by:
        return module
    total = len(module.imported(FUNC)) + len(module.funcs)
    new = [*range(first), *range(first + by, total + by)]
    old = names(module)
    if old.spaces or old.locals:
        module = with_names(module, renumbered(old, {"func": dict(enumerate(new))}))
    return reindex(module, {"func": new})
