"""A module's sizes beside a target's numbers: the contract's before linking, the artifact's after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sshi.errors import LinkError
from sshi.wasm.check.codes import codes
from sshi.wasm.check.finding import Finding
from sshi.wasm.check.rules import Rules
from sshi.wasm.flow import OPENERS
from sshi.wasm.instructions import tokens
from sshi.wasm.leb128 import encode_u
from sshi.wasm.module import FUNC, Code, FuncType, Module
from sshi.wasm.stack.height import heights


@dataclass(frozen=True, slots=True)
class Excess:
    """More of something than is allowed."""

    code: str
    value: int
    most: int
    what: str

    def __str__(self) -> str:
        return f"{self.value:,} {self.what}, {self.most:,} are allowed"


def of_module(module: Module, size: int, rules: Rules) -> Iterator[Excess]:
    """What the module as a whole has too much of; `size` is the file's."""
    rows = (
        ("code-size", size, rules.max_module_bytes, "bytes"),
        ("functions", len(module.imported(FUNC)) + len(module.funcs), rules.max_functions, "functions"),
        ("types", len(module.types), rules.max_types, "function types"),
        ("globals", len(module.globals), rules.max_globals, "globals"),
        ("tables", len(module.tables), rules.max_tables, "tables"),
    )
    yield from (Excess(code, value, most, what) for code, value, most, what in rows if most is not None and value > most)


def of_function(of: FuncType, code: Code, split: Sequence[bytes], rules: Rules) -> Iterator[Excess]:
    """What one function has too much of; `split` are its instructions."""
    local = sum(count for count, _ in code.locals)
    size = len(code.body) + len(encode_u(len(code.locals))) + sum(len(encode_u(count)) + 1 for count, _ in code.locals)
    blocks = 0 if rules.max_blocks is None else sum(token[0] in OPENERS for token in split)
    rows = (
        ("params", len(of.params), rules.max_params, "parameters"),
        ("locals", local, rules.max_locals, "locals"),
        ("body-size", size, rules.max_body_bytes, "bytes of code"),
        ("blocks", blocks, rules.max_blocks, "blocks"),
    )
    yield from (Excess(name, value, most, what) for name, value, most, what in rows if most is not None and value > most)


def of_all_functions(module: Module, size: int, rules: Rules) -> Iterator[Excess]:
    """What all functions together have too much of."""
    local = sum(count for code in module.codes for count, _ in code.locals)
    params = sum(len(module.types[of].params) for of in module.funcs)
    blocks = 0 if rules.max_total_blocks is None else sum(token[0] in OPENERS for code in module.codes for token in tokens(code.body))
    by_size = None if rules.min_bytes_per_local is None else size // rules.min_bytes_per_local
    rows = (
        ("total-locals", local, rules.max_total_locals, "locals in all functions together"),
        ("total-locals", local, by_size, f"locals in all functions together, for {size:,} bytes"),
        ("total-params", params, rules.max_total_params, "parameters of all functions together"),
        ("total-blocks", blocks, rules.max_total_blocks, "blocks in all functions together"),
    )
    yield from (Excess(code, value, most, what) for code, value, most, what in rows if most is not None and value > most)


def of_operands(module: Module, rules: Rules) -> Iterator[tuple[int, Excess]]:
    """The functions by index whose operands take too much at once."""
    most = rules.max_operand_bytes
    if most is None:
        return
    try:
        found = heights(module)
    except LinkError:
        return  # control nobody here follows, which is reported as such
    for function, height in enumerate(found, len(module.imported(FUNC))):
        if height.bytes > most:
            yield function, Excess("operands", height.bytes, most, "bytes of operands at once")


def check_artifact(module: Module, size: int, rules: Rules) -> tuple[Finding, ...]:
    """What a linked artifact has too much of: nothing that the target takes."""
    first = len(module.imported(FUNC))
    found = [("", excess) for excess in (*of_module(module, size, rules), *of_all_functions(module, size, rules))]
    for at, (of, code) in enumerate(zip(module.funcs, module.codes, strict=True), first):
        found += [(f"func[{at}]", excess) for excess in of_function(module.types[of], code, tokens(code.body), rules)]
    found += [(f"func[{at}]", excess) for at, excess in of_operands(module, rules)]
    return tuple(
        Finding(excess.code, "error", f"after linking: {excess}", rules.target, function=function, fix=codes()[excess.code].fix)
        for function, excess in found
    )
