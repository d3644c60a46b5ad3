"""The door: what the entry point `polkadot` of group `sshi` names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sshi.hookspecs import hookimpl

if TYPE_CHECKING:
    from sshi.adapter import Adapter

SSHI_API = 1


@hookimpl
def sshi_adapter() -> Adapter:
    """Describe the chain; everything it takes is imported now, not with the plugin."""
    from sshi_polkadot.adapter import adapter  # noqa: PLC0415

    return adapter()
