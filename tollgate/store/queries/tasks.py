"""The states of jobs and their rows as pages tell them: one that waits for a later time is delayed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.db.models import (
    Case,
    DateTimeField,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
    When,
)

from tollgate.store.models import Message, Task, TaskRow

OPEN: Final = ("waiting", "active")
DELAYED: Final = "delayed"


def with_standing(found: QuerySet[Task], at: datetime) -> QuerySet[Any]:
    """Adds `next_at`, when a job goes on that waits for a time, and `standing`, its state or that it is delayed.

    One whose rows are all messages waits as long as each of them waits to be tried again.
    """
    rows = TaskRow.objects.filter(task_id=OuterRef("pk"))
    handed_over = Exists(rows.filter(state="sending")) & ~Exists(rows.filter(state="waiting"))
    messages = Message.objects.filter(task_row__task_id=OuterRef("pk"), state__in=("queued", "sending"))
    first = messages.annotate(again_at=Case(When(state="queued", then=F("next_at")))).order_by(
        F("again_at").asc(nulls_first=True)  # what is being sent waits for nothing
    )
    next_at = Case(
        When(~Q(state__in=OPEN), then=Value(None)),
        When(Q(kind="send") & handed_over, then=Subquery(first.values("again_at")[:1])),
        default=F("due_at"),
        output_field=DateTimeField(),
    )
    delayed = When(Q(state__in=OPEN, next_at__gt=at), then=Value(DELAYED))
    standing = Case(delayed, default=F("state"), output_field=TextField())
    told: QuerySet[Any] = found.annotate(next_at=next_at).annotate(standing=standing)
    return told


def rows_with_standing(found: QuerySet[TaskRow], at: datetime) -> QuerySet[Any]:
    """Adds `standing` to rows of a job."""
    delayed = When(Q(state="waiting", due_at__gt=at), then=Value(DELAYED))
    told: QuerySet[Any] = found.annotate(standing=Case(delayed, default=F("state"), output_field=TextField()))
    return told
