"""Claims about payments by gateways: what they cost, who may begin them, what becomes of those nobody tells of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.actions.cast import EURO, acme
from tests.actions.test_customers import refused
from tests.actions.test_payment_events import PAYER, now, paypal_ipn, stripe, tell
from tests.actions.test_payments import balance
from tests.gateways.payments.desk import (
    WEBHOOK_ID,
    Desk,
    paypal_capture,
    paypal_event,
    paypal_refund,
    stripe_event,
    stripe_intent,
    stripe_notice,
    stripe_refund,
    stripe_session,
)
from tollgate.actions.acts import Actor, NotFound, acting
from tollgate.actions.bank_credits import import_bank_credit
from tollgate.actions.customers import create_customer
from tollgate.actions.own_payments import (
    PENDING_MOST,
    cancel_bank_transfer,
    send_payer,
    start_checkout,
    tell_bank_transfer,
)
from tollgate.actions.payment_amounts import surcharge_of, ways_of
from tollgate.actions.payment_events import process_next, receive
from tollgate.actions.payment_gateways import (
    create_payment_gateway,
    delete_payment_gateway,
    retry_payment_event,
    update_payment_gateway,
)
from tollgate.actions.payment_janitor import ask_next, start_due_top_ups
from tollgate.actions.payment_methods import update_auto_top_up
from tollgate.actions.payments import ask_gateway_again, cancel_payment, create_payment, refund_payment
from tollgate.actions.portal_domains import create_portal_domain
from tollgate.actions.wallets import adjust
from tollgate.core.payments import ASKED_MOST
from tollgate.store.models import (
    Account,
    AutoTopUp,
    Checkout,
    Customer,
    Payment,
    PaymentEvent,
    PaymentGateway,
    Wallet,
)

pytestmark = pytest.mark.usefixtures("inside")
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
"""A test is one transaction, whose moment is that of its beginning."""


def test_a_checkout_costs_its_surcharge_and_is_booked_once_by_whatever_tells_of_it(
    account: Account, house: Desk
) -> None:
    customer = acme(account, minimum_payment_micros=10 * EURO)
    gateway = stripe(account, house)
    way = {"customer_id": customer.pk, "gateway": "stripe", "currency": "EUR"}
    refused("amount_micros", start_checkout, **way, amount_micros=9_990_000)
    entered = create_payment(customer_id=customer.pk, amount_micros=EURO, status="pending")
    assert cancel_payment(payment_id=entered.pk).amount_micros == EURO, "what users enter is free of the minimum"
    refused("amount_micros", start_checkout, **way, amount_micros=10_001_000)
    refused("currency", start_checkout, **{**way, "currency": "GBP"}, amount_micros=20 * EURO)
    checkout = start_checkout(**way, amount_micros=20 * EURO)  # type: ignore[arg-type]
    assert (checkout.payment.surcharge_micros, checkout.payment.received_micros) == (880_000, 20_880_000)
    house.answers["POST /v1/checkout/sessions"] = (200, {"id": "cs_1", "url": "https://checkout.stripe.com/1"})
    assert send_payer(checkout, **PAYER, at=now()) == "https://checkout.stripe.com/1"
    told = [
        stripe_event("payment_intent.succeeded", stripe_intent(checkout.reference, 2088)),
        stripe_event("checkout.session.completed", stripe_session(checkout.reference, 2088)),
    ]
    tell(gateway, house, *told, *told)
    paid = Payment.objects.exclude(pk=entered.pk).get()
    assert (paid.status, paid.amount_micros, paid.external_id) == (
        "completed",
        20 * EURO,
        "pi_1GszdL2eZvKYlo2C4nORvlio",
    )
    assert balance(customer) == 20 * EURO
    wrong = receive(gateway, body=told[0], headers=stripe_notice(told[0], now(), "whsec_x"), ip=None, at=now())
    assert wrong.state == "refused"
    retry_payment_event(payment_event_id=wrong.pk)
    house.answers["POST /v1/refunds"] = (200, stripe_refund("re_1", 1044))
    back = refund_payment(payment_id=paid.pk, amount_micros=10 * EURO)
    assert (back.status, balance(customer)) == ("pending", 20 * EURO), "the wallet pays when the gateway has agreed"
    refused("amount_micros", refund_payment, payment_id=paid.pk, amount_micros=11 * EURO)
    refused("payment_id", cancel_payment, payment_id=back.pk)
    while ask_next(now()):
        pass
    assert balance(customer) == 10 * EURO
    tell(gateway, house, stripe_event("refund.created", stripe_refund("re_1", 1044, reference="x")))
    assert balance(customer) == 10 * EURO
    failed = stripe_event("refund.failed", stripe_refund("re_1", 1044, status="failed"))
    tell(gateway, house, failed, failed)
    assert balance(customer) == 20 * EURO
    refused("payment_gateway_id", delete_payment_gateway, payment_gateway_id=gateway.pk)


def test_an_order_approved_at_paypal_is_captured_booked_less_its_fee_and_refunded_whole(
    account: Account, house: Desk
) -> None:
    customer = acme(account)
    words = {"api_url": house.url, "client_id": "AX", "webhook_id": WEBHOOK_ID}
    gateway = create_payment_gateway(
        account_id=account.pk, name="paypal", provider="paypal", settings=words, secrets={"client_secret": "EX"}
    )
    checkout = start_checkout(customer_id=customer.pk, gateway="paypal", amount_micros=20 * EURO, currency="EUR")
    Checkout.objects.update(session="5O190127TN364715T")
    capture = paypal_capture(checkout.reference, "20.00")
    order = {"status": "COMPLETED", "purchase_units": [{"payments": {"captures": [capture]}}]}
    house.answers["GET /v2/checkout/orders/5O190127TN364715T"] = (200, {"status": "APPROVED"})
    house.answers["POST /v2/checkout/orders/5O190127TN364715T/capture"] = (201, order)
    told = [
        paypal_event("CHECKOUT.ORDER.APPROVED", {"id": "5O190127TN364715T"}),
        paypal_event("PAYMENT.CAPTURE.COMPLETED", capture),
        paypal_event("PAYMENT.CAPTURE.REFUNDED", paypal_refund("1JU", "20.00", checkout.reference)),
    ]
    balances = []
    for body in (*told, *told):
        receive(gateway, body=body, headers=house.paypal_notice(body, now()), ip=None, at=now())
        while process_next(now()):
            pass
        balances.append(balance(customer))
    assert balances == [19_410_000, 19_410_000, 0, 0, 0, 0]
    assert set(PaymentEvent.objects.values_list("state", flat=True)) == {"done"}


def test_the_janitor_asks_after_five_minutes_an_hour_and_daily_until_a_week_is_over(
    account: Account, house: Desk
) -> None:
    customer, gateway = acme(account), stripe(account, house)
    checkout = start_checkout(customer_id=customer.pk, gateway="stripe", amount_micros=20 * EURO, currency="EUR")
    house.answers["POST /v1/checkout/sessions"] = (200, {"id": "cs_2", "url": "https://checkout.stripe.com/2"})
    start = now()
    send_payer(checkout, **PAYER, at=start)
    house.answers["GET /v1/checkout/sessions/cs_2"] = (
        200,
        {"id": "cs_2", "status": "open", "payment_status": "unpaid"},
    )
    at, asked = start, []
    assert not ask_next(start + timedelta(minutes=4))
    while (due := Checkout.objects.get().next_at) is not None:
        at = due
        asked.append(round((at - start).total_seconds() / 60))
        assert ask_next(at)
    assert asked[:4] == [5, 10, 70, 70 + 1440]
    assert Payment.objects.get().status == "canceled"
    late = stripe_session(checkout.reference, 2088, id="cs_2")
    tell(gateway, house, stripe_event("checkout.session.completed", late))
    assert (Payment.objects.get().status, balance(customer)) == ("completed", 20 * EURO), "money is never turned away"


def test_a_checkout_that_cannot_be_booked_is_left_to_a_person_who_has_it_asked_again(
    account: Account, house: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = acme(account)
    stripe(account, house)
    checkout = start_checkout(customer_id=customer.pk, gateway="stripe", amount_micros=20 * EURO, currency="EUR")
    Checkout.objects.update(session="cs_4", next_at=now())
    intent = stripe_intent(checkout.reference, 2088)
    session = stripe_session(checkout.reference, 2088, id="cs_4", payment_intent=intent)
    house.answers["GET /v1/checkout/sessions/cs_4"] = (200, session)
    paid = {"payment_id": checkout.payment_id}
    with monkeypatch.context() as broken:
        broken.setattr("tollgate.actions.payment_settling.complete", lambda *_, **__: 1 // 0)
        times = 0
        while (due := Checkout.objects.get().next_at) is not None:
            assert ask_next(due)
            times += 1
    assert times == ASKED_MOST + 1
    assert "ZeroDivisionError" in Checkout.objects.get().note
    assert Payment.objects.get().status == "pending", "the money came: nothing is canceled"
    ask_gateway_again(**paid)
    refused("payment_id", ask_gateway_again, **paid)
    assert ask_next(now())
    assert balance(customer) == 20 * EURO


def test_a_stored_card_is_charged_below_the_threshold_up_to_the_daily_cap(account: Account, house: Desk) -> None:
    customer, gateway = acme(account), stripe(account, house, surcharge_micros=0, surcharge_ppm=0)
    checkout = start_checkout(
        customer_id=customer.pk, gateway="stripe", amount_micros=20 * EURO, currency="EUR", keep_method=True
    )
    Checkout.objects.update(session="cs_3")
    card = {"id": "pm_1", "card": {"brand": "visa", "last4": "4242"}}
    kept = stripe_intent("", 2000, customer="cus_1", payment_method=card, setup_future_usage="off_session")
    house.answers["GET /v1/checkout/sessions/cs_3"] = (
        200,
        stripe_session(checkout.reference, 2000, id="cs_3", payment_intent=kept),
    )
    tell(
        gateway, house, stripe_event("checkout.session.completed", stripe_session(checkout.reference, 2000, id="cs_3"))
    )
    while ask_next(now()):
        pass
    auto = AutoTopUp.objects.get()
    assert (auto.method_label, auto.enabled, balance(customer)) == ("Visa 4242", False, 20 * EURO)
    terms = {"threshold_micros": 5 * EURO, "amount_micros": 30 * EURO}
    refused("daily_cap_micros", update_auto_top_up, auto_top_up_id=auto.pk, enabled=True, **terms, daily_cap_micros=1)
    update_auto_top_up(auto_top_up_id=auto.pk, enabled=True, **terms, daily_cap_micros=50 * EURO)
    AutoTopUp.objects.update(next_at=LONG_AGO)
    assert start_due_top_ups(now()) == 0, "there is enough"
    wallet = Wallet.objects.get(kind="customer", owner_id=customer.pk)
    adjust(wallet_id=wallet.pk, amount_micros=-18 * EURO, note="calls")
    assert (start_due_top_ups(now()), start_due_top_ups(now())) == (1, 0)
    reference = Checkout.objects.latest("id").reference
    house.answers["POST /v1/payment_intents"] = (200, stripe_intent(reference, 3000, id="pi_auto"))
    assert ask_next(now())
    assert balance(customer) == 32 * EURO
    sent = next(body for what, _, body in reversed(house.asked) if what == "POST /v1/payment_intents")
    assert b"customer=cus_1&payment_method=pm_1&off_session=true&confirm=true" in sent
    adjust(wallet_id=wallet.pk, amount_micros=-30 * EURO, note="calls")
    AutoTopUp.objects.update(next_at=LONG_AGO)
    assert start_due_top_ups(now()) == 0
    assert "cap" in AutoTopUp.objects.get().note
    AutoTopUp.objects.update(next_at=LONG_AGO, daily_cap_micros=500 * EURO)
    house.answers["POST /v1/payment_intents"] = (402, {"error": {"message": "Your card was declined."}})
    for failures in (1, 2, 3):
        AutoTopUp.objects.update(next_at=LONG_AGO)
        assert start_due_top_ups(now()) == 1
        assert ask_next(now() + timedelta(seconds=1))
        auto = AutoTopUp.objects.get()
        assert (auto.failures_count, auto.enabled) == (failures, failures < 3)
    assert balance(customer) == 2 * EURO


def test_a_surcharge_and_a_refund_are_in_steps_that_the_gateway_counts_in(account: Account, house: Desk) -> None:
    gulf = create_customer(account_id=account.pk, name="Gulf", currency="KWD")
    gateway = stripe(account, house, currencies=["KWD", "HUF"], surcharge_micros=0)
    way: dict[str, Any] = {"customer_id": gulf.pk, "gateway": "stripe", "currency": "KWD"}
    refused("amount_micros", start_checkout, **way, amount_micros=10_011_000)
    checkout = start_checkout(**way, amount_micros=10_010_000)
    paid = checkout.payment
    assert (paid.surcharge_micros, paid.received_micros) == (300_000, 10_310_000), "2.9 % is 0.291"
    house.answers["POST /v1/checkout/sessions"] = (200, {"id": "cs_1", "url": "https://checkout.stripe.com/1"})
    assert send_payer(checkout, **PAYER, at=now()) == "https://checkout.stripe.com/1"
    tell(gateway, house, stripe_event("payment_intent.succeeded",
                                      stripe_intent(checkout.reference, 10_310, currency="kwd")))  # fmt: skip
    assert balance(gulf) == 10_010_000
    refused("amount_micros", refund_payment, payment_id=paid.pk, amount_micros=9000)
    part = refund_payment(payment_id=paid.pk, amount_micros=3_337_000)
    assert part.received_micros == -3_430_000, "3.437 of what was paid, in steps of 0.010"
    rest = refund_payment(payment_id=paid.pk)
    assert part.received_micros + (rest.received_micros or 0) == -10_310_000
    magyar = create_customer(account_id=account.pk, name="Magyar", currency="HUF")
    own = create_payment_gateway(
        account_id=account.pk, name="paypal", provider="paypal", currencies=["HUF"], surcharge_ppm=29_000,
        settings={"client_id": "x", "webhook_id": "y"}, secrets={"client_secret": "z"},
    )  # fmt: skip
    assert surcharge_of(own, 1010 * EURO, "HUF") == 30 * EURO
    refused("amount_micros", start_checkout, customer_id=magyar.pk, gateway="paypal", currency="HUF",
            amount_micros=1010_500_000)  # fmt: skip


def test_contacts_pay_only_by_what_is_allowed_and_complete_nothing(account: Account, house: Desk) -> None:
    Account.objects.update(payment_details="IBAN LT12")
    customer = acme(account)
    stripe(account, house)
    paypal_ipn(account, house)
    carla = Actor("carla@acme.example", frozenset({"start_checkout", "tell_bank_transfer"}), kind="contact",
                  reach=frozenset({customer.pk}))  # fmt: skip
    assert [way.name for way in ways_of(customer, now())] == ["bank_transfer", "stripe"]
    with acting(carla):
        assert tell_bank_transfer(customer_id=customer.pk, amount_micros=5 * EURO).status == "pending"
        with pytest.raises(Exception, match="There is no customer"):
            tell_bank_transfer(customer_id=customer.pk + 1, amount_micros=5 * EURO)
    Customer.objects.update(topup_currencies=["USD"])
    customer.refresh_from_db()
    assert ways_of(customer, now()) == [], "a transfer is in its own currency, and of dollars there is no rate"
    refused("gateway", tell_bank_transfer, customer_id=customer.pk, amount_micros=5 * EURO)
    Customer.objects.update(payment_gateways=["bank_transfer"], topup_currencies=["EUR"])
    customer.refresh_from_db()
    assert [way.name for way in ways_of(customer, now())] == ["bank_transfer"]
    refused("gateway", start_checkout, customer_id=customer.pk, gateway="stripe", amount_micros=EURO, currency="EUR")
    other = create_customer(account_id=account.pk, name="Nobody", currency="EUR", payment_gateways=[])
    assert ways_of(other, now()) == []
    domain = create_portal_domain(account_id=account.pk, host="pay.example", brand="Pay",
                                  payment_gateways=["bank_transfer"])  # fmt: skip
    new: dict[str, Any] = {"account_id": account.pk, "currency": "EUR", "domain_id": domain.pk}
    assert [way.name for way in ways_of(create_customer(name="As all", **new), now())] == ["bank_transfer"]
    own = create_customer(name="Own", payment_gateways=["stripe"], **new)
    assert [way.name for way in ways_of(own, now())] == ["stripe"], "its own list goes before its domain's"
    assert balance(customer) == 0


def test_keys_of_a_gateway_are_sealed_and_not_given_to_another_address(account: Account, house: Desk) -> None:
    gateway = stripe(account, house)
    assert "sk_test" not in gateway.secrets_sealed
    elsewhere = {"settings": {"api_url": "https://evil.example"}}
    refused("secrets", update_payment_gateway, payment_gateway_id=gateway.pk, **elsewhere)
    refused("secrets", update_payment_gateway, payment_gateway_id=gateway.pk, mode="live")
    refused("settings", create_payment_gateway, account_id=account.pk, name="second", provider="stripe")
    refused("name", create_payment_gateway, account_id=account.pk, name="voucher", provider="stripe")
    refused("deduct_fees", update_payment_gateway, payment_gateway_id=gateway.pk, deduct_fees=True)
    refused("currencies", update_payment_gateway, payment_gateway_id=paypal_ipn(account, house).pk, currencies=["KWD"])
    update_payment_gateway(payment_gateway_id=gateway.pk, title="Card", secrets={"secret_key": ""})
    assert PaymentGateway.objects.get(pk=gateway.pk).title == "Card"


def test_only_what_contacts_began_counts_and_they_take_back_what_they_have_announced(account: Account) -> None:
    Account.objects.update(payment_details="IBAN LT12")
    customer = acme(account)
    may = frozenset({"tell_bank_transfer", "cancel_bank_transfer"})
    carla = Actor("carla@acme.example", may, kind="contact", reach=frozenset({customer.pk}))
    entered: dict[str, Any] = {"customer_id": customer.pk, "amount_micros": EURO, "status": "pending"}
    others = [create_payment(gateway="bank_transfer", **entered) for _ in range(PENDING_MOST)]
    with acting(carla):
        told = [tell_bank_transfer(customer_id=customer.pk, amount_micros=5 * EURO) for _ in range(PENDING_MOST)]
        assert "cancel the transfers" in refused(
            "amount_micros", tell_bank_transfer, customer_id=customer.pk, amount_micros=EURO
        )
        for foreign in (others[0].pk, others[-1].pk):
            refused("payment_id", cancel_bank_transfer, payment_id=foreign)
        assert cancel_bank_transfer(payment_id=told[0].pk).status == "canceled"
        refused("payment_id", cancel_bank_transfer, payment_id=told[0].pk)
        told.append(tell_bank_transfer(customer_id=customer.pk, amount_micros=7 * EURO))
    assert balance(customer) == 0
    values = {"account_id": account.pk, "currency": "EUR", "customer_id": customer.pk}
    came = import_bank_credit(amount_micros=7 * EURO, external_id="S1", **values)  # type: ignore[arg-type]
    assert came.pk == told[-1].pk
    Payment.objects.filter(pk=told[1].pk).update(noticed_as="S2")  # a statement told of it; somebody has to approve
    with acting(carla):
        for arrived in (came.pk, told[1].pk):
            refused("payment_id", cancel_bank_transfer, payment_id=arrived)
    other = create_customer(account_id=account.pk, name="Baltic", currency="EUR")
    dan = Actor("dan@baltic.example", may, kind="contact", reach=frozenset({other.pk}))
    with acting(dan), pytest.raises(NotFound):
        cancel_bank_transfer(payment_id=told[2].pk)


def test_money_of_a_transfer_that_was_taken_back_is_booked_when_it_comes_all_the_same(account: Account) -> None:
    Account.objects.update(payment_details="IBAN LT12")
    customer = acme(account)
    told = tell_bank_transfer(customer_id=customer.pk, amount_micros=5 * EURO)
    cancel_bank_transfer(payment_id=told.pk)
    values = {"account_id": account.pk, "currency": "EUR", "customer_id": customer.pk}
    came = import_bank_credit(amount_micros=5 * EURO, external_id="S1", **values)  # type: ignore[arg-type]
    assert came.pk != told.pk
    assert balance(customer) == 5 * EURO
