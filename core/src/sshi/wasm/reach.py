"""What of a module can ever be used: the walk behind `shake.py`.

A root is whatever is seen from outside (exports), runs unasked (the start function), or is done at instantiation and cannot be shown
to be without effect: active segments, unless they fill a table of the module's own that nobody reads, within its bounds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sshi.errors import DecodeError
from sshi.wasm.immediates import split_catches
from sshi.wasm.instructions import immediates, index, key, single_space, tokens
from sshi.wasm.leb128 import read_s
from sshi.wasm.module import FUNC, KINDS, PAGE, TABLE, Data, Element, Import, Module
from sshi.wasm.opcodes import BY_KEY, BY_MNEMONIC
from sshi.wasm.opcodes import TABLE as TABLE_OF_OPS

I32_CONST, REF_FUNC = (BY_MNEMONIC[name].key for name in ("i32.const", "ref.func"))

Reference = tuple[str, int]
"""An index space ("func", "type", "global", "elem", …) and an index in it."""

_SPACE_OF = {"block": "type", "catches": "tag", "memarg": "memory"}
_FOLLOWED = frozenset((*KINDS, "type", "elem", "data"))
_QUIET = frozenset(
    op.code for op in TABLE_OF_OPS if op.prefix is None and _FOLLOWED.isdisjoint(_SPACE_OF.get(kind, kind) for kind in op.immediates)
)
"""The opcodes of one byte that name nothing: most of any body."""


_REMEMBERED = 1 << 14


class Reach:
    """The indices that can be used, by index space, in `live`."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.imports = {kind: module.imported(kind) for kind in range(len(KINDS))}
        self.sizes = {
            "func": len(self.imports[0]) + len(module.funcs),
            "table": len(self.imports[1]) + len(module.tables),
            "memory": len(self.imports[2]) + len(module.memories),
            "global": len(self.imports[3]) + len(module.globals),
            "tag": len(self.imports[4]) + len(module.tags),
            "type": len(module.types),
            "elem": len(module.elements),
            "data": len(module.datas),
        }
        self.live: dict[str, set[int]] = {space: set() for space in self.sizes}
        self.live["memory"] = set(range(self.sizes["memory"]))
        self.reads_segments = False
        self._referenced: set[int] = set()  # functions that live bodies take a reference of
        self._segments: dict[int, list[int]] = {}  # active element segments by table
        self._known: dict[bytes, tuple[Reference, ...]] = {}
        self._todo: list[Reference] = []
        for at, segment in enumerate(module.elements):
            if segment.offset is not None:
                self._segments.setdefault(segment.table, []).append(at)
        self._mark(self._roots())
        while self._todo:
            self._mark(self._uses(*self._todo.pop()))

    def undeclared(self) -> list[int]:
        """Functions that `ref.func` in a body names and nothing else will, as validation wants, once the dead is gone."""
        module = self.module
        declared = {export.index for export in module.exports if export.kind == FUNC}
        for at in self.live["elem"]:
            declared.update(at for space, at in self._segment(module.elements[at]) if space == "func")
        for space, entries, first in (("global", module.globals, len(self.imports[3])), ("table", module.tables, len(self.imports[1]))):
            for at, entry in enumerate(entries, first):
                if at in self.live[space] and entry.init:
                    declared.update(at for space, at in self._expression(entry.init) if space == "func")
        return sorted(self._referenced - declared)

    def _mark(self, references: Iterable[Reference]) -> None:
        for space, at in references:
            if at >= self.sizes[space]:
                raise DecodeError(f"{space} index {at} is out of range", rule="syntax-index")
            if at not in self.live[space]:
                self.live[space].add(at)
                self._todo.append((space, at))

    def _roots(self) -> Iterator[Reference]:
        module = self.module
        yield from ((KINDS[export.kind], export.index) for export in module.exports)
        if module.start is not None:
            yield "func", module.start
        yield from (("elem", at) for at, segment in enumerate(module.elements) if not self._is_harmless(segment))
        yield from (("data", at) for at, segment in enumerate(module.datas) if not self._is_empty(segment))

    def _is_harmless(self, segment: Element) -> bool:
        """Whether instantiation would not notice the segment gone, as long as its table is not used."""
        if segment.offset is None:
            return True
        own = segment.table - len(self.imports[TABLE])
        if not 0 <= own < len(self.module.tables):
            return False
        offset = constant_u32(segment.offset)
        return offset is not None and offset + len(segment.items) <= self.module.tables[own].limits.minimum

    def _is_empty(self, segment: Data) -> bool:
        if segment.offset is None:
            return True
        memories = self.module.memories
        if segment.data or self.imports[2] or segment.memory >= len(memories):
            return False
        offset = constant_u32(segment.offset)
        return offset is not None and offset <= memories[segment.memory].minimum * PAGE

    def _uses(self, space: str, at: int) -> Iterable[Reference]:
        """What one live thing needs in turn."""
        module = self.module
        if space == "elem":
            return self._segment(module.elements[at])
        if space == "data":
            return self._expression(module.datas[at].offset or b"")
        if space not in KINDS:
            return ()
        kind = KINDS.index(space)
        imported = self.imports[kind]
        segments = [("elem", segment) for segment in self._segments.get(at, ())] if kind == TABLE else []
        if at < len(imported):
            return [*_type_of(imported[at]), *segments]
        at -= len(imported)
        match space:
            case "func":
                return self._function(at)
            case "table":
                return [*segments, *self._expression(module.tables[at].init or b"")]
            case "global":
                return self._expression(module.globals[at].init)
            case "tag":
                return [("type", module.tags[at])]
            case _:
                return ()

    def _function(self, defined: int) -> Iterable[Reference]:
        code = self.module.codes[defined]
        found: dict[Reference, None] = {("type", self.module.funcs[defined]): None}  # in order, so that errors come in order
        for token in dict.fromkeys(tokens(code.body, code.at)):
            if token[0] in _QUIET:
                continue
            references = self._references(token)
            found.update(dict.fromkeys(references))
            if key(token) == REF_FUNC:
                self._referenced.add(references[0][1])
            self.reads_segments |= any(space == "data" for space, _ in references)
        return found

    def _segment(self, segment: Element) -> list[Reference]:
        found: list[Reference] = [] if segment.offset is None else [("table", segment.table), *self._expression(segment.offset)]
        for item in segment.items:
            found += self._expression(item) if isinstance(item, bytes) else [("func", item)]
        return found

    def _expression(self, expression: bytes) -> list[Reference]:
        split = tokens(expression) if expression else ()
        return [reference for token in split if token[0] not in _QUIET for reference in self._references(token)]

    def _references(self, token: bytes) -> tuple[Reference, ...]:
        """The indices in one instruction; worked out once per distinct instruction, as long as there are not too many to remember."""
        if token not in self._known:
            if len(self._known) == _REMEMBERED:
                self._known.clear()
            self._known[token] = tuple(_references(token))
        return self._known[token]


def _references(token: bytes) -> Iterator[Reference]:
    space = single_space(token)
    if space is not None:
        if space in _FOLLOWED:
            yield space, index(token)
        return
    kinds = BY_KEY[key(token)].immediates
    if not _FOLLOWED.isdisjoint(_SPACE_OF.get(kind, kind) for kind in kinds):
        for kind, value in zip(kinds, immediates(token), strict=True):
            match kind, value:
                case "block", int():
                    if value >= 0:
                        yield "type", value
                case "catches", tuple():
                    yield from (("tag", numbers[1]) for caught, numbers in split_catches(value) if caught < 2)
                case "memarg", (_, _, memory):
                    yield "memory", memory
                case _, int() if kind in _FOLLOWED:
                    yield kind, value
                case _:
                    pass


def _type_of(entry: Import) -> list[Reference]:
    return [("type", entry.desc)] if isinstance(entry.desc, int) else []


def constant_u32(expression: bytes) -> int | None:
    """The value of an expression that is one i32.const, unsigned; None for another."""
    first, *rest = tokens(expression)
    return read_s(first, 1)[0] % 2**32 if key(first) == I32_CONST and len(rest) == 1 else None
