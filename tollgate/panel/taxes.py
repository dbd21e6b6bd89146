"""Taxes: named rates with their dates. Which of them a customer pays is ticked in its own form."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.db.models import Count
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse

from tollgate.actions.taxes import create_tax, delete_tax, update_tax
from tollgate.core.money import AmountError, format_micros, parse_micros
from tollgate.panel.access import may, own_account, reading, writing
from tollgate.panel.cells import enabled_column, link
from tollgate.panel.deleted_records import removed
from tollgate.panel.fields import DayField
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.store.models import Tax
from tollgate.ui.columns import Column, Kind
from tollgate.ui.fields import CountryField, ExactField, MoneyField
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid, respond
from tollgate.ui.sources import QuerysetSource

MOST_PPM: Final = 1_000_000
CATEGORY_WORDS: Final = (
    ("S", "S: standard or reduced rate"),
    ("Z", "Z: zero rate"),
    ("E", "E: exempt"),
    ("AE", "AE: reverse charge"),
    ("K", "K: supply within the EU"),
    ("G", "G: export outside the EU"),
    ("O", "O: not subject to VAT"),
    ("L", "L: Canary Islands (IGIC)"),
    ("M", "M: Ceuta and Melilla (IPSI)"),
)
TAX_FIELDS: Final = (
    "name", "label", "category", "rate_ppm", "fixed_micros", "compound", "is_vat", "priority", "country",
    "exemption_reason", "valid_from_on", "valid_until_on", "enabled", "is_default",
)  # fmt: skip


def percent(ppm: int) -> Decimal:
    """Parts per million as percent."""
    return Decimal(format_micros(ppm * 100))


LIST = Grid(
    name="taxes",
    columns=(
        Column("name", "Tax", sort="name", link=link("panel:tax", lambda row: row.pk)),
        Column("label", "Printed as"),
        Column("rate", "Rate", value=lambda row: percent(row.rate_ppm), kind=Kind.NUMBER, unit="%", sort="rate_ppm"),
        Column("category", "Category", sort="category"),
        Column("priority", "Order", value="priority", kind=Kind.NUMBER, sort="priority"),
        Column("compound", "Compound", value=lambda row: "Yes" if row.compound else "", says=True),
        Column("country", "Country", sort="country"),
        Column("from", "From", value=lambda row: row.valid_from_on, sort="valid_from_on"),
        Column("until", "Last day", value=lambda row: row.valid_until_on, sort="valid_until_on"),
        Column("is_default", "New customers", value=lambda row: "Yes" if row.is_default else "", says=True),
        Column("customers", "Customers", value="customer_count", kind=Kind.COUNT, sort="customer_count"),
        enabled_column(),
    ),
    sort="name",
    ticks=True,
    empty_text="No taxes yet. Add each tax once, then tick at each customer which of them it pays.",
    empty_url="/taxes/new/",
    empty_action="Add a tax",
)


class PercentField(ExactField):
    """A rate in percent: decimal text, parts per million."""

    def read(self, text: str) -> int:
        """Parts per million of the text."""
        try:
            micros = parse_micros(text)
        except AmountError as error:
            raise ValueError(str(error)) from None
        if micros % 100:
            raise ValueError("At most four decimals.")
        return micros // 100

    def write(self, value: int) -> str:
        """The shortest exact decimal."""
        return format_micros(value * 100)


class TaxForm(HouseForm):
    """One tax."""

    widths = {"exemption_reason": 12, "compound": 12, "is_vat": 12, "is_default": 12, "enabled": 12}
    versioned = True
    name = forms.CharField(max_length=100, help_text="Such as VAT Lithuania")
    label = forms.CharField(
        max_length=30,
        required=False,
        label="Printed as",
        help_text="VAT, MwSt, GST and so on; empty: what it is called in its country, or else in yours",
    )
    category = forms.ChoiceField(choices=CATEGORY_WORDS, initial="S", help_text="Of EN 16931, for e-invoices")
    rate_ppm = PercentField(unit="%", least=0, most=MOST_PPM, initial=0, label="Rate")
    fixed_micros = MoneyField(
        least=0,
        initial=0,
        label="Fixed part",
        help_text="Added once to each document, in its currency by the rate of the day",
    )
    priority = forms.IntegerField(
        min_value=0, max_value=1000, initial=10, label="Order", help_text="The lowest is taken first"
    )
    country = CountryField(required=False, help_text="Only for customers there; empty = any")
    valid_from_on = DayField(required=False, label="First day")
    valid_until_on = DayField(required=False, label="Last day")
    exemption_reason = forms.CharField(
        max_length=300,
        required=False,
        label="Reason without tax",
        help_text="Printed; needed without a rate",
    )
    compound = forms.BooleanField(required=False, label="Compound: taken of the taxes before it as well")
    is_vat = forms.BooleanField(
        required=False,
        initial=True,
        label="VAT: falls away with reverse charge, outside the EU and for who is exempt (leave out for a levy)",
    )
    is_default = forms.BooleanField(
        required=False, label="New customers begin with it (of a country: it holds for those who are there)"
    )
    enabled = forms.BooleanField(required=False, initial=True, label="Enabled")

    def __init__(self, *arguments: Any, currency: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.set_unit("fixed_micros", currency)


class NewTaxForm(TaxForm):
    """The same without a version."""

    versioned = False


@reading
def taxes(request: HttpRequest) -> HttpResponseBase:
    """Every tax."""
    grid, source = listed(request, request.GET.dict())
    way = crumbs(("Money", ""))
    return respond(request, grid, source, template="panel/taxes.html", title="Taxes", breadcrumbs=way)


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del parameters
    found = Tax.objects.filter(account=own_account(request)).annotate(customer_count=Count("customer_taxes"))
    return LIST, QuerysetSource(queryset=found, search=("name__icontains", "label__icontains"))


@writing("create_tax", shown_to_all=False)
def new_tax(request: HttpRequest) -> HttpResponseBase:
    """A new tax."""
    account = own_account(request)
    form = NewTaxForm(posted(request), currency=account.currency)
    if form.is_valid():
        done = saved(request, form, create_tax, account_id=account.pk, **changes(form))
        if done is not None:
            page = reverse("panel:taxes")
            return after_save(request, f"{done.name} is created.", form_url=request.path, done_url=page)
    return _page(request, form, "New tax", save_title="Create", can_stay=True)


@writing("update_tax")
def edit_tax(request: HttpRequest, tax_id: int) -> HttpResponseBase:
    """One tax."""
    account = own_account(request)
    found = get_object_or_404(Tax, pk=tax_id, account=account)
    form = TaxForm(posted(request), initial=initial(found, TAX_FIELDS), currency=account.currency)
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_tax, tax_id=found.pk, version=version, **changes(form))
        if done is not None:
            page = reverse("panel:taxes")
            return after_save(request, f"{done.name} is saved.", form_url=request.path, done_url=page)
    read_only = not may(request, "update_tax")
    return _page(request, form, found.name, template="panel/tax.html", tax=found, read_only=read_only, can_stay=True)


@writing("delete_tax", shown_to_all=False)
def remove_tax(request: HttpRequest, tax_id: int) -> HttpResponseBase:
    """Removes a tax that was never used."""
    found = get_object_or_404(Tax, pk=tax_id, account=own_account(request))
    sure = request.method == "POST" and request.POST.get("confirmation") == found.name
    if sure and press(request, delete_tax, removed(request, found.name), tax_id=found.pk):
        return redirect("panel:taxes")
    return redirect("panel:tax", found.pk)


def _page(request: HttpRequest, form: HouseForm, title: str, **more: Any) -> HttpResponseBase:
    page = reverse("panel:taxes")
    way = crumbs(("Money", ""), ("Taxes", page))
    return render_form(
        request, form, **{"template": "panel/form.html", **more}, title=title, breadcrumbs=way, back_url=page
    )


urlpatterns = [
    path("taxes/", taxes, name="taxes"),
    path("taxes/new/", new_tax, name="tax_new"),
    path("taxes/<int:tax_id>/", edit_tax, name="tax"),
    path("taxes/<int:tax_id>/delete/", remove_tax, name="tax_delete"),
]
