"""Acts on contacts: the people at a customer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

from django.db.models.functions import Now

from tollgate.actions import checks, records
from tollgate.actions.acts import act, because, refuse
from tollgate.store.models import Account, Contact, Customer


class ContactFields(TypedDict, total=False):
    """What may be set on a contact."""

    first_name: str
    last_name: str
    phone: str
    mobile: str
    kind: str
    public_notes: str
    private_notes: str


class ContactChanges(ContactFields, total=False):
    """What may be changed on a contact."""

    email: str


def _number_or_empty(value: object) -> str:
    return "" if value == "" else checks.phone(value)


CHECKS: Mapping[str, checks.Check] = {
    "first_name": checks.text(100),
    "last_name": checks.text(100),
    "email": checks.email,
    "phone": _number_or_empty,
    "mobile": _number_or_empty,
    "kind": checks.text(50, required=True),
    "public_notes": checks.text(10_000),
    "private_notes": checks.text(10_000),
}


@act
def create_contact(*, customer_id: int, email: str, **fields: Unpack[ContactFields]) -> Contact:
    """Makes a contact. Its email is not used by another contact of the account."""
    given: dict[str, Any] = {**fields, "email": email}
    values = checks.cleaned(CHECKS, given)
    customer = records.find(Customer, customer_id)
    _check_email(customer.account_id, values["email"])
    return records.create(Contact, {**values, "customer_id": customer.pk})


@act
def update_contact(*, contact_id: int, version: int | None = None, **changes: Unpack[ContactChanges]) -> Contact:
    """Changes a contact. A new email or mobile number has to be verified again."""
    values = checks.cleaned(CHECKS, changes)
    contact = records.locked(Contact, contact_id, version)
    if "email" in values and values["email"].lower() != contact.email.lower():
        _check_email(contact.customer.account_id, values["email"])
        values["email_verified_at"] = None
    if "mobile" in values and values["mobile"] != contact.mobile:
        values["mobile_verified_at"] = None
    return records.change(contact, values)


@act
def delete_contact(*, contact_id: int, version: int | None = None) -> None:
    """Removes a contact; the audit log keeps who it was."""
    records.locked(Contact, contact_id, version).delete()


@act
def verify_contact_email(*, contact_id: int, reason: str) -> Contact:
    """Marks the email as verified by hand; the reason is kept."""
    return _verify(contact_id, "email", reason)


@act
def verify_contact_mobile(*, contact_id: int, reason: str) -> Contact:
    """Marks the mobile number as verified by hand; the reason is kept."""
    return _verify(contact_id, "mobile", reason)


def _verify(contact_id: int, what: str, reason: str) -> Contact:
    because(checks.cleaned({"reason": checks.text(500, required=True)}, {"reason": reason})["reason"])
    contact = records.locked(Contact, contact_id)
    if not getattr(contact, what):
        raise refuse(what, "The contact has none: enter it first.")
    return records.change(contact, {f"{what}_verified_at": Now()})


def _check_email(account_id: int, email: str) -> None:
    records.locked(Account, account_id)  # two new contacts take turns
    if Contact.objects.filter(customer__account_id=account_id, email__iexact=email).exists():
        raise refuse("email", "Another contact has this email: it is a login and belongs to one person.")
