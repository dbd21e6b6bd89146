"""Pages for people who are not logged in: a forgotten password, and the links that set a new one and prove an email."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.cache import never_cache

from tollgate.actions import user_emails
from tollgate.actions.acts import Actor
from tollgate.actions.user_passwords import DEAD_LINK, find_link, forgotten, set_user_password_by_link
from tollgate.panel.saving import posted, press, saved_by
from tollgate.ui.forms import HouseForm
from tollgate.ui.requests import client_ip


class EmailForm(HouseForm):
    """Whose password is forgotten."""

    widths = {"email": 12}
    email = forms.EmailField(label="Email")


class PasswordForm(HouseForm):
    """The new password."""

    widths = {"password": 12}
    password = forms.CharField(
        label="New password",
        strip=False,
        help_text="At least 10 characters. A few words that belong to no song are easy to keep",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


@never_cache
def forgot(request: HttpRequest) -> HttpResponseBase:
    """Sends a link if somebody logs in with that email; the answer is the same if nobody does."""
    form = EmailForm(posted(request))
    if form.is_valid():
        forgotten(email=form.cleaned_data["email"], ip=client_ip(request))
        messages.success(request, "If somebody logs in with this email, a link to set a password is on its way there.")
        return redirect("account_login")
    context = {"title": "Forgot your password?", "form": form, "button": "Send a link"}
    return render(request, "panel/entrance.html", context, status=422 if form.errors else 200)


@never_cache
def set_password(request: HttpRequest, token: str) -> HttpResponseBase:
    """Takes the new password of whom the link was sent to."""
    code = find_link(token)
    if code is None:
        messages.error(request, DEAD_LINK)
        return redirect("account_login")
    form = PasswordForm(posted(request))
    if form.is_valid():
        name = set_user_password_by_link.__name__
        actor = Actor(code.target, frozenset({name}), "by a link", "user", code.user_id, client_ip(request))
        password = form.cleaned_data["password"]
        if saved_by(actor, request, form, set_user_password_by_link, token=token, password=password) is not None:
            messages.success(request, "Your password is set. Log in with it.")
            return redirect("account_login")
    context = {"title": "Set your password", "form": form, "button": "Set the password"}
    return render(request, "panel/entrance.html", context, status=422 if form.errors else 200)


@never_cache
def confirm_login_email(request: HttpRequest, token: str) -> HttpResponseBase:
    """What the link in the mail opens; a button follows it, for programs open links too."""
    code = user_emails.find_link(token)
    if code is None:
        messages.error(request, DEAD_LINK)
        return redirect("account_login")
    act = user_emails.confirm_user_email
    if request.method == "POST":
        who = Actor(code.target, frozenset({act.__name__}), "by a link", "user", code.user_id, client_ip(request))
        press(request, act, "Thank you: the email is confirmed.", who=who, token=token)
        return redirect("account_login")
    context = {"title": "Confirm the email", "email": code.target, "of_login": True}
    return render(request, "panel/confirm_email.html", context)


urlpatterns = [
    path("forgot/", forgot, name="forgot"),
    path("set-password/<str:token>/", set_password, name="set_password"),
    path("confirm-login-email/<str:token>/", confirm_login_email, name="confirm_login_email"),
]
