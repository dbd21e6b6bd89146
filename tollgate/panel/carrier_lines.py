"""Lines of carriers' statements: each call as both sides tell it, and their sums by destination or day."""

from __future__ import annotations

from typing import Final

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path

from tollgate.actions.carrier_disputes import DISPUTABLE
from tollgate.panel.access import reading
from tollgate.panel.cells import link
from tollgate.panel.frame import crumbs
from tollgate.panel.reconciliations import CLASS_WORDS, class_tone, found_statement, page_of, way
from tollgate.store.models import CarrierDispute, CarrierLine, CarrierStatement, CarrierSum
from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import Filter, FilterKind, Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is, worded


def _seconds(duration_ms: int | None) -> int | None:
    return None if duration_ms is None else duration_ms // 1000


_SUMMED: Final = (
        Column("kind", "What", value=lambda row: CLASS_WORDS[row.kind], kind=Kind.BADGE, tone=class_tone, sort="kind"),
        Column("destination", "Destination", sort="destination"),
        Column("day_on", "Day", sort="day_on"),
        Column("their_calls", "Calls", kind=Kind.COUNT, group="Theirs"),
        Column("their_duration_s", "Duration", kind=Kind.DURATION, unit="s", group="Theirs", minor=True),
        Column("their_micros", "Cost", kind=Kind.MONEY, currency="currency", group="Theirs"),
        Column("our_calls", "Calls", kind=Kind.COUNT, group="Ours"),
        Column("our_duration_s", "Duration", kind=Kind.DURATION, unit="s", group="Ours", minor=True),
        Column("our_micros", "Cost", kind=Kind.MONEY, currency="currency", group="Ours"),
        Column(
            "difference", "Difference", value="difference_micros", kind=Kind.MONEY, currency="currency",
            sort="difference_micros",
        ),
)  # fmt: skip
NO_SUMS: Final = "Nothing to add up: the statement has no file, so its total is compared with ours as a whole."
SUMS: Final = Grid(
    name="carrier_sums",
    columns=tuple(column for column in _SUMMED if column.name != "day_on"),
    filters=(Filter("kind", "What", "kind", choices=tuple(CLASS_WORDS.items())[:-1]),),
    sort="-difference_micros",
    empty_text=NO_SUMS,
)
TOTALS: Final = Grid(
    name="carrier_totals",
    columns=tuple(column for column in _SUMMED if column.name != "kind"),
    sort="-difference_micros",
    empty_text=NO_SUMS,
)
LINES: Final = Grid(
    name="carrier_lines",
    columns=(
        Column("kind", "What", value=lambda row: CLASS_WORDS[row.kind], kind=Kind.BADGE, tone=class_tone),
        Column("started_at", "Start (UTC)", kind=Kind.INSTANT, link=link("panel:call", lambda row: row.call_id)),
        Column("their_at", "Their start (UTC)", kind=Kind.INSTANT, hidden=True),
        Column("number", "Number", sort="number"),
        Column("destination", "Destination", sort="destination"),
        Column(
            "their_s", "Theirs", value=lambda row: _seconds(row.their_duration_ms), kind=Kind.DURATION, unit="s",
            group="Duration",
        ),
        Column(
            "our_s", "Ours", value=lambda row: _seconds(row.our_duration_ms), kind=Kind.DURATION, unit="s",
            group="Duration",
        ),
        Column("their_micros", "Theirs", kind=Kind.MONEY, currency="currency", group="Cost", sort="their_micros"),
        Column("our_micros", "Ours", kind=Kind.MONEY, currency="currency", group="Cost", sort="our_micros"),
        Column(
            "difference", "Difference", value="difference_micros", kind=Kind.MONEY, currency="currency",
            sort="difference_micros",
        ),
        Column("explanation", "Why", sort="explanation"),
        Column(
            "how",
            "Paired by",
            value=lambda row: {"key": "call id", "number": "number and time"}.get(row.how, ""),
            says=True,
        ),
        Column("line", "Line of the file", kind=Kind.NUMBER, hidden=True),
        Column(
            "dispute", "Dispute", value="dispute_id", link=link("panel:carrier_dispute", lambda row: row.dispute_id)
        ),
    ),
    filters=(
        Filter("kind", "What", "kind", choices=tuple(CLASS_WORDS.items())[:-1]),
        Filter("destination", "Destination", "destination"),
        Filter("disputed", "Dispute id", "dispute_id", kind=FilterKind.WHOLE),
    ),
    sort="-difference_micros",
    ticks=True,
    tickable=lambda row: row.dispute_id is None and row.kind in DISPUTABLE,
    empty_text="No such lines.",
)  # fmt: skip


@reading
def sums(request: HttpRequest, statement_id: int) -> HttpResponseBase:
    """The lines of a statement added up by what they are and destination; of totals, the carrier's beside ours."""
    found = found_statement(request, statement_id)
    rows = CarrierSum.objects.filter(statement=found, run=found.run)
    grid = TOTALS if found.figures.get("basis") == "totals" else SUMS
    return respond(
        request, grid, QuerysetSource(queryset=rows, search=("destination__icontains",)), template="panel/grid.html",
        title=worded("{number} by destination", number=found.number),
        breadcrumbs=[*way(found.carrier), *crumbs((as_is(str(found)), page_of(found)))],
    )  # fmt: skip


@reading
def lines(request: HttpRequest, statement_id: int) -> HttpResponseBase:
    """The lines of a statement, those that differ most first."""
    found = found_statement(request, statement_id)
    source = QuerysetSource(queryset=lines_of(found), search=("number__startswith", "explanation__icontains"))
    return respond(
        request, LINES, source, template="panel/carrier_lines.html",
        title=worded("Lines of {number}", number=found.number),
        breadcrumbs=[*way(found.carrier), *crumbs((as_is(str(found)), page_of(found)))], statement=found,
        disputable=found.accepted_at is None,
    )  # fmt: skip


def lines_of(found: CarrierStatement, dispute: CarrierDispute | None = None) -> QuerySet[CarrierLine]:
    """The lines that count; of one dispute, only its own."""
    wanted = Q(statement=found, run=found.run)
    return CarrierLine.objects.filter(wanted & Q(dispute=dispute) if dispute else wanted)


urlpatterns = [
    path("reconciliation/<int:statement_id>/sums/", sums, name="carrier_sums"),
    path("reconciliation/<int:statement_id>/lines/", lines, name="carrier_lines"),
]
