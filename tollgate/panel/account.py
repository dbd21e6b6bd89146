"""The account: one page of blocks, each with a form of its own. Packages and agreement are in files beside this.

A block is an entry of `BLOCKS`: its title, its form and the act that saves it.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from django_countries import countries

from tollgate.actions.account_balance import told
from tollgate.actions.account_billing import (
    LOCK,
    change_billing_method,
    method_on,
    next_change_at,
    override_billing_method,
    set_account_tariff,
    top_up_account,
    wallet_of,
)
from tollgate.actions.account_identity import (
    ADDRESS,
    DEAD_LINK,
    confirm_account_address,
    confirm_account_email,
    decide_change_request,
    email_waits_until,
    find_email_link,
    request_address_change,
    send_account_code,
    take_back_account_email,
    update_account_email,
    verify_account_mobile,
    verify_account_phone,
)
from tollgate.actions.account_pause import PAUSED, WORDS
from tollgate.actions.accounts import update_account
from tollgate.actions.acts import Actor
from tollgate.panel import account_agreement, account_packages
from tollgate.panel.access import client_ip, current_user, may, own_account, reading, writing
from tollgate.panel.fields import ChannelsField, CpsField, choices
from tollgate.panel.frame import crumbs
from tollgate.panel.mail_settings import blocks as mail_blocks
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.store.models import Account, ChangeRequest
from tollgate.store.queries.obeyed import obeyed
from tollgate.ui.fields import SEARCHABLE, DurationField, MoneyField, PriceField, ZoneField
from tollgate.ui.forms import HouseForm, render_form

METHODS = {"per_minute": "Per minute", "per_channel": "Per channel"}


class CompanyForm(HouseForm):
    """Who the operator is."""

    widths = {"name": 6, "company": 6, "registration_id": 6, "vat_id": 6, "ocn": 6, "frn": 6, "zone": 6}
    versioned = True
    name = forms.CharField(max_length=200, help_text="As the panel and mails call it")
    company = forms.CharField(max_length=200, required=False, help_text="The legal name, as it stands on documents")
    registration_id = forms.CharField(max_length=100, required=False, label="Company registration ID")
    vat_id = forms.CharField(
        max_length=20, required=False, label="VAT registration ID", help_text="With its country, such as LT123456789"
    )
    ocn = forms.CharField(
        max_length=4, required=False, label="OCN", help_text="Operating Company Number, 4 letters and digits"
    )
    frn = forms.CharField(max_length=50, required=False, label="FRN")
    zone = ZoneField(help_text="Offered first where a zone is chosen")

    def __init__(self, *arguments: Any, account: Account, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if account.country == "US":
            self.fields["frn"].label = "FCC Registration Number"
            self.fields["frn"].help_text = "10 digits"


class ContactForm(HouseForm):
    """How the operator is reached."""

    widths = {"phone": 6, "mobile": 6}
    versioned = True
    phone = forms.CharField(max_length=20, required=False, help_text="International, such as +37052123456")
    mobile = forms.CharField(max_length=20, required=False, help_text="Verified by a code in an SMS")

    def __init__(self, *arguments: Any, account: Account, **options: Any) -> None:
        super().__init__(*arguments, **options)


class CallsForm(HouseForm):
    """What holds for all calls together."""

    widths = {"challenge_unknown": 12}
    versioned = True
    status = forms.ChoiceField(choices=choices("active", "paused"), help_text="Paused refuses every new call")  # type: ignore[assignment]  # Django takes fields out of the class
    channels = ChannelsField(help_text="All calls together; 0 = no limit")
    cps_milli = CpsField(label="New calls per second", help_text="All calls together; 0 = no limit")
    slice_s = DurationField(
        label="Slice", most=3600, help_text="How much talk is paid ahead at a time. Shorter holds less money"
    )
    validity_s = DurationField(
        label="Silence allowed",
        least=5,
        most=3600,
        help_text="After twice as long without a sign of life since its grant ran out a call is settled",
    )
    challenge_unknown = forms.BooleanField(required=False, label="Ask callers from unknown addresses for a password")

    def __init__(self, *arguments: Any, account: Account, **options: Any) -> None:
        super().__init__(*arguments, **options)


class BalanceForm(HouseForm):
    """When users are told of the balance with the platform."""

    widths = {"low_balance_micros": 6}
    versioned = True
    low_balance_micros = MoneyField(
        label="Low balance notice",
        required=False,
        help_text="Below it users are told by mail, once; empty tells nobody",
    )

    def __init__(self, *arguments: Any, account: Account, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.set_unit("low_balance_micros", account.currency)


class EmailForm(HouseForm):
    """Another email of the account."""

    widths = {"email": 6}
    email = forms.EmailField(help_text="A link is sent there; until it is followed the old email holds")


class AddressForm(HouseForm):
    """Another address, to be approved."""

    widths = {"address_line1": 6, "address_line2": 6, "message": 12}
    address_line1 = forms.CharField(max_length=200, label="Address 1")
    address_line2 = forms.CharField(max_length=200, required=False, label="Address 2")
    city = forms.CharField(max_length=100)
    state = forms.CharField(max_length=100, required=False, label="State or county")
    postcode = forms.CharField(max_length=20, required=False, label="Post code")
    country = forms.ChoiceField(choices=[("", ""), *countries], widget=forms.Select(attrs=SEARCHABLE))
    message = forms.CharField(
        max_length=2000, required=False, label="Why", widget=forms.Textarea(attrs={"rows": 2, "maxlength": 2000})
    )


class MethodForm(HouseForm):
    """The other billing method."""

    widths = {"reason": 12, "keep_lock": 12}
    reason = forms.CharField(max_length=500, required=False, help_text="Only to pass over the lock")
    keep_lock = forms.BooleanField(
        required=False, initial=True, label="The 30 days go on from the change before, not from now"
    )


class TariffForm(HouseForm):
    """What the platform asks."""

    widths = {"minute_price_nanos": 6, "channel_day_price_nanos": 6}
    minute_price_nanos = PriceField(label="Per minute", least=0)
    channel_day_price_nanos = PriceField(label="Per channel and day", least=0)


class TopUpForm(HouseForm):
    """Money to the account's own balance."""

    widths = {"note": 8}
    amount_micros = MoneyField(label="Amount", least=1)
    note = forms.CharField(max_length=1000, required=False)
    key = forms.CharField(max_length=100, widget=forms.HiddenInput)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["key"].initial = lambda: uuid4().hex  # a second press of the button books nothing


class CodeForm(HouseForm):
    """The code of an SMS."""

    code = forms.CharField(max_length=10, widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}))


BLOCKS: dict[str, tuple[str, Callable[..., HouseForm], tuple[str, ...]]] = {
    "company": ("Company", CompanyForm, ("name", "company", "registration_id", "vat_id", "ocn", "frn", "zone")),
    "contact": ("Contact information", ContactForm, ("phone", "mobile")),
    "calls": (
        "Calls",
        CallsForm,
        ("status", "channels", "cps_milli", "slice_s", "validity_s", "challenge_unknown"),
    ),
    "balance": ("Balance notice", BalanceForm, ("low_balance_micros",)),
}


@reading
def account(request: HttpRequest) -> HttpResponseBase:
    """Every block as it stands; of a paused account only balance and billing."""
    found, at = own_account(request), datetime.now(UTC)
    context: dict[str, Any] = {
        "title": "Account",
        "breadcrumbs": crumbs(("System", "")),
        "account": found,
        "wallet": wallet_of(found),
        "nobody_told": found.low_balance_micros is not None and not told(found),
        "country": dict(countries).get(found.country, found.country),
        "request_open": ChangeRequest.objects.filter(account=found, state="open").first(),
        "method": METHODS[method_on(found, at.date())],
        "method_next": METHODS[found.billing_method] if found.billing_method != method_on(found, at.date()) else "",
        "free_at": _free_at(found, at),
        "code_form": CodeForm(),
        "obeyed": obeyed(at),
        "email_waits_until": email_waits_until(found) if found.pending_email else None,
        "ticket": _ticket(found, current_user(request).email),
        **mail_blocks(request),
        **account_packages.block(found, at),
        **account_agreement.block(request, found),
    }
    return render(request, "panel/account.html", context)


@writing("update_account")
def edit_block(request: HttpRequest, block: str) -> HttpResponseBase:
    """The form of one block."""
    if block not in BLOCKS:
        raise Http404("There is no such block.")
    found = own_account(request)
    title, form_class, names = BLOCKS[block]
    form = form_class(posted(request), initial=initial(found, names), account=found)
    if found.status == PAUSED:
        _keep_status_alone(form)
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_account, account_id=found.pk, version=version, **changes(form))
        if done is not None:
            return after_save(request, f"{title} is saved.", form_url=request.path, done_url=_back())
    shut = "status" not in form.fields and found.status == PAUSED
    lead = WORDS if found.status == PAUSED else ""
    read_only = shut or not may(request, "update_account")
    return _page(request, form, f"Account: {title.lower()}", read_only=read_only, lead=lead)


def _keep_status_alone(form: HouseForm) -> None:
    """All that is changed of a paused account by a form with its status; a form without it is shut."""
    if "status" in form.fields:
        for name in set(form.fields) - {"status", "version"}:
            del form.fields[name]


@writing("update_account_email", shown_to_all=False)
def edit_email(request: HttpRequest) -> HttpResponseBase:
    """Another email, confirmed where it leads."""
    found = own_account(request)
    form = EmailForm(posted(request), initial={"email": found.email})
    if form.is_valid():
        done = saved(request, form, update_account_email, account_id=found.pk, **form.cleaned_data)
        if done is not None:
            words = f"A link to confirm it is on its way to {done.pending_email}."
            return after_save(request, words, form_url=request.path, done_url=_back())
    return _page(request, form, "Account: email", save_title="Send the link")


@writing("take_back_account_email", shown_to_all=False)
@require_POST
def take_back_email(request: HttpRequest) -> HttpResponseBase:
    """Keeps the email that holds."""
    press(request, take_back_account_email, "The email stays as it is.", account_id=own_account(request).pk)
    return redirect("panel:account")


@writing("confirm_account_address", shown_to_all=False)
@require_POST
def confirm_address(request: HttpRequest) -> HttpResponseBase:
    """The address is right."""
    press(request, confirm_account_address, "Thank you: the address is confirmed.", account_id=own_account(request).pk)
    return redirect("panel:account")


@writing("request_address_change", shown_to_all=False)
def ask_address(request: HttpRequest) -> HttpResponseBase:
    """The address is wrong: what it should be."""
    found = own_account(request)
    form = AddressForm(posted(request), initial=initial(found, ADDRESS))
    if form.is_valid():
        done = saved(request, form, request_address_change, account_id=found.pk, **form.cleaned_data)
        if done is not None:
            words = "Your request is kept: the address changes when it is approved."
            return after_save(request, words, form_url=request.path, done_url=_back())
    return _page(request, form, "Account: ask for another address", save_title="Ask for the change")


@writing("decide_change_request", shown_to_all=False)
@require_POST
def decide_address(request: HttpRequest, request_id: int) -> HttpResponseBase:
    """Approves or rejects what was asked for."""
    get_object_or_404(ChangeRequest, pk=request_id, account=own_account(request))
    approve = request.POST.get("approve") == "yes"
    words = "The address is changed." if approve else "The request is rejected."
    press(request, decide_change_request, words, request_id=request_id, approve=approve)
    return redirect("panel:account")


@writing("change_billing_method", shown_to_all=False)
def edit_method(request: HttpRequest) -> HttpResponseBase:
    """Asks before it changes the billing method, with both tariffs and the day the next change is possible."""
    found, at = own_account(request), datetime.now(UTC)
    other = next(name for name in METHODS if name != found.billing_method)
    locked_until = _free_at(found, at)
    form = MethodForm(posted(request))
    if locked_until is None:
        del form.fields["reason"], form.fields["keep_lock"]
    elif not may(request, "override_billing_method"):
        raise PermissionDenied(f"The billing method is locked until {locked_until:%Y-%m-%d %H:%M} UTC.")
    if form.is_valid():
        act = change_billing_method if locked_until is None else override_billing_method
        done = saved(request, form, act, account_id=found.pk, method=other, **form.cleaned_data)
        if done is not None:
            words = f"From tomorrow (UTC) on the account is charged {METHODS[other].lower()}."
            return after_save(request, words, form_url=_back(), done_url=_back())
    return _page(
        request,
        form,
        f"Change to {METHODS[other].lower()}",
        template="panel/account_method.html",
        save_title=f"Change to {METHODS[other].lower()}",
        account=found,
        other=METHODS[other],
        locked_until=locked_until,
        next_at=at + LOCK,
    )


@writing("set_account_tariff", shown_to_all=False)
def edit_tariff(request: HttpRequest) -> HttpResponseBase:
    """The platform's prices."""
    found = own_account(request)
    names = ("minute_price_nanos", "channel_day_price_nanos")
    form = TariffForm(posted(request), initial=initial(found, names))
    form.set_unit("minute_price_nanos", f"{found.currency}/min")
    form.set_unit("channel_day_price_nanos", f"{found.currency}/day")
    if form.is_valid():
        done = saved(request, form, set_account_tariff, account_id=found.pk, **form.cleaned_data)
        if done is not None:
            return after_save(request, "The tariff is saved.", form_url=request.path, done_url=_back())
    return _page(request, form, "Account: tariff")


@writing("top_up_account", shown_to_all=False)
def top_up(request: HttpRequest) -> HttpResponseBase:
    """Money received for the account."""
    found = own_account(request)
    form = TopUpForm(posted(request))
    form.set_unit("amount_micros", found.currency)
    if form.is_valid():
        done = saved(request, form, top_up_account, account_id=found.pk, **form.cleaned_data)
        if done is not None:
            return after_save(request, "The money is booked.", form_url=request.path, done_url=_back())
    return _page(request, form, "Account: top up", save_title="Top up")


@writing("verify_account_phone", shown_to_all=False)
@require_POST
def verify_phone(request: HttpRequest) -> HttpResponseBase:
    """The phone was tried."""
    reason = request.POST.get("reason", "")
    press(request, verify_account_phone, "The phone is verified.", account_id=own_account(request).pk, reason=reason)
    return redirect("panel:account")


@writing("send_account_code", shown_to_all=False)
@require_POST
def send_code(request: HttpRequest) -> HttpResponseBase:
    """Sends a code to the mobile."""
    press(request, send_account_code, "A code is on its way to the mobile.", account_id=own_account(request).pk)
    return redirect("panel:account")


@writing("verify_account_mobile", shown_to_all=False)
@require_POST
def verify_mobile(request: HttpRequest) -> HttpResponseBase:
    """Tries a code."""
    found = own_account(request)
    if press(request, verify_account_mobile, "", account_id=found.pk, code=request.POST.get("code", "")):
        found.refresh_from_db()
        if found.mobile_verified_at:
            messages.success(request, "The mobile is verified.")
        else:
            messages.error(request, "This code does not fit, or its time is over.")
    return redirect("panel:account")


@never_cache
def follow_email_link(request: HttpRequest, token: str) -> HttpResponseBase:
    """What the link in the mail opens; a button follows it, for programs open links too."""
    code = find_email_link(token)
    if code is None:
        messages.error(request, DEAD_LINK)
        return redirect("account_login")
    if request.method == "POST":
        name = confirm_account_email.__name__
        who = Actor(code.target, frozenset({name}), "by a link", "user", None, client_ip(request))
        press(request, confirm_account_email, "The new email holds from now on.", who=who, token=token)
        return redirect("account_login")
    return render(request, "panel/confirm_email.html", {"title": "Confirm the email", "email": code.target})


def _free_at(account: Account, at: datetime) -> datetime | None:
    """When the method may be changed, if not now."""
    free_at = next_change_at(account)
    return free_at if free_at is not None and at < free_at else None


def _page(
    request: HttpRequest, form: HouseForm, title: str, *, template: str = "panel/form.html", **context: Any
) -> HttpResponseBase:
    way = crumbs(("System", ""), ("Account", _back()))
    return render_form(request, form, template=template, title=title, breadcrumbs=way, back_url=_back(), **context)


def _ticket(account: Account, author: str) -> str:
    """What a mail to support says to begin with, as the query of its address."""
    text = f"Account: {account.name} (number {account.pk})\nWritten by: {author}\n\nPlease change: "
    return urlencode({"subject": f"Account {account.name}", "body": text}, quote_via=quote)


def _back() -> str:
    return reverse("panel:account")


urlpatterns = [
    path("account-settings/", account, name="account"),
    path("account-settings/email/", edit_email, name="account_email"),
    path("account-settings/email/back/", take_back_email, name="account_email_back"),
    path("account-settings/address/", ask_address, name="account_address"),
    path("account-settings/address/confirm/", confirm_address, name="account_address_confirm"),
    path("account-settings/address/<int:request_id>/", decide_address, name="account_address_decide"),
    path("account-settings/method/", edit_method, name="account_method"),
    path("account-settings/tariff/", edit_tariff, name="account_tariff"),
    path("account-settings/top-up/", top_up, name="account_top_up"),
    path("account-settings/phone/", verify_phone, name="account_phone"),
    path("account-settings/code/", send_code, name="account_code"),
    path("account-settings/mobile/", verify_mobile, name="account_mobile"),
    path("account-settings/block/<slug:block>/", edit_block, name="account_block"),
    path("confirm-email/<str:token>/", follow_email_link, name="confirm_email"),
]
