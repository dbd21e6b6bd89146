"""Claims about automatic top-ups: whose stored method is charged, and that it is said why one is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from tests.actions.cast import EURO, acme
from tests.actions.test_customers import refused
from tests.actions.test_payment_settling import paypal
from tollgate.actions import payment_methods
from tollgate.actions.customer_status import hold_for_fraud, set_customer_status
from tollgate.actions.customers import create_customer, update_customer
from tollgate.actions.holds import impose
from tollgate.actions.payment_janitor import start_due_top_ups
from tollgate.actions.payment_methods import update_auto_top_up
from tollgate.actions.payment_settling import book_gateway_event
from tollgate.core.holds import Hold
from tollgate.store.models import Account, AutoTopUp, Checkout, Customer, Payment, PaymentGateway

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
UNPAID = Hold(status="inactive", reason="Invoice 7 is overdue.", until_at=None)


def now() -> datetime:
    """The moment, as the worker's clock tells it."""
    return datetime.now(UTC)


def low(customer: Customer, gateway: PaymentGateway) -> AutoTopUp:
    """A stored card that is charged now, for the customer has nothing."""
    terms = {"threshold_micros": 5 * EURO, "amount_micros": 20 * EURO, "daily_cap_micros": 50 * EURO}
    card = {"gateway": gateway, "method_label": "Visa 4242", "enabled": True, "next_at": LONG_AGO}
    return AutoTopUp.objects.create(account_id=customer.account_id, customer=customer, **terms, **card)


def charged() -> int:
    """How many top-ups begin when the worker looks; each is tried anew."""
    AutoTopUp.objects.update(next_at=LONG_AGO)
    return start_due_top_ups(now())


def note() -> str:
    """What whoever looks is told."""
    return AutoTopUp.objects.get().note


def test_nobody_is_charged_who_may_not_call_but_for_invoices_that_would_be_paid_so(account: Account) -> None:
    customer = acme(account)
    low(customer, paypal(account))
    for status in ("inactive", "penalty", "pending"):
        set_customer_status(customer_id=customer.pk, status=status, reason="Contract ended")
        assert charged() == 0, status
    set_customer_status(customer_id=customer.pk, status="active")
    hold_for_fraud(customer_id=customer.pk, reason="calls to premium numbers")
    assert charged() == 0
    impose(customer.pk, cause="invoice:7", hold=UNPAID, at=now())
    assert charged() == 0, "the invoice is not all that holds it"
    assert "penalty" in note()
    set_customer_status(customer_id=customer.pk, status="active")
    for until_at in (now() - timedelta(days=1), now() + timedelta(days=1)):
        update_customer(customer_id=customer.pk, expires_at=until_at)
        assert charged() == (until_at > now())
    assert Payment.objects.get().amount_micros == 20 * EURO


def test_who_rests_for_an_unpaid_invoice_alone_is_charged_until_a_person_says_otherwise(account: Account) -> None:
    customer = acme(account)
    low(customer, paypal(account))
    impose(customer.pk, cause="invoice:7", hold=UNPAID, at=now())
    set_customer_status(customer_id=customer.pk, status="inactive", reason="Contract ended")
    assert charged() == 0
    assert "inactive" in note()
    customer.refresh_from_db()
    for name, value in (("status_reason", UNPAID.reason), ("status_until", None)):
        Customer.objects.filter(pk=customer.pk).update(**{name: value})
    assert charged() == 1


def test_days_of_validity_that_are_over_end_the_charges_too(account: Account) -> None:
    Account.objects.update(valid_from_creation=True)
    customer = acme(account, valid_days=30)
    low(customer, paypal(account))
    Customer.objects.filter(pk=customer.pk).update(created_at=now() - timedelta(days=31))
    assert charged() == 0
    assert "calls were possible until" in note()
    update_customer(customer_id=customer.pk, valid_days=32)
    assert charged() == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"gateway": {"enabled": False}}, "switched off"),
        ({"gateway": {"currencies": ["USD"]}}, "no longer open to EUR"),
        ({"customer": {"payment_gateways": ["bank_transfer"]}}, "no longer open to EUR"),
        ({"customer": {"minimum_payment_micros": 30 * EURO}}, "The least payment is 30.00 EUR."),
        ({"card": {"daily_cap_micros": 19 * EURO}}, "The cap of the day"),
    ],
)
def test_what_held_when_it_was_set_and_holds_no_more_is_told(
    account: Account, change: dict[str, dict[str, Any]], said: str
) -> None:
    customer = acme(account)
    low(customer, paypal(account))
    Customer.objects.filter(pk=customer.pk).update(**change.get("customer", {"reference": "PO 7"}))
    PaymentGateway.objects.update(**change.get("gateway", {"title": "PayPal"}))
    AutoTopUp.objects.update(**change.get("card", {"method_label": "Visa 4242"}))
    assert charged() == 0
    assert said in note()
    assert start_due_top_ups(now()) == 0, "it is looked at again in a while"
    assert not Payment.objects.exists()


def test_the_cap_of_a_day_is_of_all_that_the_card_is_charged(account: Account) -> None:
    customer, gateway = acme(account), paypal(account)
    PaymentGateway.objects.update(surcharge_micros=EURO, surcharge_ppm=50_000)  # 22 euros for 20
    auto = low(customer, gateway)
    fields = {"auto_top_up_id": auto.pk, "enabled": True, "amount_micros": 20 * EURO}
    refused("daily_cap_micros", update_auto_top_up, **fields, daily_cap_micros=21_990_000)
    update_auto_top_up(**fields, daily_cap_micros=43_990_000)  # type: ignore[arg-type]
    AutoTopUp.objects.update(daily_cap_micros=19_990_000)
    assert charged() == 0
    AutoTopUp.objects.update(daily_cap_micros=20 * EURO)
    assert charged() == 1, "set before there was a surcharge, it goes on with the first of a day"
    Payment.objects.update(status="completed")
    for cap in (20 * EURO, 43_990_000):
        AutoTopUp.objects.update(daily_cap_micros=cap)
        assert charged() == 0, "40 euros are within the cap, 44 are not"
    assert "cap" in note()
    update_auto_top_up(**fields, daily_cap_micros=44 * EURO)  # type: ignore[arg-type]
    assert charged() == 1


def test_a_charge_of_which_the_gateways_notice_tells_first_ends_the_failures_before_it(account: Account) -> None:
    customer, gateway = acme(account), paypal(account)
    low(customer, gateway)
    assert charged() == 1
    AutoTopUp.objects.update(failures_count=2, note="The card was refused.")
    begun = Checkout.objects.get()
    told = {
        "kind": "paid", "external_id": "P1", "parent_id": "", "reference": begun.reference, "session": "",
        "amount_micros": begun.payment.received_micros, "fee_micros": 0, "currency": "EUR", "payer": "", "note": "",
    }  # fmt: skip
    assert book_gateway_event(gateway_id=gateway.pk, told=told) == "booked"
    assert list(AutoTopUp.objects.values_list("failures_count", "note")) == [(0, "")]


def test_whatever_befalls_one_top_up_the_others_begin(
    account: Account, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gateway, begin = paypal(account), payment_methods.new_payment
    for customer in (acme(account), create_customer(account_id=account.pk, name="Baltic", currency="EUR")):
        low(customer, gateway)

    def break_down(customer: Customer, **given: Any) -> Payment:
        if customer.name == "Acme":
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")
        return begin(customer, **given)

    with monkeypatch.context() as broken:
        broken.setattr(payment_methods, "new_payment", break_down)
        assert [start_due_top_ups(now()), start_due_top_ups(now())] == [1, 0]
    assert "ALARM automatic top-up" in caplog.text
    assert Payment.objects.get().customer_id != Customer.objects.get(name="Acme").pk
    assert charged() == 1
