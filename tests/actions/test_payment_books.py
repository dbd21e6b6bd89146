"""Claims about the books of payments: what gateways keep and surcharges bring is in the journal and in the profit."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from django.db import connection

from tests.actions.cast import EURO, acme
from tests.actions.test_payment_events import ipn, now, paypal_ipn, stripe, tell
from tests.gateways.payments.desk import Desk, stripe_event, stripe_intent, stripe_refund, stripe_session
from tollgate.actions.accounting import journal_of
from tollgate.actions.customer_statements import statement_of
from tollgate.actions.own_payments import start_checkout
from tollgate.actions.payment_booking import tell_fee
from tollgate.actions.payment_gateways import update_payment_gateway
from tollgate.actions.payment_janitor import ask_next
from tollgate.actions.payment_settling import book_gateway_event
from tollgate.actions.payments import assign_payment, create_payment, refund_payment, reverse_payment
from tollgate.core.payments import ASKED_MOST
from tollgate.store.models import Account, Checkout, Customer, Entry, ExchangeRate, Payment, PaymentGateway, Wallet
from tollgate.store.queries.books import profit_of
from tollgate.store.sql import load

pytestmark = pytest.mark.usefixtures("inside")

TOMORROW = datetime.now(UTC).date() + timedelta(days=2)
DAYS = {"from_on": date(2026, 1, 1), "until_on": TOMORROW}
CENT = EURO // 100
_numbers = count(1)


def stands(account: Account) -> dict[str, int]:
    """What the journal puts down on each account, debits less credits; the laws of payments hold."""
    found: dict[str, int] = {}
    for line in journal_of(account, **DAYS):
        found[line.code] = found.get(line.code, 0) + line.debit_micros - line.credit_micros
    assert sum(found.values()) == 0
    with connection.cursor() as cursor:
        laws = load("ledger_laws")
        for law in ("payments_have_their_entries", "payments_say_what_reached_the_account", "lines_sum_to_zero"):
            cursor.execute(laws[law])
            assert cursor.fetchall() == [], law
    wallets = Wallet.objects.filter(account=account, kind="customer").values_list("balance_micros", flat=True)
    assert found.get("1100", 0) == -sum(wallets)
    return {code: micros for code, micros in found.items() if micros}


def fees(account: Account) -> int:
    """What Money > Profit says of gateways' fees."""
    return sum(row.fees_micros for row in profit_of(account, **DAYS, by_month=False))


def notice(gateway: PaymentGateway, kind: str, amount_micros: int, **more: Any) -> str:
    """What a gateway tells, proved already."""
    told = {
        "kind": kind, "external_id": f"N{next(_numbers)}", "parent_id": "", "reference": "", "session": "",
        "amount_micros": amount_micros, "fee_micros": 0, "currency": "EUR", "payer": "", "note": "", **more,
    }  # fmt: skip
    return book_gateway_event(gateway_id=gateway.pk, told=told)


def paid_by(gateway: PaymentGateway, customer: Customer, amount_micros: int, **told: Any) -> Payment:
    """A checkout of a customer that its gateway has told of."""
    code = told.get("currency", "EUR")
    checkout = start_checkout(customer_id=customer.pk, gateway=gateway.name, amount_micros=amount_micros, currency=code)
    whole = checkout.payment.received_micros
    assert whole is not None
    notice(gateway, "paid", told.pop("came", whole), reference=checkout.reference, **told)
    return Payment.objects.get(pk=checkout.payment_id)


def test_a_fee_that_is_absorbed_and_a_surcharge_are_in_the_journal_and_in_the_profit(
    account: Account, house: Desk
) -> None:
    acme(account, paypal_email="pays@acme.example")
    gateway = paypal_ipn(account, house)
    tell(gateway, house, ipn(txn_id="DEDUCTED", mc_gross="100.00", mc_fee="3.00"))
    assert stands(account) == {"1000": 97 * EURO, "1100": -97 * EURO}, "the customer bears the fee"
    update_payment_gateway(payment_gateway_id=gateway.pk, deduct_fees=False)
    tell(gateway, house, ipn(txn_id="ABSORBED", mc_gross="100.00", mc_fee="3.00"))
    assert stands(account) == {"1000": 194 * EURO, "1100": -197 * EURO, "6800": 3 * EURO}
    assert fees(account) == -3 * EURO
    entries = Entry.objects.filter(ref=f"payment:{Payment.objects.latest('id').pk}").order_by("id")
    assert [(row.book, row.kind, row.amount_micros) for row in entries] == [
        ("payments", "topup", 97 * EURO),
        ("payment_fees", "fee", 3 * EURO),
    ]


def test_a_surcharge_is_income_until_it_is_given_back(account: Account, house: Desk) -> None:
    customer, gateway = acme(account), stripe(account, house, surcharge_micros=3 * EURO, surcharge_ppm=0)
    paid = paid_by(gateway, customer, 100 * EURO)
    assert (paid.amount_micros, paid.reached_micros) == (100 * EURO, 103 * EURO)
    assert stands(account) == {"1000": 103 * EURO, "1100": -100 * EURO, "6800": -3 * EURO}
    assert fees(account) == 3 * EURO
    notice(gateway, "refunded", 5150 * CENT, parent_id=paid.external_id)
    assert stands(account) == {"1000": 5150 * CENT, "1100": -50 * EURO, "6800": -150 * CENT}
    notice(gateway, "reversed", 5150 * CENT, parent_id=paid.external_id)
    assert (stands(account), fees(account)) == ({}, 0), "what came has gone, to the cent"


def test_less_than_was_asked_brings_its_part_of_the_surcharge(account: Account, house: Desk) -> None:
    customer, gateway = acme(account), stripe(account, house, surcharge_micros=3 * EURO, surcharge_ppm=0)
    paid = paid_by(gateway, customer, 100 * EURO, came=50 * EURO, fee_micros=EURO)
    assert (paid.amount_micros, paid.surcharge_micros) == (4854 * CENT, 146 * CENT)
    assert stands(account) == {"1000": 49 * EURO, "1100": -4854 * CENT, "6800": -46 * CENT}


@pytest.mark.parametrize("rate_nanos", [900_000_000, 6_000_000])
def test_money_of_another_currency_is_booked_by_the_rate_of_the_payment(
    account: Account, house: Desk, rate_nanos: int
) -> None:
    ExchangeRate.objects.create(account=account, base="USD", quote="EUR", on=date(2020, 1, 1), rate_nanos=rate_nanos)
    customer, gateway = acme(account), stripe(account, house, surcharge_micros=3 * EURO, surcharge_ppm=0)
    paid = paid_by(gateway, customer, 1000 * EURO, currency="USD", fee_micros=20 * EURO)
    euros = rate_nanos // 1000
    assert paid.amount_micros == 1000 * euros
    part = -(-17 * euros // CENT) * CENT if rate_nanos == 900_000_000 else 10 * CENT
    assert stands(account) == {"1000": 1000 * euros - part, "1100": -1000 * euros, "6800": part}
    refund_payment(payment_id=paid.pk)
    gone = stripe_refund("re_all", 100_300, reference=Checkout.objects.latest("id").reference)
    house.answers["POST /v1/refunds"] = (200, {**gone, "currency": "usd"})
    assert ask_next(now())
    fee = 20 * euros // CENT * CENT
    assert stands(account) == {"1000": -fee, "6800": fee}, "all that is left is that the gateway keeps its fee"


def test_a_bonus_is_given_by_the_account_and_no_money_received(account: Account) -> None:
    customer = acme(account)
    create_payment(customer_id=customer.pk, amount_micros=20 * EURO)
    bonus = create_payment(customer_id=customer.pk, amount_micros=5 * EURO, kind="bonus")
    assert bonus.reached_micros == 0
    assert stands(account) == {"1000": 20 * EURO, "1100": -25 * EURO, "4900": 5 * EURO}
    assert sum(row.profit_micros for row in profit_of(account, **DAYS, by_month=True)) == -5 * EURO
    reverse_payment(payment_id=bonus.pk, reason="a slip")
    assert stands(account) == {"1000": 20 * EURO, "1100": -20 * EURO}


def test_stripe_is_asked_for_its_fee_when_a_notice_told_of_the_payment_and_the_fee_is_booked_once(
    account: Account, house: Desk
) -> None:
    customer, gateway = acme(account), stripe(account, house, surcharge_micros=0, surcharge_ppm=0)
    checkout = start_checkout(customer_id=customer.pk, gateway="stripe", amount_micros=100 * EURO, currency="EUR")
    Checkout.objects.update(session="cs_1")
    told = stripe_session(checkout.reference, 10_000, id="cs_1")
    intent = stripe_intent(checkout.reference, 10_000)
    house.answers["GET /v1/checkout/sessions/cs_1"] = (200, {**told, "payment_intent": intent})
    tell(gateway, house, stripe_event("checkout.session.completed", told))
    assert stands(account) == {"1000": 100 * EURO, "1100": -100 * EURO}, "it is booked at once"
    assert ask_next(now())
    waits = Checkout.objects.get()
    assert (waits.fee_open, waits.next_at is not None) == (True, True), "Stripe has not counted it yet"
    kept = {"balance_transaction": {"fee": 349, "amount": 11_634, "currency": "usd"}}
    house.answers["GET /v1/checkout/sessions/cs_1"] = (
        200,
        {**told, "payment_intent": {**intent, "latest_charge": kept}},
    )
    assert waits.next_at is not None
    assert ask_next(waits.next_at)
    assert stands(account) == {"1000": 97 * EURO, "1100": -100 * EURO, "6800": 3 * EURO}
    paid = Payment.objects.get()
    assert (paid.fee_micros, paid.reached_micros, paid.amount_micros) == (3 * EURO, 97 * EURO, 100 * EURO)
    done = Checkout.objects.get()
    assert (done.fee_open, done.next_at) == (False, None)
    tell(
        gateway,
        house,
        stripe_event("checkout.session.completed", told),
        stripe_event("payment_intent.succeeded", intent),
    )
    tell_fee(paid, 4 * EURO)
    assert not ask_next(now() + timedelta(days=30))
    assert stands(account) == {"1000": 97 * EURO, "1100": -100 * EURO, "6800": 3 * EURO}


def test_stripe_is_asked_for_its_fee_of_money_that_no_checkout_of_ours_asked_for(account: Account, house: Desk) -> None:
    customer = acme(account, paypal_email="carla@acme.example")
    gateway = stripe(account, house, surcharge_micros=0, surcharge_ppm=0)
    known = stripe_session("", 10_000, id="cs_of_a_link", metadata={}, payment_intent="pi_known")
    tell(gateway, house, stripe_event("checkout.session.completed", known))
    unknown = stripe_intent("", 5_000, id="pi_unknown", metadata={})
    tell(gateway, house, stripe_event("payment_intent.succeeded", unknown))
    for name, amount in (("pi_known", 10_000), ("pi_unknown", 5_000)):
        kept = {"latest_charge": {"balance_transaction": {"fee": 300, "amount": amount, "currency": "eur"}}}
        house.answers[f"GET /v1/payment_intents/{name}"] = (200, stripe_intent("", amount, id=name, **kept))
    assert ask_next(now())
    assert stands(account) == {"1000": 97 * EURO, "1100": -100 * EURO, "6800": 3 * EURO}
    assert not ask_next(now()), "what is in suspense is nobody's yet"
    assign_payment(payment_id=Payment.objects.get(customer=None).pk, customer_id=customer.pk)
    assert ask_next(now())
    assert stands(account) == {"1000": 144 * EURO, "1100": -150 * EURO, "6800": 6 * EURO}
    assert not ask_next(now() + timedelta(days=30))
    assert set(Checkout.objects.values_list("fee_open", flat=True)) == {False}


def test_a_fee_that_is_never_told_is_not_asked_for_for_ever_and_cancels_nothing(account: Account, house: Desk) -> None:
    customer, gateway = acme(account), stripe(account, house, surcharge_micros=0, surcharge_ppm=0)
    checkout = start_checkout(customer_id=customer.pk, gateway="stripe", amount_micros=100 * EURO, currency="EUR")
    Checkout.objects.update(session="cs_2")
    told = stripe_session(checkout.reference, 10_000, id="cs_2")
    house.answers["GET /v1/checkout/sessions/cs_2"] = (
        200,
        {**told, "payment_intent": stripe_intent(checkout.reference, 10_000)},
    )
    tell(gateway, house, stripe_event("checkout.session.completed", told))
    times = 0
    while (due := Checkout.objects.get().next_at) is not None:
        assert ask_next(due)
        times += 1
    assert times == ASKED_MOST + 1
    left = Checkout.objects.get()
    assert (left.fee_open, left.payment.status) == (False, "completed")
    assert "did not tell" in left.note
    assert stands(account) == {"1000": 100 * EURO, "1100": -100 * EURO}


def test_a_fee_told_of_money_in_suspense_is_booked_with_it(account: Account) -> None:
    waits = Payment.objects.create(
        account=account, currency="EUR", amount_micros=9 * EURO, status="pending", gateway="stripe"
    )
    tell_fee(waits, EURO)
    waits.refresh_from_db()
    assert (waits.fee_micros, waits.reached_micros, Entry.objects.filter(account=account).count()) == (EURO, None, 0)


def test_a_payment_of_before_fees_were_booked_is_given_back_as_it_was_booked(account: Account, house: Desk) -> None:
    customer, gateway = acme(account), stripe(account, house, surcharge_micros=3 * EURO, surcharge_ppm=0)
    paid = paid_by(gateway, customer, 100 * EURO)
    before = stands(account)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE payment SET reached_micros = NULL WHERE id = %s", [paid.pk])
    tell_fee(paid, 2 * EURO)
    assert stands(account) == before, "its fee is kept for reference alone"
    notice(gateway, "refunded", 103 * EURO, parent_id=paid.external_id)
    assert stands(account)["1000"] == before["1000"] - 100 * EURO


def test_a_bonus_of_before_goes_back_as_it_was_booked(account: Account) -> None:
    bonus = create_payment(customer_id=acme(account).pk, amount_micros=5 * EURO, kind="bonus")
    before = stands(account)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE payment SET reached_micros = NULL WHERE id = %s", [bonus.pk])
    back = reverse_payment(payment_id=bonus.pk, reason="a slip")
    assert back.reached_micros == -5 * EURO
    assert stands(account) == {"1000": -5 * EURO, "4900": before["4900"]}, "from where it came then"


@pytest.mark.parametrize("told_later", [True, False])
def test_what_is_given_back_follows_the_fee_as_it_was_booked_whatever_the_gateway_does_by_now(
    account: Account, house: Desk, told_later: bool
) -> None:
    ExchangeRate.objects.create(account=account, base="USD", quote="EUR", on=date(2020, 1, 1), rate_nanos=900_000_000)
    acme(account, paypal_email="pays@acme.example")
    gateway = paypal_ipn(account, house)
    update_payment_gateway(payment_gateway_id=gateway.pk, deduct_fees=told_later)
    dollars = {"currency": "USD", "payer": "pays@acme.example"}
    notice(gateway, "paid", 100 * EURO, fee_micros=0 if told_later else 3 * EURO, **dollars)
    paid = Payment.objects.get()
    if told_later:
        tell_fee(paid, 3 * EURO)
    assert stands(account) == {"1000": 8730 * CENT, "1100": -90 * EURO, "6800": 270 * CENT}
    update_payment_gateway(payment_gateway_id=gateway.pk, deduct_fees=True)
    notice(gateway, "refunded", 100 * EURO, parent_id=paid.external_id, currency="USD")
    assert stands(account) == {"1000": -270 * CENT, "6800": 270 * CENT}, "the gateway keeps its fee, and no more"


def test_a_fee_that_is_told_on_another_day_is_no_line_of_the_customers_statement(account: Account, house: Desk) -> None:
    customer, gateway = acme(account), stripe(account, house, surcharge_micros=0, surcharge_ppm=0)
    tell_fee(paid_by(gateway, customer, 100 * EURO), 3 * EURO)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO entry (account_id, at, wallet_id, book, kind, amount_micros, currency, note, ref)"
            " SELECT account_id, at - interval '3 days', wallet_id, book, kind, amount_micros, currency, note, ref"
            " FROM entry WHERE kind = 'fee'"
        )
    found = statement_of(customer, **DAYS)
    assert [line.amount_micros for line in found.movements] == [100 * EURO]


def test_a_face_of_the_version_before_still_begins_payments_while_the_machines_are_upgraded() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_default FROM information_schema.columns WHERE table_name = 'checkout' AND column_name = %s",
            ["fee_open"],
        )
        assert cursor.fetchone() == ("false",)
