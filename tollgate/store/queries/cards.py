"""Rate cards with the revision in force, and the rate of one number, priced by the same rules as a call."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import DateTimeField, IntegerField, OuterRef, QuerySet, Subquery

from tollgate.core.digits import MOST_DIGITS
from tollgate.core.money import Method
from tollgate.core.rates import Explained, Increments, Rounding, explain, rate_from_json, simple
from tollgate.core.rates import Rate as Price
from tollgate.store.models import Account, Card, Rate, Revision, RouteOption


@dataclass(frozen=True, slots=True)
class Priced:
    """A number on a card: the rate that wins, and what a call costs by it."""

    revision: Revision
    rate: Rate
    explained: Explained


def with_revisions(account: Account, at: datetime) -> QuerySet[Card]:
    """Cards with the number and size of the revision in force, and when the next one takes over."""
    published = Revision.objects.filter(card=OuterRef("pk"), published_at__isnull=False)
    active = published.filter(effective_at__lte=at).order_by("-effective_at", "-number")
    coming = published.filter(effective_at__gt=at).order_by("effective_at", "number")
    return (
        Card.objects.filter(account=account)
        .select_related("carrier", "reseller")
        .annotate(
            active_number=Subquery(active.values("number")[:1], output_field=IntegerField()),
            active_rates=Subquery(active.values("rate_count")[:1], output_field=IntegerField()),
            next_at=Subquery(coming.values("effective_at")[:1], output_field=DateTimeField()),
        )
    )


def revision_at(card: Card, at: datetime) -> Revision | None:
    """The revision that rates a call which starts at this moment."""
    published = card.revisions.filter(published_at__isnull=False, effective_at__lte=at)
    return published.order_by("-effective_at", "-number").first()


def is_unused(card: Card) -> bool:
    """Whether the card never priced a call and no route, DID or customer names it, so that it may be deleted."""
    return not (
        card.revisions.filter(published_at__isnull=False).exists()
        or is_of_routes(card)
        or is_of_dids(card)
        or is_of_customers(card)
    )


def is_of_routes(card: Card) -> bool:
    """Whether a route sells or buys by the card."""
    return card.ingress_routes.exists() or RouteOption.objects.filter(card=card).exists()


def is_of_dids(card: Card) -> bool:
    """Whether somebody pays by the card for calls to a DID."""
    return card.dids.exists() or card.dids_of_carrier.exists() or card.did_prices.exists()


def is_of_customers(card: Card) -> bool:
    """Whether customers pay by the card for calls from numbers that are not theirs."""
    return card.customers_by_cli.exists()


def price(card: Card, revision: Revision, number: str, *, at: datetime, duration_ms: int) -> Priced | None:
    """What a call to this number costs; None when no rate of the revision matches it."""
    prefixes = [number[:length] for length in range(min(len(number), MOST_DIGITS) + 1)]
    found = Rate.objects.filter(revision=revision, prefix__in=prefixes)
    rate = max(found, key=lambda row: len(row.prefix), default=None)
    return None if rate is None else Priced(revision, rate, explain(price_of(card, rate), at, duration_ms))


def price_of(card: Card, rate: Rate) -> Price:
    """A stored rate with its card's roundings, as the rules know it."""
    rounding = rounding_of(card)
    if rate.tariff is not None:
        return rate_from_json(rate.tariff, rounding)
    return simple(
        price_nanos=rate.price_nanos,
        connect_fee_nanos=rate.connect_fee_nanos,
        initial_s=rate.initial_s,
        increment_s=rate.increment_s,
        included_s=rate.included_s,
        grace_s=rate.grace_s,
        rounding=rounding,
    )


def rounding_of(card: Card) -> Rounding:
    """How a card rounds, as the rules know it."""
    return Rounding(
        precision=card.precision,
        method=Method(card.method),
        duration=Method(card.duration_method),
        increments=Increments(card.increments),
    )
