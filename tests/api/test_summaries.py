"""Claims about the summaries as programs read them: every group of an hour or a day once, exact, and only one's own."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from tests.api.caller import Api, fields_of
from tests.panel.cast import PASSWORD, Cast
from tests.panel.test_summaries import calls, rolled_up
from tollgate.actions.acts import Actor, acting
from tollgate.actions.users import create_user, create_user_group
from tollgate.api.summaries import FIELDS
from tollgate.core.summaries import MEASURES
from tollgate.store.models import Customer
from tollgate.store.queries.summary_rows import BOUGHT, KEYS

pytestmark = pytest.mark.django_db
NOON_AT = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
SINCE = {"since": f"{NOON_AT - timedelta(days=400):%Y-%m-%dT%H:%M:%SZ}"}
TRUTH = """
SELECT sum(attempts), sum(connected), sum(billed_s), sum(cost_micros + correction_micros),
       sum(carrier_cost_micros + carrier_correction_micros), sum(profit_micros + profit_correction_micros)
FROM call_line WHERE written = 1
"""
SUMMED = ("attempts", "connected", "billed_s", "cost_micros", "carrier_cost_micros", "profit_micros")


@pytest.fixture
def traffic(cast: Cast) -> Cast:
    """Calls of Acme and Baltic over a year, at several hours of the same days, by two destinations."""
    for hours in (0, 1, 5, 26, 24 * 8, 24 * 300):
        at = NOON_AT - timedelta(hours=hours)
        calls(cast, cast.acme, connected=2, failed=1, cost=100_001 + hours, at=at)
        calls(cast, cast.acme, connected=1, cost=50_000, at=at, destination="Latvia", prefix="371")
        calls(cast, cast.baltic, connected=1, cost=70_007, at=at)
    rolled_up()
    return cast


def walked(api: Api, limit: int = 4, **query: Any) -> list[dict[str, Any]]:
    """Every row, page by page."""
    rows: list[dict[str, Any]] = []
    cursor = ""
    while cursor is not None:
        page = api.get("summaries", {**SINCE, "limit": limit, **query, **({"cursor": cursor} if cursor else {})})
        assert page.status_code == 200, page.content
        rows += page.json()["data"]
        cursor = page.json()["next"]
    return rows


def key_of(row: dict[str, Any]) -> tuple[Any, ...]:
    """What tells a row from all others."""
    return tuple(row[name] for name in KEYS)


@pytest.mark.parametrize("grain", ["hour", "day"])
def test_pages_tell_every_group_once_and_add_up_to_the_calls(traffic: Cast, ann: Api, grain: str) -> None:
    rows = walked(ann, grain=grain)
    assert len(rows) == {"hour": 6 * 4, "day": 4 * 4}[grain], "calls that no carrier was paid for stand apart"
    assert set(Counter(map(key_of, rows)).values()) == {1}
    assert [row["begun_at"] for row in rows] == sorted((row["begun_at"] for row in rows), reverse=True)
    assert all(set(row) == set(FIELDS) for row in rows)
    with connection.cursor() as cursor:
        cursor.execute(TRUTH)
        assert tuple(sum(row[name] for row in rows) for name in SUMMED) == cursor.fetchone()
    assert rows == walked(ann, limit=200, grain=grain)
    first = ann.get("summaries", {**SINCE, "grain": grain, "limit": 1})
    assert "cursor=" in first["Link"]
    assert datetime.fromisoformat(first.json()["as_of"]) <= datetime.now(UTC)


def test_filters_and_bounds_choose_stretches_that_are_whole(traffic: Cast, ann: Api) -> None:
    of_acme = walked(ann, customer_id=traffic.acme.pk)
    assert {row["customer_id"] for row in of_acme} == {traffic.acme.pk}
    assert len(of_acme) == 18
    assert len(walked(ann, carrier_id=traffic.cirrus.pk)) == 24
    assert walked(ann, carrier_id=traffic.cirrus.pk + 1000) == []
    noon = f"{NOON_AT:%Y-%m-%dT%H:00:00Z}"
    assert {row["begun_at"] for row in walked(ann, since=noon)} == {noon}
    later = f"{NOON_AT:%Y-%m-%dT%H:00:01Z}"
    assert walked(ann, since=later) == [], "an hour counts when it begins within the bounds"
    assert noon not in {row["begun_at"] for row in walked(ann, before=noon)}
    assert noon in {row["begun_at"] for row in walked(ann, before=later)}
    days = walked(ann, since=noon, grain="day")
    assert days == [], "the day has begun before"
    day = f"{NOON_AT:%Y-%m-%dT00:00:00Z}"
    found = walked(ann, since=day, grain="day", customer_id=traffic.acme.pk, fields="begun_at,destination,attempts")
    assert sorted(found, key=str) == [
        {"begun_at": day, "destination": "Latvia", "attempts": 3},
        {"begun_at": day, "destination": "Lithuania Mobile", "attempts": 3},
        {"begun_at": day, "destination": "Lithuania Mobile", "attempts": 6},
    ]


def test_a_row_without_records_and_corrections_are_told_too(traffic: Cast, ann: Api) -> None:
    with connection.cursor() as cursor:
        nothing = ", ".join("0" for _ in range(12))
        cursor.execute(
            f"INSERT INTO summary VALUES (%s, %s, NULL, NULL, NULL, '', '', NULL, NULL, 3, 3, {nothing})",
            [traffic.account.pk, NOON_AT],
        )
        cursor.execute("UPDATE summary SET correction_micros = -7, profit_correction_micros = -7 WHERE attempts = 2")
    rows = walked(ann, limit=1, since=f"{NOON_AT:%Y-%m-%dT%H:00:00Z}")
    assert len(rows) == 5
    assert key_of(rows[-1])[1:] == (None, None, None, "", "", None, None)
    corrected = [row for row in rows if row["correction_micros"]]
    assert [(row["attempts"], row["correction_micros"]) for row in corrected] == [(2, -7)]
    assert corrected[0]["cost_micros"] == 200_002 - 7


def test_a_reseller_reads_its_own_customers_and_nothing_that_tells_of_carriers(
    traffic: Cast, rita: Api, ann: Api
) -> None:
    corso = Customer.objects.get(name="Corso")
    calls(traffic, corso, connected=1, at=NOON_AT)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM summary")
    rolled_up()
    rows = walked(rita)
    assert [row["customer_id"] for row in rows] == [corso.pk]
    assert set(rows[0]) == set(FIELDS) - BOUGHT
    assert set(MEASURES) & BOUGHT
    assert walked(rita, customer_id=traffic.acme.pk) == []
    assert fields_of(rita.get("summaries", {**SINCE, "carrier_id": 1})) == {("carrier_id", "unknown")}
    assert fields_of(rita.get("summaries", {**SINCE, "fields": "profit_micros"})) == {("fields", "unknown")}
    cursor_of_ann = ann.get("summaries", {**SINCE, "limit": 1}).json()["next"]
    assert fields_of(rita.get("summaries", {**SINCE, "cursor": cursor_of_ann})) == {("cursor", "invalid")}


def test_carriers_are_one_to_whom_they_are_not_told(traffic: Cast, ann: Api) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO summary SELECT account_id, hour_at, customer_id, carrier_id + 1, ingress_route_id, prefix,"
            " destination, currency, carrier_currency, attempts, refused, connected, duration_ms, billed_s,"
            " carrier_billed_s, cost_micros, carrier_cost_micros, profit_micros, profitable_micros, correction_micros,"
            " carrier_correction_micros, profit_correction_micros, profitable_correction_micros FROM summary"
        )
    with acting(Actor("setup", frozenset({"*"}))):
        group = create_user_group(name="Sums", acts=[], areas=["summaries"])
        user = create_user(name="Sue", email="sue@demo.example", password=PASSWORD, group_ids=[group.pk])
        other = create_user_group(name="Others", acts=[], areas=["customers"])
        stranger = create_user(name="Stan", email="stan@demo.example", password=PASSWORD, group_ids=[other.pk])
    mine, all_of_them = walked(Api.of(user)), walked(ann)
    assert (len(mine), len(all_of_them)) == (18, 48)
    for name in ("attempts", "cost_micros"):
        assert sum(row[name] for row in mine) == sum(row[name] for row in all_of_them)
    assert Api.of(stranger).get("summaries", SINCE).status_code == 403
    assert Api.of(user, "read:customers").get("summaries", SINCE).status_code == 403


def test_what_cannot_be_asked_is_named(traffic: Cast, ann: Api) -> None:
    assert fields_of(ann.get("summaries")) == {("since", "required")}
    bad = {"grain": "week", "customer_id": "x", "since": "soon", "before": "2026", "limit": "0", "color": "red"}
    assert {name for name, _ in fields_of(ann.get("summaries", bad))} == set(bad)
    cursor = ann.get("summaries", {**SINCE, "limit": 1}).json()["next"]
    for given in ({"cursor": f"{cursor}x"}, {"cursor": cursor, "grain": "day"}):
        assert fields_of(ann.get("summaries", {**SINCE, **given})) == {("cursor", "invalid")}
    assert fields_of(ann.get("customers", {"cursor": cursor})) == {("cursor", "invalid")}
    assert ann.get("summaries/1").status_code == 404
    for since in ("2000-01-01T00:00:00Z", "2199-01-01T00:00:00Z"):
        assert ann.get("summaries", {"since": since, "before": "2199-12-31T00:00:00Z"}).status_code == 200
