"""Conference rooms: extensions whose calls go to the operator's conference server.

A customer's own are a part of its page Auth (customer_pages.py), drawn by `of_customer`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse

from tollgate.actions.callee_addresses import OURS
from tollgate.actions.conferences import (
    MOST_NUMBER,
    create_conference_room,
    delete_conference_room,
    update_conference_room,
)
from tollgate.panel.access import may, own_customers, reach, reading, writing
from tollgate.panel.cells import enabled_column, limit, link
from tollgate.panel.deleted_records import removed
from tollgate.panel.fields import ChannelsField
from tollgate.panel.frame import crumbs
from tollgate.panel.of_customer import narrowed
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.panel.suggestions import suggested
from tollgate.store.models import ConferenceRoom, Customer, NumberBlock, Wallet
from tollgate.store.queries.finding import by_company
from tollgate.store.queries.number_blocks import free_numbers
from tollgate.ui.columns import Column, Kind
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Filter, Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is

COLUMNS = (
    Column("name", "Room", sort="name", link=link("panel:conference_room", lambda row: row.pk)),
    Column(
        "customer",
        "Company",
        value="customer.name",
        sort="customer__name",
        link=link("panel:customer_auth", lambda row: row.customer_id),
    ),
    Column("extension", "Extension", sort="extension"),
    Column("people", "In it now", value="people_count", kind=Kind.COUNT),
    Column("channels", "At most", value=lambda row: limit(row.channels), sort="channels", says=True, right=True),
    Column("server", "Conference server", value=lambda row: f"{row.host}:{row.port}", sort="host"),
    Column("transport", "Transport", value=lambda row: row.transport.upper(), hidden=True),
    Column("shared", "Shared", value=lambda row: "Yes" if row.shared else "No", hidden=True, says=True),
    enabled_column(),
)
LIST = Grid(
    name="conference_rooms",
    columns=COLUMNS,
    filters=(Filter("customer", "Company", "customer__name__icontains", suggest=suggested("customer")),),
    sort="customer__name",
    ticks=True,
    empty_text="No conference rooms yet. A room belongs to a customer: open one and add a room on its page Auth.",
    empty_url="/customers/",
    empty_action="Choose a customer",
)
OF_RESELLER = replace(LIST, empty_text="No conference rooms. Ask for one where you buy.", empty_url="", empty_action="")
FIELDS = ("name", "extension", "host", "port", "transport", "channels", "shared", "enabled")


class RoomForm(HouseForm):
    """A number, the server behind it, and how many may be in it. `numbers_url` tells the customer's numbers."""

    widths = {"name": 6, "extension": 6, "host": 6, "port": 3, "transport": 3, "shared": 12, "enabled": 12}
    name = forms.CharField(max_length=200, help_text="Such as Weekly meeting")
    extension = forms.IntegerField(
        min_value=0,
        max_value=MOST_NUMBER,
        help_text="What is dialed to enter",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    host = forms.CharField(
        max_length=255,
        label="Conference server",
        help_text="An IP address or a host name. It is called with the extension as the user",
    )
    port = forms.IntegerField(min_value=1, max_value=65_535, required=False, help_text="Empty: 5060, and 5061 by TLS")
    transport = forms.ChoiceField(choices=(("udp", "UDP"), ("tcp", "TCP"), ("tls", "TLS")))
    channels = ChannelsField(label="People at most", help_text="0 = no limit. One more hears busy (486)")
    shared = forms.BooleanField(required=False, label="Customers besides its own may call it as a local call")
    enabled = forms.BooleanField(required=False, initial=True)

    def __init__(self, *arguments: Any, numbers_url: str, free: int | None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if free is not None:
            field = self.fields["extension"]
            field.help_text = "A free number of the customer's blocks"
            field.initial = str(free)
            field.widget.attrs |= {"data-numbers": numbers_url, "data-width": "12"}


class ChangedRoomForm(RoomForm):
    """With the version that was opened."""

    versioned = True


def at_customer(request: HttpRequest, customer: Customer) -> tuple[Grid, QuerysetSource]:
    """The rooms of one customer, for its page Auth."""
    empty = "No conference rooms. Your conference server mixes the voices; a room says at which extension."
    rooms = _with_people(ConferenceRoom.objects.filter(customer=customer))
    grid, source = narrowed(listed(request, {}), customer, prefix="rooms.", sort="name", page_size=25, empty_text=empty)
    return grid, replace(source, queryset=rooms)


def may_add(request: HttpRequest) -> bool:
    """Whether somebody may add a room: a reseller's user may never say where its calls go."""
    return may(request, "create_conference_room") and reach(request) is None


@reading
def conference_rooms(request: HttpRequest) -> HttpResponseBase:
    """Every customer's rooms."""
    grid, source = listed(request, request.GET.dict())
    words, way = "Conference rooms", crumbs(("Selling", ""))
    return respond(request, grid, source, template="panel/conference_rooms.html", title=words, breadcrumbs=way)


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del parameters
    found = ConferenceRoom.objects.filter(customer__in=own_customers(request).filter(deleted_at=None))
    rooms = _with_people(found).select_related("customer")
    search = ("name__icontains", "host__icontains", "customer__name__icontains")
    source = QuerysetSource(queryset=rooms, search=search, meanings=by_company())
    return LIST if reach(request) is None else OF_RESELLER, source


@writing("create_conference_room", shown_to_all=False)
def new_room(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """A new room of a customer."""
    if not may_add(request):
        raise PermissionDenied(OURS)
    customer = get_object_or_404(own_customers(request), pk=customer_id, deleted_at=None)
    form = RoomForm(posted(request), **_picker(customer))
    if form.is_valid():
        done = saved(request, form, create_conference_room, customer_id=customer.pk, **changes(form))
        if done is not None:
            return after_save(request, f"{done.name} is added.", form_url=request.path, done_url=_list(customer))
    return _form_page(request, form, customer, title="New conference room")


@writing("update_conference_room")
def edit_room(request: HttpRequest, conference_room_id: int) -> HttpResponseBase:
    """One room."""
    room = _room(request, conference_room_id)
    form = ChangedRoomForm(posted(request), initial=initial(room, FIELDS), **_picker(room.customer))
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(
            request, form, update_conference_room, conference_room_id=room.pk, version=version, **changes(form)
        )
        if done is not None:
            return after_save(request, f"{done.name} is saved.", form_url=request.path, done_url=_list(room.customer))
    read_only = room.customer.deleted_at is not None or not may(request, "update_conference_room")
    return _form_page(
        request,
        form,
        room.customer,
        title=as_is(room.name),
        room=room,
        can_stay=True,
        read_only=read_only,
    )


@writing("delete_conference_room", shown_to_all=False)
def remove_room(request: HttpRequest, conference_room_id: int) -> HttpResponseBase:
    """Removes one room; its CDRs stay."""
    room = _room(request, conference_room_id)
    if request.POST.get("confirmation") != room.name:
        messages.error(request, f"Type {room.name} to remove this room.")
    elif press(request, delete_conference_room, removed(request, room.name), conference_room_id=room.pk):
        return redirect(_list(room.customer))
    return redirect("panel:conference_room", room.pk)


def _with_people(rooms: QuerySet[ConferenceRoom]) -> QuerySet[Any]:
    """Rooms with `people_count`, how many calls are in each."""
    meters = Wallet.objects.filter(
        account_id=OuterRef("account_id"), kind="conference_room", owner_id=OuterRef("pk")
    ).values("channels")
    return rooms.annotate(people_count=Subquery(meters))


def _picker(customer: Customer) -> dict[str, Any]:
    free = free_numbers(list(NumberBlock.objects.filter(customer=customer)))
    return {
        "numbers_url": reverse("panel:endpoint_numbers", args=[customer.pk]),
        "free": free[0] if free else None,
    }


def _form_page(
    request: HttpRequest, form: HouseForm, customer: Customer, *, title: str, **context: object
) -> HttpResponseBase:
    way = crumbs(("Selling", ""), ("Customers", reverse("panel:customers")), (as_is(customer.name), _list(customer)))
    return render_form(
        request,
        form,
        template="panel/conference_room.html",
        title=title,
        breadcrumbs=way,
        back_url=_list(customer),
        **context,
    )


def _room(request: HttpRequest, room_id: int) -> ConferenceRoom:
    found = ConferenceRoom.objects.select_related("customer").filter(customer__in=own_customers(request))
    return get_object_or_404(found, pk=room_id)


def _list(customer: Customer) -> str:
    return reverse("panel:customer_auth", args=[customer.pk])


urlpatterns = [
    path("conference-rooms/", conference_rooms, name="conference_rooms"),
    path("conference-rooms/<int:conference_room_id>/", edit_room, name="conference_room"),
    path("conference-rooms/<int:conference_room_id>/delete/", remove_room, name="conference_room_delete"),
    path("customers/<int:customer_id>/conference-rooms/new/", new_room, name="conference_room_new"),
]
