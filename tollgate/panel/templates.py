"""Templates: what each message says, in each language, with a preview while it is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse

from tollgate.actions.checks import Unfit
from tollgate.actions.messages import Words, filled
from tollgate.actions.templates import LANGUAGE_CHECK, create_template, faults, reset_template, update_template
from tollgate.core.templates_stock import LANGUAGE, STOCK, Stock
from tollgate.panel.access import may, own_account, reading, writing
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.store.models import Template
from tollgate.ui.columns import Column, Kind
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid, respond
from tollgate.ui.sources import ListSource

PARTS = ("subject", "text", "html", "sms")


@dataclass(frozen=True, slots=True)
class Line:
    """One message in one language."""

    id: str
    title: str
    key: str
    language: str
    state: str
    kinds: str


def _link(line: Any) -> str:
    return reverse("panel:template", args=[line.key, line.language])


LIST = Grid(
    name="templates",
    columns=(
        Column("title", "Message", sort="title", link=_link),
        Column("kinds", "Sent as", sort="kinds"),
        Column("language", "Language", sort="language"),
        Column("state", "Words", kind=Kind.BADGE, tone={"your own": "blue", "in stock": "gray"}, sort="state"),
        Column("key", "Key", sort="key", hidden=True),
    ),
    sort="title",
)


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
    own = {(row.key, row.language) for row in Template.objects.filter(account=own_account(request))}
    wanted = sorted(own | {(key, LANGUAGE) for key in STOCK})
    lines = [_line(STOCK[key], language, changed=(key, language) in own) for key, language in wanted if key in STOCK]
    source = ListSource(items=lines, search=lambda line: f"{line.title} {line.key}")
    return respond(
        request, LIST, source, template="panel/grid.html", title="Templates", breadcrumbs=crumbs(("System", ""))
    )


@writing("create_template")
def template(request: HttpRequest, key: str, language: str) -> HttpResponseBase:
    """The words of one message in one language, as they are in stock; the account's own have a page of their own."""
    stock, own = _found(request, key, language)
    if own is not None:
        return redirect("panel:template_own", own.pk)
    form = WordsForm(posted(request), initial=_words(stock), stock=stock, new=True)
    if form.is_valid():
        named = {"account_id": own_account(request).pk, "key": key, "language": language}
        done = saved(request, form, create_template, **named, **changes(form))
        if done is not None:
            return _saved(request, stock)
    return _page(request, form, stock=stock, own=None, language=language)


@writing("update_template")
def own_template(request: HttpRequest, template_id: int) -> HttpResponseBase:
    """The account's own words of one message in one language."""
    own = get_object_or_404(Template, pk=template_id, account=own_account(request))
    stock = STOCK[own.key]
    form = WordsForm(posted(request), initial=initial(own, PARTS), stock=stock, new=False)
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_template, template_id=own.pk, version=version, **changes(form))
        if done is not None:
            return _saved(request, stock)
    return _page(request, form, stock=stock, own=own, language=own.language)


@reading
def preview(request: HttpRequest, key: str, language: str) -> HttpResponseBase:
    """How the words that are being written will look, with example values."""
    stock, own = _found(request, key, language)
    written = {name: request.POST.get(name, "") for name in PARTS} if request.method == "POST" else _words(own or stock)
    return render(request, "panel/template_preview.html", {"preview": _preview(stock, written)})


@writing("reset_template", shown_to_all=False)
def reset(request: HttpRequest, template_id: int) -> HttpResponseBase:
    """Back to the words in stock."""
    own = get_object_or_404(Template, pk=template_id, account=own_account(request))
    if request.method == "POST":
        said = f"“{STOCK[own.key].title}” says what it says in stock again."
        press(request, reset_template, said, template_id=own.pk)
    return redirect("panel:templates")


def _saved(request: HttpRequest, stock: Stock) -> HttpResponseBase:
    said = f"“{stock.title}” has your own words now."
    return after_save(request, said, form_url=request.path, done_url=reverse("panel:templates"))


def _page(
    request: HttpRequest, form: WordsForm, *, stock: Stock, own: Template | None, language: str
) -> HttpResponseBase:
    asked = LanguageForm(request.GET if "language" in request.GET else None)
    if asked.is_valid():
        return redirect("panel:template", stock.key, asked.cleaned_data["language"])
    return render_form(
        request,
        form,
        template="panel/template.html",
        title=stock.title,
        breadcrumbs=crumbs(("System", ""), ("Templates", reverse("panel:templates"))),
        back_url=reverse("panel:templates"),
        read_only=not may(request, "update_template" if own else "create_template"),
        stock=stock,
        own=own,
        language=language,
        asked=asked,
        examples=_flat(stock.examples),
        preview=_preview(stock, _words(own or stock)),
    )


def _found(request: HttpRequest, key: str, language: str) -> tuple[Stock, Template | None]:
    try:
        LANGUAGE_CHECK(language)
        stock = STOCK[key]
    except (KeyError, Unfit):
        raise Http404("There is no such message.") from None
    return stock, Template.objects.filter(account=own_account(request), key=key, language=language).first()


def _preview(stock: Stock, written: Mapping[str, str]) -> dict[str, Any]:
    """What the preview shows: the message with example values, or what is wrong with it."""
    wrong = faults(stock, written)
    errors = [f"{name.capitalize()}: {sentence}" for name, sentences in wrong.items() for sentence in sentences]
    if errors:
        return {"errors": errors}
    words = filled(Words(*(written[name] for name in PARTS)), stock.examples)
    return {"words": words, "stock": stock, "sms_count": len(words.sms)}


def _line(stock: Stock, language: str, *, changed: bool) -> Line:
    kinds = " and ".join(name for name, there in (("mail", stock.subject), ("SMS", stock.sms)) if there)
    state = "Your own" if changed else "In stock"
    return Line(f"{stock.key} {language}", stock.title, stock.key, language, state, kinds)


def _words(found: Template | Stock) -> dict[str, str]:
    return {name: getattr(found, name) for name in PARTS}


def _flat(values: Mapping[str, Any], before: str = "") -> list[tuple[str, str]]:
    """Every name a template may write, with its example."""
    found: list[tuple[str, str]] = []
    for name, value in values.items():
        path_to = f"{before}{name}"
        found += _flat(value, f"{path_to}.") if isinstance(value, Mapping) else [(f"{{{{{path_to}}}}}", str(value))]
    return found


urlpatterns = [
    path("templates/", templates, name="templates"),
    path("templates/<int:template_id>/", own_template, name="template_own"),
    path("templates/<int:template_id>/reset/", reset, name="template_reset"),
    path("templates/<slug:key>/<slug:language>/", template, name="template"),
    path("templates/<slug:key>/<slug:language>/preview/", preview, name="template_preview"),
]
