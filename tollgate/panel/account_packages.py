"""The packages block of the account and the switch of call recording."""

from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.db.models import QuerySet, Sum
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from tollgate.actions.account_billing import charged_until, package_charge
from tollgate.actions.packages import (
    being_recorded_count,
    create_account_package,
    disable_call_recording,
    enable_call_recording,
    end_account_package,
    package_terms_on,
    recording_price_nanos,
    update_account_package,
)
from tollgate.panel.access import may, own_account, writing
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.store.models import Account, AccountCharge, AccountPackage, AccountPackageTerms
from tollgate.ui.fields import PriceField
from tollgate.ui.forms import HouseForm, render_form

BASES = (("unit_day", "Per unit and day"), ("minute", "Per minute of calls"))


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
    last = charged_until(account)
    open_on = max(month, last + timedelta(days=1)) if last else month
    return {
        "packages": [_line(package, charged, open_on, today) for package in held.order_by("name")],
        "recording_on": account.recording,
        "charged_month_micros": charged.aggregate(total=Sum("amount_micros"))["total"] or 0,
        "charged_until": last if last and last >= month else None,
    }


def _line(package: AccountPackage, charged: QuerySet[AccountCharge], open_on: date, today: date) -> dict[str, Any]:
    """One line of the block. Days from `open_on` on are not charged yet: they count as what they would come to now."""
    days = [open_on + timedelta(days=number) for number in range((today - open_on).days + 1)]
    coming = {day: package_charge(package, day) for day in days if day >= package.starts_on}
    now = coming.get(today) or package_charge(package, today)
    before = charged.filter(package=package).aggregate(used=Sum("used"), micros=Sum("amount_micros"))
    terms, next_terms = (package_terms_on(package, day) for day in (today, today + timedelta(days=1)))
    return {
        "package": package,
        "terms": terms,
        "basis": dict(BASES)[terms.basis],
        "next": next_terms if package.ends_on is None and not _same(terms, next_terms) else None,
        "next_basis": dict(BASES)[next_terms.basis],
        "unit": "s" if terms.basis == "minute" else terms.unit,
        "today": now.used,
        "today_micros": now.amount_micros,
        "month": (before["used"] or 0) + sum(charge.used for charge in coming.values()),
        "month_micros": (before["micros"] or 0) + sum(charge.amount_micros for charge in coming.values()),
    }


def _same(one: AccountPackageTerms, other: AccountPackageTerms) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in ("unit", "basis", "price_nanos", "quantity"))


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
    if request.method == "POST" and found.recording:
        wish = request.POST.get("recorded_calls", "")
        done = press(
            request, disable_call_recording, "Call recording is off.", account_id=found.pk, recorded_calls=wish
        )
        return redirect("panel:account" if done else "panel:account_recording")
    if request.method == "POST":
        said = "Call recording is on. Now choose it on a route."
        press(request, enable_call_recording, said, account_id=found.pk)
        return redirect("panel:account")
    context = {
        "title": "Call recording",
        "breadcrumbs": crumbs(("System", ""), ("Account", reverse("panel:account"))),
        "account": found,
        "recording_price_nanos": recording_price_nanos(found),
        "recorded_count": being_recorded_count(found) if found.recording else 0,
    }
    return render(request, "panel/account_recording.html", context)


def _page(request: HttpRequest, form: HouseForm, title: str, **context: Any) -> HttpResponseBase:
    way = crumbs(("System", ""), ("Account", reverse("panel:account")))
    back = reverse("panel:account")
    return render_form(
        request, form, template="panel/form.html", title=title, breadcrumbs=way, back_url=back, **context
    )


urlpatterns = [
    path("account-settings/recording/", switch_recording, name="account_recording"),
    path("account-settings/packages/new/", new_package, name="account_package_new"),
    path("account-settings/packages/<int:package_id>/", edit_package, name="account_package"),
    path("account-settings/packages/<int:package_id>/end/", end_package, name="account_package_end"),
]
