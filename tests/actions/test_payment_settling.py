"""Claims about what gateways say beyond the plain: other currencies, parts, fees, and what cannot be booked."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.actions.cast import EURO, acme
from tests.actions.test_customers import refused
from tests.actions.test_payments import OTTO, balance, baltic
from tests.store.test_document_laws import broken, unguarded
from tollgate.actions.acts import acting
from tollgate.actions.charges import charge_customer
from tollgate.actions.customers import create_customer, update_customer
from tollgate.actions.payment_booking import complete, new_payment
from tollgate.actions.payment_events import book
from tollgate.actions.payment_settling import AGAIN, BOOKED, BY_HAND, NOT_BOOKED
from tollgate.actions.payments import (
    assign_payment,
    cancel_payment,
    complete_payment,
    create_payment,
    import_payment,
    refund_payment,
    reverse_payment,
)
from tollgate.actions.postings import MOST_BALANCE_MICROS, post, wallet_of
from tollgate.actions.vouchers import create_voucher_batch
from tollgate.actions.wallets import top_up
from tollgate.gateways.payments.model import Event
from tollgate.store.models import Account, Checkout, Customer, ExchangeRate, Invoice, Payment, PaymentGateway

CENT = EURO // 100


def paypal(account: Account, **fields: Any) -> PaymentGateway:
    """A gateway that tells its fees, which are deducted."""
    known = {"title": "PayPal", "provider": "paypal", "token": "t", "currencies": ["EUR", "USD"], "deduct_fees": True}
    return PaymentGateway.objects.create(account_id=account.pk, name="paypal", **{**known, **fields})


def paid(customer: Customer, received_micros: int, code: str = "EUR", **values: Any) -> Payment:
    """A completed payment by the gateway."""
    received = {"received_micros": received_micros, "received_currency": code, "external_id": "P"}
    return complete(new_payment(customer, **{"gateway": "paypal", **received, **values}))


def says(gateway: PaymentGateway, kind: str, external_id: str, amount_micros: int, **more: Any) -> list[str]:
    """What becomes of one thing that the gateway says."""
    event = {"kind": kind, "external_id": external_id, "amount_micros": amount_micros, "currency": "EUR", **more}
    return book(gateway, [Event(**event)], datetime.now(UTC))


def test_a_paypal_address_belongs_to_one_customer_however_it_is_written(account: Account) -> None:
    customer, gateway = acme(account, paypal_email="Pays@Acme.Example"), paypal(account)
    assert customer.paypal_email == "pays@acme.example"
    other = create_customer(account_id=account.pk, name="Other", currency="EUR")
    words = refused("paypal_email", update_customer, customer_id=other.pk, paypal_email="PAYS@acme.example")
    assert "Another customer" in words
    says(gateway, "paid", "P1", EURO, payer="pays@ACME.example")
    assert balance(customer) == EURO
    Customer.objects.filter(pk=other.pk).update(paypal_email="Pays@acme.example")  # as it could be kept before
    says(gateway, "paid", "P2", EURO, payer="pays@acme.example")
    assert Payment.objects.get(external_id="P2").customer is None, "whose it is, a person says"
    assert (balance(customer), balance(other)) == (EURO, 0)


def test_parts_of_a_payment_with_a_surcharge_go_back_in_coins_and_make_the_whole(account: Account) -> None:
    customer, gateway = acme(account), paypal(account)
    whole = paid(customer, 1034 * CENT, amount_micros=10 * EURO, surcharge_micros=34 * CENT)
    backs = [refund_payment(payment_id=whole.pk, amount_micros=3 * EURO) for _ in range(3)]
    backs.append(refund_payment(payment_id=whole.pk))
    assert [back.received_micros for back in backs] == [-310 * CENT] * 3 + [-104 * CENT]
    for back in backs:
        answer = {"reference": back.checkout.reference, "parent_id": "P"}
        assert says(gateway, "refunded", f"R{back.pk}", -(back.received_micros or 0), **answer) == [BOOKED]
    assert balance(customer) == 0


def test_parts_that_are_given_back_at_the_gateway_leave_no_coin_behind(account: Account) -> None:
    customer, gateway = acme(account), paypal(account)
    paid(customer, 1034 * CENT, amount_micros=10 * EURO)
    left = []
    for number, part in enumerate((333, 333, 368)):
        says(gateway, "reversed", f"D{number}", part * CENT, parent_id="P")
        left.append(balance(customer))
    assert left == [678 * CENT, 356 * CENT, 0]
    says(gateway, "restored", "D2:back", 368 * CENT, parent_id="P")
    assert balance(customer) == 356 * CENT, "what comes back is what was taken"


def test_what_was_taken_in_another_currency_waits_below_zero_for_its_own_customer(account: Account) -> None:
    customer, gateway = acme(account), paypal(account)
    ExchangeRate.objects.create(account=account, base="USD", quote="EUR", on=date(2020, 1, 1), rate_nanos=925_925_926)
    whole = paid(customer, 100 * EURO, amount_micros=100 * EURO)
    told = {"currency": "USD", "parent_id": "P"}
    assert says(gateway, "reversed", "D", 108 * EURO, **told)[0].startswith("in suspense")
    waiting = Payment.objects.get(external_id="D")
    assert (waiting.kind, waiting.amount_micros, waiting.reverses_id) == ("reversal", -108 * EURO, whole.pk)
    refused("payment_id", refund_payment, payment_id=whole.pk)
    refused("customer_id", assign_payment, payment_id=waiting.pk, customer_id=baltic(account).pk)
    assign_payment(payment_id=waiting.pk, customer_id=customer.pk)
    whole.refresh_from_db()
    assert (balance(customer), whole.refunded_micros) == (0, 100 * EURO)


def test_a_fee_is_taken_off_in_coins_so_that_an_invoice_is_settled_whole(account: Account) -> None:
    customer, gateway = baltic(account), paypal(account)
    known = {"state": "issued", "number": "T-1", "currency": "EUR", "total_micros": 9659 * CENT}
    invoice = Invoice.objects.create(account=account, customer=customer, due_on=date(2026, 2, 1), **known)
    received = {"received_micros": 10850 * CENT, "received_currency": "USD"}
    payment = new_payment(customer, gateway="paypal", amount_micros=100 * EURO, **received)
    Checkout.objects.create(payment=payment, gateway=gateway, reference="r1")
    told = {"reference": "r1", "currency": "USD", "fee_micros": 370 * CENT}
    assert says(gateway, "paid", "P", 10850 * CENT, **told) == [BOOKED]
    invoice.refresh_from_db()
    assert (invoice.open_micros, invoice.payment_state, balance(customer)) == (0, "paid", 9659 * CENT)


def test_money_that_cannot_be_booked_waits_in_suspense_with_the_reason(account: Account) -> None:
    customer, gateway = acme(account, paypal_email="pays@acme.example"), paypal(account)
    full = {"note": "x", "amount_micros": MOST_BALANCE_MICROS - EURO}
    post(wallet_of(customer), "adjustments", "adjustment", **full)  # type: ignore[arg-type]
    (said,) = says(gateway, "paid", "P", 5 * EURO, payer="pays@acme.example")
    waiting = Payment.objects.get(external_id="P")
    assert "range" in said
    assert "range" in waiting.private_note
    assert (waiting.status, waiting.customer, waiting.amount_micros) == ("pending", None, 5 * EURO)
    assert says(gateway, "paid", "P", 5 * EURO, payer="pays@acme.example") == [AGAIN]
    other = create_customer(account_id=account.pk, name="Other", currency="EUR")
    assign_payment(payment_id=waiting.pk, customer_id=other.pk)
    assert balance(other) == 5 * EURO


@pytest.mark.parametrize("provider", ["paypal", "paypal_ipn"])
def test_what_one_person_undoes_another_approves_and_nobody_gives_it_to_a_stranger(
    account: Account, provider: str
) -> None:
    customer, stranger = acme(account), baltic(account)
    paypal(account, provider=provider)
    whole = paid(customer, 100 * EURO, amount_micros=100 * EURO)
    Account.objects.update(two_person_payments=True)
    if provider == "paypal_ipn":  # cannot be asked: a refund from here would be booked again by its notice
        refused("payment_id", refund_payment, payment_id=whole.pk)
    back = reverse_payment(payment_id=whole.pk, reason="it bounced")
    refused("payment_id", complete_payment, payment_id=back.pk)
    refused("payment_id", assign_payment, payment_id=back.pk, customer_id=stranger.pk)
    with acting(OTTO):
        complete_payment(payment_id=back.pk)
    assert (balance(customer), balance(stranger)) == (0, 0)


@pytest.mark.parametrize("told_before", [False, True])
def test_a_gateway_gives_nothing_back_at_one_persons_word(account: Account, told_before: bool) -> None:
    customer, gateway = acme(account), paypal(account)
    whole = paid(customer, 100 * EURO, amount_micros=100 * EURO)
    Account.objects.update(two_person_payments=True)
    back = refund_payment(payment_id=whole.pk, amount_micros=40 * EURO)
    refused("payment_id", complete_payment, payment_id=back.pk)
    assert not Checkout.objects.exists(), "nobody is asked yet"
    if told_before:
        says(gateway, "refunded", "R", 40 * EURO, parent_id="P")
        back.refresh_from_db()
        assert (back.external_id, balance(customer)) == ("R", 60 * EURO), "it was made there meanwhile"
        return
    with acting(OTTO):
        asked = complete_payment(payment_id=back.pk)
        assert (asked.status, asked.approved_by, balance(customer)) == ("pending", "Otto", 100 * EURO)
        refused("payment_id", complete_payment, payment_id=back.pk)
    answer = {"reference": Checkout.objects.get().reference, "parent_id": "P"}
    assert says(gateway, "refunded", "R", 40 * EURO, **answer) == [BOOKED]
    back.refresh_from_db()
    assert (back.status, back.approved_by, balance(customer)) == ("completed", "Otto", 60 * EURO)
    other = refund_payment(payment_id=whole.pk)
    assert cancel_payment(payment_id=other.pk).status == "canceled"


def test_a_debit_that_a_gateway_calls_completed_is_never_a_credit(account: Account) -> None:
    customer, gateway = acme(account), paypal(account)
    says(gateway, "trouble", "T", -5 * EURO)
    (unknown,) = says(gateway, "trouble", "U", 0)
    assert unknown.startswith(NOT_BOOKED), "of no amount nothing waits that could only be canceled"
    debit = Payment.objects.get()
    assign_payment(payment_id=debit.pk, customer_id=customer.pk)
    assert (debit.kind, balance(customer)) == ("reversal", -5 * EURO)


def test_what_a_person_undid_is_not_booked_again_by_the_gateways_own_notice(account: Account) -> None:
    customer, gateway = acme(account), paypal(account)
    whole = paid(customer, 100 * EURO, amount_micros=100 * EURO)
    by_hand = reverse_payment(payment_id=whole.pk, reason="a chargeback, said the mail")
    (said,) = says(gateway, "reversed", "D", 100 * EURO, parent_id="P")
    by_hand.refresh_from_db()
    assert (said, by_hand.noticed_as, balance(customer)) == (f"{BY_HAND} {by_hand.pk}", "D", 0)
    assert says(gateway, "reversed", "D", 100 * EURO, parent_id="P") == [AGAIN]
    (other,) = says(gateway, "refunded", "R", 25 * EURO, parent_id="P")
    assert "is left" in other, "another amount: a person looks, and nothing is taken twice"
    waiting = Payment.objects.get(external_id="R")
    refused("payment_id", assign_payment, payment_id=waiting.pk, customer_id=customer.pk)
    assert says(gateway, "restored", "D:back", 100 * EURO, parent_id="P") == [BOOKED]
    assert assign_payment(payment_id=waiting.pk, customer_id=customer.pk).amount_micros == -25 * EURO
    assert balance(customer) == 75 * EURO


def test_what_waits_for_a_second_person_is_proved_by_the_gateway_or_no_longer_possible(account: Account) -> None:
    customer, gateway = acme(account), paypal(account)
    for name in "PQ":
        paid(customer, 100 * EURO, amount_micros=100 * EURO, external_id=name)
    Account.objects.update(two_person_payments=True)
    first, second = (reverse_payment(payment_id=row.pk, reason="x") for row in Payment.objects.order_by("id"))
    says(gateway, "reversed", "D", 100 * EURO, parent_id="P")
    says(gateway, "refunded", "R", 40 * EURO, parent_id="Q")
    first.refresh_from_db()
    assert (first.status, first.external_id, balance(customer)) == ("completed", "D", 60 * EURO)
    with acting(OTTO):
        refused("payment_id", complete_payment, payment_id=second.pk)
    assert balance(customer) == 60 * EURO


@pytest.mark.parametrize("assigned", [False, True])
def test_what_comes_back_of_a_reversal_that_is_not_booked_waits_with_it(account: Account, assigned: bool) -> None:
    customer, gateway = acme(account), paypal(account)
    whole = paid(customer, 100 * EURO, amount_micros=100 * EURO)
    says(gateway, "refunded", "R", 60 * EURO, parent_id="P")
    says(gateway, "reversed", "D", 100 * EURO, parent_id="P")
    (said,) = says(gateway, "restored", "D:back", 100 * EURO, parent_id="P")
    assert "waits in suspense itself" in said
    assert balance(customer) == 40 * EURO
    taken, back = Payment.objects.filter(customer=None).order_by("id")
    refused("payment_id", assign_payment, payment_id=back.pk, customer_id=customer.pk)
    if assigned:
        assert assign_payment(payment_id=taken.pk, customer_id=customer.pk).amount_micros == -40 * EURO
        assert assign_payment(payment_id=back.pk, customer_id=customer.pk).amount_micros == 40 * EURO
    else:
        cancel_payment(payment_id=taken.pk)
        refused("payment_id", assign_payment, payment_id=back.pk, customer_id=customer.pk)
        cancel_payment(payment_id=back.pk)
        (said,) = says(gateway, "restored", "D:again", 60 * EURO, parent_id="P")
        assert "Only 0.00 EUR" in said, "the refund of as much is no reversal"
    says(gateway, "restored", "R:failed", 60 * EURO, parent_id="R")  # that refund failed
    whole.refresh_from_db()
    assert (balance(customer), whole.refunded_micros) == (100 * EURO, 0)
    says(gateway, "reversed", "E", 100 * EURO, parent_id="P")
    assert says(gateway, "restored", "E:back", 100 * EURO, parent_id="P") == [BOOKED]
    assert balance(customer) == 100 * EURO
    with unguarded("UPDATE payment SET refunded_micros = -1 WHERE id = %s", whole.pk):
        assert "what_is_given_back_was_paid" in broken()


def test_what_a_person_undid_and_is_no_longer_left_waits_when_the_gateway_proves_it(account: Account) -> None:
    customer, gateway = acme(account), paypal(account)
    whole = paid(customer, 100 * EURO, amount_micros=100 * EURO)
    Account.objects.update(two_person_payments=True)
    by_hand = reverse_payment(payment_id=whole.pk, reason="a chargeback, said the mail")
    says(gateway, "refunded", "R", 30 * EURO, parent_id="P")
    (why,) = says(gateway, "reversed", "D", 100 * EURO, parent_id="P")
    by_hand.refresh_from_db()
    whole.refresh_from_db()
    assert "Only 70.00 EUR" in why
    assert (by_hand.status, whole.refunded_micros, balance(customer)) == ("pending", 30 * EURO, 70 * EURO)
    with acting(OTTO), CaptureQueriesContext(connection) as asked:
        refused("payment_id", complete_payment, payment_id=by_hand.pk)
    said = [query["sql"] for query in asked.captured_queries]
    turn = next(place for place, sql in enumerate(said) if 'FROM "wallet"' in sql)
    lock = next(place for place, sql in enumerate(said) if 'FROM "payment"' in sql and "FOR NO KEY UPDATE" in sql)
    assert turn < lock, "the wallet before its payments, as notices do"


@pytest.mark.parametrize(("code", "fine", "coarse"), [("EUR", 9_999_999, 9_990_000), ("JPY", 9_500_000, 9_000_000)])
def test_no_amount_is_taken_that_no_bank_can_move(account: Account, code: str, fine: int, coarse: int) -> None:
    customer = create_customer(account_id=account.pk, name="Nippon", currency=code)
    mine = {"customer_id": customer.pk}
    for given in (create_payment, import_payment, top_up):
        refused("amount_micros", given, **mine, amount_micros=fine)  # type: ignore[arg-type]
    waiting = create_payment(**mine, amount_micros=coarse, status="pending")  # type: ignore[arg-type]
    refused("amount_micros", complete_payment, payment_id=waiting.pk, amount_micros=fine)
    whole = complete_payment(payment_id=waiting.pk)
    refused("amount_micros", refund_payment, payment_id=whole.pk, amount_micros=fine - EURO)
    refused("unit_price_nanos", charge_customer, **mine, description="Fee", unit_price_nanos=fine * 1000)
    charge_customer(**mine, description="Numbers", unit_price_nanos=5_000_000, quantity_milli=10**6)  # type: ignore[arg-type]
    batch = {"account_id": account.pk, "name": "May", "currency": code, "count": 1}
    refused("addition_micros", create_voucher_batch, **batch, addition_micros=fine)
    refused("minimum_micros", create_voucher_batch, **batch, addition_micros=coarse, minimum_micros=fine)
    assert balance(customer) == coarse
