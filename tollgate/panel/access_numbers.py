"""Access numbers: what holders of calling cards dial first. PINs of customers are in pins.py."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse

from tollgate.actions.access_numbers import (
    MOST_WRONG,
    create_access_number,
    delete_access_number,
    forget_wrong_pins,
    update_access_number,
)
from tollgate.core.pins import ALL_MOST, ALL_WITHIN, CALLER_MOST, CALLER_WITHIN
from tollgate.panel.access import may, own_account, reading, writing
from tollgate.panel.cells import enabled_column, link
from tollgate.panel.deleted_records import removed
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.store.models import AccessNumber
from tollgate.ui.columns import Column, Kind
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is

MOST_SHOWN = 50
FIELDS = ("number", "name", "wrong_most", "enabled")
LIST = Grid(
    name="access_numbers",
    columns=(
        Column("number", "Access number", sort="number", link=link("panel:access_number", lambda row: row.pk)),
        Column("name", "Name", sort="name"),
        Column("pins", "PINs of its own", value="pins_count", kind=Kind.COUNT),
        Column("wrong_most", "Wrong PINs an hour", kind=Kind.NUMBER, sort="wrong_most"),
        Column("waiting", "Callers that wait", value="waiting_count", kind=Kind.COUNT),
        enabled_column(),
    ),
    sort="number",
    ticks=True,
    empty_text="No access numbers yet. Holders of calling cards dial one, then their PIN, then whom they call.",
    empty_url="/access-numbers/new/",
    empty_action="Add an access number",
)


class AccessNumberForm(HouseForm):
    """A number and how much guessing it stands."""

    widths = {"number": 4, "name": 8, "wrong_most": 4, "enabled": 8}
    number = forms.CharField(max_length=32, label="Access number", help_text="As your switch presents it")
    name = forms.CharField(max_length=100, required=False, help_text="Such as Vilnius, local")
    wrong_most = forms.IntegerField(
        min_value=CALLER_MOST,
        max_value=MOST_WRONG,
        initial=ALL_MOST,
        label="Wrong PINs an hour",
        help_text=f"Of all callers; then PINs wait. A caller has {CALLER_MOST} in 15 minutes",
    )
    enabled = forms.BooleanField(required=False, initial=True, label="PINs are taken here")


class ChangedAccessNumberForm(AccessNumberForm):
    """The same with the version that was opened."""

    versioned = True


@reading
def access_numbers(request: HttpRequest) -> HttpResponseBase:
    """Every access number."""
    grid, source = listed(request, request.GET.dict())
    way = crumbs(("Selling", ""))
    page = "panel/access_numbers.html"
    return respond(request, grid, source, template=page, title="Access numbers", breadcrumbs=way)


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del parameters
    lately = Q(tries__full=True, tries__since_at__gt=datetime.now(UTC) - CALLER_WITHIN)
    waiting = Count("tries", filter=lately & ~Q(tries__caller="*"), distinct=True)
    found = AccessNumber.objects.filter(account=own_account(request))
    counted = found.annotate(pins_count=Count("pins", distinct=True), waiting_count=waiting)
    return LIST, QuerysetSource(queryset=counted, search=("number__contains", "name__icontains"))


@writing("create_access_number", shown_to_all=False)
def new_access_number(request: HttpRequest) -> HttpResponseBase:
    """A new access number."""
    form = AccessNumberForm(posted(request))
    page = reverse("panel:access_numbers")
    if form.is_valid():
        done = saved(request, form, create_access_number, account_id=own_account(request).pk, **changes(form))
        if done is not None:
            return after_save(request, f"{done.number} is added.", form_url=request.path, done_url=page)
    way = crumbs(("Selling", ""), ("Access numbers", page))
    return render_form(
        request, form, title="New access number", breadcrumbs=way, back_url=page, save_title="Create", can_stay=True
    )


@writing("update_access_number")
def edit_access_number(request: HttpRequest, access_number_id: int) -> HttpResponseBase:
    """One access number."""
    found = _access_number(request, access_number_id)
    form = ChangedAccessNumberForm(posted(request), initial=initial(found, FIELDS))
    page = reverse("panel:access_numbers")
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_access_number, access_number_id=found.pk, version=version, **changes(form))
        if done is not None:
            return after_save(request, f"{done.number} is saved.", form_url=request.path, done_url=page)
    return render_form(
        request,
        form,
        template="panel/access_number.html",
        title=as_is(found.number),
        breadcrumbs=crumbs(("Selling", ""), ("Access numbers", page)),
        back_url=page,
        can_stay=True,
        read_only=not may(request, "update_access_number"),
        access_number=found,
        waiting=_waiting(found),
    )


def _waiting(found: AccessNumber) -> list[Any]:
    """Whom wrong PINs make wait now, newest first."""
    at = datetime.now(UTC)
    waits = Q(caller="*", since_at__gt=at - ALL_WITHIN) | ~Q(caller="*") & Q(since_at__gt=at - CALLER_WITHIN)
    return list(found.tries.filter(waits, full=True).order_by("-since_at")[:MOST_SHOWN])


@writing("forget_wrong_pins", shown_to_all=False)
def let_try(request: HttpRequest, access_number_id: int) -> HttpResponseBase:
    """Lets everybody try again at once."""
    found = _access_number(request, access_number_id)
    if request.method == "POST":
        words = f"PINs are taken again at {found.number} from everybody."
        press(request, forget_wrong_pins, words, access_number_id=found.pk)
    return redirect("panel:access_number", found.pk)


@writing("delete_access_number", shown_to_all=False)
def remove_access_number(request: HttpRequest, access_number_id: int) -> HttpResponseBase:
    """Removes an access number without PINs of its own."""
    found = _access_number(request, access_number_id)
    if request.POST.get("confirmation") != found.number:
        messages.error(request, f"Type {found.number} to remove this access number.")
    elif press(request, delete_access_number, removed(request, found.number), access_number_id=found.pk):
        return redirect("panel:access_numbers")
    return redirect("panel:access_number", found.pk)


def _access_number(request: HttpRequest, access_number_id: int) -> AccessNumber:
    return get_object_or_404(AccessNumber, pk=access_number_id, account=own_account(request))


urlpatterns = [
    path("access-numbers/", access_numbers, name="access_numbers"),
    path("access-numbers/new/", new_access_number, name="access_number_new"),
    path("access-numbers/<int:access_number_id>/", edit_access_number, name="access_number"),
    path("access-numbers/<int:access_number_id>/try-again/", let_try, name="access_number_try_again"),
    path("access-numbers/<int:access_number_id>/delete/", remove_access_number, name="access_number_delete"),
]
