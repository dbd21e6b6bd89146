"""What every level of a call is asked alike, whichever way the call goes: its status, and its price by a card.

The levels are the payers of a call: the customer, its resellers, the account. To add a question that calls out and
calls in share, write it here.
"""

from collections.abc import Sequence
from datetime import datetime

from tollgate.core.calls_routes import LOSS_WARNING, loss
from tollgate.core.calls_standing import scope_of, status_line
from tollgate.core.calls_text import card_text, gate_line, leg_text
from tollgate.core.calls_types import Leg
from tollgate.core.rates import in_force, is_free
from tollgate.core.refusals import Key, Refusal
from tollgate.core.snapshot import Payer, RateRow, Snapshot

STATUS_KEYS = {"penalty": Key.status_penalty, "pending": Key.status_pending}
"""What a customer's status refuses with; any other that is not active is `status_inactive`."""


def paused(account: Payer) -> Refusal | None:
    """The refusal of an account that takes no calls."""
    if account.status == "active":
        return None
    return Refusal(Key.account_paused, "account", (("name", account.name), ("status", account.status)))


def inactive(payers: Sequence[Payer], at: datetime) -> Refusal | None:
    """The refusal of the first level that is not active."""
    for payer in payers:
        status = payer.status_at(at)
        if status != "active" and payer.kind == "customer":
            key = STATUS_KEYS.get(status, Key.status_inactive)
            return Refusal(key, scope_of(payer, payers), (("name", payer.name), ("status", status)))
    return None


def statuses(payers: Sequence[Payer], at: datetime) -> str:
    """The gate of the status, passed."""
    return status_line([(payer.name, payer.status_at(at)) for payer in payers])


def sold_below_cost(payers: Sequence[Payer], legs: Sequence[Leg], at: datetime, warnings: list[str]) -> Refusal | None:
    """A reseller's cost is what it pays itself; against the carriers' prices the nearest to the account is assured."""
    for payer, leg, cost in zip(payers, legs, legs[1:], strict=False):
        if payer.loss_making_calls == "allow":
            continue
        lost = loss(leg, cost.currency, cost.rate, at)
        if lost is not None:
            values = (("name", leg.name), ("seller", cost.name), *lost)
            scope = scope_of(payer, payers)
            if payer.loss_making_calls == "refuse":
                return Refusal(Key.no_carrier, scope, values, "profit_assurance")
            warnings.append(gate_line(LOSS_WARNING, True, scope, values))
    return None


def leg_of(payer: Payer, card_id: int, number: str, snapshot: Snapshot, at: datetime, scope: str) -> Leg | Refusal:
    """A level's price for a number by a card."""
    values = (("name", payer.name), ("number", number))
    card = snapshot.cards.get(card_id)
    if card is None or card.currency != payer.currency:
        currency = None if card is None else card.currency
        return Refusal(Key.no_rate, scope, (*values, ("card_currency", currency), ("currency", payer.currency)))
    revision = card.at(at)
    row: RateRow | None = None if revision is None else revision.find(number)
    if revision is None or row is None:
        number_of_revision = None if revision is None else revision.number
        return Refusal(Key.no_rate, scope, (*values, ("card", card.name), ("revision", number_of_revision)))
    if not in_force(row.rate, at):
        return Refusal(Key.no_rate, scope, (*values, ("card", card.name), ("prefix", row.prefix), ("in_force", False)))
    if row.blocked:
        blocked = (("card", card.name), ("prefix", row.prefix), ("destination", row.destination), ("blocked", True))
        return Refusal(Key.destination_type, scope, (*values, *blocked))
    book = "revenue" if payer.depth == 1 else "resale"
    text = leg_text(
        payer,
        book=book,
        card=card_text(card.id, revision.id),
        prefix=row.prefix,
        destination=row.destination,
        rate_json=row.rate_json,
    )
    return Leg(
        payer.kind,
        payer.id,
        payer.name,
        payer.wallet_id,
        book,
        payer.currency,
        card.id,
        revision.id,
        row.prefix,
        row.destination,
        row.rate,
        text,
        is_free(row.rate),
    )
