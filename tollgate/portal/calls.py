"""The customer's own calls: what ended, when, and what it cost; nothing of what the operator buys.

A column of the list has its line in `COLUMNS`, and under the same name in `core.call_file.own_columns`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import path, reverse
from django.utils.functional import SimpleLazyObject

from tollgate.actions.portal_access import Visit
from tollgate.core.call_file import own_columns, texts
from tollgate.core.call_search import release_reason
from tollgate.core.lake import Condition
from tollgate.portal.access import visiting
from tollgate.portal.call_periods import FROM, midnight_at, presets
from tollgate.store.lake_damage import DayUnreadable
from tollgate.store.models import CDR, Customer
from tollgate.store.queries.call_search import INSTANTS, CallSearch, TooLong
from tollgate.store.queries.lake import Written
from tollgate.store.queries.portal import LISTED_OF_CDRS, own_calls
from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import Filter, FilterKind, Grid, View, respond
from tollgate.ui.memory import Choice
from tollgate.ui.sources import Key, Query

DAYS_MOST: Final = 92
PAGE_ROWS: Final = 5_000
READ: Final = tuple({name: told for told, name in INSTANTS.items()}.get(name, name) for name in LISTED_OF_CDRS)
STATES: Final[Mapping[str, str]] = {
    "charged": "Answered",
    "failed": "Not answered",
    "refused": "Refused",
    "unresolved": "In review",
}
TONES = {"answered": "green", "not answered": "gray", "refused": "red", "in review": "yellow"}
TABS: Final = (
    ("calls", "Calls", "portal:calls"),
    ("latest", "Latest calls", "portal:latest"),
    ("live", "Live calls", "portal:live"),
    ("stats", "Statistics", "portal:stats"),
)
"""The pages about calls; those beside this list are in traffic.py."""
CONDITIONS: Final = {
    "cli__contains": ("cli", "contains"),
    "cld__contains": ("cld", "contains"),
    "state": ("state", "eq"),
}
"""What the filters beside the period ask of a call: column and comparison."""
CONNECTED: Final = Condition("duration_ms", "gt", 0)
"""Somebody talked."""
FILE: Final = own_columns(STATES)


@dataclass(slots=True)
class OwnCalls:
    """A customer's calls since a moment, from database and lake, for a grid. `problem` says why nothing is shown."""

    customer: Customer
    since: datetime
    at: datetime
    problem: str = ""
    _known: int | None = None
    """How many there are, where one page has told it."""
    _asked: dict[str, CallSearch] = field(default_factory=dict)

    def rows(self, query: Query, limit: int) -> Sequence[CDR]:
        """One page by key."""
        place = None if query.after is None else (query.after.value, int(query.after.row_id))
        try:
            found = self._page(query, limit, place, oldest_first=query.descending == query.back)
        except TooLong as problem:
            self.problem = str(problem)
            return []
        except DayUnreadable as problem:
            self.problem = problem.told
            return []
        if place is None and len(found) < limit:
            self._known = len(found)
        return found

    def stream(self, query: Query) -> Iterator[CDR]:
        """All rows."""
        place = None
        while found := self._page(query, PAGE_ROWS, place, oldest_first=not query.descending):
            yield from found
            place = (found[-1].started_at, found[-1].pk)

    def count(self, query: Query, most: int) -> int:
        """Counted no further than `most`; nothing after a problem."""
        if self._known is not None or self.problem:
            return self._known or 0
        try:
            return self.search(query).count(most)
        except TooLong as problem:
            self.problem = str(problem)
            return 0
        except DayUnreadable as problem:
            self.problem = problem.told
            return 0

    def key(self, row: CDR, sort: str) -> Key:
        """When it began, and its id."""
        assert sort == "started_at", "calls have one order"
        return Key(row.started_at, row.pk)

    def csv_blocks(self, query: Query, columns: Sequence[Column]) -> Iterator[bytes]:
        """All rows as lines of CSV."""
        written = Written(partial(texts, [column.name for column in columns], columns=FILE), {})
        return self.search(query).csv_blocks(written, oldest_first=not query.descending)

    def search(self, query: Query) -> CallSearch:
        """The question of a query."""
        place = repr(query.filters)
        if place not in self._asked:
            asked = [Condition(*CONDITIONS[name], value) for name, value in query.filters.items() if name in CONDITIONS]
            asked += [CONNECTED] if "connected" in query.filters else []
            from_at = max(self.since, query.filters.get("started_at__gte", self.since))
            until_at = query.filters.get("started_at__lt")
            self._asked[place] = own_calls(self.customer, *asked, from_at=from_at, until_at=until_at, at=self.at)
        return self._asked[place]

    def _page(self, query: Query, limit: int, place: tuple[datetime, int] | None, *, oldest_first: bool) -> list[CDR]:
        found = self.search(query).values(READ, limit, place, oldest_first=oldest_first)
        return [CDR(**values) for values in found]


def _talked(call: Any) -> str:
    minutes, seconds = divmod(-(-call.duration_ms // 1000), 60)
    return f"{minutes}:{seconds:02d}" if call.duration_ms else ""


COLUMNS = (
    Column("cli", "From", minor=True),
    Column("cld", "To"),
    Column("destination", "Destination"),
    Column("state", "Result", value=lambda row: STATES[row.state], kind=Kind.BADGE, tone=TONES),
    Column("sip", "SIP code", value="sip_sent", minor=True),
    Column("talked", "Talked, min:s", value=_talked),
    Column("billed", "Billed", value="billed_s", kind=Kind.DURATION, unit="s", minor=True),
    Column("price", "Price per min", value="price_nanos", kind=Kind.PRICE, currency="currency", minor=True),
    Column(
        "cost",
        "Charge",
        value=lambda row: row.cost_micros if row.currency else None,
        kind=Kind.MONEY,
        currency="currency",
    ),
    Column(
        "release",
        "Release reason",
        value=lambda row: release_reason(row.released_by, row.q850) if row.answered_at else None,
        hidden=True,
        says=True,
    ),
    Column("pdd", "PDD", value="pdd_ms", kind=Kind.NUMBER, unit="ms", hidden=True),
    Column("ring", "Rang", value="ring_ms", kind=Kind.NUMBER, unit="ms", hidden=True),
    Column("prefix", "Destination code", hidden=True),
    Column("answered_at", "Answered (UTC)", kind=Kind.INSTANT, hidden=True),
    Column("ended_at", "Ended (UTC)", kind=Kind.INSTANT, hidden=True),
    Column("source_ip", "Source address", hidden=True),
    Column("call_id", "Call-ID", value="edge_call_id", hidden=True),
)
FILTERS = (
    Filter("from", "From (UTC)", "started_at__gte", kind=FilterKind.INSTANT),
    Filter("until", "Until (UTC)", "started_at__lt", kind=FilterKind.INSTANT),
    Filter("caller", "From number", "cli__contains"),
    Filter("number", "To number", "cld__contains"),
    Filter("state", "Result", "state", choices=tuple(STATES.items())),
    Filter("connected", "Connected", "connected", choices=(("yes", "Connected only"),)),
)


def tabs() -> list[tuple[str, str, str]]:
    """The pages about calls: name, words and address of each."""
    return [(name, words, reverse(address)) for name, words, address in TABS]


@visiting("calls")
def calls(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Calls of the visitor's today, or since the moment that is asked for, within three months."""
    at = datetime.now(UTC)
    here = ZoneInfo(visit.zone or "UTC")
    today = at.astimezone(here).date()
    midnight = midnight_at(today, here)
    asked = bool(request.GET.get(FROM, "").strip())
    since = midnight - timedelta(days=DAYS_MOST) if asked else midnight
    source = OwnCalls(visit.customer, since, at)
    title = "Calls" if asked else "Calls of today"
    words = SimpleLazyObject(lambda: source.problem)  # known once the rows are asked for
    grid = _grid("" if request.GET.get("export") else visit.zone)  # files are UTC, whoever asks
    kept = View.read(grid, request.GET.dict(), Choice()).kept
    above: dict[str, Any] = {"title": title, "words": words, "tab": "calls", "tabs": tabs()}
    above |= {"presets": presets(kept, today, here), "zone": here.key}
    try:
        return respond(request, grid, source, template="portal/calls.html", **above)
    except TooLong as problem:  # of a file; a page tells it in its place
        return HttpResponse(str(problem), status=422, content_type="text/plain; charset=utf-8")


def _grid(zone: str) -> Grid:
    """The list, with the time of the visitor's zone beside UTC."""
    local = bool(zone) and zone != "UTC"
    start = [Column("started_at", "Start (UTC)", kind=Kind.INSTANT, sort="started_at", minor=local)]
    if local:
        here = ZoneInfo(zone)
        start.append(
            Column("local", f"Start ({zone})", value=lambda row: f"{row.started_at.astimezone(here):%Y-%m-%d %H:%M:%S}")
        )
    return Grid(
        name="calls",
        columns=(*start, *COLUMNS),
        filters=FILTERS,
        sort="-started_at",
        searchable=False,
        empty_text="No calls yet today. Earlier ones are found by the periods above.",
    )


urlpatterns = [path("calls/", calls, name="calls")]
