"""What is asked of a customer's CLI pool and of its NON-CLI card when they are saved; calls obey them by `core.cli`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tollgate.actions.acts import current, refuse, warn
from tollgate.actions.did_cards import check_direction
from tollgate.core.cli_pools import prices, replaces, takes_clis, takes_dids
from tollgate.store.models import Card, Customer

FIELDS: Final = frozenset({"cli_pool", "non_cli_card_id"})


def check_pool(values: Mapping[str, Any], before: Customer) -> None:
    """Refuses a NON-CLI card by which the customer cannot pay, as both will stand: calls that go out are sold by a card
    of the account or of whoever sells to it, in its currency. A reseller's users give it one of the reseller's."""
    if not {"non_cli_card_id", "parent_id"} & values.keys():
        return
    card_id = values.get("non_cli_card_id", before.non_cli_card_id)
    if card_id is None:
        return
    currency, parent_id = values.get("currency", before.currency), values.get("parent_id", before.parent_id)
    # locked: its direction stays what it is until the customer is seen there
    card = Card.objects.select_for_update(no_key=True).get(pk=card_id)
    if card.currency != currency:
        raise refuse("non_cli_card_id", f"The card is in {card.currency}, the customer pays in {currency}.")
    if card.reseller_id is not None and card.reseller_id != parent_id:
        raise refuse("non_cli_card_id", "This card belongs to a reseller that the customer is not below.")
    if current.get().reach is not None and card.reseller_id is None and card_id != before.non_cli_card_id:
        raise refuse("non_cli_card_id", "Choose a card of the reseller that the customer is below.")
    check_direction(card, "termination", "non_cli_card_id")


def advise(customer: Customer, named: Mapping[str, Any]) -> None:
    """Warns of a pool, just saved, by which calls are refused that somebody may want to be carried."""
    mode = customer.cli_pool
    if not FIELDS & named.keys():
        return
    if prices(mode) and customer.non_cli_card_id is None:
        warn("There is no NON-CLI card: calls from numbers that are not the customer's are refused.")
    if replaces(mode) and takes_dids(mode) and not customer.dids.filter(enabled=True).exists():
        warn("The customer has no DID that is enabled: its calls are refused until it has one.")
    if replaces(mode) and takes_clis(mode) and not customer.verified_clis.exists():
        warn("The customer has no verified CLI: calls from other numbers are refused until it has one.")
