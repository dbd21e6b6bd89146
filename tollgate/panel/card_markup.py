"""Prices made of another card's, each so many percent dearer: a form that publishes a revision.

Offered are the cards in the same currency that the user may see: for a reseller's user those it is given, and its own.
"""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path, reverse

from tollgate.actions.card_markups import MOST_MARKUP_PPM, publish_markup
from tollgate.panel.access import writing
from tollgate.panel.cards import own_card, way_to_cards
from tollgate.panel.choosable import cards_to_copy
from tollgate.panel.company import CardField, name_one_of
from tollgate.panel.fields import InstantField
from tollgate.panel.frame import crumbs
from tollgate.panel.payment_gateways import PercentField
from tollgate.panel.saving import after_save, changes, posted, saved
from tollgate.store.models import Card
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.words import as_is, worded


class MarkupForm(HouseForm):
    """Whose prices, how much dearer, and from when they hold."""

    widths = {"source_card_id": 8, "note": 8}
    source_card_id = CardField(
        "card_to_copy", label="Prices of", help_text="As they are at the moment from which the new ones hold"
    )
    markup_ppm = PercentField(label="Dearer by", most=MOST_MARKUP_PPM, help_text="Price and connect fee")
    effective_at = InstantField(label="In force from (UTC)", required=False, help_text="Empty = from now on")
    note = forms.CharField(max_length=1000, required=False)

    def __init__(self, *arguments: Any, card: Card, known: QuerySet[Card], **options: Any) -> None:
        super().__init__(*arguments, **options)
        name_one_of(self, known, field="source_card_id", card=card.pk)


@writing("publish_markup", shown_to_all=False)
def markup(request: HttpRequest, card_id: int) -> HttpResponseBase:
    """Publishes the prices of another card, dearer, as a revision of this one."""
    card = own_card(request, card_id)
    page = reverse("panel:card", args=[card.pk])
    form = MarkupForm(posted(request), card=card, known=cards_to_copy(request, card))
    if form.is_valid():
        done = saved(request, form, publish_markup, card_id=card.pk, **changes(form))
        if done is not None:
            plural = "" if done.rate_count == 1 else "s"
            words = f"Revision {done.number} with {done.rate_count:,} rate{plural} is published."
            return after_save(request, words, form_url=page, done_url=page)
    return render_form(
        request,
        form,
        title=worded("Prices from another card: {name}", name=card.name),
        breadcrumbs=[*way_to_cards(card.kind), *crumbs((as_is(card.name), page))],
        back_url=page,
        save_title="Publish",
    )


urlpatterns = [path("cards/<int:card_id>/markup/", markup, name="card_markup")]
