"""What the account earns by day and month, in its own currency (Money, Profit)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path, reverse

from tollgate.core.money import Method, divide
from tollgate.panel.access import own_account, reading
from tollgate.panel.frame import crumbs
from tollgate.panel.invoices import today
from tollgate.store.queries.books import profit_of
from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import Grid, respond
from tollgate.ui.sources import ListSource

SPANS: Final = {"day": "By day", "month": "By month"}
DAYS: Final = 31


def _money(name: str, title: str) -> Column:
    return Column(name, title, value=f"{name}_micros", kind=Kind.MONEY, currency="currency", sort=f"{name}_micros")


def _margin(row: Any) -> Decimal | None:
    """Of what was sold, in percent."""
    if row.sold_micros <= 0:
        return None
    return Decimal(divide(row.profit_micros * 10_000, row.sold_micros, Method.half_up)).scaleb(-2)


def _grid(span: str) -> Grid:
    return Grid(
        name=f"profit_{span}",
        columns=(
            Column(
                "on",
                "Day (UTC)" if span == "day" else "Month (UTC)",
                value=lambda row: row.on if span == "day" else f"{row.on:%Y-%m}",
                sort="on",
            ),
            _money("sold", "Sold"),
            _money("bought", "Calls bought"),
            _money("packages", "Packages bought"),
            _money("fees", "Gateway fees"),
            _money("adjusted", "Adjustments"),
            _money("profit", "Profit"),
            Column("margin", "Margin", value=_margin, kind=Kind.NUMBER, unit="%"),
            Column("unconverted", "No rate for", value=lambda row: ", ".join(sorted(row.unconverted)), minor=True),
        ),
        sort="-on",
        searchable=False,
        empty_text="Nothing was sold or bought yet.",
    )


GRIDS: Final = {span: _grid(span) for span in SPANS}


@reading
def profit(request: HttpRequest, span: str = "day") -> HttpResponseBase:
    """The last month by day, or the last year by month."""
    if span not in SPANS:
        raise Http404
    until_on = today() + timedelta(days=1)
    found = profit_of(own_account(request), from_on=_first(span, until_on), until_on=until_on, by_month=span == "month")
    return respond(
        request,
        GRIDS[span],
        ListSource(items=found),
        template="panel/profit.html",
        title="Profit",
        breadcrumbs=crumbs(("Money", "")),
        spans=[(name, words, reverse("panel:profit_by", args=[name]), name == span) for name, words in SPANS.items()],
    )


def _first(span: str, until_on: date) -> date:
    if span == "day":
        return until_on - timedelta(days=DAYS)
    return until_on.replace(year=until_on.year - 1, day=1)


urlpatterns = [
    path("profit/", profit, name="profit"),
    path("profit/<str:span>/", profit, name="profit_by"),
]
