"""Calls as they would be priced now: which calls a recalculation is about, and what each side of them would cost.

Days that have left the database are read from the lake, for the rows of a job a page at a time. `Prices` remembers what
it has read, so that many calls of few cards are quick; make one for each question.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any

from django.db.models import QuerySet, Sum

from tollgate.core.calls_text import read_rate
from tollgate.core.digits import MOST_DIGITS
from tollgate.core.lake import Condition, Group, Row, Search, Span, day_begins, instant_of
from tollgate.core.rates import Rate as Price
from tollgate.core.rates_engine import in_force
from tollgate.core.recalculation import Correction, Side, corrections
from tollgate.store.models import CDR, ArchivedCall, Card, Entry, Rate, Recalculation, Revision, TaskRow
from tollgate.store.queries import archived_ahead, lake
from tollgate.store.queries.archived import COLUMNS, DAY, IDS_MOST, TOLD_LATER, told_day
from tollgate.store.queries.call_search import cdr_values
from tollgate.store.queries.cards import price_of

OF_CALLS = ("call", "overrun", "adjustment", "correction")
AT_A_TIME = 1_000
LISTED = ("id", "started_us", "edge_call_id")
LISTED_AT_A_TIME = 20_000


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


def calls_of(wanted: Recalculation) -> Iterator[CDR]:
    """The charged calls that it is about, the oldest first; of days that only the lake has as they are kept there."""
    yield from _archived(wanted)
    yield from _kept(wanted).iterator(chunk_size=AT_A_TIME)


def ids_of(wanted: Recalculation) -> Iterator[tuple[int, str]]:
    """Each of these calls by our id and the edge's."""
    for call_id, _, edge_call_id in _archived_rows(wanted, LISTED, at_a_time=LISTED_AT_A_TIME):
        yield int(str(call_id)), str(edge_call_id)
    yield from _kept(wanted).values_list("pk", "edge_call_id").iterator(chunk_size=AT_A_TIME)


def call_of(wanted: Recalculation, call_id: int) -> CDR | None:
    """One of the calls that it is about; None for any other. Those of the job's next rows are read with it."""
    if call_id >= IDS_MOST:
        return None
    found = _kept(wanted).filter(pk=call_id).first()
    if found is not None or CDR.objects.filter(account_id=wanted.account_id, pk=call_id).exists():
        return found
    day = _days(wanted, [call_id])[call_id]
    files = tuple(lake.forgotten(_span(wanted, day)))
    key = (wanted.pk, day)
    return archived_ahead.take(key, call_id, files=files, read=lambda: _page(wanted, call_id, day, files))


def count_of(wanted: Recalculation) -> int:
    """How many calls it is about."""
    sides = lake.Sides((), tuple(lake.forgotten(_span(wanted))))
    archived = lake.count(_asked(wanted, ("id",)), _span(wanted), wanted.until_at, most=2**62, sides=sides)
    return _kept(wanted).count() + archived


def _archived(wanted: Recalculation) -> Iterator[CDR]:
    for row in _archived_rows(wanted, COLUMNS, at_a_time=AT_A_TIME):
        yield CDR(**cdr_values(COLUMNS, row))


def _archived_rows(wanted: Recalculation, columns: Sequence[str], *, at_a_time: int) -> Iterator[Row]:
    """The calls whose records the database has no more. A record that was entered for such a day since then is in
    both: it counts as the database's."""
    sides, place = lake.Sides((), tuple(lake.forgotten(_span(wanted)))), None
    id_place, us_place = columns.index("id"), columns.index("started_us")
    while sides.lake_files:
        question = replace(_asked(wanted, columns), limit=at_a_time, before=place, oldest_first=True)
        rows = lake.search(question, _span(wanted), wanted.until_at, sides=sides)
        if not rows:
            return
        places = [(int(str(row[us_place])), int(str(row[id_place]))) for row in rows]
        own = CDR.objects.filter(account_id=wanted.account_id, pk__in=[call_id for _, call_id in places])
        span = (instant_of(places[0][0]), instant_of(places[-1][0]))  # so that few partitions are looked into
        here = set(own.filter(started_at__range=span).values_list("pk", flat=True))
        yield from (row for row, (_, call_id) in zip(rows, places, strict=True) if call_id not in here)
        if len(rows) < at_a_time:
            return
        place = places[-1]


def _page(
    wanted: Recalculation, call_id: int, day: date | None, files: tuple[archived_ahead.DayFile, ...]
) -> dict[int, CDR | None]:
    """The call, and those of the job's next rows that belong to the same day; None for what the lake does not have."""
    waiting = TaskRow.objects.filter(task__in=[wanted.task] if wanted.task else [], state="waiting")
    following = waiting.order_by("number").values_list("record_id", flat=True)[:AT_A_TIME]
    days = _days(wanted, [call_id, *(pk for pk in following if pk is not None)])
    found: dict[int, CDR | None] = {pk: None for pk, told in days.items() if told == day}
    if files:
        question = replace(_asked(wanted, COLUMNS, tuple(found)), limit=len(found))
        sides = lake.Sides((), files)
        for row in lake.search(question, _span(wanted), wanted.until_at, sides=sides):
            cdr = CDR(**cdr_values(COLUMNS, row))
            found[cdr.pk] = cdr
    return found


def _days(wanted: Recalculation, call_ids: Sequence[int]) -> dict[int, date | None]:
    """The day of each call that entries name, else the one that its id tells; None of one that tells none."""
    known = ArchivedCall.objects.filter(account_id=wanted.account_id, pk__in=call_ids)
    days = {pk: at.astimezone(UTC).date() for pk, at in known.values_list("pk", "started_at")}
    return {pk: days.get(pk) or told_day(pk) for pk in call_ids}


def _span(wanted: Recalculation, day: date | None = None) -> Span:
    """All its time, or of that what a call can have begun in whose day this is."""
    if day is None:
        return Span(wanted.account_id, wanted.from_at, wanted.until_at)
    from_at, until_at = day_begins(day) - TOLD_LATER, day_begins(day) + DAY
    return Span(wanted.account_id, max(from_at, wanted.from_at), min(until_at, wanted.until_at))


def _asked(wanted: Recalculation, columns: Sequence[str], call_ids: tuple[int, ...] = ()) -> Search:
    """The same question as `_kept`, of the lake; of some calls if they are given."""
    parts: list[Condition | Group] = [Condition("state", "eq", "charged"), Condition("answered_us", "empty", 0)]
    if call_ids:
        parts.append(Condition("id", "in", call_ids))
    for column, value in (("customer_id", wanted.customer_id), ("carrier_id", wanted.carrier_id)):
        if value is not None:
            parts.append(Condition(column, "eq", value))
    if wanted.released_by:
        parts.append(Group(tuple(Condition("released_by", "eq", one) for one in wanted.released_by), any=True))
    if wanted.least_s is not None:
        parts.append(Condition("duration_ms", "ge", wanted.least_s * 1000))
    return Search("call", tuple(columns), Group(tuple(parts)))


def _kept(wanted: Recalculation) -> QuerySet[CDR]:
    """Those of them that the database has."""
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
    part: list[CDR] = []
    for cdr in islice(calls_of(wanted), most):
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
        # a local call, or a carrier that takes nothing, has no card: it stays as it was
        price = (
            prices.find(leg["card"], cdr.number, cdr.started_at) if leg["card"] else read_rate(json.dumps(leg["rate"]))
        )
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
