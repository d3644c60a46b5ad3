"""What is wrong inside functions: types, locals, instructions, sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from sshi.wasm.check.advice import FORBIDDEN, LOWERED, PROPOSALS, turned_on
from sshi.wasm.check.codes import codes
from sshi.wasm.check.context import Context
from sshi.wasm.check.limits import Excess, of_function, of_operands
from sshi.wasm.check.origin import float_fix, is_own
from sshi.wasm.flow import number
from sshi.wasm.immediates import Immediate
from sshi.wasm.instructions import block_signature, immediates, key, tokens
from sshi.wasm.module import EXNREF, EXTERNREF, F32, F64, FUNCREF, GC, REFERENCE_TYPES, V128, VALUE_TYPES, Code, FuncType
from sshi.wasm.opcodes import BY_KEY, Op

FLOATS = (F32, F64)
LOWERED_BULK = frozenset(("memory.copy", "memory.fill", "memory.init", "data.drop"))
CONTINUED = 0x80
"""What a byte of a number is at least when another follows."""

PADDED = frozenset(("call_indirect", "memory.size", "memory.grow"))

Verdict = tuple[str | None, str | None]
"""The finding an instruction is, and the feature it uses that the linker lowers."""

Instruction = tuple[int | None, bytes]
"""Where one stands in the file, None when it is in none, and its bytes."""


def forbidden_type(kind: int, *, references: bool) -> str | None:
    """The finding a value type is, if no target takes it or, with `references` off, this one does not."""
    if kind in FLOATS:
        return "float"
    if kind == V128:
        return "simd"
    if kind == EXNREF:
        return "exceptions"
    return "reference-types" if kind == EXTERNREF or (kind in REFERENCE_TYPES and not references) else None


def check_bodies(context: Context) -> None:
    """Report on every defined function, and once on each feature that will be lowered."""
    module = context.module
    first = len(context.imports)
    verdicts = _Verdicts(context)
    lowered: Counter[str] = Counter()
    users: Counter[str] = Counter()
    for at, (of, code) in enumerate(zip(module.funcs, module.codes, strict=True)):
        function = first + at
        split = tokens(code.body, code.at)
        _check_sizes(context, function, of_function(module.types[of], code, context.rules))
        distinct = {token: verdicts[token] for token in dict.fromkeys(split)}
        _check_signature(context, function, module.types[of], code, {found for found, _ in distinct.values() if found})
        several = len(module.types[of].results) > 1 and not context.rules.features.multi_value
        if several or any(verdict != (None, None) for verdict in distinct.values()):
            used = _check_instructions(context, function, code, split, distinct)
            if several:
                used["multi-value"] += 1
            lowered.update(used)
            users.update(used.keys())
    for feature, count in lowered.items():
        where = f"{count} instruction{'s' * (count > 1)} in {users[feature]} function{'s' * (users[feature] > 1)}"
        fix = f"nothing has to be done. The feature is {turned_on(feature)}"
        context.add("feature-lowered", "info", f"{LOWERED[feature]}: {where} will be rewritten", fix=fix)
    for function, excess in of_operands(module, context.rules):
        _check_sizes(context, function, (excess,))


class _Verdicts(dict[bytes, Verdict]):
    """What every distinct instruction is, worked out once."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._types = context.module.types
        self._features = context.rules.features
        self._table = min(context.kept["table"], default=0)
        """The one that becomes the first when the others are dropped."""

    def __missing__(self, token: bytes) -> Verdict:
        op = BY_KEY[key(token)]
        values = immediates(token)
        verdict = self[token] = self._verdict(op, values, token)
        return verdict

    def _verdict(self, op: Op, values: tuple[Immediate, ...], token: bytes) -> Verdict:
        features = self._features
        if op.proposal in PROPOSALS:
            return PROPOSALS[op.proposal], None
        if "f32" in op.stack or "f64" in op.stack:
            return "float", None
        match op.proposal:
            case "mvp":
                return self._plain(op, values, token)
            case "sign-extension":
                return None, None if features.sign_extension else op.proposal
            case "bulk-memory" if features.bulk_memory:
                return None, None
            case "bulk-memory":
                return (None, op.proposal) if op.mnemonic in LOWERED_BULK else (op.proposal, None)
            case "reference-types":
                return self._reference(op, values)
            case _:
                return "unknown-feature", None

    def _plain(self, op: Op, values: tuple[Immediate, ...], token: bytes) -> Verdict:
        features = self._features
        if op.immediates[:1] == ("block",):
            of = block_signature(self._types, number(values[0]))
            for kind in of.params + of.results:
                if code := forbidden_type(kind, references=features.reference_types):
                    return code, None
            return None, None if number(values[0]) < 0 or features.multi_value else "multi-value"
        if op.mnemonic == "call_indirect" and not features.reference_types and number(values[1]) != self._table:
            return "reference-types", None
        if op.mnemonic == "call_indirect" and not features.multi_value and len(self._types[number(values[0])].results) > 1:
            return None, "multi-value"
        if op.mnemonic in PADDED and not features.reference_types and _is_padded(token):
            return None, "reference-types"
        return None, None

    def _reference(self, op: Op, values: tuple[Immediate, ...]) -> Verdict:
        if op.mnemonic == "select" and isinstance(values[0], tuple):
            for kind in values[0]:
                if code := forbidden_type(kind, references=self._features.reference_types):
                    return code, None
            return None, None if self._features.reference_types else op.proposal
        if op.mnemonic == "ref.null" and values[0] not in (FUNCREF - 0x80, EXTERNREF - 0x80):
            return GC, None
        is_extern = op.mnemonic == "ref.null" and values[0] == EXTERNREF - 0x80
        return (None, None) if self._features.reference_types and not is_extern else (op.proposal, None)


def _is_padded(token: bytes) -> bool:
    """Whether the index of a table or memory, which comes last, is longer than the one byte that it was before reference types."""
    return len(token) > 1 and token[-2] >= CONTINUED


def _check_instructions(
    context: Context, function: int, code: Code, split: Sequence[bytes], distinct: dict[bytes, Verdict]
) -> Counter[str]:
    """Report each kind of forbidden instruction once, at the best of them; how many instructions of each feature are lowered."""
    places: dict[str, list[Instruction]] = {}
    lowered: Counter[str] = Counter()
    offset = 0
    for token in split:
        found, feature = distinct[token]
        if found:
            places.setdefault(found, []).append((code.at + offset if code.at >= 0 else None, token))
        if feature:
            lowered[feature] += 1
        offset += len(token)
    for found, instructions in places.items():
        (at, token), sources = _best(context, instructions) if context.shows(found, "error") else (instructions[0], ())
        more = f", and {len(instructions) - 1} more like it" if len(instructions) > 1 else ""
        message = f"`{BY_KEY[key(token)].mnemonic}` is {FORBIDDEN[found].one} instruction{more}"
        _forbidden(context, found, message, function, at, sources)
    return lowered


def _best(context: Context, instructions: Sequence[Instruction]) -> tuple[Instruction, tuple[str, ...]]:
    """The first of them that a line of the author's own made, for that is where to look; else the first.  And all their source files."""
    sources = [context.source(at)[0] for at, _ in instructions]
    own = next((place for place, source in enumerate(sources) if is_own(source)), 0)
    return instructions[own], tuple(dict.fromkeys(sources))


@lru_cache(256)  # a function of a few bytes can have a thousand parameters
def _signature_kinds(of: FuncType) -> tuple[tuple[str, int], ...]:
    """The value types in a signature, each once as a parameter and once as a result."""
    return (*(("parameter", kind) for kind in dict.fromkeys(of.params)), *(("result", kind) for kind in dict.fromkeys(of.results)))


def _check_signature(context: Context, function: int, of: FuncType, code: Code, seen: set[str]) -> None:
    """Report each kind of forbidden type once, but those in `seen`, of which the function has an instruction: that is the better place."""
    references = context.rules.features.reference_types
    locals_ = {("local", kind) for _, kind in code.locals}
    for what, kind in (*_signature_kinds(of), *sorted(locals_)):
        found = forbidden_type(kind, references=references)
        if found and found not in seen:
            seen.add(found)
            message = f"a {what} of type {VALUE_TYPES[kind]} is {FORBIDDEN[found].one} value"
            _forbidden(context, found, message, function, None)


def _forbidden(context: Context, found: str, message: str, function: int, offset: int | None, sources: Sequence[str] = ()) -> None:
    advice = FORBIDDEN[found]
    if context.is_kept(function):
        is_asked = found == "float" and context.shows(found, "error")  # paths are long, and most findings of a large module only counted
        fix = advice.fix
        if is_asked:
            name = "" if context.is_entry(function) else context.name(function)  # an entry's name is its author's own
            fix = float_fix(name, context.callers(function), sources, advice.fix)
        context.add(found, "error", message, function=function, offset=offset, rule=advice.rule, fix=fix)
    else:
        text = f"{message}; nothing uses the function, so the linker drops it"
        context.add(found, "info", text, function=function, offset=offset, rule=advice.rule, dropped=True)


def _check_sizes(context: Context, function: int, excesses: Iterable[Excess]) -> None:
    kept = context.is_kept(function)
    for excess in excesses:
        fix = codes()[excess.code].fix
        message = f"before linking: {excess} after it" if kept else f"{excess}; nothing uses the function, so the linker drops it"
        context.add(excess.code, "warning" if kept else "info", message, function=function, fix=fix, dropped=not kept)
