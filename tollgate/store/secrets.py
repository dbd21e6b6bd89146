"""Secrets of others that we must be able to use again (mail passwords, API keys, TOTP seeds): sealed in the database.

The key is `TOLLGATE_DATA_KEY`, or the file `data.key` of the data folder; a database alone tells no secret. Passwords
that we only compare are hashed instead and never come here.
"""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken

from tollgate import environment


class CannotUnseal(Exception):
    """The secret was sealed with another key: enter it anew."""


def seal(text: str) -> str:
    """The text as only this installation can read it; nothing stays nothing."""
    return _fernet().encrypt(text.encode()).decode("ascii") if text else ""


def unseal(sealed: str) -> str:
    """The text again. Raises CannotUnseal for one sealed elsewhere."""
    if not sealed:
        return ""
    try:
        return _fernet().decrypt(sealed.encode("ascii")).decode()
    except (InvalidToken, ValueError):
        raise CannotUnseal("This secret was sealed with another key: enter it anew.") from None


def _fernet() -> Fernet:
    key = environment.secret("TOLLGATE_DATA_KEY", "") or environment.kept_secret("data.key")
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()))
