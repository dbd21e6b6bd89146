"""How long recordings are kept: by the customer's own days, else by the account's, else for ever.

Each deletion leaves a line in the audit log. Nothing of a customer under a legal hold is deleted. The other classes:
CDRs in `store.lake_retention`, messages in `actions.deliveries`, notices of payments in `actions.payment_forgetting`;
the audit log and the ledger stay for ever.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from django.db import transaction
from django.db.models.functions import Coalesce

from tollgate.actions.acts import Actor
from tollgate.actions.audit import note_event
from tollgate.jobs import recording_space
from tollgate.store.lake_retention import archive_days, erase_days
from tollgate.store.models import CDR, ArchivedCall, Customer
from tollgate.store.queries.held import held_customers, held_now

AT_ONCE: Final = 1000
log = logging.getLogger(__name__)
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
            if kept.customer_id is not None and held_now(kept.customer_id):
                continue
            note_event(
                actor=_WHO,
                verb="RECORDING_DELETED",
                table_name="cdr",
                row_id=kept.call_id,
                account_id=kept.account_id,
                customer_id=kept.customer_id,
                told={"ended_at": kept.ended_at.isoformat(), "recording_retention_days": kept.days},
            )
            recording_space.forget([kept.call_id])
            (folder / f"{kept.call_id}.wav").unlink(missing_ok=True)
        deleted += 1
    return deleted


def obey_cdr_days(at: datetime) -> None:
    """What only the lake is to keep leaves the database; what even the lake keeps no longer is erased, and noted."""
    dropped, reason = archive_days(at)
    for day in dropped:
        log.info("the CDRs of %s are in the lake alone", day)
    if reason:
        log.warning("%s", reason)
    for file in erase_days(at):
        note_event(
            actor=_WHO,
            verb="CDRS_ERASED",
            table_name="lake_file",
            row_id=file.pk,
            account_id=file.account_id,
            customer_id=None,
            told={"path": file.path, "rows_count": file.rows_count},
        )


def _recorded(folder: Path) -> Iterator[Kept]:
    numbers = sorted(int(file.stem) for file in folder.glob("*.wav") if file.stem.isdecimal())
    held = held_customers()
    days = Coalesce("customer__recording_retention_days", "account__recording_retention_days")
    for first in range(0, len(numbers), AT_ONCE):
        some = numbers[first : first + AT_ONCE]
        found = CDR.objects.filter(pk__in=some).exclude(customer__in=held).annotate(days=days)
        rows = found.exclude(days=None).values_list("pk", "account_id", "customer_id", "ended_at", "days")
        yield from (Kept(*row) for row in rows)
        yield from _archived(some, held)


def _archived(numbers: list[int], held: list[int]) -> Iterator[Kept]:
    """Recorded calls whose CDR only the lake still has: their end is known to the second billed."""
    found = list(ArchivedCall.objects.filter(pk__in=numbers).exclude(customer_id__in=held).select_related("account"))
    own = Customer.objects.in_bulk({call.customer_id for call in found if call.customer_id is not None})
    for call in found:
        customer = own.get(call.customer_id or 0)
        days = customer.recording_retention_days if customer else None
        days = call.account.recording_retention_days if days is None else days
        if days is not None:
            ended_at = call.started_at + timedelta(seconds=call.billed_s)
            yield Kept(call.pk, call.account_id, call.customer_id, ended_at, days)
