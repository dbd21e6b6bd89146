"""The service agreement: its text, its versions, who accepted which, and the act of accepting."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from tollgate.actions.agreements import accept_agreement, acceptance_by, newest_agreement, publish_agreement
from tollgate.panel.access import current_user, own_account, reading, writing
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, posted, press, saved
from tollgate.store.models import Account, Agreement
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.words import as_is


class AgreementForm(HouseForm):
    """A version."""

    widths = {"title": 8, "text": 12}
    title = forms.CharField(max_length=200)
    text = forms.CharField(max_length=200_000, widget=forms.Textarea(attrs={"rows": 20, "maxlength": 200_000}))


def block(request: HttpRequest, account: Account) -> dict[str, Any]:
    """What the account page shows: the newest version, and whether this user has accepted it."""
    newest = newest_agreement(account)
    held = acceptance_by(newest, current_user(request).pk) if newest else None
    return {"agreement": newest, "acceptance": held}


@reading
def agreement(request: HttpRequest, number: int) -> HttpResponseBase:
    """The text of one version, with who accepted it."""
    account = own_account(request)
    found = get_object_or_404(Agreement, account=account, number=number)
    context = {
        "title": as_is(found.title),
        "breadcrumbs": crumbs(("System", ""), ("Account", reverse("panel:account"))),
        "found": found,
        "acceptances": found.acceptances.order_by("at"),
        "versions": account.agreements.order_by("-number"),
        **block(request, account),
    }
    return render(request, "panel/agreement.html", context)


@writing("publish_agreement", shown_to_all=False)
def new_agreement(request: HttpRequest) -> HttpResponseBase:
    """The next version."""
    account = own_account(request)
    newest = newest_agreement(account)
    start = {"title": newest.title if newest else "Service agreement", "text": newest.text if newest else ""}
    form = AgreementForm(posted(request), initial=start)
    if form.is_valid():
        done = saved(request, form, publish_agreement, account_id=account.pk, **form.cleaned_data)
        if done is not None:
            words = f"Version {done.number} is published; the dashboard asks whoever may accept it."
            return after_save(request, words, form_url=request.path, done_url=reverse("panel:account"))
    return render_form(
        request,
        form,
        template="panel/form.html",
        title="Publish an agreement",
        breadcrumbs=crumbs(("System", ""), ("Account", reverse("panel:account"))),
        back_url=reverse("panel:account"),
        save_title="Publish",
    )


@writing("accept_agreement", shown_to_all=False)
@require_POST
def accept(request: HttpRequest, number: int) -> HttpResponseBase:
    """Accepts what was read."""
    found = get_object_or_404(Agreement, account=own_account(request), number=number)
    sha256 = request.POST.get("sha256", "")
    press(request, accept_agreement, "The agreement is accepted.", agreement_id=found.pk, sha256=sha256)
    return redirect("panel:account")


urlpatterns = [
    path("account-settings/agreement/new/", new_agreement, name="agreement_new"),
    path("account-settings/agreement/<int:number>/", agreement, name="agreement"),
    path("account-settings/agreement/<int:number>/accept/", accept, name="agreement_accept"),
]
