"""Claims about the books: whatever calls do in whatever order, holds, channels and balances agree."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, consumes, invariant, multiple, rule

from tests.core.call_cast import (
    ACME_WALLET,
    AT,
    CARRIER_2_WALLET,
    CARRIER_WALLET,
    CENT,
    EURO,
    GATEWAY_WALLET,
    INVITE,
    RHINE_WALLET,
    SAAR_INVITE,
    SAAR_WALLET,
    Desk,
    card,
    row,
    world,
)
from tollgate.core.calls import Grant, settle
from tollgate.core.ledger import Billed, Entry, Purse, apply_entries, available, move_carrier
from tollgate.core.rates import Rounding, simple

SECOND = timedelta(seconds=1)
SHARP = Rounding(precision=6)
RATES = [
    simple(price_nanos=60_000_000, rounding=SHARP),
    simple(price_nanos=60_000_000, initial_s=60, increment_s=60),
    simple(price_nanos=33_333_333, connect_fee_nanos=7_000_000, initial_s=30, increment_s=6),
    simple(price_nanos=90_000_000, grace_s=3, included_s=5),
    simple(price_nanos=0),
]


class Calls(RuleBasedStateMachine):
    """Saar (who has a reseller) and Acme call over shared carriers; every message in any order, some repeated."""

    ringing: Bundle[str] = Bundle("ringing")
    talking: Bundle[str] = Bundle("talking")

    def __init__(self) -> None:
        super().__init__()
        self.at = AT
        self.number = 0
        self.desk = Desk(
            world(
                slice_s=20,
                cards={
                    1: card(1, [row(f"44{n}", rate) for n, rate in enumerate(RATES)]),
                    3: card(3, [row("44", RATES[0])]),
                },
                purses={
                    ACME_WALLET: {"balance_micros": 9 * CENT, "limit_micros": -CENT, "channels_max": 4},
                    SAAR_WALLET: {"balance_micros": EURO // 5},
                    RHINE_WALLET: {"balance_micros": 0, "limit_micros": EURO // 8},
                    CARRIER_WALLET: {"channels_max": 3},
                },
            )
        )

    @rule(target=ringing, prefix=st.integers(0, len(RATES) - 1), saar=st.booleans())
    def authorize(self, prefix: int, saar: bool) -> str | MultipleResults[str]:
        self.number += 1
        invite = (SAAR_INVITE if saar else INVITE)._replace(call_id=str(self.number), cld=f"44{prefix}79460001")
        before = {wallet_id: replace(purse) for wallet_id, purse in self.desk.world.purses.items()}
        if isinstance(self.desk.authorize(invite, self.at), Grant):
            return invite.call_id
        assert self.desk.world.purses == before
        return multiple()

    @rule(target=talking, call_id=consumes(ringing), route=st.integers(0, 1))
    def answer(self, call_id: str, route: int) -> str:
        call = self.desk.calls[call_id]
        self.desk.answer(call_id, self.at)
        if route < len(call.plan.routes):
            move_carrier(call, self.desk.world.purses, route, self.at)
        return call_id

    @rule(call_id=consumes(ringing))
    def give_up(self, call_id: str) -> None:
        assert sum(cost.cost_micros for cost in self.desk.end(call_id, self.at).leg_costs) == 0

    @rule(call_id=talking, slice_s=st.integers(0, 40))
    def extend(self, call_id: str, slice_s: int) -> None:
        before = self.desk.calls[call_id].granted_s
        assert self.desk.extend(call_id, self.at, slice_s) is (self.desk.calls[call_id].granted_s > before)

    @rule(call_id=consumes(talking), share=st.integers(0, 100))
    def end_within_the_grant(self, call_id: str, share: int) -> None:
        call = self.desk.calls[call_id]
        assert call.answered_at is not None
        talked_ms = min(call.granted_s * 10 * share, (self.at - call.answered_at) // timedelta(milliseconds=1))
        done = self.desk.end(call_id, self.at, duration_ms=talked_ms)
        assert [cost.overrun_micros for cost in done.leg_costs] == [0] * len(done.leg_costs)

    @rule(call_id=consumes(talking), beyond_s=st.integers(1, 30))
    def end_beyond_the_grant(self, call_id: str, beyond_s: int) -> None:
        call = self.desk.calls[call_id]
        assert call.answered_at is not None
        self.at = max(self.at, call.answered_at + (call.granted_s + beyond_s) * SECOND)
        self.desk.end(call_id, self.at, duration_ms=(call.granted_s + beyond_s) * 1000)

    @rule(seconds=st.integers(1, 20))
    def time_passes(self, seconds: int) -> None:
        self.at += seconds * SECOND

    @invariant()
    def the_books_agree(self) -> None:
        assert self.desk.broken_laws(AT) == []

    def teardown(self) -> None:
        for call_id in list(self.desk.calls):
            self.desk.end(call_id, self.at)
        purses = self.desk.world.purses.values()
        assert [purse.held_micros for purse in purses] == [0] * len(purses)
        assert [purse.channels for purse in purses] == [0] * len(purses)
        assert self.desk.broken_laws(AT) == []


Calls.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestCallsInAnyOrder = Calls.TestCase


def talking() -> Desk:
    desk = Desk(world(slice_s=60))
    desk.authorize(INVITE)
    desk.answer("call-1", AT)
    return desk


def test_an_end_told_twice_is_settled_to_the_same_money() -> None:
    desk = talking()
    call = desk.calls["call-1"]
    told = [settle(call, ended_at=AT, answered_at=AT, duration_ms=9000, at=AT + 9 * SECOND) for _ in range(2)]
    assert told[0] == told[1]


def test_an_authorize_told_twice_plans_the_same_money_again() -> None:
    desk = talking()
    fresh = world(slice_s=60)
    assert fresh.granted().holds == desk.calls["call-1"].held_micros
    assert fresh.granted().plan_json == world(slice_s=60).granted().plan_json


def test_failover_moves_the_channel_to_the_next_carrier() -> None:
    desk = talking()
    purses = desk.world.purses
    assert (purses[CARRIER_WALLET].channels, purses[CARRIER_2_WALLET].channels) == (1, 0)
    move_carrier(desk.calls["call-1"], purses, 1, AT)
    assert (purses[CARRIER_WALLET].channels, purses[CARRIER_2_WALLET].channels) == (0, 1)
    desk.end("call-1", AT + SECOND)
    assert purses[CARRIER_2_WALLET].balance_micros > 0
    assert desk.broken_laws() == []


def test_a_gateway_with_limits_counts_beside_its_carrier() -> None:
    limited = world()
    gateway = limited.snapshot.carriers[1].gateways[0]
    desk = Desk(world(carrier={"gateways": (replace(gateway, limited=True),)}))
    desk.authorize(INVITE)
    assert desk.world.purses[GATEWAY_WALLET].channels == 1


def test_the_first_call_that_was_taken_is_remembered_for_ever() -> None:
    desk = Desk(world(slice_s=60))
    first_used = lambda: desk.world.purses[ACME_WALLET].first_used_at  # noqa: E731
    desk.authorize(INVITE._replace(call_id="busy"))
    desk.end("busy", AT + SECOND)
    assert first_used() is None, "nobody took it"
    for call_id, answered_s in (("long", 2), ("short", 3), ("later", 60)):
        desk.authorize(INVITE._replace(call_id=call_id), AT + answered_s * SECOND)
        desk.answer(call_id, AT + answered_s * SECOND)
    desk.end("short", AT + 5 * SECOND)
    desk.end("long", AT + 50 * SECOND)
    assert first_used() == AT + 2 * SECOND, "though another one ended before it"
    desk.end("later", AT + 70 * SECOND)
    assert first_used() == AT + 2 * SECOND


def test_an_entry_of_another_currency_cannot_touch_a_wallet() -> None:
    purses = {1: Purse(1, 1, "customer", 1, None, 1, "EUR")}
    apply_entries([Entry(1, "payments", "topup", 5, "EUR")], purses)
    assert (purses[1].balance_micros, purses[1].dirty) == (5, True)
    with pytest.raises(AssertionError):
        apply_entries([Entry(1, "payments", "topup", 5, "USD")], purses)


def broken(desk: Desk, part: str) -> bool:
    return any(part in sentence for sentence in desk.broken_laws())


def test_each_broken_law_is_said() -> None:
    desk = talking()
    acme = desk.world.purses[ACME_WALLET]
    assert desk.broken_laws() == []

    acme.balance_micros += 1
    assert broken(desk, "its entries sum to")
    acme.balance_micros -= 1

    acme.held_micros += 1
    assert broken(desk, "its live calls hold")
    acme.held_micros -= 1

    acme.channels += 1
    assert broken(desk, "its live calls 1.")
    acme.channels -= 1

    acme.limit_micros -= 10 * EURO
    assert available(acme) < 0
    assert broken(desk, "micros beyond its limit and no overrun says why.")
    acme.limit_micros += 10 * EURO

    desk.world.purses[61] = Purse(61, 1, "bundle", 61, None, 98, "SEC", balance_micros=-EURO)
    assert broken(desk, "Bundle 61 gave 1000000 micros of a second that it does not have.")
    del desk.world.purses[61]

    desk.cdrs.append(Billed(1, {}))
    assert broken(desk, "is live and has a CDR.")
    desk.cdrs.append(Billed(1, {}))
    assert broken(desk, "has 2 CDRs.")
    desk.cdrs[:] = [Billed(7, {ACME_WALLET: -1})]
    assert broken(desk, "The CDR of call 7 says")
    desk.cdrs.clear()

    desk.entries.append(Entry(ACME_WALLET, "revenue", "call", -1, "EUR", 7))
    assert broken(desk, "has entries and no CDR.")
    desk.entries[:] = [Entry(ACME_WALLET, "revenue", "call", 0, "USD")]
    assert broken(desk, "entries of another currency.")
    desk.entries.clear()

    call = desk.calls["call-1"]
    call.granted_until = AT - 60 * SECOND
    assert desk.broken_laws() == []
    call.granted_until -= timedelta(microseconds=1)
    assert broken(desk, "older than its grant and twice the validity.")
