"""Groups of users: the acts their members may do. Every member of any group may read."""

from typing import Any

from django import forms
from django.db.models import Count
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import path, reverse

from tollgate.actions.acts import ACTS
from tollgate.actions.users import create_user_group, update_user_group
from tollgate.panel.access import may, reading, writing
from tollgate.panel.cells import link
from tollgate.panel.fields import TicksWidget, words
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, posted, saved
from tollgate.store.models import UserGroup
from tollgate.store.models.users import EVERY_ACT
from tollgate.ui.columns import Column, Kind
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid, respond
from tollgate.ui.sources import QuerysetSource


def _rights(group: Any) -> str:
    if EVERY_ACT in group.acts:
        return "everything"
    return ", ".join(words(act) for act in group.acts) or "reads only"


LIST = Grid(
    name="groups",
    columns=(
        Column("name", "Group", sort="name", link=link("panel:group", lambda row: row.pk)),
        Column("rights", "May do", value=_rights),
        Column("members", "Members", value="member_count", kind=Kind.COUNT, sort="member_count"),
    ),
    sort="name",
    searchable=False,
    empty_text="No groups yet. A group gives its members rights.",
    empty_url="/groups/new/",
    empty_action="Add a group",
)


def _by_noun(act: str) -> tuple[str, str]:
    """What is done to customers together, then what is done to the next noun."""
    verb, _, noun = act.partition("_")
    return noun or verb, verb


class GroupForm(HouseForm):
    """A name and what members may do."""

    widths = {"name": 6, "acts": 12}
    name = forms.CharField(max_length=100)
    acts = forms.MultipleChoiceField(
        label="Members may",
        required=False,
        help_text="Nothing ticked: they read everything and change nothing",
        widget=TicksWidget,
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        field = self.fields["acts"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(EVERY_ACT, "Everything"), *((name, words(name)) for name in sorted(ACTS, key=_by_noun))]


@reading
def groups(request: HttpRequest) -> HttpResponseBase:
    """The list."""
    source = QuerysetSource(queryset=UserGroup.objects.annotate(member_count=Count("users")))
    return respond(
        request, LIST, source, template="panel/groups.html", title="Groups", breadcrumbs=crumbs(("System", ""))
    )


@writing("create_user_group", shown_to_all=False)
def new_group(request: HttpRequest) -> HttpResponseBase:
    """A new group."""
    form = GroupForm(posted(request))
    if form.is_valid():
        done = saved(request, form, create_user_group, **changes(form))
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
    form = GroupForm(posted(request), initial={"name": group.name, "acts": group.acts})
    if form.is_valid():
        done = saved(request, form, update_user_group, group_id=group.pk, **changes(form))
        if done is not None:
            return after_save(request, f"{done} is saved.", form_url=request.path, done_url=reverse("panel:groups"))
    return render_form(
        request,
        form,
        template="panel/form.html",
        title=f"Group {group.name}",
        breadcrumbs=_way(),
        back_url=reverse("panel:groups"),
        can_stay=True,
        read_only=not may(request, "update_user_group"),
    )


def _way() -> list[Any]:
    return crumbs(("System", ""), ("Groups", reverse("panel:groups")))


urlpatterns = [
    path("groups/", groups, name="groups"),
    path("groups/new/", new_group, name="group_new"),
    path("groups/<int:group_id>/", edit_group, name="group"),
]
