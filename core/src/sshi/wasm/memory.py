"""The contract's memory on a chain: bounded, moved between definition and import, and walled off from the linker's scratch.

An artifact has one memory.  The contract believes in its own pages and nothing above them; past its declared maximum lie the scratch
pages, for shims that need a place of their own.  A plain load or store past the contract's own memory is not stopped here (the
adapters declare it, `more-memory`); its own size is what `memory.size`, `memory.grow` and the shims' checks go by.
"""

from __future__ import annotations

from dataclasses import replace

from sshi.errors import LinkError
from sshi.wasm.customs import without_positional
from sshi.wasm.edit import assemble, with_functions
from sshi.wasm.instructions import Rewriter, key, scan
from sshi.wasm.module import FUNC, GLOBAL, I32, MEMORY, PAGE, Code, Export, FuncType, Global, GlobalType, Import, Limits, Module
from sshi.wasm.opcodes import BY_MNEMONIC
from sshi.wasm.reach import constant_u32

MEMORY_BYTES = "memory.bytes"
"""The export that tells a shim how large the contract's own memory is now, in bytes."""

SCRATCH = "scratch.base"
"""The export that tells a shim the address where scratch begins."""

MEMORY_SIZE, MEMORY_GROW = BY_MNEMONIC["memory.size"].key, BY_MNEMONIC["memory.grow"].key
MAX_PAGES = 2**16


def bound(module: Module, pages: int) -> Module:
    """The module with a declared maximum of that many pages, or its own where that is smaller.

    Raises LinkError (contract's fault) when it asks for more from the start, or does not have exactly one memory.
    """
    limits = _limits(module)
    if limits.minimum > pages:
        raise LinkError(
            f"the memory starts with {limits.minimum} pages of 64 KiB, {pages} are allowed",
            advice="toolchains reserve a stack of 1 MiB unless told otherwise: link with -zstack-size=16384 "
            "(Rust: -C link-arg=-zstack-size=16384, C and Zig: -Wl,-zstack-size=16384)",
        )
    return set_limits(module, limits.minimum, pages if limits.maximum is None else min(pages, limits.maximum))


def virtualise(module: Module, scratch_pages: int) -> Module:
    """The module with that many pages of scratch above its declared maximum, which `memory.size` and `memory.grow` do not show.

    All of it is there from the start.  Two globals are exported: `memory_bytes` (immutable when nothing grows memory) and `scratch`.
    Raises LinkError (contract's fault) when the memory has no declared maximum, a data segment lies outside it, or an export has one
    of those two names already.
    """
    own = _limits(module)
    if own.maximum is None:
        raise LinkError("the memory has no declared maximum", advice="bound it first")
    if own.maximum + scratch_pages >= MAX_PAGES:
        raise LinkError(f"{own.maximum} pages of memory and {scratch_pages} of scratch do not fit in 32-bit addresses")
    _check_data(module, own)
    if taken := {export.name for export in module.exports} & {MEMORY_BYTES, SCRATCH}:
        raise LinkError(f"the export {min(taken)!r} has a name that linking needs", advice="rename it")
    grows = any(op == MEMORY_GROW for code in module.codes for _, op, _ in scan(code.body, code.at))
    size_global = len(module.imported(GLOBAL)) + len(module.globals)
    grow_function = len(module.imported(FUNC)) + len(module.funcs)
    grow = assemble(f"call {grow_function}")
    size = assemble(f"global.get {size_global}; i32.const 16; i32.shr_u" if grows else f"i32.const {own.minimum}")

    def edit(token: bytes) -> bytes:
        return {MEMORY_SIZE: size, MEMORY_GROW: grow}.get(key(token), token)

    globals_ = (_constant(own.minimum * PAGE, mutable=grows), _constant(own.maximum * PAGE))
    virtual = replace(
        set_limits(module, own.maximum + scratch_pages, own.maximum + scratch_pages),
        globals=(*module.globals, *globals_),
        exports=(*module.exports, Export(MEMORY_BYTES, GLOBAL, size_global), Export(SCRATCH, GLOBAL, size_global + 1)),
        codes=Rewriter(edit).codes(module.codes),
    )
    if grows:
        helper = ("memory.grow", FuncType(bytes((I32,)), bytes((I32,))), _grow(own.maximum, size_global))
        virtual = with_functions(virtual, [helper])
    return virtual if virtual.codes is module.codes else without_positional(virtual)


def to_import(module: Module, source: str, name: str) -> Module:
    """The module importing its memory from there instead of defining it."""
    limits = _limits(module)
    if not module.memories:
        raise LinkError("the memory is imported already")
    return replace(module, memories=(), imports=(*module.imports, Import(source, name, MEMORY, limits)))


def to_definition(module: Module) -> Module:
    """The module defining the memory it imported."""
    limits = _limits(module)
    if module.memories:
        raise LinkError("the memory is not imported")
    return replace(module, memories=(limits,), imports=tuple([entry for entry in module.imports if entry.kind != MEMORY]))


def set_limits(module: Module, minimum: int, maximum: int | None) -> Module:
    """The module whose one memory, defined or imported, has these limits in pages."""
    limits = Limits(minimum, maximum, _limits(module).flags)
    if module.memories:
        return module if module.memories == (limits,) else replace(module, memories=(limits,))
    imports = [replace(entry, desc=limits) if entry.kind == MEMORY else entry for entry in module.imports]
    return replace(module, imports=tuple(imports))


def _limits(module: Module) -> Limits:
    found = [*(entry.desc for entry in module.imported(MEMORY)), *module.memories]
    if len(found) != 1 or not isinstance(found[0], Limits):
        raise LinkError(f"the module has {len(found)} memories; a contract has exactly one")
    if found[0].flags:
        raise LinkError("the memory is shared or has 64-bit addresses")
    return found[0]


def _check_data(module: Module, own: Limits) -> None:
    # with scratch behind it, a segment that instantiation would trap at would be written all the same
    for at, segment in enumerate(module.datas):
        start = None if segment.offset is None else constant_u32(segment.offset)
        if start is not None and start + len(segment.data) > own.minimum * PAGE:
            raise LinkError(f"data segment {at} ends at byte {start + len(segment.data)}, past the memory's {own.minimum} pages")


def _constant(value: int, *, mutable: bool = False) -> Global:
    signed = value - 2**32 if value >= 2**31 else value
    return Global(GlobalType(I32, mutable), assemble(f"i32.const {signed}; end"))


def _grow(maximum: int, size_global: int) -> Code:
    """`memory.grow` over the global: compared before anything is added, so no number of pages can wrap around."""
    body = f"""
        global.get {size_global}; i32.const 16; i32.shr_u; local.set 1
        local.get 0; i32.const {maximum}; local.get 1; i32.sub; i32.gt_u
        if void; i32.const -1; return; end
        global.get {size_global}; local.get 0; i32.const 16; i32.shl; i32.add; global.set {size_global}
        local.get 1; end"""
    return Code(((1, I32),), assemble(body))
