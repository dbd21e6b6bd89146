"""Portal domains: the addresses where customers log in, with their brand."""

import base64
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.html import format_html

from tollgate.actions.payment_amounts import gateway_names
from tollgate.actions.portal_domains import (
    SECTIONS,
    create_portal_domain,
    delete_portal_domain,
    update_portal_domain,
)
from tollgate.core.pictures import MOST_BYTES, PictureRefused, read_picture
from tollgate.panel.access import may, own_account, reading, writing
from tollgate.panel.cells import link
from tollgate.panel.customer_forms import SECTION_WORDS
from tollgate.panel.customer_paying import AS_ABOVE, GatewaysField
from tollgate.panel.fields import TicksWidget, note
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.store.models import Account, PortalDomain
from tollgate.ui.columns import Column, Kind
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid, respond
from tollgate.ui.phones import PhoneField
from tollgate.ui.sources import QuerysetSource

LIST = Grid(
    name="portal_domains",
    columns=(
        Column("host", "Domain", sort="host", link=link("panel:portal_domain", lambda row: row.pk)),
        Column("brand", "Brand", sort="brand"),
        Column("sections", "Sections", value=lambda row: ", ".join(SECTION_WORDS[name] for name in row.sections)),
        Column("support_email", "Support email"),
        Column("customers", "Customers", value="customer_count", kind=Kind.COUNT, sort="customer_count"),
    ),
    sort="host",
    empty_text="No portal domains yet. Each is an address of its own where customers log in, with a brand of its own.",
    empty_url="/portal-domains/new/",
    empty_action="Add a portal domain",
)
FIELDS = (
    "host", "brand", "color", "sections", "payment_gateways", "welcome_text", "support_url", "support_phone",
    "support_email",
)  # fmt: skip
LOGO_HEADERS = {"Content-Security-Policy": "default-src 'none'", "Cache-Control": "private, max-age=60"}


class LogoField(forms.FileField):
    """A PNG or SVG file; the value is its base64 text, None when no file was sent."""

    def clean(self, data: Any, initial: Any = None) -> str | None:
        """The checked file as the act takes it."""
        file = super().clean(data, initial)
        if not isinstance(file, UploadedFile):
            return None
        content = file.read(MOST_BYTES + 1)
        try:
            read_picture(content)
        except PictureRefused as problem:
            raise ValidationError(str(problem)) from None
        return base64.b64encode(content).decode()


def _ways_to_pay() -> list[tuple[str, str]]:
    """Every way, and each by itself. An installation serves one account."""
    account_id = Account.objects.order_by("id").values_list("pk", flat=True).first()
    return [(AS_ABOVE, "Every way there is"), *(gateway_names(account_id).items() if account_id else ())]


class PortalDomainForm(HouseForm):
    """One address with its brand."""

    tabs = [
        ("Basic", ["host", "brand", "color", "logo", "logo_removed"]),
        ("Sections", ["sections", "payment_gateways", "welcome_text"]),
        ("Support", ["support_url", "support_phone", "support_email"]),
    ]
    widths = {"sections": 12, "payment_gateways": 12, "welcome_text": 12}
    host = forms.CharField(
        max_length=253, label="Domain", help_text="Such as portal.example.com; let it lead to this server by a CNAME"
    )
    brand = forms.CharField(max_length=100)
    color = forms.CharField(
        max_length=7, required=False, initial="#1f6feb", widget=forms.TextInput(attrs={"type": "color"})
    )
    logo = LogoField(
        required=False,
        help_text="PNG or SVG, at most 200 kB; empty = as it is",
        widget=forms.FileInput(attrs={"accept": ".png,.svg"}),
    )
    logo_removed = forms.BooleanField(required=False, label="Without a logo")
    sections = forms.MultipleChoiceField(
        required=False, choices=list(SECTION_WORDS.items()), widget=TicksWidget, initial=list(SECTIONS)
    )
    payment_gateways = GatewaysField(
        label="Customers may pay by", choices=_ways_to_pay, help_text="Unless the customer says otherwise"
    )
    welcome_text = note(label="Welcome text", help_text="Shown to contacts after they log in")
    support_url = forms.CharField(max_length=200, required=False, label="Support page")
    support_phone = PhoneField(required=False)
    support_email = forms.EmailField(required=False)

    def given(self) -> dict[str, Any]:
        """The act's arguments: a logo only when it changes."""
        values = changes(self, leave_out=["logo", "logo_removed"])
        if self.cleaned_data["logo_removed"]:
            return {**values, "logo": None}
        logo = self.cleaned_data["logo"]
        return values if logo is None else {**values, "logo": logo}


class ChangedPortalDomainForm(PortalDomainForm):
    """The same with the version that was opened."""

    versioned = True


@reading
def portal_domains(request: HttpRequest) -> HttpResponseBase:
    """Every portal domain."""
    found = PortalDomain.objects.filter(account=own_account(request)).defer("logo")
    source = QuerysetSource(
        queryset=found.annotate(customer_count=Count("customers")), search=("host__icontains", "brand__icontains")
    )
    way = crumbs(("Selling", ""))
    return respond(request, LIST, source, template="panel/portal_domains.html", title="Portal domains", breadcrumbs=way)


@writing("create_portal_domain", shown_to_all=False)
def new_portal_domain(request: HttpRequest) -> HttpResponseBase:
    """A new portal domain."""
    form = PortalDomainForm(posted(request), request.FILES or None)
    page = reverse("panel:portal_domains")
    if form.is_valid():
        done = saved(request, form, create_portal_domain, account_id=own_account(request).pk, **form.given())
        if done is not None:
            return after_save(request, f"{done.host} is created.", form_url=request.path, done_url=page)
    return render_form(
        request,
        form,
        title="New portal domain",
        breadcrumbs=crumbs(("Portal domains", page)),
        back_url=page,
        save_title="Create",
        can_stay=True,
    )


@writing("update_portal_domain")
def edit_portal_domain(request: HttpRequest, domain_id: int) -> HttpResponseBase:
    """One portal domain."""
    domain = _domain(request, domain_id)
    form = ChangedPortalDomainForm(posted(request), request.FILES or None, initial=initial(domain, FIELDS))
    page = reverse("panel:portal_domains")
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_portal_domain, domain_id=domain.pk, version=version, **form.given())
        if done is not None:
            return after_save(request, f"{done.host} is saved.", form_url=request.path, done_url=page)
    return render_form(
        request,
        form,
        template="panel/portal_domain.html",
        title=domain.host,
        breadcrumbs=crumbs(("Portal domains", page)),
        back_url=page,
        can_stay=True,
        read_only=not may(request, "update_portal_domain"),
        domain=domain,
    )


@reading
def logo(request: HttpRequest, domain_id: int) -> HttpResponseBase:
    """The logo as a picture that may do nothing else."""
    domain = _domain(request, domain_id)
    if not domain.logo:
        raise Http404("This portal domain has no logo.")
    return HttpResponse(bytes(domain.logo), content_type=domain.logo_type, headers=LOGO_HEADERS)


@writing("delete_portal_domain", shown_to_all=False)
def remove_portal_domain(request: HttpRequest, domain_id: int) -> HttpResponseBase:
    """Removes a portal domain that no customer uses."""
    domain = _domain(request, domain_id)
    if request.POST.get("confirmation") != domain.host:
        messages.error(request, format_html("Type {} to remove this portal domain.", domain.host))
    elif press(request, delete_portal_domain, f"{domain.host} is removed.", domain_id=domain.pk):
        return redirect("panel:portal_domains")
    return redirect("panel:portal_domain", domain.pk)


def _domain(request: HttpRequest, domain_id: int) -> PortalDomain:
    return get_object_or_404(PortalDomain, pk=domain_id, account=own_account(request))


urlpatterns = [
    path("portal-domains/", portal_domains, name="portal_domains"),
    path("portal-domains/new/", new_portal_domain, name="portal_domain_new"),
    path("portal-domains/<int:domain_id>/", edit_portal_domain, name="portal_domain"),
    path("portal-domains/<int:domain_id>/logo/", logo, name="portal_domain_logo"),
    path("portal-domains/<int:domain_id>/delete/", remove_portal_domain, name="portal_domain_delete"),
]
