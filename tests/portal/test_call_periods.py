"""Claims about the periods of one press: whole days of the visitor's zone, at any clock change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.portal.cast import PortalCast, visiting
from tollgate.portal.call_periods import midnight_at, periods, presets
from tollgate.portal.calls import DAYS_MOST
from tollgate.store.models import Contact

VILNIUS = ZoneInfo("Europe/Vilnius")
SUNDAY = date(2026, 11, 1)


def test_the_periods_of_a_day_are_those_of_the_calendar() -> None:
    assert periods(SUNDAY) == (
        ("Today", SUNDAY, None),
        ("Yesterday", date(2026, 10, 31), SUNDAY),
        ("This week", date(2026, 10, 26), None),
        ("Last 7 days", date(2026, 10, 26), None),
        ("Last 30 days", date(2026, 10, 3), None),
        ("This month", SUNDAY, None),
        ("Last month", date(2026, 10, 1), SUNDAY),
    )


def test_a_day_begins_at_the_visitors_midnight_also_where_the_clock_changes() -> None:
    assert midnight_at(date(2026, 10, 25), VILNIUS) == datetime(2026, 10, 24, 21, tzinfo=UTC)
    assert midnight_at(date(2026, 10, 26), VILNIUS) == datetime(2026, 10, 25, 22, tzinfo=UTC), "25 hours"
    asked = parse_qs(presets({}, date(2026, 10, 26), VILNIUS)[1].address.removeprefix("?"))
    assert asked == {"f.from": ["2026-10-24T21:00"], "f.until": ["2026-10-25T22:00"]}


@given(on=st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_every_period_begins_within_what_the_list_holds_and_one_is_chosen_by_its_own_address(on: date) -> None:
    for words, from_on, until_on in periods(on):
        assert on - timedelta(days=DAYS_MOST - 1) < from_on <= on, words
        assert until_on is None or from_on < until_on <= on, words
    for preset in presets({"sort": "started_at"}, on, VILNIUS):
        kept = {name: values[0] for name, values in parse_qs(preset.address.removeprefix("?")).items()}
        assert kept.pop("sort") == "started_at", "all else stays"
        chosen = [again for again in presets(kept, on, VILNIUS) if again.chosen]
        assert preset.words in {again.words for again in chosen}
        assert all(parse_qs(again.address[1:]) == {name: [text] for name, text in kept.items()} for again in chosen)
    assert [preset.words for preset in presets({}, on, VILNIUS) if preset.chosen] == ["Today"]
    assert not [preset for preset in presets({"f.until": "2020-01-01"}, on, VILNIUS) if preset.chosen]


@pytest.mark.django_db
def test_the_page_offers_the_periods_by_the_contacts_zone_and_keeps_what_is_asked(cast: PortalCast) -> None:
    Contact.objects.filter(pk=cast.carla.pk).update(zone="Pacific/Kiritimati")
    carla = visiting(cast.carla)
    answer = carla.get("/portal/calls/", {"f.caller": "44", "columns": "cli,release"})
    today, yesterday = answer.context["presets"][:2]
    asked = parse_qs(yesterday.address.removeprefix("?"))
    assert (asked["f.caller"], asked["columns"]) == (["44"], ["cli,release"])
    assert asked["f.from"][0].endswith("T10:00"), "the midnight of a zone that is 14 hours ahead"
    assert (today.chosen, yesterday.chosen) == (True, False)
    page = carla.get(f"/portal/calls/{yesterday.address}")
    assert [preset.words for preset in page.context["presets"] if preset.chosen] == ["Yesterday"]
    assert "Days of Pacific/Kiritimati" in page.content.decode()
    assert page.context["title"] == "Calls"
