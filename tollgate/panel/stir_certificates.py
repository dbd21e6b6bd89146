"""Certificates that calls are signed with (STIR/SHAKEN): taken in with their key, which is never shown again."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse

from tollgate.actions.stir_certificates import (
    MOST_PEM,
    create_stir_certificate,
    delete_stir_certificate,
    update_stir_certificate,
)
from tollgate.panel.access import may, own_account, reading, writing
from tollgate.panel.cells import link
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.store.models import StirCertificate
from tollgate.ui.columns import Column, Kind
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is

PEM = {"rows": 8, "class": "font-monospace", "spellcheck": "false", "autocomplete": "off"}
FIELDS = ("name", "chain", "url", "is_default", "enabled")


def state(row: StirCertificate) -> str:
    """Whether it signs now, and if not, why."""
    at = datetime.now(UTC)
    if not row.enabled:
        return "Disabled"
    if at >= row.expires_at:
        return "Expired"
    return "Signs" if at >= row.starts_at else "Not valid yet"


LIST = Grid(
    name="stir_certificates",
    columns=(
        Column("name", "Certificate", sort="name", link=link("panel:stir_certificate", lambda row: row.pk)),
        Column("codes", "Provider code"),
        Column("issuer", "Issuer", hidden=True),
        Column("expires_at", "Expires at (UTC)", kind=Kind.INSTANT, sort="expires_at"),
        Column(
            "is_default",
            "Use",
            value=lambda row: "Default" if row.is_default else None,
            kind=Kind.BADGE,
            tone={"default": "blue"},
            sort="is_default",
        ),
        Column("rules", "CLI rules", value="rules_count", kind=Kind.COUNT, sort="rules_count"),
        Column(
            "state",
            "State",
            value=state,
            kind=Kind.BADGE,
            tone={"signs": "green", "expired": "red", "not valid yet": "yellow"},
        ),
    ),
    sort="name",
    searchable=False,
    empty_text="No certificates yet. With one, calls leave with a signature that vouches for the caller's number.",
    empty_url="/stir-certificates/new/",
    empty_action="Add a certificate",
)


class KeyInput(forms.Textarea):
    """Lines that are pasted and never shown again, not even when the form comes back with errors."""

    def format_value(self, value: Any) -> str | None:
        """Nothing of it."""
        del value
        return None


class NewCertificateForm(HouseForm):
    """A certificate with its key."""

    widths = {"name": 4, "url": 8, "chain": 12, "key": 12, "is_default": 12, "enabled": 12}
    name = forms.CharField(max_length=100, help_text="Such as the issuer and the year")
    url = forms.CharField(
        max_length=200,
        label="Public address",
        help_text="Where everybody finds the certificate (x5u), such as https://cert.example.com/1.pem",
    )
    chain = forms.CharField(
        max_length=MOST_PEM,
        label="Certificate",
        help_text="In PEM: yours first, then those of its issuers",
        widget=forms.Textarea(attrs=PEM),
    )
    key = forms.CharField(
        max_length=MOST_PEM,
        label="Private key",
        help_text="In PEM, without a password: EC, P-256. Kept sealed and never shown again",
        widget=KeyInput(attrs=PEM),
    )
    is_default = forms.BooleanField(
        required=False, label="The default: for verified CLIs, and for CLI rules that name no certificate"
    )
    enabled = forms.BooleanField(required=False, initial=True, label="Calls are signed with it")


class CertificateForm(NewCertificateForm):
    """With the version that was opened; the key only when it is another."""

    versioned = True
    key = forms.CharField(
        max_length=MOST_PEM,
        required=False,
        label="Private key",
        help_text="Empty: it stays as it is",
        widget=KeyInput(attrs={**PEM, "rows": 3}),
    )


@reading
def certificates(request: HttpRequest) -> HttpResponseBase:
    """Every certificate."""
    source = QuerysetSource(queryset=_certificates(request).annotate(rules_count=Count("cli_rules")))
    way = crumbs(("System", ""))
    template = "panel/stir_certificates.html"
    return respond(request, LIST, source, template=template, title="STIR/SHAKEN certificates", breadcrumbs=way)


@writing("create_stir_certificate", shown_to_all=False)
def new_certificate(request: HttpRequest) -> HttpResponseBase:
    """A new certificate; the first one is meant to be the default."""
    first = not _certificates(request).filter(is_default=True).exists()
    form = NewCertificateForm(posted(request), initial={"is_default": first})
    back = reverse("panel:stir_certificates")
    if form.is_valid():
        done = saved(request, form, create_stir_certificate, account_id=own_account(request).pk, **changes(form))
        if done is not None:
            return after_save(request, f"{done} is added.", form_url=request.path, done_url=back)
    return render_form(request, form, title="New certificate", breadcrumbs=_way(), back_url=back, save_title="Add")


@writing("update_stir_certificate")
def edit_certificate(request: HttpRequest, stir_certificate_id: int) -> HttpResponseBase:
    """One certificate."""
    found = _certificate(request, stir_certificate_id)
    form = CertificateForm(posted(request), initial=initial(found, FIELDS))
    back = reverse("panel:stir_certificates")
    if form.is_valid():
        version = form.cleaned_data["version"]
        given = changes(form)
        done = saved(request, form, update_stir_certificate, stir_certificate_id=found.pk, version=version, **given)
        if done is not None:
            return after_save(request, f"{done} is saved.", form_url=request.path, done_url=back)
    return render_form(
        request,
        form,
        template="panel/stir_certificate.html",
        title=as_is(found.name),
        breadcrumbs=_way(),
        back_url=back,
        can_stay=True,
        read_only=not may(request, "update_stir_certificate"),
        certificate=found,
        state=state(found),
        rules_count=found.cli_rules.count(),
    )


@writing("delete_stir_certificate", shown_to_all=False)
def remove_certificate(request: HttpRequest, stir_certificate_id: int) -> HttpResponseBase:
    """Removes a certificate, once its name is typed."""
    found = _certificate(request, stir_certificate_id)
    if request.POST.get("confirmation") != found.name:
        messages.error(request, f"Type {found.name} to remove this certificate.")
    elif press(request, delete_stir_certificate, f"{found.name} is removed.", stir_certificate_id=found.pk):
        return redirect("panel:stir_certificates")
    return redirect("panel:stir_certificate", found.pk)


def _certificates(request: HttpRequest) -> QuerySet[StirCertificate]:
    return StirCertificate.objects.filter(account=own_account(request))


def _certificate(request: HttpRequest, stir_certificate_id: int) -> StirCertificate:
    return get_object_or_404(_certificates(request), pk=stir_certificate_id)


def _way() -> list[Any]:
    return crumbs(("System", ""), ("STIR/SHAKEN certificates", reverse("panel:stir_certificates")))


urlpatterns = [
    path("stir-certificates/", certificates, name="stir_certificates"),
    path("stir-certificates/new/", new_certificate, name="stir_certificate_new"),
    path("stir-certificates/<int:stir_certificate_id>/", edit_certificate, name="stir_certificate"),
    path("stir-certificates/<int:stir_certificate_id>/delete/", remove_certificate, name="stir_certificate_delete"),
]
