"""Claims about breakouts and reports: named periods, when one is mailed, and what is not answered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.breakout import (
    DIMENSIONS,
    FREQUENCIES,
    MEASURES,
    PERIODS,
    Name,
    Question,
    bought,
    heading,
    names_in,
    next_mailing,
    period,
    told,
    unfit,
)

NOW_AT = datetime(2026, 11, 18, 14, 30, tzinfo=UTC)
"""A Wednesday."""
instants = st.datetimes(datetime(2001, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("name", "from_on", "until_on"),
    [
        ("today", "2026-11-18", "2026-11-19"),
        ("yesterday", "2026-11-17", "2026-11-18"),
        ("last_7_days", "2026-11-11", "2026-11-18"),
        ("last_week", "2026-11-09", "2026-11-16"),
        ("this_month", "2026-11-01", "2026-11-19"),
        ("last_month", "2026-10-01", "2026-11-01"),
    ],
)
def test_a_period_is_what_people_mean_by_its_name(name: str, from_on: str, until_on: str) -> None:
    assert name in PERIODS
    assert tuple(f"{at:%Y-%m-%d}" for at in period(name, NOW_AT)) == (from_on, until_on)


@given(instants, st.sampled_from(sorted(FREQUENCIES)))
def test_a_report_is_mailed_at_the_next_morning_of_its_kind(at: datetime, frequency: str) -> None:
    found = next_mailing(frequency, at)
    if found is None:
        assert frequency == "never"
        return
    longest = {"daily": 1, "weekly": 7, "monthly": 31}[frequency]
    assert at < found <= at + timedelta(days=longest)
    assert found.hour == 6
    assert frequency != "weekly" or found.isoweekday() == 1
    assert frequency != "monthly" or found.day == 1


def test_what_cannot_be_told_is_said() -> None:
    half_year = timedelta(days=184)
    plain = Question(dimensions=("day",), from_at=NOW_AT, until_at=NOW_AT + half_year * 3)
    assert unfit(plain) == ""
    assert "after it begins" in unfit(Question(dimensions=("day",), from_at=NOW_AT, until_at=NOW_AT))
    for question in (
        Question(dimensions=("cli",), from_at=NOW_AT, until_at=plain.until_at),
        Question(dimensions=("day",), from_at=NOW_AT, until_at=plain.until_at, filters={"number": "37"}),
    ):
        assert "six months" in unfit(question)
    assert unfit(Question(dimensions=("number",), from_at=NOW_AT, until_at=NOW_AT + half_year)) == ""


def test_a_file_has_titles_with_units_and_exact_figures() -> None:
    assert [heading(name) for name in ("day", "customer", "currency", "asr_percent", "acd_s", "cost_micros")] == [
        "Day (UTC)", "Customer", "Currency", "ASR, %", "ACD, s", "Customer charge",
    ]  # fmt: skip
    assert [told("day", NOW_AT), told("hour", NOW_AT), told("customer", None)] == ["2026-11-18", "2026-11-18 14:00", ""]
    assert [told("cost_micros", 1_234_567), told("cost_micros", 0), told("attempts", 7)] == ["1.234567", "0.00", "7"]
    assert {heading(name) for name in (*DIMENSIONS, *MEASURES)} >= {"Profit", "Profit, %"}


def test_a_filter_of_names_is_parted_unless_a_record_is_named_so() -> None:
    def nobody(text: str, whole: bool) -> bool:
        return False

    assert names_in(' Acme; "Baltic ""B""" ;', nobody) == [Name("Acme"), Name('Baltic "B"', whole=True)]
    assert names_in(" Acme ", nobody) == [Name("Acme")]
    assert names_in(";", nobody) == [Name(";")]
    assert names_in("A;B", lambda text, whole: whole and text == "A;B") == [Name("A;B", whole=True)]
    assert names_in("A;B", lambda text, whole: not whole) == [Name("A;B")]


def test_what_tells_of_carriers_is_named() -> None:
    assert bought(["customer"], ["attempts"], []) == {}
    found = bought(["customer", "carrier"], [], ["customer"])
    assert found["dimensions"] == ["carrier"]
    assert "carrier_cost_micros" in found["measures"]
    assert "filters" not in found
