"""By which cards calls to a DID are paid: its customer's, one for each reseller above, and the carrier's.

Each is of origination. A level pays by a card of the account or of whoever sells to it, in its own currency.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tollgate.actions import checks, records
from tollgate.actions.acts import current, refuse, warn
from tollgate.store.models import Card, Customer, Did, DidPrice
from tollgate.store.queries.cards import price, revision_at

MOST_RESELLERS = 100
MINUTE_MS = 60_000


def reseller_cards(value: object) -> dict[int, int]:
    """The check of an object with the id of each reseller, as text, and the id of the card it pays by."""
    if not isinstance(value, Mapping) or len(value) > MOST_RESELLERS:
        raise checks.Unfit("Give an object with the id of each reseller and the id of its card.")
    found: dict[int, int] = {}
    for reseller, card_id in value.items():
        if not isinstance(reseller, str) or not (reseller.isascii() and reseller.isdigit()) or len(reseller) > 18:
            raise checks.Unfit("Name each reseller by its id.")
        found[int(reseller)] = checks.record_id(card_id)
    return found


def chain_of(customer: Customer) -> list[Customer]:
    """The resellers above a customer, the nearest first; locked, so that none is moved meanwhile."""
    found: list[Customer] = []
    parent_id = customer.parent_id
    while parent_id is not None:
        parent = Customer.objects.select_for_update(no_key=True).get(pk=parent_id)
        found.append(parent)
        parent_id = parent.parent_id
    return found


def locked_cards(account_id: int, card_ids: Iterable[int | None]) -> dict[int, Card]:
    """The cards of these ids, locked so that each stays what it is until the DID that uses it is seen. All at once and
    in the order of their ids: two DIDs that name the same cards in other places never wait for one another."""
    named = Card.objects.filter(account_id=account_id, pk__in={one for one in card_ids if one is not None})
    return {card.pk: card for card in named.select_for_update(no_key=True).order_by("pk")}


def check_customer_card(customer: Customer, card: Card | None) -> None:
    """Of the customer itself. A reseller's user gives it a card of the reseller that the customer is below."""
    if current.get().reach is not None:
        if card is None or card.kind != "customer" or card.reseller_id is None:
            raise refuse("card_id", "Choose a card of the reseller that the customer is below.")
        if card.reseller_id != customer.parent_id:
            raise refuse("card_id", "Choose a card of the reseller that the customer is below.")
    _check(customer, card, "card_id", "")


def check_reseller_cards(
    sellers: Sequence[Customer], given: Mapping[int, int], known: Mapping[int, int], cards: Mapping[int, Card]
) -> None:
    """Of the resellers above: a card for each of them, and for nobody else. Those in `known` are there already."""
    lacking = [seller.name for seller in sellers if seller.pk not in given]
    if lacking:
        raise refuse(
            "reseller_cards", f"Choose the card by which each reseller above pays; missing: {', '.join(lacking)}."
        )
    if len(given) > len(sellers):
        raise refuse("reseller_cards", "Name only the resellers that the customer is below.")
    for seller in sellers:
        if known.get(seller.pk) != given[seller.pk]:
            _check(seller, cards.get(given[seller.pk]), "reseller_cards", f"{seller.name}: ")


def check_carrier_card(carrier_id: int, card: Card | None) -> None:
    """Of the carrier that brings the calls."""
    if card is None or card.kind != "carrier" or card.carrier_id != carrier_id:
        raise refuse("carrier_card_id", "Choose a carrier card of this carrier: it says what we pay.")
    check_direction(card, "origination", "carrier_card_id")


def check_direction(card: Card, direction: str, field: str, before: str = "") -> None:
    """Refuses a card that prices calls of the other direction."""
    if card.direction == direction:
        return
    if direction == "origination":
        words = "This card is of termination: calls that come in to DIDs are priced by a card of origination."
    else:
        words = "This card is of origination: it prices calls that come in to DIDs, not those that go out."
    raise refuse(field, before + words)


def save_prices(did: Did, prices: Mapping[int, int]) -> bool:
    """Leaves exactly these, touching only rows that differ. Returns whether any did."""
    wanted, changed = dict(prices), False
    for row in did.prices.select_for_update():
        card_id = wanted.pop(row.reseller_id, None)
        if card_id is None:
            row.delete()
        elif card_id != row.card_id:
            records.change(row, {"card_id": card_id})
        else:
            continue
        changed = True
    for reseller_id, card_id in wanted.items():
        records.create(DidPrice, {"did_id": did.pk, "reseller_id": reseller_id, "card_id": card_id})
    return changed or bool(wanted)


def warn_of_prices(did: Did) -> None:
    """Warns of cards without a price for the number: calls are refused for that. Those who are held to some customers
    hear of the customer's card alone."""
    cards = [did.card]
    if current.get().reach is None:
        cards += [did.carrier_card, *(row.card for row in did.prices.select_related("card").order_by("id"))]
    at = records.now()
    for card in filter(None, cards):
        revision = revision_at(card, at)
        priced = None if revision is None else price(card, revision, did.number, at=at, duration_ms=MINUTE_MS)
        if priced is None or priced.rate.blocked:
            warn(f"{card.name} has no price for {did.number}: calls to it are refused until it has one.")


def _check(payer: Customer, card: Card | None, field: str, before: str) -> None:
    if card is None or card.kind != "customer":
        raise refuse(field, f"{before}Choose a customer card: it says what is paid for calls to this DID.")
    if card.currency != payer.currency:
        words = f"{before}The card is in {card.currency}, {payer.name} pays in {payer.currency}."
        raise refuse(field, words)
    if card.reseller_id is not None and card.reseller_id != payer.parent_id:
        raise refuse(field, f"{before}This card belongs to a reseller that {payer.name} is not below.")
    check_direction(card, "origination", field, before)
