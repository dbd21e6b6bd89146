"""Live calls and CDRs: the lists. One call's page is in call_pages.py."""

import json
from collections.abc import Mapping, Sized
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.functional import SimpleLazyObject

from tollgate.actions import call_files
from tollgate.core.call_file import FILE_COLUMNS
from tollgate.core.call_search import STATES, RulesInvalid, release_reason
from tollgate.core.refusals import Key
from tollgate.panel.access import may, own_account, own_rows, reach, reading, rights
from tollgate.panel.call_search import RULES, CallSource, RulesFilter, builder, readable
from tollgate.panel.cells import STATUS_TONES, clock, fixed, link, seconds
from tollgate.panel.fields import words
from tollgate.panel.frame import crumbs
from tollgate.panel.suggestions import suggested
from tollgate.store.queries.call_search import TooLong
from tollgate.store.queries.calls import gateway_of, live_calls
from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import Filter, FilterKind, Grid, View, respond
from tollgate.ui.memory import Choice
from tollgate.ui.sources import QuerysetSource

LIVE_STATES = (("authorized", "Ringing"), ("answered", "Talking"))
CDR_SPAN = timedelta(hours=24)
NOT_ASKED = "Nothing is shown until these conditions can be asked."


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
        "Company",
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
END = Column("end", "End", value=lambda row: "End call", link=link("panel:call_end", lambda row: row.pk), says=True)
LIVE = Grid(
    name="live",
    columns=LIVE_COLUMNS,
    sort="-authorized_at",
    filters=(
        Filter("state", "State", "state", choices=LIVE_STATES),
        Filter("customer", "Company", "customer__name__icontains", suggest=suggested("customer")),
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


CDR_COLUMNS = (
    Column(
        "started_at", "Start (UTC)", kind=Kind.INSTANT, sort="started_at", link=link("panel:call", lambda row: row.pk)
    ),
    Column(
        "customer",
        "Company",
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
    ),
    Column(
        "refusal",
        "Refusal",
        value=lambda row: words(row.refusal) if row.refusal else None,
        export=lambda row: row.refusal,
        minor=True,
        says=True,
    ),
    Column(
        "sip",
        "SIP",
        value=lambda row: row.sip_received or row.sip_sent,
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
    ),
    Column(
        "cost",
        "Charge",
        value=lambda row: row.cost_micros if row.currency else None,
        kind=Kind.MONEY,
        currency="currency",
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
        hidden=True,
    ),
    Column("price", "Price/min", value="price_nanos", kind=Kind.PRICE, currency="currency", hidden=True),
    Column("gateway", "Gateway", value="gateway.name", hidden=True),
    Column("pdd", "PDD", value="pdd_ms", kind=Kind.NUMBER, unit="ms", hidden=True),
    Column("ring", "Rang", value="ring_ms", kind=Kind.NUMBER, unit="ms", hidden=True),
    Column("released_by", "Released by", hidden=True),
    Column(
        "release",
        "Release reason",
        value=lambda row: release_reason(row.released_by, row.q850) if row.answered_at else None,
        hidden=True,
        says=True,
    ),
    Column("q850", "Q.850", kind=Kind.NUMBER, hidden=True),
    Column("number", "Number as rated", hidden=True),
    Column("prefix", "Prefix", hidden=True),
    Column("route", "Ingress route", value="ingress_route.name", hidden=True),
    Column("source_ip", "Source address", hidden=True),
    Column("edge", "Edge", hidden=True),
    Column("call_id", "Call-ID", value="edge_call_id", hidden=True),
    Column("answered_at", "Answered (UTC)", kind=Kind.INSTANT, hidden=True),
    Column("ended_at", "Ended (UTC)", kind=Kind.INSTANT, hidden=True),
    Column("sip_sent", "SIP sent", kind=Kind.NUMBER, hidden=True),
    Column("sip_received", "SIP received", kind=Kind.NUMBER, hidden=True),
    Column("card", "Card ID", value="customer_card_id", kind=Kind.NUMBER, hidden=True),
    Column("revision", "Revision ID", value="customer_revision_id", kind=Kind.NUMBER, hidden=True),
    Column(
        "carrier_billed",
        "Billed by the carrier",
        value="carrier_billed_s",
        kind=Kind.DURATION,
        unit="s",
        hidden=True,
    ),
    Column(
        "carrier_price",
        "Carrier price/min",
        value="carrier_price_nanos",
        kind=Kind.PRICE,
        currency="carrier_currency",
        hidden=True,
    ),
    Column("carrier_card", "Carrier card ID", value="carrier_card_id", kind=Kind.NUMBER, hidden=True),
    Column("carrier_revision", "Carrier revision ID", value="carrier_revision_id", kind=Kind.NUMBER, hidden=True),
)
CDR_FILTERS = (
    Filter("from", "From (UTC)", "started_at__gte", kind=FilterKind.INSTANT),
    Filter("until", "Until (UTC)", "started_at__lt", kind=FilterKind.INSTANT),
    Filter("customer", "Company", "customer__name__icontains", suggest=suggested("customer")),
    Filter("carrier", "Carrier", "carrier__name__icontains", suggest=suggested("carrier")),
    Filter("state", "State", "state", choices=STATES),
    Filter("refusal", "Refusal", "refusal", choices=tuple((key.value, words(key.value)) for key in Key)),
    Filter("number", "Number", "number__startswith"),
    Filter("cli", "CLI", "cli__startswith"),
    Filter("destination", "Destination", "destination__icontains"),
    Filter("route", "Ingress route", "ingress_route", suggest=suggested("route")),
    Filter("least", "At least, s", "duration", kind=FilterKind.WHOLE),
    RulesFilter(RULES, "Conditions", RULES, hidden=True, bought=True),
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


BOUGHT = frozenset(name for name, column in FILE_COLUMNS.items() if column.bought)


def as_allowed(request: HttpRequest, grid: Grid) -> Grid:
    """The grid for this reader: what a call cost us, and its page, are for those who may read the details of calls."""
    if rights(request).reads("call_details"):
        return grid
    columns = tuple(
        replace(column, link=None) if column.name in ("started_at", "authorized_at", "call") else column
        for column in grid.columns
        if column.name not in BOUGHT
    )
    filters = tuple(_allowed(found) for found in grid.filters if found.name not in BOUGHT)
    return replace(grid, columns=columns, filters=filters)


def _allowed(found: Filter) -> Filter:
    return replace(found, bought=False) if isinstance(found, RulesFilter) else found


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
    source = CallSource(own_account(request), reach(request), datetime.now(UTC))
    return respond_with_calls(
        request, CDRS, source, template="panel/cdrs.html", title="CDRs", breadcrumbs=crumbs(("Traffic", ""))
    )


def respond_with_calls(
    request: HttpRequest, grid: Grid, source: CallSource, *, template: str, **context: Any
) -> HttpResponseBase:
    """A list of CDRs with its builder of conditions and its sums."""
    bought = rights(request).reads("call_details")
    grid = as_allowed(request, grid)
    view = View.read(grid, request.GET.dict(), Choice(), source)
    rules = view.query.filters.get(RULES)
    if rules is None and view.kept.get(f"f.{RULES}"):
        rules, source.problem = readable(view.kept[f"f.{RULES}"]), NOT_ASKED
    totals = SimpleLazyObject(partial(source.sums, view.query))  # a file has none
    context |= {
        "sums": totals,
        "problem": SimpleLazyObject(partial(_problem, source, totals)),
        "bought": bought,
        "builder": builder(rules, bought=bought),
        "carried": [(name, text) for name, text in view.kept.items() if name != f"f.{RULES}"],
        "presets": _presets(view.kept, source.at),
    }
    try:
        if request.GET.get("export") == "csv" and not view.errors and _may_begin(request):
            counted = _is_large(source, view)
            if counted is not False:
                return _offer(request, source, view, counted=counted is True)
        return respond(request, grid, source, template=template, **context)
    except (TooLong, RulesInvalid) as problem:  # of a file; a page tells it in its place
        return HttpResponse(str(problem), status=422, content_type="text/plain; charset=utf-8")


def _may_begin(request: HttpRequest) -> bool:
    """Whether somebody may begin the job of a large file and see its page; all others are sent it at once."""
    own = may(request, "start_call_file") and may(request, "write_call_file_part")
    return own and rights(request).reads("tasks")


def _is_large(source: CallSource, view: View) -> bool | None:
    """Whether a file is of more calls than a page sends; None when they cannot be counted in time."""
    try:
        return source.search(view.query).count(call_files.CALLS_MOST + 1) > call_files.CALLS_MOST
    except TooLong:
        return None


def _offer(request: HttpRequest, source: CallSource, view: View, *, counted: bool) -> HttpResponse:
    """Says that the file is large or may be, and offers the job that makes it."""
    columns = [column for column in view.columns if column.kind is not Kind.MENU]
    context = {
        "title": "A large file of calls",
        "breadcrumbs": crumbs(("Traffic", ""), ("CDRs", reverse("panel:cdrs"))),
        "most": call_files.CALLS_MOST,
        "kept_days": call_files.KEPT.days,
        "wanted": json.dumps(source.wanted(view.query, columns)),
        "counted": counted,
    }
    return render(request, "panel/call_file.html", context)


def _problem(source: CallSource, totals: Sized) -> str:
    """Why something is not shown; the sums may have one as well."""
    len(totals)
    return source.problem


def _presets(kept: Mapping[str, str], at: datetime) -> list[tuple[str, str]]:
    """Periods of one press, with everything else as it is."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    periods = (
        ("24 hours", at - CDR_SPAN, None),
        ("Today", midnight, None),
        ("Yesterday", midnight - CDR_SPAN, midnight),
        ("7 days", midnight - 7 * CDR_SPAN, None),
        ("30 days", midnight - 30 * CDR_SPAN, None),
        ("A year", midnight - 365 * CDR_SPAN, None),
    )
    rest = {name: text for name, text in kept.items() if name not in ("f.from", "f.until")}
    return [
        (
            words,
            "?"
            + urlencode({"f.from": _minute(from_at), **({"f.until": _minute(until_at)} if until_at else {}), **rest}),
        )
        for words, from_at, until_at in periods
    ]


def _day_ago() -> str:
    """The beginning of the period shown at first, to the minute, so that going back shows the same page."""
    return _minute(datetime.now(UTC) - CDR_SPAN)


def _minute(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M")


urlpatterns = [
    path("live/", live, name="live_calls"),
    path("cdrs/", cdrs, name="cdrs"),
]
