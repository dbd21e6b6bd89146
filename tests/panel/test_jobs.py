"""Claims about the page of jobs: what waits for a later time is delayed, and every fault is read whole."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from tests.panel.cast import Cast
from tollgate.actions import bulk, tasks
from tollgate.actions.acts import Actor, acting
from tollgate.actions.bulk import start_bulk_edit
from tollgate.actions.customers import update_customer
from tollgate.actions.mailings import send_bulk_sms
from tollgate.store.models import Audit, Customer, Message, Task

pytestmark = pytest.mark.django_db
LATER = timedelta(hours=8)


def states(client: Client, address: str = "/tasks/") -> list[str]:
    return [row.standing for row in client.get(address).context["grid"].rows]


def begun(cast: Cast, **more: Any) -> Task:
    """A bulk edit of Acme in Ann's name."""
    rights = cast.ann.rights()
    assert rights is not None
    who = Actor(cast.ann.email, rights[0], kind="user", id=cast.ann.pk, areas=rights[1])
    given = {"account_id": cast.account.pk, "noun": "customer", "record_ids": [cast.acme.pk]}
    with acting(who):
        return start_bulk_edit(**given, changes={"channels": 9}, **more)


def work(at: datetime) -> int:
    """Does what is due at a moment that lasts."""
    return tasks.work(lambda: at, at + timedelta(seconds=1))


def test_a_bulk_edit_for_tonight_is_delayed_until_then(cast: Cast, ann: Client) -> None:
    now = datetime.now(UTC)
    due = (now + LATER).replace(microsecond=0)
    sent = {"id": [cast.acme.pk], "field": ["channels"], "channels": "9", "due_at": f"{due:%Y-%m-%dT%H:%M:%S}"}
    page = ann.post("/bulk/customer/edit/", sent, follow=True).content.decode()
    task = Task.objects.get()
    assert (task.state, task.due_at) == ("waiting", due)
    assert "Delayed" in page
    assert f"{due:%Y-%m-%d %H:%M:%S}" in page
    assert Audit.objects.get(table_name="task", verb="START").after["due_at"] == due.isoformat()
    assert states(ann) == ["delayed"]
    assert states(ann, "/tasks/?f.state=delayed") == ["delayed"]
    assert states(ann, "/tasks/?f.state=waiting") == []
    assert "State: Delayed · 1" in ann.get("/tasks/?group=state").content.decode()
    assert work(due - timedelta(seconds=1)) == 0
    assert Customer.objects.get(pk=cast.acme.pk).channels != 9
    work(due)
    assert Customer.objects.get(pk=cast.acme.pk).channels == 9
    assert states(ann) == ["completed"]
    assert (
        "Choose a moment within a year"
        in ann.post("/bulk/customer/edit/", {**sent, "due_at": f"{now.year + 2}-01-01T00:00:00"}).content.decode()
    )


def test_a_deletion_is_begun_later_too_and_may_be_canceled_before(cast: Cast, ann: Client) -> None:
    due = datetime.now(UTC) + LATER
    sent = {"id": [cast.baltic.pk], "confirmation": "1", "due_at": f"{due:%Y-%m-%dT%H:%M:%S}"}
    ann.post("/bulk/customer/delete/", sent)
    task = Task.objects.get()
    assert states(ann) == ["delayed"]
    ann.post(f"/tasks/{task.pk}/cancel/")
    assert states(ann) == ["canceled"], "what is over waits for nothing"
    assert Customer.objects.get(pk=cast.baltic.pk).deleted_at is None


def test_a_row_that_the_database_refused_waits_its_time_and_its_job_is_delayed(
    cast: Cast, ann: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []

    def failing(name: str, arguments: dict[str, Any]) -> object:
        tries.append(len(tries))
        if len(tries) < 3:
            raise OperationalError("deadlock detected")
        return update_customer(**arguments)

    monkeypatch.setattr(bulk, "call_act", failing)
    task, now = begun(cast), datetime.now(UTC) + timedelta(minutes=1)
    work(now)
    task.refresh_from_db()
    assert (len(tries), task.due_at) == (1, now + timedelta(seconds=tasks.PAUSES_S[0]))
    assert states(ann) == ["delayed"]
    rows = ann.get(f"/tasks/{task.pk}/?f.state=delayed").context["grid"].rows
    assert [row.number for row in rows] == [1]
    for pause in tasks.PAUSES_S[:2]:
        work(now + timedelta(seconds=pause) - timedelta(milliseconds=1))
        now += timedelta(seconds=pause)
        work(now)
    task.refresh_from_db()
    assert (len(tries), task.state, task.done_count) == (3, "completed", 1)


def test_a_mailing_is_delayed_while_its_messages_wait_to_be_tried_again(cast: Cast, ann: Client) -> None:
    rights = cast.ann.rights()
    assert rights is not None
    with acting(Actor(cast.ann.email, rights[0], kind="user", id=cast.ann.pk, areas=rights[1])):
        send_bulk_sms(account_id=cast.account.pk, customer_ids=[cast.acme.pk], text="Closed on Sunday")
    now = datetime.now(UTC)
    work(now)
    assert states(ann) == ["active"]
    message = Message.objects.filter(task_row__isnull=False)
    message.update(state="queued", next_at=now + LATER)
    assert states(ann) == ["delayed"]
    message.update(state="sending")
    assert states(ann) == ["active"], "its lease ends later: it is being sent"


def test_the_list_tells_what_section_2_asks_for_and_sentences_are_shown_whole(cast: Cast, ann: Client) -> None:
    task = begun(cast)
    grid = ann.get("/tasks/").context["grid"]
    shown = {column.name for column in grid.view.columns}
    assert {"id", "state", "attempts", "waited", "took", "started_at", "ended_at", "result"} <= shown
    page = ann.get(f"/tasks/{task.pk}/").context["grid"]
    assert "wraps" in next(column for column in page.view.columns if column.name == "errors").classes


def test_start_latency_counts_from_when_the_job_was_to_begin(cast: Cast, ann: Client) -> None:
    task, due = begun(cast), datetime.now(UTC) - timedelta(minutes=5)
    Task.objects.filter(pk=task.pk).update(created_at=due - LATER, due_at=due, started_at=due + timedelta(seconds=7))
    (row,) = ann.get("/tasks/").context["grid"].rows
    column = next(one for one in ann.get("/tasks/").context["grid"].grid.columns if one.name == "waited")
    assert column.read(row) == 7
