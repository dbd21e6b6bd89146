"""Why a carrier charges another price: the rate of its cards that would give it.

Candidates are the rates of all published revisions whose prefix begins the number. To look for another mistake of
carriers, add its case to `explained`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tollgate.core.money import Method, divide, format_micros
from tollgate.core.rates import Rate, cost_micros


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rate of a carrier's card; `in_force` is whether it was the one that should have been used then."""

    card: str
    revision: int
    prefix: str
    rate: Rate
    effective_at: datetime


@dataclass(frozen=True, slots=True)
class Charged:
    """A call as the carrier charges it."""

    at: datetime
    duration_ms: int
    micros: int


def explained(call: Charged, candidates: Sequence[Candidate], *, tolerance_micros: int) -> str:
    """The first of the candidates that gives the carrier's price, the longest prefix and the newest revision first; or
    the price a minute that it comes to."""
    for one in sorted(candidates, key=lambda one: (-len(one.prefix), -one.revision, one.card)):
        if abs(cost_micros(one.rate, call.at, call.duration_ms) - call.micros) <= tolerance_micros:
            later = "" if one.effective_at <= call.at else f", in force only from {one.effective_at:%Y-%m-%d %H:%M} UTC"
            return f"Prefix {one.prefix or '*'} of {one.card} r{one.revision} gives their price{later}"
    if call.duration_ms <= 0:
        return "No rate of their cards gives this price"
    minute = divide(call.micros * 60_000, call.duration_ms, Method.half_up)
    return (
        f"No rate of their cards gives this price: {format_micros(divide(minute, 100, Method.half_up) * 100)} a minute"
    )
