"""Claims about what a reseller pays beside what it sells for."""

import json
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.card_files import CardRow
from tollgate.core.card_tariffs import tariff_rate
from tollgate.core.rates import Rounding, simple
from tollgate.core.resale import Buying, Loss, Price, losses, marked_up, price_of
from tollgate.core.snapshot import Route

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
CENT = 10_000_000


def prices(cents: dict[str, int], *, blocked: tuple[str, ...] = ()) -> dict[str, Price]:
    """Prices per minute in cents, by the second."""
    rounding = Rounding(precision=6)
    return {
        prefix: Price(simple(price_nanos=each * CENT, rounding=rounding), prefix in blocked)
        for prefix, each in cents.items()
    }


def route(route_id: int, card_id: int, *patterns: str, tech_prefix: str = "") -> Route:
    """A route by which the reseller buys."""
    return Route(route_id, "r", 0, False, tech_prefix, patterns, card_id, "lcr", ())


ALL = Buying((route(1, 7),))


def test_a_price_below_the_one_that_is_paid_is_a_loss_also_where_only_a_longer_prefix_is_dearer() -> None:
    sold = prices({"44": 5, "49": 9, "370": 5})
    bought = {7: prices({"44": 4, "4477": 6, "49": 9, "3706": 8, "1": 50})}
    assert losses(sold, ALL, bought, AT) == {
        7: [Loss("3706", 180, 150_000, 240_000), Loss("4477", 180, 150_000, 180_000)]
    }
    assert losses(prices({"44": 5, "3706": 4}), ALL, {7: prices({"44": 5, "370": 5})}, AT) == {
        7: [Loss("3706", 180, 120_000, 150_000)]
    }


def test_what_is_no_call_is_no_loss() -> None:
    bought = {7: prices({"44": 9})}
    assert losses(prices({"44": 1}, blocked=("44",)), ALL, bought, AT) == {}
    assert losses(prices({"44": 1}), ALL, {7: prices({"44": 9}, blocked=("44",))}, AT) == {}
    assert losses(prices({"44": 1}), Buying((route(1, 7, "49"),)), bought, AT) == {}, "no route of its takes it"
    assert losses(prices({}), ALL, bought, AT) == {}


def test_a_minimum_that_is_bought_and_not_sold_is_a_loss_of_the_shortest_call() -> None:
    sold, bought = simple(price_nanos=6 * CENT), simple(price_nanos=6 * CENT, initial_s=60, increment_s=60)
    assert losses({"1": Price(sold)}, ALL, {7: {"1": Price(bought)}}, AT) == {7: [Loss("1", 1, 1000, 60_000)]}


def test_a_number_is_bought_as_a_call_finds_it() -> None:
    own = (route(1, 7), route(2, 8, "44"), route(3, 9, tech_prefix="77"))
    buying = Buying(own, (route(4, 5),))
    assert buying.card_ids == (7, 8, 9, 5)
    assert buying.cards_of("4420") == (8, 9)
    assert buying.cards_of("4920") == (7, 9)
    assert Buying((route(1, 7, "44"),), (route(4, 5),)).cards_of("4920") == (5,), "its tags stand behind"
    assert Buying().cards_of("4920") == ()
    assert price_of(prices({"": 1, "44": 2}), "4420") == prices({"44": 2})["44"]
    assert price_of(prices({"44": 2}), "4920") is None


TARIFF = {
    "minimum_nanos": 1,
    "maximum_nanos": 3,
    "windows": [{"connect_fee_nanos": 5, "steps": [{"at_s": 0, "price_nanos": 7}, {"at_s": 60, "price_nanos": 9}]}],
}


@given(st.integers(0, 10**13), st.integers(0, 10**9), st.integers(0, 10_000_000))
def test_a_marked_up_price_is_dearer_by_just_that_and_never_cheaper(price: int, fee: int, ppm: int) -> None:
    row = CardRow("44", "UK", price_nanos=price, connect_fee_nanos=fee, initial_s=60, increment_s=6)
    dearer = marked_up(row, ppm)
    exact = price * (1_000_000 + ppm)
    assert exact <= dearer.price_nanos * 1_000_000 < exact + 1_000_000
    assert dearer.connect_fee_nanos >= fee
    assert replace(dearer, price_nanos=price, connect_fee_nanos=fee) == row
    assert marked_up(row, 0) == row


def test_a_whole_tariff_is_marked_up_in_every_amount() -> None:
    dearer = marked_up(CardRow("44", tariff=json.dumps(TARIFF)), 1_000_000)
    assert dearer.tariff is not None
    rate = tariff_rate(dearer.tariff)
    (window,) = rate.windows
    assert (rate.minimum_nanos, rate.maximum_nanos, window.connect_fee_nanos) == (2, 6, 10)
    assert [(step.at_s, step.price_nanos) for step in window.steps] == [(0, 14), (60, 18)]
    assert (dearer.price_nanos, dearer.connect_fee_nanos) == (14, 10)
    without = {name: value for name, value in TARIFF.items() if name != "maximum_nanos"}
    more = marked_up(CardRow("44", tariff=json.dumps(without)), 500_000)
    assert more.tariff is not None
    assert tariff_rate(more.tariff).maximum_nanos is None


def test_rates_that_stand_at_many_prefixes_lose_at_each_of_them() -> None:
    cheap, dear = Price(simple(price_nanos=CENT)), Price(simple(price_nanos=2 * CENT))
    found = losses({"44": cheap, "49": cheap}, ALL, {7: {"44": dear, "49": dear}}, AT)
    assert [loss.prefix for loss in found[7]] == ["44", "49"]
