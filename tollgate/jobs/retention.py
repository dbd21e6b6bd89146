"""How long recordings are kept: by the customer's own days, else by the account's, else for ever.

Each deletion leaves a line in the audit log. A legal hold does not exist: what has to be kept longer is to be copied
out in time, or its customer given more days.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from django.db import transaction
from django.db.models.functions import Coalesce

from tollgate.actions.acts import Actor
from tollgate.actions.audit import note_event
from tollgate.store.models import CDR

AT_ONCE: Final = 1000
_WHO: Final = Actor("timetable", frozenset(), kind="job")


class Kept(NamedTuple):
    """A recorded call that is not kept for ever."""

    call_id: int
    account_id: int
    customer_id: int | None
    ended_at: datetime
    days: int


def delete_old_recordings(folder: Path, at: datetime) -> int:
    """Deletes the recordings in `folder` (`<call>.wav`) whose days are over; how many."""
    deleted = 0
    for kept in _recorded(folder):
        if kept.ended_at + timedelta(days=kept.days) > at:
            continue
        with transaction.atomic():
            note_event(
                actor=_WHO,
                verb="RECORDING_DELETED",
                table_name="cdr",
                row_id=kept.call_id,
                account_id=kept.account_id,
                customer_id=kept.customer_id,
                told={"ended_at": kept.ended_at.isoformat(), "recording_retention_days": kept.days},
            )
            (folder / f"{kept.call_id}.wav").unlink(missing_ok=True)
        deleted += 1
    return deleted


def _recorded(folder: Path) -> Iterator[Kept]:
    numbers = sorted(int(file.stem) for file in folder.glob("*.wav") if file.stem.isdecimal())
    days = Coalesce("customer__recording_retention_days", "account__recording_retention_days")
    for first in range(0, len(numbers), AT_ONCE):
        found = CDR.objects.filter(pk__in=numbers[first : first + AT_ONCE]).annotate(days=days)
        rows = found.exclude(days=None).values_list("pk", "account_id", "customer_id", "ended_at", "days")
        yield from (Kept(*row) for row in rows)
