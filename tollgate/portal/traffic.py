"""What the customer's calls come to, which were the last and which are live: pages beside the list of calls.

To add a page, give it its line in `calls.TABS`, its view and its address. Nothing here tells of carriers: a refusal is
told as the customer's own switch was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, time
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import path

from tollgate.actions.portal_access import Visit
from tollgate.core.refusals import Key, Refusal, answer
from tollgate.portal.access import visiting
from tollgate.portal.calls import STATES, TONES, tabs
from tollgate.store.models import Call
from tollgate.store.queries.customers import wallet_of
from tollgate.store.queries.portal import live_calls_of
from tollgate.store.queries.summaries import as_of
from tollgate.store.queries.traffic import LATEST_MOST, Attempt, Period, Traffic, cps_now, latest, traffic
from tollgate.ui.charts import LineChart, Series
from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import Grid
from tollgate.ui.packages import clock
from tollgate.ui.sources import ListSource, QuerysetSource, Source
from tollgate.ui.words import as_is

LIVE_TONES: Final = {"ringing": "blue", "talking": "green", "ending": "yellow", **TONES}


@visiting("calls")
def latest_calls(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """The last attempts, refused ones too; the page asks for the list again every few seconds."""
    source = ListSource(items=latest(visit.customer, datetime.now(UTC)))
    return _live_list(request, "Latest calls", "latest", _latest_grid(visit.zone or "UTC"), source)


@visiting("calls")
def live(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """The calls that ring or talk now; asked for again every few seconds."""
    source = QuerysetSource(queryset=live_calls_of(visit.customer))
    return _live_list(request, "Live calls", "live", _live_grid(visit.zone or "UTC"), source)


@visiting("calls")
def stats(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """What the calls of a day and of a month came to, by the clock of the visitor."""
    at, zone = datetime.now(UTC), ZoneInfo(visit.zone or "UTC")
    found = traffic(visit.customer, zone, at)
    context = {
        "title": "Statistics",
        "tab": "stats",
        "tabs": tabs(),
        "wallet": wallet_of(visit.customer),
        "cps": cps_now(visit.customer, at),
        "found": found,
        "periods": (("Last 24 hours", found.of_hours), ("Last 30 days", found.of_days)),
        "refusals": _refusals(found),
        "charts": _charts(found, zone),
        "zone": zone.key,
        "as_of": as_of(),
    }
    return render(request, "portal/stats.html", context)


def _live_list(request: HttpRequest, title: str, tab: str, grid: Grid, source: Source) -> HttpResponseBase:
    """A list that is asked for again: the whole page, or the rows alone."""
    page = grid.page(request.GET.dict(), source)
    status = 422 if page.view.errors else 200
    if request.headers.get("HX-Request") == "true":
        return render(request, "portal/live_rows.html", {"grid": page, "title": title}, status=status)
    context: dict[str, Any] = {"title": title, "tab": tab, "tabs": tabs(), "grid": page}
    return render(request, "portal/live_list.html", context, status=status)


def _refusals(found: Traffic) -> list[tuple[str, int, int]]:
    """Each reason as calls were refused with it, how often within a day, and how often within a month."""
    of_day, of_month = (_by_reason(period) for period in (found.of_hours, found.of_days))
    return [(as_is(reason), of_day[reason], count) for reason, count in of_month.most_common()]


def _by_reason(period: Period) -> Counter[str]:
    counts: Counter[str] = Counter()
    for key, count in period.refusals:
        counts[_reason(key)] += count
    return counts


def _reason(key: str, sip: int | None = None) -> str:
    """What a caller is told who is refused with a key; of an unknown one its code alone."""
    given = answer(Refusal(Key(key))) if key in Key.__members__ else None
    code = sip or (given.sip if given else "")
    return f"{code} {given.reason if given else ''}".strip()


def _charts(found: Traffic, zone: ZoneInfo) -> list[LineChart]:
    hours = [int(hour_at.timestamp()) for hour_at in found.hours]
    days = [int(datetime.combine(day, time(), zone).timestamp()) for day in found.days]
    chart: Callable[..., LineChart] = partial(LineChart, zone=zone.key)
    by_hour = (Series("Attempts", found.attempts_by_hour), Series("Answered", found.connected_by_hour))
    by_day = (Series("Attempts", found.attempts_by_day), Series("Answered", found.connected_by_day))
    at_once = (Series("Channels", found.channels_by_hour),)
    minutes = (Series("Minutes", [-(-talked_s // 60) for talked_s in found.talked_s_by_day]),)
    return [
        chart(name="hours", title="Calls by hour, 24 hours", unit="calls", times=hours, series=by_hour),
        chart(name="peaks", title="The most at once by hour, 24 hours", unit="", times=hours, series=at_once),
        chart(name="days", title="Calls by day, 30 days", unit="calls", times=days, series=by_day),
        chart(name="minutes", title="Minutes by day, 30 days", unit="min", times=days, series=minutes),
    ]


def _live_state(call: Call) -> str:
    """Ringing, talking, or told to end."""
    if call.hangup_at:
        return "Ending"
    return "Talking" if call.state == "answered" else "Ringing"


def _result(attempt: Attempt) -> str:
    return _live_state(attempt.call) if isinstance(attempt.call, Call) else STATES[attempt.call.state]


def _why(attempt: Attempt) -> Any:
    """Why a call was refused, as the caller's switch was told."""
    record = attempt.record
    return as_is(_reason(record.refusal, record.sip_sent)) if record is not None and record.refusal else None


def _talked(attempt: Attempt) -> str:
    record = attempt.record
    return clock(-(-record.duration_ms // 1000)) if record is not None and record.duration_ms else ""


def _charge(attempt: Attempt) -> int | None:
    record = attempt.record
    return record.cost_micros if record is not None and record.currency else None


def _by_clock(zone: str, read: Callable[[Any], datetime | None]) -> Callable[[Any], str]:
    here = ZoneInfo(zone)
    return lambda row: f"{at.astimezone(here):%Y-%m-%d %H:%M:%S}" if (at := read(row)) else ""


def _latest_grid(zone: str) -> Grid:
    return Grid(
        name="latest",
        columns=(
            Column("started_at", f"Start ({zone})", value=_by_clock(zone, lambda attempt: attempt.started_at)),
            Column("cli", "From", value="call.cli", minor=True),
            Column("cld", "To", value="call.cld"),
            Column("destination", "Destination", value="call.destination", minor=True),
            Column("state", "Result", value=_result, kind=Kind.BADGE, tone=LIVE_TONES),
            Column("refusal", "Refused because", value=_why),
            Column("talked", "Talked, min:s", value=_talked, minor=True),
            Column("cost", "Charge", value=_charge, kind=Kind.MONEY, currency="call.currency"),
        ),
        sort="-started_at",
        page_size=LATEST_MOST,
        searchable=False,
        compact=True,
        empty_text="No calls within a month. Each attempt appears here at once, refused ones too.",
    )


def _live_grid(zone: str) -> Grid:
    return Grid(
        name="live",
        columns=(
            Column("since", f"Since ({zone})", value=_by_clock(zone, lambda call: call.authorized_at)),
            Column("cli", "From"),
            Column("cld", "To"),
            Column("destination", "Destination", minor=True),
            Column("state", "State", value=_live_state, kind=Kind.BADGE, tone=LIVE_TONES),
            Column("answered", f"Answered ({zone})", value=_by_clock(zone, lambda call: call.answered_at), minor=True),
        ),
        sort="-authorized_at",
        page_size=LATEST_MOST,
        searchable=False,
        compact=True,
        empty_text="No live calls now. Calls appear here while they ring and talk.",
    )


urlpatterns = [
    path("calls/latest/", latest_calls, name="latest"),
    path("calls/live/", live, name="live"),
    path("calls/stats/", stats, name="stats"),
]
