"""The email of a panel's user, which is the login: whether it is proved that it is read, and the link that proves it.

The link that sets a password proves it as well (user_passwords.py), and so does a provider that has verified it
(sign_in.py). To an email that nobody has proved goes nothing but the link that proves it, not even one for a forgotten
password: it may be somebody else's.
"""

from __future__ import annotations

from typing import Final

from django.db.models.functions import Now

from tollgate.actions import records, user_passwords
from tollgate.actions.acts import NotYet, act, refuse
from tollgate.store.models import Code, User

PURPOSE: Final = "confirm_user_email"


@act
def send_user_email_link(*, user_id: int) -> User:
    """Mails a user a link to confirm the email. It works once, for a day; links sent before no longer work."""
    user = records.locked(User, user_id)
    if not user.is_active:
        raise refuse("user_id", "This user may not log in: activate it first.")
    if user.email_verified_at is not None:
        raise refuse("user_id", "This email is confirmed already.")
    if user_passwords.sent_of_late(user, PURPOSE):
        raise NotYet({"user_id": ["A link is on its way already: look there first."]})
    send_link(user)
    return user


def send_link(user: User) -> None:
    """Queues the mail with the link, in the transaction of whoever wants it sent."""
    user_passwords.send_link(user, PURPOSE, path="confirm-login-email")


@act
def confirm_user_email(*, token: str) -> User:
    """Notes that the email to which the link was sent is read."""
    code = find_link(token)
    if code is None:
        raise refuse("token", user_passwords.DEAD_LINK)
    user = records.locked(User, code.user_id)
    if find_link(token) is None or not user.is_active or user.email != code.target:  # looked at again under the lock
        raise refuse("token", user_passwords.DEAD_LINK)
    user_passwords.forget_links(user, PURPOSE)
    return records.change(user, {"email_verified_at": Now()})


def find_link(token: str) -> Code | None:
    """The code behind a word of an address; None once it was used or its time is over."""
    return user_passwords.find_link(token, PURPOSE)
