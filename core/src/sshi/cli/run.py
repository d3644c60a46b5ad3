"""`sshi run`: call one entry of a contract, on the reference host or on a chain's VM, and show everything it did."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from sshi.adapter import Adapter, VmRequest
from sshi.cli.common import budget_option, costs_option, json_option, manifest_option, print_json, with_bounds
from sshi.cli.values import FORMS, read_value, show_bytes
from sshi.errors import UsageError, VmUnavailable
from sshi.host.chain import Call, ChainVM, Code, Deployed
from sshi.host.outcome import Exhausted, Outcome, Receipt, Rejected, Returned, Reverted, Trapped
from sshi.link.source import Source, decode_file, read_source
from sshi.plugins import Plugins
from sshi.spec.manifest import EntryKind, Manifest

BALANCE = 10**27
"""What the caller, alice and bob own in a fresh world."""
PEOPLE = ("alice", "bob")

EPILOG = """\b
Examples:
  sshi run counter.wat query
  sshi run token.wasm balance_of --init-input u128:1000 --input blob:address:alice
  sshi run token.wasm transfer --init-input u128:1000 --input blob:address:bob --input u128:5 --on near --trace
  sshi run token.wasm init --input u128:1000 --state world.db
  sshi run token.wasm total_supply --state world.db --json

\b
Exit status: 0 it returned, 1 it reverted, trapped, was exhausted or rejected, 2 wrong usage or broken input.
"""


@dataclass(frozen=True)
class Host:
    """Where to run: a world, what is deployed there, how a name becomes an address and back."""

    vm: ChainVM
    code: Code
    address: Callable[[str], bytes]
    show: Callable[[bytes], str]


@click.command(epilog=EPILOG)
@click.argument("contract", type=click.Path(path_type=Path))
@click.argument("entry")
@click.option("--input", "inputs", multiple=True, metavar="FORM", help=f"The call's input; repeat to join several: {FORMS}.")
@click.option("--caller", default="alice", show_default=True, metavar="NAME", help="Who signs the call.")
@click.option("--value", type=click.IntRange(0, (1 << 128) - 1), default=0, help="Amount attached, in the chain's smallest unit.")
@click.option("--init", "init", metavar="NAME", help="The init to deploy with; default: the only one.")
@click.option("--init-input", "init_inputs", multiple=True, metavar="FORM", help="Input of the deployment's init; repeat to join.")
@click.option("--init-value", type=click.IntRange(0, (1 << 128) - 1), default=0, help="Amount attached to the deployment.")
@click.option(
    "--on", "where", default="reference", show_default=True, metavar="HOST", help="reference, or CHAIN[@PROFILE][:emulated|:real]."
)
@click.option(
    "--engine", type=click.Choice(["interpreter", "aot"]), default="interpreter", show_default=True, help="Of the reference host."
)
@click.option("--state", type=click.Path(path_type=Path), help="World file of the reference host: kept from run to run.")
@click.option("--height", type=click.IntRange(1, (1 << 64) - 1), help="Block height.")
@click.option("--time-ms", type=click.IntRange(0, (1 << 64) - 1), help="Block time, milliseconds since the Unix epoch.")
@click.option("--gas", type=click.IntRange(1, (1 << 63) - 1), help="Limit in the host's own unit.")
@budget_option
@costs_option
@click.option("--trace", is_flag=True, help="Show every host call.")
@manifest_option
@json_option
@click.pass_context
def run(ctx: click.Context, contract: Path, entry: str, where: str, manifest: Path | None, as_json: bool, **options: Any) -> None:
    """Call ENTRY of CONTRACT (.wasm or .wat).

    In a fresh world the contract is deployed first, by the caller.  ENTRY may be the init itself: then the deployment is what
    is shown.  A query entry is asked as a query.
    """
    source = with_bounds(read_source(contract, manifest), options["budget"], options["costs"])
    host = _host(source, contract, where, options)
    with closing(host.vm):
        name, receipt = _play(host, source.manifest, entry, options)
    if as_json:
        print_json({"contract": str(contract), "entry": name, "on": where, **_plain(receipt)})
    else:
        _show(name, receipt, host)
    ctx.exit(0 if isinstance(receipt.outcome, Returned) else 1)


def _host(source: Source, path: Path, where: str, options: dict[str, Any]) -> Host:
    if where == "reference":
        from sshi.host.reference import ReferenceVM  # noqa: PLC0415  a chain's VM needs no reference host
        from sshi.link.check import check_contract  # noqa: PLC0415

        check_contract(source.wasm, decode_file(source.wasm, path), source.manifest)
        world = None
        if options["state"] is not None:
            from sshi.host.store import StoredWorld  # noqa: PLC0415  most runs have no file

            world = StoredWorld(options["state"])
        vm = ReferenceVM(engine=options["engine"], world=world)
        return Host(vm, Code(source.wasm, source.manifest), str.encode, lambda address: address.decode("utf-8", "backslashreplace"))
    if options["state"] is not None:
        raise UsageError("--state keeps a world of the reference host; a chain's VM always starts afresh", where="--state")
    target, _, kind = where.partition(":")
    adapter = Plugins.load().adapter(target.partition("@")[0])
    return _chain(adapter, target, kind or "emulated", source)


def _chain(adapter: Adapter, target: str, kind: str, source: Source) -> Host:
    from sshi.link.linker import build  # noqa: PLC0415  the reference host links nothing

    profile = target if "@" in target else adapter.default_profile
    if profile not in adapter.profiles:
        raise UsageError(f"{adapter.name} has no profile {profile!r}, only {', '.join(adapter.profiles)}", where="--on")
    if kind not in adapter.vms:
        raise UsageError(f"{adapter.name} has no {kind!r} VM, only {', '.join(adapter.vms)}", where="--on")
    why = adapter.vms[kind].ready()
    if why is not None:
        raise VmUnavailable(adapter.name, f"its {kind} VM cannot run: {why}", f"`sshi vm build {adapter.name}`")
    artifact = build(source.wasm, source.manifest, adapter, profile)
    vm = adapter.vms[kind].make(VmRequest(adapter.profile(profile)))
    vm.reset()
    return Host(vm, Code(artifact.wasm, artifact.manifest), adapter.address, adapter.show_address)


def _play(host: Host, manifest: Manifest, entry: str, options: dict[str, Any]) -> tuple[str, Receipt]:
    """Deploy when the world has no such contract, then call; the deployment's receipt when it failed or was what was asked for."""
    vm, caller = host.vm, host.address(options["caller"])
    for person in {*PEOPLE, options["caller"]}:
        if vm.balance(host.address(person)) is None:
            vm.create_account(host.address(person), BALANCE)
    vm.block_height = options["height"] or vm.block_height
    vm.block_time = vm.block_time if options["time_ms"] is None else options["time_ms"]
    call = Call(entry, _joined(options["inputs"], host, "--input"), caller, options["value"], options["gas"], options["trace"])
    kind = found.kind if (found := manifest.entry(entry)) else None
    contract = _existing(host, manifest)
    if contract is None:
        asked_for = kind is EntryKind.INIT
        deployed = _deploy(host, manifest, call if asked_for else None, caller, options)
        if asked_for or deployed.address is None:
            name = entry if asked_for else f"deployment{f' ({init})' if (init := _init(manifest, options)) else ''}"
            return name, deployed.receipt
        contract = deployed.address
    return entry, vm.query(contract, call) if kind is EntryKind.QUERY else vm.call(contract, call)


def _existing(host: Host, manifest: Manifest) -> bytes | None:
    """The contract's address when a kept world has it already; UsageError when the name is another account's."""
    from sshi.host.reference import ReferenceVM  # noqa: PLC0415

    if not isinstance(host.vm, ReferenceVM):
        return None
    address = host.address(manifest.name)
    contract = host.vm.world.contract(address)
    if contract is not None and contract.code.wasm != host.code.wasm:
        raise UsageError(
            f"the world's contract {manifest.name!r} was deployed from other bytes", where="--state", advice="start another world file"
        )
    return None if contract is None else address


def _init(manifest: Manifest, options: dict[str, Any]) -> str | None:
    """The init to deploy with."""
    if options["init"] is not None or len(manifest.inits) == 1:
        return options["init"] or manifest.inits[0].name
    if manifest.inits:
        raise UsageError(
            f"the contract has several inits: {', '.join(entry.name for entry in manifest.inits)}", where="--init", advice="name one"
        )
    return None


def _deploy(host: Host, manifest: Manifest, asked: Call | None, caller: bytes, options: dict[str, Any]) -> Deployed:
    if asked is None:
        data = _joined(options["init_inputs"], host, "--init-input")
        asked = Call(_init(manifest, options), data, caller, options["init_value"], trace=options["trace"])
    return host.vm.deploy(host.code, manifest.name, asked)


def _joined(values: tuple[str, ...], host: Host, where: str) -> bytes:
    return b"".join(read_value(value, host.address, where=where) for value in values)


def outcome_text(outcome: Outcome) -> str:
    """An outcome for people."""
    match outcome:
        case Returned(data):
            return f"returned {show_bytes(data)}" if data else "returned nothing"
        case Reverted(message):
            return f"reverted: {message if message is not None else '(a message that is not UTF-8)'}"
        case Trapped(trap, among, detail):
            kinds = f" ({' or '.join(among)})" if among else ""
            return f"trapped: {trap}{kinds}{f' [{detail}]' if detail else ''}"
        case Exhausted(what, detail):
            return f"exhausted: {what}{f' [{detail}]' if detail else ''}"
        case Rejected(reason, detail):
            return f"rejected: {reason}{f', {detail}' if detail else ''}"


def _show(name: str, receipt: Receipt, host: Host) -> None:
    good = isinstance(receipt.outcome, Returned)
    for event in receipt.trace:
        result = f" -> {event.result}" if event.result else ""
        click.echo(f"  {event.function}({', '.join(event.arguments)}){result}")
    for line in receipt.native:
        click.echo(f"  {line}")
    click.echo(f"{name} {click.style(outcome_text(receipt.outcome), fg='green' if good else 'red')}")
    for key, value in receipt.effects.storage:
        click.echo(f"storage   {show_bytes(key)} {'removed' if value is None else f'= {show_bytes(value)}'}")
    for emitted in receipt.effects.events:
        click.echo(f"event     {emitted.topic} {show_bytes(emitted.data)}")
    for transfer in receipt.effects.transfers:
        click.echo(f"transfer  {transfer.amount:,} to {host.show(transfer.to)}")
    for address, change in receipt.effects.balances:
        click.echo(f"balance   {host.show(address)} {change:+,}")
    if receipt.cost:
        click.echo(f"cost      {', '.join(f'{amount:,} {unit}' for unit, amount in receipt.cost.items())}")


def _plain(receipt: Receipt) -> dict[str, Any]:
    """The receipt for scripts: bytes as hex, amounts as decimal strings."""
    effects = receipt.effects
    outcome: dict[str, Any] = {"kind": type(receipt.outcome).__name__.lower()}
    match receipt.outcome:
        case Returned(data):
            outcome["data"] = data.hex()
        case Reverted(message):
            outcome["message"] = message
        case Trapped(trap, among, detail):
            outcome |= {"trap": trap, "among": list(among), "detail": detail}
        case Exhausted(what, detail):
            outcome |= {"what": what, "detail": detail}
        case Rejected(reason, detail):
            outcome |= {"reason": reason, "detail": detail}
    return {
        "outcome": outcome,
        "storage": [{"key": key.hex(), "value": None if value is None else value.hex()} for key, value in effects.storage],
        "events": [{"topic": event.topic, "data": event.data.hex()} for event in effects.events],
        "transfers": [{"to": transfer.to.hex(), "amount": str(transfer.amount)} for transfer in effects.transfers],
        "balances": [{"address": address.hex(), "change": str(change)} for address, change in effects.balances],
        "cost": {unit: str(amount) for unit, amount in receipt.cost.items()},
        "trace": [{"function": event.function, "arguments": list(event.arguments), "result": event.result} for event in receipt.trace],
        "native": list(receipt.native),
    }
