"""Acts on customers: make, change, delete (kept for history), restore."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict, Unpack

from django.db.models import Sum
from django.db.models.functions import Now

from tollgate.actions import checks, records
from tollgate.actions.acts import act, refuse
from tollgate.store.models import Account, Call, Customer, Endpoint

NO_CAPACITY = "No channel capacity available for your account."
STATUSES = ("active", "inactive", "penalty", "pending")


class CustomerFields(TypedDict, total=False):
    """What may be set on a customer beside its currency."""

    parent_id: int | None
    is_reseller: bool
    company: str
    reference: str
    status: str
    channels: int
    cps_milli: int
    debit_limit_micros: int
    daily_spend_limit_micros: int | None
    expires_at: datetime | str | None
    valid_days: int | None
    hours: dict[str, Any] | None
    email_verification: bool
    mobile_verification: bool
    recording: bool
    max_duration_s: int


class CustomerChanges(CustomerFields, total=False):
    """What may be changed on a customer."""

    name: str


CHECKS: Mapping[str, checks.Check] = {
    "name": checks.text(required=True),
    "parent_id": checks.optional(checks.record_id),
    "is_reseller": checks.yes_no,
    "company": checks.text(),
    "reference": checks.text(),
    "status": checks.one_of(STATUSES),
    "channels": checks.channels,
    "cps_milli": checks.cps_milli,
    "debit_limit_micros": checks.amount(-checks.MOST_MICROS, checks.MOST_MICROS),
    "daily_spend_limit_micros": checks.optional(checks.amount(0, checks.MOST_MICROS)),
    "expires_at": checks.optional(checks.instant),
    "valid_days": checks.optional(checks.whole(1, 36_500)),
    "hours": checks.optional(checks.opening_hours),
    "email_verification": checks.yes_no,
    "mobile_verification": checks.yes_no,
    "recording": checks.yes_no,
    "max_duration_s": checks.whole(1, 86_400),
}


@act
def create_customer(*, account_id: int, name: str, currency: str, **fields: Unpack[CustomerFields]) -> Customer:
    """Makes a customer with its wallet and a number of its own. The currency is fixed from now on."""
    given: dict[str, Any] = {**fields, "name": name, "currency": currency}
    values = checks.cleaned({**CHECKS, "currency": checks.currency}, given)
    account = records.find(Account, account_id)
    _check_parent(account.pk, values.get("parent_id"))
    return records.create(Customer, {**values, "account_id": account.pk, "number": _free_number(account.pk)})


@act
def update_customer(*, customer_id: int, version: int | None = None, **changes: Unpack[CustomerChanges]) -> Customer:
    """Changes a customer. The next call obeys it."""
    values = checks.cleaned(CHECKS, changes)
    customer = records.locked(Customer, customer_id, version)
    if "parent_id" in values and values["parent_id"] != customer.parent_id:
        _check_parent(customer.account_id, values["parent_id"])
        _check_idle(customer, "parent_id")
    if values.get("is_reseller") is False and customer.children.exists():
        raise refuse("is_reseller", "Customers belong to this reseller: move them first.")
    if "channels" in values:
        _check_allotment(customer, values["channels"])
    return records.change(customer, values)


@act
def delete_customer(*, customer_id: int, version: int | None = None) -> Customer:
    """Takes a customer out of service and out of the lists. Its CDRs and entries stay; `restore_customer` undoes it."""
    customer = records.locked(Customer, customer_id, version)
    _check_idle(customer, "customer_id")
    if customer.children.filter(deleted_at=None).exists():
        raise refuse("customer_id", "Customers belong to this reseller: move or delete them first.")
    return records.change(customer, {"deleted_at": Now()}) if customer.deleted_at is None else customer


@act
def restore_customer(*, customer_id: int) -> Customer:
    """Puts a deleted customer back into service."""
    customer = records.locked(Customer, customer_id)
    _check_parent(customer.account_id, customer.parent_id)
    return records.change(customer, {"deleted_at": None})


def sip_users_channels(customer: Customer, *, without: int | None = None) -> int:
    """The channels allotted to a customer's SIP users together."""
    users = Endpoint.objects.filter(customer=customer, kind="sip_user").exclude(pk=without or 0)
    return users.aggregate(total=Sum("channels"))["total"] or 0


def _check_allotment(customer: Customer, channels: int) -> None:
    allotted = sip_users_channels(customer)
    if channels and allotted > channels:
        raise refuse("channels", f"Its SIP users are allotted {allotted} channels: lower those first.")


def _check_idle(customer: Customer, field: str) -> None:
    if Call.objects.filter(account_id=customer.account_id, customer=customer).exists():
        raise refuse(field, "The customer has live calls: end them first.")


def _check_parent(account_id: int, parent_id: int | None) -> None:
    if parent_id is None:
        return
    owners = Customer.objects.filter(account_id=account_id, is_reseller=True, deleted_at=None)
    if not owners.filter(pk=parent_id).exists():
        raise refuse("parent_id", "Choose a reseller of the same account.")


def _free_number(account_id: int) -> str:
    """Ten digits that no customer has: random, so that one number tells nothing of the next."""
    while True:
        number = str(secrets.randbelow(9 * 10**9) + 10**9)
        if not Customer.objects.filter(account_id=account_id, number=number).exists():
            return number
