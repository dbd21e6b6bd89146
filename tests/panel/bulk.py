"""What each list with boxes to tick claims of its bulk edit and deletion: the tests of the lists name the records."""

import re
from collections.abc import Sequence
from typing import Any

from django.test import Client

from tests.panel.cast import PASSWORD
from tests.panel.conftest import logged_in
from tollgate.actions.acts import ACTS, Actor, acting
from tollgate.actions.bulk import DELETES
from tollgate.actions.tasks import restoring
from tollgate.actions.users import create_user, create_user_group
from tollgate.panel.bulk_nouns import NOUNS
from tollgate.store.models import Audit, Task

Edited = tuple[str, Any, Any, tuple[str, ...]]
"""A field, what is typed, what is kept, and what is never the same for many."""


def there(record: Any) -> bool:
    """Whether it is still in the database."""
    return bool(type(record).objects.filter(pk=record.pk).exists())


def job(answer: Any) -> str:
    """The words of the job's page."""
    assert answer.status_code == 200, answer.status_code
    return " ".join(answer.content.decode().split())


def ticked(ann: Client, page: str, record: Any) -> bool:
    """Whether a list has a box to tick for a record."""
    return f'name="id" value="{record.pk}"' in ann.get(page).content.decode()


def check_deletion(
    ann: Client, noun: str, *, gone: Sequence[Any], others: Sequence[Any], kept: Sequence[Any], why: str
) -> str:
    """The two that are ticked go, those in use (`kept`) stay and are told by name with `why`. Gives the job's words."""
    ids = {"id": [one.pk for one in (*gone, *kept)]}
    asked = job(ann.get(f"/bulk/{noun}/delete/", ids))
    assert f"{len(ids['id'])} {NOUNS[noun].many} are removed" in asked
    restored = restoring(DELETES[NOUNS[noun].acts or noun].act) in ACTS
    assert ("can be undone for 7 days" in asked, "This cannot be undone" in asked) == (restored, not restored)
    assert ("Those that are in use stay" in asked) is bool(kept)
    assert ann.post(f"/bulk/{noun}/delete/", {**ids, "confirmation": "1"}).status_code == 422
    assert there(gone[0]), "nobody counted them"
    told = job(ann.post(f"/bulk/{noun}/delete/", {**ids, "confirmation": str(len(ids["id"]))}, follow=True))
    assert [there(one) for one in gone] == [False, False]
    assert all(there(one) for one in (*others, *kept))
    task = Task.objects.get()
    assert (task.state, task.done_count, task.failed_count) == ("completed", 2, len(kept))
    for one in (*gone, *kept):
        assert str(one) in told
    assert not kept or why in told
    said = Audit.objects.filter(table_name=gone[0]._meta.db_table, verb="DELETE", actor="ann@demo.example")
    assert set(said.values_list("row_id", flat=True)) == {one.pk for one in gone}
    return told


def check_edit(ann: Client, noun: str, edited: Edited, records: Sequence[Any]) -> None:
    """The first two of three records are changed as by their form, the third stays."""
    field, typed, becomes, single = edited
    one, two, other = records
    before = getattr(other, field)
    assert before != becomes
    ids = {"id": [one.pk, two.pk]}
    offered = " ".join(ann.get(f"/bulk/{noun}/edit/", ids).content.decode().split())
    assert f'name="field" value="{field}"' in offered
    assert not [name for name in single if f'name="field" value="{name}"' in offered]
    names = re.findall(r'name="field" value="(\w+)"', offered)
    form = ann.get(f"/bulk/{noun}/edit/", {**ids, "field": names}).context["form"]
    assert sorted(form.fields) == sorted([*names, "due_at"])
    sent = {**ids, "field": [field], field: typed}
    told = job(ann.post(f"/bulk/{noun}/edit/", sent if typed else {**ids, "field": [field]}, follow=True))
    assert "2 of 2 rows done" in told
    for record in records:
        record.refresh_from_db()
    assert [getattr(record, field) for record in records] == [becomes, becomes, before]
    assert (str(one) in told, str(other) in told) == (True, False)


def check_refusal(bob: Client, noun: str, page: str, record: Any, parts: Sequence[str]) -> None:
    """Who reads all, who lacks the act of one, and who may not read the list: none of them does it to many."""
    with acting(Actor("setup", frozenset({"*"}))):
        limited = create_user_group(name="Bulk", acts=["start_bulk_edit", "start_bulk_delete"], areas=["*"])
        jobs = create_user_group(name="Jobs", acts=["*"], areas=["tasks"])
        eve, joe = (
            create_user(name=name, email=f"{name}@demo.example", password=PASSWORD, group_ids=[group.pk])
            for name, group in (("eve", limited), ("joe", jobs))
        )
    assert f"/bulk/{noun}/" not in bob.get(page).content.decode()
    ids = {"id": [record.pk], "confirmation": "1"}
    assert parts
    for part in parts:
        for who in (bob, logged_in(eve), logged_in(joe)):
            assert who.get(f"/bulk/{noun}/{part}/", ids).status_code == 403
            assert who.post(f"/bulk/{noun}/{part}/", ids).status_code == 403
    assert there(record)
    assert not Task.objects.exists()
