"""Templates: what each message says, in each language, with a preview while it is written; for everybody, or for the
customers of one portal domain."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.db.models import Q
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse

from tollgate.actions.checks import Unfit
from tollgate.actions.messages import Words, filled, wording
from tollgate.actions.templates import LANGUAGE_CHECK, create_template, faults, reset_template, update_template
from tollgate.core.templates_stock import LANGUAGE, OF_OPERATORS, STOCK, Stock
from tollgate.panel.access import may, own_account, reading, writing
from tollgate.panel.frame import crumbs
from tollgate.panel.invoice_templates import value_examples
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.store.models import PortalDomain, Template
from tollgate.ui.columns import Column, Kind
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Filter, FilterKind, Grid, respond
from tollgate.ui.sources import ListSource, QuerysetSource
from tollgate.ui.words import as_is, worded

PARTS = ("subject", "text", "html", "sms")


@dataclass(frozen=True, slots=True)
class Line:
    """One message in one language. Its id is that of the account's or the domain's own words, else below zero."""

    id: int
    title: str
    key: str
    language: str
    state: str
    kinds: str
    domain_id: int | None = None


def _link(line: Any) -> str:
    return _address(line.key, line.language, line.domain_id)


def _address(key: str, language: str, domain_id: int | None, page: str = "template") -> str:
    """Of a message in one language: what everybody gets, or the customers of a portal domain."""
    if domain_id is None:
        return reverse(f"panel:{page}", args=[key, language])
    return reverse(f"panel:domain_{page}", args=[domain_id, key, language])


LIST = Grid(
    name="templates",
    columns=(
        Column("title", "Message", sort="title", link=_link),
        Column("kinds", "Sent as", sort="kinds"),
        Column("language", "Language", sort="language"),
        Column(
            "state",
            "Words",
            kind=Kind.BADGE,
            tone={"your own": "blue", "this domain's": "blue", "in stock": "gray"},
            sort="state",
        ),
        Column("key", "Key", sort="key", hidden=True),
    ),
    sort="title",
    ticks=True,
    tickable=lambda line: line.id > 0,
)
OWN = Grid(
    name="templates",
    columns=(Column("title", "Message", value="key", sort="pk"),),
    filters=(Filter("domain", "Portal domain", "domain", kind=FilterKind.WHOLE, hidden=True),),
    sort="pk",
)
"""What may be reset in bulk: own words, of the portal domain with that id, or with 0 of everybody."""


class WordsForm(HouseForm):
    """The words of one message; fields that this message does not have are taken out."""

    widths = {"subject": 12, "text": 12, "html": 12, "sms": 12}
    versioned = True
    subject = forms.CharField(max_length=500)
    text = forms.CharField(widget=forms.Textarea(attrs={"rows": 10, "spellcheck": "true"}))
    html = forms.CharField(
        label="HTML",
        required=False,
        widget=forms.Textarea(attrs={"rows": 10, "spellcheck": "false"}),
        help_text="Empty: the mail goes out as text alone",
    )
    sms = forms.CharField(label="SMS", widget=forms.Textarea(attrs={"rows": 3}))

    def __init__(self, *arguments: Any, stock: Stock, new: bool, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for name in PARTS:
            if not getattr(stock, name):
                del self.fields[name]
        if new:
            del self.fields["version"]


class LanguageForm(HouseForm):
    """Another language to write in."""

    language = forms.CharField(max_length=10, label="Another language, such as lt or pt-BR")

    def clean_language(self) -> str:
        """The code."""
        try:
            return str(LANGUAGE_CHECK(self.cleaned_data["language"]))
        except Unfit as problem:
            raise forms.ValidationError(str(problem)) from None


@reading
def templates(request: HttpRequest) -> HttpResponseBase:
    """Every message, in every language it has words in."""
    return _list(request, None)


@reading
def domain_templates(request: HttpRequest, domain_id: int) -> HttpResponseBase:
    """Every message to customers of one portal domain."""
    return _list(request, _domain(request, domain_id))


@writing("create_template")
def template(request: HttpRequest, key: str, language: str, domain_id: int | None = None) -> HttpResponseBase:
    """The words of one message in one language, as they are in stock; the account's own have a page of their own."""
    domain = _domain(request, domain_id)
    stock, own = _found(request, key, language, domain)
    if own is not None:
        return redirect("panel:template_own", own.pk)
    above = _above(request, stock, language)
    form = WordsForm(posted(request), initial=_words(above), stock=stock, new=True)
    if form.is_valid():
        named: dict[str, Any] = {"account_id": own_account(request).pk, "key": key, "language": language}
        if domain is not None:
            named["domain_id"] = domain.pk
        done = saved(request, form, create_template, **named, **changes(form))
        if done is not None:
            return _saved(request, stock, domain)
    return _page(request, form, stock=stock, own=None, words=above, language=language, domain=domain)


@writing("update_template")
def own_template(request: HttpRequest, template_id: int) -> HttpResponseBase:
    """The account's own words of one message in one language, or those of a portal domain."""
    own = get_object_or_404(Template.objects.select_related("domain"), pk=template_id, account=own_account(request))
    stock = STOCK[own.key]
    form = WordsForm(posted(request), initial=initial(own, PARTS), stock=stock, new=False)
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_template, template_id=own.pk, version=version, **changes(form))
        if done is not None:
            return _saved(request, stock, own.domain)
    return _page(request, form, stock=stock, own=own, words=own, language=own.language, domain=own.domain)


@reading
def preview(request: HttpRequest, key: str, language: str, domain_id: int | None = None) -> HttpResponseBase:
    """How the words that are being written will look, with example values."""
    domain = _domain(request, domain_id)
    stock, own = _found(request, key, language, domain)
    if request.method == "POST":
        written = {name: request.POST.get(name, "") for name in PARTS}
    else:
        written = _words(own or _above(request, stock, language))
    return render(request, "panel/template_preview.html", {"preview": _preview(stock, written, domain)})


@writing("reset_template", shown_to_all=False)
def reset(request: HttpRequest, template_id: int) -> HttpResponseBase:
    """Back to the words in stock, or from a domain's to the account's."""
    own = get_object_or_404(Template, pk=template_id, account=own_account(request))
    if request.method == "POST":
        said = (
            f"“{STOCK[own.key].title}” says what it {'says for everybody' if own.domain_id else 'says in stock'} again."
        )
        press(request, reset_template, said, template_id=own.pk)
    return redirect(_list_of(own.domain_id))


def _list(request: HttpRequest, domain: PortalDomain | None) -> HttpResponseBase:
    found = Template.objects.filter(account=own_account(request), domain=domain)
    own = {(key, language): pk for key, language, pk in found.values_list("key", "language", "pk")}
    keys = [key for key in STOCK if domain is None or key not in OF_OPERATORS]
    wanted = sorted({place for place in own if place[0] in keys} | {(key, LANGUAGE) for key in keys})
    lines = [
        _line(own.get(place, -number), STOCK[place[0]], place[1], domain=domain)
        for number, place in enumerate(wanted, start=1)
    ]
    source = ListSource(items=lines, search=lambda line: f"{line.title} {line.key}")
    title = worded("Templates of {host}", host=domain.host) if domain else "Templates"
    bulk = {"noun": "template", "deletes": may(request, "reset_template"), "narrowed": _narrowed(request, domain)}
    return respond(
        request, LIST, source, template="panel/bulk_grid.html", title=title, breadcrumbs=_way(domain)[:-1], **bulk
    )


def _narrowed(request: HttpRequest, domain: PortalDomain | None) -> str:
    """The state of this list for the one of what may be reset."""
    return urlencode({"q": request.GET.get("q", ""), "f.domain": domain.pk if domain else 0})


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """Own words that may be reset."""
    del parameters
    found = Template.objects.filter(account=own_account(request))
    meant = {"domain": lambda domain_id: Q(domain_id=domain_id) if domain_id else Q(domain=None)}
    return OWN, QuerysetSource(queryset=found, search=_saying, meanings=meant)


def _saying(text: str) -> Q:
    """Those of messages with this title or key, as the list of all messages finds them."""
    return Q(key__in=[key for key, stock in STOCK.items() if text.lower() in f"{stock.title} {key}".lower()])


def _list_of(domain_id: int | None) -> str:
    return reverse("panel:domain_templates", args=[domain_id]) if domain_id else reverse("panel:templates")


def _way(domain: PortalDomain | None) -> list[Any]:
    """The way to a template, its list at the end."""
    if domain is None:
        return crumbs(("System", ""), ("Templates", _list_of(None)))
    domains, page = reverse("panel:portal_domains"), reverse("panel:portal_domain", args=[domain.pk])
    return crumbs(
        ("Selling", ""), ("Portal domains", domains), (as_is(domain.host), page), ("Templates", _list_of(domain.pk))
    )


def _saved(request: HttpRequest, stock: Stock, domain: PortalDomain | None) -> HttpResponseBase:
    said = f"“{stock.title}” has words of {domain.host} now." if domain else f"“{stock.title}” has your own words now."
    done_url = _list_of(domain.pk if domain else None)
    return after_save(request, said, form_url=request.path, done_url=done_url)


def _page(
    request: HttpRequest,
    form: WordsForm,
    *,
    stock: Stock,
    own: Template | None,
    words: Template | Words,
    language: str,
    domain: PortalDomain | None,
) -> HttpResponseBase:
    domain_id = domain.pk if domain else None
    asked = LanguageForm(request.GET if "language" in request.GET else None)
    if asked.is_valid():
        return redirect(_address(stock.key, asked.cleaned_data["language"], domain_id))
    return render_form(
        request,
        form,
        template="panel/template.html",
        title=stock.title,
        breadcrumbs=_way(domain),
        back_url=_list_of(domain_id),
        read_only=not may(request, "update_template" if own else "create_template"),
        stock=stock,
        own=own,
        domain=domain,
        language=language,
        asked=asked,
        examples=value_examples(_examples(stock, domain)),
        preview=_preview(stock, _words(words), domain),
        preview_url=_address(stock.key, language, domain_id, "template_preview"),
    )


def _found(request: HttpRequest, key: str, language: str, domain: PortalDomain | None) -> tuple[Stock, Template | None]:
    try:
        LANGUAGE_CHECK(language)
        stock = STOCK[key]
    except (KeyError, Unfit):
        raise Http404("There is no such message.") from None
    if domain is not None and key in OF_OPERATORS:
        raise Http404("This message goes to your own people.")
    own = Template.objects.filter(account=own_account(request), key=key, language=language, domain=domain)
    return stock, own.first()


def _domain(request: HttpRequest, domain_id: int | None) -> PortalDomain | None:
    if domain_id is None:
        return None
    return get_object_or_404(PortalDomain, pk=domain_id, account=own_account(request))


def _above(request: HttpRequest, stock: Stock, language: str) -> Words:
    """What a message says to those for whom nobody has written anything else."""
    return wording(own_account(request).pk, stock.key, language)


def _examples(stock: Stock, domain: PortalDomain | None) -> Mapping[str, Any]:
    return {**stock.examples, "brand": domain.brand} if domain else stock.examples


def _preview(stock: Stock, written: Mapping[str, str], domain: PortalDomain | None) -> dict[str, Any]:
    """What the preview shows: the message with example values, or what is wrong with it."""
    wrong = faults(stock, written)
    errors = [f"{name.capitalize()}: {sentence}" for name, sentences in wrong.items() for sentence in sentences]
    if errors:
        return {"errors": errors}
    words = filled(Words(*(written[name] for name in PARTS)), _examples(stock, domain))
    return {"words": words, "stock": stock, "sms_count": len(words.sms)}


def _line(line_id: int, stock: Stock, language: str, *, domain: PortalDomain | None) -> Line:
    kinds = " and ".join(name for name, there in (("mail", stock.subject), ("SMS", stock.sms)) if there)
    changed, domain_id = line_id > 0, domain.pk if domain else None
    state = ("Your own" if changed else "In stock") if domain is None else "This domain's" if changed else "Yours"
    return Line(line_id, stock.title, stock.key, language, state, kinds, domain_id)


def _words(found: Template | Words) -> dict[str, str]:
    return {name: getattr(found, name) for name in PARTS}


urlpatterns = [
    path("templates/", templates, name="templates"),
    path("templates/<int:template_id>/", own_template, name="template_own"),
    path("templates/<int:template_id>/reset/", reset, name="template_reset"),
    path("templates/<slug:key>/<slug:language>/", template, name="template"),
    path("templates/<slug:key>/<slug:language>/preview/", preview, name="template_preview"),
    path("portal-domains/<int:domain_id>/templates/", domain_templates, name="domain_templates"),
    path("portal-domains/<int:domain_id>/templates/<slug:key>/<slug:language>/", template, name="domain_template"),
    path(
        "portal-domains/<int:domain_id>/templates/<slug:key>/<slug:language>/preview/",
        preview,
        name="domain_template_preview",
    ),
]
