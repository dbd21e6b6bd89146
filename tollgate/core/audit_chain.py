"""The chain over the audit log: each hash covers its row and the hash before, so that nothing is altered unseen.

    link(previous, row_text)   the next hash; the first follows `START`
    examine(links)             whether the chain holds, or where it first breaks

The text of a row is made by the database (store/sql/audit_chain.sql), once to seal it and again to check it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

START: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class Link:
    """One place of the log, in order: its row unless that is gone, its seal unless it has none."""

    audit_id: int
    row: str | None
    seal: bytes | None


@dataclass(frozen=True, slots=True)
class Whole:
    """The chain holds; `head` covers every sealed row, so that it may be noted elsewhere."""

    sealed_count: int
    head: bytes


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place where the chain breaks, and how."""

    audit_id: int
    how: str


def link(previous: bytes, row: str) -> bytes:
    """The hash of a row that follows `previous`."""
    return hashlib.sha256(previous + row.encode()).digest()


def examine(links: Iterable[Link]) -> Whole | Broken:
    """Walks the log in order of its ids. Rows at the end that have no seal yet are no fault."""
    head, count, open_id = START, 0, None
    for place in links:
        if place.seal is None:
            open_id = place.audit_id if open_id is None else open_id
        elif open_id is not None:
            return Broken(open_id, "was put behind the seal")
        elif place.row is None:
            return Broken(place.audit_id, "was taken out")
        elif link(head, place.row) != place.seal:
            return Broken(place.audit_id, "was altered")
        else:
            head, count = place.seal, count + 1
    return Whole(count, head)
