"""Claims about alerts: they fire on crossing, repeat while it holds, and are armed again only past the reset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.alerts import ALWAYS, COMPARED, ByDay, Rule, Stand, condition, decide, reset_fits, shown

AT = datetime(2031, 5, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FIGURES = st.integers(-100, 100)
LOW = Rule(operator="<=", threshold_micros=30, reset_micros=31, repeat=None)


def kinds(rule: Rule, values: list[int | None]) -> list[str]:
    """What happens when these figures come minute by minute."""
    stand, found = Stand(), []
    for minute, value in enumerate(values):
        move = decide(rule, stand, value, AT + minute * MINUTE)
        stand = move.stand
        found.append(move.kind)
    return found


def test_an_alert_fires_at_30_and_is_armed_above_31_as_the_specification_says() -> None:
    assert kinds(LOW, [40, 30, 20, 31, 30, 32, 30]) == ["", "fired", "", "", "", "cleared", "fired"]


def test_a_figure_nobody_knows_changes_nothing() -> None:
    assert kinds(LOW, [None, 30, None, 40, None]) == ["", "fired", "", "cleared", ""]


def test_an_alert_is_told_again_each_interval_while_it_holds() -> None:
    rule = Rule(operator=">", threshold_micros=5, reset_micros=2, repeat=3 * MINUTE)
    assert kinds(rule, [9, 9, 9, 9, 4, 4, 9, 9, 1]) == ["fired", "", "", "repeated", "", "", "repeated", "", "cleared"]


def test_the_daily_digest_is_balance_always_daily() -> None:
    rule = Rule(operator=ALWAYS, threshold_micros=0, reset_micros=None, repeat=2 * MINUTE)
    assert kinds(rule, [1, 2, 3, 4, 5]) == ["fired", "", "repeated", "", "repeated"]


VILNIUS = ZoneInfo("Europe/Vilnius")
DAILY = Rule(operator=ALWAYS, threshold_micros=0, reset_micros=None, repeat=ByDay(days=1, hour=8))


def told(rule: Rule, ticks: Iterable[datetime], zone: ZoneInfo = VILNIUS) -> list[str]:
    """When it is told, by the clock of a zone, where it is looked at these moments."""
    stand, found = Stand(), []
    for at in ticks:
        move = decide(rule, stand, 0, at, zone=zone)
        stand = move.stand
        if move.kind:
            found.append(f"{at.astimezone(zone):%d %H:%M}")
    return found


def every(step: timedelta, from_at: datetime, until_at: datetime) -> Iterator[datetime]:
    """A look each `step`."""
    while from_at < until_at:
        yield from_at
        from_at += step


@pytest.mark.parametrize(
    ("day", "told_on"),
    [
        (datetime(2031, 3, 28, 13, tzinfo=UTC), ["28 15:00", "29 08:00", "30 08:00", "31 08:00"]),
        (datetime(2031, 10, 24, 13, tzinfo=UTC), ["24 16:00", "25 08:00", "26 08:00", "27 08:00"]),
    ],
)
def test_a_daily_alert_is_told_at_its_hour_of_the_clock_though_clocks_are_changed(
    day: datetime, told_on: list[str]
) -> None:
    ticks = every(timedelta(minutes=5), day, day + timedelta(days=3))
    assert told(DAILY, ticks) == told_on


@pytest.mark.parametrize("offset_s", [0, 1, 14])
def test_a_daily_alert_drifts_by_no_tick_and_keeps_its_hour_after_an_outage(offset_s: int) -> None:
    begin = datetime(2031, 5, 1, 3, tzinfo=UTC) + timedelta(seconds=offset_s)
    down = (datetime(2031, 5, 3, 3, tzinfo=UTC), datetime(2031, 5, 3, 8, tzinfo=UTC))
    ticks = [at for at in every(timedelta(seconds=15), begin, begin + timedelta(days=5)) if not down[0] <= at < down[1]]
    assert told(DAILY, ticks) == ["01 06:00", "02 08:00", "03 11:00", "04 08:00", "05 08:00"]


def test_what_was_missed_at_night_is_told_late_and_the_next_one_in_time() -> None:
    days = [(1, 6), (3, 2), (3, 7), (3, 8), (3, 9)]
    moments = [datetime(2031, 5, day, hour, tzinfo=VILNIUS) for day, hour in days]
    assert told(DAILY, moments) == ["01 06:00", "03 02:00", "03 08:00"]


def test_a_weekly_alert_keeps_the_weekday_on_which_it_fired() -> None:
    weekly = replace(DAILY, repeat=ByDay(days=7, hour=8))
    begin = datetime(2031, 10, 20, 3, tzinfo=UTC)
    assert told(weekly, every(timedelta(hours=1), begin, begin + timedelta(days=15))) == [
        "20 06:00",
        "27 08:00",
        "03 08:00",
    ]


@given(
    minutes=st.integers(0, 366 * 24 * 60),
    hour=st.integers(0, 23),
    zone=st.sampled_from(["UTC", "Europe/Vilnius", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia"]),
)
def test_each_day_after_the_first_has_one_telling_and_no_two_are_far_from_a_day_apart(
    minutes: int, hour: int, zone: str
) -> None:
    rule = replace(DAILY, repeat=ByDay(days=1, hour=hour))
    begin = datetime(2031, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    found = told(rule, every(timedelta(minutes=10), begin, begin + timedelta(days=4)), ZoneInfo(zone))
    days = [words[:2] for words in found]
    assert len(set(days)) == len(days)
    assert len(days) in (4, 5), "the first one, and one each day whose hour has come"


@given(
    operator=st.sampled_from(sorted(COMPARED)),
    threshold=FIGURES,
    gap=st.none() | st.integers(0, 20),
    values=st.lists(st.none() | FIGURES, max_size=30),
)
def test_between_two_firings_the_figure_was_always_past_the_reset(
    operator: str, threshold: int, gap: int | None, values: list[int | None]
) -> None:
    reset = None if gap is None or operator == "=" else threshold + (gap if "<" in operator else -gap)
    rule = Rule(operator=operator, threshold_micros=threshold, reset_micros=reset, repeat=None)
    assert reset_fits(rule)
    armed = True
    for value, kind in zip(values, kinds(rule, values), strict=True):
        if kind == "fired":
            assert armed
            assert value is not None
            assert rule.holds(value)
            armed = False
        elif kind == "cleared":
            assert not armed
            assert value is not None
            assert rule.is_past_reset(value)
            assert not rule.holds(value)
            armed = True
        elif value is not None and armed:
            assert not rule.holds(value)


@pytest.mark.parametrize(
    ("operator", "reset", "fits"),
    [("<", 29, False), ("<", 30, True), (">", 31, False), (">=", 29, True), (ALWAYS, 1, False), ("=", None, True)],
)
def test_a_reset_lies_beyond_the_threshold(operator: str, reset: int | None, fits: bool) -> None:
    rule = Rule(operator=operator, threshold_micros=30, reset_micros=reset, repeat=None)
    assert reset_fits(rule) == fits


def test_figures_are_shown_in_their_unit() -> None:
    assert shown("balance", 4_200_000, "EUR") == "4.20 EUR"
    assert [shown("asr", 33_500_000), shown("acd", 61_000_000), shown("cps", 500_000)] == ["33.5%", "61 s", "0.5/s"]
    assert [shown("asr", micros) for micros in (16_666_666, 16_650_000, 16_649_999)] == ["16.7%", "16.7%", "16.6%"]
    third = Rule(operator="<", threshold_micros=33_333_333, reset_micros=None, repeat=None)
    assert condition("asr", third) == "< 33.333333%", "what somebody has written stands as it is"
    assert shown("channels", None) == "unknown"
    words = [condition(area, LOW, "EUR") for area in ("balance", "change")]
    assert words == ["<= 0.00003 EUR", "any change"]
    assert condition("asr", Rule(operator=ALWAYS, threshold_micros=0, reset_micros=None, repeat=None)) == "always"
