"""Calls that only the lake still has: one call as its CDR was, for its page and its explanation.

What keeps an entry is known by its day (`archived_call`); any other, such as a refused call, is looked for in all days.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tollgate.core.lake import TABLES, Condition, Group, Search, Span, day_begins, instant_of
from tollgate.store.lake_engines import QuestionTooLong
from tollgate.store.models import CDR, ArchivedCall, LakeFile
from tollgate.store.queries import lake
from tollgate.store.queries.call_search import limit_s

COLUMNS: Final = tuple(TABLES["call"])
INSTANTS: Final = {"started_us": "started_at", "answered_us": "answered_at", "ended_us": "ended_at"}
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
    return _cdr(dict(zip(COLUMNS, found[0], strict=True))) if found else None


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


def _cdr(row: Mapping[str, Any]) -> CDR:
    values = {name: value for name, value in row.items() if name not in INSTANTS}
    for name, column in INSTANTS.items():
        values[column] = None if row[name] is None else instant_of(int(row[name]))
    values["detail"] = json.loads(row["detail"]) if row["detail"] else None
    return CDR(**values)
