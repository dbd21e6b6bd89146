"""Tasks: one act done to many records, row by row, in the name of whoever began it, while nobody waits.

    task = begin(kind="delete", noun="customer", act="delete_customer", title="...", rows=[NewRow(1, record_id=17)])
    work(at, until)          # by every process of `tollgate work`, every second; by a page for a moment

Each row is done in one transaction with its act, while the task's row is locked: any number of processes may work, a
killed one leaves nothing half done, and no row is done twice. How a row becomes the arguments of the act is said by the
task's kind in `ARGUMENTS`; a new kind adds its reader there. One whose rows are done by something that is no act adds
itself to `DOING`, one whose rows are not over when they are done, such as mail that waits for a server, to `FOLLOWED`,
one with very many rows that are done alike to `IN_BATCHES` (task_batches.py).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import Any, Final

from django.db import OperationalError, models, transaction
from django.db.models import Case, Exists, F, Min, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Now

from tollgate.actions import delay_values, deleted_records, records, task_rows
from tollgate.actions.acts import (
    ACTS,
    Actor,
    Invalid,
    NotFound,
    NotPermitted,
    OutOfDate,
    act,
    acting,
    call_act,
    current,
    refuse,
)
from tollgate.actions.audit import note_event
from tollgate.actions.authors import author_now
from tollgate.actions.task_batches import do_batch, room_for
from tollgate.store.lake_damage import DayUnreadable
from tollgate.store.models import Account, Task, TaskRow
from tollgate.store.secrets import CannotUnseal

OPEN: Final = ("waiting", "active")
MOST_ROWS: Final = 200_000
AT_A_TIME: Final = 1_000
PAUSES_S: Final = (1, 10, 60, 300)
"""How long a row waits that the database could not do, such as one in a deadlock, before it is tried again."""
ATTEMPTS_MOST: Final = len(PAUSES_S) + 1
UNDO_WITHIN: Final = deleted_records.WITHIN
KEPT: Final = timedelta(days=90)
TITLE_MOST: Final = 200
log = logging.getLogger(__name__)

Arguments = Callable[[Task, TaskRow], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class NewRow:
    """One row of a task that begins."""

    number: int
    record_id: int | None = None
    title: str = ""
    cells: Sequence[Any] | None = None
    errors: Sequence[tuple[str, str]] = ()
    """What is wrong with it already: it is never tried."""
    version: int | None = None
    """That of the record as its author saw it."""


NAMED: Final[dict[str, str]] = {}
"""By noun: what its acts call its record, where that is not its `<noun>_id`."""


def _of_record(task: Task, row: TaskRow) -> dict[str, Any]:
    seen = {} if row.version is None else {"version": row.version}
    name = NAMED.get(task.noun, f"{task.noun}_id")
    return {name: row.record_id, **seen, **delay_values.read(task.arguments)}


ARGUMENTS: Final[dict[str, Arguments]] = dict.fromkeys(
    ("edit", "delete", "restore", "recalculate", "take_back", "correction_notes", "package_run"), _of_record
)
"""By kind: the arguments of the act for one row. Raises Invalid for a row that cannot be."""
LOST: Final[dict[str, Callable[[Task], Sequence[int]]]] = {}
"""By kind: the numbers of rows whose outcome is not kept for ever and is gone; to try again is to do them again."""


@dataclass(frozen=True, slots=True)
class Following:
    """Of tasks whose rows stay `sending` when they are done: `settle` says of how many it knows now that they are
    done or failed, `take_back` makes rows wait again that can still be stopped."""

    settle: Callable[[Task], Mapping[str, int]]
    take_back: Callable[[Task], None]


FOLLOWING: Final[dict[str, Callable[[Task], None]]] = {}
"""By kind: what is begun in the transaction in which all rows are over, or the task is canceled."""
DOING: Final[dict[str, Callable[[Task, TaskRow], object]]] = {}
"""By kind: what is done for a row in the place of an act; the task's act is then only the right that it needs. A record
that it gives is that of the row."""
BY_AUTHOR: Final[set[str]] = set()
"""Kinds whose rows only their author has done again, because they say something in the author's name."""
FOLLOWED: Final[dict[str, Following]] = {}
"""By kind: how rows are followed that are not over when they are done."""


class CannotGoOn(Invalid):
    """No row of the task can be done now; an act raises it to end the task with its words."""


def begin(
    *, kind: str, noun: str, act_name: str, title: str, rows: Iterable[NewRow], account_id: int, **fields: Any
) -> Task:
    """Keeps a task to be worked, not before its `due_at` if that is given. Raises NotPermitted when its author may not
    do the act, Invalid without any row or with more than `most`, else `MOST_ROWS`."""
    actor = current.get()
    if not actor.may_do(act_name):
        raise NotPermitted(act_name)
    if actor.kind != "user" or actor.id is None:
        raise refuse("rows", "Only a user may begin a task: it is done in the user's name.")
    account = records.find(Account, account_id)
    arguments, most = delay_values.kept(fields.pop("arguments", {})), fields.pop("most", MOST_ROWS)
    author = {"author_id": actor.id, "author": actor.name, "reason": actor.reason}
    what = {"kind": kind, "noun": noun, "act": act_name, "title": title, "arguments": arguments}
    task = Task.objects.create(account=account, **what, **(author | fields))
    total, failed = _keep_rows(task, iter(rows), most)
    if not total:
        raise refuse("rows", "There is nothing to do: choose records first.")
    task.total_count, task.failed_count = total, failed
    if total == failed:
        task.state, task.started_at, task.ended_at = "completed", records.now(), records.now()
    task.save()
    told = {"kind": kind, "title": title, "rows": total, "dry": task.dry}
    if task.due_at is not None:
        told["due_at"] = task.due_at.isoformat()
    note_event(actor=actor, verb="START", table_name="task", row_id=task.pk, account_id=account.pk, told=told)
    return task


def add_rows(task: Task, rows: Iterable[NewRow]) -> None:
    """Gives a task rows that one of its rows has found; call it where that one is done. Raises Invalid for too many."""
    total, failed = _keep_rows(task, iter(rows), MOST_ROWS)
    counted = {"total_count": F("total_count") + total, "failed_count": F("failed_count") + failed}
    Task.objects.filter(pk=task.pk).update(**counted)


def _keep_rows(task: Task, rows: Iterator[NewRow], most: int) -> tuple[int, int]:
    """How many there are, and how many of them cannot be."""
    total = failed = 0
    while part := list(islice(rows, AT_A_TIME)):
        total += len(part)
        failed += sum(1 for row in part if row.errors)
        if total > most:
            raise refuse("rows", f"A task has at most {most:,} rows: choose fewer.")
        TaskRow.objects.bulk_create(
            TaskRow(
                task=task,
                number=row.number,
                record_id=row.record_id,
                title=row.title[:TITLE_MOST],
                cells=row.cells,
                version=row.version,
                state="failed" if row.errors else "waiting",
                errors=[list(error) for error in row.errors],
            )
            for row in part
        )
    return total, failed


@act
def cancel_task(*, task_id: int) -> Task:
    """Stops a task after the row that is being done; what is done stays done."""
    task = _own(task_id)
    if task.state not in OPEN:
        raise refuse("task_id", f"It is not running any more: it is {task.state}.")
    if task.kind in FOLLOWED:
        FOLLOWED[task.kind].take_back(task)
    _note(task, "CANCEL")
    _over(task)
    return _end(task, "canceled", f"Canceled by {current.get().name}.")


@act
def retry_task(*, task_id: int) -> Task:
    """Does the rows again that failed, and those that were never reached."""
    task = _own(task_id)
    if not current.get().may_do(task.act):
        raise NotPermitted(task.act)
    if task.kind in BY_AUTHOR and current.get().id != task.author_id:
        raise refuse("task_id", "Only who began it does this again: its rows are done in that name.")
    if task.state in OPEN:
        raise refuse("task_id", "It is still running.")
    lost = task.rows.filter(number__in=LOST[task.kind](task)) if task.kind in LOST else task.rows.none()
    if not task_rows.wait_again(task, lost):
        raise refuse("task_id", "Every row is done: there is nothing to try again.")
    _note(task, "RETRY")
    done = task.rows.filter(state="done").count()
    changed = {
        "state": "waiting",
        "result": "",
        "due_at": None,
        "ended_at": None,
        "done_count": done,
        "failed_count": 0,
    }
    return records.change(task, {**changed, "attempt_count": task.attempt_count + 1})


@act
def undo_task(*, task_id: int) -> Task:
    """Begins a task that restores what this one has deleted, for a week after its end."""
    task = _own(task_id)
    if not undoable(task, records.now()):
        raise refuse("task_id", "This cannot be undone, or not any more.")
    done = task.rows.filter(state="done").order_by("-number").iterator(AT_A_TIME)  # a reseller before its customers
    rows = (NewRow(number, row.record_id, row.title) for number, row in enumerate(done, start=1))
    return begin(
        kind="restore",
        noun=task.noun,
        act_name=restoring(task.act),
        title=f"Undo: {task.title}",
        rows=rows,
        account_id=task.account_id,
        source=task,
    )


def undoable(task: Task, at: datetime) -> bool:
    """Whether a task deleted something that may still be restored, and nobody has begun to."""
    ended = task.ended_at
    fresh = restorable(task) and task.done_count > 0 and ended is not None and ended > at - UNDO_WITHIN
    return fresh and not task.followers.filter(kind="restore").exists()


def restorable(task: Task) -> bool:
    """Whether what a task deletes can be brought back at all: by an act for its noun."""
    return task.kind == "delete" and restoring(task.act) in ACTS


def restoring(act_name: str) -> str:
    """The act that undoes one that deletes: that of the same noun, if there is one."""
    return f"restore_{act_name.partition('_')[2]}"


def may_manage(task: Task, actor: Actor) -> bool:
    """Whether an actor may see a task and press its buttons: one's own, and everybody's without a reseller."""
    return actor.reach is None or (actor.kind == "user" and actor.id == task.author_id)


def forget_old(at: datetime) -> int:
    """Removes tasks that ended long ago; how many."""
    old = list(Task.objects.filter(ended_at__lt=at - KEPT).values_list("pk", flat=True))
    return sum(task_rows.forget(task_id, at - KEPT) for task_id in old)


def work(
    now: Callable[[], datetime], until: datetime, *, task_id: int | None = None, leave: Collection[str] = ()
) -> int:
    """Does rows of open tasks in turn, until the moment; how many. Any number of processes may.

    Tasks of the kinds in `leave` are left to others.
    """
    count, shift = 0, Shift(task_id, leave)
    while (at := now()) < until:
        shift.hands.clear()
        try:
            with transaction.atomic():
                if not _one_row(shift, at):
                    return count
        except OperationalError:
            if not shift.hands:
                raise  # it is the database itself
            log.exception("row %s of a task has to wait", shift.hands[0])
            _tried(shift.hands[0], at)
        else:
            count += 1
    return count


@dataclass(slots=True)
class Shift:
    """What a worker knows while it works: whose tasks they are, which had a turn, which no room, the row in hand."""

    task_id: int | None = None
    leave: Collection[str] = ()
    authors: dict[int, Actor | str] = field(default_factory=dict)
    had: set[int] = field(default_factory=set)
    full: set[int] = field(default_factory=set)
    hands: list[int] = field(default_factory=list)


def follow() -> int:
    """Settles rows that were handed over to others, and ends the tasks whose rows are all over; of how many tasks.

    Any number of processes may.
    """
    count = 0
    for task_id in TaskRow.objects.filter(state="sending").values_list("task_id", flat=True).distinct():
        with transaction.atomic():
            task = Task.objects.select_for_update(skip_locked=True, no_key=True).filter(pk=task_id).first()
            if task is not None:
                if task.state in OPEN and isinstance(author := _author(task), str):
                    _stop(task, author)
                task_rows.count(task, FOLLOWED[task.kind].settle(task), is_open=task.state in OPEN)
                count += 1
    return count


def _one_row(shift: Shift, at: datetime) -> bool:
    """Does the next row of a task that nobody else works; whether there was one."""
    task = _next_task(shift, at)
    if task is None:
        return False
    if task.pk not in shift.authors:
        shift.authors[task.pk] = _author(task)
    author = shift.authors[task.pk]
    if isinstance(author, str):
        _stop(task, author)
        return True
    left = task.rows.filter(state__in=("waiting", "sending"))
    room = room_for(task)
    rows = list(left.filter(_due(at), state="waiting").order_by("number")[: room or 1])
    if not rows:
        if left.exists():
            _wait(task, left)
        else:
            with acting(author):
                _over(task)
            _end(task, "completed", "")
        return True
    if not room:
        shift.full.add(task.pk)
        return True
    shift.hands.append(rows[0].pk)
    try:
        with acting(author):
            states = do_batch(task, rows) or _do(task, rows[0], author)
    except CannotGoOn as problem:
        _end(task, "failed", " ".join(chain.from_iterable(problem.errors.values())))
        return True
    started = {} if task.state == "active" else {"state": "active", "started_at": Now()}
    ended = {} if left.exists() else {"state": "completed", "ended_at": Now()}
    if ended:
        with acting(author):
            _over(task)
    counted = {f"{state}_count": F(f"{state}_count") + states[state] for state in ("done", "failed") if states[state]}
    changed = {**started, **ended, **counted}
    if changed:
        Task.objects.filter(pk=task.pk).update(**changed)
    return True


def _due(at: datetime) -> Q:
    """What does not wait for a later time, of tasks and of rows."""
    return Q(due_at=None) | Q(due_at__lte=at)


def _wait(task: Task, left: QuerySet[TaskRow]) -> None:
    """All rows that are left wait for their time, and the task with them; what is with others comes by itself."""
    due_at = left.filter(state="waiting").aggregate(at=Min("due_at"))["at"]
    Task.objects.filter(pk=task.pk).update(due_at=due_at)


def _over(task: Task) -> None:
    """What comes after a task whose rows are over."""
    if task.kind in FOLLOWING and not task.dry:
        FOLLOWING[task.kind](task)


def _next_task(shift: Shift, at: datetime) -> Task | None:
    """The task whose turn it is that nobody else has in hand, locked; none that waits, or whose rows are all with
    others.

    Each has its turn, those furthest behind first: one of very many rows holds up none of few.
    """
    waiting = Task.objects.filter(_due(at), state__in=OPEN).exclude(kind__in=shift.leave).exclude(pk__in=shift.full)
    if shift.task_id is not None:
        waiting = waiting.filter(pk=shift.task_id)
    rows = TaskRow.objects.filter(task_id=OuterRef("pk"))
    handed_over = Exists(rows.filter(state="sending")) & ~Exists(rows.filter(state="waiting"))
    turn = Case(When(pk__in=shift.had or {0}, then=Value(1)), default=Value(0))  # no task is 0
    least = waiting.exclude(handed_over).order_by(turn, F("done_count") + F("failed_count"), "pk")
    task = least.select_for_update(skip_locked=True, no_key=True).first()
    if task is not None:
        shift.had = {task.pk} if task.pk in shift.had else {*shift.had, task.pk}  # all had it: a new round
    return task


def _do(task: Task, row: TaskRow, author: Actor) -> Counter[str]:
    """One row: its act, and what became of it. A dry one is taken back.

    Nothing else of the row is saved: a person whom it names may be erased meanwhile.
    """
    row.errors, changed = [], ["state", "errors"]
    try:
        with acting(author), transaction.atomic():
            doing = DOING.get(task.kind)
            result = call_act(task.act, ARGUMENTS[task.kind](task, row)) if doing is None else doing(task, row)
            if isinstance(result, models.Model):
                row.title = str(result)[:TITLE_MOST]
                changed.append("title")
            if task.dry:
                transaction.set_rollback(True)
            elif isinstance(result, models.Model):
                row.record_id = result.pk
                changed.append("record_id")
    except CannotGoOn:
        raise  # the row stays, and the task ends
    except Invalid as problem:
        row.errors = [[name, sentence] for name, sentences in problem.errors.items() for sentence in sentences]
    except (NotFound, NotPermitted, OutOfDate, CannotUnseal, DayUnreadable) as problem:
        row.errors = [["", str(problem)]]
    except OperationalError:
        raise  # the database's trouble passes, and the row stays
    except Exception as problem:  # one row that fails must not keep the others waiting
        log.exception("row %s of task %s failed", row.number, task.pk)
        row.errors = [["", f"It failed by a fault of the program ({type(problem).__name__})."]]
    row.state = "failed" if row.errors else "sending" if task.kind in FOLLOWED else "done"
    if row.state == "done" and not task.dry and any(isinstance(cell, dict) for cell in row.cells or ()):
        cells = task.rows.select_for_update(no_key=True).get(pk=row.pk).cells or []
        row.cells = ["" if isinstance(cell, dict) else cell for cell in cells]  # nobody needs its secrets any more
        changed.append("cells")
    row.save(update_fields=changed)
    return Counter([row.state])


def _tried(row_id: int, at: datetime) -> None:
    """Counts a try that the database has refused; the row waits, and refused again and again it has failed."""
    with transaction.atomic():
        row = TaskRow.objects.select_for_update(no_key=True).get(pk=row_id)
        row.attempt_count += 1
        if row.attempt_count >= ATTEMPTS_MOST:
            row.state, row.errors = "failed", [["", "The database could not do it: try again later."]]
            Task.objects.filter(pk=row.task_id).update(failed_count=F("failed_count") + 1)
        else:
            row.due_at = at + timedelta(seconds=PAUSES_S[row.attempt_count - 1])
        row.save()


def _author(task: Task) -> Actor | str:
    reason = task.reason or f"task {task.pk}"
    author = author_now(task.author_id, task.author, reason=reason)
    if isinstance(author, Actor) and not author.may_do(task.act):
        return f"{author.name} no longer has the permission {task.act}."
    return author


def seen_tasks(actor: Actor, path: str = "") -> Q:
    """Which tasks an actor reads: of a reseller's users each the own; `path` leads to the task."""
    return Q() if actor.reach is None else Q(**{f"{path}author_id": actor.id if actor.kind == "user" else None})


def _own(task_id: int) -> Task:
    """The task, locked. Raises NotFound for one that the actor may not see."""
    task = Task.objects.select_for_update(no_key=True).filter(pk=task_id).first()
    if task is None or not may_manage(task, current.get()):
        raise NotFound(f"There is no task {task_id}.")
    return task


def _stop(task: Task, words: str) -> None:
    """Ends a task whose author may not go on with it; what waits for a server goes out no more."""
    if task.kind in FOLLOWED:
        FOLLOWED[task.kind].take_back(task)
    _end(task, "failed", words)


def _end(task: Task, state: str, words: str) -> Task:
    return records.change(task, {"state": state, "result": words, "ended_at": Now()})


def _note(task: Task, verb: str) -> None:
    """Tasks change with every row, so the audit log is told only what people do with them."""
    note_event(
        actor=current.get(),
        verb=verb,
        table_name="task",
        row_id=task.pk,
        account_id=task.account_id,
        told={"title": task.title},
    )
