"""Carriers: whom we buy calls from, each with its gateways and cards on its page."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse

from tollgate.actions.carriers import create_carrier, update_carrier
from tollgate.panel import cards, carrier_payments, dids, gateways, reconciliations
from tollgate.panel.access import may, may_test, own_account, reading, rights, writing
from tollgate.panel.cells import channels_column, cps_column, excerpt, link, status_column
from tollgate.panel.endpoint_forms import NetworksField
from tollgate.panel.fields import ChannelsField, CpsField, choices
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, saved
from tollgate.store.models import Carrier, Gateway
from tollgate.store.queries.cards import with_revisions
from tollgate.store.queries.customers import wallet_of, with_wallet
from tollgate.ui.columns import Column, Kind
from tollgate.ui.fields import CurrencyField, DurationField
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is, worded

STATUSES = ("active", "inactive", "pending")
PAI_MODES = (
    ("default", "As the customer's rule gives it"),
    ("remove", "Never sent"),
    ("if_available", "Only what the caller itself asserted"),
    ("required", "Required: no call without one"),
)
FIELDS = ("name", "status", "channels", "cps_milli", "first_reply_s", "pdd_s", "ring_s", "pai_mode", "networks")
LIST = Grid(
    name="carriers",
    columns=(
        Column("name", "Carrier", sort="name", link=link("panel:carrier", lambda row: row.pk)),
        status_column(),
        Column("owed", "Owed", value="balance_micros", kind=Kind.MONEY, currency="currency", sort="balance_micros"),
        Column("live", "Live channels", value="live_channels", kind=Kind.COUNT, sort="live_channels"),
        replace(channels_column(), name="allowed", title="Allowed channels"),
        cps_column(),
    ),
    sort="name",
    ticks=True,
    empty_text="No carriers yet. A carrier takes your customers' calls: add one, then its gateways and its card.",
    empty_url="/carriers/new/",
    empty_action="Add a carrier",
)


class CarrierForm(HouseForm):
    """Limits of a carrier, and how long we wait for it before trying the next."""

    versioned = True
    name = forms.CharField(max_length=200)
    status = forms.ChoiceField(choices=choices(*STATUSES), help_text="Only an active carrier gets calls")  # type: ignore[assignment]  # Django takes fields out of the class
    channels = ChannelsField()
    cps_milli = CpsField(label="New calls per second", help_text="0 = no limit")
    first_reply_s = DurationField(label="First reply within", least=1, most=120, initial=3)
    pdd_s = DurationField(
        label="Ringing or answer within", least=1, most=120, initial=5, help_text="Post-dial delay; then the next one"
    )
    ring_s = DurationField(label="Answer within", least=1, most=600, initial=60, help_text="Of ringing")
    pai_mode = forms.ChoiceField(
        label="P-Asserted-Identity",
        choices=PAI_MODES,
        help_text="Comes after the customer's own rule, so it is what this carrier sees",
    )
    networks = NetworksField(
        required=False,
        label="Networks",
        help_text="Its calls to DIDs come from these, and from its gateways. IP addresses or networks, one per line",
    )


class NewCarrierForm(CarrierForm):
    """The same with the currency, which is chosen once."""

    versioned = False
    field_order = ("name", "currency", "status")
    currency = CurrencyField(help_text="Cannot be changed later")


@reading
def carriers(request: HttpRequest) -> HttpResponseBase:
    """The list."""
    grid, source = listed(request, request.GET.dict())
    way = crumbs(("Buying", ""))
    return respond(request, grid, source, template="panel/carriers.html", title="Carriers", breadcrumbs=way)


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del parameters
    found = with_wallet(Carrier.objects.filter(account=own_account(request)), "carrier")
    return LIST, QuerysetSource(queryset=found, search=("name__icontains",))


@reading
def carrier(request: HttpRequest, carrier_id: int) -> HttpResponseBase:
    """One carrier: what we owe it, its gateways, its cards."""
    found = _carrier(request, carrier_id)
    wallet = wallet_of(found)
    gateway_source = QuerysetSource(queryset=Gateway.objects.filter(carrier=found))
    card_source = QuerysetSource(queryset=with_revisions(found.account, datetime.now(UTC)).filter(carrier=found))
    context: dict[str, Any] = {
        "title": as_is(found.name),
        "breadcrumbs": _way(),
        "carrier": found,
        "can_test": may_test(request),
        "wallet": wallet,
        "gateways": excerpt(gateways.OF_CARRIER, gateway_source),
        "cards": excerpt(cards.OF_CARRIER, card_source),
        "dids": dids.of_carrier(found) if rights(request).reads("dids") else None,
        "payments": carrier_payments.of_carrier(found),
        "statements": reconciliations.of_carrier(found) if rights(request).reads("reconciliation") else None,
    }
    return render(request, "panel/carrier.html", context)


@writing("create_carrier", shown_to_all=False)
def new_carrier(request: HttpRequest) -> HttpResponseBase:
    """A new carrier; then its page, where gateways and cards are added."""
    account = own_account(request)
    form = NewCarrierForm(posted(request), initial={"currency": account.currency})
    if form.is_valid():
        done = saved(request, form, create_carrier, account_id=account.pk, **changes(form))
        if done is not None:
            page = reverse("panel:carrier", args=[done.pk])
            return after_save(request, f"{done.name} is created.", form_url=request.path, done_url=page)
    context: dict[str, Any] = {"title": "New carrier", "breadcrumbs": _way(), "save_title": "Create"}
    return render_form(request, form, back_url=reverse("panel:carriers"), **context)


@writing("update_carrier")
def edit_carrier(request: HttpRequest, carrier_id: int) -> HttpResponseBase:
    """The settings of one carrier."""
    found = _carrier(request, carrier_id)
    page = reverse("panel:carrier", args=[found.pk])
    form = CarrierForm(posted(request), initial=initial(found, FIELDS))
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_carrier, carrier_id=found.pk, version=version, **changes(form))
        if done is not None:
            return after_save(request, f"{done.name} is saved.", form_url=request.path, done_url=page)
    return render_form(
        request,
        form,
        title=worded("{name}: settings", name=found.name),
        breadcrumbs=[*_way(), *crumbs((as_is(found.name), page))],
        back_url=page,
        can_stay=True,
        read_only=not may(request, "update_carrier"),
    )


def _carrier(request: HttpRequest, carrier_id: int) -> Carrier:
    return get_object_or_404(Carrier.objects.select_related("account"), pk=carrier_id, account=own_account(request))


def _way() -> list[object]:
    return [*crumbs(("Buying", ""), ("Carriers", reverse("panel:carriers")))]


urlpatterns = [
    path("carriers/", carriers, name="carriers"),
    path("carriers/new/", new_carrier, name="carrier_new"),
    path("carriers/<int:carrier_id>/", carrier, name="carrier"),
    path("carriers/<int:carrier_id>/edit/", edit_carrier, name="carrier_edit"),
]
