"""The second factor of a contact: an authenticator app (TOTP) and recovery codes. The app's secret is sealed."""

from __future__ import annotations

import base64
import hmac
import secrets
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Max

from tollgate.actions import checks, portal_codes, portal_delays, records
from tollgate.actions.acts import Actor, act, acting, current, refuse
from tollgate.actions.messages import queue
from tollgate.core import totp
from tollgate.store.models import Contact, ContactSession
from tollgate.store.secrets import seal, unseal

CODES_COUNT: Final = 10
SIGNS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that look alike."""
SECRET: Final = checks.matching(r"[A-Z2-7]{32}", "Give 32 signs of base32.")


def new_secret() -> str:
    """A secret for an app, in base32 (RFC 4226 section 4: 160 bits)."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


@act
def confirm_second_factor(*, contact_id: int, secret: str, code: str, at: datetime | str) -> list[str]:
    """Turns the second factor on once the app shows the right code; gives the recovery codes, shown this once."""
    moment = checks.cleaned({"at": checks.instant, "secret": SECRET}, {"at": at, "secret": secret})["at"]
    contact = records.locked(Contact, contact_id)
    if contact.totp_secret:
        raise refuse("code", "The second factor is on already.")
    if totp.matching_step(secret, _plain(code), moment) is None:
        raise refuse("code", "This code does not fit: is the clock of your phone right?")
    codes, hashes = _new_codes()
    records.change(contact, {"totp_secret": seal(secret), "recovery_hashes": hashes})
    _tell(contact, "an authenticator app was set up")
    return codes


@act
def make_recovery_codes(*, contact_id: int) -> list[str]:
    """New recovery codes; those made before no longer work."""
    contact = records.locked(Contact, contact_id)
    if not contact.totp_secret:
        raise refuse("contact_id", "The second factor is off.")
    codes, hashes = _new_codes()
    records.change(contact, {"recovery_hashes": hashes})
    _tell(contact, "new recovery codes were made, and older ones no longer work")
    return codes


@act
def remove_second_factor(*, contact_id: int) -> Contact:
    """Turns the second factor off, by the contact or by an operator for one who lost the phone."""
    contact = records.locked(Contact, contact_id)
    if contact.totp_secret:
        _tell(contact, "the authenticator app and its recovery codes were taken away")
    return records.change(contact, {"totp_secret": "", "recovery_hashes": []})


@act
def use_recovery_code(*, contact_id: int, code: str) -> bool:
    """Whether this is one of the contact's recovery codes; it is used up by that."""
    contact = records.locked(Contact, contact_id)
    typed = portal_codes.hashed(_plain(code).lower())
    left = [kept for kept in contact.recovery_hashes if not hmac.compare_digest(kept, typed)]
    if len(left) == len(contact.recovery_hashes):
        return False
    records.change(contact, {"recovery_hashes": left})
    _tell(contact, f"a recovery code was used, {len(left)} are left")
    return True


def step_for(contact: Contact, code: str, at: datetime) -> int | None:
    """The step of a code that fits and is younger than any that opened a session; otherwise None."""
    step = totp.matching_step(unseal(contact.totp_secret), _plain(code), at)
    used = ContactSession.objects.filter(contact=contact).aggregate(last=Max("totp_step"))["last"]
    return None if step is None or (used is not None and step <= used) else step


def spend_recovery_code(contact: Contact, code: str, *, ip: str) -> bool:
    """The same as the act, by the contact who logs in."""
    name = use_recovery_code.__name__
    with acting(Actor(contact.email, frozenset({name}), "login", kind="contact", id=contact.pk, ip=ip)):
        return use_recovery_code(contact_id=contact.pk, code=code)


def code_fits(contact: Contact, code: str, ip: str, at: datetime) -> bool:
    """Whether the contact who is at the portal shows the second factor again. A wrong code lengthens the delay of the
    login; while it lasts, none fits.
    """
    with transaction.atomic():
        delays = portal_delays.locked(contact.login_domain, contact.email, ip, at)
        if delays.waiting_s(at):
            return False
        shown = totp.matching_step(unseal(contact.totp_secret), _plain(code), at) is not None
        if shown or spend_recovery_code(contact, code, ip=ip):
            return True
        delays.failed(at)
        return False


def _tell(contact: Contact, what: str) -> None:
    queue(
        account_id=contact.customer.account_id,
        template="factor_changed",
        values={"what": what},
        contact=contact,
        created_by=current.get().name,
    )


def _new_codes() -> tuple[list[str], list[str]]:
    codes = ["".join(secrets.choice(SIGNS) for _ in range(10)) for _ in range(CODES_COUNT)]
    return [f"{code[:5]}-{code[5:]}" for code in codes], [portal_codes.hashed(code) for code in codes]


def _plain(code: str) -> str:
    return code.replace(" ", "").replace("-", "")
