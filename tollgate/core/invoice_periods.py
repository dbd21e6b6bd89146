"""Periods that bills are written for: days, weeks and months of a zone, one after the other without gap or overlap.

A period begins with the first instant of its first day and ends with that of the next period's, so a night of 23 or 25
hours belongs to one of them whole. To add a schedule, add its word to `begin_on` and to `next_on`.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal

from tollgate.core.hours import zone_info

Frequency = Literal["daily", "weekly", "monthly"]
FREQUENCIES: Final[tuple[Frequency, ...]] = ("daily", "weekly", "monthly")
DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often, on which day, by the calendar of which zone.

    `billing_day` is the ISO weekday (1 to 7) of a weekly schedule and the day of the month of a monthly one, where 29
    to 31 are the last day of a month that is shorter.
    """

    frequency: Frequency
    billing_day: int
    zone: str


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """The stretch that one document bills; `until` is the first instant and the first day after it."""

    from_at: datetime
    until_at: datetime
    from_on: date
    until_on: date


def begin_on(schedule: Schedule, on: date) -> date:
    """The first day of the period that a day lies in."""
    if schedule.frequency == "daily":
        return on
    if schedule.frequency == "weekly":
        assert 1 <= schedule.billing_day <= 7
        return on - timedelta(days=(on.isoweekday() - schedule.billing_day) % 7)
    begin = _day_of_month(on.year, on.month, schedule.billing_day)
    if begin <= on:
        return begin
    year, month = _month_before(on.year, on.month)
    return _day_of_month(year, month, schedule.billing_day)


def next_on(schedule: Schedule, begin: date) -> date:
    """The first day of the period after the one that begins on a day."""
    if schedule.frequency == "daily":
        return begin + DAY
    if schedule.frequency == "weekly":
        return begin + timedelta(days=7)
    year, month = (begin.year + 1, 1) if begin.month == 12 else (begin.year, begin.month + 1)
    return _day_of_month(year, month, schedule.billing_day)


def closed_periods(schedule: Schedule, *, since: datetime, at: datetime) -> Iterator[Period]:
    """The periods that are over at a moment, from the one that `since` lies in, in their order."""
    begin = begin_on(schedule, since.astimezone(zone_info(schedule.zone)).date())
    while True:
        following = next_on(schedule, begin)
        period = period_of(begin, following, schedule.zone)
        if period.until_at > at:
            return
        if period.from_at < period.until_at:  # a zone that crosses the date line skips a day
            yield period
        begin = following


def period_of(from_on: date, until_on: date, zone: str) -> Period:
    """The period of some whole days of a zone."""
    return Period(first_instant(from_on, zone), first_instant(until_on, zone), from_on, until_on)


def first_instant(on: date, zone: str) -> datetime:
    """The first instant of a day in a zone, in UTC. Where the clock leaps over midnight it is the leap."""
    return datetime.combine(on, time(), zone_info(zone)).astimezone(UTC)


def uncovered(period: Period, covered: Iterable[tuple[datetime, datetime]], zone: str) -> list[Period]:
    """What is left of a period when some stretches have been billed already; the period itself when none has."""
    pieces: list[Period] = []
    begin = period.from_at
    for from_at, until_at in sorted(covered):
        if until_at <= begin or from_at >= period.until_at:
            continue
        if from_at > begin:
            pieces.append(_between(begin, from_at, zone))
        begin = until_at
    if begin < period.until_at:
        pieces.append(_between(begin, period.until_at, zone))
    return [period] if len(pieces) == 1 and _same_instants(pieces[0], period) else pieces


def _between(from_at: datetime, until_at: datetime, zone: str) -> Period:
    """A stretch between two instants, with the days of the zone that it touches."""
    last = (until_at - timedelta(microseconds=1)).astimezone(zone_info(zone)).date()
    return Period(from_at, until_at, from_at.astimezone(zone_info(zone)).date(), last + DAY)


def _same_instants(one: Period, other: Period) -> bool:
    return (one.from_at, one.until_at) == (other.from_at, other.until_at)


def _day_of_month(year: int, month: int, day: int) -> date:
    return date(year, month, min(day, monthrange(year, month)[1]))


def _month_before(year: int, month: int) -> tuple[int, int]:
    return (year - 1, 12) if month == 1 else (year, month - 1)
