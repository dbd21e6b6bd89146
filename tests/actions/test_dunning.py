"""Claims about invoices that are unpaid again: the steps begin anew, from the day on which they were."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.actions.cast import EURO
from tests.actions.test_notices import unpaid
from tollgate.actions import dunning, records
from tollgate.actions.allocations import allocate_payment, release_allocation
from tollgate.actions.contacts import create_contact
from tollgate.actions.customers import create_customer
from tollgate.actions.dunning import create_dunning_step
from tollgate.actions.holds import end_over
from tollgate.actions.payments import create_payment, refund_payment, reverse_payment
from tollgate.store.models import (
    Account,
    Allocation,
    Charge,
    Customer,
    DunningEvent,
    DunningStep,
    Invoice,
    WebhookEvent,
)

pytestmark = pytest.mark.django_db


def overdue(account: Account) -> tuple[Customer, Invoice, datetime]:
    """Baltic, its invoice, and the midnight at which that is due; with a step of each kind."""
    baltic = create_customer(
        account_id=account.pk, name="Baltic", currency="EUR", debit_limit_micros=500 * EURO,
        overdue_grace_days=2, overdue_action="restrict",
    )  # fmt: skip
    create_contact(customer_id=baltic.pk, email="dan@baltic.example", first_name="Dan")
    step: dict[str, Any] = {"account_id": account.pk}
    create_dunning_step(**step, title="Remind", days=1, action="remind")
    create_dunning_step(**step, title="Fee", days=2, action="late_fee", fee_micros=EURO, currency="EUR")
    create_dunning_step(**step, title="Rest", days=3, action="restrict")
    DunningStep.objects.update(created_at=records.now() - timedelta(days=1))
    due_on = records.now().date() + timedelta(days=30)
    return baltic, unpaid(baltic, due_on, zone="UTC"), datetime.combine(due_on, datetime.min.time(), UTC)


def taken(midnight: datetime, from_day: int, until_day: int) -> list[tuple[int, str]]:
    """What happens on which day, where it is looked every six hours."""
    found = []
    for hour in range(24 * from_day, 24 * until_day, 6):
        known = set(DunningEvent.objects.values_list("pk", flat=True))
        dunning.run(midnight + timedelta(hours=hour))
        new = DunningEvent.objects.exclude(pk__in=known).order_by("id")
        found += [(hour // 24, words) for words in new.values_list("words", flat=True)]
    return found


def test_an_invoice_that_is_unpaid_again_is_dunned_anew_from_that_day_on(account: Account) -> None:
    baltic, _, midnight = overdue(account)
    first = [
        (1, "Reminder to dan@baltic.example"),
        (3, "Status inactive"),
        (4, "Late fee for invoice 2031-00007"),
        (5, "Status inactive"),
    ]
    assert taken(midnight, 0, 13) == [(0, "Event invoice.due"), (1, "Event invoice.overdue"), *first]
    paid = create_payment(customer_id=baltic.pk, amount_micros=121 * EURO)
    assert end_over(midnight + timedelta(days=13)) > 0
    assert taken(midnight, 13, 30) == []
    reverse_payment(payment_id=paid.pk, reason="chargeback")
    begun = [(30, "Unpaid again: the steps begin anew"), (30, "Event invoice.overdue")]
    again = [(30 + day, words) for day, words in first if not words.startswith("Late fee")]
    assert taken(midnight, 30, 60) == [*begun, *again]
    baltic.refresh_from_db()
    assert (baltic.status, baltic.status_reason) == ("inactive", "Invoice 2031-00007 is overdue.")
    assert Charge.objects.count() == 1, "one delay, one fee"
    assert WebhookEvent.objects.filter(event="invoice.overdue").count() == 2


def test_money_that_moves_between_two_looks_or_never_was_the_whole_begins_nothing_anew(account: Account) -> None:
    baltic, invoice, midnight = overdue(account)
    taken(midnight, 0, 13)
    part = create_payment(customer_id=baltic.pk, amount_micros=100 * EURO)
    refund_payment(payment_id=part.pk, amount_micros=50 * EURO)
    assert taken(midnight, 13, 20) == [], "it was never paid in whole"
    rest = create_payment(customer_id=baltic.pk, amount_micros=71 * EURO)
    invoice.refresh_from_db()
    assert invoice.open_micros == 0
    release_allocation(allocation_id=Allocation.objects.get(payment=rest).pk)
    allocate_payment(payment_id=rest.pk, invoice_id=invoice.pk)
    assert taken(midnight, 20, 40) == [], "a person moved it there and back"
    reverse_payment(payment_id=rest.pk, reason="chargeback")
    assert (40, "Unpaid again: the steps begin anew") in taken(midnight, 40, 41)


def test_one_that_is_unpaid_again_before_it_is_due_waits_for_its_day(account: Account) -> None:
    baltic, _, midnight = overdue(account)
    paid = create_payment(customer_id=baltic.pk, amount_micros=121 * EURO)
    reverse_payment(payment_id=paid.pk, reason="chargeback")
    days = [day for day, _ in taken(midnight, -10, 13)]
    assert days == [-10, 0, 1, 1, 3, 4, 5]


@pytest.mark.parametrize("restrict_days", [0, 1, 9])
def test_a_later_milder_step_never_lightens_a_harder_one_and_paying_gives_all_back(
    account: Account, restrict_days: int
) -> None:
    """Its own overdue action blocks Baltic the day after its grace; the account's step restricts it then or later."""
    baltic, invoice, midnight = overdue(account)
    Customer.objects.filter(pk=baltic.pk).update(overdue_action="penalty")
    DunningStep.objects.filter(action="restrict").update(days=1 + restrict_days)
    told = taken(midnight, 0, 20)
    baltic.refresh_from_db()
    assert baltic.status == "penalty"
    assert (3, "Status penalty") in told
    assert (3 + restrict_days, "An earlier step of this invoice is harder: the status stays") in told
    create_payment(customer_id=baltic.pk, amount_micros=invoice.total_micros)
    assert end_over(midnight + timedelta(days=20)) == 1
    baltic.refresh_from_db()
    assert (baltic.status, baltic.status_reason) == ("active", "")


def test_a_harder_step_after_a_milder_one_holds_until_it_is_paid(account: Account) -> None:
    baltic, invoice, midnight = overdue(account)
    Customer.objects.filter(pk=baltic.pk).update(overdue_action="penalty", overdue_grace_days=5)
    DunningStep.objects.filter(action="restrict").update(days=1, action="restrict")
    hard = create_dunning_step(account_id=account.pk, title="Block", days=4, action="penalty")
    DunningStep.objects.filter(pk=hard.pk).update(created_at=records.now() - timedelta(days=1))
    taken(midnight, 0, 20)
    baltic.refresh_from_db()
    assert baltic.status == "penalty"
    create_payment(customer_id=baltic.pk, amount_micros=invoice.total_micros)
    end_over(midnight + timedelta(days=20))
    baltic.refresh_from_db()
    assert baltic.status == "active"
