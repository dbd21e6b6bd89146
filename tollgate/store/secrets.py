"""Secrets of others that we must be able to use again (mail passwords, API keys, TOTP seeds): sealed in the database.

The key is `TOLLGATE_DATA_KEY`, or the file `data.key` of the data folder; a database alone tells no secret. Passwords
that we only compare are hashed instead and never come here; their pepper is made from the same key (`key_for`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac

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


def key_for(purpose: str) -> bytes:
    """A key of its own for this purpose, always the same one as long as the data key is."""
    return hmac.digest(_data_key().encode(), purpose.encode(), "sha256")


def fingerprint() -> str:
    """By what the data key is known again without being told: 32 hexadecimal digits."""
    return key_for("tollgate.store.secrets fingerprint").hex()[:32]


def key_is_a_setting() -> bool:
    """Whether the data key is given as a setting, so that the data folder need not hold it."""
    return bool(_given())


def _fernet() -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(_data_key().encode()).digest()))


def _data_key() -> str:
    given = _given()
    if not given:
        # Without a folder the key would pass with the process, and with it what it sealed.
        environment.data_folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    return given or environment.kept_secret("data.key")


def _given() -> str:
    return environment.secret("TOLLGATE_DATA_KEY", "")
