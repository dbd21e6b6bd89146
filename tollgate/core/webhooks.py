"""Events that other programs are told of: what each says, how a delivery is signed, when it is tried again.

To add an event: its line in `EVENTS` with an example of its body, its part of docs/reference/webhooks.md, and
`actions.webhooks.emit` where it happens. A body carries what `BODY` names: ids, integers, texts; no floats.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

CUSTOMER: Final[Mapping[str, Any]] = {
    "customer_id": 17,
    "customer_number": "1234567890",
    "customer_name": "Acme",
    "accounting_id": "D-1001",
    "vars": {"crm": {"tier": "gold"}},
}
INVOICE: Final[Mapping[str, Any]] = {
    **CUSTOMER,
    "invoice_id": 42,
    "kind": "invoice",
    "number": "2026-00042",
    "state": "issued",
    "currency": "EUR",
    "net_micros": 100000000,
    "tax_micros": 21000000,
    "total_micros": 121000000,
    "settled_micros": 0,
    "open_micros": 121000000,
    "invoice_on": "2026-11-01",
    "due_on": "2026-11-15",
    "corrects_id": None,
}
PAYMENT: Final[Mapping[str, Any]] = {
    **CUSTOMER,
    "payment_id": 7,
    "gateway": "manual",
    "kind": "payment",
    "status": "completed",
    "currency": "EUR",
    "amount_micros": 50000000,
    "tax_micros": 0,
    "external_id": None,
    "reverses_id": None,
    "completed_at": "2026-11-02T10:00:00+00:00",
}
CHARGE: Final[Mapping[str, Any]] = {
    **CUSTOMER,
    "charge_id": 9,
    "kind": "package",
    "description": "Hosted PBX, November",
    "from_on": "2026-11-01",
    "until_on": "2026-12-01",
    "quantity_milli": 1000,
    "amount_micros": 10000000,
    "currency": "EUR",
    "entry_id": 512,
}
RENEWAL: Final[Mapping[str, Any]] = {
    **CUSTOMER,
    "package": "Hosted PBX",
    "renews_on": "2026-12-01",
    "amount_micros": 10000000,
    "currency": "EUR",
}
BALANCE: Final[Mapping[str, Any]] = {
    **CUSTOMER,
    "currency": "EUR",
    "balance_micros": 4200000,
    "available_micros": 4200000,
    "threshold_micros": 5000000,
}
EXPIRING: Final[Mapping[str, Any]] = {**CUSTOMER, "ends_at": "2026-12-31T23:59:00+00:00"}
STATUS: Final[Mapping[str, Any]] = {**CUSTOMER, "status": "penalty", "reason": "Invoice 2026-00042", "until": None}
PINS: Final[Mapping[str, Any]] = {
    "access_number_id": 3,
    "number": "37052000000",
    "caller": "442071838750",
    "wrong_count": 5,
    "since_at": "2026-11-21T11:00:00+00:00",
}

EVENTS: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "invoice.issued": ("An invoice, receipt or debit note was issued", INVOICE),
    "invoice.due": ("An invoice falls due today and is not paid", INVOICE),
    "invoice.overdue": ("An invoice is overdue, or overdue again after its payment was taken back", INVOICE),
    "invoice.paid": ("An invoice was settled in full", INVOICE),
    "invoice.voided": ("An invoice was voided", INVOICE),
    "credit_note.issued": ("A credit note was issued", {**INVOICE, "kind": "credit_note", "corrects_id": 41}),
    "payment.completed": ("A payment was completed", PAYMENT),
    "payment.refunded": ("A payment was refunded or reversed", {**PAYMENT, "kind": "refund", "reverses_id": 6}),
    "balance.low": ("What a customer has left fell below its threshold", BALANCE),
    "package.charged": ("A package was charged", CHARGE),
    "package.renewal": ("A package renews soon", RENEWAL),
    "customer.expiring": ("A customer may call for less than another week", EXPIRING),
    "customer.status": ("An alert or an unpaid invoice changed the status of a customer, or gave it back", STATUS),
    "pin.locked": ("So many wrong PINs came that a caller, or everybody (`caller` is null), has to wait", PINS),
    "webhook.test": ("The button Send a test was pressed", {"message": "This is a test."}),
}
"""The words of each event and an example of its body."""
TEST: Final = "webhook.test"
PAUSES: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 30, 60, 120, 240))
"""Between the first tries; later ones are the last of these apart."""
TRIED_FOR: Final = timedelta(days=3)
KEPT_FOR: Final = timedelta(days=30)
"""How long an event can be replayed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One delivery as it goes out: its headers and the very bytes that are signed."""

    headers: Mapping[str, str]
    body: bytes


def next_try(tries_count: int, *, since: datetime, at: datetime) -> datetime | None:
    """When a delivery that failed for the so-many-th time is tried again; None when its three days are over."""
    following = at + PAUSES[min(tries_count, len(PAUSES)) - 1]
    return following if following <= since + TRIED_FOR else None


def letter(
    *, event_id: int, delivery_id: int, event: str, ref: str, happened_at: datetime, data: Mapping[str, Any],
    secret: str, at: datetime,
) -> Letter:  # fmt: skip
    """An event as a signed request. The same event has the same `id` each time: a receiver drops what it has seen."""
    told = {"id": event_id, "event": event, "ref": ref, "at": happened_at.isoformat(), "data": dict(data)}
    body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    stamp = int(at.timestamp())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Tollgate",
        "Tollgate-Event": event,
        "Tollgate-Event-Id": str(event_id),
        "Tollgate-Delivery-Id": str(delivery_id),
        "Tollgate-Signature": f"t={stamp},v1={signature(secret, stamp, body)}",
    }
    return Letter(headers=headers, body=body)


def signature(secret: str, stamp: int, body: bytes) -> str:
    """HMAC-SHA256 over `<seconds>.<body>`, in hexadecimal: the moment is signed too, so that a replay is seen."""
    return hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
