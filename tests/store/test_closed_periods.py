"""Claims about the check of periods that are over: who was to be billed and was not is found, and nobody else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.actions.bills import Talk, charged, correct
from tests.actions.cast import ANN, EURO, demo_account
from tests.actions.test_invoice_runs import BEGIN, postpaid
from tollgate.actions.acts import acting
from tollgate.actions.customers import update_customer
from tollgate.actions.invoice_runs import park, run_invoices
from tollgate.actions.invoices import draft_invoice
from tollgate.actions.statements import fetch
from tollgate.store.models import Customer

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


def unbilled(at: datetime) -> list[str]:
    """Whom the check finds at a moment."""
    return [row["name"] for row in fetch("invoices", "closed_and_unbilled", at)]


@pytest.mark.parametrize(
    ("fields", "called_at", "closed_at"),
    [
        ({"billing_day": 31}, datetime(2024, 2, 10, tzinfo=UTC), datetime(2024, 2, 29, tzinfo=UTC)),
        ({"billing_day": 31}, datetime(2024, 2, 29, tzinfo=UTC), datetime(2024, 3, 31, tzinfo=UTC)),
        ({"billing_day": 15}, datetime(2024, 1, 20, tzinfo=UTC), datetime(2024, 2, 15, tzinfo=UTC)),
        (
            {"invoice_schedule": "weekly", "billing_day": 3},
            datetime(2024, 1, 10, tzinfo=UTC),
            datetime(2024, 1, 17, tzinfo=UTC),
        ),
        (
            {"invoice_schedule": "daily", "billing_zone": "America/New_York"},
            datetime(2024, 3, 10, 4, 59, tzinfo=UTC),
            datetime(2024, 3, 10, 5, tzinfo=UTC),
        ),
        (
            {"invoice_schedule": "daily", "billing_zone": "America/New_York"},
            datetime(2024, 3, 10, 5, tzinfo=UTC),
            datetime(2024, 3, 11, 4, tzinfo=UTC),
        ),
    ],
)
def test_a_closed_period_that_is_on_no_document_is_found_once_the_lag_and_a_day_are_over(
    fields: dict[str, object], called_at: datetime, closed_at: datetime
) -> None:
    with acting(ANN):
        baltic = postpaid(demo_account(), "Baltic", **fields)
        charged(baltic, [Talk(called_at, EURO)])
        due_at = closed_at + timedelta(hours=24 + 24)
        assert (unbilled(due_at - SECOND), unbilled(due_at)) == ([], ["Baltic"])
        assert run_invoices(closed_at + timedelta(hours=24) - SECOND) == []
        assert unbilled(due_at) == ["Baltic"]
        assert len(run_invoices(closed_at + timedelta(hours=24))) == 1
        assert unbilled(due_at) == []


def test_whoever_is_billed_by_a_person_rests_or_used_nothing_is_not_found() -> None:
    at = BEGIN + timedelta(days=40)
    with acting(ANN):
        account = demo_account()
        by_hand, rests, given_back, switched_off, never, reseller = (
            postpaid(account, name, is_reseller=name == "Nordic")
            for name in ("By hand", "Rests", "Given back", "Switched off", "Never", "Nordic")
        )
        below = postpaid(account, "Fjord", parent_id=reseller.pk, invoice_schedule="none")
        for customer in (by_hand, rests, given_back, switched_off, never):
            charged(customer, [Talk(BEGIN, EURO)])
        charged(below, [Talk(BEGIN, EURO)], payer=reseller)
        draft_invoice(customer_id=by_hand.pk, from_on="2024-01-01", until_on="2024-02-01")
        park(rests, "it does not add up", BEGIN)
        correct(given_back, EURO)
        update_customer(customer_id=switched_off.pk, generate_invoices=False)
        Customer.objects.filter(pk=never.pk).update(invoice_schedule="none")
        assert unbilled(at) == ["Nordic"], "who pays for the calls of others"
