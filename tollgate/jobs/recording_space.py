"""How much room recordings take: the tables of `store.models.recordings` are kept like the folder of this machine.

A file counts for the customer of its call once the call is over and known, and no longer once it is gone. Machines may
share a folder or have one each: a mark in the folder says whose files a row is about, so that none forgets another's.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final
from uuid import uuid4

from django.db import connection

from tollgate.store.models import CDR, ArchivedCall, Recording
from tollgate.store.sql import load

AT_ONCE: Final = 1000
MARK: Final = ".mark"
log = logging.getLogger(__name__)
_SQL: Final = load("recordings")


def count_recordings(folder: Path) -> tuple[int, int]:
    """Takes in the recordings in `folder` that are new, and forgets those that are gone; how many of each."""
    if not folder.is_dir():
        return 0, 0
    mark = _mark(folder)
    known = set(Recording.objects.filter(folder=mark).values_list("call_id", flat=True).iterator())
    there = {int(file.stem) for file in folder.glob("*.wav") if file.stem.isdecimal()}
    new = sum(_keep(folder, mark, part) for part in _parts(there - known))
    gone = known - there
    for part in _parts(gone):
        forget(part)
    return new, len(gone)


def forget(call_ids: Sequence[int]) -> None:
    """The recordings of these calls are deleted."""
    with connection.cursor() as cursor:
        cursor.execute(_SQL["forget"], {"call_ids": list(call_ids)})


def _keep(folder: Path, mark: str, call_ids: Sequence[int]) -> int:
    """Takes in those whose call is known by now; how many."""
    customers: dict[int, int | None] = dict(CDR.objects.filter(pk__in=call_ids).values_list("pk", "customer_id"))
    archived = [call_id for call_id in call_ids if call_id not in customers]
    customers |= dict(ArchivedCall.objects.filter(pk__in=archived).values_list("pk", "customer_id"))
    owned = {call_id: customer_id for call_id, customer_id in customers.items() if customer_id is not None}
    sizes = {call_id: size for call_id in sorted(owned) if (size := _size_bytes(folder / f"{call_id}.wav")) is not None}
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["keep"],
            {
                "folder": mark,
                "call_ids": list(sizes),
                "customer_ids": [owned[call_id] for call_id in sizes],
                "sizes_bytes": list(sizes.values()),
            },
        )
    return len(sizes)


def _size_bytes(file: Path) -> int | None:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return None


def _parts(call_ids: set[int]) -> Iterator[Sequence[int]]:
    ordered = sorted(call_ids)
    return (ordered[first : first + AT_ONCE] for first in range(0, len(ordered), AT_ONCE))


def _mark(folder: Path) -> str:
    """The name of a folder that it keeps wherever it is moved; two processes that begin at once agree on one."""
    file = folder / MARK
    if not file.exists():
        aside = folder / f"{MARK}.{uuid4().hex}"
        aside.write_text(uuid4().hex)
        try:
            os.link(aside, file)
        except FileExistsError:
            log.info("another process has marked %s", folder)
        finally:
            aside.unlink()
    return file.read_text().strip()
