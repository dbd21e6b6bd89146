"""Acts on rate cards. Their prices are in revisions: see `revisions`.

A reseller's users make and change the cards of their reseller, and of resellers below it; what else of cards they see
is said by `seen_by`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

from django.db.models import Q

from tollgate.actions import checks, records
from tollgate.actions.acts import Actor, act, current, refuse
from tollgate.core.money import Method
from tollgate.core.rates import Increments
from tollgate.store.models import Account, Card, Carrier, Customer, Revision
from tollgate.store.queries.cards import is_of_customers, is_of_dids, is_of_routes
from tollgate.store.queries.resale import owned_by, seen_of


class CardFields(TypedDict, total=False):
    """What may be set on a card at any time."""

    precision: int
    method: str
    duration_method: str
    increments: str
    tech_prefix: str
    direction: str


class CardChanges(CardFields, total=False):
    """What may be changed on a card."""

    name: str


class NewCardFields(CardFields, total=False):
    """Whose card it is, fixed when it is made."""

    carrier_id: int | None
    reseller_id: int | None


DIRECTIONS = ("termination", "origination")
"""Which calls a card prices: those that customers make, or those that come in to DIDs."""
CHECKS: Mapping[str, checks.Check] = {
    "name": checks.text(required=True),
    "precision": checks.whole(0, 6),
    "method": checks.one_of([member.value for member in Method]),
    "duration_method": checks.one_of([member.value for member in Method]),
    "increments": checks.one_of([member.value for member in Increments]),
    "tech_prefix": checks.tech_prefix,
    "direction": checks.one_of(DIRECTIONS),
}
NEW_CHECKS: Mapping[str, checks.Check] = {
    **CHECKS,
    "kind": checks.one_of(("customer", "carrier")),
    "currency": checks.currency,
    "carrier_id": checks.optional(checks.record_id),
    "reseller_id": checks.optional(checks.record_id),
}


@act
def create_card(*, account_id: int, kind: str, name: str, currency: str, **fields: Unpack[NewCardFields]) -> Card:
    """Makes a card without prices. A carrier card belongs to a carrier and has its currency. By one of `direction`
    termination calls are priced that go out, by one of origination those that come in to DIDs.

    That of a reseller's user is a customer card of the reseller, if no other below it is given.
    """
    given: dict[str, Any] = {**fields, "kind": kind, "name": name, "currency": currency}
    values = checks.cleaned(NEW_CHECKS, given)
    account = records.find(Account, account_id)
    _check_reseller(values)
    _check_owner(account.pk, values)
    _check_tech_prefix(values["kind"], values.get("direction", ""), values.get("tech_prefix", ""))
    return records.create(Card, {**values, "account_id": account.pk})


@act
def update_card(*, card_id: int, version: int | None = None, **changes: Unpack[CardChanges]) -> Card:
    """Changes a card's name, roundings or tech prefix; calls that begin from now on obey them. Its direction changes
    only while no route, no DID and no customer uses it."""
    values = checks.cleaned(CHECKS, changes)
    card = records.locked(Card, card_id, version)
    direction = values.get("direction", card.direction)
    if direction != card.direction:
        _check_unused(card, "direction")
        if card.default_of_domains.exists():
            raise refuse("direction", "A portal domain gives this card to new customers: choose another there first.")
    if {"direction", "tech_prefix"} & values.keys():
        _check_tech_prefix(card.kind, direction, values.get("tech_prefix", card.tech_prefix))
    return records.change(card, values)


@act
def delete_card(*, card_id: int, version: int | None = None) -> None:
    """Removes a card that never had a published revision and that no route, no DID and no customer uses."""
    card = records.locked(Card, card_id, version)
    if card.revisions.exclude(published_at=None).exists():
        raise refuse("card_id", "The card has published revisions, and calls may have been rated by them: it stays.")
    _check_unused(card, "card_id")
    card.delete()


def seen_by(actor: Actor) -> Q:
    """The cards that an actor may see."""
    return Q() if actor.reach is None else seen_of(actor.reseller_id or 0, actor.reach)


def own_of(actor: Actor) -> Q:
    """Those of them that are the actor's to change."""
    return Q() if actor.reach is None else owned_by([actor.reseller_id or 0, *actor.reach])


def revisions_seen_by(actor: Actor) -> Q:
    """The revisions that an actor may see: of a card that is not the actor's own, those that are published."""
    if actor.reach is None:
        return Q()
    own = Q(card__in=Card.objects.filter(own_of(actor)))
    return Q(card__in=Card.objects.filter(seen_by(actor))) & (own | Q(published_at__isnull=False))


def rates_seen_by(actor: Actor) -> Q:
    """The rates that an actor may see."""
    return Q() if actor.reach is None else Q(revision__in=Revision.objects.filter(revisions_seen_by(actor)))


def _check_reseller(values: dict[str, Any]) -> None:
    """Whoever is held to some customers makes cards for these to sell by, and none to buy by."""
    actor = current.get()
    if actor.reach is None:
        return
    if values["kind"] != "customer":
        raise refuse("kind", "Make a customer card: what you buy by is given to you.")
    if values.get("reseller_id") is None:
        values["reseller_id"] = actor.reseller_id
    if values["reseller_id"] not in (actor.reseller_id, *actor.reach):
        raise refuse("reseller_id", "Choose your own company or one of your resellers.")


def _check_unused(card: Card, field: str) -> None:
    if is_of_routes(card):
        raise refuse(field, "Routes use this card: take it out of them first.")
    if is_of_dids(card):
        raise refuse(field, "DIDs use this card: give them another first.")
    if is_of_customers(card):
        raise refuse(field, "It is the NON-CLI card of customers: give them another first.")


def _check_tech_prefix(kind: str, direction: str, tech_prefix: str) -> None:
    if kind == "customer" and tech_prefix:
        raise refuse("tech_prefix", "Only a carrier card puts a prefix before the number; a route has its own.")
    if direction == "origination" and tech_prefix:
        raise refuse("tech_prefix", "A prefix is put before numbers of calls that go out: leave it empty here.")


def _check_owner(account_id: int, values: Mapping[str, Any]) -> None:
    carrier_id, reseller_id = values.get("carrier_id"), values.get("reseller_id")
    if values["kind"] == "customer":
        if carrier_id is not None:
            raise refuse("carrier_id", "A customer card has no carrier.")
        owners = Customer.objects.filter(account_id=account_id, is_reseller=True, deleted_at=None)
        if reseller_id is not None and not owners.filter(pk=reseller_id).exists():
            raise refuse("reseller_id", "Choose a reseller of the same account.")
        return
    if reseller_id is not None:
        raise refuse("reseller_id", "A carrier card has no reseller.")
    carrier = Carrier.objects.filter(account_id=account_id, pk=carrier_id or 0).first()
    if carrier is None:
        raise refuse("carrier_id", "Choose the carrier that this card is of.")
    if carrier.currency != values["currency"]:
        raise refuse("currency", f"The carrier is paid in {carrier.currency}: its cards have the same currency.")
