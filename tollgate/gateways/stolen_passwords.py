"""Passwords that were stolen somewhere: a list of their SHA-1 hashes in a file, which nobody else sees asked.

The list is the one that Have I Been Pwned publishes, ordered by hash, one line each: the hash in 40 hexadecimal digits,
a colon, how often it was seen. Tens of gigabytes are searched in some forty short reads; nothing is kept in memory.
Django asks `StolenPasswordValidator` wherever a password is chosen; another list needs another class like it.
"""

from __future__ import annotations

import hashlib
import logging
import re
from pathlib import Path
from typing import BinaryIO, Final

from django.core.exceptions import ValidationError

DIGITS_COUNT: Final = 40
STOLEN: Final = "This password is in a list of stolen ones, which thieves try first: choose another."
UNREADABLE: Final = "No password can be chosen now: the list of stolen ones cannot be read. Tell who runs this."
_LINE = re.compile(rb"[0-9A-Fa-f]{40}(:[0-9]+)?\s*")
log = logging.getLogger(__name__)


class ListUnfit(ValueError):
    """The file is not a list of SHA-1 hashes in their order."""


class StolenPasswordValidator:
    """Refuses what is in the list. Without the list no password is taken: whoever named one wants it asked."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def validate(self, password: str, user: object = None) -> None:
        """Raises ValidationError."""
        del user
        try:
            with self.path.open("rb") as file:
                stolen = is_listed(file, hash_of(password))
        except (OSError, ListUnfit) as problem:
            log.error("TOLLGATE_BREACHED_PASSWORDS: %s", problem)
            raise ValidationError(UNREADABLE) from None
        if stolen:
            raise ValidationError(STOLEN)

    def get_help_text(self) -> str:
        """What a form says beside its field."""
        return "It must not be in a list of stolen passwords."


def hash_of(password: str) -> bytes:
    """A password as the list has it."""
    return hashlib.sha1(password.encode(errors="surrogatepass"), usedforsecurity=False).hexdigest().upper().encode()


def is_listed(file: BinaryIO, wanted: bytes) -> bool:
    """Whether a hash stands in a file of lines ordered by theirs. Raises ListUnfit.

    Lines that begin before `low` are smaller; the first that begins at `high` or behind it is not. Another order, such
    as by how often each was seen, shows in the lines met on the way.
    """
    if not _LINE.fullmatch(file.readline()):
        raise ListUnfit(f"{file.name} does not begin with a SHA-1 hash in {DIGITS_COUNT} digits")
    low, high = 0, file.seek(0, 2)
    below, above = b"0", b"G"
    while low < high:
        middle = (low + high) // 2
        found = _first_from(file, middle)
        if found and not below <= found <= above:
            raise ListUnfit(f"{file.name} is not ordered by hash")
        if not found or found >= wanted:
            high, above = middle, found or above
        else:
            low, below = file.tell(), found
    return _first_from(file, low) == wanted


def _first_from(file: BinaryIO, place: int) -> bytes:
    """The hash of the first line that begins at a place or behind it; empty at the end. Leaves the file behind it."""
    file.seek(max(place - 1, 0))
    if place:
        file.readline()
    return file.readline().strip()[:DIGITS_COUNT].upper()
