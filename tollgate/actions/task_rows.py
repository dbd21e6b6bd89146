"""The rows of tasks of which there may be a million: made to wait again, counted and forgotten in bounded parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Count, F, Max, Q, QuerySet
from django.db.models.functions import Now

from tollgate.store.models import Task, TaskRow

PART: Final = 10_000
"""Rows of one statement: what changes a million at once takes longer than a statement may."""
FRESH: Final = Q(state="waiting", errors=[], attempt_count=0, due_at=None)
"""Rows that were never reached."""


def wait_again(task: Task, lost: QuerySet[TaskRow]) -> bool:
    """Makes rows wait that are not done, or whose outcome is `lost`; whether there is any. One that was never reached
    stays as it is."""
    left = task.rows.filter(~Q(state="done") | Q(pk__in=lost.values("pk")))
    if not left.exists():
        return False
    last = task.rows.aggregate(last=Max("number"))["last"]
    for first in range(0, last + 1, PART):
        part = left.filter(number__gte=first, number__lt=first + PART)
        part.exclude(FRESH).update(state="waiting", errors=[], attempt_count=0, due_at=None)
    return True


def count(task: Task, settled: Mapping[str, int], *, is_open: bool) -> None:
    """Counts the rows that are over by now, `settled` in this moment. All of them are counted anew only when none is
    left, which ends an open task."""
    known = Task.objects.filter(pk=task.pk)
    if task.rows.filter(state__in=("waiting", "sending")).exists():
        done, failed = settled.get("done", 0), settled.get("failed", 0)
        if done or failed:
            known.update(done_count=F("done_count") + done, failed_count=F("failed_count") + failed)
        return
    counts = Counter(dict(task.rows.values_list("state").annotate(count=Count("pk")).order_by("state")))
    ended = {"state": "completed", "ended_at": Now()} if is_open else {}
    known.update(done_count=counts["done"], failed_count=counts["failed"], **ended)


def send_again(row_id: int) -> None:
    """A row that is in the hands of others again; its task must be locked."""
    row = TaskRow.objects.filter(pk=row_id)
    if row.filter(state="failed").exists():
        Task.objects.filter(rows=row_id).update(failed_count=F("failed_count") - 1)
    row.update(state="sending", errors=[])


def forget(task_id: int, before: datetime) -> bool:
    """Removes a task that ended before then, its rows part by part; messages of a mailing stay. False when somebody has
    begun it again meanwhile."""
    while True:
        with transaction.atomic():
            old = Task.objects.select_for_update(no_key=True).filter(pk=task_id, ended_at__lt=before)
            task = old.first()
            if task is None:
                return False
            part = list(task.rows.values_list("pk", flat=True)[:PART])
            if not part:
                task.delete()
                return True
            task.rows.filter(pk__in=part).only("pk").delete()
