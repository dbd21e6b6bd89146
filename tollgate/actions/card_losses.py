"""What is said of prices by which a reseller sells for less than it pays.

A warning: calls themselves are guarded by the customer's *Loss-making calls* (core.calls_plan).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from tollgate.core.card_files import CardRow
from tollgate.core.money import format_micros
from tollgate.core.resale import Loss
from tollgate.store.models import Card
from tollgate.store.queries.resale import losses_of

SHOWN: Final = 5
FEW: Final = "Sold for less than {} pays by {}: {}."
MANY: Final = "Sold for less than {} pays by {}: {}, and {} more prefixes."


def loss_sentences(card: Card, rows: Sequence[CardRow], at: datetime) -> list[str]:
    """A sentence for each card that a reseller buys by at more than these rows of its own card sell from `at` on."""
    return [_sentence(card, bought, found) for bought, found in losses_of(card, rows, at)]


def _sentence(card: Card, bought: Card, found: Sequence[Loss]) -> str:
    shown = ", ".join(f"{loss.prefix or '*'} ({_call(loss)})" for loss in found[:SHOWN])
    more = len(found) - SHOWN
    if more > 0:
        return MANY.format(card.reseller, bought, shown, more)
    return FEW.format(card.reseller, bought, shown)


def _call(loss: Loss) -> str:
    return f"{loss.duration_s} s: {format_micros(loss.sold_micros)} < {format_micros(loss.bought_micros)}"
