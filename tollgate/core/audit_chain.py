"""The chain over the audit log: each hash covers its row and the hash before, so that nothing is altered unseen.

    link(previous, row_text)   the next hash; the first follows `START`
    examine(links)             whether the chain holds, or where it first breaks

The text of a row is made by the database (store/sql/audit_chain.sql), once to seal it and again to check it.

A row from which a person was erased no longer fits its seal. Its place holds if a later `ERASE` event that fits its own
seal names the row with the hash of what is left of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

START: Final = bytes(32)
VERB_AT, TOLD_AT = 7, 9
"""Where the text of a row, an array, has its verb and what an event tells."""


@dataclass(frozen=True, slots=True)
class Link:
    """One place of the log, in order: its row unless that is gone, its seal unless it has none."""

    audit_id: int
    row: str | None
    seal: bytes | None


@dataclass(frozen=True, slots=True)
class Whole:
    """The chain holds; `head` covers every sealed row, so that it may be noted elsewhere.

    Of `erased_count` rows people were erased; `unsealed_count` of them by events that wait for their own seal.
    """

    sealed_count: int
    head: bytes
    erased_count: int = 0
    unsealed_count: int = 0


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place where the chain breaks, and how."""

    audit_id: int
    how: str


def link(previous: bytes, row: str) -> bytes:
    """The hash of a row that follows `previous`."""
    return hashlib.sha256(previous + row.encode()).digest()


def left_of(row: str) -> str:
    """How an `ERASE` event names what is left of a row."""
    return hashlib.sha256(row.encode()).hexdigest()


def examine(links: Iterable[Link]) -> Whole | Broken:
    """Walks the log in order of its ids. Rows at the end that have no seal yet are no fault.

    What does not fit its seal is judged at the end, when every event is known; the other faults end the walk.
    """
    head, count, open_id = START, 0, None
    misfits: dict[int, str] = {}
    sealed: dict[int, str] = {}
    waiting: dict[int, str] = {}
    for place in links:
        if place.seal is None:
            open_id = place.audit_id if open_id is None else open_id
            waiting.update(_named(place))
            continue
        if open_id is not None:
            return Broken(open_id, "was put behind the seal")
        if place.row is None:
            return Broken(place.audit_id, "was taken out")
        if link(head, place.row) == place.seal:
            sealed.update(_named(place))
        else:
            misfits[place.audit_id] = left_of(place.row)
        head, count = place.seal, count + 1
    named = sealed | waiting
    for audit_id, left in misfits.items():
        if named.get(audit_id) != left:
            return Broken(audit_id, "was altered")
    return Whole(count, head, len(misfits), sum(audit_id in waiting for audit_id in misfits))


def _named(place: Link) -> Iterator[tuple[int, str]]:
    """The rows before it that an `ERASE` event names, each with the hash of what is left of it."""
    if place.row is None or '"ERASE"' not in place.row:
        return
    cells = json.loads(place.row)
    told = cells[TOLD_AT] if cells[VERB_AT] == "ERASE" else None
    left = told.get("left") if isinstance(told, dict) else None
    for audit_id, digest in left.items() if isinstance(left, dict) else ():
        if audit_id.isdecimal() and int(audit_id) < place.audit_id:
            yield int(audit_id), digest
