"""The periods of one press above the list of calls: whole days of the visitor's zone.

To add one, add its line to `periods`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

FROM: Final = "f.from"
UNTIL: Final = "f.until"
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Preset:
    """A period to choose: its words, the address that asks for it, and whether it is the one that is shown."""

    words: str
    address: str
    chosen: bool


def periods(on: date) -> tuple[tuple[str, date, date | None], ...]:
    """Each period as seen on a day: its words, its first day, and the day before which it ends if it has ended."""
    month = on.replace(day=1)
    return (
        ("Today", on, None),
        ("Yesterday", on - _DAY, on),
        ("This week", on - on.weekday() * _DAY, None),
        ("Last 7 days", on - 6 * _DAY, None),
        ("Last 30 days", on - 29 * _DAY, None),
        ("This month", month, None),
        ("Last month", (month - _DAY).replace(day=1), month),
    )


def midnight_at(on: date, zone: ZoneInfo) -> datetime:
    """When a day begins there, as UTC; days of clock changes have 23 or 25 hours."""
    return datetime.combine(on, time(), zone).astimezone(UTC)


def presets(kept: Mapping[str, str], on: date, zone: ZoneInfo) -> list[Preset]:
    """The periods with everything else of the address as it is; where it asks for none, today is shown.

    On some days two are the same period, such as this week and today on a Monday: both are chosen then.
    """
    shown = {name: kept[name] for name in (FROM, UNTIL) if name in kept}
    rest = {name: text for name, text in kept.items() if name not in (FROM, UNTIL)}
    found: list[Preset] = []
    for words, from_on, until_on in periods(on):
        asked = {FROM: _minute(from_on, zone)} | ({UNTIL: _minute(until_on, zone)} if until_on else {})
        chosen = shown == asked if shown else not found
        found.append(Preset(words, f"?{urlencode(asked | rest)}", chosen))
    return found


def _minute(on: date, zone: ZoneInfo) -> str:
    return midnight_at(on, zone).strftime("%Y-%m-%dT%H:%M")
