"""Charges: what a customer owes beside calls, each made once by its key.

`make_charge` is for acts and jobs that know of something to charge (packages, late fees); `charge_customer` is the act
of a person. A charge moves its money at once, or when the document that bears it is issued; it is billed while a line
of a document that is not void names it. To add a kind, add it to `ENTRY_KINDS` and to the check of the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from django.db.models import Q, QuerySet

from tollgate.actions import checks, records
from tollgate.actions.acts import act, refuse
from tollgate.actions.postings import income_book, post, wallet_of
from tollgate.actions.statements import fetch
from tollgate.core.hours import zone_info
from tollgate.core.money import Method, divide
from tollgate.core.taxes import CHARGED_WITHOUT, UNREASONED
from tollgate.store.models import Account, Charge, Customer, InvoiceLine

ENTRY_KINDS: Final[Mapping[str, str]] = {
    "package": "package",
    "setup": "package",
    "minimum_spend": "package",
    "fee": "fee",
    "late_fee": "fee",
    "manual": "fee",
}
"""How the ledger calls each kind of charge."""
MOST_QUANTITY_MILLI: Final = 10**12
TAX_CHECKS: Final[Mapping[str, checks.Check]] = {
    "tax_category": checks.one_of(("", *CHARGED_WITHOUT)),
    "exemption_reason": checks.text(300),
}
CHECKS: Final[Mapping[str, checks.Check]] = {
    "key": checks.optional(checks.text(150)),
    "description": checks.text(300, required=True),
    "unit_price_nanos": checks.amount(-checks.MOST_MICROS * 1000, checks.MOST_MICROS * 1000, price=True),
    "quantity_milli": checks.whole(1, MOST_QUANTITY_MILLI),
    "post_now": checks.yes_no,
    **TAX_CHECKS,
}


def make_charge(
    *,
    customer: Customer,
    kind: str,
    key: str,
    description: str,
    from_on: date,
    until_on: date,
    unit_price_nanos: int,
    quantity_milli: int = 1000,
    post_now: bool,
    detail: Mapping[str, Any] | None = None,
    tax_category: str = "",
    exemption_reason: str = "",
) -> Charge:
    """Charges a customer once, or finds the charge that the key has made already. Call it inside an act.

    `until_on` is the first day after what it pays for. `post_now` moves the money at once; otherwise the invoice does
    that bears it. With a `tax_category` it bears no tax, for the reason that is printed. Raises Invalid when the key
    has charged something else.
    """
    assert kind in ENTRY_KINDS
    amount_micros = charge_amount(unit_price_nanos, quantity_milli)
    if abs(amount_micros) > checks.MOST_MICROS:
        raise refuse("unit_price_nanos", "The charge would be larger than can be kept.")
    fetch("ledger_postings", "lock_wallet", wallet_of(customer).pk)  # two that come at once go one after the other
    before = Charge.objects.filter(account_id=customer.account_id, key=key).first()
    if before is not None:
        if (before.customer_id, before.kind, before.amount_micros) != (customer.pk, kind, amount_micros):
            raise refuse("key", "This key has charged something else: use a new one for a new charge.")
        return before
    charge = Charge.objects.create(
        account_id=customer.account_id,
        customer=customer,
        kind=kind,
        key=key,
        description=description,
        from_on=from_on,
        until_on=until_on,
        quantity_milli=quantity_milli,
        unit_price_nanos=unit_price_nanos,
        amount_micros=amount_micros,
        currency=customer.currency,
        detail=dict(detail or {}),
        tax_category=tax_category,
        exemption_reason=exemption_reason,
        billing_type=customer.billing_type,
    )
    return post_charge(charge, ref=f"charge:{charge.pk}", billing_type=customer.billing_type) if post_now else charge


def post_charge(charge: Charge, *, ref: str, billing_type: str) -> Charge:
    """Moves the money of a charge that has not moved yet; one of nothing moves none. From now on it is of an account
    type: of that under which it was made, or of the document that moves it."""
    if charge.entry_id is not None or charge.amount_micros == 0:
        return charge
    customer = charge.customer
    entry = post(
        wallet_of(customer),
        income_book(customer),
        ENTRY_KINDS[charge.kind],
        amount_micros=-charge.amount_micros,
        note=charge.description,
        key=f"charge {charge.pk}",
        ref=ref,
    )
    charge.entry_id, charge.billing_type = entry.pk, billing_type
    charge.save(update_fields=["entry_id", "billing_type"])
    return charge


def check_reason(category: str, reason: str) -> None:
    """Refuses a category without its reason, and a reason that nothing prints."""
    printed = category and category not in UNREASONED
    if printed and not reason:
        raise refuse("exemption_reason", "This category is printed with its reason: give it.")
    if reason and not printed:
        raise refuse("exemption_reason", "A reason belongs to a category that is printed with it: choose one.")


def charge_amount(unit_price_nanos: int, quantity_milli: int) -> int:
    """Micros of a quantity at a price, to the nearest."""
    return divide(unit_price_nanos * quantity_milli, 10**6, Method.half_up)


def is_posted(charge: Charge) -> bool:
    """Whether its money has moved already."""
    return charge.entry_id is not None


def unbilled_charges(customer: Customer, *, kind: str, before_on: date, without: int | None = None) -> QuerySet[Charge]:
    """The charges that begin before a day, that documents of a kind bear, and that none bears; `without` does not count
    its own lines.

    What money paid ahead has paid, with its tax, stands on receipts alone, what was taken afterwards on invoices. What
    has not moved yet is billed by the kind in force now, which asks for it; what was made while the customer was
    postpaid may also be on the last of its invoices. What gave money back, and the documents of its own kind had no
    room for, is on one of the kind in force.
    """
    billed = InvoiceLine.objects.filter(charge__customer=customer).exclude(invoice__state="void")
    billed = billed.exclude(invoice_id=without or 0)
    moved = Q(entry_id__isnull=False)
    own = Q(billing_type="postpaid") if kind == "invoice" else moved & Q(billing_type="prepaid")
    if kind == kind_of(customer.billing_type):
        own |= ~moved | Q(billing_type="") | Q(amount_micros__lt=0)
    found = Charge.objects.filter(own, customer=customer, from_on__lt=before_on)
    return found.exclude(pk__in=billed.values("charge_id")).order_by("from_on", "pk")


def kind_of(billing_type: str) -> str:
    """Who pays ahead gets receipts of what was used, who pays afterwards invoices."""
    return "receipt" if billing_type == "prepaid" else "invoice"


@act
def charge_customer(
    *,
    customer_id: int,
    description: str,
    unit_price_nanos: int,
    quantity_milli: int = 1000,
    from_on: str | date | None = None,
    until_on: str | date | None = None,
    post_now: bool = False,
    key: str | None = None,
    tax_category: str = "",
    exemption_reason: str = "",
) -> Charge:
    """Charges a customer by hand: its next invoice bears the line. `post_now` takes the money from the balance already.

    It bears the taxes of that invoice, or with a `tax_category` (of EN 16931) and its `exemption_reason` none.
    Without days it is of today; `until_on` is the first day after. The same key again returns the first charge.
    """
    customer = records.locked(Customer, customer_id)
    values = checks.cleaned(
        CHECKS,
        {
            "description": description,
            "unit_price_nanos": unit_price_nanos,
            "quantity_milli": quantity_milli,
            "post_now": post_now,
            "key": key,
            "tax_category": tax_category,
            "exemption_reason": exemption_reason,
        },
    )
    check_reason(values["tax_category"], values["exemption_reason"])
    if values["unit_price_nanos"] == 0:
        raise refuse("unit_price_nanos", "A charge of nothing changes nothing.")
    checks.whole_coins(
        "unit_price_nanos", charge_amount(values["unit_price_nanos"], values["quantity_milli"]), customer.currency
    )
    first = checks.cleaned({"from_on": day}, {"from_on": from_on})["from_on"] if from_on else today_of(customer)
    until = checks.cleaned({"until_on": day}, {"until_on": until_on})["until_on"] if until_on else None
    until = until or first + timedelta(days=1)
    if until <= first:
        raise refuse("until_on", "This is the first day after: give a later one.")
    given = values.pop("key")
    moment = records.now()
    unique = (
        f"manual {customer.pk} {given}" if given else f"manual {customer.pk} {moment.isoformat()} {description[:60]}"
    )
    return make_charge(customer=customer, kind="manual", key=unique, from_on=first, until_on=until, **values)


def day(value: object) -> date:
    """A day, or its ISO 8601 text."""
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value.strip())
        except ValueError:
            raise checks.Unfit("Give a day such as 2026-12-31.") from None
    if not isinstance(value, date) or not 2000 <= value.year <= 2200:
        raise checks.Unfit("Give a day between the years 2000 and 2200.")
    return value


def today_of(customer: Customer) -> date:
    """The day it is for a customer's bills."""
    today: date = records.now().astimezone(zone_info(zone_of(customer))).date()
    return today


def zone_of(customer: Customer) -> str:
    """The zone whose days a customer is billed by."""
    account: Account = customer.account
    return customer.billing_zone or customer.zone or account.zone
