"""A customer's calls by hour, day, week or month (Customer, Main), and invoices made from its rows.

To add a column: its figure in `core.summaries.Totals`, its line in `COLUMNS`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.http import url_has_allowed_host_and_scheme

from tollgate.actions.acts import Invalid, acting
from tollgate.actions.invoice_runs import Made, generate_missing_invoices
from tollgate.actions.invoices import draft_invoice
from tollgate.actions.summaries import refresh_summaries
from tollgate.core.call_search import Rule, Rules, write_rules
from tollgate.core.summaries import ROWS_MOST, Span, beginning, following, shown
from tollgate.panel.access import actor, may, own_customers, reach, rights, writing
from tollgate.panel.cells import clock
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import press
from tollgate.store.models import Customer, Invoice
from tollgate.store.queries.summaries import Stretch, as_of, of_customer, resells
from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import Filter, FilterKind, Grid
from tollgate.ui.saving import refusals_as_pages
from tollgate.ui.sources import Key, ListSource, Query
from tollgate.ui.words import as_is

SPANS: Final[Mapping[str, str]] = {"hour": "24 hours", "day": "Daily", "week": "Weekly", "month": "Monthly"}
BOUGHT: Final = frozenset({"profit", "margin"})
RESOLD: Final = frozenset({"resold_calls", "resold", "charged"})
PREVIEW: Final = Grid(
    name="missing",
    columns=(
        Column("kind", "Document", value=lambda row: row.kind.replace("_", " ").capitalize(), says=True),
        Column("from_on", "From"),
        Column("last_on", "Until", value=lambda row: row.until_on - timedelta(days=1)),
        Column("lines", "Lines", value="lines_count", kind=Kind.COUNT),
        Column("net", "Net", value="net_micros", kind=Kind.MONEY, currency="currency"),
        Column("tax", "Tax", value="tax_micros", kind=Kind.MONEY, currency="currency"),
        Column("total", "Total", value="total_micros", kind=Kind.MONEY, currency="currency"),
    ),
    sort="from_on",
    searchable=False,
    compact=True,
    page_size=1000,
    empty_text="No document is missing: every period that is over has one.",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One stretch as a line of the grid, with the documents that bill it."""

    stretch: Stretch
    span: Span
    customer: Customer
    invoices: tuple[Invoice, ...]
    over: bool
    may_read_calls: bool

    @property
    def id(self) -> str:
        """What its tick sends: when it begins."""
        return f"{self.stretch.begun_at:%Y-%m-%dT%H:%M}"

    @property
    def begun_at(self) -> datetime:
        """Its place in the order."""
        return self.stretch.begun_at

    @property
    def words(self) -> str:
        """The stretch as people call it."""
        at = self.stretch.begun_at
        match self.span:
            case Span.HOUR:
                return f"{at:%Y-%m-%d %H:00}"
            case Span.DAY:
                return f"{at:%Y-%m-%d}"
            case Span.WEEK:
                return f"{at:%G-W%V} ({at:%Y-%m-%d})"
            case _:
                return f"{at:%Y-%m}"

    @property
    def invoice(self) -> str:
        """The first document that bills it, as a link says it."""
        return f"View {self.invoices[0]}" if self.invoices else ""

    @property
    def menu(self) -> list[tuple[str, str]]:
        """What may be done with it."""
        chosen = {
            "f.from": f"{self.stretch.begun_at:%Y-%m-%dT%H:%M}",
            "f.until": f"{self.stretch.ended_at:%Y-%m-%dT%H:%M}",
        }
        page = reverse("panel:customer_cdrs", args=[self.customer.pk])
        if self.customer.is_reseller:
            page = reverse("panel:cdrs")
            chosen["f.rules"] = write_rules(Rules((Rule("reseller", "is", self.customer.name),)))
        calls = [
            ("Download its CDRs (CSV)", f"{page}?{urlencode({**chosen, 'export': 'csv'})}"),
            ("Show its CDRs", f"{page}?{urlencode(chosen)}"),
        ]
        documents = [(f"View {found}", reverse("panel:invoice", args=[found.pk])) for found in self.invoices]
        return (calls if self.may_read_calls else []) + documents


def _whole(name: str, times: int = 1) -> Any:
    return lambda row: getattr(row.stretch.totals, name) * times


def _columns(currency: str) -> tuple[Column, ...]:
    return (
        Column("begun_at", "Date (UTC)", value="words", sort="begun_at"),
        Column(
            "asr", "ASR", value="stretch.totals.asr_percent", kind=Kind.NUMBER, unit="%", group="Quality",
            over=_whole("connected", 100), under=_whole("attempts"), sort="stretch__totals__asr_percent",
        ),
        Column(
            "acd", "ACD", value="stretch.totals.acd_s", kind=Kind.NUMBER, unit="s", group="Quality",
            over=_whole("duration_ms"), under=_whole("connected", 1000), sort="stretch__totals__acd_s", minor=True,
        ),
        Column(
            "profit", "Profit", value="stretch.totals.profit_micros", kind=Kind.MONEY, unit=currency, group="Money",
            sort="stretch__totals__profit_micros", minor=True,
        ),
        Column(
            "margin", "Profit", value="stretch.totals.margin_percent", kind=Kind.NUMBER, unit="%", group="Money",
            over=_whole("profit_micros", 100), under=_whole("profitable_micros"), minor=True,
            sort="stretch__totals__margin_percent",
        ),
        Column(
            "charge", "Customer charge", value="stretch.totals.cost_micros", kind=Kind.MONEY, unit=currency,
            group="Money", sort="stretch__totals__cost_micros",
        ),
        Column(
            "resold", "Charged for its customers' calls", value="stretch.resold.charge_micros", kind=Kind.MONEY,
            unit=currency, group="Money", minor=True, sort="stretch__resold__charge_micros",
        ),
        Column(
            "charged", "Charged in all", value="stretch.charged_micros", kind=Kind.MONEY, unit=currency,
            group="Money", sort="stretch__charged_micros",
        ),
        Column(
            "attempts", "Attempts", value="stretch.totals.attempts", kind=Kind.COUNT, group="Calls",
            sort="stretch__totals__attempts",
        ),
        Column(
            "connected", "Connected", value="stretch.totals.connected", kind=Kind.COUNT, group="Calls", minor=True,
            sort="stretch__totals__connected",
        ),
        Column(
            "resold_calls", "Its customers' calls", value="stretch.resold.calls", kind=Kind.COUNT, group="Calls",
            minor=True, sort="stretch__resold__calls",
        ),
        Column(
            "duration", "Duration", value="stretch.totals.duration_s", kind=Kind.DURATION, unit="s", show=clock,
            group="Time", minor=True, sort="stretch__totals__duration_ms",
        ),
        Column(
            "billed", "Billed duration", value="stretch.totals.billed_s", kind=Kind.DURATION, unit="s", show=clock,
            group="Time", minor=True, sort="stretch__totals__billed_s",
        ),
        Column(
            "corrections", "Of it corrections", value="stretch.totals.correction_micros", kind=Kind.MONEY,
            unit=currency, hidden=True,
        ),
        Column("invoice", "Invoice", link=_invoice_link),
        Column("menu", "Action", kind=Kind.MENU),
    )  # fmt: skip


def _invoice_link(row: Row) -> str | None:
    return reverse("panel:invoice", args=[row.invoices[0].pk]) if row.invoices else None


FILTERS: Final = (
    Filter("from", "From (UTC)", "from_at", kind=FilterKind.INSTANT),
    Filter("until", "Until (UTC)", "until_at", kind=FilterKind.INSTANT),
)


@dataclass(slots=True)
class SummarySource:
    """Rows of one customer's summary; the period is asked for by filters, at first the last of each span."""

    customer: Customer
    span: Span
    at: datetime
    may_read_calls: bool
    may_read_invoices: bool
    reselling: bool
    known: dict[tuple[datetime, datetime], ListSource] = field(default_factory=dict)

    def rows(self, query: Query, limit: int) -> Sequence[Row]:
        """One page."""
        return self._list(query).rows(replace(query, filters={}), limit)

    def stream(self, query: Query) -> Iterator[Row]:
        """All rows."""
        return self._list(query).stream(replace(query, filters={}))

    def count(self, query: Query, most: int) -> int:
        """How many stretches."""
        return self._list(query).count(replace(query, filters={}), most)

    def key(self, row: Row, sort: str) -> Key:
        """Sort value and the beginning."""
        return ListSource(items=()).key(row, sort)

    def _list(self, query: Query) -> ListSource:
        from_at, until_at = shown(self.span, self.at)
        until_at = min(query.filters.get("until_at", until_at), until_at)
        from_at = query.filters.get("from_at", min(from_at, following(beginning(until_at, self.span), self.span, -1)))
        from_at = max(from_at, following(beginning(until_at, self.span), self.span, -ROWS_MOST))
        if (from_at, until_at) not in self.known:
            self.known[from_at, until_at] = ListSource(items=self._told(from_at, until_at))
        return self.known[from_at, until_at]

    def _told(self, from_at: datetime, until_at: datetime) -> list[Row]:
        documents = self._documents(from_at, until_at) if self.may_read_invoices else []
        return [
            Row(
                stretch,
                self.span,
                self.customer,
                tuple(found for found in documents if _bills(found, stretch)),
                stretch.ended_at <= self.at,
                self.may_read_calls,
            )
            for stretch in of_customer(self.customer, self.span, from_at, until_at, resells=self.reselling)
        ]

    def _documents(self, from_at: datetime, until_at: datetime) -> list[Invoice]:
        """What bills calls of the rows of the period, which are whole."""
        begins, ends = beginning(from_at, self.span), following(beginning(until_at, self.span), self.span)
        near = {"usage_until_at__gt": begins, "usage_from_at__lt": ends}
        return list(
            Invoice.objects.filter(customer=self.customer, **near).exclude(state="void").order_by("usage_from_at")
        )


def _bills(found: Invoice, stretch: Stretch) -> bool:
    """Whether the document bears part of the stretch, by the instant."""
    assert found.usage_from_at is not None
    assert found.usage_until_at is not None
    return found.usage_from_at < stretch.ended_at and found.usage_until_at > stretch.begun_at


def context_of(request: HttpRequest, customer: Customer, span_name: str) -> tuple[Grid, SummarySource, dict[str, Any]]:
    """The grid of a customer's summary, its rows, and what its panel says beside. Raises Http404 for no such span."""
    if span_name not in SPANS:
        raise Http404
    span, read = Span(span_name), rights(request).reads
    reselling = resells(customer)
    hidden = frozenset() if read("call_details") else BOUGHT
    hidden |= frozenset() if reselling else RESOLD
    hidden |= frozenset() if read("invoices") else {"invoice"}
    columns = tuple(column for column in _columns(customer.currency) if column.name not in hidden)
    drafting = span is not Span.HOUR and may(request, "draft_invoice") and customer.deleted_at is None
    grid = Grid(
        name="summary",
        columns=columns,
        filters=FILTERS,
        sort="-begun_at",
        searchable=False,
        page_size=400,
        ticks=drafting,
        tickable=lambda row: row.over and not row.invoices,
        empty_text="No calls in this period.",
    )
    at = datetime.now(UTC)
    source = SummarySource(customer, span, at, read("calls"), read("invoices"), reselling)
    spans = [
        (name, words, reverse("panel:customer_summary", args=[customer.pk, name])) for name, words in SPANS.items()
    ]
    told = {
        "span": span_name,
        "spans": spans,
        "as_of": as_of(),
        "refreshing": may(request, "refresh_summaries") and reach(request) is None,
        "drafting": drafting,
        "reselling": reselling,
        "generating": may(request, "generate_missing_invoices")
        and customer.deleted_at is None
        and reach(request) is None,
    }
    return grid, source, told


@writing("refresh_summaries", shown_to_all=False)
def refresh(request: HttpRequest) -> HttpResponseBase:
    """Brings the summaries up to date and goes back."""
    back = request.POST.get("back", "")
    if request.method == "POST":
        press(request, refresh_summaries, "The summaries are up to date.")
    known = url_has_allowed_host_and_scheme(back, allowed_hosts=None) and back.startswith("/")
    return redirect(back if known else reverse("panel:breakout"))


@writing("draft_invoice", shown_to_all=False)
def invoice_rows(request: HttpRequest, customer_id: int, span: str) -> HttpResponseBase:
    """Drafts invoices of the ticked rows, of their very hours in UTC; rows that follow one another are one."""
    customer = get_object_or_404(own_customers(request), pk=customer_id, deleted_at=None)
    page = reverse("panel:customer_summary", args=[customer.pk, span])
    if span not in SPANS or span == Span.HOUR:
        raise Http404
    periods = joined(request.POST.getlist("id"), Span(span))
    if request.method != "POST" or not periods:
        messages.warning(request, "Tick the rows to invoice first.")
        return redirect(page)
    before = set(Invoice.objects.filter(customer=customer).values_list("pk", flat=True))
    done = [_drafted(request, customer, *bounds) for bounds in periods]
    made = Invoice.objects.filter(customer=customer).exclude(pk__in=before).values_list("pk", flat=True)
    return redirect("panel:invoice", made[0]) if all(done) and len(made) == 1 else redirect(page)


def joined(days: Sequence[str], span: Span) -> list[tuple[date, date]]:
    """The periods of rows that begin on those days: first day and the first day after. Unreadable days are left out."""
    found: list[tuple[date, date]] = []
    for text in sorted(set(days)):
        try:
            begun_at = beginning(datetime.fromisoformat(text).replace(tzinfo=UTC), span)
        except ValueError:
            continue
        begun_on, until_on = begun_at.date(), following(begun_at, span).date()
        if found and found[-1][1] == begun_on:
            found[-1] = (found[-1][0], until_on)
        else:
            found.append((begun_on, until_on))
    return found


def _drafted(request: HttpRequest, customer: Customer, from_on: date, until_on: date) -> bool:
    words = f"{from_on} until {until_on - timedelta(days=1)} is drafted."
    days = {"from_on": str(from_on), "until_on": str(until_on)}
    drafted = partial(draft_invoice, customer_id=customer.pk, in_utc=True, **days)
    return press(request, drafted, words)


@writing("generate_missing_invoices", shown_to_all=False)
def missing(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """What the customer's schedule lacks, as it would be made; a press makes it."""
    customer = get_object_or_404(own_customers(request), pk=customer_id, deleted_at=None)
    page, invoices = (reverse(f"panel:customer{part}", args=[customer.pk]) for part in ("", "_invoices"))
    span = request.GET.get("span", "")
    back = reverse("panel:customer_summary", args=[customer.pk, span]) if span in SPANS else invoices
    if request.method == "POST":
        if press(request, generate_missing_invoices, "The missing documents are made.", customer_id=customer.pk):
            return redirect(invoices)
        return redirect(page)
    made, problem = list[Made](), ""
    try:
        with refusals_as_pages(), acting(actor(request, "a preview")):
            made = generate_missing_invoices(customer_id=customer.pk, preview=True)
    except Invalid as invalid:
        problem = " ".join(word for words in invalid.errors.values() for word in words)
        messages.error(request, problem)
    way = crumbs(("Selling", ""), ("Customers", reverse("panel:customers")), (as_is(customer.name), page))
    context = {
        "title": "Missing invoices",
        "breadcrumbs": way,
        "customer": customer,
        "back_url": back,
        "count": len(made),
        "problem": problem,
        "grid": PREVIEW.page({}, ListSource(items=made, id_path="from_on")),
    }
    return render(request, "panel/missing_invoices.html", context)


urlpatterns = [
    path("summaries/refresh/", refresh, name="summaries_refresh"),
    path("customers/<int:customer_id>/summary/<str:span>/invoice/", invoice_rows, name="summary_invoice"),
    path("customers/<int:customer_id>/invoices/missing/", missing, name="missing_invoices"),
]
