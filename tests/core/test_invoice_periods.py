"""Claims about periods: one after the other without gap or overlap, in every zone, through every month and night."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tollgate.core.invoice_periods import (
    FREQUENCIES,
    Period,
    Schedule,
    begin_on,
    closed_periods,
    first_instant,
    next_on,
    period_of,
    uncovered,
)

ZONES = ("UTC", "Europe/Vilnius", "America/New_York", "America/Havana", "Asia/Beirut", "Australia/Lord_Howe",
         "Pacific/Apia", "Asia/Kathmandu")  # fmt: skip
HOUR = timedelta(hours=1)
days = st.dates(date(2009, 1, 1), date(2040, 12, 31))
schedules = st.builds(
    lambda frequency, day, zone: Schedule(frequency, day % 7 + 1 if frequency == "weekly" else day, zone),
    st.sampled_from(FREQUENCIES),
    st.integers(1, 31),
    st.sampled_from(ZONES),
)


@given(schedule=schedules, on=days)
@example(schedule=Schedule("monthly", 31, "UTC"), on=date(2024, 2, 29))
@example(schedule=Schedule("monthly", 30, "UTC"), on=date(2023, 2, 28))
def test_a_day_lies_in_one_period_and_the_next_begins_where_it_ends(schedule: Schedule, on: date) -> None:
    begin = begin_on(schedule, on)
    following = next_on(schedule, begin)
    assert begin <= on < following
    assert begin_on(schedule, following) == following
    assert begin_on(schedule, following - timedelta(days=1)) == begin
    if schedule.frequency == "weekly":
        assert begin.isoweekday() == schedule.billing_day
    if schedule.frequency == "monthly":
        assert begin.day == schedule.billing_day or (begin + timedelta(days=1)).day == 1


@given(schedule=schedules, on=days, length=st.integers(0, 400))
@example(schedule=Schedule("daily", 1, "Pacific/Apia"), on=date(2011, 12, 28), length=5)
def test_closed_periods_cover_the_time_without_gap_or_overlap(schedule: Schedule, on: date, length: int) -> None:
    since = first_instant(on, schedule.zone) + 5 * HOUR
    at = since + timedelta(days=length)
    found = list(closed_periods(schedule, since=since, at=at))
    assert all(one.until_at == two.from_at for one, two in pairwise(found))
    assert all(period.from_at < period.until_at <= at for period in found)
    if found:
        assert found[0].from_at <= since < found[0].until_at
        last = found[-1].until_on
        while first_instant(next_on(schedule, last), schedule.zone) == first_instant(last, schedule.zone):
            last = next_on(schedule, last)
        assert first_instant(next_on(schedule, last), schedule.zone) > at


@pytest.mark.parametrize(
    ("on", "zone", "hours"),
    [
        (date(2024, 3, 31), "Europe/Vilnius", 23),
        (date(2024, 10, 27), "Europe/Vilnius", 25),
        (date(2024, 3, 10), "America/New_York", 23),
        (date(2024, 3, 10), "America/Havana", 23),  # midnight does not exist
        (date(2024, 11, 3), "America/Havana", 25),  # midnight comes twice
        (date(2024, 4, 7), "Australia/Lord_Howe", 24.5),
        (date(2011, 12, 30), "Pacific/Apia", 0),  # the day that was left out
    ],
)
def test_a_day_is_as_long_as_its_night_makes_it(on: date, zone: str, hours: float) -> None:
    period = period_of(on, on + timedelta(days=1), zone)
    assert (period.until_at - period.from_at) / HOUR == hours


@given(
    on=days,
    zone=st.sampled_from(ZONES),
    cuts=st.lists(st.tuples(st.integers(-30, 800), st.integers(1, 200)), max_size=5),
)
def test_what_is_left_and_what_is_covered_are_the_period_together(
    on: date, zone: str, cuts: list[tuple[int, int]]
) -> None:
    period = period_of(on, on + timedelta(days=30), zone)
    covered = [(period.from_at + begin * HOUR, period.from_at + (begin + hours) * HOUR) for begin, hours in cuts]
    pieces = uncovered(period, covered, zone)
    assert pieces == [period] or covered
    hour = period.from_at
    while hour < period.until_at:
        inside = sum(piece.from_at <= hour < piece.until_at for piece in pieces)
        assert inside == (not any(begin <= hour < end for begin, end in covered))
        hour += HOUR
    for piece in pieces:
        assert piece.from_on < piece.until_on
        assert first_instant(piece.from_on, zone) <= piece.from_at


def test_a_period_that_is_free_is_left_as_it_is() -> None:
    period = period_of(date(2024, 1, 1), date(2024, 2, 1), "UTC")
    before = (datetime(2023, 1, 1, tzinfo=UTC), period.from_at)
    assert uncovered(period, [before, (period.until_at, period.until_at + HOUR)], "UTC") == [period]
    assert uncovered(period, [(period.from_at, period.until_at)], "UTC") == []
    late = Period(period.from_at + HOUR, period.until_at, period.from_on, period.until_on)
    assert uncovered(period, [(period.from_at - HOUR, period.from_at + HOUR)], "UTC") == [late]
