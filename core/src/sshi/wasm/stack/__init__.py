"""How much stack a function takes, and a limit on what a chain of calls may take."""

from sshi.wasm.stack.height import Height, frame_bytes, heights, size_of
from sshi.wasm.stack.limit import limit_stack

__all__ = ["Height", "frame_bytes", "heights", "limit_stack", "size_of"]
