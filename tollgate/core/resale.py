"""What a reseller pays beside what it sells for: the cards it buys by, prices that lose money, prices made of others.

A reseller buys by the cards of its own routes, as a call finds them (`core.routes.select_above`), and sells by cards of
its own. A price loses money by the rule of profit assurance (`core.calls_routes.loss`): the shortest charged call and
the usual one, fees included, each side rounded as its card says.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Final

from tollgate.core.calls_routes import TYPICAL_MS
from tollgate.core.card_files import CardRow
from tollgate.core.card_tariffs import tariff_rate, tariff_text, terms_of
from tollgate.core.digits import MOST_DIGITS
from tollgate.core.rates import Rate, cost_micros, in_force
from tollgate.core.routes import select_above
from tollgate.core.snapshot import Route

WHOLE_PPM: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """What a card says of one prefix."""

    rate: Rate
    blocked: bool = False


Prices = Mapping[str, Price]
"""A revision of a card, by prefix."""


@dataclass(frozen=True, slots=True)
class Buying:
    """The routes by which a reseller buys: its own, and behind them those of its tags."""

    own: tuple[Route, ...] = ()
    tagged: tuple[Route, ...] = ()

    @property
    def card_ids(self) -> tuple[int, ...]:
        """Every card among them, each once."""
        return tuple(dict.fromkeys(route.card_id for route in (*self.own, *self.tagged)))

    def cards_of(self, number: str) -> tuple[int, ...]:
        """The cards by which a call to this number may be bought: one for each prefix that may be dialed before it."""
        dialed = dict.fromkeys(("", *(route.tech_prefix for route in (*self.own, *self.tagged))))
        found = [select_above(self.own, one, number) or select_above(self.tagged, one, number) for one in dialed]
        return tuple(dict.fromkeys(route.card_id for route in found if route is not None))


@dataclass(frozen=True, slots=True)
class Loss:
    """A prefix that is sold for less than it is bought: what a call of some length brings, and what it costs."""

    prefix: str
    duration_s: int
    sold_micros: int
    bought_micros: int


def losses(sold: Prices, buying: Buying, bought: Mapping[int, Prices], at: datetime) -> dict[int, list[Loss]]:
    """Where a call that begins at this moment loses money, by the card that it is bought by, in the order of prefixes.

    Looked at are the prefixes of both sides: a mobile range that is bought dearer counts where it is sold as its
    country. What is blocked or has no price on either side is no call, and no loss.
    """
    found: dict[int, list[Loss]] = {}
    known: dict[tuple[int, int], tuple[int, int, int] | None] = {}
    for card_id, prices in bought.items():
        for prefix in sorted(sold.keys() | prices.keys()):
            ours, theirs = price_of(sold, prefix), price_of(prices, prefix)
            if ours is None or theirs is None or not _is_open(ours, at) or not _is_open(theirs, at):
                continue
            pair = (id(ours.rate), id(theirs.rate))
            if pair not in known:
                known[pair] = _lost(ours.rate, theirs.rate, at)
            lost = known[pair]
            if lost is not None and card_id in buying.cards_of(prefix):
                found.setdefault(card_id, []).append(Loss(prefix, *lost))
    return found


def _lost(sold: Rate, bought: Rate, at: datetime) -> tuple[int, int, int] | None:
    """Seconds, income and cost of the usual call, or else of the shortest charged one, where it loses money."""
    shortest_ms = (max(sold.grace_s, bought.grace_s) + 1) * 1000
    for duration_ms in (TYPICAL_MS, shortest_ms):
        income, cost = (cost_micros(rate, at, duration_ms) for rate in (sold, bought))
        if cost > income:
            return duration_ms // 1000, income, cost
    return None


def price_of(prices: Prices, number: str) -> Price | None:
    """The price of the longest prefix of a number."""
    for length in range(min(len(number), MOST_DIGITS), -1, -1):
        found = prices.get(number[:length])
        if found is not None:
            return found
    return None


def marked_up(row: CardRow, markup_ppm: int) -> CardRow:
    """The row with every amount so much dearer, rounded up to a whole nano; lengths of time stay."""

    def dearer(nanos: int) -> int:
        return -(-nanos * (WHOLE_PPM + markup_ppm) // WHOLE_PPM)

    if row.tariff is None:
        fee_nanos = dearer(row.connect_fee_nanos)
        return replace(row, price_nanos=dearer(row.price_nanos), connect_fee_nanos=fee_nanos)
    rate = tariff_rate(row.tariff)
    windows = tuple(
        replace(
            window,
            connect_fee_nanos=dearer(window.connect_fee_nanos),
            steps=tuple(replace(step, price_nanos=dearer(step.price_nanos)) for step in window.steps),
        )
        for window in rate.windows
    )
    maximum_nanos = None if rate.maximum_nanos is None else dearer(rate.maximum_nanos)
    sold = replace(rate, windows=windows, minimum_nanos=dearer(rate.minimum_nanos), maximum_nanos=maximum_nanos)
    return replace(row, **asdict(terms_of(sold)), tariff=tariff_text(sold))


def _is_open(price: Price, at: datetime) -> bool:
    return not price.blocked and in_force(price.rate, at)
