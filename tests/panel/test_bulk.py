"""Claims about many at once: uploads, bulk edits, jobs and their pages, conditions and named views of a list."""

import csv
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.panel.cast import PASSWORD, Cast
from tests.panel.conftest import logged_in
from tollgate.actions.acts import Actor, acting
from tollgate.actions.aliases import create_alias
from tollgate.actions.bulk import start_bulk_delete
from tollgate.actions.cli_rules import create_cli_rule
from tollgate.actions.customers import create_customer
from tollgate.actions.tasks import work
from tollgate.actions.users import create_user, create_user_group
from tollgate.store.models import (
    Account,
    Alert,
    Alias,
    Audit,
    Call,
    CliRule,
    ConferenceRoom,
    Customer,
    Gateway,
    IngressRoute,
    SavedView,
    Task,
    VerifiedCli,
)

pytestmark = pytest.mark.django_db
COMPARISONS: dict[str, list[str]] = {
    "c.name=begins:ac": ["Acme"],
    "c.name=contains:LTI": ["Baltic"],
    "c.name=is:acme": ["Acme"],
    "where=balance&op=more&value=20": ["Acme"],
    "c.balance=less:1,000.50": ["Acme", "Baltic"],
    "c.balance=less:0.01": ["Baltic"],
    "c.balance=between:25 .. 25": ["Acme"],
    "c.expires_at=empty:": ["Acme", "Baltic"],
    "c.expires_at=filled:": [],
    "c.expires_at=more:2026-01-01": [],
    "c.name=filled:&c.balance=more:1": ["Acme"],
    "q=alt&c.status=is:active": ["Baltic"],
}
FILE = "Client;Ccy;Credit limit\nDelta;EUR;10\nAcme;EUR;\nEcho;EUR;1,5\n"


def shown(answer: Any) -> str:
    """The words of the page that a job leads to."""
    assert answer.status_code == 200, answer.status_code
    return str(answer.content.decode())


def names(answer: Any) -> list[str]:
    return [row.name for row in answer.context["grid"].rows]


def test_a_file_is_mapped_tried_and_kept_and_its_bad_rows_come_back(cast: Cast, ann: Client) -> None:
    sent = SimpleUploadedFile("customers.csv", FILE.encode())
    step = ann.post("/uploads/customer/", {"file": sent})
    assert step.status_code == 302
    page = ann.get(step["Location"])
    assert "Some rows are bad" in page.content.decode()  # the comma that could mean two things
    start = page.context["form"]
    form = {name: str(start[name].value()) for name in start.fields if start[name].value() is not None}
    assert (form["column-name"], form["column-debit_limit_micros"]) == ("0", "2")
    moved = ann.get(step["Location"].partition("?")[0], {"line": "1", "column-name": "0"})
    assert "Say which column is the Currency." in moved.content.decode()
    job = shown(ann.post(step["Location"], {**form, "dry": "on"}, follow=True))
    assert "1 row would be taken as it is" in job
    assert not Customer.objects.filter(name="Delta").exists()
    dry = Task.objects.get()
    job = shown(ann.post(f"/tasks/{dry.pk}/repeat/", follow=True))
    assert "Delta" in job
    assert Customer.objects.get(name="Delta").debit_limit_micros == 10_000_000
    lines = list(csv.reader(b"".join(ann.get(f"/tasks/{dry.pk}/errors/")).decode().splitlines()))  # type: ignore[arg-type]
    assert [line[0] for line in lines] == ["Client", "Acme", "Echo"]
    assert (
        ann.post("/uploads/customer/", {"file": SimpleUploadedFile("none.xlsx", b"PK\x03\x04 no")}).status_code == 422
    )
    assert ann.get("/uploads/carriers/").status_code == 404


def test_what_is_ticked_or_all_that_is_found_is_edited_deleted_and_restored(cast: Cast, ann: Client) -> None:
    with acting(Actor("setup", frozenset({"*"}))):
        made = [create_customer(account_id=cast.account.pk, name=f"Bulk {n}", currency="EUR") for n in range(3)]
        reseller = create_customer(account_id=cast.account.pk, name="Nordic", currency="EUR", is_reseller=True)
    first = ann.get("/bulk/customer/edit/", {"id": [made[0].pk, 10**30]})
    assert "Choose what to change of 1 customer." in " ".join(first.content.decode().split())
    assert 'value="name"' not in first.content.decode()
    chosen = {"scope": "all", "query": "q=bulk&f.status=active", "field": ["channels", "recording"]}
    form = ann.get("/bulk/customer/edit/", chosen).context["form"]
    assert list(form.fields) == ["channels", "recording", "due_at"]
    assert ann.post("/bulk/customer/edit/", {**chosen, "channels": "-1"}).status_code == 422
    job = shown(ann.post("/bulk/customer/edit/", {**chosen, "channels": "9", "recording": "on"}, follow=True))
    assert "3 of 3 rows done" in " ".join(job.split())
    assert set(Customer.objects.filter(name__startswith="Bulk").values_list("channels", "recording")) == {(9, True)}
    assert not Customer.objects.exclude(name__startswith="Bulk").filter(channels=9).exists()
    ids = {"id": [made[0].pk, made[1].pk]}
    assert ann.post("/bulk/customer/delete/", {**ids, "confirmation": "3"}).status_code == 422
    ann.post("/bulk/customer/delete/", {**ids, "confirmation": "2"})
    assert names(ann.get("/customers/?q=bulk")) == ["Bulk 2"]
    ann.post(f"/tasks/{Task.objects.latest('pk').pk}/undo/")
    assert names(ann.get("/customers/?q=bulk")) == ["Bulk 0", "Bulk 1", "Bulk 2"]
    assert [task.state for task in Task.objects.all()] == ["completed"] * 3
    assert ann.get("/bulk/customer/edit/")["Location"] == "/customers/"  # nobody is ticked
    moved = {"id": [made[2].pk], "field": ["parent_id", "note"], "parent_id": "nordic", "note": "Sold"}
    assert "tick to confirm" in str(ann.post("/bulk/customer/edit/", moved).context["form"].errors["parent_confirmed"])
    shown(ann.post("/bulk/customer/edit/", {**moved, "parent_confirmed": "on"}, follow=True))
    sold = Customer.objects.get(pk=made[2].pk)
    assert (sold.parent, [note.text for note in sold.notes.all()]) == (reseller, ["Sold"])
    ann.post("/bulk/contact/edit/", {"id": [cast.contact.pk], "field": ["language"], "language": "de"})
    ann.post("/bulk/endpoint/edit/", {"id": [cast.sip_user.pk], "field": ["channels"], "channels": "2"})
    cast.contact.refresh_from_db()
    cast.sip_user.refresh_from_db()
    assert (cast.contact.language, cast.sip_user.channels) == ("de", 2)


def test_aliases_and_cli_rules_are_edited_deleted_and_restored(cast: Cast, ann: Client) -> None:
    with acting(Actor("setup", frozenset({"*"}))):
        made = [create_alias(account_id=cast.account.pk, current=f"80{n}", new="442079460001") for n in range(3)]
        rule = create_cli_rule(account_id=cast.account.pk, cli="^370", forced=False)
    assert 'form="aliases-ticks"' in ann.get("/aliases/").content.decode()
    asked = ann.get("/bulk/alias/edit/", {"id": [one.pk for one in made]}).content.decode()
    assert 'value="notes"' in asked
    assert 'value="current"' not in asked
    chosen = {"scope": "all", "query": "q=80&f.of=True", "field": ["enabled", "notes"]}
    job = shown(ann.post("/bulk/alias/edit/", {**chosen, "notes": "old"}, follow=True))
    assert "3 of 3 rows done" in " ".join(job.split())
    assert set(Alias.objects.filter(notes="old", enabled=False)) == set(made)
    warned = " ".join(ann.get("/bulk/alias/delete/", {"id": [made[0].pk, made[1].pk]}).content.decode().split())
    assert "2 aliases are removed, and the next call goes without them. The job that does it can be undone" in warned
    ids = {"id": [made[0].pk, made[1].pk]}
    job = shown(ann.post("/bulk/alias/delete/", {**ids, "confirmation": "2"}, follow=True))
    assert list(Alias.objects.filter(customer=None)) == [made[2]]
    assert "800" in job, "what is gone is named"
    assert f"/aliases/{made[0].pk}/" not in job
    task = Task.objects.latest("pk")
    assert f"/tasks/{task.pk}/undo/" in job
    back = shown(ann.post(f"/tasks/{task.pk}/undo/", follow=True))
    assert "2 of 2 rows done" in " ".join(back.split())
    assert set(Alias.objects.filter(customer=None)) == set(made)
    ann.post("/bulk/cli_rule/edit/", {"id": [rule.pk], "field": ["attestation"], "attestation": "B"})
    rule.refresh_from_db()
    assert rule.attestation == "B"
    ann.post("/bulk/cli_rule/delete/", {"id": [rule.pk], "confirmation": "1"})
    assert not CliRule.objects.filter(pk=rule.pk).exists()


EDITED: dict[str, tuple[str, str, Any, str]] = {
    "ingress_route": ("channels", "7", 7, "routes"),
    "conference_room": ("channels", "7", 7, "conference-rooms"),
    "carrier": ("ring_s", "45", 45, "carriers"),
    "gateway": ("weight", "7", 7, "gateways"),
    "alert": ("recipients", "noc@demo.example\nceo@demo.example", ["noc@demo.example", "ceo@demo.example"], "alerts"),
}
"""By noun: a field, what is typed, what is kept, and the page of the list."""


def record_of(cast: Cast, noun: str) -> Any:
    """The record of a noun in the cast."""
    found = {"ingress_route": cast.route, "carrier": cast.cirrus, "gateway": cast.gateway, "endpoint": cast.ip_endpoint}
    models: dict[str, Any] = {"conference_room": ConferenceRoom, "alert": Alert, "cli": VerifiedCli}
    return found[noun] if noun in found else models[noun].objects.get()


@pytest.mark.parametrize("noun", EDITED)
def test_what_operators_change_by_the_dozen_is_edited_in_bulk(cast: Cast, ann: Client, bob: Client, noun: str) -> None:
    field, typed, kept, page = EDITED[noun]
    record = record_of(cast, noun)
    lists = [who.get(f"/{page}/").content.decode() for who in (ann, bob)]
    assert [f"/bulk/{noun}/edit/" in text for text in lists] == [True, False]
    assert f'name="id" value="{record.pk}"' in lists[0]
    everything = {"scope": "all", "query": ""}
    offered = ann.get(f"/bulk/{noun}/edit/", everything).content.decode()
    assert f'value="{field}"' in offered
    assert not re.findall(r'name="field"\s+value="(?:name|title|extension|customer_id)"', offered)
    assert list(ann.get(f"/bulk/{noun}/edit/", {**everything, "field": field}).context["form"].fields) == [
        field,
        "due_at",
    ]
    job = shown(ann.post(f"/bulk/{noun}/edit/", {**everything, "field": field, field: typed}, follow=True))
    task = Task.objects.get()
    assert (task.state, task.done_count, task.failed_count) == ("completed", 1, 0)
    assert f'href="/{page}/{record.pk}/"' in job
    record.refresh_from_db()
    assert getattr(record, field) == kept
    told = Audit.objects.filter(table_name=record._meta.db_table, row_id=record.pk, verb="UPDATE").latest("id")
    assert told.actor == cast.ann.email


def test_a_field_that_the_form_of_one_leaves_shut_is_not_offered_for_many(cast: Cast, ann: Client) -> None:
    IngressRoute.objects.filter(pk=cast.route.pk).update(recording="on")
    chosen = {"id": [cast.route.pk], "field": ["recording"]}
    for has_it in (True, False):
        Account.objects.update(recording=has_it)
        page = ann.get("/bulk/ingress_route/edit/", {"id": [cast.route.pk]}).content.decode()
        assert bool(re.search(r'name="field"\s+value="recording"', page)) is has_it
    ann.post("/bulk/ingress_route/edit/", {**chosen, "recording": "off"})
    assert not Task.objects.exists()
    assert IngressRoute.objects.get(pk=cast.route.pk).recording == "on"


@pytest.mark.parametrize("noun", [*(noun for noun in EDITED if noun != "carrier"), "endpoint", "cli"])
def test_they_are_deleted_in_bulk_once_they_were_counted(cast: Cast, ann: Client, noun: str) -> None:
    record = record_of(cast, noun)
    Call.objects.all().delete()
    name, ids = str(record), {"id": [record.pk]}
    warned = " ".join(ann.get(f"/bulk/{noun}/delete/", ids).content.decode().split())
    assert ("the next call goes without it" in warned) is (noun != "alert")
    assert ann.post(f"/bulk/{noun}/delete/", {**ids, "confirmation": "2"}).status_code == 422
    job = shown(ann.post(f"/bulk/{noun}/delete/", {**ids, "confirmation": "1"}, follow=True))
    assert not type(record).objects.filter(pk=record.pk).exists()
    assert name in job, "what is gone is named"
    assert f"/tasks/{Task.objects.get().pk}/undo/" in job
    back = shown(ann.post(f"/tasks/{Task.objects.get().pk}/undo/", follow=True))
    assert "1 of 1 row done" in " ".join(back.split())
    assert type(record).objects.filter(pk=record.pk).exists()


def test_bulk_edits_of_what_one_may_not_read_are_refused(cast: Cast) -> None:
    with acting(Actor("setup", frozenset({"*"}))):
        corso = create_customer(account_id=cast.account.pk, name="Corso", currency="EUR", parent_id=cast.baltic.pk)
        group = create_user_group(name="All", acts=["*"], areas=["*"])
        both = {"password": PASSWORD, "group_ids": [group.pk]}
        rita = create_user(name="Rita", email="rita@baltic.example", reseller_id=cast.baltic.pk, **both)
        jobs = create_user_group(name="Jobs", acts=["*"], areas=["tasks"])
        eve = create_user(name="Eve", email="eve@demo.example", password=PASSWORD, group_ids=[jobs.pk])
    for noun in (*EDITED, "cli", "endpoint"):
        part = "delete" if noun == "cli" else "edit"
        assert logged_in(eve).get(f"/bulk/{noun}/{part}/", {"scope": "all"}).status_code == 403, noun
        answer = logged_in(rita).get(f"/bulk/{noun}/{part}/", {"scope": "all"})
        theirs = noun in ("carrier", "gateway", "alert")
        assert answer.status_code == (403 if theirs else 302), noun
    who = Actor(
        rita.email, frozenset({"*"}), "x", "user", rita.pk, reseller_id=cast.baltic.pk, reach=frozenset({corso.pk})
    )
    with acting(who):
        task = start_bulk_delete(account_id=cast.account.pk, noun="gateway", record_ids=[cast.gateway.pk])
    now = datetime.now(UTC)
    work(lambda: now, now + timedelta(seconds=1), task_id=task.pk)
    assert Gateway.objects.filter(pk=cast.gateway.pk).exists()
    row = task.rows.get()
    assert (row.state, row.title) == ("failed", ""), "not even its name is told"


def test_jobs_are_seen_by_colleagues_and_by_nobody_who_belongs_elsewhere(cast: Cast, ann: Client, bob: Client) -> None:
    ann.post("/bulk/customer/edit/", {"id": [cast.acme.pk], "field": ["channels"], "channels": "9"})
    task = Task.objects.get()
    assert "Change channels of 1 customer<" in bob.get("/tasks/").content.decode()
    page = bob.get(f"/tasks/{task.pk}/").content.decode()
    assert "Acme" in page
    assert "/retry/" not in page
    assert bob.post(f"/tasks/{task.pk}/cancel/").status_code == 403
    with acting(Actor("setup", frozenset({"*"}))):
        group = create_user_group(name="Resellers", acts=["*"], areas=["*"])
        rita = create_user(
            name="Rita",
            email="rita@baltic.example",
            password=PASSWORD,
            group_ids=[group.pk],
            reseller_id=cast.baltic.pk,
        )
    hers = logged_in(rita)
    assert "Change channels" not in hers.get("/tasks/").content.decode()
    for part in ("", "now/", "errors/"):
        assert hers.get(f"/tasks/{task.pk}/{part}").status_code == 404
    for press in ("cancel", "retry", "undo", "repeat"):
        assert hers.post(f"/tasks/{task.pk}/{press}/").status_code == 404
    assert hers.get("/bulk/customer/edit/", {"id": [cast.acme.pk]})["Location"] == "/customers/"
    with acting(Actor("setup", frozenset({"*"}))):
        limited = create_user_group(name="Edits", acts=["start_bulk_edit", "start_upload"], areas=["*"])
        eve = create_user(name="Eve", email="eve@demo.example", password=PASSWORD, group_ids=[limited.pk])
    hers = logged_in(eve)
    for address in ("/bulk/customer/edit/", "/uploads/customer/"):  # the act of each row is asked for too
        assert hers.get(address, {"id": [cast.acme.pk]}).status_code == 403


def test_a_column_is_compared_as_the_address_says(cast: Cast, ann: Client) -> None:
    for asked, found in COMPARISONS.items():
        answer = ann.get(f"/customers/?{asked}&sort=name")
        assert names(answer) == found, asked
        if "where" in asked:
            assert "c.balance=more%3A20" in answer.content.decode()  # every link of the page keeps it
            assert "Balance &gt; 20" in answer.content.decode()
            text = b"".join(ann.get(f"/customers/?{asked}&export=csv")).decode()  # type: ignore[arg-type]
            assert ("Acme" in text, "Baltic" in text) == (True, False)


def test_what_cannot_be_compared_is_told(cast: Cast, ann: Client) -> None:
    for asked in ("c.name=less:5", "c.balance=contains:5", "c.balance=more:x", "c.expires_at=is:soon", "c.acd=is:5"):
        assert ann.get(f"/customers/?{asked}").status_code == 422, asked
    for asked in ("c.balance=more:" + "9" * 90, "c.balance=between:5", "c.balance=more:1,500", "c.name=is:"):
        assert ann.get(f"/customers/?{asked}").status_code == 422, asked
    for asked in ("c.nothing=is:5", "c.name=like:5", "c.name=", "where=name"):
        assert ann.get(f"/customers/?{asked}").status_code == 200, asked


def test_a_view_is_kept_by_name_and_shared_with_whom_its_owner_likes(cast: Cast, ann: Client, bob: Client) -> None:
    state = "f.status=active&c.name=begins%3AAc&columns=name%2Cbalance&sort=-name"
    kept = {"grid": "customers", "query": state, "back": f"/customers/?{state}"}
    assert ann.post("/me/views/", {**kept, "name": "Mine"})["Location"] == f"/customers/?{state}"
    ann.post("/me/views/", {**kept, "name": "Everybody's", "shared": "on"})
    ann.post("/me/views/", {**kept, "name": ""})
    views = ann.get("/customers/").context["grid"].views
    assert [(view.name, view.mine, view.shared) for view in views] == [
        ("Everybody's", True, True),
        ("Mine", True, False),
    ]
    theirs = bob.get("/customers/").context["grid"].views
    assert [(view.name, view.mine, view.owner) for view in theirs] == [("Everybody's", False, "Ann")]
    with acting(Actor("setup", frozenset({"*"}))):
        group = create_user_group(name="Resale", acts=[], areas=["*"])
        both = {"password": PASSWORD, "group_ids": [group.pk], "reseller_id": cast.baltic.pk}
        rita, ruth = (create_user(name=name, email=f"{name}@demo.example", **both) for name in ("Rita", "Ruth"))
    logged_in(rita).post("/me/views/", {**kept, "name": "Of the reseller", "shared": "on"})
    seen = [[view.name for view in who.get("/customers/").context["grid"].views] for who in (logged_in(ruth), bob)]
    assert seen == [["Of the reseller"], ["Everybody's"]], "what another house looks for is not told"
    opened = bob.get(f"/customers/?{theirs[0].query}")
    assert (names(opened), [column.name for column in opened.context["grid"].view.columns]) == (
        ["Acme"],
        ["name", "balance"],
    )
    assert opened.context["grid"].state() == "sort=-name&columns=name%2Cbalance&f.status=active&c.name=begins%3AAc"
    assert bob.post("/me/views/", {"forget": theirs[0].view_id, "back": "//evil.example"}).status_code == 404
    assert ann.post("/me/views/", {"forget": theirs[0].view_id, "back": "//evil.example"})["Location"] == "/me/"
    assert {view.name for view in SavedView.objects.all()} == {"Mine", "Of the reseller"}
