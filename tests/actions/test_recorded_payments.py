"""The story of notices that Stripe and PayPal have really sent: for checkouts of ours they move money once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.actions.cast import ANN, EURO, acme, demo_account
from tests.actions.test_payments import balance
from tests.gateways.payments.checkouts import BOTH, headers_of, keys_of, session_of
from tests.gateways.payments.desk import Desk
from tests.gateways.payments.recordings import recorded
from tollgate.actions.acts import acting
from tollgate.actions.own_payments import start_checkout
from tollgate.actions.payment_events import process_next, receive
from tollgate.actions.payment_gateways import create_payment_gateway
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

LATER = (timedelta(0), timedelta(hours=1), timedelta(days=3))


def now() -> datetime:
    """The moment, as the clock of the notices tells it."""
    return datetime.now(UTC)


def meant(name: str, changes: Mapping[str, str]) -> bytes:
    """A recorded body in which the ids of others' payments are those of ours, and all else is as it came."""
    body = recorded(name).body
    for theirs, ours in changes.items():
        assert theirs.encode() in body, f"{name} has no {theirs}"
        body = body.replace(theirs.encode(), ours.encode())
    return body


def stripe(first: str, second: str) -> list[bytes]:
    """30 dollars by a session, 20 by a PaymentIntent, and a dollar given back of the first."""
    intent, other = f"pi_{first}", f"pi_{second}"
    nobody, metadata = '"client_reference_id": null', '"metadata": {\n      }'
    session = {"cs_test_" + "0" * 58: session_of("stripe", first), nobody: nobody.replace("null", f'"{first}"')}
    own = {"pi_" + "0" * 24: other, metadata: f'"metadata": {{"reference": "{second}"}}'}
    refund = {'"payment_intent": null': f'"payment_intent": "{intent}"', "re_" + "0" * 24: f"re_{first}"}
    return [
        meant("stripe-session-completed", {**session, "pi_" + "0" * 24: intent}),
        meant("stripe-intent-succeeded", own),
        meant("stripe-refund-of-a-charge", refund),
        meant("stripe-dispute-created", {"pi_3TbG44JEe0yY0QKr0OnHpigY": intent}),
    ]


def paypal(first: str, second: str) -> list[bytes]:
    """30 dollars twice, 0.99 of the first given back, 2.51 of the second taken back, and two that did not come."""
    paid, back = [], []
    for reference in (first, second):
        ids = {"12A34567BC123456S": reference[-17:].upper(), "1AB234567A1234567": session_of("paypal", reference)}
        own = {'"invoice_id":"5840243-146"': f'"invoice_id":"5840243-146","custom_id":"{reference}"'}
        paid.append(meant("paypal-capture-completed", ids | own))
        back.append(reference[-17:].upper())
    return [
        *paid,
        meant("paypal-capture-refunded", {"0JF852973C016714D": back[0], "1Y107995YT783435V": f"1Y{first[:15]}"}),
        meant("paypal-capture-reversed", {"4L335234718889942": back[1], "09E71677NS257044M": f"09{second[:15]}"}),
        recorded("paypal-capture-pending").body,
        recorded("paypal-capture-declined").body,
    ]


def sent_to_pay(customer: Customer, provider: str, dollars: int) -> str:
    """The reference of a checkout of that many dollars."""
    own = start_checkout(customer_id=customer.pk, gateway=provider, currency="USD", amount_micros=dollars * EURO)
    Checkout.objects.filter(pk=own.pk).update(session=session_of(provider, own.reference))
    return str(own.reference)


GAINED = {
    "stripe": [-1_000_000, 20_000_000, 30_000_000],
    "paypal": [-2_380_000, -940_000, 28_460_000, 28_460_000],
}
"""What each of them brings the wallet, in micros; what PayPal keeps is not the customer's."""
BOOKED = {
    "stripe": {"payments": 49_000_000},
    "paypal": {"payments": 53_420_000, "payment_fees": 180_000},
}
"""What is in the books then; PayPal's fee for what went back is the account's. Stripe's is asked for, not told."""


def begun(house: Desk, provider: str) -> tuple[Account, Customer, PaymentGateway, list[bytes]]:
    """Acme was sent to pay twice, in dollars that are worth a euro, and what the service has to tell of it."""
    account = demo_account()
    customer = acme(account)
    ExchangeRate.objects.create(account=account, base="USD", quote="EUR", on=date(2020, 1, 1), rate_nanos=10**9)
    gateway = create_payment_gateway(
        account_id=account.pk, name=provider, provider=provider, currencies=["USD"], **keys_of(provider, house.url)
    )
    if provider == "paypal":
        return account, customer, gateway, paypal(*(sent_to_pay(customer, provider, dollars) for dollars in (30, 30)))
    first, second = (sent_to_pay(customer, provider, dollars) for dollars in (30, 20))
    return account, customer, gateway, stripe(first, second)


@pytest.mark.django_db
@pytest.mark.parametrize("provider", BOTH)
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_recorded_notices_of_our_checkouts_move_money_once_in_whatever_order_they_come_three_times(
    house: Desk, provider: str, data: st.DataObject
) -> None:
    with acting(ANN):
        account, customer, gateway, told = begun(house, provider)
        for number in data.draw(st.permutations(list(range(len(told))) * 3)):
            headers = headers_of(provider, house, told[number], now())
            receive(gateway, body=told[number], headers=headers, ip="203.0.113.9", at=now())
        for pause in LATER:
            while process_next(now() + pause):
                pass
    own, booked = Payment.objects.filter(account=account), Entry.objects.filter(account=account)
    gained = own.filter(customer=customer, status="completed").values_list("amount_micros", flat=True)
    assert (sorted(gained), balance(customer)) == (GAINED[provider], sum(GAINED[provider]))
    assert own.count() == len(gained), "nothing waits for a person"
    sums = {row["book"]: row["moved"] for row in booked.values("book").annotate(moved=Sum("amount_micros"))}
    assert sums == BOOKED[provider]
    assert not PaymentEvent.objects.filter(account=account).exclude(state__in=["done", "ignored"]).exists()
