"""Claims about gateways' notices: each moves money once however often it comes, in any order, and none is dropped."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from time import sleep
from typing import Any, cast

import pytest
from django.db import connection, connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from tests.actions.cast import ANN, EURO, acme, demo_account
from tests.actions.test_payments import balance
from tests.gateways.payments.desk import (
    STRIPE_SECRET,
    Desk,
    ipn,
    mass_ipn,
    stripe_event,
    stripe_intent,
    stripe_notice,
    stripe_refund,
    stripe_session,
)
from tollgate.actions.acts import acting
from tollgate.actions.own_payments import send_payer, start_checkout
from tollgate.actions.payment_events import process_next, receive
from tollgate.actions.payment_gateways import create_payment_gateway, retry_payment_event, update_payment_gateway
from tollgate.actions.payments import assign_payment
from tollgate.jobs import doctor
from tollgate.store.models import (
    Account,
    Checkout,
    Contact,
    Entry,
    ExchangeRate,
    Payment,
    PaymentEvent,
    PaymentGateway,
)

pytestmark = pytest.mark.usefixtures("inside")

OURS = "seller@demo.example"
LATER = timedelta(days=3)
PAYER = {"email": "", "return_url": "https://p.example/", "cancel_url": "https://p.example/", "page_url": ""}


def paypal_ipn(account: Account, house: Desk, **fields: Any) -> PaymentGateway:
    """Notices of PayPal for our address."""
    words = {"receivers": OURS, "verify_url": f"{house.url}/cgi-bin/webscr"}
    given = {"mode": "live", "currencies": ["EUR", "USD"], **fields}
    return create_payment_gateway(account_id=account.pk, name="ipn", provider="paypal_ipn", settings=words, **given)


def stripe(account: Account, house: Desk, **fields: Any) -> PaymentGateway:
    """A Stripe account in test mode."""
    keys = {"secret_key": "sk_test_1", "webhook_secret": STRIPE_SECRET}
    given = {"currencies": ["EUR", "USD"], "surcharge_micros": 300_000, "surcharge_ppm": 29_000, **fields}
    return create_payment_gateway(
        account_id=account.pk, name="stripe", provider="stripe", settings={"api_url": house.url}, secrets=keys, **given
    )


def now() -> datetime:
    """The moment, as the clock of the notices tells it."""
    return datetime.now(UTC)


def tell(gateway: PaymentGateway, house: Desk, *bodies: bytes) -> list[PaymentEvent]:
    """Notices that come one after the other and are processed until nothing is due any more."""
    house.own |= set(bodies)
    events = [
        receive(gateway, body=body, headers=stripe_notice(body, now()), ip="203.0.113.9", at=now()) for body in bodies
    ]
    for at in (now(), now() + timedelta(hours=1), now() + LATER):
        while process_next(at):
            pass
    for event in events:
        event.refresh_from_db()
    return events


def test_money_sent_at_paypal_reaches_the_wallet_of_its_payer(account: Account, house: Desk) -> None:
    customer = acme(account, paypal_email="pays@acme.example")
    gateway = paypal_ipn(account, house)
    (event,) = tell(gateway, house, ipn())
    paid = Payment.objects.get()
    assert (event.state, event.payment_id, event.customer_id) == ("done", paid.pk, customer.pk)
    assert (paid.amount_micros, paid.fee_micros, paid.received_micros) == (19_070_000, 880_000, 19_950_000)
    assert (balance(customer), Entry.objects.get().ref) == (19_070_000, f"payment:{paid.pk}")
    update_payment_gateway(payment_gateway_id=gateway.pk, deduct_fees=False)
    tell(gateway, house, ipn(txn_id="T2", mc_gross="10.00"), ipn(txn_id="T2", mc_gross="10.00"))
    assert balance(customer) == 29_070_000, "the fee is absorbed, and the repeat moves nothing"
    forged = receive(gateway, body=ipn(txn_id="FORGED"), headers={}, ip=None, at=now())
    while process_next(now()):
        pass
    forged.refresh_from_db()
    assert (forged.state, Payment.objects.count()) == ("refused", 2)
    assert "does not know" in forged.note


def test_what_is_not_certain_waits_for_a_person_and_is_never_dropped(account: Account, house: Desk) -> None:
    gateway = paypal_ipn(account, house)
    customer = acme(account, paypal_email="pays@acme.example", topup_currencies=["EUR"])
    tell(gateway, house, ipn(txn_id="A", payer_email="who@x.example"), ipn(txn_id="B", mc_currency="USD"))
    tell(gateway, house, ipn(txn_id="C", mc_currency="GBP"), ipn(txn_id="A", payer_email="who@x.example"))
    waiting = Payment.objects.filter(status="pending", customer=None).order_by("external_id")
    assert [(one.external_id, one.amount_micros) for one in waiting] == [(name, 19_950_000) for name in "ABC"]
    assert "not accepted" in waiting[1].private_note
    customer.topup_currencies = []
    customer.save()
    tell(gateway, house, ipn(txn_id="D", mc_currency="USD"))
    assert "exchange rate" in Payment.objects.get(external_id="D").private_note
    ExchangeRate.objects.create(account=account, base="USD", quote="EUR", on=date(2020, 1, 1), rate_nanos=900_000_000)
    tell(gateway, house, ipn(txn_id="E", mc_currency="USD", mc_gross="10.00", mc_fee="0.00"))
    paid = Payment.objects.get(external_id="E")
    assert (paid.amount_micros, paid.exchange_rate_nanos, paid.received_currency) == (9 * EURO, 900_000_000, "USD")
    customer.payment_gateways = []
    customer.save()
    tell(gateway, house, ipn(txn_id="F"))
    assert Payment.objects.get(external_id="F").customer is None
    assert balance(customer) == 9 * EURO


def test_completed_payments_of_kinds_that_are_not_sent_to_us_wait_for_a_person(account: Account, house: Desk) -> None:
    customer = acme(account, paypal_email="pays@acme.example")
    gateway, kinds = paypal_ipn(account, house), ("invoice_payment", "recurring_payment", "subscr_payment")
    told = [ipn(txn_id=kind, txn_type=kind) for kind in kinds]
    events = tell(gateway, house, *told, *told, ipn(txn_id="S", txn_type="subscr_signup", payment_status=""))
    assert [event.state for event in events] == ["done"] * 6 + ["ignored"]
    waiting = Payment.objects.order_by("external_id")
    assert [(one.external_id, one.status, one.customer_id, one.amount_micros) for one in waiting] == [
        (kind, "pending", None, 19_950_000) for kind in kinds
    ]
    assert all(one.external_id in one.private_note for one in waiting), "why it waits"
    assign_payment(payment_id=waiting[0].pk, customer_id=customer.pk)
    assert balance(customer) == 19_070_000


def test_what_took_back_money_of_nobody_is_booked_once_it_is_known_whose_it_was(account: Account, house: Desk) -> None:
    gateway, customer = paypal_ipn(account, house), acme(account)
    back = {"parent_txn_id": "A", "payment_status": "Reversed", "mc_gross": "-19.95", "txn_type": ""}
    _, told = tell(gateway, house, ipn(txn_id="A", payer_email="who@x.example"), ipn(txn_id="B", **back))
    for days in range(10):
        process_next(now() + LATER * days)
    told.refresh_from_db()
    assert told.state == "failed", "nobody said for a month whose it is"
    assign_payment(payment_id=Payment.objects.get().pk, customer_id=customer.pk)
    assert balance(customer) == 19_070_000
    assert process_next(now())
    told.refresh_from_db()
    assert (told.state, balance(customer)) == ("done", 0)


def test_items_of_a_mass_payment_are_booked_one_by_one_and_once(account: Account, house: Desk) -> None:
    customer = acme(account)
    Contact.objects.create(customer=customer, email="Pays@acme.example", first_name="Carla")
    first = mass_ipn({"M1": (OURS, "25.00", "Completed"), "M2": (OURS, "5.00", "Unclaimed")})
    second = mass_ipn({"M1": (OURS, "25.00", "Completed"), "M2": (OURS, "5.00", "Completed")})
    tell(paypal_ipn(account, house), house, first, second, first, second)
    assert sorted(Payment.objects.values_list("external_id", flat=True)) == ["M1", "M2"]
    assert balance(customer) == 30 * EURO


@pytest.mark.django_db
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(["Unclaimed", "Completed", "Completed", "Returned", "Reversed"]))
def test_an_item_of_a_mass_payment_that_goes_back_leaves_nothing_in_whatever_order_it_is_told(
    house: Desk, order: list[str]
) -> None:
    with acting(ANN):
        account = demo_account()
        customer = acme(account, paypal_email="pays@acme.example")
        bodies = [mass_ipn({"M1": (OURS, "25.00", status), "M2": (OURS, "5.00", "Completed")}) for status in order]
        tell(paypal_ipn(account, house), house, *bodies)
    assert balance(customer) == 5 * EURO
    kept = Payment.objects.filter(customer=customer).values_list("external_id", "amount_micros")
    assert sorted(kept) == [("M1", 25 * EURO), ("M1:back", -25 * EURO), ("M2", 5 * EURO)]


def test_an_item_that_goes_back_without_having_come_alarms_nobody_and_comes_no_more(
    account: Account, house: Desk
) -> None:
    gateway, customer = paypal_ipn(account, house), acme(account, paypal_email="pays@acme.example")
    (told,) = tell(gateway, house, mass_ipn({"M1": (OURS, "25.00", "Returned")}))
    for days in range(10):
        process_next(now() + LATER * days)
    told.refresh_from_db()
    assert (told.state, Payment.objects.count()) == ("ignored", 0)
    tell(gateway, house, mass_ipn({"M1": (OURS, "25.00", "Completed")}))
    assert (balance(customer), Payment.objects.count()) == (0, 2), "what was told first is true of it"


def test_mass_payments_that_tell_of_each_others_items_come_to_an_end(account: Account, house: Desk) -> None:
    gateway, customer = paypal_ipn(account, house), acme(account, paypal_email="pays@acme.example")
    came, back = (OURS, "25.00", "Completed"), (OURS, "25.00", "Returned")
    told = [mass_ipn({"M1": came, "M2": back, "M3": back}), mass_ipn({"M1": back, "M2": came, "M4": back})]
    for at in range(3):
        house.own |= set(told)
        for body in told:
            receive(gateway, body=body, headers={}, ip="203.0.113.9", at=now() + 10 * LATER * at)
        done = 0
        for days in range(10):
            while process_next(now() + 10 * LATER * at + LATER * days):
                done += 1
                assert done < 100, "they call each other for ever"
    assert not PaymentEvent.objects.filter(state="queued").exists()
    assert (balance(customer), Payment.objects.count()) == (0, 4)


STORY = {
    "paid": ipn(txn_id="P", mc_gross="100.00", mc_fee="4.00"),
    "paid too": ipn(txn_id="Q", mc_gross="10.00", mc_fee="0.00"),
    "refund": ipn(txn_id="R", parent_txn_id="P", payment_status="Refunded", mc_gross="-25.00", txn_type=""),
    "reversal": ipn(txn_id="S", parent_txn_id="Q", payment_status="Reversed", mc_gross="-10.00", txn_type=""),
    "restored": ipn(txn_id="T", parent_txn_id="Q", payment_status="Canceled_Reversal", mc_gross="10.00", txn_type=""),
}


@pytest.mark.django_db
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(sorted(STORY) * 3), repeats=st.integers(5, 15))
def test_each_notice_once_to_three_times_in_any_order_moves_money_once(
    house: Desk, order: list[str], repeats: int
) -> None:
    kept = [name for number, name in enumerate(order) if number < repeats or name not in order[:number]]
    with acting(ANN):
        account = demo_account()
        customer = acme(account, paypal_email="pays@acme.example")
        tell(paypal_ipn(account, house), house, *(STORY[name] for name in kept))
    assert balance(customer) == (96 - 24 + 10) * EURO
    assert Payment.objects.filter(customer=customer).count() == len(STORY)
    booked = Entry.objects.filter(account=account).values_list("book", "amount_micros")
    moved = [micros for book, micros in booked if book == "payments"]
    assert sorted(moved) == [-25 * EURO, -10 * EURO, 10 * EURO, 10 * EURO, 96 * EURO], "what PayPal kept is not ours"
    assert [row for row in booked if row[0] != "payments"] == [("payment_fees", EURO)], "its part is not given back"
    assert not PaymentEvent.objects.filter(account=account).exclude(state="done").exists()


@pytest.mark.django_db(transaction=True)
def test_the_same_notices_at_the_same_moment_move_money_once_and_one_payer_is_sent_once(
    house: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with acting(ANN):
        account = demo_account()
        customer, gateway = acme(account), stripe(account, house)
        checkout = start_checkout(customer_id=customer.pk, gateway="stripe", amount_micros=20 * EURO, currency="EUR")
    told = [
        stripe_event("payment_intent.succeeded", stripe_intent(checkout.reference, 2088)),
        stripe_event("checkout.session.completed", stripe_session(checkout.reference, 2088)),
        stripe_event("refund.created", stripe_refund("re_1", 1044)),
    ]

    def knock(number: int) -> None:
        body = told[number % len(told)]
        try:
            receive(gateway, body=body, headers=stripe_notice(body, now()), ip=None, at=now())
        finally:
            connections.close_all()

    with ThreadPoolExecutor(9) as pool:
        list(pool.map(knock, range(9)))
    while process_next(now() + LATER):
        pass
    assert balance(customer) == 10 * EURO
    assert sorted(Payment.objects.values_list("kind", flat=True)) == ["payment", "refund"]
    with acting(ANN):
        twice = start_checkout(customer_id=customer.pk, gateway="stripe", amount_micros=20 * EURO, currency="EUR")

    def begin(_: int) -> str:
        try:
            own = Checkout.objects.select_related("payment", "gateway").get(pk=twice.pk)
            return send_payer(own, **PAYER, at=now())
        finally:
            connections.close_all()

    house.answers["POST /v1/checkout/sessions"] = (200, {"id": "cs_9", "url": "https://checkout.stripe.com/9"})
    house.asked.clear()
    at_once = house.answer

    def slowly(what: str, body: bytes) -> tuple[int, bytes]:
        sleep(0.2)
        return at_once(what, body)

    monkeypatch.setattr(house, "answer", slowly)
    with ThreadPoolExecutor(2) as pool:
        assert set(pool.map(begin, range(2))) == {"https://checkout.stripe.com/9"}
    assert len(house.asked) == 1, "of two at the same moment one asks the gateway"


def test_a_notice_that_fails_is_tried_with_growing_pauses_and_then_waits_for_a_person(
    account: Account, house: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    customer, gateway = acme(account, paypal_email="pays@acme.example"), paypal_ipn(account, house)
    body = ipn(mc_gross="10.00", mc_fee="0.00")
    house.own.add(body)
    with monkeypatch.context() as broken:
        broken.setattr("tollgate.actions.payment_settling.complete", lambda *_, **__: 1 // 0)
        event = receive(gateway, body=body, headers={}, ip=None, at=now())
        pauses, at = [], event.at
        while event.state == "queued" and len(pauses) < 20:
            assert process_next(at)
            event.refresh_from_db()
            pauses.append(event.next_at - at)
            at = event.next_at
        assert (event.state, len(pauses), pauses[:-1] == sorted(pauses[:-1])) == ("failed", 9, True)
        assert "ZeroDivisionError" in event.note
        assert any("ALARM" in told.getMessage() for told in caplog.records if told.levelname == "CRITICAL")
        assert (balance(customer), Payment.objects.count()) == (0, 0)
    found = list(doctor._payment_notices(cast("Any", Named())))
    assert [(one.state, one.rows[0]["payment_event_id"]) for one in found] == [("WRONG", event.pk)]
    retry_payment_event(payment_event_id=event.pk)
    assert process_next(now())
    assert balance(customer) == 10 * EURO


class Named:
    """This test's own connection, whose rows have names."""

    def execute(self, statement: str) -> Any:
        """The rows of a statement."""
        return connection.connection.cursor(row_factory=dict_row).execute(statement)
