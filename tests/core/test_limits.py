"""Claims about counters: how many calls a bucket lets start, and which day a spending belongs to."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.ledger import Purse
from tollgate.core.limits import has_channel, has_token, spend, spent_today, take, tokens_milli

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def purse(**fields: Any) -> Purse:
    return replace(Purse(1, 1, "customer", 1, None, 1, "EUR"), **fields)


def test_the_last_channel_is_given_and_the_next_refused() -> None:
    assert has_channel(purse(channels=2, channels_max=3))
    assert not has_channel(purse(channels=3, channels_max=3))


def test_zero_channels_mean_unlimited() -> None:
    assert has_channel(purse(channels=10**6, channels_max=0))


def test_a_full_bucket_starts_one_seconds_worth_of_calls() -> None:
    acme = purse(cps_max_milli=5000)
    assert [take(acme, AT) for _ in range(6)] == [True] * 5 + [False]


def test_a_new_token_is_there_when_its_time_has_come_and_not_before() -> None:
    acme = purse(cps_max_milli=2000, cps_tokens_milli=0, cps_at=AT)
    assert not has_token(acme, AT + timedelta(microseconds=499_499))
    assert has_token(acme, AT + timedelta(microseconds=500_000))


def test_less_than_one_call_a_second_still_lets_one_call_start() -> None:
    acme = purse(cps_max_milli=100)
    assert take(acme, AT)
    assert not has_token(acme, AT + 9 * SECOND)
    assert has_token(acme, AT + 10 * SECOND)


def test_looking_and_being_refused_take_nothing() -> None:
    acme = purse(cps_max_milli=1000, cps_tokens_milli=999, cps_at=AT)
    before = replace(acme)
    assert not take(acme, AT)
    assert not has_token(acme, AT)
    assert acme == before


def test_zero_cps_means_unlimited_and_counts_nothing() -> None:
    acme = purse()
    assert all(take(acme, AT) for _ in range(1000))
    assert acme.cps_at is None


def test_a_clock_that_jumps_back_gives_no_tokens_away() -> None:
    acme = purse(cps_max_milli=1000, cps_tokens_milli=0, cps_at=AT)
    assert tokens_milli(acme, AT - 3600 * SECOND) == 0
    assert take(purse(cps_max_milli=1000, cps_tokens_milli=1000, cps_at=AT), AT - SECOND)


def test_a_token_taken_by_an_earlier_clock_keeps_the_later_instant() -> None:
    acme = purse(cps_max_milli=2000, cps_tokens_milli=2000, cps_at=AT)
    take(acme, AT - SECOND)
    assert acme.cps_at == AT


@given(
    cps=st.integers(1, 20_000),
    waits_ms=st.lists(st.integers(0, 3000), min_size=1, max_size=60),
)
def test_no_pattern_of_calls_beats_the_rate(cps: int, waits_ms: list[int]) -> None:
    acme, at, started = purse(cps_max_milli=cps), AT, 0
    for wait_ms in waits_ms:
        at += timedelta(milliseconds=wait_ms)
        started += take(acme, at)
    elapsed_ms = (at - AT) // timedelta(milliseconds=1)
    assert started * 1000 <= max(1000, cps) + cps * elapsed_ms // 1000


def test_the_days_spending_ends_at_midnight_utc() -> None:
    acme = purse(spent_micros=700, spent_on=date(2026, 11, 21))
    assert spent_today(acme, datetime(2026, 11, 21, 23, 59, 59, tzinfo=UTC)) == 700
    assert spent_today(acme, datetime(2026, 11, 22, 0, 0, tzinfo=UTC)) == 0
    assert spent_today(acme, datetime(2026, 11, 22, 0, 30, tzinfo=timezone(timedelta(hours=1)))) == 700
    assert spent_today(purse(), AT) == 0


def test_a_call_counts_on_the_day_it_started() -> None:
    acme = purse()
    spend(acme, 100, AT)
    spend(acme, 20, AT)
    assert (acme.spent_micros, acme.spent_on) == (120, AT.date())
    spend(acme, 5, AT + timedelta(days=1))
    assert (acme.spent_micros, acme.spent_on) == (5, date(2026, 11, 22))
    spend(acme, 9, AT)
    assert (acme.spent_micros, acme.spent_on) == (5, date(2026, 11, 22))


@pytest.mark.parametrize(("tokens", "expected"), [(9000, 3000), (10, 10)])
def test_a_lowered_rate_shrinks_the_bucket_at_once(tokens: int, expected: int) -> None:
    assert tokens_milli(purse(cps_max_milli=3000, cps_tokens_milli=tokens, cps_at=AT), AT) == expected
