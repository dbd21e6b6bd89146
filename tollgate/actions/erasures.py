"""The act of erasing a person who asks for it (Article 17 of Regulation (EU) 2016/679).

What only knows the person goes: the contact with its login, sessions and tokens, the mails and SMS to it, and in the
audit log its name, addresses, numbers, notes and IP addresses. What the law keeps stays: documents as they were issued,
the ledger, calls until their own days are over. To erase something more, add it here and to docs/how-to/erase-a-person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from django.db import connection
from django.db.models import Q

from tollgate.actions import checks, records
from tollgate.actions.acts import NotFound, act, because, current, refuse, warn
from tollgate.actions.audit import SEALING_LOCK, note_event
from tollgate.actions.deleted_records import deleted_person, forget_people
from tollgate.actions.payment_forgetting import forget_payer
from tollgate.actions.portal_access import close_sessions
from tollgate.actions.portal_delays import email_key
from tollgate.actions.statements import fetch
from tollgate.core.audit_chain import left_of
from tollgate.store.models import (
    ApiToken,
    Audit,
    Contact,
    Customer,
    DelayedSave,
    LoginDelay,
    Message,
    Payment,
    TaskRow,
)
from tollgate.store.queries.held import held_now

PERSONAL: Final = (
    "first_name",
    "last_name",
    "email",
    "phone",
    "mobile",
    "public_notes",
    "private_notes",
    "allowed_networks",
)
"""The columns of a contact that tell who it is."""
OF_DELAYED: Final = ("title", "before", "after", "result")
"""Those of a delayed save: its values are a contact's, its words name it."""
CHECKS: Final[Mapping[str, checks.Check]] = {"reason": checks.text(500, required=True)}


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure has taken."""

    contact_id: int
    messages_count: int
    audit_rows_count: int


@act
def erase_contact(*, contact_id: int, reason: str) -> Erased:
    """Erases a contact's personal data for good; documents and the ledger stay. A legal hold refuses it."""
    words = checks.cleaned(CHECKS, {"reason": reason})["reason"]
    because(words)
    found = deleted_person(contact_id) or records.find(Contact, contact_id)
    customer = records.locked(Customer, found.customer_id)  # so that no hold and no restoring comes between
    contact, is_there = _person(contact_id)
    if held_now(customer.pk):
        raise refuse("contact_id", f"{customer.name} is under a legal hold: nothing of it is erased while that lasts.")
    emails = _emails(contact)
    numbers = _own_numbers(contact)
    _warn_of_what_stays(customer, emails)
    close_sessions(contact)
    ApiToken.objects.filter(contact_id=contact.pk).delete()
    LoginDelay.objects.filter(key__in=[email_key(contact.login_domain, email) for email in emails]).delete()
    to_addresses = _any(emails, "recipient__iexact") | Q(recipient__in=numbers, contact=None)
    to_person = Q(contact=contact) | (Q(customer=customer) & to_addresses)
    messages_count = Message.objects.filter(to_person).delete()[0]
    _warn_of_notices(forget_payer(customer, emails))
    _out_of_jobs(contact_id, customer.account_id, emails)
    delayed = _delayed(contact, emails)
    DelayedSave.objects.filter(pk__in=delayed).delete()
    if is_there:
        contact.delete()
    forget_people(customer.pk, contact_id, emails)
    left = _out_of_the_log(contact, contact_id, emails, delayed)
    note_event(
        actor=replace(current.get(), reason=words),
        verb="ERASE",
        table_name="contact",
        row_id=contact_id,
        account_id=customer.account_id,
        customer_id=customer.pk,
        told={"messages": messages_count, "audit_rows": len(left), "left": left},
    )
    return Erased(contact_id, messages_count, len(left))


def _person(contact_id: int) -> tuple[Contact, bool]:
    """The contact, locked, and whether it is there: it may have been deleted, or have come back, a moment ago."""
    try:
        return records.locked(Contact, contact_id), True
    except NotFound:
        gone = deleted_person(contact_id)
        if gone is None:
            raise
        return gone, False


def _emails(contact: Contact) -> list[str]:
    """Every address that the contact has had, but for those by which somebody else is known now."""
    found = {contact.email}
    told = Audit.objects.filter(table_name="contact", row_id=contact.pk).values_list("before", "after")
    for values in (values for row in told for values in row if isinstance(values, dict)):
        email: Any = values.get("email")
        if isinstance(email, str) and "@" in email:
            found.add(email)
    return sorted(email for email in found if email == contact.email or email.lower() not in _taken(contact, found))


def _taken(contact: Contact, names: Iterable[str]) -> set[str]:
    """Those of the names, in small letters, that are the address of another contact of the customer now."""
    others = Contact.objects.filter(_any(sorted(names), "email__iexact"), customer=contact.customer)
    return {email.lower() for email in others.exclude(pk=contact.pk).values_list("email", flat=True)}


def _own_numbers(contact: Contact) -> list[str]:
    """The contact's numbers but for those that another contact of the customer has too, as at a switchboard."""
    numbers = {number for number in (contact.phone, contact.mobile) if number}
    others = Contact.objects.filter(customer=contact.customer).exclude(pk=contact.pk)
    shared = others.filter(Q(phone__in=numbers) | Q(mobile__in=numbers)).values_list("phone", "mobile")
    return sorted(numbers.difference(*shared))


def _out_of_jobs(contact_id: int, account_id: int, emails: list[str]) -> None:
    """Rows of jobs that did something to the contact, and those of files that would make it: what was typed goes."""
    typed = Q(record_id=None) & _any(emails, "cells__contains")
    found = TaskRow.objects.filter(Q(record_id=contact_id) | typed, task__noun="contact", task__account_id=account_id)
    for row in found.select_for_update(of=("self",), no_key=True).order_by("pk"):
        row.title, row.errors, row.cells = "", [], row.cells and [""] * len(row.cells)
        row.save(update_fields=["title", "errors", "cells"])


def _delayed(contact: Contact, emails: list[str]) -> list[int]:
    """Delayed saves that change the contact or would make it again, and those of which only the log knows still."""
    made = Q(row_id=0) & (Q(customer=contact.customer) | Q(arguments__customer_id=contact.customer_id))
    found = DelayedSave.objects.filter(
        Q(row_id=contact.pk) | made & _any(emails, "after__email__iexact"), table_name="contact"
    )
    log, named = Audit.objects.filter(table_name="delayed_save"), _any(emails, "after__after__email__iexact")
    noted = log.filter(verb="INSERT", after__table_name="contact")
    new = noted.filter(after__row_id=0, after__customer_id=contact.customer_id)
    told = noted.filter(after__row_id=contact.pk) | new.filter(named)
    edited = log.filter(named, verb="UPDATE", row_id__in=new.values("row_id"))
    ids = (rows.values_list("row_id", flat=True) for rows in (told, edited))
    return sorted({*found.values_list("pk", flat=True), *(one for some in ids for one in some)})


def _any(emails: list[str], lookup: str) -> Q:
    wanted = Q(pk__in=[])
    for email in emails:
        wanted |= Q(**{lookup: email})
    return wanted


def _out_of_the_log(contact: Contact, contact_id: int, emails: list[str], delayed: list[int]) -> dict[str, str]:
    """Takes the person, whose row is gone as its delayed saves are, out of the audit log.

    Gives the hash of what is left of each row, by which the chain knows it.
    Sealing waits meanwhile, so that each row is sealed before or after.
    """
    unnumbered = Audit.objects.filter(table_name="contact", row_id=contact_id, actor_kind="contact", actor_id=None)
    called = {actor for actor in unnumbered.values_list("actor", flat=True) if actor}  # by a sign-in provider
    taken = _taken(contact, called)
    names = {*emails, *(one for one in called if one.lower() not in taken)}
    name, known = f"contact {contact_id}", sorted({one.lower() for one in names if one})
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")  # a customer's log may be long
        cursor.execute("SELECT pg_advisory_xact_lock(%s), set_config('audit.erasing', 'on', true)", [SEALING_LOCK])
    person = (contact_id, list(PERSONAL), known, name, contact.customer_id)
    gone = fetch("audit_chain", "erase_person", *person, delayed, list(OF_DELAYED))
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('audit.erasing', '', true)")
    return {str(row["id"]): left_of(row["row"]) for row in gone}


def _warn_of_notices(waiting_count: int) -> None:
    if waiting_count:
        warn(f"{waiting_count} notices of payments that nobody could book still name this person: see the payment log.")


def _warn_of_what_stays(customer: Customer, emails: list[str]) -> None:
    known = {email.lower() for email in emails}
    listed = [email for email in customer.notification_emails if email.lower() in known]
    if listed:
        warn(f"{', '.join(listed)} still gets the notices of {customer.name}: change its notification emails too.")
    if Payment.objects.filter(_any(emails, "payer__iexact"), customer=customer).exists():
        warn("Payments keep the address of who paid them: the books need it.")
