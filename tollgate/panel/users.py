"""Users: who works in the panel. What they may do comes from their groups."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from tollgate.actions.sign_in import forget_sign_in_links
from tollgate.actions.user_emails import send_user_email_link
from tollgate.actions.user_factors import has_factor, reset_user_factors
from tollgate.actions.user_passwords import send_user_password_link
from tollgate.actions.users import create_user, end_user_sessions, revoke_user_token, update_user
from tollgate.panel.access import may, own_account, reading, writing
from tollgate.panel.cells import STATUS_TONES, link
from tollgate.panel.company import ResellerField, name_one_of
from tollgate.panel.endpoint_forms import NetworksField
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.store.models import ApiToken, Customer, User, UserGroup
from tollgate.ui.columns import Column, Kind
from tollgate.ui.fields import TicksWidget, ZoneField
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is

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
        Column("email_verified_at", "Email confirmed (UTC)", kind=Kind.INSTANT, sort="email_verified_at", minor=True),
    ),
    sort="name",
    ticks=True,
    empty_text="No users yet.",
)


FIELDS = ("name", "email", "zone", "is_active", "reseller_id", "allowed_networks")


class UserForm(HouseForm):
    """A person and the groups that give rights."""

    name = forms.CharField(max_length=200)
    email = forms.EmailField(help_text="The login")
    zone = ZoneField(help_text="Where this person works: the page of a call tells this time beside UTC")
    reseller_id = ResellerField(
        required=False, help_text="Works for this reseller and sees only its customers. Empty = works for you"
    )
    allowed_networks = NetworksField(
        required=False, label="Logs in from", help_text="Addresses and networks, one per line; empty = from anywhere"
    )
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
        known = Q(is_reseller=True, deleted_at=None) | Q(pk=self.initial.get("reseller_id") or 0)
        name_one_of(self, Customer.objects.filter(known), field="reseller_id")


class ChangedUserForm(UserForm):
    """With the version that was opened."""

    versioned = True


class NewUserForm(UserForm):
    """With a first password, or an invitation."""

    password = forms.CharField(
        required=False,
        strip=False,
        label="First password",
        help_text="Empty: a link to set one is sent by mail. Otherwise at least 10 characters, to be changed at once",
        widget=forms.TextInput(attrs={"autocomplete": "off", "data-generate": "", "spellcheck": "false"}),
    )


@reading
def users(request: HttpRequest) -> HttpResponseBase:
    """The list."""
    grid, source = listed(request, request.GET.dict())
    way = crumbs(("System", ""))
    return respond(request, grid, source, template="panel/users.html", title="Users", breadcrumbs=way)


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del request, parameters
    found = User.objects.prefetch_related("groups")
    return LIST, QuerysetSource(queryset=found, search=("name__icontains", "email__icontains"))


@writing("create_user", shown_to_all=False)
def new_user(request: HttpRequest) -> HttpResponseBase:
    """A new user."""
    form = NewUserForm(posted(request), initial={"zone": own_account(request).zone})
    if form.is_valid():
        done = saved(request, form, create_user, **_new(form))
        if done is not None:
            return after_save(request, _welcome(done), form_url=request.path, done_url=reverse("panel:users"))
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
    form = ChangedUserForm(posted(request), initial={**initial(user, FIELDS), "group_ids": groups})
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_user, user_id=user.pk, version=version, **changes(form))
        if done is not None:
            words = f"{done} is saved."
            return after_save(request, words, form_url=request.path, done_url=reverse("panel:users"))
    return render_form(
        request,
        form,
        template="panel/user.html",
        title=as_is(str(user)),
        breadcrumbs=_way(),
        back_url=reverse("panel:users"),
        can_stay=True,
        edited=user,
        has_factor=has_factor(user),
        links_count=user.sign_in_links.count(),
        tokens=ApiToken.objects.filter(user=user, revoked_at=None).order_by("name", "pk"),
        read_only=not may(request, "update_user"),
    )


@writing("send_user_password_link", shown_to_all=False)
@require_POST
def send_link(request: HttpRequest, user_id: int) -> HttpResponseBase:
    """Mails one user a link to set a password."""
    press(request, send_user_password_link, "A link to set a password is on its way.", user_id=user_id)
    return redirect("panel:user", user_id)


@writing("send_user_email_link", shown_to_all=False)
@require_POST
def send_email_link(request: HttpRequest, user_id: int) -> HttpResponseBase:
    """Mails one user a link to confirm the email."""
    press(request, send_user_email_link, "A link to confirm the email is on its way.", user_id=user_id)
    return redirect("panel:user", user_id)


@writing("end_user_sessions", shown_to_all=False)
@require_POST
def log_out(request: HttpRequest, user_id: int) -> HttpResponseBase:
    """Ends every session of one user."""
    press(request, end_user_sessions, "Logged out everywhere.", user_id=user_id)
    return redirect("panel:user", user_id)


@writing("reset_user_factors", shown_to_all=False)
@require_POST
def reset_factors(request: HttpRequest, user_id: int) -> HttpResponseBase:
    """For a user who lost the phone and the recovery codes."""
    user = get_object_or_404(User, pk=user_id)
    if request.POST.get("confirmation") != user.email:
        messages.error(request, f"Type {user.email} to take the second factor away.")
    else:
        press(request, reset_user_factors, "The second factor is taken away; every session ended.", user_id=user_id)
    return redirect("panel:user", user_id)


@writing("forget_sign_in_links", shown_to_all=False)
@require_POST
def forget_links(request: HttpRequest, user_id: int) -> HttpResponseBase:
    """For a user whose login at a provider has become another."""
    press(request, forget_sign_in_links, "No provider knows this user any more.", user_id=user_id)
    return redirect("panel:user", user_id)


@writing("revoke_user_token", shown_to_all=False)
@require_POST
def revoke_token(request: HttpRequest, user_id: int, token_id: int) -> HttpResponseBase:
    """Ends an API token of one user."""
    press(request, revoke_user_token, "The token is revoked.", user_id=user_id, token_id=token_id)
    return redirect("panel:user", user_id)


def _new(form: HouseForm) -> dict[str, Any]:
    """A password that another person knows has to be changed at the first login."""
    given = changes(form)
    return {**given, "password_must_change": bool(given["password"])}


def _welcome(user: User) -> str:
    return f"{user} may log in now." if user.has_usable_password() else f"An invitation is on its way to {user.email}."


def _way() -> list[Any]:
    return crumbs(("System", ""), ("Users", reverse("panel:users")))


urlpatterns = [
    path("users/", users, name="users"),
    path("users/new/", new_user, name="user_new"),
    path("users/<int:user_id>/", edit_user, name="user"),
    path("users/<int:user_id>/link/", send_link, name="user_link"),
    path("users/<int:user_id>/email/confirm/", send_email_link, name="user_email"),
    path("users/<int:user_id>/second-factor/reset/", reset_factors, name="user_factors_reset"),
    path("users/<int:user_id>/links/forget/", forget_links, name="user_links_forget"),
    path("users/<int:user_id>/tokens/<int:token_id>/revoke/", revoke_token, name="user_token_revoke"),
    path("users/<int:user_id>/logout/", log_out, name="user_logout"),
]
