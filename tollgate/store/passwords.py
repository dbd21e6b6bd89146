"""How passwords are kept: Argon2 over the password mixed with a key (the pepper) that is not in the database.

Whoever has the database alone cannot even begin to guess. The pepper comes from the installation's data key, see
store/secrets.py; settings.PASSWORD_HASHERS names the class first, so that older hashes are still accepted and replaced
at the next login.
"""

from __future__ import annotations

import base64
import hmac

from django.contrib.auth.hashers import Argon2PasswordHasher

from tollgate.store.secrets import key_for

PURPOSE = "pepper of passwords"


class PepperedHasher(Argon2PasswordHasher):
    """Argon2 of HMAC-SHA-256(pepper, password)."""

    algorithm = "peppered"

    def encode(self, password: str, salt: str) -> str:
        """The hash to keep."""
        return super().encode(peppered(password), salt)

    def verify(self, password: str, encoded: str) -> bool:
        """Whether the password made this hash, with the pepper of this installation."""
        return super().verify(peppered(password), encoded)


def peppered(password: str) -> str:
    """What goes into Argon2 instead of the password."""
    mixed = hmac.digest(key_for(PURPOSE), password.encode(), "sha256")
    return base64.b64encode(mixed).decode("ascii")
