"""Claims about jobs of very many rows: what is done to their rows is done in parts, and to those that need it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.actions.test_mailings import figures, hand_over, mail, many
from tests.actions.test_tasks import actor_of, user
from tollgate.actions import mailings, records, task_rows, tasks
from tollgate.actions.acts import acting
from tollgate.actions.messages import retry_message
from tollgate.actions.tasks import cancel_task, forget_old, retry_task
from tollgate.store.models import Account, Message, Task, TaskRow


@pytest.fixture
def task(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Task]:
    """A mailing to three that Ann has begun, with room for two rows in each part."""
    monkeypatch.setattr(task_rows, "PART", 2)
    with acting(actor_of(user("ann@demo.example", "*"))):
        yield mail(account, many(account), text="{{log 'for' name}}{{lookup company \"name\"}} & co, {{math 1 '+' 2}}")


def become(state: str, number: int) -> None:
    """What the server says to one message; the job is told."""
    Message.objects.filter(task_row__number=number).update(state=state, error="550" if state == "failed" else "")
    tasks.follow()


def versions(task: Task) -> dict[int, str]:
    """By number: which version of its row the database has."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT number, ctid::text FROM task_row WHERE task_id = %s", [task.pk])
        return dict(cursor.fetchall())


def test_what_is_over_is_added_to_the_counts_and_all_are_counted_at_the_end(task: Task) -> None:
    hand_over()
    become("failed", 1)
    assert figures(task) == ("active", 0, 1, 3)
    Task.objects.filter(pk=task.pk).update(done_count=10)
    become("sent", 2)
    assert figures(task) == ("active", 11, 1, 3), "a million rows are not counted each second"
    retry_message(message_id=Message.objects.get(task_row__number=1).pk)
    assert figures(task) == ("active", 11, 0, 3)
    become("sent", 1)
    become("sent", 3)
    assert figures(task) == ("completed", 3, 0, 3)


def test_to_try_again_leaves_rows_alone_that_were_never_reached(task: Task) -> None:
    task.rows.filter(number=2).update(state="failed", errors=[["", "no"]], attempt_count=2, due_at=records.now())
    cancel_task(task_id=task.pk)
    before = versions(task)
    retry_task(task_id=task.pk)
    after = versions(task)
    assert [number for number in before if before[number] != after[number]] == [2]
    again = task.rows.values_list("state", "errors", "attempt_count", "due_at").distinct()
    assert list(again) == [("waiting", [], 0, None)]


def test_an_old_job_is_forgotten_in_parts_and_its_messages_stay(task: Task) -> None:
    hand_over()
    cancel_task(task_id=task.pk)
    at = records.now() + tasks.KEPT
    assert forget_old(at - timedelta(hours=1)) == 0
    with CaptureQueriesContext(
        connection,
    ) as told:
        assert forget_old(at + timedelta(hours=1)) == 1
    assert sum('DELETE FROM "task_row"' in query["sql"] for query in told) == 2
    assert not Task.objects.exists()
    assert not TaskRow.objects.exists()
    assert Message.objects.filter(task_row=None).count() == 3


def test_a_mailing_logs_so_much_in_all_and_its_text_keeps_its_tags(
    task: Task, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(mailings, "MOST_LOGGED", 3)
    caplog.set_level("INFO", mailings.__name__)
    hand_over()
    assert sum("says: for" in record.getMessage() for record in caplog.records) == 3
    assert "<p>Baltic &amp; co, 3</p>" in Message.objects.get(recipient="dan@demo.example").html
