"""Read `sshi.toml`, strictly: whatever it does not understand it refuses, naming file and entry."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar

import msgspec

from sshi.errors import SpecError
from sshi.spec.model import Access, Clause, Function, Interface, Limits, Param, ParamType, Texts, Topic

T = TypeVar("T")

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TOPIC = re.compile(r"[a-z][a-z0-9-]*")
_CLAUSE = re.compile(r"[a-z0-9][a-z0-9-]*")
_QUERY = {"allowed": True, "traps": False}


class _FunctionTable(msgspec.Struct, forbid_unknown_fields=True):
    params: list[str]
    results: list[str]
    access: Access
    query: str
    since: int
    doc: str
    clauses: dict[str, str]
    seed: bool = False
    silent: bool = False


class _TopicTable(msgspec.Struct, forbid_unknown_fields=True):
    doc: str
    clauses: dict[str, str]


class _File(msgspec.Struct, forbid_unknown_fields=True):
    interface: dict[str, Any]
    limits: dict[str, Any]
    texts: dict[str, Any]
    functions: dict[str, dict[str, Any]]
    topics: dict[str, dict[str, Any]]


@cache
def interface() -> Interface:
    """The interface of this release, read once."""
    return load((files("sshi.spec") / "sshi.toml").read_text("utf-8"), file="sshi.toml")


def load(text: str, *, file: str) -> Interface:
    """The interface in `text`; SpecError names `file` and the entry that is wrong."""
    try:
        table = msgspec.convert(tomllib.loads(text), _File)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise SpecError(file, "the file", str(error)) from error
    functions = {name: _function(file, name, entry) for name, entry in table.functions.items()}
    topics = {name: _topic(file, name, entry) for name, entry in table.topics.items()}
    for name in functions.keys() & topics.keys():
        raise SpecError(file, f"topics.{name}", f"functions.{name} has the same name, so their clauses could collide")
    limits, texts = _typed(file, "limits", table.limits, Limits), _typed(file, "texts", table.texts, Texts)
    head = table.interface | {"limits": limits, "texts": texts, "functions": functions, "topics": topics}
    return _typed(file, "interface", head, Interface)


def _typed(file: str, entry: str, value: object, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise SpecError(file, entry, str(error)) from error


def _function(file: str, name: str, raw: dict[str, Any]) -> Function:
    entry = f"functions.{name}"
    if not _NAME.fullmatch(name):
        raise SpecError(file, entry, "a function's name is [a-z][a-z0-9_]*")
    table = _typed(file, entry, raw, _FunctionTable)
    if table.query not in _QUERY:
        raise SpecError(file, f"{entry}.query", f"{table.query!r} is neither 'allowed' nor 'traps'")
    if not set(table.results) <= {"i32", "i64"}:
        raise SpecError(file, f"{entry}.results", "a result is i32 or i64")
    if table.silent and table.results:
        raise SpecError(file, f"{entry}.silent", "a call that is taken out cannot have a result")
    return Function(
        name=name,
        params=_params(file, entry, table.params),
        results=tuple(table.results),
        access=table.access,
        in_query=_QUERY[table.query],
        since=table.since,
        doc=table.doc,
        clauses=_clauses(file, entry, name, table.clauses),
        seed=table.seed,
        silent=table.silent,
    )


def _topic(file: str, name: str, raw: dict[str, Any]) -> Topic:
    entry = f"topics.{name}"
    if not _TOPIC.fullmatch(name):
        raise SpecError(file, entry, "a topic's name is [a-z][a-z0-9-]*")
    table = _typed(file, entry, raw, _TopicTable)
    return Topic(name=name, doc=table.doc, clauses=_clauses(file, entry, name, table.clauses))


def _params(file: str, entry: str, texts: list[str]) -> tuple[Param, ...]:
    params: list[Param] = []
    for text in texts:
        name, colon, kind = text.partition(": ")
        if not colon or kind not in set(ParamType):
            raise SpecError(file, f"{entry}.params", f"{text!r} is not 'name: type' with a type of {', '.join(ParamType)}")
        params.append(Param(name, ParamType(kind)))
    names = [param.name for param in params]
    if len(set(names)) != len(names):
        raise SpecError(file, f"{entry}.params", "two parameters share a name")
    for index, param in enumerate(params):
        follows = index + 1 < len(params) and params[index + 1].type is ParamType.LEN
        led = index > 0 and params[index - 1].type is ParamType.PTR
        if (param.type is ParamType.PTR and not follows) or (param.type is ParamType.LEN and not led):
            raise SpecError(file, f"{entry}.params", f"{param.name!r}: a ptr and its len stand side by side")
    return tuple(params)


def _clauses(file: str, entry: str, prefix: str, texts: dict[str, str]) -> tuple[Clause, ...]:
    if not texts:
        raise SpecError(file, entry, "it has no clause, so nothing could test it")
    for name, text in texts.items():
        if not _CLAUSE.fullmatch(name):
            raise SpecError(file, f"{entry}.clauses.{name}", "a clause's name is [a-z0-9][a-z0-9-]*")
        if not text.endswith("."):
            raise SpecError(file, f"{entry}.clauses.{name}", "a clause is a sentence and ends with a full stop")
    return tuple(Clause(f"{prefix}.{name}", text) for name, text in texts.items())
