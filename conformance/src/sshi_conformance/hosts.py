"""The hosts that a run compares: the reference host on either engine, and each chain's VMs.

A `Host` is a recipe, not a world: `make` starts one, `prepare` turns a contract into what is deployed there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sshi.adapter import VmRequest
from sshi.errors import UsageError, VmUnavailable
from sshi.host.chain import Code

if TYPE_CHECKING:
    from sshi.adapter import Adapter, Deviation
    from sshi.host.chain import ChainVM
    from sshi.plugins import Plugins
    from sshi.spec.manifest import Manifest

Engine = Literal["interpreter", "aot"]
ENGINES: tuple[Engine, ...] = ("interpreter", "aot")
YARDSTICK = "reference:interpreter"
"""The host that all others are held against."""


@dataclass(frozen=True)
class Host:
    """One host by name, such as `reference:aot` or `near@86:emulated`."""

    name: str
    profile: str
    kind: str
    make: Callable[[], ChainVM]
    prepare: Callable[[bytes, Manifest], Code]
    address: Callable[[str], bytes]
    adapter: Adapter | None = None

    @property
    def deviations(self) -> tuple[Deviation, ...]:
        """What the adapter has declared."""
        return self.adapter.deviations if self.adapter else ()


@dataclass(frozen=True)
class HostChoice:
    """Which hosts a run compares.

    chains  `near` or `near@84`; none: every installed adapter at its default profile
    vm      "emulated", "real" or "all"; a kind asked for by its name must be there
    engine  "interpreter", "aot" or "both", of the reference host
    """

    chains: tuple[str, ...] = ()
    vm: str = "all"
    engine: Engine | Literal["both"] = "interpreter"


@dataclass(frozen=True)
class MissingJudge:
    """A VM that the run would have asked, had it been there."""

    host: str
    reason: str


def reference_address(name: str) -> bytes:
    """Of another length than its name, so that no other text is taken for it."""
    return f"{name}.ref".encode()


def reference_host(engine: Engine) -> Host:
    """The reference host; the contract is checked as linking would check it, and runs as it is."""

    def make() -> ChainVM:
        from sshi.host.reference import ReferenceVM  # noqa: PLC0415  lists of hosts need no engine

        return ReferenceVM(engine=engine)

    return Host(f"reference:{engine}", "reference", "reference", make, prepare_reference, reference_address)


def prepare_reference(wasm: bytes, manifest: Manifest) -> Code:
    """Check the module against the interface; ContractError when it is refused."""
    from sshi.link.check import check_contract  # noqa: PLC0415
    from sshi.wasm.decode import decode  # noqa: PLC0415

    check_contract(wasm, decode(wasm), manifest)
    return Code(wasm, manifest)


def chain_host(adapter: Adapter, profile: str, kind: str) -> Host:
    """One VM of a chain; the contract is linked for it."""

    def prepare(wasm: bytes, manifest: Manifest) -> Code:
        from sshi.link.linker import build  # noqa: PLC0415

        return Code(build(wasm, manifest, adapter, profile).wasm, manifest)

    request = VmRequest(adapter.profile(profile))
    return Host(f"{profile}:{kind}", profile, kind, lambda: adapter.vms[kind].make(request), prepare, adapter.address, adapter)


def choose_hosts(plugins: Plugins, choice: HostChoice) -> tuple[list[Host], list[MissingJudge]]:
    """The hosts of a run, the yardstick first, and the judges that are not there; VmUnavailable when one was asked for by name."""
    engines = ENGINES if choice.engine == "both" else ("interpreter", choice.engine)
    hosts = [reference_host(name) for name in dict.fromkeys(engines)]
    missing: list[MissingJudge] = []
    for name in dict.fromkeys(choice.chains) or plugins.adapters():
        if name == "reference":
            continue
        chain, at, _ = name.partition("@")
        adapter = plugins.adapter(chain)
        profile = name if at else adapter.default_profile
        if profile not in adapter.profiles:
            raise UsageError(f"{chain} has no profile {profile!r}, only {', '.join(adapter.profiles)}", where="--adapter")
        for kind in adapter.vms if choice.vm == "all" else (choice.vm,):
            host = _chain_kind(adapter, profile, kind, missing, required=choice.vm != "all")
            hosts += [host] if host else []
    return hosts, missing


def _chain_kind(adapter: Adapter, profile: str, kind: str, missing: list[MissingJudge], *, required: bool) -> Host | None:
    found = adapter.vms.get(kind)
    reason = f"the adapter has no {kind} VM" if found is None else found.ready()
    if reason is None:
        return chain_host(adapter, profile, kind)
    if required:
        raise VmUnavailable(
            adapter.name, f"its {kind} VM cannot run: {reason}", f"`sshi vm build {adapter.name}`, or leave out --vm {kind}"
        )
    missing.append(MissingJudge(f"{profile}:{kind}", reason))
    return None
