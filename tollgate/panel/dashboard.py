"""The dashboard: the traffic now and today. The page asks for its changing parts again every few seconds."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse

from tollgate.actions.agreements import acceptance_by, newest_agreement
from tollgate.panel.access import current_user, may, members, own_account, reading, rights
from tollgate.panel.custom_pages import shown_to
from tollgate.panel.frame import first_page
from tollgate.store.models import Account
from tollgate.store.queries import dashboard as figures
from tollgate.ui.charts import LineChart, Series

WAITING: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "parked": ("Customers whose billing rests", "invoices", "panel:invoices", ""),
    "payments": ("Payments to approve", "payments", "panel:payments", "?f.status=pending"),
    "suspense": ("Money of unknown payers", "payments", "panel:payments", "?f.suspense=yes"),
    "notices": ("Notices of gateways not booked", "payment_gateways", "panel:payment_log", "?f.state=failed"),
    "conflicts": ("Delayed saves in conflict", "delays", "panel:delays", "?f.state=conflict"),
}
"""What waits for people, by the columns of the statement: its title, its area, its page."""


class Waiting(NamedTuple):
    """One kind of work that waits, how much of it there is, and where it is done."""

    title: str
    records_count: int
    url: str


@members
def dashboard(request: HttpRequest) -> HttpResponseBase:
    """The whole page; whoever may not read it begins at the first page that opens for them."""
    if not rights(request).reads("dashboard"):
        elsewhere = first_page(rights(request))
        if not elsewhere:
            raise PermissionDenied("Your groups may read nothing yet. Ask an administrator.")
        return redirect(elsewhere)
    account, at = own_account(request), datetime.now(UTC)
    context: dict[str, Any] = {
        "title": "Dashboard",
        "now": figures.now(account, at),
        "chart": _chart(account, at),
        "at": at,
        "waiting": _waiting(request, account, at),
        "pages": shown_to(request),
        "may_see_dashboard": True,
    }
    return render(request, "panel/dashboard.html", context)


@reading
def now(request: HttpRequest) -> HttpResponseBase:
    """The figures alone."""
    at = datetime.now(UTC)
    return render(request, "panel/dashboard_now.html", {"now": figures.now(own_account(request), at), "at": at})


@reading
def chart(request: HttpRequest) -> HttpResponseBase:
    """The chart alone."""
    return render(request, "panel/dashboard_chart.html", {"chart": _chart(own_account(request), datetime.now(UTC))})


def _waiting(request: HttpRequest, account: Account, at: datetime) -> list[Waiting]:
    """What waits for a person who may read of it."""
    counts, reads = figures.waiting(account, at), rights(request).reads
    found = [
        Waiting(title, counts[name], f"{reverse(page)}{query}")
        for name, (title, area, page, query) in WAITING.items()
        if counts[name] and reads(area)
    ]
    asked = newest_agreement(account) if reads("account") and may(request, "accept_agreement") else None
    if asked is not None and acceptance_by(asked, current_user(request).pk) is None:
        found.append(Waiting("Service agreement to accept", 1, reverse("panel:agreement", args=[asked.number])))
    if current_user(request).email_verified_at is None:
        found.append(Waiting("Your email to confirm", 1, reverse("panel:me")))
    return found


def _chart(account: Account, at: datetime) -> LineChart:
    found = figures.series(account, at)
    lines = (Series("Attempts", found.attempts), Series("Answered", found.answered))
    title = "Calls begun per 5 minutes, last 24 hours"
    return LineChart(name="calls", title=title, unit="calls", times=found.times, series=lines)


urlpatterns = [
    path("", dashboard, name="dashboard"),
    path("dashboard/now/", now, name="dashboard_now"),
    path("dashboard/chart/", chart, name="dashboard_chart"),
]
