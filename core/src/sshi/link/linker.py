"""Contract and adapter in, the chain's artifact out: check, lower, bound, merge with shim and glue, shake.

A pure composition of the passes in `sshi.wasm`; the result is the same bytes every time.  The engine only parses WAT and,
at the end, says whether the outcome is a valid module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from sshi.adapter import Adapter, ChainFunction, Features, GlueRequest, Profile
from sshi.errors import AdapterError, ContractError, LinkError
from sshi.host.engine import validate, wat_to_wasm
from sshi.link.check import check_contract, refuse, rules_of
from sshi.link.quiet import without_calls
from sshi.link.source import check_entries, decoded
from sshi.spec.loader import interface
from sshi.spec.manifest import Manifest
from sshi.wasm.check import Rules, check_artifact
from sshi.wasm.decode import decode
from sshi.wasm.encode import encode
from sshi.wasm.lower import lower
from sshi.wasm.memory import MEMORY_BYTES, SCRATCH, bound, to_import, virtualise
from sshi.wasm.merge import Part, merge, select_exports
from sshi.wasm.module import FUNC, GLOBAL, I32, MEMORY, Export, FuncType, GlobalType, Import, Module
from sshi.wasm.shake import fold_globals, shake

CONTRACT, SHIM, GLUE, PROVIDED = "contract", "shim", "glue", "sshi"
"""The parts of a link; PROVIDED is also the import module of what the linker itself provides."""

MOST_ENTRIES = 10_000
"""Each is code of the artifact's own, and no chain takes an artifact with as many functions."""

_PROVIDES = Module(
    imports=tuple(Import(CONTRACT, name, GLOBAL, GlobalType(I32, mutable=False)) for name in (MEMORY_BYTES, SCRATCH)),
    exports=(Export("memory_bytes", GLOBAL, 0), Export("scratch", GLOBAL, 1)),
)
"""What the memory pass exports, under the names that shims know; its own names can be no entry's."""


@dataclass(frozen=True)
class Artifact:
    """What a chain is given.

    files    extra files of the target by suffix, `.near.wasm` style first: ready to be written beside each other
    imports  the chain's host functions that remain, as `module.name`
    """

    adapter: str
    profile: str
    wasm: bytes
    manifest: Manifest
    files: Mapping[str, bytes]
    imports: tuple[str, ...]


def build(
    wasm: bytes, manifest: Manifest, adapter: Adapter, profile: str | None = None, *, names: bool = False, checked: bool = False
) -> Artifact:
    """Link one contract for one chain.

    Raises ContractError (LinkError, DecodeError) when the contract cannot be linked, AdapterError when the result is no
    module of that chain, which is the adapter's or the linker's fault.  `names` keeps function names in the artifact; `checked` says
    that the contract is known to keep this profile's rules.
    """
    target = adapter.profile(profile)
    rules = rules_of(target)
    _admit(wasm, manifest, None if checked else rules)
    entries = tuple([entry.name for entry in manifest.entries])
    own = _own(wasm, entries)
    request = GlueRequest(
        manifest, own.export(interface().reactor, FUNC) is not None, frozenset(entry.name for entry in own.imports), target
    )
    made = _linked(wasm, entries, adapter, target.features, adapter.glue(request))
    linked, result = (made.named, encode(made.named)) if names else (made.bare, made.wasm)
    # sizes first: the engine that validates has some of the same limits, and would blame the adapter
    refuse(check_artifact(made.named, len(result), rules, adapter.engine_limits(linked, target) if adapter.engine_limits else ()))
    complaint = validate(result)
    if complaint is not None:
        raise AdapterError(adapter.name, f"the linked module is not valid: {complaint}", "report it with the contract")
    imports = _chain_imports(linked, adapter, target)
    extra: Mapping[str, bytes] = adapter.package(result, manifest) if adapter.package is not None else {}
    return Artifact(adapter.name, target.name, result, manifest, {f".{adapter.name}.wasm": result, **extra}, imports)


def _admit(wasm: bytes, manifest: Manifest, rules: Rules | None) -> None:
    """Hold the contract to its declaration and, unless they are None, to the rules."""
    contract = decoded(wasm)
    check_entries(contract, manifest, where=manifest.name)
    if len(manifest.entries) > MOST_ENTRIES:
        raise LinkError(f"{len(manifest.entries):,} entries, at most {MOST_ENTRIES:,} are linked", where=manifest.name)
    if rules is not None:
        check_contract(wasm, contract, manifest, rules)


@dataclass(frozen=True)
class _Made:
    """A linked module with the names of its functions and without, and the bytes of the latter."""

    named: Module
    bare: Module
    wasm: bytes


# Versions of a chain mostly differ in numbers only, and `sshi check` judges all of them: what is linked of the same parts is linked once.


@lru_cache(maxsize=1)
def _own(wasm: bytes, entries: tuple[str, ...]) -> Module:
    """What is left of the contract: its entries, what they lead to, and nothing that means nothing on a chain."""
    face, contract = interface(), decoded(wasm)
    kept = {*entries, face.reactor, face.memory}
    silent = [function.name for function in face.functions.values() if function.silent]
    own = replace(contract, exports=tuple(export for export in contract.exports if export.name in kept))
    return shake(without_calls(own, face.module, silent))


@lru_cache(maxsize=1)
def _linked(wasm: bytes, entries: tuple[str, ...], adapter: Adapter, features: Features, glue: str) -> _Made:
    """The contract with the adapter's shim and this glue."""
    face = interface()
    own = virtualise(bound(lower(_own(wasm, entries), features), face.limits.memory_pages), adapter.scratch_pages)
    parts = [
        Part(CONTRACT, own, {face.module: SHIM}),
        Part(PROVIDED, _PROVIDES, {CONTRACT: CONTRACT}),
        Part(SHIM, _shim(adapter.shim, adapter.name), {CONTRACT: CONTRACT, PROVIDED: PROVIDED}),
        Part(GLUE, _glue(glue, adapter.name), {CONTRACT: CONTRACT, SHIM: SHIM, PROVIDED: PROVIDED}),
    ]
    merged = merge(parts)
    exports = {export.name.removeprefix(f"{GLUE}:"): export.name for export in merged.exports if export.name.startswith(f"{GLUE}:")}
    if adapter.exports_memory:
        exports[face.memory] = f"{CONTRACT}:{face.memory}"
    linked = shake(fold_globals(shake(select_exports(merged, exports))))
    if adapter.import_memory:
        linked = to_import(linked, *adapter.import_memory)
    bare = replace(linked, customs=())
    return _Made(linked, bare, encode(bare))


@lru_cache(maxsize=32)
def _shim(text: str, adapter: str) -> Module:
    return _assemble(text, adapter, "shim.wat")


def _glue(text: str, adapter: str) -> Module:
    return _assemble(text, adapter, "glue")


def _assemble(text: str, adapter: str, what: str) -> Module:
    try:
        return decode(wat_to_wasm(text, where=what))
    except ContractError as error:
        raise AdapterError(adapter, f"{what} does not assemble: {error}", "mend the adapter's WAT") from error


def _chain_imports(module: Module, adapter: Adapter, profile: Profile) -> tuple[str, ...]:
    """The host functions left, each known to the adapter at this profile and of its very type."""
    known = {(function.module, function.name): function for function in adapter.functions}
    found: list[str] = []
    for entry in module.imports:
        label = f"{entry.module}.{entry.name}"
        if entry.kind == MEMORY and adapter.import_memory == (entry.module, entry.name):
            continue
        function = known.get((entry.module, entry.name))
        if entry.kind != FUNC or function is None:
            raise AdapterError(
                adapter.name, f"the artifact imports {label}, which {adapter.title} is not known to have", "list it with its source"
            )
        number = profile.number
        if (function.since is not None and number < function.since) or (function.until is not None and number > function.until):
            raise LinkError(f"{label} is not there at {profile.name}", where=adapter.name, advice="choose another profile")
        if isinstance(entry.desc, int) and module.types[entry.desc] != function_type(function):
            raise AdapterError(
                adapter.name, f"the artifact imports {label} with another type than the chain's", "compare shim.wat with the chain's table"
            )
        found.append(label)
    return tuple(found)


_BYTES = {"i32": 0x7F, "i64": 0x7E}


def function_type(function: ChainFunction) -> FuncType:
    """A chain function's type as a module states it."""
    return FuncType(bytes(_BYTES[kind] for kind in function.params), bytes(_BYTES[kind] for kind in function.results))
