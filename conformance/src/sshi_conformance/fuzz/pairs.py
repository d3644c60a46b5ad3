"""Two hosts to compare, by name: `near:emulated,near:real`, `reference:aot,polkadot@53:emulated`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING

from sshi.errors import UsageError, VmUnavailable
from sshi.spec.manifest import EntryKind, Manifest
from sshi_conformance.fuzz.contracts import make_contract
from sshi_conformance.fuzz.differ import alike, same
from sshi_conformance.fuzz.module import to_wasm
from sshi_conformance.fuzz.trial import Trial, attempt
from sshi_conformance.fuzz.values import Scope
from sshi_conformance.hosts import ENGINES, Host, chain_host, reference_host
from sshi_conformance.plan import Plan, plan
from sshi_conformance.scenario import Case, Step

if TYPE_CHECKING:
    from sshi.host.chain import ChainVM, Code
    from sshi.plugins import Plugins
    from sshi_conformance.verdict import Difference


def find_host(name: str, plugins: Plugins) -> Host:
    """The host of that name; UsageError or VmUnavailable says why there is none."""
    chain, colon, kind = name.partition(":")
    if not colon:
        raise UsageError(f"{name!r} names no host; write CHAIN[@PROFILE]:KIND, or reference:ENGINE", where="--pair")
    if chain == "reference":
        if kind not in ENGINES:
            raise UsageError(f"the reference host has no engine {kind!r}, only {', '.join(ENGINES)}", where="--pair")
        return reference_host(kind)
    adapter = plugins.adapter(chain.partition("@")[0])
    profile = chain if "@" in chain else adapter.default_profile
    if profile not in adapter.profiles:
        raise UsageError(f"{adapter.name} has no profile {profile!r}, only {', '.join(adapter.profiles)}", where="--pair")
    if kind not in adapter.vms:
        raise UsageError(f"{adapter.name} has no VM {kind!r}, only {', '.join(adapter.vms)}", where="--pair")
    reason = adapter.vms[kind].ready()
    if reason is not None:
        raise VmUnavailable(adapter.name, f"its {kind} VM cannot run: {reason}", f"`sshi vm build {adapter.name}`")
    return chain_host(adapter, profile, kind)


def find_pair(text: str, plugins: Plugins) -> Pair:
    """The pair of that text, the reference host first."""
    names = text.split(",")
    if len(names) != 2:
        raise UsageError(f"{text!r} is not two hosts with a comma between", where="--pair")
    left, right = (find_host(name.strip(), plugins) for name in names)
    if right.adapter is None and left.adapter is not None:
        left, right = right, left
    if left.adapter is not None and left.profile != right.profile:
        raise UsageError(
            f"{left.name} and {right.name} are of two chains, or of two profiles",
            where="--pair",
            advice="compare each with reference:interpreter",
        )
    if left.profile != right.profile:
        left = replace(left, address=right.address)
    return Pair(left, right)


@dataclass
class Pair:
    """Two hosts with a world each, which are kept from case to case."""

    left: Host
    right: Host

    @property
    def name(self) -> str:
        """As it was written."""
        return f"{self.left.name},{self.right.name}"

    @property
    def portable(self) -> bool:
        """Whether they are of two kinds, so that only what the interface promises can be compared."""
        return self.left.profile != self.right.profile

    @cached_property
    def vms(self) -> tuple[ChainVM, ChainVM]:
        """The two worlds."""
        return self.left.make(), self.right.make()

    def prepare(self, wasm: bytes, manifest: Manifest) -> tuple[Code, Code]:
        """What each deploys, linked once for two hosts of one chain."""
        left = self.left.prepare(wasm, manifest)
        return left, self.right.prepare(wasm, manifest) if self.portable else left

    @cached_property
    def scope(self) -> Scope:
        """What cases may do: a gas limit only where both hosts count the very same units, which a harmless deployment shows."""
        if self.portable:
            return Scope(portable=True)
        contract = make_contract(Random(0), Scope(portable=True))  # noqa: S311  always the same
        inits = [entry.name for entry in contract.entries if entry.kind is EntryKind.INIT]
        case = Case("Which units do they state?", (Step(deploy=inits[0] if inits else ""),))
        trials = self.attempt(self.prepare(to_wasm(contract), contract.manifest), case)
        units = [set(receipt.cost) for trial in trials for receipt in trial.receipts if receipt is not None]
        return Scope(gas=bool(units) and bool(units[0]) and all(found == units[0] for found in units))

    def attempt(self, codes: tuple[Code, Code], case: Case) -> tuple[Trial, Trial]:
        """The case on both."""
        plans = self._plans(case)
        return attempt(self.vms[0], codes[0], plans[0]), attempt(self.vms[1], codes[1], plans[1])

    def differ(self, codes: tuple[Code, Code], case: Case) -> tuple[Difference | None, tuple[Trial, Trial]]:
        """The first difference, and what both showed."""
        left, right = trials = self.attempt(codes, case)
        if not self.portable:
            return same(left, right), trials
        blur = any(deviation.trap_kinds for deviation in self.right.deviations)
        return alike(left, right, (self._names(case, left), self._names(case, right)), kinds_blur=blur), trials

    def close(self) -> None:
        """End both worlds."""
        if "vms" in self.__dict__:
            for vm in self.vms:
                vm.close()

    def _names(self, case: Case, trial: Trial) -> dict[bytes, str]:
        """Whose address is whose; people have the chain's on both hosts."""
        people = {self.right.address(name): name for name in case.people}
        return people | {address: name for name, address in trial.addresses.items()}

    def _plans(self, case: Case) -> tuple[Plan, Plan]:
        left = plan(case, self.left.address)
        return left, left if self.left.address == self.right.address else plan(case, self.right.address)
