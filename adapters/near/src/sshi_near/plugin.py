"""The plugin: NEAR as an `Adapter`.  Importing it imports nothing of the adapter; each part is loaded when it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sshi.hookspecs import hookimpl

if TYPE_CHECKING:
    from sshi.adapter import Adapter

SSHI_API = 1


@hookimpl
def sshi_adapter() -> Adapter:
    """NEAR, protocol versions 84 to 88."""
    from sshi_near.adapter import adapter  # noqa: PLC0415

    return adapter()
