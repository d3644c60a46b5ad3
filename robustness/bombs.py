"""Modules of about a megabyte made to hurt: as much of one thing as fits, most of them valid.

A pass that is linear in the bytes is quadratic in something else only where nobody looked; each of these looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from sshi.wasm.encode import encode
from sshi.wasm.instructions import emit
from sshi.wasm.leb128 import encode_u
from sshi.wasm.module import (
    F32,
    F64,
    FUNC,
    FUNCREF,
    GLOBAL,
    I32,
    I64,
    MEMORY,
    V128,
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
)  # fmt: skip
from sshi.wasm.opcodes import TABLE, Op

SIZE = 1_000_000
"""Bytes of a bomb, about."""

END = emit("end")
NOTHING = FuncType(b"", b"")
ZERO = emit("i32.const", 0) + END
CONTRACT = Module(
    types=(NOTHING,),
    funcs=(0,),
    memories=(Limits(1, 15),),
    exports=(Export("memory", MEMORY, 0), Export("call", FUNC, 0)),
    codes=(Code((), END),),
)
"""A contract that does nothing; the bombs are hung on it."""

VALUES = {"i32": I32, "i64": I64, "f32": F32, "f64": F64, "v128": V128}
ZEROS = {
    "i32": emit("i32.const", 0), "i64": emit("i64.const", 0), "f32": emit("f32.const", bytes(4)), "f64": emit("f64.const", bytes(8)),
    "v128": emit("v128.const", bytes(16)), "funcref": emit("ref.null", FUNCREF - 0x80), "ref": emit("ref.null", FUNCREF - 0x80),
}  # fmt: skip

Bomb = Callable[[], bytes]


def _body(body: bytes, *locals_: tuple[int, int]) -> Bomb:
    """The contract with that body in its entry."""
    return lambda: encode(replace(CONTRACT, codes=(Code(locals_, body + END),)))


def _filled(part: bytes, *, before: bytes = b"", after: bytes = b"") -> Bomb:
    """The entry's body filled with repetitions."""
    return _body(before + part * (SIZE // len(part)) + after)


def _functions(codes: Iterable[bytes], of: FuncType = NOTHING, *locals_: tuple[int, int]) -> Module:
    """The contract with these functions besides its entry."""
    added = tuple([Code(locals_, body + END) for body in codes])
    return replace(CONTRACT, types=(NOTHING, of), funcs=(0, *[1] * len(added)), codes=(*CONTRACT.codes, *added))


def _with(**parts: object) -> Bomb:
    return lambda: encode(replace(CONTRACT, **parts))


def _custom(*sections: tuple[str, bytes], module: Module = CONTRACT) -> bytes:
    return encode(replace(module, customs=tuple([Custom(name, data, 11) for name, data in sections])))


# -- nesting and branches ----------------------------------------------------------------------------------------------------------


def _nest(opener: bytes, depth: int, inside: bytes = b"") -> Bomb:
    return _body(opener * depth + inside + END * depth)


def _far_labels() -> bytes:
    """A branch table whose every target is another block."""
    depth = SIZE // 7
    return _body(emit("block", -64) * depth + emit("i32.const", 0) + emit("br_table", tuple(range(depth))) + END * depth)()


def _far_branches() -> bytes:
    """A branch out of everything, in every block."""
    depth = SIZE // 8
    return _body(b"".join(emit("block", -64) + emit("br", at) for at in range(depth)) + END * depth)()


# -- many values at once -----------------------------------------------------------------------------------------------------------

MANY = FuncType(bytes((I32,)) * 1_000, bytes((I32,)) * 1_000)
"""As many values as wasmtime lets a function or block take and leave."""


def _wide_blocks() -> bytes:
    """Blocks that each take and leave a thousand values."""
    block = emit("block", 1) + END
    body = ZEROS["i32"] * 1_000 + block * (SIZE // len(block)) + emit("drop") * 1_000
    return encode(replace(CONTRACT, types=(NOTHING, MANY), codes=(Code((), body + END),)))


def _wide_branches() -> bytes:
    """Branch tables to a thousand blocks that each leave a thousand values."""
    table = ZEROS["i32"] * 1_001 + emit("br_table", tuple(range(1_000)))
    body = (emit("block", 1) * 1_000 + table + END * 1_000) * (SIZE // 8_000)
    return encode(replace(CONTRACT, types=(NOTHING, FuncType(b"", MANY.results)), codes=(Code((), body + emit("unreachable") + END),)))


def _wide_calls() -> bytes:
    """Calls that each take and leave a thousand values, and end each other's."""
    body = ZEROS["i32"] * 1_000 + emit("call", 1) * (SIZE // 2) + emit("drop") * 1_000
    added = Code((), b"".join(emit("local.get", at) for at in range(1_000)) + END)
    return encode(replace(CONTRACT, types=(NOTHING, MANY), funcs=(0, 1), codes=(Code((), body + END), added)))


def _wide_functions() -> bytes:
    """Functions that each have a thousand parameters."""
    return encode(_functions([b""] * (SIZE // 5), FuncType(MANY.params, b"")))


def _operands(count: int) -> Bomb:
    return _body(ZEROS["i32"] * count + emit("drop") * count)


# -- calls -------------------------------------------------------------------------------------------------------------------------


def _chain(last: bytes = b"") -> bytes:
    """Functions that each call the next, the last of them doing that."""
    count = SIZE // 9
    codes = [emit("call", at + 1) for at in range(count)]
    return encode(replace(CONTRACT, funcs=(0,) * (count + 1), codes=tuple([Code((), body + END) for body in (*codes, last)])))


def _ring() -> bytes:
    """Functions that each call the next and the one before, so that everything is one recursion."""
    count = SIZE // 13
    codes = [emit("call", (at + 1) % count) + emit("call", (at - 1) % count) for at in range(count)]
    return encode(replace(CONTRACT, funcs=(0,) * count, codes=tuple([Code((), body + END) for body in codes])))


def _everyone() -> bytes:
    """Functions that each call all the others."""
    count = int((SIZE / 3) ** 0.5)
    body = b"".join(emit("call", at) for at in range(count)) + END
    return encode(replace(CONTRACT, funcs=(0,) * count, codes=(Code((), body),) * count))


def _indirect() -> bytes:
    """Half of it functions in a table, each of a type of its own, the other half indirect calls of these types."""
    count = SIZE // 34
    types = tuple(FuncType(bytes(VALUES[name] for name in _digits(at, 15, ("i32", "i64"))), b"") for at in range(count))
    calls = b"".join(
        b"".join(ZEROS["i32" if kind == I32 else "i64"] for kind in of.params[:0]) + emit("unreachable") + emit("call_indirect", at + 1, 0)
        for at, of in enumerate(types)
    )
    return encode(
        replace(
            CONTRACT,
            types=(NOTHING, *types),
            funcs=(0, *range(1, count + 1)),
            tables=(TableType(FUNCREF, Limits(count)),),
            elements=(Element(0, 0, ZERO, None, tuple(range(1, count + 1))),),
            codes=(Code((), calls + END), *[Code((), END)] * count),
        )
    )


def _digits(value: int, size: int, of: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(of[value // len(of) ** place % len(of)] for place in range(size))


# -- one megabyte of each kind of instruction --------------------------------------------------------------------------------------


def _instructions(op: Op) -> Bomb | None:
    """A body full of that instruction, fed with zeros; None for what only shapes the code or needs more than zeros."""
    if op.mnemonic in ("block", "loop", "if", "else", "end") or any(name not in ZEROS for name in (*op.pops, *op.pushes)):
        return None
    fixed = {"f32": bytes(4), "f64": bytes(8), "v128": bytes(16), "lanes": bytes(16), "memarg": (0, 0, 0), "heap": FUNCREF - 0x80}
    values = tuple(fixed.get(kind, 0) for kind in op.immediates)
    part = b"".join(ZEROS[name] for name in op.pops) + emit(op.mnemonic, *values) + emit("drop") * len(op.pushes)
    used = replace(
        CONTRACT,
        tables=(TableType(FUNCREF, Limits(1)),),
        globals=(Global(GlobalType(I32, mutable=True), ZERO),),
        elements=(Element(1, 0, None, 0, (0,)),),
        datas=(Data(1, 0, None, b"bomb"),),
        datacount=1,
    )
    return lambda: encode(replace(used, codes=(Code(((1, I32),), part * (SIZE // len(part)) + END),)))


def _kinds() -> dict[str, Bomb]:
    """One for each shape of instruction of each proposal: the passes do not look closer."""
    found: dict[tuple[object, ...], tuple[str, Bomb]] = {}
    for op in TABLE:
        bomb = _instructions(op)
        if bomb is not None:
            found.setdefault((op.proposal, op.immediates, op.pops, len(op.pushes)), (op.mnemonic, bomb))
    return {f"a megabyte of {name}": bomb for name, bomb in found.values()}


# -- names and text ----------------------------------------------------------------------------------------------------------------


def _names(names: Iterable[str], module: Module) -> bytes:
    """The module with these names of its functions."""
    entries = [encode_u(at) + _text(name) for at, name in enumerate(names)]
    payload = encode_u(len(entries)) + b"".join(entries)
    return _custom(("name", b"\1" + encode_u(len(payload)) + payload), module=module)


def _text(name: str) -> bytes:
    encoded = name.encode()
    return encode_u(len(encoded)) + encoded


def _floats(count: int, names: Callable[[int], str]) -> Bomb:
    """Functions that each have a float, named so: names are read when something is found."""
    float_ = emit("f64.const", bytes(8)) + emit("drop")

    def make() -> bytes:
        module = _functions([float_] * count)
        first = Code((), b"".join(emit("call", at + 1) for at in range(count)) + END)
        return _names(["entry", *map(names, range(count))], replace(module, codes=(first, *module.codes[1:])))

    return make


def _colliding() -> bytes:
    """Names that are already taken by the names made for names that are taken."""
    count = SIZE // 32
    taken = [f"contract:a#{at}" for at in range(count)]
    return _names(["entry", *taken, *["a"] * count], _functions([b""] * (2 * count)))


def _locals_names() -> bytes:
    """A name for every local of every function."""
    count = SIZE // 14
    functions = [encode_u(at) + encode_u(1) + encode_u(0) + _text("x") for at in range(count)]
    payload = encode_u(count) + b"".join(functions)
    return _custom(("name", b"\2" + encode_u(len(payload)) + payload), module=_functions([b""] * count))


# -- debug information -------------------------------------------------------------------------------------------------------------


def _lines(program: bytes, *, files: bytes = b"a\0\0\0\0", minimum: int = 1, first: int = 13, operands: bytes = b"\0" * 12) -> bytes:
    """A DWARF 4 table of lines: a header, then the program."""
    header = bytes((minimum, 1, 1, 0xFB, 14, first)) + operands + b"\0" + files + b"\0"
    table = b"\4\0" + len(header).to_bytes(4, "little") + header + program
    return len(table).to_bytes(4, "little") + table


def _debug(**sections: bytes) -> Bomb:
    """A contract with a float, so that the debug information is asked, and these sections."""
    module = replace(CONTRACT, codes=(Code((), emit("f32.const", bytes(4)) + emit("drop") + END),))
    return lambda: _custom(*((f".debug_{name}", data) for name, data in sections.items()), module=module)


def _lines5() -> bytes:
    """A DWARF 5 list of files that all have the same long name."""
    long = b"x" * 100_000 + b"\0"
    formats = b"\1\1\x1f"
    files = SIZE // 8
    header = bytes((1, 1, 1, 0xFB, 14, 13)) + b"\0" * 12 + b"\1\1\x1f\1" + b"\0" * 4 + formats + encode_u(files) + b"\0" * (4 * files)
    table = b"\5\0\4\0" + len(header).to_bytes(4, "little") + header
    return _debug(line=len(table).to_bytes(4, "little") + table, line_str=long)()


ADDRESS = b"\0\5\2\1\0\0\0"
"""Sets the address to 1."""


# -- sections ----------------------------------------------------------------------------------------------------------------------


def _declared(manifest: str) -> Bomb:
    return lambda: _custom(("sshi", manifest.encode()))


def _entries(count: int) -> bytes:
    """Entries, each declared."""
    entries = ",".join(f'{{"name":"e{at}"}}' for at in range(count))
    exports = (CONTRACT.exports[0], *(Export(f"e{at}", FUNC, 0) for at in range(count)))
    return _custom(("sshi", f'{{"sshi":1,"name":"bomb","entries":[{entries}]}}'.encode()), module=replace(CONTRACT, exports=exports))


def _imports(entries: Iterable[Import]) -> bytes:
    added = tuple(entries)
    exports = (CONTRACT.exports[0], Export("call", FUNC, sum(entry.kind == FUNC for entry in added)))
    return encode(replace(CONTRACT, imports=added, exports=exports))


def _globals(count: int) -> bytes:
    """Globals that each begin with the value of the one before."""
    of = GlobalType(I32, mutable=False)
    chain = [Global(of, emit("global.get", at) + END) for at in range(count - 1)]
    body = emit("global.get", count - 1) + emit("drop") + END
    return encode(replace(CONTRACT, globals=(Global(of, ZERO), *chain), codes=(Code((), body),)))


def _constant(part: bytes) -> bytes:
    """A global whose value is computed, step by step."""
    start = emit("i64.const", -1)
    of = GlobalType(I64, mutable=True)
    return encode(replace(CONTRACT, globals=(Global(of, start + part * (SIZE // len(part)) + END),)))


HEAD = b"\0asm\1\0\0\0"


def _claiming(number: int, count: bytes = b"\xff\xff\xff\xff\x0f") -> Bomb:
    """A section that says it has four thousand million entries."""
    return lambda: HEAD + bytes((number,)) + encode_u(len(count)) + count


def _declared_locals(runs: bytes) -> Bomb:
    """An entry that declares these runs of locals."""
    body = runs + END
    code = encode_u(len(body)) + body
    return lambda: encode(replace(CONTRACT, codes=())) + b"\x0a" + encode_u(len(code) + 1) + b"\1" + code


MILLION = SIZE

BOMBS: dict[str, Bomb] = {
    "blocks in blocks": _nest(emit("block", -64), SIZE // 3),
    "loops in loops": _nest(emit("loop", -64), SIZE // 3),
    "ifs in ifs": _nest(emit("i32.const", 0) + emit("if", -64), SIZE // 5),
    "ifs and elses in each other": _nest(emit("i32.const", 0) + emit("if", -64) + emit("else"), SIZE // 6),
    "blocks one after the other": _filled(emit("block", -64) + END),
    "loops one after the other": _filled(emit("loop", -64) + END),
    "returns": _filled(emit("return")),
    "unreachables": _filled(emit("unreachable")),
    "conditional branches": _filled(emit("i32.const", 1) + emit("br_if", 0)),
    "branches out of everything": _far_branches,
    "a branch table of a million labels": _body(emit("i32.const", 0) + emit("br_table", (0,) * SIZE)),
    "a branch table to everywhere": _far_labels,
    "branch tables": _filled(emit("i32.const", 0) + emit("br_table", (0,) * 65)),
    "a branch table that claims labels": _body(emit("i32.const", 0) + b"\x0e\xff\xff\xff\xff\x0f"),
    "wide blocks": _wide_blocks,
    "wide branch tables": _wide_branches,
    "wide calls": _wide_calls,
    "wide functions": _wide_functions,
    "a high stack": _operands(SIZE // 3),
    "a chain of calls": _chain,
    "a chain of calls to a float": lambda: _chain(emit("f32.const", bytes(4)) + emit("drop")),
    "a ring of calls": _ring,
    "everyone calls everyone": _everyone,
    "indirect calls of many types": _indirect,
    "empty functions": lambda: encode(_functions([b""] * (SIZE // 4))),
    "functions of many locals": lambda: encode(_functions([b""] * (SIZE // 10), NOTHING, (49_000, I32))),
    "a thousand million locals": _declared_locals(b"\1" + encode_u(1_000_000_000) + bytes((I32,))),
    "as many locals as can be written": _declared_locals(b"\1" + encode_u(2**32 - 1) + bytes((I64,))),
    "locals run by run": _declared_locals(encode_u(SIZE // 2) + bytes((0, I32)) * (SIZE // 2)),
    "forty thousand runs of locals": _declared_locals(encode_u(40_000) + bytes((1, I32)) * 40_000),
    "types": _with(types=(NOTHING,) * (SIZE // 3)),
    "different types": _with(
        types=(
            NOTHING,
            *(FuncType(bytes(VALUES[n] for n in _digits(at, 9, ("i32", "i64", "f32", "f64"))), b"") for at in range(SIZE // 12)),
        )
    ),
    "exports": lambda: encode(replace(CONTRACT, exports=(*CONTRACT.exports, *(Export(f"e{at}", FUNC, 0) for at in range(SIZE // 9))))),
    "exports of functions": lambda: encode(
        replace(_functions([b""] * (SIZE // 13)), exports=(*CONTRACT.exports, *(Export(f"{at}", FUNC, at) for at in range(SIZE // 13))))
    ),
    "imports of nothing known": lambda: _imports(Import("env", f"storage_rea{at}", FUNC, 0) for at in range(SIZE // 24)),
    "imports from anywhere": lambda: _imports(Import(f"m{at}", "", FUNC, 0) for at in range(SIZE // 11)),
    "the same import": lambda: _imports(Import("env", "revert", FUNC, 0) for _ in range(SIZE // 13)),
    "imported globals": lambda: _imports(Import("", f"{at}", GLOBAL, GlobalType(I32, mutable=False)) for at in range(SIZE // 11)),
    "globals": _with(globals=(Global(GlobalType(I32, mutable=True), ZERO),) * (SIZE // 5)),
    "a chain of globals": lambda: _globals(SIZE // 8),
    "a sum that is a value": lambda: _constant(emit("i64.const", -1) + emit("i64.add")),
    "a product that is a value": lambda: _constant(emit("i64.const", (1 << 62) + 1) + emit("i64.mul")),
    "tables": _with(tables=(TableType(FUNCREF, Limits(1)),) * 100),
    "a large table": _with(tables=(TableType(FUNCREF, Limits(2**32 - 1)),)),
    "memories": _with(memories=(Limits(1),) * 100),
    "a large memory": _with(memories=(Limits(65_536),)),
    "data segments": _with(datas=(Data(0, 0, ZERO, b""),) * 99_000),
    "more data segments than there may be": _with(datas=(Data(0, 0, ZERO, b""),) * (SIZE // 5)),
    "a megabyte of data": _with(datas=(Data(0, 0, ZERO, b"\xff" * SIZE),)),
    "a megabyte of passive data": lambda: encode(
        replace(
            CONTRACT,
            datas=(Data(1, 0, None, b"\xff" * SIZE),),
            datacount=1,
            codes=(Code((), ZEROS["i32"] * 3 + emit("memory.init", 0, 0) + END),),
        )
    ),
    "passive data in pieces": lambda: encode(
        replace(
            CONTRACT,
            datas=(Data(1, 0, None, b"\xff"),) * 50_000,
            datacount=50_000,
            codes=(Code((), b"".join(ZEROS["i32"] * 3 + emit("memory.init", at, 0) for at in range(50_000)) + END),),
        )
    ),
    "element segments": _with(tables=(TableType(FUNCREF, Limits(1)),), elements=(Element(0, 0, ZERO, None, (0,)),) * 99_000),
    "an element segment of a million": _with(
        tables=(TableType(FUNCREF, Limits(SIZE)),), elements=(Element(0, 0, ZERO, None, (0,) * SIZE),)
    ),
    "elements as expressions": _with(
        tables=(TableType(FUNCREF, Limits(SIZE)),), elements=(Element(4, 0, ZERO, None, (emit("ref.func", 0) + END,) * (SIZE // 3)),)
    ),
    "null elements": _with(
        tables=(TableType(FUNCREF, Limits(SIZE)),),
        elements=(Element(4, 0, ZERO, None, (emit("ref.func", 0) + END, emit("ref.null", FUNCREF - 0x80) + END) * (SIZE // 6)),),
    ),
    "custom sections": lambda: _custom(*[("", b"")] * (SIZE // 3)),
    "debug sections of many names": lambda: _custom(*((f".debug_{at}", b"") for at in range(SIZE // 16))),
    "name sections": lambda: _custom(*[("name", b"")] * (SIZE // 7)),
    "functions with names": lambda: _names([f"f{at}" for at in range(SIZE // 13)], _functions([b""] * (SIZE // 13))),
    "functions of one name": lambda: _names(["a"] * (SIZE // 9), _functions([b""] * (SIZE // 9))),
    "names made to collide": _colliding,
    "names of locals": _locals_names,
    "names of functions that are not": lambda: _names(["x"] * (SIZE // 5), CONTRACT),
    "a name of a megabyte": lambda: _names(["x" * SIZE], CONTRACT),
    "a Rust name in a Rust name": _floats(30, lambda at: "_ZN" + ".17h0123456789abcdefE" * 1_500 + f"{at}!"),
    "a Rust name that refers to itself": _floats(1_000, lambda at: "_RNvB_" + "NvB_" * 200 + f"1{at % 10}"),
    "a Rust name of pairs of pairs": _floats(
        1_000, lambda at: "_RIC1aTllE" + "".join(f"TB{place}_B{place}_E" for place in "123456789abcdef") * 9 + f"E{at}"
    ),
    "a Rust type of a hundred thousand references": _floats(10, lambda at: "_RIC1a" + "R" * 99_000 + f"lE{at}"),
    "a Rust name of characters that are none": _floats(100, lambda at: f"_ZN8$ud800${at % 10}17h0123456789abcdefE"),
    "a C++ name of pointers to pointers": _floats(10, lambda at: "_Z1a" + "P" * 99_000 + f"i{at}"),
    "a C++ name that doubles": _floats(
        1_000, lambda at: "_Z1aSt4pairIiiE" + "".join(f"S_IS{n}_S{n}_E" for n in "0123456789ABCDEFGHIJKLMNOP") * 8 + f"{at}"
    ),
    "a C++ name of packs": _floats(1_000, lambda at: "_Z1aIJ" + "i" * 400 + "EEvDpDpDpDpT_" + f"{at}"),
    "a C++ number without end": _floats(10, lambda at: "_Z" + "9" * 99_000 + f"{at}"),
    "rows of lines": _debug(line=_lines(ADDRESS + b"\xff" * SIZE + b"\0\1\1")),
    "sequences of lines": _debug(line=_lines((ADDRESS + b"\xff\0\1\1") * (SIZE // 11))),
    "files of lines": _debug(line=_lines(ADDRESS + b"\xff\0\1\1", files=b"a\0\0\0\0" * (SIZE // 5))),
    "tables of lines": _debug(line=_lines(b"") * (SIZE // 40)),
    "addresses without end": _debug(line=_lines((b"\2" + b"\xff" * 9 + b"\1\1") * (SIZE // 12), minimum=255)),
    "operations of many operands": _debug(line=_lines((b"\x0c" + b"\xff" * 200) * (SIZE // 201), operands=b"\0" * 11 + b"\xff")),
    "files of one long name": _lines5,
    "a declaration that is deep": _declared("[" * SIZE),
    "a declaration that is deep inside": _declared('{"sshi":1,"name":"a","entries":[],"x":' + '{"a":' * (SIZE // 5)),
    "a declaration of many fields": _declared("{" + ",".join(f'"{at}":0' for at in range(SIZE // 11)) + "}"),
    "a declaration of a long number": _declared('{"sshi":' + "1" * SIZE + "}"),
    "a declaration of entries that are not": lambda: _custom(
        ("sshi", ('{"sshi":1,"name":"a","entries":[' + ",".join(f'{{"name":"e{at}"}}' for at in range(SIZE // 19)) + "]}").encode())
    ),
    "entries": lambda: _entries(SIZE // 32),
    "entries, fewer": lambda: _entries(2_000),
    **{f"section {number} claims its entries": _claiming(number) for number in (*range(1, 8), *range(9, 12), 13)},
    "a section that claims its bytes": lambda: HEAD + b"\1\xff\xff\xff\xff\x0f",
    "a name that claims its bytes": lambda: HEAD + b"\0\5\xff\xff\xff\xff\x0f",
    "numbers padded to their full length": _filled(emit("br", 0)[:1] + b"\x80\x80\x80\x80\x00"),
    "a megabyte of nothing": lambda: HEAD + bytes(SIZE),
    "a megabyte of ones": lambda: HEAD + b"\xff" * SIZE,
    "a megabyte that is no module": lambda: b"\x7fELF" + bytes(SIZE),
    **_kinds(),
}
"""By what each has too much of."""
