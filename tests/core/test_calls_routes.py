"""Claims about carriers: who may carry a call, who is left out and why, in which order they are tried."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.core.call_cast import (
    ACCOUNT_WALLET,
    ACME_WALLET,
    AT,
    BUY,
    CARRIER_WALLET,
    GATEWAY_2_WALLET,
    GATEWAY_WALLET,
    INVITE,
    RESALE,
    SAAR_INVITE,
    World,
    card,
    row,
    world,
)
from tollgate.core import calls_routes, snapshot
from tollgate.core.calls import Grant
from tollgate.core.rates import Rate, Step, Window, simple
from tollgate.core.refusals import Key, Refusal, answer
from tollgate.core.snapshot import Gateway, Option

FULL = {"channels": 1, "channels_max": 1}
SPENT = {"cps_max_milli": 1000, "cps_tokens_milli": 999, "cps_at": AT}

Case = dict[str, Any]


def case(**fields: Any) -> Case:
    return fields


def whys(**changes: Any) -> dict[str, str]:
    return {drop.carrier or "?": drop.why for drop in world(**changes).plan().dropped}


PAI = "<sip:442079460009@host>"
DEARER = simple(price_nanos=59_000_000)
BY_DAY = Rate((Window((Step(0, 10_000_000),), until_s=18 * 3600), Window((Step(0, 70_000_000),), from_s=18 * 3600)))


def with_all_sorts_of_rates() -> World:
    """Prices that others pay too, change tomorrow, know the hour, or lose money; and a carrier that wants a PAI."""
    cirrus = card(101, [row("44", BUY), row("4420", DEARER), row("4422", BY_DAY)], carrier_id=1)
    tomorrow = card(101, [row("4420", BUY)], carrier_id=1).revisions[0][1]
    changing = ((AT + timedelta(hours=12), tomorrow), *cirrus.revisions)
    cards = {
        101: card(101, [], carrier_id=1, revisions=changing),
        1: card(1, [row("44", simple(price_nanos=60_000_000))]),
    }
    return world(
        cards=cards, route={"profit_assurance": True}, carrier_2={"pai_mode": "required"}, saar={"pai_mode": "pass"}
    )


@settings(max_examples=40)
@given(
    calls=st.lists(
        st.tuples(
            st.sampled_from([INVITE, SAAR_INVITE]),
            st.from_regex(r"44(20|22|79|2|)[0-9]{2}", fullmatch=True),
            st.sampled_from([None, PAI]),
            st.integers(0, 24),
        ),
        max_size=12,
    ),
    most=st.sampled_from([1, 2, 1000]),
)
@example(calls=[(SAAR_INVITE, "442011", PAI, 0), (SAAR_INVITE, "442011", None, 0)], most=1000)
@example(calls=[(INVITE, "442211", PAI, 0), (INVITE, "442211", PAI, 7)], most=1000)
@example(calls=[(INVITE, "442011", PAI, 0), (INVITE, "442011", PAI, 13)], most=1000)
def test_what_was_found_out_for_other_calls_changes_no_plan(calls: list[Any], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calls_routes, "MOST_OFFERS", most)
        patch.setattr(snapshot, "MOST_FOUND", most)
        known = with_all_sorts_of_rates()
        for caller, number, pai, hours in calls:
            invite, at = caller._replace(cld=number, pai=pai), AT + timedelta(hours=hours)
            assert known.plan(invite, at) == with_all_sorts_of_rates().plan(invite, at)
        assert len(known.snapshot.offers) <= most


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (case(carrier={"status": "inactive"}), "inactive"),
        (case(carrier={"gateways": ()}), "no_gateway"),
        (case(carrier={"currency": "USD"}), "currency"),
        (case(cards={101: card(101, [row("33", BUY)], carrier_id=1)}), "no_rate"),
        (case(cards={101: card(101, [row("44", BUY, blocked=True)], carrier_id=1)}), "blocked"),
        (case(route={"options": (Option(101, excluded=True), Option(102))}), "excluded"),
    ],
)
def test_a_carrier_that_cannot_carry_is_dropped_with_its_reason(changes: Case, why: str) -> None:
    assert whys(**changes) == {"Cirrus": why}


def test_a_card_or_carrier_that_is_gone_is_dropped_as_unknown() -> None:
    assert whys(route={"options": (Option(999), Option(102))}) == {"?": "unknown"}
    assert whys(cards={101: card(101, [row("44", BUY)], carrier_id=9)}) == {"card 101": "unknown"}


@pytest.mark.parametrize(
    ("bought", "kept"),
    [
        (simple(price_nanos=60_000_000, initial_s=60, increment_s=60), True),
        (simple(price_nanos=60_000_001, initial_s=60, increment_s=60), False),
        (simple(price_nanos=50_000_000, connect_fee_nanos=10_100_000, initial_s=60), False),
        (simple(price_nanos=1_000_000, connect_fee_nanos=59_000_000), True),
        (simple(price_nanos=1_000_000, initial_s=7200, increment_s=1), False),
    ],
)
def test_profit_assurance_compares_billed_costs_of_the_shortest_and_the_usual_call(bought: Rate, kept: bool) -> None:
    assured = world(
        route={"profit_assurance": True, "options": (Option(101),)},
        cards={101: card(101, [row("44", bought)], carrier_id=1)},
    )
    outcome = assured.decide()
    assert isinstance(outcome, Grant) is kept
    if isinstance(outcome, Refusal):
        assert (outcome.key, answer(outcome).reason) == (Key.no_carrier, "No Routes Available (Profit Assurance)")


def test_profit_assurance_sees_a_loss_on_short_calls_only() -> None:
    sold = {1: card(1, [row("44", RESALE)])}
    minutes = simple(price_nanos=12_000_000, initial_s=60, increment_s=60)
    dropped = whys(
        route={"profit_assurance": True, "options": (Option(101),)},
        cards={**sold, 101: card(101, [row("44", minutes)], carrier_id=1)},
    )
    assert dropped == {"Cirrus": "profit"}
    assert whys(route={"profit_assurance": True, "options": (Option(101),)}, cards=sold) == {}


def test_profit_across_currencies_cannot_be_assured() -> None:
    dollars = case(cards={101: card(101, [row("44", BUY)], carrier_id=1, currency="USD")}, carrier={"currency": "USD"})
    assert whys(**dollars, route={"profit_assurance": True}) == {"Cirrus": "profit"}
    assert whys(**dollars) == {}


def test_prices_in_another_currency_come_last_in_price_order() -> None:
    dollars = case(
        cards={101: card(101, [row("44", simple(price_nanos=1))], carrier_id=1, currency="USD")},
        carrier={"currency": "USD"},
    )
    for strategy, expected in (
        ("lcr", ["Delta", "Cirrus"]),
        ("reverse_lcr", ["Delta", "Cirrus"]),
        ("manual", ["Cirrus", "Delta"]),
    ):
        planned = world(**dollars, route={"strategy": strategy}).plan()
        assert [route.carrier for route in planned.routes] == expected


def test_exclusion_that_leaves_nobody_is_called_lock() -> None:
    refusal = world(route={"options": (Option(101, excluded=True),)}).refused()
    assert answer(refusal).reason == "No Routes Available (Lock)"
    assert answer(world(route={"options": ()}).refused()).reason == "No Routes Available (U)"


def test_all_gateways_of_a_carrier_are_tried_before_the_next_carrier() -> None:
    gateways = (
        Gateway(1, "a", GATEWAY_WALLET, True, "203.0.113.5", weight=1),
        Gateway(2, "b", GATEWAY_2_WALLET, True, "2001:db8::5", 5061, "tls", weight=0, prefix="00"),
    )
    grant = world(carrier={"gateways": gateways}).granted()
    assert [(route.carrier, route.gateway) for route in grant.routes] == [
        ("Cirrus", "a"),
        ("Cirrus", "b"),
        ("Delta", "delta-a"),
    ]
    assert grant.routes[1].uri == "sip:00442079460001@[2001:db8::5]:5061;transport=tls"
    assert grant.carrier_wallet_ids == (CARRIER_WALLET, GATEWAY_WALLET)
    assert grant.ring_s == 3 * 65
    assert grant.routes[0].cli == INVITE.cli


def test_a_full_gateway_is_passed_over_and_named() -> None:
    gateways = (
        Gateway(1, "a", GATEWAY_WALLET, True, "203.0.113.5"),
        Gateway(2, "b", GATEWAY_2_WALLET, True, "203.0.113.6", weight=0),
    )
    for full, why in ((FULL, "channels"), (SPENT, "cps")):
        grant = world(carrier={"gateways": gateways, "limited": False}, purses={GATEWAY_WALLET: full}).granted()
        assert [(drop.gateway, drop.why) for drop in grant.dropped] == [("a", why)]
        assert grant.carrier_wallet_ids == (GATEWAY_2_WALLET,)


def test_ringing_is_bounded_by_five_minutes() -> None:
    assert world(carrier={"ring_s": 400}).granted().ring_s == 300


def test_a_carrier_without_limits_needs_no_lock() -> None:
    planned = world(carrier={"limited": False}, carrier_2={"limited": False}, route={"limited": False}).plan()
    assert planned.wallet_ids == (ACME_WALLET, ACCOUNT_WALLET)


def test_the_customer_s_timeouts_come_before_the_carrier_s() -> None:
    usual = world(carrier={"first_reply_s": 4, "pdd_s": 6, "ring_s": 70}).granted().routes[0]
    assert (usual.first_reply_s, usual.pdd_s, usual.ring_s) == (4, 6, 70)
    own = world(acme={"first_reply_s": 1, "pdd_s": 2, "ring_s": 30}).granted()
    assert {(route.first_reply_s, route.pdd_s, route.ring_s) for route in own.routes} == {(1, 2, 30)}
    assert own.ring_s == 2 * 32


def test_a_carrier_that_wants_an_identity_is_left_out_without_one() -> None:
    strict = {"carrier": {"pai_mode": "required"}}
    assert whys(**strict, acme={"pai_mode": "remove"}) == {"Cirrus": "paid_required"}
    assert whys(**strict) == {}
    only = world(**strict, acme={"pai_mode": "remove"}, route={"options": (Option(101),)}).refused()
    assert (only.key, only.scope) == (Key.paid_required, "carrier")


@pytest.mark.parametrize("strategy", ["weighted", "random"])
def test_carriers_drawn_for_a_call_are_drawn_alike_each_time(strategy: str) -> None:
    drawn = world(route={"strategy": strategy})
    orders = {
        call_id: [route.carrier for route in drawn.granted(INVITE._replace(call_id=call_id)).routes]
        for call_id in (*map(str, range(20)), "0")
    }
    assert {tuple(order) for order in orders.values()} == {("Cirrus", "Delta"), ("Delta", "Cirrus")}
    again = world(route={"strategy": strategy})
    assert orders["7"] == [route.carrier for route in again.granted(INVITE._replace(call_id="7")).routes]
