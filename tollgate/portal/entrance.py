"""The ways into the portal: login, its second step, a forgotten password, a link to set one, a user who looks in."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from tollgate.actions.acts import Actor, Invalid, acting
from tollgate.actions.portal_access import NeedsCode, Opened, Refused, enter, log_in, log_in_by_code, log_out, welcome
from tollgate.actions.portal_codes import find_link
from tollgate.actions.portal_passwords import DEAD_LINK, PURPOSE, forgotten, set_password_by_link
from tollgate.actions.sign_in import providers_of
from tollgate.portal.access import COOKIE, COOKIE_PATH, domain, let_in, place, visitor
from tollgate.portal.saving import posted
from tollgate.ui.forms import HouseForm

SENT = "If somebody logs in here with this email, a link is on its way. It works for a day."
AUTOCOMPLETE_NEW = {"autocomplete": "new-password"}


class LoginForm(HouseForm):
    """Email and password. The customer's number will do for the email where only one person logs in for it."""

    email = forms.CharField(
        label="Email or customer number",
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "username", "inputmode": "email", "autocapitalize": "none"}),
    )
    password = forms.CharField(
        max_length=200, strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )


class CodeForm(HouseForm):
    """The second step."""

    token = forms.CharField(widget=forms.HiddenInput)
    code = forms.CharField(
        max_length=20,
        help_text="Six digits of your authenticator app, or one of your recovery codes",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autofocus": True}),
    )


class ForgotForm(HouseForm):
    """Who forgot."""

    email = forms.EmailField(widget=forms.EmailInput(attrs={"autocomplete": "username"}))


class NewPasswordForm(HouseForm):
    """A new password, typed twice."""

    password = forms.CharField(
        max_length=200,
        strip=False,
        help_text="At least 10 characters, and none of those that everybody uses",
        widget=forms.PasswordInput(attrs=AUTOCOMPLETE_NEW),
    )
    again = forms.CharField(
        max_length=200, strip=False, label="The same again", widget=forms.PasswordInput(attrs=AUTOCOMPLETE_NEW)
    )

    def clean(self) -> dict[str, Any]:
        """Both are the same."""
        given = super().clean() or {}
        if given.get("password") and given.get("again") and given["password"] != given["again"]:
            self.add_error("again", "This is not the same password.")
        return given


@never_cache
@sensitive_post_parameters("password")
def login(request: HttpRequest) -> HttpResponse:
    """The login page of the portal."""
    if visitor(request) is not None:
        return redirect("portal:home")
    form = LoginForm(posted(request))
    if form.is_valid():
        given = form.cleaned_data
        answer = log_in(email=given["email"], password=given["password"], place=place(request), at=datetime.now(UTC))
        match answer:
            case Opened(key):
                return opened(request, key, request.GET.get("next", ""))
            case NeedsCode(token):
                return ask_for_code(request, token, request.GET.get("next", ""))
            case Refused(why):
                form.add_error(None, why)
    here, wanted = domain(request), urlencode({"next": request.GET.get("next", "")})
    providers = [
        (provider.title, f"{reverse('portal:sign_in', args=[provider.pk])}?{wanted}")
        for provider in providers_of("contacts", here.pk if here else None)
    ]
    return _page(request, form, "Log in", "Log in", forgot_url=reverse("portal:forgot"), providers=providers)


@never_cache
@require_POST
def second_step(request: HttpRequest) -> HttpResponse:
    """The code of the app."""
    form = CodeForm(request.POST)
    if form.is_valid():
        given = form.cleaned_data
        answer = log_in_by_code(token=given["token"], code=given["code"], place=place(request), at=datetime.now(UTC))
        if isinstance(answer, Opened):
            return opened(request, answer.key, request.GET.get("next", ""))
        assert isinstance(answer, Refused)
        form.add_error(None, answer.why)
    return _page(request, form, "One more step", "Log in", **_second(request.GET.get("next", "")))


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """Ends the session."""
    found = visitor(request)
    if found is not None:
        log_out(found)
    answer = redirect("portal:login")
    answer.delete_cookie(COOKIE, path=COOKIE_PATH, samesite="Lax")
    return answer


@never_cache
def forgot(request: HttpRequest) -> HttpResponse:
    """Sends a link; the answer is the same whoever asks for whomever."""
    form = ForgotForm(posted(request))
    if form.is_valid():
        forgotten(email=form.cleaned_data["email"], place=place(request))
        messages.success(request, SENT)
        return redirect("portal:login")
    return _page(request, form, "Forgot your password?", "Send a link", back_url=reverse("portal:login"))


@never_cache
@sensitive_post_parameters("password", "again")
def set_password(request: HttpRequest, token: str) -> HttpResponse:
    """The page of a link to set a password. Looking at it uses nothing up: mail programs look too."""
    code = find_link(PURPOSE, token)
    here = place(request)
    contact = code.contact if code else None
    if contact is None or contact.login_domain != here.domain_id or not welcome(contact, here.ip):
        context = {"title": "This link does not work", "words": DEAD_LINK, "forgot_url": reverse("portal:forgot")}
        return render(request, "portal/dead_link.html", context, status=410)
    form = NewPasswordForm(posted(request))
    if form.is_valid():
        name = set_password_by_link.__name__
        try:
            with acting(Actor(contact.email, frozenset({name}), "by link", "contact", contact.pk, here.ip)):
                set_password_by_link(token=token, password=form.cleaned_data["password"])
        except Invalid as invalid:
            for word in (word for words in invalid.errors.values() for word in words):
                form.add_error("password", word)
        else:
            messages.success(request, "Your password is set. Log in with it now.")
            return redirect("portal:login")
    return _page(request, form, f"Set the password of {contact.email}", "Set password")


@never_cache
@require_safe
def look_in(request: HttpRequest, token: str) -> HttpResponse:
    """Opens the portal to a user of ours by an address that works once."""
    key = enter(token=token, place=place(request))
    if key is None:
        words = "This address was used before or its time is over: open the portal from the contact's page again."
        context = {"title": "This link does not work", "words": words}
        return render(request, "portal/dead_link.html", context, status=410)
    return opened(request, key, request.GET.get("next", ""))


def opened(request: HttpRequest, key: str, wanted: str) -> HttpResponse:
    """Into the portal, with the new session's cookie."""
    rotate_token(request)
    return let_in(request, key, wanted)


def ask_for_code(request: HttpRequest, token: str, wanted: str) -> HttpResponse:
    """The second step, after a password or a provider; then to the page that was wanted."""
    return _page(request, CodeForm(initial={"token": token}), "One more step", "Log in", **_second(wanted))


def _second(wanted: str) -> dict[str, str]:
    action = f"{reverse('portal:second_step')}?{urlencode({'next': wanted})}"
    return {"action": action, "back_url": reverse("portal:login")}


def _page(request: HttpRequest, form: HouseForm, title: str, button: str, **context: object) -> HttpResponse:
    given = {"form": form, "title": title, "button": button, **context}
    return render(request, "portal/entrance.html", given, status=form.status())


urlpatterns = [
    path("login/", login, name="login"),
    path("login/code/", second_step, name="second_step"),
    path("logout/", logout, name="logout"),
    path("forgot/", forgot, name="forgot"),
    path("set-password/<str:token>/", set_password, name="set_password"),
    path("enter/<str:token>/", look_in, name="enter"),
]
