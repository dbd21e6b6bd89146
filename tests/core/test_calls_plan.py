"""Claims about the stateless gates: status and its end, loss-making calls, the operator's words, the edge's orders."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.core.call_cast import (
    ACME_WALLET,
    AT,
    FREE,
    INVITE,
    LONG_AGO,
    RESALE,
    SAAR_INVITE,
    SELL,
    World,
    card,
    ingress,
    row,
    world,
)
from tollgate.core.calls_types import Handling
from tollgate.core.rates import simple
from tollgate.core.refusals import Answer, Key, answer
from tollgate.core.snapshot import Recorder

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("status", "key"), [("penalty", Key.status_penalty), ("inactive", Key.status_inactive), ("x", Key.status_inactive)]
)
def test_a_status_holds_until_its_moment(status: str, key: Key) -> None:
    fields = {"status": status, "status_until": AT}
    assert world(acme=fields).refused(at=AT - MINUTE).key is key
    if status != "x":
        granted = world(acme=fields).granted(at=AT)
        assert next(gate for gate in granted.gates if gate.gate == "status").values["Acme"] == "active"


def test_a_pending_customer_does_not_become_active_by_waiting() -> None:
    assert world(acme={"status": "pending", "status_until": AT}).refused(at=AT + MINUTE).key is Key.status_pending


def test_a_reseller_s_penalty_ends_for_its_customers_too() -> None:
    below = world(rhine={"status": "penalty", "status_until": AT})
    assert below.refused(SAAR_INVITE, AT - MINUTE).scope == "reseller"
    below.granted(SAAR_INVITE, AT)


def test_the_days_of_validity_count_from_the_first_call_or_from_where_the_account_says() -> None:
    used = {ACME_WALLET: {"first_used_at": AT - timedelta(days=9)}}
    assert world(acme={"valid_days": 9}, purses=used).refused().key is Key.customer_expired
    world(acme={"valid_days": 10}, purses=used).granted()
    world(acme={"valid_days": 10}).granted()
    made = {"valid_days": 10, "valid_from_at": AT - timedelta(days=10)}
    assert world(acme=made).refused().key is Key.customer_expired
    world(acme=made, purses=used).granted(at=AT - MINUTE)
    assert world(acme={**made, "expires_at": LONG_AGO}).refused().key is Key.customer_expired


def test_without_loss_making_calls_no_route_sells_below_its_cost() -> None:
    dear = {101: card(101, [row("44", simple(price_nanos=70_000_000))], carrier_id=1)}
    assert [route.carrier for route in world(cards=dear).granted().routes] == ["Delta", "Cirrus"]
    assured = world(cards=dear, acme={"loss_making_calls": "refuse"}).granted()
    assert [route.carrier for route in assured.routes] == ["Delta"]
    assert [(drop.carrier, drop.why) for drop in assured.dropped] == [("Cirrus", "profit")]


def test_who_is_warned_sells_below_cost_and_the_trace_tells_by_how_much() -> None:
    dear = {101: card(101, [row("44", simple(price_nanos=70_000_000))], carrier_id=1)}
    known = world(cards=dear, acme={"loss_making_calls": "warn"})
    for call_id in ("call-1", "call-2"):  # the second by what is remembered of the first
        warned = known.granted(INVITE._replace(call_id=call_id))
        assert [route.carrier for route in warned.routes] == ["Delta", "Cirrus"]
        (gate,) = [gate for gate in warned.gates if gate.gate == "loss_warning"]
        assert (gate.ok, gate.scope, gate.values["name"], gate.values["duration_s"]) == (True, "carrier", "Cirrus", 180)
        assert gate.values["cost_micros"] > gate.values["charge_micros"]
    assert "loss_warning" not in [gate.gate for gate in world(acme={"loss_making_calls": "warn"}).granted().gates]
    assert "loss_warning" not in [gate.gate for gate in world(cards=dear).granted().gates]
    route = {"profit_assurance": True}
    assured = world(cards=dear, acme={"loss_making_calls": "warn"}, route=route).granted()
    assert [route.carrier for route in assured.routes] == ["Delta"]


def test_what_is_remembered_for_one_customer_of_a_tag_s_route_is_not_taken_for_another() -> None:
    known = world(cards={101: card(101, [row("44", simple(price_nanos=70_000_000))], carrier_id=1)})
    customers = dict(known.snapshot.customers)
    offers = known.snapshot.offers
    for word, carriers, warned_count in (
        ("allow", ["Delta", "Cirrus"], 0), ("warn", ["Delta", "Cirrus"], 1), ("refuse", ["Delta"], 0),
        ("allow", ["Delta", "Cirrus"], 0),
    ):  # fmt: skip
        one = replace(customers[1], loss_making_calls=word)
        other = World(replace(known.snapshot, customers=customers | {1: one}), known.purses)
        other.snapshot.offers.update(offers)
        granted = other.granted()
        assert [route.carrier for route in granted.routes] == carriers, word
        assert [gate.gate for gate in granted.gates].count("loss_warning") == warned_count, word
        offers |= other.snapshot.offers


def test_a_reseller_s_customer_may_be_warned_of_too() -> None:
    known = world(cards={1: card(1, [row("44", FREE)])}, saar={"loss_making_calls": "warn"})
    (gate,) = [gate for gate in known.granted(SAAR_INVITE).gates if gate.gate == "loss_warning"]
    assert (gate.scope, gate.values["seller"]) == ("customer", "Rhine")


def test_a_reseller_is_kept_from_selling_below_what_it_pays() -> None:
    cheap = {1: card(1, [row("44", FREE)])}
    world(cards=cheap).granted(SAAR_INVITE)
    refusal = world(cards=cheap, saar={"loss_making_calls": "refuse"}).refused(SAAR_INVITE)
    assert (refusal.key, refusal.variant, refusal.scope) == (Key.no_carrier, "profit_assurance", "customer")
    assert dict(refusal.values)["seller"] == "Rhine"
    world(saar={"loss_making_calls": "refuse"}).granted(SAAR_INVITE)


def test_the_one_nearest_the_account_is_assured_against_the_carriers() -> None:
    dear = {3: card(3, [row("44", FREE)]), 1: card(1, [row("44", SELL)])}
    world(cards=dear, saar={"loss_making_calls": "refuse"}).granted(SAAR_INVITE)
    assert world(cards=dear, rhine={"loss_making_calls": "refuse"}).refused(SAAR_INVITE).variant == "profit_assurance"
    assert RESALE != SELL


def test_the_account_s_own_words_answer_a_refusal() -> None:
    own = Answer(404, "No Such Number", 28)
    known = world(answers={"number_invalid": own})
    planned = known.plan(INVITE._replace(cld="rubbish"))
    assert planned.late is not None
    assert answer(planned.late, planned.answers) == own
    assert known.plan(INVITE._replace(source_ip="192.0.2.1")).answers == planned.answers


def test_the_edge_is_told_what_the_customer_s_record_says_of_every_attempt() -> None:
    assert world().plan().handling == Handling()
    planned = world(acme={"media_locked": False, "removed_headers": "^X$"}).plan()
    assert planned.handling == Handling(media_locked=False, removed_headers="^X$")
    assert planned.local_user is None


@pytest.mark.parametrize(
    ("account", "route", "customer", "recorded"),
    [
        (False, "on", True, False),
        (True, "off", True, False),
        (True, "on", False, True),
        (True, "inherit", True, True),
        (True, "inherit", False, False),
    ],
)
def test_a_call_is_recorded_when_account_and_route_or_customer_say_so(
    account: bool, route: str, customer: bool, recorded: bool
) -> None:
    known = world(recording=account, route={"recording": route}, acme={"recording": customer})
    assert known.plan().record is recorded


@pytest.mark.parametrize(
    ("days", "account", "route", "recorded"),
    [
        ((-1, 1), True, "inherit", True),
        ((0, None), True, "inherit", True),
        ((-1, 0), True, "inherit", False),
        ((1, None), True, "inherit", False),
        ((-1, 1), True, "off", False),
        ((-1, 1), False, "inherit", False),
    ],
)
def test_a_package_has_calls_recorded_from_its_first_instant_to_its_last_where_the_customer_decides(
    days: tuple[int, int | None], account: bool, route: str, recorded: bool
) -> None:
    begins, ends = (None if day is None else AT + timedelta(days=day) for day in days)
    assert begins is not None
    held = Recorder("Recorded line", begins, ends)
    known = world(recording=account, route={"recording": route}, acme={"recorders": (held,)})
    assert (known.plan().record, known.plan().recorded_by) == (recorded, "Recorded line" if recorded else "")
    grant = known.granted()
    told = [gate.values for gate in grant.gates if gate.gate == "recorded"]
    assert told == ([{"package": "Recorded line"}] if recorded else [])


def test_a_package_is_not_named_where_the_customers_own_switch_is_on() -> None:
    held = Recorder("Recorded line", AT)
    known = world(recording=True, acme={"recording": True, "recorders": (held,)})
    assert (known.plan().record, known.plan().recorded_by) == (True, "")


def test_a_tag_s_route_stands_behind_the_customer_s_own() -> None:
    of_tag = ingress(9, 39, 1, limited=False, name="template", tag="Wholesale")
    longer = replace(of_tag, patterns=("442079",))
    assert world(acme={"tag_routes": (longer,)}).plan().ingress[0].id == 1
    narrow = world(route={"patterns": ("33",)}, acme={"tag_routes": (of_tag,)})
    told = next(gate for gate in narrow.granted().gates if gate.gate == "no_rate")
    assert (told.values["route"], told.values["tag"]) == ("template", "Wholesale")
    neither = world(route={"patterns": ("33",)}, acme={"tag_routes": (replace(of_tag, patterns=("34",)),)}).refused()
    assert (neither.key, dict(neither.values)["routes"]) == (Key.no_ingress_route, 2)


def test_a_reseller_s_tags_give_it_routes_too() -> None:
    of_tag = ingress(9, 39, 3, limited=False, tag="Wholesale")
    below = world(rhine={"routes": (), "tag_routes": (of_tag,)})
    assert [route.id for route in below.plan(SAAR_INVITE).ingress] == [4, 9]
