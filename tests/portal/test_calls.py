"""Claims about the calls of the portal: one list and one file, whichever days have left the database."""

from __future__ import annotations

import csv
import io
from copy import copy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.panel.cast import CHARGED_ID
from tests.portal.cast import PortalCast, visiting
from tollgate.core.lake import day_begins
from tollgate.portal.calls import COLUMNS, DAYS_MOST, FILE, PAGE_ROWS, READ, OwnCalls, _grid
from tollgate.store.lake_days import write_closed_days
from tollgate.store.lake_retention import archive_days
from tollgate.store.models import CDR, Account, Customer, LakeFile
from tollgate.store.queries import call_search
from tollgate.ui.exports import csv_lines
from tollgate.ui.sources import Query

pytestmark = pytest.mark.django_db
AT = datetime.now(UTC)
OLD = AT.date() - timedelta(days=6)
NIGHT = AT + timedelta(days=2)
ODD: tuple[dict[str, Any], ...] = (
    {"cli": "=1+1", "cld": 'a "b", c\nd', "cost_micros": -5, "duration_ms": 59_999},
    {"cli": "", "currency": None, "duration_ms": 0, "price_nanos": 1, "state": "failed", "sip_sent": 486},
    {"cli": "-1", "destination": "\ttab", "cost_micros": 10**15, "duration_ms": 3_600_500},
    {"state": "refused", "refusal": "credit", "sip_sent": 402, "duration_ms": 60_001, "currency": "JPY"},
)


@pytest.fixture
def calls(cast: PortalCast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Odd calls of Acme on a day of last week, and one of Baltic; the ids of Acme's."""
    monkeypatch.setenv("TOLLGATE_DATA", str(tmp_path))
    with connection.cursor() as cursor:
        cursor.execute("SELECT cdr_make_partition(%s)", [OLD])
    made = [old_call(place, **change) for place, change in enumerate(ODD)]
    old_call(20, customer_id=cast.panel.baltic.pk, cld="37129999999")
    return made


def old_call(place: int, **fields: Any) -> int:
    """A call of last week, so many hours into its day."""
    made = copy(CDR.objects.get(pk=CHARGED_ID))
    made.pk = CHARGED_ID + 100 + place
    at = day_begins(OLD) + place * timedelta(hours=1)
    change = {"started_at": at, "answered_at": at, "ended_at": at, "edge_call_id": f"old {place}", **fields}
    for name, value in change.items():
        setattr(made, name, value)
    made.save(force_insert=True)
    return int(made.pk)


def archived() -> None:
    """Lets that day leave the database."""
    write_closed_days(NIGHT)
    Account.objects.update(cdr_live_days=7)
    Customer.objects.update(invoice_schedule="none")
    assert archive_days(NIGHT) == ([OLD], "")


def shown(client: Client, **query: str) -> list[int]:
    """The calls of a page, in their order."""
    answer = client.get("/portal/calls/", query)
    assert answer.status_code == 200
    return [row.pk for row in answer.context["grid"].rows]


def file_of(client: Client, kind: str, **query: str) -> bytes:
    """An export."""
    return bytes(client.get("/portal/calls/", {"f.from": f"{OLD}", "export": kind, **query}).getvalue())


def test_calls_that_only_the_lake_has_are_in_the_list_and_its_files_as_before(
    cast: PortalCast, calls: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    carla, dan = visiting(cast.carla), visiting(cast.dan)
    queries: tuple[dict[str, str], ...] = (
        {},
        {"sort": "started_at"},
        {"f.number": "b"},
        {"f.state": "refused"},
        {"f.until": f"{day_begins(OLD) + timedelta(hours=2):%Y-%m-%dT%H:%M}"},
    )
    since = {"f.from": f"{OLD}"}
    before = [shown(carla, **since, **query) for query in queries]
    files = [file_of(carla, "csv", **query) for query in queries]
    assert (before[0][-4:], len(before[0])) == (calls[::-1], 6)
    assert [len(found) for found in before[1:]] == [6, 1, 2, 2]
    archived()
    assert not CDR.objects.filter(pk__in=calls).exists()
    assert [shown(carla, **since, **query) for query in queries] == before
    assert [file_of(carla, "csv", **query) for query in queries] == files
    assert file_of(carla, "xlsx")[:2] == b"PK"
    assert set(calls).isdisjoint(shown(dan, **since))
    assert b"37129999999" in file_of(dan, "csv")
    assert b"37129999999" not in file_of(carla, "csv")
    assert shown(carla, **{"f.from": f"{AT - timedelta(days=DAYS_MOST + 400):%Y-%m-%d}"}) == before[0]
    assert set(calls).isdisjoint(shown(carla)), "calls of today"
    monkeypatch.setattr("tollgate.portal.calls.PAGE_ROWS", 2)
    assert PAGE_ROWS > 2
    assert len(list(_source(cast).stream(QUERY))) == 6, "page by page"


QUERY = Query(sort="started_at", descending=True)


def _source(cast: PortalCast) -> OwnCalls:
    return OwnCalls(cast.panel.acme, day_begins(OLD), datetime.now(UTC))


@pytest.mark.parametrize("only_lake", [False, True])
def test_database_and_lake_write_the_same_file_as_the_rows_one_by_one(
    cast: PortalCast, calls: list[int], *, only_lake: bool
) -> None:
    if only_lake:
        archived()
    else:  # its day would have to stay
        old_call(4, state="unresolved", currency="JPY")
    source, columns = _source(cast), _grid("").columns
    at_once = list(csv.reader(io.StringIO(b"".join(source.csv_blocks(QUERY, columns)).decode(), newline="")))
    slowly = csv.reader(io.StringIO("".join(csv_lines(columns, source.stream(QUERY))), newline=""))
    assert at_once == list(slowly)[1:]
    results = {"Answered", "Not answered", "Refused"} | ({"In review"} if not only_lake else set())
    assert (len(at_once), {row[4] for row in at_once}) == (6 + (not only_lake), results)
    assert {"60:01", "1:01", "1:00", "1:07", ""} == {row[6] for row in at_once}
    assert len(columns) == len(COLUMNS) + 1


def test_a_list_that_stands_on_one_page_is_not_counted(cast: PortalCast, calls: list[int]) -> None:
    carla = visiting(cast.carla)
    archived()
    with CaptureQueriesContext(connection) as queries:
        assert len(shown(carla, **{"f.from": f"{OLD}"})) == 6
    asked = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert [sum(words in sql for sql in asked) for words in ("lake_file", "lake_call", "count(")] == [1, 1, 0], asked
    assert len(asked) == 3, "the session, the files, the calls"


def test_a_question_that_takes_too_long_is_told(
    cast: PortalCast, calls: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    carla = visiting(cast.carla)

    def endless(*_: object, **__: object) -> None:
        raise call_search.QuestionTooLong

    monkeypatch.setattr("tollgate.store.queries.lake.search", endless)
    monkeypatch.setattr("tollgate.store.queries.lake.count", endless)
    page = carla.get("/portal/calls/", {"f.from": f"{OLD}"})
    assert "choose a shorter period" in page.content.decode()
    answer = carla.get("/portal/calls/", {"f.from": f"{OLD}", "export": "xlsx"})
    assert (answer.status_code, b"choose a shorter period" in answer.content) == (422, True)


def test_a_day_that_cannot_be_read_is_named_without_the_operators_commands(
    cast: PortalCast, calls: list[int], tmp_path: Path
) -> None:
    archived()
    for file in LakeFile.objects.filter(kind="call"):
        (tmp_path / "lake" / file.path).write_bytes(b"PAR1")
    page = visiting(cast.carla).get("/portal/calls/", {"f.from": f"{OLD}"})
    assert f"Calls of {OLD} (UTC) cannot be read." in page.content.decode()
    assert "tollgate lake" not in page.content.decode()


SIDES = (
    {"released_by": "caller", "q850": 16},
    {"released_by": "tollgate", "q850": 102},
    {"released_by": "callee", "q850": 16},
    {"answered_at": None, "released_by": "callee", "q850": 17, "duration_ms": 0, "state": "failed"},
)
WANTED = "started_at,local,release,pdd,ring,prefix,source_ip,call_id,cost"


@pytest.mark.parametrize("only_lake", [False, True])
def test_a_contact_finds_calls_by_both_numbers_and_talk_and_takes_the_columns_it_chose(
    cast: PortalCast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, only_lake: bool
) -> None:
    monkeypatch.setenv("TOLLGATE_DATA", str(tmp_path))
    with connection.cursor() as cursor:
        cursor.execute("SELECT cdr_make_partition(%s)", [OLD])
    told = {"pdd_ms": 420, "ring_ms": 5_100, "prefix": "4420", "source_ip": "198.51.100.7"}
    made = [old_call(place, cli=f"4930{place}1", **told, **side) for place, side in enumerate(SIDES)]
    old_call(20, customer_id=cast.panel.baltic.pk, cli="493001", **told)
    if only_lake:
        archived()
    carla, dan = visiting(cast.carla), visiting(cast.dan)
    week = {"f.from": f"{OLD}", "f.until": f"{OLD + timedelta(days=1)}"}
    assert shown(carla, **week, **{"f.caller": "493001"}) == [made[0]]
    assert shown(carla, **week, **{"f.caller": "4930", "f.number": "nobody"}) == []
    assert shown(carla, **week, **{"f.connected": "yes"}) == made[2::-1]
    assert set(shown(dan, **week, **{"f.caller": "4930", "f.connected": "yes"})).isdisjoint(made)
    assert len(shown(dan, **week, **{"f.caller": "4930"})) == 1
    asked = {**week, "columns": WANTED}
    page = carla.get("/portal/calls/", asked).content.decode()
    assert "Its time or money was used up" in page
    head, *rows = csv.reader(io.StringIO(file_of(carla, "csv", **asked).decode("utf-8-sig")))
    assert head[:5] == ["Start (UTC)", "Release reason", "PDD, ms", "Rang, ms", "Destination code"]
    assert head[5:] == ["Source address", "Call-ID", "Charge", "Charge currency"]
    assert [row[1] for row in rows] == ["", "The callee hung up", "Its time or money was used up", "The caller hung up"]
    assert {tuple(row[2:6]) for row in rows} == {("420", "5100", "4420", "198.51.100.7")}
    assert [row[6] for row in rows] == [f"old {place}" for place in (3, 2, 1, 0)]


def test_no_column_of_the_portal_tells_what_the_operator_buys() -> None:
    assert {column.name for column in _grid("Asia/Tokyo").columns} - {"local"} == set(FILE)
    assert not [name for name, column in FILE.items() if column.bought or "carrier" in column.value]
    assert not [name for name in READ if "carrier" in name or "profit" in name or "gateway" in name]
