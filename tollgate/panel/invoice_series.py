"""Numbering: how the documents of each kind are numbered, without gap or double."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django import forms
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path, reverse

from tollgate.actions.invoice_series import PREFIXES, YEAR, set_invoice_series
from tollgate.panel.access import may, own_account, reading, writing
from tollgate.panel.fields import words
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, posted, saved
from tollgate.store.models import Account, InvoiceSeries, SeriesCounter
from tollgate.store.models.invoices import KINDS
from tollgate.ui.columns import Column, Kind
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid, respond
from tollgate.ui.sources import ListSource
from tollgate.ui.words import worded


@dataclass(frozen=True, slots=True)
class Numbering:
    """One kind of document, and the number that the next one gets."""

    id: int
    kind: str
    title: str
    prefix: str
    width: int
    start: int
    yearly: bool
    following: str


LIST = Grid(
    name="invoice_series",
    columns=(
        Column("title", "Documents", link=lambda row: reverse("panel:invoice_series_edit", args=[row.kind])),
        Column("prefix", "Prefix"),
        Column("width", "Digits", kind=Kind.NUMBER),
        Column("start", "First number", kind=Kind.NUMBER),
        Column("yearly", "Each year anew", value=lambda row: "Yes" if row.yearly else "No", says=True),
        Column("following", "The next one"),
    ),
    sort="id",
    searchable=False,
)


class SeriesForm(HouseForm):
    """How the documents of one kind are numbered."""

    widths = {"yearly": 12}
    prefix = forms.CharField(max_length=30, required=False, help_text="{year} stands for the year of the document")  # type: ignore[assignment]  # Django takes fields out of the class
    width = forms.IntegerField(min_value=1, max_value=12, label="Digits", help_text="Filled up with zeros")
    start = forms.IntegerField(min_value=1, max_value=10**9, label="First number", help_text="Of what has not begun")
    yearly = forms.BooleanField(required=False, label="Begins anew each year")


@reading
def invoice_series(request: HttpRequest) -> HttpResponseBase:
    """How each kind of document is numbered."""
    source = ListSource(items=_numberings(own_account(request)))
    way = crumbs(("Money", ""))
    return respond(request, LIST, source, template="panel/grid.html", title="Numbering", breadcrumbs=way)


@writing("set_invoice_series")
def edit_invoice_series(request: HttpRequest, kind: str) -> HttpResponseBase:
    """One kind of document."""
    account = own_account(request)
    found = next((one for one in _numberings(account) if one.kind == kind), None)
    if found is None:
        raise Http404("There are no such documents.")
    names = ("prefix", "width", "start", "yearly")
    form = SeriesForm(posted(request), initial={name: getattr(found, name) for name in names})
    page = reverse("panel:invoice_series")
    if form.is_valid():
        done = saved(request, form, set_invoice_series, account_id=account.pk, kind=kind, **changes(form))
        if done is not None:
            return after_save(request, "The numbering is saved.", form_url=request.path, done_url=page)
    return render_form(
        request,
        form,
        template="panel/form.html",
        title=worded("Numbering: {title}", title=found.title),
        breadcrumbs=crumbs(("Money", ""), ("Numbering", page)),
        back_url=page,
        read_only=not may(request, "set_invoice_series"),
    )


def _numberings(account: Account) -> list[Numbering]:
    kept = {row.kind: row for row in InvoiceSeries.objects.filter(account=account)}
    counters = {(row.series_id, row.year): row.last for row in SeriesCounter.objects.filter(series__account=account)}
    year = datetime.now(UTC).year
    found = []
    for place, kind in enumerate(KINDS):
        series = kept.get(kind) or InvoiceSeries(kind=kind, prefix=PREFIXES[kind])
        last = counters.get((series.pk, year if series.yearly else 0), series.start - 1)
        number = f"{series.prefix.replace(YEAR, str(year))}{last + 1:0{series.width}d}"
        shown = (series.prefix, series.width, series.start, series.yearly, number)
        found.append(Numbering(place, kind, words(f"{kind}s"), *shown))
    return found


urlpatterns = [
    path("invoice-series/", invoice_series, name="invoice_series"),
    path("invoice-series/<slug:kind>/", edit_invoice_series, name="invoice_series_edit"),
]
