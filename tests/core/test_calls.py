"""Claims about the decision: every gate refuses at its boundary and passes just inside, in the documented order."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.call_cast import (
    ACCOUNT_WALLET,
    ACME_WALLET,
    AT,
    BUY,
    CARRIER_2_WALLET,
    CARRIER_WALLET,
    CENT,
    ENDPOINT_WALLET,
    EURO,
    FREE,
    INVITE,
    RESALE,
    RHINE_WALLET,
    ROUTE_WALLET,
    SAAR_INVITE,
    SAAR_WALLET,
    SELL,
    card,
    row,
    world,
)
from tollgate.core.calls import Grant, read_gates
from tollgate.core.hours import Hours, Window
from tollgate.core.rates import Rate, Step, simple
from tollgate.core.rates import Window as RateWindow
from tollgate.core.refusals import ANSWERS, Key, Refusal
from tollgate.core.snapshot import Option

US = timedelta(microseconds=1)
CLOSED = Hours("UTC", (Window(AT.isoweekday(), 12 * 60 + 1, 13 * 60),), frozenset())
OPEN = Hours("UTC", (Window(AT.isoweekday(), 12 * 60, 12 * 60 + 1),), frozenset())
FULL = {"channels": 1, "channels_max": 1}
ROOM = {"channels": 0, "channels_max": 1}
SPENT = {"cps_max_milli": 1000, "cps_tokens_milli": 999, "cps_at": AT}
READY = {"cps_max_milli": 1000, "cps_tokens_milli": 1000, "cps_at": AT}
WITH_FEE = simple(price_nanos=60_000_000, initial_s=60, increment_s=60, connect_fee_nanos=1)

Case = dict[str, Any]


def case(**fields: Any) -> Case:
    return fields


# (key, just outside, just inside): each a change of the usual world.
BOUNDARIES: list[tuple[Key, Case, Case]] = [
    (Key.account_paused, case(account={"status": "paused"}), case(account={"status": "active"})),
    (Key.status_inactive, case(acme={"status": "inactive"}), case(acme={"status": "active"})),
    (Key.status_penalty, case(acme={"status": "penalty"}), case()),
    (Key.status_pending, case(acme={"status": "pending"}), case()),
    (Key.customer_expired, case(acme={"expires_at": AT}), case(acme={"expires_at": AT + US})),
    (
        Key.customer_expired,
        case(acme={"valid_days": 30}, purses={ACME_WALLET: {"first_used_at": AT - timedelta(days=30)}}),
        case(acme={"valid_days": 30}, purses={ACME_WALLET: {"first_used_at": AT - timedelta(days=30) + US}}),
    ),
    (
        Key.customer_expired,
        case(acme={"valid_days": 30, "expires_at": AT}, purses={ACME_WALLET: {"first_used_at": AT}}),
        case(acme={"valid_days": 0}),
    ),
    (Key.email_unverified, case(acme={"email_ok": False}), case(acme={"email_ok": True})),
    (Key.mobile_unverified, case(acme={"mobile_ok": False}), case(acme={"mobile_ok": True})),
    (Key.time_restricted, case(acme={"hours": CLOSED}), case(acme={"hours": OPEN})),
    (Key.credit, case(purses={ACME_WALLET: {"balance_micros": 0}}), case()),
    (
        Key.daily_spend,
        case(
            purses={ACME_WALLET: {"spend_max_micros": 10 * CENT, "spent_micros": 4 * CENT + 1, "spent_on": AT.date()}}
        ),
        case(purses={ACME_WALLET: {"spend_max_micros": 10 * CENT, "spent_micros": 4 * CENT, "spent_on": AT.date()}}),
    ),
    (
        Key.daily_spend,
        case(purses={ACME_WALLET: {"spend_max_micros": 10 * CENT, "held_micros": 4 * CENT + 1}}),
        case(purses={ACME_WALLET: {"spend_max_micros": 10 * CENT, "held_micros": 4 * CENT}}),
    ),
    (Key.channels_customer, case(purses={ACME_WALLET: FULL}), case(purses={ACME_WALLET: ROOM})),
    (Key.channels_customer, case(purses={ACCOUNT_WALLET: FULL}), case(purses={ACCOUNT_WALLET: ROOM})),
    (Key.cps_customer, case(purses={ACME_WALLET: SPENT}), case(purses={ACME_WALLET: READY})),
    (Key.cps_customer, case(purses={ACCOUNT_WALLET: SPENT}), case(purses={ACCOUNT_WALLET: READY})),
    (
        Key.channels_endpoint,
        case(endpoint={"limited": True}, purses={ENDPOINT_WALLET: FULL}),
        case(endpoint={"limited": True}, purses={ENDPOINT_WALLET: ROOM}),
    ),
    (
        Key.cps_endpoint,
        case(endpoint={"limited": True}, purses={ENDPOINT_WALLET: SPENT}),
        case(endpoint={"limited": True}, purses={ENDPOINT_WALLET: READY}),
    ),
    (Key.no_ingress_route, case(route={"patterns": ("33",)}), case(route={"patterns": ("33", "4420")})),
    (Key.channels_route, case(purses={ROUTE_WALLET: FULL}), case(purses={ROUTE_WALLET: ROOM})),
    (Key.cps_route, case(purses={ROUTE_WALLET: SPENT}), case(purses={ROUTE_WALLET: READY})),
    (Key.no_rate, case(cards={1: card(1, [row("4421", SELL)])}), case(cards={1: card(1, [row("4420", SELL)])})),
    (Key.no_rate, case(cards={1: card(1, [row("44", SELL)], currency="USD")}), case()),
    (Key.no_rate, case(route={"card_id": 999}), case()),
    (Key.no_rate, case(cards={1: card(1, [], revisions=())}), case()),
    (
        Key.no_rate,
        case(cards={1: card(1, [row("44", Rate((RateWindow((Step(0, 1),), from_s=43_201),)))])}),
        case(cards={1: card(1, [row("44", Rate((RateWindow((Step(0, 60_000_000),), from_s=43_200),)))])}),
    ),
    (
        Key.destination_type,
        case(cards={1: card(1, [row("44", SELL), row("4420", SELL, blocked=True)])}),
        case(cards={1: card(1, [row("44", SELL), row("4421", SELL, blocked=True)])}),
    ),
    (Key.rate_capped, case(route={"capped_price_nanos": 59_999_999}), case(route={"capped_price_nanos": 60_000_000})),
    (
        Key.connect_cost_blocked,
        case(route={"block_connect_fee": True}, cards={1: card(1, [row("44", WITH_FEE)])}),
        case(route={"block_connect_fee": True}),
    ),
    (Key.no_carrier, case(route={"options": ()}), case(route={"options": (Option(101),)})),
    (
        Key.channels_carrier,
        case(purses={CARRIER_WALLET: FULL, CARRIER_2_WALLET: SPENT}),
        case(purses={CARRIER_WALLET: FULL, CARRIER_2_WALLET: READY}),
    ),
    (
        Key.cps_carrier,
        case(purses={CARRIER_WALLET: SPENT, CARRIER_2_WALLET: SPENT}),
        case(purses={CARRIER_WALLET: SPENT, CARRIER_2_WALLET: READY}),
    ),
]


@pytest.mark.parametrize(("key", "outside", "inside"), BOUNDARIES)
def test_each_gate_refuses_at_its_boundary_and_passes_just_inside(key: Key, outside: Case, inside: Case) -> None:
    refusal = world(**outside).refused()
    assert refusal.key is key
    assert not read_gates(refusal.gates)[-1].ok
    assert read_gates(refusal.gates)[-1].gate == key
    assert isinstance(world(**inside).decide(), Grant)


@pytest.mark.parametrize(
    ("balance", "limit", "allowed"),
    [(5 * EURO, -5 * EURO, False), (5 * EURO + CENT, -5 * EURO, True), (0, 0, False), (-99 * EURO, 100 * EURO, True)],
)
def test_the_credit_vectors_hold(balance: int, limit: int, allowed: bool) -> None:
    """behaviour.md 32: strictly more than nothing must be left, whatever the sign of the debit limit."""
    cheap = {1: card(1, [row("44", simple(price_nanos=6_000_000))])}
    at_edge = world(cards=cheap, purses={ACME_WALLET: {"balance_micros": balance, "limit_micros": limit}})
    assert isinstance(at_edge.decide(), Grant) is allowed


def test_money_for_less_than_one_step_is_no_credit() -> None:
    short = world(purses={ACME_WALLET: {"balance_micros": 6 * CENT - 1}}).refused()
    assert short.key is Key.credit
    assert dict(short.values) == {"name": "Acme", "available_micros": 6 * CENT - 1, "needed_micros": 6 * CENT}
    assert world(purses={ACME_WALLET: {"balance_micros": 6 * CENT}}).granted().holds == (6 * CENT,)


ORDER: list[tuple[Key, Case]] = [  # behaviour.md 6.3, made exact by the contract
    (Key.account_paused, case(account={"status": "paused"})),
    (Key.ip_unknown, case()),
    (Key.status_penalty, case(acme={"status": "penalty"})),
    (Key.customer_expired, case(acme={"expires_at": AT})),
    (Key.email_unverified, case(acme={"email_ok": False})),
    (Key.mobile_unverified, case(acme={"mobile_ok": False})),
    (Key.time_restricted, case(acme={"hours": CLOSED})),
    (Key.credit, case(purses={ACME_WALLET: {"balance_micros": 0}})),
    (Key.daily_spend, case(purses={ACME_WALLET: {"spend_max_micros": -1}})),
    (Key.channels_customer, case(purses={ACME_WALLET: FULL})),
    (Key.cps_customer, case(purses={ACME_WALLET: SPENT})),
    (Key.channels_endpoint, case(endpoint={"limited": True}, purses={ENDPOINT_WALLET: FULL})),
    (Key.cps_endpoint, case(endpoint={"limited": True}, purses={ENDPOINT_WALLET: SPENT})),
    (Key.cli_restricted, case(acme={"approved_clis_only": True})),
    (Key.paid_required, case(acme={"pai_mode": "required"})),
    (Key.number_invalid, case()),
    (Key.no_ingress_route, case(route={"patterns": ("33",)})),
    (Key.channels_route, case(purses={ROUTE_WALLET: FULL})),
    (Key.cps_route, case(purses={ROUTE_WALLET: SPENT})),
    (Key.no_rate, case(cards={1: card(1, [row("33", SELL)])})),
    (Key.rate_capped, case(route={"capped_price_nanos": 0})),
    (Key.no_carrier, case(route={"options": ()})),
    (Key.channels_carrier, case(purses={CARRIER_WALLET: FULL, CARRIER_2_WALLET: FULL})),
]


@settings(max_examples=300)
@given(st.lists(st.integers(0, len(ORDER) - 1), min_size=1, max_size=6, unique=True))
def test_the_first_failing_gate_in_the_documented_order_is_the_one_reported(broken: list[int]) -> None:
    keys = [ORDER[index][0] for index in sorted(broken)]
    changes: Case = {}
    for index in broken:
        for name, value in ORDER[index][1].items():
            known = changes.setdefault(name, {})
            for inner, fields in value.items():
                known[inner] = {**known[inner], **fields} if name == "purses" and inner in known else fields
    invite = INVITE._replace(
        source_ip="192.0.2.1" if Key.ip_unknown in keys else INVITE.source_ip,
        cld="alice" if Key.number_invalid in keys else INVITE.cld,
    )
    assert world(**changes).refused(invite).key is keys[0]


@given(cld=st.text(max_size=200), cli=st.text(max_size=200), ip=st.text(max_size=40), user=st.none() | st.text())
def test_no_text_of_a_stranger_makes_a_plan_fail(cld: str, cli: str, ip: str, user: str | None) -> None:
    usual = world()
    for source_ip in (ip, INVITE.source_ip):
        outcome = usual.decide(INVITE._replace(cld=cld, cli=cli, source_ip=source_ip, user=user))
        if isinstance(outcome, Refusal):
            assert outcome.key in ANSWERS
            assert not read_gates(outcome.gates)[-1].ok


@pytest.mark.parametrize(
    ("changes", "key", "scope"),
    [
        (case(rhine={"status": "inactive"}), Key.status_inactive, "reseller"),
        (case(rhine={"expires_at": AT}), Key.customer_expired, "reseller"),
        (case(rhine={"hours": CLOSED}), Key.time_restricted, "reseller"),
        (case(purses={RHINE_WALLET: {"balance_micros": 0}}), Key.credit, "reseller"),
        (
            case(purses={SAAR_WALLET: {"balance_micros": 0}, RHINE_WALLET: {"balance_micros": 0}}),
            Key.credit,
            "customer",
        ),
        (case(purses={RHINE_WALLET: {"spend_max_micros": 0}}), Key.daily_spend, "reseller"),
        (case(purses={RHINE_WALLET: FULL}), Key.channels_customer, "reseller"),
        (case(purses={ACCOUNT_WALLET: FULL}), Key.channels_customer, "account"),
        (case(purses={RHINE_WALLET: SPENT}), Key.cps_customer, "reseller"),
        (case(rhine={"routes": ()}), Key.no_rate, "reseller"),
        (case(cards={3: card(3, [row("33", RESALE)])}), Key.no_rate, "reseller"),
        (case(cards={3: card(3, [row("44", RESALE, blocked=True)])}), Key.destination_type, "reseller"),
        (case(rhine_route={"capped_price_nanos": 49_999_999}), Key.rate_capped, "reseller"),
        (case(purses={33: FULL}), Key.channels_route, "route"),
    ],
)
def test_every_level_is_asked_and_named(changes: Case, key: Key, scope: str) -> None:
    refusal = world(**changes).refused(SAAR_INVITE)
    assert (refusal.key, refusal.scope) == (key, scope)


def test_each_level_pays_by_its_own_card_and_carriers_come_from_the_topmost() -> None:
    resold = world(cards={102: card(102, [row("44", BUY)], carrier_id=2)}, rhine_route={"options": (Option(102),)})
    planned = resold.plan(SAAR_INVITE)
    assert [(leg.name, leg.book, leg.rate) for leg in planned.legs] == [
        ("Saar", "resale", SELL),
        ("Rhine", "revenue", RESALE),
    ]
    assert [route.carrier for route in planned.routes] == ["Delta"]
    grant = resold.granted(SAAR_INVITE)
    assert grant.leg_wallet_ids == (SAAR_WALLET, RHINE_WALLET)
    assert set(grant.meters) == {SAAR_WALLET, RHINE_WALLET, ACCOUNT_WALLET, 33}


def test_a_level_that_pays_nothing_needs_no_money() -> None:
    free = world(
        cards={1: card(1, [row("44", FREE)])},
        purses={ACME_WALLET: {"balance_micros": 0, "spend_max_micros": 0, "held_micros": 1}},
    )
    grant = free.granted()
    assert (grant.holds, grant.granted_s) == ((0,), grant.max_s)
    assert ACME_WALLET in grant.meters


def test_the_shortest_maximum_of_levels_and_routes_is_the_hard_end() -> None:
    assert world().granted().max_s == 3600
    assert world(route={"max_duration_s": 600}).granted().max_s == 600
    assert world(account={"max_duration_s": 100}).granted().max_s == 100
    assert world(acme={"max_duration_s": 0}, account={"max_duration_s": None}).granted().max_s == 86_400
    assert world(acme={"max_duration_s": 30}).granted().granted_s == 30


@pytest.mark.parametrize(
    ("account", "customer", "route", "record"),
    [
        (True, False, "inherit", False),
        (True, True, "inherit", True),
        (True, True, "off", False),
        (True, False, "on", True),
        (False, True, "on", False),
    ],
)
def test_recording_passes_the_accounts_gate_and_then_the_routes_word(
    account: bool, customer: bool, route: str, record: bool
) -> None:
    recorded = world(recording=account, acme={"recording": customer}, route={"recording": route, "media": "direct"})
    grant = recorded.granted()
    assert (grant.record, grant.media) == (record, "direct")


@pytest.mark.parametrize(("key", "outside"), [(key, outside) for key, outside, _ in BOUNDARIES])
def test_a_refused_call_changes_nothing(key: Key, outside: Case) -> None:
    refusing = world(**outside)
    before = {wallet_id: replace(purse) for wallet_id, purse in refusing.purses.items()}
    assert refusing.refused().key is key
    assert refusing.purses == before


def test_the_steps_of_a_decision_tell_what_was_compared() -> None:
    grant = world(purses={ACME_WALLET: {**ROOM, **READY, "spend_max_micros": EURO}}, acme={"hours": OPEN}).granted()
    steps = {(gate.gate, gate.scope): gate.values for gate in grant.gates}
    assert [gate.gate for gate in grant.gates] == [
        "identity",
        "status",
        "verified",
        "time_restricted",
        "credit",
        "daily_spend",
        "channels_customer",
        "cps_customer",
        "no_rate",
        "grant",
    ]
    assert all(gate.ok for gate in grant.gates)
    assert steps["credit", "customer"]["available_micros"] == 10 * EURO
    assert steps["daily_spend", "customer"]["next_minimum_micros"] == 6 * CENT
    assert steps["channels_customer", "customer"] == {"name": "Acme", "channels": 0, "channels_max": 1}
    assert steps["grant", "customer"]["held_micros"] == 6 * CENT
    assert [gate.gate for gate in world().plan().gates] == ["identity", "status", "verified", "no_rate"]
