"""Hours as people write them in one cell: `Europe/Vilnius; Mon-Fri 08:00-20:00; Sat 09:00-13:00; not 2026-12-25`.

The zone comes first, then windows and days without calls, in any order. To read another kind of part, add it to `read`.
"""

import re
from datetime import date
from typing import Final

from tollgate.core.hours import Hours, HoursInvalid, Window

DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
EXAMPLE: Final = "Europe/Vilnius; Mon-Fri 08:00-20:00; not 2026-12-25"
_WINDOW: Final = re.compile(
    r"(?P<first>[a-z]{2,9})(?:-(?P<last>[a-z]{2,9}))? (?P<from>\d\d?:\d\d)-(?P<until>\d\d?:\d\d)", re.ASCII
)
_MOST_MINUTE: Final = 59


def read(text: str) -> Hours:
    """The hours that a text says. Raises HoursInvalid with what is wrong and an example."""
    zone, *parts = [part.strip() for part in re.split(r"[;,\n]", text) if part.strip()] or [""]
    windows: list[Window] = []
    holidays: set[date] = set()
    for part in parts:
        word, _, rest = part.partition(" ")
        if word.lower() == "not":
            holidays.add(_day(rest.strip()))
        else:
            windows += _windows(part)
    return Hours(zone, tuple(windows), frozenset(holidays))


def _windows(part: str) -> list[Window]:
    found = _WINDOW.fullmatch(re.sub(r"\s*-\s*", "-", " ".join(part.lower().split())))
    if found is None:
        raise HoursInvalid(f"{part!r} is no window: write it such as {EXAMPLE}")
    first = _weekday(found["first"], part)
    last = _weekday(found["last"], part) if found["last"] else first
    count = (last - first) % len(DAYS) + 1
    from_minute, until_minute = (_minute(found[name], part) for name in ("from", "until"))
    return [Window((first + place) % len(DAYS) + 1, from_minute, until_minute) for place in range(count)]


def _weekday(word: str, part: str) -> int:
    """Its place in the week, from 0. Two letters are enough."""
    for place, name in enumerate(DAYS):
        if name.startswith(word):
            return place
    raise HoursInvalid(f"{part!r}: {word!r} is no day of the week, such as Mon or Monday.")


def _minute(text: str, part: str) -> int:
    hour, minute = map(int, text.split(":"))
    if minute > _MOST_MINUTE:
        raise HoursInvalid(f"{part!r}: {text} is no time, such as 08:30 or 24:00.")
    return hour * 60 + minute


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise HoursInvalid(f"{text!r} is no day, such as 2026-12-25.") from None
