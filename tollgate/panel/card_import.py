"""Importing prices: a file, what its columns mean, a dry run, and only then a revision.

The uploaded file waits in the data folder under a random name between the steps, so that changing the meaning of a
column does not send it again; it is removed when it is published, and by the next upload when it is a day old.
"""

import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse

from tollgate import environment
from tollgate.actions.revisions import publish_revision, read_card_file
from tollgate.core.card_columns import FIELDS
from tollgate.core.card_files import Parsed
from tollgate.panel.access import own_account, writing
from tollgate.panel.fields import InstantField
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, posted, saved
from tollgate.store.models import Card
from tollgate.ui.forms import HouseForm, render_form

MOST_BYTES: Final = 64 * 2**20
KEPT_S: Final = 86_400
SHOWN_ERRORS: Final = 50
SHOWN_ROWS: Final = 12
FIELD_WORDS: Final = {
    "prefix": "Prefix",
    "destination": "Destination",
    "price": "Price per minute",
    "connect_fee": "Connect fee",
    "increments": "Increments (60/6)",
    "initial": "Initial, s",
    "increment": "Increment, s",
    "grace": "Grace, s",
    "included": "Included, s",
    "blocked": "Blocked",
    "enabled": "Enabled",
}


class UploadForm(HouseForm):
    """A file with prices."""

    widths = {"file": 8}
    file = forms.FileField(
        help_text="CSV (comma, semicolon or tab) or XLSX. The columns may be in any order and have the usual names"
    )

    def clean_file(self) -> "UploadedFile[bytes]":
        """Not larger than we read."""
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        if file.size is None or file.size > MOST_BYTES:
            raise forms.ValidationError(f"The file is larger than {MOST_BYTES // 2**20} MB.")
        return file


class PublishForm(HouseForm):
    """From when the prices hold."""

    widths = {"effective_at": 4, "note": 8}
    effective_at = InstantField(label="In force from (UTC)", required=False, help_text="Empty = from now on")
    note = forms.CharField(max_length=1000, required=False, help_text="Such as the carrier's mail it came with")

    def __init__(self, *arguments: Any, mapping: Mapping[str, int], **options: Any) -> None:
        super().__init__(*arguments, **options)
        for name in FIELDS:  # what the columns mean travels with the form, so that what was checked is published
            hidden = forms.CharField(required=False, widget=forms.HiddenInput, initial=mapping.get(name))
            self.fields[f"column-{name}"] = hidden


@writing("publish_revision", shown_to_all=False)
def upload(request: HttpRequest, card_id: int) -> HttpResponseBase:
    """Step one: the file."""
    card = _card(request, card_id)
    form = UploadForm(posted(request), request.FILES or None)
    if form.is_valid():
        token = _keep(form.cleaned_data["file"])
        return redirect("panel:card_check", card.pk, token)
    return render_form(
        request,
        form,
        title=f"Import prices: {card.name}",
        breadcrumbs=_way(card),
        back_url=reverse("panel:card", args=[card.pk]),
        save_title="Read the file",
    )


@writing("publish_revision", shown_to_all=False)
def check(request: HttpRequest, card_id: int, token: str) -> HttpResponseBase:
    """Step two: what the columns mean, the dry run, and publishing."""
    card = _card(request, card_id)
    content = _kept(token).read_bytes()
    chosen = _chosen(request.POST if request.method == "POST" else request.GET)
    parsed = read_card_file(content, mapping=chosen)
    form = PublishForm(posted(request), mapping=parsed.mapping)
    if form.is_valid() and _publishable(form, parsed):
        given = {name: form.cleaned_data[name] for name in ("effective_at", "note")}
        done = saved(request, form, publish_revision, card_id=card.pk, rows=parsed.rows, **given)
        if done is not None:
            _kept(token).unlink()
            page = reverse("panel:card", args=[card.pk])
            words = f"Revision {done.number} with {done.rate_count:,} rates is published."
            return after_save(request, words, form_url=page, done_url=page)
    return render_form(
        request,
        form,
        template="panel/card_check.html",
        title=f"Import prices: {card.name}",
        breadcrumbs=_way(card),
        back_url=reverse("panel:card_import", args=[card.pk]),
        save_title="Publish",
        read_only=bool(parsed.errors) or not parsed.rows,
        card=card,
        parsed=parsed,
        meanings=_meanings(parsed),
        errors=parsed.errors[:SHOWN_ERRORS],
        more_errors=max(0, len(parsed.errors) - SHOWN_ERRORS),
        rows=parsed.rows[:SHOWN_ROWS],
        more_rows=max(0, len(parsed.rows) - SHOWN_ROWS),
    )


def _publishable(form: PublishForm, parsed: Parsed) -> bool:
    if parsed.errors or not parsed.rows:
        form.add_error(None, "Nothing is published while the file has errors.")
        return False
    return True


def _chosen(parameters: Any) -> dict[str, int] | None:
    """The columns that the user chose; None for what the headers say."""
    given = {name: parameters.get(f"column-{name}", "") for name in FIELDS}
    mapping = {name: int(index) for name, index in given.items() if index.isdecimal()}
    return mapping or None


def _meanings(parsed: Parsed) -> list[tuple[str, str, list[tuple[int, str, bool]]]]:
    """Each field with the columns to choose from: (name, words, [(index, header, chosen)])."""
    columns = [(index, header or f"Column {index + 1}") for index, header in enumerate(parsed.headers)]
    return [
        (name, FIELD_WORDS[name], [(index, header, parsed.mapping.get(name) == index) for index, header in columns])
        for name in FIELDS
    ]


def _folder() -> Path:
    return environment.data_folder() / "uploads"


def _keep(file: "UploadedFile[bytes]") -> str:
    """Writes the file aside and gives its name; old ones that nobody published are removed."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for old in folder.iterdir():
        if old.stat().st_mtime < time.time() - KEPT_S:
            old.unlink(missing_ok=True)
    token = secrets.token_hex(16)
    with (folder / token).open("xb") as target:
        for chunk in file.chunks():
            target.write(chunk)
    return token


def _kept(token: str) -> Path:
    found = _folder() / token
    if len(token) != 32 or not token.isalnum() or not found.is_file():
        raise Http404("This upload is gone: choose the file again.")
    return found


def _card(request: HttpRequest, card_id: int) -> Card:
    return get_object_or_404(Card, pk=card_id, account=own_account(request))


def _way(card: Card) -> list[Any]:
    return crumbs(("Cards", reverse(f"panel:{card.kind}_cards")), (card.name, reverse("panel:card", args=[card.pk])))


urlpatterns = [
    path("cards/<int:card_id>/import/", upload, name="card_import"),
    path("cards/<int:card_id>/import/<slug:token>/", check, name="card_check"),
]
