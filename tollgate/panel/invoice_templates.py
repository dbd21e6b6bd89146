"""Invoice templates: how documents look, with a preview of a real page while it is written."""

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from django import forms
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse

from tollgate.actions.country_names import with_country
from tollgate.actions.invoice_documents import document_of, manner_of
from tollgate.actions.invoice_templates import (
    TEXTS,
    create_invoice_template,
    delete_invoice_template,
    faults,
    update_invoice_template,
)
from tollgate.core.invoice_document import EXAMPLE, Document, Looks, template_values
from tollgate.core.invoice_paper import COLOR
from tollgate.core.invoice_words import LANGUAGE, LANGUAGES
from tollgate.core.templates import Figure
from tollgate.core.templates import render as filled
from tollgate.core.templates_syntax import parse
from tollgate.gateways import documents
from tollgate.panel.access import may, own_account, own_rows, reading, writing
from tollgate.panel.cells import link
from tollgate.panel.fields import note
from tollgate.panel.frame import crumbs
from tollgate.panel.portal_domain_forms import LogoField
from tollgate.panel.portal_domains import LOGO_HEADERS
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.store.models import Invoice, InvoiceTemplate
from tollgate.ui.columns import Column, Kind
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is

SHOWN_MOST: Final = 20
LIST = Grid(
    name="invoice_templates",
    columns=(
        Column("name", "Template", sort="name", link=link("panel:invoice_template", lambda row: row.pk)),
        Column("language", "Language", value=lambda row: LANGUAGES.get(row.language, row.language), sort="language"),
        Column("title", "Title"),
        Column("customers", "Customers", value="customer_count", kind=Kind.COUNT, sort="customer_count"),
    ),
    sort="name",
    ticks=True,
    empty_text="No invoice templates yet: documents are printed plain. A template gives a logo, a color, texts.",
    empty_url="/invoice-templates/new/",
    empty_action="Add a template",
)
FIELDS: Final = (
    "name", "language", "color", "title", "header_text", "footer_text", "show_calls", "show_duration",
)  # fmt: skip


class InvoiceTemplateForm(HouseForm):
    """How documents look."""

    widths = {"header_text": 12, "footer_text": 12, "logo_removed": 12, "show_calls": 12, "show_duration": 12}
    name = forms.CharField(max_length=100)
    language = forms.ChoiceField(choices=list(LANGUAGES.items()), initial=LANGUAGE, help_text="Of the printed words")
    color = forms.CharField(
        max_length=7, required=False, initial=COLOR, widget=forms.TextInput(attrs={"type": "color"})
    )
    title = forms.CharField(max_length=100, required=False, help_text="Empty = Invoice, Credit note and so on")
    logo = LogoField(
        required=False,
        help_text="PNG or SVG, at most 200 kB; empty = as it is",
        widget=forms.FileInput(attrs={"accept": ".png,.svg"}),
    )
    logo_removed = forms.BooleanField(required=False, label="Without a logo")
    header_text = note(label="Text above the lines")
    footer_text = note(label="Text below the totals")
    show_calls = forms.BooleanField(required=False, initial=True, label="A column with the number of calls")
    show_duration = forms.BooleanField(required=False, initial=True, label="A column with their duration")

    def given(self) -> dict[str, Any]:
        """The act's arguments: a logo only when it changes."""
        values = changes(self, leave_out=["logo", "logo_removed"])
        if self.cleaned_data["logo_removed"]:
            return {**values, "logo": None}
        logo = self.cleaned_data["logo"]
        return values if logo is None else {**values, "logo": logo}


class ChangedInvoiceTemplateForm(InvoiceTemplateForm):
    """The same with the version that was opened."""

    versioned = True


@reading
def invoice_templates(request: HttpRequest) -> HttpResponseBase:
    """Every invoice template."""
    grid, source = listed(request, request.GET.dict())
    way = crumbs(("Money", ""))
    return respond(
        request, grid, source, template="panel/invoice_templates.html", title="Invoice templates", breadcrumbs=way
    )


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del parameters
    found = InvoiceTemplate.objects.filter(account=own_account(request)).defer("logo")
    return LIST, QuerysetSource(queryset=found.annotate(customer_count=Count("customers")), search=("name__icontains",))


@writing("create_invoice_template", shown_to_all=False)
def new_invoice_template(request: HttpRequest) -> HttpResponseBase:
    """A new template; then its page with the preview."""
    form = InvoiceTemplateForm(posted(request), request.FILES or None)
    if form.is_valid():
        done = saved(request, form, create_invoice_template, account_id=own_account(request).pk, **form.given())
        if done is not None:
            page = reverse("panel:invoice_template", args=[done.pk])
            return after_save(request, f"{done.name} is created.", form_url=request.path, done_url=page)
    return _page(request, form, title="New invoice template", save_title="Create", template=None)


@writing("update_invoice_template")
def edit_invoice_template(request: HttpRequest, invoice_template_id: int) -> HttpResponseBase:
    """One template."""
    found = _template(request, invoice_template_id)
    form = ChangedInvoiceTemplateForm(posted(request), request.FILES or None, initial=_initial(found))
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_invoice_template, template_id=found.pk, version=version, **form.given())
        if done is not None:
            back = reverse("panel:invoice_templates")
            return after_save(request, f"{done.name} is saved.", form_url=request.path, done_url=back)
    return _page(
        request,
        form,
        title=as_is(found.name),
        template=found,
        can_stay=True,
        read_only=not may(request, "update_invoice_template"),
    )


@reading
def preview(request: HttpRequest, invoice_template_id: int) -> HttpResponseBase:
    """A page as the template that is being written makes it; as PDF when it is only opened."""
    found = _template(request, invoice_template_id)
    document = _shown_with(request)
    if request.method != "POST":
        kept = {name: getattr(found, name) for name in FIELDS}
        return HttpResponse(documents.pdf(_dressed(document, kept, found)), content_type="application/pdf")
    errors = [sentence for named in faults(request.POST.dict()).values() for sentence in named]
    written = {**request.POST.dict(), **{name: name in request.POST for name in ("show_calls", "show_duration")}}
    picture = ""
    if not errors:
        try:
            picture = base64.b64encode(documents.picture(_dressed(document, written, found))).decode()
        except documents.NotPrinted as problem:
            errors = [str(problem)]
    return render(request, "panel/invoice_template_preview.html", {"errors": errors, "picture": picture})


@reading
def logo(request: HttpRequest, invoice_template_id: int) -> HttpResponseBase:
    """The logo as a picture that may do nothing else."""
    found = _template(request, invoice_template_id)
    if not found.logo:
        raise Http404("This template has no logo.")
    return HttpResponse(bytes(found.logo), content_type=found.logo_type, headers=LOGO_HEADERS)


@writing("delete_invoice_template", shown_to_all=False)
def remove_invoice_template(request: HttpRequest, invoice_template_id: int) -> HttpResponseBase:
    """Removes a template that nothing is printed with."""
    found = _template(request, invoice_template_id)
    sure = request.method == "POST" and request.POST.get("confirmation") == found.name
    if sure and press(request, delete_invoice_template, f"{found.name} is removed.", template_id=found.pk):
        return redirect("panel:invoice_templates")
    return redirect("panel:invoice_template", found.pk)


def _initial(found: InvoiceTemplate) -> dict[str, Any]:
    """A template without a color is printed in the usual one."""
    return {**initial(found, FIELDS), "color": found.color or COLOR}


def _shown_with(request: HttpRequest) -> Document:
    """The document that a preview is made of: one of the account's own, or an example."""
    wanted = request.POST.get("shown_with") or request.GET.get("shown_with", "")
    if not wanted.isdecimal():
        return EXAMPLE
    found = _documents(request).filter(pk=int(wanted[:18])).first()
    return document_of(found) if found else EXAMPLE


def _documents(request: HttpRequest) -> Any:
    return own_rows(request, Invoice.objects.filter(account=own_account(request))).order_by("-id")


def _dressed(document: Document, written: Mapping[str, Any], template: InvoiceTemplate) -> Document:
    """A document in the clothes that a form describes."""
    values = template_values(document)
    language = str(written.get("language") or LANGUAGE)
    manner = manner_of(document, language)
    texts = {name: filled(parse(str(written.get(name) or "")), values, manner=manner).strip() for name in TEXTS}
    looks = Looks(
        language=language,
        color=str(written.get("color") or ""),
        logo=b"" if written.get("logo_removed") else bytes(template.logo or b""),
        logo_type=template.logo_type,
        show_calls=bool(written.get("show_calls")),
        show_duration=bool(written.get("show_duration")),
        **texts,
    )
    issuer, buyer = (with_country(party, looks.language) for party in (document.issuer, document.buyer))
    return replace(document, looks=looks, issuer=issuer, buyer=buyer)


def _page(
    request: HttpRequest, form: HouseForm, *, title: str, template: InvoiceTemplate | None, **more: Any
) -> HttpResponseBase:
    page = reverse("panel:invoice_templates")
    return render_form(
        request,
        form,
        template="panel/invoice_template.html",
        title=title,
        breadcrumbs=crumbs(("Money", ""), ("Invoice templates", page)),
        back_url=page,
        invoice_template=template,
        shown_with=list(_documents(request)[:SHOWN_MOST]) if template else [],
        examples=value_examples(template_values(EXAMPLE)),
        **more,
    )


def value_examples(values: Mapping[str, Any], before: str = "") -> list[tuple[str, str]]:
    """Every name a text may write, with its example; of the lines only those of the first."""
    found: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            found += value_examples(value, f"{before}{name}.")
        elif isinstance(value, list):
            around = f"{{{{#each {name}}}}}{{{{%s}}}}{{{{/each}}}}"
            found += [(around % inner, _as_shown(shown)) for inner, shown in value[0].items()]
        else:
            found.append((f"{{{{{before}{name}}}}}", _as_shown(value)))
    return found


def _as_shown(value: Any) -> str:
    return (value.shown if isinstance(value, Figure) else "") or str(value)


def _template(request: HttpRequest, invoice_template_id: int) -> InvoiceTemplate:
    return get_object_or_404(InvoiceTemplate, pk=invoice_template_id, account=own_account(request))


urlpatterns = [
    path("invoice-templates/", invoice_templates, name="invoice_templates"),
    path("invoice-templates/new/", new_invoice_template, name="invoice_template_new"),
    path("invoice-templates/<int:invoice_template_id>/", edit_invoice_template, name="invoice_template"),
    path("invoice-templates/<int:invoice_template_id>/preview/", preview, name="invoice_template_preview"),
    path("invoice-templates/<int:invoice_template_id>/logo/", logo, name="invoice_template_logo"),
    path(
        "invoice-templates/<int:invoice_template_id>/delete/", remove_invoice_template, name="invoice_template_delete"
    ),
]
