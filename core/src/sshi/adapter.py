"""What an adapter is: one chain plugged in, as data and a few pure functions.

An adapter package returns one frozen `Adapter` from the hook `sshi_adapter`.  Building it starts no VM and reaches no
network.  `plugins.py` checks it at the door; `link/` turns its shim and glue into that chain's artifact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from sshi.wasm.lower import Features as Features  # adapters take it from here

if TYPE_CHECKING:
    from sshi.host.chain import ChainVM
    from sshi.spec.manifest import Manifest
    from sshi.wasm.check.limits import Excess
    from sshi.wasm.module import Module

API_VERSION = 1
"""The version of hooks, `Adapter` and `ChainVM`; an adapter states the one it was written for."""


class ChainFunction(msgspec.Struct, frozen=True):
    """A host function of the chain that the shim may import.

    params, results   wasm value types, such as ("i32", "i64")
    since, until      profile numbers (a protocol version); None: always
    """

    module: str
    name: str
    params: tuple[str, ...]
    results: tuple[str, ...]
    source: str
    since: int | None = None
    until: int | None = None


class DeviantCase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a conformance case sees instead on this chain: `expect` replaces keys of step `step` (from 1) of `case`.

    vms, profiles  where it holds; empty: everywhere
    """

    case: str
    step: int
    expect: dict[str, Any]
    vms: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()


class Deviation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A declared difference: the clauses it touches, what happens instead, why, where that is written, the cases that show it."""

    id: str
    clauses: tuple[str, ...]
    instead: str
    reason: str
    source: str
    cases: tuple[DeviantCase, ...] = ()
    trap_kinds: bool = False  # declares that trap kinds cannot be told apart: `trapped(unknown)` is what shows it


@dataclass(frozen=True)
class TargetLimits:
    """What the chain refuses in an artifact, for `sshi check`; None: no limit of that kind, or another one is always met first.

    locals_per_function     parameters included
    registers_per_function  parameters, locals and the highest operand stack, counted in values
    constants_per_function  different integer constants
    table_elements          of one table, when it begins
    """

    code_size: int | None = None
    functions: int | None = None
    locals_per_function: int | None = None
    params_per_function: int | None = None
    body_size: int | None = None
    types: int | None = None
    globals: int | None = None
    table_elements: int | None = None
    blocks_per_function: int | None = None
    operand_stack_bytes: int | None = None
    registers_per_function: int | None = None
    constants_per_function: int | None = None
    data_segments: int | None = None
    tables: int | None = None
    locals_per_contract: int | None = None
    params_per_contract: int | None = None
    blocks_per_contract: int | None = None
    bytes_per_local: int | None = None


@dataclass(frozen=True)
class Profile:
    """One version of the chain, such as `near@86`; `number` is compared with a function's since and until."""

    name: str
    number: int
    features: Features
    limits: TargetLimits
    summary: str = ""


@dataclass(frozen=True)
class GlueRequest:
    """What glue is generated from: the declaration, whether there is a reactor, and where things are in memory.

    imports   the interface functions the contract really imports
    sizes     nothing may be assumed beyond: memory is `own_pages` of the contract's, then the scratch pages
    """

    manifest: Manifest
    reactor: bool
    imports: frozenset[str]
    profile: Profile


@dataclass(frozen=True)
class VmRequest:
    """Which VM to make."""

    profile: Profile
    cache: str | None = None


@dataclass(frozen=True)
class VmKind:
    """One way to run the chain: `ready` says why it cannot run here, None when it can; `make` gives a fresh world."""

    make: Callable[[VmRequest], ChainVM]
    ready: Callable[[], str | None]
    summary: str


@dataclass(frozen=True)
class Program:
    """The chain's real VM as a program: `sshi-<chain>-vm`, built from the Rust crate at `crate` when the sources are there."""

    crate: Path | None
    summary: str


@dataclass(frozen=True, eq=False)
class Adapter:
    """One chain; equal to itself only.

    shim             WAT: imports the chain's host functions and from module "contract" the memory, from module "sshi" the globals
                     `memory_bytes` and `scratch`; exports one function per base function under its own name, and whatever glue needs
    glue             WAT for the contract at hand: imports entries from "contract", helpers from "shim"; its exports are the artifact's
    functions        every chain host function the shim or glue imports, with its type and source
    scratch_pages    pages above the contract's own memory that shim and glue own
    import_memory    (module, name) when the chain gives the memory, None when the module defines it
    exports_memory   whether the artifact exports `memory`
    engine_limits    what the chain's engine has against an artifact at a profile, where that takes more than counting: a step of `build`
    package          extra files of `sshi build` by suffix, such as {".contract": …}, from the artifact and the manifest
    address          a symbolic account's address, the same every time
    wellformed       is this an address the chain could have?
    program          the real VM's sources, for `sshi vm build`
    """

    name: str
    title: str
    api_version: int
    spec_version: int
    profiles: Mapping[str, Profile]
    default_profile: str
    shim: str
    glue: Callable[[GlueRequest], str]
    functions: tuple[ChainFunction, ...]
    deviations: tuple[Deviation, ...]
    address: Callable[[str], bytes]
    wellformed: Callable[[bytes], bool]
    show_address: Callable[[bytes], str]
    vms: Mapping[str, VmKind]
    scratch_pages: int = 0
    import_memory: tuple[str, str] | None = None
    exports_memory: bool = False
    capabilities: frozenset[str] = frozenset()
    cost_units: Mapping[str, str] = field(default_factory=dict[str, str])
    engine_limits: Callable[[Module, Profile], Iterable[Excess]] | None = None
    package: Callable[[bytes, Manifest], Mapping[str, bytes]] | None = None
    program: Program | None = None

    def profile(self, name: str | None = None) -> Profile:
        """The profile of that name, or the default one; KeyError when there is none."""
        return self.profiles[name or self.default_profile]
