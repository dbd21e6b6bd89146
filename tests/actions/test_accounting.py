"""Claims about what goes out to bookkeeping: what was sold to customers of resellers is no revenue of the account."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db.models import Sum

from tests.actions.bills import Talk, bought, charged
from tests.actions.cast import EURO
from tests.actions.test_invoice_runs import BEGIN, postpaid
from tollgate.actions.accounting import journal_of, sales_of, set_journal_codes
from tollgate.actions.customers import update_customer
from tollgate.actions.invoice_documents import document_of
from tollgate.actions.invoice_notes import credit_invoice
from tollgate.actions.invoice_runs import run_invoices
from tollgate.actions.taxes import create_tax
from tollgate.store.models import Account, Entry, Invoice

pytestmark = pytest.mark.django_db
DAYS = {"from_on": date(2020, 1, 1), "until_on": date(2100, 1, 1)}


def sold(account: Account) -> dict[str, int]:
    """The nets of the exported lines by the code of their account."""
    found: dict[str, int] = {}
    for line in sales_of(account, **DAYS):
        found[line.account_code] = found.get(line.account_code, 0) + line.net_micros
    return found


def test_what_is_sold_to_customers_of_resellers_is_exported_beside_the_account_s_own_sales(account: Account) -> None:
    tax = create_tax(account_id=account.pk, name="VAT", rate_ppm=200_000)
    nordic = postpaid(account, "Nordic", is_reseller=True, tax_ids=[tax.pk])
    fjord = postpaid(account, "Fjord", parent_id=nordic.pk, tax_ids=[tax.pk])
    talks = [Talk(BEGIN + timedelta(days=day), 3 * EURO) for day in range(10)]
    charged(fjord, talks, reseller=nordic)
    issued = {row.customer.name: row for row in run_invoices(BEGIN + timedelta(days=40))}
    assert sold(account) == {"4000": 10 * bought(3 * EURO), "4090": 30 * EURO}, "the account's minutes are sold once"
    earned = Entry.objects.filter(account=account, book="revenue").aggregate(micros=Sum("amount_micros"))
    assert sold(account)["4000"] == -earned["micros"]
    owed = {line.code: 0 for line in journal_of(account, **DAYS)}
    for line in journal_of(account, **DAYS):
        owed[line.code] += line.credit_micros - line.debit_micros
    taxes = sum(row.tax_micros for row in issued.values())
    assert owed == {
        "1100": -issued["Nordic"].total_micros, "1190": -issued["Fjord"].total_micros,
        "2200": taxes, "4000": 20 * EURO, "4090": 30 * EURO,
    }  # fmt: skip
    for row in issued.values():
        assert document_of(row).issuer.name == account.name, "who issues it owes its tax"
    line = issued["Fjord"].lines.order_by("position").first()
    assert line is not None
    update_customer(customer_id=fjord.pk, parent_id=None)
    set_journal_codes(account_id=account.pk, codes={"resale": "8400"})
    credit_invoice(invoice_id=issued["Nordic"].pk, reason="a gift")
    assert sold(account) == {"4000": 0, "8400": 30 * EURO}, "a document stays where it was booked"
    assert Invoice.objects.filter(customer=fjord).count() == 1
