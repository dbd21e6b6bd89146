"""Portal domains: the addresses where customers log in, with their brand."""

from collections.abc import Mapping

from django.contrib import messages
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse

from tollgate.actions.portal_domains import create_portal_domain, delete_portal_domain, update_portal_domain
from tollgate.panel.access import may, own_account, reading, writing
from tollgate.panel.cells import link
from tollgate.panel.customer_forms import SECTION_WORDS
from tollgate.panel.frame import crumbs
from tollgate.panel.portal_domain_forms import ChangedPortalDomainForm, PortalDomainForm, values_of
from tollgate.panel.saving import after_save, posted, press, saved
from tollgate.store.models import PortalDomain
from tollgate.ui.columns import Column, Kind
from tollgate.ui.forms import render_form
from tollgate.ui.grid import Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is

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
    ticks=True,
    empty_text="No portal domains yet. Each is an address of its own where customers log in, with a brand of its own.",
    empty_url="/portal-domains/new/",
    empty_action="Add a portal domain",
)
LOGO_HEADERS = {"Content-Security-Policy": "default-src 'none'", "Cache-Control": "private, max-age=60"}


@reading
def portal_domains(request: HttpRequest) -> HttpResponseBase:
    """Every portal domain."""
    grid, source = listed(request, request.GET.dict())
    way = crumbs(("Selling", ""))
    return respond(request, grid, source, template="panel/portal_domains.html", title="Portal domains", breadcrumbs=way)


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del parameters
    found = PortalDomain.objects.filter(account=own_account(request)).defer("logo")
    counted = found.annotate(customer_count=Count("customers"))
    return LIST, QuerysetSource(queryset=counted, search=("host__icontains", "brand__icontains"))


@writing("create_portal_domain", shown_to_all=False)
def new_portal_domain(request: HttpRequest) -> HttpResponseBase:
    """A new portal domain."""
    form = PortalDomainForm(posted(request), request.FILES or None, account=own_account(request))
    page = reverse("panel:portal_domains")
    if form.is_valid():
        done = saved(request, form, create_portal_domain, account_id=own_account(request).pk, **form.given())
        if done is not None:
            return after_save(request, f"{done.host} is created.", form_url=request.path, done_url=page)
    return render_form(
        request,
        form,
        title="New portal domain",
        breadcrumbs=crumbs(("Selling", ""), ("Portal domains", page)),
        back_url=page,
        save_title="Create",
        can_stay=True,
    )


@writing("update_portal_domain")
def edit_portal_domain(request: HttpRequest, domain_id: int) -> HttpResponseBase:
    """One portal domain."""
    domain = _domain(request, domain_id)
    start = values_of(domain)
    form = ChangedPortalDomainForm(posted(request), request.FILES or None, initial=start, account=domain.account)
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
        title=as_is(domain.host),
        breadcrumbs=crumbs(("Selling", ""), ("Portal domains", page)),
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
        messages.error(request, f"Type {domain.host} to remove this portal domain.")
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
