"""Groups of users: the areas their members may read and the acts they may do."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse

from tollgate.actions.users import create_user_group, delete_user_group, update_user_group
from tollgate.core.areas import AREAS, EVERY_AREA
from tollgate.panel.access import may, reading, writing
from tollgate.panel.cells import link
from tollgate.panel.fields import words
from tollgate.panel.frame import crumbs
from tollgate.panel.rights_field import RightsField
from tollgate.panel.saving import after_save, posted, press, saved
from tollgate.store.models import UserGroup
from tollgate.store.models.users import EVERY_ACT
from tollgate.ui.columns import Column, Kind
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import worded


def _reads(group: Any) -> str:
    if EVERY_AREA in group.areas:
        return "everything"
    return ", ".join(AREAS[area].title for area in group.areas if area in AREAS) or "nothing"


def _rights(group: Any) -> str:
    if EVERY_ACT in group.acts:
        return "everything"
    return ", ".join(words(act) for act in group.acts) or "nothing"


LIST = Grid(
    name="groups",
    columns=(
        Column("name", "Group", sort="name", link=link("panel:group", lambda row: row.pk)),
        Column("reads", "Reads", value=_reads),
        Column("rights", "May do", value=_rights),
        Column("members", "Members", value="member_count", kind=Kind.COUNT, sort="member_count"),
    ),
    sort="name",
    ticks=True,
    searchable=False,
    empty_text="No groups yet. A group gives its members rights.",
    empty_url="/groups/new/",
    empty_action="Add a group",
)


class GroupForm(HouseForm):
    """A name, what members may read and what they may do."""

    widths = {"name": 6, "second_factor": 12, "acts": 12}
    name = forms.CharField(max_length=100)
    second_factor = forms.BooleanField(required=False, label="Members need a second factor")
    acts = RightsField(label="Members may", required=False, help_text="What is not ticked is refused")


class ChangedGroupForm(GroupForm):
    """With the version that was opened."""

    versioned = True


@reading
def groups(request: HttpRequest) -> HttpResponseBase:
    """The list."""
    grid, source = listed(request, request.GET.dict())
    way = crumbs(("System", ""))
    return respond(request, grid, source, template="panel/groups.html", title="Groups", breadcrumbs=way)


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del request, parameters
    return LIST, QuerysetSource(queryset=UserGroup.objects.annotate(member_count=Count("users")))


@writing("create_user_group", shown_to_all=False)
def new_group(request: HttpRequest) -> HttpResponseBase:
    """A new group."""
    form = GroupForm(posted(request))
    if form.is_valid():
        done = saved(request, form, create_user_group, **_given(form))
        if done is not None:
            return after_save(request, f"{done} is created.", form_url=request.path, done_url=reverse("panel:groups"))
    return render_form(
        request,
        form,
        template="panel/form.html",
        title="New group",
        breadcrumbs=_way(),
        back_url=reverse("panel:groups"),
        save_title="Create",
    )


@writing("update_user_group")
def edit_group(request: HttpRequest, group_id: int) -> HttpResponseBase:
    """One group."""
    group = get_object_or_404(UserGroup, pk=group_id)
    start = {"name": group.name, "acts": (group.acts, group.areas), "version": group.version}
    start["second_factor"] = group.second_factor
    form = ChangedGroupForm(posted(request), initial=start)
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_user_group, group_id=group.pk, version=version, **_given(form))
        if done is not None:
            return after_save(request, f"{done} is saved.", form_url=request.path, done_url=reverse("panel:groups"))
    return render_form(
        request,
        form,
        template="panel/group.html",
        title=worded("Group {name}", name=group.name),
        breadcrumbs=_way(),
        back_url=reverse("panel:groups"),
        can_stay=True,
        group=group,
        read_only=not may(request, "update_user_group"),
    )


@writing("delete_user_group", shown_to_all=False)
def remove_group(request: HttpRequest, group_id: int) -> HttpResponseBase:
    """Removes one group that nobody is in."""
    group = get_object_or_404(UserGroup, pk=group_id)
    if request.POST.get("confirmation") != group.name:
        messages.error(request, f"Type {group.name} to remove this group.")
    elif press(request, delete_user_group, f"{group.name} is removed.", group_id=group.pk):
        return redirect("panel:groups")
    return redirect("panel:group", group.pk)


def _given(form: HouseForm) -> dict[str, Any]:
    acts, areas = form.cleaned_data["acts"]
    given = form.cleaned_data
    return {"name": given["name"], "second_factor": given["second_factor"], "acts": acts, "areas": areas}


def _way() -> list[Any]:
    return crumbs(("System", ""), ("Groups", reverse("panel:groups")))


urlpatterns = [
    path("groups/", groups, name="groups"),
    path("groups/new/", new_group, name="group_new"),
    path("groups/<int:group_id>/", edit_group, name="group"),
    path("groups/<int:group_id>/delete/", remove_group, name="group_delete"),
]
