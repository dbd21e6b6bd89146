"""Packages: when they fall due, which part of a period is paid, and which free minutes a call uses first.

Days are days of the customer's billing zone. A period goes from one due day to the next; the first and the last may be
parts. To add a frequency, add its member to `Frequency` and say in `_falls_due` on which days it does.
"""

import calendar
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from tollgate.core.hours import zone_info
from tollgate.core.money import Method, divide

DAY: Final = timedelta(days=1)
SECONDS: Final = "SEC"
"""What stands for a currency where minutes are kept; no currency of ISO 4217 is called so."""
SECOND_MICROS: Final = 10**6
"""Minutes are counted like money: in micros, here of a second."""
NEVER: Final = datetime.max.replace(tzinfo=UTC)


class Frequency(StrEnum):
    """How often a package falls due; `none` is once."""

    none = "none"
    daily = "daily"
    weekly = "weekly"
    monthly = "monthly"


class PackageInvalid(ValueError):
    """A package that cannot be; the sentence says what to do."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a package falls due for one customer: its first day, its last one, and the days in between.

    `match_days` are days of the month (one that a month lacks is its last day) or of the week (1 is Monday); without
    any, periods are counted from the first day. `prorate`: parts of a period are paid by their days; otherwise the part
    before the first due day is free and without minutes, and the last period is paid whole.
    """

    frequency: Frequency
    starts_on: date
    ends_on: date | None = None
    match_days: tuple[int, ...] = ()
    prorate: bool = True


@dataclass(frozen=True, slots=True)
class Period:
    """What is paid at once: its days, and how many of how many days that is. `until_on` is the first day after.

    One that never ends has no `until_on`.
    """

    from_on: date
    until_on: date | None
    days: int = 1
    whole_days: int = 1

    def share(self, whole: int) -> int:
        """The part of a whole that is paid, to the nearest."""
        return divide(whole * self.days, self.whole_days, Method.half_up)


def check_days(frequency: Frequency, match_days: Sequence[int]) -> tuple[int, ...]:
    """The match days in their order, each once. Raises PackageInvalid."""
    most = {Frequency.weekly: 7, Frequency.monthly: 31}.get(frequency, 0)
    if match_days and not most:
        raise PackageInvalid("Days to match are for packages by week or month: leave them out.")
    if any(not 1 <= day <= most for day in match_days):
        raise PackageInvalid(f"Give days from 1 to {most}.")
    return tuple(sorted(set(match_days)))


def first_period(schedule: Schedule) -> Period | None:
    """The first period that is paid; none when the package ends before it begins."""
    starts_on = schedule.starts_on
    if schedule.frequency is Frequency.none or schedule.prorate or _falls_due(schedule, starts_on):
        return period_from(schedule, starts_on)
    return period_from(schedule, _next_due(schedule, starts_on))


def period_from(schedule: Schedule, from_on: date) -> Period | None:
    """The period that begins on a day; none beyond the last day."""
    ends_on = schedule.ends_on
    if ends_on is not None and from_on > ends_on:
        return None
    if schedule.frequency is Frequency.none:
        return Period(from_on, None if ends_on is None else ends_on + DAY)
    until_on = _next_due(schedule, from_on)
    if not schedule.prorate:
        return Period(from_on, until_on)
    whole_days = (until_on - _last_due(schedule, from_on)).days
    if ends_on is not None:
        until_on = min(until_on, ends_on + DAY)
    return Period(from_on, until_on, (until_on - from_on).days, whole_days)


def following(schedule: Schedule, period: Period) -> Period | None:
    """The period after one; none after the last."""
    if schedule.frequency is Frequency.none or period.until_on is None:
        return None
    return period_from(schedule, period.until_on)


def periods(schedule: Schedule, *, since_on: date | None, until_on: date) -> Iterator[Period]:
    """The periods that begin from `since_on` (the first one without it) to before `until_on`, in their order."""
    period = first_period(schedule) if since_on is None else period_from(schedule, since_on)
    while period is not None and period.from_on < until_on:
        yield period
        period = following(schedule, period)


def minutes_end_on(schedule: Schedule, period: Period, *, rollover: bool) -> date | None:
    """The first day on which minutes of a period are no longer used; with rollover they live one period longer."""
    after = following(schedule, period) if rollover else None
    return period.until_on if after is None else after.until_on


def granted_s(minutes: int, quantity: int, period: Period) -> int:
    """The seconds that come with a period."""
    return period.share(minutes * 60 * quantity)


def shortfall_micros(least_micros: int, used_micros: int) -> int:
    """What is missing to the least that a period costs."""
    return max(0, least_micros - used_micros)


def earliest_end_on(starts_on: date, minimum_days: int) -> date:
    """The first day that may be the last one."""
    return starts_on + max(0, minimum_days - 1) * DAY


def midnight(day: date, zone: str) -> datetime:
    """The instant at which a day begins in a zone."""
    return datetime.combine(day, time.min, zone_info(zone)).astimezone(UTC)


def charge_key(customer_package_id: int, period: Period) -> str:
    """What makes a period be charged once."""
    return f"package {customer_package_id} {period.from_on.isoformat()}"


def setup_key(customer_package_id: int) -> str:
    """What makes the start of a package be charged once."""
    return f"package {customer_package_id} setup"


def correction_key(customer_package_id: int, from_on: date, entry_id: int) -> str:
    """What makes a period be charged once more for a correction of its calls."""
    return f"package {customer_package_id} {from_on.isoformat()} correction {entry_id}"


def read_prefixes(text: str) -> tuple[str, ...]:
    """The prefixes of a text such as `44|91|1` or `^44|^91|^1`, each once. Raises PackageInvalid."""
    found = [part.strip().removeprefix("^").removeprefix("+") for part in text.replace(",", "|").split("|")]
    for prefix in found:
        if prefix and not (prefix.isascii() and prefix.isdigit() and len(prefix) <= 18):
            raise PackageInvalid("Give prefixes of digits, such as 44|91|1.")
    return tuple(dict.fromkeys(prefix for prefix in found if prefix))


def matched(prefixes: Iterable[str], number: str) -> int | None:
    """How many digits of a number the longest of the prefixes matches; None for no prefix, 0 where there are none."""
    listed = tuple(prefixes)
    if not listed:
        return 0
    return max((len(prefix) for prefix in listed if number.startswith(prefix)), default=None)


def _falls_due(schedule: Schedule, day: date) -> bool:
    """Whether what falls due again and again does so on that day."""
    match schedule.frequency:
        case Frequency.weekly:
            return day.isoweekday() in (schedule.match_days or (schedule.starts_on.isoweekday(),))
        case Frequency.monthly:
            days = schedule.match_days or (schedule.starts_on.day,)
            last = calendar.monthrange(day.year, day.month)[1]
            return day.day in days or (day.day == last and max(days) > last)
        case _:
            return True


def _next_due(schedule: Schedule, day: date) -> date:
    """The first due day after a day."""
    day += DAY
    while not _falls_due(schedule, day):
        day += DAY
    return day


def _last_due(schedule: Schedule, day: date) -> date:
    """The last due day up to a day, that included; it may lie before the package begins."""
    while not _falls_due(schedule, day):
        day -= DAY
    return day
