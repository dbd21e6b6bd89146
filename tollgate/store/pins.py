"""What is kept of a PIN: a mark that only this installation can make, always the same one of a PIN within an account.

So the database itself can refuse a second one alike, and a call finds its customer by an index. A slow hash with a salt
gives neither, and would gain nothing: all PINs of six digits are tried in minutes whatever the hash costs, so what
protects them is the key, which is not in the database (store/secrets.py), and the limit on wrong tries.

64 bits of the keyed hash are more than a PIN of twelve digits has, so nothing is lost in them.
"""

from __future__ import annotations

import hmac
from typing import Final

from tollgate.store.secrets import key_for

PURPOSE: Final = "PINs of calling cards"


def mark(account_id: int, pin: str, *, key: bytes | None = None) -> int:
    """The mark of a PIN as a BIGINT; `key` is `key_for(PURPOSE)` where a process remembers it."""
    digest = hmac.digest(key or key_for(PURPOSE), f"{account_id}:{pin}".encode(), "sha256")
    return int.from_bytes(digest[:8], "big", signed=True)
