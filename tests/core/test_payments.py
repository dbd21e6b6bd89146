"""Claims about the arithmetic of payments: nothing is lost, nothing is made."""

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.money import CURRENCIES
from tollgate.core.payments import (
    ASKED_MOST,
    Paid,
    Part,
    left_us_micros,
    pause,
    payable,
    reached_micros,
    share_micros,
    split_note,
    spread,
    step_micros,
    surcharge_micros,
    told_of,
    voucher_bonus_micros,
    within_left,
    worth_micros,
)

EURO = 1_000_000
AMOUNTS = st.integers(1, 10**12)


@pytest.mark.parametrize(
    ("currency", "step"), [("EUR", 10_000), ("JPY", EURO), ("KWD", 1000), ("ISK", EURO), ("CLF", 100)]
)
def test_an_amount_is_paid_in_whole_coins(currency: str, step: int) -> None:
    assert step_micros(currency) == step
    assert payable(step, step)
    assert not payable(step - 1, step)
    assert not payable(0, step)
    assert not payable(-step, step)


def test_a_surcharge_is_its_fixed_part_and_its_percentage_rounded_up_to_the_coin() -> None:
    assert surcharge_micros(20 * EURO, fixed_micros=300_000, ppm=29_000, step=10_000) == 880_000
    assert surcharge_micros(10_010_000, fixed_micros=0, ppm=10_000, step=10_000) == 110_000
    assert surcharge_micros(1001 * EURO, fixed_micros=0, ppm=10_000, step=EURO) == 11 * EURO
    assert surcharge_micros(EURO, fixed_micros=0, ppm=0, step=10_000) == 0


@given(AMOUNTS, st.integers(0, 500_000), st.integers(0, 10**9), st.sampled_from(sorted(CURRENCIES)))
def test_a_surcharge_can_always_be_paid_and_is_never_less_than_exact(
    amount: int, ppm: int, fixed: int, currency: str
) -> None:
    found = surcharge_micros(amount, fixed_micros=fixed, ppm=ppm, step=step_micros(currency))
    assert found % step_micros(currency) == 0
    exact = fixed * 10**6 + amount * ppm
    assert 0 <= found * 10**6 - exact < step_micros(currency) * 10**6


@given(AMOUNTS, AMOUNTS, st.integers(0, 10**12))
def test_the_whole_is_the_whole_and_a_part_is_never_more(amount: int, whole: int, part: int) -> None:
    assert share_micros(amount, part_micros=whole, whole_micros=whole) == amount
    assert 0 <= share_micros(amount, part_micros=min(part, whole), whole_micros=whole) <= amount


def test_a_voucher_gives_payment_times_multiplier_plus_addition() -> None:
    assert voucher_bonus_micros(50 * EURO, multiplier_milli=1100, addition_micros=EURO, currency="EUR") == 6 * EURO
    assert voucher_bonus_micros(0, multiplier_milli=1000, addition_micros=5 * EURO, currency="EUR") == 5 * EURO


@pytest.mark.parametrize(("currency", "bonus"), [("EUR", 3_330_000), ("JPY", 3 * EURO), ("KWD", 3_333_000)])
def test_a_bonus_is_in_coins_of_its_currency_rounded_down(currency: str, bonus: int) -> None:
    paid = 33_330_000
    assert voucher_bonus_micros(paid, multiplier_milli=1100, addition_micros=0, currency=currency) == bonus


@given(st.integers(0, 10**9), st.lists(st.integers(-5, 10**9), max_size=8))
def test_money_is_spread_in_order_and_none_is_made(amount: int, opens: list[int]) -> None:
    parts = spread(amount, [Part(number, open_micros) for number, open_micros in enumerate(opens)])
    assert sum(part.amount_micros for part in parts) == min(amount, sum(max(0, one) for one in opens))
    assert all(0 < part.amount_micros <= opens[part.id] for part in parts)
    assert [part.id for part in parts] == sorted(part.id for part in parts)
    assert all(part.amount_micros == opens[part.id] for part in parts[:-1])


def test_a_gateway_is_asked_after_five_minutes_an_hour_and_then_daily_for_a_week() -> None:
    waits = [pause(count) for count in range(ASKED_MOST + 1)]
    assert waits == [timedelta(minutes=5), timedelta(hours=1), *[timedelta(days=1)] * 7, None]


def test_what_follows_a_hash_is_private() -> None:
    assert split_note("Invoice 7 # late #2") == ("Invoice 7", "late #2")
    assert split_note("Invoice 7") == ("Invoice 7", "")


@given(left=st.lists(st.integers(0, 10**6), min_size=1, max_size=4), share=st.integers(0, 100))
def test_an_amount_within_what_is_left_is_given_whole_and_no_part_gives_more_than_it_has(
    left: list[int], share: int
) -> None:
    coins = [10_000 * part for part in left]
    amount = sum(left) * share // 100 * 10_000
    shares = within_left(amount, coins, currency="EUR")
    assert sum(shares) == amount
    assert all(0 <= given <= most and given % 10_000 == 0 for given, most in zip(shares, coins, strict=True))


@given(receipt=AMOUNTS, parts=st.lists(AMOUNTS, max_size=5))
def test_parts_given_back_take_a_receipt_back_once_and_no_more(receipt: int, parts: list[int]) -> None:
    amount, receipt = max(1, sum(parts)), receipt // 10_000 * 10_000
    sums = [sum(parts[:count]) for count in range(len(parts) + 1)]
    back = [told_of(receipt, refunded_micros=part, amount_micros=amount, currency="EUR") for part in sums]
    assert back == sorted(back)
    assert all(one % 10_000 == 0 and one <= receipt for one in back), "in coins, however fine the amounts"
    assert told_of(receipt, refunded_micros=amount, amount_micros=amount, currency="EUR") == receipt, (
        "with the whole it is all"
    )


def paid_as(micros: int, *, surcharge: int, fee: int, deducted: bool, converted: bool) -> Paid:
    return Paid(
        micros=micros + surcharge,
        surcharge_micros=surcharge,
        fee_micros=min(fee, micros // 2),
        deducted=deducted,
        converted=converted,
    )


PAID = st.builds(
    paid_as,
    st.integers(10**6, 10**12),
    surcharge=st.integers(0, 10**8),
    fee=st.integers(0, 10**9),
    deducted=st.booleans(),
    converted=st.just(False),
)


@given(paid=PAID, part=st.integers(1, 100))
def test_what_reached_us_and_what_leaves_us_again_is_what_the_gateway_moved(paid: Paid, part: int) -> None:
    amount = paid.gained_micros
    reached = reached_micros(amount, paid, currency="EUR")
    assert reached == paid.micros - paid.fee_micros
    if paid.deducted and not paid.surcharge_micros:
        assert reached == amount, "the customer has borne the fee"
    whole = {"whole_micros": amount, "gone_micros": 0, "paid": paid, "currency": "EUR"}
    assert left_us_micros(-amount, back_micros=-paid.micros, **whole) == -paid.micros  # type: ignore[arg-type]
    less = -(paid.micros * part // 101)
    assert left_us_micros(-amount, back_micros=less, **whole) == less  # type: ignore[arg-type]
    capped = left_us_micros(-(amount // 3), back_micros=-paid.micros, **whole)  # type: ignore[arg-type]
    assert abs(capped * 3 + paid.micros) <= 3 * (step_micros("EUR") + paid.micros // amount + 3), "its part"


@given(paid=PAID, rate=st.fractions(min_value="0.001", max_value=1000), currency=st.sampled_from(["EUR", "JPY", "KWD"]))
def test_in_another_currency_it_is_worth_what_the_wallets_amount_is(paid: Paid, rate: Fraction, currency: str) -> None:
    other, step = replace(paid, converted=True), step_micros(currency)
    amount = max(step, int(other.gained_micros * rate) // step * step)
    reached = reached_micros(amount, other, currency=currency)
    if paid.deducted and not paid.surcharge_micros:
        assert reached == amount, "no rounding becomes a fee"
    gone = {"whole_micros": amount, "paid": other, "back_micros": None, "currency": currency}
    back = left_us_micros(-amount, gone_micros=0, **gone)  # type: ignore[arg-type]
    fee = worth_micros(amount, other, other.fee_micros, currency=currency)
    assert abs(reached + back + fee) <= 2 * step, "when all has gone back the gateway's fee is what it cost us"


@given(
    paid=PAID, cuts=st.lists(st.integers(0, 10**12), max_size=30), rate=st.sampled_from([Fraction(1), Fraction(7, 9)])
)
def test_what_leaves_us_in_many_small_parts_is_what_leaves_us_at_once(
    paid: Paid, cuts: list[int], rate: Fraction
) -> None:
    paid = replace(paid, converted=rate != 1)
    amount = max(10_000, int(paid.gained_micros * rate) // 10_000 * 10_000)
    reached = sorted({0, amount, *(cut % amount for cut in cuts)})
    told = {"whole_micros": amount, "paid": paid, "back_micros": None, "currency": "EUR"}
    parts = [
        left_us_micros(before - after, gone_micros=before, **told)  # type: ignore[arg-type]
        for before, after in pairwise(reached)
    ]
    assert all(part <= 0 for part in parts)
    assert sum(parts) == left_us_micros(-amount, gone_micros=0, **told)  # type: ignore[arg-type]
    assert sum(parts) == -worth_micros(amount, paid, paid.micros, currency="EUR")
    came = left_us_micros(amount, gone_micros=amount, **told)  # type: ignore[arg-type]
    assert came + sum(parts) == 0, "what comes back again is what left us"
