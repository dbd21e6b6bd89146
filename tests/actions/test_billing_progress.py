"""Claims about what a run remembers: it reads what is new alone, and what comes late, of any age, is billed once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from tests.actions.bills import Talk, balance, charged, correct
from tests.actions.cast import EURO
from tests.actions.test_invoice_runs import BEGIN, HOUR, born, documents, postpaid
from tollgate.actions import billing_progress, invoice_runs, invoice_usage
from tollgate.actions.charges import charge_customer
from tollgate.actions.customers import create_customer, update_customer
from tollgate.actions.invoice_issue import issue_invoice, void_invoice
from tollgate.actions.invoice_runs import generate_missing_invoices, run_invoices
from tollgate.actions.invoices import (
    add_invoice_line,
    delete_invoice_draft,
    draft_invoice,
    remove_invoice_line,
    update_invoice,
)
from tollgate.actions.statements import fetch
from tollgate.store.models import Account, BillingProgress, Customer, Invoice

DAY = timedelta(days=1)


@dataclass
class Asked:
    """What a run asked: statements of invoices.sql by name, with how many stretches and how many rows they gave."""

    statements: list[str] = field(default_factory=list)
    stretches: int = 0
    calls: int = 0


@contextmanager
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    """Looks at what is asked meanwhile."""
    found = Asked()

    def told(file: str, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        rows = fetch(file, statement, *parameters)
        found.statements.append(statement)
        if statement.startswith("usage_of"):
            found.stretches += len(parameters[5])
            found.calls += sum(row["calls_count"] for row in rows)
        if statement in ("early_calls", "begins_of_calls", "corrected_calls"):
            found.calls += len(rows)
        return rows

    with monkeypatch.context() as patched:
        for module in (billing_progress, invoice_runs, invoice_usage):
            patched.setattr(module, "fetch", told)
        yield found


def daily(account: Account, name: str, weeks: int) -> Customer:
    """A customer with daily receipts that calls once a week."""
    customer = create_customer(account_id=account.pk, name=name, currency="EUR", daily_receipts=True)
    charged(born(customer, BEGIN), [Talk(BEGIN + timedelta(weeks=week), EURO) for week in range(weeks)])
    return customer


def test_what_a_run_reads_does_not_grow_with_what_is_done(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[list[Any]] = []
    for name, weeks in (("Acme", 3), ("Nordic", 40)):
        customer = daily(account, name, weeks)
        at = BEGIN + timedelta(weeks=weeks)
        assert len(run_invoices(at, customer_ids=[customer.pk])) == weeks
        seen: list[Any] = []
        for later in (HOUR, 2 * HOUR):
            with CaptureQueriesContext(connection) as queries, asked(monkeypatch) as found:
                assert run_invoices(at + later, customer_ids=[customer.pk]) == []
            assert (found.stretches, found.calls) == (0, 0), "no call is read for a second time"
            seen.append((len(queries), found.statements))
        charged(customer, [Talk(at, 2 * EURO)])
        with CaptureQueriesContext(connection) as queries, asked(monkeypatch) as found:
            (made,) = run_invoices(at + timedelta(days=7), customer_ids=[customer.pk])
        assert made.total_micros == 2 * EURO
        assert (found.stretches, found.calls) == (7, 1), "the days since, and their call"
        told.append([*seen, len(queries), found.statements])
    assert told[0] == told[1]


def test_a_long_catch_up_reads_each_call_once(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    acme = create_customer(account_id=account.pk, name="Acme", currency="EUR", daily_receipts=True)
    charged(born(acme, BEGIN), [Talk(BEGIN + day * DAY, EURO) for day in range(50)])
    with asked(monkeypatch) as found:
        assert len(run_invoices(BEGIN + 60 * DAY, customer_ids=[acme.pk])) == 50
    assert (found.stretches, found.calls) == (59, 50)


def test_what_comes_to_a_period_of_any_age_is_billed_once(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    baltic = postpaid(account, "Baltic", invoice_grouping="total")
    march, june = BEGIN + 65 * DAY, BEGIN + 160 * DAY
    charged(baltic, [Talk(BEGIN, EURO), Talk(march, 2 * EURO)])
    run_invoices(BEGIN + 120 * DAY)
    assert [row.total_micros for row in documents(baltic)] == [EURO, 2 * EURO]
    charged(baltic, [Talk(BEGIN + HOUR, 300_000), Talk(BEGIN + 40 * DAY, 500_000), Talk(june, 4 * EURO)])
    correct(baltic, 100_000)
    made = run_invoices(BEGIN + 120 * DAY + HOUR)
    told = [(row.from_on.month, row.total_micros) for row in made if row.from_on]
    assert told == [(2, 700_000)], "an empty month gets its document now, which bears what came to January"
    assert run_invoices(BEGIN + 121 * DAY) == []
    charged(baltic, [Talk(march + HOUR, 700_000)])
    assert run_invoices(BEGIN + 121 * DAY + HOUR) == [], "a billed month waits for the next document"
    assert BillingProgress.objects.get(customer=baltic).waiting == [march.replace(day=1, hour=0)]
    with asked(monkeypatch) as found:
        (april,) = run_invoices(BEGIN + 150 * DAY)
    assert [(line.kind, line.exact_micros) for line in april.lines.all()] == [("correction", 700_000)]
    assert found.calls == 2, "those of March"
    assert [row.total_micros for row in run_invoices(BEGIN + 200 * DAY)] == [4 * EURO]
    assert balance(baltic) == -sum(row.total_micros for row in documents(baltic))
    assert BillingProgress.objects.get(customer=baltic).waiting == []
    assert run_invoices(BEGIN + 200 * DAY) == []


def test_what_a_draft_bore_is_not_lost_with_it_however_many_runs_came_by(account: Account) -> None:
    baltic = postpaid(account, "Baltic", invoice_grouping="total")
    charged(baltic, [Talk(BEGIN, EURO), Talk(BEGIN + 40 * DAY, 2 * EURO), Talk(BEGIN + 70 * DAY, 3 * EURO)])
    run_invoices(BEGIN + 33 * DAY)
    charged(baltic, [Talk(BEGIN + HOUR, 500_000)])
    days = {"from_on": "2024-02-01", "until_on": "2024-03-01"}
    draft = draft_invoice(customer_id=baltic.pk, **days)
    assert draft.net_micros == 2_500_000
    for day in (40, 62):
        run_invoices(BEGIN + day * DAY)
    delete_invoice_draft(invoice_id=draft.pk)
    draft = draft_invoice(customer_id=baltic.pk, **days)
    assert draft.net_micros == 2_500_000
    (march,) = run_invoices(BEGIN + 93 * DAY)
    assert march.net_micros == 3 * EURO
    assert BillingProgress.objects.get(customer=baltic).waiting == [], "the draft bears what came"
    assert issue_invoice(invoice_id=draft.pk).net_micros == 2_500_000, "made anew it says the same"
    void_invoice(invoice_id=draft.pk, reason="anew")
    again = run_invoices(BEGIN + 93 * DAY)
    assert [row.net_micros for row in again] == [2_500_000], "its own month, and what came to another"
    assert balance(baltic) == -sum(row.total_micros for row in documents(baltic))


def test_what_a_draft_can_no_longer_hold_is_given_by_the_next_document(account: Account) -> None:
    baltic = postpaid(account, "Baltic", invoice_grouping="total")
    talks = [Talk(BEGIN, EURO), Talk(BEGIN + 40 * DAY, 100_000), Talk(BEGIN + 70 * DAY, 3 * EURO)]
    charged(baltic, talks)
    run_invoices(BEGIN + 33 * DAY)
    correct(baltic, 500_000)
    draft = draft_invoice(customer_id=baltic.pk, from_on="2024-02-01", until_on="2024-03-01")
    add_invoice_line(invoice_id=draft.pk, description="Set-up", unit_price_nanos=EURO * 1000)
    draft = update_invoice(invoice_id=draft.pk, grouping="destination")
    assert draft.net_micros == 600_000, "all is given back"
    assert [row.net_micros for row in run_invoices(BEGIN + 93 * DAY)] == [3 * EURO]
    assert BillingProgress.objects.get(customer=baltic).waiting == [], "the draft bears what came"
    draft = remove_invoice_line(line_id=draft.lines.get(kind="manual").pk)
    assert draft.net_micros == 0, "no room for the rest"
    charged(baltic, [Talk(BEGIN + 95 * DAY, 2 * EURO)])
    (april,) = run_invoices(BEGIN + 125 * DAY)
    assert april.net_micros == 2 * EURO - 400_000
    assert issue_invoice(invoice_id=draft.pk).net_micros == 0
    assert balance(baltic) == -sum(row.total_micros for row in documents(baltic))


def test_a_period_whose_credit_no_document_has_room_for_is_looked_at_again(account: Account) -> None:
    baltic = postpaid(account, "Baltic", invoice_grouping="total")
    charged(baltic, [Talk(BEGIN, EURO)])
    (january,) = run_invoices(BEGIN + 33 * DAY)
    charged(baltic, [Talk(BEGIN + HOUR, 300_000), Talk(BEGIN + 40 * DAY, 2 * EURO)])
    (february,) = run_invoices(BEGIN + 61 * DAY)
    assert february.net_micros == 2_300_000, "with what came to January"
    void_invoice(invoice_id=january.pk, reason="all was given back")
    correct(baltic, 1_300_000)
    for hours in range(2):
        assert run_invoices(BEGIN + 62 * DAY + hours * HOUR) == []
    charged(baltic, [Talk(BEGIN + 41 * DAY, 500_000)])
    assert [row.net_micros for row in run_invoices(BEGIN + 63 * DAY)] == [200_000]
    assert balance(baltic) == -sum(row.total_micros for row in documents(baltic))


def test_schedule_zone_and_kind_may_change_between_runs_and_all_is_billed_once(account: Account) -> None:
    baltic = postpaid(account, "Baltic", invoice_grouping="total")
    talks = [Talk(BEGIN + day * DAY, EURO) for day in (1, 50, 95, 97, 130, 131, 170, 171)]
    charged(baltic, talks)
    for day, changes in (
        (40, {"billing_zone": "Pacific/Auckland"}),
        (63, {"invoice_schedule": "daily"}),
        (100, {"billing_zone": "America/Los_Angeles", "invoice_schedule": "weekly", "billing_day": 3}),
        (140, {"zero_invoices": True}),
        (150, {"zero_invoices": False, "invoice_schedule": "monthly", "billing_day": 31}),
        (220, {}),
    ):
        run_invoices(BEGIN + day * DAY)
        update_customer(customer_id=baltic.pk, **changes)  # type: ignore[arg-type]
    found = documents(baltic)
    assert sum(row.exact_micros for row in found) == len(talks) * EURO == -balance(baltic)
    assert all(one.usage_until_at <= two.usage_from_at for one, two in pairwise(found))  # type: ignore[operator]
    assert run_invoices(BEGIN + 221 * DAY) == []


def test_a_charge_of_a_period_that_is_done_is_billed_by_the_next_run(account: Account) -> None:
    acme = daily(account, "Acme", 1)
    run_invoices(BEGIN + 20 * DAY)
    charge_customer(customer_id=acme.pk, description="Fee", unit_price_nanos=2 * EURO * 1000, from_on="2024-01-10")
    charge_customer(customer_id=acme.pk, description="Gift", unit_price_nanos=-9 * EURO * 1000, from_on="2024-01-10")
    (made,) = run_invoices(BEGIN + 20 * DAY + HOUR)
    assert (made.total_micros, made.from_on) == (2 * EURO, BEGIN.date() + 9 * DAY)
    assert run_invoices(BEGIN + 20 * DAY + 2 * HOUR) == []


def test_a_person_who_bills_without_the_lag_takes_nothing_from_the_run(account: Account) -> None:
    baltic = postpaid(account, "Baltic", invoice_grouping="total")
    charged(baltic, [Talk(BEGIN, EURO)])
    Customer.objects.filter(pk=baltic.pk).update(invoice_schedule="daily")
    generate_missing_invoices(customer_id=baltic.pk)
    charged(baltic, [Talk(BEGIN + 4 * DAY, 5 * EURO)])
    assert [row.total_micros for row in run_invoices(BEGIN + 3 * DAY)] == []
    assert [row.total_micros for row in run_invoices(BEGIN + 6 * DAY)] == [5 * EURO]


def test_what_bills_may_take_its_time(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    limits: set[str] = set()

    def told(*arguments: Any) -> list[dict[str, Any]]:
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            limits.add(cursor.fetchone()[0])
        return really(*arguments)

    def limits_of(work: Callable[[], object]) -> set[str]:
        limits.clear()
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 30000")
        work()
        return set(limits)

    really = invoice_usage._charged
    monkeypatch.setattr(invoice_usage, "_charged", told)
    baltic = postpaid(account, "Baltic")
    charged(baltic, [Talk(BEGIN + day * DAY, EURO) for day in (0, 32, 62)])
    assert limits_of(lambda: run_invoices(BEGIN + 33 * DAY)) == {"0"}
    days = {"from_on": "2024-02-01", "until_on": "2024-03-01"}
    assert limits_of(lambda: draft_invoice(customer_id=baltic.pk, **days)) == {"0"}
    draft = Invoice.objects.get(customer=baltic, state="draft")
    assert limits_of(lambda: issue_invoice(invoice_id=draft.pk)) == {"0"}
    assert limits_of(lambda: generate_missing_invoices(customer_id=baltic.pk, preview=True)) == {"0"}


def test_whoever_is_not_billed_is_told_of_loudly_and_the_others_are_billed(
    account: Account, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = (postpaid(account, name) for name in ("Baltic", "Fjord"))
    for customer in (one, two):
        charged(customer, [Talk(BEGIN, EURO)])
    bill = invoice_runs.bill

    def failing(customer: Customer, **given: Any) -> list[Invoice]:
        if customer.pk == one.pk:
            raise OperationalError("canceling statement due to statement timeout")
        return bill(customer, **given)

    monkeypatch.setattr(invoice_runs, "bill", failing)
    assert [row.customer_id for row in run_invoices(BEGIN + 33 * DAY)] == [two.pk]
    assert f"ALARM customer {one.pk} is not billed" in caplog.text
    one.refresh_from_db()
    assert one.parked_at is None, "the next run tries again"
