"""Columns, links and tones that several lists and pages share."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from typing import Any, Final

from django.urls import get_script_prefix, get_urlconf, reverse

from tollgate.core.money import format_micros
from tollgate.ui import packages
from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import Grid, Page
from tollgate.ui.sources import Source

ANY_ID: Final = 7_777_777_777_777_777_777
"""Stands where the id of a record will."""
STATUS_TONES = {
    "active": "green",
    "enabled": "green",
    "answered": "green",
    "charged": "green",
    "authorized": "blue",
    "ringing": "blue",
    "talking": "green",
    "ending": "yellow",
    "pending": "yellow",
    "unresolved": "yellow",
    "failed": "gray",
    "refused": "red",
    "penalty": "red",
    "paused": "red",
    "inactive": "gray",
    "disabled": "gray",
}


def link(address: str, read: Callable[[Any], int | None]) -> Callable[[Any], str | None]:
    """A cell's link to a record's page; none when the row has no such record."""

    def to(row: Any) -> str | None:
        record_id = read(row)
        return None if record_id is None else page_of(address, record_id)

    return to


def page_of(address: str, record_id: int) -> str:
    """The address of a record's page, as `reverse` gives it, which takes too long to be asked for every cell."""
    before, after = _around(address, get_script_prefix(), get_urlconf())
    return f"{before}{record_id}{after}"


@cache
def _around(address: str, _prefix: str, _urlconf: str | None) -> tuple[str, str]:
    """What stands before and after the id."""
    before, _, after = reverse(address, args=[ANY_ID]).rpartition(str(ANY_ID))
    return before, after


def fixed(columns: Iterable[Column]) -> tuple[Column, ...]:
    """The columns without their sort links, for a short list inside another page."""
    return tuple(replace(column, sort="") for column in columns)


def excerpt(grid: Grid, source: Source) -> Page:
    """The first rows of a grid inside another page, which has the address for itself: no paging there."""
    return replace(grid.page({}, source), previous=None, following=None)


def enabled_column() -> Column:
    """Whether the record is in use."""
    return Column(
        "enabled",
        "State",
        value=lambda row: "Enabled" if row.enabled else "Disabled",
        kind=Kind.BADGE,
        tone=STATUS_TONES,
        sort="enabled",
    )


def status_column() -> Column:
    """The record's status as a badge."""
    return Column(
        "status",
        "Status",
        value=lambda row: str(row.status).capitalize(),
        kind=Kind.BADGE,
        tone=STATUS_TONES,
        sort="status",
    )


def channels_column() -> Column:
    """The record's limit of calls at once."""
    return Column("channels", "Channels", value=lambda row: limit(row.channels), sort="channels", says=True, right=True)


def cps_column() -> Column:
    """The record's limit of new calls per second."""
    return Column("cps", "CPS", value=lambda row: cps(row.cps_milli), sort="cps_milli", says=True, right=True)


def limit(count: int) -> str:
    """A limit as people read it."""
    return "no limit" if count == 0 else str(count)


def cps(milli: int) -> str:
    """A limit of calls per second as people read it."""
    return "no limit" if milli == 0 else format_micros(milli * 1000)


def seconds(duration_ms: int | None) -> str:
    """Milliseconds as seconds, exactly."""
    return "" if duration_ms is None else format_micros(duration_ms * 1000)


def clock(duration_s: int | None) -> str:
    """Seconds as 1:02:03 or 2:03."""
    return "" if duration_s is None else packages.clock(duration_s)
