"""A module's sizes beside a target's numbers: the contract's before linking, the artifact's after it.

Only the artifact decides: linking drops what nothing uses and adds the shim, lowering writes longer bodies, and taking out calls
shorter ones.  What the contract has too much of is said all the same, because there the place is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sshi.errors import LinkError
from sshi.wasm.check.codes import codes
from sshi.wasm.check.finding import Finding
from sshi.wasm.check.rules import Rules
from sshi.wasm.demangle import demangle
from sshi.wasm.flow import OPENERS, number
from sshi.wasm.instructions import immediates, tokens
from sshi.wasm.leb128 import encode_u
from sshi.wasm.module import FUNC, Code, FuncType, Module
from sshi.wasm.names import function_names
from sshi.wasm.opcodes import BY_MNEMONIC
from sshi.wasm.stack.height import Height, heights_of

_CONSTANTS = {BY_MNEMONIC["i32.const"].key: 0xFFFF_FFFF, BY_MNEMONIC["i64.const"].key: 0xFFFF_FFFF_FFFF_FFFF}
_WIDEST = 8
"""Bytes of an operand, at most."""
_BLOCK_BYTES, _CONSTANT_BYTES = 3, 2
"""Bytes that a block and a constant take, at least."""


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
    slots = max((table.limits.minimum for table in module.tables), default=0)
    rows = (
        ("code-size", size, rules.max_module_bytes, "bytes"),
        ("functions", len(module.imported(FUNC)) + len(module.funcs), rules.max_functions, "functions"),
        ("types", len(module.types), rules.max_types, "function types"),
        ("globals", len(module.globals), rules.max_globals, "globals"),
        ("tables", len(module.tables), rules.max_tables, "tables"),
        ("table-size", slots, rules.max_table_elements, "elements in a table"),
        ("segments", len(module.datas), rules.max_data_segments, "data segments"),
    )
    yield from _past(rows)


def of_function(of: FuncType, code: Code, rules: Rules) -> Iterator[Excess]:
    """What one function has too much of."""
    declared = sum(count for count, _ in code.locals)
    size = len(code.body) + len(encode_u(len(code.locals))) + sum(len(encode_u(count)) + 1 for count, _ in code.locals)
    rows = (
        ("params", len(of.params), rules.max_params, "parameters"),
        ("locals", len(of.params) + declared, rules.max_locals, "parameters and locals"),
        ("body-size", size, rules.max_body_bytes, "bytes of code"),
        ("blocks", _blocks((code,), rules.max_blocks), rules.max_blocks, "blocks"),
        ("constants", _constants(code, rules.max_constants), rules.max_constants, "different constants"),
    )
    yield from _past(rows)


def of_all_functions(module: Module, size: int, rules: Rules) -> Iterator[Excess]:
    """What all functions together have too much of."""
    local = sum(count for code in module.codes for count, _ in code.locals)
    params = sum(len(module.types[of].params) for of in module.funcs)
    by_size = None if rules.min_bytes_per_local is None else size // rules.min_bytes_per_local
    rows = (
        ("total-locals", local, rules.max_total_locals, "locals in all functions together"),
        ("total-locals", local, by_size, f"locals in all functions together, for {size:,} bytes"),
        ("total-params", params, rules.max_total_params, "parameters of all functions together"),
        ("total-blocks", _blocks(module.codes, rules.max_total_blocks), rules.max_total_blocks, "blocks in all functions together"),
    )
    yield from _past(rows)


def of_operands(module: Module, rules: Rules) -> Iterator[tuple[int, Excess]]:
    """The functions by index whose operands take too much at once."""
    values = {at: len(module.types[of].params) + sum(count for count, _ in code.locals) for at, of, code in _functions(module)}
    # most functions are too short to get there, and following one takes longer than anything else here
    widest = max(1, *(len(of.results) for of in module.types), 1)
    pushed = {at: widest * len(code.body) for at, _, code in _functions(module)}
    asked = [
        at
        for at in pushed
        if (rules.max_operand_bytes is not None and _WIDEST * pushed[at] > rules.max_operand_bytes)
        or (rules.max_registers is not None and values[at] + pushed[at] > rules.max_registers)
    ]
    try:
        found: dict[int, Height] = heights_of(module, asked)
    except LinkError:
        return  # control nobody here follows, which is reported as such
    for at, height in found.items():
        rows = (
            ("operands", height.bytes, rules.max_operand_bytes, "bytes of operands at once"),
            ("registers", values[at] + height.slots, rules.max_registers, "parameters, locals and operands at once"),
        )
        yield from ((at, excess) for excess in _past(rows))


def check_artifact(module: Module, size: int, rules: Rules, more: Iterable[Excess] = ()) -> tuple[Finding, ...]:
    """What a linked artifact has too much of, and `more` of that kind; nothing that the target takes.  `size` is the file's.

    What takes seconds to find out about a large module, operands and `more`, is asked only when nothing else is too much.
    """
    names = function_names(module)

    def called(at: int) -> str:
        return demangle(names[at]) if at in names else f"func[{at}]"

    found = [("", excess) for excess in (*of_module(module, size, rules), *of_all_functions(module, size, rules))]
    for at, of, code in _functions(module):
        found += [(called(at), excess) for excess in of_function(module.types[of], code, rules)]
    if not found:
        found = [*(("", excess) for excess in more), *((called(at), excess) for at, excess in of_operands(module, rules))]
    return tuple(
        [
            Finding(excess.code, "error", f"after linking: {excess}", rules.target, function=function, fix=codes()[excess.code].fix)
            for function, excess in found
        ]
    )


def _past(rows: Iterable[tuple[str, int, int | None, str]]) -> Iterator[Excess]:
    return (Excess(code, value, most, what) for code, value, most, what in rows if most is not None and value > most)


def _functions(module: Module) -> Iterator[tuple[int, int, Code]]:
    """Index, type and body of each defined function."""
    first = len(module.imported(FUNC))
    return ((at, of, code) for at, (of, code) in enumerate(zip(module.funcs, module.codes, strict=True), first))


# A body is read only when it is long enough to have too many: hardly one is.


def _blocks(codes: Sequence[Code], most: int | None) -> int:
    """How many blocks are in these bodies; 0 where there cannot be too many."""
    if most is None or sum(len(code.body) for code in codes) <= _BLOCK_BYTES * most:
        return 0
    return sum(token[0] in OPENERS for code in codes for token in tokens(code.body))


def _constants(code: Code, most: int | None) -> int:
    """How many different values a body's integer constants have, an i32 read as unsigned; 0 where there cannot be too many."""
    if most is None or len(code.body) <= _CONSTANT_BYTES * most:
        return 0
    values = ((token[0], immediates(token)[0]) for token in set(tokens(code.body)) if token[0] in _CONSTANTS)
    return len({_CONSTANTS[op] & number(value) for op, value in values})
