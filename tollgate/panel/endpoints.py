"""Endpoints: the addresses and SIP users that customers call from. Their forms are in endpoint_forms.py."""

from collections.abc import Mapping
from functools import cache, partial
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse

from tollgate.actions.acts import Invalid
from tollgate.actions.endpoints import (
    REALM,
    create_ip_endpoint,
    create_ip_endpoints,
    create_sip_user,
    delete_endpoint,
    set_sip_password,
    update_endpoint,
)
from tollgate.core import rewrites
from tollgate.core.rewrite_hints import hints
from tollgate.panel.access import by_customer, may, own_customers, reading, served_rows, writing
from tollgate.panel.cells import channels_column, cps_column, enabled_column, link
from tollgate.panel.deleted_records import removed
from tollgate.panel.endpoint_forms import (
    ChangedIpForm,
    ChangedSipUserForm,
    NewIpForm,
    NewSipUserForm,
    PasswordForm,
    RewritesWidget,
)
from tollgate.panel.frame import crumbs
from tollgate.panel.of_customer import narrowed
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.panel.suggestions import suggested
from tollgate.store.models import Customer, Endpoint, NumberBlock
from tollgate.store.queries import number_blocks as number_queries
from tollgate.store.queries.customers import naming_customers
from tollgate.store.queries.finding import by_columns, by_company, endpoints_with, with_text
from tollgate.store.queries.number_blocks import free_numbers
from tollgate.ui.columns import Column, Kind
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Filter, Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is, worded

MOST_TRIED = 128
KINDS = (("ip", "IP address"), ("sip_user", "SIP user"))


def shown(endpoint: Endpoint) -> str:
    """The user name, or the address without the length of a network of one."""
    return endpoint.username or str(endpoint.network).removesuffix("/32").removesuffix("/128")


def _direction(endpoint: Endpoint) -> str:
    """Where calls go: from it to us, from us to it, or both."""
    if endpoint.kind == "sip_user" or (endpoint.sends_calls and endpoint.extensions):
        return "Sends and receives"
    return "Sends" if endpoint.sends_calls else "Receives"


COLUMNS = (
    Column("identity", "Address or user", value=shown, link=link("panel:endpoint", lambda row: row.pk)),
    Column("name", "Name", sort="name"),
    Column(
        "customer",
        "Company",
        value="customer.name",
        sort="customer__name",
        link=link("panel:customer_auth", lambda row: row.customer_id),
    ),
    Column("kind", "Kind", value=lambda row: dict(KINDS)[row.kind], kind=Kind.BADGE, sort="kind"),
    Column("direction", "Direction", value=_direction, says=True),
    Column("tech_prefix", "Tech prefix", sort="tech_prefix"),
    Column("extensions", "Extensions", value=lambda row: row.extensions or None),
    Column(
        "told_apart",
        "CLI authentication",
        value=lambda row: "Yes" if row.cli_authentication else None,
        hidden=True,
        says=True,
    ),
    Column("rewrites", "Rewrites", value=lambda row: len(row.rewrites), kind=Kind.COUNT, hidden=True),
    Column(
        "presents_pins", "Presents PINs", value=lambda row: "Yes" if row.presents_pins else None, hidden=True, says=True
    ),
    channels_column(),
    cps_column(),
    enabled_column(),
)
LIST = Grid(
    name="endpoints",
    columns=COLUMNS,
    filters=(
        Filter("customer", "Company", "customer__name__icontains", suggest=suggested("customer")),
        Filter("kind", "Kind", "kind", choices=KINDS),
    ),
    sort="customer__name",
    ticks=True,
    empty_text="No endpoints yet. An endpoint is an address or a SIP user: open a customer and add one there.",
    empty_url="/customers/",
    empty_action="Choose a customer",
)
COMMON = ("name", "channels", "cps_milli", "rewrites", "enabled")
CALLED = ("extensions", "delivery_host", "delivery_port", "delivery_transport")
OWN = {
    "ip": (*COMMON, "tech_prefix", "sends_calls", "cli_authentication", "presents_pins", "shared", *CALLED),
    "sip_user": (*COMMON, "allowed_networks", "shared"),
}


@reading
def endpoints(request: HttpRequest) -> HttpResponseBase:
    """Every customer's endpoints."""
    grid, source = listed(request, request.GET.dict())
    way = crumbs(("Selling", ""))
    return respond(request, grid, source, template="panel/endpoints.html", title="Endpoints", breadcrumbs=way)


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del parameters
    owned = served_rows(request, naming_customers(Endpoint.objects.all()))
    return LIST, QuerysetSource(
        queryset=owned,
        search=cache(endpoints_with),
        meanings={**by_company(), **by_columns("endpoint", "tech_prefix", "kind")},
        narrow=True,
        walked=by_customer(request),
    )


def at_customer(request: HttpRequest, customer: Customer) -> tuple[Grid, QuerysetSource]:
    """Those of one customer, for its page."""
    empty = "No endpoints yet: this customer cannot call. Add its IP address or a SIP user."
    return narrowed(
        listed(request, {}),
        customer,
        search=cache(partial(with_text, "endpoint")),
        sort="kind",
        empty_text=empty if customer.deleted_at is None else "No endpoints.",
    )


@writing("create_ip_endpoint", shown_to_all=False)
def new_ip(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """New addresses of a customer."""
    customer = _customer(request, customer_id)
    form = NewIpForm(posted(request), numbers_url=_numbers_url(customer))
    if form.is_valid():
        networks = form.cleaned_data["network"]
        given = {"customer_id": customer.pk, **changes(form)}
        if request.POST.get("save") != "delay":
            done: object = saved(request, form, _add, **given)
        elif len(networks) == 1:
            done = saved(request, form, create_ip_endpoint, **{**given, "network": networks[0]})
        else:
            done = form.add_error("network", "Put off one address at a time.")
        if done is not None:
            words = f"{', '.join(networks)} {'is' if len(networks) == 1 else 'are'} added."
            return after_save(request, words, form_url=request.path, done_url=_list(customer))
    return _form_page(request, form, customer, title="New IP endpoint")


def _add(*, customer_id: int, network: list[str], **fields: Any) -> list[Endpoint]:
    """One act for one address, one for several; what is wrong is told at the form's one field."""
    if len(network) == 1:
        return [create_ip_endpoint(customer_id=customer_id, network=network[0], **fields)]
    try:
        return create_ip_endpoints(customer_id=customer_id, networks=network, **fields)
    except Invalid as problem:
        errors = {"network" if name == "networks" else name: words for name, words in problem.errors.items()}
        raise Invalid(errors) from None


@writing("create_sip_user", shown_to_all=False)
def new_sip_user(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """A new SIP user of a customer."""
    customer = _customer(request, customer_id)
    free = free_numbers(list(NumberBlock.objects.filter(customer=customer)))
    form = NewSipUserForm(posted(request), numbers_url=_numbers_url(customer), free=free[0] if free else None)
    if form.is_valid():
        done = saved(request, form, create_sip_user, customer_id=customer.pk, **changes(form))
        if done is not None:
            return after_save(request, f"{done.username} is added.", form_url=request.path, done_url=_list(customer))
    return _form_page(request, form, customer, title="New SIP user")


@reading
def numbers(request: HttpRequest, customer_id: int) -> JsonResponse:
    """The page of a customer's numbers that holds `first`, used and free (JSON)."""
    customer = _customer(request, customer_id)
    blocks = list(NumberBlock.objects.filter(customer=customer).order_by("first"))
    text = request.GET.get("first", "")
    first = int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else 0
    shown_block = next((block for block in blocks if first <= block.last), blocks[-1] if blocks else None)
    found = number_queries.numbers(shown_block, around=first) if shown_block is not None else ()
    return JsonResponse(
        {
            "blocks": [{"first": block.first, "last": block.last} for block in blocks],
            "numbers": [{"number": number.number, "used": number.used} for number in found],
            "free": list(free_numbers(blocks, 10)),
        }
    )


@writing("update_endpoint")
def edit_endpoint(request: HttpRequest, endpoint_id: int) -> HttpResponseBase:
    """One endpoint."""
    endpoint = _endpoint(request, endpoint_id)
    is_ip = endpoint.kind == "ip"
    start = initial(endpoint, OWN[endpoint.kind]) | ({"network": shown(endpoint)} if is_ip else {})
    form: HouseForm = (
        ChangedIpForm(posted(request), initial=start, numbers_url=_numbers_url(endpoint.customer))
        if is_ip
        else ChangedSipUserForm(posted(request), initial=start)
    )
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_endpoint, endpoint_id=endpoint.pk, version=version, **changes(form))
        if done is not None:
            words, back = f"{shown(done)} is saved.", _list(endpoint.customer)
            return after_save(request, words, form_url=request.path, done_url=back)
    return _form_page(
        request,
        form,
        endpoint.customer,
        title=as_is(shown(endpoint)),
        endpoint=endpoint,
        read_only=endpoint.customer.deleted_at is not None or not may(request, "update_endpoint"),
    )


@reading
def try_rewrites(request: HttpRequest) -> HttpResponseBase:
    """What becomes of two numbers by the rows of the form, saved or not."""
    context: dict[str, Any] = {"asked": False}
    cld, cli = (request.GET.get(name, "").strip()[:MOST_TRIED] for name in ("try_cld", "try_cli"))
    rows = RewritesWidget().value_from_datadict(request.GET, {}, "rewrites")
    try:
        known = rewrites.parse(rows)
    except rewrites.RewriteInvalid as problem:
        context["problem"] = str(problem)
    else:
        done = rewrites.apply(known, cli=cli, cld=cld)
        steps = {step.target: step for step in done.steps}
        tried = (("cld", "Number dialed", cld, done.cld), ("cli", "Caller's number", cli, done.cli))
        context["tried"] = [(words, was, now, steps.get(name)) for name, words, was, now in tried if was]
        context["hints"] = hints(known)
    return render(request, "panel/rewrites_tried.html", context)


@writing("set_sip_password", shown_to_all=False)
def new_password(request: HttpRequest, endpoint_id: int) -> HttpResponseBase:
    """A new password of a SIP user."""
    endpoint = _endpoint(request, endpoint_id)
    page = reverse("panel:endpoint", args=[endpoint.pk])
    form = PasswordForm(posted(request), initial={"realm": endpoint.realm or REALM})
    if form.is_valid():
        done = saved(request, form, set_sip_password, endpoint_id=endpoint.pk, **changes(form))
        if done is not None:
            return after_save(request, "The new password holds from now on.", form_url=request.path, done_url=page)
    return render_form(
        request,
        form,
        template="panel/form.html",
        title=worded("New password of {username}", username=endpoint.username),
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
    elif press(request, delete_endpoint, removed(request, shown(endpoint)), endpoint_id=endpoint.pk):
        return redirect(_list(endpoint.customer))
    return redirect("panel:endpoint", endpoint.pk)


def _form_page(
    request: HttpRequest, form: HouseForm, customer: Customer, *, title: str, **context: object
) -> HttpResponseBase:
    return render_form(
        request,
        form,
        template="panel/endpoint.html",
        title=title,
        breadcrumbs=_way(customer),
        back_url=_list(customer),
        **context,
    )


def _customer(request: HttpRequest, customer_id: int) -> Customer:
    return get_object_or_404(own_customers(request), pk=customer_id, deleted_at=None)


def _endpoint(request: HttpRequest, endpoint_id: int) -> Endpoint:
    found = Endpoint.objects.select_related("customer").filter(customer__in=own_customers(request))
    return get_object_or_404(found, pk=endpoint_id)


def _numbers_url(customer: Customer) -> str:
    return reverse("panel:endpoint_numbers", args=[customer.pk])


def _list(customer: Customer) -> str:
    return reverse("panel:customer_auth", args=[customer.pk])


def _way(customer: Customer) -> list[Any]:
    return crumbs(("Selling", ""), ("Customers", reverse("panel:customers")), (as_is(customer.name), _list(customer)))


urlpatterns = [
    path("endpoints/", endpoints, name="endpoints"),
    path("customers/<int:customer_id>/endpoints/new-ip/", new_ip, name="endpoint_new_ip"),
    path("customers/<int:customer_id>/endpoints/new-sip-user/", new_sip_user, name="endpoint_new_sip_user"),
    path("customers/<int:customer_id>/endpoints/numbers.json", numbers, name="endpoint_numbers"),
    path("endpoints/try-rewrites/", try_rewrites, name="endpoint_try_rewrites"),
    path("endpoints/<int:endpoint_id>/", edit_endpoint, name="endpoint"),
    path("endpoints/<int:endpoint_id>/password/", new_password, name="endpoint_password"),
    path("endpoints/<int:endpoint_id>/delete/", remove_endpoint, name="endpoint_delete"),
]
