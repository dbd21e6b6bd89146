"""Which records a reader may name in a form: the form takes them, and suggestions.py offers them.

A record of which there may be thousands is typed by its name (company.py). To add another, say here which are known.
"""

from collections.abc import Collection
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest

from tollgate.panel.access import current_user, own_account, own_cards, own_customers, reach
from tollgate.store.models import Account, Card, Customer, Tag


def resellers(request: HttpRequest) -> QuerySet[Customer]:
    """Through whom this user may sell to a customer; a reseller's own user sells by it too."""
    found = own_customers(request).filter(is_reseller=True, deleted_at=None)
    own_id = current_user(request).reseller_id
    return found if own_id is None else found | Customer.objects.filter(pk=own_id)


def route_cards(owner: Customer | Tag | Account, *, resold: bool) -> QuerySet[Card]:
    """What calls by a route may be paid by: of a customer, of any customer with a tag, of any of an account.

    `resold` for users of the customer's reseller, who sell by the reseller's own cards.
    """
    return _sold_to(owner, "termination", resold=resold)


def did_cards(owner: Customer | Account, *, resold: bool) -> QuerySet[Card]:
    """What calls to a DID may be paid by, of a customer or a reseller above it, or of any of an account."""
    return _sold_to(owner, "origination", resold=resold)


def bought_cards(account: Account, direction: str) -> QuerySet[Card]:
    """What carriers are paid by for calls of a direction."""
    found = Card.objects.filter(account=account, kind="carrier", direction=direction)
    return found.select_related("carrier")


def _sold_to(owner: Customer | Tag | Account, direction: str, *, resold: bool) -> QuerySet[Card]:
    sold = Card.objects.filter(kind="customer", direction=direction).select_related("reseller")
    if isinstance(owner, Account):
        return sold.filter(account=owner)
    if isinstance(owner, Tag):
        return sold.filter(account=owner.account_id, reseller=None)
    fits = sold.filter(account=owner.account_id, currency=owner.currency)
    if resold:
        return fits.filter(reseller=owner.parent_id)
    return fits.filter(Q(reseller=None) | Q(reseller=owner.parent_id))


def cards_to_copy(request: HttpRequest, card: Card) -> QuerySet[Card]:
    """Whose prices may become those of a card."""
    return own_cards(request).filter(currency=card.currency).exclude(pk=card.pk).select_related("carrier", "reseller")


def sold_cards(request: HttpRequest, currencies: Collection[str] | None = None) -> QuerySet[Card]:
    """The operator's own customer cards for calls that go out, of some currencies or of all; they are nothing to a
    reseller's users."""
    if current_user(request).reseller_id is not None:
        return Card.objects.none()
    found = Card.objects.filter(account=own_account(request), kind="customer", reseller=None, direction="termination")
    return found if currencies is None else found.filter(currency__in=currencies)


def non_cli_cards(request: HttpRequest, currency: str = "") -> QuerySet[Card]:
    """What calls may be paid by from numbers that are not the customer's, in a currency or in any; a reseller's users
    sell by the cards of the reseller and of those below it."""
    found = Card.objects.filter(account=own_account(request), kind="customer", direction="termination")
    ids = reach(request)
    if ids is not None:
        found = found.filter(reseller__in=[current_user(request).reseller_id or 0, *ids])
    return (found.filter(currency=currency) if currency else found).select_related("reseller")


def with_twins(known: QuerySet[Any]) -> QuerySet[Any]:
    """Cards that are known, with whether another of them has the same name: resellers name theirs as they like."""
    others = known.order_by().filter(name=OuterRef("name")).exclude(pk=OuterRef("pk"))
    marked: QuerySet[Any] = known.annotate(has_twin=Exists(others))
    return marked


def card_text(card: Any) -> str:
    """What names a card of `with_twins` among the others."""
    return f"{card.name} #{card.pk}" if card.has_twin else str(card.name)
