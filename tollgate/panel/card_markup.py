"""Prices made of another card's, each so many percent dearer: a form that publishes a revision.

Offered are the cards in the same currency that the user may see: for a reseller's user those it is given, and its own.
"""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path, reverse

from tollgate.actions.card_markups import MOST_MARKUP_PPM, publish_markup
from tollgate.panel.access import own_cards, reach, writing
from tollgate.panel.cards import card_words, own_card, way_to_cards
from tollgate.panel.fields import InstantField, pick
from tollgate.panel.frame import crumbs
from tollgate.panel.payment_gateways import PercentField
from tollgate.panel.saving import after_save, changes, posted, saved
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.words import as_is, worded


class MarkupForm(HouseForm):
    """Whose prices, how much dearer, and from when they hold."""

    widths = {"source_card_id": 8, "note": 8}
    source_card_id = pick("Prices of", [], help_text="As they are at the moment from which the new ones hold")
    markup_ppm = PercentField(label="Dearer by", most=MOST_MARKUP_PPM, help_text="Price and connect fee")
    effective_at = InstantField(label="In force from (UTC)", required=False, help_text="Empty = from now on")
    note = forms.CharField(max_length=1000, required=False)

    def __init__(self, *arguments: Any, cards: list[tuple[int, str]], **options: Any) -> None:
        super().__init__(*arguments, **options)
        field = self.fields["source_card_id"]
        assert isinstance(field, forms.TypedChoiceField)
        field.choices = [("", ""), *cards]


@writing("publish_markup", shown_to_all=False)
def markup(request: HttpRequest, card_id: int) -> HttpResponseBase:
    """Publishes the prices of another card, dearer, as a revision of this one."""
    card = own_card(request, card_id)
    page = reverse("panel:card", args=[card.pk])
    others = own_cards(request).filter(currency=card.currency).exclude(pk=card.pk)
    offered = others.select_related("reseller").order_by("name")
    words_of = card_words if reach(request) is None else str  # whose another's is they are not told
    form = MarkupForm(posted(request), cards=[(one.pk, words_of(one)) for one in offered])
    if form.is_valid():
        done = saved(request, form, publish_markup, card_id=card.pk, **changes(form))
        if done is not None:
            words = f"Revision {done.number} with {done.rate_count:,} rates is published."
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
