"""Hours: when something is allowed, by the wall clock of a zone, right on the nights when the clock is changed.

`Hours` is what a customer's day/time table becomes. `zone_info` and `next_wall_change` serve everything that follows a
wall clock (rate windows too). To add another kind of limit, give `Hours` a field, obey it in `allows`, and make sure
that `next_change` looks far enough ahead.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY_MINUTES = 1440
_FIXED = "Etc/GMT"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = timedelta(microseconds=1)


class ZoneUnknown(ValueError):
    """Not a zone of the IANA database."""


class HoursInvalid(ValueError):
    """A table that cannot be; the text begins with the path of the bad field, such as "windows[2].until"."""


@dataclass(frozen=True, slots=True)
class Window:
    """Allowed on one ISO weekday (1 = Monday) from a minute of the day to another, the last one excluded."""

    weekday: int
    from_minute: int
    until_minute: int

    def __post_init__(self) -> None:
        if not 1 <= self.weekday <= 7:
            raise HoursInvalid("weekday: must be 1 (Monday) to 7 (Sunday).")
        if not 0 <= self.from_minute < DAY_MINUTES:
            raise HoursInvalid("from: must be a time from 00:00 to 23:59.")
        if not self.from_minute < self.until_minute <= DAY_MINUTES:
            raise HoursInvalid("until: must be after `from` and at most 24:00; past midnight takes a second window.")


@dataclass(frozen=True, slots=True)
class Hours:
    """When calls are allowed: inside a window (without windows: always), never on a holiday, by the zone's wall clock.

    On a night that repeats an hour, both passes are judged by what the clock shows; a skipped hour does not exist.
    """

    zone: str
    windows: tuple[Window, ...] = ()
    holidays: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        try:
            zone_info(self.zone)
        except ZoneUnknown as unknown:
            raise HoursInvalid(f"zone: {unknown}") from unknown

    @property
    def clock(self) -> str:
        """Its zone as people read it: POSIX, and the IANA database with it, writes UTC+2 as Etc/GMT-2."""
        offset = self.zone.removeprefix(_FIXED)
        return f"UTC{-int(offset):+d}" if offset != self.zone and offset[1:].isdecimal() else self.zone

    def allows(self, at: datetime) -> bool:
        """Whether a call may start at this instant."""
        local = at.astimezone(zone_info(self.zone))
        if local.date() in self.holidays:
            return False
        if not self.windows:
            return True
        weekday, minute = local.isoweekday(), local.hour * 60 + local.minute
        return any(
            window.weekday == weekday and window.from_minute <= minute < window.until_minute for window in self.windows
        )

    def next_change(self, at: datetime, *, until: datetime | None = None) -> datetime | None:
        """The first instant after `at` (in UTC) when the answer of `allows` differs from now; None if it never does.

        With `until` nobody looks further: None too when nothing differs up to it.
        """
        zone = zone_info(self.zone)
        today = at.astimezone(zone).date()
        horizon_on = max((today, *self.holidays)) + timedelta(days=9)
        minutes = {0} | {window.from_minute for window in self.windows} | {w.until_minute for w in self.windows}
        boundaries_s = tuple(sorted(60 * minute for minute in minutes if minute < DAY_MINUTES))
        now_allowed = self.allows(at)
        moment = next_wall_change(at, zone, boundaries_s)
        while moment.astimezone(zone).date() < horizon_on and (until is None or moment <= until):
            if self.allows(moment) != now_allowed:
                return moment
            moment = next_wall_change(moment, zone, boundaries_s)
        return None


@lru_cache(maxsize=1024)
def zone_info(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises ZoneUnknown."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as unknown:
        raise ZoneUnknown(f"{name!r} is not a zone of the IANA database.") from unknown


def next_wall_change(at: datetime, zone: ZoneInfo, boundaries_s: tuple[int, ...]) -> datetime:
    """The first instant after `at` (in UTC) when the zone's clock reaches one of the sorted seconds of the day.

    0 must be among them. An instant when the clock itself is changed counts as well, because any wall time may begin
    or end there.
    """
    local = at.astimezone(zone)
    offset = local.utcoffset()
    assert offset is not None
    wall = local.replace(tzinfo=None)
    midnight = wall.replace(hour=0, minute=0, second=0, microsecond=0)
    elapsed = wall - midnight
    ahead = (timedelta(seconds=second) for second in boundaries_s)
    reached = midnight + next((second for second in ahead if second > elapsed), timedelta(days=1))
    moment = (reached - offset).replace(tzinfo=UTC)
    if (moment - _INSTANT).astimezone(zone).utcoffset() == offset:
        return moment
    return _clock_change(at, moment, zone)


def from_json(data: object) -> Hours:
    """Reads {"zone": "Europe/Vilnius", "windows": [{"weekday": 1, "from": "08:00", "until": "20:00"}], "holidays":
    ["2026-12-25"]}. Raises HoursInvalid with the path of the bad field."""
    if not isinstance(data, Mapping):
        raise HoursInvalid("hours: must be an object.")
    for name in data:
        if name not in ("zone", "windows", "holidays"):
            raise HoursInvalid(f"{name}: is not a field of hours.")
    zone = data.get("zone")
    if not isinstance(zone, str):
        raise HoursInvalid("zone: must be the name of a zone, such as Europe/Vilnius.")
    windows = tuple(_window(row, f"windows[{index}]") for index, row in enumerate(_rows(data, "windows")))
    holidays = frozenset(_day(row, f"holidays[{index}]") for index, row in enumerate(_rows(data, "holidays")))
    return Hours(zone, windows, holidays)


def to_json(hours: Hours) -> dict[str, object]:
    """The form that `from_json` reads."""
    return {
        "zone": hours.zone,
        "windows": [
            {"weekday": window.weekday, "from": _clock(window.from_minute), "until": _clock(window.until_minute)}
            for window in hours.windows
        ],
        "holidays": [day.isoformat() for day in sorted(hours.holidays)],
    }


def _clock_change(after: datetime, before: datetime, zone: ZoneInfo) -> datetime:
    """The instant between the two at which the zone's offset first is another than at `after`, to the second."""
    low = int((after - _EPOCH) // timedelta(seconds=1))
    high = -int((_EPOCH - before) // timedelta(seconds=1))
    offset = after.astimezone(zone).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if (_EPOCH + timedelta(seconds=middle)).astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return _EPOCH + timedelta(seconds=high)


def _rows(data: Mapping[str, object], name: str) -> list[object]:
    rows = data.get(name, [])
    if not isinstance(rows, list):
        raise HoursInvalid(f"{name}: must be a list.")
    return rows


def _window(row: object, path: str) -> Window:
    if not isinstance(row, Mapping):
        raise HoursInvalid(f"{path}: must be an object.")
    for name in row:
        if name not in ("weekday", "from", "until"):
            raise HoursInvalid(f"{path}.{name}: is not a field of a window.")
    weekday = row.get("weekday")
    if not isinstance(weekday, int) or isinstance(weekday, bool):
        raise HoursInvalid(f"{path}.weekday: must be 1 (Monday) to 7 (Sunday).")
    from_minute = _minute(row.get("from"), f"{path}.from")
    until_minute = _minute(row.get("until"), f"{path}.until")
    try:
        return Window(weekday, from_minute, until_minute)
    except HoursInvalid as invalid:
        raise HoursInvalid(f"{path}.{invalid}") from None


def _minute(text: object, path: str) -> int:
    if isinstance(text, str) and len(text) == 5 and text[2] == ":" and text.isascii():
        hour, minute = text[:2], text[3:]
        if hour.isdigit() and minute.isdigit() and int(hour) <= 24 and int(minute) < 60:
            return int(hour) * 60 + int(minute)
    raise HoursInvalid(f"{path}: must be a time such as 08:30 or 24:00.")


def _day(text: object, path: str) -> date:
    try:
        return date.fromisoformat(text)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise HoursInvalid(f"{path}: must be a day such as 2026-12-25.") from None


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
