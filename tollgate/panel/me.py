"""The user's own page: password, second factor, zone and theme. Everybody who may log in may change these."""

from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from tollgate.actions.acts import Actor, Invalid, acting
from tollgate.actions.users import update_user
from tollgate.panel.access import current_user
from tollgate.panel.saving import after_save, posted
from tollgate.ui.fields import ZoneField
from tollgate.ui.forms import HouseForm, render_form

REASON = "own settings"


class MeForm(HouseForm):
    """What a user decides alone."""

    widths = {"name": 6, "zone": 6}
    name = forms.CharField(max_length=200)
    zone = ZoneField(help_text="The page of a call tells this time beside UTC")


@login_required
def me(request: HttpRequest) -> HttpResponseBase:
    """One's own name, zone and security."""
    user = current_user(request)
    form = MeForm(posted(request), initial={"name": user.name, "zone": user.zone})
    if form.is_valid():
        _save(request, **form.cleaned_data)
        return after_save(request, "Your settings are saved.", form_url=request.path, done_url=reverse("panel:me"))
    context: dict[str, Any] = {"title": "Account and security", "second_factor": is_mfa_enabled(user)}
    return render_form(request, form, template="panel/me.html", **context)


@login_required
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Keeps the theme that the user picked in the menu."""
    try:
        _save(request, theme=request.POST.get("theme", ""))
    except Invalid as invalid:
        return HttpResponse(str(invalid), status=422, content_type="text/plain; charset=utf-8")
    return HttpResponse(status=204)


def _save(request: HttpRequest, **fields: str) -> None:
    """The user's own fields need no group."""
    user = current_user(request)
    with acting(Actor(user.email, frozenset({"update_user"}), REASON)):
        update_user(user_id=user.pk, **fields)  # type: ignore[arg-type]  # names are those of the form


urlpatterns = [
    path("me/", me, name="me"),
    path("me/theme/", theme, name="theme"),
]
