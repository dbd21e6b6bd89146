"""Packages: what may be sold to customers again and again, and who holds them. Their run is in package_runs.py.

A customer's own packages are a page of that customer (customer_pages.py), drawn by `of_customer`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.db.models import Count, DecimalField, Q, QuerySet, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from tollgate.actions.charges import today_of
from tollgate.actions.customer_packages import (
    assign_package,
    change_customer_package,
    create_package,
    delete_package,
    end_customer_package,
    update_package,
)
from tollgate.actions.package_dues import product_words
from tollgate.actions.statements import fetch
from tollgate.core.money import format_nanos
from tollgate.panel.access import may, own_account, own_customers, reading, writing
from tollgate.panel.cells import clock, excerpt, link
from tollgate.panel.did_packages import OwnDidField
from tollgate.panel.fields import DayField, note, pick
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.store.models import Account, Charge, Customer, CustomerPackage, Package
from tollgate.ui.columns import Column, Kind
from tollgate.ui.fields import CurrencyField, PriceField
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid, Page, respond
from tollgate.ui.packages import OFTEN, falls_due, where_to
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is, figure, worded

KINDS = {"standard": "Standard", "free_minutes": "Free minutes"}
FEATURES = {"": "None", "recording": "Call recording"}
BUNDLES_SHOWN = 50
FIELDS = (
    "name", "description", "kind", "retail_nanos", "cost_nanos", "setup_retail_nanos", "setup_cost_nanos", "frequency",
    "match_days", "prorate", "minimum_days", "minimum_spend", "minutes", "prefixes", "rollover", "feature",
)  # fmt: skip
PRICES = ("retail_nanos", "cost_nanos", "setup_retail_nanos", "setup_cost_nanos")


def minutes_words(package: Package) -> str:
    """The minutes of one package and where they lead; nothing of a package without any."""
    if package.kind != "free_minutes":
        return ""
    return f"{package.minutes} min to {where_to(package.prefixes)}"


LIST = Grid(
    name="packages",
    columns=(
        Column("name", "Package", sort="name", link=link("panel:package", lambda row: row.pk)),
        Column("kind", "Type", value=lambda row: KINDS[row.kind], sort="kind", minor=True, says=True),
        Column("due", "Falls due", value=falls_due, sort="frequency", says=True),
        Column("retail_nanos", "Retail", kind=Kind.PRICE, currency="currency", sort="retail_nanos"),
        Column(
            "setup_retail_nanos", "Setup", kind=Kind.PRICE, currency="currency", sort="setup_retail_nanos", minor=True
        ),
        Column("currency", "Currency", sort="currency", hidden=True),
        Column("minutes", "Free minutes", value=minutes_words, minor=True, says=True),
        Column(
            "feature",
            "Platform package",
            value=lambda row: FEATURES[row.feature] if row.feature else "",
            sort="feature",
            says=True,
            hidden=True,
        ),
        Column("holders", "Held by", value="holder_count", kind=Kind.COUNT, sort="holder_count"),
    ),
    sort="name",
    ticks=True,
    empty_text="No packages yet. A package is charged again and again: a line, free minutes, a minimum spend.",
    empty_url="/packages/new/",
    empty_action="Add a package",
)
HOLDERS = Grid(
    name="package-holders",
    columns=(
        Column(
            "customer", "Customer", value="customer.name",
            link=link("panel:customer_packages", lambda row: row.customer_id),
        ),
        Column("did", "DID", value="did_number", minor=True),
        Column("quantity", "Quantity", kind=Kind.COUNT, link=link("panel:customer_package", lambda row: row.pk)),
        Column("starts_on", "From"),
        Column("ends_on", "Until"),
        Column("next_on", "Next charge"),
    ),
    sort="-starts_on",
    searchable=False,
    compact=True,
    empty_text="No customer holds this package now.",
)  # fmt: skip
OF_CUSTOMER = Grid(
    name="customer-packages",
    columns=(
        Column("package", "Package", value="package.name", link=link("panel:customer_package", lambda row: row.pk)),
        Column("did", "DID", value="did_number", link=link("panel:did", lambda row: row.did_id)),
        Column("quantity", "Quantity", kind=Kind.COUNT),
        Column("due", "Falls due", value=lambda row: falls_due(row.package), says=True),
        Column("retail", "Retail each", value="package.retail_nanos", kind=Kind.PRICE, currency="package.currency"),
        Column("pays", "Paid", value=lambda row: "from the balance" if row.auto_decrement else "by invoice", says=True),
        Column("starts_on", "From", minor=True),
        Column("ends_on", "Until"),
        Column("next_on", "Next charge"),
    ),
    sort="-starts_on",
    searchable=False,
    compact=True,
    empty_text="This customer holds no packages.",
)


class DaysField(forms.CharField):
    """Days as numbers: 15, 31."""

    def to_python(self, value: Any) -> list[int]:  # type: ignore[override]  # CharField promises a str
        """The numbers of the text."""
        parts = str(super().to_python(value) or "").replace("|", ",").replace(" ", ",").split(",")
        try:
            return [int(part) for part in parts if part]
        except ValueError:
            raise forms.ValidationError("Give days as numbers, such as 15, 31.") from None

    def run_validators(self, value: Any) -> None:
        """CharField's validators measure text; what a day may be the act says."""

    def prepare_value(self, value: Any) -> Any:
        """Stored days as they are typed."""
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the days are others."""
        return str(self.prepare_value(initial or [])).strip() != str(data or "").strip()


class PackageForm(HouseForm):
    """A package."""

    tabs = [
        ("Basic", ["name", "kind", "feature", "description"]),
        ("Price", ["retail_nanos", "cost_nanos", "minimum_spend", "setup_retail_nanos", "setup_cost_nanos"]),
        ("Due", ["frequency", "match_days", "prorate", "minimum_days"]),
        ("Free minutes", ["minutes", "prefixes", "rollover"]),
    ]
    widths = {"description": 12, "prefixes": 8}
    units = {"minimum_days": "days", "minutes": "min"}
    name = forms.CharField(max_length=100)
    kind = forms.ChoiceField(label="Type", choices=list(KINDS.items()))
    feature = forms.ChoiceField(
        label="Platform package",
        choices=list(FEATURES.items()),
        required=False,
        help_text="What of the platform comes with it, on the days that it is held",
    )
    description = note(max_length=1000)
    retail_nanos = PriceField(label="Retail", least=0, initial=0, help_text="What one costs the customer each time")
    cost_nanos = PriceField(
        label="Cost", least=0, initial=0, help_text="What one costs us each time: Money, Profit takes it off"
    )
    minimum_spend = forms.BooleanField(
        required=False, help_text="Retail is the least that a period's calls cost: only what is missing is charged"
    )
    setup_retail_nanos = PriceField(label="Setup retail", least=0, initial=0, help_text="Once, with the first period")
    setup_cost_nanos = PriceField(label="Setup cost", least=0, initial=0)
    frequency = forms.ChoiceField(choices=list(OFTEN.items()), initial="monthly")
    match_days = DaysField(
        label="Days to match",
        required=False,
        help_text="Of the month (15, 31: twice monthly; 29 to 31 are the last day of a shorter one) or of the week"
        " (1 is Monday). None: counted from the first day",
    )
    prorate = forms.BooleanField(
        required=False, initial=True, help_text="Parts of a period are paid by their days; else the first part is free"
    )
    minimum_days = forms.IntegerField(min_value=0, max_value=3660, initial=0, help_text="It cannot be ended earlier")
    minutes = forms.IntegerField(min_value=0, max_value=10**6, initial=0, help_text="Of one, each period")
    prefixes = forms.CharField(
        label="Destinations", max_length=2000, required=False, help_text="Prefixes such as 44|91|1. None: every number"
    )
    rollover = forms.BooleanField(required=False, help_text="What is left may be used for one period more")

    def offer_features(self, account: Account) -> None:
        """Recording is sold where the account has it."""
        if not account.recording:
            self.fields["feature"].disabled = True
            self.fields["feature"].help_text = "Nothing is recorded: call recording is not enabled in System > Account"


class NewPackageForm(PackageForm):
    """With the currency, which is chosen once."""

    tabs = [("Basic", ["name", "currency", "kind", "feature", "description"]), *PackageForm.tabs[1:]]
    currency = CurrencyField(help_text="Customers billed in it may hold the package")


class ChangedPackageForm(PackageForm):
    """With the version that was opened."""

    versioned = True


class AssignForm(HouseForm):
    """A package for a customer."""

    widths = {"package_id": 8}
    package_id = pick("Package", [])
    did_id = OwnDidField()
    quantity = forms.IntegerField(min_value=1, max_value=10_000, initial=1)
    starts_on = DayField(label="First day")
    ends_on = DayField(label="Last day", required=False, help_text="Empty: until it is ended")
    minutes = forms.IntegerField(
        min_value=1, max_value=10**6, required=False, help_text="Of one, each period; empty: as the package says"
    )
    auto_decrement = forms.BooleanField(
        required=False, initial=True, help_text="Taken from the balance at once; else billed with the next invoice"
    )


class HeldForm(HouseForm):
    """What may change of a package that is held, from the next charge on."""

    versioned = True
    quantity = forms.IntegerField(min_value=1, max_value=10_000)
    minutes = forms.IntegerField(min_value=1, max_value=10**6, required=False, help_text="Of one, each period")
    auto_decrement = forms.BooleanField(
        required=False, help_text="Taken from the balance at once; else billed with the next invoice"
    )


class EndForm(HouseForm):
    """The last day of a package."""

    widths = {"ends_on": 4, "override": 4, "reason": 12}
    ends_on = DayField(label="Last day", required=False, help_text="Empty: the last day that is paid")
    override = forms.BooleanField(required=False, label="Before its minimum days", help_text="Needs a reason")
    reason = forms.CharField(max_length=500, required=False)


@reading
def packages(request: HttpRequest) -> HttpResponseBase:
    """Every package, with how many customers hold it now."""
    grid, source = listed(request, request.GET.dict())
    way = crumbs(("Money", ""))
    return respond(request, grid, source, template="panel/packages.html", title="Packages", breadcrumbs=way)


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del parameters
    holding = Count("holders", filter=~Q(holders__next_on=None))
    found = Package.objects.filter(account=own_account(request)).annotate(holder_count=holding)
    return LIST, QuerysetSource(queryset=found, search=("name__icontains", "description__icontains"))


@writing("create_package", shown_to_all=False)
def new_package(request: HttpRequest) -> HttpResponseBase:
    """A new package."""
    account = own_account(request)
    form = NewPackageForm(posted(request), initial={"currency": account.currency})
    form.offer_features(account)
    page = reverse("panel:packages")
    if form.is_valid():
        done = saved(request, form, create_package, account_id=account.pk, **changes(form))
        if done is not None:
            return after_save(request, f"{done.name} is created.", form_url=request.path, done_url=page)
    way = crumbs(("Money", ""), ("Packages", page))
    return render_form(
        request, form, title="New package", breadcrumbs=way, back_url=page, save_title="Create", can_stay=True
    )


@writing("update_package")
def edit_package(request: HttpRequest, sold_package_id: int) -> HttpResponseBase:
    """One package: its form, who holds it, and what it has brought."""
    package = _package(request, sold_package_id)
    values = {**initial(package, FIELDS), "prefixes": "|".join(package.prefixes)}
    form = ChangedPackageForm(posted(request), initial=values)
    form.offer_features(own_account(request))
    for name in PRICES:
        form.set_unit(name, package.currency)
    page = reverse("panel:packages")
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_package, package_id=package.pk, version=version, **changes(form))
        if done is not None:
            return after_save(request, f"{done.name} is saved.", form_url=request.path, done_url=page)
    held = package.holders.exclude(next_on=None).select_related("customer").order_by("customer__name", "id")
    return render_form(
        request,
        form,
        template="panel/package.html",
        title=as_is(package.name),
        breadcrumbs=crumbs(("Money", ""), ("Packages", page)),
        back_url=page,
        can_stay=True,
        read_only=not may(request, "update_package"),
        package=package,
        held_count=held.count(),
        holders=excerpt(HOLDERS, QuerysetSource(queryset=held)),
        brought=_brought(package),
    )


@writing("delete_package", shown_to_all=False)
@require_POST
def remove_package(request: HttpRequest, sold_package_id: int) -> HttpResponseBase:
    """Deletes a package that nobody has ever held."""
    package = _package(request, sold_package_id)
    if press(request, delete_package, f"{package.name} is deleted.", package_id=package.pk):
        return redirect("panel:packages")
    return redirect("panel:package", package.pk)


@writing("assign_package", shown_to_all=False)
def assign(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Gives a customer a package."""
    customer = _customer(request, customer_id)
    form = AssignForm(posted(request), initial={"starts_on": today_of(customer), "did_id": request.GET.get("did", "")})
    form.fields["did_id"].owner = customer  # type: ignore[attr-defined]  # it is an OwnDidField
    sold = Package.objects.filter(account=customer.account, currency=customer.currency).order_by("name")
    form.fields["package_id"].choices = [  # type: ignore[attr-defined]
        ("", "Choose a package"),
        *((one.pk, f"{one.name}: {_price(one)}, {falls_due(one)}") for one in sold),
    ]
    page = reverse("panel:customer_packages", args=[customer.pk])
    if form.is_valid():
        done = saved(request, form, assign_package, customer_id=customer.pk, **changes(form))
        if done is not None:
            words = f"{customer.name} holds {done.package.name} now."
            return after_save(request, words, form_url=request.path, done_url=page)
    way = crumbs(("Selling", ""), ("Customers", reverse("panel:customers")), (as_is(customer.name), page))
    return render_form(
        request, form, title="Assign a package", breadcrumbs=way, back_url=page, save_title="Assign", can_stay=True
    )


@writing("change_customer_package")
def held_package(request: HttpRequest, customer_package_id: int) -> HttpResponseBase:
    """One package that a customer holds: how much of it, how it pays, what it was charged."""
    held = _held(request, customer_package_id)
    form = HeldForm(posted(request), initial=initial(held, ("quantity", "minutes", "auto_decrement")))
    if held.package.kind != "free_minutes":
        del form.fields["minutes"]
    page = reverse("panel:customer_packages", args=[held.customer_id])
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(
            request, form, change_customer_package, customer_package_id=held.pk, version=version, **changes(form)
        )
        if done is not None:
            return after_save(request, "It holds from the next charge on.", form_url=request.path, done_url=page)
    charged = Charge.objects.filter(customer=held.customer, detail__customer_package=held.pk).order_by("-id")
    return render_form(
        request,
        form,
        template="panel/customer_package.html",
        title=as_is(f"{product_words(held)}: {held.customer.name}"),
        breadcrumbs=crumbs(
            ("Selling", ""), ("Customers", reverse("panel:customers")), (as_is(held.customer.name), page)
        ),
        back_url=page,
        read_only=not may(request, "change_customer_package") or held.next_on is None,
        held=held,
        due=falls_due(held.package),
        charges=charged[:BUNDLES_SHOWN],
        can_end=may(request, "end_customer_package") and held.next_on is not None,
    )


@writing("end_customer_package", shown_to_all=False)
def end(request: HttpRequest, customer_package_id: int) -> HttpResponseBase:
    """Ends a package of a customer."""
    held = _held(request, customer_package_id)
    form = EndForm(posted(request))
    page = reverse("panel:customer_packages", args=[held.customer_id])
    if form.is_valid():
        done = saved(
            request, form, end_customer_package, customer_package_id=held.pk, version=held.version, **form.cleaned_data
        )
        if done is not None:
            words = f"{held.package.name} ends on {done.ends_on}."
            return after_save(request, words, form_url=request.path, done_url=page)
    way = crumbs(("Selling", ""), ("Customers", reverse("panel:customers")), (as_is(held.customer.name), page))
    title = worded("End {name}", name=held.package.name)
    return render_form(request, form, title=title, breadcrumbs=way, back_url=page, save_title="End the package")


def of_customer(customer: Customer) -> dict[str, Any]:
    """What the customer's page of packages shows: what it holds, what it has held, its free minutes."""
    held = CustomerPackage.objects.filter(customer=customer).select_related("package").order_by("-id")
    today = datetime.now(UTC).date()
    over = Q(next_on=None) & Q(ends_on__lt=today)
    bundles = fetch("packages", "minutes_of_customer", customer.pk, BUNDLES_SHOWN)
    return {
        "held": _rows(held.exclude(over)),
        "past": _rows(held.filter(over)),
        "bundles": [{**bundle, "to": where_to(bundle["prefixes"]), **_clocks(bundle)} for bundle in bundles],
        "now": datetime.now(UTC),
    }


def _rows(found: QuerySet[CustomerPackage]) -> Page:
    return excerpt(OF_CUSTOMER, QuerysetSource(queryset=found))


def _clocks(bundle: dict[str, Any]) -> dict[str, str]:
    return {f"{name}_shown": clock(bundle[f"{name}_s"]) for name in ("granted", "used", "held", "left")}


def _price(package: Package) -> str:
    """What it is sold for, as the reader writes it."""
    return figure(f"{format_nanos(package.retail_nanos)} {package.currency}")


def _brought(package: Package) -> dict[str, int]:
    """What was charged for it, what that cost us, and the profit."""
    rows = Charge.objects.filter(account=package.account_id, detail__package=package.pk)
    cost_nanos = Cast(KeyTextTransform("cost_nanos", "detail"), DecimalField(max_digits=60, decimal_places=0))
    sums = rows.aggregate(charged=Sum("amount_micros"), cost=Sum(cost_nanos))
    charged, cost_micros = sums["charged"] or 0, int(sums["cost"] or 0) // 1000
    return {"charged_micros": charged, "cost_micros": cost_micros, "profit_micros": charged - cost_micros}


def _package(request: HttpRequest, sold_package_id: int) -> Package:
    return get_object_or_404(Package, pk=sold_package_id, account=own_account(request))


def _customer(request: HttpRequest, customer_id: int) -> Customer:
    return get_object_or_404(own_customers(request).select_related("account"), pk=customer_id, deleted_at=None)


def _held(request: HttpRequest, customer_package_id: int) -> CustomerPackage:
    found = CustomerPackage.objects.filter(customer__in=own_customers(request))
    return get_object_or_404(found.select_related("customer__account", "package"), pk=customer_package_id)


urlpatterns = [
    path("packages/", packages, name="packages"),
    path("packages/new/", new_package, name="package_new"),
    path("packages/<int:sold_package_id>/", edit_package, name="package"),
    path("packages/<int:sold_package_id>/delete/", remove_package, name="package_delete"),
    path("customers/<int:customer_id>/packages/new/", assign, name="customer_package_new"),
    path("customer-packages/<int:customer_package_id>/", held_package, name="customer_package"),
    path("customer-packages/<int:customer_package_id>/end/", end, name="customer_package_end"),
]
