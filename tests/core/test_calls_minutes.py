"""Claims about free minutes in calls: whose they are first, that no second is used twice, and what the rest costs."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.call_cast import ACME_WALLET, AT, CENT, EURO, INVITE, SELL, Desk, World, card, row, world
from tollgate.core.calls import Grant, call_detail, late_end, read_settled, settle
from tollgate.core.calls_minutes import chosen, left_s, spread
from tollgate.core.ledger import Purse, available
from tollgate.core.rates import Rate, Window, cost_micros, simple
from tollgate.core.rates_model import Step
from tollgate.core.refusals import Key, Refusal
from tollgate.core.snapshot import Bundle, Endpoint

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
FIRST, SECOND_BUNDLE = 61, 62
PER_SECOND = simple(price_nanos=60_000_000)


def bundle(wallet_id: int = FIRST, **fields: Any) -> Bundle:
    return Bundle(
        **{"id": wallet_id, "name": f"bundle {wallet_id}", "wallet_id": wallet_id, "starts_at": AT - MINUTE, **fields}
    )


def minutes_world(*, left: dict[int, int], rate: Rate = SELL, money: int = 10 * EURO, **bundles: Any) -> World:
    """The usual world where Acme holds bundles with so many seconds left."""
    held = tuple(bundles.get("bundles", [bundle(wallet_id) for wallet_id in left]))
    made = world(
        acme={"bundles": held, "max_duration_s": 3600},
        cards={1: card(1, [row("44", rate)])},
        purses={ACME_WALLET: {"balance_micros": money}},
        slice_s=60,
    )
    for wallet_id, seconds in left.items():
        purse = Purse(wallet_id, 1, "bundle", wallet_id, None, 98, "SEC", balance_micros=seconds * EURO)
        made.purses[wallet_id] = purse
    return made


def talk(desk: Desk, call_ids: list[str], seconds: int) -> None:
    """Calls that are answered together and talk side by side, each extended as its grant runs out."""
    for call_id in call_ids:
        assert isinstance(desk.authorize(INVITE._replace(call_id=call_id)), Grant)
    for call_id in call_ids:
        desk.answer(call_id, AT)
    for second in range(1, seconds):
        for call_id in call_ids:
            if desk.calls[call_id].granted_s == second:
                desk.extend(call_id, AT + second * SECOND, 60)
        assert desk.broken_laws(AT + second * SECOND) == []


def test_two_calls_of_six_minutes_share_ten_and_pay_for_two_by_the_card() -> None:
    desk = Desk(minutes_world(left={FIRST: 600}))
    talk(desk, ["a", "b"], 360)
    done = [desk.end(call_id, AT + 360 * SECOND) for call_id in ("a", "b")]
    assert [settled.minutes_s for settled in done] == [(300,), (300,)]
    assert [settled.leg_costs[0].cost_micros for settled in done] == [6 * CENT, 6 * CENT]
    assert [settled.billed_s for settled in done] == [360, 360]
    assert (desk.world.purses[FIRST].balance_micros, desk.world.purses[FIRST].held_micros) == (0, 0)
    assert desk.broken_laws(AT + 360 * SECOND) == []


def test_a_call_within_its_minutes_costs_nothing_and_gives_the_rest_back() -> None:
    desk = Desk(minutes_world(left={FIRST: 600}, money=0))
    talk(desk, ["a"], 100)
    assert desk.calls["a"].plan.bundles[0].id == FIRST
    settled = desk.end("a", AT + 100 * SECOND)
    assert (settled.minutes_s, settled.leg_costs[0].cost_micros) == ((100,), 0)
    assert desk.world.purses[FIRST].balance_micros == 500 * EURO
    assert [entry.book for entry in desk.entries if entry.wallet_id == FIRST] == ["minutes"]
    assert desk.broken_laws(AT + 100 * SECOND) == []


def test_the_longest_prefix_comes_first_then_the_bundle_that_ends_first() -> None:
    leg = minutes_world(left={}).plan().legs[0]
    held = (
        bundle(1, prefixes=("44",), ends_at=AT + MINUTE),
        bundle(2, prefixes=("1", "4420"), ends_at=AT + 9 * MINUTE),
        bundle(3, prefixes=("4420",), ends_at=AT + 2 * MINUTE),
        bundle(4, prefixes=("4420",)),
        bundle(5),
        bundle(6, prefixes=("49",)),
        bundle(7, ends_at=AT),
        bundle(8, starts_at=AT + SECOND),
    )
    assert [found.id for found in chosen(held, leg, "442079460001", AT)] == [3, 2, 4, 1, 5]
    assert chosen(held, leg._replace(free=True), "442079460001", AT) == ()


def test_where_the_minutes_end_money_goes_on_and_where_both_end_the_call_does() -> None:
    desk = Desk(minutes_world(left={FIRST: 20, SECOND_BUNDLE: 30}, money=6 * CENT))
    grant = desk.authorize(INVITE)
    assert isinstance(grant, Grant)
    assert (grant.minutes_s, grant.granted_s, grant.holds[0]) == ((20, 30), 110, 6 * CENT)
    desk.answer(INVITE.call_id, AT)
    assert not desk.extend(INVITE.call_id, AT + 100 * SECOND, 60)
    settled = desk.end(INVITE.call_id, AT + 110 * SECOND)
    assert (settled.minutes_s, settled.leg_costs[0].cost_micros) == ((20, 30), 6 * CENT)


@pytest.mark.parametrize(("balance", "left", "refused"), [(0, 1, False), (0, 0, True), (-1, 600, True)])
def test_minutes_need_no_money_but_no_debt_beyond_the_limit_either(balance: int, left: int, refused: bool) -> None:
    outcome = minutes_world(left={FIRST: left}, money=balance).decide()
    assert isinstance(outcome, Refusal) is refused
    if isinstance(outcome, Refusal):
        assert outcome.key is Key.credit


def test_the_rest_is_rated_as_a_call_that_begins_where_the_minutes_end() -> None:
    """With its connect fee, its increments and the window of that moment."""
    cheap_later = Rate(
        (
            Window((Step(0, 60_000_000, 60, 60),), connect_fee_nanos=10_000_000),
            Window((Step(0, 6_000_000, 60, 6),), from_s=12 * 3600 + 60, weight=20),
        )
    )
    desk = Desk(minutes_world(left={FIRST: 60}, rate=cheap_later))
    talk(desk, ["a"], 67)
    settled = desk.end("a", AT + 67 * SECOND)
    assert settled.leg_costs[0].cost_micros == cost_micros(cheap_later, AT + MINUTE, 7000) == 1200
    assert settled.billed_s == 72


def test_an_ended_bundle_gives_no_more_and_keeps_what_a_call_holds() -> None:
    desk = Desk(minutes_world(left={FIRST: 600}, bundles=[bundle(ends_at=AT + 70 * SECOND)]))
    talk(desk, ["a"], 150)
    settled = desk.end("a", AT + 150 * SECOND)
    assert settled.minutes_s == (120,)
    assert settled.leg_costs[0].cost_micros == 6 * CENT


def test_a_short_call_within_the_grace_uses_no_minutes_and_an_unanswered_one_neither() -> None:
    grace = replace(PER_SECOND, grace_s=5)
    for answered in (True, False):
        desk = Desk(minutes_world(left={FIRST: 600}, rate=grace))
        desk.authorize(INVITE)
        if answered:
            desk.answer(INVITE.call_id, AT)
        desk.end(INVITE.call_id, AT + 5 * SECOND)
        assert desk.world.purses[FIRST].balance_micros == 600 * EURO
        assert desk.world.purses[FIRST].held_micros == 0


@pytest.mark.parametrize(("truly_s", "kept_s", "paid"), [(60, 60, 0), (100, 90, 10_000)])
def test_a_late_end_gives_seconds_back_and_takes_no_more_of_a_bundle(truly_s: int, kept_s: int, paid: int) -> None:
    desk = Desk(minutes_world(left={FIRST: 600}, rate=PER_SECOND))
    talk(desk, ["a"], 90)
    call = desk.calls["a"]
    lost = settle(call, ended_at=AT + 90 * SECOND, answered_at=AT, duration_ms=None, at=AT + 900 * SECOND)
    settled = read_settled(call.id, call_detail(call, lost))
    assert settled.minutes == ((FIRST, 90),)
    entries = late_end(settled, answered_at=AT, duration_ms=truly_s * 1000)
    by_wallet = {entry.wallet_id: entry.amount_micros for entry in entries}
    assert by_wallet.get(FIRST, 0) == (90 - kept_s) * EURO
    assert by_wallet.get(ACME_WALLET, 0) == -paid


@given(st.integers(0, 10**4), st.lists(st.integers(0, 10**4), max_size=4))
def test_seconds_are_spread_from_the_first_bundle_on(seconds: int, left: list[int]) -> None:
    taken = spread(seconds, left)
    assert sum(taken) == min(seconds, sum(left))
    assert all(part <= most for part, most in zip(taken, left, strict=True))


STEPS = st.lists(
    st.tuples(st.sampled_from(["authorize", "answer", "extend", "end", "miss"]), st.integers(0, 3), st.integers(1, 90)),
    min_size=5,
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(
    STEPS,
    st.integers(0, 400),
    st.integers(0, 400),
    st.integers(0, EURO // 2),
    st.sampled_from([SELL, PER_SECOND, simple(price_nanos=30_000_000, connect_fee_nanos=5_000_000, initial_s=30)]),
)
def test_whatever_calls_do_side_by_side_the_seconds_left_held_and_used_are_those_granted(
    steps: list[tuple[str, int, int]], one: int, other: int, money: int, rate: Rate
) -> None:
    desk = Desk(minutes_world(left={FIRST: one, SECOND_BUNDLE: other}, rate=rate, money=money))
    at, used = AT, 0
    names = {number: f"call {number}" for number in range(4)}
    for step, number, seconds in steps:
        at += seconds * SECOND if step == "end" else SECOND
        call = desk.calls.get(call_id := names[number])
        if step == "authorize" and call is None:
            desk.authorize(INVITE._replace(call_id=call_id), at)
        elif step == "answer" and call is not None and call.answered_at is None:
            desk.answer(call_id, at)
        elif step == "extend" and call is not None:
            desk.extend(call_id, at, seconds)
        elif step in ("end", "miss") and call is not None:
            used += sum(_end(desk, call_id, at))
            names[number] = f"call {number} {len(desk.cdrs)}"
        purses = [desk.world.purses[FIRST], desk.world.purses[SECOND_BUNDLE]]
        held = sum(sum(live.minutes_s) for live in desk.calls.values())
        assert sum(purse.held_micros for purse in purses) == held * EURO
        assert sum(available(purse) for purse in purses) // EURO + held + used == one + other
        assert [law for law in desk.broken_laws(at) if "older" not in law] == []


def _end(desk: Desk, call_id: str, at: datetime) -> tuple[int, ...]:
    """Ends a call within its grant, as an edge does, and says what it took of each bundle."""
    call = desk.calls[call_id]
    latest = at if call.answered_at is None else min(at, call.answered_at + call.granted_s * SECOND)
    leg, answered_at = call.plan.legs[0], call.answered_at
    settled = desk.end(call_id, latest)
    assert not any(cost.overrun_micros for cost in settled.leg_costs)
    if answered_at is not None:
        free_s = sum(settled.minutes_s)
        rest_ms = settled.used_ms - free_s * 1000
        own = cost_micros(leg.rate, answered_at + free_s * SECOND, rest_ms) if rest_ms > 0 or not free_s else 0
        assert settled.leg_costs[0].cost_micros == own
    return settled.minutes_s


def test_what_a_bundle_has_left_is_in_whole_seconds_and_never_less_than_none() -> None:
    made = minutes_world(left={FIRST: 10})
    plan = made.plan()
    made.purses[FIRST].held_micros = 3 * EURO + 1
    assert left_s(plan.bundles, made.purses, AT) == (6,)
    made.purses[FIRST].held_micros = 11 * EURO
    assert left_s(plan.bundles, made.purses, AT) == (0,)


def test_a_call_on_our_own_net_uses_no_free_minutes() -> None:
    made = minutes_world(left={FIRST: 600})
    phones = {"1001": Endpoint(7, 4, "sip_user", 27, shared=True)}
    local = replace(made, snapshot=replace(made.snapshot, users=phones))
    assert made.plan().bundles
    assert local.plan(INVITE._replace(cld="1001")).bundles == ()
