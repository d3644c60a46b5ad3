"""What a module is held to: the interface's rules, which are the same everywhere, and a target's own numbers, which are data."""

from __future__ import annotations

from dataclasses import dataclass

from sshi.wasm.lower.features import ALL, Features


@dataclass(frozen=True, slots=True)
class Rules:
    """A target's name, what it accepts and its limits; None where it has none.  The defaults are the interface's own."""

    target: str = "sshi"
    features: Features = ALL
    max_pages: int = 15
    max_module_bytes: int | None = None
    max_functions: int | None = None
    max_types: int | None = None
    max_globals: int | None = None
    max_tables: int | None = None
    max_table_elements: int | None = None
    """Of one table when it begins."""
    max_data_segments: int | None = None
    max_body_bytes: int | None = None
    """Of one function, locals' declarations and final `end` included."""
    max_locals: int | None = None
    """Of one function, parameters included."""
    max_params: int | None = None
    max_blocks: int | None = None
    """`block`, `loop` and `if` in one function."""
    max_operand_bytes: int | None = None
    """The highest operand stack of one function."""
    max_registers: int | None = None
    """Parameters, locals and the highest operand stack of one function, counted in values."""
    max_constants: int | None = None
    """Different constants in one function."""
    max_total_locals: int | None = None
    """Of all functions together, as the two below."""
    max_total_params: int | None = None
    max_total_blocks: int | None = None
    min_bytes_per_local: int | None = None
    """Bytes of the module for each local in it."""
