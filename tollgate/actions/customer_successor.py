"""A customer in another currency: a currency never changes, so a new customer takes the place of the old one."""

from __future__ import annotations

from typing import Final

from tollgate.actions import acts, checks, records
from tollgate.actions.acts import act, refuse, warn
from tollgate.actions.customer_checks import CHECKS
from tollgate.actions.customers import free_number
from tollgate.actions.domain_defaults import check_currency
from tollgate.store.models import Customer, CustomerNote, CustomerTax

NOT_COPIED: Final = frozenset(
    {"name", "number", "accounting_id", "status_until", "noticed_end_at", "tag_ids", "tax_ids", "paypal_email"}
    | {"debit_limit_micros", "daily_spend_limit_micros", "local_price_nanos", "minimum_payment_micros"}
    | {"low_balance_micros"}
)
"""What belongs to one customer only, and every amount: it is in the old currency."""


@act
def create_successor_customer(*, customer_id: int, name: str, currency: str) -> Customer:
    """Makes a customer like this one in another currency. Its settings are copied; money, limits in money, contacts,
    endpoints, routes and DIDs are not, and the old customer stays as it is."""
    values = checks.cleaned({"name": CHECKS["name"], "currency": checks.currency}, {"name": name, "currency": currency})
    before = records.locked(Customer, customer_id)
    if before.deleted_at is not None:
        raise refuse("customer_id", "The customer is deleted: restore it first.")
    if values["currency"] == before.currency:
        raise refuse("currency", f"{before.name} has this currency already.")
    check_currency(before.domain, values["currency"], field="currency")
    copied = {field: getattr(before, field) for field in CHECKS if field not in NOT_COPIED}
    own = {"account_id": before.account_id, "number": free_number(before.account)}
    successor = records.create(Customer, {**copied, **own, **values})
    successor.tags.set(before.tags.all())
    for paid in before.customer_taxes.all():
        CustomerTax.objects.create(customer=successor, tax_id=paid.tax_id, priority=paid.priority)
    author = acts.current.get().name
    for customer, words in (
        (before, f"Its successor in {successor.currency} is {successor.name} ({successor.number})."),
        (successor, f"It succeeds {before.name} ({before.number}), which is in {before.currency}."),
    ):
        records.create(CustomerNote, {"customer_id": customer.pk, "author": author, "text": words})
    warn(f"Set its limits in {successor.currency}; contacts, endpoints, routes and DIDs are still with {before.name}.")
    return successor
