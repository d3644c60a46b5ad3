"""Polkadot's pallet-contracts as an `Adapter`."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from sshi.adapter import API_VERSION, Adapter, Features, Profile, Program, TargetLimits, VmKind, VmRequest
from sshi_polkadot import real
from sshi_polkadot.bundle import package
from sshi_polkadot.encoding import address, show_address, wellformed
from sshi_polkadot.glue import glue
from sshi_polkadot.tables import chain_functions, constants, deviations

if TYPE_CHECKING:
    from sshi.host.chain import ChainVM


def adapter() -> Adapter:
    """The whole adapter."""
    profile = Profile("polkadot@51", 51, Features(sign_extension=True), _limits(), "pallet-contracts 51.0.0, its stable functions")
    return Adapter(
        name="polkadot",
        title="Polkadot (pallet-contracts)",
        api_version=API_VERSION,
        spec_version=1,
        profiles={profile.name: profile},
        default_profile=profile.name,
        shim=(files("sshi_polkadot") / "shim.wat").read_text("utf-8"),
        glue=glue,
        functions=chain_functions(),
        deviations=deviations(),
        address=address,
        wellformed=wellformed,
        show_address=show_address,
        vms={
            "emulated": VmKind(_emulated, lambda: None, "the pallet's functions in Python"),
            "real": VmKind(_real, real.ready, "pallet-contracts 51.0.0 in a FRAME runtime"),
        },
        scratch_pages=1,
        import_memory=("env", "memory"),
        cost_units={
            "ref_time": "picoseconds of reference hardware",
            "proof_size": "bytes of state proof",
            "deposit": "what the caller's account is held for, negative when it is given back",
            "ref_time_required": "the ref_time limit that this call needs",
            "proof_size_required": "the proof_size limit that this call needs",
        },
        package=package,
        program=Program(_crate(), "pallet-contracts 51.0.0 in a FRAME runtime"),
    )


def _limits() -> TargetLimits:
    # wasmi bounds neither functions, types, globals, segments nor blocks to less than what the size of the code allows
    engine = constants().engine
    return TargetLimits(
        code_size=constants().pallet.code_bytes,
        registers_per_function=engine.registers_per_function,
        constants_per_function=engine.constants_per_function,
        params_per_function=engine.params_per_function,
        table_elements=engine.table_elements,
    )


def _emulated(request: VmRequest) -> ChainVM:
    from sshi_polkadot.emulated.vm import PalletVM  # noqa: PLC0415  the engine is not needed to describe the chain

    return PalletVM(request.profile.name)


def _real(request: VmRequest) -> ChainVM:
    return real.make(request.profile.name)


def _crate() -> Path | None:
    """The program's sources, in a checkout."""
    crate = Path(__file__).resolve().parents[2] / "vm"
    return crate if (crate / "Cargo.toml").is_file() else None
