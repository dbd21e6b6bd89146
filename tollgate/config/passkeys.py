"""Passkeys and app seeds of the panel's users: allauth's, with the panel's rules around; settings.MFA_* names these.

A passkey is bound to the host name it was made at. To log in by it alone its owner must show a PIN, finger or face,
whatever the question was that it answers.
"""

from __future__ import annotations

from typing import Any, Final

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter, get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import generate_totp_secret
from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm, LoginWebAuthnForm
from allauth.mfa.webauthn.internal.auth import parse_authentication_response
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator

from tollgate.config.sessions import may_come_from, note_login
from tollgate.store.models import User
from tollgate.store.secrets import CannotUnseal, seal, unseal
from tollgate.ui.requests import client_ip

SHORT: Final = MaxLengthValidator(100)


class Keeping(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    """The names that users and their browsers see, and how the seeds of authenticator apps are kept."""

    def encrypt(self, text: str) -> str:
        """A seed as only this installation can read it."""
        return seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        """The seed again. Of one that another data key sealed no code fits: an administrator resets it."""
        try:
            return unseal(encrypted_text)
        except CannotUnseal:
            return str(generate_totp_secret())

    def generate_authenticator_name(self, user: User, type: str) -> str:  # noqa: A002 - allauth's name for it
        """What a new passkey is called unless its owner says otherwise."""
        return f"Passkey {Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1}"


class RenamePasskeyForm(EditWebAuthnForm):  # type: ignore[misc]  # allauth ships no types
    """Another name."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["name"].validators.append(SHORT)


class AddPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]  # allauth ships no types
    """A new passkey: instead of the password, or asked for after it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["name"].validators.append(SHORT)
        alone = self.fields["passwordless"]
        alone.label, alone.initial = "Log in by it alone", True
        alone.help_text = "It then asks for a PIN, finger or face. Unticked, it is asked for after the password"


class PasskeyLoginForm(LoginWebAuthnForm):  # type: ignore[misc]  # allauth ships no types
    """A login without a password. It obeys what the login by password obeys; failures are in the audit log."""

    def clean_credential(self) -> Authenticator:
        """The passkey, if it was shown by its owner, who is active and comes from where they may."""
        ip = client_ip(context.request)
        try:
            passkey = super().clean_credential()
        except ValidationError:
            note_login("LOGIN_FAILED", "", ip, None, why="passkey")
            raise
        user = passkey.user
        # A question asked after a password, which a mere touch answers, outlives the minutes the password is kept for.
        shown = parse_authentication_response(self.cleaned_data["credential"]).response.authenticator_data
        owned = shown.is_user_verified() and user.is_active
        why = "passkey" if not owned else "" if may_come_from(user, ip) else "address not allowed"
        if why:
            note_login("LOGIN_FAILED", user.email, ip, user, why=why)
            raise get_adapter().validation_error("incorrect_code")
        return passkey
