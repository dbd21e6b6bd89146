"""Saved reports: breakouts under a name, and who gets them by mail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse

from tollgate.actions.reports import (
    BOUGHT,
    FORMATS,
    NAMES_LENGTH_MOST,
    create_report,
    delete_report,
    mail_report,
    tells_bought,
    update_report,
)
from tollgate.core.breakout import (
    BOUGHT_FILTERS,
    DIMENSIONS,
    FILTERS,
    FREQUENCIES,
    MEASURES,
    PERIODS,
    heading,
)
from tollgate.panel.access import may, own_account, reading, rights, writing
from tollgate.panel.cells import link
from tollgate.panel.deleted_records import removed
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.store.models import SavedReport
from tollgate.ui.columns import Column, Kind
from tollgate.ui.fields import TicksWidget
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is

LIST = Grid(
    name="reports",
    columns=(
        Column("name", "Report", sort="name", link=link("panel:report", lambda row: row.pk)),
        Column(
            "dimensions", "Grouped by", value=lambda row: ", ".join(DIMENSIONS[name].title for name in row.dimensions)
        ),
        Column("period", "Period", value=lambda row: PERIODS[row.period], says=True),
        Column("frequency", "Mailed", value=lambda row: FREQUENCIES[row.frequency], sort="frequency", says=True),
        Column("recipients", "To", value=lambda row: ", ".join(row.recipients), minor=True),
        Column("next_at", "Next (UTC)", kind=Kind.INSTANT, sort="next_at"),
        Column("mailed_at", "Last mailed (UTC)", kind=Kind.INSTANT, sort="mailed_at", minor=True),
    ),
    sort="name",
    ticks=True,
    empty_text="No saved reports yet. Group calls in the breakout, then save that as a report.",
    empty_url="/breakout/",
    empty_action="Open the breakout",
)
FIELDS = ("name", "dimensions", "measures", "period", "frequency", "file_format")


NAMES = 'Parts of names, with semicolons between them: Acme; Baltic. In quotes, "Acme" is the whole name. Empty: all'


class ReportForm(HouseForm):
    """What a report tells, when, and to whom."""

    widths = {"name": 6, "period": 3, "file_format": 3, "frequency": 3, "dimensions": 6, "measures": 6}
    name = forms.CharField(max_length=100)
    period = forms.ChoiceField(choices=list(PERIODS.items()), help_text="In UTC")
    file_format = forms.ChoiceField(label="File", choices=[(name, name.upper()) for name in FORMATS])
    dimensions = forms.MultipleChoiceField(
        label="Group by",
        choices=[(name, found.title) for name, found in DIMENSIONS.items()],
        widget=TicksWidget,
    )
    measures = forms.MultipleChoiceField(
        label="Columns",
        choices=[(name, heading(name)) for name in MEASURES],
        required=False,
        help_text="None chosen: all of them",
        widget=TicksWidget,
    )
    customer = forms.CharField(label="Customers", max_length=NAMES_LENGTH_MOST, required=False, help_text=NAMES)
    carrier = forms.CharField(label="Carriers", max_length=NAMES_LENGTH_MOST, required=False, help_text=NAMES)
    destination = forms.CharField(max_length=100, required=False, help_text="Part of a name; empty: all")
    prefix = forms.CharField(max_length=20, required=False, help_text="How the prefix begins")  # type: ignore[assignment]  # the field, not Django's prefix
    number = forms.CharField(max_length=20, required=False, help_text="How the dialed number begins")
    frequency = forms.ChoiceField(
        label="Mailed", choices=list(FREQUENCIES.items()), required=False, help_text="At 06:00 UTC"
    )
    recipients = forms.CharField(
        label="To",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Email addresses, one on each line",
    )

    def clean_recipients(self) -> list[str]:
        """The addresses, each by itself."""
        return str(self.cleaned_data["recipients"]).replace(",", " ").split()

    def hide_bought(self) -> None:
        """Leaves out what tells of carriers, for who may not read that."""
        for name, known in (("dimensions", DIMENSIONS), ("measures", MEASURES)):
            choices = self.fields[name].choices  # type: ignore[attr-defined]
            self.fields[name].choices = [one for one in choices if not known[one[0]].bought]  # type: ignore[attr-defined]
        self.fields["measures"].required = True  # none chosen would be all of them
        self.fields["measures"].help_text = ""
        for name in BOUGHT_FILTERS:
            del self.fields[name]


class ChangedReportForm(ReportForm):
    """The same with the version that was opened."""

    versioned = True


@reading
def reports(request: HttpRequest) -> HttpResponseBase:
    """Every saved report."""
    grid, source = listed(request, request.GET.dict())
    way = crumbs(("Traffic", ""))
    return respond(request, grid, source, template="panel/reports.html", title="Reports", breadcrumbs=way)


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del parameters
    found = SavedReport.objects.filter(account=own_account(request))
    return LIST, QuerysetSource(queryset=found, search=("name__icontains",))


@writing("create_report", shown_to_all=False)
def new_report(request: HttpRequest) -> HttpResponseBase:
    """A report of what the breakout showed."""
    asked = {name.removeprefix("f."): str(text) for name, text in request.GET.items() if name.startswith("f.")}
    first = {name: asked.get(name, "") for name in FILTERS}
    by = [name for name in asked.get("by", "").split(",") if name in DIMENSIONS]
    form = ReportForm(
        posted(request),
        initial={**first, "dimensions": by, "period": asked.get("period", "yesterday"), "frequency": "never"},
    )
    if not rights(request).reads(BOUGHT):
        form.hide_bought()
        form.initial["measures"] = [name for name, found in MEASURES.items() if not found.bought]
    page = reverse("panel:reports")
    if form.is_valid():
        done = saved(request, form, create_report, account_id=own_account(request).pk, **_arguments(form))
        if done is not None:
            return after_save(request, f"{done.name} is saved.", form_url=request.path, done_url=page)
    way = crumbs(("Traffic", ""), ("Reports", page))
    return render_form(request, form, title="New report", breadcrumbs=way, back_url=page, save_title="Create")


@writing("update_report")
def edit_report(request: HttpRequest, report_id: int) -> HttpResponseBase:
    """One report."""
    report = _report(request, report_id)
    values: dict[str, Any] = {**initial(report, FIELDS), **report.filters, "recipients": "\n".join(report.recipients)}
    form = ChangedReportForm(posted(request), initial=values)
    allowed = rights(request).reads(BOUGHT)
    if not allowed and not tells_bought(report):
        form.hide_bought()
    page = reverse("panel:reports")
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_report, report_id=report.pk, version=version, **_arguments(form))
        if done is not None:
            return after_save(request, f"{done.name} is saved.", form_url=request.path, done_url=page)
    shown = {"f.by": ",".join(report.dimensions), "f.period": report.period}
    filters = {f"f.{name}": text for name, text in report.filters.items()}
    return render_form(
        request,
        form,
        template="panel/report.html",
        title=as_is(report.name),
        breadcrumbs=crumbs(("Traffic", ""), ("Reports", page)),
        back_url=page,
        can_stay=True,
        read_only=not may(request, "update_report") or (tells_bought(report) and not allowed),
        report=report,
        open_url=f"{reverse('panel:breakout')}?{urlencode({**shown, **filters})}",
    )


@writing("mail_report", shown_to_all=False)
def mail(request: HttpRequest, report_id: int) -> HttpResponseBase:
    """Mails it at once."""
    report = _report(request, report_id)
    if request.method == "POST":
        press(request, mail_report, f"{report.name} is on its way.", report_id=report.pk)
    return redirect("panel:report", report.pk)


@writing("delete_report", shown_to_all=False)
def remove(request: HttpRequest, report_id: int) -> HttpResponseBase:
    """Removes a report."""
    report = _report(request, report_id)
    if request.POST.get("confirmation") != report.name:
        messages.error(request, f"Type {report.name} to remove this report.")
    elif press(request, delete_report, removed(request, report.name), report_id=report.pk):
        return redirect("panel:reports")
    return redirect("panel:report", report.pk)


def _arguments(form: HouseForm) -> dict[str, Any]:
    """What the form says, its filters together."""
    values = changes(form, leave_out=FILTERS)
    filters = {name: form.cleaned_data[name] for name in FILTERS if form.cleaned_data.get(name)}
    return {**values, "filters": filters, "frequency": values["frequency"] or "never"}


def _report(request: HttpRequest, report_id: int) -> SavedReport:
    return get_object_or_404(SavedReport, pk=report_id, account=own_account(request))


urlpatterns = [
    path("reports/", reports, name="reports"),
    path("reports/new/", new_report, name="report_new"),
    path("reports/<int:report_id>/", edit_report, name="report"),
    path("reports/<int:report_id>/mail/", mail, name="report_mail"),
    path("reports/<int:report_id>/delete/", remove, name="report_delete"),
]
