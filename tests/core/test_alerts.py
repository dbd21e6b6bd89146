"""Claims about alerts: they fire on crossing, repeat while it holds, and are armed again only past the reset."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.alerts import ALWAYS, COMPARED, Rule, Stand, condition, decide, reset_fits, shown

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
