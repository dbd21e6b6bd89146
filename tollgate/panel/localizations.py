"""Localizations: how customers write numbers, with a tester of what becomes of one."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse

from tollgate.actions.localizations import SWAPS, create_localization, delete_localization, update_localization
from tollgate.core import localization as rules
from tollgate.panel.access import may, own_account, reading, writing
from tollgate.panel.cells import link
from tollgate.panel.deleted_records import removed
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.store.models import Localization
from tollgate.ui.columns import Column
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is

WORDS = {
    "originate_cli_in": "CLI as it comes in",
    "originate_cli_out": "CLI as it goes on",
    "originate_cld": "Number dialed",
    "terminate_cli_in": "CLI as it comes in",
    "terminate_cli_out": "CLI as the phone shows it",
    "terminate_cld": "Number dialed",
}
LIST = Grid(
    name="localizations",
    columns=(
        Column("name", "Localization", sort="name", link=link("panel:localization", lambda row: row.pk)),
        Column("originate_cld", "Numbers it dials"),
        Column("originate_cli_in", "CLIs it shows"),
        Column("terminate_cld", "Numbers it is dialed by"),
        Column("terminate_cli_out", "CLIs it is shown"),
    ),
    sort="name",
    ticks=True,
    empty_text="No localizations yet. A localization swaps prefixes, so that a customer may dial 0612 for 37061 2.",
    empty_url="/localizations/new/",
    empty_action="Add a localization",
)
FIELDS = ("name", *SWAPS)


def _swaps(name: str) -> forms.CharField:
    return forms.CharField(max_length=1000, required=False, label=WORDS[name])


class LocalizationForm(HouseForm):
    """Six lists of swaps."""

    tabs = [
        ("Calls it makes", ["name", *SWAPS[:3]]),
        ("Calls to its phones", list(SWAPS[3:])),
    ]
    widths = {"name": 12}
    name = forms.CharField(
        max_length=100,
        help_text="Swaps are written from/to and divided by commas, such as 00/*, 0/370: the first that fits counts. "
        "* in front of the slash is any number, behind it nothing. What starts with ^ is an expression, and $1 behind "
        "the slash what its first group matched, such as ^8(\\d{8})$/370$1",
    )
    originate_cli_in, originate_cli_out, originate_cld = _swaps(SWAPS[0]), _swaps(SWAPS[1]), _swaps(SWAPS[2])
    terminate_cli_in, terminate_cli_out, terminate_cld = _swaps(SWAPS[3]), _swaps(SWAPS[4]), _swaps(SWAPS[5])


class ChangedLocalizationForm(LocalizationForm):
    """The same with the version that was opened."""

    versioned = True


@reading
def localizations(request: HttpRequest) -> HttpResponseBase:
    """Every localization."""
    grid, source = listed(request, request.GET.dict())
    way = crumbs(("Selling", ""))
    return respond(request, grid, source, template="panel/localizations.html", title="Localizations", breadcrumbs=way)


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del parameters
    found = Localization.objects.filter(account=own_account(request))
    return LIST, QuerysetSource(queryset=found, search=("name__icontains",))


@writing("create_localization", shown_to_all=False)
def new_localization(request: HttpRequest) -> HttpResponseBase:
    """A new localization."""
    form = LocalizationForm(posted(request))
    page = reverse("panel:localizations")
    if form.is_valid():
        done = saved(request, form, create_localization, account_id=own_account(request).pk, **changes(form))
        if done is not None:
            return after_save(request, f"{done.name} is created.", form_url=request.path, done_url=page)
    return render_form(
        request,
        form,
        template="panel/localization.html",
        title="New localization",
        breadcrumbs=crumbs(("Selling", ""), ("Localizations", page)),
        back_url=page,
        save_title="Create",
        can_stay=True,
    )


@writing("update_localization")
def edit_localization(request: HttpRequest, localization_id: int) -> HttpResponseBase:
    """One localization."""
    found = _localization(request, localization_id)
    form = ChangedLocalizationForm(posted(request), initial=initial(found, FIELDS))
    page = reverse("panel:localizations")
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_localization, localization_id=found.pk, version=version, **changes(form))
        if done is not None:
            return after_save(request, f"{done.name} is saved.", form_url=request.path, done_url=page)
    return render_form(
        request,
        form,
        template="panel/localization.html",
        title=as_is(found.name),
        breadcrumbs=crumbs(("Selling", ""), ("Localizations", page)),
        back_url=page,
        can_stay=True,
        read_only=not may(request, "update_localization"),
        localization=found,
    )


@reading
def try_localization(request: HttpRequest) -> HttpResponseBase:
    """What becomes of a number by the swaps as they stand in the form, saved or not."""
    number = request.GET.get("number", "").strip()[:40]
    return render(request, "panel/localization_tried.html", {"tried": list(_tried(request, number)) if number else []})


def _tried(request: HttpRequest, number: str) -> Any:
    """For each list: its side, its words, and the number after it or what is wrong with the list."""
    for name in SWAPS:
        side = "Calls it makes" if name.startswith("originate") else "Calls to its phones"
        try:
            result, wrong = rules.swapped(rules.parse(request.GET.get(name, "")), number), ""
        except rules.LocalizationInvalid as problem:
            result, wrong = "", str(problem)
        yield side, WORDS[name], result, wrong, result != number


@writing("delete_localization", shown_to_all=False)
def remove_localization(request: HttpRequest, localization_id: int) -> HttpResponseBase:
    """Removes a localization that nobody uses."""
    found = _localization(request, localization_id)
    if request.POST.get("confirmation") != found.name:
        messages.error(request, f"Type {found.name} to remove this localization.")
    elif press(request, delete_localization, removed(request, found.name), localization_id=found.pk):
        return redirect("panel:localizations")
    return redirect("panel:localization", found.pk)


def _localization(request: HttpRequest, localization_id: int) -> Localization:
    return get_object_or_404(Localization, pk=localization_id, account=own_account(request))


urlpatterns = [
    path("localizations/", localizations, name="localizations"),
    path("localizations/new/", new_localization, name="localization_new"),
    path("localizations/try/", try_localization, name="localization_try"),
    path("localizations/<int:localization_id>/", edit_localization, name="localization"),
    path("localizations/<int:localization_id>/delete/", remove_localization, name="localization_delete"),
]
