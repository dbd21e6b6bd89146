"""The mail server and the SMS provider, each a block that tells what is set and tests it, with a form of its own.

Another page shows the blocks by `{% include "panel/mail_blocks.html" %}` with `**blocks(request)` in its context. The
mail server of a portal domain has the same form: `panel:domain_mail`.
"""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse

from tollgate.actions.acts import Invalid, acting
from tollgate.actions.mail_settings import (
    create_mail_settings,
    create_sms_settings,
    delete_mail_settings,
    send_test_email,
    send_test_sms,
    update_mail_settings,
    update_sms_settings,
)
from tollgate.actions.sms_receipts import receipt_address
from tollgate.gateways import mail
from tollgate.panel.access import actor, current_user, may, own_account, reading, writing
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.store.models import MailSettings, Message, PortalDomain, SmsSettings
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.words import worded

MODES = (
    ("auto", "By the port: 465 TLS, 587 STARTTLS, else STARTTLS where offered"),
    ("starttls", "STARTTLS, required"),
    ("tls", "TLS from the first byte"),
    ("none", "None: everything in clear"),
)
ID_DIGITS_MOST = 19
"""Where an id is no longer one: bigint ends, and so many digits are not worth reading."""
PROVIDERS = (("log", "None: only into the log, for development"), ("http", "A provider by HTTP"))


def secret_field(label: str, *, kept: bool) -> forms.CharField:
    """A secret that is written and never shown."""
    return forms.CharField(
        label=label,
        required=False,
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Empty: the one that is kept" if kept else "",
    )


class MailForm(HouseForm):
    """A mail server."""

    widths = {"from_address": 6, "from_name": 6, "server": 6, "mode": 6, "username": 6, "password": 6}
    versioned = True
    from_address = forms.EmailField(label="From Email Address", help_text="The sender of every mail")
    from_name = forms.CharField(max_length=100, required=False, label="From name")
    server = forms.CharField(
        max_length=270, help_text="mail.yourdomain.com, or with its port: mail.yourdomain.com:465. Without a port: 25"
    )
    mode = forms.ChoiceField(choices=MODES, label="Protection")
    username = forms.CharField(
        max_length=200,
        required=False,
        help_text="Empty: no login",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *arguments: Any, settings: MailSettings | None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        kept = secret_field("Password", kept=bool(settings and settings.password_sealed))
        _add(self, "password", kept)
        if settings is None:
            del self.fields["version"]


class SmsForm(HouseForm):
    """An SMS provider."""

    widths = {"provider": 6, "sms_from": 6, "url": 6, "key": 6}
    versioned = True
    provider = forms.ChoiceField(choices=PROVIDERS)
    sms_from = forms.CharField(
        max_length=16, required=False, label="SMS From", help_text="+37061234567, or up to 11 letters and digits"
    )
    url = forms.CharField(
        max_length=200, required=False, label="Address", help_text="https://sms.example.com/send, called by POST"
    )

    def __init__(self, *arguments: Any, settings: SmsSettings | None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        _add(self, "key", secret_field("Key", kept=bool(settings and settings.key_sealed)))
        if settings is None:
            del self.fields["version"]


class TestForm(HouseForm):
    """Where a test goes."""

    recipient = forms.CharField(max_length=254, label="To")


def blocks(request: HttpRequest) -> dict[str, Any]:
    """What `panel/mail_blocks.html` shows."""
    account = own_account(request)
    found = MailSettings.objects.filter(account=account, domain=None).first()
    texting = SmsSettings.objects.filter(account=account).first()
    changes_sms = may(request, "update_sms_settings")
    return {
        "mail_settings": found,
        "mail_server": mail.write_server(found.host, found.port) if found else "",
        "mail_mode": dict(MODES)[found.mode] if found else "",
        "mail_test": _test_form(request),
        "sms_settings": texting,
        "sms_receipts": receipt_address(texting) if texting and texting.provider == "http" and changes_sms else "",
        "sms_test": TestForm(initial={"recipient": account.mobile}, prefix="sms"),
    }


@reading
def mail_settings(request: HttpRequest) -> HttpResponseBase:
    """Both blocks."""
    context = {"title": "Mail and SMS", "breadcrumbs": crumbs(("System", "")), **blocks(request)}
    return render(request, "panel/mail_settings.html", context)


@writing("create_mail_settings", shown_to_all=False)
def new_mail_settings(request: HttpRequest) -> HttpResponseBase:
    """The mail server of the account, or of the portal domain named in the address."""
    account = own_account(request)
    domain = _named_domain(request, request.GET.get("domain", ""))
    form = MailForm(posted(request), initial={"mode": "auto"}, settings=None)
    if form.is_valid():
        owner = {"account_id": account.pk, "domain_id": domain.pk if domain else None}
        done = saved(request, form, create_mail_settings, **owner, **changes(form))
        if done is not None:
            return _saved(request, "The mail server is saved.", domain)
    return _mail_page(request, form, act="create_mail_settings", domain=domain, settings=None)


@writing("update_mail_settings")
def mail_server(request: HttpRequest, mail_settings_id: int) -> HttpResponseBase:
    """A mail server that is there."""
    found = _own(request, mail_settings_id)
    names = ("from_address", "from_name", "mode", "username")
    start = {**initial(found, names), "server": mail.write_server(found.host, found.port)}
    form = MailForm(posted(request), initial=start, settings=found)
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_mail_settings, mail_settings_id=found.pk, version=version, **changes(form))
        if done is not None:
            return _saved(request, "The mail server is saved.", found.domain)
    return _mail_page(request, form, act="update_mail_settings", domain=found.domain, settings=found)


@reading
def domain_mail(request: HttpRequest, domain_id: int) -> HttpResponseBase:
    """Leads to the mail server of a portal domain, or to where one is entered by those who may."""
    domain = get_object_or_404(PortalDomain, pk=domain_id, account=own_account(request))
    found = MailSettings.objects.filter(domain=domain).first()
    if found is not None:
        return redirect("panel:mail_server", found.pk)
    if may(request, "create_mail_settings"):
        return redirect(f"{reverse('panel:mail_server_new')}?domain={domain.pk}")
    messages.info(request, f"{domain.host} sends by the mail server of the account.")
    return redirect("panel:portal_domain", domain.pk)


@writing("create_sms_settings", shown_to_all=False)
def new_sms_settings(request: HttpRequest) -> HttpResponseBase:
    """How SMS are sent."""
    form = SmsForm(posted(request), settings=None)
    if form.is_valid():
        done = saved(request, form, create_sms_settings, account_id=own_account(request).pk, **changes(form))
        if done is not None:
            return _saved(request, "The SMS provider is saved.", None)
    return _form_page(request, form, "SMS", act="create_sms_settings")


@writing("update_sms_settings")
def sms_provider(request: HttpRequest, sms_settings_id: int) -> HttpResponseBase:
    """How SMS are sent now."""
    found = get_object_or_404(SmsSettings, pk=sms_settings_id, account=own_account(request))
    form = SmsForm(posted(request), initial=initial(found, ("provider", "sms_from", "url")), settings=found)
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_sms_settings, sms_settings_id=found.pk, version=version, **changes(form))
        if done is not None:
            return _saved(request, "The SMS provider is saved.", None)
    return _form_page(request, form, "SMS", act="update_sms_settings")


@writing("delete_mail_settings", shown_to_all=False)
def remove_mail_server(request: HttpRequest, mail_settings_id: int) -> HttpResponseBase:
    """Lets a portal domain send by the account's mail server again."""
    found = _own(request, mail_settings_id)
    if request.method == "POST":
        press(request, delete_mail_settings, "The mail server is removed.", mail_settings_id=found.pk)
    return redirect(_after(found.domain))


@writing("send_test_email", shown_to_all=False)
def test_mail(request: HttpRequest) -> HttpResponseBase:
    """Sends a test mail and shows the dialogue."""
    given: dict[str, Any] = {"recipient": request.POST.get("mail-recipient", "")}
    domain = _named_domain(request, request.POST.get("domain_id", ""))
    if domain is not None:
        given["domain_id"] = domain.pk
    return _tested(request, send_test_email, given)


@writing("send_test_sms", shown_to_all=False)
def test_sms(request: HttpRequest) -> HttpResponseBase:
    """Sends a test SMS and shows the provider's answer."""
    return _tested(request, send_test_sms, {"recipient": request.POST.get("sms-recipient", "")})


def _own(request: HttpRequest, mail_settings_id: int) -> MailSettings:
    found = MailSettings.objects.select_related("domain")
    return get_object_or_404(found, pk=mail_settings_id, account=own_account(request))


def _named_domain(request: HttpRequest, word: str) -> PortalDomain | None:
    """The portal domain of an id that came from outside; None where none is named."""
    if not word.isdecimal():
        return None
    if len(word) >= ID_DIGITS_MOST:
        raise Http404
    return get_object_or_404(PortalDomain, pk=int(word), account=own_account(request))


def _mail_page(
    request: HttpRequest, form: MailForm, *, act: str, domain: PortalDomain | None, settings: MailSettings | None
) -> HttpResponseBase:
    shown = {"domain": domain, "settings": settings, "mail_test": _test_form(request)}
    title = worded("Mail of {host}", host=domain.host) if domain else "Mail"
    return _form_page(request, form, title, act=act, template="panel/mail_server.html", **shown)


def _form_page(
    request: HttpRequest, form: HouseForm, title: str, *, act: str, template: str = "panel/form.html", **context: Any
) -> HttpResponseBase:
    return render_form(
        request,
        form,
        template=template,
        title=title,
        breadcrumbs=crumbs(("System", ""), ("Mail and SMS", _back())),
        back_url=_back(),
        can_stay=True,
        read_only=not may(request, act),
        **context,
    )


def _saved(request: HttpRequest, said: str, domain: PortalDomain | None) -> HttpResponseBase:
    return after_save(request, said, form_url=request.get_full_path(), done_url=_after(domain))


def _after(domain: PortalDomain | None) -> str:
    """Where the settings are seen: the blocks, or for a portal domain its own page."""
    return reverse("panel:domain_mail", args=[domain.pk]) if domain else _back()


def _test_form(request: HttpRequest) -> TestForm:
    return TestForm(initial={"recipient": current_user(request).email}, prefix="mail")


def _tested(request: HttpRequest, act: Any, arguments: dict[str, Any]) -> HttpResponseBase:
    """The result as a part of the page that asked, or without scripts as the page of the message."""
    if request.method != "POST":
        return redirect(_back())
    tested: Message | None = None
    refused = ""
    try:
        with acting(actor(request)):
            tested = act(account_id=own_account(request).pk, **arguments)
    except Invalid as invalid:
        refused = " ".join(sentence for sentences in invalid.errors.values() for sentence in sentences)
    if request.headers.get("HX-Request"):
        return render(request, "panel/mail_tested.html", {"message": tested, "refused": refused})
    if tested is None:
        messages.error(request, refused)
        return redirect(_back())
    return redirect("panel:message", tested.pk)


def _add(form: HouseForm, name: str, field: forms.Field) -> None:
    """A field that depends on the record, dressed like the others."""
    field.widget.attrs.update({"class": "form-control", "data-width": str(form.widths[name])})
    form.fields[name] = field


def _back() -> str:
    return reverse("panel:mail_settings")


urlpatterns = [
    path("mail-settings/", mail_settings, name="mail_settings"),
    path("mail-settings/new/", new_mail_settings, name="mail_server_new"),
    path("mail-settings/<int:mail_settings_id>/", mail_server, name="mail_server"),
    path("mail-settings/<int:mail_settings_id>/delete/", remove_mail_server, name="mail_server_delete"),
    path("mail-settings/test-mail/", test_mail, name="mail_test"),
    path("mail-settings/test-sms/", test_sms, name="sms_test"),
    path("sms-settings/new/", new_sms_settings, name="sms_provider_new"),
    path("sms-settings/<int:sms_settings_id>/", sms_provider, name="sms_provider"),
    path("portal-domains/<int:domain_id>/mail/", domain_mail, name="domain_mail"),
]
