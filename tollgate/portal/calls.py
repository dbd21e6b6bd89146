"""The customer's own calls: what ended, when, and what it cost; nothing of what the operator buys."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path

from tollgate.actions.portal_access import Visit
from tollgate.portal.access import visiting
from tollgate.store.queries.portal import calls_of
from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import Filter, FilterKind, Grid, respond
from tollgate.ui.sources import QuerysetSource

DAYS_MOST = 92
STATES = {"charged": "Answered", "failed": "Not answered", "refused": "Refused", "unresolved": "In review"}
TONES = {"answered": "green", "not answered": "gray", "refused": "red", "in review": "yellow"}


def _talked(call: Any) -> str:
    minutes, seconds = divmod(-(-call.duration_ms // 1000), 60)
    return f"{minutes}:{seconds:02d}" if call.duration_ms else ""


COLUMNS = (
    Column("cli", "From"),
    Column("cld", "To"),
    Column("destination", "Destination"),
    Column("state", "Result", value=lambda row: STATES[row.state], kind=Kind.BADGE, tone=TONES),
    Column("sip", "SIP code", value="sip_sent"),
    Column("talked", "Talked, min:s", value=_talked),
    Column("billed", "Billed", value="billed_s", kind=Kind.DURATION, unit="s"),
    Column("price", "Price per min", value="price_nanos", kind=Kind.PRICE, currency="currency"),
    Column(
        "cost",
        "Charge",
        value=lambda row: row.cost_micros if row.currency else None,
        kind=Kind.MONEY,
        currency="currency",
    ),
)
FILTERS = (
    Filter("from", "From (UTC)", "started_at__gte", kind=FilterKind.INSTANT),
    Filter("until", "Until (UTC)", "started_at__lt", kind=FilterKind.INSTANT),
    Filter("number", "To", "cld__contains"),
    Filter("state", "Result", "state", choices=tuple(STATES.items())),
)


@visiting("calls")
def calls(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Calls of today (UTC), or since the moment that is asked for, within three months."""
    midnight = datetime.combine(datetime.now(UTC).date(), time(), UTC)
    asked = bool(request.GET.get("f.from", "").strip())
    since = midnight - timedelta(days=DAYS_MOST) if asked else midnight
    source = QuerysetSource(queryset=calls_of(visit.customer, since=since))
    title = "Calls" if asked else "Calls of today"
    zone = "" if request.GET.get("export") else visit.zone  # files are UTC, whoever asks
    return respond(request, _grid(zone), source, template="portal/grid.html", title=title)


def _grid(zone: str) -> Grid:
    """The list, with the time of the visitor's zone beside UTC."""
    start = [Column("started_at", "Start (UTC)", kind=Kind.INSTANT, sort="started_at")]
    if zone and zone != "UTC":
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
        empty_text="No calls yet today. Earlier ones are found by the filter “From”.",
    )


urlpatterns = [path("calls/", calls, name="calls")]
