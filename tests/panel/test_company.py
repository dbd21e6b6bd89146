"""Claims about records that are typed into a form by name: whom a text names, and what a form shows of an id."""

import pytest
from django.test import Client

from tests.panel.cast import EURO, PASSWORD, Cast
from tests.panel.conftest import logged_in
from tollgate.actions.acts import Actor, acting
from tollgate.actions.alerts import create_alert
from tollgate.actions.cards import create_card
from tollgate.actions.customers import create_customer
from tollgate.actions.users import create_user, create_user_group
from tollgate.store.models import Account, Alert, Card, Customer, DelayedSave, Invoice, PortalDomain, User

pytestmark = pytest.mark.django_db
ALERT = {
    "enabled": "on", "area": "asr", "operator": "<", "threshold_micros": "30", "sample_min": "5", "penalty_s": "0",
    "repeat_min": "0", "repeat_hour": "8", "level": "warning", "template": "alert", "recipients": "noc@demo.example",
}  # fmt: skip


def test_a_customer_is_named_by_name_or_number_and_what_names_nobody_is_told_at_the_field(
    cast: Cast, ann: Client
) -> None:
    with acting(Actor("setup", frozenset({"*"}))):
        create_customer(account_id=cast.account.pk, name="ACME", currency="EUR")
    for text, problem in (
        ("Nobody", "There is no customer of this name or number."),
        ("acme", "Several customers have this name: give the account number."),
    ):
        answer = ann.post("/alerts/new/", {**ALERT, "title": "Poor", "customer_id": text})
        assert answer.status_code == 422
        assert answer.context["form"].errors == {"customer_id": [problem]}
        assert f'value="{text}"' in answer.content.decode(), "what was typed stays"
    for title, text in (("By name", "Acme"), ("By number", cast.acme.number), ("In other case", "baLTic")):
        assert ann.post("/alerts/new/", {**ALERT, "title": title, "customer_id": text}).status_code == 302
    named = dict(Alert.objects.exclude(title="Acme fails").values_list("title", "customer__name"))
    assert named == {"By name": "Acme", "By number": "Acme", "In other case": "Baltic"}


def test_a_form_shows_the_name_of_its_customer_and_sees_no_change_in_it(cast: Cast, ann: Client) -> None:
    page = f"/alerts/{Alert.objects.get().pk}/"
    field = 'name="customer_id" value="Acme"'
    assert field in ann.get(page).content.decode()
    assert 'data-suggest="/suggestions/customer/"' in ann.get(page).content.decode()
    version = str(Alert.objects.get().version)
    form = {**ALERT, "title": "Acme fails", "customer_id": cast.acme.number, "level": "error", "version": version}
    later = {"save": "delay", "delay_kind": "after", "delay_count": "2", "delay_unit": "hours"}
    assert ann.post(page, {**form, **later}).status_code == 302
    assert "customer_id" not in DelayedSave.objects.get().arguments, "by its number it is the same customer"
    Customer.objects.filter(pk=cast.baltic.pk).update(number="Acme")  # which would be read as Baltic
    assert f'name="customer_id" value="{cast.acme.number}"' in ann.get(page).content.decode()
    both = ann.post("/alerts/new/", {**ALERT, "title": "Whose", "customer_id": "Acme"})
    assert "the number of one customer and the name of another" in str(both.context["form"].errors["customer_id"])
    Customer.objects.filter(pk=cast.baltic.pk).update(number="10000099")
    with acting(Actor("setup", frozenset({"*"}))):
        watched = create_alert(
            account_id=cast.account.pk, title="Gone", area="asr", customer_id=cast.baltic.pk,
            threshold_micros=30 * EURO, recipients=["noc@demo.example"],
        )  # fmt: skip
    Customer.objects.filter(pk=cast.baltic.pk).update(deleted_at="2026-01-01T00:00Z")
    kept = {**ALERT, "title": "Gone", "customer_id": "Baltic", "version": str(watched.version), "save": "stay"}
    assert ann.post(f"/alerts/{watched.pk}/", kept).status_code == 302, "a deleted one that it has may stay"
    assert ann.post("/alerts/new/", {**ALERT, "title": "More", "customer_id": "Baltic"}).status_code == 422


def test_pages_that_are_opened_for_a_customer_begin_with_its_name(cast: Cast, ann: Client) -> None:
    for address in ("/invoices/new/", "/packages/run/", "/alerts/new/"):
        assert 'value="Acme"' in ann.get(f"{address}?customer={cast.acme.pk}").content.decode(), address
        for odd in ("", "x", "9" * 30, str(cast.acme.pk + 10**6)):
            assert ann.get(f"{address}?customer={odd}").status_code == 200, (address, odd)
    drafted = ann.post("/invoices/new/", {"customer_id": "Baltic"})
    assert drafted["Location"] == f"/invoices/{Invoice.objects.get(customer=cast.baltic).pk}/"
    run = ann.post("/packages/run/", {"customer_id": "acme", "on": "2030-01-01", "simulate": "on"})
    assert {row["customer"] for row in run.context["rows"]} == {"Acme"}
    assert ann.post("/packages/run/", {"customer_id": "Nobody", "on": "2030-01-01"}).status_code == 422


def test_the_sip_user_of_an_option_is_typed_suggested_and_shown(cast: Cast, ann: Client) -> None:
    form = ann.get("/options/").context["form"]
    given = {name: form[name].value() for name in form.fields}
    given = {name: value for name, value in given.items() if value is not None and value is not False}
    refused = ann.post("/options/", {**given, "circuit_user_id": "nobody"})
    assert refused.context["form"].errors == {"circuit_user_id": ["There is no SIP user of this name."]}
    assert ann.post("/options/", {**given, "circuit_user_id": "Acme-Carla"}).status_code == 302
    assert Account.objects.get().circuit_user_id == cast.sip_user.pk
    assert 'name="circuit_user_id" value="acme-carla"' in ann.get("/options/").content.decode()
    offers = ann.get("/suggestions/sip_user/", {"q": "acme"}).json()["offers"]
    assert offers == [{"value": "acme-carla", "words": "Acme"}]
    Customer.objects.filter(pk=cast.acme.pk).update(deleted_at="2026-01-01T00:00Z")
    assert ann.get("/suggestions/sip_user/", {"q": "acme"}).json()["offers"] == [], "nobody chooses who is gone"


def test_several_cards_are_named_with_semicolons_between_and_shown_so_again(cast: Cast, ann: Client) -> None:
    odd = 'Odd; "best"'
    with acting(Actor("setup", frozenset({"*"}))):
        dollars = create_card(account_id=cast.account.pk, kind="customer", name=odd, currency="USD")
    page = f"/portal-domains/{PortalDomain.objects.get().pk}/"
    shown = ann.get(page).context["form"]
    form = {
        "host": shown["host"].value(),
        "brand": "Demo",
        "template_customer_id": "Acme",
        "payment_gateways": "*",
        "version": shown["version"].value(),
    }
    for typed in ("Retail; Nothing", "Cirrus A-Z", str(cast.customer_card.pk)):
        errors = ann.post(page, {**form, "card_ids": typed}).context["form"].errors
        assert errors == {"card_ids": ["There is no card of this name that fits here."]}, typed
    typed = 'retail; "Odd; ""best"""; Retail'
    answer = ann.post(page, {**form, "card_ids": typed})
    assert answer.status_code == 302, answer.context["form"].errors
    assert PortalDomain.objects.get().card_ids == sorted([cast.customer_card.pk, dollars.pk])
    again = ann.get(page).context["form"]
    assert again["card_ids"].value() == '"Odd; ""best"""; Retail'
    form |= {"version": again["version"].value(), "card_ids": again["card_ids"].value()}
    assert ann.post(page, form).status_code == 302
    assert PortalDomain.objects.get().card_ids == sorted([cast.customer_card.pk, dollars.pk])
    offers = ann.get("/suggestions/sold_card/", {"q": "best"}).json()["offers"]
    assert offers == [{"value": odd, "words": "USD"}]


def test_resellers_are_typed_and_nobody_is_one_who_sells_to_nobody(cast: Cast, ann: Client, bob: Client) -> None:
    assert ann.get("/suggestions/reseller/").json()["offers"] == [{"value": "Baltic", "words": cast.baltic.number}]
    assert ann.get("/suggestions/reseller/", {"q": "acme"}).json()["offers"] == []
    user = {"name": "Rita", "email": "rita@baltic.example", "zone": "UTC", "is_active": "on", "reseller_id": "Acme"}
    refused = ann.post("/users/new/", user).context["form"].errors
    assert refused == {"reseller_id": ["There is no reseller of this name or number."]}
    assert ann.post("/users/new/", {**user, "reseller_id": "baltic"}).status_code == 302
    rita = User.objects.get(email="rita@baltic.example")
    assert rita.reseller_id == cast.baltic.pk
    page = f"/users/{rita.pk}/"
    assert 'name="reseller_id" value="Baltic"' in ann.get(page).content.decode()
    card = {"name": "Resold", "currency": "EUR", "precision": "4", "method": "up", "duration_method": "up"}
    card |= {"increments": "initial_then_increment", "reseller_id": cast.baltic.number}
    assert ann.post("/cards/new-customer/", card).status_code == 302
    assert Card.objects.get(name="Resold").reseller == cast.baltic


def test_a_resellers_user_names_and_is_offered_only_its_own(cast: Cast) -> None:
    with acting(Actor("setup", frozenset({"*"}))):
        create_customer(account_id=cast.account.pk, name="Corso", currency="EUR", parent_id=cast.baltic.pk)
        group = create_user_group(name="Resellers", acts=["*"], areas=["*"])
        rita = create_user(
            name="Rita", email="rita@baltic.example", password=PASSWORD, group_ids=[group.pk],
            reseller_id=cast.baltic.pk,
        )  # fmt: skip
    hers = logged_in(rita)
    named = {
        name: hers.post("/clis/new/", {"customer_id": name, "number": "+37061234599"}) for name in ("Acme", "Corso")
    }
    assert [named[name].status_code for name in ("Acme", "Corso")] == [422, 302]
    assert hers.get("/suggestions/sip_user/", {"q": "acme"}).json() == {"offers": []}
    assert hers.get("/suggestions/customer/", {"q": "acm"}).json() == {"offers": []}
