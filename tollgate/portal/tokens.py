"""The contact's own API tokens: made here, shown once, revoked at once. The list stands on the page of the login."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from tollgate.actions.acts import EVERY_ACT
from tollgate.actions.contact_tokens import create_contact_token, revoke_contact_token, tokens_of
from tollgate.actions.portal_access import Visit
from tollgate.portal.access import visiting
from tollgate.portal.frame import SECTION_PAGES
from tollgate.portal.saving import posted, press, saved
from tollgate.ui.fields import TicksWidget
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.layout import Crumb

LIVES = (("30", "in 30 days"), ("90", "in 90 days"), ("365", "in a year"), ("", "when I revoke it"))


class TokenForm(HouseForm):
    """What a program may see and do in the contact's name."""

    widths = {"name": 6, "days": 6, "scopes": 12, "allowed_networks": 12}
    name = forms.CharField(max_length=100, help_text="Where it is used")
    days = forms.ChoiceField(label="Ends", choices=LIVES, required=False, initial="90")
    scopes = forms.MultipleChoiceField(label="Opens", help_text="What you see here, and never more", widget=TicksWidget)
    allowed_networks = forms.CharField(
        required=False,
        label="Used from",
        help_text="IP addresses or networks, one per line; empty = from wherever you may log in",
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def given(self, at: datetime) -> dict[str, Any]:
        """The arguments of the act."""
        days = int(self.cleaned_data["days"] or 0)
        return {
            "name": self.cleaned_data["name"],
            "scopes": self.cleaned_data["scopes"],
            "expires_at": at + timedelta(days=days) if days else None,
            "allowed_networks": self.cleaned_data["allowed_networks"].split(),
        }

    def __init__(self, *arguments: Any, visit: Visit, **options: Any) -> None:
        super().__init__(*arguments, **options)
        field = self.fields["scopes"]
        assert isinstance(field, forms.MultipleChoiceField)
        shown = [(name, page[0]) for name, page in SECTION_PAGES.items() if name in visit.sections]
        field.choices = [(EVERY_ACT, "Everything that I see here"), *shown]


@visiting(own=True)
def new_token(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """A token; its secret is shown on the next page and never again."""
    form = TokenForm(posted(request), visit=visit)
    back = reverse("portal:security")
    if form.is_valid():
        given = form.given(datetime.now(UTC))
        done = saved(request, form, visit, create_contact_token, contact_id=visit.contact.pk, **given)
        if done is not None:
            return render(request, "portal/token.html", {"title": "Your new token", "token": done, "back_url": back})
    way = [Crumb("Security", back)]
    context: dict[str, Any] = {
        "template": "portal/form.html",
        "breadcrumbs": way,
        "back_url": back,
        "save_title": "Create",
    }
    return render_form(request, form, title="New API token", **context)


@require_POST
@visiting(own=True)
def revoke_token(request: HttpRequest, visit: Visit, token_id: int) -> HttpResponseBase:
    """Ends one of the own tokens at once."""
    if not tokens_of(visit.contact).filter(pk=token_id).exists():
        raise Http404
    given = {"contact_id": visit.contact.pk, "token_id": token_id}
    press(request, visit, revoke_contact_token, "The token is revoked.", **given)
    return redirect("portal:security")


urlpatterns = [
    path("tokens/new/", new_token, name="token_new"),
    path("tokens/<int:token_id>/revoke/", revoke_token, name="token_revoke"),
]
