"""Live calls and CDRs: the lists. One call's page is in call_pages.py."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.db.models import Case, Func, TextField, When
from django.db.models.functions import Cast, Coalesce, NullIf
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.functional import SimpleLazyObject

from tollgate.core.refusals import Key
from tollgate.panel.access import may, own_account, own_rows, reach, reading, rights
from tollgate.panel.cells import STATUS_TONES, clock, fixed, link, seconds
from tollgate.panel.frame import crumbs
from tollgate.store.queries.calls import cdrs as cdrs_of
from tollgate.store.queries.calls import gateway_of, live_calls, quick_sums
from tollgate.ui.columns import Column, Kind
from tollgate.ui.copying import decimal_text
from tollgate.ui.grid import Choice, Filter, FilterKind, Grid, View, respond
from tollgate.ui.sources import QuerysetSource

LIVE_STATES = (("authorized", "Ringing"), ("answered", "Talking"))
STATES = (("charged", "Charged"), ("failed", "Failed"), ("refused", "Refused"), ("unresolved", "Unresolved"))
CDR_SPAN = timedelta(hours=24)


def live_state(call: Any) -> str:
    """Ringing, talking, or told to end."""
    return "Ending" if call.hangup_at else dict(LIVE_STATES)[call.state]


LIVE_COLUMNS = (
    Column(
        "authorized_at",
        "Since (UTC)",
        kind=Kind.INSTANT,
        sort="authorized_at",
        link=link("panel:call", lambda row: row.pk),
    ),
    Column(
        "customer",
        "Customer",
        value="customer.name",
        sort="customer__name",
        link=link("panel:customer", lambda row: row.customer_id),
    ),
    Column("cli", "CLI", sort="cli"),
    Column("cld", "CLD", sort="cld"),
    Column("destination", "Destination", sort="destination"),
    Column("state", "State", value=live_state, kind=Kind.BADGE, tone=STATUS_TONES, sort="state"),
    Column("answered_at", "Answered (UTC)", kind=Kind.INSTANT, sort="answered_at", hidden=True),
    Column("granted_until", "Granted until (UTC)", kind=Kind.INSTANT, sort="granted_until"),
    Column("held", "Held", value="held_micros", kind=Kind.MONEY, currency="currency"),
    Column("gateway", "Carrier / gateway", value=gateway_of),
)
END = Column("end", "End", value=lambda row: "End call", link=link("panel:call_end", lambda row: row.pk))
LIVE = Grid(
    name="live",
    columns=LIVE_COLUMNS,
    sort="-authorized_at",
    filters=(
        Filter("state", "State", "state", choices=LIVE_STATES),
        Filter("customer", "Customer", "customer__name__icontains"),
        Filter("number", "CLD", "cld__startswith"),
    ),
    searchable=False,
    compact=True,
    empty_text="No live calls now. Calls appear here while they ring and talk.",
)
LIVE_OF_CUSTOMER = Grid(
    name="live",
    columns=fixed(column for column in LIVE_COLUMNS if column.name not in ("customer", "answered_at")),
    sort="-authorized_at",
    page_size=15,
    searchable=False,
    compact=True,
    empty_text="No live calls now.",
)


class SecondsFilter(Filter):
    """A duration typed in seconds, compared in milliseconds."""

    def read(self, text: str) -> int:
        """Milliseconds of the text."""
        return int(Filter.read(self, text)) * 1000


CDR_COLUMNS = (
    Column(
        "started_at", "Start (UTC)", kind=Kind.INSTANT, sort="started_at", link=link("panel:call", lambda row: row.pk)
    ),
    Column(
        "customer",
        "Customer",
        value="customer.name",
        link=link("panel:customer", lambda row: row.customer_id),
        minor=True,
    ),
    Column("cli", "CLI", minor=True),
    Column("cld", "CLD"),
    Column("destination", "Destination", minor=True),
    Column(
        "state",
        "State",
        value=lambda row: row.state.capitalize(),
        kind=Kind.BADGE,
        tone=STATUS_TONES,
        sql=Func("state", function="INITCAP", output_field=TextField()),
    ),
    Column("refusal", "Refusal", minor=True),
    Column(
        "sip",
        "SIP",
        value=lambda row: row.sip_received or row.sip_sent,
        sql=Cast(Coalesce(NullIf("sip_received", 0), "sip_sent"), TextField()),
        minor=True,
    ),
    Column(
        "talked",
        "Talked",
        value=lambda row: row.duration_ms // 1000 if row.duration_ms else None,
        kind=Kind.DURATION,
        unit="s",
        show=clock,
        minor=True,
        sql=NullIf("duration_ms", 0) / 1000,
    ),
    Column(
        "cost",
        "Charge",
        value=lambda row: row.cost_micros if row.currency else None,
        kind=Kind.MONEY,
        currency="currency",
        sql=Case(When(currency__isnull=False, then="cost_micros")),
    ),
    Column("carrier_cost", "Carrier cost", value="carrier_cost_micros", kind=Kind.MONEY, currency="carrier_currency"),
    Column("profit", "Profit", value="profit_micros", kind=Kind.MONEY, currency="currency"),
    Column("carrier", "Carrier", value="carrier.name", link=link("panel:carrier", lambda row: row.carrier_id)),
    Column("billed", "Billed", value="billed_s", kind=Kind.DURATION, unit="s"),
    Column(
        "duration",
        "Duration, s",
        value=lambda row: seconds(row.duration_ms),
        kind=Kind.NUMBER,
        sql=decimal_text("duration_ms", "0.001"),
        hidden=True,
    ),
    Column("price", "Price/min", value="price_nanos", kind=Kind.PRICE, currency="currency", hidden=True),
    Column("gateway", "Gateway", value="gateway.name", hidden=True),
    Column("pdd", "PDD", value="pdd_ms", kind=Kind.NUMBER, unit="ms", hidden=True),
    Column("released_by", "Released by", hidden=True),
    Column("call_id", "Call-ID", value="edge_call_id", hidden=True),
)
CDR_FILTERS = (
    Filter("from", "From (UTC)", "started_at__gte", kind=FilterKind.INSTANT),
    Filter("until", "Until (UTC)", "started_at__lt", kind=FilterKind.INSTANT),
    Filter("customer", "Customer", "customer__name__icontains"),
    Filter("carrier", "Carrier", "carrier__name__icontains"),
    Filter("state", "State", "state", choices=STATES),
    Filter("refusal", "Refusal", "refusal", choices=tuple((key.value, key.value) for key in Key)),
    Filter("number", "Number", "number__startswith"),
    Filter("cli", "CLI", "cli__startswith"),
    Filter("destination", "Destination", "destination__icontains"),
    Filter("route", "Route id", "ingress_route_id", kind=FilterKind.WHOLE),
    SecondsFilter("least", "At least, s", "duration_ms__gte", kind=FilterKind.WHOLE),
)
CDRS = Grid(
    name="cdrs",
    columns=CDR_COLUMNS,
    filters=CDR_FILTERS,
    sort="-started_at",
    searchable=False,
    empty_text="No CDRs yet. Every call leaves one when it ends, refused ones too.",
)
CDRS_OF_CUSTOMER = Grid(
    name="cdrs",
    columns=tuple(column for column in CDR_COLUMNS if column.name != "customer"),
    filters=tuple(found for found in CDR_FILTERS if found.name not in ("customer", "carrier")),
    sort="-started_at",
    searchable=False,
    empty_text="No calls yet. Every call leaves a CDR when it ends, refused ones too.",
)


BOUGHT = frozenset({"carrier_cost", "profit", "carrier", "gateway"})


def as_allowed(request: HttpRequest, grid: Grid) -> Grid:
    """The grid for this reader: what a call cost us, and its page, are for those who may read the details of calls."""
    if rights(request).reads("call_details"):
        return grid
    columns = tuple(
        replace(column, link=None) if column.name in ("started_at", "authorized_at", "call") else column
        for column in grid.columns
        if column.name not in BOUGHT
    )
    return replace(grid, columns=columns, filters=tuple(found for found in grid.filters if found.name not in BOUGHT))


@reading
def live(request: HttpRequest) -> HttpResponseBase:
    """Calls that ring or talk; the page asks for the list again every few seconds."""
    own = may(request, "end_call") and rights(request).reads("call_details")
    grid = replace(LIVE, columns=(*LIVE_COLUMNS[:6], END, *LIVE_COLUMNS[6:])) if own else LIVE
    found = own_rows(request, live_calls(own_account(request)))
    page = as_allowed(request, grid).page(request.GET.dict(), QuerysetSource(queryset=found))
    polled = request.headers.get("HX-Request") == "true"
    context: dict[str, Any] = {"title": "Live calls", "breadcrumbs": crumbs(("Traffic", "")), "grid": page}
    template = "panel/live_grid.html" if polled else "panel/live.html"
    return render(request, template, context, status=422 if page.view.errors else 200)


@reading
def cdrs(request: HttpRequest) -> HttpResponseBase:
    """Calls that have ended; the last day unless a period is asked for."""
    if not {"f.from", "f.until", "after", "before", "export"} & request.GET.keys():
        return redirect(f"{request.path}?{urlencode({**request.GET.dict(), 'f.from': _day_ago()})}")
    source = QuerysetSource(queryset=own_rows(request, cdrs_of(own_account(request))))
    grid = as_allowed(request, CDRS)
    view = View.read(grid, request.GET.dict(), Choice(), source)
    told = partial(quick_sums, own_account(request), source.queryset, view.query.filters)
    totals = SimpleLazyObject(lambda: told(within=reach(request), at=datetime.now(UTC)))  # a file has none
    context: dict[str, Any] = {
        "title": "CDRs",
        "breadcrumbs": crumbs(("Traffic", "")),
        "sums": totals,
        "bought": rights(request).reads("call_details"),
    }
    return respond(request, grid, source, template="panel/cdrs.html", **context)


def _day_ago() -> str:
    """The beginning of the period shown at first, to the minute, so that going back shows the same page."""
    return (datetime.now(UTC) - CDR_SPAN).strftime("%Y-%m-%dT%H:%M")


urlpatterns = [
    path("live/", live, name="live_calls"),
    path("cdrs/", cdrs, name="cdrs"),
]
