"""The gas of one call: what is burnt, what is reserved for receipts, and where the call must stop.

Source: near/nearcore@bc4e9e8cfb03d9e82f027883055624e18576993e:runtime/near-vm-runner/src/logic/gas_counter.rs.
"""

from __future__ import annotations

from typing import NoReturn

from sshi_near.emulated.errors import Abort
from sshi_near.tables import Fee

_U64 = (1 << 64) - 1


class GasCounter:
    """`burnt` is paid for sure; `reserved` goes along with the receipts that the call made.

    most     what a call may burn at all; in a view call, the gas it was given
    prepaid  what both together may come to
    limit    how far `burnt` may go now
    profile  gas burnt by cost name, when asked for
    """

    __slots__ = ("burnt", "limit", "most", "prepaid", "profile", "reserved")

    def __init__(self, prepaid: int, most: int, *, profile: bool) -> None:
        self.burnt = 0
        self.reserved = 0
        self.prepaid = prepaid
        self.most = most
        self.limit = min(prepaid, most)
        self.profile: dict[str, int] | None = {} if profile else None

    @property
    def used(self) -> int:
        """Burnt and reserved."""
        return self.burnt + self.reserved

    def burn(self, amount: int) -> None:
        """Burn gas; Abort when it is more than there is."""
        burnt = self.burnt + amount
        if burnt <= self.limit:
            self.burnt = burnt
        elif burnt > _U64:
            raise Abort("HostError/IntegerOverflow")
        else:
            self._exceeded(burnt, (burnt + self.reserved) & _U64)

    def pay(self, name: str, cost: int, count: int = 1) -> None:
        """Burn a named cost `count` times, at once."""
        amount = cost * count
        if amount > _U64:
            raise Abort("HostError/IntegerOverflow")
        if self.profile is None:
            self.burn(amount)
        else:
            self._profiled(name, amount)

    def pay_fee(self, name: str, fee: Fee) -> None:
        """Burn what sending an action costs, and reserve what carrying it out does.

        A reservation that does not fit takes all that is prepaid, and its sending is burnt all the same.
        """
        before = self.burnt
        burnt, reserved = self.burnt + fee.send, self.reserved + fee.exec
        try:
            if burnt > self.most or burnt + reserved > self.prepaid:
                self._exceeded(burnt, burnt + reserved)
            self.burnt, self.reserved = burnt, reserved
            self.limit = min(self.most, self.prepaid - reserved)
        finally:
            self._note(name, before)

    def _profiled(self, name: str, amount: int) -> None:
        before = self.burnt
        try:
            self.burn(amount)
        finally:
            self._note(name, before)

    def _note(self, name: str, before: int) -> None:
        if self.profile is not None:
            self.profile[name] = self.profile.get(name, 0) + max(0, self.burnt - before)

    def _exceeded(self, burnt: int, used: int) -> NoReturn:
        self.burnt = min(burnt, self.prepaid, self.most)
        # kept on the way out, though no receipt will be sent: the chain's own bug, frozen by consensus
        self.reserved = max(0, min(self.prepaid, used) - self.burnt)
        raise Abort("HostError/GasLimitExceeded" if burnt > self.most else "HostError/GasExceeded")
