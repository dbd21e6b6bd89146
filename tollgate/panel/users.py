"""Users: who works in the panel. What they may do comes from their groups."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import path, reverse

from tollgate.actions.users import create_user, update_user
from tollgate.panel.access import may, own_account, reading, writing
from tollgate.panel.cells import STATUS_TONES, link
from tollgate.panel.fields import TicksWidget
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, posted, saved
from tollgate.store.models import User, UserGroup
from tollgate.ui.columns import Column, Kind
from tollgate.ui.fields import ZoneField
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid, respond
from tollgate.ui.sources import QuerysetSource

LIST = Grid(
    name="users",
    columns=(
        Column("name", "Name", sort="name", link=link("panel:user", lambda row: row.pk)),
        Column("email", "Email", sort="email"),
        Column("groups", "Groups", value=lambda row: ", ".join(group.name for group in row.groups.all())),
        Column(
            "state",
            "State",
            value=lambda row: "Active" if row.is_active else "Inactive",
            kind=Kind.BADGE,
            tone=STATUS_TONES,
            sort="is_active",
        ),
        Column("last_login", "Last login (UTC)", kind=Kind.INSTANT, sort="last_login"),
    ),
    sort="name",
    empty_text="No users yet.",
)


class UserForm(HouseForm):
    """A person and the groups that give rights."""

    name = forms.CharField(max_length=200)
    email = forms.EmailField(help_text="The login")
    zone = ZoneField(help_text="Where this person works: the page of a call tells this time beside UTC")
    group_ids = forms.TypedMultipleChoiceField(
        label="Groups",
        coerce=int,
        required=False,
        help_text="Without a group a user sees nothing",
        widget=TicksWidget,
    )
    is_active = forms.BooleanField(required=False, initial=True, label="May log in")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        field = self.fields["group_ids"]
        assert isinstance(field, forms.TypedMultipleChoiceField)
        field.choices = list(UserGroup.objects.order_by("name").values_list("id", "name"))


class NewUserForm(UserForm):
    """With a first password."""

    password = forms.CharField(
        min_length=10,
        help_text="At least 10 characters. Tell it on a safe way; the person changes it",
        widget=forms.TextInput(attrs={"autocomplete": "off", "data-generate": "", "spellcheck": "false"}),
    )


@reading
def users(request: HttpRequest) -> HttpResponseBase:
    """The list."""
    source = QuerysetSource(
        queryset=User.objects.prefetch_related("groups"), search=("name__icontains", "email__icontains")
    )
    return respond(
        request, LIST, source, template="panel/users.html", title="Users", breadcrumbs=crumbs(("System", ""))
    )


@writing("create_user", shown_to_all=False)
def new_user(request: HttpRequest) -> HttpResponseBase:
    """A new user."""
    form = NewUserForm(posted(request), initial={"zone": own_account(request).zone})
    if form.is_valid():
        done = saved(request, form, create_user, **changes(form))
        if done is not None:
            return after_save(
                request, f"{done} may log in now.", form_url=request.path, done_url=reverse("panel:users")
            )
    return render_form(
        request,
        form,
        template="panel/form.html",
        title="New user",
        breadcrumbs=_way(),
        back_url=reverse("panel:users"),
        save_title="Create",
    )


@writing("update_user")
def edit_user(request: HttpRequest, user_id: int) -> HttpResponseBase:
    """One user."""
    user = get_object_or_404(User, pk=user_id)
    groups = [group.pk for group in user.groups.all()]
    start = {"name": user.name, "email": user.email, "zone": user.zone, "is_active": user.is_active}
    form = UserForm(posted(request), initial={**start, "group_ids": groups})
    if form.is_valid():
        done = saved(request, form, update_user, user_id=user.pk, **changes(form))
        if done is not None:
            words = f"{done} is saved."
            return after_save(request, words, form_url=request.path, done_url=reverse("panel:users"))
    return render_form(
        request,
        form,
        template="panel/form.html",
        title=str(user),
        breadcrumbs=_way(),
        back_url=reverse("panel:users"),
        can_stay=True,
        read_only=not may(request, "update_user"),
    )


def _way() -> list[Any]:
    return crumbs(("System", ""), ("Users", reverse("panel:users")))


urlpatterns = [
    path("users/", users, name="users"),
    path("users/new/", new_user, name="user_new"),
    path("users/<int:user_id>/", edit_user, name="user"),
]
