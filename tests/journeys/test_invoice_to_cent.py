"""A story in a real browser: Ann invoices a customer, credits a line of it, and finds the cent on the line's call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from playwright.sync_api import Page, expect

from tests.journeys.test_customer_tabs import page
from tests.journeys.test_operator import aside, cast, log_in
from tests.panel.cast import CHARGED_ID, Cast
from tollgate.actions.acts import Actor, acting
from tollgate.actions.customers import create_customer
from tollgate.actions.postings import wallet_of
from tollgate.actions.taxes import create_tax
from tollgate.store.models import CDR, Customer, Entry, Invoice

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
    page.get_by_label("Unit price").fill("15")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("link", name="Issue", exact=True).click()
    expect(page.get_by_text("Nothing has happened yet")).to_be_visible()
    page.get_by_role("button", name="Issue", exact=True).click()


def credit_the_trunk(page: Page) -> None:
    """Five of the fifteen."""
    page.get_by_role("link", name="Credit").click()
    page.get_by_label("Reason").fill("Down for a third of the month")
    page.get_by_label("2. SIP trunk").fill("5")
    page.get_by_role("button", name="Issue the credit note").click()


def test_ann_invoices_credits_a_line_and_finds_the_cent(duna: Customer, page: Page) -> None:
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
