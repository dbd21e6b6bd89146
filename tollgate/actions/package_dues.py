"""What packages come to: one `Due` for each thing that falls due, in numbers and in the words of its charge.

`dues_of` reckons a period and changes nothing; `charge_due` makes the charge of one. When a period falls due is said in
package_runs.py. To let something else fall due, add its `Due` in `dues_of` and its kind to `charges.ENTRY_KINDS`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from tollgate.actions.charges import charge_amount, make_charge, zone_of
from tollgate.actions.notices import notify
from tollgate.actions.postings import wallet_of
from tollgate.actions.statements import fetch
from tollgate.actions.webhook_bodies import charge_body
from tollgate.actions.webhooks import emit
from tollgate.core.money import format_micros
from tollgate.core.packages import (
    DAY,
    Frequency,
    Period,
    charge_key,
    granted_s,
    midnight,
    setup_key,
    shortfall_micros,
)
from tollgate.core.templates import Figure
from tollgate.store.models import Charge, Customer, CustomerPackage


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One thing that falls due: a setup, a period, the rest to a minimum spend, or a period that is let go."""

    customer_package_id: int
    customer_id: int
    package: str
    kind: str
    key: str
    description: str
    from_on: date
    until_on: date
    quantity: int
    unit_price_nanos: int
    cost_nanos: int
    amount_micros: int
    currency: str
    did: str = ""
    """The number that it is for; empty when it is for the customer."""
    minutes_s: int = 0
    used_micros: int | None = None
    least_micros: int | None = None
    """Of a minimum spend: what the calls of the period have cost, and the least that they cost."""
    skipped: str = ""
    """Why nothing is charged; empty when it is."""


def dues_of(held: CustomerPackage, period: Period, *, setup: bool, skipped: str) -> list[Due]:
    """What falls due with a period."""
    package, name = held.package, product_words(held)
    found = []
    if setup:
        words = f"{name}, setup"
        found.append(
            _due(held, period, kind="setup", key=setup_key(held.pk), words=words, skipped=skipped,
                 price=package.setup_retail_nanos, cost=package.setup_cost_nanos)
        )  # fmt: skip
    key, words = charge_key(held.pk, period), f"{name}, {days_words(period)}"
    cost = period.share(package.cost_nanos)
    if not package.minimum_spend:
        minutes_s = 0 if skipped else granted_s(held.minutes or package.minutes, held.quantity, period)
        found.append(
            _due(held, period, kind="package", key=key, words=words, skipped=skipped, minutes_s=minutes_s,
                 price=period.share(package.retail_nanos), cost=cost)
        )  # fmt: skip
        return found
    least = charge_amount(period.share(package.retail_nanos), held.quantity * 1000)
    used = used_micros(held.customer, *span_of(held.customer, period))
    words = f"{name}, what is missing to the minimum spend of {format_micros(least, 2)}, {days_words(period)}"
    due = _due(held, period, kind="minimum_spend", key=key, words=words, skipped=skipped, price=0, cost=cost)
    found.append(spend_due(due, shortfall_micros(least, used), used_micros=used, least_micros=least))
    return found


def correction_due(
    held: CustomerPackage,
    period: Period,
    difference_micros: int,
    *,
    key: str,
    used_micros: int,
    least_micros: int,
) -> Due:
    """What a period of a minimum spend is charged more, or below zero less, since its calls were corrected."""
    least = format_micros(least_micros, 2)
    words = f"{product_words(held)}, minimum spend of {least} after calls were corrected, {days_words(period)}"
    due = _due(held, period, kind="minimum_spend", key=key, words=words, skipped="", price=0, cost=0)
    return spend_due(due, difference_micros, used_micros=used_micros, least_micros=least_micros)


def spend_due(due: Due, amount_micros: int, *, used_micros: int, least_micros: int) -> Due:
    """The rest to a minimum spend is one amount, whatever the quantity."""
    return replace(
        due,
        quantity=1,
        unit_price_nanos=amount_micros * 1000,
        amount_micros=amount_micros,
        used_micros=used_micros,
        least_micros=least_micros,
    )


def charge_due(held: CustomerPackage, due: Due) -> None:
    """Makes the charge of something due, unless it is nothing, and tells of it."""
    if not due.amount_micros and not due.cost_nanos:
        return
    customer = held.customer
    known = Charge.objects.filter(account_id=customer.account_id, key=due.key).exists()
    charge = make_charge(
        customer=customer,
        kind=due.kind,
        key=due.key,
        description=due.description,
        from_on=due.from_on,
        until_on=due.until_on,
        unit_price_nanos=due.unit_price_nanos,
        quantity_milli=due.quantity * 1000,
        post_now=held.auto_decrement,
        detail={
            "customer_package": held.pk,
            "package": held.package_id,
            "cost_nanos": due.cost_nanos,
            "minutes_s": due.minutes_s,
            "used_micros": due.used_micros,
            **({"did": due.did} if due.did else {}),
        },
    )
    if known or not charge.amount_micros:
        return
    emit(account_id=customer.account_id, event="package.charged", ref=f"charge:{charge.pk}", body=charge_body(charge))
    if held.auto_decrement and held.package.frequency != Frequency.daily and charge.amount_micros > 0:
        amount = Figure(format_micros(charge.amount_micros, 2))
        values = {"description": charge.description, "amount": amount, "currency": charge.currency}
        notify(customer, "package.charged", values)


def product_words(held: CustomerPackage) -> str:
    """What is charged: the package, and the number that it is for."""
    return f"{held.package.name}, DID {held.did_number}" if held.did_number else held.package.name


def days_words(period: Period) -> str:
    """The days of a period, the last one included."""
    if period.until_on is None or period.until_on == period.from_on + DAY:
        return f"{period.from_on}"
    return f"{period.from_on} to {period.until_on - DAY}"


def span_of(customer: Customer, period: Period) -> tuple[datetime, datetime]:
    """The instants at which a period that ends begins and is over."""
    assert period.until_on is not None
    zone = zone_of(customer)
    return midnight(period.from_on, zone), midnight(period.until_on, zone)


def used_micros(customer: Customer, from_at: datetime, until_at: datetime) -> int:
    """What the calls of a span have cost, for a reseller those of its customers too: it pays for them."""
    reselling = customer.is_reseller or fetch("invoices", "was_reseller", customer.pk)[0]["was"]
    caller_id = None if reselling else customer.pk
    rows = fetch(
        "packages", "used_in_period", wallet_of(customer).pk, customer.account_id, caller_id, from_at, until_at
    )
    found: int = rows[0]["used_micros"]
    return found


def _due(
    held: CustomerPackage,
    period: Period,
    *,
    kind: str,
    key: str,
    words: str,
    price: int,
    cost: int,
    skipped: str,
    minutes_s: int = 0,
) -> Due:
    return Due(
        customer_package_id=held.pk,
        customer_id=held.customer_id,
        package=held.package.name,
        kind=kind,
        key=key,
        description=words,
        from_on=period.from_on,
        until_on=period.until_on or period.from_on + DAY,
        quantity=held.quantity,
        unit_price_nanos=price,
        cost_nanos=cost * held.quantity,
        amount_micros=charge_amount(price, held.quantity * 1000),
        currency=held.package.currency,
        did=held.did_number,
        minutes_s=minutes_s,
        skipped=skipped,
    )
