"""Contracts with as many of something as a test asks for, and who takes them: `sshi check`, and the VMs of a chain.

What a linked artifact has is counted here by other means than the check's, so that the two can disagree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import pytest

from sshi.adapter import Adapter, TargetLimits, VmRequest
from sshi.host.chain import Call, Code
from sshi.host.outcome import Refusal, Rejected, Returned
from sshi.link.linker import build
from sshi.link.report import Target, report
from sshi.link.source import Source
from sshi.spec.manifest import Entry, EntryKind, Manifest
from sshi.wasm.decode import decode
from sshi.wasm.edit import assemble
from sshi.wasm.encode import encode
from sshi.wasm.immediates import VOID
from sshi.wasm.instructions import emit
from sshi.wasm.module import FUNC, FUNCREF, I32, I64, MEMORY, Data, Element, Export, FuncType, Global, GlobalType, Limits, Module, TableType
from sshi.wasm.module import Code as Body

MANIFEST = Manifest(1, "sizes", (Entry("go", EntryKind.CALL),))
RICH = 10**30
END = emit("end")
ZERO = assemble("i32.const 0; end")
NOTHING = FuncType(b"", b"")


@dataclass(frozen=True)
class Family:
    """A contract of any size, and how much of it an artifact has; `code` is the finding for too much.

    `near` is a size that is easily made, from which the others are reckoned: each `step` of it is `gain` more in the artifact.
    """

    code: str
    contract: Callable[[int], Module]
    count: Callable[[Module], int]
    near: int = 100
    step: int = 1
    gain: int = 1


def contract(*functions: tuple[FuncType, Body], pages: int = 1, **parts) -> Module:
    """`go` does nothing, and refers to every other function so that linking keeps them; they are numbered from 1."""
    kinds = list(dict.fromkeys((NOTHING, *(of for of, _ in functions))))
    calls = b"".join(_call(at, of) for at, (of, _) in enumerate(functions, 1))
    go = Body((), assemble("i32.const 0; if void") + calls + END + END)
    return Module(
        types=tuple(kinds),
        funcs=(0, *(kinds.index(of) for of, _ in functions)),
        memories=(Limits(pages, 15),),
        exports=(Export("go", FUNC, 0), Export("memory", MEMORY, 0)),
        codes=(go, *(code for _, code in functions)),
        **parts,
    )


def _call(function: int, of: FuncType) -> bytes:
    given = b"".join(emit("i32.const" if kind == I32 else "i64.const", 0) for kind in of.params)
    return given + emit("call", function) + emit("drop") * len(of.results)


def takes(count: int) -> FuncType:
    return FuncType(bytes((I32,)) * count, b"")


def plain(code: bytes = b"", *locals_: tuple[int, int]) -> tuple[FuncType, Body]:
    return NOTHING, Body(locals_, code + END)


# -- one of each -------------------------------------------------------------------------------------------------------------------


def functions(count: int) -> Module:
    return contract(*[plain()] * count)


def types(count: int) -> Module:
    """Twelve parameters spell a number."""
    spelt = [bytes([(I32, I64)[number >> bit & 1] for bit in range(12)]) for number in range(count)]
    return contract(*[(FuncType(kinds, b""), Body((), END)) for kinds in spelt])


def params(count: int) -> Module:
    return contract((takes(count), Body((), END)))


def all_params(count: int) -> Module:
    return contract(*[(takes(60), Body((), END))] * (count // 60), (takes(count % 60), Body((), END)))


def values(count: int) -> Module:
    """Ten parameters, and locals."""
    return contract((takes(10), Body(((count - 10, I32),), END)))


def locals_(count: int) -> Module:
    return contract(*[plain(b"", (40_000, I32))] * (count // 40_000), plain(b"", (count % 40_000, I64)))


def body(size: int) -> Module:
    """Its declaration of locals and its end are two bytes."""
    long = emit("i64.const", -1 << 63) + emit("drop")
    whole, rest = divmod(size - 2, len(long))
    return contract(plain(long * whole + emit("nop") * rest))


def blocks(count: int) -> Module:
    """Half of them inside each other."""
    half = count // 2
    return contract(plain(emit("block", VOID) * half + END * half + (emit("loop", VOID) + END) * (count - half)))


def all_blocks(count: int) -> Module:
    block = emit("block", VOID) + END
    return contract(*[plain(block * 4_000)] * (count // 4_000), plain(block * (count % 4_000)))


def operands(size: int) -> Module:
    """Of four bytes, but for every fourth, which has eight."""
    fives, rest = divmod(size // 4, 5)
    pushed = assemble("i32.const 1; i32.const 2; i32.const 3; i64.const 4") * fives + assemble("i32.const 5") * rest
    return contract(plain(pushed + emit("drop") * (4 * fives + rest)))


def registers(count: int) -> Module:
    """Three parameters, ten locals, and what calls return."""
    returned = count - 13
    one = FuncType(b"", bytes((I32,)))
    code = emit("call", 2) * returned + emit("drop") * returned + END
    return contract((takes(3), Body(((10, I64),), code)), (one, Body((), ZERO)))


def constants(count: int) -> Module:
    """Different ones, the shortest first, as arguments of calls: nothing else has use for so many in so little code."""
    near = range(-(1 << 13), 1 << 13)
    found = [("i32.const", value) for value in (*near, *range(1 << 13, 1 << 18))]
    found = [*found[: len(near)], *(("i64.const", value) for value in near if value < 0), *found[len(near) :]][:count]
    wide = 900
    code = b""
    for function, mnemonic in ((2, "i32.const"), (3, "i64.const")):
        own = [value for value in found if value[0] == mnemonic]
        own += own[:1] * (-len(own) % wide)
        code += b"".join(
            b"".join(emit(*value) for value in own[at : at + wide]) + emit("call", function) for at in range(0, len(own), wide)
        )
    return contract(plain(code), *[(FuncType(bytes((kind,)) * wide, b""), Body((), END)) for kind in (I32, I64)])


INDIRECT = plain(assemble("i32.const 0; call_indirect 0 0"))


def table(size: int) -> Module:
    return contract(INDIRECT, tables=(TableType(FUNCREF, Limits(size)),))


def elements(count: int) -> Module:
    return replace(table(1), elements=(Element(0, 0, ZERO, None, ()),) * count)


def datas(count: int) -> Module:
    return contract(datas=(Data(0, 0, ZERO, b"x"),) * count)


def code_bytes(size: int) -> Module:
    """Data: three segments over each other, where the memory is smaller than that."""
    third = size // 3
    return contract(pages=15, datas=tuple([Data(0, 0, ZERO, b"\1" * part) for part in (third, third, size - 2 * third)]))


def globals_(count: int, *more: tuple[FuncType, Body], **parts) -> Module:
    """Each read by one of the functions."""
    read = [emit("global.get", at) + emit("drop") for at in range(count)]
    readers = [plain(b"".join(read[at : at + 30_000])) for at in range(0, count, 30_000)]
    entries = (Global(GlobalType(I32, mutable=True), ZERO),) * count
    return contract(*readers, *more, globals=entries, **parts)


def referred(count: int) -> Module:
    """As many functions in the table, besides 50,000 globals."""
    listed = Element(0, 0, ZERO, None, tuple(range(4, 4 + count)))
    return globals_(50_000, INDIRECT, *[plain()] * count, tables=(TableType(FUNCREF, Limits(count)),), elements=(listed,))


def calls(count: int, padding: int = 0) -> Module:
    """Little else than calls, and as many bytes of data."""
    whole, rest = divmod(count, 80_000)
    bodies = [plain(emit("call", 0) * size) for size in (*(80_000,) * whole, rest)]
    return contract(*bodies, pages=15, datas=(Data(0, 0, ZERO, b"\1" * padding),))


# -- who takes them ----------------------------------------------------------------------------------------------------------------


def unlimited(adapter: Adapter, profile: str) -> Adapter:
    """The adapter, knowing no limits of its chain."""
    return replace(adapter, profiles={profile: replace(adapter.profile(profile), limits=TargetLimits())}, engine_limits=None)


def artifact(adapter: Adapter, profile: str, made: Module) -> bytes:
    """The contract linked, whatever its size."""
    return build(encode(made), MANIFEST, unlimited(adapter, profile), profile).wasm


def boundary(adapter: Adapter, profile: str, family: Family, most: int) -> int:
    """The largest size whose artifact has no more than `most`: what linking adds is the same for every size."""
    reckoned = family.count(decode(artifact(adapter, profile, family.contract(family.near))))
    return family.near + (most - reckoned) // family.gain * family.step


def checked(adapter: Adapter, profile: str, made: Module) -> tuple[str, ...]:
    """What `sshi check` has against the contract; nothing when it says that it loads."""
    (target,) = report(Source("it.wasm", encode(made), MANIFEST), [Target(adapter, profile)]).targets
    assert (target.verdict == "cannot") == bool(target.reason and not target.reason.endswith("lowered"))
    return tuple(target.reason.split(", ")) if target.verdict == "cannot" else ()


@cache
def vm_of(adapter: Callable[[], Adapter], kind: str, profile: str):
    """One VM a kind and profile for the whole session."""
    missing = adapter().vms[kind].ready()
    if missing:
        pytest.skip(missing)
    return adapter().vms[kind].make(VmRequest(adapter().profile(profile)))


def taken(adapter: Callable[[], Adapter], kind: str, profile: str, wasm: bytes) -> bool:
    """Whether the VM deploys the artifact and a call of it returns; a refusal must be for the module."""
    vm = vm_of(adapter, kind, profile)
    vm.reset()
    alice = adapter().address("alice")
    vm.create_account(alice, RICH)
    deployed = vm.deploy(Code(wasm, MANIFEST), "contract", Call(None, caller=alice))
    if deployed.address is None:
        outcome = deployed.receipt.outcome
        assert isinstance(outcome, Rejected), outcome
        assert outcome.reason is Refusal.MALFORMED_MODULE, outcome
        return False
    receipt = vm.call(deployed.address, Call("go", caller=alice))
    assert isinstance(receipt.outcome, Returned), receipt.outcome
    return True
