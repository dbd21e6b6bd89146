"""Calls that only the lake still has: one call as its CDR was, for its page and its explanation.

What keeps an entry is known by its day (`archived_call`); any other, such as a refused call, is looked for in all days.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from tollgate.core.lake import TABLES, Condition, Group, Search, Span, day_begins
from tollgate.store.lake_engines import QuestionTooLong
from tollgate.store.models import CDR, ArchivedCall, LakeFile
from tollgate.store.queries import lake
from tollgate.store.queries.call_search import cdr_values, limit_s

COLUMNS: Final = tuple(TABLES["call"])
DAY: Final = timedelta(days=1)


def archived_cdr(account_id: int, call_id: int, at: datetime) -> CDR | None:
    """The record of a call that the database has no more; None when the lake has none either, or not in time."""
    span = _span(account_id, call_id)
    if span is None:
        return None
    wanted = Search("call", COLUMNS, Group((Condition("id", "eq", call_id),)), limit=1)
    try:
        found = lake.search(wanted, span, at, limit_s=limit_s())
    except QuestionTooLong:
        return None
    return CDR(**cdr_values(COLUMNS, found[0])) if found else None


def _span(account_id: int, call_id: int) -> Span | None:
    """The day of the call; all days of the lake where nothing tells it."""
    known = ArchivedCall.objects.filter(account_id=account_id, pk=call_id).values_list("started_at", flat=True).first()
    if known is not None:
        day = known.astimezone(UTC).date()
        return Span(account_id, day_begins(day), day_begins(day) + DAY)
    kept = LakeFile.objects.filter(account_id=account_id, kind="call", replaced_at=None, erased_at=None)
    days = kept.order_by("day_on").values_list("day_on", flat=True)
    first, last = days.first(), days.last()
    if first is None or last is None:
        return None
    return Span(account_id, day_begins(first), day_begins(last) + DAY)
