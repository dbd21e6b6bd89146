"""Statements of account, and who owes what since when (Money, Statements and Aged debt)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse

from tollgate.actions.charges import today_of
from tollgate.actions.customer_statements import statement_file, statement_of
from tollgate.panel.access import own_account, own_customers, reach, reading, rights
from tollgate.panel.cells import link
from tollgate.panel.frame import crumbs
from tollgate.panel.invoices import today
from tollgate.store.models import Customer
from tollgate.store.queries.books import DEBTS, Owed, aged_debt, debt_by_currency, standing
from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import Filter, Grid, respond
from tollgate.ui.sources import ListSource
from tollgate.ui.statements import days_asked, days_read, last_month, lines_of, statement_grid
from tollgate.ui.words import worded

_TO_STATEMENT: Final = link("panel:statement", lambda row: row.id)
STATEMENTS: Final = Grid(
    name="statements",
    columns=(
        Column("name", "Customer", sort="name", link=_TO_STATEMENT),
        Column("number", "Number", sort="number", minor=True),
        Column("accounting_id", "Accounting id", sort="accounting_id", hidden=True),
        Column(
            "balance", "Balance", value="balance_micros", kind=Kind.MONEY, currency="currency", sort="balance_micros"
        ),
        Column("open", "Open invoices", value="open_micros", kind=Kind.MONEY, currency="currency", sort="open_micros"),
        Column(
            "overdue", "Overdue", value="overdue_micros", kind=Kind.MONEY, currency="currency", sort="overdue_micros"
        ),
    ),
    filters=(Filter("currency", "Currency", "currency"),),
    sort="name",
    empty_text="No customers yet.",
)


def _debt(name: str, title: str) -> Column:
    return Column(name, title, kind=Kind.MONEY, currency="currency", sort=name)


DEBT: Final = Grid(
    name="aged_debt",
    columns=(
        Column("name", "Customer", sort="name", link=_TO_STATEMENT),
        Column("accounting_id", "Accounting id", sort="accounting_id", hidden=True),
        _debt("open_micros", "Owed"),
        *(_debt(name, title) for name, title in DEBTS),
        _debt("unused_micros", "Unallocated"),
        Column("oldest_on", "Oldest due", sort="oldest_on", minor=True),
    ),
    filters=(Filter("currency", "Currency", "currency"),),
    sort="-open_micros",
    empty_text="Nobody owes anything: every issued invoice is settled.",
)


def _page(row: Any) -> str | None:
    """The page of a line's document."""
    if row.invoice_id:
        return reverse("panel:invoice", args=[row.invoice_id])
    return reverse("panel:payment", args=[row.payment_id]) if row.payment_id else None


LINES: Final = statement_grid(_page)


@reading
def statements(request: HttpRequest) -> HttpResponseBase:
    """Every customer with what it holds and owes."""
    rows = _reached(request, standing(own_account(request), today()))
    source = ListSource(items=rows, search=lambda row: f"{row.name} {row.number} {row.accounting_id or ''}")
    return respond(request, STATEMENTS, source, title="Statements", breadcrumbs=crumbs(("Money", "")))


@reading
def statement(request: HttpRequest, customer_id: int, first: str = "", last: str = "") -> HttpResponseBase:
    """One customer's statement; without days that of the month before."""
    customer = _customer(request, customer_id)
    if not first:
        days = days_asked(request.GET.dict(), last_month(today_of(customer)))
        return redirect("panel:statement_of", customer.pk, *map(str, days))
    from_on, last_on = days_read(first, last)
    made = statement_of(customer, from_on=from_on, until_on=last_on + timedelta(days=1))
    return respond(
        request,
        LINES,
        lines_of(made),
        template="panel/statement.html",
        title=worded("Statement of {name}", name=customer.name),
        breadcrumbs=crumbs(("Money", ""), ("Statements", reverse("panel:statements"))),
        customer=customer,
        statement=made,
        days_url=reverse("panel:statement", args=[customer.pk]),
        pdf_url=reverse("panel:statement_pdf", args=[customer.pk, first, last]),
        reads_customers=rights(request).reads("customers"),
    )


@reading
def statement_pdf(request: HttpRequest, customer_id: int, first: str, last: str) -> HttpResponseBase:
    """The statement as PDF."""
    from_on, last_on = days_read(first, last)
    customer = _customer(request, customer_id)
    name, content = statement_file(customer, from_on=from_on, until_on=last_on + timedelta(days=1))
    headers = {"Content-Disposition": f'inline; filename="{name}"'}
    return HttpResponse(content, content_type="application/pdf", headers=headers)


@reading
def debt(request: HttpRequest) -> HttpResponseBase:
    """Who owes what, by how long it is due."""
    rows = _reached(request, aged_debt(own_account(request), today()))
    return respond(
        request,
        DEBT,
        ListSource(items=rows, search=lambda row: f"{row.name} {row.accounting_id or ''}"),
        template="panel/aged_debt.html",
        title="Aged debt",
        breadcrumbs=crumbs(("Money", "")),
        buckets=[title for _, title in DEBTS],
        totals=debt_by_currency(rows),
        reads_dunning=rights(request).reads("dunning"),
    )


def _reached(request: HttpRequest, rows: Sequence[Owed]) -> list[Owed]:
    """Those of customers this user may see."""
    ids = reach(request)
    return [row for row in rows if ids is None or row.id in ids]


def _customer(request: HttpRequest, customer_id: int) -> Customer:
    return get_object_or_404(own_customers(request).select_related("account"), pk=customer_id)


urlpatterns = [
    path("statements/", statements, name="statements"),
    path("customers/<int:customer_id>/statement/", statement, name="statement"),
    path("customers/<int:customer_id>/statement/<str:first>/<str:last>/", statement, name="statement_of"),
    path("customers/<int:customer_id>/statement/<str:first>/<str:last>/pdf/", statement_pdf, name="statement_pdf"),
    path("aged-debt/", debt, name="aged_debt"),
]
