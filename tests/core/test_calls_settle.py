"""Claims about the end of a call: exact costs, named overruns, times that can be true, late corrections."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.call_cast import (
    ACME_WALLET,
    AT,
    BUY,
    CARRIER_2_WALLET,
    CARRIER_WALLET,
    CENT,
    EURO,
    RHINE_WALLET,
    SAAR_INVITE,
    SAAR_WALLET,
    SELL,
    Desk,
    card,
    live,
    row,
    world,
)
from tests.core.rate_strategies import INSTANTS, RATES, WINDOWED_RATES
from tollgate.core.calls import LiveCall, Settlement, call_detail, late_end, read_settled, settle
from tollgate.core.ledger import Entry
from tollgate.core.rates import Rate, Rounding, billed_s, explain, simple

SECOND = timedelta(seconds=1)
SIX = simple(price_nanos=15_000_000, initial_s=6, increment_s=6)  # the call of issue 2: 6/6 at 0.015
PER_SECOND = simple(price_nanos=60_000_000, rounding=Rounding(precision=6))


def a_call(rate: Rate = SIX, **fields: Any) -> LiveCall:
    usual = world(cards={1: card(1, [row("44", rate)])}, slice_s=60, **fields)
    return live(usual.plan(), usual.granted(), AT)


def ended(call: LiveCall, talked_s: float, **fields: Any) -> Settlement:
    answered_at = AT + 5 * SECOND
    ended_at = answered_at + timedelta(seconds=talked_s)
    known = {"ended_at": ended_at, "answered_at": answered_at, "duration_ms": None, "at": ended_at, **fields}
    return settle(call, **known)


def test_seven_seconds_at_6_6_and_0_015_cost_0_0030_and_the_carrier_by_its_own_card() -> None:
    done = ended(a_call(), 7)
    assert (done.leg_costs[0].cost_micros, done.billed_s, done.used_ms) == (3000, 12, 7000)
    assert done.carrier is not None
    assert (done.carrier.cost_micros, done.carrier.billed_s, done.carrier.wallet_id) == (1400, 7, CARRIER_WALLET)
    assert done.profit_micros == 1600
    assert done.notes == ()


def test_a_call_that_was_not_answered_costs_nothing() -> None:
    done = ended(a_call(), 0, answered_at=None, ended_at=AT + 20 * SECOND)
    assert [cost.cost_micros for cost in done.leg_costs] == [0]
    assert (done.carrier, done.used_ms, done.profit_micros) == (None, 0, 0)


def test_talk_beyond_the_grant_is_named_overrun() -> None:
    call = a_call(PER_SECOND)
    done = ended(call, 70)
    assert call.granted_s == 61
    assert done.leg_costs[0][:2] == (61_000, 9_000)


def test_what_is_within_the_grant_never_passes_what_was_held() -> None:
    call = a_call(PER_SECOND)
    call.held_micros = (50_000,)
    assert ended(call, 60).leg_costs[0][:2] == (50_000, 10_000)


def test_the_route_that_answered_is_the_one_that_is_owed() -> None:
    call = a_call()
    call.route_index = 1
    done = ended(call, 7)
    assert done.carrier is not None
    assert done.carrier.route.carrier == "Delta"
    call.route_index = 7
    assert ended(call, 7).carrier is None


def test_profit_of_two_currencies_is_not_a_number() -> None:
    dollars = world(
        cards={101: card(101, [row("44", BUY)], carrier_id=1, currency="USD")},
        carrier={"currency": "USD"},
        route={"strategy": "manual"},
    )
    done = ended(live(dollars.plan(), dollars.granted(), AT), 7)
    assert done.carrier is not None
    assert done.carrier.route.currency == "USD"
    assert done.profit_micros is None


def test_a_carrier_that_takes_nothing_leaves_the_profit_whatever_its_currency_is() -> None:
    call = live(world().plan(), world().granted(), AT)
    free = call.plan.routes[0]._replace(card_id=0, revision_id=0, rate=simple(price_nanos=0), currency="USD")
    call.plan = call.plan._replace(routes=(free,))
    done = ended(call, 7)
    assert done.carrier is not None
    assert (done.carrier.cost_micros, done.profit_micros) == (0, done.leg_costs[-1].cost_micros)
    assert done.leg_costs[-1].cost_micros > 0
    call.plan = call.plan._replace(routes=(free._replace(card_id=101),))
    assert ended(call, 7).profit_micros is None, "what a card says now may cost something when it is corrected"
    mixed = world(saar={"currency": "USD"}, cards={1: card(1, [row("44", SELL)], currency="USD")})
    resold = live(mixed.plan(SAAR_INVITE), mixed.granted(SAAR_INVITE), AT)
    resold.plan = resold.plan._replace(routes=(free,))
    assert ended(resold, 30).profit_micros is None, "who calls and who pays us pay in two currencies"


def test_every_level_is_charged_by_its_own_card_and_profit_is_what_the_topmost_pays() -> None:
    resold = world(slice_s=60)
    call = live(resold.plan(SAAR_INVITE), resold.granted(SAAR_INVITE), AT)
    done = ended(call, 30)
    assert [cost.cost_micros for cost in done.leg_costs] == [6 * CENT, 25_000]
    assert done.profit_micros == 25_000 - 6000


def test_profit_is_counted_in_the_currency_of_the_topmost_payer() -> None:
    dollars = world(saar={"currency": "USD"}, cards={1: card(1, [row("44", SELL)], currency="USD")})
    call = live(dollars.plan(SAAR_INVITE), dollars.granted(SAAR_INVITE), AT)
    assert [leg.currency for leg in call.plan.legs] == ["USD", "EUR"]
    assert ended(call, 30).profit_micros == 25_000 - 6000


def test_entries_take_from_payers_and_credit_the_carrier_and_name_the_overrun() -> None:
    resold = world(cards={1: card(1, [row("44", PER_SECOND)])})
    desk = Desk(resold)
    desk.authorize(SAAR_INVITE)
    desk.answer("call-1", AT)
    desk.end("call-1", AT + 30 * SECOND)
    note = "used beyond the grant"
    assert desk.entries == [
        Entry(SAAR_WALLET, "resale", "call", -1000, "EUR", 1),
        Entry(SAAR_WALLET, "resale", "overrun", -29_000, "EUR", 1, note),
        Entry(RHINE_WALLET, "revenue", "call", -900, "EUR", 1),
        Entry(RHINE_WALLET, "revenue", "overrun", -24_100, "EUR", 1, note),
        Entry(CARRIER_WALLET, "carrier_cost", "call", 6000, "EUR", 1),
    ]


@pytest.mark.parametrize(
    ("fields", "used_ms", "note"),
    [
        ({"duration_ms": 6500}, 6500, ""),
        ({"duration_ms": -1}, 0, "-1 ms of talk cannot be"),
        ({"duration_ms": 10**9}, 12_000, "cannot be"),
        ({"answered_at": AT + 20 * SECOND}, 0, "cannot be"),
        ({"answered_at": AT + 99 * SECOND}, 0, "the answer lay in the future"),
        ({"answered_at": AT - SECOND}, 13_000, "the answer lay before the call"),
        ({"ended_at": AT + 99 * SECOND}, 12_000, "the end lay in the future"),
        ({"ended_at": AT - SECOND}, 0, "the end lay before the call"),
        ({"ended_at": AT + 17 * SECOND}, 12_000, ""),
        ({"answered_at": None, "duration_ms": 4000}, 4000, ""),
    ],
)
def test_times_that_cannot_be_true_are_clipped_and_noted(fields: dict[str, object], used_ms: int, note: str) -> None:
    """The call began at 0 s, was answered at 5 s and ended at 12 s; 5 s of tolerance for the edge's clock."""
    done = ended(a_call(), 7, **{"at": AT + 12 * SECOND, **fields})
    assert done.used_ms == used_ms
    assert bool(done.notes) is bool(note)
    assert note in " ".join(done.notes)


@pytest.mark.parametrize("duration_ms", [None, 50_000])
@pytest.mark.parametrize("minutes", [-60, 60])
def test_a_clock_of_ours_that_was_set_takes_nothing_from_the_talk_that_the_edge_counted(
    minutes: int, duration_ms: int | None
) -> None:
    """Set back an hour, the end seems to lie in the future; set forward before the call, all of it in the past."""
    call = a_call(PER_SECOND)
    edge_at = AT - max(0, minutes) * 60 * SECOND
    told = {"answered_at": edge_at + 5 * SECOND, "ended_at": edge_at + 55 * SECOND, "duration_ms": duration_ms}
    done = ended(call, 55, **{**told, "at": AT + min(0, minutes) * 60 * SECOND + 55 * SECOND})
    assert done.used_ms == 50_000


def test_an_answer_known_before_counts_when_the_end_does_not_tell() -> None:
    call = a_call()
    call.answered_at = AT + 5 * SECOND
    assert ended(call, 7, answered_at=None).used_ms == 7000


def test_an_unresolved_call_is_never_charged_beyond_its_grant() -> None:
    call = a_call(PER_SECOND)
    done = ended(call, 500, unresolved=True)
    assert done.leg_costs[0][:2] == (61_000, 0)
    assert "end of the grant" in done.notes[-1]
    assert ended(call, 20, unresolved=True).leg_costs[0][:2] == (20_000, 0)


def detail_of(talked_s: float) -> str:
    call = a_call(PER_SECOND)
    call.attempts = '[{"route":0,"sip":503}]'
    return call_detail(call, ended(call, talked_s, unresolved=True))


@pytest.mark.parametrize(("true_s", "customer", "carrier"), [(30, -20_000, 4000), (5, 5000, -1000)])
def test_a_late_end_corrects_an_unresolved_call_either_way(true_s: int, customer: int, carrier: int) -> None:
    settled = read_settled(9, detail_of(10))
    entries = late_end(settled, answered_at=AT, duration_ms=true_s * 1000)
    note = "the end of the call came late"
    assert entries == (
        Entry(ACME_WALLET, "adjustments", "adjustment", customer, "EUR", 9, note),
        Entry(CARRIER_WALLET, "adjustments", "adjustment", carrier, "EUR", 9, note),
    )


@pytest.mark.parametrize(("told", "carriers"), [(None, [CARRIER_WALLET]), (1, [CARRIER_2_WALLET]), (7, [])])
def test_a_late_end_of_a_call_never_seen_answered_pays_the_carrier_who_talked(
    told: int | None, carriers: list[int]
) -> None:
    call = a_call(PER_SECOND)
    closed = settle(call, ended_at=AT, answered_at=None, duration_ms=None, at=AT + 200 * SECOND, unresolved=True)
    settled = read_settled(9, call_detail(call, closed), told)
    entries = late_end(settled, answered_at=AT, duration_ms=30_000)
    assert [entry.wallet_id for entry in entries] == [ACME_WALLET, *carriers]


def test_a_late_end_is_not_believed_beyond_the_grant() -> None:
    settled = read_settled(9, detail_of(10))
    told, believed = (
        late_end(settled, answered_at=AT, duration_ms=ms) for ms in (10**10, settled.granted_s * 1000 + 20_000)
    )
    assert [entry.amount_micros for entry in told] == [entry.amount_micros for entry in believed]
    assert all("10000000000 ms of talk cannot be" in entry.note for entry in told)


def test_a_late_end_that_agrees_corrects_nothing() -> None:
    assert late_end(read_settled(9, detail_of(10)), answered_at=AT, duration_ms=10_000) == ()


def test_a_late_end_of_a_call_without_carrier_concerns_its_payers_only() -> None:
    settled = read_settled(9, detail_of(10))._replace(carrier=None)
    assert [entry.wallet_id for entry in late_end(settled, answered_at=AT, duration_ms=11_000)] == [ACME_WALLET]


def test_spending_and_balance_move_by_what_the_call_cost() -> None:
    desk = Desk(world())
    desk.authorize(SAAR_INVITE)
    desk.answer("call-1", AT)
    desk.end("call-1", AT + 60 * SECOND)
    saar = desk.world.purses[SAAR_WALLET]
    assert (saar.balance_micros, saar.spent_micros, saar.spent_on) == (10 * EURO - 6 * CENT, 6 * CENT, AT.date())
    assert saar.held_micros == 0
    assert desk.broken_laws(AT + 60 * SECOND) == []


@given(RATES | WINDOWED_RATES, INSTANTS, st.integers(0, 7_200_000))
def test_the_billed_seconds_are_those_the_explanation_shows(rate: Rate, at: datetime, duration_ms: int) -> None:
    assert billed_s(rate, at, duration_ms) == explain(rate, at, duration_ms).billed_s
