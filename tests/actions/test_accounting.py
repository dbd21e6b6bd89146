"""Claims about what goes out to bookkeeping: what was sold to customers of resellers is no revenue of the account."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection
from django.db.models import Sum

from tests.actions.bills import Talk, bought, charged
from tests.actions.cast import EURO
from tests.actions.test_invoice_runs import BEGIN, postpaid
from tollgate.actions.accounting import journal_of, sales_of, set_journal_codes
from tollgate.actions.customers import update_customer
from tollgate.actions.invoice_documents import document_of
from tollgate.actions.invoice_issue import void_invoice
from tollgate.actions.invoice_notes import credit_invoice
from tollgate.actions.invoice_runs import run_invoices
from tollgate.actions.taxes import create_tax
from tollgate.core.hours import zone_info
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


def test_the_journal_of_a_day_stays_as_it_was_handed_in_when_a_customer_goes_to_a_reseller_or_comes_back(
    account: Account,
) -> None:
    nordic = postpaid(account, "Nordic", is_reseller=True)
    baltic = postpaid(account, "Baltic")
    charged(baltic, [Talk(BEGIN, 3 * EURO)])
    first = list(journal_of(account, **DAYS))
    assert {line.code for line in first} == {"1100", "4000"}
    update_customer(customer_id=baltic.pk, parent_id=nordic.pk)
    assert list(journal_of(account, **DAYS)) == first
    update_customer(customer_id=baltic.pk, parent_id=None)
    update_customer(customer_id=baltic.pk, parent_id=nordic.pk)
    assert list(journal_of(account, **DAYS)) == first
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE entry SET at = clock_timestamp()")
        cursor.execute("SET LOCAL session_replication_role = origin")
    assert {line.code for line in journal_of(account, **DAYS)} == {"1190", "4000"}, "what it did since is a reseller's"


def test_what_was_exported_and_is_voided_later_is_taken_back_on_that_day(account: Account) -> None:
    tax = create_tax(account_id=account.pk, name="VAT", rate_ppm=200_000)
    baltic = postpaid(account, "Baltic", tax_ids=[tax.pk])
    charged(baltic, [Talk(BEGIN, 3 * EURO)])
    (invoice,) = run_invoices(BEGIN + timedelta(days=40))
    void_invoice(invoice_id=invoice.pk, reason="the wrong company")
    invoice.refresh_from_db()
    assert invoice.invoice_on is not None
    assert invoice.voided_at is not None
    voided_on = invoice.voided_at.astimezone(zone_info(account.zone)).date()

    def told(from_on: date, until_on: date) -> list[tuple[str, date, int, int]]:
        found = sales_of(account, from_on=from_on, until_on=until_on)
        return [(line.number, line.invoice_on, line.net_micros, line.tax_micros) for line in found]

    sold = (str(invoice), invoice.invoice_on, 3 * EURO, 600_000)
    back = (f"{invoice} void", voided_on, -3 * EURO, -600_000)
    a_day = timedelta(days=1)
    assert told(invoice.invoice_on, voided_on) == [sold]
    assert told(voided_on, voided_on + a_day) == [back]
    assert told(invoice.invoice_on, voided_on + a_day) == [], "it was made and voided within these days"
    assert told(invoice.invoice_on + a_day, voided_on) == told(voided_on + a_day, voided_on + 9 * a_day) == []
