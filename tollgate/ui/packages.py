"""What packages are called on pages, those of the operator and those of its customers: a function for each word."""

from __future__ import annotations

from typing import Final

from tollgate.core.packages import Frequency
from tollgate.store.models import Package

OFTEN: Final = {"none": "Once", "daily": "Daily", "weekly": "Weekly", "monthly": "Monthly"}
WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def falls_due(package: Package) -> str:
    """When a package falls due, in words."""
    words = OFTEN[package.frequency]
    if not package.match_days:
        return words
    if package.frequency == Frequency.weekly:
        return f"{words}: {', '.join(WEEKDAYS[day - 1] for day in package.match_days)}"
    return f"{words}: day {', '.join(map(str, package.match_days))}"


def where_to(prefixes: list[str]) -> str:
    """Where free minutes lead."""
    return "|".join(prefixes) or "every number"


def clock(duration_s: int) -> str:
    """Seconds as 1:02:03 or 2:03."""
    hours, rest = divmod(duration_s, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"
