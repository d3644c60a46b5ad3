"""The module of a generated contract: as bytes for running it by the thousand, as text for the person who must understand it.

Both come from the same `lines`; a test assembles the text and finds the bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sshi.link.guard import with_budget
from sshi.link.source import Source
from sshi.spec.loader import interface
from sshi.spec.manifest import EntryKind, encode_manifest
from sshi.wasm.encode import encode
from sshi.wasm.immediates import VOID
from sshi.wasm.instructions import emit
from sshi.wasm.module import (
    FUNC,
    FUNCREF,
    I32,
    I64,
    MEMORY,
    Code,
    Custom,
    Data,
    Element,
    Export,
    FuncType,
    Global,
    GlobalType,
    Import,
    Limits,
    Module,
    TableType,
)
from sshi_conformance.fuzz.lines import ASK, OBSERVE, RECURSE, SHOW, SWAP, Line, Writer, observation, recursion
from sshi_conformance.fuzz.program import PASSIVE, Contract, Drop, Host, Indirect, Init, Recurse, Several, Tick, observes, uses, walk

_TYPES = {"i32": I32, "i64": I64}
_PLAIN = FuncType(b"", b"")
_MISTYPED = FuncType(bytes((I32,)), b"")
_PAIR = FuncType(bytes((I64, I64)), bytes((I64, I64)))
_OBSERVE = FuncType(bytes((I32, I64)), b"")
_MNEMONIC_OF_KIND = {EntryKind.INIT: "init", EntryKind.CALL: "call", EntryKind.QUERY: "query"}


@dataclass(frozen=True)
class _Function:
    """One defined function; `name` is its export where it has one."""

    name: str
    type: FuncType
    locals: tuple[tuple[int, int], ...]
    lines: Sequence[Line | str]
    exported: bool
    note: str = ""


@dataclass(frozen=True)
class _Parts:
    """A contract made into functions; `table` holds the function indices of its first and third slot."""

    imports: dict[str, FuncType]
    functions: tuple[_Function, ...]
    table: tuple[int, int] | None
    passive: bool
    ticks: bool

    @property
    def types(self) -> tuple[FuncType, ...]:
        """Every type once, those of blocks first."""
        of_functions = [function.type for function in self.functions]
        first = [_PLAIN, _PAIR] if _PAIR in of_functions else [_PLAIN]
        return tuple(dict.fromkeys([*first, *self.imports.values(), *of_functions]))


def to_wasm(contract: Contract) -> bytes:
    """The module's bytes, its declaration in it, and its budget."""
    face = interface()
    parts = _parts(contract)
    types = parts.types
    count = len(parts.imports)
    module = Module(
        types=types,
        imports=tuple(Import(face.module, name, FUNC, types.index(of)) for name, of in parts.imports.items()),
        funcs=tuple(types.index(function.type) for function in parts.functions),
        tables=(TableType(FUNCREF, Limits(3, 3)),) if parts.table else (),
        memories=(Limits(*contract.pages),),
        exports=(
            Export(face.memory, MEMORY, 0),
            *(Export(function.name, FUNC, count + index) for index, function in enumerate(parts.functions) if function.exported),
        ),
        elements=tuple(Element(0, 0, _offset(2 * place), None, (index,)) for place, index in enumerate(parts.table or ())),
        codes=tuple(
            Code(function.locals, b"".join(emit(*line) for line in function.lines if not isinstance(line, str)))
            for function in parts.functions
        ),
        globals=(Global(GlobalType(I64, mutable=True), emit("i64.const", 5) + emit("end")),) if parts.ticks else (),
        datacount=len(contract.prepared) + 1 if parts.passive else None,
        datas=(*(Data(0, 0, _offset(at), data) for at, data in contract.prepared), *[Data(1, 0, None, PASSIVE)] * parts.passive),
        customs=(Custom(face.section, encode_manifest(contract.manifest), 11),),
    )
    return with_budget(Source("generated", encode(module), contract.manifest), contract.budget).wasm


def to_wat(contract: Contract, *, head: str = "") -> str:
    """The module as text; `head` is a comment above it."""
    face = interface()
    parts = _parts(contract)
    types = parts.types
    # an export may have the name of a function of ours
    names = [*parts.imports, *(f"entry-{function.name}" if function.exported else function.name for function in parts.functions)]
    minimum, maximum = contract.pages
    out = [f";; {line}".rstrip() for line in head.splitlines()]
    out.append("(module")
    out += [f"  (type $t{number} (func{_signature(of)}))" for number, of in enumerate(types)]
    out += [f'  (import "{face.module}" "{name}" (func ${name} (type $t{types.index(of)})))' for name, of in parts.imports.items()]
    if parts.table:
        out.append("  (table 3 3 funcref)")
        out += [f"  (elem (i32.const {2 * place}) func ${names[index]})" for place, index in enumerate(parts.table)]
    out.append(f'  (memory (export "{face.memory}") {minimum}{"" if maximum is None else f" {maximum}"})')
    out += ["  (global (mut i64) (i64.const 5))"] * parts.ticks
    out += [f'  (data (i32.const {at:#x}) "{_text(data)}")' for at, data in contract.prepared]
    out += [f'  (data "{_text(PASSIVE)}")'] * parts.passive
    for name, function in zip(names[len(parts.imports) :], parts.functions, strict=True):
        export = f' (export "{function.name}")' if function.exported else ""
        out += ["", *([f"  ;; {function.note}"] if function.note else [])]
        out.append(f"  (func ${name}{export} (type $t{types.index(function.type)})")
        runs = " ".join(" ".join(["i32" if kind == I32 else "i64"] * count) for count, kind in function.locals)
        out += [f"    (local {runs})"] if runs else []
        out += _body(function.lines, names)
        out.append("  )")
    manifest = encode_manifest(contract.manifest)
    out += ["", f'  (@custom "{face.section}" (after data) "{_text(manifest)}"))']
    return "\n".join(out) + "\n"


def _parts(contract: Contract) -> _Parts:
    face = interface()
    called = {op.function for body in contract.bodies for op in walk(body) if isinstance(op, Host)}
    called.update([SHOW] * bool(contract.entries), [ASK] * any(entry.reads_input for entry in contract.entries))
    imports = {
        name: FuncType(bytes(_TYPES[kind] for kind in function.wasm_params), bytes(_TYPES[kind] for kind in function.results))
        for name, function in face.functions.items()
        if name in called
    }
    numbers = {name: index for index, name in enumerate(imports)}
    at = len(imports)
    helpers: list[_Function] = []
    if uses(contract, observes):
        numbers[OBSERVE] = at
        helpers.append(_Function("observe", _OBSERVE, (), observation(), exported=False))
    if uses(contract, lambda op: isinstance(op, Recurse)):
        numbers[RECURSE] = at + len(helpers)
        locals_ = ((contract.frame, I64),) if contract.frame else ()
        helpers.append(_Function("recurse", _MISTYPED, locals_, recursion(numbers, contract.frame), exported=False))
    table = None
    if uses(contract, lambda op: isinstance(op, Indirect)):
        table = (at + len(helpers), at + len(helpers) + 1)
        helpers.append(_Function("nothing", _PLAIN, (), [("end",)], exported=False))
        helpers.append(_Function("mistyped", _MISTYPED, (), [("end",)], exported=False))
    if uses(contract, lambda op: isinstance(op, Several)):
        numbers[SWAP] = at + len(helpers)
        helpers.append(_Function("swap", _PAIR, (), [("local.get", 1), ("local.get", 0), ("end",)], exported=False))
    functions = list(helpers)
    segment = len(contract.prepared)
    if contract.reactor is not None:
        writer = Writer(numbers, segment)
        writer.reactor(contract.reactor)
        functions.append(_Function(face.reactor, _PLAIN, _counters(writer), writer.lines, exported=True))
    for entry in contract.entries:
        writer = Writer(numbers, segment)
        writer.entry(entry, contract.window)
        note = f"{_MNEMONIC_OF_KIND[entry.kind]}{', payable' if entry.payable else ''}"
        functions.append(_Function(entry.name, _PLAIN, _counters(writer), writer.lines, exported=True, note=note))
    passive = uses(contract, lambda op: isinstance(op, Init | Drop))
    return _Parts(imports, tuple(functions), table, passive, uses(contract, lambda op: isinstance(op, Tick)))


def _counters(writer: Writer) -> tuple[tuple[int, int], ...]:
    return ((writer.locals, I32),) if writer.locals else ()


def _offset(at: int) -> bytes:
    return emit("i32.const", at) + emit("end")


def _signature(of: FuncType) -> str:
    names = {I32: "i32", I64: "i64"}
    params = f" (param {' '.join(names[kind] for kind in of.params)})" if of.params else ""
    return params + (f" (result {' '.join(names[kind] for kind in of.results)})" if of.results else "")


_INDENTS = frozenset({"block", "loop", "if"})
_WITHOUT_IMMEDIATES = frozenset({"memory.copy", "memory.fill", "memory.size", "memory.grow"})


def _body(lines: Sequence[Line | str], names: list[str]) -> list[str]:
    """Instructions as text, one a line, indented by their blocks; the function's own `end` is left out."""
    out: list[str] = []
    depth = 2
    for line in lines[:-1]:
        if isinstance(line, str):
            out.append("  " * depth + f";; {line}")
            continue
        mnemonic, *immediates = line
        if mnemonic in ("end", "else"):
            depth -= 1
        out.append("  " * depth + _instruction(mnemonic, immediates, names))
        if mnemonic in _INDENTS or mnemonic == "else":
            depth += 1
    return out


def _instruction(mnemonic: str, immediates: Sequence[object], names: list[str]) -> str:
    match mnemonic, immediates:
        case "call", [int(index)]:
            return f"call ${names[index]}"
        case "call_indirect", [int(of), _]:
            return f"call_indirect (type $t{of})"
        case "memory.init", [int(segment), _]:
            return f"memory.init {segment}"
        case (("block" | "loop" | "if"), [int(of)]) if of != VOID:
            return f"{mnemonic} (type $t{of})"
        case "br_table", [tuple(labels)]:
            return f"br_table {' '.join(map(str, labels))}"
        case _ if mnemonic in _WITHOUT_IMMEDIATES or list(immediates) in ([VOID], []):
            return mnemonic
        case _, [(int(_), int(offset))]:
            return f"{mnemonic} align=1" + (f" offset={offset}" if offset else "")
        case _:
            return f"{mnemonic} {' '.join(map(str, immediates))}"


def _text(data: bytes) -> str:
    return "".join(chr(byte) if 0x20 <= byte < 0x7F and byte not in b'"\\' else f"\\{byte:02x}" for byte in data)
