"""NEAR as the rest of the project sees it."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from sshi.adapter import API_VERSION, Adapter, Features, Profile, Program, TargetLimits, VmKind, VmRequest
from sshi.host.process import find_program
from sshi.spec.loader import interface
from sshi_near import accounts, tables
from sshi_near.glue import glue

if TYPE_CHECKING:
    from sshi.host.chain import ChainVM
    from sshi.wasm.check.limits import Excess
    from sshi.wasm.module import Module

CHAIN = "near"
SCRATCH_PAGES = 1

FEATURES = Features(sign_extension=True, bulk_memory=True, reference_types=True, multi_value=False)

_BESIDES = 1_024
"""Bytes of a transaction that deploys and initialises, besides code and input: ids, keys, signature, four actions."""

_SUMMARIES = {
    84: "the oldest version that current nodes support",
    85: "gas keys, yields with ids, dearer account creation",
    86: "as 85; a receipt's storage proof is limited",
    87: "SHA-3, ML-DSA; a contract has at most half as many locals as bytes",
    88: "universal accounts",
}


def adapter() -> Adapter:
    """The adapter."""
    profiles = {profile.name: profile for profile in map(_profile, tables.versions())}
    return Adapter(
        name=CHAIN,
        title="NEAR",
        api_version=API_VERSION,
        spec_version=1,
        profiles=profiles,
        default_profile=_name(tables.default_version()),
        shim=files("sshi_near").joinpath("shim.wat").read_text("utf-8"),
        glue=glue,
        functions=tuple(tables.host_table().functions.values()),
        deviations=tables.deviations(),
        address=accounts.address,
        wellformed=accounts.is_account_id,
        show_address=accounts.show,
        vms={
            "emulated": VmKind(_emulated, lambda: None, "host functions in Python over the project's engine; gas to the last unit"),
            "real": VmKind(_real, _no_program, "near-vm-runner, the chain's own VM, in a program of its own"),
        },
        scratch_pages=SCRATCH_PAGES,
        cost_units={"gas": "gas burnt by the contract's code, without the fees of the transaction's own actions; 10^12 are a Tgas"},
        engine_limits=_engine_limits,
        program=Program(_crate(), "near-vm-runner 0.38.0 (nearcore 2.14)"),
    )


def _name(version: int) -> str:
    return f"{CHAIN}@{version}"


def _profile(version: int) -> Profile:
    parameters = tables.parameters(version)
    limits, constants = parameters.limits, parameters.constants
    return Profile(
        name=_name(version),
        number=version,
        features=FEATURES,
        limits=TargetLimits(
            code_size=limits.max_transaction_size - interface().limits.input_max - _BESIDES,
            functions=limits.max_functions_number_per_contract,
            locals_per_function=limits.max_locals_per_function - constants.injected_locals,
            params_per_function=limits.max_params_per_function,
            body_size=limits.max_function_body_size,
            types=limits.max_types_per_contract,
            table_elements=limits.max_elements_per_contract_table,
            blocks_per_function=limits.max_blocks_per_function,
            operand_stack_bytes=limits.max_operand_stack_bytes_per_function,
            data_segments=constants.max_data_segments,
            tables=limits.max_tables_per_contract,
            locals_per_contract=limits.max_locals_per_contract,
            params_per_contract=limits.max_params_per_contract,
            blocks_per_contract=limits.max_blocks_per_contract,
            bytes_per_local=limits.min_contract_size_per_local,
        ),
        summary=_SUMMARIES[version],
    )


def _engine_limits(artifact: Module, profile: Profile) -> Iterable[Excess]:
    from sshi_near.engine_limits import excesses  # noqa: PLC0415  the passes are for those who build something

    return excesses(artifact, tables.parameters(profile.number))


def _emulated(request: VmRequest) -> ChainVM:
    from sshi_near.emulated.run import EmulatedRuntime  # noqa: PLC0415  the engine is for those who run something
    from sshi_near.vm import NearVM  # noqa: PLC0415

    parameters = tables.parameters(request.profile.number)
    return NearVM(request.profile.name, "emulated", EmulatedRuntime(parameters), parameters)


def _real(request: VmRequest) -> ChainVM:
    from sshi.errors import VmUnavailable  # noqa: PLC0415
    from sshi_near.real import RealRuntime  # noqa: PLC0415
    from sshi_near.vm import NearVM  # noqa: PLC0415

    program = find_program(CHAIN)
    if program is None:
        raise VmUnavailable(CHAIN, _no_program() or "", "build it with `sshi vm build near`")
    name = request.profile.name
    return NearVM(name, "real", RealRuntime(program, name), tables.parameters(request.profile.number))


def _no_program() -> str | None:
    return None if find_program(CHAIN) else "its program is neither built nor installed: run `sshi vm build near`"


def _crate() -> Path | None:
    """The Rust sources, in a checkout."""
    crate = Path(__file__).resolve().parents[2] / "vm"
    return crate if (crate / "Cargo.toml").is_file() else None
