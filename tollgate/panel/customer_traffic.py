"""The pages of one customer about its traffic: statistics, routes, the latest calls and the dialogs of now.

Statistics are read from the summaries (store/queries/traffic.py), in UTC. To add a figure, see there; a chart is a line
of `_charts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import path, reverse

from tollgate.panel import calls
from tollgate.panel.access import may, reading, rights
from tollgate.panel.cells import STATUS_TONES, clock, page_of
from tollgate.panel.customer_pages import breakout_of, context_of, customer_of
from tollgate.panel.fields import words
from tollgate.store.models import Customer
from tollgate.store.queries.calls import live_calls
from tollgate.store.queries.summaries import as_of
from tollgate.store.queries.traffic import (
    LATEST_MOST,
    Attempt,
    RouteLine,
    Traffic,
    by_route,
    cps_now,
    latest,
    route_period,
    traffic,
)
from tollgate.ui.charts import LineChart, Series
from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import Grid, respond
from tollgate.ui.sources import ListSource, QuerysetSource

ZONE: Final = ZoneInfo("UTC")
SPANS: Final[Mapping[str, str]] = {"hour": "Last hour", "day": "24 hours", "week": "7 days"}
MOMENT: Final = "%Y-%m-%dT%H:%M"


@reading
def stats(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """What its calls of a day and of a month came to, why others were refused, and what there was at once."""
    customer = customer_of(request, customer_id, area="summaries", deleted=True)
    at = datetime.now(UTC)
    found = traffic(customer, ZONE, at)
    more = {
        "periods": (("Last 24 hours", found.of_hours), ("Last 30 days", found.of_days)),
        "found": found,
        "cps": cps_now(customer, at),
        "refusals": _refusals(customer, found),
        "charts": _charts(found),
        "as_of": as_of(),
    }
    return render(request, "panel/customer_stats.html", {**context_of(request, customer, "stats"), **more})


@reading
def route_stats(request: HttpRequest, customer_id: int, span: str = "day") -> HttpResponseBase:
    """What its attempts came to by ingress route and carrier, of the last hour, day or week."""
    customer = customer_of(request, customer_id, area="summaries", deleted=True)
    if span not in SPANS:
        raise Http404
    at, bought = datetime.now(UTC), rights(request).reads("call_details")
    source = ListSource(items=by_route(customer, span, at, bought=bought))
    from_at, until_at = route_period(span, at)
    more = {
        "span": span,
        "spans": [
            (name, title, reverse("panel:customer_route_span", args=[customer.pk, name]))
            for name, title in SPANS.items()
        ],
        "from_at": from_at,
        "as_of": as_of(),
    }
    period = {"f.from": from_at.strftime(MOMENT), "f.until": until_at.strftime(MOMENT)}
    grid = _routes_grid(customer, period, bought=bought, linked=rights(request).reads("routes"))
    context = context_of(request, customer, "route_stats")
    return respond(request, grid, source, template="panel/customer_route_stats.html", **context, **more)


@reading
def latest_calls(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Its last attempts, refused ones too; the page asks for the list again every few seconds."""
    customer = customer_of(request, customer_id, area="calls", deleted=True)
    source = ListSource(items=latest(customer, datetime.now(UTC)))
    return _live_list(request, customer, "latest", LATEST, source)


@reading
def dialogs(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Its calls that ring or talk now, each of which may be ended; asked for again every few seconds."""
    customer = customer_of(request, customer_id, area="calls")
    grid = calls.LIVE_OF_CUSTOMER
    if may(request, "end_call") and rights(request).reads("call_details"):
        end = replace(calls.END, link=lambda row: f"{page_of('panel:call_end', row.pk)}?of={customer.pk}")
        grid = replace(grid, columns=(*grid.columns, end))
    source = QuerysetSource(queryset=live_calls(customer.account).filter(customer=customer))
    return _live_list(request, customer, "dialogs", replace(grid, page_size=LATEST_MOST), source)


def _live_list(request: HttpRequest, customer: Customer, tab: str, grid: Grid, source: Any) -> HttpResponseBase:
    """A list that is asked for again: the whole page, or the rows alone."""
    page = calls.as_allowed(request, grid).page(request.GET.dict(), source)
    status = 422 if page.view.errors else 200
    if request.headers.get("HX-Request") == "true":
        return render(request, "panel/live_grid.html", {"grid": page}, status=status)
    context = {**context_of(request, customer, tab), "grid": page}
    return render(request, "panel/customer_live.html", context, status=status)


def _refusals(customer: Customer, found: Traffic) -> list[tuple[str, str, int, int]]:
    """Each reason with its calls: where they are listed, how many of the day, and how many of the month."""
    of_day, list_url = dict(found.of_hours.refusals), reverse("panel:customer_cdrs", args=[customer.pk])
    since = datetime.combine(found.days[0], time(), ZONE).strftime(MOMENT)
    return [
        (key, f"{list_url}?{urlencode({'f.refusal': key, 'f.from': since})}", of_day.get(key, 0), count)
        for key, count in found.of_days.refusals
    ]


def _charts(found: Traffic) -> list[LineChart]:
    hours = [int(hour_at.timestamp()) for hour_at in found.hours]
    days = [int(datetime.combine(day, time(), ZONE).timestamp()) for day in found.days]
    calls_by_hour = (Series("Attempts", found.attempts_by_hour), Series("Answered", found.connected_by_hour))
    calls_by_day = (Series("Attempts", found.attempts_by_day), Series("Answered", found.connected_by_day))
    at_once = (Series("Channels", found.channels_by_hour), Series("CPS", found.cps_by_hour))
    minutes = (Series("Minutes", [-(-talked_s // 60) for talked_s in found.talked_s_by_day]),)
    return [
        LineChart(name="hours", title="Calls by hour, 24 hours", unit="calls", times=hours, series=calls_by_hour),
        LineChart(name="peaks", title="The most at once by hour, 24 hours", unit="", times=hours, series=at_once),
        LineChart(name="days", title="Calls by day, 30 days", unit="calls", times=days, series=calls_by_day),
        LineChart(name="minutes", title="Minutes by day, 30 days", unit="min", times=days, series=minutes),
    ]


def _routes_grid(customer: Customer, period: Mapping[str, str], *, bought: bool, linked: bool) -> Grid:
    """The list of routes; carriers, and the way to their pages, only for who may read what calls cost us."""

    def route_page(line: RouteLine) -> str | None:
        own = linked and line.route is not None and line.route.customer_id == customer.pk
        return page_of("panel:route", line.route.pk) if own and line.route is not None else None

    def carrier_page(line: RouteLine) -> str | None:
        return page_of("panel:carrier", line.carrier.pk) if line.carrier is not None else None

    def breakout_page(line: RouteLine) -> str:
        of_carrier = {"f.carrier": '"' + line.carrier.name.replace('"', '""') + '"'} if line.carrier else {}
        asked = {"f.by": "route,destination", **period, **of_carrier}
        return f"{breakout_of(customer)}&{urlencode(asked)}"

    carrier = Column("carrier", "Carrier", value="carrier.name", sort="carrier__name", link=carrier_page)
    columns = (
        Column("route", "Ingress route", value=_route_name, sort="route__name", link=route_page),
        *((carrier,) if bought else ()),
        _count("attempts", "Attempts"),
        _count("refused", "Refused", minor=True),
        _count("connected", "Answered"),
        _ratio("asr", "ASR", "asr_percent", ("connected", 100), ("attempts", 1)),
        _ratio("ner", "NER", "ner_percent", ("reached", 100), ("attempts", 1)),
        Column(
            "acd", "ACD", value="outcome.acd_s", kind=Kind.NUMBER, unit="s", show=clock, sort="outcome__acd_s",
            over="outcome.duration_ms", under=lambda line: line.outcome.connected * 1000,
        ),
        Column(
            "pdd", "PDD", value="outcome.pdd_s", kind=Kind.NUMBER, unit="s", sort="outcome__pdd_s", minor=True,
            over="outcome.pdd_ms", under=lambda line: line.outcome.rang * 1000,
        ),
        Column("breakout", "Breakout", value=lambda _: "By destination", link=breakout_page, says=True),
    )  # fmt: skip
    return Grid(
        name="route_stats",
        columns=columns,
        sort="-outcome__attempts",
        searchable=False,
        page_size=400,
        empty_text="No attempts in this period.",
    )


def _route_name(line: RouteLine) -> str:
    """The route; calls that were refused before one was chosen have none."""
    return str(line.route) if line.route is not None else ""


def _count(name: str, title: str, *, minor: bool = False) -> Column:
    return Column(name, title, value=f"outcome.{name}", kind=Kind.COUNT, sort=f"outcome__{name}", minor=minor)


def _ratio(name: str, title: str, value: str, over: tuple[str, int], under: tuple[str, int]) -> Column:
    def part(named: tuple[str, int]) -> Any:
        return lambda line: getattr(line.outcome, named[0]) * named[1]

    return Column(
        name, title, value=f"outcome.{value}", kind=Kind.NUMBER, unit="%", sort=f"outcome__{value}",
        over=part(over), under=part(under),
    )  # fmt: skip


def _state(attempt: Attempt) -> str:
    """What became of it, or what it does now."""
    record = attempt.record
    return calls.live_state(attempt.call) if record is None else record.state.capitalize()


def _of_record(name: str) -> Any:
    """A column of the record; nothing while the call lives."""
    return lambda attempt: None if attempt.record is None else getattr(attempt.record, name)


def _told_refusal(attempt: Attempt) -> str | None:
    record = attempt.record
    return words(record.refusal) if record is not None and record.refusal else None


def _charge(attempt: Attempt) -> int | None:
    record = attempt.record
    return record.cost_micros if record is not None and record.currency else None


def _talked(attempt: Attempt) -> int | None:
    record = attempt.record
    return record.duration_ms // 1000 if record is not None and record.duration_ms else None


def _sip(attempt: Attempt) -> int | None:
    record = attempt.record
    return None if record is None else record.sip_received or record.sip_sent


LATEST: Final = Grid(
    name="latest",
    columns=(
        Column("started_at", "Start (UTC)", kind=Kind.INSTANT, link=lambda attempt: page_of("panel:call", attempt.id)),
        Column("cli", "CLI", value="call.cli", minor=True),
        Column("cld", "CLD", value="call.cld"),
        Column("destination", "Destination", value="call.destination", minor=True),
        Column("state", "State", value=_state, kind=Kind.BADGE, tone=STATUS_TONES),
        Column("refusal", "Refusal", value=_told_refusal, says=True),
        Column("sip", "SIP", value=_sip, minor=True),
        Column("pdd", "PDD", value=_of_record("pdd_ms"), kind=Kind.NUMBER, unit="ms", minor=True),
        Column("talked", "Talked", value=_talked, kind=Kind.DURATION, unit="s", show=clock, minor=True),
        Column("cost", "Charge", value=_charge, kind=Kind.MONEY, currency="call.currency"),
        Column("carrier", "Carrier", value="record.carrier.name", minor=True),
    ),
    sort="-started_at",
    page_size=LATEST_MOST,
    searchable=False,
    compact=True,
    empty_text="No calls within a month. Each attempt appears here at once, refused ones too.",
)

urlpatterns = [
    path("customers/<int:customer_id>/stats/", stats, name="customer_stats"),
    path("customers/<int:customer_id>/route-stats/", route_stats, name="customer_route_stats"),
    path("customers/<int:customer_id>/route-stats/<str:span>/", route_stats, name="customer_route_span"),
    path("customers/<int:customer_id>/latest/", latest_calls, name="customer_latest"),
    path("customers/<int:customer_id>/dialogs/", dialogs, name="customer_dialogs"),
]
