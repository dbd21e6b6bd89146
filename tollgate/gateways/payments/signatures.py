"""Proofs that a notice is a gateway's: a keyed hash of what was sent, and a moment that is not long ago.

To add a way of signing, add a function that raises Unverified; what is compared is compared in constant time.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from tollgate.gateways.payments.model import Unverified

TOLERANCE_S: Final = 300
MOST_DIGITS: Final = 12


def check_hash(message: bytes, given: Iterable[str], *, key: bytes, digest: str, name: str) -> None:
    """One of the given hexadecimal signatures must be the message's. Raises Unverified, which names the key."""
    signed = hmac.new(key, message, digest).hexdigest()
    check_any(signed, given, key=key, name=name)


def check_any(signed: str, given: Iterable[str], *, key: bytes, name: str) -> None:
    """One of the given signatures must be ours. Raises Unverified, which names the key."""
    offered = [one for one in given if one]
    if not offered:
        raise Unverified("The signature is missing.")
    if not key or not any(hmac.compare_digest(signed.encode(), one.encode()) for one in offered):
        raise Unverified(f"The signature does not fit: compare the {name}.")


def check_moment(moment: str, received_at: datetime) -> None:
    """The signed moment, in seconds, must be near that of the notice: what was heard once is not said again later."""
    if not (moment.isascii() and moment.isdigit() and len(moment) <= MOST_DIGITS):
        raise Unverified("The signature is missing.")
    if abs(int(received_at.timestamp()) - int(moment)) > TOLERANCE_S:
        raise Unverified("The signature is too old.")
