"""What calls add up to: totals that add, ratios that are made from totals, and the stretches of UTC time.

To add a measure, add its field to `Totals` (and its column to `summary`, store/sql/schema_summaries.sql). To add a
stretch of time, add it to `Span`, `beginning` and `following`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from operator import attrgetter
from typing import Final


class Span(StrEnum):
    """How long one row of a summary is. Weeks begin on Monday (ISO 8601)."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


SHOWN: Final = {Span.HOUR: 24, Span.DAY: 31, Span.WEEK: 26, Span.MONTH: 24}
"""How many rows a summary shows at first."""
ROWS_MOST: Final = 2_000
"""How many rows a period may be told in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What some calls add up to, corrections included. `profitable_micros` is what callers paid for those calls whose
    profit is known: where the carrier is paid in the currency of the price."""

    attempts: int = 0
    refused: int = 0
    connected: int = 0
    duration_ms: int = 0
    billed_s: int = 0
    carrier_billed_s: int = 0
    cost_micros: int = 0
    carrier_cost_micros: int = 0
    profit_micros: int = 0
    profitable_micros: int = 0
    correction_micros: int = 0
    """The part of `cost_micros` that was corrected after the calls."""

    def __add__(self, other: Totals) -> Totals:
        return Totals(**{name: getattr(self, name) + getattr(other, name) for name in MEASURES})

    @classmethod
    def of_all(cls, some: Sequence[Totals]) -> Totals:
        """The sum of all, however many."""
        return cls(**{name: sum(map(attrgetter(name), some)) for name in MEASURES})

    def __sub__(self, other: Totals) -> Totals:
        return Totals(**{name: getattr(self, name) - getattr(other, name) for name in MEASURES})

    @property
    def duration_s(self) -> int:
        """Whole seconds of talk."""
        return self.duration_ms // 1000

    @property
    def asr_percent(self) -> Decimal | None:
        """Connected calls of a hundred attempts; None without any."""
        return ratio(self.connected * 100, self.attempts, places=2)

    @property
    def acd_s(self) -> Decimal | None:
        """Average talk of a connected call; None without any."""
        return ratio(self.duration_ms, self.connected * 1000, places=1)

    @property
    def margin_percent(self) -> Decimal | None:
        """Profit of a hundred paid by callers; None where nothing was paid or no profit is known."""
        return ratio(self.profit_micros * 100, self.profitable_micros, places=2)


MEASURES: Final = tuple(found.name for found in fields(Totals))


@dataclass(frozen=True, slots=True, kw_only=True)
class Resold:
    """What a reseller was charged for the calls of its customers, corrections included. Their attempts, talk and profit
    are in the totals of those customers."""

    calls: int = 0
    billed_s: int = 0
    charge_micros: int = 0
    correction_micros: int = 0
    """The part of `charge_micros` that was corrected after the calls."""


RESOLD: Final = tuple(found.name for found in fields(Resold))


def ratio(numerator: int, denominator: int, *, places: int) -> Decimal | None:
    """The exact ratio rounded once, halves away from zero; None when nothing is divided."""
    if denominator == 0:
        return None
    scaled = abs(numerator) * 10**places
    whole = (2 * scaled + abs(denominator)) // (2 * abs(denominator))
    return Decimal(-whole if (numerator < 0) != (denominator < 0) else whole).scaleb(-places)


def beginning(at: datetime, span: Span) -> datetime:
    """When the stretch began that holds the instant."""
    day = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if span is Span.HOUR:
        return day
    day = day.replace(hour=0)
    if span is Span.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if span is Span.MONTH else day


def following(begun_at: datetime, span: Span, count: int = 1) -> datetime:
    """The beginning so many stretches after a beginning (before it, when below zero)."""
    if span is Span.MONTH:
        months = begun_at.year * 12 + begun_at.month - 1 + count
        return begun_at.replace(year=months // 12, month=months % 12 + 1)
    return begun_at + count * {Span.HOUR: timedelta(hours=1), Span.DAY: timedelta(days=1)}.get(span, timedelta(weeks=1))


def shown(span: Span, at: datetime) -> tuple[datetime, datetime]:
    """The period a summary shows at first: so many stretches, the last is the one that holds the instant."""
    until_at = following(beginning(at, span), span)
    return following(until_at, span, -SHOWN[span]), until_at


def stretches(span: Span, from_at: datetime, until_at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Every stretch that has a part of the period, whole."""
    begun_at = beginning(from_at, span)
    while begun_at < until_at:
        ended_at = following(begun_at, span)
        yield begun_at, ended_at
        begun_at = ended_at
