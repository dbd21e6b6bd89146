"""A customer in another currency: a currency never changes, so a new customer takes the place of the old one."""

from __future__ import annotations

from typing import Final

from tollgate.actions import acts, checks, records
from tollgate.actions.acts import act, refuse, warn
from tollgate.actions.customer_checks import CHECKS
from tollgate.actions.customers import check_together, free_number
from tollgate.actions.domain_defaults import check_currency
from tollgate.actions.in_service import check_in_service
from tollgate.actions.vat_checks import ask_for_number
from tollgate.store.models import Customer, CustomerNote, CustomerTax

NOT_COPIED: Final = frozenset(
    {"name", "number", "reference", "accounting_id", "tag_ids", "tax_ids", "paypal_email"}
    | {"status", "status_reason", "status_until"}
    | {"debit_limit_micros", "daily_spend_limit_micros", "local_price_nanos", "minimum_payment_micros"}
    | {"low_balance_micros", "non_cli_card_id"}
)
"""What belongs to one customer only, how it stands just now, and every amount and price: it is in the old currency."""


@act
def create_successor_customer(*, customer_id: int, name: str, currency: str) -> Customer:
    """Makes a customer like this one in another currency. Its settings are copied; its status, reference, money, limits
    in money, contacts, endpoints, routes and DIDs are not, and the old customer stays as it is."""
    values = checks.cleaned({"name": CHECKS["name"], "currency": checks.currency}, {"name": name, "currency": currency})
    before = records.locked(Customer, customer_id)
    check_in_service(before)
    if values["currency"] == before.currency:
        raise refuse("currency", f"{before.name} has this currency already.")
    check_currency(before.domain, values["currency"], field="currency")
    copied = {field: getattr(before, field) for field in CHECKS if field not in NOT_COPIED}
    if before.account_manager is not None and not before.account_manager.is_active:
        copied["account_manager_id"] = None
    check_together(copied, Customer(), records.now())
    own = {"account_id": before.account_id, "number": free_number(before.account)}
    successor = records.create(Customer, {**copied, **own, **values})
    successor.tags.set(before.tags.all())
    for paid in before.customer_taxes.all():
        CustomerTax.objects.create(customer=successor, tax_id=paid.tax_id, priority=paid.priority)
    ask_for_number(successor)
    author = acts.current.get().name
    for customer, words in (
        (before, f"Its successor in {successor.currency} is {successor.name} ({successor.number})."),
        (successor, f"It succeeds {before.name} ({before.number}), which is in {before.currency}."),
    ):
        records.create(CustomerNote, {"customer_id": customer.pk, "author": author, "text": words})
    if before.status != successor.status:
        warn(f"{before.name} is {before.status}, its successor is {successor.status}: change that if it should not be.")
    warn(f"Set its limits in {successor.currency}; contacts, endpoints, routes and DIDs are still with {before.name}.")
    return successor
