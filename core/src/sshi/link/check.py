"""The gate in front of linking: a contract that breaks the interface's rules is refused with every reason at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sshi.adapter import Profile
from sshi.errors import ContractError
from sshi.spec.loader import interface
from sshi.spec.manifest import Manifest
from sshi.wasm.check import Finding, Rules, check
from sshi.wasm.module import FuncType, Module

_BYTES = {"i32": 0x7F, "i64": 0x7E}


@dataclass(eq=False)
class RuleBroken(ContractError):
    """The contract breaks rules of the interface; `findings` are the errors among what was found."""

    code: ClassVar[str] = "contract.rules"
    findings: tuple[Finding, ...] = ()


def signatures() -> dict[str, FuncType]:
    """The interface's functions by name, as a module types them."""
    return {
        name: FuncType(bytes(_BYTES[kind] for kind in function.wasm_params), bytes(_BYTES[kind] for kind in function.results))
        for name, function in interface().functions.items()
    }


def rules_of(profile: Profile) -> Rules:
    """A target's rules, for `check`."""
    limits = profile.limits
    return Rules(
        target=profile.name,
        features=profile.features,
        max_pages=interface().limits.memory_pages,
        max_module_bytes=limits.code_size,
        max_functions=limits.functions,
        max_types=limits.types,
        max_globals=limits.globals,
        max_table_elements=limits.table_elements,
        max_body_bytes=limits.body_size,
        max_locals=limits.locals_per_function,
        max_params=limits.params_per_function,
        max_blocks=limits.blocks_per_function,
        max_operand_bytes=limits.operand_stack_bytes,
    )
