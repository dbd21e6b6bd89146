"""The second factor of a panel's user: whether one is needed, recovery codes, and the way back for who lost it.

The authenticator app and the passkeys themselves are allauth's, their seeds sealed (config/passkeys.py); here is what
the house adds. Of a recovery code only a keyed hash is kept, and it opens once.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from allauth.mfa.models import Authenticator
from django.db.models import Exists

from tollgate.actions import records, user_passwords
from tollgate.actions.acts import Actor, act, acting, current, refuse
from tollgate.actions.audit import note_event
from tollgate.actions.portal_factors import CODES_COUNT, SIGNS
from tollgate.actions.users import check_not_above
from tollgate.store.models import Account, User, UserGroup
from tollgate.store.secrets import key_for


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for one user now: the minutes an idle session lives, and until when they may be without a factor."""

    idle_min: int | None
    due_at: datetime | None
    """When nothing opens any more without a second factor; None where none is needed, or there is one."""


@act
def make_user_recovery_codes(*, user_id: int) -> list[str]:
    """New recovery codes of the user who asks, shown this once; those made before no longer open anything."""
    user = records.locked(User, user_id)
    actor = current.get()
    if actor.kind != "user" or actor.id != user.pk:
        raise refuse("user_id", "Everybody makes their own.")
    if not has_factor(user):
        raise refuse("user_id", "Set up an authenticator app or a passkey first.")
    codes = ["".join(secrets.choice(SIGNS) for _ in range(10)) for _ in range(CODES_COUNT)]
    records.change(user, {"recovery_hashes": [_hashed(user, code) for code in codes]})
    user_passwords.tell_factor(user, "new recovery codes were made, and older ones no longer work")
    return [f"{code[:5]}-{code[5:]}" for code in codes]


@act
def use_user_recovery_code(*, user_id: int, code: str) -> bool:
    """Whether this is one of the user's recovery codes; it is used up by that, and the user is told."""
    user = records.locked(User, user_id)
    typed = _hashed(user, code.replace(" ", "").replace("-", "").lower())
    left = [kept for kept in user.recovery_hashes if not hmac.compare_digest(kept, typed)]
    if len(left) == len(user.recovery_hashes):
        return False
    records.change(user, {"recovery_hashes": left})
    user_passwords.tell_factor(user, f"a recovery code was used, {len(left)} are left")
    return True


@act
def reset_user_factors(*, user_id: int) -> User:
    """Takes app, passkeys and recovery codes from a user who lost them. Every session ends and the user is told."""
    user = records.locked(User, user_id)
    check_not_above(user)
    actor = current.get()
    if actor.kind == "user" and actor.id == user.pk:
        raise refuse("user_id", "Ask another administrator; your own is on your page.")
    taken = sorted(Authenticator.objects.filter(user_id=user.pk).values_list("type", flat=True))
    if not taken:
        raise refuse("user_id", "This user has no second factor.")
    forget_factors(user)
    records.change(user, {"session_epoch": user.session_epoch + 1})
    note_event(
        actor=actor,
        verb="FACTORS_RESET",
        table_name="app_user",
        row_id=user.pk,
        told={"taken": ", ".join(taken)},
    )
    user_passwords.tell_factor(user, "your authenticator app, passkeys and recovery codes were taken away")
    return user


def forget_factors(user: User) -> None:
    """The user has no second factor any more."""
    Authenticator.objects.filter(user_id=user.pk).delete()
    records.change(user, {"recovery_hashes": [], "factor_asked_at": None})


def forget_asking(user: User) -> None:
    """A factor is set up, or none is wanted: should one be missing again, the days count anew."""
    if user.factor_asked_at is not None:
        User.objects.filter(pk=user.pk).update(factor_asked_at=None)
        user.factor_asked_at = None


def spend_recovery_code(user: User, code: str, *, ip: str) -> bool:
    """The same as the act, by the user who logs in."""
    name = use_user_recovery_code.__name__
    with acting(Actor(user.email, frozenset({name}), "login", kind="user", id=user.pk, ip=ip)):
        return use_user_recovery_code(user_id=user.pk, code=code)


def has_factor(user: User) -> bool:
    """Whether something beside the password is asked for, or a passkey instead of it."""
    return bool(Authenticator.objects.filter(user_id=user.pk).exists())


def rules_of(user: User, at: datetime) -> Rules:
    """What holds for the user. Notes the moment at which a factor was first found needed and missing."""
    wanted = Exists(UserGroup.objects.filter(users=user, second_factor=True))
    names = ("idle_logout_min", "second_factor", "second_factor_days", "by_group")
    row = Account.objects.order_by("pk").annotate(by_group=wanted).values_list(*names).first()
    if row is None:
        return Rules(None, None)
    idle_min, of_all, days, of_group = row
    if not (of_all or of_group) or has_factor(user):
        forget_asking(user)
        return Rules(idle_min, None)
    if user.factor_asked_at is None:
        User.objects.filter(pk=user.pk, factor_asked_at=None).update(factor_asked_at=at)
    return Rules(idle_min, (user.factor_asked_at or at) + timedelta(days=days))


def lacks_factor(user: User, at: datetime) -> bool:
    """Whether the user has let the days pass without a second factor; programs in their name stop too.

    Their first request counts as the asking, for whoever never opens the panel.
    """
    due_at = rules_of(user, at).due_at
    return due_at is not None and due_at <= at


def _hashed(user: User, code: str) -> str:
    """A code is short, so that its hash has a key which the database does not know."""
    return hmac.new(key_for(_PURPOSE), f"{user.pk}:{code}".encode(), hashlib.sha256).hexdigest()


_PURPOSE: Final = "recovery codes"
