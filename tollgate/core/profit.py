"""The account's profit by day or month in its own currency: what the books earned and cost, by dated rates.

To count another book, add it to `BOOKS`. What packages cost us is in no wallet: the charges that sold them say it, and
only of those whose price is on a book that counts: what customers of resellers pay is on `resale`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from tollgate.core.money import Method, divide

BOOKS: Final[Mapping[str, str]] = {
    "revenue": "sold",
    "carrier_cost": "bought",
    "package_cost": "packages",
    "payment_fees": "fees",
    "adjustments": "adjusted",
}
NANOS: Final = 10**9


class Earned(NamedTuple):
    """What a book earned the account on a day, in one currency; below zero where it cost."""

    on: date
    book: str
    currency: str
    amount_micros: int


class DatedRate(NamedTuple):
    """What one unit of `base` was worth in `quote` from a day on."""

    on: date
    base: str
    quote: str
    nanos: int


@dataclass(slots=True)
class Profit:
    """One day or month. `unconverted` are currencies that no rate was known for: they are in no figure."""

    id: int
    on: date
    currency: str
    sold_micros: int = 0
    bought_micros: int = 0
    packages_micros: int = 0
    fees_micros: int = 0
    adjusted_micros: int = 0
    unconverted: frozenset[str] = frozenset()

    @property
    def profit_micros(self) -> int:
        """What is left."""
        costs = self.bought_micros + self.packages_micros + self.fees_micros
        return self.sold_micros + costs + self.adjusted_micros


def profits(
    earned: Iterable[Earned], rates: Sequence[DatedRate], *, currency: str, by_month: bool
) -> tuple[Profit, ...]:
    """By day or month, the newest first. Each day is converted by the last rate up to it, either way round."""
    found: dict[date, Profit] = {}
    for one in earned:
        on = one.on.replace(day=1) if by_month else one.on
        row = found.setdefault(on, Profit(on.toordinal(), on, currency))
        nanos = rate_on(rates, one.on, base=one.currency, quote=currency)
        if nanos is None:
            row.unconverted |= {one.currency}
            continue
        name = f"{BOOKS[one.book]}_micros"
        micros = divide(one.amount_micros * nanos, NANOS, Method.half_up)
        setattr(row, name, getattr(row, name) + micros)
    return tuple(found[on] for on in sorted(found, reverse=True))


def rate_on(rates: Sequence[DatedRate], on: date, *, base: str, quote: str) -> int | None:
    """Nanos of `quote` for one unit of `base` on a day; None where no rate is known yet."""
    if base == quote:
        return NANOS
    pairs = ((base, quote), (quote, base))
    known = [rate for rate in rates if rate.on <= on and (rate.base, rate.quote) in pairs and rate.nanos > 0]
    last = max(known, key=lambda rate: (rate.on, rate.base == base), default=None)
    if last is None:
        return None
    return last.nanos if last.base == base else divide(NANOS * NANOS, last.nanos, Method.half_up)
