"""What calls came to: totals that add, the ratios of them, and the hours and days that a page shows.

To add a figure, add its total to `Outcome` (and its column, store/sql/schema_outcomes.sql) or a ratio made of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from tollgate.core.summaries import Span, beginning, following, ratio

HOURS_SHOWN: Final = 24
DAYS_SHOWN: Final = 30
HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What some attempts came to. `reached` are those that were answered, rang, met somebody busy or were rejected;
    `rang` those whose post-dial delay is known."""

    attempts: int = 0
    refused: int = 0
    connected: int = 0
    reached: int = 0
    rang: int = 0
    pdd_ms: int = 0
    duration_ms: int = 0

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(**{name: getattr(self, name) + getattr(other, name) for name in MEASURES})

    @property
    def asr_percent(self) -> Decimal | None:
        """Answered calls of a hundred attempts; None without any."""
        return ratio(self.connected * 100, self.attempts, places=1)

    @property
    def ner_percent(self) -> Decimal | None:
        """Calls that reached whom they were for, of a hundred attempts (ITU-T E.425); None without any."""
        return ratio(self.reached * 100, self.attempts, places=1)

    @property
    def acd_s(self) -> int | None:
        """Average whole seconds of an answered call; None without any."""
        found = ratio(self.duration_ms, self.connected * 1000, places=0)
        return None if found is None else int(found)

    @property
    def pdd_s(self) -> Decimal | None:
        """Average seconds until it rang; None where nothing did."""
        return ratio(self.pdd_ms, self.rang * 1000, places=1)


MEASURES: Final = tuple(found.name for found in fields(Outcome))


def summed(outcomes: Iterable[Outcome]) -> Outcome:
    """All of them together."""
    return sum(outcomes, Outcome())


def hours_until(at: datetime) -> list[datetime]:
    """The beginnings of the hours that a page shows, the last of which holds the instant."""
    last = beginning(at, Span.HOUR)
    return [following(last, Span.HOUR, -back) for back in reversed(range(HOURS_SHOWN))]


def days_until(at: datetime, zone: ZoneInfo) -> list[date]:
    """The days of a zone that a page shows, the last of which holds the instant."""
    today = at.astimezone(zone).date()
    return [today - timedelta(days=back) for back in reversed(range(DAYS_SHOWN))]


def since(days: list[date], zone: ZoneInfo) -> datetime:
    """The beginning of the hour in which the first day begins."""
    return beginning(datetime.combine(days[0], time(), zone).astimezone(UTC), Span.HOUR)


def day_of(hour_at: datetime, zone: ZoneInfo) -> date:
    """The day of a zone in which an hour begins: where clocks differ from UTC by half an hour, the hour around midnight
    counts to the day that it began on."""
    return hour_at.astimezone(zone).date()


def by_day(hours: Mapping[datetime, int], days: Iterable[date], zone: ZoneInfo) -> list[int]:
    """What some hours come to on each day."""
    found = dict.fromkeys(days, 0)
    for hour_at, count in hours.items():
        day = day_of(hour_at, zone)
        if day in found:
            found[day] += count
    return list(found.values())
