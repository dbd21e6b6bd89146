"""Acts on contacts: the people at a customer. Their passwords, codes and sessions are in the files portal_*.py."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict, Unpack

from django.db.models.functions import Now

from tollgate.actions import checks, departments, portal_passwords, records
from tollgate.actions.acts import act, because, current, refuse, warn
from tollgate.actions.contact_tokens import tokens_of
from tollgate.actions.deleted_records import deleted, remove
from tollgate.actions.in_service import check_in_service
from tollgate.actions.messages import queue
from tollgate.actions.portal_access import close_sessions
from tollgate.core.departments import DEPARTMENTS
from tollgate.store.models import Contact, Customer, SignInLink, SignInProvider
from tollgate.store.queries.departments import own_departments

MOST_BY_CONTACTS: Final = 100
"""How many contacts a customer may have before only the operator adds more."""
SECRET: Final = re.compile(
    r"\b(pass(word|wd|phrase|code)?|pwd|pw|pin|secret|api[ _-]?key|token|otp)\b\s*(is\b|[:=])\s*\S{4,}",
    re.IGNORECASE | re.ASCII,
)
"""What somebody writes who keeps a password in a note."""


class ContactFields(TypedDict, total=False):
    """What may be set on a contact."""

    first_name: str
    last_name: str
    phone: str
    mobile: str
    kind: str
    zone: str
    language: str
    theme: str
    marketing: bool
    login_enabled: bool
    allowed_networks: Sequence[str]
    public_notes: str
    private_notes: str


class ContactChanges(ContactFields, total=False):
    """What may be changed on a contact."""

    email: str


def _number_or_empty(value: object) -> str:
    return "" if value == "" else checks.phone(value)


def _zone_or_empty(value: object) -> str:
    return "" if value == "" else checks.zone(value)


CHECKS: Mapping[str, checks.Check] = {
    "first_name": checks.text(100),
    "last_name": checks.text(100),
    "email": checks.email,
    "phone": _number_or_empty,
    "mobile": _number_or_empty,
    "kind": departments.CHOSEN,
    "zone": _zone_or_empty,
    "language": checks.matching(r"([a-z]{2,3}(-[A-Z]{2})?)?", "Give a language such as en or pt-BR."),
    "theme": checks.one_of(("auto", "light", "dark")),
    "marketing": checks.yes_no,
    "login_enabled": checks.yes_no,
    "allowed_networks": checks.networks,
    "public_notes": checks.text(10_000),
    "private_notes": checks.text(10_000),
}


@act
def create_contact(
    *, customer_id: int, email: str, invite: bool = False, password: str = "", **fields: Unpack[ContactFields]
) -> Contact:
    """Makes a contact. `invite` sends a link to set a password; a typed `password` has to be changed at first login."""
    given: dict[str, Any] = {**fields, "email": email}
    values = checks.cleaned(CHECKS, given)
    _check_name(values.get("first_name", ""), values.get("last_name", ""))
    if invite and password:
        raise refuse("password", "Leave this empty when a link is sent.")
    customer = records.find(Customer, customer_id)
    check_in_service(customer)
    departments.check_known(customer.account_id, values, "kind")
    if current.get().kind == "contact":
        records.locked(Customer, customer.pk)  # several at once take turns to be counted
        if invite:
            portal_passwords.check_invitations(customer.pk)
        if Contact.objects.filter(customer=customer).count() >= MOST_BY_CONTACTS:
            raise refuse("email", f"There are {MOST_BY_CONTACTS} contacts already: ask your provider to add more.")
    contact = records.create(Contact, {**values, "customer_id": customer.pk})
    _warn_of_secrets(values)
    if password:
        portal_passwords.keep(contact, password, must_change=True)
    if invite:
        portal_passwords.send_link(contact)
    elif not password and contact.login_enabled:
        _warn_of_no_way_in(contact)
    return contact


@act
def update_contact(*, contact_id: int, version: int | None = None, **changes: Unpack[ContactChanges]) -> Contact:
    """Changes a contact. A new email or mobile number has to be verified again; the old email is told."""
    values = checks.cleaned(CHECKS, changes)
    contact = records.locked(Contact, contact_id, version)
    check_in_service(contact.customer, "contact_id")
    departments.check_known(contact.customer.account_id, values, "kind")
    was = contact.email
    _check_name(values.get("first_name", contact.first_name), values.get("last_name", contact.last_name))
    if "email" in values and values["email"].lower() != was.lower():
        values |= {"email_verified_at": None, "email_verified_how": ""}
    if "mobile" in values and values["mobile"] != contact.mobile:
        values |= {"mobile_verified_at": None, "mobile_verified_how": ""}
    _warn_of_secrets({name: text for name, text in values.items() if text != getattr(contact, name)})
    changed = records.change(contact, values)
    if values.get("login_enabled") is False:
        close_sessions(contact)
    if "email_verified_at" in values:
        portal_passwords.forget_links(contact)
        _tell_of_new_email(contact, was)
    return changed


@act
def delete_contact(*, contact_id: int, version: int | None = None) -> None:
    """Removes a contact and its login; the audit log keeps who it was. For a week `restore_contact` undoes it."""
    _remove(records.locked(Contact, contact_id, version))


@act
def restore_contact(*, contact_id: int) -> Contact:
    """Brings a deleted contact back as it was, with its password and what was verified. Its logins and API tokens stay
    over; where its department is gone it is in General."""
    was = deleted(Contact, contact_id, "contact_id")
    kind, account_id = was.record.kind, was.record.customer.account_id
    there = kind in DEPARTMENTS or own_departments(account_id).filter(key=kind).exists()
    return was.restore() if there else was.restore(kind="general")


@act
def delete_contacts(*, contact_ids: Sequence[int]) -> int:
    """Removes several contacts, all or none; gives how many there were. `restore_contact` brings each back."""
    for contact_id in contact_ids:
        _remove(records.locked(Contact, contact_id))
    return len(contact_ids)


@act
def verify_contact_email(*, contact_id: int, reason: str, verified: bool = True) -> Contact:
    """Marks the email as verified by hand, or takes that back; the reason is kept."""
    return _verify(contact_id, "email", reason, verified=verified)


@act
def verify_contact_mobile(*, contact_id: int, reason: str, verified: bool = True) -> Contact:
    """Marks the mobile number as verified by hand, or takes that back; the reason is kept."""
    return _verify(contact_id, "mobile", reason, verified=verified)


@act
def forget_contact_links(*, contact_id: int) -> int:
    """No provider knows the contact any more, until they log in by a verified email again; gives how many did."""
    gone, _ = SignInLink.objects.filter(contact=records.locked(Contact, contact_id)).delete()
    return gone


def _remove(contact: Contact) -> None:
    tokens_of(contact).update(revoked_at=Now())
    remove(contact, account_id=contact.customer.account_id)


def _verify(contact_id: int, what: str, reason: str, *, verified: bool) -> Contact:
    because(checks.cleaned({"reason": checks.text(500, required=True)}, {"reason": reason})["reason"])
    contact = records.locked(Contact, contact_id)
    check_in_service(contact.customer, "contact_id")
    if not getattr(contact, what):
        raise refuse(what, "The contact has none: enter it first.")
    return records.change(contact, portal_passwords.verification(what, verified=verified, how=current.get().name))


def _check_name(first_name: str, last_name: str) -> None:
    if not first_name and not last_name:
        raise refuse("first_name", "Give the person's name.")


def _warn_of_secrets(values: Mapping[str, object]) -> None:
    for name in ("public_notes", "private_notes"):
        if SECRET.search(str(values.get(name, ""))):
            warn("A note looks as if it held a password. Notes are read by many: take it out and send a link instead.")


def _warn_of_no_way_in(contact: Contact) -> None:
    """Without a password, and a link to set one, only a provider that serves the customer's portal lets somebody in."""
    customer: Customer = contact.customer
    found = SignInProvider.objects.filter(account=customer.account_id, enabled=True, serves="contacts")
    if not found.filter(domain=customer.domain_id).exists():
        warn(f"{contact} has no password and cannot log in: send a link to set one.")


def _tell_of_new_email(contact: Contact, was: str) -> None:
    """Both addresses hear of it, so that nobody's login moves away unseen."""
    values = {"old_email": was, "new_email": contact.email}
    for recipient in (was, contact.email):
        queue(
            account_id=contact.customer.account_id,
            template="email_changed",
            values=values,
            contact=contact,
            recipient=recipient,
            customer_id=contact.customer_id,
            domain_id=contact.customer.domain_id,
            language=contact.language,
            created_by=current.get().name,
        )
