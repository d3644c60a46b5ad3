"""The chain's real VM: the pallet itself in a program of its own, driven by `sshi.host.world`."""

from __future__ import annotations

from sshi.errors import VmUnavailable
from sshi.host.process import find_program
from sshi.host.world import WorldVM
from sshi_polkadot.encoding import encode

ADVICE = "run `sshi vm build polkadot`, or install the wheel sshi-polkadot-vm"


def ready() -> str | None:
    """Why it cannot run here."""
    return None if find_program("polkadot") else f"sshi-polkadot-vm is not built: {ADVICE}"


def make(profile: str) -> WorldVM:
    """A world on the real pallet."""
    program = find_program("polkadot")
    if program is None:
        raise VmUnavailable("polkadot", "sshi-polkadot-vm is not built", ADVICE)
    return WorldVM([str(program)], adapter="polkadot", profile=profile, encode=encode)
