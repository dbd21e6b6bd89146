"""Claims about the pages of a customer's traffic: exact, of the summaries, at once, and nobody else's."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from tests.moments import hour_at
from tests.panel.cast import CHARGED_ID, LIVE_ID, REFUSED_ID, RINGING_ID, Cast, with_rita
from tests.panel.conftest import logged_in
from tests.panel.test_summaries import rolled_up
from tollgate.actions import summaries
from tollgate.core.summaries import Span, beginning
from tollgate.panel.customer_traffic import ZONE
from tollgate.store.models import Call, Customer, User, UserGroup
from tollgate.store.queries.traffic import LATEST_MOST, by_route, latest, traffic

pytestmark = pytest.mark.django_db
NEW_CDR = """
INSERT INTO cdr (id, account_id, edge, edge_call_id, customer_id, carrier_id, ingress_route_id, state, started_at,
                 answered_at, ended_at, cld, destination, duration_ms, billed_s, currency, cost_micros, refusal, q850,
                 pdd_ms, written)
VALUES (%s, %s, 'kam1', %s, %s, %s, %s, %s, %s, %s, %s, '3706123', 'Lithuania', %s, %s, 'EUR', %s, %s, %s, %s, 1)
"""
NUMBERS = itertools.count(2 * 10**9)


def attempt(cast: Cast, at: datetime, *, customer: Customer | None = None, **told: Any) -> int:
    """A call that ended, written long ago: answered after a second for 90 s, or what is told."""
    call_id, answered = next(NUMBERS), told.get("state", "charged") == "charged"
    row = [
        call_id, cast.account.pk, f"made {call_id}", (customer or cast.acme).pk,
        told.get("carrier_id", cast.cirrus.pk), told.get("route_id", cast.route.pk), told.get("state", "charged"), at,
        at if answered else None, at, 90_000 if answered else 0, 90 if answered else 0, 90_000 if answered else 0,
        told.get("refusal"), told.get("q850"), told.get("pdd_ms", 1_000 if answered else None),
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(NEW_CDR, row)
    return call_id


def day_and_month(cast: Cast) -> None:
    """Of this hour: two answered, a busy one, one that rang, one that failed, a refused one; a week ago one more."""
    for _ in range(2):
        attempt(cast, hour_at())
    attempt(cast, hour_at(), state="failed", q850=17)
    attempt(cast, hour_at(), state="failed", q850=16, pdd_ms=3_000)
    attempt(cast, hour_at(), state="failed", q850=34)
    nobody = {"carrier_id": None, "route_id": None}
    attempt(cast, hour_at(), state="refused", refusal="credit", q850=21, **nobody)
    attempt(cast, hour_at() - timedelta(days=7))
    rolled_up()


def test_stats_tell_the_last_day_and_month_by_the_summaries(cast: Cast, ann: Client) -> None:
    before = traffic(cast.acme, ZONE, datetime.now(UTC))
    day_and_month(cast)
    found = traffic(cast.acme, ZONE, datetime.now(UTC))
    day, month = found.of_hours.outcome, found.of_days.outcome
    assert before.of_days.outcome.attempts == 0, "what is not in the summaries yet is not counted"
    assert (day.attempts, day.refused, day.connected, day.reached) == (6, 1, 2, 4)
    assert (month.attempts, month.connected) == (7, 3)
    assert (day.asr_percent, day.ner_percent, day.acd_s) == (Decimal("33.3"), Decimal("66.7"), 90)
    assert day.pdd_s == Decimal("1.7"), "of those that rang"
    assert (found.of_hours.totals.cost_micros, found.of_days.totals.cost_micros) == (180_000, 270_000)
    assert found.of_hours.refusals == (("credit", 1),)
    assert (found.attempts_by_hour[found.hours.index(hour_at())], sum(found.attempts_by_hour)) == (6, 6)
    today = found.days.index(hour_at().date())
    assert (found.connected_by_day[today], found.connected_by_day[today - 7], sum(found.connected_by_day)) == (2, 1, 3)
    assert found.talked_s_by_day[today] == 180
    page = ann.get(f"/customers/{cast.acme.pk}/stats/").content.decode()
    for part in ("33.3", "66.7", "1:30", "0.18 <", "0.27 <", "Credit", "f.refusal=credit", "(UTC)"):
        assert part in page, part


def test_what_there_was_at_once_is_looked_at_and_the_most_of_each_hour_is_kept(cast: Cast, ann: Client) -> None:
    at = beginning(datetime.now(UTC), Span.HOUR) + timedelta(minutes=59, seconds=59)
    with connection.cursor() as cursor:
        whose = "kind = 'customer' AND owner_id = %s"
        cursor.execute(
            "UPDATE call SET wallet_ids = ARRAY(SELECT id FROM wallet WHERE kind = 'customer' AND owner_id = %s)",
            [cast.acme.pk],
        )
        for channels, begun in ((2, 3), (5, 0), (1, 2)):
            Call.objects.update(authorized_at=at - timedelta(days=1))
            cursor.execute(f"UPDATE wallet SET channels = %s WHERE {whose}", [channels, cast.acme.pk])
            for _ in range(begun):
                attempt(cast, at - timedelta(seconds=2))
            summaries.note_peaks(at)
    found = traffic(cast.acme, ZONE, at)
    assert (found.of_hours.channels_most, found.of_days.channels_most) == (5, 5)
    assert found.of_hours.cps_most == 5, "all that began within one second"
    words = ann.get(f"/customers/{cast.acme.pk}/stats/").content.decode()
    assert "at most 5 in 24 hours" in words
    summaries.note_peaks(at + summaries.PEAKS_KEPT + timedelta(hours=1))
    assert traffic(cast.acme, ZONE, at).of_days.channels_most == 0, "and in time forgotten"


def test_route_stats_tell_each_route_and_carrier_and_lead_into_the_breakout(cast: Cast, ann: Client) -> None:
    attempt(cast, hour_at() - timedelta(hours=2))
    day_and_month(cast)
    address = f"/customers/{cast.acme.pk}/route-stats/"
    for span, attempts in (("hour", [5, 1]), ("day", [6, 1]), ("week", [6, 1])):
        rows = ann.get(f"{address}{span}/").context["grid"].rows
        assert [row.outcome.attempts for row in rows] == attempts, span
    first, refused = rows
    assert (first.route, first.carrier, refused.route, refused.carrier) == (cast.route, cast.cirrus, None, None)
    assert (first.outcome.asr_percent, first.outcome.ner_percent) == (Decimal("50.0"), Decimal("83.3"))
    assert refused.outcome.refused == 1
    page = ann.get(address).content.decode()
    assert "f.by=route%2Cdestination" in page
    assert "f.carrier=%22Cirrus%22" in page
    link = next(part for part in page.split('"') if part.startswith("/breakout/"))
    told = ann.get(link.replace("&amp;", "&")).context["answer"].groups
    assert {group.words["destination"] for group in told} == {"Lithuania"}
    assert ann.get(f"{address}year/").status_code == 404
    told_together = by_route(cast.acme, "day", datetime.now(UTC), bought=False)
    assert sorted((line.route, line.carrier, line.outcome.attempts) for line in told_together if line.route) == [
        (cast.route, None, 6)
    ]


def test_latest_calls_are_the_last_hundred_attempts_refused_and_live_ones_too(cast: Cast, ann: Client) -> None:
    page = ann.get(f"/customers/{cast.acme.pk}/latest/")
    rows = page.context["grid"].rows
    assert {row.id for row in rows} == {LIVE_ID, RINGING_ID, CHARGED_ID, REFUSED_ID}
    text = page.content.decode()
    for call_id in (LIVE_ID, RINGING_ID, CHARGED_ID, REFUSED_ID):
        assert f"/calls/{call_id}/" in text
    for part in ("Ringing", "Talking", "Charged", "Refused", "Credit", "Cirrus", "0.12"):
        assert part in text, part
    newest = [attempt(cast, datetime.now(UTC) + timedelta(seconds=number)) for number in range(LATEST_MOST)]
    assert [row.id for row in latest(cast.acme, datetime.now(UTC))] == newest[::-1]
    rows_alone = ann.get(f"/customers/{cast.acme.pk}/latest/", headers={"HX-Request": "true"}).content.decode()
    assert f"/calls/{newest[-1]}/" in rows_alone
    assert "<html" not in rows_alone


def test_dialogs_are_the_live_calls_of_this_customer_and_are_ended_from_there(cast: Cast, ann: Client) -> None:
    page = ann.get(f"/customers/{cast.acme.pk}/dialogs/").content.decode()
    end = f"/calls/{LIVE_ID}/end/?of={cast.acme.pk}"
    assert end in page
    assert f"/calls/{LIVE_ID}/end/" not in ann.get(f"/customers/{cast.baltic.pk}/dialogs/").content.decode()
    assert f'href="/customers/{cast.acme.pk}/dialogs/"' in ann.get(end).content.decode()
    assert ann.post(end)["Location"] == f"/customers/{cast.acme.pk}/dialogs/"
    assert Call.objects.get(pk=LIVE_ID).hangup_at is not None
    assert ann.post(f"/calls/{RINGING_ID}/end/?of=//evil.example")["Location"] == "/live/"


def test_these_pages_stand_in_the_navigation_of_the_customer_for_whom_may_read_them(cast: Cast, ann: Client) -> None:
    page = ann.get(f"/customers/{cast.acme.pk}/").content.decode()
    for part in ("stats", "route-stats", "latest", "dialogs"):
        assert f'href="/customers/{cast.acme.pk}/{part}/"' in page
    UserGroup.objects.filter(pk=cast.group.pk).update(areas=["customers", "calls"])
    other = logged_in(User.objects.get(pk=cast.ann.pk))
    parts = ("stats", "route-stats", "latest", "dialogs")
    answers = {part: other.get(f"/customers/{cast.acme.pk}/{part}/") for part in parts}
    assert [answer.status_code for answer in answers.values()] == [403, 403, 200, 200]
    latest_page = answers["latest"].content.decode()
    assert "Cirrus" not in latest_page, "what is bought, and from whom, is for who may read the details of calls"
    assert f"/calls/{CHARGED_ID}/" not in latest_page
    assert "/end/" not in answers["dialogs"].content.decode()


def test_a_resellers_user_sees_the_traffic_of_its_own_customers_without_carriers(cast: Cast) -> None:
    user, corso = with_rita(cast)
    attempt(cast, hour_at(), customer=corso)
    day_and_month(cast)
    rita = logged_in(user)
    for part in ("stats", "route-stats", "latest", "dialogs"):
        assert rita.get(f"/customers/{cast.acme.pk}/{part}/").status_code == 404
        page = rita.get(f"/customers/{corso.pk}/{part}/")
        assert page.status_code == 200
        assert "Cirrus" not in page.content.decode(), part
    (row,) = rita.get(f"/customers/{corso.pk}/route-stats/").context["grid"].rows
    assert (row.carrier, row.outcome.attempts) == (None, 1)
