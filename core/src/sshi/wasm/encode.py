"""Module to bytes: what a pass left alone as it was written, the rest in its shortest form.

A section whose value is still the very object that was decoded is copied from `Module.raw`; so an untouched module comes back byte for
byte, however its toolchain padded it.  Nothing is checked here: an invalid module gives invalid bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from sshi.wasm.decode import MAGIC, VERSION
from sshi.wasm.leb128 import encode_u, joined
from sshi.wasm.module import (
    SECTIONS,
    Code,
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

T = TypeVar("T")


def encode(module: Module) -> bytes:
    """The module's bytes: the same module always gives the same."""
    raw = {section.id: section for section in module.raw if section.id}
    out = [MAGIC, VERSION]
    customs = _customs(module)
    out += customs.get(0, ())
    for number, name in SECTIONS.items():
        value: object = getattr(module, name)
        kept = raw.get(number)
        if kept is not None and kept.value is value:
            out += (kept.frame, kept.payload)
        elif value not in (None, ()):
            out.append(_section(number, _PAYLOADS[number](module)))
        out += customs.get(number, ())
    return joined(out)


def _customs(module: Module) -> dict[int, list[bytes]]:
    """The custom sections' bytes by the section they follow."""
    kept = {id(section.value): section for section in module.raw if section.id == 0}
    found: dict[int, list[bytes]] = {}
    for custom in module.customs:
        raw = kept.get(id(custom))
        encoded = raw.frame + raw.payload if raw else _section(0, _name(custom.name) + custom.data)
        found.setdefault(custom.after, []).append(encoded)
    return found


def _section(number: int, payload: bytes) -> bytes:
    return bytes((number,)) + _sized(payload)


def _sized(data: bytes) -> bytes:
    return encode_u(len(data)) + data


def _list(items: Iterable[T], encode_item: Callable[[T], bytes]) -> bytes:
    encoded = [encode_item(item) for item in items]
    return encode_u(len(encoded)) + joined(encoded)


def _name(name: str) -> bytes:
    return _sized(name.encode())


def _function_type(of: FuncType) -> bytes:
    return b"\x60" + _sized(of.params) + _sized(of.results)


def _limits(limits: Limits) -> bytes:
    if limits.maximum is None:
        return bytes((limits.flags,)) + encode_u(limits.minimum)
    return bytes((limits.flags | 1,)) + encode_u(limits.minimum) + encode_u(limits.maximum)


def _table_type(of: TableType) -> bytes:
    return bytes((of.element,)) + _limits(of.limits)


def _table(of: TableType) -> bytes:
    return _table_type(of) if of.init is None else b"\x40\0" + _table_type(of) + of.init


def _global_type(of: GlobalType) -> bytes:
    return bytes((of.value, of.mutable))


def _tag(of: int) -> bytes:
    return b"\0" + encode_u(of)


def _import(entry: Import) -> bytes:
    match entry.desc:
        case int():
            desc = encode_u(entry.desc) if entry.kind == 0 else _tag(entry.desc)
        case TableType():
            desc = _table_type(entry.desc)
        case Limits():
            desc = _limits(entry.desc)
        case GlobalType():
            desc = _global_type(entry.desc)
    return _name(entry.module) + _name(entry.name) + bytes((entry.kind,)) + desc


def _global(entry: Global) -> bytes:
    return _global_type(entry.type) + entry.init


def _export(entry: Export) -> bytes:
    return _name(entry.name) + bytes((entry.kind,)) + encode_u(entry.index)


def _element(segment: Element) -> bytes:
    table = encode_u(segment.table) if segment.flag & 3 == 2 else b""
    of = b"" if segment.reftype is None else bytes((segment.reftype,))
    items = _list(segment.items, lambda item: item if isinstance(item, bytes) else encode_u(item))
    return encode_u(segment.flag) + table + (segment.offset or b"") + of + items


def _code(code: Code) -> bytes:
    return _sized(_list(code.locals, lambda run: encode_u(run[0]) + bytes((run[1],))) + code.body)


def _data(segment: Data) -> bytes:
    memory = encode_u(segment.memory) if segment.flag == 2 else b""
    return encode_u(segment.flag) + memory + (segment.offset or b"") + _sized(segment.data)


_PAYLOADS: dict[int, Callable[[Module], bytes]] = {
    1: lambda module: _list(module.types, _function_type),
    2: lambda module: _list(module.imports, _import),
    3: lambda module: _list(module.funcs, encode_u),
    4: lambda module: _list(module.tables, _table),
    5: lambda module: _list(module.memories, _limits),
    6: lambda module: _list(module.globals, _global),
    7: lambda module: _list(module.exports, _export),
    8: lambda module: encode_u(module.start or 0),
    9: lambda module: _list(module.elements, _element),
    10: lambda module: _list(module.codes, _code),
    11: lambda module: _list(module.datas, _data),
    12: lambda module: encode_u(module.datacount or 0),
    13: lambda module: _list(module.tags, _tag),
}
