"""Claims about cards and routes that a reseller's users make: their own, for those below, not a word of carriers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.actions.cast import ANN, bought_by, sold_by
from tests.actions.test_customers import refused
from tollgate.actions import card_losses
from tollgate.actions.acts import Actor, Invalid, NotEditable, NotFound, acting
from tollgate.actions.card_losses import TRIES_MOST, look, look_at_resale, marks_of
from tollgate.actions.card_markups import publish_markup
from tollgate.actions.cards import create_card, delete_card, update_card
from tollgate.actions.customers import create_customer, update_customer
from tollgate.actions.delays import delay_save, run_due
from tollgate.actions.revisions import create_draft, delete_draft, publish_draft, publish_revision
from tollgate.actions.routes import create_ingress_route, create_tag_route, delete_ingress_route, update_ingress_route
from tollgate.actions.tags import create_tag
from tollgate.actions.users import create_user, create_user_group
from tollgate.store.models import (
    Account,
    Card,
    Customer,
    DelayedSave,
    IngressRoute,
    Message,
    Rate,
    ResaleLook,
    User,
    UserGroup,
)

CENT = 10_000_000
UK = [{"prefix": "44", "price_nanos": 5 * CENT}, {"prefix": "4477", "price_nanos": 8 * CENT}]
CARD_ACTS = [
    *("create_card", "update_card", "delete_card", "publish_revision", "publish_markup"),
    *("create_ingress_route", "update_ingress_route", "delete_ingress_route", "delay_save"),
]


@dataclass(frozen=True)
class Resale:
    """Nordic resells to Fjord and, through Sund, to Gull; it buys by `bought`. Polar is another reseller, of Ymir."""

    account: Account
    nordic: Customer
    fjord: Customer
    sund: Customer
    gull: Customer
    polar: Customer
    ymir: Customer
    bought: Card
    foreign: Card
    route: IngressRoute
    group: UserGroup
    rita: Actor


@pytest.fixture
def resale(account: Account) -> Resale:
    """What the operator has made for two resellers."""

    def customer(name: str, parent: Customer | None = None, **fields: bool) -> Customer:
        parent_id = None if parent is None else parent.pk
        return create_customer(account_id=account.pk, name=name, currency="EUR", parent_id=parent_id, **fields)  # type: ignore[arg-type]

    nordic, polar = customer("Nordic", is_reseller=True), customer("Polar", is_reseller=True)
    fjord, sund = customer("Fjord", nordic), customer("Sund", nordic, is_reseller=True)
    gull, ymir = customer("Gull", sund), customer("Ymir", polar)
    bought, carrier = sold_by(account, "Wholesale"), bought_by(account)
    foreign = create_card(account_id=account.pk, kind="customer", name="Iced", currency="EUR", reseller_id=polar.pk)
    for card in (bought, foreign):
        publish_revision(card_id=card.pk, rows=UK, effective_at=datetime(2020, 1, 1, tzinfo=UTC))
    route = create_ingress_route(
        customer_id=nordic.pk, name="World", card_id=bought.pk, options=[{"card_id": carrier.pk}]
    )
    group = create_user_group(name="Resellers", acts=CARD_ACTS, areas=["cards", "routes", "delays"])
    user = create_user(name="Rita", email="rita@nordic.example", reseller_id=nordic.pk, group_ids=[group.pk])
    rita = Actor(
        user.email, frozenset({"*"}), "asked", "user", user.pk, areas=frozenset({"*"}), reseller_id=nordic.pk,
        reach=frozenset({fjord.pk, sund.pk, gull.pk}),
    )  # fmt: skip
    return Resale(account, nordic, fjord, sund, gull, polar, ymir, bought, foreign, route, group, rita)


def made(resale: Resale, name: str = "Retail", **fields: int) -> Card:
    """A card that Rita makes."""
    return create_card(account_id=resale.account.pk, kind="customer", name=name, currency="EUR", **fields)  # type: ignore[arg-type]


def test_a_resellers_user_makes_cards_of_its_reseller_and_of_resellers_below(resale: Resale) -> None:
    with acting(resale.rita):
        own = made(resale)
        assert (own.kind, own.reseller_id, own.carrier_id) == ("customer", resale.nordic.pk, None)
        assert made(resale, "Sund sells", reseller_id=resale.sund.pk).reseller_id == resale.sund.pk
        assert update_card(card_id=own.pk, precision=2).precision == 2
        for stranger in (resale.polar.pk, resale.fjord.pk, 10**9):
            with pytest.raises(Invalid) as denied:
                made(resale, "Mine", reseller_id=stranger)
            assert list(denied.value.errors) == ["reseller_id"]
        carrier_card = {"account_id": resale.account.pk, "kind": "carrier", "name": "X", "currency": "EUR"}
        refused("kind", create_card, **carrier_card, carrier_id=1)
        delete_card(card_id=own.pk)


def test_a_name_tells_nothing_of_cards_of_others(resale: Resale) -> None:
    with acting(resale.rita):
        made(resale, "Wholesale")
        made(resale, "Iced")
        assert "of this reseller" in refused("name", made, resale=resale, name="Iced")
    with acting(ANN):
        assert "Another card has" in refused("name", made, resale=resale, name="Wholesale")


def test_prices_of_others_are_out_of_reach(resale: Resale) -> None:
    draft = create_draft(card_id=resale.bought.pk, rows=UK)
    with acting(resale.rita):
        for card in (resale.bought, resale.foreign):
            for act in (update_card, delete_card):
                with pytest.raises(NotFound):
                    act(card_id=card.pk)
            for publish in (publish_revision, create_draft):
                with pytest.raises(NotFound):
                    publish(card_id=card.pk, rows=UK)
            with pytest.raises(NotFound):
                publish_markup(card_id=card.pk, source_card_id=resale.bought.pk, markup_ppm=0)
        for of_draft in (publish_draft, delete_draft):
            with pytest.raises(NotFound):
                of_draft(revision_id=draft.pk)


def test_prices_below_what_the_reseller_pays_are_warned_of_and_published(resale: Resale) -> None:
    with acting(resale.rita) as done:
        own = made(resale)
        publish_revision(card_id=own.pk, rows=[{"prefix": "44", "price_nanos": 6 * CENT}])
        assert done.warnings == ["Sold for less than Nordic pays by Wholesale: 4477 (180 s: 0.18 < 0.24)."]
    many = [{"prefix": f"44{number}", "price_nanos": 1} for number in range(1, 8)]
    with acting(resale.rita) as done:
        publish_revision(card_id=own.pk, rows=many)
        assert done.warnings[0].endswith(" 445 (180 s: 0.0001 < 0.15), and 3 more prefixes.")
    with acting(resale.rita) as done:
        publish_revision(card_id=own.pk, rows=UK)
        assert done.warnings == []
    with acting(ANN) as done:
        publish_revision(card_id=resale.bought.pk, rows=many)
        assert done.warnings == [], "nobody resells by the account's own cards"


def looked() -> list[str]:
    """Looks at the prices of every reseller; what its own people are told of them."""
    Message.objects.all().delete()
    with acting(Actor("ticks", frozenset({"look_at_resale"}))):
        while look(datetime.now(UTC)):
            pass
    return [message.text for message in Message.objects.filter(template="card_losses").order_by("id")]


def sentences(card: Card) -> list[tuple[str, datetime | None]]:
    """What the page of a card says of it."""
    return [(mark.sentence, mark.from_at) for mark in marks_of(card, datetime.now(UTC))]


def test_a_reseller_is_told_once_of_prices_that_became_dearer_than_its_own(resale: Resale) -> None:
    update_customer(customer_id=resale.nordic.pk, notification_emails=["prices@nordic.example"])
    with acting(Actor("ticks", frozenset({"look_at_resale"}))):
        assert look_at_resale(), "Polar has a card"
        assert not look_at_resale()
    with acting(resale.rita):
        own, other = made(resale), made(resale, "Premium")
        publish_revision(card_id=own.pk, rows=[{"prefix": "44", "price_nanos": 6 * CENT}])
        publish_revision(card_id=other.pk, rows=[{"prefix": "44", "price_nanos": 30 * CENT}])
    assert looked() == [], "of what it sells below by its own doing it was warned when it published"
    lost = "Sold for less than Nordic pays by Wholesale: 4477 (180 s: 0.18 < 0.24)."
    assert (sentences(own), sentences(other)) == ([(lost, None)], [])

    later = datetime.now(UTC) + timedelta(days=3)
    dearer = [{"prefix": "44", "price_nanos": 7 * CENT}]
    publish_revision(card_id=resale.bought.pk, rows=dearer, effective_at=later)
    (text,) = looked()
    assert f"Retail < Wholesale ({later:%Y-%m-%d %H:%M} UTC): 44 (180 s: 0.18 < 0.21)" in text
    assert "4477" not in text, "that is nothing new"
    assert "Premium" not in text
    coming = "Sold for less than Nordic pays by Wholesale: 44 (180 s: 0.18 < 0.21)."
    assert sentences(own) == [(lost, None), (coming, later)]
    publish_revision(card_id=resale.bought.pk, rows=dearer, effective_at=later + timedelta(days=1))
    assert looked() == [], "once, and nothing of what changes nothing"
    assert len(sentences(own)) == 2

    with acting(resale.rita):
        publish_revision(card_id=own.pk, rows=[{"prefix": "44", "price_nanos": 9 * CENT}])
    assert looked() == []
    assert sentences(own) == []
    update_ingress_route(ingress_route_id=resale.route.pk, card_id=sold_by(resale.account, "Gold").pk)
    gold = Card.objects.get(name="Gold")
    publish_revision(card_id=gold.pk, rows=[{"prefix": "4", "price_nanos": 10 * CENT}])
    (text,) = looked()
    assert "Retail < Gold: 44 (180 s: 0.27 < 0.3)" in text
    update_customer(customer_id=resale.nordic.pk, notification_opt_outs=["card.losses"])
    publish_revision(card_id=gold.pk, rows=[{"prefix": "4", "price_nanos": 20 * CENT}])
    assert looked() == []
    assert "(180 s: 0.27 < 0.6)" in sentences(own)[0][0]


def test_a_look_that_always_fails_is_counted_keeps_no_other_from_its_own_and_comes_to_rest(
    resale: Resale, monkeypatch: pytest.MonkeyPatch
) -> None:
    with acting(resale.rita):
        made(resale)
    looks: list[int] = []

    def failing(reseller: Customer, *_: object) -> list[object]:
        looks.append(reseller.pk)
        if reseller == resale.nordic:
            raise ZeroDivisionError
        return []

    monkeypatch.setattr(card_losses, "_looked", failing)
    at = datetime.now(UTC)
    for minutes in range(2 * TRIES_MOST):
        while look(at + timedelta(minutes=2 * minutes)):
            pass
    assert looks.count(resale.nordic.pk) == TRIES_MOST
    assert len(looks) > TRIES_MOST, "the others had theirs"
    while look(at + timedelta(days=1, minutes=30)):
        pass
    assert looks.count(resale.nordic.pk) == TRIES_MOST + 1, "once a day it is tried again"
    monkeypatch.setattr(card_losses, "_looked", lambda *_: [])
    while look(at + timedelta(days=3)):
        pass
    last = ResaleLook.objects.get(pk=resale.nordic.pk)
    assert (last.tries_count, last.tried_at, last.looked_at) == (0, None, at + timedelta(days=3))


def test_prices_are_made_of_those_that_the_reseller_pays(resale: Resale) -> None:
    later = datetime.now(UTC) + timedelta(days=3)
    dearer = [{"prefix": "44", "price_nanos": 7 * CENT}]
    publish_revision(card_id=resale.bought.pk, rows=dearer, effective_at=later)
    with acting(resale.rita) as done:
        own = made(resale)
        now = publish_markup(card_id=own.pk, source_card_id=resale.bought.pk, markup_ppm=150_000, note="plus 15 %")
        then = publish_markup(card_id=own.pk, source_card_id=resale.bought.pk, markup_ppm=0, effective_at=later)
        assert done.warnings == []
        for source in (own, resale.foreign, Card.objects.get(kind="carrier")):
            refused("source_card_id", publish_markup, card_id=own.pk, source_card_id=source.pk, markup_ppm=0)
        refused("markup_ppm", publish_markup, card_id=own.pk, source_card_id=resale.bought.pk, markup_ppm=-1)
    assert dict(Rate.objects.filter(revision=now).values_list("prefix", "price_nanos")) == {
        "44": 57_500_000, "4477": 92_000_000,
    }  # fmt: skip
    assert [*Rate.objects.filter(revision=then).values_list("price_nanos", flat=True)] == [7 * CENT]
    assert (now.note, now.published_at is not None) == ("plus 15 %", True)


def test_a_tariff_is_made_no_dearer_than_a_card_holds(resale: Resale) -> None:
    later = [{"at_s": 0, "price_nanos": CENT}, {"at_s": 60, "price_nanos": 6 * 10**12}]
    many = [{"at_s": 60 * place, "price_nanos": CENT} for place in range(700)]
    least = {"windows": [{"steps": many[:1]}], "minimum_nanos": 6 * 10**12}
    with acting(resale.rita):
        own = made(resale)
    for tariff in (least, {"windows": [{"steps": later}]}, {"windows": [{"steps": many}]}):
        dear = create_card(account_id=resale.account.pk, kind="customer", name=str(tariff)[:200], currency="EUR")
        publish_revision(card_id=dear.pk, rows=[{"prefix": "44", "tariff": tariff}], effective_at="2020-01-01T00:00Z")
        create_ingress_route(customer_id=resale.nordic.pk, name="Dear", card_id=dear.pk)
        with acting(resale.rita):
            refused("markup_ppm", publish_markup, card_id=own.pk, source_card_id=dear.pk, markup_ppm=1_000_000)
    assert not own.revisions.exists()


def test_a_customer_that_is_being_moved_has_its_route_by_the_reseller_it_comes_to(resale: Resale) -> None:
    """The row of the customer is locked before its reseller is believed, as the move locks it."""
    own = create_card(
        account_id=resale.account.pk, kind="customer", name="Resold", currency="EUR", reseller_id=resale.nordic.pk
    )
    with CaptureQueriesContext(connection) as asked:
        create_ingress_route(customer_id=resale.fjord.pk, name="World", card_id=own.pk)
    locked = [one["sql"] for one in asked if "FOR NO KEY UPDATE" in one["sql"]]
    assert any('"customer"."parent_id"' in sql for sql in locked)


def test_a_route_of_a_customer_sells_by_a_card_of_its_own_reseller_alone(resale: Resale) -> None:
    with acting(resale.rita):
        own, of_sund = made(resale), made(resale, "Sund sells", reseller_id=resale.sund.pk)
        route = create_ingress_route(customer_id=resale.fjord.pk, name="World", card_id=own.pk, channels=3)
        create_ingress_route(customer_id=resale.gull.pk, name="World", card_id=of_sund.pk)
        carrier_card = Card.objects.get(kind="carrier")
        strangers = (resale.bought.pk, resale.foreign.pk, carrier_card.pk, of_sund.pk, 10**9)
        told = {refused("card_id", update_ingress_route, ingress_route_id=route.pk, card_id=one) for one in strangers}
        told |= {
            refused("card_id", create_ingress_route, customer_id=resale.fjord.pk, name="B", card_id=one)
            for one in strangers
        }
        assert len(told) == 1, "one answer, whatever there is by that id"
        update_ingress_route(ingress_route_id=route.pk, card_id=own.pk, dial_patterns="44", cps_milli=2000)
        assert not route.options.exists()
        delete_ingress_route(ingress_route_id=route.pk)


def test_a_route_that_the_operator_made_keeps_its_card_until_another_is_chosen(resale: Resale) -> None:
    given = create_ingress_route(customer_id=resale.fjord.pk, name="Given", card_id=resale.bought.pk)
    with acting(resale.rita):
        assert update_ingress_route(ingress_route_id=given.pk, card_id=resale.bought.pk, channels=2).channels == 2
        assert update_ingress_route(ingress_route_id=given.pk, card_id=made(resale).pk).card.name == "Retail"
        refused("card_id", update_ingress_route, ingress_route_id=given.pk, card_id=resale.bought.pk)


def test_a_resellers_user_says_nothing_about_carriers_and_touches_no_route_of_others(resale: Resale) -> None:
    tag = create_tag(account_id=resale.account.pk, name="Wholesale")
    theirs = create_ingress_route(customer_id=resale.ymir.pk, name="Ice", card_id=resale.foreign.pk)
    of_tag = create_tag_route(tag_id=tag.pk, name="All", card_id=resale.bought.pk)
    carrier_card = Card.objects.get(kind="carrier")
    said = {
        "strategy": "random", "options": [{"card_id": carrier_card.pk}], "profit_assurance": False, "media": "direct",
        "recording": "on",
    }  # fmt: skip
    with acting(resale.rita):
        own = made(resale)
        route = create_ingress_route(customer_id=resale.fjord.pk, name="World", card_id=own.pk)
        for name, value in said.items():
            with pytest.raises(NotEditable) as denied:
                update_ingress_route(ingress_route_id=route.pk, **{name: value})  # type: ignore[misc]
            assert list(denied.value.errors) == [name]
            with pytest.raises(NotEditable):
                create_ingress_route(customer_id=resale.fjord.pk, name="B", card_id=own.pk, **{name: value})  # type: ignore[misc]
        for foreign in (resale.route, theirs, of_tag):
            with pytest.raises(NotFound):
                update_ingress_route(ingress_route_id=foreign.pk, card_id=own.pk)
            with pytest.raises(NotFound):
                delete_ingress_route(ingress_route_id=foreign.pk)
        for customer in (resale.nordic, resale.polar, resale.ymir):
            with pytest.raises(NotFound):
                create_ingress_route(customer_id=customer.pk, name="B", card_id=own.pk)
        with pytest.raises(NotFound):
            create_tag_route(tag_id=tag.pk, name="B", card_id=own.pk)


def test_what_the_operator_records_stays_recorded_whatever_routes_a_resellers_user_makes(resale: Resale) -> None:
    with acting(resale.rita):
        own = made(resale)
        plain = create_ingress_route(customer_id=resale.fjord.pk, name="Plain", card_id=own.pk)
        route = create_ingress_route(customer_id=resale.fjord.pk, name="World", card_id=own.pk)
    with acting(ANN):
        update_ingress_route(ingress_route_id=route.pk, recording="on", media="direct")
    with acting(resale.rita):
        assert "let them remove it" in refused("ingress_route_id", delete_ingress_route, ingress_route_id=route.pk)
        update_ingress_route(ingress_route_id=route.pk, enabled=False)
        anew = create_ingress_route(customer_id=resale.fjord.pk, name="Anew", card_id=own.pk)
        assert (anew.recording, anew.media) == ("on", "direct")
        elsewhere = create_ingress_route(customer_id=resale.gull.pk, name="World", card_id=sold_to_gull(resale).pk)
        assert (elsewhere.recording, elsewhere.media) == ("inherit", "proxy")
        plain.refresh_from_db()
        assert (plain.recording, plain.media) == ("on", "direct"), "what was disabled may take it instead"
        delete_ingress_route(ingress_route_id=plain.pk)
    with acting(ANN):
        delete_ingress_route(ingress_route_id=route.pk)


def test_a_route_that_a_resellers_user_widens_keeps_what_the_operator_has_chosen_for_the_customer(
    resale: Resale,
) -> None:
    with acting(resale.rita):
        own = made(resale)
        made_of = {"customer_id": resale.fjord.pk, "card_id": own.pk}
        wide = create_ingress_route(**made_of, name="World")  # type: ignore[arg-type]
        narrow = create_ingress_route(**made_of, name="Home", dial_patterns="47")  # type: ignore[arg-type]
        other = create_ingress_route(**made_of, name="Near", dial_patterns="46")  # type: ignore[arg-type]
    with acting(ANN):
        update_ingress_route(ingress_route_id=wide.pk, recording="on")
        update_ingress_route(ingress_route_id=narrow.pk, dial_patterns="47\n45")
    with acting(resale.rita):
        assert update_ingress_route(ingress_route_id=narrow.pk, name="Homes").recording == "inherit"
        assert update_ingress_route(ingress_route_id=other.pk, enabled=False).recording == "inherit"
        assert update_ingress_route(ingress_route_id=narrow.pk, dial_patterns="4").recording == "on"
        delete_ingress_route(ingress_route_id=wide.pk)
    other.refresh_from_db()
    assert other.recording == "on"


def sold_to_gull(resale: Resale) -> Card:
    """A card of the reseller that Gull is below."""
    return made(resale, "Sund sells", reseller_id=resale.sund.pk)


def test_a_customer_is_not_moved_away_from_the_card_it_pays_by(resale: Resale) -> None:
    with acting(resale.rita):
        own = made(resale)
        create_ingress_route(customer_id=resale.fjord.pk, name="World", card_id=own.pk)
    for elsewhere in (resale.polar.pk, resale.sund.pk, None):
        words = refused("parent_id", update_customer, customer_id=resale.fjord.pk, parent_id=elsewhere)
        assert "World" in words
    refused("is_reseller", update_customer, customer_id=resale.polar.pk, is_reseller=False)


def test_a_route_put_off_is_saved_by_the_rights_of_that_moment(resale: Resale) -> None:
    due = datetime.now(UTC) + timedelta(minutes=1)
    with acting(resale.rita):
        own = made(resale)
        route = create_ingress_route(customer_id=resale.fjord.pk, name="World", card_id=own.pk)
        with pytest.raises(NotFound):
            delay_save(
                act="update_ingress_route", arguments={"ingress_route_id": resale.route.pk, "channels": 1}, due_at=due
            )
        arguments = {"ingress_route_id": route.pk, "card_id": resale.foreign.pk}
        with pytest.raises(Invalid):
            delay_save(act="update_ingress_route", arguments=arguments, due_at=due)
        for number in range(1, 4):
            arguments = {"ingress_route_id": route.pk, "channels": number}
            delay_save(act="update_ingress_route", arguments=arguments, due_at=due + number * timedelta(minutes=1))
        delay_save(act="update_card", arguments={"card_id": own.pk, "precision": 1}, due_at=due)
    run_due(due + timedelta(minutes=1))
    assert IngressRoute.objects.get(pk=route.pk).channels == 1
    assert Card.objects.get(pk=own.pk).precision == 1
    UserGroup.objects.filter(pk=resale.group.pk).update(acts=["delay_save"])
    run_due(due + timedelta(minutes=2))
    UserGroup.objects.filter(pk=resale.group.pk).update(acts=CARD_ACTS)
    User.objects.filter(email=resale.rita.name).update(reseller_id=resale.polar.pk)
    run_due(due + timedelta(minutes=3))
    assert IngressRoute.objects.get(pk=route.pk).channels == 1, "neither without the act nor for another reseller"
    assert sorted(DelayedSave.objects.values_list("state", flat=True)) == ["done", "done", "refused", "refused"]


def test_a_resellers_user_without_the_act_makes_nothing(resale: Resale) -> None:
    weak = replace(resale.rita, may=frozenset({"update_ingress_route"}))
    with acting(resale.rita):
        own = made(resale)
    with acting(weak), pytest.raises(Exception, match="create_card"):
        made(resale, "More")
    with acting(replace(weak, may=frozenset({"publish_markup"}))), pytest.raises(Exception, match="publish_revision"):
        publish_markup(card_id=own.pk, source_card_id=resale.bought.pk, markup_ppm=0)
