"""Claims about disputes at PayPal that end: what was taken comes back once, by whatever tells of it, and no more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.actions.cast import ANN, EURO, acme, demo_account
from tests.actions.test_payment_events import OURS, now
from tests.actions.test_payments import balance
from tests.gateways.payments.checkouts import keys_of
from tests.gateways.payments.desk import (
    Desk,
    ipn,
    paypal_capture,
    paypal_dispute,
    paypal_event,
    paypal_refund,
)
from tollgate.actions.acts import acting
from tollgate.actions.own_payments import start_checkout
from tollgate.actions.payment_events import process_next, receive
from tollgate.actions.payment_gateways import create_payment_gateway
from tollgate.actions.payments import assign_payment, reverse_payment
from tollgate.store.models import Account, Customer, Payment, PaymentEvent, PaymentGateway

pytestmark = pytest.mark.usefixtures("inside")

CAPTURE = "42311647XV020574X"
BACK = {"parent_txn_id": CAPTURE, "payment_status": "Canceled_Reversal", "txn_type": "", "mc_fee": "0.00"}
LATER = (timedelta(0), timedelta(minutes=2), timedelta(hours=1), timedelta(days=3))


def begun(account: Account, house: Desk) -> tuple[Customer, PaymentGateway, PaymentGateway, str]:
    """Acme was sent to pay 100 at PayPal, whose IPN the account has too; the fee is absorbed."""
    customer = acme(account)
    common: dict[str, Any] = {"account_id": account.pk, "currencies": ["EUR"], "deduct_fees": False}
    checkout = create_payment_gateway(name="paypal", provider="paypal", **common, **keys_of("paypal", house.url))
    words = {"receivers": OURS, "verify_url": f"{house.url}/cgi-bin/webscr"}
    beside = create_payment_gateway(name="ipn", provider="paypal_ipn", settings=words, mode="test", **common)
    way: dict[str, Any] = {"gateway": "paypal", "currency": "EUR", "amount_micros": 100 * EURO}
    return customer, checkout, beside, str(start_checkout(customer_id=customer.pk, **way).reference)


def hears(gateway: PaymentGateway, house: Desk, *bodies: bytes) -> list[PaymentEvent]:
    """Notices that come one after the other, each processed as far as it can be now."""
    events = []
    for body in bodies:
        house.own.add(body)
        headers = house.paypal_notice(body, now()) if gateway.provider == "paypal" else {}
        events.append(receive(gateway, body=body, headers=headers, ip="203.0.113.9", at=now()))
        while process_next(now()):
            pass
    return events


def settled(*events: PaymentEvent) -> list[str]:
    """Days later: the states of notices, and nothing is due any more."""
    for pause in LATER:
        while process_next(now() + pause):
            pass
    return [str(PaymentEvent.objects.get(pk=event.pk).state) for event in events]


def paid(reference: str) -> bytes:
    return paypal_event("PAYMENT.CAPTURE.COMPLETED", paypal_capture(reference, "100.00", fee="0.00"))


def taken(value: str = "100.00", own_id: str = "R1") -> bytes:
    return paypal_event("PAYMENT.CAPTURE.REVERSED", paypal_refund(own_id, value))


def won(value: str = "100.00", code: str = "RESOLVED_SELLER_FAVOUR", **more: Any) -> bytes:
    return paypal_event("CUSTOMER.DISPUTE.RESOLVED", paypal_dispute(CAPTURE, value, code, **more))


def back(own_id: str = "T1") -> bytes:
    return ipn(txn_id=own_id, mc_gross="100.00", test_ipn="1", **BACK)


def given_back() -> list[int]:
    """What came back of the payment, booked or in suspense."""
    rows = Payment.objects.filter(kind="reversal", amount_micros__gt=0).exclude(status="canceled")
    return sorted(rows.values_list("amount_micros", flat=True))


def test_a_dispute_that_is_won_brings_what_it_took_back_to_the_wallet_once(account: Account, house: Desk) -> None:
    customer, gateway, _, reference = begun(account, house)
    hears(gateway, house, paid(reference), taken())
    assert balance(customer) == 0
    events = hears(gateway, house, won(), won(), won())
    assert settled(*events) == ["done"] * 3
    assert (balance(customer), given_back()) == (100 * EURO, [100 * EURO])
    assert not Payment.objects.filter(status="pending").exists()
    hears(gateway, house, taken(own_id="R2"))
    again = won(update_time="2026-05-01T08:00:00.000Z")
    assert settled(*hears(gateway, house, again, again)) == ["done"] * 2
    assert balance(customer) == 100 * EURO, "it was lost after all, and won again"


@pytest.mark.django_db
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(["won", "back"] * 3), kept=st.integers(1, 6))
def test_what_the_webhook_and_ipn_tell_of_a_dispute_that_is_won_is_booked_once(
    house: Desk, order: list[str], kept: int
) -> None:
    with acting(ANN):
        account = demo_account()
        customer, gateway, beside, reference = begun(account, house)
        hears(gateway, house, paid(reference), taken())
        for name in order[:kept]:
            hears(*(gateway, house, won()) if name == "won" else (beside, house, back()))
        settled()
    assert balance(customer) == 100 * EURO
    assert Payment.objects.filter(customer=customer).count() == Payment.objects.filter(account=account).count() == 3
    assert not PaymentEvent.objects.filter(account=account).exclude(state__in=["done", "ignored"]).exists()


def test_ipn_alone_brings_back_what_was_taken_of_a_checkout_and_a_second_time(account: Account, house: Desk) -> None:
    customer, gateway, beside, reference = begun(account, house)
    (early,) = hears(beside, house, back())
    hears(gateway, house, paid(reference), taken())
    assert settled(early) == ["done"], "it waits for the payment and its reversal"
    hears(gateway, house, taken(own_id="R2"))
    assert balance(customer) == 0
    hears(beside, house, back("T2"), back("T2"))
    hears(gateway, house, won())
    assert (balance(customer), given_back()) == (100 * EURO, [100 * EURO] * 2), "one of both was told again"
    reversed_again = ipn(txn_id="R9", **{**BACK, "payment_status": "Reversed"}, mc_gross="-100.00", test_ipn="1")
    assert settled(*hears(beside, house, reversed_again)) == ["ignored"], "the webhook tells what is taken"
    assert balance(customer) == 100 * EURO


def test_a_dispute_that_is_won_without_anything_taken_brings_nothing(account: Account, house: Desk) -> None:
    customer, gateway, _, reference = begun(account, house)
    before, strange = (won(disputed_transactions=[{"seller_transaction_id": name}]) for name in (CAPTURE, "OTHER"))
    events = hears(gateway, house, before, strange, paid(reference))
    for days in range(12):
        while process_next(now() + timedelta(days=days)):
            pass
    assert settled(*events) == ["ignored", "ignored", "done"], "no alarm: mostly nothing is taken before the end"
    assert (balance(customer), Payment.objects.count()) == (100 * EURO, 1)
    assert "nothing was taken" in PaymentEvent.objects.get(pk=events[0].pk).note


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (won("40.00"), "No reversal of payment"),
        (won(code="CANCELED_BY_BUYER"), "CANCELED_BY_BUYER"),
        (won(code="RESOLVED_WITH_PAYOUT"), "RESOLVED_WITH_PAYOUT"),
        (won(dispute_amount={"currency_code": "USD", "value": "100.00"}), "was made in EUR"),
    ],
)
def test_the_end_of_a_dispute_that_is_not_certain_waits_for_a_person(
    account: Account, house: Desk, body: bytes, why: str
) -> None:
    customer, gateway, beside, reference = begun(account, house)
    hears(gateway, house, paid(reference), taken(), body, body)
    waiting = Payment.objects.get(status="pending")
    assert why in waiting.private_note
    assert (waiting.customer, balance(customer)) == (None, 0)
    if waiting.received_micros == 100 * EURO and waiting.received_currency == "EUR":
        hears(beside, house, back())
        assert (balance(customer), given_back()) == (0, [100 * EURO]), "IPN tells of the same: it waits as it is"
    if waiting.received_currency == "EUR":
        assign_payment(payment_id=waiting.pk, customer_id=customer.pk)
        assert balance(customer) == waiting.amount_micros


def test_what_is_taken_after_a_dispute_was_told_as_won_comes_back_by_a_person(account: Account, house: Desk) -> None:
    customer, gateway, _, reference = begun(account, house)
    hears(gateway, house, paid(reference))
    (event,) = hears(gateway, house, won())
    hears(gateway, house, taken())
    assert settled(event) == ["done"]
    waiting = Payment.objects.get(status="pending")
    assert "after the end of the dispute" in waiting.private_note, "it may be another dispute"
    assert balance(customer) == 0


@pytest.mark.parametrize("code", ["RESOLVED_BUYER_FAVOUR", "ACCEPTED", "NONE"])
def test_a_dispute_that_is_lost_brings_nothing_back(account: Account, house: Desk, code: str) -> None:
    customer, gateway, _, reference = begun(account, house)
    *_, event = hears(gateway, house, paid(reference), taken(), won(code=code))
    assert settled(event) == ["ignored"]
    assert (balance(customer), given_back()) == (0, [])


def test_what_a_person_took_back_for_a_dispute_comes_back_when_it_is_won(account: Account, house: Desk) -> None:
    customer, gateway, _, reference = begun(account, house)
    hears(gateway, house, paid(reference))
    reverse_payment(payment_id=Payment.objects.get().pk, reason="a chargeback, said the mail")
    hears(gateway, house, taken(), won())
    assert (balance(customer), given_back()) == (100 * EURO, [100 * EURO])


def test_the_end_of_a_dispute_over_money_in_suspense_is_looked_at_when_that_is_assigned(
    account: Account, house: Desk
) -> None:
    customer, gateway, beside, _ = begun(account, house)
    events = hears(gateway, house, paid("f" * 32), taken(), won())
    events += hears(beside, house, back())
    for days in range(40):
        process_next(now() + timedelta(days=days))
    assert settled(*events)[1:] == ["failed"] * 3
    whole = Payment.objects.get(external_id=CAPTURE)
    assign_payment(payment_id=whole.pk, customer_id=customer.pk)
    assert settled(*events)[1:] == ["done"] * 3
    assert (balance(customer), given_back()) == (100 * EURO, [100 * EURO])
