"""The account: the operator's own company, its limits and what holds for all its calls."""

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path

from tollgate.actions.accounts import update_account
from tollgate.panel.access import may, own_account, writing
from tollgate.panel.fields import ChannelsField, CpsField, choices
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, saved
from tollgate.ui.fields import DurationField, ZoneField
from tollgate.ui.forms import HouseForm, render_form


class AccountForm(HouseForm):
    """Names, limits and rules of the account."""

    tabs = [
        ("Basic", ["name", "company", "email", "zone", "status"]),
        ("Calls", ["channels", "cps_milli", "slice_s", "validity_s", "challenge_unknown", "recording"]),
    ]
    widths = {"challenge_unknown": 12, "recording": 12}
    versioned = True
    name = forms.CharField(max_length=200)
    company = forms.CharField(max_length=200, required=False, help_text="As it stands on documents")
    email = forms.EmailField(required=False)
    zone = ZoneField(help_text="Offered first where a zone is chosen")
    status = forms.ChoiceField(choices=choices("active", "paused"), help_text="Paused refuses every new call")  # type: ignore[assignment]  # Django takes fields out of the class
    channels = ChannelsField(help_text="All calls together; 0 = no limit")
    cps_milli = CpsField(label="New calls per second", help_text="All calls together; 0 = no limit")
    slice_s = DurationField(
        label="Slice", most=3600, help_text="How much talk is paid ahead at a time. Shorter holds less money"
    )
    validity_s = DurationField(
        label="Silence allowed", least=5, most=3600, help_text="After so long without a sign of life a call is settled"
    )
    challenge_unknown = forms.BooleanField(required=False, label="Ask callers from unknown addresses for a password")
    recording = forms.BooleanField(required=False, label="Calls may be recorded, where customer and route say so too")


@writing("update_account")
def account(request: HttpRequest) -> HttpResponseBase:
    """The settings of the account."""
    found = own_account(request)
    names = [name for _, fields in AccountForm.tabs for name in fields]
    form = AccountForm(posted(request), initial=initial(found, names))
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_account, account_id=found.pk, version=version, **changes(form))
        if done is not None:
            return after_save(request, "The account is saved.", form_url=request.path, done_url=request.path)
    return render_form(
        request,
        form,
        title=f"Account: {found.name}",
        breadcrumbs=crumbs(("System", "")),
        read_only=not may(request, "update_account"),
    )


urlpatterns = [path("account-settings/", account, name="account")]
