"""DIDs: numbers that carriers bring calls to, of all customers and in the inventory. Their forms are in did_forms.py.

A customer's own are its page DID (customer_pages.py), a carrier's are on its page, both drawn by the grids of here. A
reseller's users see those of its customers, and look at its own, without who brings their calls.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.http import urlencode

from tollgate.actions.dids import HIDDEN, OPERATED, OWN, create_did, delete_did, seen_by, update_did
from tollgate.panel.access import actor, current_user, may, own_account, own_customers, reach, reading, writing
from tollgate.panel.cells import channels_column, clock, cps_column, enabled_column, excerpt, fixed, link
from tollgate.panel.deleted_records import removed
from tollgate.panel.did_forms import (
    ORDER_WORDS,
    PAI_WORDS,
    RECORDING_WORDS,
    ChangedDidForm,
    DidForm,
    NewDidForm,
    ResoldDidForm,
)
from tollgate.panel.did_packages import of_did
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.panel.suggestions import suggested
from tollgate.store.models import Carrier, Customer, Did
from tollgate.store.queries.finding import by_company
from tollgate.ui.columns import Column
from tollgate.ui.forms import render_form
from tollgate.ui.grid import Filter, Grid, Page, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is

OF_STATE: Final = "f.of"
STATES: Final = (("", "All"), ("False", "Assigned"), ("True", "Inventory"))
SEPARATORS: Final = re.compile(r"[\s()+./-]")
"""What people write between the digits of a number."""


def _places(did: Did) -> str | None:
    """Where its calls go, on one line."""
    return ", ".join(did.destinations.split()) or None


def _first_place(did: Did) -> str | None:
    """The first of them, and how many more there are."""
    places = did.destinations.split()
    return f"{places[0]} + {len(places) - 1}" if len(places) > 1 else _places(did)


def _recording(did: Did) -> str | None:
    """Whether its calls are recorded; of the inventory only what was chosen."""
    return None if did.customer_id is None and did.recording == "inherit" else RECORDING_WORDS[did.recording]


def _customer_page(did: Did) -> str | None:
    return reverse("panel:customer_dids", args=[did.customer_id]) if did.customer_id is not None else None


COLUMNS = (
    Column("number", "Number", sort="number", link=link("panel:did", lambda row: row.pk)),
    Column("customer", "Company", value="customer.name", sort="customer__name", link=_customer_page),
    Column(
        "card",
        "Card",
        value="card.name",
        sort="card__name",
        link=link("panel:card", lambda row: row.card_id),
        minor=True,
    ),
    Column(
        "carrier",
        "Carrier",
        value="carrier.name",
        sort="carrier__name",
        link=link("panel:carrier", lambda row: row.carrier_id),
        minor=True,
    ),
    Column(
        "carrier_card",
        "Carrier card",
        value="carrier_card.name",
        sort="carrier_card__name",
        link=link("panel:card", lambda row: row.carrier_card_id),
        minor=True,
    ),
    Column("destinations", "Destinations", value=_first_place, export=_places),
    Column("order", "Order", value=lambda row: ORDER_WORDS[row.order], sort="order", says=True, hidden=True),
    channels_column(),
    replace(cps_column(), hidden=True),
    Column("longest", "Longest call", value=lambda row: clock(row.max_duration_s), hidden=True, right=True),
    Column("recording", "Recording", value=_recording, sort="recording", says=True, minor=True),
    Column(
        "pai_mode",
        "P-Asserted-Identity",
        value=lambda row: PAI_WORDS[row.pai_mode],
        sort="pai_mode",
        says=True,
        hidden=True,
    ),
    enabled_column(),
    Column("public_note", "Public note", hidden=True),
    Column("private_note", "Private note", hidden=True),
)
BOUGHT: Final = frozenset({"carrier", "carrier_card", "private_note"})
"""Columns and filters that a reseller's users do not see."""
LIST = Grid(
    name="dids",
    columns=COLUMNS,
    filters=(
        Filter("of", "Shown", "customer__isnull", choices=STATES[1:], hidden=True),
        Filter("customer", "Company", "customer__name__icontains", suggest=suggested("customer")),
        Filter("carrier", "Carrier", "carrier__name__icontains", suggest=suggested("carrier")),
        Filter("enabled", "State", "enabled", choices=(("True", "Enabled"), ("False", "Disabled"))),
    ),
    sort="number",
    ticks=True,
    empty_text="No DIDs yet. A DID is a number of the public network that a carrier brings calls to.",
    empty_url="/dids/new/",
    empty_action="Add a DID",
)
EMPTY_OF_STATE: Final = {
    "True": "No DIDs in the inventory: each is a customer's.",
    "False": "No customer has a DID yet.",
}
OF_RESELLER = replace(
    LIST,
    columns=tuple(column for column in COLUMNS if column.name not in BOUGHT),
    filters=tuple(found for found in LIST.filters if found.name not in BOUGHT | {"of"}),
    empty_text="No DIDs of your customers. Ask for numbers where you buy.",
    empty_url="",
    empty_action="",
)
OF_CUSTOMER = replace(
    LIST,
    name="customer_dids",
    columns=tuple(column for column in COLUMNS if column.name != "customer"),
    filters=(),
    empty_text="No DIDs: no call comes to this customer from the public network.",
    empty_url="",
    empty_action="",
)
OF_CARRIER = Grid(
    name="carrier_dids",
    columns=fixed(column for column in COLUMNS if column.name not in ("carrier", "private_note", "public_note")),
    sort="number",
    compact=True,
    page_size=15,
    empty_text="No DIDs: calls that this carrier sends are not taken.",
)
FIELDS = (
    "customer_id", "card_id", "carrier_id", "carrier_card_id", "destinations", "order", "channels", "cps_milli",
    "max_duration_s", "recording", "pai_mode", "public_note", "private_note", "enabled",
)  # fmt: skip


@reading
def dids(request: HttpRequest) -> HttpResponseBase:
    """Every number, assigned or in the inventory."""
    grid, source = listed(request, request.GET.dict())
    tabs = []
    if reach(request) is None:
        here = request.GET.get(OF_STATE, "")
        tabs = [(words, f"?{urlencode({OF_STATE: state})}" if state else "?", state == here) for state, words in STATES]
    context = {"title": "DIDs", "breadcrumbs": crumbs(("Selling", "")), "tabs": tabs, "may_add": may_add(request)}
    return respond(request, grid, source, template="panel/dids.html", **context)


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user, for the state of its address."""
    grid = OF_RESELLER
    if reach(request) is not None:
        there = lambda row: None if _is_own(request, row) else _customer_page(row)  # noqa: E731 - its page is not theirs
        columns = [replace(one, link=there) if one.name == "customer" else one for one in grid.columns]
        grid = replace(grid, columns=tuple(columns))
    else:
        empty = EMPTY_OF_STATE.get(parameters.get(OF_STATE, ""))
        grid = replace(LIST, empty_text=empty, empty_url="", empty_action="") if empty else LIST
    return grid, QuerysetSource(queryset=_dids(request), search=_search(request), meanings=by_company())


def of_customer(request: HttpRequest, customer: Customer) -> tuple[Grid, QuerysetSource]:
    """Those of one customer, for its page."""
    grid = OF_CUSTOMER
    if reach(request) is not None:
        grid = replace(grid, columns=tuple(column for column in grid.columns if column.name not in BOUGHT))
    return grid, QuerysetSource(queryset=_dids(request).filter(customer=customer), search=_search(request))


def of_carrier(carrier: Carrier) -> Page:
    """The first of those that a carrier brings calls to, for its page."""
    found = Did.objects.filter(carrier=carrier).select_related("customer", "card", "carrier_card")
    return excerpt(OF_CARRIER, QuerysetSource(queryset=found))


def may_add(request: HttpRequest) -> bool:
    """Whether somebody may add a number: a reseller's users are given theirs."""
    return may(request, "create_did") and reach(request) is None


@writing("create_did", shown_to_all=False)
def new_did(request: HttpRequest) -> HttpResponseBase:
    """A new number, in the inventory or a customer's at once."""
    return _new(request, None)


@writing("create_did", shown_to_all=False)
def new_did_of(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """A new number of one customer."""
    return _new(request, get_object_or_404(own_customers(request), pk=customer_id, deleted_at=None))


@writing("update_did")
def edit_did(request: HttpRequest, did_id: int) -> HttpResponseBase:
    """One number."""
    did = _did(request, did_id)
    held, own = reach(request) is not None, _is_own(request, did)
    if own and request.method == "POST":
        raise PermissionDenied(OWN)
    owner = None if own else did.customer
    start = initial(did, [name for name in FIELDS if not held or name not in OPERATED])
    if not held:
        prices = did.prices.values_list("reseller_id", "card_id")
        start["reseller_cards"] = {str(reseller): card for reseller, card in prices}
    made: type[DidForm] = ResoldDidForm if held else ChangedDidForm
    form = made(posted(request), initial=start, request=request, did=did)
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_did, did_id=did.pk, version=version, **changes(form))
        if done is not None:
            return after_save(request, f"{done.number} is saved.", form_url=request.path, done_url=_list(done.customer))
    return render_form(
        request,
        form,
        template="panel/did.html",
        title=as_is(did.number),
        breadcrumbs=_way(owner),
        back_url=_list(owner),
        can_stay=True,
        did=did,
        may_release=not held and did.customer_id is not None and may(request, "update_did"),
        may_remove=not held and did.customer_id is None and may(request, "delete_did"),
        read_only=own or not may(request, "update_did"),
        packages=None if own else of_did(request, did),
    )


@writing("update_did", shown_to_all=False)
def release_did(request: HttpRequest, did_id: int) -> HttpResponseBase:
    """Takes a number back from its customer into the inventory."""
    did = _did(request, did_id)
    if request.POST.get("confirmation") != did.number:
        messages.error(request, f"Type {did.number} to put this DID back.")
    elif reach(request) is None:
        press(request, update_did, f"{did.number} is in the inventory.", did_id=did.pk, customer_id=None)
    return redirect("panel:did", did.pk)


@writing("delete_did", shown_to_all=False)
def remove_did(request: HttpRequest, did_id: int) -> HttpResponseBase:
    """Removes a number from the inventory; its CDRs stay."""
    did = _did(request, did_id)
    if request.POST.get("confirmation") != did.number:
        messages.error(request, f"Type {did.number} to remove this DID.")
    elif press(request, delete_did, removed(request, did.number), did_id=did.pk):
        return redirect("panel:dids")
    return redirect("panel:did", did.pk)


@reading
def sellers(request: HttpRequest) -> HttpResponseBase:
    """The part of the form about the resellers above the customer that is typed there."""
    if reach(request) is not None:
        raise PermissionDenied("What you pay is decided where you buy.")
    form = DidForm(request.GET, request=request)
    bound = form["reseller_cards"]
    context = bound.field.widget.get_context(bound.html_name, bound.value(), {})
    return render(request, "panel/did_seller_rows.html", context)


def _new(request: HttpRequest, owner: Customer | None) -> HttpResponseBase:
    if not may_add(request):
        raise PermissionDenied("Numbers are given to you where you buy.")
    form = NewDidForm(posted(request), request=request, owner=owner)
    if form.is_valid():
        done = saved(request, form, create_did, account_id=own_account(request).pk, **changes(form))
        if done is not None:
            page = _list(owner)
            return after_save(request, f"{done.number} is added.", form_url=request.path, done_url=page)
    return render_form(
        request,
        form,
        template="panel/did.html",
        title="New DID",
        breadcrumbs=_way(owner),
        back_url=_list(owner),
        save_title="Add",
        can_stay=True,
    )


def _search(request: HttpRequest) -> Any:
    """What a search text means: a part of a number however it is written, of a name, of a place or of a note."""
    held = reach(request) is not None

    def meaning(text: str) -> Q:
        digits = SEPARATORS.sub("", text)
        found = Q(customer__name__icontains=text) | Q(destinations__icontains=text) | Q(public_note__icontains=text)
        if digits.isdecimal():
            found |= Q(number__contains=digits.removeprefix("00"))
        if not held:
            found |= Q(carrier__name__icontains=text) | Q(private_note__icontains=text)
        return found

    return meaning


def _dids(request: HttpRequest) -> QuerySet[Did]:
    """What the user may see: of a reseller's, its own numbers and its customers', without who brings their calls."""
    found = Did.objects.filter(seen_by(actor(request)), account=own_account(request))
    if reach(request) is None:
        return found.select_related("customer", "card", "carrier", "carrier_card")
    return found.select_related("customer", "card").defer(*HIDDEN)


def _is_own(request: HttpRequest, did: Did) -> bool:
    """Whether the reseller that the user works for has the number itself."""
    reseller_id = current_user(request).reseller_id
    return reseller_id is not None and did.customer_id == reseller_id


def _did(request: HttpRequest, did_id: int) -> Did:
    return get_object_or_404(_dids(request), pk=did_id)


def _list(owner: Customer | None) -> str:
    there = owner is not None and owner.deleted_at is None
    return reverse("panel:customer_dids", args=[owner.pk]) if owner and there else reverse("panel:dids")


def _way(owner: Customer | None) -> list[Any]:
    if owner is None or owner.deleted_at is not None:
        return crumbs(("Selling", ""), ("DIDs", reverse("panel:dids")))
    return crumbs(("Selling", ""), ("Customers", reverse("panel:customers")), (as_is(owner.name), _list(owner)))


urlpatterns = [
    path("dids/", dids, name="dids"),
    path("dids/new/", new_did, name="did_new"),
    path("dids/resellers/", sellers, name="did_sellers"),
    path("dids/<int:did_id>/", edit_did, name="did"),
    path("dids/<int:did_id>/release/", release_did, name="did_release"),
    path("dids/<int:did_id>/delete/", remove_did, name="did_delete"),
    path("customers/<int:customer_id>/dids/new/", new_did_of, name="did_new_of"),
]
