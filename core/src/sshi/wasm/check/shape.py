"""What is wrong with a module from outside: imports, exports, memory, tables, globals, segments, sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from sshi.errors import LinkError
from sshi.spec.manifest import ENTRY_NAME
from sshi.wasm.check.advice import EXPORT, FORBIDDEN, MEMORY, START
from sshi.wasm.check.bodies import forbidden_type
from sshi.wasm.check.codes import codes
from sshi.wasm.check.context import INITIALIZE, Context, Where
from sshi.wasm.check.finding import Severity
from sshi.wasm.check.hosts import foreign, host_fix
from sshi.wasm.check.limits import of_module
from sshi.wasm.check.places import DATAS, ELEMENTS, GLOBALS, MEMORIES, TABLES, TAGS
from sshi.wasm.check.toolchain import stack_fix
from sshi.wasm.encode import encode
from sshi.wasm.instructions import tokens
from sshi.wasm.links import describe
from sshi.wasm.lower.segments import plain_elements
from sshi.wasm.module import FUNC, FUNCREF, GLOBAL, I32, KINDS, PAGE, TABLE, VALUE_TYPES, FuncType, Import, Limits, Module
from sshi.wasm.module import MEMORY as MEMORY_KIND
from sshi.wasm.opcodes import BY_MNEMONIC
from sshi.wasm.reach import constant_u32

SHARED, WIDE = 2, 4
"""Flags of a memory or table: shared between threads, 64-bit addresses."""

_NAME_READ = 80
"""Characters of an unknown name that are compared with the interface's."""

ENTRY_TYPE = FuncType(b"", b"")
GLOBAL_GET = BY_MNEMONIC["global.get"].key


def default_entries(module: Module) -> tuple[str, ...]:
    """The entries of a module that declares none."""
    types = module.function_types()
    names = [export.name for export in module.exports if export.kind == FUNC and types[export.index] == ENTRY_TYPE]
    return tuple([name for name in names if name != INITIALIZE and ENTRY_NAME.fullmatch(name)])


def check_shape(context: Context, interface: Mapping[str, FuncType], source: str, entries: Sequence[str] | None) -> None:
    """Report on everything but function bodies."""
    for function, entry in enumerate(context.imports):
        _check_function_import(context, interface, source, function, entry)
    if context.imports and not any(map(context.is_kept, range(len(context.imports)))):
        _check_foreign(context, [entry for entry in context.imports if entry.module != source or entry.name not in interface])
    for entry in context.module.imports:
        if entry.kind != FUNC:
            message = f"the {KINDS[entry.kind]} `{entry.module}.{entry.name}` is imported; a contract imports functions only"
            fix = host_fix(entry, ()) or (MEMORY if entry.kind == MEMORY_KIND else "define it in the module")
            place = context.places.imported(entry) if context.shows("import-kind", "error") else None
            context.add("import-kind", "error", message, offset=place, rule="determinism.imports", fix=fix)
    _check_entries(context, entries)
    reactor = context.module.export(INITIALIZE, FUNC)
    if reactor is not None and context.module.function_type(reactor.index) != ENTRY_TYPE:
        message = f"`{INITIALIZE}` is {describe(context.module.function_type(reactor.index))}, it must be () -> ()"
        fix = codes()["initialize-type"].fix
        context.add("initialize-type", "error", message, function=reactor.index, rule="entry.initialize", fix=fix)
    if context.module.start is not None:
        context.add("start-function", "error", "a start function", function=context.module.start, rule="determinism.no-start", fix=START)
    _check_memory(context)
    _check_tables(context)
    _check_globals(context)
    _check_types(context)
    _check_sizes(context)


def _check_function_import(context: Context, interface: Mapping[str, FuncType], source: str, function: int, entry: Import) -> None:
    kept = context.is_kept(function)
    severity: Severity = "error" if kept else "info"
    note = "" if kept else "; nothing calls it, so the linker drops it"
    where: Where = {"function": function, "rule": "determinism.imports", "dropped": not kept}
    if entry.module != source:
        message = f"`{entry.module}.{entry.name}` comes from module `{entry.module}`, not from `{source}`{note}"
        if context.shows("import-module", severity):
            where["fix"] = host_fix(entry, context.imports) or f"import functions of the interface only, all from `{source}`"
        context.add("import-module", severity, message, **where)
        return
    if entry.name not in interface:
        # dropped or not, a name in the interface's own module that it lacks is a misspelling, or meant for another version
        severity = "error" if kept else "warning"
        if context.shows("import-unknown", severity):
            where["fix"] = _unknown_fix(context, interface, entry)
        context.add("import-unknown", severity, f"the interface has no function `{entry.name}`{note}", **where)
        return
    found = context.function_types[function]
    if found != interface[entry.name]:
        message = f"`{entry.name}` is imported as {describe(found)}, the interface has {describe(interface[entry.name])}{note}"
        where["fix"] = "declare it as the interface does: every pointer and length is one i32"
        context.add("import-signature", severity, message, **where)


def _check_foreign(context: Context, imports: Sequence[Import]) -> None:
    """Nothing uses an import: where most are another chain's, so is the contract, whose exports that chain calls in a way of its own."""
    host = foreign(imports)
    if host is not None:
        message = f"it seems to be made for {host.chain}: nothing that could be called here uses any of the functions it imports"
        context.add("foreign-contract", "warning", message, rule="determinism.imports", fix=f"it imports {host.what}: {host.fix}")


def _unknown_fix(context: Context, interface: Mapping[str, FuncType], entry: Import) -> str:
    if fix := host_fix(entry, context.imports):
        return fix
    close = get_close_matches(entry.name[:_NAME_READ], interface, 1)
    return f"did you mean `{close[0]}`?" if close else "the functions of the interface are listed by `sshi spec`"


def _check_entries(context: Context, entries: Sequence[str] | None) -> None:
    exported = {export.name: export.index for export in context.module.exports if export.kind == FUNC}
    of_type = {name: context.function_types[index] for name, index in exported.items()}
    if entries is None:
        if not default_entries(context.module):
            message = "no function of type () -> () is exported: there is nothing to call"
            context.add("entry-missing", "error", message, rule="entry.default", fix=EXPORT)
        _check_exports(context, {name: of for name, of in of_type.items() if name != INITIALIZE})
        return
    for name in entries:
        if name not in exported:
            close = get_close_matches(name, exported, 1) if context.shows("entry-missing", "error") else ()
            fix = f"the module exports `{close[0]}`" if close else EXPORT
            context.add("entry-missing", "error", f"the declared entry `{name}` is not exported", rule="entry.default", fix=fix)
        elif of_type[name] != ENTRY_TYPE:
            message = f"the declared entry `{name}` is {describe(of_type[name])}, an entry is () -> ()"
            fix = "an entry takes no parameters: its input and its answer cross through host functions"
            place = context.places.exported(name) if context.shows("entry-type", "error") else None
            context.add("entry-type", "error", message, offset=place, rule="entry.default", fix=fix)


def _check_exports(context: Context, exported: Mapping[str, FuncType]) -> None:
    """A module without a declaration: what it exports has to say what its entries are."""
    for name, of in exported.items():
        if of != ENTRY_TYPE:
            code, rule, message = "entry-type", "entry.default", f"the export `{name}` is {describe(of)} and so no entry"
        elif not ENTRY_NAME.fullmatch(name):
            code, rule, message = "entry-name", "entry.name", f"the export `{name}` has no entry's name and so is none"
        else:
            continue
        place = context.places.exported(name) if context.shows(code, "warning") else None
        context.add(code, "warning", message, offset=place, rule=rule, fix=codes()[code].fix)


def _check_memory(context: Context) -> None:
    module, most = context.module, context.rules.max_pages
    memories = [*(entry.desc for entry in module.imported(MEMORY_KIND) if isinstance(entry.desc, Limits)), *module.memories]
    if not memories:
        context.add("memory-missing", "error", "the module has no memory", fix=MEMORY)
        return
    place = context.places.section(MEMORIES)
    if len(memories) > 1:
        advice = FORBIDDEN["multi-memory"]
        context.add("multi-memory", "error", f"the module has {len(memories)} memories", offset=place, rule=advice.rule, fix=advice.fix)
    if not any(export.kind == MEMORY_KIND and export.name == "memory" for export in module.exports):
        context.add("memory-export", "error", "the memory is not exported as `memory`", offset=place, fix=MEMORY)
    limits = memories[0]
    _check_flags(context, limits, "memory", place)
    if limits.minimum > most:
        stack = _stack_pages(module)
        part = f", {stack} of them stack," if stack else ","
        message = f"the memory starts with {limits.minimum} pages of 64 KiB{part} {most} are allowed"
        data = limits.minimum - stack
        fix = stack_fix(module)
        if stack and data >= most:  # a page of stack is needed all the same
            fix += f"; {data} pages of data stay: look for large statics"
        context.add("memory-too-large", "error", message, offset=place, rule="limits.memory", fix=fix)
    elif limits.maximum is not None and limits.maximum > most:
        message = f"the memory may grow to {limits.maximum} pages of 64 KiB, {most} are allowed"
        fix = f"link with --max-memory={most * PAGE} (Rust: -C link-arg=--max-memory={most * PAGE}), or declare no maximum"
        context.add("memory-too-large", "error", message, offset=place, rule="limits.memory", fix=fix)
    for at, segment in enumerate(module.datas):
        offset = constant_u32(segment.offset) if segment.offset else None
        if offset is not None and offset + len(segment.data) > limits.minimum * PAGE:
            message = f"data segment {at} ends at byte {offset + len(segment.data)}, the memory starts with {limits.minimum * PAGE}"
            context.add(
                "data-range",
                "error",
                message,
                offset=context.places.section(DATAS),
                fix="start with more pages: the module cannot be instantiated",
            )


def _stack_pages(module: Module) -> int:
    """The pages below all data that the stack pointer begins at the top of: a linker's global number 0; 0 where that is not so."""
    first = module.globals[0] if module.globals and not module.imported(GLOBAL) else None
    top = constant_u32(first.init) if first and first.type.mutable and first.type.value == I32 else None
    lowest = min((constant_u32(segment.offset) or 0 for segment in module.datas if segment.offset), default=top)
    return top // PAGE if top is not None and lowest is not None and lowest >= top else 0


def _check_flags(context: Context, limits: Limits, what: str, offset: int | None) -> None:
    for flag, code, message in ((SHARED, "threads", f"the {what} is shared"), (WIDE, "memory64", f"the {what} has 64-bit addresses")):
        if limits.flags & flag:
            context.add(code, "error", message, offset=offset, rule=FORBIDDEN[code].rule, fix=FORBIDDEN[code].fix)


def _check_tables(context: Context) -> None:
    module, rules = context.module, context.rules
    place = context.places.section(TABLES)
    numbers = {at: number for number, at in enumerate(sorted(context.kept["table"]))}
    if len(numbers) > 1 and not rules.features.reference_types:
        _bad_type(context, "reference-types", f"the module uses {len(numbers)} tables", place)
    for at, table in enumerate(module.tables, len(module.imported(TABLE))):
        _check_flags(context, table.limits, "table", place)
        if table.element != FUNCREF:
            _bad_type(context, "reference-types", f"a table of {VALUE_TYPES[table.element]}", place, kept=at in numbers)
        if table.init is not None:
            message = f"table {at} begins with an expression, which belongs to typed references"
            context.add("gc", "error", message, offset=place, rule=FORBIDDEN["gc"].rule, fix="fill the table by an element segment")
    if not (rules.features.bulk_memory and rules.features.reference_types):
        kept = [segment for at, segment in enumerate(module.elements) if at in context.kept["elem"]]
        renumbered = tuple([replace(segment, table=numbers.get(segment.table, 0)) for segment in kept])
        try:
            plain_elements(replace(module, elements=renumbered))
        except LinkError as error:
            context.add(
                "reference-types",
                "error",
                error.message,
                offset=context.places.section(ELEMENTS),
                rule=FORBIDDEN["reference-types"].rule,
                fix=error.hint,
            )
    for number, segment in enumerate(module.elements):
        start = constant_u32(segment.offset) if segment.offset else None
        table = segment.table - len(module.imported(TABLE))
        if start is None or not 0 <= table < len(module.tables):
            continue
        size = module.tables[table].limits.minimum
        if start + len(segment.items) > size:
            message = f"element segment {number} ends at {start + len(segment.items)}, the table starts with {size} elements"
            context.add("element-range", "error", message, offset=context.places.section(ELEMENTS), fix=codes()["element-range"].fix)
    if module.tags:
        _bad_type(context, "exceptions", "the module declares exceptions", context.places.section(TAGS))


def _check_globals(context: Context) -> None:
    module = context.module
    first = len(module.imported(GLOBAL))
    place = context.places.section(GLOBALS)
    for at, entry in enumerate(module.globals, first):
        kept = at in context.kept["global"]
        if found := forbidden_type(entry.type.value, references=context.rules.features.reference_types):
            _bad_type(context, found, f"global {at} is of type {VALUE_TYPES[entry.type.value]}", place, kept=kept)
        if any(token[0] == GLOBAL_GET for token in tokens(entry.init)):
            message = f"global {at} is computed from another global"
            fix = "initialise it with a constant; with LLVM: -mno-extended-const"
            severity = "error" if kept else "info"
            context.add("constant-expression", severity, message, offset=place, rule="determinism.no-others", fix=fix, dropped=not kept)


def _check_types(context: Context) -> None:
    """Types nobody uses are checked too: some engines refuse a module for them, so it must be known that the linker drops them."""
    for at, of in enumerate(context.module.types):
        if at in context.kept["type"]:
            continue
        found = next((code for kind in of.params + of.results if (code := forbidden_type(kind, references=True))), None)
        if found:
            what = FORBIDDEN[found].what
            message = f"function type {at}, {describe(of)}, has {what} values; nothing that stays uses it, so the linker drops it"
            context.add(found, "info", message, rule=FORBIDDEN[found].rule, dropped=True)


def _bad_type(context: Context, code: str, message: str, offset: int | None, *, kept: bool = True) -> None:
    advice = FORBIDDEN[code]
    text = message if kept else f"{message}; nothing uses it, so the linker drops it"
    context.add(code, "error" if kept else "info", text, offset=offset, rule=advice.rule, fix=advice.fix if kept else "", dropped=not kept)


def _check_sizes(context: Context) -> None:
    # the linker drops and adds, so before linking nothing of this is certain
    module, rules = context.module, context.rules
    size = 0 if rules.max_module_bytes is None else len(encode(replace(module, customs=())))
    for excess in of_module(module, size, rules):
        context.add(excess.code, "warning", f"before linking: {excess} after it", fix=codes()[excess.code].fix)
