"""Gateways: the addresses at which carriers take our calls."""

from collections.abc import Mapping

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse

from tollgate.actions.carriers import create_gateway, delete_gateway, update_gateway
from tollgate.panel.access import may, may_test, own_account, reading, writing
from tollgate.panel.cells import channels_column, cps_column, enabled_column, fixed, link
from tollgate.panel.deleted_records import removed
from tollgate.panel.fields import ChannelsField, CpsField
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.store.models import Carrier, Gateway
from tollgate.ui.columns import Column, Kind
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is

COLUMNS = (
    Column("name", "Gateway", sort="name", link=link("panel:gateway", lambda row: row.pk)),
    Column(
        "carrier",
        "Carrier",
        value="carrier.name",
        sort="carrier__name",
        link=link("panel:carrier", lambda row: row.carrier_id),
    ),
    Column("address", "Address", value=lambda row: f"{row.host}:{row.port}", sort="host"),
    Column("transport", "Transport", value=lambda row: row.transport.upper(), sort="transport"),
    Column("weight", "Weight", kind=Kind.NUMBER, sort="weight"),
    channels_column(),
    cps_column(),
    enabled_column(),
)
LIST = Grid(
    name="gateways",
    columns=COLUMNS,
    sort="carrier__name",
    ticks=True,
    empty_text="No gateways yet. A gateway is an address of a carrier: open a carrier and add one there.",
    empty_url="/carriers/",
    empty_action="Choose a carrier",
)
OF_CARRIER = Grid(
    name="gateways",
    columns=fixed(column for column in COLUMNS if column.name != "carrier"),
    sort="name",
    compact=True,
    empty_text="No gateways yet: this carrier gets no calls. Add the address at which it takes them.",
)
FIELDS = (
    "name",
    "host",
    "port",
    "transport",
    "weight",
    "strip_digits",
    "prefix",
    "channels",
    "cps_milli",
    "enabled",
)


class GatewayForm(HouseForm):
    """An address, its share of the calls, and what it does to the number."""

    name = forms.CharField(max_length=200)
    host = forms.CharField(max_length=255, help_text="An IP address or a host name")
    port = forms.IntegerField(min_value=1, max_value=65_535, required=False, help_text="Empty: 5060, and 5061 by TLS")
    transport = forms.ChoiceField(choices=(("udp", "UDP"), ("tcp", "TCP"), ("tls", "TLS")))
    weight = forms.IntegerField(
        min_value=0, max_value=10_000, initial=100, help_text="Its share of the carrier's first attempts"
    )
    strip_digits = forms.IntegerField(
        min_value=0, max_value=18, initial=0, label="Digits to strip", help_text="From the front of the number"
    )
    prefix = forms.CharField(max_length=20, required=False, help_text="Then put in front of the number")  # type: ignore[assignment]  # Django takes fields out of the class
    channels = ChannelsField()
    cps_milli = CpsField(label="New calls per second", help_text="0 = no limit")
    enabled = forms.BooleanField(required=False, initial=True)


class ChangedGatewayForm(GatewayForm):
    """With the version that was opened."""

    versioned = True


@reading
def gateways(request: HttpRequest) -> HttpResponseBase:
    """Every carrier's gateways."""
    grid, source = listed(request, request.GET.dict())
    way = crumbs(("Buying", ""))
    return respond(request, grid, source, template="panel/gateways.html", title="Gateways", breadcrumbs=way)


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del parameters
    found = Gateway.objects.filter(carrier__account=own_account(request)).select_related("carrier")
    search = ("name__icontains", "host__icontains", "carrier__name__icontains")
    return LIST, QuerysetSource(queryset=found, search=search)


@writing("create_gateway", shown_to_all=False)
def new_gateway(request: HttpRequest, carrier_id: int) -> HttpResponseBase:
    """A new address of a carrier."""
    carrier = get_object_or_404(Carrier, pk=carrier_id, account=own_account(request))
    form = GatewayForm(posted(request))
    if form.is_valid():
        done = saved(request, form, create_gateway, carrier_id=carrier.pk, **changes(form))
        if done is not None:
            return after_save(request, f"{done.name} is added.", form_url=request.path, done_url=_page(carrier))
    return render_form(request, form, title="New gateway", breadcrumbs=_way(carrier), back_url=_page(carrier))


@writing("update_gateway")
def edit_gateway(request: HttpRequest, gateway_id: int) -> HttpResponseBase:
    """One gateway."""
    gateway = _gateway(request, gateway_id)
    form = ChangedGatewayForm(posted(request), initial=initial(gateway, FIELDS))
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_gateway, gateway_id=gateway.pk, version=version, **changes(form))
        if done is not None:
            page = _page(gateway.carrier)
            return after_save(request, f"{done.name} is saved.", form_url=request.path, done_url=page)
    return render_form(
        request,
        form,
        template="panel/gateway.html",
        can_test=may_test(request),
        title=as_is(gateway.name),
        breadcrumbs=_way(gateway.carrier),
        back_url=_page(gateway.carrier),
        can_stay=True,
        gateway=gateway,
        read_only=not may(request, "update_gateway"),
    )


@writing("delete_gateway", shown_to_all=False)
def remove_gateway(request: HttpRequest, gateway_id: int) -> HttpResponseBase:
    """Removes one gateway; its CDRs stay."""
    gateway = _gateway(request, gateway_id)
    if request.POST.get("confirmation") != gateway.name:
        messages.error(request, f"Type {gateway.name} to remove this gateway.")
    elif press(request, delete_gateway, removed(request, gateway.name), gateway_id=gateway.pk):
        return redirect(_page(gateway.carrier))
    return redirect("panel:gateway", gateway.pk)


def _gateway(request: HttpRequest, gateway_id: int) -> Gateway:
    return get_object_or_404(
        Gateway.objects.select_related("carrier"), pk=gateway_id, carrier__account=own_account(request)
    )


def _page(carrier: Carrier) -> str:
    return reverse("panel:carrier", args=[carrier.pk])


def _way(carrier: Carrier) -> list[object]:
    return [*crumbs(("Buying", ""), ("Carriers", reverse("panel:carriers")), (as_is(carrier.name), _page(carrier)))]


urlpatterns = [
    path("gateways/", gateways, name="gateways"),
    path("carriers/<int:carrier_id>/gateways/new/", new_gateway, name="gateway_new"),
    path("gateways/<int:gateway_id>/", edit_gateway, name="gateway"),
    path("gateways/<int:gateway_id>/delete/", remove_gateway, name="gateway_delete"),
]
