"""Claims about the laws of documents: books kept by the acts break none, and each way to break one is found by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, transaction

from tests.actions.bills import Talk, charged
from tests.actions.cast import ANN, EURO, acme, demo_account
from tests.actions.test_invoice_runs import BEGIN, postpaid
from tollgate.actions.acts import acting
from tollgate.actions.charges import charge_customer
from tollgate.actions.invoice_issue import issue_invoice, void_invoice
from tollgate.actions.invoice_notes import credit_invoice, debit_invoice
from tollgate.actions.invoices import add_invoice_line, draft_invoice
from tollgate.actions.payments import create_payment
from tollgate.actions.taxes import create_tax
from tollgate.store.models import Charge, Customer, Invoice, Payment
from tollgate.store.sql import load

pytestmark = pytest.mark.django_db
PRICE = 1_000_000_000
NOT_OF_THESE = {"a_record_has_its_entries", "summaries_are_the_records"}  # calls here are made without a switch


def broken() -> set[str]:
    """The names of the laws that do not hold."""
    found = set()
    with connection.cursor() as cursor:
        for name, statement in load("ledger_laws").items():
            cursor.execute(statement)
            if cursor.fetchall():
                found.add(name)
    return found - NOT_OF_THESE


@contextmanager
def unguarded(statement: str, *values: object) -> Iterator[None]:
    """What only a broken program could write, for a moment: triggers and keys look away."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(statement, values)
            assert cursor.rowcount == 1
        yield
        transaction.set_rollback(True)


def billed(customer: Customer) -> Invoice:
    """An issued invoice of calls, a charge and a line by hand, partly paid and partly credited."""
    charged(customer, [Talk(BEGIN, 1_004_999)])
    charge_customer(customer_id=customer.pk, description="Fee", unit_price_nanos=5 * PRICE, from_on="2024-01-02")
    draft = draft_invoice(customer_id=customer.pk, from_on="2024-01-01", until_on="2024-02-01")
    draft = add_invoice_line(invoice_id=draft.pk, description="Router", unit_price_nanos=33 * PRICE)
    invoice = issue_invoice(invoice_id=draft.pk)
    create_payment(customer_id=customer.pk, amount_micros=10 * EURO)
    line = invoice.lines.get(kind="manual")
    credit_invoice(invoice_id=invoice.pk, reason="dear", lines=[{"line_id": line.pk, "net_micros": 2 * EURO}])
    debit_invoice(
        invoice_id=invoice.pk, reason="forgotten", lines=[{"description": "Cable", "unit_price_nanos": PRICE}]
    )
    return invoice


def test_each_law_of_documents_holds_and_is_missed_when_it_is_broken() -> None:
    with acting(ANN):
        account = demo_account()
        vat = create_tax(account_id=account.pk, name="VAT", rate_ppm=210_000)
        invoice = billed(postpaid(account, "Baltic", tax_ids=[vat.pk]))
        other = draft_invoice(customer_id=acme(account, tax_ids=[vat.pk]).pk)
        add_invoice_line(invoice_id=other.pk, description="Set-up", unit_price_nanos=PRICE)
        void_invoice(invoice_id=issue_invoice(invoice_id=other.pk).pk, reason="mistaken")
        create_payment(customer_id=other.customer_id, amount_micros=7 * EURO)
    assert broken() == set()
    payment, charge = Payment.objects.earliest("id"), Charge.objects.get()
    of_invoice = ("UPDATE invoice SET {} WHERE id = %s", invoice.pk)
    wrong = [
        ("tax_micros = tax_micros + 10000", *of_invoice, "documents_are_their_lines_and_taxes"),
        ("settled_micros = settled_micros - 1", *of_invoice, "settled_is_what_was_allocated"),
        ("number_seq = number_seq + 1", *of_invoice, "numbers_of_documents_have_no_gap"),
        ("allocated_micros = 9000000", "UPDATE payment SET {} WHERE id = %s", payment.pk,
         "a_payment_settles_no_more_than_it_is"),
        ("tax_micros = 1", "UPDATE payment SET {} WHERE id = %s", payment.pk, "payments_have_their_entries"),
        ("fee_micros = 1", "UPDATE payment SET {} WHERE id = %s", payment.pk, "payments_say_what_reached_the_account"),
        ("book = 'payment_fees'", "UPDATE entry SET {} WHERE id = %s", payment.entry_id,
         "payments_say_what_reached_the_account"),
        ("amount_micros = 1", "UPDATE charge SET {} WHERE id = %s", charge.pk, "charges_move_and_are_billed_once"),
        ("charge_id = " + str(charge.pk), "UPDATE invoice_line SET {} WHERE id = %s",
         invoice.lines.get(kind="manual").pk, "charges_move_and_are_billed_once"),
    ]  # fmt: skip
    for change, statement, row_id, law in wrong:
        with unguarded(statement.format(change), row_id):
            assert law in broken(), change
    assert broken() == set()
