"""Gas charged by the module itself: `inject` before whole blocks, `inject_exact` so that a trap shows what ran and no more.

Costs and names come from the caller.  What charges is an imported function, a function of the module's own, or the code in its place,
which is the fastest and the largest.  An inline meter counts an exported mutable i64 global down; the host sets it before a call and
may read and change it inside every import.  Below zero the imported `exhausted` is called, which never returns; the global then shows
how much was asked for.  Functions, globals and types that are added come last in their index spaces; imports shift the functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from sshi.errors import LinkError
from sshi.wasm.callgraph import call_graph
from sshi.wasm.customs import without_positional
from sshi.wasm.edit import around, assemble, result_block, with_functions, with_imports
from sshi.wasm.instructions import emit, index, tokens
from sshi.wasm.leb128 import encode_u, joined
from sshi.wasm.meter.costs import Costs, PerUnit
from sshi.wasm.meter.inline import BEGIN, ROOM, Body, Charges, Gauge, plan_charges
from sshi.wasm.meter.points import Kinds, Point, block_points, exact_points
from sshi.wasm.module import FUNC, GLOBAL, I32, I64, Code, Export, FuncType, Global, GlobalType, Module
from sshi.wasm.opcodes import TABLE
from sshi.wasm.stack.height import frame_bytes, heights
from sshi.wasm.stack.limit import Counter, Need, needs

GAS_LEFT = "gas_left"
"""The global under which a module that counts its own gas down exports what is left."""
NO_TYPE = FuncType(b"", b"")
_NOTHING: Mapping[int, bytes] = MappingProxyType({})
COUNT_TYPE = FuncType(bytes((I32,)), bytes((I32,)))


@dataclass(frozen=True, slots=True)
class HostHook:
    """Charge by calling an imported function `(i64) -> ()` with the units."""

    module: str = "env"
    name: str = "gas_consume"


@dataclass(frozen=True, slots=True)
class GlobalHook:
    """Charge by counting a global down, exported under that name; below zero call the imported `exhausted`, `() -> ()`."""

    export: str
    exhausted: tuple[str, str]


@dataclass(frozen=True, slots=True)
class HelperHook:
    """Charge by added functions, and in place where it is hot: a global counts down, exported under that name, and passing zero traps.

    The global begins at `budget`; a host may set it, to 0 or more, before a call.  A trap that leaves it below zero is exhaustion.
    With `exhausted` that import, `() -> ()`, which never returns, is called instead of trapping.  What is charged in place may take
    `room` bytes in a small contract, or as many as the functions for single costs save (see inline.py).
    """

    export: str
    budget: int = 0
    exhausted: tuple[str, str] | None = None
    room: int = ROOM


@dataclass(frozen=True, slots=True)
class Metered:
    """A metered module; `points` are its charges of a known cost, `counted` those by an operand."""

    module: Module
    points: int
    counted: int


@dataclass(frozen=True, slots=True)
class StackModel:
    """Stack accounting: an activation takes `base_bytes`, its parameters, locals and highest operand stack, `limit` in all.

    An entry past the limit calls the imported `exhausted`, `() -> ()`, before it is charged any gas.
    """

    limit: int
    base_bytes: int
    exhausted: tuple[str, str]


@dataclass(frozen=True, slots=True)
class InlineModel:
    """A chain's own metering, for its emulator.

    With `late` set the global is tested only before calls, at the head of loops, before counted work and where an exported function
    returns: nothing can be seen in between but a trap, so the host must read **a trap with the global below zero as exhaustion**.
    Without it every charge is tested, which takes up to a tenth more time and half as many bytes again.
    """

    costs: Costs
    gas: GlobalHook
    stack: StackModel | None = None
    start: str | None = None
    """Export the start function under this name instead of running it at instantiation, when no gas has been given yet."""
    late: bool = True


def inject(module: Module, costs: Costs, hook: HostHook | GlobalHook | HelperHook) -> Module:
    """The module, charging every run of instructions before its head, so that loops pay per iteration and branches what they take."""
    return metered(module, costs, hook).module


def metered(module: Module, costs: Costs, hook: HostHook | GlobalHook | HelperHook) -> Metered:
    """The same, and how many charges that took."""
    contract = module
    first = len(module.imported(FUNC))
    module = replace(without_positional(module), codes=())  # bodies are read once only, below: half of the time goes there
    bodies = _bodies(contract, costs)
    match hook:
        case HostHook():
            module, (consume,) = with_imports(module, [((hook.module, hook.name), FuncType(bytes((I64,)), b""))])
            meter = _Meter(_functions(module), lambda units: units + emit("call", consume))
        case HelperHook():
            module, gauge = _gauged(module, hook)
            read = _shared(bodies)
            meter = _planned(contract, read, gauge, _functions(module), hook.room)
            bodies = _taken(read)
        case GlobalHook():
            module, (stop,) = with_imports(module, [(hook.exhausted, NO_TYPE)])
            module, meter = _inline(module, hook, emit("call", stop) + emit("unreachable"))
    moved = _Moved(first, len(module.imported(FUNC)) - first)
    codes: list[Code] = []
    points = 0
    for at, (code, body) in enumerate(zip(contract.codes, bodies, strict=True)):
        points += len(body.points)
        charged = meter.charged(at, moved.all(body.split), body.points)
        codes.append(code if charged == code.body else Code(code.locals, charged))
    return Metered(with_functions(replace(module, codes=tuple(codes)), meter.functions), points - meter.counted, meter.counted)


def _bodies(module: Module, costs: Costs) -> Iterator[Body]:
    """The module's bodies, each read when it is asked for."""
    kinds = Kinds(costs)
    for of, code in zip(module.funcs, module.codes, strict=True):
        split = tokens(code.body, code.at)
        yield Body(split, block_points(split, kinds, costs.entry.of(module.types[of], code) if costs.entry else 0))


def _shared(bodies: Iterator[Body]) -> list[Body]:
    """All bodies, with one value for all instructions that are alike: they are kept at once here."""
    same: dict[bytes, bytes] = {}
    return [Body(list(map(same.setdefault, split, split)), points) for split, points in bodies]


def _taken(bodies: list[Body]) -> Iterator[Body]:
    """The bodies in order, each forgotten when the next is asked for: with what is made of them they would take twice as much."""
    bodies.reverse()
    while bodies:
        yield bodies.pop()


def inject_exact(module: Module, model: InlineModel) -> Module:
    """The module, metered so that gas and outcome agree with charging one instruction at a time, wherever anyone can look."""
    module = _start_exported(without_positional(module), model.start)
    sizes, needed = _stack_use(module, model.stack)
    imports = [(model.gas.exhausted, NO_TYPE)]
    if model.stack and needed:
        imports.append((model.stack.exhausted, NO_TYPE))
    module, stops = with_imports(module, imports)
    # to say that the stop does not return halves what a test takes, but where tests are few it only moves the code about
    module, meter = _inline(module, model.gas, emit("call", stops[0]) + (b"" if model.late else emit("unreachable")))
    counter = None
    if model.stack and needed:
        counter = Counter.holding(_globals(module), (model.stack.limit,), stops[1])
        module = replace(module, globals=(*module.globals, counter.definition()))
    kinds = Kinds(model.costs)
    first = len(module.imported(FUNC))
    exported = {export.index - first for export in module.exports if export.kind == FUNC}
    codes: list[Code] = []
    for at, (type_index, code) in enumerate(zip(module.funcs, module.codes, strict=True)):
        of = module.types[type_index]
        entry = model.costs.entry.of(of, code) if model.costs.entry else 0
        split = tokens(code.body, code.at)
        points = exact_points(split, kinds, entry, apart=not model.late)
        metered = Code(code.locals, meter.charged(at, split, points, late=model.late))
        tested = model.late and at in exported
        if tested or at in needed:
            module, results = result_block(module, of)
            if tested:
                metered = Code(code.locals, around(metered, results, b"", meter.test))
            if counter and at in needed:
                metered = counter.guarded(metered, of, results, counter.cost((sizes[at],)), needed[at])
        codes.append(metered)
    return with_functions(replace(module, codes=tuple(codes)), meter.functions)


class _Moved(dict[bytes, bytes]):
    """Instructions with the function indices from `first` on that much higher."""

    def __init__(self, first: int, by: int) -> None:
        super().__init__()
        self.by = by
        self._first = first

    def __missing__(self, token: bytes) -> bytes:
        new = token
        if token[0] in _NAMES_FUNCTION and index(token) >= self._first:
            new = bytes((token[0],)) + encode_u(index(token) + self.by)
        self[token] = new
        return new

    def all(self, code: Sequence[bytes]) -> Sequence[bytes]:
        """The instructions of a body."""
        return list(map(self.__getitem__, code)) if self.by else code


_NAMES_FUNCTION = frozenset(op.key for op in TABLE if op.immediates == ("func",))


class _Meter:
    """Writes charges: `charge` turns code that pushes units into code that charges them, and `test` stops when that was too much.

    A `plan` says how charges of a known cost are written instead.  `functions` are to be added, at `next_function` and after it;
    `counted` is how many charges by an operand there were.
    """

    def __init__(self, next_function: int, charge: Callable[[bytes], bytes], test: bytes = b"", plan: Charges | None = None) -> None:
        self.counted = 0
        self.test = test
        self.functions = list(plan.helpers) if plan else []
        self._next = next_function
        self._charge = charge
        self._special: Mapping[int, Mapping[int, bytes]] = plan.at if plan else {}
        self._fixed = dict(plan.of) if plan else {}
        self._counted: dict[PerUnit, bytes] = {}

    def charged(self, function: int, code: Sequence[bytes], points: Sequence[Point], *, late: bool = False) -> bytes:
        """The function's body with every charge in its place, tested everywhere or, `late`, only where it is seen."""
        special = self._special.get(function, _NOTHING)
        out = [special[BEGIN]] if BEGIN in special else []
        done = 0
        for at, cost, per, seen in points:
            out += code[done:at]
            done = at
            if per:
                out.append(self._by_operand(per))
                self.counted += 1
            elif at in special:
                out.append(special[at])
            else:
                out.append(self._fixed.get(cost) or self._by_cost(cost))
                if seen or not late:
                    out.append(self.test)
        out += code[done:]
        return joined(out)

    def _by_cost(self, cost: int) -> bytes:
        charge = self._fixed[cost] = self._charge(emit("i64.const", cost))
        return charge

    def _by_operand(self, per: PerUnit) -> bytes:
        """A call that charges by the operand on top of the stack and leaves it there."""
        if per not in self._counted:
            units = assemble(f"local.get 0; i64.extend_i32_u; i64.const {per.unit}; i64.mul; i64.const {per.base}; i64.add")
            body = self._charge(units) + self.test + assemble("local.get 0; end")
            self._counted[per] = emit("call", self._next + len(self.functions))
            self.functions.append((f"gas.{per.base}+{per.unit}n", COUNT_TYPE, Code((), body)))
        return self._counted[per]


def _gauged(module: Module, hook: HelperHook) -> tuple[Module, Gauge]:
    """The module with the gas global, and how that is counted down."""
    stop = emit("unreachable")
    if hook.exhausted:
        module, (exhausted,) = with_imports(module, [(hook.exhausted, NO_TYPE)])
        stop = emit("call", exhausted) + stop
    module, gas = with_gas(module, hook.export, hook.budget)
    return module, Gauge(gas, stop)


def _planned(contract: Module, bodies: Sequence[Body], gauge: Gauge, first: int, room: int) -> _Meter:
    """What counts the global down as the contract's bodies are worth it; `first` is the index of the first function it adds."""
    plan = plan_charges(contract, bodies, gauge, first, room)
    return _Meter(first, gauge.spend if plan.is_begun else lambda units: units + emit("call", first), plan=plan)


def _inline(module: Module, hook: GlobalHook, stop: bytes) -> tuple[Module, _Meter]:
    """The module with the gas global, and what counts it down."""
    module, gas = with_gas(module, hook.export, 0)
    gauge = Gauge(gas, stop)
    return module, _Meter(_functions(module), gauge.take, gauge.test)


def with_gas(module: Module, export: str, budget: int) -> tuple[Module, int]:
    """The module with an exported mutable i64 global that begins at `budget`, and its index; LinkError when the name is taken."""
    if module.export(export):
        raise LinkError(f"the module exports {export!r} itself", advice="choose another name for the meter's global")
    gas = _globals(module)
    definition = Global(GlobalType(I64, mutable=True), assemble(f"i64.const {budget}; end"))
    return replace(module, globals=(*module.globals, definition), exports=(*module.exports, Export(export, GLOBAL, gas))), gas


def counts_gas(module: Module) -> bool:
    """Whether the module counts its own gas down in a global that hosts can see, as an inline meter does."""
    export = module.export(GAS_LEFT, GLOBAL)
    if export is None:
        return False
    imported = [entry.desc for entry in module.imported(GLOBAL)]
    return (*imported, *(entry.type for entry in module.globals))[export.index] == GlobalType(I64, mutable=True)


def _start_exported(module: Module, name: str | None) -> Module:
    if module.start is None:
        return module
    if name is None or module.export(name):
        raise LinkError("a start function would run before it is given gas", advice="give a free name to export it under")
    return replace(module, start=None, exports=(*module.exports, Export(name, FUNC, module.start)))


def _stack_use(module: Module, model: StackModel | None) -> tuple[list[int], dict[int, Need]]:
    """What an activation of each defined function takes, and what it must do about it."""
    if model is None:
        return [], {}
    imports = len(module.imported(FUNC))
    functions = zip(heights(module), module.funcs, module.codes, strict=True)
    sizes = [height.bytes + model.base_bytes + frame_bytes(module.types[of], code) for height, of, code in functions]
    needed = needs(call_graph(module), ([0] * imports + sizes,), (model.limit,))
    return sizes, {function - imports: need for function, need in needed.items()}


def _functions(module: Module) -> int:
    return len(module.imported(FUNC)) + len(module.funcs)


def _globals(module: Module) -> int:
    return len(module.imported(GLOBAL)) + len(module.globals)
