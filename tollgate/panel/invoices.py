"""Invoices, receipts, credit and debit notes: the lists, new drafts, what is missing, whose billing rests.

One document's page is in invoice_pages.py, its lines and notes in invoice_notes.py.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from typing import Final

from django.db.models import Q
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path

from tollgate.core.invoice_document import period_text
from tollgate.panel.access import by_customer, own_account, own_customers, own_rows, reading
from tollgate.panel.cells import fixed, link
from tollgate.panel.fields import words
from tollgate.panel.frame import crumbs
from tollgate.panel.suggestions import suggested
from tollgate.store.models.invoices import KINDS
from tollgate.store.queries.finding import by_columns, by_company, invoices_with
from tollgate.store.queries.invoice_lists import STANDINGS, invoices
from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import Filter, Grid, respond
from tollgate.ui.sources import QuerysetSource

TONES: Final = {"open": "blue", "partly paid": "yellow", "overdue": "red", "paid": "green"}


class DayFilter(Filter):
    """A day, such as 2026-11-20."""

    def read(self, text: str) -> date:
        """The day of the text."""
        try:
            return date.fromisoformat(text.strip())
        except ValueError:
            raise ValueError(f"{self.title}: write a day, such as 2026-11-20.") from None


def today() -> date:
    """The day by which documents are overdue."""
    return datetime.now(UTC).date()


COLUMNS: Final = (
    Column("number", "Number", value=str, sort="number", link=link("panel:invoice", lambda row: row.pk)),
    Column("kind", "Document", value=lambda row: words(row.kind), sort="kind", minor=True, says=True),
    Column(
        "customer",
        "Company",
        value="customer.name",
        sort="customer__name",
        link=link("panel:customer", lambda row: row.customer_id),
    ),
    Column("standing", "State", value=lambda row: words(row.standing), kind=Kind.BADGE, tone=TONES, sort="standing"),
    Column("invoice_on", "Date", sort="invoice_on", minor=True),
    Column("due_on", "Due", sort="due_on", minor=True),
    Column("period", "Period", value=lambda row: period_text(row.from_on, row.until_on), minor=True),
    Column("total", "Total", value="total_micros", kind=Kind.MONEY, currency="currency", sort="total_micros"),
    Column("left", "Open", value="left_micros", kind=Kind.MONEY, currency="currency", sort="left_micros", apart=True),
    Column("net", "Net", value="net_micros", kind=Kind.MONEY, currency="currency", hidden=True),
    Column("tax", "Tax", value="tax_micros", kind=Kind.MONEY, currency="currency", hidden=True),
    Column("reference", "Reference", sort="reference", hidden=True),
    Column("sent_at", "Mailed (UTC)", kind=Kind.INSTANT, hidden=True),
    Column("accounting_id", "Accounting id", value="customer.accounting_id", hidden=True),
)
FILTERS: Final = (
    Filter("standing", "State", "standing", choices=tuple((name, words(name)) for name in STANDINGS)),
    Filter("kind", "Document", "kind", choices=tuple((kind, words(kind)) for kind in KINDS)),
    Filter("customer", "Company", "customer__name__icontains", suggest=suggested("customer")),
    Filter("number", "Number", "number__icontains"),
    Filter("reference", "Reference", "reference__icontains"),
    DayFilter("from", "Dated from", "invoice_on__gte"),
    DayFilter("until", "Dated until", "invoice_on__lte"),
)
LIST: Final = Grid(
    name="invoices",
    columns=COLUMNS,
    filters=FILTERS,
    sort="-id",
    ticks=True,
    tickable=lambda row: row.state == "draft",
    empty_text="No invoices yet. They are made when a period closes, or by hand at a customer.",
)
OF_CUSTOMER: Final = Grid(
    name="invoices",
    columns=tuple(column for column in COLUMNS if column.name != "customer"),
    filters=tuple(one for one in FILTERS if one.name != "customer"),
    sort="-id",
    empty_text="No invoices yet.",
)
OF_INVOICE_COLUMNS: Final = frozenset({"number", "kind", "standing", "invoice_on", "total", "left"})
OF_INVOICE: Final = Grid(
    name="corrections",
    columns=fixed(column for column in COLUMNS if column.name in OF_INVOICE_COLUMNS),
    sort="-id",
    searchable=False,
    compact=True,
    empty_text="Nothing corrects this document.",
)
PARKED: Final = Grid(
    name="parked",
    columns=(
        Column("name", "Customer", sort="name", link=link("panel:customer_invoices", lambda row: row.pk)),
        Column("parked_at", "Since (UTC)", kind=Kind.INSTANT, sort="parked_at"),
        Column("reason", "Why", value="parked_reason"),
    ),
    sort="parked_at",
    searchable=False,
    compact=True,
)
SEARCH: Final = ("number__icontains", "customer__name__icontains", "reference__icontains")


DATED: Final = {name: Q(**{f"{name}__isnull": False}) for name in ("invoice_on", "due_on")}


@reading
def all_invoices(request: HttpRequest) -> HttpResponseBase:
    """Every document."""
    parked = own_customers(request).filter(parked_at__isnull=False, deleted_at=None)
    return respond(
        request,
        LIST,
        _source(request),
        template="panel/invoices.html",
        title="Invoices",
        breadcrumbs=crumbs(("Money", "")),
        parked=parked.order_by("parked_at"),
    )


def listed_drafts(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and those documents in it that may still be thrown away."""
    del parameters
    source = _source(request)
    return LIST, replace(source, queryset=source.queryset.filter(state="draft"))


def _source(request: HttpRequest) -> QuerysetSource:
    return QuerysetSource(
        queryset=own_rows(request, invoices(own_account(request), today())),
        search=cache(invoices_with),
        meanings={**by_company(), **by_columns("invoice")},
        narrow=True,
        walked=by_customer(request) | DATED,
    )


urlpatterns = [path("invoices/", all_invoices, name="invoices")]
