"""How the tests ask gateways: one at the stand-in, its notices, orders and refunds. more.py makes the bodies."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from tests.gateways.payments.desk import Desk
from tests.gateways.payments.more import CURRENCY, FIRST, SECOND, config, signed
from tollgate.gateways.payments import open_gateway
from tollgate.gateways.payments.model import Event, Gateway, Notice, Order, Refund

AT = datetime(2026, 11, 2, 12, tzinfo=UTC)
RAND = 1_000_000
PAY, PAY2 = f"pay_{FIRST[:14]}", f"pay_{SECOND[:14]}"
"""What Razorpay calls the payments of the story."""


def gateway(house: Desk, provider: str, *, mode: str = "test") -> Gateway:
    """A gateway that asks the stand-in."""
    return open_gateway(config(provider, house.url, mode=mode))


def read(house: Desk, provider: str, body: bytes, **changed: Any) -> list[Event]:
    """What a notice says; `headers`, `at` and `mode` are those of a good one unless given."""
    headers = changed["headers"] if "headers" in changed else signed(provider, body, AT)
    notice = Notice(body=body, headers=headers, received_at=changed.get("at", AT))
    return list(gateway(house, provider, mode=changed.get("mode", "test")).read_event(notice))


def order(provider: str, **changed: Any) -> Order:
    """Twenty of what the provider takes."""
    given = {
        "reference": FIRST,
        "amount_micros": 20 * RAND,
        "currency": CURRENCY[provider],
        "description": "Top-up of Acme",
        "email": "carla@acme.example",
        "return_url": "https://p.example/back",
        "cancel_url": "https://p.example/no",
        **changed,
    }
    return Order(**given)


def refund(provider: str, payment_id: str) -> Refund:
    """Five back."""
    return Refund(reference=SECOND, payment_id=payment_id, amount_micros=5 * RAND, currency=CURRENCY[provider])


def sent(house: Desk, number: int = -1) -> dict[str, Any]:
    """What the stand-in was sent."""
    found = json.loads(house.asked[number][2])
    assert isinstance(found, dict)
    return found


def seen(events: list[Event]) -> list[tuple[str, str, str, int]]:
    """What matters of events."""
    return [(one.kind, one.external_id, one.parent_id, one.amount_micros) for one in events]
