"""What a customer's contacts do to pay: start a checkout, say that a transfer is on its way or is not, enter a voucher.

They never complete a payment: a gateway's proved notice or a user of ours does. What they begin is marked
(`by_contact`), and only so many of these wait at once. The minimum payment, the currencies and
the gateways that are allowed hold here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final
from uuid import uuid4

from django.db import connection

from tollgate.actions import checks, records
from tollgate.actions.acts import act, current, refuse
from tollgate.actions.in_service import check_in_service
from tollgate.actions.payment_amounts import (
    BANK_TRANSFER,
    BUILT_IN,
    Way,
    check_minimum,
    check_payable,
    surcharge_of,
    wallet_amount,
    ways_of,
)
from tollgate.actions.payment_booking import new_payment
from tollgate.actions.payment_gateways import config_of
from tollgate.actions.vouchers import Redeemed, redeem
from tollgate.core.payments import ASK_AGAIN
from tollgate.gateways.payments import PROVIDERS, open_gateway
from tollgate.gateways.payments.model import Declined, NotReached, Order, Widget
from tollgate.store.models import Account, Checkout, Customer, Payment
from tollgate.store.secrets import CannotUnseal

NOT_TAKEN: Final = "The gateway did not take this payment: begin another."
PENDING_MOST: Final = 10
"""How many payments that contacts of one customer began may wait at once."""
CHECKS: Final[dict[str, checks.Check]] = {
    "amount_micros": checks.amount(1, checks.MOST_MICROS),
    "currency": checks.currency,
    "keep_method": checks.yes_no,
    "payer": checks.text(200),
    "code": checks.text(100, required=True),
}


@act
def start_checkout(
    *, customer_id: int, gateway: str, amount_micros: int, currency: str, keep_method: bool = False
) -> Checkout:
    """Begins a payment by a gateway: the pending payment and what will be asked of the payer, surcharge and all.

    The amount is in the currency that is paid. `send_payer` then asks the gateway where the payer goes.
    """
    customer = _customer(customer_id)
    given = {"amount_micros": amount_micros, "currency": currency, "keep_method": keep_method}
    values = checks.cleaned(CHECKS, given)
    at = records.now()
    way = _way(customer, gateway, at)
    code, amount = values["currency"], values["amount_micros"]
    if way.gateway is None:
        raise refuse("gateway", "A bank transfer is not paid here: see the details and tell us of it.")
    if code not in way.currencies:
        raise refuse("currency", f"Choose one of {', '.join(way.currencies)}.")
    check_payable(amount, code, way.gateway)
    gained, rate = wallet_amount(customer, amount, code, at)
    check_minimum(customer, gained)
    surcharge = surcharge_of(way.gateway, amount, code)
    payment = new_payment(
        customer,
        gateway=way.name,
        amount_micros=gained,
        surcharge_micros=surcharge,
        received_micros=amount + surcharge,
        received_currency=code,
        exchange_rate_nanos=rate,
        public_note=way.title,
        email_confirmation=True,
        by_contact=True,
    )
    keep = values["keep_method"] and PROVIDERS[way.gateway.provider].charges
    actor = current.get()
    return Checkout.objects.create(
        payment=payment,
        gateway=way.gateway,
        contact_id=actor.id if actor.kind == "contact" else None,
        reference=uuid4().hex,
        keep_method=keep,
        next_at=at + ASK_AGAIN[1],
    )


def send_payer(checkout: Checkout, *, email: str, return_url: str, cancel_url: str, page_url: str, at: datetime) -> str:
    """The address where the payer pays, asked of the gateway without a transaction. Raises Invalid when it has none.

    The gateway is asked once: who comes at the same moment, or later, is told the same.
    """
    with _alone(checkout):
        checkout.refresh_from_db()
        if checkout.url:
            return checkout.url
        if checkout.payment.status != "pending":
            raise refuse("gateway", NOT_TAKEN)
        pages = {"return_url": return_url, "cancel_url": cancel_url, "page_url": page_url}
        return _sent(checkout, pages, email=email, at=at)


def widget_of(checkout: Checkout) -> Widget | None:
    """The form of a gateway that is paid within a page of ours. Raises CannotUnseal."""
    make = PROVIDERS[checkout.gateway.provider].widget
    return None if make is None else make(config_of(checkout.gateway))


@contextmanager
def _alone(checkout: Checkout) -> Iterator[None]:
    """Nobody else asks a gateway of this checkout meanwhile. Who dies in the block leaves it to the next."""
    name = [f"{__name__} {checkout.pk}"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", name)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", name)


def _sent(checkout: Checkout, pages: dict[str, str], *, email: str, at: datetime) -> str:
    """What the gateway says to a checkout of which it was not asked before."""
    payment = checkout.payment
    account = Account.objects.get(pk=payment.account_id)
    order = Order(
        reference=checkout.reference,
        amount_micros=payment.received_micros or 0,
        currency=payment.received_currency,
        description=account.payment_description or f"Top-up of {payment.customer}",
        email=email,
        keep_method=checkout.keep_method,
        **pages,
    )
    try:
        started = open_gateway(config_of(checkout.gateway)).start(order)
    except (NotReached, Declined, CannotUnseal) as problem:
        Payment.objects.filter(pk=payment.pk, status="pending").update(status="canceled", private_note=str(problem))
        raise refuse("gateway", f"{checkout.gateway.title} cannot take this payment now: {problem}") from None
    told = {"session": started.session, "url": started.url, "next_at": at + ASK_AGAIN[0]}
    Checkout.objects.filter(pk=checkout.pk).update(**told)
    return started.url


@act
def tell_bank_transfer(*, customer_id: int, amount_micros: int, payer: str = "") -> Payment:
    """Says that a bank transfer is on its way: a payment that users of ours complete when the money is there."""
    customer = _customer(customer_id)
    values = checks.cleaned(CHECKS, {"amount_micros": amount_micros, "payer": payer})
    _way(customer, BANK_TRANSFER, records.now())
    check_payable(values["amount_micros"], customer.currency)
    check_minimum(customer, values["amount_micros"])
    return new_payment(
        customer,
        gateway=BANK_TRANSFER,
        amount_micros=values["amount_micros"],
        payer=values["payer"],
        public_note=BUILT_IN[BANK_TRANSFER],
        email_confirmation=True,
        by_contact=True,
    )


@act
def cancel_bank_transfer(*, payment_id: int) -> Payment:
    """Takes back a transfer that a contact of the customer has announced. Money that comes all the same is booked."""
    payment = records.locked(Payment, payment_id)  # a statement that tells of it at this moment comes before or after
    if not is_announced(payment):
        raise refuse("payment_id", "Only a bank transfer that you have announced and that has not come is canceled.")
    return records.change(payment, {"status": "canceled"})


def is_announced(payment: Payment) -> bool:
    """Whether it is a bank transfer that a contact has announced, and of which nothing has come yet."""
    announced = payment.by_contact and payment.gateway == BANK_TRANSFER and payment.kind == "payment"
    return announced and payment.status == "pending" and payment.noticed_as is None


@act
def redeem_voucher(*, customer_id: int, code: str) -> Redeemed:
    """Uses a voucher for a customer: credits at once, or with the next payment that is large enough."""
    return redeem(records.find(Customer, customer_id), checks.cleaned(CHECKS, {"code": code})["code"])


def _customer(customer_id: int) -> Customer:
    customer: Customer = records.locked(Customer, customer_id)
    check_in_service(customer)
    waiting = Payment.objects.filter(customer=customer, status="pending", by_contact=True)
    if waiting.count() >= PENDING_MOST:
        words = "finish those first, or cancel the transfers that you have not sent."
        raise refuse("amount_micros", f"{PENDING_MOST} payments wait already: {words}")
    return customer


def _way(customer: Customer, name: str, at: datetime) -> Way:
    found = next((way for way in ways_of(customer, at) if way.name == name), None)
    if found is None:
        raise refuse("gateway", "You cannot pay this way: choose another.")
    return found
