"""Claims about profit: days add up to months, and nothing is converted by a rate of later."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.profit import BOOKS, DatedRate, Earned, profits, rate_on

BEGIN = date(2026, 1, 1)
DAY = st.integers(0, 90).map(lambda days: BEGIN + timedelta(days=days))
EARNED = st.lists(
    st.builds(Earned, DAY, st.sampled_from(sorted(BOOKS)), st.sampled_from(["EUR", "USD", "GBP"]),
              st.integers(-(10**12), 10**12)), max_size=30,
)  # fmt: skip
RATES = st.lists(st.builds(DatedRate, DAY, st.just("USD"), st.just("EUR"), st.integers(10**8, 10**10)), max_size=5)


@given(earned=EARNED, rates=RATES)
def test_days_add_up_to_months_and_to_what_was_earned(earned: list[Earned], rates: list[DatedRate]) -> None:
    days = profits(earned, rates, currency="EUR", by_month=False)
    months = profits(earned, rates, currency="EUR", by_month=True)
    assert [row.on for row in days] == sorted({one.on for one in earned}, reverse=True)
    assert sum(row.profit_micros for row in days) == sum(row.profit_micros for row in months)
    assert all("GBP" in row.unconverted for row in days if any(e.on == row.on and e.currency == "GBP" for e in earned))
    only_own = [one for one in earned if one.currency == "EUR"]
    own = profits(only_own, rates, currency="EUR", by_month=True)
    assert sum(row.profit_micros for row in own) == sum(one.amount_micros for one in only_own)
    assert sum(row.sold_micros for row in own) == sum(one.amount_micros for one in only_own if one.book == "revenue")


def test_the_last_rate_up_to_a_day_converts_it_either_way_round() -> None:
    rates = [
        DatedRate(BEGIN, "USD", "EUR", 900_000_000),
        DatedRate(BEGIN + timedelta(days=10), "EUR", "USD", 1_250_000_000),
    ]
    assert rate_on(rates, BEGIN - timedelta(days=1), base="USD", quote="EUR") is None
    assert rate_on(rates, BEGIN + timedelta(days=9), base="USD", quote="EUR") == 900_000_000
    assert rate_on(rates, BEGIN + timedelta(days=10), base="USD", quote="EUR") == 800_000_000
    assert rate_on(rates, BEGIN + timedelta(days=10), base="EUR", quote="USD") == 1_250_000_000
