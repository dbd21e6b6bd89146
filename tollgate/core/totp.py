"""Codes of an authenticator app (TOTP, RFC 6238): six digits, one per 30 s, by HMAC-SHA1 as every app knows it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
from datetime import datetime
from typing import Final

STEP_S: Final = 30
DIGITS_COUNT: Final = 6
TOLERATED: Final = (0, -1, 1)
"""Clocks of phones are a little off: the step before and the one after count too (RFC 6238 section 5.2)."""


def step_of(at: datetime) -> int:
    """The number of the 30 s that `at` lies in."""
    return int(at.timestamp()) // STEP_S


def code(secret: str, step: int) -> str:
    """The code of one step; `secret` in base32 (RFC 4226 section 5.3)."""
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", step), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFF_FFFF
    return str(number % 10**DIGITS_COUNT).zfill(DIGITS_COUNT)


def matching_step(secret: str, typed: str, at: datetime) -> int | None:
    """The step whose code was typed, near `at`; None when it is none of them."""
    now = step_of(at)
    for step in (now + offset for offset in TOLERATED):
        if hmac.compare_digest(code(secret, step).encode(), typed.encode()):
            return step
    return None
