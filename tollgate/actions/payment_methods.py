"""Acts on automatic top-ups: a stored payment method is charged when what is available falls below a threshold.

The method is stored by the gateway and kept here only as the gateway's ids, sealed; the payer asked for it in a
checkout (`keep_method`). Nothing is charged until a threshold, an amount and a daily cap are set and it is enabled, nor
while the customer may not call: only one that unpaid invoices hold pays them so.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final, TypedDict, Unpack
from uuid import uuid4

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Sum

from tollgate.actions import checks, records
from tollgate.actions.acts import Actor, Invalid, act, acting, refuse
from tollgate.actions.holds import UNPAID, held_by_unpaid_alone
from tollgate.actions.payment_amounts import check_minimum, check_payable, currency_fits, is_allowed, surcharge_of
from tollgate.actions.payment_booking import new_payment
from tollgate.gateways.payments.model import Method
from tollgate.store.models import AutoTopUp, Checkout, Customer, CustomerHold, Payment, Wallet
from tollgate.store.queries.customers import with_end
from tollgate.store.secrets import seal, unseal

PAUSE: Final = timedelta(minutes=15)
FAILURES_MOST: Final = 3
KEEPER: Final = Actor("payments", frozenset({"store_payment_method"}))
CHECKS: Final[dict[str, checks.Check]] = {
    "enabled": checks.yes_no,
    "threshold_micros": checks.amount(0, checks.MOST_MICROS),
    "amount_micros": checks.amount(0, checks.MOST_MICROS),
    "daily_cap_micros": checks.amount(0, checks.MOST_MICROS),
}


class AutoTopUpFields(TypedDict, total=False):
    """What may be set on an automatic top-up, in the customer's currency."""

    enabled: bool
    threshold_micros: int
    amount_micros: int
    daily_cap_micros: int


def keep_method(checkout: Checkout, method: Method) -> None:
    """Keeps the method of a checkout whose payer asked for it, in the place of the one before."""
    with acting(KEEPER):
        store_payment_method(
            checkout_id=checkout.pk, customer=method.customer, method=method.method, label=method.label
        )


@act
def store_payment_method(*, checkout_id: int, customer: str, method: str, label: str) -> AutoTopUp:
    """Keeps a gateway's ids of a stored method for the customer of a checkout; what was set before stays set."""
    checkout = Checkout.objects.select_related("payment").get(pk=checkout_id)
    values = {
        "gateway_id": checkout.gateway_id,
        "method_sealed": seal(json.dumps([customer, method])),
        "method_label": label[:100],
        "failures_count": 0,
        "note": "",
    }
    known = _of(checkout).select_for_update().first()
    Checkout.objects.filter(pk=checkout.pk).update(keep_method=False)
    if known is not None:
        return records.change(known, values)
    owner = {"customer_id": checkout.payment.customer_id, "account_id": checkout.payment.account_id}
    return records.create(AutoTopUp, {**values, **owner})


@act
def update_auto_top_up(
    *, auto_top_up_id: int, version: int | None = None, **changes: Unpack[AutoTopUpFields]
) -> AutoTopUp:
    """Sets when a stored method is charged and how much, or stops it."""
    values = checks.cleaned(CHECKS, changes)
    found = records.locked(AutoTopUp, auto_top_up_id, version)
    later = {name: values.get(name, getattr(found, name)) for name in CHECKS}
    if later["enabled"]:
        _check(found.customer, later)
    return records.change(found, {**values, "failures_count": 0, "note": ""})


@act
def delete_auto_top_up(*, auto_top_up_id: int) -> None:
    """Forgets a stored method."""
    records.locked(AutoTopUp, auto_top_up_id).delete()


@act
def start_auto_top_up(*, auto_top_up_id: int) -> Checkout | None:
    """Makes the pending payment of an automatic top-up that is due; None when it is not, or the day's cap is reached.

    The worker charges it (payment_janitor.py). Only one is under way at a time.
    """
    at = records.now()
    found = AutoTopUp.objects.select_for_update(of=("self",)).select_related("customer", "gateway")
    auto = found.get(pk=auto_top_up_id)
    wallet = Wallet.objects.get(account_id=auto.account_id, kind="customer", owner_id=auto.customer_id)
    if not auto.enabled or auto.next_at > at or wallet.available_micros >= auto.threshold_micros:
        return None
    why = _why_not(auto, at)
    records.change(auto, {"next_at": at + PAUSE, **({"note": why} if why else {})})
    if why:
        return None
    if _automatic(auto).filter(status="pending").exists():
        return None
    surcharge = surcharge_of(auto.gateway, auto.amount_micros, auto.customer.currency)
    payment = new_payment(
        auto.customer,
        gateway=auto.gateway.name,
        amount_micros=auto.amount_micros,
        surcharge_micros=surcharge,
        received_micros=auto.amount_micros + surcharge,
        received_currency=auto.customer.currency,
        public_note=f"Automatic top-up, {auto.method_label}",
        email_confirmation=True,
    )
    return Checkout.objects.create(
        payment=payment, gateway=auto.gateway, reference=uuid4().hex, automatic=True, next_at=at
    )


def method_of(auto: AutoTopUp) -> Method:
    """The gateway's ids of a stored method. Raises CannotUnseal."""
    customer, method = json.loads(unseal(auto.method_sealed))
    return Method(customer, method, auto.method_label)


def due_auto_top_ups(at: datetime) -> QuerySet[AutoTopUp]:
    """Those whose customers have less than their threshold now, and may call or owe invoices."""
    wallets = Wallet.objects.filter(
        account_id=OuterRef("account_id"), kind="customer", owner_id=OuterRef("customer_id")
    )
    left = Subquery(wallets.values(left=F("balance_micros") + F("limit_micros") - F("held_micros"))[:1])
    holds = CustomerHold.objects.filter(customer_id=OuterRef("customer_id"), ended_at=None)
    owing = Exists(holds.filter(cause__startswith=UNPAID))
    valid = Q(customer__expires_at=None) | Q(customer__expires_at__gt=at)
    waiting = AutoTopUp.objects.filter(valid, Q(customer__status="active") | owing, customer__deleted_at=None)
    waiting = waiting.filter(enabled=True, next_at__lte=at)
    return waiting.annotate(left=left).filter(left__lt=F("threshold_micros")).order_by("id")


def note_failure(checkout: Checkout, words: str) -> None:
    """After three failures in a row nothing more is charged until somebody looks."""
    auto = auto_of(checkout)
    if auto is not None:
        failures = auto.failures_count + 1
        enabled = auto.enabled and failures < FAILURES_MOST
        records.change(auto, {"failures_count": failures, "note": words[:500], "enabled": enabled})


def note_success(checkout: Checkout) -> None:
    """Failures before it count no more."""
    _of(checkout).update(failures_count=0, note="")


def auto_of(checkout: Checkout) -> AutoTopUp | None:
    """The stored method of the customer of a checkout."""
    return _of(checkout).first()


def _of(checkout: Checkout) -> QuerySet[AutoTopUp]:
    return AutoTopUp.objects.filter(customer__payments=checkout.payment_id)


def _automatic(auto: AutoTopUp) -> QuerySet[Payment]:
    return Payment.objects.filter(customer_id=auto.customer_id, checkout__automatic=True, kind="payment")


def _why_not(auto: AutoTopUp, at: datetime) -> str:
    """Why nothing is charged now, for whoever looks; "" where it is. What held when it was set may hold no more."""
    customer, gateway = auto.customer, auto.gateway
    if customer.status != "active" and not held_by_unpaid_alone(customer, at):
        return f"Nothing is charged while the status is {customer.status}."
    ends_at = with_end(Customer.objects.filter(pk=customer.pk)).get().ends_at
    if ends_at is not None and ends_at <= at:
        return f"Nothing is charged: calls were possible until {ends_at:%Y-%m-%d}."
    if not gateway.enabled:
        return f"{gateway.title} is switched off: nothing was charged."
    if not is_allowed(customer, gateway.name) or not currency_fits(customer, gateway, customer.currency):
        return f"{gateway.title} is no longer open to {customer.currency} here: nothing was charged."
    try:
        check_payable(auto.amount_micros, customer.currency, gateway)
        check_minimum(customer, auto.amount_micros)
    except Invalid as problem:
        return " ".join(problem.errors["amount_micros"])
    asked = auto.amount_micros + surcharge_of(gateway, auto.amount_micros, customer.currency)
    charged = _charged_today(auto, at)
    # the first of a day may be beyond a cap by what the gateway adds: the cap may be older than the surcharge
    if (asked + charged if charged else auto.amount_micros) > auto.daily_cap_micros:
        return f"The cap of the day was reached on {at:%Y-%m-%d}."
    return ""


def _charged_today(auto: AutoTopUp, at: datetime) -> int:
    """What was asked of the method since midnight (UTC), with the surcharges."""
    midnight = datetime.combine(at.astimezone(UTC).date(), time(), UTC)
    today = _automatic(auto).filter(received_at__gte=midnight).exclude(status="canceled")
    return int(today.aggregate(total=Sum(F("amount_micros") + F("surcharge_micros")))["total"] or 0)


def _check(customer: Customer, later: dict[str, Any]) -> None:
    amount = later["amount_micros"]
    gateway = customer.auto_top_up.gateway
    check_payable(amount, customer.currency, gateway)
    check_minimum(customer, amount)
    if later["daily_cap_micros"] < amount + surcharge_of(gateway, amount, customer.currency):
        raise refuse("daily_cap_micros", "The cap of a day is at least one top-up, with what the gateway adds to it.")
    if not currency_fits(customer, gateway, customer.currency):
        raise refuse("amount_micros", f"{gateway.title} does not take {customer.currency} here.")
