"""Tasks about very many records: their first row looks for the others, so that nobody waits while they are looked for.

    task_searches.looking("recalculate", _calls)         # once, where the kind lives: gives (id, title) after another
    task_searches.begin(kind="recalculate", looked_for="Calls that it is about", ...)

The rows that it finds are kept in one transaction with the first one: it is done once, and a killed worker leaves none.
What keeps the search from going on ends the task with its words; to try the rest again is to look again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from django.db import connection

from tollgate.actions import delay_values, tasks
from tollgate.actions.acts import Invalid, call_act
from tollgate.store.models import Task, TaskRow

Find = Callable[[Task], Iterable[tuple[int, str]]]


def looking(kind: str, find: Find, *, tells: bool = False) -> None:
    """Makes tasks of a kind such; `tells` keeps with each row what the act has told."""
    tasks.DOING[kind] = partial(_look_or_do, find, tells=tells)


def begin(*, looked_for: str, **fields: Any) -> Task:
    """Begins a task with the row that finds the others. Raises as `tasks.begin` does."""
    return tasks.begin(rows=[tasks.NewRow(1, title=looked_for)], **fields)


def done_of_found(task: Task) -> tuple[int, int] | None:
    """How many of the rows that were found are done, of how many; None while they are looked for, of none where it has
    ended without having found them."""
    looking_for = task.rows.filter(number=1, record_id=None).values_list("state", flat=True).first()
    if looking_for is None:  # one that was begun with the records themselves
        return task.done_count, task.total_count
    if looking_for != "done":
        return None if task.state in tasks.OPEN else (0, 0)
    return task.done_count - 1, task.total_count - 1


def _look_or_do(find: Find, task: Task, row: TaskRow, *, tells: bool) -> object:
    """One row: the first finds the others, each other one is the task's act."""
    if row.record_id is not None:
        result = call_act(task.act, tasks.ARGUMENTS[task.kind](task, row))
        if tells:
            TaskRow.objects.filter(pk=row.pk).update(outcome=delay_values.plain(result))
        return result
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")  # among very many
    try:
        tasks.add_rows(task, (tasks.NewRow(place, pk, title) for place, (pk, title) in enumerate(find(task), start=2)))
    except Invalid as problem:
        raise tasks.CannotGoOn(problem.errors) from None
    return None
