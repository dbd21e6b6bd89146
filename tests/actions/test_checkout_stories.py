"""Claims about PayPal and Stripe checkout: whatever tells of a payment, when and how often, moves money once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.actions.cast import ANN, EURO, acme, demo_account
from tests.actions.test_payments import balance
from tests.gateways.payments.checkouts import BOTH, headers_of, keys_of, session_of, story
from tests.gateways.payments.desk import Desk
from tests.gateways.payments.more import Story
from tollgate.actions.acts import acting
from tollgate.actions.own_payments import start_checkout
from tollgate.actions.payment_events import process_next, receive
from tollgate.actions.payment_gateways import create_payment_gateway
from tollgate.actions.payment_janitor import ask_next
from tollgate.store.models import Account, Checkout, Customer, Entry, Payment, PaymentEvent, PaymentGateway

pytestmark = pytest.mark.usefixtures("inside")

ASKED = "asked"
"""Not a notice: the worker asks what became of the checkouts, and what the service kept of them."""
LATER = (timedelta(hours=1), timedelta(days=3))
TAKEN_BACK = ("refund", "reversal")


def now() -> datetime:
    """The moment, as the clock of the notices tells it."""
    return datetime.now(UTC)


def begun(account: Account, provider: str, house: Desk) -> tuple[Customer, PaymentGateway, Story]:
    """Acme was sent to pay 100 and 10, and the service answers by the story of both."""
    customer = acme(account)
    gateway = create_payment_gateway(
        account_id=account.pk, name=provider, provider=provider, currencies=["EUR"], **keys_of(provider, house.url)
    )
    references = []
    for euros in (100, 10):
        way = {"gateway": provider, "currency": "EUR", "amount_micros": euros * EURO}
        own = start_checkout(customer_id=customer.pk, **way)  # type: ignore[arg-type]
        sent = {"session": session_of(provider, own.reference), "next_at": now()}
        Checkout.objects.filter(pk=own.pk).update(**sent)
        references.append(own.reference)
    return customer, gateway, story(provider, *references).tell(house)


def tell(gateway: PaymentGateway, house: Desk, told: Story, *names: str) -> None:
    """What comes one after the other, each processed as far as it can be now."""
    for name in names:
        if name == ASKED:
            while ask_next(now()):
                pass
            continue
        body = told.notices[name]
        headers = headers_of(gateway.provider, house, body, now())
        receive(gateway, body=body, headers=headers, ip="203.0.113.9", at=now())
        while process_next(now()):
            pass


def settled() -> None:
    """Days later: what waited is processed, and nothing is left to ask."""
    for pause in LATER:
        while process_next(now() + pause):
            pass
    while ask_next(now()):
        pass


def is_told(account: Account, customer: Customer, told: Story) -> None:
    """Every payment of the story is booked, once, and nothing waits."""
    own = Payment.objects.filter(account=account)
    assert balance(customer) == told.balance * EURO
    assert own.filter(customer=customer, status="completed").count() == own.count() == told.payments
    booked = Entry.objects.filter(account=account)
    assert booked.filter(book="payments").exclude(kind="fee").count() == told.payments
    sums = {row["book"]: row["moved"] for row in booked.values("book").annotate(moved=Sum("amount_micros"))}
    assert sums == {"payments": (told.balance - told.fees) * EURO, "payment_fees": told.fees * EURO}
    assert not PaymentEvent.objects.filter(account=account).exclude(state="done").exists()


@pytest.mark.django_db
@pytest.mark.parametrize("provider", BOTH)
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_each_notice_once_to_three_times_in_any_order_moves_money_once(
    house: Desk, provider: str, data: st.DataObject
) -> None:
    with acting(ANN):
        account = demo_account()
        customer, gateway, told = begun(account, provider, house)
        names = sorted([*told.notices, ASKED])
        order = data.draw(st.permutations(names * 3))
        repeats = data.draw(st.integers(len(names), 3 * len(names)))
        kept = [name for number, name in enumerate(order) if number < repeats or name not in order[:number]]
        tell(gateway, house, told, *kept)
        settled()
    is_told(account, customer, told)


@pytest.mark.parametrize("provider", BOTH)
def test_what_takes_back_a_payment_waits_for_it(account: Account, house: Desk, provider: str) -> None:
    customer, gateway, told = begun(account, provider, house)
    tell(gateway, house, told, *TAKEN_BACK)
    waiting = PaymentEvent.objects.values_list("state", "note")
    assert list(waiting) == [("queued", "The payment that it takes back has not come yet.")] * 2
    assert not Entry.objects.exists()
    tell(gateway, house, told, ASKED, *(name for name in told.notices if name not in TAKEN_BACK))
    settled()
    is_told(account, customer, told)
