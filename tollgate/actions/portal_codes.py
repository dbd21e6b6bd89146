"""Codes and links sent to contacts: made, found again by their hash, used once.

A link carries 256 random bits, of which only the SHA-256 is kept. A code of six digits is kept as a keyed hash, fits
one address, lives for ten minutes and takes five tries. To add a purpose, call `make_link` with a name of its own.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db.models import DateTimeField, ExpressionWrapper, F
from django.db.models.functions import Now

from tollgate.actions import checks, records
from tollgate.actions.acts import act, current, refuse
from tollgate.actions.messages import queue
from tollgate.store.models import Code, Contact

WHAT: Final = ("email", "mobile")
CODE_MINUTES: Final = 10
MOST_TRIES: Final = 5
PAUSE: Final = timedelta(seconds=60)
MOST_PER_HOUR: Final = 5


def make_link(contact: Contact, purpose: str, life: timedelta, *, user_id: int | None = None, target: str = "") -> str:
    """A new secret word for an address; whoever has it may do what `purpose` says, once, within `life`."""
    token = secrets.token_urlsafe(32)
    _keep(contact, purpose, hashed(token), life, user_id=user_id, target=target)
    return token


def find_link(purpose: str, token: str, *, lock: bool = False) -> Code | None:
    """The code behind a word of an address; None once it was used or its time is over."""
    found = Code.objects.filter(
        purpose=purpose, secret_hash=hashed(token), used_at=None, expires_at__gt=Now(), contact__isnull=False
    ).select_related("contact__customer__account", "contact__customer__domain")
    return (found.select_for_update(of=("self",)) if lock else found).first()


def forget(contact: Contact, *purposes: str) -> None:
    """What was sent before no longer works."""
    Code.objects.filter(contact=contact, purpose__in=purposes, used_at=None).update(used_at=Now())


def hashed(token: str) -> str:
    """All that is kept of a long random secret."""
    return hashlib.sha256(token.encode()).hexdigest()


@act
def send_contact_code(*, contact_id: int, what: str) -> None:
    """Sends a code of six digits to the contact's `email` or `mobile`, to show that it is theirs."""
    what = checks.cleaned({"what": checks.one_of(WHAT)}, {"what": what})["what"]
    contact = records.locked(Contact, contact_id)
    target = getattr(contact, what)
    if not target:
        raise refuse(what, "There is none yet: enter it first.")
    if getattr(contact, f"{what}_verified_at"):
        raise refuse(what, "It is verified already.")
    _check_pace(contact, what)
    forget(contact, _purpose(what))
    code = f"{secrets.randbelow(10**6):06d}"
    _keep(contact, _purpose(what), _digest(contact, target, code), timedelta(minutes=CODE_MINUTES), target=target)
    queue(
        account_id=contact.customer.account_id,
        template=_purpose(what),
        values={"code": code, "minutes": str(CODE_MINUTES)},
        contact=contact,
        kind="sms" if what == "mobile" else "email",
        secret=True,
        created_by=current.get().name,
    )


@act
def verify_contact_by_code(*, contact_id: int, what: str, code: str) -> bool:
    """Whether the code fits; if so the address is verified. Every call is one of five tries, so nothing is raised."""
    what = checks.cleaned({"what": checks.one_of(WHAT)}, {"what": what})["what"]
    contact = records.locked(Contact, contact_id)
    sent = code_under_way(contact, what)
    if sent is None:
        return False
    Code.objects.filter(pk=sent.pk).update(tries_count=F("tries_count") + 1)
    typed = code.replace(" ", "")
    if not hmac.compare_digest(sent.secret_hash, _digest(contact, sent.target, typed)):
        return False
    forget(contact, _purpose(what))
    records.change(contact, {f"{what}_verified_at": Now(), f"{what}_verified_how": "code"})
    return True


def code_under_way(contact: Contact, what: str) -> Code | None:
    """The code sent to the contact's present address that may still be typed."""
    alive = Code.objects.filter(contact=contact, purpose=_purpose(what), used_at=None, expires_at__gt=Now())
    return alive.filter(target=getattr(contact, what), tries_count__lt=MOST_TRIES).first()


def _check_pace(contact: Contact, what: str) -> None:
    """One code a minute, five an hour: each is a message to somebody, and five more tries."""
    sent = Code.objects.filter(contact=contact, purpose=_purpose(what))
    if sent.filter(created_at__gt=Now() - PAUSE).exists():
        raise refuse(what, "A code was sent a moment ago: wait a minute before the next.")
    if sent.filter(created_at__gt=Now() - timedelta(hours=1)).count() >= MOST_PER_HOUR:
        raise refuse(what, f"{MOST_PER_HOUR} codes were sent within an hour: try again later.")


def _keep(
    contact: Contact, purpose: str, secret_hash: str, life: timedelta, *, user_id: int | None = None, target: str = ""
) -> None:
    Code.objects.create(
        contact=contact,
        user_id=user_id,
        purpose=purpose,
        target=target,
        secret_hash=secret_hash,
        expires_at=ExpressionWrapper(Now() + life, output_field=DateTimeField()),
        created_by=current.get().name,
    )


def _purpose(what: str) -> str:
    return f"verify_{what}"


def _digest(contact: Contact, target: str, code: str) -> str:
    """Six digits are guessed in a moment by whoever reads the database, so the hash has a key."""
    words = f"{contact.pk}:{target}:{code}".encode()
    return hmac.new(settings.SECRET_KEY.encode(), words, hashlib.sha256).hexdigest()
