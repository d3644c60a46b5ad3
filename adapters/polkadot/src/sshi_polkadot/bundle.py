"""The `.contract` bundle: the artifact and what tools of this chain ask about it, as ink! metadata version 5.

An entry is a message or constructor by its own name and selector.  An input that its manifest describes as integers (`u128 supply,
u32 round`) becomes arguments, since SCALE writes those as the interface does, little-endian at their width.  No SCALE type stands for
any other bytes (a `Vec<u8>` would put its own length in front), so other inputs have no arguments: the description is in the docs, and
the bytes go behind the selector in `Contracts.call`.  The manifest itself is under `user.sshi`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from sshi.spec.manifest import Entry, EntryKind, Manifest
from sshi_polkadot.encoding import blake2_256, selector
from sshi_polkadot.tables import constants

SUFFIX = ".contract"

# Tools refuse a language or a compiler that they do not know; these two are what they make of a version 5.
LANGUAGE = "ink! 5.1.1"
COMPILER = "rustc 1.95.0"

_INTEGERS = ("u8", "u16", "u32", "u64", "u128")
_INTEGER = "|".join(_INTEGERS)
_ARGUMENTS = re.compile(rf"({_INTEGER}) [A-Za-z_][A-Za-z0-9_]*(, *({_INTEGER}) [A-Za-z_][A-Za-z0-9_]*)*")
_RESULT = re.compile(rf"({_INTEGER})( [A-Za-z_][A-Za-z0-9_]*)?")

_BYTES32, _ACCOUNT, _HASH, _NO_EXTENSION, _LANG_ERROR, _UNIT = range(len(_INTEGERS), len(_INTEGERS) + 6)

_TYPES: tuple[dict[str, Any], ...] = (
    *({"def": {"primitive": name}} for name in _INTEGERS),
    {"def": {"array": {"len": 32, "type": 0}}},
    {"path": ["ink_primitives", "types", "AccountId"], "def": {"composite": {"fields": [{"type": _BYTES32, "typeName": "[u8; 32]"}]}}},
    {"path": ["ink_primitives", "types", "Hash"], "def": {"composite": {"fields": [{"type": _BYTES32, "typeName": "[u8; 32]"}]}}},
    {"path": ["ink_env", "types", "NoChainExtension"], "def": {"variant": {}}},
    {"path": ["ink_primitives", "LangError"], "def": {"variant": {"variants": [{"index": 1, "name": "CouldNotReadInput"}]}}},
    {"def": {"tuple": []}},
)


def package(wasm: bytes, manifest: Manifest) -> Mapping[str, bytes]:
    """The extra files of a build, by suffix."""
    return {SUFFIX: msgspec.json.encode(bundle(wasm, manifest))}


def bundle(wasm: bytes, manifest: Manifest) -> dict[str, Any]:
    """The bundle as JSON values, in the order that tools write it."""
    return {
        "source": {
            "hash": _hex(blake2_256(wasm)),
            "language": LANGUAGE,
            "compiler": COMPILER,
            "wasm": _hex(wasm),
        },
        "contract": {
            "name": manifest.name,
            "version": manifest.version,
            "authors": [],
            **({"description": manifest.description} if manifest.description else {}),
        },
        "image": None,
        "user": {"sshi": msgspec.to_builtins(manifest)},
        "spec": {
            "constructors": [_constructor(entry) for entry in manifest.inits],
            "docs": [manifest.description] if manifest.description else [],
            "environment": _environment(),
            "events": [],
            "lang_error": {"displayName": ["ink", "LangError"], "type": _LANG_ERROR},
            "messages": [_message(entry) for entry in manifest.entries if entry.kind is not EntryKind.INIT],
        },
        "storage": {
            "root": {"layout": {"struct": {"fields": [], "name": "Contract"}}, "root_key": "0x00000000", "ty": _UNIT},
        },
        "types": [{"id": number, "type": of} for number, of in enumerate(_TYPES)],
        "version": 5,
    }


def _constructor(entry: Entry) -> dict[str, Any]:
    return {
        "args": _arguments(entry.input),
        "default": False,
        "docs": _docs(entry),
        "label": entry.name,
        "payable": entry.payable,
        "returnType": _result(entry.output),
        "selector": _hex(selector(entry.name)),
    }


def _message(entry: Entry) -> dict[str, Any]:
    return _constructor(entry) | {"mutates": entry.kind is EntryKind.CALL}


def _arguments(description: str) -> list[dict[str, Any]]:
    if not _ARGUMENTS.fullmatch(description):
        return []
    pairs = [part.split() for part in description.split(",")]
    return [{"label": label, "type": _type(name)} for name, label in pairs]


def _result(description: str) -> dict[str, Any] | None:
    found = _RESULT.fullmatch(description)
    return _type(found[1]) if found else None


def _type(name: str) -> dict[str, Any]:
    return {"displayName": [name], "type": _INTEGERS.index(name)}


def _docs(entry: Entry) -> list[str]:
    raw = [
        ("Input, raw bytes behind the selector", entry.input, _arguments(entry.input)),
        ("Output, raw bytes", entry.output, _result(entry.output)),
    ]
    return [*([entry.docs] if entry.docs else []), *(f"{what}: {text}." for what, text, typed in raw if text and not typed)]


def _environment() -> dict[str, Any]:
    integers = {"balance": ("Balance", "u128"), "timestamp": ("Timestamp", "u64"), "blockNumber": ("BlockNumber", "u32")}
    return {
        "accountId": {"displayName": ["AccountId"], "type": _ACCOUNT},
        **{key: {"displayName": [display], "type": _INTEGERS.index(name)} for key, (display, name) in integers.items()},
        "hash": {"displayName": ["Hash"], "type": _HASH},
        "chainExtension": {"displayName": ["ChainExtension"], "type": _NO_EXTENSION},
        "maxEventTopics": constants().pallet.event_topics,
        "staticBufferSize": constants().pallet.payload_bytes,
    }


def _hex(data: bytes) -> str:
    return f"0x{data.hex()}"
