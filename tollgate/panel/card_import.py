"""Importing prices: a file, what its columns mean, a dry run, and only then a revision.

The uploaded file waits between the steps (kept_files.py) and is removed when it is published.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import path, reverse

from tollgate.actions.card_losses import loss_sentences
from tollgate.actions.revisions import publish_revision, read_card_file
from tollgate.core.card_columns import FIELDS
from tollgate.core.card_files import CardRow, Parsed
from tollgate.core.card_tariffs import tariff_rate
from tollgate.panel.access import writing
from tollgate.panel.cards import own_card, way_to_cards
from tollgate.panel.fields import InstantField
from tollgate.panel.frame import crumbs
from tollgate.panel.kept_files import keep, kept, sized
from tollgate.panel.saving import after_save, posted, saved
from tollgate.panel.tariffs import tariff_words
from tollgate.store.models import Card
from tollgate.store.queries.resale import prices_of_rows
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.words import as_is, worded

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
    "minimum_cost": "Minimum cost of a call",
    "maximum_cost": "Maximum cost of a call",
    "tariff": "Own tariff (JSON)",
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
        return sized(self.cleaned_data["file"])


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
    card = own_card(request, card_id)
    form = UploadForm(posted(request), request.FILES or None)
    if form.is_valid():
        token = keep(form.cleaned_data["file"])
        return redirect("panel:card_check", card.pk, token)
    return render_form(
        request,
        form,
        title=worded("Import prices: {name}", name=card.name),
        breadcrumbs=_way(card),
        back_url=reverse("panel:card", args=[card.pk]),
        save_title="Read the file",
    )


@writing("publish_revision", shown_to_all=False)
def check(request: HttpRequest, card_id: int, token: str) -> HttpResponseBase:
    """Step two: what the columns mean, the dry run, and publishing."""
    card = own_card(request, card_id)
    content = kept(token).read_bytes()
    chosen = _chosen(request.POST if request.method == "POST" else request.GET)
    parsed = read_card_file(content, mapping=chosen)
    form = PublishForm(posted(request), mapping=parsed.mapping)
    if form.is_valid() and _publishable(form, parsed):
        given = {name: form.cleaned_data[name] for name in ("effective_at", "note")}
        done = saved(request, form, publish_revision, card_id=card.pk, rows=parsed.rows, **given)
        if done is not None:
            kept(token).unlink()
            page = reverse("panel:card", args=[card.pk])
            plural = "" if done.rate_count == 1 else "s"
            words = f"Revision {done.number} with {done.rate_count:,} rate{plural} is published."
            return after_save(request, words, form_url=page, done_url=page)
    return render_form(
        request,
        form,
        template="panel/card_check.html",
        title=worded("Import prices: {name}", name=card.name),
        breadcrumbs=_way(card),
        back_url=reverse("panel:card_import", args=[card.pk]),
        save_title="Publish",
        read_only=bool(parsed.errors) or not parsed.rows,
        card=card,
        parsed=parsed,
        meanings=_meanings(parsed),
        errors=parsed.errors[:SHOWN_ERRORS],
        more_errors=max(0, len(parsed.errors) - SHOWN_ERRORS),
        rows=[(row, _own_tariff(row)) for row in parsed.rows[:SHOWN_ROWS]],
        losses=_losses(card, parsed),
        has_tariffs=any(row.tariff for row in parsed.rows[:SHOWN_ROWS]),
        more_rows=max(0, len(parsed.rows) - SHOWN_ROWS),
    )


def _losses(card: Card, parsed: Parsed) -> list[str]:
    """Where a reseller's card with these prices would sell below cost now."""
    if parsed.errors or card.reseller is None:
        return []
    return loss_sentences(card, prices_of_rows(card, parsed.rows), datetime.now(UTC))


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


def _own_tariff(row: CardRow) -> str:
    return tariff_words(tariff_rate(row.tariff)) if row.tariff else ""


def _way(card: Card) -> list[Any]:
    return [*way_to_cards(card.kind), *crumbs((as_is(card.name), reverse("panel:card", args=[card.pk])))]


urlpatterns = [
    path("cards/<int:card_id>/import/", upload, name="card_import"),
    path("cards/<int:card_id>/import/<slug:token>/", check, name="card_check"),
]
