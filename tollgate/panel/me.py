"""The user's own page: password, second factor, zone, theme, API tokens. Everybody who may log in may change these."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django import forms
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from tollgate.actions.acts import EVERY_ACT, Actor, Invalid, acting
from tollgate.actions.tokens import READ, create_api_token, revoke_api_token
from tollgate.actions.user_emails import send_user_email_link
from tollgate.actions.user_factors import has_factor, make_user_recovery_codes
from tollgate.actions.user_passwords import change_own_user_password
from tollgate.actions.users import update_user
from tollgate.actions.views import forget_view, keep_view, remember_view
from tollgate.core.areas import AREAS, OWN_ACTS, OWN_AREA
from tollgate.core.languages import LANGUAGES
from tollgate.panel.access import Rights, actor, client_ip, current_user, members, rights
from tollgate.panel.endpoint_forms import NetworksField
from tollgate.panel.fields import InstantField, words
from tollgate.panel.mail_settings import ID_DIGITS_MOST
from tollgate.panel.rights_field import grantable
from tollgate.panel.saving import after_save, posted, press, saved_by
from tollgate.store.models import ApiToken
from tollgate.ui.fields import TicksWidget, ZoneField
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.words import told

REASON = "own settings"


class MeForm(HouseForm):
    """What a user decides alone."""

    widths = {"name": 6, "zone": 6, "language": 6}
    name = forms.CharField(max_length=200)
    zone = ZoneField(help_text="The page of a call tells this time beside UTC")
    language = forms.ChoiceField(
        choices=[("", "As the account says, or the browser"), *LANGUAGES.items()], required=False
    )


class OwnPasswordForm(HouseForm):
    """The old one and the new one."""

    widths = {"old_password": 6, "password": 6}
    old_password = forms.CharField(
        label="Password now", strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )
    password = forms.CharField(
        label="New password",
        strip=False,
        help_text="At least 10 characters. Your other sessions end, and you are told by mail",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *arguments: Any, confirmed: bool, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if not confirmed:
            self.fields["password"].help_text = told("At least 10 characters. Your other sessions end")


class TokenForm(HouseForm):
    """What a token may do."""

    widths = {"name": 4, "expires_at": 4, "scopes": 12, "allowed_networks": 4}
    name = forms.CharField(max_length=100, help_text="Where it is used")
    expires_at = InstantField(label="Ends at (UTC)", required=False, help_text="Empty: when it is revoked")
    allowed_networks = NetworksField(required=False, label="Used from", help_text="One per line; empty = from anywhere")
    scopes = forms.MultipleChoiceField(
        label="It may",
        help_text="Within your own rights, whatever those are when it is used",
        widget=TicksWidget,
    )

    def __init__(self, *arguments: Any, rights: Rights, **options: Any) -> None:
        super().__init__(*arguments, **options)
        field = self.fields["scopes"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [
            (EVERY_ACT, "Everything I may"),
            *((area.title, own) for name, area in AREAS.items() if (own := _scopes(name, rights))),
            ("My views of lists", [(f"{READ}{OWN_AREA}", "Read"), *((name, words(name)) for name in sorted(OWN_ACTS))]),
        ]


def _scopes(area: str, rights: Rights) -> list[tuple[str, str]]:
    """What a token of this user may have of an area."""
    acts = [(name, words(name)) for name in grantable().get(area, ()) if rights.has(name)]
    return [(f"{READ}{area}", "Read"), *acts] if rights.reads(area) else acts


@login_required
def me(request: HttpRequest) -> HttpResponseBase:
    """One's own name, zone and security."""
    user = current_user(request)
    form = MeForm(posted(request), initial={"name": user.name, "zone": user.zone, "language": user.language})
    if form.is_valid():
        who = _oneself(request, update_user)
        if saved_by(who, request, form, update_user, user_id=user.pk, **form.cleaned_data) is not None:
            return after_save(request, "Your settings are saved.", form_url=request.path, done_url=reverse("panel:me"))
    context: dict[str, Any] = {
        "title": "Account and security",
        "confirmed_at": user.email_verified_at,
        "second_factor": is_mfa_enabled(user),
        "passkeys_count": Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN).count(),
        "tokens": ApiToken.objects.filter(user=user, revoked_at=None).order_by("name"),
        "may_have_tokens": user.rights() is not None,
    }
    return render_form(request, form, template="panel/me.html", **context)


def _protected(request: HttpRequest) -> bool:
    """Whether the second factor is shown again before something that weakens the login."""
    return has_factor(current_user(request))


@login_required
@reauthentication_required(enabled=_protected)  # type: ignore[untyped-decorator]  # allauth ships no types
def own_password(request: HttpRequest) -> HttpResponseBase:
    """Another password for oneself; this session goes on, the others end."""
    user = current_user(request)
    form = OwnPasswordForm(posted(request), confirmed=user.email_verified_at is not None)
    if form.is_valid():
        who = _oneself(request, change_own_user_password)
        done = saved_by(who, request, form, change_own_user_password, user_id=user.pk, **form.cleaned_data)
        if done is not None:
            update_session_auth_hash(request, done)
            sentence = "Your password is changed; every other session has ended."
            return after_save(request, sentence, form_url=reverse("panel:me"), done_url=reverse("panel:me"))
    return render_form(request, form, title="Change your password", back_url=reverse("panel:me"))


@login_required
@reauthentication_required(app="allauth.mfa")  # type: ignore[untyped-decorator]  # allauth ships no types
def recovery_codes(request: HttpRequest) -> HttpResponseBase:
    """New recovery codes, shown on this one answer and never again."""
    user = current_user(request)
    context: dict[str, Any] = {"title": "Recovery codes", "left": len(user.recovery_hashes), "able": has_factor(user)}
    if request.method == "POST" and context["able"]:
        with acting(_oneself(request, make_user_recovery_codes)):
            context["codes"] = make_user_recovery_codes(user_id=user.pk)
        context["lines"] = "\n".join(context["codes"])
    answer = render(request, "panel/recovery_codes.html", context)
    answer["Cache-Control"] = "no-store"
    return answer


@members
def new_token(request: HttpRequest) -> HttpResponseBase:
    """A token for the API; its secret is shown on the next page and never again."""
    form = TokenForm(posted(request), rights=rights(request))
    if form.is_valid():
        mine = actor(request, REASON)
        who = replace(mine, may=mine.may | {create_api_token.__name__})
        done = saved_by(who, request, form, create_api_token, **form.cleaned_data)
        if done is not None:
            context = {"title": "Your new token", "token": done, "back_url": reverse("panel:me")}
            answer = render(request, "panel/token.html", context)
            answer["Cache-Control"] = "no-store"
            return answer
    return render_form(request, form, title="New API token", back_url=reverse("panel:me"), save_title="Create")


@members
@require_POST
def revoke_token(request: HttpRequest, token_id: int) -> HttpResponseBase:
    """Ends one of one's own tokens at once."""
    who = _oneself(request, revoke_api_token)
    press(request, revoke_api_token, "The token is revoked.", who=who, token_id=token_id)
    return redirect("panel:me")


@login_required
@require_POST
def send_email_link(request: HttpRequest) -> HttpResponse:
    """Mails a link to confirm one's own email."""
    who, said = _oneself(request, send_user_email_link), "A link to confirm the email is on its way."
    press(request, send_user_email_link, said, who=who, user_id=current_user(request).pk)
    return redirect("panel:me")


@login_required
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Keeps the theme that the user picked in the menu."""
    try:
        _save(request, theme=request.POST.get("theme", ""))
    except Invalid as invalid:
        return HttpResponse(str(invalid), status=422, content_type="text/plain; charset=utf-8")
    return HttpResponse(status=204)


@login_required
@require_POST
def remember(request: HttpRequest) -> HttpResponse:
    """Keeps the columns and the sort of a list, as its dialog sends them, and goes back to the list."""
    sent = request.POST
    kept: dict[str, Any] = {"grid": sent.get("grid", "")}
    if "reset" not in sent:
        kept |= {"columns": [name for name in sent.get("columns", "").split(",") if name], "sort": sent.get("sort", "")}
    press(request, remember_view, "", who=_oneself(request, remember_view), **kept)
    return _back(request)


@login_required
@require_POST
def views(request: HttpRequest) -> HttpResponse:
    """Keeps a list as it is shown under a name, or forgets one, and goes back to the list."""
    sent, forgotten = request.POST, request.POST.get("forget", "")
    if forgotten.isdecimal() and len(forgotten) < ID_DIGITS_MOST:
        who = _oneself(request, forget_view)
        press(request, forget_view, "The view is forgotten.", who=who, view_id=int(forgotten))
    else:
        kept = {name: sent.get(name, "").replace("\0", "") for name in ("grid", "name", "query")}
        said, who = f"The view {kept['name']} is kept.", _oneself(request, keep_view)
        press(request, keep_view, said, who=who, shared="shared" in sent, **kept)
    return _back(request)


def _back(request: HttpRequest) -> HttpResponse:
    back = request.POST.get("back", "")
    known = url_has_allowed_host_and_scheme(back, allowed_hosts=None) and back.startswith("/")
    return redirect(back if known else reverse("panel:me"))


def _save(request: HttpRequest, **fields: str) -> None:
    with acting(_oneself(request, update_user)):
        update_user(user_id=current_user(request).pk, **fields)  # type: ignore[arg-type]  # names are those of the form


def _oneself(request: HttpRequest, act: Callable[..., object]) -> Actor:
    """The user as somebody who may do this one act; one's own affairs need no group."""
    user = current_user(request)
    return Actor(user.email, frozenset({act.__name__}), REASON, "user", user.pk, client_ip(request))


urlpatterns = [
    path("me/", me, name="me"),
    path("me/password/", own_password, name="own_password"),
    path("me/email/confirm/", send_email_link, name="own_email"),
    path("me/recovery-codes/", recovery_codes, name="recovery_codes"),
    path("me/tokens/new/", new_token, name="token_new"),
    path("me/tokens/<int:token_id>/revoke/", revoke_token, name="token_revoke"),
    path("me/theme/", theme, name="theme"),
    path("me/lists/", remember, name="remember"),
    path("me/views/", views, name="views"),
]
