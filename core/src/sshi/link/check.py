"""The gate in front of linking: a contract that breaks the interface's rules is refused with every reason at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from sshi.adapter import Profile
from sshi.errors import ContractError, DecodeError
from sshi.host.engine import validate
from sshi.spec.loader import interface
from sshi.spec.manifest import Manifest
from sshi.wasm.check import Finding, Rules, check
from sshi.wasm.check.advice import FORBIDDEN
from sshi.wasm.check.codes import codes
from sshi.wasm.demangle import demangle
from sshi.wasm.module import FUNC, FuncType, Module
from sshi.wasm.names import label

_BYTES = {"i32": 0x7F, "i64": 0x7E}


@dataclass(eq=False)
class RuleBroken(ContractError):
    """The contract breaks rules of the interface; `findings` are the errors among what was found."""

    code: ClassVar[str] = "contract.rules"
    findings: tuple[Finding, ...] = ()


@dataclass(eq=False)
class InvalidModule(ContractError):
    """The bytes decode, and are no valid WebAssembly; the message is the engine's, with its byte offset."""

    code: ClassVar[str] = "contract.not-valid"


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
        max_data_segments=limits.data_segments,
        max_body_bytes=limits.body_size,
        max_locals=limits.locals_per_function,
        max_params=limits.params_per_function,
        max_blocks=limits.blocks_per_function,
        max_operand_bytes=limits.operand_stack_bytes,
        max_registers=limits.registers_per_function,
        max_constants=limits.constants_per_function,
        max_tables=limits.tables,
        max_total_locals=limits.locals_per_contract,
        max_total_params=limits.params_per_contract,
        max_total_blocks=limits.blocks_per_contract,
        min_bytes_per_local=limits.bytes_per_local,
    )


def findings_of(wasm: bytes, module: Module, manifest: Manifest, rules: Rules, *, declared: bool = True) -> tuple[Finding, ...]:
    """What the check finds; ContractError when the module is not valid WebAssembly at all.

    `declared` is false when the exports imply the manifest: then what is exported and no entry is told too.
    """
    complaint = validate(wasm)
    entries = [entry.name for entry in manifest.entries] if declared else None
    try:
        found = check(module, interface=signatures(), entries=entries, rules=rules, source=interface().module)
    except (LookupError, ValueError, ContractError) as error:
        # A pass may stumble over what validation would have found; only then is it the module's fault.
        if complaint is None:
            raise
        if isinstance(error, DecodeError) and (unread := of_proposal(wasm, error, rules.target, module)):
            return (unread,)
        raise InvalidModule(complaint) from error
    if complaint is None or any(finding.severity == "error" for finding in found):
        return found
    if validate(wasm, proposals=True) is not None:
        raise InvalidModule(complaint)
    # what nothing uses is dropped, but no engine takes the module in the first place: the host's runs the contract unlinked
    unread = next((finding for finding in found if finding.dropped), Finding("unknown-feature", "info", "", rules.target))
    return (replace(unread, severity="error", message=complaint, fix=codes()[unread.code].fix, dropped=False), *found)


def of_proposal(wasm: bytes, error: DecodeError, target: str, module: Module | None = None) -> Finding | None:
    """What cannot be read because it belongs to a proposal that no target takes; None when the bytes are wrong whatever is turned on."""
    if validate(wasm, proposals=True) is not None:
        return None
    code = error.feature or "unknown-feature"
    function = "" if module is None else _function_at(module, error.offset)
    advice = FORBIDDEN[code]
    return Finding(code, "error", error.message, target, function=function, offset=error.offset, rule=advice.rule, fix=advice.fix)


def _function_at(module: Module, offset: int) -> str:
    """What to call the function with that byte of the file, empty when it is in none."""
    for index, code in enumerate(module.codes, len(module.imported(FUNC))):
        if code.at <= offset < code.at + len(code.body):
            return demangle(label(module, index))
    return ""


def check_contract(wasm: bytes, module: Module, manifest: Manifest, rules: Rules | None = None) -> None:
    """RuleBroken when the contract breaks the interface's rules, or a target's when given; InvalidModule when it is no valid module."""
    rules = rules or Rules(max_pages=interface().limits.memory_pages)
    refuse(tuple(finding for finding in findings_of(wasm, module, manifest, rules) if finding.severity == "error"))


def refuse(errors: tuple[Finding, ...]) -> None:
    """RuleBroken when there is any: the first one told, the others with it."""
    if not errors:
        return
    first, *rest = errors
    more = f" (and {len(rest)} more, see `sshi check`)" if rest else ""
    place = f" in `{first.function}`" if first.function else ""
    at = f" at byte {first.offset}" if first.offset is not None else ""
    raise RuleBroken(f"{first.message}{place}{at}: rule {first.rule or first.code}{more}", advice=first.fix, findings=errors)
