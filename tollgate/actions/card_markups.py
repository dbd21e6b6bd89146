"""Prices made of another card's: each so many percent dearer, as a revision of their own."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from tollgate.actions import checks, records
from tollgate.actions.acts import act, current, refuse
from tollgate.actions.cards import seen_by
from tollgate.actions.revisions import publish_revision, rows_of
from tollgate.core.card_files import CardRow
from tollgate.core.card_tariffs import MOST_NANOS, tariff_rate
from tollgate.core.rates import RateInvalid
from tollgate.core.resale import marked_up
from tollgate.store.models import Card, Revision
from tollgate.store.queries.cards import revision_at

MOST_MARKUP_PPM: Final = 10_000_000
CHECKS: Final = {
    "source_card_id": checks.record_id,
    "markup_ppm": checks.whole(0, MOST_MARKUP_PPM),
    "effective_at": checks.optional(checks.instant),
}


@act
def publish_markup(
    *,
    card_id: int,
    source_card_id: int,
    markup_ppm: int,
    effective_at: datetime | str | None = None,
    note: str = "",
) -> Revision:
    """Replaces the prices of a card by those that another card has at that moment, each dearer by so many parts per
    million; without a moment, from now on. Needs the permission to publish revisions too."""
    given: dict[str, Any] = {"source_card_id": source_card_id, "markup_ppm": markup_ppm, "effective_at": effective_at}
    values = checks.cleaned(CHECKS, given)
    card = records.locked(Card, card_id)
    rows = rows_of(_source(card, values["source_card_id"], values["effective_at"]))
    try:
        dearer = [marked_up(row, values["markup_ppm"]) for row in rows]
        held = all(_is_held(row) for row in dearer)
    except RateInvalid:
        held = False
    if not held:
        raise refuse("markup_ppm", "Some prices would be larger than a card holds.")
    return publish_revision(card_id=card.pk, rows=dearer, effective_at=effective_at, note=note)


def _is_held(row: CardRow) -> bool:
    """Whether a card holds such amounts. Raises RateInvalid for an own tariff with others."""
    if row.tariff is not None:
        tariff_rate(row.tariff)
    return max(row.price_nanos, row.connect_fee_nanos) <= MOST_NANOS


def _source(card: Card, source_card_id: int, effective_at: datetime | None) -> Revision:
    """The revision of the other card that is in force at that moment."""
    seen = Card.objects.filter(seen_by(current.get()), account_id=card.account_id)
    source = seen.exclude(pk=card.pk).filter(pk=source_card_id).first()
    if source is None:
        raise refuse("source_card_id", "Choose another card, to begin with its prices.")
    if source.currency != card.currency:
        raise refuse("source_card_id", f"Its prices are in {source.currency}, those of this card in {card.currency}.")
    revision = revision_at(source, effective_at or records.now())
    if revision is None:
        raise refuse("source_card_id", "This card has no prices in force at that moment.")
    return revision
