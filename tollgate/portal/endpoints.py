"""Where the customer calls from: its SIP users, and its addresses, kept by itself where the operator allows it."""

from dataclasses import replace
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from tollgate.actions.own_addresses import (
    create_own_ip_endpoint,
    delete_own_endpoint,
    is_operators,
    update_own_ip_endpoint,
)
from tollgate.actions.portal_access import Visit
from tollgate.portal.access import visiting
from tollgate.portal.saving import posted, press, saved
from tollgate.store.models import Endpoint
from tollgate.store.queries.portal import endpoints_of, rooms_of
from tollgate.ui.columns import Column, Kind
from tollgate.ui.fields import NetworkField
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid, respond
from tollgate.ui.layout import Crumb
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is


def shown(endpoint: Any) -> str:
    """The user name, or the address without the length of a network of one."""
    return endpoint.username or str(endpoint.network).removesuffix("/32").removesuffix("/128")


def _page_of(endpoint: Any) -> str | None:
    """The page of an address that the customer keeps itself."""
    return reverse("portal:endpoint", args=[endpoint.pk]) if _kept(endpoint) else None


def _kept(endpoint: Any) -> bool:
    kept: bool = endpoint.kind == "ip" and not is_operators(endpoint) and endpoint.customer.ip_management
    return kept


LIST = Grid(
    name="endpoints",
    columns=(
        Column("identity", "Address or user", value=shown, link=_page_of),
        Column("name", "Name", sort="name"),
        Column(
            "kind",
            "Kind",
            value=lambda row: "SIP user" if row.kind == "sip_user" else "IP address",
            sort="kind",
            says=True,
        ),
        Column("tech_prefix", "Tech prefix"),
        Column("extensions", "Extensions", value=lambda row: row.extensions or None),
        Column("channels", "Channels", value=lambda row: row.channels or "no limit of its own", says=True, right=True),
        Column(
            "enabled",
            "State",
            value=lambda row: "Enabled" if row.enabled else "Disabled",
            kind=Kind.BADGE,
            tone={"enabled": "green"},
            sort="enabled",
        ),
    ),
    sort="kind",
    empty_text="No endpoints yet: nobody can call.",
)


ROOMS = Grid(
    name="conference_rooms",
    columns=(
        Column("name", "Room"),
        Column("extension", "Extension"),
        Column("channels", "People at most", value=lambda row: row.channels or "no limit", says=True, right=True),
        Column(
            "enabled",
            "State",
            value=lambda row: "Enabled" if row.enabled else "Disabled",
            kind=Kind.BADGE,
            tone={"enabled": "green"},
        ),
    ),
    sort="name",
    compact=True,
    page_size=50,
    empty_text="No conference rooms.",
)


class AddressForm(HouseForm):
    """An address or a small network."""

    network = NetworkField(label="IP address or network", help_text="Public, such as 192.0.2.10 or 2001:db8::/64")
    name = forms.CharField(max_length=200, required=False, help_text="Such as Vilnius office")
    tech_prefix = forms.CharField(
        max_length=20, required=False, help_text="Dialed in front of each number where others share the address"
    )


class ChangedAddressForm(AddressForm):
    """The same with the version that was opened."""

    versioned = True


@visiting("endpoints")
def endpoints(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """The addresses and SIP users."""
    found = endpoints_of(visit.customer).select_related("customer")
    source = QuerysetSource(queryset=found, search=("name__icontains", "username__icontains"))
    words = "" if visit.customer.ip_management else "Your provider registers the addresses that you call from."
    rooms = ROOMS.page({}, QuerysetSource(queryset=rooms_of(visit.customer)))
    context = {"title": "Endpoints", "words": words, "rooms": replace(rooms, previous=None, following=None)}
    return respond(request, LIST, source, template="portal/endpoints.html", **context)


@visiting("endpoints")
def new_endpoint(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """One more address."""
    if not visit.customer.ip_management:
        raise Http404
    form = AddressForm(posted(request))
    if form.is_valid():
        given: dict[str, Any] = {"customer_id": visit.customer.pk, **form.cleaned_data}
        done = saved(request, form, visit, create_own_ip_endpoint, **given)
        if done is not None:
            messages.success(request, f"{shown(done)} is added: calls from there are yours from now on.")
            return redirect("portal:endpoints")
    return _form(request, form, "New address")


@visiting("endpoints")
def edit_endpoint(request: HttpRequest, visit: Visit, endpoint_id: int) -> HttpResponseBase:
    """One address."""
    endpoint = _endpoint(visit, endpoint_id)
    start = {
        "network": shown(endpoint),
        **{name: getattr(endpoint, name) for name in ("name", "tech_prefix", "version")},
    }
    form = ChangedAddressForm(posted(request), initial=start)
    if form.is_valid():
        given: dict[str, Any] = {"endpoint_id": endpoint.pk, **form.cleaned_data}
        done = saved(request, form, visit, update_own_ip_endpoint, **given)
        if done is not None:
            messages.success(request, f"{shown(done)} is saved.")
            return redirect("portal:endpoints")
    return _form(request, form, as_is(shown(endpoint)), template="portal/endpoint.html", endpoint=endpoint)


@require_POST
@visiting("endpoints")
def remove_endpoint(request: HttpRequest, visit: Visit, endpoint_id: int) -> HttpResponseBase:
    """Removes one address."""
    endpoint = _endpoint(visit, endpoint_id)
    name = shown(endpoint)
    if request.POST.get("confirmation") != name:
        messages.error(request, f"Type {name} to remove this address.")
    elif press(request, visit, delete_own_endpoint, f"{name} is removed.", endpoint_id=endpoint.pk):
        return redirect("portal:endpoints")
    return redirect("portal:endpoint", endpoint.pk)


def _endpoint(visit: Visit, endpoint_id: int) -> Endpoint:
    found = endpoints_of(visit.customer).select_related("customer").filter(pk=endpoint_id).first()
    if found is None or not _kept(found):
        raise Http404
    return found


def _form(
    request: HttpRequest, form: HouseForm, title: str, *, template: str = "portal/form.html", **context: object
) -> HttpResponseBase:
    back = reverse("portal:endpoints")
    way = [Crumb("Endpoints", back)]
    return render_form(request, form, template=template, title=title, breadcrumbs=way, back_url=back, **context)


urlpatterns = [
    path("endpoints/", endpoints, name="endpoints"),
    path("endpoints/new/", new_endpoint, name="endpoint_new"),
    path("endpoints/<int:endpoint_id>/", edit_endpoint, name="endpoint"),
    path("endpoints/<int:endpoint_id>/delete/", remove_endpoint, name="endpoint_delete"),
]
