"""Claims about holds and grants: what is held is enough, and what is granted is paid for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.rate_strategies import HARD_INSTANTS, INSTANTS, RATES, WINDOWED_RATES
from tollgate.core.money import parse_micros, parse_nanos
from tollgate.core.rates import (
    AtMaximum,
    Rate,
    Step,
    Window,
    affordable_s,
    cost_micros,
    first_hold,
    first_slice_s,
    hold_micros,
    is_free,
    price_per_minute_nanos,
    simple,
)

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
DAY = Window((Step(0, parse_nanos("0.6"), 60, 6),), until_s=18 * 3600)
EVENING = Window((Step(0, parse_nanos("0.3"), 60, 6),), from_s=18 * 3600, connect_fee_nanos=parse_nanos("0.01"))
TWO_PRICES = Rate((DAY, EVENING))
BEFORE_SIX = datetime(2026, 1, 5, 17, 59, 30, tzinfo=UTC)


def affordable(rate: Rate, money: str, most_s: int = 3600) -> int:
    return affordable_s(rate, NOON, NOON, parse_micros(money), most_s)


@settings(max_examples=200, deadline=None)
@given(
    rate=st.one_of(RATES, WINDOWED_RATES),
    at=HARD_INSTANTS,
    ringing_s=st.integers(0, 120),
    part=st.integers(0, 1000),
    seconds=st.integers(0, 400),
    fewer=st.integers(0, 400),
)
def test_a_call_never_costs_more_than_was_held_for_it(
    rate: Rate, at: datetime, ringing_s: int, part: int, seconds: int, fewer: int
) -> None:
    until = at + timedelta(seconds=ringing_s)
    answered_at = at + timedelta(milliseconds=ringing_s * part)
    held = hold_micros(rate, at, until, seconds)
    assert cost_micros(rate, answered_at, seconds * 1000) <= held
    assert cost_micros(rate, answered_at, min(seconds, fewer) * 1000) <= held
    assert hold_micros(rate, at, until, min(seconds, fewer)) <= held


@settings(max_examples=100)
@given(rate=RATES.filter(lambda rate: len(rate.windows) == 1), at=INSTANTS, seconds=st.integers(0, 400))
def test_without_a_change_of_window_the_hold_is_exactly_the_cost(rate: Rate, at: datetime, seconds: int) -> None:
    until = at + timedelta(seconds=60)
    assert hold_micros(rate, at, until, seconds) == cost_micros(rate, at, seconds * 1000)


@settings(max_examples=200, deadline=None)
@given(
    rate=st.one_of(RATES, WINDOWED_RATES),
    at=HARD_INSTANTS,
    ringing_s=st.integers(0, 120),
    money_micros=st.one_of(st.integers(0, 10**7), st.integers(0, 10**10)),
    most_s=st.integers(0, 500),
)
def test_the_grant_is_the_most_talk_that_the_money_carries(
    rate: Rate, at: datetime, ringing_s: int, money_micros: int, most_s: int
) -> None:
    until = at + timedelta(seconds=ringing_s)
    disconnects = rate.at_maximum is AtMaximum.disconnect and rate.maximum_nanos is not None

    def fits(seconds: int) -> bool:
        within = not disconnects or exact_within_maximum(rate, at, until, seconds)
        return within and hold_micros(rate, at, until, seconds) <= money_micros

    granted_s = affordable_s(rate, at, until, money_micros, most_s)
    assert 0 <= granted_s <= most_s
    shortest_charged_s = rate.grace_s + 1
    if granted_s == 0:
        assert most_s == 0 or not fits(shortest_charged_s)
    else:
        assert fits(granted_s)
        assert granted_s == most_s or not fits(granted_s + 1)


def exact_within_maximum(rate: Rate, at: datetime, until: datetime, seconds: int) -> bool:
    """Whether the worst exact cost stays within the maximum: held at full precision, micros and nanos told apart."""
    assert rate.maximum_nanos is not None
    fine = replace(
        rate,
        rounding=replace(rate.rounding, precision=6),
        windows=tuple(
            replace(
                window,
                connect_fee_nanos=window.connect_fee_nanos * 10**6,
                steps=tuple(replace(step, price_nanos=step.price_nanos * 10**6) for step in window.steps),
            )
            for window in rate.windows
        ),
        minimum_nanos=rate.minimum_nanos * 10**6,
        maximum_nanos=None,
    )
    fine = replace(fine, rounding=replace(fine.rounding, method=type(fine.rounding.method).up))
    return seconds <= rate.grace_s or hold_micros(fine, at, until, seconds) <= rate.maximum_nanos * 10**3


def test_the_last_grant_ends_exactly_where_the_money_ends() -> None:
    rate = simple(price_nanos=parse_nanos("0.6"), initial_s=6, increment_s=6)
    assert [affordable(rate, money) for money in ("0.0599", "0.06", "0.2", "0.24")] == [0, 6, 18, 24]
    assert affordable(rate, "1000", most_s=100) == 100
    assert affordable(rate, "-1") == affordable(rate, "5", most_s=0) == 0


def test_the_connect_fee_and_the_minimum_must_fit_first() -> None:
    fee = simple(price_nanos=parse_nanos("0.6"), connect_fee_nanos=parse_nanos("1"))
    assert [affordable(fee, money) for money in ("0.99", "1", "1.01")] == [0, 0, 1]
    minimum = simple(price_nanos=parse_nanos("0.6"), minimum_nanos=parse_nanos("1"))
    assert [affordable(minimum, money) for money in ("0.99", "1", "1.01")] == [0, 100, 101]


def test_a_grace_alone_is_never_granted() -> None:
    rate = simple(price_nanos=parse_nanos("0.6"), grace_s=10)
    assert [affordable(rate, money) for money in ("0", "0.1099", "0.11")] == [0, 0, 11]
    assert affordable(rate, "5", most_s=3) == 3


def test_the_maximum_frees_the_rest_or_ends_the_grant() -> None:
    rate = simple(price_nanos=parse_nanos("0.6"), maximum_nanos=parse_nanos("0.62"))
    assert [affordable(rate, money) for money in ("0.61", "0.62")] == [61, 3600]
    ending = replace(rate, at_maximum=AtMaximum.disconnect)
    assert [affordable(ending, money) for money in ("0.61", "5")] == [61, 62]


def test_a_price_change_is_held_at_the_worse_price_and_no_more() -> None:
    until = BEFORE_SIX + timedelta(seconds=10)
    assert hold_micros(TWO_PRICES, BEFORE_SIX, until, 18) == parse_micros("0.18")
    assert hold_micros(TWO_PRICES, BEFORE_SIX, until, 60) == parse_micros("0.6")
    assert hold_micros(TWO_PRICES, BEFORE_SIX, until + timedelta(seconds=20), 60) == parse_micros("0.61")
    after = BEFORE_SIX + timedelta(seconds=30)
    assert affordable_s(TWO_PRICES, BEFORE_SIX, after, parse_micros("0.61"), 3600) == 60
    assert affordable_s(TWO_PRICES, BEFORE_SIX, until, parse_micros("0.61"), 3600) == 60
    assert affordable_s(TWO_PRICES, BEFORE_SIX, until, parse_micros("0.19"), 3600) == 18
    assert hold_micros(TWO_PRICES, after, after, 60) == parse_micros("0.31")


def test_an_answered_call_that_meets_a_dearer_price_is_held_at_each_window_s_own_price() -> None:
    dearer = Rate((replace(DAY, steps=EVENING.steps), replace(EVENING, steps=DAY.steps, connect_fee_nanos=0)))
    answered_at = BEFORE_SIX - timedelta(seconds=3570)
    assert hold_micros(dearer, answered_at, answered_at, 3660) == parse_micros("18.6")
    assert affordable_s(dearer, answered_at, answered_at, parse_micros("18.6"), 7200) == 3660
    assert affordable_s(dearer, answered_at, answered_at, parse_micros("18.59"), 7200) == 3654
    assert affordable_s(dearer, answered_at, answered_at, parse_micros("0.02"), 7200) == 0


def test_windows_of_different_steps_are_held_at_the_dearest_price_and_the_longest_increment() -> None:
    minutes = replace(EVENING, steps=(Step(0, parse_nanos("0.3"), 60, 60),), connect_fee_nanos=0)
    rate = Rate((DAY, minutes))
    until = BEFORE_SIX + timedelta(seconds=10)
    assert hold_micros(rate, BEFORE_SIX, until, 20) == parse_micros("0.24")
    assert hold_micros(rate, BEFORE_SIX, until, 21) == parse_micros("0.8")
    assert affordable_s(rate, BEFORE_SIX, until, parse_micros("0.5"), 3600) == 20
    assert affordable_s(rate, BEFORE_SIX, until, parse_micros("0.8"), 3600) == 21
    half = timedelta(milliseconds=500)
    assert affordable_s(rate, BEFORE_SIX + half, until + half, parse_micros("0.5"), 3600) == 19


@pytest.mark.parametrize(
    ("rate", "normal_s", "expected"),
    [
        (simple(price_nanos=1), 60, 61),
        (simple(price_nanos=1, initial_s=6, increment_s=6), 60, 66),
        (simple(price_nanos=1, initial_s=30, increment_s=7), 60, 86),
        (simple(price_nanos=1, initial_s=60, increment_s=60), 0, 60),
        (simple(price_nanos=1, initial_s=60, increment_s=60), 59, 60),
        (simple(price_nanos=1, initial_s=60, increment_s=60, included_s=15), 60, 135),
        (simple(price_nanos=1, initial_s=6, increment_s=6, grace_s=10), 0, 12),
        (Rate((Window((Step(0, 1, 60, 60), Step(60, 1, 60, 3600))),)), 60, 60),
        (Rate((Window((Step(0, 1, 60, 60), Step(60, 1, 60, 3600))),)), 0, 60),
    ],
)
def test_the_first_slice_is_the_least_that_is_billed_and_whole_increments(
    rate: Rate, normal_s: int, expected: int
) -> None:
    assert first_slice_s(rate, NOON, normal_s) == expected


def test_a_rate_is_free_only_when_no_call_can_cost_anything() -> None:
    assert is_free(simple(price_nanos=0))
    assert is_free(simple(price_nanos=9, maximum_nanos=0))
    assert not is_free(simple(price_nanos=9, maximum_nanos=0, at_maximum=AtMaximum.disconnect))
    assert not is_free(simple(price_nanos=0, connect_fee_nanos=1))
    assert not is_free(simple(price_nanos=0, minimum_nanos=1))
    assert not is_free(Rate((Window((Step(0, 0), Step(60, 1))),)))


def test_the_price_per_minute_is_the_dearest_step_of_the_window_in_force() -> None:
    rate = Rate((replace(DAY, steps=(Step(0, 7, 60), Step(60, 1, 7))), EVENING))
    assert price_per_minute_nanos(rate, NOON) == 9
    assert price_per_minute_nanos(rate, BEFORE_SIX + timedelta(minutes=1)) == parse_nanos("0.3")


def test_a_first_hold_is_remembered_only_where_the_moment_says_nothing() -> None:
    plain, windowed = simple(price_nanos=parse_nanos("0.6")), TWO_PRICES
    for rate in (plain, windowed):
        for at in (NOON, BEFORE_SIX, NOON):
            seconds, held = first_hold(rate, at, at, 60)
            assert seconds == first_slice_s(rate, at, 60)
            assert held == hold_micros(rate, at, at, seconds)
