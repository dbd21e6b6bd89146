"""Claims about conditions on calls, names that are suggested, and lists that are narrowed to a company."""

import csv
import gzip
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from tests.api.caller import Api
from tests.panel.cast import CHARGED_ID, PASSWORD, REFUSED_ID, Cast
from tests.panel.conftest import logged_in
from tests.panel.test_summaries import calls, rolled_up
from tollgate.actions import call_files
from tollgate.actions.acts import Actor, Invalid, acting
from tollgate.actions.customers import create_customer
from tollgate.actions.tasks import work
from tollgate.actions.users import create_user, create_user_group
from tollgate.core.lake import Span
from tollgate.store.lake_days import write_closed_days
from tollgate.store.lake_groups import groups_of
from tollgate.store.models import CDR, Customer, IngressRoute, LakeFile, Task, TaskRow

pytestmark = pytest.mark.django_db
SINCE = {"f.from": "2020-01-01T00:00"}


def rules(*parts: object) -> str:
    """Conditions as the address carries them."""
    return json.dumps(parts)


@pytest.fixture
def old(cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Acme's call of six days ago, which only the lake has, and one of Baltic's customer Corso; gives its id."""
    monkeypatch.setenv("TOLLGATE_DATA", str(tmp_path))
    with acting(Actor("setup", frozenset({"*"}))):
        corso = create_customer(account_id=cast.account.pk, name="Corso", currency="EUR", parent_id=cast.baltic.pk)
    cdr = CDR.objects.get(pk=CHARGED_ID)
    for name in ("started_at", "answered_at", "ended_at"):
        setattr(cdr, name, getattr(cdr, name) - timedelta(days=6))
    for cdr.pk, cdr.customer_id in ((CHARGED_ID + 100, cast.acme.pk), (CHARGED_ID + 101, corso.pk)):
        cdr.save(force_insert=True)
    write_closed_days(datetime.now(UTC))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # as if its day had left the database
        cursor.execute("DELETE FROM cdr WHERE id = ANY(%s)", [[CHARGED_ID + 100, CHARGED_ID + 101]])
        cursor.execute("UPDATE cdr SET started_at = started_at - interval '1 minute' WHERE id = %s", [REFUSED_ID])
        cursor.execute("SET LOCAL session_replication_role = origin")  # a file has no calls after its transaction began
    return CHARGED_ID + 100


def test_conditions_narrow_the_page_its_sums_its_file_and_the_api_across_the_border(
    cast: Cast, ann: Client, old: int
) -> None:
    api = Api.of(cast.ann)
    acme = ["customer", "is", "acme"]
    charged = [CHARGED_ID, old]
    for asked, found in (
        (rules("all", acme), [REFUSED_ID, *charged]),
        (rules("all", acme, ["cost", "more", "0.1"]), charged),
        (rules("all", acme, ["any", ["sip", "is", "402"], ["margin", "most", "1"]]), [REFUSED_ID]),
        (rules("all", ["carrier", "begins", "cir"], ["answered", "is", "yes"], acme), charged),
        (rules("all", ["customer", "is_not", "Corso"], ["tag", "is_not", "x"]), [REFUSED_ID, *charged]),
        (rules("any", ["refusal", "filled"], ["source_ip", "is", "10.0.0.1"]), [REFUSED_ID]),
        (rules("all", ["route", "is", f"World #{cast.route.pk}"], acme), charged),
        (rules("all", ["customer", "is", "nobody"]), []),
    ):  # fmt: skip
        answer = ann.get("/cdrs/", {**SINCE, "f.rules": asked})
        assert [row.pk for row in answer.context["grid"].rows] == found, asked
        assert answer.context["grid"].total == len(found)
        assert sum(line.attempts for line in answer.context["sums"]) == len(found)
        file = b"".join(ann.get("/cdrs/", {**SINCE, "f.rules": asked, "export": "csv"})).decode()
        assert len(list(csv.reader(io.StringIO(file)))) == 1 + len(found)
        told = api.get("cdrs", {"since": "2020-01-01T00:00:00Z", "where": asked}).json()
        assert [row["id"] for row in told["data"]] == found
    whole = api.get(f"cdrs/{old}").json()
    assert whole["customer_id"] == cast.acme.pk
    assert whole == api.get("cdrs", {"since": "2020-01-01T00:00:00Z", "where": rules("all", acme)}).json()["data"][2]
    page = ann.get("/cdrs/", {**SINCE, "f.rules": rules("any", acme, ["sip", "is", "486"])}).content.decode()
    assert "Customer is acme or SIP code is 486" in page
    own = ann.get(f"/customers/{cast.acme.pk}/cdrs/").context
    assert [row.pk for row in own["grid"].rows] == [REFUSED_ID, CHARGED_ID, old], (
        "without a period, from the first call"
    )
    assert sum(line.attempts for line in own["sums"]) == 3
    xlsx = ann.get("/cdrs/", {**SINCE, "export": "xlsx"})
    assert b"".join(xlsx)[:2] == b"PK"


def test_what_cannot_be_asked_is_told_and_nothing_is_shown_to_who_may_not_know(
    cast: Cast, ann: Client, old: int
) -> None:
    typed = rules("all", ["cost", "more", "much"])
    for asked, words, kept in (("[", "Write conditions", ""), (typed, "Charge: ", "Charge &gt; much")):
        answer = ann.get("/cdrs/", {**SINCE, "f.rules": asked})
        assert answer.status_code == 422
        assert words in answer.content.decode()
        assert kept in answer.content.decode()
        assert (answer.context["grid"].rows, list(answer.context["sums"])) == ([], [])
        told = Api.of(cast.ann).get("cdrs", {"since": "2020-01-01T00:00:00Z", "where": asked})
        assert (told.status_code, told.json()["errors"][0]["field"]) == (422, "where")
    with acting(Actor("setup", frozenset({"*"}))):
        group = create_user_group(name="Traffic", acts=[], areas=["calls"])
        of_baltic = {"reseller_id": cast.baltic.pk, "group_ids": [group.pk]}
        tess = create_user(name="Tess", email="tess@demo.example", password=PASSWORD, group_ids=[group.pk])
        rita = create_user(name="Rita", email="rita@baltic.example", password=PASSWORD, **of_baltic)
    profit = rules("all", ["profit", "more", "0"])
    for browser in (logged_in(tess), logged_in(rita)):
        answer = browser.get("/cdrs/", {**SINCE, "f.rules": profit})
        assert answer.status_code == 422
        assert "There is no field profit." in answer.content.decode()
        assert "Carrier cost" not in answer.content.decode()
    assert Api.of(tess).get("cdrs", {"since": "2020-01-01T00:00:00Z", "where": profit}).status_code == 422
    for asked in (rules("all", ["customer", "has", "c"]), rules("any", ["customer", "is", "Acme"], ["cld", "filled"])):
        seen = logged_in(rita).get("/cdrs/", {**SINCE, "f.rules": asked})
        assert [row.pk for row in seen.context["grid"].rows] == [old + 1]
        assert sum(line.attempts for line in seen.context["sums"]) == 1
    file = b"".join(logged_in(rita).get("/cdrs/", {**SINCE, "export": "csv"})).decode()
    assert ("Corso" in file, "Acme" in file) == (True, False)
    assert logged_in(rita).get(reverse("panel:suggestions", args=["customer"]), {"q": "c"}).json() == {"offers": []}


def test_a_day_whose_file_is_damaged_is_named_on_pages_and_by_the_api(
    cast: Cast, ann: Client, old: int, tmp_path: Path
) -> None:
    file = LakeFile.objects.get(kind="call", replaced_at=None)
    for damaged in (tmp_path / "lake" / file.path, groups_of(tmp_path / "lake" / file.path)):
        damaged.write_bytes(b"PAR1")
    words = f"Calls of {file.day_on} (UTC) cannot be read"
    page = ann.get("/cdrs/", SINCE)
    assert (page.status_code, page.context["grid"].rows) == (200, [])
    api = Api.of(cast.ann)
    listed, one = api.get("cdrs", {"since": "2020-01-01T00:00:00Z"}), api.get(f"cdrs/{old}")
    assert (listed.status_code, one.status_code) == (503, 503)
    by_number = {
        "f.from": f"{file.day_on} 00:00",
        "f.by": "number",
        "f.until": f"{file.day_on + timedelta(days=1)} 00:00",
    }
    call = ann.get(reverse("panel:call", args=[old]))
    assert call.status_code == 503
    for told in (page, ann.get("/breakout/", by_number), call, listed, one):
        assert words in told.content.decode()
        assert "tollgate lake export" in told.content.decode()


def test_names_are_suggested_to_who_may_read_them(cast: Cast, ann: Client, bob: Client) -> None:
    def offered(browser: Client, kind: str, text: str) -> list[str]:
        answer = browser.get(reverse("panel:suggestions", args=[kind]), {"q": text})
        return [offer["value"] for offer in answer.json()["offers"]]

    for kind, text, value in (
        ("customer", "ACM", "Acme"), ("carrier", "cir", "Cirrus"), ("gateway", "we", f"west #{cast.gateway.pk}"),
        ("route", "wor", f"World #{cast.route.pk}"), ("tag", "whole", "Wholesale"), ("alert", "fails", "Acme fails"),
        ("webhook", "boo", "Books"),
    ):  # fmt: skip
        assert offered(ann, kind, text) == offered(bob, kind, text) == [value]
    assert len(offered(ann, "invoice", "1")) == 1
    assert offered(ann, "customer", "  ") == offered(ann, "customer", "zz\0") == []
    assert ann.get(reverse("panel:suggestions", args=["user"]), {"q": "a"}).status_code == 404


def test_lists_of_all_customers_are_narrowed_to_a_company_by_its_name(cast: Cast, ann: Client) -> None:
    Customer.objects.filter(pk=cast.baltic.pk).update(name="Acme Baltic")
    company = {
        "/contacts/": "customer", "/endpoints/": "customer", "/cdrs/": "customer", "/live/": "customer",
        "/invoices/": "customer", "/payments/": "customer", "/clis/": "customer", "/alerts/": "company",
        "/entries/": "company", "/messages/": "customer", "/cli-rules/": "customer", "/aliases/": "customer",
    }  # fmt: skip
    for address, name in company.items():
        for text, some in (("aCm", True), ("nobody", False)):
            answer = ann.get(address, {f"f.{name}": text, "f.from": "2020-01-01T00:00"})
            grid = answer.context["grid"]
            assert bool(grid.rows) == some, (address, text)
            assert not some or "Acme" in answer.content.decode()
        column = next(column for column in grid.grid.columns if column.title in ("Company", "Customer"))
        assert address == "/messages/" or (column.title == "Company" and column.link), address
        assert "suggestions/customer/" in answer.content.decode()
    shown = ann.get(f"/entries/?{urlencode({'f.company': 'acme'})}").context["grid"].rows
    assert {row.company for row in shown} == {"Acme"}, "the whole name is that company alone"
    assert ann.get("/dunning/history/", {"f.customer": "acme", "f.invoice": "1"}).status_code == 200
    assert ann.get("/webhooks/deliveries/", {"f.webhook": "book"}).context["grid"].rows
    assert ann.get("/alerts/history/", {"f.alert": "fails", "f.company": "acme"}).status_code == 200


def test_the_pivots_data_are_the_parts_of_the_pages_figures(cast: Cast, ann: Client) -> None:
    calls(cast, cast.acme, connected=2, failed=1)
    calls(cast, cast.baltic, connected=1, cost=300_001)
    rolled_up()
    asked = {"f.by": "customer,day", "f.period": "last_7_days"}
    told = ann.get("/breakout/data/", asked).json()
    assert [one["name"] for one in told["dimensions"]] == ["customer", "day"]
    totals = ann.get("/breakout/", asked).context["totals"]
    assert sum(line.totals.attempts for line in totals) == 4
    for name in ("attempts", "cost_micros", "profitable_micros"):
        place = told["parts"].index(name)
        by_page = {line.currency: getattr(line.totals, name) for line in totals}
        by_data = dict.fromkeys(by_page, 0)
        for group in told["groups"]:
            by_data[group["currency"]] += int(group["parts"][place])
        assert by_data == by_page
    with acting(Actor("setup", frozenset({"*"}))):
        group = create_user_group(name="Sums", acts=[], areas=["summaries"])
        tess = create_user(name="Tess", email="tess@demo.example", password=PASSWORD, group_ids=[group.pk])
    second = IngressRoute.objects.get(pk=cast.route.pk)
    second.pk = None
    second.save()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE summary SET ingress_route_id = CASE WHEN customer_id = %s THEN %s ELSE %s END",
            [cast.acme.pk, cast.route.pk, second.pk],
        )
    routes = ann.get("/breakout/data/", {**asked, "f.by": "route"}).json()["groups"]
    name = second.name
    assert {group["keys"][0] for group in routes} == {f"{name} #{cast.route.pk}", f"{name} #{second.pk}"}
    hidden = logged_in(tess).get("/breakout/data/", {"f.by": "carrier,customer"}).json()
    assert not [name for name in hidden["parts"] if name.startswith(("profit", "carrier"))]
    assert [one["name"] for one in hidden["dimensions"]] == ["customer"]


def test_a_file_of_many_calls_is_a_job_whose_parts_are_the_streamed_file_across_the_border(
    cast: Cast, ann: Client, bob: Client, old: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fetched only by who may read all of it at that moment, one at a time of each kind, and gone after a week."""
    deep = ["any", ["customer", "is", "Acme"], ["all", ["any", ["all", ["profit", "more", "0"]]]]]
    typed = rules(*deep)
    asked = {**SINCE, "f.rules": typed, "f.state": "charged", "f.least": "1", "export": "csv"}
    customers = f"/customers/{cast.acme.pk}/cdrs/"
    streamed = b"".join(ann.get("/cdrs/", asked))
    own = b"".join(ann.get(customers, {"export": "csv", "sort": "started_at", "columns": "cli,cost"}))
    assert (len(streamed.splitlines()), len(own.splitlines())) == (4, 4), "a heading, and calls of both sides"
    day = {"f.from": f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%dT%H:%M}", "export": "csv"}
    latest = b"".join(ann.get("/cdrs/", day))
    monkeypatch.setattr(call_files, "CALLS_MOST", 1)
    assert b"".join(bob.get("/cdrs/", asked)) == streamed, "who may not begin the job is sent all of it"

    def made(address: str, parameters: dict[str, str]) -> Task:
        offer = ann.get(address, parameters)
        assert "more than 1 calls" in offer.content.decode()
        job = ann.post("/cdrs/file/", {"wanted": offer.context["wanted"]})
        task = Task.objects.latest("pk")
        assert job["Location"] == reverse("panel:task", args=[task.pk])
        assert ann.post("/cdrs/file/", {"wanted": offer.context["wanted"]})["Location"] == job["Location"], "the same"
        assert ann.get(f"/tasks/{task.pk}/file/").status_code == 404, "not finished"
        work(lambda: datetime.now(UTC), datetime.now(UTC) + timedelta(minutes=1), task_id=task.pk)
        return task

    with acting(Actor("setup", frozenset({"*"}))):
        traffic = create_user_group(name="Traffic", acts=["*"], areas=["calls", "tasks"])
        given = {"password": PASSWORD, "group_ids": [traffic.pk]}
        tess = create_user(name="Tess", email="tess@demo.example", **given)
        rita = create_user(name="Rita", email="rita@baltic.example", reseller_id=cast.baltic.pk, **given)
    for address, parameters, whole, bought in (
        ("/cdrs/", asked, streamed, True),
        (customers, {"export": "csv", "sort": "started_at", "columns": "cli,cost"}, own, False),
        ("/cdrs/", day, latest, True),
    ):
        task = made(address, parameters)
        page = ann.get(f"/tasks/{task.pk}/").content.decode()
        assert ("Fetch the file" in page, task.rows.count() == task.rows.filter(state="done").count()) == (True, True)
        answer = ann.get(f"/tasks/{task.pk}/file/")
        packed = b"".join(answer)
        assert (gzip.decompress(packed), int(answer["Content-Length"])) == (whole, len(packed))
        assert logged_in(tess).get(f"/tasks/{task.pk}/file/").status_code == (404 if bought else 200)
        assert logged_in(rita).get(f"/tasks/{task.pk}/file/").status_code == 404
        Task.objects.filter(pk=task.pk).update(author_id=rita.pk)  # as if she had left Ann's team for Baltic's
        assert logged_in(rita).get(f"/tasks/{task.pk}/file/").status_code == 404
    wanted = json.dumps({"columns": ["cli", "profit"]})
    logged_in(tess).post("/cdrs/file/", {"wanted": wanted})
    assert not Task.objects.filter(author_id=tess.pk).exists(), "profit is not hers to read"
    for kind in ({"columns": {"cli": 1}}, {"columns": [["cli"]]}, {"columns": ["cli", "cli"]}, {"where": 5},
                 {"customer_id": "x"}, {"from_at": "2000-01-01T00:00Z", "where": [], "columns": ["cli"]}):  # fmt: skip
        assert ann.post("/cdrs/file/", {"wanted": json.dumps({"columns": ["cli"], **kind})}).status_code == 302, kind
    Task.objects.filter(pk=task.pk).update(ended_at=datetime.now(UTC) - call_files.KEPT - timedelta(seconds=1))
    assert call_files.forget_old(datetime.now(UTC)) == 1
    assert ann.get(f"/tasks/{task.pk}/file/").status_code == 404
    assert "not kept any more" in ann.get(f"/tasks/{task.pk}/").content.decode()
    Task.objects.filter(pk=task.pk).update(failed_count=1)
    assert "not kept any more" not in ann.get(f"/tasks/{task.pk}/").content.decode(), "there never was one"


def test_files_of_calls_leave_the_disk_and_other_jobs_their_room(
    cast: Cast, ann: Client, old: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two at a time, each in parts of seconds; what a full disk or a person has ended is made anew when it goes on."""

    def begun(columns: str) -> Task | None:
        from_at = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(days=1)
        wanted = {"columns": columns.split(), "from_at": from_at.isoformat()}
        ann.post("/cdrs/file/", {"wanted": json.dumps(wanted)})
        return Task.objects.filter(kind="call_file", state="waiting", arguments__columns=columns.split()).first()

    def worked(task: Task, **given: Any) -> Task:
        work(lambda: datetime.now(UTC), datetime.now(UTC) + timedelta(minutes=1), task_id=task.pk, **given)
        task.refresh_from_db()
        return task

    first, second = begun("cli"), begun("cld")
    assert first is not None
    assert (second is None, begun("cost")) == (False, None), "a third has to wait"
    assert worked(first, leave=("call_file",)).done_count == 0, "left to others"
    monkeypatch.setattr(call_files, "FREE_PERCENT_LEAST", 100)
    assert (worked(first).state, first.result, first.done_count) == ("failed", call_files.TOO_FULL, 0)
    monkeypatch.setattr(call_files, "FREE_PERCENT_LEAST", 0)
    ann.post(f"/tasks/{first.pk}/retry/")
    assert (worked(first).state, first.done_count == first.total_count) == ("completed", True)
    whole = b"".join(part.read_bytes() for part in call_files.parts(first))
    TaskRow.objects.filter(task=first, number=first.total_count).update(state="waiting")
    Task.objects.filter(pk=first.pk).update(state="canceled", done_count=first.total_count - 1)
    assert (call_files.forget_old(datetime.now(UTC)), call_files.folder_of(first).exists()) == (1, False)
    ann.post(f"/tasks/{first.pk}/retry/")
    assert (worked(first).state, first.done_count == first.total_count) == ("completed", True)
    again = b"".join(part.read_bytes() for part in call_files.parts(first))
    assert gzip.decompress(again) == gzip.decompress(whole), "every part that was gone is written again"
    at = datetime.now(UTC)
    over = {"columns": ["cli"]} | {
        name: (at - timedelta(days=days)).isoformat() for name, days in (("from_at", 3), ("until_at", 2))
    }
    homes = [ann.post("/cdrs/file/", {"wanted": json.dumps(over)})["Location"]]
    assert worked(Task.objects.latest("pk")).state == "completed"
    homes.append(ann.post("/cdrs/file/", {"wanted": json.dumps(over)})["Location"])
    assert homes[0] == homes[1] == reverse("panel:task", args=[Task.objects.latest("pk").pk]), (
        "its calls were all there"
    )
    assert begun("cli") is not None, "calls may have been added to the last day since"
    for count, days, minutes in ((1, 400, 60), (20_000_000, 30, 10), (10**6, 1, 10), (None, 1, 1), (None, 300, 60)):
        span = Span(cast.account.pk, *(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in (0, days)))
        assert call_files._step(span, count) == timedelta(minutes=minutes), (count, days)
    with pytest.raises(Invalid, match="fewer days"):
        call_files._step(Span(cast.account.pk, datetime(2024, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)), 1)
