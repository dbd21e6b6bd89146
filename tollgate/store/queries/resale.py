"""Cards between resellers and those above them: what a reseller buys by, what its users see, what it pays for a call.

A reseller pays by the cards of its own enabled routes and of its tags' routes, and for calls that come in by the cards
that DIDs of customers below it name; a card is given to it by those, and nothing else says so. Its users see those
cards, the cards of their own, and those that customers below it pay by.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

from django.contrib.postgres.aggregates import StringAgg
from django.db.models import F, Q, QuerySet

from tollgate.core.card_files import CardRow
from tollgate.core.rates import Rate as RateRule
from tollgate.core.rates import Rounding, rate_from_json, simple
from tollgate.core.resale import Buying, Loss, Price, losses
from tollgate.core.snapshot import Route
from tollgate.store.models import Card, Customer, Did, DidPrice, IngressRoute, Rate, Revision
from tollgate.store.queries.cards import Priced, price, revision_at, rounding_of

_TERMS: Final = ("price_nanos", "connect_fee_nanos", "initial_s", "increment_s", "grace_s", "included_s")


@dataclass(frozen=True, slots=True)
class Paid:
    """What a reseller pays for a call by one of the cards it buys by; `priced` is None where that has no price."""

    card: Card
    priced: Priced | None


def reaching(customer_ids: Iterable[int]) -> Q:
    """The routes by which these customers may call: their own and those of their tags in their currency."""
    ids = list(customer_ids)
    of_tags = Q(tag__customers__in=ids, tag__customers__currency=F("card__currency"))
    return Q(customer__in=ids) | of_tags


def buying_routes(reseller_id: int) -> QuerySet[IngressRoute]:
    """The enabled routes by which a reseller buys."""
    return IngressRoute.objects.filter(reaching([reseller_id]), enabled=True).distinct()


def given_to(reseller_id: int) -> Q:
    """The cards that a reseller buys by."""
    bought = Q(pk__in=buying_routes(reseller_id).values("card_id"))
    bought |= Q(pk__in=DidPrice.objects.filter(reseller=reseller_id).values("card_id"))
    bought |= Q(pk__in=Did.objects.filter(customer=reseller_id).values("card_id"))
    return Q(kind="customer") & bought


def dids_seen_of(reseller_id: int, reach: Iterable[int]) -> Q:
    """The DIDs that the users of a reseller may see: its own, and those of the customers below it (`reach`)."""
    return Q(customer__in=[reseller_id, *reach])


def owned_by(reseller_ids: Iterable[int]) -> Q:
    """The cards of these resellers themselves."""
    return Q(kind="customer", reseller__in=list(reseller_ids))


def seen_of(reseller_id: int, reach: Iterable[int]) -> Q:
    """The cards that the users of a reseller may see; `reach` are the customers below it."""
    below = list(reach)
    sold = Q(pk__in=IngressRoute.objects.filter(reaching(below)).values("card_id"))
    sold |= Q(pk__in=Did.objects.filter(customer__in=below).values("card_id"))
    sold |= Q(pk__in=DidPrice.objects.filter(reseller__in=below).values("card_id"))
    by_cli = Customer.objects.filter(pk__in=[reseller_id, *below], non_cli_card__isnull=False)
    sold |= Q(pk__in=by_cli.values("non_cli_card_id"))
    return owned_by([reseller_id, *below]) | given_to(reseller_id) | (Q(kind="customer") & sold)


def buying_of(reseller: Customer) -> Buying:
    """The routes by which a reseller buys, as the rules know them."""
    found = buying_routes(reseller.pk).order_by("id")
    own = tuple(_route(row) for row in found if row.customer_id is not None)
    return Buying(own, tuple(_route(row) for row in found if row.customer_id is None))


def losses_of(card: Card, sold: Mapping[str, Price], at: datetime) -> list[tuple[Card, list[Loss]]]:
    """Where a reseller's card with these prices sells below what the reseller pays at that moment, by what it pays by.

    Only calls that go out are compared. Prices in another currency are not: calls below such a reseller are bought in
    its own.
    """
    if card.reseller is None or card.direction != "termination":
        return []
    buying = buying_of(card.reseller)
    cards = {one.pk: one for one in Card.objects.filter(pk__in=buying.card_ids, currency=card.currency)}
    in_force = {pk: revision_at(one, at) for pk, one in sorted(cards.items())}
    bought = {pk: prices_of(revision) for pk, revision in in_force.items() if revision is not None}
    return [(cards[pk], lost) for pk, lost in losses(sold, buying, bought, at).items()]


def prices_of(revision: Revision) -> dict[str, Price]:
    """The prices of a revision by prefix. The database puts together what is alike: a hundred thousand are a few."""
    alike = Rate.objects.filter(revision=revision).values_list("blocked", "tariff", *_TERMS)
    told = alike.annotate(prefixes=StringAgg("prefix", ",")).order_by()
    rounding, found = rounding_of(revision.card), {}
    for blocked, tariff, *terms, prefixes in told.iterator(chunk_size=10_000):
        found.update(dict.fromkeys(prefixes.split(","), Price(_rule(tariff, terms, rounding), blocked)))
    return found


def prices_of_rows(card: Card, rows: Iterable[CardRow]) -> dict[str, Price]:
    """The prices of rows for a card; those that are alike are one and the same, as most are."""
    rounding = rounding_of(card)
    known: dict[tuple[object, ...], Price] = {}
    found: dict[str, Price] = {}
    for prefix, *told in map(attrgetter("prefix", "blocked", "tariff", *_TERMS), rows):
        key = tuple(told)
        if key not in known:
            blocked, tariff, *terms = told
            known[key] = Price(_rule(tariff, terms, rounding), blocked)
        found[prefix] = known[key]
    return found


def paid_for(reseller: Customer, number: str, *, at: datetime, duration_ms: int) -> list[Paid]:
    """What a reseller pays for a call to a number: by one card, or by several where the number may be dialed behind
    different prefixes; nothing where no route of its takes the number, and such a call is refused."""
    cards = Card.objects.in_bulk(list(buying_of(reseller).cards_of(number)))
    return [_paid(card, number, at, duration_ms) for _, card in sorted(cards.items())]


def _paid(card: Card, number: str, at: datetime, duration_ms: int) -> Paid:
    revision = revision_at(card, at)
    return Paid(card, price(card, revision, number, at=at, duration_ms=duration_ms) if revision else None)


def _route(row: IngressRoute) -> Route:
    patterns = tuple(line for line in row.dial_patterns.splitlines() if line)
    return Route(row.pk, row.name, 0, False, row.tech_prefix, patterns, row.card_id, row.strategy, ())


def _rule(tariff: Any, terms: Sequence[Any], rounding: Rounding) -> RateRule:
    if tariff is None:
        return simple(rounding=rounding, **dict(zip(_TERMS, terms, strict=True)))
    return rate_from_json(json.loads(tariff) if isinstance(tariff, str) else tariff, rounding)
