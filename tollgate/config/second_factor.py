"""The forms that ask a user of the panel for the second factor: guessing a code waits like guessing a password.

They are allauth's own, with the delays of the login around the check; settings.MFA_FORMS names them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.core import context
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from django.core.exceptions import ValidationError
from django.db import transaction

from tollgate.actions import portal_delays
from tollgate.config.sessions import PANEL, note_login
from tollgate.ui.requests import client_ip


class Delayed:
    """Each wrong code makes the next attempt of that user and address wait longer, and is in the audit log."""

    user: Any

    def clean_code(self) -> str:
        """The code, if it fits and nobody has to wait."""
        at, ip, email = datetime.now(UTC), client_ip(context.request), self.user.email
        with transaction.atomic():
            delays = portal_delays.locked(PANEL, email, ip, at)
            if delays.waiting_s(at):
                raise get_adapter().validation_error("too_many_login_attempts")
            try:
                return str(super().clean_code())  # type: ignore[misc]  # of allauth's form beside it
            except ValidationError as problem:
                delays.failed(at)
                note_login("LOGIN_FAILED", email, ip, self.user, why="second factor")
                wrong = problem
        raise wrong  # outside, or the failure would be taken back


class LoginCodeForm(Delayed, AuthenticateForm):  # type: ignore[misc]  # allauth ships no types
    """Asked after the password."""


class RepeatedCodeForm(Delayed, ReauthenticateForm):  # type: ignore[misc]  # allauth ships no types
    """Asked again before something that weakens the login."""
