"""The customer's documents: what was invoiced, what of it is paid, each as PDF with the e-invoice inside it."""

from datetime import UTC, datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import path, reverse

from tollgate.actions.invoice_documents import file_of
from tollgate.actions.portal_access import Visit
from tollgate.core.invoice_document import period_text
from tollgate.portal.access import visiting
from tollgate.store.queries.portal import invoices_of
from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import Filter, Grid, respond
from tollgate.ui.sources import QuerysetSource

KINDS = {"invoice": "Invoice", "receipt": "Receipt", "credit_note": "Credit note", "debit_note": "Debit note"}
STANDINGS = {
    "open": "Unpaid", "partly_paid": "Partly paid", "overdue": "Overdue", "paid": "Paid", "void": "Void",
}  # fmt: skip
TONES = {"unpaid": "blue", "partly paid": "yellow", "overdue": "red", "paid": "green"}


def _pdf(row: Any) -> str:
    return reverse("portal:invoice_pdf", args=[row.pk])


LIST = Grid(
    name="invoices",
    columns=(
        Column("number", "Number", sort="number", link=_pdf),
        Column("kind", "Document", value=lambda row: KINDS[row.kind], sort="kind", says=True),
        Column("period", "Period", value=lambda row: period_text(row.from_on, row.until_on), minor=True),
        Column("invoice_on", "Date", sort="invoice_on"),
        Column("due_on", "Due", sort="due_on"),
        Column("total", "Total", value="total_micros", kind=Kind.MONEY, currency="currency", sort="total_micros"),
        Column(
            "left", "Open", value="left_micros", kind=Kind.MONEY, currency="currency", sort="left_micros", apart=True
        ),
        Column("standing", "State", value=lambda row: STANDINGS[row.standing], kind=Kind.BADGE, tone=TONES),
        Column("reference", "Reference", hidden=True),
    ),
    filters=(
        Filter("standing", "State", "standing", choices=tuple(STANDINGS.items())),
        Filter("kind", "Document", "kind", choices=tuple(KINDS.items())),
    ),
    sort="-id",
    empty_text="No invoices yet.",
)


@visiting("invoices")
def invoices(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Every document that was issued."""
    found = invoices_of(visit.customer, on=datetime.now(UTC).date())
    source = QuerysetSource(queryset=found, search=("number__icontains", "reference__icontains"))
    return respond(request, LIST, source, template="portal/invoices.html", title="Invoices")


@visiting("invoices")
def pdf(request: HttpRequest, visit: Visit, invoice_id: int) -> HttpResponseBase:
    """One document, shown in the browser."""
    found = invoices_of(visit.customer, on=datetime.now(UTC).date()).filter(pk=invoice_id).first()
    if found is None:
        raise Http404
    name, content = file_of(found)
    headers = {"Content-Disposition": f'inline; filename="{name}"'}
    return HttpResponse(content, content_type="application/pdf", headers=headers)


urlpatterns = [
    path("invoices/", invoices, name="invoices"),
    path("invoices/<int:invoice_id>/pdf/", pdf, name="invoice_pdf"),
]
