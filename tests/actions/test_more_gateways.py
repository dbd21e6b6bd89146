"""Claims about the wallets behind Razorpay, Paystack, PayMongo, Yoco and NOWPayments: money moves once, both ways."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.actions.cast import ANN, EURO, acme, demo_account
from tests.actions.test_payments import balance
from tests.gateways.payments import more
from tests.gateways.payments.desk import Desk, ipn
from tests.gateways.payments.more import CURRENCY, KEYS, NEW, settings_of, signed, story
from tollgate.actions.acts import acting
from tollgate.actions.own_payments import start_checkout
from tollgate.actions.payment_events import process_next, receive
from tollgate.actions.payment_gateways import create_payment_gateway
from tollgate.actions.payment_janitor import ask_next
from tollgate.actions.payments import refund_payment
from tollgate.store.models import (
    Account,
    Checkout,
    Customer,
    Entry,
    ExchangeRate,
    Payment,
    PaymentEvent,
    PaymentGateway,
)

pytestmark = pytest.mark.usefixtures("inside")

LATER = timedelta(days=3)


def now() -> datetime:
    """The moment, as the clock of the notices tells it."""
    return datetime.now(UTC)


def opened(account: Account, provider: str, url: str) -> PaymentGateway:
    """A gateway for customers, whose currency is worth a euro."""
    code = CURRENCY[provider]
    if code != "EUR":
        ExchangeRate.objects.create(account=account, base=code, quote="EUR", on=date(2020, 1, 1), rate_nanos=10**9)
    return create_payment_gateway(
        account_id=account.pk,
        name=provider,
        provider=provider,
        currencies=[code],
        settings=settings_of(provider, url),
        secrets=dict(KEYS[provider]),
    )


def checkout(customer: Customer, provider: str, euros: int) -> Checkout:
    """A payment that Carla has begun."""
    given: dict[str, Any] = {"gateway": provider, "currency": CURRENCY[provider], "amount_micros": euros * EURO}
    return start_checkout(customer_id=customer.pk, **given)


def tell(gateway: PaymentGateway, *bodies: bytes) -> None:
    """Notices that come one after the other and are processed until nothing is due any more."""
    for body in bodies:
        receive(gateway, body=body, headers=signed(gateway.provider, body, now()), ip="203.0.113.9", at=now())
    for at in (now(), now() + timedelta(hours=1), now() + LATER):
        while process_next(at):
            pass


@pytest.mark.django_db
@pytest.mark.parametrize("provider", NEW)
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_each_notice_once_to_three_times_in_any_order_moves_money_once(
    house: Desk, provider: str, data: st.DataObject
) -> None:
    with acting(ANN):
        account = demo_account()
        customer = acme(account)
        gateway = opened(account, provider, house.url)
        first, second = (checkout(customer, provider, euros) for euros in (100, 10))
        told = story(provider, first.reference, second.reference).tell(house)
        names = sorted(told.notices)
        order = data.draw(st.permutations(names * 3))
        repeats = data.draw(st.integers(len(names), 3 * len(names)))
        kept = [name for number, name in enumerate(order) if number < repeats or name not in order[:number]]
        tell(gateway, *(told.notices[name] for name in kept))
    assert balance(customer) == told.balance * EURO
    assert Payment.objects.filter(customer=customer).count() == told.payments
    assert Entry.objects.filter(account=account, book="payments").count() == told.payments
    assert Payment.objects.filter(account=account, status="pending").count() == (provider == "nowpayments")
    assert not PaymentEvent.objects.filter(account=account).exclude(state__in=["done", "ignored"]).exists()


REFUNDS: dict[str, Any] = {
    "razorpay": lambda paid, back, units: (
        {
            f"GET /v1/payments/pay_{paid[:14]}/refunds": {"items": []},
            f"POST /v1/payments/pay_{paid[:14]}/refund": more.razorpay_refund("rfnd_7", paid, units, reference=back),
        },
        more.razorpay_event("refund.processed", refund=more.razorpay_refund("rfnd_7", paid, units, reference=back)),
        more.razorpay_event(
            "refund.failed", refund=more.razorpay_refund("rfnd_7", paid, units, reference=back, status="failed")
        ),
    ),
    "paymongo": lambda paid, back, units: (
        {"POST /v1/refunds": {"data": more.paymongo_refund("ref_7", paid, units, reference=back, status="pending")}},
        more.paymongo_event("payment.refund.updated", more.paymongo_refund("ref_7", paid, units, reference=back)),
        more.paymongo_event(
            "payment.refund.updated", more.paymongo_refund("ref_7", paid, units, reference=back, status="failed")
        ),
    ),
    "yoco": lambda paid, back, units: (
        {f"POST /api/checkouts/ch_{paid[:24]}/refund": {"refundId": "rfd_7", "status": "successful"}},
        more.yoco_event("refund.succeeded", more.yoco_refund("rfd_7", paid, units, reference=back)),
        more.yoco_event("refund.failed", more.yoco_refund("rfd_7", paid, units, reference=back)),
    ),
}


@pytest.mark.parametrize("provider", sorted(REFUNDS))
@pytest.mark.parametrize("first", ["answer", "notice"])
def test_a_refund_of_ours_is_booked_once_and_comes_back_when_it_fails(
    account: Account, house: Desk, provider: str, first: str
) -> None:
    customer, gateway = acme(account), opened(account, provider, house.url)
    begun = checkout(customer, provider, 100)
    tell(gateway, story(provider, begun.reference, "0" * 32).notices["paid"])
    had = balance(customer)
    back = refund_payment(payment_id=begun.payment_id, amount_micros=40 * EURO)
    reference, units = Checkout.objects.get(payment=back).reference, -(back.received_micros or 0) // 10_000
    answers, done, failed = REFUNDS[provider](begun.reference, reference, units)
    house.answers |= {what: (200, answer) for what, answer in answers.items()}
    if first == "notice":
        tell(gateway, done)
    while ask_next(now()):
        pass
    back.refresh_from_db()
    assert (back.status, balance(customer)) == ("completed", had - 40 * EURO)
    tell(gateway, done, failed, failed)
    assert balance(customer) == had
    assert Payment.objects.count() == 3


def test_a_paystack_refund_of_ours_is_known_by_its_note(account: Account, house: Desk) -> None:
    customer, gateway = acme(account), opened(account, "paystack", house.url)
    begun = checkout(customer, "paystack", 100)
    told = story("paystack", begun.reference, "0" * 32).tell(house)
    house.answers["GET /refund"] = (200, {"data": []})
    tell(gateway, told.notices["paid"])
    had = balance(customer)
    back = refund_payment(payment_id=begun.payment_id, amount_micros=40 * EURO)
    note = {"merchant_note": Checkout.objects.get(payment=back).reference}
    units = -(back.received_micros or 0) // 10_000
    made = more.paystack_refund(7, begun.reference, units, status="pending", **note)
    house.answers["POST /refund"] = (200, {"data": made})
    house.answers["GET /refund"] = (200, {"data": [made]})
    tell(gateway, told.notices["refund begun"], told.notices["refund"])
    while ask_next(now()):
        pass
    back.refresh_from_db()
    assert (back.status, back.external_id, balance(customer)) == ("completed", "7", had - 40 * EURO)
    house.answers["GET /refund"] = (200, {"data": [{**made, "status": "failed"}]})
    tell(gateway, told.notices["refund failed"], told.notices["refund failed"])
    assert balance(customer) == had


@pytest.mark.parametrize("order", [("first", "second"), ("second", "first")])
def test_money_that_two_gateways_at_one_provider_hear_of_is_booked_by_the_one_it_was_paid_for(
    account: Account, house: Desk, order: tuple[str, str]
) -> None:
    customer = acme(account, paypal_email="carla@acme.example")
    first = opened(account, "paystack", house.url)
    words: dict[str, Any] = {"settings": settings_of("paystack", house.url), "secrets": dict(KEYS["paystack"])}
    second = create_payment_gateway(
        account_id=account.pk, name="shop", provider="paystack", currencies=["ZAR"], **words
    )
    begun = checkout(customer, "paystack", 100)
    told = story("paystack", begun.reference, "0" * 32).tell(house)
    gateways = {"first": first, "second": second}
    for name in order:
        tell(gateways[name], told.notices["paid"], told.notices["refund"])
    assert balance(customer) == (96 - 24) * EURO
    assert set(Payment.objects.values_list("gateway", flat=True)) == {"paystack"}
    body = more.paystack_event("charge.success", more.paystack_paid("of the web shop", 10_000))
    for _ in range(2):
        tell(first, body)
        tell(second, body)
    waiting = Payment.objects.get(status="pending")
    assert (waiting.customer, waiting.gateway, waiting.payer) == (None, "paystack", "carla@acme.example")
    assert balance(customer) == (96 - 24) * EURO, "an address alone says nothing of an order of somebody else's"
    notes = PaymentEvent.objects.filter(gateway=second).values_list("state", "note")
    heard = {(state, "another gateway" in note) for state, note in notes}
    assert ("ignored", True) in heard
    assert heard <= {("ignored", True), ("queued", False)}, "what came before its payment is looked at again"


def test_a_checkout_at_paypal_of_which_an_ipn_comes_too_is_left_to_its_own_gateway(
    account: Account, house: Desk
) -> None:
    customer = acme(account, paypal_email="pays@acme.example")
    keys: dict[str, Any] = {"settings": {"client_id": "c", "webhook_id": "w"}, "secrets": {"client_secret": "s"}}
    own: dict[str, Any] = {"name": "paypal", "provider": "paypal", "mode": "live", "currencies": ["EUR"]}
    create_payment_gateway(account_id=account.pk, **own, **keys)
    words = {"receivers": "seller@demo.example", "verify_url": f"{house.url}/cgi-bin/webscr"}
    heard = create_payment_gateway(
        account_id=account.pk, name="ipn", provider="paypal_ipn", mode="live", currencies=["EUR"], settings=words
    )
    begun = start_checkout(customer_id=customer.pk, gateway="paypal", currency="EUR", amount_micros=20 * EURO)
    for custom in (begun.reference, "0" * 32, "of a shop"):
        body = ipn(txn_id=custom, mc_fee="0", mc_gross="20.00", custom=custom)
        house.own.add(body)
        receive(heard, body=body, headers={}, ip="203.0.113.9", at=now())
    while process_next(now()):
        pass
    states = dict(Payment.objects.exclude(external_id=None).values_list("external_id", "status"))
    assert states == {"0" * 32: "pending", "of a shop": "completed"}
    assert balance(customer) == 20 * EURO
