"""Who has the functions that a module imports from elsewhere: other chains, operating systems, libraries that were not linked.

The words stand in hosts.toml beside this file, read when such an import is first found.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

import msgspec

from sshi.errors import SpecError
from sshi.wasm.module import Import

_FILE = "hosts.toml"
_ASKED = 200
"""Imports that say which host a module is for."""


class Host(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One that offers what a module can import; `fix` says how to do without, `chain` whose it is if a chain's."""

    what: str
    imports: str
    fix: str
    chain: str = ""

    def offers(self, entry: Import) -> bool:
        """Whether the import is from there."""
        return re.fullmatch(self.imports, f"{entry.module}.{entry.name}", re.VERBOSE) is not None


@cache
def hosts() -> Mapping[str, Host]:
    """Every known one by its name, in the order in which they are asked."""
    text = (files("sshi.wasm.check") / _FILE).read_text("utf-8")
    try:
        return msgspec.convert(tomllib.loads(text), dict[str, Host])
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise SpecError(_FILE, "the file", str(error)) from error


def host_fix(entry: Import, imports: Sequence[Import]) -> str:
    """Whose the import is and how to do without; empty when nobody is known to have it.  `imports` are all of the module."""
    fitting = [host for host in hosts().values() if host.offers(entry)]
    if not fitting:
        return ""
    asked = imports[:_ASKED] if len(fitting) > 1 else ()
    best = max(fitting, key=lambda host: sum(map(host.offers, asked)))
    return f"it is {best.what}: {best.fix}"


def foreign(imports: Sequence[Import]) -> Host | None:
    """The chain's host for which a module with these imports was made, as far as most of them tell; None for no chain's."""
    asked = imports[:_ASKED]
    chains = [host for host in hosts().values() if host.chain]
    best = max(chains, key=lambda host: sum(map(host.offers, asked)))
    return best if 2 * sum(map(best.offers, asked)) > len(asked) else None
