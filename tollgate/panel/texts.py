"""Texts: everything the pages say, in every language, and the account's own wording in place of it.

The list is made of the catalogs (`store.catalogs`); a text is named in addresses by a digest of its message.
"""

import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from textwrap import shorten
from typing import Any, Final

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import path, reverse

from tollgate.actions.texts import (
    MOST_FILE,
    MOST_TEXT,
    for_spreadsheet,
    import_own_texts,
    revert_own_text,
    set_own_text,
)
from tollgate.core.catalogs import Entry, write_catalog
from tollgate.core.languages import LANGUAGES, SOURCE
from tollgate.core.phrases import labels
from tollgate.panel.access import current_user, may, own_account, reading, writing
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, posted, press, saved
from tollgate.panel.sure import shown_version
from tollgate.store.catalogs import PARTS, all_messages, translations
from tollgate.store.models import OwnText
from tollgate.ui.columns import Column, Kind
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Filter, Grid, respond
from tollgate.ui.sources import ListSource
from tollgate.ui.words import as_is

PART_WORDS: Final = {
    "portal": "Portal",
    "shared": "Portal and panel",
    "panel": "Panel",
    "errors": "What is refused, and why",
}
STATES: Final = {"own": "Your own", "stock": "In stock", "missing": "Not translated"}
TONES: Final = {"your own": "blue", "in stock": "gray", "not translated": "yellow"}
LANGUAGE_NAMES: Final = tuple((code, as_is(name)) for code, name in LANGUAGES.items())
DIGEST: Final = 16
SHOWN: Final = 80
"""How much of a text the list shows; its page and files have all of it."""


@dataclass(frozen=True, slots=True)
class Line:
    """One message in one language."""

    id: str
    message: str
    part: str
    language: str
    stock: str
    own: str
    state: str


def _beginning(text: str) -> str:
    return shorten(text, SHOWN, placeholder="…")


LIST = Grid(
    name="texts",
    columns=(
        Column(
            "message",
            "English",
            value=lambda line: _beginning(line.message),
            export=lambda line: line.message,
            sort="message",
            link=lambda line: _address(line.language, line.message),
        ),
        Column(
            "stock",
            "In stock",
            value=lambda line: _beginning(line.stock),
            export=lambda line: line.stock,
            sort="stock",
        ),
        Column("own", "Your own", value=lambda line: _beginning(line.own), export=lambda line: line.own, sort="own"),
        Column(
            "state",
            "State",
            value=lambda line: STATES[line.state],
            kind=Kind.BADGE,
            tone=lambda line: TONES[STATES[line.state].lower()],
            sort="state",
        ),
        Column("part", "Where", value=lambda line: PART_WORDS[line.part], sort="part", says=True, minor=True),
    ),
    filters=(
        Filter("language", "Language", "language", choices=LANGUAGE_NAMES, usual=SOURCE),
        Filter("state", "State", "state", choices=tuple(STATES.items())),
        Filter("part", "Where", "part", choices=tuple((part, PART_WORDS[part]) for part in PARTS)),
    ),
    sort="message",
)


class TextForm(HouseForm):
    """The account's own wording of one message."""

    versioned = True
    widths = {"text": 12}
    text = forms.CharField(
        max_length=MOST_TEXT,
        label="Your own text",
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "true"}),
        help_text="Everything in braces, and tags such as <a>, stay in it. Other HTML is shown as it is typed",
    )


class FileForm(HouseForm):
    """A file of own texts."""

    language = forms.ChoiceField(choices=list(LANGUAGE_NAMES))
    file = forms.FileField(help_text="A .po catalog, or CSV with the columns message and text, as exported here")

    def clean_file(self) -> str:
        """What the file says."""
        given = self.cleaned_data["file"]
        if given.size > MOST_FILE:
            raise forms.ValidationError("Give a file of at most 5 MB.")
        try:
            return str(given.read().decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise forms.ValidationError("Save the file as UTF-8.") from None


@reading
def texts(request: HttpRequest) -> HttpResponseBase:
    """Every text of the pages in one language: searched in English, in stock and in the account's own words."""
    asked = request.GET.get("f.language", "")
    language = asked if asked in LANGUAGES else SOURCE
    source = ListSource(
        items=list(_lines(request, language)), search=lambda line: f"{line.message}\n{line.stock}\n{line.own}"
    )
    return respond(
        request,
        LIST,
        source,
        template="panel/texts.html",
        title="Texts",
        language=language,
        language_name=as_is(LANGUAGES[language]),
        breadcrumbs=crumbs(("System", ""), ("Options", reverse("panel:options"))),
    )


@writing("set_own_text")
def text(request: HttpRequest, language: str, digest: str) -> HttpResponseBase:
    """The account's own wording of one message in one language."""
    message = _message(language, digest)
    own = OwnText.objects.filter(account=own_account(request), language=language, message=message).first()
    stock = translations(language).get(message, message)
    form = TextForm(posted(request), initial={"text": own.text if own else stock, "version": own.version if own else 0})
    back = _list_of(language)
    if form.is_valid():
        given: dict[str, Any] = {"language": language, "message": message, **form.cleaned_data}
        done = saved(request, form, set_own_text, account_id=own_account(request).pk, **given)
        if done is not None:
            return after_save(request, "The text is yours from now on.", form_url=request.path, done_url=back)
    return render_form(
        request,
        form,
        template="panel/text.html",
        title="Text of the pages",
        breadcrumbs=crumbs(("System", ""), ("Options", reverse("panel:options")), ("Texts", back)),
        back_url=back,
        read_only=not may(request, "set_own_text"),
        can_stay=True,
        own=own,
        message=as_is(message),
        stock=as_is(stock),
        language=language,
        digest=digest,
        language_name=as_is(LANGUAGES[language]),
        needed=as_is(", ".join(dict.fromkeys(labels(message)))),
    )


@writing("revert_own_text", shown_to_all=False)
def revert(request: HttpRequest, language: str, digest: str) -> HttpResponseBase:
    """Back to the text in stock."""
    message = _message(language, digest)
    own = OwnText.objects.filter(account=own_account(request), language=language, message=message).first()
    if request.method == "POST" and own is not None:
        press(
            request,
            revert_own_text,
            "The text is as in stock again.",
            own_text_id=own.pk,
            version=shown_version(request),
        )
    return redirect(_list_of(language))


@writing("import_own_texts", shown_to_all=False)
def import_texts(request: HttpRequest) -> HttpResponseBase:
    """Own texts from a file."""
    asked = request.GET.get("language", current_user(request).language)
    form = FileForm(posted(request), request.FILES or None, initial={"language": asked})
    back = reverse("panel:texts")
    if form.is_valid():
        given: dict[str, Any] = {"language": form.cleaned_data["language"], "content": form.cleaned_data["file"]}
        changed = saved(request, form, import_own_texts, account_id=own_account(request).pk, **given)
        if changed is not None:
            return after_save(request, f"{changed} texts are taken.", form_url=request.path, done_url=back)
    return render_form(
        request,
        form,
        template="panel/form.html",
        title="Import texts",
        breadcrumbs=crumbs(("System", ""), ("Options", reverse("panel:options")), ("Texts", back)),
        back_url=back,
        save_title="Import",
    )


@reading
def texts_as_catalog(request: HttpRequest, language: str) -> HttpResponseBase:
    """Every message with the account's own text, where there is one: to be written elsewhere and imported again."""
    own = _own(request, _known(language))
    content = write_catalog(language, [Entry(message, own.get(message, "")) for message in all_messages()])
    return _file(content, f"texts-{language}.po", "text/x-gettext-translation")


@reading
def texts_as_csv(request: HttpRequest, language: str) -> HttpResponseBase:
    """The same for a spreadsheet."""
    own = _own(request, _known(language))
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow(("message", "stock", "text"))
    stock = translations(language)
    for message in all_messages():
        writer.writerow(map(for_spreadsheet, (message, stock.get(message, ""), own.get(message, ""))))
    return _file("\ufeff" + lines.getvalue(), f"texts-{language}.csv", "text/csv")


def _known(language: str) -> str:
    if language not in LANGUAGES:
        raise Http404("The pages are not written in this language.")
    return language


def _file(content: str, name: str, kind: str) -> HttpResponse:
    answer = HttpResponse(content, content_type=f"{kind}; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _lines(request: HttpRequest, language: str) -> Iterator[Line]:
    own, stock = _own(request, language), translations(language)
    for message, part in all_messages().items():
        shown = stock.get(message, message if language == SOURCE else "")
        state = "own" if message in own else "stock" if shown else "missing"
        yield Line(digest_of(message), message, part, language, shown, own.get(message, ""), state)


def _own(request: HttpRequest, language: str) -> dict[str, str]:
    found = OwnText.objects.filter(account=own_account(request), language=language)
    return dict(found.values_list("message", "text"))


def digest_of(message: str) -> str:
    """What names a message in addresses."""
    return hashlib.sha256(message.encode()).hexdigest()[:DIGEST]


@cache
def _by_digest() -> dict[str, str]:
    return {digest_of(message): message for message in all_messages()}


def _message(language: str, digest: str) -> str:
    if _known(language) and digest not in _by_digest():
        raise Http404("No page says this.")
    return _by_digest()[digest]


def _address(language: str, message: str) -> str:
    return reverse("panel:text", args=[language, digest_of(message)])


def _list_of(language: str) -> str:
    return f"{reverse('panel:texts')}?f.language={language}"


urlpatterns = [
    path("texts/", texts, name="texts"),
    path("texts/import/", import_texts, name="texts_import"),
    path("texts/<slug:language>/<slug:digest>/", text, name="text"),
    path("texts/<slug:language>/<slug:digest>/revert/", revert, name="text_revert"),
    path("texts/<slug:language>.po", texts_as_catalog, name="texts_as_catalog"),
    path("texts/<slug:language>.csv", texts_as_csv, name="texts_as_csv"),
]
