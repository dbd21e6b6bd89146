"""The packages block of the account, the switch of call recording, and the statement of what was charged day by day."""

from datetime import datetime
from typing import Any

from django import forms
from django.db.models import QuerySet, Sum
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from tollgate.actions.account_billing import usage
from tollgate.actions.packages import (
    RECORDING,
    RECORDING_PRICE_NANOS,
    create_account_package,
    disable_call_recording,
    enable_call_recording,
    end_account_package,
    update_account_package,
)
from tollgate.panel.access import may, own_account, reading, writing
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.store.models import Account, AccountCharge, AccountPackage
from tollgate.ui.columns import Column, Kind
from tollgate.ui.fields import PriceField
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Filter, FilterKind, Grid, respond
from tollgate.ui.sources import QuerysetSource

BASES = (("unit_day", "Per unit and day"), ("minute", "Per minute of calls"))
WORDS = {"per_minute": "Calls, per minute", "per_channel": "Channels"}


class DayFilter(Filter):
    """A day, typed as one."""

    def read(self, text: str) -> Any:
        """The day of the moment typed."""
        return Filter.read(self, text).date()


STATEMENT = Grid(
    name="account_charges",
    columns=(
        Column("on", "Day (UTC)", value=lambda row: row.on.isoformat(), sort="on"),
        Column("what", "What", value=lambda row: WORDS.get(row.what, row.what), sort="what", says=True),
        Column("used", "Used", kind=Kind.NUMBER),
        Column("unit", "Unit"),
        Column("price", "Price", value="price_nanos", kind=Kind.PRICE, currency="currency"),
        Column("amount", "Charged", value="amount_micros", kind=Kind.MONEY, currency="currency", sort="amount_micros"),
        Column("entry", "Entry", value="entry_id"),
    ),
    filters=(
        DayFilter("from", "From", "on__gte", kind=FilterKind.INSTANT),
        DayFilter("until", "Before", "on__lt", kind=FilterKind.INSTANT),
    ),
    sort="-on",
    searchable=False,
    empty_text="Nothing is charged yet. Each day is charged a few hours after it ends (UTC).",
)


class PackageForm(HouseForm):
    """A package."""

    widths = {"name": 6, "description": 6}
    name = forms.CharField(max_length=100)
    description = forms.CharField(max_length=1000, required=False)
    quantity = forms.IntegerField(min_value=0, max_value=10**6, initial=1)
    unit = forms.CharField(max_length=30, initial="channels", help_text="What a unit is: channels, TB, dips")
    basis = forms.ChoiceField(choices=BASES, label="Charged")
    price_nanos = PriceField(label="Cost", least=0)


class ChangedPackageForm(PackageForm):
    """With the version that was opened."""

    versioned = True


def block(account: Account, at: datetime) -> dict[str, Any]:
    """What the account page shows: each package with its use and charge today and this month."""
    today, month = at.date(), at.date().replace(day=1)
    held = AccountPackage.objects.filter(account=account, starts_on__lte=today).exclude(ends_on__lt=today)
    charged = AccountCharge.objects.filter(account=account, on__gte=month)
    return {
        "packages": [_line(account, package, today, charged) for package in held.order_by("name")],
        "recording_on": account.recording,
        "charged_month_micros": charged.aggregate(total=Sum("amount_micros"))["total"] or 0,
        "recording_price_nanos": RECORDING_PRICE_NANOS,
    }


def _line(account: Account, package: AccountPackage, today: Any, charged: QuerySet[AccountCharge]) -> dict[str, Any]:
    """One line of the block. What is used today is not charged yet: its charge is what it would come to now."""
    used = package.quantity
    if package.basis == "minute":
        used = usage(account, today, "recorded_seconds" if package.kind == RECORDING else "seconds")
    nanos = (package.price_nanos * used + 30) // 60 if package.basis == "minute" else package.price_nanos * used
    before = charged.filter(package=package).aggregate(used=Sum("used"), micros=Sum("amount_micros"))
    micros = (nanos + 500) // 1000
    return {
        "package": package,
        "basis": dict(BASES)[package.basis],
        "unit": "s" if package.basis == "minute" else package.unit,
        "today": used,
        "today_micros": micros,
        "month": (before["used"] or 0) + used,
        "month_micros": (before["micros"] or 0) + micros,
    }


@reading
def statement(request: HttpRequest) -> HttpResponseBase:
    """What the platform charged, day by day."""
    source = QuerysetSource(queryset=AccountCharge.objects.filter(account=own_account(request)))
    way = crumbs(("System", ""), ("Account", reverse("panel:account")))
    return respond(request, STATEMENT, source, title="Statement of the account", breadcrumbs=way)


@writing("create_account_package", shown_to_all=False)
def new_package(request: HttpRequest) -> HttpResponseBase:
    """A new package."""
    found = own_account(request)
    form = PackageForm(posted(request))
    form.set_unit("price_nanos", found.currency)
    if form.is_valid():
        done = saved(request, form, create_account_package, account_id=found.pk, **changes(form))
        if done is not None:
            return after_save(request, f"{done} is added.", form_url=request.path, done_url=reverse("panel:account"))
    return _page(request, form, "New package", save_title="Add")


@writing("update_account_package")
def edit_package(request: HttpRequest, package_id: int) -> HttpResponseBase:
    """One package."""
    package = get_object_or_404(AccountPackage, pk=package_id, account=own_account(request))
    names = ("name", "description", "quantity", "unit", "basis", "price_nanos")
    form = ChangedPackageForm(posted(request), initial=initial(package, names))
    form.set_unit("price_nanos", package.account.currency)
    if form.is_valid():
        version = form.cleaned_data["version"]
        fields = {name: value for name, value in changes(form).items() if name != "name"}
        done = saved(request, form, update_account_package, package_id=package.pk, version=version, **fields)
        if done is not None:
            return after_save(request, f"{done} is saved.", form_url=request.path, done_url=reverse("panel:account"))
    return _page(request, form, package.name, read_only=not may(request, "update_account_package"))


@writing("end_account_package", shown_to_all=False)
@require_POST
def end_package(request: HttpRequest, package_id: int) -> HttpResponseBase:
    """Ends one package with today."""
    get_object_or_404(AccountPackage, pk=package_id, account=own_account(request))
    press(request, end_account_package, "The package ends today.", package_id=package_id)
    return redirect("panel:account")


@writing("enable_call_recording", shown_to_all=False)
def switch_recording(request: HttpRequest) -> HttpResponseBase:
    """Asks before call recording is added or taken away."""
    found = own_account(request)
    act = disable_call_recording if found.recording else enable_call_recording
    if request.method == "POST":
        words = "Call recording is off." if found.recording else "Call recording is on. Now choose it on a route."
        press(request, act, words, account_id=found.pk)
        return redirect("panel:account")
    context = {
        "title": "Call recording",
        "breadcrumbs": crumbs(("System", ""), ("Account", reverse("panel:account"))),
        "account": found,
        "recording_price_nanos": RECORDING_PRICE_NANOS,
    }
    return render(request, "panel/account_recording.html", context)


def _page(request: HttpRequest, form: HouseForm, title: str, **context: Any) -> HttpResponseBase:
    way = crumbs(("System", ""), ("Account", reverse("panel:account")))
    back = reverse("panel:account")
    return render_form(
        request, form, template="panel/form.html", title=title, breadcrumbs=way, back_url=back, **context
    )


urlpatterns = [
    path("account-settings/statement/", statement, name="account_statement"),
    path("account-settings/recording/", switch_recording, name="account_recording"),
    path("account-settings/packages/new/", new_package, name="account_package_new"),
    path("account-settings/packages/<int:package_id>/", edit_package, name="account_package"),
    path("account-settings/packages/<int:package_id>/end/", end_package, name="account_package_end"),
]
