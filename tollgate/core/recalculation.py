"""What a call would cost by other rates or another duration, and the entries that lead from what was charged to that.

A CDR is never changed. To recalculate something else of a call, give `Side` what it needs and obey it in `correction`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tollgate.core.calls_minutes import rest_cost
from tollgate.core.rates import Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One wallet that a call moved, as it stands in the ledger: `posted_micros` is what the call gave it so far.

    `pays` is whether it pays for the call; a carrier's is paid. `free_s` seconds came from free minutes and stay used.
    """

    wallet_id: int
    book: str
    currency: str
    pays: bool
    posted_micros: int
    rate: Rate
    free_s: int = 0


@dataclass(frozen=True, slots=True)
class Correction:
    """What a wallet gains so that the call comes to `cost_micros`."""

    wallet_id: int
    book: str
    currency: str
    pays: bool
    was_micros: int
    cost_micros: int

    @property
    def amount_micros(self) -> int:
        """The entry: nothing where the cost stays."""
        difference = self.cost_micros - self.was_micros
        return -difference if self.pays else difference


def corrections(sides: Sequence[Side], *, answered_at: datetime, duration_ms: int) -> tuple[Correction, ...]:
    """One correction for each wallet of the call, those of nothing too, by wallet."""
    found = [_correction(side, answered_at, duration_ms) for side in sides]
    return tuple(sorted(found, key=lambda one: one.wallet_id))


def _correction(side: Side, answered_at: datetime, duration_ms: int) -> Correction:
    was = -side.posted_micros if side.pays else side.posted_micros
    cost = rest_cost(side.rate, answered_at, duration_ms, side.free_s)
    return Correction(side.wallet_id, side.book, side.currency, side.pays, was, cost)
