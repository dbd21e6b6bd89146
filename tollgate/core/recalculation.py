"""What a call would cost by other rates or another duration, and the entries that lead from what was charged to that.

A CDR is never changed. To recalculate something else of a call, give `Side` what it needs and obey it in `correction`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tollgate.core.rates import Rate, cost_micros
from tollgate.core.rates_engine import rounded_s


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
    cost = _cost(side, answered_at, duration_ms)
    return Correction(side.wallet_id, side.book, side.currency, side.pays, was, cost)


def _cost(side: Side, answered_at: datetime, duration_ms: int) -> int:
    """What is paid after the free seconds."""
    rest_ms = duration_ms - side.free_s * 1000
    if side.free_s and (rest_ms <= 0 or rounded_s(side.rate, rest_ms) == 0):
        return 0
    return cost_micros(side.rate, answered_at + timedelta(seconds=side.free_s), rest_ms)
