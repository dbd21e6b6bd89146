"""Claims about which document bears what, with which taxes: by the account type, by the invoice that is corrected, as
far as there is room, in the order of dates, and not before it comes to a coin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from tests.actions.bills import Talk, balance, charged, correct
from tests.actions.cast import EURO
from tests.actions.test_invoice_runs import BEGIN, adds_up, born, documents, postpaid
from tollgate.actions.accounts import update_account
from tollgate.actions.charges import charge_customer, make_charge
from tollgate.actions.customers import CustomerFields, create_customer, delete_customer, update_customer
from tollgate.actions.invoice_issue import issue_invoice, void_invoice
from tollgate.actions.invoice_runs import generate_missing_invoices, run_invoices
from tollgate.actions.invoice_series import set_invoice_series
from tollgate.actions.invoices import add_invoice_line, draft_invoice
from tollgate.actions.options import update_options
from tollgate.actions.payments import create_payment
from tollgate.actions.records import now
from tollgate.actions.statements import fetch
from tollgate.actions.taxes import create_tax
from tollgate.core.taxes import LATE_FEE_CATEGORY, LATE_FEE_WORDS
from tollgate.store.models import Account, Audit, Charge, Customer, Entry, Invoice, SeriesCounter
from tollgate.store.sql import load, script

DAY = timedelta(days=1)
LAWS = (
    "documents_have_their_entries",
    "documents_are_their_lines_and_taxes",
    "charges_move_and_are_billed_once",
    "numbers_of_documents_have_no_gap",
    "documents_bill_what_calls_cost",
)


def lawful(customer: Customer) -> bool:
    """Whether the laws of documents hold, and nothing rests."""
    customer.refresh_from_db()
    with connection.cursor() as cursor:
        for law in LAWS:
            cursor.execute(load("ledger_laws")[law])
            assert cursor.fetchall() == [], law
    return customer.parked_at is None


def sound(customer: Customer) -> bool:
    """The same, and its documents add up to its calls."""
    adds_up(customer)
    return lawful(customer)


def prepaid(account: Account, **fields: Any) -> Customer:
    """Who pays ahead, since the beginning of 2024."""
    given: CustomerFields = {"invoice_schedule": "monthly", "invoice_grouping": "total", "email_invoices": False}
    given |= fields  # type: ignore[typeddict-item]
    return born(create_customer(account_id=account.pk, name="Acme", currency="EUR", **given), BEGIN)


def turned(customer: Customer, billing_type: str, at: datetime) -> None:
    """Makes a customer prepaid or postpaid, as if at a moment."""
    update_customer(customer_id=customer.pk, billing_type=billing_type)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # nobody else changes when something was done
        newest = Audit.objects.filter(table_name="customer", row_id=customer.pk, before__has_key="billing_type")
        Audit.objects.filter(pk=newest.latest("pk").pk).update(at=at)
        cursor.execute("SET LOCAL session_replication_role = origin")


def fee(customer: Customer, euros: int, on: str, **more: Any) -> Charge:
    """A charge of so many euros, of one day."""
    told = {"description": "Trunk", "unit_price_nanos": euros * EURO * 1000, "from_on": on}
    return charge_customer(customer_id=customer.pk, key=f"{on} {euros}", **told, **more)


def told(rows: list[Invoice]) -> list[tuple[str, int, int]]:
    """The kind, net and tax of some documents."""
    return [(row.kind, row.net_micros, row.tax_micros) for row in rows]


def test_what_was_paid_ahead_with_its_tax_is_on_no_invoice_of_later(account: Account) -> None:
    vat = create_tax(account_id=account.pk, name="VAT", rate_ppm=210_000)
    acme = prepaid(account, tax_ids=[vat.pk], invoice_schedule="none")
    create_payment(customer_id=acme.pk, amount_micros=121 * EURO)
    for day in ("2024-01-05", "2024-01-06", "2024-01-07"):
        fee(acme, 30, day, post_now=True)
    assert balance(acme) == 10 * EURO
    turned(acme, "postpaid", datetime(2024, 2, 1, tzinfo=UTC))
    charged(acme, [Talk(datetime(2024, 2, 5, tzinfo=UTC), EURO)])
    february = issue_invoice(
        invoice_id=draft_invoice(customer_id=acme.pk, from_on="2024-02-01", until_on="2024-03-01").pk
    )
    assert told([february]) == [("invoice", EURO, 210_000)]
    update_customer(customer_id=acme.pk, invoice_schedule="monthly")
    (january,) = run_invoices(datetime(2024, 3, 3, tzinfo=UTC))
    assert told([january]) == [("receipt", 90 * EURO, 0)], "the receipt of that time tells of them"
    assert run_invoices(datetime(2024, 3, 3, tzinfo=UTC)) == []
    assert sound(acme)


@pytest.mark.parametrize("post_now", [False, True])
def test_what_is_charged_on_the_day_of_a_switch_to_postpaid_is_asked_for_with_its_tax(
    account: Account, post_now: bool
) -> None:
    vat = create_tax(account_id=account.pk, name="VAT", rate_ppm=210_000)
    acme = prepaid(account, tax_ids=[vat.pk])
    charged(acme, [Talk(BEGIN, EURO), Talk(BEGIN + 20 * DAY, 2 * EURO)])
    before = fee(acme, 5, "2024-01-10", post_now=True)
    turned(acme, "postpaid", datetime(2024, 1, 10, 12, tzinfo=UTC))
    after = fee(acme, 100, "2024-01-10", post_now=post_now)
    receipt, invoice = run_invoices(BEGIN + 33 * DAY)
    assert told([receipt, invoice]) == [("receipt", 6 * EURO, 0), ("invoice", 102 * EURO, 21_420_000)]
    assert [receipt.lines.get(charge=before).pk, invoice.lines.get(charge=after).pk]
    assert sound(acme)


def test_what_no_money_has_paid_yet_is_billed_by_the_kind_in_force_also_where_a_draft_has_it(account: Account) -> None:
    vat = create_tax(account_id=account.pk, name="VAT", rate_ppm=210_000)
    acme = prepaid(account, tax_ids=[vat.pk])
    charged(acme, [Talk(BEGIN, EURO), Talk(BEGIN + 40 * DAY, 2 * EURO)])
    waiting = fee(acme, 100, "2024-01-10")
    draft = draft_invoice(customer_id=acme.pk, from_on="2024-01-01", until_on="2024-02-01")
    assert draft.lines.filter(charge=waiting).exists()
    turned(acme, "postpaid", datetime(2024, 2, 1, tzinfo=UTC))
    receipt = issue_invoice(invoice_id=draft.pk)
    (invoice,) = run_invoices(BEGIN + 62 * DAY)
    assert told([receipt, invoice]) == [("receipt", EURO, 0), ("invoice", 102 * EURO, 21_420_000)]
    void_invoice(invoice_id=invoice.pk, reason="anew")
    turned(acme, "prepaid", datetime(2024, 4, 1, tzinfo=UTC))
    again, *more = run_invoices(BEGIN + 125 * DAY)
    assert (told([again]), more) == ([("invoice", 102 * EURO, 21_420_000)], []), "an invoice took it, no receipt may"
    assert sound(acme)


def test_charges_and_series_of_before_learn_their_account_type_and_last_date(account: Account) -> None:
    vat = create_tax(account_id=account.pk, name="VAT", rate_ppm=210_000)
    acme = prepaid(account, tax_ids=[vat.pk])
    ahead, waiting = fee(acme, 5, "2024-01-05", post_now=True), fee(acme, 7, "2024-01-06")
    turned(acme, "postpaid", datetime(2024, 2, 1, tzinfo=UTC))
    after = fee(acme, 9, "2024-02-06", post_now=True)
    assert told(run_invoices(BEGIN + 62 * DAY)) == [("receipt", 5 * EURO, 0), ("invoice", 16 * EURO, 3_360_000)]
    fields = ("pk", "billing_type")
    known = sorted(Charge.objects.values_list(*fields))
    SeriesCounter.objects.update(last_on=None)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE charge DISABLE TRIGGER charge_frozen")
        cursor.execute("UPDATE charge SET billing_type = '', at = from_on")
        for name in ("schema_charge_types", "schema_series_dates"):
            cursor.execute(script(name))
    types = dict(Charge.objects.values_list(*fields))
    assert sorted(types.items()) == known
    assert (types[ahead.pk], types[waiting.pk], types[after.pk]) == ("prepaid", "postpaid", "postpaid")
    for counter in SeriesCounter.objects.select_related("series"):
        dates = Invoice.objects.filter(kind=counter.series.kind, number_year=counter.year)
        assert counter.last_on == dates.latest("number_seq").invoice_on


@pytest.mark.parametrize("came_after", [False, True])
def test_what_is_given_back_takes_its_tax_along_only_if_it_came_after_the_switch_to_postpaid(
    account: Account, came_after: bool
) -> None:
    vat = create_tax(account_id=account.pk, name="VAT", rate_ppm=200_000)
    acme = prepaid(account, tax_ids=[vat.pk])
    charged(acme, [Talk(BEGIN, 10 * EURO), Talk(BEGIN + 35 * DAY, 5 * EURO), Talk(BEGIN + 50 * DAY, 10 * EURO)])
    assert told(run_invoices(BEGIN + 33 * DAY)) == [("receipt", 10 * EURO, 0)]
    turned(acme, "postpaid", BEGIN + 40 * DAY)
    correct(acme, EURO)
    if not came_after:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            Entry.objects.filter(kind="correction").update(at=BEGIN + 36 * DAY)
            cursor.execute("SET LOCAL session_replication_role = origin")
    found = told(run_invoices(BEGIN + 62 * DAY))
    if came_after:
        assert found == [("receipt", 5 * EURO, 0), ("invoice", 9 * EURO, 1_800_000)]
    else:
        assert found == [("receipt", 4 * EURO, 0), ("invoice", 10 * EURO, 2 * EURO)], "it bought calls ahead"
    assert run_invoices(BEGIN + 62 * DAY) == []
    assert sound(acme)


def test_a_correction_bears_the_taxes_of_the_invoice_that_bore_its_calls(account: Account) -> None:
    old = create_tax(account_id=account.pk, name="VAT 18", rate_ppm=180_000, valid_until_on="2024-01-31")
    new = create_tax(account_id=account.pk, name="VAT 21", rate_ppm=210_000, valid_from_on="2024-02-01")
    levy = create_tax(
        account_id=account.pk, name="Levy", rate_ppm=100_000, fixed_micros=EURO, priority=20, is_vat=False
    )
    baltic = postpaid(account, "Baltic", tax_ids=[old.pk, new.pk, levy.pk], invoice_grouping="total")
    charged(baltic, [Talk(BEGIN, 100 * EURO), Talk(BEGIN + 32 * DAY, 100 * EURO), Talk(BEGIN + 62 * DAY, 200 * EURO)])
    (january,) = run_invoices(BEGIN + 33 * DAY)
    assert (january.tax_micros, january.total_micros) == (29 * EURO, 129 * EURO)
    charged(baltic, [Talk(BEGIN + DAY, 10 * EURO)])
    (february,) = run_invoices(BEGIN + 62 * DAY)
    taxes = {row.name: (row.base_micros, row.amount_micros) for row in february.taxes.all()}
    assert taxes == {
        "VAT 18": (10 * EURO, 1_800_000),
        "VAT 21": (100 * EURO, 21 * EURO),
        "Levy": (110 * EURO, 12 * EURO),
    }, "a tax that both have is told once, and its fixed part is taken once"
    assert dict(february.taxes.values_list("name", "is_vat")) == {"VAT 18": True, "VAT 21": True, "Levy": False}
    correct(baltic, 20 * EURO)
    update_customer(customer_id=baltic.pk, tax_treatment="exempt")
    (march,) = generate_missing_invoices(customer_id=baltic.pk, issued=False)[:1]
    draft = add_invoice_line(invoice_id=march.invoice_id, description="Router", unit_price_nanos=50 * EURO * 1000)
    issued = issue_invoice(invoice_id=draft.pk)
    taxes = {row.name: (row.base_micros, row.amount_micros) for row in issued.taxes.all()}
    assert taxes == {
        "VAT 18": (-20 * EURO, -3_600_000),
        "Levy": (230 * EURO, 24 * EURO),
        "Exempt from VAT": (250 * EURO, 0),
    }, "what was charged with tax goes back with it, though no VAT is due by now"
    assert balance(baltic) == -sum(row.total_micros for row in documents(baltic))
    assert sound(baltic)


def test_what_came_to_a_month_whose_invoice_has_no_calls_bears_the_taxes_of_its_last_day(account: Account) -> None:
    old = create_tax(account_id=account.pk, name="VAT 18", rate_ppm=180_000, valid_until_on="2024-01-31")
    new = create_tax(account_id=account.pk, name="VAT 21", rate_ppm=210_000, valid_from_on="2024-02-01")
    baltic = postpaid(account, "Baltic", tax_ids=[old.pk, new.pk])
    fee(baltic, 10, "2024-01-10", tax_category="E", exemption_reason="Article 132")
    (january,) = run_invoices(BEGIN + 33 * DAY)
    assert told([january]) == [("invoice", 10 * EURO, 0)]
    charged(baltic, [Talk(BEGIN, 10 * EURO), Talk(BEGIN + 40 * DAY, 100 * EURO)])
    (february,) = run_invoices(BEGIN + 62 * DAY)
    assert told([february]) == [("invoice", 110 * EURO, 22_800_000)]
    assert sound(baltic)


def test_a_late_fee_without_tax_and_less_use_than_was_billed_park_nobody(account: Account) -> None:
    vat = create_tax(account_id=account.pk, name="VAT", rate_ppm=210_000)
    baltic = postpaid(account, "Baltic", tax_ids=[vat.pk])
    charged(baltic, [Talk(BEGIN, 100 * EURO)])
    run_invoices(BEGIN + 33 * DAY)
    correct(baltic, 5 * EURO)
    late = {"from_on": BEGIN.date() + 40 * DAY, "until_on": BEGIN.date() + 41 * DAY, "post_now": False}
    make_charge(
        customer=baltic, kind="late_fee", key="late", description="Late", unit_price_nanos=5 * EURO * 1000,
        tax_category=LATE_FEE_CATEGORY, exemption_reason=LATE_FEE_WORDS, **late,  # type: ignore[arg-type]
    )  # fmt: skip
    (february,) = run_invoices(BEGIN + 62 * DAY)
    assert (february.net_micros, february.tax_micros, february.total_micros) == (870_000, -870_000, 0)
    charged(baltic, [Talk(BEGIN + 62 * DAY, 10 * EURO)])
    (march,) = run_invoices(BEGIN + 93 * DAY)
    assert (march.net_micros, march.tax_micros) == (9_130_000, 1_920_000)
    assert balance(baltic) == -sum(row.total_micros for row in documents(baltic))
    assert sound(baltic)


def test_a_deleted_customer_gets_no_document_of_months_without_use(account: Account) -> None:
    baltic = postpaid(account, "Baltic", zero_invoices=True)
    assert [row.total_micros for row in run_invoices(BEGIN + 62 * DAY)] == [0, 0]
    delete_customer(customer_id=baltic.pk)
    assert run_invoices(BEGIN + 130 * DAY) == []
    charged(baltic, [Talk(BEGIN + 62 * DAY, EURO)])
    assert [row.total_micros for row in run_invoices(BEGIN + 130 * DAY)] == [EURO], "what it owes is billed"


def test_dates_follow_numbers_also_where_a_run_goes_on_after_midnight(account: Account) -> None:
    update_account(account_id=account.pk, zone="Asia/Kolkata")
    set_invoice_series(account_id=account.pk, kind="invoice", prefix="INV-", yearly=False)
    update_options(account_id=account.pk, invoice_lag_h=0)
    one, two = (postpaid(account, name, invoice_schedule="daily") for name in ("Baltic", "Nordic"))
    slot = now() - DAY
    charged(two, [Talk(slot - 2 * DAY, EURO)])
    draft = draft_invoice(customer_id=one.pk)
    add_invoice_line(invoice_id=draft.pk, description="Router", unit_price_nanos=EURO * 1000)
    person = issue_invoice(invoice_id=draft.pk)
    (run,) = run_invoices(slot, customer_ids=[two.pk])
    assert (person.number, run.number) == ("INV-00001", "INV-00002")
    assert person.invoice_on is not None
    assert run.invoice_on == person.invoice_on
    assert run.due_on == run.invoice_on + timedelta(days=two.payment_terms_days)


def test_use_of_less_than_a_coin_makes_no_document_of_nothing_and_is_on_the_next(account: Account) -> None:
    baltic = postpaid(account, "Baltic", invoice_grouping="total")
    charged(baltic, [Talk(BEGIN, 4_000)])
    assert run_invoices(BEGIN + 33 * DAY) == []
    charged(baltic, [Talk(BEGIN + 62 * DAY, 500)])
    assert run_invoices(BEGIN + 93 * DAY) == []
    assert unbilled(BEGIN + 100 * DAY) == [], "the doctor knows that it waits"
    charged(baltic, [Talk(BEGIN + 93 * DAY, EURO)])
    (april,) = run_invoices(BEGIN + 123 * DAY)
    assert (str(april.from_on), str(april.until_on)) == ("2024-01-01", "2024-05-01")
    assert [(line.calls_count, line.exact_micros) for line in april.lines.all()] == [(3, 1_004_500)]
    assert (april.total_micros, balance(baltic)) == (EURO, -EURO)
    assert run_invoices(BEGIN + 123 * DAY) == []
    void_invoice(invoice_id=april.pk, reason="anew")
    (again,) = run_invoices(BEGIN + 123 * DAY)
    assert (again.total_micros, again.exact_micros, balance(baltic)) == (EURO, 1_004_500, -EURO)
    assert sound(baltic)


def test_what_nothing_can_carry_on_gets_its_document_of_nothing(account: Account) -> None:
    baltic = postpaid(account, "Baltic", invoice_schedule="daily")
    charged(baltic, [Talk(BEGIN, 4_000)])
    assert run_invoices(BEGIN + 12 * DAY) == []
    (all_days,) = run_invoices(BEGIN + 13 * DAY)
    assert (str(all_days.from_on), str(all_days.until_on), all_days.total_micros) == ("2024-01-01", "2024-01-13", 0)
    charged(baltic, [Talk(BEGIN + 20 * DAY, 4_000)])
    turned(baltic, "prepaid", BEGIN + 20 * DAY + DAY / 4)
    charged(baltic, [Talk(BEGIN + 21 * DAY, EURO)])
    invoice, receipt = run_invoices(BEGIN + 24 * DAY)
    assert told([invoice, receipt]) == [("invoice", 0, 0), ("receipt", EURO, 0)]
    baltic.refresh_from_db()
    assert baltic.parked_at is None
    assert run_invoices(BEGIN + 24 * DAY) == []


def test_what_was_given_back_waits_on_beside_a_document_of_nothing(account: Account) -> None:
    baltic = postpaid(account, "Baltic", invoice_schedule="daily")
    charged(baltic, [Talk(BEGIN, 10 * EURO)])
    run_invoices(BEGIN + 2 * DAY)
    correct(baltic, 5 * EURO)
    charged(baltic, [Talk(BEGIN + 3 * DAY, 4_000)])
    (nothing,) = run_invoices(BEGIN + 16 * DAY)
    assert nothing.total_micros == 0
    charged(baltic, [Talk(BEGIN + 20 * DAY, 20 * EURO)])
    (later,) = run_invoices(BEGIN + 22 * DAY)
    assert later.net_micros == 15 * EURO, "less what was given back"


def unbilled(at: datetime) -> list[Any]:
    """What the doctor finds that no document bears."""
    return fetch("invoices", "closed_and_unbilled", at)
