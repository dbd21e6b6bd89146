"""Claims about what calls came to: ratios are made of totals, hours and days follow the clock of a zone."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.traffic import (
    DAYS_SHOWN,
    HOURS_SHOWN,
    MEASURES,
    Outcome,
    by_day,
    day_of,
    days_until,
    hours_until,
    since,
    summed,
)

AT = datetime(2026, 11, 22, 18, 20, tzinfo=UTC)
counts = st.integers(0, 10**9)
outcomes = st.builds(Outcome, **dict.fromkeys(MEASURES, counts))


@given(st.lists(outcomes, max_size=5))
def test_outcomes_add_measure_by_measure(found: list[Outcome]) -> None:
    whole = summed(found)
    assert all(getattr(whole, name) == sum(getattr(one, name) for one in found) for name in MEASURES)


def test_ratios_are_of_totals_and_none_of_nothing() -> None:
    found = Outcome(attempts=8, connected=3, reached=5, rang=4, pdd_ms=4600, duration_ms=100_500)
    assert (found.asr_percent, found.ner_percent) == (Decimal("37.5"), Decimal("62.5"))
    assert (found.acd_s, found.pdd_s) == (34, Decimal("1.2"))
    none = Outcome()
    assert (none.asr_percent, none.ner_percent, none.acd_s, none.pdd_s) == (None, None, None, None)


def test_a_page_shows_the_hours_and_days_that_end_with_this_one() -> None:
    hours, days = hours_until(AT), days_until(AT, ZoneInfo("Asia/Tokyo"))
    assert (len(hours), hours[-1]) == (HOURS_SHOWN, AT.replace(minute=0))
    assert (len(days), days[-1]) == (DAYS_SHOWN, date(2026, 11, 23)), "there it is tomorrow"
    assert all(later - earlier == timedelta(hours=1) for earlier, later in pairwise(hours))


def test_a_day_has_the_hours_of_its_zone_on_the_nights_of_clock_changes_too() -> None:
    zone = ZoneInfo("Europe/Vilnius")
    hours = {datetime(2026, 10, 24, 21, tzinfo=UTC) + timedelta(hours=hour): 1 for hour in range(25 + 24)}
    days = [date(2026, 10, 25), date(2026, 10, 26)]
    assert by_day(hours, days, zone) == [25, 24]
    assert by_day({datetime(2026, 9, 1, tzinfo=UTC): 1}, days, zone) == [0, 0], "of no day that is shown"
    assert since(days, zone) == datetime(2026, 10, 24, 21, tzinfo=UTC)


def test_an_hour_counts_to_the_day_it_begins_on_where_clocks_differ_by_half_an_hour() -> None:
    zone = ZoneInfo("Asia/Kolkata")
    assert day_of(datetime(2026, 11, 22, 18, tzinfo=UTC), zone) == date(2026, 11, 22)
    assert since([date(2026, 11, 23)], zone) == datetime(2026, 11, 22, 18, tzinfo=UTC)
