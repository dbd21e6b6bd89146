"""Claims about what corrects a receipt: each refund has its note, over what the ledger moved, and it moves nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from tests.actions.cast import EURO, acme
from tests.actions.test_customers import refused
from tests.actions.test_payment_settling import paid, paypal, says
from tests.actions.test_payments import balance, owed
from tests.store.test_document_laws import broken, unguarded
from tollgate.actions.accounting import sales_of
from tollgate.actions.customers import create_customer
from tollgate.actions.invoice_documents import document_of
from tollgate.actions.invoice_issue import void_invoice
from tollgate.actions.invoice_notes import credit_invoice
from tollgate.actions.invoice_usage import Doubt
from tollgate.actions.payment_booking import complete, new_payment
from tollgate.actions.payments import create_payment, refund_payment, reverse_payment
from tollgate.core.invoice_terms import terms
from tollgate.store.models import Account, Customer, CustomerTax, Entry, Invoice, Tax

Said = list[tuple[str, int, int]]


def taxed(account: Account, *rates_ppm: int) -> Customer:
    """Acme, who pays these taxes with its money and gets receipts."""
    customer = acme(account, create_invoice_on_payment=True)
    for place, rate in enumerate(rates_ppm):
        tax = Tax.objects.create(account=account, name=f"Tax {place}", rate_ppm=rate, priority=place)
        CustomerTax.objects.create(customer=customer, tax=tax)
    return customer


def notes(customer: Customer) -> Said:
    """Kind, total and tax of each note, in their order."""
    found = Invoice.objects.filter(customer=customer).exclude(payment=None).exclude(kind="receipt").order_by("id")
    return [(note.kind, note.total_micros, note.tax_micros) for note in found]


def test_each_refund_of_a_payment_with_a_receipt_has_its_credit_note(account: Account) -> None:
    customer = taxed(account, 210_000)
    whole = create_payment(customer_id=customer.pk, amount_micros=121 * EURO)
    receipt = Invoice.objects.get(payment=whole)
    part = refund_payment(payment_id=whole.pk, amount_micros=10 * EURO)
    rest = reverse_payment(payment_id=whole.pk, reason="the transfer bounced")
    assert notes(customer) == [
        ("credit_note", 10 * EURO, part.tax_micros),
        ("credit_note", 111 * EURO, rest.tax_micros),
    ]
    assert (part.tax_micros + rest.tax_micros, balance(customer)) == (21 * EURO, 0)
    first, second = Invoice.objects.filter(kind="credit_note").order_by("id")
    assert (first.corrects_id, first.payment_id, first.number_seq, second.number_seq) == (receipt.pk, part.pk, 1, 2)
    assert (first.state, first.payment_state, first.due_on) == ("issued", "paid", None)
    assert not Entry.objects.filter(ref=f"invoice:{first.pk}").exists(), "the money moved with the refund"
    assert terms(document_of(first))["BT-115"] == "0.00"
    today = datetime.now(UTC).date()
    span = {"from_on": today - timedelta(days=2), "until_on": today + timedelta(days=2)}
    told = [(line.number, line.net_micros, line.tax_micros, line.tax_name) for line in sales_of(account, **span)]
    assert told == [
        (receipt.number, 100 * EURO, 21 * EURO, "VAT"),
        (first.number, part.tax_micros - 10 * EURO, -part.tax_micros, "VAT"),
        (second.number, rest.tax_micros - 111 * EURO, -rest.tax_micros, "VAT"),
    ], "the tax documents of who pays ahead are exported"
    refused("invoice_id", void_invoice, invoice_id=first.pk, reason="mistaken")
    assert broken() == set()
    for change in ("tax_micros = tax_micros - 10000", "settled_micros = 0"):
        with unguarded(f"UPDATE invoice SET {change} WHERE id = %s", first.pk):
            assert "notes_on_receipts_are_what_was_given_back" in broken()


def test_a_note_takes_back_only_what_the_receipt_says_and_what_comes_back_is_a_debit_note(account: Account) -> None:
    customer, gateway = taxed(account, 190_000, 20_000), paypal(account)
    owed(customer, 50, 1)
    paid(customer, 150 * EURO, amount_micros=150 * EURO)
    receipt = Invoice.objects.get(kind="receipt")
    assert receipt.total_micros == 100 * EURO, "the invoice that it settled has the rest"
    says(gateway, "refunded", "R1", 33 * EURO, parent_id="P")
    says(gateway, "reversed", "D1", 117 * EURO, parent_id="P")
    says(gateway, "restored", "D1:back", 117 * EURO, parent_id="P")
    said = notes(customer)
    assert [(kind, total) for kind, total, _ in said] == [
        ("credit_note", 33 * EURO),
        ("credit_note", 67 * EURO),
        ("debit_note", 67 * EURO),
    ]
    assert said[0][2] + said[1][2] == receipt.tax_micros
    assert said[2][2] == said[1][2]
    debit = Invoice.objects.get(kind="debit_note")
    assert (debit.payment_state, debit.due_on) == ("paid", None)
    refused("invoice_id", credit_invoice, invoice_id=debit.pk, reason="once more")
    by_place = [[row.amount_micros for row in one.taxes.order_by("position")] for one in receipt.corrections.all()]
    assert all(amount >= 0 for amounts in by_place for amount in amounts)
    assert broken() - {"documents_are_their_lines_and_taxes", "documents_have_their_entries"} == set()


def test_a_note_in_doubt_holds_up_no_refund_and_no_receipt_needs_none(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = acme(account)
    refund_payment(payment_id=create_payment(customer_id=plain.pk, amount_micros=EURO).pk)
    assert notes(plain) == []
    customer = create_customer(account_id=account.pk, name="Nordic", currency="EUR", create_invoice_on_payment=True)
    whole = create_payment(customer_id=customer.pk, amount_micros=EURO)

    def doubt(*_: object) -> None:
        raise Doubt("It does not add up.")

    monkeypatch.setattr("tollgate.actions.receipt_notes.issue", doubt)
    refund_payment(payment_id=whole.pk)
    customer.refresh_from_db()
    assert (balance(customer), notes(customer)) == (0, [])
    assert "does not add up" in customer.parked_reason


@pytest.mark.parametrize("parts", [(3_333_333, 3_333_333, 3_333_333), (5_000_000, 4_999_999), (9_999_999,)])
def test_a_payment_finer_than_a_coin_is_taken_back_in_coins_and_its_receipt_whole(
    account: Account, parts: tuple[int, ...]
) -> None:
    """As an old installation may have them, or another system brought them."""
    customer = taxed(account, 210_000)
    whole = complete(new_payment(customer, gateway="manual", amount_micros=9_999_999))
    receipt = Invoice.objects.get(payment=whole)
    for part in parts:
        values = {"gateway": "manual", "kind": "refund", "reverses_id": whole.pk}
        complete(new_payment(customer, **values, amount_micros=-part))
    said = notes(customer)
    assert sum(total for _, total, _ in said) == receipt.total_micros
    assert all(total % 10_000 == 0 for _, total, _ in said)
    assert broken() == set()


def test_what_comes_back_beyond_what_notes_have_taken_is_told_unless_it_is_rehearsed(
    account: Account, caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Any
) -> None:
    customer, gateway = taxed(account), paypal(account)
    paid(customer, 10 * EURO, amount_micros=10 * EURO)
    says(gateway, "reversed", "D", 10 * EURO, parent_id="P")
    Invoice.objects.filter(kind="credit_note").update(state="void")  # as before there were notes on receipts
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        says(gateway, "restored", "D:back", 10 * EURO, parent_id="P")
        transaction.set_rollback(True)
    assert "ALARM" not in caplog.text, "it was taken back"
    with django_capture_on_commit_callbacks(execute=True):
        says(gateway, "restored", "D:back", 10 * EURO, parent_id="P")
    customer.refresh_from_db()
    assert (balance(customer), len(notes(customer))) == (10 * EURO, 1)
    assert "less by its notes" in customer.parked_reason
    assert "ALARM billing of customer" in caplog.text
