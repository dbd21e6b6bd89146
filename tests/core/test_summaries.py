"""Claims about totals and stretches: ratios are those of all calls together, and time has neither gap nor overlap."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.summaries import MEASURES, SHOWN, Span, Totals, beginning, following, ratio, shown, stretches

instants = st.datetimes(datetime(2001, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))
totals = st.builds(Totals, **dict.fromkeys(MEASURES, st.integers(-(10**15), 10**15)))


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=20))
def test_a_ratio_of_totals_is_the_weighted_average(calls: list[tuple[int, int]]) -> None:
    parts = [Totals(attempts=connected + failed, connected=connected) for connected, failed in calls]
    whole = sum(parts, Totals())
    tried = sum(part.attempts for part in parts)
    if tried == 0:
        assert whole.asr_percent is None
        return
    weighted = sum(Fraction(part.connected, part.attempts) * part.attempts for part in parts if part.attempts) / tried
    assert whole.asr_percent is not None
    assert abs(Fraction(whole.asr_percent) - weighted * 100) <= Fraction(1, 200)


@given(totals, totals, totals)
def test_totals_add_in_any_order(one: Totals, two: Totals, three: Totals) -> None:
    assert (one + two) + three == three + (two + one)


@given(st.integers(-(10**20), 10**20), st.integers(-(10**20), 10**20), st.integers(0, 6))
def test_a_ratio_is_exact_and_rounded_once(over: int, under: int, places: int) -> None:
    told = ratio(over, under, places=places)
    if under == 0:
        assert told is None
        return
    assert told is not None
    assert abs(Fraction(told) - Fraction(over, under)) <= Fraction(1, 2 * 10**places)
    assert ratio(-over, under, places=places) == -told


def test_talk_and_profit_are_told_of_what_they_are_made_of() -> None:
    found = Totals(connected=3, duration_ms=100_000, cost_micros=300, profit_micros=100, profitable_micros=200)
    assert (str(found.acd_s), found.duration_s, str(found.margin_percent)) == ("33.3", 100, "50.00")


@given(instants, st.sampled_from(Span), st.integers(0, 40))
def test_stretches_follow_one_another_without_gap_or_overlap(at: datetime, span: Span, count: int) -> None:
    begun_at = beginning(at, span)
    assert begun_at <= at < following(begun_at, span)
    assert following(following(begun_at, span, count), span, -count) == begun_at
    found = list(stretches(span, at, following(begun_at, span, count)))
    assert len(found) == count
    assert all(one[1] == two[0] for one, two in itertools.pairwise(found))
    assert all(beginning(one[0], span) == one[0] for one in found)
    if span is Span.WEEK:
        assert all(one[0].isoweekday() == 1 for one in found)
    if span is Span.MONTH:
        assert all(one[0].day == 1 for one in found)


@given(instants, st.sampled_from(Span))
def test_what_is_shown_at_first_ends_with_the_stretch_of_now(at: datetime, span: Span) -> None:
    from_at, until_at = shown(span, at)
    assert len(list(stretches(span, from_at, until_at))) == SHOWN[span]
    assert until_at - timedelta(microseconds=1) >= at
