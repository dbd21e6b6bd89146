"""When a delayed save is due: what the user picked, read into a moment, and a moment in the user's own time."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

UNITS: Final = {"minutes": timedelta(minutes=1), "hours": timedelta(hours=1), "days": timedelta(days=1)}
DELAY_FIELDS: Final = ("delay_kind", "delay_count", "delay_unit", "delay_at")
FARTHEST: Final = timedelta(days=5 * 366)


class TimeUnfit(ValueError):
    """No moment to come can be made of what was picked; the sentence says what to do."""


def due_at(picked: Mapping[str, str], *, zone: str, at: datetime) -> datetime:
    """The moment after a number of minutes, hours or days, or at a date and time of the user's zone; UTC."""
    due = _on_the_clock(picked, ZoneInfo(zone)) if picked.get("delay_kind") == "at" else _after(picked, at)
    if due <= at:
        raise TimeUnfit("Choose a moment that is still to come.")
    if due > at + FARTHEST:
        raise TimeUnfit("Choose a moment within five years.")
    return due


def shown_at(moment: datetime, zone: str) -> str:
    """A moment by the clock of a zone, which is named."""
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S} {zone}"


def _after(picked: Mapping[str, str], at: datetime) -> datetime:
    count, unit = picked.get("delay_count", "").strip(), UNITS.get(picked.get("delay_unit", ""))
    if unit is None or not (count.isascii() and count.isdigit() and 1 <= len(count) <= 5 and int(count)):
        raise TimeUnfit("Give a whole number of minutes, hours or days.")
    return at + int(count) * unit


def _on_the_clock(picked: Mapping[str, str], zone: ZoneInfo) -> datetime:
    try:
        typed = datetime.fromisoformat(picked.get("delay_at", "").strip())
    except ValueError:
        raise TimeUnfit("Choose a date and a time.") from None
    moment = typed.replace(tzinfo=zone).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != typed.replace(tzinfo=None):
        raise TimeUnfit("The clock skips this hour: choose another.")
    return moment
