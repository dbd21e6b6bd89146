"""Claims about the laws of documents: books kept by the acts break none, and each way to break one is found by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection, transaction

from tests.actions.bills import Talk, charged, correct
from tests.actions.cast import ANN, EURO, acme, demo_account
from tests.actions.test_invoice_runs import BEGIN, postpaid
from tollgate.actions.acts import acting
from tollgate.actions.charges import charge_customer
from tollgate.actions.invoice_issue import issue_invoice, void_invoice
from tollgate.actions.invoice_notes import credit_invoice, debit_invoice
from tollgate.actions.invoices import add_invoice_line, draft_invoice
from tollgate.actions.payments import create_payment
from tollgate.actions.postings import wallet_of
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
        ("total_micros = total_micros + 10000", *of_invoice, "documents_have_their_entries"),
        ("refunded_micros = -1", "UPDATE payment SET {} WHERE id = %s", payment.pk, "what_is_given_back_was_paid"),
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


DEARER = """
WITH line AS (
  UPDATE invoice_line SET exact_micros = exact_micros + {0}, net_micros = net_micros + {0}
  WHERE invoice_id = %s AND kind = 'usage' RETURNING invoice_id
)
UPDATE invoice SET exact_micros = exact_micros + {0}, net_micros = net_micros + {0}, total_micros = total_micros + {0}
FROM line WHERE id = line.invoice_id
"""
BILLED = "documents_bill_what_calls_cost"


def test_a_line_that_bills_a_cent_more_or_less_than_the_ledger_charged_is_found() -> None:
    with acting(ANN):
        baltic = postpaid(demo_account(), "Baltic", debit_limit_micros=100 * EURO)
        charged(baltic, [Talk(BEGIN, 2 * EURO), Talk(BEGIN + timedelta(days=40), EURO)])
        january = issue_invoice(invoice_id=draft_of_days(baltic, "2024-01-01", "2024-02-01").pk)
        assert broken() == set()
        for micros in (10_000, -10_000):
            with unguarded(DEARER.format(micros), january.pk):
                assert broken() == {BILLED}, "nothing else compares the document with the calls"
        issue_invoice(invoice_id=draft_of_days(baltic, "2024-02-01", "2024-03-01").pk)
        with unguarded(DEARER.format(10_000), january.pk):
            assert broken() == {BILLED}
    assert broken() == set()


def test_what_came_after_a_document_may_wait_for_the_next_and_no_longer() -> None:
    with acting(ANN):
        baltic = postpaid(demo_account(), "Baltic", debit_limit_micros=100 * EURO)
        charged(baltic, [Talk(BEGIN, 2 * EURO), Talk(BEGIN + timedelta(days=40), EURO)])
        january = issue_invoice(invoice_id=draft_of_days(baltic, "2024-01-01", "2024-02-01").pk)
        correct(baltic, -30_000)
        assert broken() == set(), "the call cost more than was known: the next document says it"
        with unguarded(DEARER.format(50_000), january.pk):
            assert broken() == {BILLED}, "but no more than that"
        before = "UPDATE entry SET at = at - interval '2 hours' WHERE wallet_id = %s AND kind = 'correction'"
        with unguarded(before, wallet_of(baltic).pk):
            assert broken() == {BILLED}, "the document could know it"
        later = "UPDATE invoice SET issued_at = now() + interval '2 hours' WHERE id = %s"
        february = issue_invoice(invoice_id=draft_of_days(baltic, "2024-02-01", "2024-03-01").pk)
        assert february.exact_micros == EURO + 30_000
        with unguarded(DEARER.format(-30_000), january.pk):
            assert broken() == set(), "another document of the same hour may not have known it"
            with connection.cursor() as cursor:
                cursor.execute(later, [february.pk])
            assert broken() == {BILLED}, "one issued after it must have billed it"
        with unguarded("UPDATE invoice SET state = 'void', voided_at = now() WHERE id = %s", february.pk):
            assert BILLED not in broken(), "it waits again for one"
        correct(baltic, 500_000)
        assert broken() == set(), "given back, and no document has had room for it"


def draft_of_days(customer: Customer, from_on: str, until_on: str) -> Invoice:
    """A draft of the calls of some days, in one line."""
    Customer.objects.filter(pk=customer.pk).update(invoice_grouping="total")
    return draft_invoice(customer_id=customer.pk, from_on=from_on, until_on=until_on)
