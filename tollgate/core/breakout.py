"""The breakout: calls grouped by what one likes, over a period, and when a saved one is mailed.

A dimension is what calls are grouped by, a measure what is told of each group. To add a dimension: its line here and
its expression in `store/queries/breakout.py`; a measure: its line here and its field or property in `core.summaries`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from tollgate.core.money import format_micros
from tollgate.core.summaries import Span, beginning, following

NUMBERS_SPAN: Final = timedelta(days=184)
"""The longest period that is told by number: six months."""
ROWS_MOST: Final = 10_000
"""The groups that a page tells; of more it tells the first by some figure, and the others as one line."""
MAILED_MOST: Final = 100_000
"""Those that a mailed file tells."""
MAILED_HOUR: Final = 6
"""When reports are mailed, UTC: the day before is complete."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """`bought` ones tell of carriers: not for who may not read what calls cost us. `by_number` ones are read from the
    calls themselves."""

    title: str
    bought: bool = False
    by_number: bool = False


@dataclass(frozen=True, slots=True)
class Measure:
    """What is told of each group, and the heading it stands under."""

    title: str
    group: str
    bought: bool = False


DIMENSIONS: Final[Mapping[str, Dimension]] = {
    "month": Dimension("Month"),
    "week": Dimension("Week from"),
    "day": Dimension("Day"),
    "hour": Dimension("Hour"),
    "customer": Dimension("Customer"),
    "reseller": Dimension("Reseller"),
    "account_manager": Dimension("Account manager"),
    "carrier": Dimension("Carrier", bought=True),
    "country": Dimension("Country"),
    "destination": Dimension("Destination"),
    "prefix": Dimension("Prefix"),
    "route": Dimension("Ingress route"),
    "tech_prefix": Dimension("Tech prefix"),
    "number": Dimension("Number", by_number=True),
    "cli": Dimension("CLI", by_number=True),
}
MEASURES: Final[Mapping[str, Measure]] = {
    "attempts": Measure("Attempts", "Calls"),
    "refused": Measure("Refused", "Calls"),
    "connected": Measure("Connected", "Calls"),
    "asr_percent": Measure("ASR", "Calls"),
    "acd_s": Measure("ACD", "Calls"),
    "duration_s": Measure("Duration", "Time"),
    "billed_s": Measure("Billed", "Time"),
    "carrier_billed_s": Measure("Billed by carriers", "Time", bought=True),
    "cost_micros": Measure("Customer charge", "Money"),
    "correction_micros": Measure("Of it corrections", "Money"),
    "carrier_cost_micros": Measure("Carrier cost", "Money", bought=True),
    "profit_micros": Measure("Profit", "Money", bought=True),
    "margin_percent": Measure("Profit", "Money", bought=True),
}
FILTERS: Final[Mapping[str, str]] = {
    "customer": "Customer",
    "carrier": "Carrier",
    "destination": "Destination",
    "prefix": "Prefix",
    "number": "Number",
    "did": "DID as CLI",
}
OF_CALLS: Final = frozenset({"number", "did"})
"""Filters that ask the calls themselves."""
ALL_DIDS: Final = "yes"
"""What the filter by DIDs says of all of them."""
_OF_DIDS: Final = re.compile(rf"\s*(?:\+?[0-9]+|{ALL_DIDS})\s*", re.IGNORECASE)
BOUGHT_FILTERS: Final = frozenset({"carrier"})
LISTED: Final = frozenset({"customer", "carrier"})
"""Filters that take several names, with semicolons between: any of them is meant. One in quotes is a whole name."""
PART_OF_NAMES: Final = re.compile(r'\s*(?:"(?P<whole>(?:[^"]|"")*)"\s*(?:;|$)|(?P<part>[^;]*)(?:;|$))')
MOMENTS: Final = {"month": "%Y-%m", "week": "%Y-%m-%d", "day": "%Y-%m-%d", "hour": "%Y-%m-%d %H:00"}
"""How dimensions of time are told."""
UNITS: Final = {"percent": "%", "s": "s"}
PERIODS: Final[Mapping[str, str]] = {
    "today": "Today",
    "yesterday": "Yesterday",
    "last_7_days": "The last 7 days",
    "last_week": "Last week",
    "this_month": "This month",
    "last_month": "Last month",
}
FREQUENCIES: Final[Mapping[str, str]] = {
    "never": "Not mailed",
    "daily": "Every day",
    "weekly": "Every Monday",
    "monthly": "Every first of the month",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of the calls that began in a period. `filters` are texts by the names of `FILTERS`."""

    dimensions: tuple[str, ...]
    from_at: datetime
    until_at: datetime
    filters: Mapping[str, str] = field(default_factory=dict)
    reach: frozenset[int] | None = None
    """Only these customers; None for all."""

    @property
    def by_number(self) -> bool:
        """Whether the calls themselves have to be read."""
        return bool(OF_CALLS & self.filters.keys()) or any(DIMENSIONS[name].by_number for name in self.dimensions)


@dataclass(frozen=True, slots=True)
class Cut:
    """Which groups are told when there are more than `most`: the first by a sum of `core.summaries.MEASURES`, or by one
    of the dimensions; the greatest first when `falling`."""

    most: int = ROWS_MOST
    by: str = "attempts"
    falling: bool = True


@dataclass(frozen=True, slots=True)
class Name:
    """What a filter of `LISTED` says of a record's name: a part of it, or the whole name."""

    text: str
    whole: bool = False


def names_in(text: str, is_name: Callable[[str, bool], bool]) -> list[Name]:
    """The names of a filter of `LISTED`, at least one.

    A text with semicolons or quotes may itself be the name of a record, or a part of one: then it means that. `is_name`
    says whether a record has the text as its whole name, or as a part of it.
    """
    text = text.strip()
    if ";" in text or text.startswith('"'):
        for whole in (True, False):
            if is_name(text, whole):
                return [Name(text, whole)]
    found = []
    for told in PART_OF_NAMES.finditer(text):
        quoted = str(told["whole"] or "").replace('""', '"').strip()
        if name := quoted or str(told["part"] or "").strip():
            found.append(Name(name, bool(quoted)))
    return found or [Name(text)]


def unfit(question: Question) -> str:
    """Why the question is not answered; nothing when it is."""
    if question.until_at <= question.from_at:
        return "The period must end after it begins."
    if question.by_number and question.until_at - question.from_at > NUMBERS_SPAN:
        return "By number, at most six months are told at once."
    if "did" in question.filters and not _OF_DIDS.fullmatch(question.filters["did"]):
        return f"DID as CLI: write {ALL_DIDS} for all DIDs, or the digits that they begin with."
    return ""


def bought(dimensions: Iterable[str], measures: Iterable[str], filters: Iterable[str]) -> dict[str, list[str]]:
    """What of these tells of carriers, by the three names here; only the names under which there is any.

    No measures are all of them.
    """
    found = {
        "dimensions": [name for name in dimensions if DIMENSIONS[name].bought],
        "measures": [name for name in list(measures) or MEASURES if MEASURES[name].bought],
        "filters": [name for name in filters if name in BOUGHT_FILTERS],
    }
    return {name: names for name, names in found.items() if names}


def period(name: str, at: datetime) -> tuple[datetime, datetime]:
    """The instants of a named period (of `PERIODS`), in UTC."""
    today = beginning(at, Span.DAY)
    match name:
        case "today":
            return today, following(today, Span.DAY)
        case "yesterday":
            return following(today, Span.DAY, -1), today
        case "last_7_days":
            return following(today, Span.DAY, -7), today
        case "last_week":
            week = beginning(at, Span.WEEK)
            return following(week, Span.WEEK, -1), week
        case "this_month":
            return beginning(at, Span.MONTH), following(today, Span.DAY)
        case _:
            month = beginning(at, Span.MONTH)
            return following(month, Span.MONTH, -1), month


def heading(name: str) -> str:
    """The title of a column in a file: of a dimension, a measure, or the currency."""
    if name == "currency":
        return "Currency"
    if name in DIMENSIONS:
        return f"{DIMENSIONS[name].title} (UTC)" if name in MOMENTS else DIMENSIONS[name].title
    unit = UNITS.get(name.rpartition("_")[2], "")
    return f"{MEASURES[name].title}, {unit}" if unit else MEASURES[name].title


def told(name: str, value: object) -> str:
    """A key or a figure as text, exactly."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime(MOMENTS[name])
    if isinstance(value, int) and name.endswith("_micros"):
        return format_micros(value, 2)
    return str(value)


def next_mailing(frequency: str, after: datetime) -> datetime | None:
    """When a report is mailed next; None when it is not."""
    if frequency == "never":
        return None
    span = {"daily": Span.DAY, "weekly": Span.WEEK}.get(frequency, Span.MONTH)
    begun_at = beginning(after, span)
    mailed_at = begun_at + timedelta(hours=MAILED_HOUR)
    return mailed_at if mailed_at > after else following(begun_at, span) + timedelta(hours=MAILED_HOUR)
