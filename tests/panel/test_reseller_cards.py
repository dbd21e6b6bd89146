"""Claims about the cards and routes of a reseller, as its own user Rita and as the operator Ann see and make them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.api.caller import Api
from tests.panel.cast import PASSWORD, RATES, Cast
from tests.panel.conftest import logged_in
from tollgate.actions.acts import Actor, acting
from tollgate.actions.card_losses import look
from tollgate.actions.cards import create_card
from tollgate.actions.customers import create_customer
from tollgate.actions.revisions import publish_revision
from tollgate.actions.routes import create_ingress_route
from tollgate.actions.users import create_stock_groups, create_user
from tollgate.store.models import Card, Customer, DelayedSave, IngressRoute, Rate, ResaleLook, Revision

pytestmark = pytest.mark.django_db
BASIC = {"precision": "4", "method": "up", "duration_method": "up", "increments": "initial_then_increment"}


@pytest.fixture
def bought(cast: Cast) -> Card:
    """The card that Baltic is given to buy by."""
    with acting(Actor("setup", frozenset({"*"}))):
        card = create_card(account_id=cast.account.pk, kind="customer", name="Bought", currency="EUR")
        long_ago = datetime(2020, 1, 1, tzinfo=UTC)
        publish_revision(card_id=card.pk, rows=list(RATES), note="as Cirrus asks", effective_at=long_ago)
        options: Any = [{"card_id": cast.carrier_card.pk}]
        route: dict[str, Any] = {"name": "By Cirrus", "dial_patterns": "44", "tech_prefix": "7#", "options": options}
        create_ingress_route(customer_id=cast.baltic.pk, card_id=card.pk, **route)
        create_customer(account_id=cast.account.pk, name="Corso", currency="EUR", parent_id=cast.baltic.pk)
    return card


@pytest.fixture
def rita(cast: Cast, bought: Card) -> Client:
    """Rita of Baltic, in the group that installations have for users of resellers."""
    with acting(Actor("setup", frozenset({"*"}))):
        group = create_stock_groups()["Resellers"]
        email = "rita@baltic.example"
        user = create_user(
            name="Rita", email=email, password=PASSWORD, group_ids=[group.pk], reseller_id=cast.baltic.pk
        )
    return logged_in(user)


def offered(client: Client, page: str, field: str) -> list[tuple[str, str]]:
    """What a field of a form suggests before anything is typed, with the words beside it."""
    address = client.get(page).context["form"].fields[field].widget.attrs["data-suggest"]
    return [(offer["value"], offer["words"]) for offer in client.get(address).json()["offers"]]


def text(client: Client, address: str, **query: str) -> str:
    """A page, followed where it leads."""
    answer = client.get(address, query, follow=True)
    assert answer.status_code == 200, (address, answer.status_code)
    return answer.content.decode()


def test_a_card_that_is_given_is_seen_as_one_to_buy_by_and_nothing_of_who_carries(
    cast: Cast, bought: Card, rita: Client
) -> None:
    assert "Bought" in text(rita, "/cards/carrier/")
    assert "Bought" not in text(rita, "/cards/customer/")
    page = text(rita, f"/cards/{bought.pk}/")
    for shown in ("UK mobile", "You buy by it", "7# +"):
        assert shown in page, shown
    for hidden in ("Cirrus", "Import prices", "Prices from another card", "/edit/"):
        assert hidden not in page, hidden
    for address in ("edit", "import", "markup", "delete"):
        assert rita.get(f"/cards/{bought.pk}/{address}/").status_code in (404, 405), address
        assert rita.post(f"/cards/{bought.pk}/{address}/", {"name": "Mine", **BASIC}).status_code == 404, address
    assert rita.get(f"/cards/{cast.customer_card.pk}/").status_code == 404
    assert rita.get("/cards/new-carrier/").status_code == 403
    assert rita.get("/search/?q=Bought").status_code == 302
    assert "No" in text(rita, "/search/", q="Retail")


def test_a_reseller_sells_by_a_card_of_its_own_that_is_made_dearer_and_warned_of(
    cast: Cast, bought: Card, rita: Client, ann: Client
) -> None:
    made = rita.post("/cards/new-customer/", {"name": "Retail", "currency": "EUR", **BASIC})
    own = Card.objects.get(name="Retail", reseller=cast.baltic)
    assert made["Location"] == f"/cards/{own.pk}/", "another card of that name is nothing to her"
    assert offered(rita, f"/cards/{own.pk}/markup/", "source_card_id") == [("Bought", "EUR")]
    for foreign in ("Retail", f"Retail #{cast.customer_card.pk}", "Cirrus A-Z"):
        assert rita.post(f"/cards/{own.pk}/markup/", {"source_card_id": foreign, "markup_ppm": "20"}).status_code == 422
    sold = rita.post(f"/cards/{own.pk}/markup/", {"source_card_id": "bought", "markup_ppm": "20"})
    assert sold.status_code == 302, sold.context["form"].errors
    assert Rate.objects.get(revision__card=own, prefix="44").price_nanos == 72_000_000
    asked = {"number": "442079460001", "duration_s": "60"}
    page = text(rita, f"/cards/{own.pk}/", **asked)
    for shown in ("What Baltic pays for it", "0.06 EUR", "0.012 EUR"):
        assert shown in page, shown
    assert "None of its routes takes this number" in text(rita, f"/cards/{own.pk}/", number="882", duration_s="60")

    file = SimpleUploadedFile("rates.csv", b"prefix;price;increments\n44;0.07;60/60\n")
    dry = rita.post(f"/cards/{own.pk}/import/", {"file": file})["Location"]
    told = "Sold for less than Baltic pays by Bought: 4477 (180 s: 0.21 &lt; 0.27)."
    assert told in text(rita, dry)
    sent = {bound.name: str(bound.value()) for bound in rita.get(dry).context["form"].hidden_fields()}
    done = rita.post(dry, {name: value for name, value in sent.items() if value != "None"}, follow=True)
    assert told in done.content.decode()
    assert Revision.objects.filter(card=own).count() == 2
    with acting(Actor("ticks", frozenset({"look_at_resale"}))):
        look(datetime.now(UTC))
    for reader in (rita, ann):
        assert told in text(reader, f"/cards/{own.pk}/"), "the mark of the card"
    listed = text(ann, "/cards/customer/")
    assert "Baltic" in listed, "the operator sees whose it is"
    route = f"/customers/{Customer.objects.get(name='Corso').pk}/routes/new/"
    twins = [(f"Retail #{cast.customer_card.pk}", "EUR"), (f"Retail #{own.pk}", "EUR, Baltic")]
    assert offered(ann, route, "card_id") == [("Bought", "EUR"), *twins], "two of one name are told apart"
    unclear = ann.post(route, {"name": "World", "card_id": "Retail"}).context["form"].errors["card_id"]
    assert "Several cards have this name" in str(unclear)
    assert "card_id" not in ann.post(route, {"name": "World", "card_id": twins[1][0]}).context["form"].errors


def test_a_reseller_below_another_sees_what_it_pays_and_not_what_that_one_does(cast: Cast, bought: Card) -> None:
    with acting(Actor("setup", frozenset({"*"}))):
        new: dict[str, Any] = {"account_id": cast.account.pk, "currency": "EUR"}
        sund = create_customer(name="Sund", parent_id=cast.baltic.pk, is_reseller=True, **new)
        given = create_card(name="Baltic sells", kind="customer", reseller_id=cast.baltic.pk, **new)
        publish_revision(card_id=given.pk, rows=list(RATES), note="plus 10 %", effective_at="2020-01-01T00:00:00Z")
        create_ingress_route(customer_id=sund.pk, name="World", card_id=given.pk)
        groups = [create_stock_groups()["Resellers"].pk]
        sam = create_user(
            name="Sam", email="sam@sund.example", password=PASSWORD, group_ids=groups, reseller_id=sund.pk
        )
    browser = logged_in(sam)
    losing = {"card": given.pk, "bought": bought.pk, "from_at": None, "count": 1, "lost": [["44", 1, 1, 2]]}
    ResaleLook.objects.create(reseller=cast.baltic, found=[losing])
    page = text(browser, f"/cards/{given.pk}/", number="442079460001", duration_s="60")
    assert "0.06 EUR" in page
    for hidden in ("plus 10 %", "What Baltic pays", "Bought", ">Baltic<", "Settings", "Below cost"):
        assert hidden not in page, hidden
    assert browser.get(f"/cards/{bought.pk}/").status_code == 404
    token = Api.of(sam).get(f"cards/{given.pk}").json()
    assert (token["name"], token["reseller_id"]) == ("Baltic sells", None)
    browser.post("/cards/new-customer/", {"name": "Sund sells", "currency": "EUR", **BASIC})
    own = Card.objects.get(reseller=sund)
    assert offered(browser, f"/cards/{own.pk}/markup/", "source_card_id") == [("Baltic sells", "EUR")]


def test_a_reseller_routes_its_customers_by_its_cards_and_not_over_carriers(
    cast: Cast, bought: Card, rita: Client
) -> None:
    corso = Customer.objects.get(name="Corso")
    with acting(Actor("setup", frozenset({"*"}))):
        own = create_card(
            account_id=cast.account.pk, kind="customer", name="Resold", currency="EUR", reseller_id=cast.baltic.pk
        )
    page = rita.get(f"/customers/{corso.pk}/routes/new/")
    form = page.context["form"]
    assert offered(rita, f"/customers/{corso.pk}/routes/new/", "card_id") == [("Resold", "EUR")]
    assert rita.get("/suggestions/route_card/", {"customer": cast.acme.pk}).json() == {"offers": []}
    assert rita.get("/suggestions/route_card/").json() == {"offers": []}
    assert rita.get("/suggestions/sold_card/").json() == {"offers": []}, "the operator's are nothing to her"
    assert not {"strategy", "options", "profit_assurance", "media", "recording"} & form.fields.keys()
    shown = {name: form[name].value() for name in form.fields}
    given = {name: value for name, value in shown.items() if value is not None and value is not False}
    sent = {**given, "name": "World", "card_id": "Resold", "channels": "2"}
    for foreign in (bought, cast.customer_card, cast.carrier_card):
        for name in (foreign.name, f"{foreign.name} #{foreign.pk}", str(foreign.pk)):
            assert rita.post(f"/customers/{corso.pk}/routes/new/", {**sent, "card_id": name}).status_code == 422, name
    carried = {f"options-{cast.carrier_card.pk}-used": "on", "strategy": "random", "media": "direct"}
    rita.post(f"/customers/{corso.pk}/routes/new/", {**sent, **carried})
    route = IngressRoute.objects.get(customer=corso)
    assert (route.card_id, route.channels, route.strategy, route.media) == (own.pk, 2, "lcr", "proxy")
    assert not route.options.exists()
    for address in ("/routes/", f"/customers/{corso.pk}/routing/", f"/routes/{route.pk}/"):
        page_text = text(rita, address)
        assert "World" in page_text
        assert "Cirrus" not in page_text
    for foreign_route in IngressRoute.objects.exclude(pk=route.pk):
        assert rita.get(f"/routes/{foreign_route.pk}/").status_code == 404
        assert rita.post(f"/routes/{foreign_route.pk}/delete/", {"confirmation": "World"}).status_code == 404


def test_what_the_operator_puts_off_for_a_route_is_not_told_on_its_form(cast: Cast, rita: Client, ann: Client) -> None:
    corso = Customer.objects.get(name="Corso")
    with acting(Actor("setup", frozenset({"*"}))):
        own = create_card(
            account_id=cast.account.pk, kind="customer", name="Resold", currency="EUR", reseller_id=cast.baltic.pk
        )
        route = create_ingress_route(customer_id=corso.pk, name="World", card_id=own.pk)
    for who, email in ((ann, "ann@demo.example"), (rita, "rita@baltic.example")):
        DelayedSave.objects.create(
            account=cast.account, customer=corso, act="update_ingress_route", arguments={}, table_name="ingress_route",
            row_id=route.pk, title="x", before={"channels": 0}, after={"options": f"Cirrus by {email}"},
            due_at="2100-01-01T00:00:00Z", author=email,
            author_id=who.get("/me/").wsgi_request.user.pk,
        )  # fmt: skip
    page = text(rita, f"/routes/{route.pk}/")
    assert "Cirrus by rita@" in page
    assert "Cirrus by ann@" not in page
    assert "Cirrus by ann@" in text(ann, f"/routes/{route.pk}/")
