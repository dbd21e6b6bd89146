"""Claims about the pages of portal domains: how they look, their own words, and the customers that are made of them."""

from typing import Any

import pytest
from django.test import Client

from tests.actions.cast import ANN
from tests.panel.cast import Cast
from tests.panel.conftest import logged_in
from tests.panel.test_forms import CUSTOMER, errors_of
from tollgate.actions.acts import acting
from tollgate.actions.customers import update_customer
from tollgate.actions.messages import body, queue
from tollgate.core.templates_stock import OF_OPERATORS, STOCK
from tollgate.store.models import Customer, PortalDomain, Template, User

pytestmark = pytest.mark.django_db
FORM: dict[str, Any] = {
    "host": "portal.demo.example", "brand": "Demo", "sections": ["dashboard", "calls"], "payment_gateways": "*",
}  # fmt: skip


def test_a_domain_is_given_its_look_its_currencies_and_what_its_customers_begin_with(cast: Cast, ann: Client) -> None:
    domain = PortalDomain.objects.get()
    page = f"/portal-domains/{domain.pk}/"
    look = {
        "color": "#663399", "sidebar_color": "#112233", "custom_css": ".card {\r\n  border: 0\r\n}",
        "currencies": ["USD", "EUR"], "template_customer_id": cast.acme.number, "card_ids": "Retail",
        "terms_url": "https://demo.example/terms", "footer_text": "Demo Ltd", "version": domain.version,
    }  # fmt: skip
    wrong = ann.post(page, {**FORM, **look, "color": "#ffcc00", "template_customer_id": "Nobody"})
    assert set(errors_of(wrong)) == {"template_customer_id"}
    wrong = ann.post(page, {**FORM, **look, "color": "#ffcc00", "custom_css": "@import 'a';"})
    assert "Line 1" in errors_of(wrong)["custom_css"][0]
    assert ann.post(page, {**FORM, **look}).status_code == 302
    domain.refresh_from_db()
    assert (domain.color, domain.currencies, domain.footer_text) == ("#663399", ["EUR", "USD"], "Demo Ltd")
    assert (domain.template_customer, domain.card_ids) == (cast.acme, [cast.customer_card.pk])
    form = ann.get(page).context["form"]
    assert (form["template_customer_id"].value(), form["card_ids"].value()) == ("Acme", "Retail")


def test_a_customers_form_begins_as_the_domain_says_and_a_domain_chosen_later_fills_what_is_left(
    cast: Cast, ann: Client
) -> None:
    domain = PortalDomain.objects.get()
    with acting(ANN):
        update_customer(customer_id=cast.acme.pk, channels=7, ring_s=33, country="LT")
    PortalDomain.objects.update(template_customer=cast.acme, currencies=["EUR"])
    here = f"/customers/new/?domain_id={domain.pk}"
    form = ann.get(here).context["form"]
    assert (form["channels"].value(), form["ring_s"].value(), form["country"].value()) == (7, "33", None)
    assert form["domain_id"].value() == domain.pk
    typed = {**CUSTOMER, "domain_id": domain.pk}
    assert ann.post(here, {**typed, "name": "Seen", "channels": "0", "ring_s": ""}).status_code == 302
    seen = Customer.objects.get(name="Seen")
    assert (seen.channels, seen.ring_s) == (0, None), "what the form showed was changed on purpose"
    assert ann.post("/customers/new/", {**typed, "name": "Later", "cps_milli": "4"}).status_code == 302
    later = Customer.objects.get(name="Later")
    assert (later.ring_s, later.cps_milli, later.status) == (33, 4000, "active")
    assert later.ingress_routes.get().options.get().card_id == cast.carrier_card.pk
    refusal = ann.post("/customers/new/", {**typed, "name": "Dollars", "currency": "USD"})
    assert "EUR" in errors_of(refusal)["currency"][0]
    Customer.objects.filter(pk=cast.baltic.pk).update(domain=domain)
    eva = User.objects.create_user("eva@baltic.example", name="Eva", reseller_id=cast.baltic.pk)
    eva.groups.add(cast.group)
    form = logged_in(eva).get(here).context["form"]
    assert form["channels"].value() in (None, 0), "the template is out of a reseller's reach"
    assert (form["ring_s"].value(), form["domain_id"].value()) == (None, domain.pk)
    assert ann.get("/customers/new/?domain_id=x").status_code == ann.get("/customers/new/?domain_id=0").status_code


def test_a_domain_has_words_of_its_own_which_its_customers_alone_read(cast: Cast, ann: Client) -> None:
    Template.objects.all().delete()
    domain = PortalDomain.objects.get()
    place = f"/portal-domains/{domain.pk}/templates/"
    assert len(ann.get(place).context["grid"].rows) == len(STOCK) - len(OF_OPERATORS)
    words = {"subject": "{{brand}} asks", "text": "Yours: {{code}}", "html": ""}
    assert ann.post("/templates/verify_email/en/", {**words, "subject": "Everybody"}).status_code == 302
    page = f"{place}verify_email/en/"
    assert ann.get(page).context["form"]["subject"].value() == "Everybody", "it begins as it is for everybody"
    assert "Demo asks" in ann.post(f"{page}preview/", words).content.decode()
    assert ann.post(page, words).status_code == 302
    assert ann.get(f"{place}report/en/").status_code == 404
    assert "This domain" in ann.get(place).content.decode()

    def sent(language: str = "en") -> str:
        values = {"code": "482913", "minutes": "10"}
        message = queue(
            account_id=cast.account.pk, template="verify_email", values=values, contact=cast.contact, language=language
        )
        assert message is not None
        return body(message).subject

    cast.contact.refresh_from_db()
    assert sent() == "Everybody", "Acme is of no domain"
    Customer.objects.filter(pk=cast.acme.pk).update(domain=domain)
    cast.contact.refresh_from_db()
    assert (sent(), sent("lt")) == ("Demo asks", "Demo asks")
    assert ann.post("/templates/verify_email/lt/", {**words, "subject": "Visiems"}).status_code == 302
    assert sent("lt") == "Visiems", "the reader's language comes first"
    assert ann.post(f"{place}verify_email/lt/", {**words, "subject": "Mums"}).status_code == 302
    assert (sent("lt"), sent()) == ("Mums", "Demo asks")
    ann.post(f"/templates/{Template.objects.get(domain=domain, language='en').pk}/reset/")
    assert sent() == "Everybody"
