"""What the documents of a year should say, worked out by plain rational arithmetic from what was talked and agreed.

Nothing of the program under test is used here: the calendar, the rounding and the taxes are written a second time, so
that a mistake in one of them is no mistake in both. A `Deal` is what a customer has agreed to; `papers` is every
document of its calls and charges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import count, pairwise
from math import ceil, floor
from typing import NamedTuple
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
FINEST = 100
"""The smallest part of a price, in micros."""
PLACES = {"Place 0": "371", "Place 1": "4670", "Place 2": "8180", "Place far": "8816"}
"""Where one may call to, and the prefixes of that."""


class Levy(NamedTuple):
    """A tax: a share of the net, or with `compound` of the net and the taxes before it."""

    share: Fraction
    compound: bool = False


class Tariff(NamedTuple):
    """A price a minute, in billionths; by the second, or of a first part and of steps after it."""

    price_nanos: int
    initial_s: int = 1
    increment_s: int = 1

    def billed_s(self, talked_ms: int) -> int:
        """The seconds that count: the whole ones that were begun, to the end of the step."""
        talked_s = max(1, ceil(Fraction(talked_ms, 1000)))
        steps = ceil(Fraction(max(0, talked_s - self.initial_s), self.increment_s))
        return self.initial_s + steps * self.increment_s

    def lasts_s(self, micros: int) -> int:
        """The whole seconds that so much money is enough for."""
        return next(second for second in count() if self.cost(1000 * (second + 1)) > micros)

    def cost(self, talked_ms: int) -> int:
        """In micros, at most four decimals: what is finer is rounded up."""
        exact = Fraction(self.price_nanos * self.billed_s(talked_ms), 60 * 1000)
        return ceil(exact / FINEST) * FINEST


class Called(NamedTuple):
    """A charged call."""

    at: datetime
    micros: int
    destination: str
    billed_s: int = 0


class Paper(NamedTuple):
    """One document: its kind, its first day and the first day after it, and its amounts in micros."""

    kind: str
    from_on: date | None
    until_on: date | None
    exact: int
    net: int
    tax: int
    total: int


@dataclass(frozen=True, slots=True)
class Deal:
    """What a customer has agreed to. `decimals` are its currency's; `begins` is the first day of the bill of a day."""

    zone: str
    begins: Callable[[date], date]
    kind: str = "invoice"
    decimals: int = 2
    levies: tuple[Levy, ...] = ()
    within: bool = False
    """The prices have the taxes in them."""
    by_destination: bool = False

    @property
    def coin(self) -> int:
        """The smallest coin, in micros."""
        return int(10 ** (6 - self.decimals))

    def rounded(self, micros: Fraction | int) -> int:
        """To the nearest coin; half a coin goes away from zero."""
        coins = floor(abs(Fraction(micros)) / self.coin + Fraction(1, 2)) * self.coin
        return coins if micros >= 0 else -coins

    def on(self, at: datetime) -> date:
        """The day of a moment on the customer's wall."""
        return at.astimezone(ZoneInfo(self.zone)).date()

    def taxes_on(self, net: int) -> int:
        """What the taxes come to on top of a net."""
        above = 0
        for levy in self.levies:
            above += self.rounded(levy.share * (net + above if levy.compound else net))
        return above

    def taxes_within(self, gross: int) -> int:
        """What the taxes come to that are within a gross amount."""
        shares: list[Fraction] = []
        for levy in self.levies:
            shares.append(levy.share * (1 + sum(shares)) if levy.compound else levy.share)
        net = gross / (1 + sum(shares, Fraction()))
        return sum(self.rounded(share * net) for share in shares)

    def paper(
        self,
        kind: str,
        span: tuple[date | None, date | None],
        lines: Iterable[Fraction | int],
        untaxed: Iterable[Fraction | int] = (),
    ) -> Paper:
        """A document of some lines, each rounded to the coin. A receipt of what was used bears no tax."""
        exact, bare = list(lines), list(untaxed)
        whole = sum(self.rounded(line) for line in exact)
        if kind == "receipt":
            net, tax = whole, 0
        elif self.within:
            tax = self.taxes_within(whole)
            net = whole - tax
        else:
            net, tax = whole, self.taxes_on(whole)
        net += sum(self.rounded(line) for line in bare)
        micros = sum(floor(Fraction(line) + Fraction(1, 2)) for line in (*exact, *bare))
        return Paper(kind, *span, micros, net, tax, net + tax)

    def receipt_of(self, gross: int) -> Paper:
        """The receipt of money that came before it is used up, with the tax in it."""
        tax = self.taxes_within(gross)
        return Paper("receipt", None, None, gross, gross - tax, tax, gross)


Charged = Sequence[tuple[date, Fraction]]
"""What is charged beside calls: the day it begins, and micros."""


def papers(deal: Deal, calls: Iterable[Called], charges: Charged, until_on: date, untaxed: Charged = ()) -> list[Paper]:
    """Every document of periods that are over by a day, in their order. Each period has calls."""
    periods: dict[date, dict[object, int]] = {}
    for call in calls:
        on = deal.on(call.at)
        lines = periods.setdefault(deal.begins(on), {})
        key = call.destination if deal.by_destination else on
        lines[key] = lines.get(key, 0) + call.micros
    found = []
    for begin, end in pairwise([*sorted(periods), date.max]):
        if end <= until_on:
            beside, bare = ([micros for on, micros in of if begin <= on < end] for of in (charges, untaxed))
            found.append(deal.paper(deal.kind, (begin, end), [*periods[begin].values(), *beside], bare))
    return found


def monthly(on: date) -> date:
    """Bills that begin on the first of the month."""
    return on.replace(day=1)


def on_last_days(on: date) -> date:
    """Bills that begin on the last day of each month, whichever that is."""
    return on if (on + DAY).day == 1 else on.replace(day=1) - DAY


def weekly(weekday: int) -> Callable[[date], date]:
    """Bills that begin on a day of the week; 1 is Monday."""
    return lambda on: next(on - back * DAY for back in range(7) if (on - back * DAY).isoweekday() == weekday)
