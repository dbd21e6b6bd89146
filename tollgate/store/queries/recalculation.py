"""Calls as they would be priced now: which calls a recalculation is about, and what each side of them would cost.

`Prices` remembers what it has read, so that many calls of few cards are quick; make one for each question.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import QuerySet, Sum

from tollgate.core.digits import MOST_DIGITS
from tollgate.core.rates import Rate as Price
from tollgate.core.rates_engine import in_force
from tollgate.core.recalculation import Correction, Side, corrections
from tollgate.store.models import CDR, Card, Entry, Rate, Recalculation, Revision
from tollgate.store.queries.cards import price_of

OF_CALLS = ("call", "overrun", "adjustment", "correction")
AT_A_TIME = 1_000


@dataclass(frozen=True, slots=True)
class Repriced:
    """A call with what would move; `problem` says why it is left as it is."""

    cdr: CDR
    duration_ms: int
    corrections: tuple[Correction, ...] = ()
    problem: str = ""

    @property
    def different(self) -> bool:
        """Whether anything would move."""
        return any(one.amount_micros for one in self.corrections)


def calls_of(wanted: Recalculation) -> QuerySet[CDR]:
    """The charged calls that it is about, oldest first; what only the lake has is not among them."""
    found = CDR.objects.filter(
        account_id=wanted.account_id,
        state="charged",
        answered_at__isnull=False,
        started_at__gte=wanted.from_at,
        started_at__lt=wanted.until_at,
    )
    if wanted.customer_id:
        found = found.filter(customer_id=wanted.customer_id)
    if wanted.carrier_id:
        found = found.filter(carrier_id=wanted.carrier_id)
    if wanted.released_by:
        found = found.filter(released_by__in=wanted.released_by)
    if wanted.least_s is not None:
        found = found.filter(duration_ms__gte=wanted.least_s * 1000)
    return found.order_by("started_at", "id")


@dataclass(slots=True)
class Prices:
    """The rates of revisions in force at any time; `whole` reads each revision at once, for many calls."""

    whole: bool = False
    _revisions: dict[int, list[Revision]] = field(default_factory=dict)
    _rates: dict[int, dict[str, Rate]] = field(default_factory=dict)
    _prices: dict[int, Price] = field(default_factory=dict)

    def find(self, card_id: int, number: str, at: datetime) -> Price | None:
        """The rate of a number on a card for a call that began then; None where there is none."""
        revision = next((one for one in self._published(card_id) if one.effective_at <= at), None)
        rate = None if revision is None else self._rate(revision, number)
        if revision is None or rate is None:
            return None
        price = self._prices.setdefault(rate.pk, price_of(revision.card, rate))
        return price if in_force(price, at) else None

    def _published(self, card_id: int) -> Sequence[Revision]:
        """The newest first."""
        if card_id not in self._revisions:
            found = Revision.objects.filter(card_id=card_id, published_at__isnull=False).select_related("card")
            self._revisions[card_id] = list(found.order_by("-effective_at", "-number"))
        return self._revisions[card_id]

    def _rate(self, revision: Revision, number: str) -> Rate | None:
        prefixes = [number[:length] for length in range(min(len(number), MOST_DIGITS), -1, -1)]
        if not self.whole:
            found = {rate.prefix: rate for rate in Rate.objects.filter(revision=revision, prefix__in=prefixes)}
        else:
            if revision.pk not in self._rates:
                rates = Rate.objects.filter(revision=revision).iterator(chunk_size=20_000)
                self._rates[revision.pk] = {rate.prefix: rate for rate in rates}
            found = self._rates[revision.pk]
        return next((found[prefix] for prefix in prefixes if prefix in found), None)


def repriced(wanted: Recalculation, most: int) -> Iterator[Repriced]:
    """The first `most` of its calls with what would move."""
    prices = Prices(whole=True)
    found = calls_of(wanted)[:most]
    part: list[CDR] = []
    for cdr in found.iterator(chunk_size=AT_A_TIME):
        part.append(cdr)
        if len(part) == AT_A_TIME:
            yield from _part(part, wanted, prices)
            part = []
    yield from _part(part, wanted, prices)


def reprice(cdr: CDR, wanted: Recalculation) -> Repriced:
    """One call as it stands now."""
    return next(iter(_part([cdr], wanted, Prices())))


def _part(part: Sequence[CDR], wanted: Recalculation, prices: Prices) -> Iterable[Repriced]:
    posted = _posted(part)
    for cdr in part:
        duration_ms = cdr.duration_ms if wanted.new_s is None else wanted.new_s * 1000
        sides = _sides(cdr, posted.get(cdr.pk, {}), prices)
        if isinstance(sides, str):
            yield Repriced(cdr, duration_ms, problem=sides)
            continue
        assert cdr.answered_at is not None
        yield Repriced(cdr, duration_ms, corrections(sides, answered_at=cdr.answered_at, duration_ms=duration_ms))


def _posted(part: Sequence[CDR]) -> dict[int, dict[int, int]]:
    """What each call has given each wallet so far."""
    found: dict[int, dict[int, int]] = {}
    if not part:
        return found
    rows = Entry.objects.filter(
        account_id=part[0].account_id, call_id__in=[cdr.pk for cdr in part], kind__in=OF_CALLS
    ).values_list("call_id", "wallet_id")
    for call_id, wallet_id, micros in rows.annotate(micros=Sum("amount_micros")).order_by():
        found.setdefault(call_id, {})[wallet_id] = int(micros)
    return found


def _sides(cdr: CDR, posted: Mapping[int, int], prices: Prices) -> list[Side] | str:
    """Who pays for the call and who is paid, with the rates of now; or why it cannot be priced."""
    detail: Mapping[str, Any] = cdr.detail or {}
    free_s = sum(bundle["used_s"] for bundle in detail.get("minutes", ()))
    told = [(leg, str(leg["book"]), True) for leg in detail.get("legs", ())]
    if detail.get("carrier"):
        told.append(({**detail["routes"][detail["route"]], **detail["carrier"]}, "carrier_cost", False))
    if not told:
        return "Its CDR does not tell who paid."
    sides = []
    for place, (leg, book, pays) in enumerate(told):
        price = prices.find(leg["card"], cdr.number, cdr.started_at)
        if price is None:
            names = dict(Card.objects.filter(pk=leg["card"]).values_list("pk", "name"))
            return f"{names.get(leg['card'], 'Its card')} has no rate for {cdr.number} at that time."
        sides.append(
            Side(
                wallet_id=leg["wallet"],
                book=book,
                currency=leg["currency"],
                pays=pays,
                posted_micros=posted.get(leg["wallet"], 0),
                rate=price,
                free_s=free_s if place == 0 else 0,
            )
        )
    return sides
