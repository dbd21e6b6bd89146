"""Claims about bulk edit and bulk delete on the lists of what an operator sets up: access numbers, reports, rates."""

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from tests.panel.bulk import Edited, check_deletion, check_edit, check_refusal, job, there, ticked
from tests.panel.cast import PASSWORD, Cast
from tests.panel.conftest import logged_in
from tollgate.actions.access_numbers import create_access_number
from tollgate.actions.acts import Actor, acting
from tollgate.actions.carrier_statements import create_carrier_statement
from tollgate.actions.conferences import create_conference_room
from tollgate.actions.custom_pages import create_custom_page
from tollgate.actions.customers import create_customer, update_customer
from tollgate.actions.dunning import create_dunning_step
from tollgate.actions.exchange_rates import set_exchange_rate
from tollgate.actions.invoice_templates import create_invoice_template
from tollgate.actions.invoices import draft_invoice
from tollgate.actions.mandates import create_mandate
from tollgate.actions.number_blocks import assign_number_block
from tollgate.actions.payment_gateways import create_payment_gateway
from tollgate.actions.pins import set_pin
from tollgate.actions.portal_domains import create_portal_domain
from tollgate.actions.reports import create_report
from tollgate.actions.sign_in import create_sign_in_provider
from tollgate.actions.templates import create_template
from tollgate.actions.users import create_user, create_user_group
from tollgate.actions.vouchers import create_voucher_batch
from tollgate.store.models import (
    AccessNumber,
    CarrierDispute,
    CarrierStatement,
    Invoice,
    NumberBlock,
    PaymentGateway,
    SavedReport,
    Template,
)

pytestmark = pytest.mark.django_db
PAGES: Mapping[str, str] = {
    "access_number": "/access-numbers/",
    "custom_page": "/custom-pages/",
    "report": "/reports/",
    "payment_gateway": "/payment-gateways/",
    "dunning_step": "/dunning/",
    "invoice_template": "/invoice-templates/",
    "template": "/templates/",
    "sign_in_provider": "/sign-in-providers/",
    "exchange_rate": "/exchange-rates/",
    "number_block": "/number-blocks/",
    "voucher_batch": "/vouchers/",
    "mandate": "/mandates/",
    "invoice": "/invoices/",
    "carrier_statement": "/reconciliation/",
    "dispute": "/disputes/",
}
EDITED: Mapping[str, Edited] = {
    "access_number": ("wrong_most", "200", 200, ("number", "name")),
    "custom_page": ("everybody", "", False, ("name", "content")),
    "report": ("recipients", "noc@demo.example", ["noc@demo.example"], ("name", "dimensions", "customer", "carrier")),
    "payment_gateway": ("surcharge_ppm", "1.5", 15_000, ("name", "title", "mode", "secret.secret_key")),
    "dunning_step": ("days", "9", 9, ("title",)),
    "invoice_template": ("language", "de", "de", ("name", "logo", "logo_removed")),
    "sign_in_provider": (
        "scopes",
        "openid email",
        "openid email",
        ("title", "issuer", "client_id", "secret", "serves"),
    ),
    "voucher_batch": ("enabled", "", False, ("name", "count")),
    "mandate": ("notice_days", "5", 5, ("reference", "iban", "holder", "signed_on", "bic")),
}
STAYS: Mapping[str, str] = {
    "access_number": "1 PIN holds at this number alone",
    "payment_gateway": "This gateway has payments or notices",
    "invoice_template": "Customers, domains or documents use this template",
    "number_block": "Extensions of this block are in use: 1500",
    "carrier_statement": "Lines of this statement are in dispute",
}
DELETED = ("custom_page", "report", "dunning_step", "template", "sign_in_provider", "exchange_rate", "invoice", *STAYS)


def made(cast: Cast, noun: str, n: int) -> Any:
    """A record of a noun that nothing uses."""
    of, name = {"account_id": cast.account.pk}, f"record_{n}"
    day = date(2026, 3, 1) + timedelta(days=n)
    make: Mapping[str, Callable[[], Any]] = {
        "access_number": lambda: create_access_number(**of, number=f"3705200001{n}", name=name),
        "custom_page": lambda: create_custom_page(**of, name=name),
        "report": lambda: create_report(**of, name=name, dimensions=["customer"]),
        "payment_gateway": lambda: create_payment_gateway(
            **of, name=name, title=name, provider="stripe", enabled=False
        ),
        "dunning_step": lambda: create_dunning_step(**of, title=name, days=n, action="remind"),
        "invoice_template": lambda: create_invoice_template(**of, name=name),
        "template": lambda: create_template(**of, key="email_changed", language=("de", "fr", "es", "pt")[n]),
        "sign_in_provider": lambda: create_sign_in_provider(
            **of, title=name, issuer=f"https://login{n}.example", client_id=name
        ),
        "exchange_rate": lambda: set_exchange_rate(**of, base="USD", quote="EUR", on=day, rate_nanos=10**9 + n),
        "number_block": lambda: assign_number_block(customer_id=cast.acme.pk),
        "voucher_batch": lambda: create_voucher_batch(
            **of, name=name, currency="EUR", count=1, addition_micros=1_000_000
        ),
        "mandate": lambda: create_mandate(
            customer_id=create_customer(**of, name=name, currency="EUR").pk,
            signed_on=day,
            holder="Acme",
            iban="LT121000011101001000",
            reference=f"record {n}",
        ),
        "invoice": lambda: draft_invoice(customer_id=cast.acme.pk),
        "carrier_statement": lambda: create_carrier_statement(
            carrier_id=cast.cirrus.pk, number=name, from_on=day, until_on=day + timedelta(days=1), total_micros=0
        ),
    }
    with acting(Actor("setup", frozenset({"*"}))):
        return make[noun]()


def used(cast: Cast, noun: str) -> Any:
    """A record of a noun that may not be deleted."""
    with acting(Actor("setup", frozenset({"*"}))):
        if noun == "access_number":
            number = AccessNumber.objects.get()
            set_pin(customer_id=cast.acme.pk, pin="749205", access_number_id=number.pk)
            return number
        if noun == "invoice_template":
            template = create_invoice_template(account_id=cast.account.pk, name="used")
            update_customer(customer_id=cast.acme.pk, invoice_template_id=template.pk)
            return template
        if noun == "number_block":
            create_conference_room(customer_id=cast.baltic.pk, name="Board", extension=1500, host="203.0.113.60")
            return NumberBlock.objects.get(customer=cast.baltic)
        return {"payment_gateway": PaymentGateway, "carrier_statement": CarrierStatement}[noun].objects.get()


@pytest.mark.parametrize("noun", DELETED)
def test_the_ticked_go_the_others_stay_and_what_is_in_use_is_told_by_name(cast: Cast, ann: Client, noun: str) -> None:
    kept = [used(cast, noun)] if noun in STAYS else []
    gone, other = [made(cast, noun, n) for n in range(2)], made(cast, noun, 3)
    assert ticked(ann, PAGES[noun], gone[0])
    check_deletion(ann, noun, gone=gone, others=[other], kept=kept, why=STAYS.get(noun, ""))


@pytest.mark.parametrize("noun", EDITED)
def test_the_ticked_are_changed_as_by_their_form_and_the_others_stay(cast: Cast, ann: Client, noun: str) -> None:
    records = [made(cast, noun, n) for n in range(3)]
    assert ticked(ann, PAGES[noun], records[0])
    check_edit(ann, noun, EDITED[noun], records)


def test_the_taxes_of_late_fees_are_changed_without_being_asked_what_the_steps_do(cast: Cast, ann: Client) -> None:
    fee = {"action": "late_fee", "fee_ppm": 50_000, "tax_category": "E", "exemption_reason": "Compensation"}
    with acting(Actor("setup", frozenset({"*"}))):
        step = create_dunning_step(account_id=cast.account.pk, title="Fee", days=9, **fee)  # type: ignore[arg-type]
    sent = {"id": [step.pk], "field": ["tax_category"], "tax_category": "O"}
    assert "1 of 1 row done" in job(ann.post("/bulk/dunning_step/edit/", sent, follow=True))
    step.refresh_from_db()
    assert (step.tax_category, step.exemption_reason) == ("O", "Compensation")
    sent = {"id": [step.pk], "field": ["exemption_reason"], "exemption_reason": "No service"}
    assert "1 of 1 row done" in job(ann.post("/bulk/dunning_step/edit/", sent, follow=True))
    step.refresh_from_db()
    assert (step.tax_category, step.exemption_reason) == ("O", "No service")


@pytest.mark.parametrize("noun", PAGES)
def test_who_may_not_do_it_to_one_does_it_to_none(cast: Cast, bob: Client, noun: str) -> None:
    record = CarrierDispute.objects.get() if noun == "dispute" else made(cast, noun, 0)
    parts = [part for part, nouns in (("edit", EDITED), ("delete", (*DELETED, "dispute"))) if noun in nouns]
    check_refusal(bob, noun, PAGES[noun], record, parts)


def test_a_dispute_is_given_up_in_bulk_and_a_settled_one_stays(cast: Cast, ann: Client) -> None:
    open_one = CarrierDispute.objects.get()
    settled = CarrierDispute.objects.create(
        account=cast.account, statement=open_one.statement, title="Old", currency="EUR", lines_count=1,
        claimed_micros=1, author="Ann", state="settled",
    )  # fmt: skip
    ids = {"id": [open_one.pk, settled.pk], "confirmation": "2"}
    told = job(ann.post("/bulk/dispute/delete/", ids, follow=True))
    assert (there(open_one), there(settled)) == (False, True)
    assert "settled" in told


def test_of_all_documents_that_are_found_only_drafts_are_thrown_away(cast: Cast, ann: Client) -> None:
    draft = made(cast, "invoice", 0)
    issued = Invoice.objects.exclude(pk=draft.pk).get()
    page = ann.get("/invoices/").content.decode()
    assert [f'name="id" value="{one.pk}"' in page for one in (draft, issued)] == [True, False]
    assert "Delete 1 draft?" in ann.get("/bulk/invoice/delete/", {"scope": "all"}).content.decode()
    ann.post("/bulk/invoice/delete/", {"id": [draft.pk, issued.pk], "confirmation": "1"})
    assert (there(draft), there(issued)) == (False, True)


def test_a_batch_of_vouchers_is_switched_off_and_never_deleted(cast: Cast, ann: Client) -> None:
    assert ann.get("/bulk/voucher_batch/delete/", {"scope": "all"}).status_code == 404
    assert "/bulk/voucher_batch/delete/" not in ann.get("/vouchers/").content.decode()


def test_what_is_found_of_messages_is_what_is_reset_of_everybody_or_of_one_domain(cast: Cast, ann: Client) -> None:
    with acting(Actor("setup", frozenset({"*"}))):
        domain = create_portal_domain(account_id=cast.account.pk, host="own.demo.example", brand="Own")
        for key, domain_id in (("email_changed", domain.pk), ("invoice_issued", domain.pk), ("invoice_issued", None)):
            create_template(account_id=cast.account.pk, key=key, language="de", domain_id=domain_id)
    page = ann.get(f"/portal-domains/{domain.pk}/templates/?q=invoice").content.decode()
    query = re.search(r'name="query"\s+value="([^"]*)"', page)
    assert query is not None
    chosen = {"scope": "all", "query": query[1].replace("&amp;", "&")}
    assert "Delete 1 own template?" in ann.get("/bulk/template/delete/", chosen).content.decode()
    ann.post("/bulk/template/delete/", {**chosen, "confirmation": "1"})
    left = set(Template.objects.filter(language="de").values_list("key", "domain_id"))
    assert left == {("email_changed", domain.pk), ("invoice_issued", None)}
    ann.post("/bulk/template/delete/", {"scope": "all", "query": "q=Invoice&f.domain=0", "confirmation": "1"})
    assert set(Template.objects.filter(language="de").values_list("key", "domain_id")) == {("email_changed", domain.pk)}


def test_a_report_that_tells_of_carriers_is_not_mailed_by_who_may_not_read_that(cast: Cast) -> None:
    with acting(Actor("setup", frozenset({"*"}))):
        report = create_report(account_id=cast.account.pk, name="Bought", dimensions=["carrier"])
        group = create_user_group(name="Sellers", acts=["*"], areas=["reports", "tasks"])
        sue = create_user(name="Sue", email="sue@demo.example", password=PASSWORD, group_ids=[group.pk])
    hers, ids = logged_in(sue), {"id": [report.pk, SavedReport.objects.get(name="Sales").pk]}
    measures = hers.get("/bulk/report/edit/", {**ids, "field": ["measures"]}).context["form"].fields["measures"]
    assert "carrier_cost_micros" not in dict(measures.choices)
    told = job(
        hers.post("/bulk/report/edit/", {**ids, "field": ["recipients"], "recipients": "x@a.example"}, follow=True)
    )
    assert "needs the area call_details" in told
    report.refresh_from_db()
    assert report.recipients == []


def test_users_of_a_reseller_take_back_their_own_number_blocks_alone(cast: Cast) -> None:
    with acting(Actor("setup", frozenset({"*"}))):
        corso = create_customer(account_id=cast.account.pk, name="Corso", currency="EUR", parent_id=cast.baltic.pk)
        group = create_user_group(name="All", acts=["*"], areas=["*"])
        both = {"password": PASSWORD, "group_ids": [group.pk]}
        rita = create_user(name="Rita", email="rita@baltic.example", reseller_id=cast.baltic.pk, **both)
        own, foreign = (assign_number_block(customer_id=one.pk) for one in (corso, cast.acme))
    hers = logged_in(rita)
    hers.post("/bulk/number_block/delete/", {"id": [own.pk, foreign.pk], "confirmation": "1"})
    assert (there(own), there(foreign)) == (False, True)
    for noun in PAGES:
        if noun != "number_block":
            part = "edit" if noun in EDITED else "delete"
            assert hers.get(f"/bulk/{noun}/{part}/", {"scope": "all"}).status_code == 403, noun
