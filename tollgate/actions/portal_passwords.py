"""Passwords of contacts: set by a link, typed by an operator, changed by the contact. Only their hashes are kept."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db.models import F
from django.db.models.functions import Now

from tollgate.actions import checks, portal_codes, records
from tollgate.actions.acts import Actor, Invalid, act, acting, current, refuse
from tollgate.actions.contact_tokens import tokens_of
from tollgate.actions.in_service import check_in_service
from tollgate.actions.messages import address_of, queue
from tollgate.actions.portal_access import Place, close_sessions, contact_of, forget_delay
from tollgate.store.models import Code, Contact, Customer

PURPOSE: Final = "set_password"
LINK_HOURS: Final = 24
MOST_PER_HOUR: Final = 5
MOST_OF_CUSTOMER: Final = 20
DEAD_LINK: Final = "This link was used before or its time is over: ask for a new one."


@act
def send_password_link(*, contact_id: int) -> Contact:
    """Mails the contact a link to set a password. It works once, for a day; links sent before no longer work.

    Where the contact did not ask for it, the old password opens nothing any more, and what it has opened ends.
    """
    contact = records.locked(Contact, contact_id)
    check_in_service(contact.customer, "contact_id")
    if current.get().kind != "contact":
        _lock_out(contact)
    else:
        if _sent_of_late(contact):
            raise refuse("contact_id", "A link was sent there of late: wait before the next.")
        if current.get().id != contact.pk:
            check_invitations(contact.customer_id)
    send_link(contact)
    return contact


@act
def set_contact_password(*, contact_id: int, password: str, must_change: bool = True) -> Contact:
    """Gives the contact a password by hand. Its sessions end, and it is told (not the password)."""
    must_change = checks.cleaned({"must_change": checks.yes_no}, {"must_change": must_change})["must_change"]
    contact = records.locked(Contact, contact_id)
    check_in_service(contact.customer, "contact_id")
    keep(contact, password, must_change=must_change)
    _tell(contact)
    return contact


@act
def set_password_by_link(*, token: str, password: str) -> Contact:
    """Sets the password of whom the link was sent to. It also shows that the email is theirs."""
    code = portal_codes.find_link(PURPOSE, token, lock=True)
    if code is None or code.contact is None:
        raise refuse("token", DEAD_LINK)
    contact = records.locked(Contact, code.contact.pk)
    had_one = bool(contact.password)
    keep(contact, password, must_change=False)
    if code.target == contact.email and contact.email_verified_at is None:
        records.change(contact, verification("email", verified=True, how="code"))
    forget_delay(contact)
    if had_one:
        _tell(contact)
    return contact


@act
def change_own_password(*, contact_id: int, old_password: str, password: str, session_id: int | None = None) -> Contact:
    """The contact's new password, by knowing the old one. Its other sessions end, and it is told."""
    contact = records.locked(Contact, contact_id)
    if not contact.password or not check_password(old_password, contact.password):
        raise refuse("old_password", "This is not your password.")
    if password == old_password:
        raise refuse("password", "Choose another password than the one you have.")
    keep(contact, password, must_change=False, kept_session_id=session_id)
    _tell(contact)
    return contact


def send_link(contact: Contact) -> None:
    """Queues the mail with the link, in the transaction of whoever wants it sent."""
    forget_links(contact)
    token = portal_codes.make_link(contact, PURPOSE, timedelta(hours=LINK_HOURS), target=contact.email)
    queue(
        account_id=contact.customer.account_id,
        template=PURPOSE,
        values={
            "link": f"{address_of(contact.customer.domain)}/portal/set-password/{token}/",
            "hours": str(LINK_HOURS),
        },
        contact=contact,
        secret=True,
        created_by=current.get().name,
    )


def forgotten(*, email: str, place: Place) -> None:
    """Sends a link to whoever logs in with this email there, if anybody does; says nothing of it to whoever asked."""
    contact = contact_of(place.domain_id, email.strip())
    if contact is None or not contact.login_enabled:
        return
    name = send_password_link.__name__
    person = Actor(contact.email, frozenset({name}), "forgot the password", "contact", contact.pk, place.ip)
    with acting(person), suppress(Invalid):  # one was sent of late: even that is told to nobody
        send_password_link(contact_id=contact.pk)


def _lock_out(contact: Contact) -> None:
    """Ends what a password opens that others may know: sessions, tokens, and the password itself."""
    if contact.password:
        tokens_of(contact).update(revoked_at=Now())
        records.change(contact, {"password": make_password(None)})
    close_sessions(contact)


def _sent_of_late(contact: Contact) -> bool:
    """One mail a minute and five an hour are enough for an impatient person, and little for an unkind one."""
    sent = Code.objects.filter(contact=contact, purpose=PURPOSE)
    within = sent.filter(created_at__gt=Now() - timedelta(hours=1)).count()
    return within >= MOST_PER_HOUR or sent.filter(created_at__gt=Now() - timedelta(minutes=1)).exists()


def check_invitations(customer_id: int) -> None:
    """Refuses a contact's invitation after many of an hour to the same customer; passwords forgotten do not count.

    Takes turns by the customer's row, so that several at once are counted.
    """
    records.locked(Customer, customer_id)
    sent = Code.objects.filter(contact__customer=customer_id, purpose=PURPOSE).exclude(created_by=F("target"))
    if sent.filter(created_at__gt=Now() - timedelta(hours=1)).count() >= MOST_OF_CUSTOMER:
        raise refuse("email", f"{MOST_OF_CUSTOMER} links were sent within an hour: try again later.")


def forget_links(contact: Contact) -> None:
    """Links sent before no longer work."""
    portal_codes.forget(contact, PURPOSE)


def keep(contact: Contact, password: object, *, must_change: bool, kept_session_id: int | None = None) -> None:
    """Keeps the hash of a good password; every session, link and token that the old one opened ends."""
    checked = checks.cleaned({"password": checks.text(200, required=True)}, {"password": password})["password"]
    if checked != password:
        raise refuse("password", "Leave out the blanks at its ends.")
    try:
        validate_password(checked, contact)  # type: ignore[arg-type]  # it reads the attributes of a person
    except ValidationError as problem:
        raise refuse("password", " ".join(problem.messages)) from None
    if contact.password:
        tokens_of(contact).update(revoked_at=Now())
    records.change(contact, {"password": make_password(checked), "password_must_change": must_change})
    close_sessions(contact, but=kept_session_id)
    forget_links(contact)


def verification(what: str, *, verified: bool, how: str) -> dict[str, Any]:
    """The columns that say whether the contact's `email` or `mobile` is verified, when and by what."""
    return {f"{what}_verified_at": Now() if verified else None, f"{what}_verified_how": how if verified else ""}


def _tell(contact: Contact) -> None:
    queue(
        account_id=contact.customer.account_id,
        template="password_changed",
        values={},
        contact=contact,
        created_by=current.get().name,
    )
