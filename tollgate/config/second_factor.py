"""The second factor of the panel's users: the forms that ask for it, and the pages that set one up.

They are allauth's own. Around them: guessing a code waits like guessing a password, a recovery code does for a code of
the app (actions.user_factors), and whoever has set up the first factor is led to the recovery codes. settings.MFA_FORMS
names the forms, urls.py the pages.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import record_authentication
from allauth.core import context
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.totp.views import ActivateTOTPView
from allauth.mfa.webauthn.views import AddWebAuthnView
from django.core.exceptions import ValidationError
from django.db import transaction
from django.urls import reverse

from tollgate.actions import portal_delays
from tollgate.actions.user_factors import forget_asking, spend_recovery_code
from tollgate.config.sessions import FACTOR_DUE, PANEL, note_login
from tollgate.ui.requests import client_ip


class Delayed:
    """Each wrong code makes the next attempt of that user and address wait longer, and is in the audit log."""

    user: Any
    recovered = False
    """Whether it was a recovery code."""

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
                typed = str(self.cleaned_data["code"])  # type: ignore[attr-defined]  # as above
                self.recovered = spend_recovery_code(self.user, typed, ip=ip)
                if self.recovered:
                    return typed
                delays.failed(at)
                note_login("LOGIN_FAILED", email, ip, self.user, why="second factor")
                wrong = problem
        raise wrong  # outside, or the failure would be taken back

    def save(self) -> None:
        """Notes in the session how the user showed who they are."""
        if self.recovered:
            again = {"reauthenticated": True} if isinstance(self, ReauthenticateForm) else {}
            record_authentication(context.request, self.user, "mfa", type="recovery_codes", **again)
        else:
            super().save()  # type: ignore[misc]  # of allauth's form beside it


class LoginCodeForm(Delayed, AuthenticateForm):  # type: ignore[misc]  # allauth ships no types
    """Asked after the password."""


class RepeatedCodeForm(Delayed, ReauthenticateForm):  # type: ignore[misc]  # allauth ships no types
    """Asked again before something that weakens the login."""


class SetUp:
    """The page after a factor was set up: recovery codes, for who has none."""

    request: Any

    def get_success_url(self) -> str:
        """Where to go on; this session is held to the second factor's pages no longer."""
        self.request.session.pop(FACTOR_DUE, None)
        forget_asking(self.request.user)
        return reverse("mfa_index" if self.request.user.recovery_hashes else "panel:recovery_codes")


class SetUpApp(SetUp, ActivateTOTPView):  # type: ignore[misc]  # allauth ships no types
    """The authenticator app."""


class AddPasskey(SetUp, AddWebAuthnView):  # type: ignore[misc]  # allauth ships no types
    """A passkey."""
