"""What is said of prices by which a reseller sells for less than it pays.

`loss_sentences` warns who publishes prices of a reseller's own. What becomes of prices above it is found by
`look_at_resale`, a reseller at a time, as soon as revisions of its cards or of those it buys by are others than before:
it keeps what it finds for the cards' pages (`marks_of`), and tells the reseller of prices that are new to it. Calls
are guarded by the customer's *Loss-making calls* (core.calls_plan). To look at something more, see `_looked`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import InterfaceError, OperationalError, transaction
from django.utils.dateparse import parse_datetime

from tollgate.actions import records
from tollgate.actions.acts import act
from tollgate.actions.notices import notify
from tollgate.actions.statements import fetch
from tollgate.core.money import format_micros
from tollgate.core.number_formats import POINT, reader_sign, written
from tollgate.core.resale import Loss, Price, losses
from tollgate.store.models import Card, Customer, ResaleLook, Revision
from tollgate.store.queries.resale import buying_of, losses_of, prices_of

SHOWN: Final = 5
FEW: Final = "Sold for less than {} pays by {}: {}."
MANY: Final = "Sold for less than {} pays by {}: {}, and {} more prefixes."
TRIES_MOST: Final = 5
"""How often a look is tried that fails; from then on once a day."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """A reseller's card that sells below what the reseller pays by a revision of another: now, or from a moment on."""

    card: Card
    bought: Revision
    from_at: datetime | None
    lost: tuple[Loss, ...]
    count: int


@dataclass(frozen=True, slots=True)
class Mark:
    """What a card's page says of it."""

    sentence: str
    from_at: datetime | None


def loss_sentences(card: Card, sold: Mapping[str, Price], at: datetime) -> list[str]:
    """A sentence for each card that a reseller buys by at more than its own card sells for by these prices at `at`."""
    return [_sentence(card, bought, found[:SHOWN], len(found)) for bought, found in losses_of(card, sold, at)]


def marks_of(card: Card, at: datetime) -> list[Mark]:
    """Where a reseller's card sells below cost at a moment and after it, as it was last looked at."""
    last = ResaleLook.objects.filter(reseller=card.reseller_id).first()
    kept = [] if last is None else [one for one in last.found if one["card"] == card.pk]
    bought = Card.objects.in_bulk({one["bought"] for one in kept})
    return [_mark(card, bought[one["bought"]], one, at) for one in kept if one["bought"] in bought]


@act
def look_at_resale() -> bool:
    """Looks at the prices of one reseller that may have changed, and tells it of what is new; whether there was one."""
    return look(records.now())


def look(at: datetime) -> bool:
    """The same at a moment. A look that fails is counted, and the others are made."""
    fetch("resale", "begin_looks")
    found = fetch("resale", "stale_look", at, TRIES_MOST)
    if not found:
        return False
    last = ResaleLook.objects.select_related("reseller").get(pk=found[0]["reseller_id"])
    try:
        with transaction.atomic():
            _look_at(last, found[0]["revision_ids"], at)
    except (OperationalError, InterfaceError):  # a database in trouble: the next look tries again
        raise
    except Exception:  # whatever it is, the other resellers are looked at
        log.exception("ALARM prices of reseller %s cannot be looked at", last.pk)
        ResaleLook.objects.filter(pk=last.pk).update(tries_count=last.tries_count + 1, tried_at=at)
    return True


def _look_at(last: ResaleLook, now_known: list[int], at: datetime) -> None:
    known = set(last.revision_ids)
    losing = list(_looked(last.reseller, Revision.objects.filter(pk__in=now_known).select_related("card"), at))
    if last.looked_at is not None:
        _tell(last.reseller, [one for one in losing if one.bought.pk not in known])
    last.looked_at, last.revision_ids, last.found = at, now_known, [_kept(one) for one in losing]
    last.tries_count, last.tried_at = 0, None
    last.save()


def _looked(reseller: Customer, revisions: Iterable[Revision], at: datetime) -> Iterator[Found]:
    """Each card and revision by which the reseller loses, from the first moment on at which both are in force.

    One that comes and changes nothing of what is lost by the one before it is none.
    """
    buying = buying_of(reseller)
    by_card: dict[int, list[Revision]] = {}
    for revision in sorted(revisions, key=lambda one: (one.effective_at, one.number)):
        by_card.setdefault(revision.card_id, []).append(revision)
    cards = {pk: known[0].card for pk, known in by_card.items()}
    own = [pk for pk, card in cards.items() if card.reseller_id == reseller.pk and card.direction == "termination"]
    bought = [pk for pk in by_card if pk in buying.card_ids]
    moments = sorted({at, *(one.effective_at for known in by_card.values() for one in known if one.effective_at > at)})
    prices: dict[int, dict[str, Price]] = {}
    seen: set[tuple[int, int]] = set()
    before: dict[tuple[int, int], list[Loss]] = {}
    for moment in moments:
        ours, theirs = (_in_force([by_card[pk] for pk in pks], moment) for pks in (own, bought))
        for one in (*ours, *theirs):
            if one.pk not in prices:
                prices[one.pk] = prices_of(one)
        for sold in ours:
            anew = {one.card_id: one for one in theirs if (sold.pk, one.pk) not in seen}
            seen |= {(sold.pk, one.pk) for one in anew.values()}
            lost = losses(prices[sold.pk], buying, {pk: prices[one.pk] for pk, one in anew.items()}, moment)
            for pk, one in anew.items():
                found, pair = lost.get(pk, []), (sold.card_id, pk)
                if found and found != before.get(pair):
                    yield Found(sold.card, one, moment if moment > at else None, tuple(found[:SHOWN]), len(found))
                before[pair] = found


def _in_force(cards: Sequence[Sequence[Revision]], at: datetime) -> list[Revision]:
    """The revision of each card, the oldest first, that is in force at a moment."""
    found = ([one for one in known if one.effective_at <= at] for known in cards)
    return [known[-1] for known in found if known]


def _tell(reseller: Customer, losing: Sequence[Found]) -> None:
    if losing:
        sign = reader_sign(reseller.language, reseller.country)
        notify(reseller, "card.losses", {"losses": "\n".join(_line(one, sign) for one in losing)})


def _line(one: Found, sign: str) -> str:
    """What a notice says of one card: in figures and names, for readers of any language, decimals after `sign`."""
    moment = f" ({one.from_at:%Y-%m-%d %H:%M} UTC)" if one.from_at else ""
    shown = "; ".join(_prefix(loss, sign) for loss in one.lost)
    more = f"; +{one.count - len(one.lost)}" if one.count > len(one.lost) else ""
    return f"{one.card} < {one.bought.card}{moment}: {shown}{more}"


def _kept(one: Found) -> dict[str, Any]:
    return {
        "card": one.card.pk,
        "bought": one.bought.card_id,
        "from_at": one.from_at.isoformat() if one.from_at else None,
        "count": one.count,
        "lost": [[loss.prefix, loss.duration_s, loss.sold_micros, loss.bought_micros] for loss in one.lost],
    }


def _mark(card: Card, bought: Card, kept: Mapping[str, Any], at: datetime) -> Mark:
    sentence = _sentence(card, bought, [Loss(*loss) for loss in kept["lost"]], kept["count"])
    from_at = parse_datetime(kept["from_at"]) if kept["from_at"] else None
    return Mark(sentence, from_at if from_at is not None and from_at > at else None)


def _sentence(card: Card, bought: Card, shown: Sequence[Loss], count: int) -> str:
    prefixes = ", ".join(map(_prefix, shown))
    if count > len(shown):
        return MANY.format(card.reseller, bought, prefixes, count - len(shown))
    return FEW.format(card.reseller, bought, prefixes)


def _prefix(loss: Loss, sign: str = POINT) -> str:
    sold, bought = (written(format_micros(micros), sign) for micros in (loss.sold_micros, loss.bought_micros))
    call = f"{loss.duration_s} s: {sold} < {bought}"
    return f"{loss.prefix or '*'} ({call})"
