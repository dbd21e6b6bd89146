"""The contact's own login: password, second factor, recovery codes, sessions. Every contact has these pages."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from allauth.mfa.adapter import get_adapter
from django import forms
from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from tollgate.actions.contact_tokens import tokens_of
from tollgate.actions.portal_access import Visit, end_contact_sessions
from tollgate.actions.portal_factors import (
    confirm_second_factor,
    make_recovery_codes,
    new_secret,
    remove_second_factor,
)
from tollgate.actions.portal_passwords import change_own_password
from tollgate.portal.access import visiting
from tollgate.portal.entrance import NewPasswordForm
from tollgate.portal.saving import knows_password, posted, press, saved, with_code
from tollgate.store.queries.portal import sessions_of
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.layout import Crumb

SALT = "tollgate.portal.totp"
CURRENT = {"autocomplete": "current-password"}


class OwnPasswordForm(NewPasswordForm):
    """The old password and the new one."""

    field_order = ("old_password", "password", "again")
    old_password = forms.CharField(
        max_length=200, strip=False, label="Your password now", widget=forms.PasswordInput(attrs=CURRENT)
    )


class FactorForm(HouseForm):
    """The code that the app shows for the secret on the page."""

    secret = forms.CharField(widget=forms.HiddenInput)
    code = forms.CharField(
        max_length=10,
        label="Code that the app shows",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}),
    )


class PasswordForm(HouseForm):
    """The password again, before something that weakens the login."""

    password = forms.CharField(
        max_length=200, strip=False, label="Your password", widget=forms.PasswordInput(attrs=CURRENT)
    )


@visiting()
def security(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """What protects the login, and where it is in use now."""
    context = {
        "title": "Security",
        "contact": visit.contact,
        "sessions": sessions_of(visit.contact).order_by("-seen_at"),
        "here": visit.session.pk,
        "tokens": tokens_of(visit.contact).order_by("name", "pk"),
        "codes_left": len(visit.contact.recovery_hashes),
    }
    return render(request, "portal/security.html", context)


@sensitive_post_parameters("old_password", "password", "again")
@visiting(own=True, even_with_old_password=True)
def password(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """A new password by knowing the old one."""
    form = with_code(OwnPasswordForm(posted(request)), visit)
    if form.is_valid() and knows_password(form, visit, "old_password"):
        given: dict[str, Any] = {name: form.cleaned_data[name] for name in ("old_password", "password")}
        contact_id, session_id = visit.contact.pk, visit.session.pk
        done = saved(request, form, visit, change_own_password, contact_id=contact_id, session_id=session_id, **given)
        if done is not None:
            messages.success(request, "Your password is changed. Other sessions of yours have ended.")
            return redirect("portal:home")
    back = "" if visit.contact.password_must_change else reverse("portal:security")
    title = "Choose a new password" if visit.contact.password_must_change else "Change your password"
    return _form(request, form, title, back_url=back)


@never_cache
@visiting(own=True)
def second_factor(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Turns the second factor on: the app reads the picture, its code proves it."""
    if visit.contact.totp_secret:
        raise Http404
    form = FactorForm(posted(request), initial={"secret": signing.dumps([visit.contact.pk, new_secret()], salt=SALT)})
    secret = _secret(visit, str(form["secret"].value()))
    if form.is_valid():
        code, at = form.cleaned_data["code"], datetime.now(UTC)
        given = {"contact_id": visit.contact.pk, "secret": secret, "code": code, "at": at}
        codes = saved(request, form, visit, confirm_second_factor, **given)
        if codes is not None:
            return _show_codes(request, codes)
    picture = get_adapter().build_totp_svg(_address(visit, secret))
    context = {"secret": secret, "picture": f"data:image/svg+xml,{quote(picture)}"}
    return _form(request, form, "Authenticator app", template="portal/second_factor.html", **context)


@never_cache
@visiting(own=True)
def recovery_codes(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """New recovery codes, shown this once."""
    form = with_code(PasswordForm(posted(request)), visit)
    if form.is_valid() and knows_password(form, visit):
        codes = saved(request, form, visit, make_recovery_codes, contact_id=visit.contact.pk)
        if codes is not None:
            return _show_codes(request, codes)
    return _form(request, form, "New recovery codes", save_title="Make new codes")


@visiting(own=True)
def no_second_factor(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Turns the second factor off."""
    form = with_code(PasswordForm(posted(request)), visit)
    if form.is_valid() and knows_password(form, visit):
        saved(request, form, visit, remove_second_factor, contact_id=visit.contact.pk)
        messages.success(request, "The second factor is off.")
        return redirect("portal:security")
    return _form(request, form, "Turn the second factor off", save_title="Turn off")


@require_POST
@visiting(own=True)
def end_session(request: HttpRequest, visit: Visit, session_id: int) -> HttpResponseBase:
    """Ends one of the own sessions."""
    if not sessions_of(visit.contact).filter(pk=session_id).exists():
        raise Http404
    given = {"contact_id": visit.contact.pk, "session_id": session_id}
    press(request, visit, end_contact_sessions, "The session has ended.", **given)
    return redirect("portal:security")


@require_POST
@visiting(own=True)
def end_others(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Ends every own session but this one."""
    given = {"contact_id": visit.contact.pk, "but": visit.session.pk}
    press(request, visit, end_contact_sessions, "Your other sessions have ended.", **given)
    return redirect("portal:security")


def _secret(visit: Visit, signed: str) -> str:
    """The secret on the page; a page of somebody else or of yesterday starts anew."""
    try:
        contact_id, secret = signing.loads(signed, salt=SALT, max_age=3600)
    except signing.BadSignature:
        raise Http404 from None
    if contact_id != visit.contact.pk:
        raise Http404
    return str(secret)


def _address(visit: Visit, secret: str) -> str:
    brand = visit.domain.brand if visit.domain else visit.account.name
    label = quote(f"{brand}:{visit.contact.email}")
    return f"otpauth://totp/{label}?{urlencode({'secret': secret, 'issuer': brand}, quote_via=quote)}"


def _show_codes(request: HttpRequest, codes: list[str]) -> HttpResponse:
    return render(request, "portal/recovery_codes.html", {"title": "Your recovery codes", "codes": codes})


def _form(
    request: HttpRequest, form: HouseForm, title: str, *, template: str = "portal/form.html", **context: object
) -> HttpResponse:
    given = {"back_url": reverse("portal:security"), **context}
    way = [Crumb("Security", reverse("portal:security"))]
    return render_form(request, form, template=template, title=title, breadcrumbs=way, **given)


urlpatterns = [
    path("security/", security, name="security"),
    path("security/password/", password, name="password"),
    path("security/second-factor/", second_factor, name="second_factor"),
    path("security/second-factor/off/", no_second_factor, name="second_factor_off"),
    path("security/recovery-codes/", recovery_codes, name="recovery_codes"),
    path("security/sessions/<int:session_id>/end/", end_session, name="session_end"),
    path("security/sessions/end-others/", end_others, name="sessions_end"),
]
