"""The customer's statement of account: what the balance was, what moved it, what it is. It opens with the invoices."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import path, reverse

from tollgate.actions.charges import today_of
from tollgate.actions.customer_statements import statement_file, statement_of
from tollgate.actions.portal_access import Visit
from tollgate.portal.access import visiting
from tollgate.ui.grid import respond
from tollgate.ui.statements import days_asked, days_read, last_month, lines_of, statement_grid

LINES = statement_grid(lambda row: reverse("portal:invoice_pdf", args=[row.invoice_id]) if row.invoice_id else None)


@visiting("invoices")
def statement(request: HttpRequest, visit: Visit, first: str = "", last: str = "") -> HttpResponseBase:
    """The statement of some days; without days of the month before."""
    if not first:
        days = days_asked(request.GET.dict(), last_month(today_of(visit.customer)))
        return redirect("portal:statement_of", *map(str, days))
    from_on, last_on = days_read(first, last)
    made = statement_of(visit.customer, from_on=from_on, until_on=last_on + timedelta(days=1))
    return respond(
        request,
        LINES,
        lines_of(made),
        template="portal/statement.html",
        title="Statement of account",
        statement=made,
        days_url=reverse("portal:statement"),
        pdf_url=reverse("portal:statement_pdf", args=[first, last]),
    )


@visiting("invoices")
def pdf(request: HttpRequest, visit: Visit, first: str, last: str) -> HttpResponseBase:
    """The same as PDF."""
    from_on, last_on = days_read(first, last)
    name, content = statement_file(visit.customer, from_on=from_on, until_on=last_on + timedelta(days=1))
    headers = {"Content-Disposition": f'inline; filename="{name}"'}
    return HttpResponse(content, content_type="application/pdf", headers=headers)


urlpatterns = [
    path("statement/", statement, name="statement"),
    path("statement/<str:first>/<str:last>/", statement, name="statement_of"),
    path("statement/<str:first>/<str:last>/pdf/", pdf, name="statement_pdf"),
]
