"""Providers of OpenID Connect: by whom users, or the contacts of a portal, log in beside their password."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from tollgate.actions.acts import acting
from tollgate.actions.sign_in import (
    create_sign_in_provider,
    delete_sign_in_provider,
    test_sign_in_provider,
    update_sign_in_provider,
)
from tollgate.panel.access import actor, may, own_account, reading, writing
from tollgate.panel.cells import enabled_column, link
from tollgate.panel.fields import pick
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.store.models import PortalDomain, SignInProvider, UserGroup
from tollgate.ui.columns import Column, Kind
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is, worded

FIELDS = (
    "title", "enabled", "serves", "domain_id", "issuer", "client_id", "scopes", "groups_claim", "creates_users",
    "trusts_emails",
)  # fmt: skip
WHO = (("users", "Users, at the panel"), ("contacts", "Contacts, at a portal"))
FACTS = {
    "issuer": "Issuer",
    "authorization_endpoint": "People log in at",
    "token_endpoint": "Tokens come from",
    "jwks_uri": "Keys come from",
    "keys": "Keys",
    "logout": "People log out at",
}


def _who(row: Any) -> str:
    return row.domain.host if row.domain else dict(WHO)[row.serves]


LIST = Grid(
    name="sign_in_providers",
    columns=(
        Column("title", "Login", sort="title", link=link("panel:sign_in_provider", lambda row: row.pk)),
        Column("issuer", "Issuer"),
        Column("who", "For", value=_who),
        enabled_column(),
        Column("people", "People", value="people_count", kind=Kind.COUNT, sort="people_count"),
    ),
    sort="title",
    searchable=False,
    ticks=True,
    empty_text="No providers yet. With one, people log in by your company's own login beside their password.",
    empty_url="/sign-in-providers/new/",
    empty_action="Add a provider",
)


class GroupsField(forms.CharField):
    """Rows of a claim and a group, a line each: `voip-admins: Administrators`."""

    widget = forms.Textarea(attrs={"rows": 5, "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        """Rows as lines."""
        if isinstance(value, list):
            names = dict(UserGroup.objects.values_list("pk", "name"))
            return "\n".join(f"{row['claim']}: {names.get(row['group_id'], '')}" for row in value)
        return value

    def to_python(self, value: Any) -> list[dict[str, Any]]:  # type: ignore[override]  # CharField promises a str
        """Lines as rows; says which line cannot be read."""
        ids, rows = dict(UserGroup.objects.values_list("name", "pk")), []
        for number, line in enumerate((value or "").splitlines(), start=1):
            claim, _, name = (part.strip() for part in line.rpartition(":"))
            if line.strip() and (not claim or name not in ids):
                raise forms.ValidationError(f"Line {number}: write it like “voip-admins: Administrators”.")
            if line.strip():
                rows.append({"claim": claim, "group_id": ids[name]})
        return rows

    def run_validators(self, value: Any) -> None:
        """CharField's validators measure text."""


class ProviderForm(HouseForm):
    """A provider and what of its word counts here."""

    widths = {
        "issuer": 6,
        "client_id": 6,
        "secret": 6,
        "scopes": 6,
        "groups": 8,
        "creates_users": 12,
        "trusts_emails": 12,
        "enabled": 12,
    }
    title = forms.CharField(max_length=50, help_text="On the button of the login page: “Log in by …”")
    serves = forms.ChoiceField(label="For", choices=WHO)
    domain_id = pick("Portal domain", [], required=False, help_text="Whose contacts. None: the portal without a domain")
    issuer = forms.CharField(max_length=500, help_text="Such as https://login.example.com/realms/voip")
    client_id = forms.CharField(
        max_length=200, label="Client id", help_text="What the provider calls this installation"
    )
    secret = forms.CharField(
        max_length=1000,
        required=False,
        strip=False,
        label="Client secret",
        help_text="Empty: it stays as it is. A public client has none",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    scopes = forms.CharField(max_length=200, initial="openid email profile", help_text="What is asked for")
    groups_claim = forms.CharField(
        max_length=100, initial="groups", label="Claim of groups", help_text="Such as groups or realm_access.roles"
    )
    groups = GroupsField(
        required=False,
        label="Groups of users",
        help_text="A line each, “voip-admins: Administrators”. At each login a user is put into exactly those the "
        "provider tells, and without any may nothing. Empty: groups are given here",
    )
    creates_users = forms.BooleanField(
        required=False, label="Make a user of whoever the provider lets in and nobody here knows"
    )
    trusts_emails = forms.BooleanField(
        required=False,
        label="Its emails are verified by it",
        help_text="For a provider that does not say so, such as Entra, where only your own administrators set emails",
    )
    enabled = forms.BooleanField(required=False, initial=True, label="On the login page")

    def __init__(self, *arguments: Any, domains: Mapping[int, str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        field = self.fields["domain_id"]
        assert isinstance(field, forms.TypedChoiceField)
        field.choices = [("", "None"), *domains.items()]


class ChangedProviderForm(ProviderForm):
    """With the version that was opened."""

    versioned = True


@reading
def providers(request: HttpRequest) -> HttpResponseBase:
    """Every provider."""
    grid, source = listed(request, request.GET.dict())
    way = crumbs(("System", ""))
    template = "panel/sign_in_providers.html"
    return respond(request, grid, source, template=template, title="Logins by provider", breadcrumbs=way)


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del parameters
    found = SignInProvider.objects.filter(account=own_account(request)).select_related("domain")
    return LIST, QuerysetSource(queryset=found.annotate(people_count=Count("links")))


@writing("create_sign_in_provider", shown_to_all=False)
def new_provider(request: HttpRequest) -> HttpResponseBase:
    """A new provider; then its page, which shows the address to register there."""
    form = ProviderForm(posted(request), domains=_domains(request))
    if form.is_valid():
        done = saved(request, form, create_sign_in_provider, account_id=own_account(request).pk, **changes(form))
        if done is not None:
            page = reverse("panel:sign_in_provider", args=[done.pk])
            words = f"{done} is created. Register the address below with it, then test."
            return after_save(request, words, form_url=page, done_url=page)
    back = reverse("panel:sign_in_providers")
    return render_form(request, form, title="New provider", breadcrumbs=_way(), back_url=back, save_title="Create")


@writing("update_sign_in_provider")
def edit_provider(request: HttpRequest, provider_id: int) -> HttpResponseBase:
    """One provider."""
    found = _provider(request, provider_id)
    groups = list(found.groups.order_by("claim", "pk").values("claim", "group_id"))
    start = {**initial(found, FIELDS), "groups": groups}
    form = ChangedProviderForm(posted(request), initial=start, domains=_domains(request))
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_sign_in_provider, provider_id=found.pk, version=version, **changes(form))
        if done is not None:
            back = reverse("panel:sign_in_providers")
            return after_save(request, f"{done} is saved.", form_url=request.path, done_url=back)
    return render_form(
        request,
        form,
        template="panel/sign_in_provider.html",
        title=as_is(found.title),
        breadcrumbs=_way(),
        back_url=reverse("panel:sign_in_providers"),
        can_stay=True,
        read_only=not may(request, "update_sign_in_provider"),
        provider=found,
        address=_address(request, found),
    )


@writing("test_sign_in_provider", shown_to_all=False)
@require_POST
def test(request: HttpRequest, provider_id: int) -> HttpResponseBase:
    """Asks the provider what it says of itself."""
    found = _provider(request, provider_id)
    with acting(actor(request)):
        told = test_sign_in_provider(provider_id=found.pk)
    context = {
        "title": worded("Test of {title}", title=found.title),
        "breadcrumbs": [*_way(), *crumbs((as_is(found.title), reverse("panel:sign_in_provider", args=[found.pk])))],
        "provider": found,
        "problem": told.get("problem", ""),
        "facts": [(words, told[name]) for name, words in FACTS.items() if told.get(name)],
    }
    return render(request, "panel/sign_in_test.html", context)


@writing("delete_sign_in_provider", shown_to_all=False)
@require_POST
def remove_provider(request: HttpRequest, provider_id: int) -> HttpResponseBase:
    """Takes one away."""
    found = _provider(request, provider_id)
    if request.POST.get("confirmation") != found.title:
        messages.error(request, f"Type {found.title} to remove this provider.")
    elif press(request, delete_sign_in_provider, f"{found.title} is removed.", provider_id=found.pk):
        return redirect("panel:sign_in_providers")
    return redirect("panel:sign_in_provider", found.pk)


def _provider(request: HttpRequest, provider_id: int) -> SignInProvider:
    return get_object_or_404(SignInProvider, pk=provider_id, account=own_account(request))


def _domains(request: HttpRequest) -> dict[int, str]:
    found = PortalDomain.objects.filter(account=own_account(request)).order_by("host")
    return dict(found.values_list("pk", "host"))


def _address(request: HttpRequest, provider: SignInProvider) -> str:
    """Where the provider sends people back to: it has to know the address beforehand."""
    page = "signed_in" if provider.serves == "users" else "portal:signed_in"
    address = reverse(page, args=[provider.pk])
    return f"https://{provider.domain.host}{address}" if provider.domain else request.build_absolute_uri(address)


def _way() -> list[Any]:
    return crumbs(("System", ""), ("Logins by provider", reverse("panel:sign_in_providers")))


urlpatterns = [
    path("sign-in-providers/", providers, name="sign_in_providers"),
    path("sign-in-providers/new/", new_provider, name="sign_in_provider_new"),
    path("sign-in-providers/<int:provider_id>/", edit_provider, name="sign_in_provider"),
    path("sign-in-providers/<int:provider_id>/test/", test, name="sign_in_provider_test"),
    path("sign-in-providers/<int:provider_id>/delete/", remove_provider, name="sign_in_provider_delete"),
]
