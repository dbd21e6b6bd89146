"""Claims about day and time windows, and about the nights when clocks are changed."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tollgate.core.hours import Hours, HoursInvalid, Window, from_json, next_wall_change, to_json, zone_info

OFFICE = Hours("Europe/Vilnius", tuple(Window(weekday, 8 * 60, 20 * 60) for weekday in range(1, 6)))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_without_windows_calls_are_always_allowed() -> None:
    assert Hours("UTC").allows(utc("2026-01-04T03:00"))
    assert Hours("UTC").next_change(utc("2026-01-04T03:00")) is None


@pytest.mark.parametrize(
    ("at", "allowed"),
    [
        ("2026-01-05T05:59:59.999999", False),  # Monday 07:59 in Vilnius
        ("2026-01-05T06:00:00", True),
        ("2026-01-05T17:59:59", True),
        ("2026-01-05T18:00:00", False),
        ("2026-01-04T12:00:00", False),  # Sunday
        ("2026-07-06T05:00:00", True),  # summer time
    ],
)
def test_a_window_includes_its_start_and_excludes_its_end(at: str, allowed: bool) -> None:
    assert OFFICE.allows(utc(at)) is allowed


def test_a_window_until_midnight_lasts_to_the_last_instant_of_the_day() -> None:
    evening = Hours("UTC", (Window(1, 1200, 1440),))
    assert evening.allows(utc("2026-01-05T23:59:59.999999"))
    assert not evening.allows(utc("2026-01-06T00:00:00"))


def test_a_holiday_is_refused_all_day() -> None:
    hours = Hours("America/New_York", (), frozenset({date(2026, 12, 25)}))
    assert hours.allows(utc("2026-12-25T04:59:59"))
    assert not hours.allows(utc("2026-12-25T05:00:00"))
    assert not hours.allows(utc("2026-12-26T04:59:59"))
    assert hours.allows(utc("2026-12-26T05:00:00"))
    assert hours.next_change(utc("2026-01-01T00:00")) == utc("2026-12-25T05:00")
    assert hours.next_change(utc("2026-12-25T06:00")) == utc("2026-12-26T05:00")


def test_nobody_looks_further_for_a_change_than_is_asked() -> None:
    hours, change = Hours("UTC", holidays=frozenset({date(9000, 1, 1), date(2026, 12, 25)})), utc("2026-12-25T00:00")
    at = utc("2026-12-20T00:00")
    assert hours.next_change(at, until=change) == hours.next_change(at) == change
    assert hours.next_change(at, until=change - timedelta(microseconds=1)) is None
    assert hours.next_change(utc("2026-12-27T00:00"), until=utc("2026-12-29T00:00")) is None


@pytest.mark.parametrize(
    ("zone", "night", "repeated"),
    [
        ("Europe/Vilnius", "2026-03-29", False),  # 03:00 becomes 04:00
        ("Europe/Vilnius", "2026-10-25", True),  # 04:00 becomes 03:00
        ("America/New_York", "2026-03-08", False),  # 02:00 becomes 03:00
        ("America/New_York", "2026-11-01", True),  # 02:00 becomes 01:00
    ],
)
def test_both_nights_of_a_clock_change_follow_what_the_clock_shows(zone: str, night: str, repeated: bool) -> None:
    """The window is the half hour that is skipped or repeated: open for none of that night, or for two half hours."""
    hour = {"Europe/Vilnius": 3, "America/New_York": 1 if repeated else 2}[zone]
    day = date.fromisoformat(night)
    hours = Hours(zone, (Window(day.isoweekday(), hour * 60 + 30, hour * 60 + 60),))
    start = datetime.combine(day, datetime.min.time(), zone_info(zone)).astimezone(UTC)
    minutes = [start + timedelta(minutes=minute) for minute in range(23 * 60)]
    assert sum(hours.allows(minute) for minute in minutes) == (60 if repeated else 0)
    changes = []
    moment = hours.next_change(start)
    while moment is not None and moment < start + timedelta(hours=23):
        changes.append(moment)
        moment = hours.next_change(moment)
    flips = [later for earlier, later in pairwise(minutes) if hours.allows(earlier) != hours.allows(later)]
    assert changes == flips
    assert len(changes) == (4 if repeated else 0)


@pytest.mark.parametrize("zone", ["Europe/London", "America/Sao_Paulo", "America/Havana", "Australia/Lord_Howe"])
def test_the_next_wall_change_never_jumps_over_a_boundary(zone: str) -> None:
    """Walks a whole year, at least day by day, and meets each clock change as an instant of its own."""
    info = zone_info(zone)
    moment, end = utc("2018-01-01T00:00"), utc("2019-01-01T00:00")
    offsets = {moment.astimezone(info).utcoffset()}
    while moment < end:
        following = next_wall_change(moment, info, (0, 5400))
        assert moment < following <= moment + timedelta(hours=24)
        last = following - timedelta(microseconds=1)
        assert last.astimezone(info).utcoffset() == moment.astimezone(info).utcoffset()
        local = following.astimezone(info)
        at_boundary = (local.hour, local.minute, local.second) in ((0, 0, 0), (1, 30, 0))
        assert at_boundary or local.utcoffset() != last.astimezone(info).utcoffset()
        offsets.add(local.utcoffset())
        moment = following
    assert len(offsets) == 2


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(["UTC", "Europe/Vilnius", "America/St_Johns", "Asia/Kathmandu"]),
    rows=st.lists(st.tuples(st.integers(1, 7), st.integers(0, 1439), st.integers(1, 1440)), max_size=4),
    holidays=st.frozensets(st.dates(date(2026, 3, 25), date(2026, 4, 5)), max_size=2),
    minute=st.integers(0, 14 * 1440),
)
def test_until_the_next_change_nothing_changes(
    zone: str, rows: list[tuple[int, int, int]], holidays: frozenset[date], minute: int
) -> None:
    windows = tuple(Window(day, begin, end) for day, begin, end in rows if begin < end)
    hours = Hours(zone, windows, holidays)
    at = utc("2026-03-22T00:00") + timedelta(minutes=minute)
    change = hours.next_change(at)
    last = at + timedelta(days=9) if change is None else change - timedelta(microseconds=1)
    step = (last - at) // 97
    assert all(hours.allows(at + number * step) == hours.allows(at) for number in range(98))
    if change is not None:
        assert hours.allows(change) != hours.allows(at)


def test_hours_survive_being_written_and_read() -> None:
    hours = Hours("Europe/Vilnius", (Window(1, 0, 1440), Window(2, 510, 1200)), frozenset({date(2026, 12, 25)}))
    written = to_json(hours)
    assert written["windows"] == [
        {"weekday": 1, "from": "00:00", "until": "24:00"},
        {"weekday": 2, "from": "08:30", "until": "20:00"},
    ]
    assert from_json(written) == hours
    assert from_json({"zone": "UTC"}) == Hours("UTC")


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ([], "hours: must be an object"),
        ({}, "zone: must be the name of a zone"),
        ({"zone": "Mars/Base"}, "zone: 'Mars/Base' is not a zone"),
        ({"zone": "../etc"}, "zone: '../etc' is not a zone"),
        ({"zone": "UTC", "day": 1}, "day: is not a field of hours"),
        ({"zone": "UTC", "windows": {}}, "windows: must be a list"),
        ({"zone": "UTC", "windows": [3]}, r"windows\[0\]: must be an object"),
        ({"zone": "UTC", "holidays": ["25.12."]}, r"holidays\[0\]: must be a day"),
        ({"zone": "UTC", "holidays": [25]}, r"holidays\[0\]: must be a day"),
    ],
)
def test_a_bad_table_is_refused_by_the_name_of_its_field(data: Any, complaint: str) -> None:
    with pytest.raises(HoursInvalid, match=complaint):
        from_json(data)


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"weekday": 8}, "weekday: must be 1"),
        ({"weekday": True}, "weekday: must be 1"),
        ({"weekday": "1"}, "weekday: must be 1"),
        ({"from": "24:00"}, "from: must be a time from 00:00 to 23:59"),
        ({"from": None}, "from: must be a time such as"),
        ({"from": "8:00"}, "from: must be a time such as"),
        ({"from": "0x:00"}, "from: must be a time such as"),
        ({"until": "25:00"}, "until: must be a time such as"),
        ({"until": "24:01"}, "until: must be after `from` and at most 24:00"),
        ({"until": "08:00"}, "until: must be after `from`"),
        ({"minutes": 1}, "minutes: is not a field of a window"),
    ],
)
def test_a_bad_row_is_named_with_its_field(changed: dict[str, object], complaint: str) -> None:
    good = {"weekday": 1, "from": "08:00", "until": "20:00"}
    with pytest.raises(HoursInvalid, match=rf"^windows\[1\]\.{complaint}"):
        from_json({"zone": "UTC", "windows": [good, good | changed]})


@pytest.mark.parametrize(
    ("zone", "clock"),
    [("Etc/GMT-14", "UTC+14"), ("Etc/GMT+5", "UTC-5"), ("Etc/GMT+0", "UTC+0"), ("Etc/GMT", "Etc/GMT"), ("UTC", "UTC")],
)
def test_a_zone_without_summer_time_is_told_by_its_distance_from_utc(zone: str, clock: str) -> None:
    assert Hours(zone).clock == clock
