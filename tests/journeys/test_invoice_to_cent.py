"""A story in a real browser: Ann invoices a customer, credits a line of it, finds the cent on the line's call, and sees
the rest paid at PayPal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from playwright.sync_api import Page, expect

from tests.gateways.payments.desk import desk, ipn
from tests.journeys.test_customer_tabs import page
from tests.journeys.test_operator import aside, cast, log_in
from tests.panel.cast import CHARGED_ID, Cast
from tollgate.actions.acts import Actor, acting
from tollgate.actions.customers import create_customer
from tollgate.actions.payment_events import process_next
from tollgate.actions.payment_gateways import create_payment_gateway
from tollgate.actions.postings import wallet_of
from tollgate.actions.taxes import create_tax
from tollgate.store.models import CDR, Customer, Entry, Invoice, PaymentGateway

CALL_ID = 9100
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
__all__ = ["cast", "page"]


@pytest.fixture
def duna(cast: Cast) -> Customer:
    """Duna, postpaid and taxed, with one charged call of yesterday and its entry."""
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
    with acting(Actor("setup", frozenset({"*"}))):
        tax = create_tax(account_id=cast.account.pk, name="VAT 21 %", rate_ppm=210_000)
        customer = create_customer(
            account_id=cast.account.pk,
            name="Duna",
            currency="EUR",
            billing_type="postpaid",
            tax_ids=[tax.pk],
            zone="UTC",
            paypal_email="pays@acme.example",
        )
    cdr = CDR.objects.get(pk=CHARGED_ID)
    cdr.pk, cdr.edge_call_id, cdr.customer = CALL_ID, "yesterday@edge", customer
    cdr.started_at, cdr.answered_at, cdr.ended_at = noon, noon, noon + timedelta(seconds=67)
    cdr.save(force_insert=True)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO entry (account_id, at, wallet_id, book, kind, amount_micros, currency, call_id)"
            " VALUES (%s, now(), %s, 'revenue', 'call', %s, 'EUR', %s)",
            [cast.account.pk, wallet_of(customer).pk, -cdr.cost_micros, cdr.pk],
        )
    return customer


def ipn_gateway(customer: Customer, verify_url: str) -> PaymentGateway:
    """Notices of PayPal for our address, asked about at a stand-in."""
    with acting(Actor("setup", frozenset({"*"}))):
        return create_payment_gateway(
            account_id=customer.account_id,
            name="ipn",
            provider="paypal_ipn",
            mode="live",
            currencies=["EUR"],
            settings={"receivers": "seller@demo.example", "verify_url": verify_url},
        )


def invoice_yesterday(page: Page, customer: Customer) -> None:
    """Drafts the day, adds a line, issues."""
    day = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
    page.goto(f"/customers/{customer.pk}/invoices/")
    page.get_by_role("link", name="New invoice").click()
    page.get_by_label("First day").fill(day)
    page.get_by_label("Last day").fill(day)
    page.get_by_role("button", name="Draft it").click()
    page.get_by_role("link", name="Add a line").click()
    page.get_by_label("Description").fill("SIP trunk")
    page.get_by_label("Unit price").fill("1,5,0")
    expect(page.locator("#id_unit_price_nanos_error")).not_to_be_empty()
    page.get_by_label("Unit price").fill("15")
    expect(page.locator("#id_unit_price_nanos_error")).to_be_empty()
    expect(page.locator("#totals")).to_contain_text("18.15")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("link", name="Issue", exact=True).click()
    expect(page.get_by_text("Nothing has happened yet")).to_be_visible()
    page.get_by_role("button", name="Issue", exact=True).click()


def credit_the_trunk(page: Page) -> None:
    """Five of the fifteen."""
    page.get_by_role("link", name="Credit").click()
    page.get_by_label("Reason").fill("Down for a third of the month")
    trunk = page.get_by_label("2. SIP trunk")
    page.get_by_label("Search the lines").fill("trunk")
    expect(page.locator("input[data-left]:visible")).to_have_count(1)
    page.get_by_role("button", name="Credit all shown").click()
    expect(trunk).to_have_value("15.00")
    page.get_by_role("button", name="Credit none of them").click()
    expect(trunk).to_have_value("")
    trunk.fill("5")
    page.get_by_role("button", name="Issue the credit note").click()


def pay_at_paypal(page: Page, gateway: PaymentGateway, body: bytes) -> None:
    """PayPal tells of the money, three times; a worker asks it whether that is true."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for _ in range(3):
        assert page.request.post(f"/payments/notices/{gateway.token}/", data=body, headers=headers).ok

    def work() -> None:
        while process_next(datetime.now(UTC) + timedelta(minutes=1)):
            pass

    aside(work)


def test_ann_invoices_credits_a_line_finds_the_cent_and_the_rest_is_paid_by_ipn(
    duna: Customer, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(page, "ann@demo.example")
    invoice_yesterday(page, duna)
    heading, stats = page.get_by_role("heading", level=1), page.locator(".stats")
    expect(heading).to_contain_text("INV-")
    number = heading.inner_text().split()[0]
    expect(stats).to_contain_text("18.30")  # 0.12 of calls and 15.00, with 21 % on top
    credit_the_trunk(page)
    expect(heading).to_contain_text("CN-")
    expect(stats).to_contain_text("6.05")
    page.get_by_role("link", name=number).first.click()
    expect(stats).to_contain_text("12.25")
    bill = page.url
    page.get_by_role("link", name="CDRs", exact=True).last.click()
    page.locator("tbody a").first.click()
    expect(page.get_by_role("heading", name="The price, step by step")).to_be_visible()
    expect(stats).to_contain_text("0.12")
    told: list[int] = []

    def sums() -> None:
        documents = Invoice.objects.filter(customer=duna, kind__in=("invoice", "credit_note"))
        posted = Entry.objects.filter(ref__in=[f"invoice:{document.pk}" for document in documents])
        moved = posted | Entry.objects.filter(call_id=CALL_ID)
        told.append(sum(-one.total_micros if one.kind == "credit_note" else one.total_micros for one in documents))
        told.append(-sum(entry.amount_micros for entry in moved))

    aside(sums)
    assert told[0] == told[1] == 12_250_000, "the wallet fell by exactly what the documents say"
    monkeypatch.setenv("TOLLGATE_MAIL_PRIVATE_HOSTS", "127.0.0.0/8")
    with desk() as paypal:
        made: list[PaymentGateway] = []
        aside(lambda: made.append(ipn_gateway(duna, f"{paypal.url}/cgi-bin/webscr")))
        body = ipn(mc_gross="12.25", mc_fee="0.00")
        paypal.own.add(body)
        pay_at_paypal(page, made[0], body)
    page.goto(bill)
    expect(heading).to_contain_text("Paid")
    page.get_by_role("link", name="Payment ").first.click()
    expect(heading).to_contain_text("Payment")
    page.goto("/payment-log/?f.gateway=ipn")
    expect(page.locator("tbody tr")).to_have_count(3)
    aside(lambda: told.append(Entry.objects.filter(wallet=wallet_of(duna), ref__startswith="payment:").count()))
    assert told[-1] == 1, "three notices moved the money once"
