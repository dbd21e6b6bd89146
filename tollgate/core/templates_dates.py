"""How templates of messages write days and moments: by a pattern, in a language, a moment in its reader's zone.

A pattern is made of the signs of `_WRITE`; words stand in [brackets], other signs stay as they are. To add a language,
add its months and days to `core.languages.DATE_NAMES`; to add a sign, its line to `_WRITE` and the row in
docs/how-to/mail-and-sms.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Final

from tollgate.core.hours import zone_info
from tollgate.core.languages import DATE_NAMES
from tollgate.core.templates_helpers import HelperRefused

PATTERN_MOST: Final = 100
TEXT_MOST: Final = 40
DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
MOMENT: Final = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d)?)(?:\.\d+)?( ?UTC|Z|[+-]\d\d:\d\d)?", re.ASCII)
PART: Final = re.compile(r"\[([^\[\]]*)\]|([A-Za-z]+)|([^A-Za-z\[\]]+)", re.ASCII)
SIGN: Final = re.compile(r"([A-Za-z])\1*")
LANGUAGE: Final = "en"


def _name(kind: int, place: int, language: str) -> str:
    return DATE_NAMES[language][kind].split()[place]


_WRITE: Final[Mapping[str, Callable[[datetime, str], str]]] = {
    "YYYY": lambda at, _: f"{at.year:04d}",
    "YY": lambda at, _: f"{at.year % 100:02d}",
    "MMMM": lambda at, language: _name(0, at.month - 1, language),
    "MMM": lambda at, language: _name(1, at.month - 1, language),
    "MM": lambda at, _: f"{at.month:02d}",
    "M": lambda at, _: str(at.month),
    "DD": lambda at, _: f"{at.day:02d}",
    "D": lambda at, _: str(at.day),
    "dddd": lambda at, language: _name(2, at.weekday(), language),
    "ddd": lambda at, language: _name(3, at.weekday(), language),
    "HH": lambda at, _: f"{at.hour:02d}",
    "H": lambda at, _: str(at.hour),
    "hh": lambda at, _: f"{(at.hour - 1) % 12 + 1:02d}",
    "h": lambda at, _: str((at.hour - 1) % 12 + 1),
    "mm": lambda at, _: f"{at.minute:02d}",
    "m": lambda at, _: str(at.minute),
    "ss": lambda at, _: f"{at.second:02d}",
    "s": lambda at, _: str(at.second),
    "A": lambda at, _: "AM" if at.hour < 12 else "PM",
    "a": lambda at, _: "am" if at.hour < 12 else "pm",
    "Z": lambda at, _: f"{at:%z}"[:3] + ":" + f"{at:%z}"[3:5],
    "z": lambda at, _: at.tzname() or "",
}


def date_format(text: str, pattern: str, *, language: str, zone: str) -> str:
    """A day as `YYYY-MM-DD`, or a moment such as `2026-12-31 23:59 UTC`, by a pattern; an empty text stays empty.

    A day is the same everywhere; a moment is written in the zone. Raises HelperRefused.
    """
    parts = _parts(pattern)
    if not text.strip():
        return ""
    at, tongue = _moment(text.strip(), zone), language.replace("_", "-").partition("-")[0].lower()
    names = tongue if tongue in DATE_NAMES else LANGUAGE
    return "".join(_WRITE[part](at, names) if is_sign else part for part, is_sign in parts)


def _parts(pattern: str) -> list[tuple[str, bool]]:
    """The signs and words of a pattern, each with whether it is a sign."""
    if not pattern or len(pattern) > PATTERN_MOST:
        raise HelperRefused(f"Give a pattern of at most {PATTERN_MOST} signs, such as D MMMM YYYY.")
    found: list[tuple[str, bool]] = []
    at = 0
    while at < len(pattern):
        part = PART.match(pattern, at)
        if part is None:
            raise HelperRefused("A bracket of the pattern has no other that belongs to it.")
        words, signs, other = part.groups()
        if signs is None:
            found.append((words if words is not None else other, False))
        else:
            found += ((_sign(one[0]), True) for one in SIGN.finditer(signs))
        at = part.end()
    return found


def _sign(sign: str) -> str:
    if sign not in _WRITE:
        raise HelperRefused(f"{sign} is no sign of a date: use {' '.join(_WRITE)}, and put words in [brackets].")
    return sign


def _moment(text: str, zone: str) -> datetime:
    """The moment in its zone; a day is its midnight in UTC."""
    known = text if len(text) <= TEXT_MOST else ""
    try:
        if DAY.fullmatch(known):
            on = date.fromisoformat(known)
            return datetime(on.year, on.month, on.day, tzinfo=UTC)
        if found := MOMENT.fullmatch(known):
            offset = "+00:00" if (found[3] or "UTC").strip() in ("UTC", "Z") else found[3]
            return datetime.fromisoformat(f"{found[1]}T{found[2]}{offset}").astimezone(zone_info(zone))
    except (ValueError, OverflowError):
        pass
    raise HelperRefused(f"“{text[:TEXT_MOST]}” is no date.")
