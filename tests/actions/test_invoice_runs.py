"""Claims about the unattended run: every period once, without gap, by the ledger to the unit, whatever happens."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.actions.bills import Talk, balance, charged, correct, unexplained
from tests.actions.cast import EURO
from tests.actions.eight_runs import CUSTOMERS, LATER
from tollgate.actions.accounts import update_account
from tollgate.actions.acts import Invalid
from tollgate.actions.charges import charge_customer
from tollgate.actions.customers import CustomerFields, create_customer, update_customer
from tollgate.actions.exchange_rates import set_exchange_rate
from tollgate.actions.invoice_issue import void_invoice
from tollgate.actions.invoice_runs import generate_missing_invoices, release_customer, run_invoices
from tollgate.actions.invoices import draft_invoice
from tollgate.actions.options import update_options
from tollgate.actions.payments import create_payment
from tollgate.actions.taxes import create_tax
from tollgate.core.money import minor_digits
from tollgate.core.taxes import NO_TAX_HOLDS
from tollgate.store.models import Account, Audit, Customer, Invoice

BEGIN = datetime(2024, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def born(customer: Customer, at: datetime) -> Customer:
    """A customer of long ago."""
    Customer.objects.filter(pk=customer.pk).update(created_at=at)
    customer.refresh_from_db()
    return customer


def postpaid(account: Account, name: str, currency: str = "EUR", **fields: object) -> Customer:
    """Who pays afterwards, since the beginning of 2024."""
    given: CustomerFields = {"invoice_schedule": "monthly", **fields}  # type: ignore[typeddict-item]
    given |= {"billing_type": "postpaid", "email_invoices": False}
    customer = create_customer(account_id=account.pk, name=name, currency=currency, **given)
    return born(customer, BEGIN)


def documents(customer: Customer) -> list[Invoice]:
    """The documents that stand, by their periods."""
    return list(Invoice.objects.filter(customer=customer).exclude(state="void").order_by("usage_from_at"))


def adds_up(customer: Customer) -> None:
    """Each document is its lines and taxes; its periods follow one another; the wallet fell by their totals."""
    found = documents(customer)
    unit = 10 ** (6 - minor_digits(customer.currency))
    for row in found:
        lines = list(row.lines.all())
        assert row.net_micros == sum(line.net_micros for line in lines)
        assert row.exact_micros == sum(line.exact_micros for line in lines)
        assert row.tax_micros == sum(tax.amount_micros for tax in row.taxes.all())
        assert row.total_micros == row.net_micros + row.tax_micros
        assert all(amount % unit == 0 for amount in (row.net_micros, row.tax_micros, row.total_micros))
        assert all(line.net_micros % unit == 0 for line in lines)
    periods = [row for row in found if row.usage_from_at]
    assert all(one.usage_until_at == two.usage_from_at for one, two in pairwise(periods))


def test_what_comes_late_or_is_voided_is_billed_once(account: Account) -> None:
    tax = create_tax(account_id=account.pk, name="VAT", rate_ppm=200_000)
    baltic = postpaid(account, "Baltic", tax_ids=[tax.pk], invoice_grouping="total")
    charged(baltic, [Talk(BEGIN, 1_234_567), Talk(BEGIN + timedelta(days=40), 2 * EURO)])
    charge = charge_customer(
        customer_id=baltic.pk, description="Set-up", unit_price_nanos=10 * EURO * 1000, from_on="2024-01-10"
    )
    assert run_invoices(BEGIN + timedelta(days=31, hours=-13)) == [], "the lag is 24 hours"
    january, february = (run_invoices(BEGIN + timedelta(days=days)) for days in (32, 61))
    assert [row.net_micros for row in (*january, *february)] == [11_230_000, 2_000_000]
    charged(baltic, [Talk(BEGIN + HOUR, 500_000)])
    correct(baltic, 34_567)
    march = run_invoices(BEGIN + timedelta(days=92))[0]
    kinds = [(line.kind, line.exact_micros) for line in march.lines.order_by("position")]
    assert kinds == [("correction", 465_433)]
    assert balance(baltic) == -sum(row.total_micros for row in (*january, *february, march))
    void_invoice(invoice_id=january[0].pk, reason="wrong address")
    again = run_invoices(BEGIN + timedelta(days=92))
    assert [row.net_micros for row in again] == [11_230_000], "less what March has corrected"
    assert again[0].lines.get(charge=charge).posted, "what a charge took stays taken"
    adds_up(baltic)
    assert balance(baltic) == -sum(row.total_micros for row in documents(baltic))
    assert run_invoices(BEGIN + timedelta(days=92)) == []
    correct(baltic, 3 * EURO)
    charge_customer(
        customer_id=baltic.pk,
        description="Gift",
        unit_price_nanos=-2 * EURO * 1000,
        from_on="2024-01-10",
        post_now=True,
    )
    assert run_invoices(BEGIN + timedelta(days=600)) == [], "what is given back alone makes no document below zero"
    charged(baltic, [Talk(BEGIN + timedelta(days=days), EURO) for days in (92, 122)])
    charged(baltic, [Talk(BEGIN + timedelta(days=152), 5 * EURO)])
    april, may, june = run_invoices(BEGIN + timedelta(days=600))
    assert [row.total_micros for row in (april, may, june)] == [0, 0, 2_400_000], "carried over, until all is borne"
    given = [[line.exact_micros for line in row.lines.filter(exact_micros__lt=0)] for row in (april, may, june)]
    assert given == [[-EURO], [-EURO], [-EURO, -2 * EURO]], "the charge whole, the correction in parts"
    assert balance(baltic) == -sum(row.total_micros for row in documents(baltic))
    baltic.refresh_from_db()
    assert (baltic.parked_at, unexplained()) == (None, [])


def test_a_reseller_pays_for_its_customers_calls_and_doubt_parks_one_alone(account: Account) -> None:
    nordic = postpaid(account, "Nordic", is_reseller=True, invoice_grouping="total")
    below = postpaid(account, "Fjord", parent_id=nordic.pk, invoice_schedule="none")
    charged(nordic, [Talk(BEGIN, EURO)])
    charged(below, [Talk(BEGIN, 3 * EURO)], payer=nordic)
    broken = postpaid(account, "Broken")
    charged(broken, [Talk(BEGIN, EURO)])
    charged(broken, [Talk(BEGIN, EURO)], records=False)
    forced = postpaid(account, "Forced", tax_treatment="reverse_charge")
    charged(forced, [Talk(BEGIN, EURO)])
    fine = postpaid(account, "Fine")
    charged(fine, [Talk(BEGIN, 2 * EURO)])
    lost = postpaid(account, "Lost")
    charged(lost, [Talk(BEGIN, 7 * EURO)])
    with connection.cursor() as cursor:  # a record that says more than was charged
        cursor.execute("ALTER TABLE cdr DISABLE TRIGGER USER")
        cursor.execute("UPDATE cdr SET cost_micros = cost_micros + 1 WHERE customer_id = %s", [lost.pk])
        cursor.execute("ALTER TABLE cdr ENABLE TRIGGER USER")
    giant = postpaid(account, "Giant", "IDR")
    charged(giant, [Talk(BEGIN, 10**16)])
    tax = create_tax(account_id=account.pk, name="VAT", rate_ppm=110_000)
    beyond = postpaid(account, "Beyond", "IDR", tax_ids=[tax.pk])
    charged(beyond, [Talk(BEGIN, 9 * 10**18)])
    run_invoices(BEGIN + timedelta(days=40))
    billed = {row.customer.name: row.net_micros for row in Invoice.objects.select_related("customer")}
    assert billed == {"Nordic": 4 * EURO, "Broken": EURO, "Fine": 2 * EURO, "Giant": 10**16}
    parked = dict(Customer.objects.exclude(parked_at=None).values_list("name", "parked_reason"))
    assert parked.keys() == {"Forced", "Lost", "Beyond"}
    assert "out of range" in parked["Beyond"], "whatever it is, a person is told"
    assert "own VAT number" in parked["Forced"]
    assert "0.000001 EUR more" in parked["Lost"]
    with pytest.raises(Invalid, match="rests"):
        generate_missing_invoices(customer_id=forced.pk)
    release_customer(customer_id=beyond.pk, reason="who knows")
    with pytest.raises(Invalid, match="larger than can be kept"):
        generate_missing_invoices(customer_id=beyond.pk, preview=True)
    update_customer(customer_id=forced.pk, tax_treatment="auto")
    release_customer(customer_id=forced.pk, reason="it is no reverse charge")
    seen = generate_missing_invoices(customer_id=forced.pk, preview=True)
    assert [(row.invoice_id, row.net_micros) for row in seen][:1] == [(0, EURO)]
    assert not Invoice.objects.filter(customer=forced).exists(), "a preview leaves nothing"
    made = generate_missing_invoices(customer_id=forced.pk)
    assert [row.net_micros for row in made] == [row.net_micros for row in seen]
    assert generate_missing_invoices(customer_id=forced.pk) == []


def test_a_tax_that_cannot_be_told_in_the_accounts_currency_parks_its_customer(account: Account) -> None:
    tax = create_tax(account_id=account.pk, name="VAT", rate_ppm=200_000)
    gulf = postpaid(account, "Gulf", "KWD", tax_ids=[tax.pk])
    charged(gulf, [Talk(BEGIN, EURO)])
    assert run_invoices(BEGIN + timedelta(days=33)) == []
    gulf.refresh_from_db()
    assert "no exchange rate between that and KWD is known on 2024-02-03" in gulf.parked_reason
    set_exchange_rate(account_id=account.pk, base="KWD", quote="EUR", on="2024-01-01", rate_nanos=3 * 10**9)
    release_customer(customer_id=gulf.pk, reason="the rate is there")
    (made,) = run_invoices(BEGIN + timedelta(days=33))
    assert (made.tax_micros, made.issuer["books"]["currency"]) == (200_000, "EUR")


def test_numbers_and_dates_are_of_the_accounts_days_and_periods_of_the_customers(account: Account) -> None:
    update_account(account_id=account.pk, zone="Europe/Vilnius")
    update_options(account_id=account.pk, invoice_lag_h=0)
    east, west = (
        postpaid(account, zone, invoice_schedule="daily", billing_zone=zone)
        for zone in ("Pacific/Auckland", "America/Los_Angeles")
    )
    told = []
    for customer, hour in (
        (east, 12),
        (west, 23),
    ):
        charged(customer, [Talk(datetime(2024, 12, 31, 5, tzinfo=UTC), EURO)])
        (row,) = run_invoices(datetime(2024, 12, 31, hour, tzinfo=UTC), customer_ids=[customer.pk])
        told.append((row.number, str(row.invoice_on), str(row.from_on)))
    assert told == [("INV-2024-00001", "2024-12-31", "2024-12-31"), ("INV-2025-00001", "2025-01-01", "2024-12-30")]


def test_who_turns_postpaid_gets_receipts_until_then_and_invoices_from_then_on(account: Account) -> None:
    tax = create_tax(account_id=account.pk, name="VAT", rate_ppm=200_000)
    acme = postpaid(account, "Acme", tax_ids=[tax.pk])
    charged(acme, [Talk(BEGIN + timedelta(days=day), EURO) for day in (1, 9, 10, 40)])
    turned_at = BEGIN + timedelta(days=9, hours=1)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit (at, table_name, row_id, verb, before, after) VALUES (%s, 'customer', %s, 'UPDATE',"
            """ '{"billing_type": "prepaid"}', '{"billing_type": "postpaid"}')""",
            [turned_at, acme.pk],
        )
    found = run_invoices(BEGIN + timedelta(days=62))
    told = [(row.kind, row.net_micros, row.tax_micros) for row in found]
    assert told == [("receipt", 2 * EURO, 0), ("invoice", EURO, 200_000), ("invoice", EURO, 200_000)]
    assert (found[0].usage_until_at, found[1].usage_from_at) == (turned_at, turned_at)
    charged(acme, [Talk(BEGIN + timedelta(days=12), 500_000)])
    correct(acme, -EURO)
    march = run_invoices(BEGIN + timedelta(days=93))
    told = [(row.kind, row.net_micros, row.tax_micros) for row in march]
    assert told == [("invoice", 1_500_000, 300_000)], "what came to a receipt is billed as what came to an invoice"
    lines = [(line.kind, line.net_micros, line.from_on) for line in march[0].lines.order_by("position")]
    assert sorted(lines) == [
        ("correction", 500_000, turned_at.date()),
        ("correction", EURO, BEGIN.date().replace(day=1)),
    ]
    assert run_invoices(BEGIN + timedelta(days=93)) == [], "once"
    adds_up(acme)
    refused = pytest.raises(Invalid, match="account type was changed")
    void_invoice(invoice_id=found[0].pk, reason="anew")
    void_invoice(invoice_id=found[1].pk, reason="anew")
    with refused:
        draft_invoice(customer_id=acme.pk, from_on="2024-01-01", until_on="2024-02-01")
    adds_up(acme)


@pytest.mark.parametrize("was", ["prepaid", "postpaid"])
def test_what_is_given_back_of_the_time_before_a_switch_is_told_once_with_the_tax_of_all_calls(
    account: Account, was: str
) -> None:
    """Ten are used before the switch and ten after it, and one of the first ten is given back after it."""
    tax = create_tax(account_id=account.pk, name="VAT", rate_ppm=200_000)
    before: CustomerFields = {"invoice_schedule": "monthly", "email_invoices": False, "billing_type": was}
    acme = born(create_customer(account_id=account.pk, name="Acme", currency="EUR", tax_ids=[tax.pk], **before), BEGIN)
    if was == "prepaid":
        create_payment(customer_id=acme.pk, amount_micros=12 * EURO)
    charged(acme, [Talk(BEGIN, 10 * EURO)])
    first = run_invoices(BEGIN + timedelta(days=33))
    if was == "postpaid":
        create_payment(customer_id=acme.pk, amount_micros=12 * EURO)
    update_customer(customer_id=acme.pk, billing_type="postpaid" if was == "prepaid" else "prepaid")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # nobody else changes when something was done
        Audit.objects.filter(table_name="customer", row_id=acme.pk, before__has_key="billing_type").update(
            at=BEGIN + timedelta(days=30, hours=12)
        )
        cursor.execute("SET LOCAL session_replication_role = origin")
    correct(acme, EURO)
    if was == "postpaid":
        create_payment(customer_id=acme.pk, amount_micros=10_800_000)
    charged(acme, [Talk(BEGIN + timedelta(days=40), 10 * EURO)])
    second = run_invoices(BEGIN + timedelta(days=62))
    told = [(row.kind, row.net_micros, row.tax_micros) for row in [*first, *second]]
    if was == "prepaid":
        assert told == [("receipt", 10 * EURO, 0), ("invoice", 9 * EURO, 1_800_000)]
        assert balance(acme) == -10_800_000, "what is paid at last is 19 with its tax"
    else:
        assert told == [("invoice", 10 * EURO, 2 * EURO), ("receipt", 9 * EURO, 0)]
        assert balance(acme) == 0, "9 with their tax were paid for the ten of now, one was there"
    words = list(second[0].lines.order_by("position").values_list("kind", "net_micros"))
    assert sorted(words) == [("correction", -EURO), ("usage", 10 * EURO)]
    assert run_invoices(BEGIN + timedelta(days=62)) == []
    assert unexplained() == []
    adds_up(acme)


def test_eight_runs_a_kill_and_a_run_on_every_core_leave_every_period_and_number_once(database_url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.actions.eight_runs"],
        check=False,
        env=os.environ | {"TOLLGATE_DATABASE_URL": database_url},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    count = 2 * (CUSTOMERS + LATER)
    assert told == {
        "by_processes": 2 * LATER,
        "again": 0,
        "numbers": list(range(1, count + 1)),
        "periods": count,
        "states": ["issued"],
        "differences": [],
        "entries": count,
    }


def test_a_prepaid_customer_gets_a_receipt_for_each_day_of_use(account: Account) -> None:
    acme = create_customer(account_id=account.pk, name="Acme", currency="EUR", daily_receipts=True)
    born(acme, BEGIN)
    charged(acme, [Talk(BEGIN + timedelta(days=day), 1_000_000) for day in (0, 0, 3)])
    charge_customer(customer_id=acme.pk, description="Fee", unit_price_nanos=2 * EURO * 1000, from_on="2024-01-04")
    update_customer(customer_id=acme.pk, generate_invoices=False)
    assert run_invoices(BEGIN + timedelta(days=6)) == [], "switched off"
    update_customer(customer_id=acme.pk, generate_invoices=True)
    found = run_invoices(BEGIN + timedelta(days=6))
    told = [(row.kind, row.from_on.day, row.total_micros, row.open_micros) for row in found if row.from_on]
    assert told == [("receipt", 1, 2 * EURO, 0), ("receipt", 4, 3 * EURO, 0)], "days without use get none"
    assert balance(acme) == -5 * EURO, "the fee was not charged before"
    update_customer(customer_id=acme.pk, zero_invoices=True)
    assert len(run_invoices(BEGIN + timedelta(days=6))) == 3
    adds_up(acme)


def test_whose_vat_has_ended_is_not_billed_without_it_until_somebody_says_so(account: Account) -> None:
    Account.objects.update(country="LT", vat_id="LT100001919017")
    old = create_tax(account_id=account.pk, name="Old", rate_ppm=180_000, valid_until_on="2023-12-31")
    baltic = postpaid(account, "Baltic", country="LT", tax_ids=[old.pk])
    charged(baltic, [Talk(BEGIN, EURO)])
    assert run_invoices(BEGIN + timedelta(days=33)) == []
    baltic.refresh_from_db()
    assert baltic.parked_reason == NO_TAX_HOLDS
    new = create_tax(account_id=account.pk, name="New", rate_ppm=210_000, valid_from_on="2024-01-01")
    update_customer(customer_id=baltic.pk, tax_ids=[old.pk, new.pk])
    release_customer(customer_id=baltic.pk, reason="it pays the new one")
    assert [row.total_micros for row in run_invoices(BEGIN + timedelta(days=33))] == [1_210_000]
    charged(baltic, [Talk(BEGIN + timedelta(days=31), EURO)])
    update_customer(customer_id=baltic.pk, tax_ids=[], tax_treatment="no_vat")
    (plain,) = run_invoices(BEGIN + timedelta(days=62))
    assert (plain.total_micros, plain.taxes.count()) == (EURO, 0)


def test_little_use_at_prices_with_tax_is_billed_though_a_fixed_part_is_more(account: Account) -> None:
    stamp = create_tax(account_id=account.pk, name="Stamp", rate_ppm=250_000, fixed_micros=EURO)
    baltic = postpaid(account, "Baltic", tax_ids=[stamp.pk], prices_include_tax=True)
    charged(baltic, [Talk(BEGIN, 100_000)])
    (made,) = run_invoices(BEGIN + timedelta(days=33))
    assert (made.net_micros, made.tax_micros, made.total_micros) == (80_000, 20_000, 100_000)
    adds_up(baltic)


def test_what_a_run_has_in_hand_of_a_customer_is_not_read_again_for_its_document(account: Account) -> None:
    vat = create_tax(account_id=account.pk, name="VAT", rate_ppm=210_000)
    customer = postpaid(account, "Baltic", tax_ids=[vat.pk])
    charged(customer, [Talk(BEGIN, EURO)])
    with CaptureQueriesContext(connection) as asked:
        (made,) = run_invoices(BEGIN + timedelta(days=33), customer_ids=[customer.pk])
    assert (made.customer, made.total_micros) == (customer, 1_210_000)
    reads = [found["sql"].partition(" FROM ")[2].split(" ")[0] for found in asked if found["sql"].startswith("SELECT")]
    assert (reads.count('"customer"'), reads.count('"account"'), reads.count('"customer_tax"')) == (1, 0, 1)
