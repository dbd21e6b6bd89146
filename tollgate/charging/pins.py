"""PINs of calling cards: whose a presented one is, with the wrong ones counted (store/sql/schema_pins.sql).

The tables decide, so all charging processes share one limit, and a PIN that was changed is obeyed by the next call. A
PIN comes in as it was presented and leaves as the customer who holds it: neither a call, nor a line of any log, ever
has it.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Final, NamedTuple

from tollgate.charging.reconcile import Reader
from tollgate.charging.requests import Key as CallKey
from tollgate.core import pins
from tollgate.core.calls_caller import presenter
from tollgate.core.calls_types import Holder, Invite, Presented
from tollgate.core.refusals import Key, Refusal
from tollgate.core.snapshot import Snapshot
from tollgate.store.pins import PURPOSE, mark
from tollgate.store.secrets import key_for

log = logging.getLogger(__name__)

_MOST_CALLER: Final = 64
_REFUSED: Final = {
    key.value: key for key in (Key.pin_unknown, Key.pin_locked, Key.access_number_unknown, Key.call_id_in_use)
}


class Money(NamedTuple):
    """What a voice may tell the holder of a PIN."""

    currency: str
    language: str
    balance_micros: int
    available_micros: int


class Pins:
    """Tries PINs on a connection of its own."""

    def __init__(self, url: str) -> None:
        self._reader = Reader(url, "pins")
        self._key = b""

    async def identified(
        self, invite: Invite, snapshot: Snapshot, at: datetime, *, trusted: bool, dialog: str = ""
    ) -> Invite:
        """The call with the holder of its PIN in place of the PIN. Raises one of `AWAY`.

        A switch that asks by itself is `trusted`; a SIP edge passes on what callers say, of whom only endpoints that
        may present PINs are believed.
        """
        presented = invite.presented
        if presented is None:
            return invite
        if not trusted and presenter(invite, snapshot) is None:
            return _not_believed(invite, snapshot)
        key = (snapshot.account.id, invite.edge, invite.call_id)
        holder = await self.holder(presented, invite.cli, key, at, dialog=dialog)
        return invite._replace(presented=None, holder=holder)

    async def holder(self, presented: Presented, cli: str, key: CallKey, at: datetime, *, dialog: str = "") -> Holder:
        """Whose PIN it is; a wrong one is counted against the caller and the access number, once for each call.

        The key has an empty call id where there is no call yet.
        """
        self._key = self._key or key_for(PURPOSE)
        number, caller = pins.number_of(presented.access_number)[:_MOST_CALLER], pins.number_of(cli)[:_MOST_CALLER]
        known = mark(key[0], presented.pin.strip(), key=self._key)
        limits = (pins.CALLER_MOST, pins.CALLER_WITHIN, pins.ALL_WITHIN)
        (row,) = await self._reader.fetch("try_pin", key[0], number, known, caller, at, *limits, *key[1:], dialog)
        if row["burst"]:
            log.critical("ALARM too many wrong PINs at access number %s, the last by caller %r", number, caller)
        if row["customer_id"] is not None:
            return Holder(number, row["customer_id"])
        return Holder(
            number, None, Refusal(_REFUSED[row["verdict"]], "pin", (("access_number", number), ("cli", caller)))
        )

    async def money(self, customer_id: int) -> Money:
        """The balance of a holder and the language it is spoken to in."""
        (row,) = await self._reader.fetch("holder", customer_id)
        return Money(row["currency"], row["language"], row["balance_micros"], row["available_micros"])

    def close(self) -> None:
        """Hangs up."""
        self._reader.close()


def _not_believed(invite: Invite, snapshot: Snapshot) -> Invite:
    """A stranger is told what strangers are told; a customer that its PIN counts for nothing, and is not charged."""
    without = invite._replace(presented=None)
    if invite.user is None and not snapshot.networks.find(invite.source_ip):
        return without
    refusal = Refusal(Key.pin_not_allowed, "ip", (("ip", invite.source_ip), ("user", invite.user)))
    return without._replace(holder=Holder("", None, refusal))
