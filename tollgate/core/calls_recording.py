"""Whether a call is recorded: the account's gate first, then what a route or a DID wishes, then the customer.

Whoever leaves it to the customer is recorded where the customer's switch is on, or while the customer (for a call that
comes in, its DID) holds a package that brings recording.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from tollgate.core.snapshot import Payer, Recorder, Snapshot


class Recording(NamedTuple):
    """Whether a call is recorded, and by which package where it is one that decides."""

    on: bool
    package: str = ""


_OFF = Recording(False)
_ON = Recording(True)


def recording(
    snapshot: Snapshot, wish: str, customer: Payer, at: datetime, recorders: tuple[Recorder, ...] = ()
) -> Recording:
    """The decision for a wish (`on`, `off`, or `inherit`: as the customer's); `recorders` are those of its DID."""
    if not snapshot.recording or wish == "off":
        return _OFF
    if wish == "on" or customer.recording:
        return _ON
    held = _held((*recorders, *customer.recorders), at) if recorders or customer.recorders else None
    return _OFF if held is None else Recording(True, held.name)


def _held(recorders: Iterable[Recorder], at: datetime) -> Recorder | None:
    """The first of them that is held now."""
    return next((one for one in recorders if one.starts_at <= at and (one.ends_at is None or at < one.ends_at)), None)
