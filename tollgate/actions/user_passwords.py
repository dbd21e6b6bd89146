"""Passwords of the panel's users: set by a link, given by another user, changed by oneself. Only hashes are kept."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any, Final

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db.models.functions import Now

from tollgate.actions import checks, records
from tollgate.actions.acts import Actor, act, acting, current, refuse, warn
from tollgate.actions.messages import address_of, queue
from tollgate.store.models import Account, Code, User

PURPOSE: Final = "set_user_password"
MESSAGES: Final = {PURPOSE: "set_password", "confirm_user_email": "confirm_user_email"}
LINK_HOURS: Final = 24
MOST_PER_HOUR: Final = 5
DEAD_LINK: Final = "This link was used before or its time is over: ask for a new one."


def password(value: object) -> str:
    """A password as it is typed: nothing is cut off, but blanks at its ends are refused, for nobody sees them."""
    if not isinstance(value, str) or not value:
        raise checks.Unfit("This is required.")
    if len(value) > 200 or not value.isprintable():
        raise checks.Unfit("Use at most 200 characters, and none that cannot be seen.")
    if value != value.strip():
        raise checks.Unfit("Leave out the blanks at its ends.")
    return value


@act
def send_user_password_link(*, user_id: int) -> User:
    """Mails a user a link to set a password. It works once, for a day; links sent before no longer work."""
    user = records.locked(User, user_id)
    if not user.is_active:
        raise refuse("user_id", "This user may not log in: activate it first.")
    send_link(user)
    return user


@act
def set_user_password_by_link(*, token: str, password: str) -> User:
    """Sets the password of whom the link was sent to, and proves the email it was sent to."""
    code = find_link(token)
    if code is None:
        raise refuse("token", DEAD_LINK)
    user = records.locked(User, code.user_id)
    if find_link(token) is None or not user.is_active:  # looked at again under the lock: a link works once
        raise refuse("token", DEAD_LINK)
    proved = {"email_verified_at": Now()} if code.target == user.email else {}
    records.change(user, {**given(user, checks.cleaned(_CHECKS, {"password": password})["password"]), **proved})
    forget_links(user)
    tell(user)
    return user


@act
def change_own_user_password(*, user_id: int, old_password: str, password: str) -> User:
    """The user's new password, by knowing the old one; every session ends and the user is told by mail."""
    user = records.locked(User, user_id)
    if not user.check_password(old_password):
        raise refuse("old_password", "This is not your password.")
    if password == old_password:
        raise refuse("password", "Choose another password than the one you have.")
    records.change(user, given(user, checks.cleaned(_CHECKS, {"password": password})["password"]))
    forget_links(user)
    tell(user)
    return user


_CHECKS: Final = {"password": password}


def give(user: User, words: str) -> None:
    """Sets a good password on a user not saved yet."""
    try:
        validate_password(words, user)
    except ValidationError as problem:
        raise refuse("password", " ".join(problem.messages)) from None
    user.set_password(words)


def given(user: User, words: str) -> dict[str, Any]:
    """The columns of a new password; every session opened with the old one ends."""
    give(user, words)
    return {"password": user.password, "session_epoch": user.session_epoch + 1, "password_must_change": False}


def find_link(token: str, purpose: str = PURPOSE) -> Code | None:
    """The code behind a word of an address; None once it was used or its time is over."""
    alive = Code.objects.filter(purpose=purpose, secret_hash=_hashed(token), used_at=None, expires_at__gt=Now())
    return alive.exclude(user_id=None).first()


def make_link(user: User, purpose: str = PURPOSE, *, path: str = "set-password", mailed: bool = False) -> str:
    """A new address; those made before no longer work. Only one that is mailed to the user proves the user's email."""
    forget_links(user, purpose)
    token = secrets.token_urlsafe(32)
    Code.objects.create(
        user_id=user.pk,
        purpose=purpose,
        target=user.email if mailed else f"{user.email}, {current.get().name}",
        secret_hash=_hashed(token),
        created_by=current.get().name,
        expires_at=Now() + timedelta(hours=LINK_HOURS),
    )
    return f"/{path}/{token}/"


def send_link(user: User, purpose: str = PURPOSE, *, path: str = "set-password") -> None:
    """Queues the mail with the link, in the transaction of whoever wants it sent."""
    account = Account.objects.order_by("pk").first()
    if account is None:
        warn("There is no account yet whose mail server could send a link.")
        return
    link = make_link(user, purpose, path=path, mailed=True)
    values = {"link": f"{address_of(None)}{link}", "hours": str(LINK_HOURS)}
    _send(account, user.email, MESSAGES[purpose], values, secret=True)


def tell(user: User) -> None:
    """The user hears of every new password, whoever set it; not at an email that nobody has proved."""
    if user.email_verified_at is not None:
        _tell_at(user.email, "password_changed", {})


def tell_moved(user: User, before: str) -> None:
    """The old address, if it was proved, hears that the login moved."""
    _tell_at(before, "email_changed", {"old_email": before, "new_email": user.email})


def tell_factor(user: User, what: str) -> None:
    """The user hears of every change of the second factor, in words such as `a passkey was added`."""
    if user.email_verified_at is not None:
        _tell_at(user.email, "factor_changed", {"what": what})


def forgotten(*, email: str, ip: str) -> None:
    """Sends a link to whoever logs in with this email, if anybody does; says nothing of it to whoever asked.

    Not to an email that nobody has proved: it may be a stranger's by a slip of the pen, who would then come in.
    """
    known = User.objects.filter(email_verified_at__isnull=False, is_active=True)
    user = known.filter(email__iexact=email.strip()).first()
    if user is None or sent_of_late(user):
        return
    name = send_user_password_link.__name__
    with acting(Actor(user.email, frozenset({name}), "forgot the password", "user", user.pk, ip)):
        send_user_password_link(user_id=user.pk)


def sent_of_late(user: User, purpose: str = PURPOSE) -> bool:
    """One mail a minute and five an hour are enough for an impatient person, and little for an unkind one."""
    sent = Code.objects.filter(user_id=user.pk, purpose=purpose)
    within = sent.filter(created_at__gt=Now() - timedelta(hours=1)).count()
    return within >= MOST_PER_HOUR or sent.filter(created_at__gt=Now() - timedelta(minutes=1)).exists()


def forget_links(user: User, purpose: str = PURPOSE) -> None:
    """Links sent before no longer work."""
    Code.objects.filter(user_id=user.pk, purpose=purpose, used_at=None).update(used_at=Now())


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _tell_at(address: str, template: str, values: dict[str, str]) -> None:
    account = Account.objects.order_by("pk").first()
    if account is not None:
        _send(account, address, template, values)


def _send(account: Account, address: str, template: str, values: dict[str, str], *, secret: bool = False) -> None:
    queue(
        account_id=account.pk,
        template=template,
        values=values,
        recipient=address,
        secret=secret,
        created_by=current.get().name,
    )
