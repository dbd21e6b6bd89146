"""When packages fall due, what part of a period is paid, and that nothing is paid twice or left out."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.packages import (
    DAY,
    Frequency,
    PackageInvalid,
    Period,
    Schedule,
    charge_key,
    check_days,
    earliest_end_on,
    first_period,
    following,
    granted_s,
    matched,
    midnight,
    minutes_end_on,
    period_from,
    periods,
    read_prefixes,
    setup_key,
    shortfall_micros,
)

FAR = date(2031, 1, 1)
days = st.dates(date(2023, 1, 1), date(2028, 12, 31))


def due(schedule: Schedule, until_on: date = FAR, most: int = 6) -> list[str]:
    found = [period.from_on.isoformat() for period in periods(schedule, since_on=None, until_on=until_on)]
    return found[:most]


@st.composite
def schedules(draw: st.DrawFn, *, prorate: bool | None = None) -> Schedule:
    frequency = draw(st.sampled_from(list(Frequency)))
    most = {Frequency.weekly: 7, Frequency.monthly: 31}.get(frequency, 0)
    chosen = draw(st.lists(st.integers(1, most), max_size=4)) if most else []
    starts_on = draw(days)
    length = draw(st.none() | st.integers(0, 400))
    ends_on = None if length is None else starts_on + length * DAY
    by_days = draw(st.booleans()) if prorate is None else prorate
    return Schedule(frequency, starts_on, ends_on, check_days(frequency, chosen), by_days)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Schedule(Frequency.none, date(2026, 1, 31)), ["2026-01-31"]),
        (Schedule(Frequency.daily, date(2026, 2, 27)), ["2026-02-27", "2026-02-28", "2026-03-01"]),
        (Schedule(Frequency.weekly, date(2026, 11, 21)), ["2026-11-21", "2026-11-28", "2026-12-05"]),
        (Schedule(Frequency.weekly, date(2026, 11, 21), match_days=(1, 5)), ["2026-11-21", "2026-11-23", "2026-11-27"]),
        (Schedule(Frequency.monthly, date(2026, 1, 31)), ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]),
        (Schedule(Frequency.monthly, date(2028, 1, 30)), ["2028-01-30", "2028-02-29", "2028-03-30"]),
        (
            Schedule(Frequency.monthly, date(2026, 1, 15), match_days=(15, 31)),
            ["2026-01-15", "2026-01-31", "2026-02-15", "2026-02-28", "2026-03-15", "2026-03-31"],
        ),
        (Schedule(Frequency.monthly, date(2026, 2, 1), match_days=(29, 30, 31)), ["2026-02-01", "2026-02-28"]),
        (Schedule(Frequency.monthly, date(2026, 1, 10), match_days=(1,), prorate=False), ["2026-02-01", "2026-03-01"]),
        (Schedule(Frequency.none, date(2026, 1, 10), prorate=False), ["2026-01-10"]),
    ],
)
def test_packages_fall_due_on_their_days_and_on_the_last_one_of_short_months(
    schedule: Schedule, expected: list[str]
) -> None:
    assert due(schedule, most=len(expected)) == expected


@given(schedules(prorate=True))
def test_periods_follow_each_other_without_gap_to_the_last_day(schedule: Schedule) -> None:
    period, before = first_period(schedule), None
    assert period is not None
    assert period.from_on == schedule.starts_on
    for _ in range(40):
        if before is not None and period is not None:
            assert period.from_on == before.until_on
        if period is None:
            assert before is not None
            assert schedule.frequency is Frequency.none or before.until_on == schedule.ends_on + DAY
            break
        assert 1 <= period.days <= period.whole_days
        assert schedule.ends_on is None or period.until_on <= schedule.ends_on + DAY
        before, period = period, following(schedule, period)


@given(schedules(), st.integers(0, 10**12))
def test_a_run_that_goes_on_where_the_last_one_ended_meets_each_period_once(schedule: Schedule, split: int) -> None:
    until_on = schedule.starts_on + 90 * DAY
    whole = list(periods(schedule, since_on=None, until_on=until_on))
    middle = schedule.starts_on + split % 90 * DAY
    early = list(periods(schedule, since_on=None, until_on=middle))
    after = following(schedule, early[-1]) if early else first_period(schedule)
    late = [] if after is None else list(periods(schedule, since_on=after.from_on, until_on=until_on))
    assert early + late == whole
    keys = [charge_key(7, period) for period in whole] + [setup_key(7)]
    assert len(set(keys)) == len(keys)


@given(schedules(prorate=False))
def test_without_proration_every_period_is_paid_whole_and_the_part_before_the_first_is_free(schedule: Schedule) -> None:
    for period in list(periods(schedule, since_on=None, until_on=schedule.starts_on + 90 * DAY)):
        assert period.share(12345) == 12345
        assert period.from_on >= schedule.starts_on


@given(st.integers(0, 10**9), st.integers(1, 31), st.integers(1, 31))
def test_the_parts_of_a_period_cost_as_much_as_the_whole_but_for_the_last_unit(
    whole: int, one: int, other: int
) -> None:
    all_days = one + other
    first = Period(date(2026, 1, 1), date(2026, 1, 1) + one * DAY, one, all_days)
    second = Period(date(2026, 1, 1) + one * DAY, date(2026, 1, 1) + all_days * DAY, other, all_days)
    assert abs(first.share(whole) + second.share(whole) - whole) <= 1


def test_a_part_is_paid_by_its_days_and_brings_as_many_minutes() -> None:
    schedule = Schedule(Frequency.monthly, date(2026, 4, 21), date(2026, 5, 15), (1,))
    first, last = periods(schedule, since_on=None, until_on=FAR)
    assert (first.days, first.whole_days, last.days, last.whole_days) == (10, 30, 15, 31)
    assert first.share(30_000_000) == 10_000_000
    assert granted_s(90, 2, first) == 3600
    assert period_from(schedule, date(2026, 5, 16)) is None


def test_minutes_end_with_their_period_and_with_rollover_one_period_later() -> None:
    schedule = Schedule(Frequency.monthly, date(2026, 1, 31))
    january = first_period(schedule)
    assert january is not None
    assert minutes_end_on(schedule, january, rollover=False) == date(2026, 2, 28)
    assert minutes_end_on(schedule, january, rollover=True) == date(2026, 3, 31)
    once = Schedule(Frequency.none, date(2026, 1, 31))
    assert minutes_end_on(once, Period(date(2026, 1, 31), None), rollover=True) is None


def test_minimum_spend_is_the_difference_and_never_a_gift() -> None:
    assert shortfall_micros(50_000_000, 25_000_000) == 25_000_000
    assert shortfall_micros(50_000_000, 60_000_000) == 0


def test_minimum_days_count_the_first_day() -> None:
    assert earliest_end_on(date(2026, 1, 1), 30) == date(2026, 1, 30)
    assert earliest_end_on(date(2026, 1, 1), 0) == date(2026, 1, 1)


def test_days_and_prefixes_are_read_and_what_cannot_be_is_refused() -> None:
    assert check_days(Frequency.monthly, [31, 15, 15]) == (15, 31)
    assert read_prefixes("^44|^91|^1") == read_prefixes(" +44, 91|1||44") == ("44", "91", "1")
    assert read_prefixes("") == ()
    for frequency, bad in ((Frequency.daily, [1]), (Frequency.weekly, [8]), (Frequency.monthly, [0])):
        with pytest.raises(PackageInvalid):
            check_days(frequency, bad)
    with pytest.raises(PackageInvalid):
        read_prefixes("44|x")


def test_the_longest_prefix_matches_and_none_at_all_matches_every_number() -> None:
    assert matched(("4", "4420", "1"), "442079460001") == 4
    assert matched(("1",), "442079460001") is None
    assert matched((), "442079460001") == 0


def test_a_day_begins_where_the_customer_is() -> None:
    assert midnight(date(2026, 7, 1), "Europe/Vilnius") == datetime(2026, 6, 30, 21, tzinfo=UTC)
    assert midnight(date(2026, 3, 30), "Europe/Vilnius") - midnight(date(2026, 3, 29), "Europe/Vilnius") == timedelta(
        hours=23
    )
