"""SEPA mandates of customers: entered from what was signed, changed, ended. They stand on a customer's Payments page.

IBANs are told masked; another account is another mandate. What is collected by them is in bank_runs.py.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse

from tollgate.actions.mandates import create_mandate, end_mandate, standing, update_mandate
from tollgate.core import sepa
from tollgate.panel.access import may, own_account, own_customers, reading, writing
from tollgate.panel.cells import excerpt, link
from tollgate.panel.fields import DayField, choices, note, words
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.panel.suggestions import suggested
from tollgate.store.models import Customer, Mandate
from tollgate.store.queries.finding import by_company
from tollgate.store.queries.mandates import STANDINGS, with_standing
from tollgate.ui.columns import Column, Kind
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Filter, Grid, Page, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is, worded

TONES = {"active": "green", "used up": "gray", "expired": "yellow", "ended": "gray"}
SCHEMES = [("CORE", "CORE: for anybody"), ("B2B", "B2B: between companies, never taken back")]
CHANGED = ("scheme", "one_off", "final", "bic", "notice_days", "collects", "note")
COLUMNS = (
    Column("reference", "Mandate", sort="reference", link=link("panel:mandate_edit", lambda row: row.pk)),
    Column(
        "customer",
        "Company",
        value="customer.name",
        sort="customer__name",
        link=link("panel:customer_payments", lambda row: row.customer_id),
    ),
    Column("status", "Status", value=lambda row: words(row.standing), kind=Kind.BADGE, tone=TONES, sort="standing"),
    Column("iban_shown", "Account"),
    Column("holder", "Holder", sort="holder"),
    Column("scheme", "Scheme", sort="scheme"),
    Column("use", "Use", value=lambda row: "One collection" if row.one_off else "Recurrent", says=True),
    Column("collects", "Invoices", value=lambda row: "Collected" if row.collects else "Not collected", says=True),
    Column("signed_on", "Signed", sort="signed_on"),
    Column("notice_days", "Notice, days", kind=Kind.NUMBER, minor=True),
    Column("ended_on", "Ended", minor=True),
    Column("note", "Document", minor=True),
)
LIST = Grid(
    name="mandates",
    columns=COLUMNS,
    filters=(
        Filter("customer", "Company", "customer__name__icontains", suggest=suggested("customer")),
        Filter("status", "Status", "standing", choices=tuple(choices(*STANDINGS))),
    ),
    sort="-signed_on",
    ticks=True,
    empty_text="No mandates yet. Enter what a customer has signed on its Payments page.",
)
OF_CUSTOMER = Grid(
    name="mandates",
    columns=tuple(column for column in COLUMNS if column.name != "customer"),
    sort="-signed_on",
    page_size=10,
    compact=True,
    empty_text="No mandate. Its invoices are not collected.",
)


class MandateUseForm(HouseForm):
    """How a mandate is used."""

    widths = {"note": 8, "collects": 12, "final": 12}
    units = {"notice_days": "days"}
    versioned = True
    scheme = forms.ChoiceField(choices=SCHEMES)
    bic = forms.CharField(max_length=11, required=False, label="BIC", help_text="Where your bank asks for it")
    notice_days = forms.IntegerField(
        min_value=1,
        max_value=sepa.NOTICE_DAYS,
        initial=sepa.NOTICE_DAYS,
        label="Notice",
        help_text="Fewer than 14 only where the customer has agreed",
    )
    note = note(label="Where the document is")
    collects = forms.BooleanField(required=False, initial=True, label="Its invoices are collected by direct debit")
    one_off = forms.BooleanField(required=False, label="It is for one collection")
    final = forms.BooleanField(required=False, label="The next collection is the last one")


class MandateForm(MandateUseForm):
    """A mandate as it was signed."""

    versioned = False
    field_order = ("iban", "holder", "signed_on", "reference", "bic", "scheme", "notice_days")
    iban = forms.CharField(max_length=42, label="IBAN", widget=forms.TextInput(attrs={"autocomplete": "off"}))
    holder = forms.CharField(max_length=sepa.NAME_MOST, label="Account holder")
    signed_on = DayField(label="Signed on")
    reference = forms.CharField(
        max_length=sepa.ID_MOST, required=False, help_text="As on the document; empty = it is drawn"
    )


def of_customer(customer: Customer) -> Page:
    """The mandates of one customer, for its page."""
    found = with_standing(Mandate.objects.filter(customer=customer), datetime.now(UTC).date())
    return excerpt(OF_CUSTOMER, QuerysetSource(queryset=found))


@reading
def mandates(request: HttpRequest) -> HttpResponseBase:
    """Every mandate."""
    grid, source = listed(request, request.GET.dict())
    bulk = {"noun": "mandate", "edits": may(request, "update_mandate")}
    return respond(request, grid, source, title="Mandates", breadcrumbs=_way(), template="panel/bulk_grid.html", **bulk)


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del parameters
    found = Mandate.objects.filter(account=own_account(request)).select_related("customer")
    told = with_standing(found, datetime.now(UTC).date())
    search = ("reference__icontains", "holder__icontains")
    return LIST, QuerysetSource(queryset=told, search=search, meanings=by_company())


@writing("create_mandate", shown_to_all=False)
def new_mandate(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Enters what a customer has signed."""
    customer = get_object_or_404(own_customers(request), pk=customer_id, deleted_at=None)
    page = reverse("panel:customer_payments", args=[customer.pk])
    form = MandateForm(posted(request), initial={"holder": customer.company or customer.name})
    if form.is_valid():
        done = saved(request, form, create_mandate, customer_id=customer.pk, **changes(form))
        if done is not None:
            return after_save(request, f"Mandate {done.reference} is entered.", form_url=request.path, done_url=page)
    way = crumbs(("Selling", ""), ("Customers", reverse("panel:customers")), (as_is(customer.name), page))
    return render_form(request, form, title="New mandate", breadcrumbs=way, back_url=page)


@writing("update_mandate")
def edit_mandate(request: HttpRequest, mandate_id: int) -> HttpResponseBase:
    """How a mandate is used, and what has become of it."""
    found = get_object_or_404(Mandate.objects.filter(account=own_account(request)), pk=mandate_id)
    form = MandateUseForm(posted(request), initial=initial(found, CHANGED))
    back = reverse("panel:mandates")
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_mandate, mandate_id=found.pk, version=version, **changes(form))
        if done is not None:
            return after_save(request, f"Mandate {done.reference} is saved.", form_url=request.path, done_url=back)
    now = standing(found, datetime.now(UTC).date())
    context: dict[str, Any] = {
        "title": worded("Mandate {reference}", reference=found.reference),
        "breadcrumbs": _way(("Mandates", back)),
        "back_url": back,
        "read_only": not may(request, "update_mandate") or found.status == "ended",
        "mandate": found,
        "standing": now,
        "tone": TONES[now.state],
    }
    return render_form(request, form, template="panel/mandate.html", **context)


@writing("end_mandate", shown_to_all=False)
def end(request: HttpRequest, mandate_id: int) -> HttpResponseBase:
    """Ends a mandate."""
    found = get_object_or_404(Mandate.objects.filter(account=own_account(request)), pk=mandate_id)
    if request.method == "POST":
        press(request, end_mandate, f"Mandate {found.reference} has ended.", mandate_id=found.pk)
    return redirect("panel:mandate_edit", found.pk)


def _way(*more: tuple[str, str]) -> list[Any]:
    return crumbs(("Money", ""), ("Bank files", reverse("panel:bank_runs")), *more)


urlpatterns = [
    path("mandates/", mandates, name="mandates"),
    path("mandates/<int:mandate_id>/", edit_mandate, name="mandate_edit"),
    path("mandates/<int:mandate_id>/end/", end, name="mandate_end"),
    path("customers/<int:customer_id>/mandates/new/", new_mandate, name="mandate_new"),
]
