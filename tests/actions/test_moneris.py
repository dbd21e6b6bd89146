"""Claims about the wallet behind Moneris: what its receipt says is booked once, whoever asks and however often."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.actions.cast import EURO, acme
from tests.actions.test_payments import balance
from tests.gateways.payments.desk import Desk
from tests.gateways.payments.moneris import REQUEST, SECRETS, TICKET, preloaded, receipt, settings_of, unpaid
from tollgate.actions.acts import Invalid
from tollgate.actions.own_payments import send_payer, start_checkout, widget_of
from tollgate.actions.payment_events import look_now, receive
from tollgate.actions.payment_gateways import create_payment_gateway
from tollgate.actions.payment_janitor import ask_next
from tollgate.actions.payments import refund_payment, reverse_payment
from tollgate.store.models import Account, Checkout, Customer, ExchangeRate, Payment, PaymentGateway

pytestmark = pytest.mark.usefixtures("inside")
HOUR = timedelta(hours=1)


def begun(account: Account, house: Desk) -> tuple[Customer, Checkout, PaymentGateway]:
    """A hundred dollars that Carla is about to pay, of which each is worth a euro."""
    ExchangeRate.objects.create(account=account, base="CAD", quote="EUR", on=date(2020, 1, 1), rate_nanos=10**9)
    customer = acme(account)
    gateway = create_payment_gateway(
        account_id=account.pk, name="moneris", provider="moneris", settings=settings_of(house.url), secrets=SECRETS
    )
    checkout = start_checkout(customer_id=customer.pk, gateway="moneris", currency="CAD", amount_micros=100 * EURO)
    house.answers[REQUEST] = preloaded()
    pages = {"return_url": "https://p/7/?back=1", "cancel_url": "https://p/7/", "page_url": "https://p/7/pay/"}
    for _ in range(2):
        assert send_payer(checkout, email="c@acme.example", **pages, at=datetime.now(UTC)) == "https://p/7/pay/"
    checkout.refresh_from_db()
    assert checkout.session == TICKET
    return customer, checkout, gateway


def ask(at: datetime) -> int:
    """Asks all that is due; gives how many that were."""
    found = 0
    while ask_next(at):
        found += 1
    return found


def test_who_comes_back_is_asked_about_at_once_and_booked_once(account: Account, house: Desk) -> None:
    customer, checkout, gateway = begun(account, house)
    now = datetime.now(UTC)
    house.answers[REQUEST] = receipt(checkout.reference, "100.00")
    assert ask(now) == 0, "nobody came back, and five minutes have not passed"
    forged = receive(gateway, body=b'{"response": {"success": "true"}}', headers={}, ip="203.0.113.9", at=now)
    assert (forged.state, balance(customer)) == ("refused", 0)
    look_now(checkout, now)
    assert ask(now) == 1
    assert balance(customer) == 100 * EURO
    for _ in range(3):
        Checkout.objects.update(next_at=now)
        ask(now)
    paid = Payment.objects.get()
    assert (paid.status, paid.external_id, paid.payer) == ("completed", checkout.reference, "carla@acme.example")
    assert balance(customer) == 100 * EURO


def test_a_payer_who_does_not_come_back_is_found_by_the_worker(account: Account, house: Desk) -> None:
    customer, checkout, _ = begun(account, house)
    now = datetime.now(UTC)
    house.answers[REQUEST] = unpaid()
    assert ask(now + HOUR / 6) == 1
    house.answers[REQUEST] = receipt(checkout.reference, "100.00", transaction_code="01")
    assert ask(now + 2 * HOUR) == 1
    checkout.refresh_from_db()
    assert (balance(customer), "must make purchases" in checkout.note) == (0, True)
    house.answers[REQUEST] = receipt(checkout.reference, "100.00")
    assert ask(now + 50 * HOUR) == 1
    assert balance(customer) == 100 * EURO


def test_what_nobody_pays_is_canceled_in_the_end(account: Account, house: Desk) -> None:
    customer, _, _ = begun(account, house)
    house.answers[REQUEST] = unpaid()
    for days in range(12):
        ask(datetime.now(UTC) + timedelta(days=days + 1))
    assert (Payment.objects.get().status, balance(customer)) == ("canceled", 0)


def test_a_refund_is_made_there_and_undone_here(account: Account, house: Desk) -> None:
    customer, checkout, _ = begun(account, house)
    house.answers[REQUEST] = receipt(checkout.reference, "100.00")
    look_now(checkout, datetime.now(UTC))
    ask(datetime.now(UTC))
    heard = len(house.asked)
    with pytest.raises(Invalid, match="Moneris is not asked from here: refund it there, and undo the payment here"):
        refund_payment(payment_id=checkout.payment_id, amount_micros=40 * EURO)
    reverse_payment(payment_id=checkout.payment_id, reason="Refunded at Moneris")
    assert balance(customer) == 0
    assert len(house.asked) == heard


def test_the_form_is_that_of_the_gateways_mode(account: Account, house: Desk) -> None:
    _, checkout, _ = begun(account, house)
    shown = widget_of(checkout)
    assert shown is not None
    assert (shown.origin, shown.mode) == (house.url, "qa")
