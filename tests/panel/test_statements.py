"""Claims about statements, aged debt and the journal: they add up, and say what the ledger and documents say."""

import csv
import io
from datetime import UTC, date, datetime, timedelta

import pypdf
import pytest
from django.test import Client

from tests.actions.bills import Talk, charged
from tests.actions.cast import ANN
from tests.actions.test_invoice_runs import born
from tests.moments import today
from tests.panel.cast import EURO, Cast
from tollgate.actions.accounting import journal_of
from tollgate.actions.acts import acting
from tollgate.actions.charges import charge_customer
from tollgate.actions.customer_statements import statement_of
from tollgate.actions.customers import update_customer
from tollgate.actions.invoice_issue import issue_invoice
from tollgate.actions.invoices import draft_invoice
from tollgate.actions.payments import create_payment
from tollgate.actions.postings import wallet_of
from tollgate.core.money import parse_micros
from tollgate.store.models import Customer, Entry, Invoice, Tax
from tollgate.store.queries.books import profit_of

pytestmark = pytest.mark.django_db
BEGIN = datetime(today().year - 1, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def baltic(cast: Cast) -> Customer:
    """Who was billed for calls of last year, pays a part, and owes the rest for 45 days."""
    with acting(ANN):
        tax = Tax.objects.earliest("id")
        update_customer(
            customer_id=cast.baltic.pk, billing_type="postpaid", tax_ids=[tax.pk], language="lt", reference="PO-9"
        )
        customer = born(Customer.objects.get(pk=cast.baltic.pk), BEGIN - timedelta(days=1))
        charged(customer, [Talk(BEGIN, 10 * EURO + 1), Talk(BEGIN + timedelta(hours=1), EURO)])
        charged(customer, [Talk(BEGIN + timedelta(days=3), 5)])
        charge_customer(customer_id=customer.pk, description="Router", unit_price_nanos=4_000_000_000, post_now=True)
        days = {"from_on": BEGIN.date().isoformat(), "until_on": (BEGIN + timedelta(days=30)).date().isoformat()}
        issued = issue_invoice(invoice_id=draft_invoice(customer_id=customer.pk, **days).pk)
        create_payment(customer_id=customer.pk, amount_micros=2 * EURO)
    with_due(issued, today() - timedelta(days=45))
    return customer


def with_due(invoice: Invoice, on: date) -> None:
    """An invoice as it will be after so many days: only time changes that date, so triggers look away."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE invoice SET due_on = %s WHERE id = %s", [on, invoice.pk])
        cursor.execute("SET LOCAL session_replication_role = origin")


def test_a_statement_leads_from_the_opening_to_the_closing_balance(baltic: Customer, ann: Client) -> None:
    whole = statement_of(baltic, from_on=BEGIN.date(), until_on=today() + timedelta(days=1))
    assert whole.closing_micros == wallet_of(baltic).balance_micros
    assert whole.opening_micros + sum(one.amount_micros for one in whole.movements) == whole.closing_micros
    calls = [one for one in whole.movements if one.kind == "calls"]
    assert [(one.calls_count, one.amount_micros) for one in calls] == [(2, -11 * EURO - 1), (1, -5)]
    assert {one.kind for one in whole.movements} >= {"calls", "charge", "invoice", "payment"}
    middle = BEGIN.date() + timedelta(days=2)
    first = statement_of(baltic, from_on=BEGIN.date(), until_on=middle)
    rest = statement_of(baltic, from_on=middle, until_on=today() + timedelta(days=1))
    assert (first.opening_micros, first.closing_micros) == (0, rest.opening_micros)
    page = f"/customers/{baltic.pk}/statement/{BEGIN.date()}/{today()}/"
    assert (
        ann.get(f"/customers/{baltic.pk}/statement/", {"from": str(BEGIN.date()), "to": str(today())})["Location"]
        == page
    )
    rows = list(csv.DictReader(io.StringIO(b"".join(ann.get(f"{page}?export=csv")).decode())))  # type: ignore[arg-type]
    assert [rows[0]["What"], rows[-1]["What"]] == ["Opening balance", "Closing balance"]
    assert parse_micros(rows[-1]["Balance"]) == whole.closing_micros
    assert sum(parse_micros(row["Amount"]) for row in rows if row["Amount"]) == whole.closing_micros
    number = Invoice.objects.get(customer=baltic).number
    assert str(number) in ann.get(page).content.decode()
    paper = pypdf.PdfReader(io.BytesIO(ann.get(f"{page}pdf/").content)).pages[0].extract_text()
    for words in ("Sąskaitos išrašas", "Galutinis likutis", str(number), "Router", "Neapmokėta"):
        assert words in paper, words
    for wrong in ("x/y", "2026-02-01/2026-01-01", "1999-01-01/2000-01-01"):
        assert ann.get(f"/customers/{baltic.pk}/statement/{wrong}/").status_code == 404


def test_debt_stands_in_the_age_of_its_invoice(baltic: Customer, ann: Client) -> None:
    row = next(csv.DictReader(io.StringIO(b"".join(ann.get("/aged-debt/?export=csv")).decode())))  # type: ignore[arg-type]
    owed = Invoice.objects.get(customer=baltic).open_micros
    assert owed > 0
    assert row["Customer"] == "Baltic"
    assert parse_micros(row["Owed"]) == parse_micros(row["31–60 days"]) == owed
    assert not row["0–30 days"].strip("0.")
    page = ann.get("/aged-debt/").content.decode()
    assert "Over 90 days" in page
    assert f"/customers/{baltic.pk}/statement/" in ann.get("/statements/").content.decode()


def test_what_goes_to_bookkeeping_names_the_customer_as_bookkeeping_does(baltic: Customer, ann: Client) -> None:
    Customer.objects.filter(pk=baltic.pk).update(accounting_id="D-1001")
    journal = f"/accounting/{BEGIN.date()}/{today()}/"
    for page, title in (
        (f"{journal}?export=csv", "Accounting id"),
        (f"{journal}xero/", "AccountNumber"),
        (f"{journal}quickbooks/", "CustomerNo"),
        ("/payments/?columns=id,accounting_id&export=csv&f.customer=baltic", "Accounting id"),
        ("/statements/?columns=name,accounting_id&export=csv&q=d-1001", "Accounting id"),
        ("/aged-debt/?columns=name,accounting_id&export=csv&q=d-1001", "Accounting id"),
    ):
        rows = list(csv.DictReader(io.StringIO(b"".join(ann.get(page)).decode())))  # type: ignore[arg-type]
        mine = [row for row in rows if row.get("Party", "Baltic") == "Baltic"]
        assert {row[title] for row in mine} == {"D-1001"}, page
        assert {row[title] for row in rows if row not in mine} <= {""}
        for reference in {"Reference", "Memo"} & rows[0].keys():
            assert {row[reference] for row in mine} == {"PO-9"}, page


def test_the_journal_sums_to_zero_and_is_the_ledger(baltic: Customer, ann: Client) -> None:
    days = {"from_on": BEGIN.date(), "until_on": today() + timedelta(days=1)}
    lines = list(journal_of(baltic.account, **days))
    assert sum(line.debit_micros - line.credit_micros for line in lines) == 0
    owed = [line for line in lines if line.place == "Customers" and line.party == "Baltic"]
    balance = sum(line.credit_micros - line.debit_micros for line in owed)
    assert balance == wallet_of(baltic).balance_micros
    sold = sum(line.credit_micros - line.debit_micros for line in lines if line.code == "4000")
    entries = (
        Entry.objects.filter(book="revenue").exclude(wallet__kind="bundle").values_list("amount_micros", flat=True)
    )
    assert sold == -sum(entries)
    months = profit_of(baltic.account, **days, by_month=True)
    assert sum(row.sold_micros for row in months) == sold
    rows = list(csv.DictReader(io.StringIO(b"".join(ann.get("/profit/month/?export=csv")).decode())))  # type: ignore[arg-type]
    shown = {row["Month (UTC)"]: parse_micros(row["Profit"]) for row in rows}
    assert {f"{row.on:%Y-%m}": row.profit_micros for row in months}.items() >= shown.items() != {}
    assert ann.get("/profit/decade/").status_code == 404
    form = {"revenue": "SALES-1", "carriers": "", "version": baltic.account.version}
    assert ann.post("/accounting/codes/", form).status_code == 302
    page = ann.get(f"/accounting/{BEGIN.date()}/{today()}/?export=csv")
    rows = list(csv.DictReader(io.StringIO(b"".join(page).decode())))  # type: ignore[arg-type]
    assert len(rows) == len(lines)
    assert {row["Account code"] for row in rows} >= {"SALES-1", "1100", "1000"}
    invoice = Invoice.objects.get(customer=baltic)
    for program, tax, net in (("xero", "TaxAmount", "*UnitAmount"), ("quickbooks", "ItemTaxAmount", "ItemAmount")):
        file = b"".join(ann.get(f"/accounting/{BEGIN.date()}/{today()}/{program}/")).decode()  # type: ignore[arg-type]
        sold_lines = [row for row in csv.DictReader(io.StringIO(file)) if invoice.number in row.values()]
        assert sum(parse_micros(row[tax]) for row in sold_lines) == invoice.tax_micros > 0
        assert sum(parse_micros(row[net]) for row in sold_lines) == invoice.net_micros
    assert ann.get(f"/accounting/{BEGIN.date()}/{today()}/abacus/").status_code == 404
    assert ann.post("/accounting/codes/", {"revenue": "=cmd()"}).status_code == 422
    version = baltic.account.version + 1
    assert ann.post("/accounting/codes/", {"revenue": "", "version": version}).status_code == 302
    assert {line.code for line in journal_of(baltic.account, **days) if line.place == "Sales"} == {"4000"}
