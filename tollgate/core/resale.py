"""What a reseller pays beside what it sells for: the cards it buys by, prices that lose money, prices made of others.

A reseller buys by the cards of its own routes, as a call finds them (`core.routes.select_above`), and sells by cards of
its own. A price loses money by the rule of profit assurance (`core.calls_routes.loss`): the shortest charged call and
the usual one, fees included, each side rounded as its card says.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from operator import attrgetter
from typing import Final, NamedTuple, TypeVar

from tollgate.core.calls_routes import TYPICAL_MS
from tollgate.core.card_files import CardRow
from tollgate.core.card_tariffs import tariff_rate, tariff_text, terms_of
from tollgate.core.digits import MOST_DIGITS
from tollgate.core.rates import Rate, cost_micros, in_force
from tollgate.core.routes import select_above
from tollgate.core.snapshot import Route

T = TypeVar("T")
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

    @property
    def chooses_by_number(self) -> bool:
        """Whether it depends on the number by which card a call is bought."""
        return any(route.patterns for route in (*self.own, *self.tagged))

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
    country. What is blocked or has no price on either side is no call, and no loss. Each price is reckoned once: give
    those that are alike as one and the same object.
    """
    found: dict[int, list[Loss]] = {}
    cards: dict[str, tuple[int, ...]] = {}
    ours, by_number = _reckoned(sold, at), buying.chooses_by_number
    for card_id, prices in bought.items():
        losing: list[Loss] = []
        for prefix, income, cost in _beside(ours, _reckoned(prices, at)):
            lost = _lost(income, cost, at)
            if lost is None:
                continue
            number = prefix if by_number else ""
            if number not in cards:
                cards[number] = buying.cards_of(number)
            if card_id in cards[number]:
                losing.append(Loss(prefix, *lost))
        if losing:
            found[card_id] = sorted(losing, key=attrgetter("prefix"))
    return found


class _Reckoned(NamedTuple):
    """A price with what the usual call costs by it, and the shortest that is charged."""

    rate: Rate
    usual_micros: int
    grace_s: int
    shortest_micros: int


def _reckoned(prices: Prices, at: datetime) -> dict[str, _Reckoned | None]:
    """The prices of calls that begin at a moment, by prefix; None where there is no call then."""
    known: dict[int, _Reckoned | None] = {}
    found: dict[str, _Reckoned | None] = {}
    for prefix, price in prices.items():
        key = id(price)
        if key not in known:
            known[key] = _one_reckoned(price.rate, at) if not price.blocked and in_force(price.rate, at) else None
        found[prefix] = known[key]
    return found


def _one_reckoned(rate: Rate, at: datetime) -> _Reckoned:
    usual, shortest = (cost_micros(rate, at, of_ms) for of_ms in (TYPICAL_MS, _shortest_ms(rate.grace_s)))
    return _Reckoned(rate, usual, rate.grace_s, shortest)


def _beside(
    sold: Mapping[str, _Reckoned | None], bought: Mapping[str, _Reckoned | None]
) -> Iterator[tuple[str, _Reckoned, _Reckoned]]:
    """Each prefix of either side with the price of each side for it that may lose money; most do not."""
    for prefix, income in sold.items():
        cost = bought[prefix] if prefix in bought else price_of(bought, prefix)
        if income is None or cost is None:
            continue
        _, usual_income, income_grace_s, shortest_income = income
        _, usual_cost, cost_grace_s, shortest_cost = cost
        if usual_income < usual_cost or shortest_income < shortest_cost or income_grace_s != cost_grace_s:
            yield prefix, income, cost
    for prefix in bought.keys() - sold.keys():
        income, cost = price_of(sold, prefix), bought[prefix]
        if income is not None and cost is not None:
            yield prefix, income, cost


def _lost(sold: _Reckoned, bought: _Reckoned, at: datetime) -> tuple[int, int, int] | None:
    """Seconds, income and cost of the usual call, or else of the shortest charged one, where it loses money."""
    if bought.usual_micros > sold.usual_micros:
        return TYPICAL_MS // 1000, sold.usual_micros, bought.usual_micros
    shortest_ms = _shortest_ms(max(sold.grace_s, bought.grace_s))
    income, cost = (cost_micros(one.rate, at, shortest_ms) for one in (sold, bought))
    return (shortest_ms // 1000, income, cost) if cost > income else None


def _shortest_ms(grace_s: int) -> int:
    return (grace_s + 1) * 1000


def price_of(prices: Mapping[str, T], number: str) -> T | None:
    """The price of the longest prefix of a number."""
    for length in range(min(len(number), MOST_DIGITS), -1, -1):
        if number[:length] in prices:
            return prices[number[:length]]
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
