"""Endpoints: the addresses and SIP users that customers call from."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse

from tollgate.actions.endpoints import (
    REALM,
    create_ip_endpoint,
    create_sip_user,
    delete_endpoint,
    set_sip_password,
    update_endpoint,
)
from tollgate.panel.access import may, own_account, reading, writing
from tollgate.panel.cells import channels_column, cps_column, enabled_column, link
from tollgate.panel.fields import ChannelsField, CpsField
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.store.models import Customer, Endpoint
from tollgate.ui.columns import Column, Kind
from tollgate.ui.fields import NetworkField
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Filter, Grid, respond
from tollgate.ui.sources import QuerysetSource

KINDS = (("ip", "IP address"), ("sip_user", "SIP user"))


def shown(endpoint: Endpoint) -> str:
    """The user name, or the address without the length of a network of one."""
    return endpoint.username or str(endpoint.network).removesuffix("/32").removesuffix("/128")


COLUMNS = (
    Column("identity", "Address or user", value=shown, link=link("panel:endpoint", lambda row: row.pk)),
    Column("name", "Name", sort="name"),
    Column(
        "customer",
        "Customer",
        value="customer.name",
        sort="customer__name",
        link=link("panel:customer_auth", lambda row: row.customer_id),
    ),
    Column("kind", "Kind", value=lambda row: dict(KINDS)[row.kind], kind=Kind.BADGE, sort="kind"),
    Column("tech_prefix", "Tech prefix"),
    channels_column(),
    cps_column(),
    enabled_column(),
)
LIST = Grid(
    name="endpoints",
    columns=COLUMNS,
    filters=(Filter("kind", "Kind", "kind", choices=KINDS),),
    sort="customer__name",
    empty_text="No endpoints yet. An endpoint is an address or a SIP user: open a customer and add one there.",
    empty_url="/customers/",
    empty_action="Choose a customer",
)
OF_CUSTOMER = Grid(
    name="endpoints",
    columns=tuple(column for column in COLUMNS if column.name != "customer"),
    sort="kind",
    compact=True,
    empty_text="No endpoints yet: this customer cannot call. Add its IP address or a SIP user.",
)
COMMON = ("name", "channels", "cps_milli", "enabled")


class NetworksField(forms.CharField):
    """Addresses and networks, one per line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": 3}), **options)

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]  # CharField promises a str
        """The list; an error names the line."""
        single, found = NetworkField(required=False), []
        for number, line in enumerate(str(value or "").splitlines(), start=1):
            try:
                network = single.clean(line)
            except forms.ValidationError as error:
                raise forms.ValidationError(f"Line {number}: {error.messages[0]}") from None
            if network:
                found.append(network)
        return found

    def prepare_value(self, value: Any) -> Any:
        """The lines of a list from the program."""
        return "\n".join(str(network) for network in value) if isinstance(value, list) else value


class EndpointForm(HouseForm):
    """What both kinds have."""

    name = forms.CharField(max_length=200, required=False, help_text="Such as Vilnius office")
    channels = ChannelsField()
    cps_milli = CpsField(label="New calls per second", help_text="0 = no limit")
    enabled = forms.BooleanField(required=False, initial=True)


class IpForm(EndpointForm):
    """An address or network."""

    field_order = ("network", "name", "tech_prefix", "channels", "cps_milli", "enabled")
    network = NetworkField(label="IP address or network", help_text="Such as 192.0.2.10 or 2001:db8::/48")
    tech_prefix = forms.CharField(
        max_length=20, required=False, help_text="Dialed in front of the number; tells customers on one address apart"
    )


class SipUserForm(EndpointForm):
    """A user name with the networks it may call from."""

    field_order = ("username", "password", "realm", "name", "channels", "cps_milli", "allowed_networks", "enabled")
    widths = {"allowed_networks": 8, "enabled": 12}
    allowed_networks = NetworksField(
        required=False,
        label="Allowed networks",
        help_text="One per line; others are refused. Empty = any",
    )


class PasswordForm(HouseForm):
    """A new password: written once, never shown again."""

    widths = {"password": 6, "realm": 6}
    password = forms.CharField(
        max_length=128,
        help_text="At least 10 characters. It is kept as a hash only: copy it now",
        widget=forms.TextInput(attrs={"autocomplete": "off", "data-generate": "", "spellcheck": "false"}),
    )
    realm = forms.CharField(max_length=200, initial=REALM, help_text="What the SIP edge challenges with")


class NewSipUserForm(SipUserForm, PasswordForm):
    """A SIP user with its first password."""

    username = forms.CharField(max_length=64, label="User name")


class ChangedIpForm(IpForm):
    """With the version that was opened."""

    versioned = True


class ChangedSipUserForm(SipUserForm):
    """With the version that was opened."""

    versioned = True


@reading
def endpoints(request: HttpRequest) -> HttpResponseBase:
    """Every customer's endpoints."""
    found = Endpoint.objects.filter(account=own_account(request), customer__deleted_at=None)
    searched = ("username__icontains", "name__icontains", "customer__name__icontains")
    source = QuerysetSource(queryset=found.select_related("customer"), search=searched)
    return respond(request, LIST, source, title="Endpoints", breadcrumbs=crumbs(("Selling", "")))


@writing("create_ip_endpoint", shown_to_all=False)
def new_ip(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """A new address of a customer."""
    customer = get_object_or_404(Customer, pk=customer_id, account=own_account(request), deleted_at=None)
    form = IpForm(posted(request))
    if form.is_valid():
        done = saved(request, form, create_ip_endpoint, customer_id=customer.pk, **changes(form))
        if done is not None:
            return after_save(request, f"{shown(done)} is added.", form_url=request.path, done_url=_list(customer))
    return render_form(request, form, title="New IP endpoint", breadcrumbs=_way(customer), back_url=_list(customer))


@writing("create_sip_user", shown_to_all=False)
def new_sip_user(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """A new SIP user of a customer."""
    customer = get_object_or_404(Customer, pk=customer_id, account=own_account(request), deleted_at=None)
    form = NewSipUserForm(posted(request))
    if form.is_valid():
        done = saved(request, form, create_sip_user, customer_id=customer.pk, **changes(form))
        if done is not None:
            return after_save(request, f"{done.username} is added.", form_url=request.path, done_url=_list(customer))
    return render_form(
        request,
        form,
        template="panel/form.html",
        title="New SIP user",
        breadcrumbs=_way(customer),
        back_url=_list(customer),
    )


@writing("update_endpoint")
def edit_endpoint(request: HttpRequest, endpoint_id: int) -> HttpResponseBase:
    """One endpoint."""
    endpoint = _endpoint(request, endpoint_id)
    is_ip = endpoint.kind == "ip"
    names = (*COMMON, "tech_prefix") if is_ip else (*COMMON, "allowed_networks")
    start = initial(endpoint, names) | ({"network": shown(endpoint)} if is_ip else {})
    form = (ChangedIpForm if is_ip else ChangedSipUserForm)(posted(request), initial=start)
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_endpoint, endpoint_id=endpoint.pk, version=version, **changes(form))
        if done is not None:
            words, back = f"{shown(done)} is saved.", _list(endpoint.customer)
            return after_save(request, words, form_url=request.path, done_url=back)
    return render_form(
        request,
        form,
        template="panel/endpoint.html",
        title=shown(endpoint),
        breadcrumbs=_way(endpoint.customer),
        back_url=_list(endpoint.customer),
        can_stay=True,
        endpoint=endpoint,
        read_only=not may(request, "update_endpoint"),
    )


@writing("set_sip_password", shown_to_all=False)
def new_password(request: HttpRequest, endpoint_id: int) -> HttpResponseBase:
    """A new password of a SIP user."""
    endpoint = _endpoint(request, endpoint_id)
    page = reverse("panel:endpoint", args=[endpoint.pk])
    form = PasswordForm(posted(request), initial={"realm": endpoint.realm or REALM})
    if form.is_valid():
        done = saved(request, form, set_sip_password, endpoint_id=endpoint.pk, **changes(form))
        if done is not None:
            return after_save(request, "The new password holds from now on.", form_url=page, done_url=page)
    return render_form(
        request,
        form,
        template="panel/form.html",
        title=f"New password of {endpoint.username}",
        breadcrumbs=_way(endpoint.customer),
        back_url=page,
        save_title="Set password",
    )


@writing("delete_endpoint", shown_to_all=False)
def remove_endpoint(request: HttpRequest, endpoint_id: int) -> HttpResponseBase:
    """Removes one endpoint; its CDRs stay."""
    endpoint = _endpoint(request, endpoint_id)
    if request.POST.get("confirmation") != shown(endpoint):
        messages.error(request, f"Type {shown(endpoint)} to remove this endpoint.")
    elif press(request, delete_endpoint, f"{shown(endpoint)} is removed.", endpoint_id=endpoint.pk):
        return redirect(_list(endpoint.customer))
    return redirect("panel:endpoint", endpoint.pk)


def _endpoint(request: HttpRequest, endpoint_id: int) -> Endpoint:
    return get_object_or_404(Endpoint.objects.select_related("customer"), pk=endpoint_id, account=own_account(request))


def _list(customer: Customer) -> str:
    return reverse("panel:customer_auth", args=[customer.pk])


def _way(customer: Customer) -> list[Any]:
    return crumbs(("Customers", reverse("panel:customers")), (customer.name, _list(customer)))


urlpatterns = [
    path("endpoints/", endpoints, name="endpoints"),
    path("customers/<int:customer_id>/endpoints/new-ip/", new_ip, name="endpoint_new_ip"),
    path("customers/<int:customer_id>/endpoints/new-sip-user/", new_sip_user, name="endpoint_new_sip_user"),
    path("endpoints/<int:endpoint_id>/", edit_endpoint, name="endpoint"),
    path("endpoints/<int:endpoint_id>/password/", new_password, name="endpoint_password"),
    path("endpoints/<int:endpoint_id>/delete/", remove_endpoint, name="endpoint_delete"),
]
