"""Exchange rates: what one currency was worth in another from a day on, entered by people or by a job of yours."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse

from tollgate.actions.exchange_rates import delete_exchange_rate, set_exchange_rate
from tollgate.panel.access import may, own_account, reading, writing
from tollgate.panel.cells import link
from tollgate.panel.fields import DayField
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, posted, press, saved
from tollgate.store.models import ExchangeRate
from tollgate.ui.columns import Column, Kind
from tollgate.ui.fields import CurrencyField, PriceField
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Filter, Grid, respond
from tollgate.ui.sources import QuerysetSource

LIST = Grid(
    name="exchange_rates",
    columns=(
        Column("on", "From the day", sort="on", link=link("panel:exchange_rate", lambda row: row.pk)),
        Column("base", "One", sort="base"),
        Column("rate", "Is worth", value="rate_nanos", kind=Kind.PRICE, sort="rate_nanos"),
        Column("quote", "In", sort="quote"),
        Column("source", "Source"),
    ),
    filters=(Filter("base", "One", "base__iexact"), Filter("quote", "In", "quote__iexact")),
    sort="-on",
    searchable=False,
    ticks=True,
    empty_text="No exchange rates yet. A payment in another currency is converted by the last rate of its day.",
    empty_url="/exchange-rates/new/",
    empty_action="Add a rate",
)
FIELDS = ("base", "rate_nanos", "quote", "on", "source")


class RateForm(HouseForm):
    """What one currency is worth in another from a day on."""

    base = CurrencyField(label="One")
    rate_nanos = PriceField(label="Is worth", least=1)
    quote = CurrencyField(label="In")
    on = DayField(label="From the day")
    source = forms.CharField(max_length=50, required=False, help_text="Such as ECB")


@reading
def exchange_rates(request: HttpRequest) -> HttpResponseBase:
    """Every rate, the newest first."""
    grid, source = listed(request, request.GET.dict())
    way = crumbs(("Money", ""))
    return respond(request, grid, source, template="panel/exchange_rates.html", title="Exchange rates", breadcrumbs=way)


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del parameters
    return LIST, QuerysetSource(queryset=ExchangeRate.objects.filter(account=own_account(request)))


@writing("set_exchange_rate", shown_to_all=False)
def new_exchange_rate(request: HttpRequest) -> HttpResponseBase:
    """A rate from a day on."""
    account = own_account(request)
    other = "EUR" if account.currency == "USD" else "USD"
    form = RateForm(posted(request), initial={"on": datetime.now(UTC).date(), "base": account.currency, "quote": other})
    if form.is_valid():
        done = saved(request, form, set_exchange_rate, account_id=account.pk, **changes(form))
        if done is not None:
            return after_save(request, f"{done} is set.", form_url=request.path, done_url=_list())
    return _page(request, form, "New exchange rate", save_title="Set", can_stay=True)


@writing("set_exchange_rate")
def edit_exchange_rate(request: HttpRequest, exchange_rate_id: int) -> HttpResponseBase:
    """One rate. With another day or pair it is a rate of its own."""
    found = _rate(request, exchange_rate_id)
    form = RateForm(posted(request), initial={name: getattr(found, name) for name in FIELDS})
    if form.is_valid():
        done = saved(request, form, set_exchange_rate, account_id=found.account_id, **changes(form))
        if done is not None:
            return after_save(request, f"{done} is set.", form_url=request.path, done_url=_list())
    read_only = not may(request, "set_exchange_rate")
    return _page(request, form, str(found), template="panel/exchange_rate.html", rate=found, read_only=read_only)


@writing("delete_exchange_rate", shown_to_all=False)
def remove_exchange_rate(request: HttpRequest, exchange_rate_id: int) -> HttpResponseBase:
    """Removes a rate."""
    found = _rate(request, exchange_rate_id)
    sure = request.method == "POST" and request.POST.get("confirmation") == str(found)
    if sure and press(request, delete_exchange_rate, f"{found} is removed.", exchange_rate_id=found.pk):
        return redirect("panel:exchange_rates")
    return redirect("panel:exchange_rate", found.pk)


def _rate(request: HttpRequest, exchange_rate_id: int) -> ExchangeRate:
    return get_object_or_404(ExchangeRate, pk=exchange_rate_id, account=own_account(request))


def _list() -> str:
    return reverse("panel:exchange_rates")


def _page(request: HttpRequest, form: HouseForm, title: str, **more: Any) -> HttpResponseBase:
    way = crumbs(("Money", ""), ("Exchange rates", _list()))
    return render_form(
        request, form, **{"template": "panel/form.html", **more}, title=title, breadcrumbs=way, back_url=_list()
    )


urlpatterns = [
    path("exchange-rates/", exchange_rates, name="exchange_rates"),
    path("exchange-rates/new/", new_exchange_rate, name="exchange_rate_new"),
    path("exchange-rates/<int:exchange_rate_id>/", edit_exchange_rate, name="exchange_rate"),
    path("exchange-rates/<int:exchange_rate_id>/delete/", remove_exchange_rate, name="exchange_rate_delete"),
]
