"""Acts on what identifies the account: its email, its address, its telephone numbers, and the proofs of each."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import F
from django.db.models.functions import Now

from tollgate.actions import checks, records
from tollgate.actions.account_pause import check_active
from tollgate.actions.acts import act, current, refuse
from tollgate.actions.customer_checks import country
from tollgate.actions.messages import address_of, queue
from tollgate.store.models import Account, ChangeRequest, Code

EMAIL: Final = "confirm_account_email"
MOBILE: Final = "verify_account_mobile"
LINK_HOURS: Final = 24
CODE_MINUTES: Final = 10
MOST_TRIES: Final = 5
DEAD_LINK: Final = "This link was used before or its time is over: ask for the change again."
ADDRESS: Final = ("address_line1", "address_line2", "city", "state", "postcode", "country")


def _country(value: object) -> str:
    if value == "":
        raise checks.Unfit("This is required.")
    return country(value)


ADDRESS_CHECKS: Mapping[str, checks.Check] = {
    "address_line1": checks.text(required=True),
    "address_line2": checks.text(),
    "city": checks.text(100, required=True),
    "state": checks.text(100),
    "postcode": checks.text(20),
    "country": _country,
}


@act
def update_account_email(*, account_id: int, email: str) -> Account:
    """Asks for another email of the account: it holds once the link sent there is followed, within a day."""
    address = checks.cleaned({"email": checks.email}, {"email": email})["email"]
    account = records.locked(Account, account_id)
    check_active(account)
    if address.lower() == account.email.lower():
        raise refuse("email", "This is the email already.")
    _forget(EMAIL)
    token = secrets.token_urlsafe(32)
    _keep(EMAIL, _hashed(token), address, timedelta(hours=LINK_HOURS))
    link = f"{address_of(None)}/confirm-email/{token}/"
    _send(account, address, EMAIL, {"link": link, "new_email": address}, secret=True)
    return records.change(account, {"pending_email": address})


@act
def take_back_account_email(*, account_id: int) -> Account:
    """Asks no more for another email: the link that was sent to it leads nowhere."""
    account = records.locked(Account, account_id)
    check_active(account)
    if not account.pending_email:
        raise refuse("account_id", "No other email waits to be confirmed.")
    _forget(EMAIL)
    return records.change(account, {"pending_email": ""})


@act
def confirm_account_email(*, token: str) -> Account:
    """Makes the new email hold; the old one is told. Of a paused account the link waits, as long as it lasts."""
    code = find_email_link(token)
    account = Account.objects.select_for_update().filter(pending_email=code.target).first() if code else None
    if code is None or account is None:
        raise refuse("token", DEAD_LINK)
    check_active(account)
    _forget(EMAIL)
    before = account.email
    records.change(account, {"email": code.target, "pending_email": ""})
    if before:
        _send(account, before, "email_changed", {"old_email": before, "new_email": code.target})
    return account


@act
def confirm_account_address(*, account_id: int) -> Account:
    """Keeps that the address was looked at and is right: who, and when."""
    account = records.locked(Account, account_id)
    check_active(account)
    if not account.address_line1:
        raise refuse("account_id", "There is no address yet: ask for one to be entered.")
    return records.change(account, {"address_confirmed_at": Now(), "address_confirmed_by": current.get().name})


@act
def request_address_change(*, account_id: int, message: str = "", **address: str) -> ChangeRequest:
    """Asks for another address; somebody who may decides. A request still open is replaced."""
    proposed = checks.cleaned(ADDRESS_CHECKS, {**dict.fromkeys(ADDRESS, ""), **address})
    words = checks.cleaned({"message": checks.text(2000)}, {"message": message})["message"]
    account = records.locked(Account, account_id)
    check_active(account)
    by = current.get().name
    ChangeRequest.objects.filter(account=account, state="open").update(
        state="rejected", decided_by=f"{by} (asked anew)", decided_at=Now()
    )
    return records.create(
        ChangeRequest, {"account_id": account.pk, "proposed": proposed, "message": words, "asked_by": by}
    )


@act
def decide_change_request(*, request_id: int, approve: bool) -> ChangeRequest:
    """Approves a change of the address, which then holds, or rejects it."""
    approve = checks.cleaned({"approve": checks.yes_no}, {"approve": approve})["approve"]
    request = records.locked(ChangeRequest, request_id)
    if request.state != "open":
        raise refuse("request_id", "This request is decided already.")
    by = current.get().name
    account = records.locked(Account, request.account_id)
    check_active(account)
    if approve:
        values: dict[str, Any] = {name: request.proposed.get(name, "") for name in ADDRESS}
        records.change(account, {**values, "address_confirmed_at": Now(), "address_confirmed_by": by})
    state = "approved" if approve else "rejected"
    return records.change(request, {"state": state, "decided_by": by, "decided_at": Now()})


@act
def verify_account_phone(*, account_id: int, reason: str) -> Account:
    """Keeps that the phone was tried and is the account's; the reason says how."""
    if not reason.strip():
        raise refuse("reason", "Say how you know, such as: called it.")
    account = records.locked(Account, account_id)
    check_active(account)
    if not account.phone:
        raise refuse("phone", "There is none yet: enter it first.")
    return records.change(account, {"phone_verified_at": Now()})


@act
def send_account_code(*, account_id: int) -> None:
    """Sends a code of six digits to the account's mobile."""
    account = records.locked(Account, account_id)
    check_active(account)
    if not account.mobile:
        raise refuse("mobile", "There is none yet: enter it first.")
    lately = Code.objects.filter(purpose=MOBILE, target=account.mobile, created_at__gt=Now() - timedelta(minutes=1))
    if lately.exists():
        raise refuse("mobile", "A code was sent a moment ago: wait a minute before the next.")
    _forget(MOBILE)
    code = f"{secrets.randbelow(10**6):06d}"
    _keep(MOBILE, _hashed(f"{account.mobile} {code}"), account.mobile, timedelta(minutes=CODE_MINUTES))
    _send(
        account, account.mobile, "verify_mobile", {"code": code, "minutes": str(CODE_MINUTES)}, kind="sms", secret=True
    )


@act
def verify_account_mobile(*, account_id: int, code: str) -> bool:
    """Whether the code fits; if so the mobile is verified. Every call is one of five tries, so nothing is raised."""
    account = records.locked(Account, account_id)
    check_active(account)
    alive = Code.objects.filter(purpose=MOBILE, target=account.mobile, used_at=None, expires_at__gt=Now())
    sent = alive.filter(tries_count__lt=MOST_TRIES).first()
    if sent is None:
        return False
    Code.objects.filter(pk=sent.pk).update(tries_count=F("tries_count") + 1)
    if not secrets.compare_digest(sent.secret_hash, _hashed(f"{account.mobile} {code.replace(' ', '')}")):
        return False
    _forget(MOBILE)
    records.change(account, {"mobile_verified_at": Now()})
    return True


def find_email_link(token: str) -> Code | None:
    """The code behind a word of an address; None once it was used or its time is over."""
    return Code.objects.filter(purpose=EMAIL, secret_hash=_hashed(token), used_at=None, expires_at__gt=Now()).first()


def email_waits_until(account: Account) -> datetime | None:
    """Until when the link to the pending email leads somewhere; None when its day is over."""
    sent = Code.objects.filter(purpose=EMAIL, target=account.pending_email, used_at=None, expires_at__gt=Now()).first()
    return sent.expires_at if sent else None


def _keep(purpose: str, secret_hash: str, target: str, life: timedelta) -> None:
    Code.objects.create(
        purpose=purpose,
        target=target,
        secret_hash=secret_hash,
        created_by=current.get().name,
        expires_at=Now() + life,
    )


def _forget(purpose: str) -> None:
    Code.objects.filter(purpose=purpose, used_at=None).update(used_at=Now())


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _send(
    account: Account, address: str, template: str, values: dict[str, str], *, kind: str = "email", secret: bool = False
) -> None:
    queue(
        account_id=account.pk,
        template=template,
        values=values,
        recipient=address,
        kind=kind,
        secret=secret,
        created_by=current.get().name,
    )
