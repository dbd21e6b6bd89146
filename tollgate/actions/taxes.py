"""Acts on taxes: named rates with their dates, and which customers pay which. What falls due is decided in core.taxes.

To add a property of a tax: its column, its line in `TaxFields`, in `CHECKS` and in `_rule`, and what obeys it in core.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final, TypedDict, Unpack

from django.db import transaction

from tollgate.actions import checks, records
from tollgate.actions.acts import Invalid, act, refuse
from tollgate.actions.charges import day, zone_of
from tollgate.actions.customer_checks import country
from tollgate.actions.deleted_records import deleted, remove
from tollgate.actions.exchange_rates import convert
from tollgate.actions.in_service import check_in_service
from tollgate.core.hours import zone_info
from tollgate.core.taxes import ALIKE, TaxDoubt, TaxParty, TaxRule, due, label_of, rules_within, within_gross
from tollgate.gateways.vat import number_fits
from tollgate.store.models import Account, Customer, CustomerTax, InvoiceTax, Tax, VatCheck
from tollgate.store.models.taxes import CATEGORIES

MOST_PPM: Final = 10**6
MOST_TAXES: Final = 20
log = logging.getLogger(__name__)


class TaxFields(TypedDict, total=False):
    """What may be set on a tax."""

    label: str
    category: str
    rate_ppm: int
    fixed_micros: int
    compound: bool
    is_vat: bool
    priority: int
    country: str
    exemption_reason: str
    valid_from_on: date | str | None
    valid_until_on: date | str | None
    enabled: bool
    is_default: bool


class TaxChanges(TaxFields, total=False):
    """What may be changed on a tax."""

    name: str


class PaidTax(TypedDict):
    """A tax that a customer pays; `priority` replaces the tax's own where it is given."""

    tax_id: int
    priority: int | None


LABEL_MOST: Final = 30
CHECKS: Final[Mapping[str, checks.Check]] = {
    "name": checks.text(100, required=True),
    "label": checks.text(LABEL_MOST),
    "category": checks.one_of(CATEGORIES),
    "rate_ppm": checks.whole(0, MOST_PPM),
    "fixed_micros": checks.amount(0, checks.MOST_MICROS),
    "compound": checks.yes_no,
    "is_vat": checks.yes_no,
    "priority": checks.whole(0, 1000),
    "country": country,
    "exemption_reason": checks.text(300),
    "valid_from_on": checks.optional(day),
    "valid_until_on": checks.optional(day),
    "enabled": checks.yes_no,
    "is_default": checks.yes_no,
}


@act
def create_tax(*, account_id: int, name: str, **fields: Unpack[TaxFields]) -> Tax:
    """Makes a tax. `rate_ppm` is parts per million (21 % are 210000).

    `fixed_micros`, in the account's currency, is added once per document. With `is_vat` it falls away where the
    customer owes the VAT, where no VAT is due and for who is exempt. Without a `label` it is printed as such taxes are
    called in its country, or else in the account's: VAT, GST, Sales tax; what is no VAT is printed by its name. New
    customers begin with those that are `is_default`: give one to each country, and each customer bears that of its own.
    """
    given: dict[str, Any] = {**fields, "name": name}
    values = checks.cleaned(CHECKS, given)
    account = records.find(Account, account_id)
    _check_together(values, Tax())
    named = _named(values, Tax(account=account, label=""))
    return records.create(Tax, {**named, "account_id": account.pk})


@act
def update_tax(*, tax_id: int, version: int | None = None, **changes: Unpack[TaxChanges]) -> Tax:
    """Changes a tax. Documents that were issued keep what they said; those to come obey it."""
    values = checks.cleaned(CHECKS, changes)
    tax = records.locked(Tax, tax_id, version)
    _check_together(values, tax)
    return records.change(tax, _named(values, tax))


@act
def delete_tax(*, tax_id: int, version: int | None = None) -> None:
    """Removes a tax that no customer pays and no document names; switch off one that was used. For a week `restore_tax`
    undoes it."""
    tax = records.locked(Tax, tax_id, version)
    if CustomerTax.objects.filter(tax=tax).exists():
        raise refuse("tax_id", "Customers pay this tax: take it from them first, or switch it off.")
    if InvoiceTax.objects.filter(tax=tax).exists():
        raise refuse("tax_id", "Documents name this tax: switch it off, or give it a last day.")
    remove(tax, account_id=tax.account_id)


@act
def restore_tax(*, tax_id: int) -> Tax:
    """Brings a deleted tax back as it was."""
    return deleted(Tax, tax_id, "tax_id").restore()


@act
def set_customer_taxes(*, customer_id: int, taxes: Sequence[PaidTax], version: int | None = None) -> Customer:
    """Makes a customer pay exactly these taxes, each with a priority of its own where one is given."""
    customer = records.locked(Customer, customer_id, version)
    check_in_service(customer)
    wanted = _paid(taxes)
    if Tax.objects.filter(account_id=customer.account_id, pk__in=wanted).count() != len(wanted):
        raise refuse("taxes", "One of these taxes does not exist.")
    paid = CustomerTax.objects.filter(customer=customer)
    if dict(paid.values_list("tax_id", "priority")) == wanted:
        return customer
    paid.exclude(tax_id__in=wanted).delete()
    for tax_id, priority in wanted.items():
        CustomerTax.objects.update_or_create(customer=customer, tax_id=tax_id, defaults={"priority": priority})
    return records.change(customer, {"taxes_version": customer.taxes_version + 1})


def default_tax_ids(account_id: int) -> list[int]:
    """The taxes that a new customer pays where nothing else is said. One of a country holds for who is there alone."""
    found = Tax.objects.filter(account_id=account_id, is_default=True, enabled=True)
    return list(found.order_by("pk").values_list("pk", flat=True))


def taxes_of(customer: Customer, on: date) -> tuple[TaxRule, ...] | TaxDoubt:
    """The taxes that fall due for a customer on a day, their fixed parts in its currency."""
    found = due(party_of(customer), _rules(customer), on)
    if isinstance(found, TaxDoubt):
        return found
    try:
        return tuple(_in_currency(rule, customer, on) for rule in found)
    except Invalid as problem:
        return TaxDoubt(" ".join(problem.errors["currency"]))


def paid_by(customer: Customer, on: date) -> tuple[TaxRule, ...]:
    """All taxes of a customer that hold on a day, whatever falls due: what one line may bear in place of that. Without
    one whose fixed part no rate tells in the customer's currency."""
    found = []
    for rule in sorted(_rules(customer), key=lambda rule: rule.priority):
        if rule.holds_on(on, customer.country):
            with suppress(Invalid):
                found.append(_in_currency(rule, customer, on))
    return tuple(found)


def _named(values: dict[str, Any], tax: Tax) -> dict[str, Any]:
    """The values with the label of the country in the place of an empty one; the name, of what is no VAT."""
    if values.get("label", tax.label):
        return values
    if not values.get("is_vat", tax.is_vat):
        return {**values, "label": values.get("name", tax.name)[:LABEL_MOST]}
    return {**values, "label": label_of(values.get("country", tax.country) or tax.account.country)}


def _rules(customer: Customer) -> list[TaxRule]:
    rows = CustomerTax.objects.filter(customer=customer).select_related("tax").order_by("tax_id")
    return [_rule(row) for row in rows]


def _in_currency(rule: TaxRule, customer: Customer, on: date) -> TaxRule:
    """The rule with its fixed part in the customer's currency, by the rate of the day. Raises Invalid without one."""
    if not rule.fixed_micros:
        return rule
    account: Account = customer.account
    fixed = convert(account.pk, rule.fixed_micros, base=account.currency, quote=customer.currency, on=on)
    return replace(rule, fixed_micros=fixed.amount_micros)


def party_of(customer: Customer) -> TaxParty:
    """What decides over a customer's taxes. A number that the register does not know is none."""
    account: Account = customer.account
    checked = VatCheck.objects.filter(customer=customer, number=customer.tax_number, state__in=("valid", "invalid"))
    newest = checked.order_by("-answered_at", "-id").values_list("state", flat=True)
    state = newest.first() if customer.tax_number else None
    return TaxParty(
        seller_country=account.country,
        seller_vat=account.vat_id,
        country=customer.country,
        number_valid=state != "invalid" and number_fits(customer.tax_number, customer.country),
        treatment=customer.tax_treatment,
    )


def tax_of_payment(customer: Customer, amount_micros: int, at: datetime) -> int:
    """The tax inside a payment of a prepaid customer, whose tax falls due with it; 0 for all others.

    Money is never turned away: where the tax is in doubt it is 0, and the customer's billing rests (R12).
    """
    if customer.billing_type != "prepaid":
        return 0
    found = taxes_of(customer, tax_day(customer, at))
    if isinstance(found, TaxDoubt):
        rest_billing(customer, found.sentence, at)
        return 0
    rules = rules_within(amount_micros, found, customer.currency)
    return sum(tax.amount_micros for tax in within_gross(amount_micros, rules, customer.currency))


def rest_billing(customer: Customer, reason: str, at: datetime) -> None:
    """Lets the billing of a customer rest, for whoever books its money and is in doubt about a document.

    Who holds the wallet never waits for the customer: if somebody has it in hand, only the log tells.
    """
    words = ("ALARM billing of customer %s is in doubt: %s", customer.pk, reason)
    transaction.on_commit(lambda: log.warning(*words))  # a rehearsal, which is taken back, rings no bell
    free = Customer.objects.select_for_update(no_key=True, skip_locked=True)
    resting = free.filter(pk=customer.pk, parked_at=None).first()
    if resting is not None:
        records.change(resting, {"parked_at": at, "parked_reason": reason})


def tax_day(customer: Customer, at: datetime) -> date:
    """The day of a moment by the calendar a customer is billed by."""
    on: date = at.astimezone(zone_info(zone_of(customer))).date()
    return on


def rule_told(row: InvoiceTax) -> TaxRule:
    """A tax as a document told it, for what corrects that document: without its fixed part, which was paid with it.

    Documents from before that was kept do not say whether it is VAT: the tax does.
    """
    return TaxRule(
        id=row.tax_id,
        name=row.name,
        label=row.label,
        category=row.category,
        rate_ppm=row.rate_ppm,
        compound=row.compound,
        exemption_reason=row.exemption_reason,
        is_vat=row.is_vat if row.is_vat is not None else row.tax is None or row.tax.is_vat,
    )


def _rule(row: CustomerTax) -> TaxRule:
    tax: Tax = row.tax
    return TaxRule(
        id=tax.pk,
        name=tax.name,
        label=tax.label,
        category=tax.category,
        rate_ppm=tax.rate_ppm,
        fixed_micros=tax.fixed_micros,
        compound=tax.compound,
        is_vat=tax.is_vat,
        priority=tax.priority if row.priority is None else row.priority,
        country=tax.country,
        exemption_reason=tax.exemption_reason,
        valid_from_on=tax.valid_from_on,
        valid_until_on=tax.valid_until_on,
        enabled=tax.enabled,
    )


def _paid(taxes: object) -> dict[int, int | None]:
    if not isinstance(taxes, (list, tuple)) or len(taxes) > MOST_TAXES:
        raise refuse("taxes", f"Give a list of at most {MOST_TAXES} taxes.")
    wanted: dict[int, int | None] = {}
    each = {"tax_id": checks.record_id, "priority": checks.optional(CHECKS["priority"])}
    for row in taxes:
        values = checks.cleaned(each, row if isinstance(row, Mapping) else {"tax_id": row})
        if "tax_id" not in values:
            raise refuse("taxes", "Give the id of each tax.")
        wanted[values["tax_id"]] = values.get("priority")
    return wanted


def _check_together(values: Mapping[str, Any], before: Tax) -> None:
    def later(name: str) -> Any:
        return values.get(name, getattr(before, name))

    if later("category") in ALIKE and (later("rate_ppm") or later("fixed_micros")):
        raise refuse("rate_ppm", f"Category {later('category')} has no rate: set 0, or choose S.")
    if later("category") in ALIKE - {"Z"} and not later("exemption_reason"):
        raise refuse("exemption_reason", "This category is printed with its reason: give it.")
    first, last = later("valid_from_on"), later("valid_until_on")
    if first and last and last < first:
        raise refuse("valid_until_on", "The last day lies before the first.")
