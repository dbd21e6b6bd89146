"""What goes out to bookkeeping: the journal of some days as CSV, and the codes of its accounts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, Final

from django import forms
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import path, reverse

from tollgate.actions.accounting import journal_codes, journal_of, sales_of, set_journal_codes
from tollgate.core.journal import COLUMNS, PLACES, JournalLine
from tollgate.core.sales import PROGRAMS, sales_csv
from tollgate.panel.access import may, own_account, reading, writing
from tollgate.panel.frame import crumbs
from tollgate.panel.invoices import today
from tollgate.panel.saving import after_save, posted, saved
from tollgate.ui.columns import Column, Kind
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid, respond
from tollgate.ui.sources import ListSource
from tollgate.ui.statements import days_asked, days_read, last_month

NUMBER, DATE, CODE, PLACE, DOCUMENT, TEXT, DEBIT, CREDIT, CURRENCY, PARTY, ACCOUNTING_ID = COLUMNS
LINES: Final = (
    Column("number", NUMBER, kind=Kind.NUMBER),
    Column("on", DATE),
    Column("code", CODE),
    Column("place", PLACE, minor=True),
    Column("document", DOCUMENT),
    Column("text", TEXT, minor=True),
    Column("debit", DEBIT, value=lambda row: row.debit_micros or None, kind=Kind.MONEY, currency="currency"),
    Column("credit", CREDIT, value=lambda row: row.credit_micros or None, kind=Kind.MONEY, currency="currency"),
    Column("party", PARTY),
    Column("accounting_id", ACCOUNTING_ID, minor=True),
)
JOURNAL: Final = Grid(
    name="journal",
    columns=LINES,
    sort="number",
    searchable=False,
    page_size=200,
    empty_text="Nothing moved in these days.",
)


class CodesForm(HouseForm):
    """The code of each account of the journal, as the operator's bookkeeping has it."""

    versioned = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for place, (title, stock) in PLACES.items():
            self.fields[place] = forms.CharField(
                label=title,
                max_length=20,
                required=False,
                help_text=f"Empty: {stock}",
                widget=forms.TextInput(attrs={"class": "form-control", "data-width": "4"}),
            )


class _Placed:
    """A line with a place in the order."""

    def __init__(self, place: int, line: JournalLine) -> None:
        self.id = place
        self.line = line

    def __getattr__(self, name: str) -> Any:
        return getattr(self.line, name)


@reading
def accounting(request: HttpRequest, first: str = "", last: str = "") -> HttpResponseBase:
    """The journal of some days; without days of the month before."""
    if not first:
        days = days_asked(request.GET.dict(), last_month(today()))
        return redirect("panel:journal", *map(str, days))
    from_on, last_on = days_read(first, last)
    found = journal_of(own_account(request), from_on=from_on, until_on=last_on + timedelta(days=1))
    rows = [_Placed(place, line) for place, line in enumerate(found)]
    return respond(
        request,
        JOURNAL,
        ListSource(items=rows),
        template="panel/journal.html",
        title="Accounting",
        breadcrumbs=crumbs(("Money", "")),
        days_url=reverse("panel:accounting"),
        first=from_on,
        last=last_on,
        sums=_sums(rows),
    )


@reading
def sales(request: HttpRequest, first: str, last: str, program: str) -> HttpResponseBase:
    """The lines of documents as a file that a program of bookkeeping imports."""
    from_on, last_on = days_read(first, last)
    if program not in PROGRAMS:
        raise Http404
    found = sales_of(own_account(request), from_on=from_on, until_on=last_on + timedelta(days=1))
    headers = {"Content-Disposition": f'attachment; filename="{program}-{from_on}-{last_on}.csv"'}
    lines = sales_csv(program, found)
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


@writing("set_journal_codes")
def codes(request: HttpRequest) -> HttpResponseBase:
    """The codes of the journal's accounts."""
    account = own_account(request)
    form = CodesForm(posted(request), initial={**journal_codes(account), "version": account.version})
    page = reverse("panel:accounting")
    if form.is_valid():
        given = {place: form.cleaned_data[place] for place in PLACES}
        version = form.cleaned_data["version"]
        if saved(request, form, set_journal_codes, account_id=account.pk, codes=given, version=version) is not None:
            return after_save(request, "The codes are set.", form_url=request.path, done_url=page)
    return render_form(
        request,
        form,
        template="panel/form.html",
        title="Account codes",
        breadcrumbs=crumbs(("Money", ""), ("Accounting", page)),
        back_url=page,
        can_stay=True,
        read_only=not may(request, "set_journal_codes"),
    )


def _sums(lines: Iterable[Any]) -> Iterator[tuple[str, int, int]]:
    """Currency, its debits, its credits."""
    found: dict[str, tuple[int, int]] = {}
    for line in lines:
        debit, credit = found.get(line.currency, (0, 0))
        found[line.currency] = (debit + line.debit_micros, credit + line.credit_micros)
    return ((currency, *sums) for currency, sums in sorted(found.items()))


urlpatterns = [
    path("accounting/", accounting, name="accounting"),
    path("accounting/codes/", codes, name="journal_codes"),
    path("accounting/<str:first>/<str:last>/", accounting, name="journal"),
    path("accounting/<str:first>/<str:last>/<str:program>/", sales, name="sales"),
]
