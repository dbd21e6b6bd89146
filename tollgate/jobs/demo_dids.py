"""The numbers of the demo company: what Cirrus brings calls to, whose phones ring, and what the inventory has."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from tollgate.actions.cards import create_card
from tollgate.actions.carriers import update_carrier
from tollgate.actions.dids import create_did
from tollgate.actions.revisions import publish_revision
from tollgate.core.card_files import CardRow
from tollgate.store.models import Account, Card, Carrier, Customer

NETWORK: Final = "127.0.0.32/29"
"""Where Cirrus calls from, beside its gateways."""
SELLING_DAYS: Final = 120
PLACES: Final = {"370": "Lithuania", "371": "Latvia"}
BOUGHT_NANOS: Final = 1_000_000
SOLD_NANOS: Final = 4_000_000
ASSIGNED: Final = (
    ("37052101010", "Acme", "acme-desk", "The office"),
    ("37052101011", "Acme", "acme-hall", "The hall"),
    ("37167101010", "Baltic", "baltic-1", "Support"),
)
INVENTORY: Final = ("37052101012", "37167101011")


def make_dids(account: Account, customers: Mapping[str, Customer], at: datetime) -> None:
    """Three numbers that ring at SIP users, and two that nobody has yet."""
    cirrus = Carrier.objects.get(account=account, name="Cirrus")
    update_carrier(carrier_id=cirrus.pk, networks=[NETWORK])
    bought = _card(account, "Cirrus incoming", BOUGHT_NANOS, at, carrier=cirrus)
    sold = _card(account, "Incoming calls", SOLD_NANOS, at)
    by = {"carrier_id": cirrus.pk, "carrier_card_id": bought.pk}
    for number, name, phone, note in ASSIGNED:
        create_did(
            account_id=account.pk, number=number, customer_id=customers[name].pk, card_id=sold.pk, destinations=phone,
            public_note=note, channels=2, **by,  # type: ignore[arg-type]
        )  # fmt: skip
    for number in INVENTORY:
        create_did(account_id=account.pk, number=number, **by)  # type: ignore[arg-type]


def _card(account: Account, name: str, price_nanos: int, at: datetime, *, carrier: Carrier | None = None) -> Card:
    """A card of origination with one price."""
    card = create_card(
        account_id=account.pk, kind="carrier" if carrier else "customer", name=name, currency="EUR",
        carrier_id=carrier.pk if carrier else None, direction="origination",
    )  # fmt: skip
    rows = [CardRow(prefix, place, False, price_nanos) for prefix, place in PLACES.items()]
    publish_revision(card_id=card.pk, rows=rows, effective_at=at - timedelta(days=SELLING_DAYS), note="as agreed")
    return card
