"""Claims about prices that include tax, of who pays ahead: the money is worth all of it, and its tax is owed once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection

from tests.actions.bills import Talk, charged
from tests.actions.cast import EURO, acme
from tests.actions.test_customers import refused
from tests.actions.test_payments import balance, tax_book
from tollgate.actions.acts import Invalid
from tollgate.actions.customers import update_customer
from tollgate.actions.payments import create_payment, refund_payment
from tollgate.store.models import Account, CustomerTax, Entry, Invoice, Tax
from tollgate.store.sql import load

BEGIN = datetime(2024, 1, 1, 12, tzinfo=UTC)


def broken() -> dict[str, list[object]]:
    """The laws of the books that do not hold."""
    found = {}
    with connection.cursor() as cursor:
        for name, statement in load("ledger_laws").items():
            cursor.execute(statement)
            if rows := cursor.fetchall():
                found[name] = rows
    return found


def test_at_prices_with_tax_money_paid_ahead_is_worth_all_of_it_and_bears_its_tax_once(account: Account) -> None:
    customer = acme(account, prices_include_tax=True, create_invoice_on_payment=True)
    vat = Tax.objects.create(account=account, name="VAT 21", rate_ppm=210_000)
    CustomerTax.objects.create(customer=customer, tax=vat)
    paid = create_payment(customer_id=customer.pk, amount_micros=121 * EURO)
    assert (paid.tax_micros, balance(customer), tax_book()) == (21 * EURO, 121 * EURO, -21 * EURO)
    receipt = Invoice.objects.get(payment=paid)
    assert (receipt.total_micros, receipt.tax_micros) == (121 * EURO, 21 * EURO)
    charged(customer, [Talk(BEGIN, 1_210_000)] * 50)
    assert balance(customer) == 60_500_000, "fifty of a hundred minutes"
    back = refund_payment(payment_id=paid.pk, amount_micros=60_500_000)
    note = Invoice.objects.get(payment=back)
    assert (back.tax_micros, balance(customer), tax_book()) == (10_500_000, 0, -10_500_000)
    assert (note.total_micros, note.tax_micros) == (60_500_000, 10_500_000)
    earned = -sum(Entry.objects.filter(book="revenue").values_list("amount_micros", flat=True))
    assert earned == 50 * EURO, "what the minutes came to without their tax"
    assert broken() == {}


def test_money_paid_ahead_stays_worth_what_was_paid_when_prices_change_to_have_the_tax_or_not(account: Account) -> None:
    customer = acme(account, prices_include_tax=True)
    vat = Tax.objects.create(account=account, name="VAT 21", rate_ppm=210_000)
    CustomerTax.objects.create(customer=customer, tax=vat)
    paid = create_payment(customer_id=customer.pk, amount_micros=121 * EURO)
    with pytest.raises(Invalid, match="121 EUR was paid ahead for prices with tax") as problem:
        update_customer(customer_id=customer.pk, prices_include_tax=False)
    assert problem.value.errors.keys() == {"prices_include_tax"}
    update_customer(customer_id=customer.pk, company="Acme", prices_include_tax=True)
    refund_payment(payment_id=paid.pk)
    update_customer(customer_id=customer.pk, prices_include_tax=False)
    later = create_payment(customer_id=customer.pk, amount_micros=121 * EURO)
    assert balance(customer) == 100 * EURO
    refused("prices_include_tax", update_customer, customer_id=customer.pk, prices_include_tax=True)
    update_customer(customer_id=customer.pk, billing_type="postpaid", prices_include_tax=True)
    refund_payment(payment_id=later.pk)
    assert (balance(customer), tax_book(), broken()) == (0, 0, {}), "what goes back is as it was paid"
