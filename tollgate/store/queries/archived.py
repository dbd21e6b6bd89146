"""Calls that only the lake still has: one call as its CDR was, for its page and its explanation.

What keeps an entry is known by its day (`archived_call`); any other, such as a refused call, is looked for in the few
days around the moment that its id tells.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

from tollgate.core.lake import TABLES, Condition, Group, Search, Span, day_begins, instant_of
from tollgate.store.lake_engines import QuestionTooLong
from tollgate.store.models import CDR, ArchivedCall, LakeFile
from tollgate.store.queries import lake
from tollgate.store.queries.call_search import cdr_values, limit_s

COLUMNS: Final = tuple(TABLES["call"])
DAY: Final = timedelta(days=1)
SERIAL_BITS: Final = 12
"""Of an id, below the microseconds of the moment when it was drawn (`charging.decisions.new_id`)."""
TOLD_LATER: Final = timedelta(days=7)
"""An edge that was cut off tells of a refused login after so long at most: its call then began before its id."""
FIRST_AT: Final = day_begins(date(2020, 1, 1))
IDS_MOST: Final = 2**63
DAYS_MOST: Final = 31
"""So many days, the last ones, are asked for an id that tells no moment, as of calls that somebody wrote by hand."""


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


def told_day(call_id: int) -> date | None:
    """The UTC day of the moment in an id; None for one that tells no moment."""
    drawn_at = instant_of(call_id >> SERIAL_BITS) if 0 < call_id < IDS_MOST else FIRST_AT - DAY
    return drawn_at.astimezone(UTC).date() if drawn_at >= FIRST_AT else None


def _span(account_id: int, call_id: int) -> Span | None:
    """The day of the call, or the few in which it can have begun; None when there is none."""
    if call_id >= IDS_MOST:
        return None
    known = ArchivedCall.objects.filter(account_id=account_id, pk=call_id).values_list("started_at", flat=True).first()
    if known is not None:
        day = known.astimezone(UTC).date()
        return Span(account_id, day_begins(day), day_begins(day) + DAY)
    told = told_day(call_id)
    if told is not None:
        return Span(account_id, day_begins(told) - TOLD_LATER, day_begins(told) + DAY)
    kept = LakeFile.objects.filter(account_id=account_id, kind="call", replaced_at=None, erased_at=None)
    days = list(kept.order_by("-day_on").values_list("day_on", flat=True)[:DAYS_MOST])
    return Span(account_id, day_begins(days[-1]), day_begins(days[0]) + DAY) if days else None
