"""Claims about statistics, latest and live calls in the portal: the customer's own, by its clock, without carriers."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.moments import hour_at
from tests.panel.cast import LIVE_ID, RINGING_ID
from tests.panel.test_customer_traffic import attempt, day_and_month
from tests.portal.cast import PortalCast, visiting
from tests.portal.test_pages import words_of
from tollgate.store.models import Call, Contact, Customer
from tollgate.ui.charts import LineChart, Series

pytestmark = pytest.mark.django_db
PAGES = ("latest", "live", "stats")


def test_latest_calls_tell_each_attempt_and_why_it_was_refused(cast: PortalCast) -> None:
    words = words_of(visiting(cast.carla), "/portal/calls/latest/")
    for part in (
        "442079460001",
        "Talking",
        "Ringing",
        "Answered",
        "Refused",
        "402 ",
        "1:07",
        "0.12 EUR",
        "Start (UTC)",
    ):
        assert part in words, part
    Contact.objects.filter(pk=cast.carla.pk).update(zone="Asia/Tokyo")
    assert "Start (Asia/Tokyo)" in words_of(visiting(cast.carla), "/portal/calls/latest/")


def test_live_calls_are_the_customers_own_and_the_page_asks_for_the_rows_alone(cast: PortalCast) -> None:
    carla, address = visiting(cast.carla), "/portal/calls/live/"
    assert {row.pk for row in carla.get(address).context["grid"].rows} == {LIVE_ID, RINGING_ID}
    rows = carla.get(address, headers={"HX-Request": "true", "X-Tollgate-Poll": "1"}).content.decode()
    assert "442079460001" in rows
    assert "<html" not in rows
    Call.objects.filter(pk=LIVE_ID).update(hangup_at=datetime.now(UTC))
    assert "Ending" in words_of(carla, address)
    assert "No live calls now" in words_of(visiting(cast.dan), address)


def test_statistics_are_those_of_the_summaries_by_the_customers_clock(cast: PortalCast) -> None:
    attempt(cast.panel, hour_at(), customer=cast.panel.baltic)
    day_and_month(cast.panel)
    Customer.objects.filter(pk=cast.panel.acme.pk).update(zone="Asia/Kolkata")
    page = visiting(cast.carla).get("/portal/calls/stats/")
    found = page.context["found"]
    assert (found.of_hours.outcome.attempts, found.of_days.outcome.attempts) == (6, 7)
    words = words_of(visiting(cast.carla), "/portal/calls/stats/")
    for part in ("33.3", "1:30", "0.18 EUR", "0.27 EUR", "Asia/Kolkata", "402 "):
        assert part in words, part
    assert visiting(cast.dan).get("/portal/calls/stats/").context["found"].of_days.outcome.attempts == 1


def test_nothing_of_what_the_operator_buys_is_told_and_the_section_hides_all_of_it(cast: PortalCast) -> None:
    day_and_month(cast.panel)
    carla = visiting(cast.carla)
    for page in PAGES:
        text = carla.get(f"/portal/calls/{page}/").content.decode()
        assert "Cirrus" not in text
        assert "west" not in text
        assert f'href="/portal/calls/{page}/"' in text, "the tabs lead there"
    assert 'href="/portal/calls/stats/"' in carla.get("/portal/calls/").content.decode()
    Customer.objects.filter(pk=cast.panel.acme.pk).update(portal_hide=["calls"])
    carla = visiting(cast.carla)
    assert [carla.get(f"/portal/calls/{page}/").status_code for page in PAGES] == [404] * len(PAGES)


def test_a_chart_by_the_clock_of_a_zone_says_so_on_both_sides_of_a_clock_change() -> None:
    at = int(datetime(2026, 10, 24, 21, tzinfo=UTC).timestamp())  # midnight in Vilnius, four hours before the change
    times = (at, at + int(timedelta(hours=25).total_seconds()))
    chart = LineChart(
        name="days", title="Calls", unit="calls", times=times, series=(Series("Calls", (1, 2)),), zone="Europe/Vilnius"
    )
    told = chart.data()
    assert told["zone"] == "Europe/Vilnius"
    assert [datetime.fromtimestamp(moment, UTC).isoformat() for moment in told["times"]] == [  # type: ignore[attr-defined]
        "2026-10-25T00:00:00+00:00", "2026-10-26T00:00:00+00:00"
    ]  # fmt: skip


def test_an_hour_that_the_clock_tells_twice_is_told_with_its_offset_the_second_time() -> None:
    at = int(datetime(2026, 10, 24, 22, tzinfo=UTC).timestamp())  # 01:00 in Vilnius, three hours before the change
    times = [at + 3600 * hour for hour in range(6)]
    given = {"name": "hours", "title": "Calls", "unit": "calls", "times": times}
    told = LineChart(**given, series=(Series("Calls", (0,) * 6),), zone="Europe/Vilnius").data()  # type: ignore[arg-type]
    first = at + 3 * 3600
    assert told["times"] == [first + 3600 * hour for hour in range(6)], "evenly, none twice"
    assert told["turns"] == [{"at": first + 3600 * 3, "back": 3600, "offset": "+02:00"}]
    for zone in ("UTC", "Asia/Tokyo"):
        assert LineChart(**given, series=(Series("Calls", (0,) * 6),), zone=zone).data()["turns"] == []  # type: ignore[arg-type]
