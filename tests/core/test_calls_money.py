"""Claims about holds and grants: shares are fair, slices shrink to steps, talk ends exactly where the money ends."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.call_cast import (
    ACME_WALLET,
    AT,
    CENT,
    EURO,
    INVITE,
    RHINE_WALLET,
    SAAR_INVITE,
    SAAR_WALLET,
    Desk,
    card,
    row,
    world,
)
from tollgate.core.calls import Extension, Grant, extend
from tollgate.core.ledger import available
from tollgate.core.rates import AtMaximum, Rate, Rounding, hold_micros, simple
from tollgate.core.refusals import Key, Refusal

PER_SECOND = simple(price_nanos=60_000_000, rounding=Rounding(precision=6))  # 1000 micros a second
SECOND = timedelta(seconds=1)


def desk_with(money: int, rate: Rate, **fields: Any) -> Desk:
    return Desk(world(cards={1: card(1, [row("44", rate)])}, purses={ACME_WALLET: {"balance_micros": money}}, **fields))


def called(desk: Desk, call_id: str) -> Grant | Refusal:
    return desk.authorize(INVITE._replace(call_id=call_id))


def test_ten_calls_on_money_for_three_first_slices_ring_three_times() -> None:
    desk = Desk(world(purses={ACME_WALLET: {"balance_micros": 3 * 6 * CENT}}))
    outcomes = [called(desk, str(number)) for number in range(10)]
    assert [isinstance(outcome, Grant) for outcome in outcomes] == [True] * 3 + [False] * 7
    assert {outcome.key for outcome in outcomes if isinstance(outcome, Refusal)} == {Key.credit}
    assert available(desk.world.purses[ACME_WALLET]) == 0
    assert desk.broken_laws() == []


def test_a_first_slice_is_the_shortest_call_and_the_normal_slice() -> None:
    assert desk_with(10 * EURO, PER_SECOND, slice_s=60).world.granted().granted_s == 61
    assert desk_with(10 * EURO, PER_SECOND, slice_s=0).world.granted().granted_s == 1
    in_minutes = simple(price_nanos=60_000_000, initial_s=60, increment_s=60)
    assert desk_with(10 * EURO, in_minutes, slice_s=60).world.granted().granted_s == 120


def test_parallel_calls_share_what_is_left() -> None:
    desk = desk_with(100_000, PER_SECOND, slice_s=60)  # 100 s of talk
    grants = [called(desk, str(number)) for number in range(4)]
    seconds = [grant.granted_s for grant in grants if isinstance(grant, Grant)]
    # 61 s whole; of the 39 s left a half, of the 20 s left a third, of the 14 s left a quarter
    assert seconds == [61, 19, 6, 3]


def test_a_share_smaller_than_one_step_is_one_step_while_it_fits() -> None:
    desk = desk_with(3000, PER_SECOND, slice_s=60)
    outcomes = [called(desk, str(number)) for number in range(4)]
    assert [grant.granted_s for grant in outcomes if isinstance(grant, Grant)] == [3]
    desk = desk_with(2 * 6 * CENT, simple(price_nanos=60_000_000, initial_s=60, increment_s=60), slice_s=60)
    desk.world.purses[ACME_WALLET].channels = 5
    assert isinstance(called(desk, "a"), Grant)
    assert isinstance(called(desk, "b"), Grant)
    assert isinstance(called(desk, "c"), Refusal)


def test_all_levels_afford_what_is_granted() -> None:
    for poorer in (SAAR_WALLET, RHINE_WALLET):
        rates = {1: card(1, [row("44", PER_SECOND)]), 3: card(3, [row("44", PER_SECOND)])}
        resold = world(cards=rates, slice_s=60, purses={poorer: {"balance_micros": 7000}})
        grant = resold.granted(SAAR_INVITE)
        assert (grant.granted_s, grant.holds) == (7, (7000, 7000))


def test_a_connect_fee_is_held_with_the_first_step() -> None:
    rate = simple(price_nanos=60_000_000, connect_fee_nanos=5_000_000, rounding=Rounding(precision=6))
    assert isinstance(desk_with(5999, rate).world.decide(), Refusal)
    assert desk_with(6000, rate).world.granted().holds == (6000,)


def test_within_a_grace_nothing_is_granted_that_the_first_charged_second_could_not_pay() -> None:
    rate = simple(price_nanos=60_000_000, grace_s=5, rounding=Rounding(precision=6))
    assert isinstance(desk_with(5999, rate).world.decide(), Refusal)
    assert desk_with(6000, rate).world.granted().granted_s == 6


def test_a_ringing_call_is_not_extended() -> None:
    desk = desk_with(10 * EURO, PER_SECOND)
    called(desk, "a")
    assert extend(desk.calls["a"], desk.world.purses, AT, 60) is None


def answered(money: int, rate: Rate, **fields: Any) -> Desk:
    desk = desk_with(money, rate, **fields)
    assert isinstance(called(desk, "a"), Grant)
    desk.answer("a", AT + SECOND)
    return desk


def test_an_extension_holds_one_slice_more_and_moves_the_end() -> None:
    desk = answered(10 * EURO, PER_SECOND)
    assert desk.extend("a", AT + SECOND, 60)
    call = desk.calls["a"]
    assert (call.granted_s, call.held_micros, call.extended_count) == (61, (61_000,), 1)
    assert call.granted_until == AT + 62 * SECOND
    assert desk.world.purses[ACME_WALLET].held_micros == 61_000


def test_an_extension_ends_at_a_whole_increment() -> None:
    desk = answered(10 * EURO, simple(price_nanos=60_000_000, initial_s=60, increment_s=60))
    assert desk.extend("a", AT + SECOND, 30)
    assert desk.calls["a"].granted_s == 120


def test_nothing_is_extended_beyond_the_longest_duration() -> None:
    desk = answered(10 * EURO, PER_SECOND, acme={"max_duration_s": 70})
    assert desk.extend("a", AT, 60)
    assert desk.extend("a", AT, 60)
    assert desk.calls["a"].granted_s == 70
    assert not desk.extend("a", AT, 60)


def test_a_rate_that_disconnects_at_its_maximum_is_not_extended_past_it() -> None:
    rate = simple(
        price_nanos=60_000_000, rounding=Rounding(precision=6), maximum_nanos=5_000_000, at_maximum=AtMaximum.disconnect
    )
    desk = answered(10 * EURO, rate)
    while desk.extend("a", AT, 60):
        pass
    assert desk.calls["a"].granted_s == 5


def test_a_call_goes_on_into_included_seconds_without_money() -> None:
    rate = simple(price_nanos=60_000_000, included_s=30, rounding=Rounding(precision=6))
    desk = answered(1000, rate)
    while desk.extend("a", AT, 60):
        pass
    assert desk.calls["a"].granted_s == 31
    assert desk.world.purses[ACME_WALLET].held_micros == 1000


def test_a_level_inside_its_grace_does_not_stop_the_others() -> None:
    graced = simple(price_nanos=60_000_000, grace_s=20, rounding=Rounding(precision=6))
    rates = {1: card(1, [row("44", PER_SECOND)]), 3: card(3, [row("44", graced)])}
    desk = Desk(world(cards=rates, purses={RHINE_WALLET: {"balance_micros": 21_000}}))
    assert isinstance(desk.authorize(SAAR_INVITE), Grant)
    desk.answer("call-1", AT)
    assert desk.calls["call-1"].granted_s == 1
    desk.world.purses[RHINE_WALLET].limit_micros = -20_000
    assert desk.extend("call-1", AT, 60)
    assert desk.calls["call-1"].granted_s == 20
    assert not desk.extend("call-1", AT, 60)


def test_free_levels_are_extended_by_nobody_but_the_longest_duration() -> None:
    rates = {1: card(1, [row("44", PER_SECOND)]), 3: card(3, [row("44", simple(price_nanos=0))])}
    desk = Desk(world(cards=rates, purses={RHINE_WALLET: {"balance_micros": 0}}))
    assert isinstance(desk.authorize(SAAR_INVITE), Grant)
    desk.answer("call-1", AT)
    assert desk.extend("call-1", AT, 60)
    assert desk.calls["call-1"].held_micros == (61_000, 0)


RATES = st.builds(
    simple,
    price_nanos=st.integers(1, 2 * 10**8),
    connect_fee_nanos=st.sampled_from([0, 0, 5_000_000]),
    initial_s=st.sampled_from([1, 6, 30, 60]),
    increment_s=st.sampled_from([1, 6, 7, 60]),
    included_s=st.sampled_from([0, 0, 10]),
    grace_s=st.sampled_from([0, 0, 3]),
)


@settings(max_examples=150)
@given(rate=RATES, money=st.integers(1, 3 * EURO), slice_s=st.integers(0, 90), others=st.integers(0, 3))
def test_the_last_grant_ends_where_the_money_ends(rate: Rate, money: int, slice_s: int, others: int) -> None:
    desk = desk_with(money, rate, slice_s=slice_s, acme={"max_duration_s": 600})
    purse = desk.world.purses[ACME_WALLET]
    purse.channels += others
    if isinstance(called(desk, "a"), Refusal):
        assert hold_micros(rate, AT, AT, rate.grace_s + 1) > money
        return
    desk.answer("a", AT)
    while desk.extend("a", AT, slice_s):
        assert available(purse) >= 0
        assert purse.held_micros == sum(desk.calls["a"].held_micros)
    call = desk.calls["a"]
    one_more = hold_micros(rate, AT, AT, max(call.granted_s, rate.grace_s) + 1)
    assert call.granted_s == call.max_s or one_more > money


@pytest.mark.parametrize("slice_s", [1, 5])
@pytest.mark.parametrize("money", [20_000, 20_999])
def test_money_for_twenty_seconds_is_twenty_seconds(money: int, slice_s: int) -> None:
    desk = answered(money, PER_SECOND, slice_s=slice_s)
    while desk.extend("a", AT, slice_s):
        pass
    assert desk.calls["a"].granted_s == 20


def test_talking_calls_share_what_is_left() -> None:
    desk = desk_with(42_000, PER_SECOND)
    for call_id in ("a", "b"):
        assert isinstance(called(desk, call_id), Grant)
        desk.answer(call_id, AT)
    assert desk.extend("a", AT, 60)
    assert desk.extend("b", AT, 60)
    assert [call.granted_s for call in desk.calls.values()] == [21, 11]


def test_an_extension_is_plain_data() -> None:
    desk = answered(10 * EURO, PER_SECOND)
    assert extend(desk.calls["a"], desk.world.purses, AT, 9) == Extension(10, (9000,))
