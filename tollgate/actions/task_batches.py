"""Rows of tasks of which very many are done alike, such as those of a mailing: many of them in one transaction.

A kind adds itself to `IN_BATCHES`; its rows are then not over when they are done (`tasks.FOLLOWED`).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import OperationalError, transaction

from tollgate.store.models import Task, TaskRow

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Batch:
    """`room` says how many rows may be done now, `do` does them and tells what is wrong with those that cannot be, by
    the row's id."""

    room: Callable[[], int]
    do: Callable[[Task, Sequence[TaskRow]], Mapping[int, list[list[str]]]]


IN_BATCHES: Final[dict[str, Batch]] = {}
"""By kind."""


def room_for(task: Task) -> int:
    """How many rows of a task are done next; 0 while others have to do their part first."""
    return IN_BATCHES[task.kind].room() if task.kind in IN_BATCHES else 1


def do_batch(task: Task, rows: Sequence[TaskRow]) -> Counter[str] | None:
    """Does these rows; gives how many are in each state then, None when they are to be done one by one."""
    if task.kind not in IN_BATCHES:
        return None
    try:
        with transaction.atomic():
            errors = IN_BATCHES[task.kind].do(task, rows)
            done = [row.pk for row in rows if row.pk not in errors]
            task.rows.filter(pk__in=done).update(state="sending", errors=[])
            for row_id, wrong in errors.items():
                task.rows.filter(pk=row_id).update(state="failed", errors=wrong)
    except OperationalError:
        raise  # the database's trouble passes, and the rows stay
    except Exception:  # one of them must not keep the others waiting
        log.exception("rows of task %s from %s on are done one by one", task.pk, rows[0].number)
        return None
    return Counter({"sending": len(done), "failed": len(errors)})
