"""What PayPal and Stripe checkout tell of two payments: that they came, were taken back, and given back after all.

    told = story("stripe", first.reference, second.reference).tell(house)
    told.notices["refund"]                          a body, to be signed by `headers_of`

The bodies are made by desk.py. Another event is a notice here, and what it moves in `balance` and `payments`.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from tests.gateways.payments.desk import (
    STRIPE_SECRET,
    WEBHOOK_ID,
    Desk,
    paypal_capture,
    paypal_event,
    paypal_refund,
    stripe_charge,
    stripe_event,
    stripe_intent,
    stripe_notice,
    stripe_refund,
    stripe_session,
)
from tests.gateways.payments.more import Story

BOTH: Final = ("paypal", "stripe")


def keys_of(provider: str, url: str) -> dict[str, dict[str, str]]:
    """What the account gives of itself: settings and secrets."""
    if provider == "paypal":
        words = {"api_url": url, "client_id": "AX", "webhook_id": WEBHOOK_ID}
        return {"settings": words, "secrets": {"client_secret": "EX"}}
    keys = {"secret_key": "sk_test_1", "webhook_secret": STRIPE_SECRET}
    return {"settings": {"api_url": url}, "secrets": keys}


def headers_of(provider: str, house: Desk, body: bytes, at: dt.datetime) -> dict[str, str]:
    """The headers of a notice, signed."""
    return house.paypal_notice(body, at) if provider == "paypal" else stripe_notice(body, at)


def session_of(provider: str, reference: str) -> str:
    """What the service calls that checkout: an order, or a session."""
    return reference[:17].upper() if provider == "paypal" else f"cs_test_{reference}"


def story(provider: str, first: str, second: str) -> Story:
    """What is told of two checkouts of ours, of 100 and 10, by their references."""
    return (_paypal if provider == "paypal" else _stripe)(first, second)


def _paypal(first: str, second: str) -> Story:
    paid, too = _captured(first, "100.00", "4.00"), _captured(second, "10.00", "0.00")
    order, other = session_of("paypal", first), session_of("paypal", second)
    return Story(
        {
            "approved": paypal_event("CHECKOUT.ORDER.APPROVED", {"id": order}),
            "paid": paypal_event("PAYMENT.CAPTURE.COMPLETED", paid),
            "paid too": paypal_event("PAYMENT.CAPTURE.COMPLETED", too),
            "refund": paypal_event("PAYMENT.CAPTURE.REFUNDED", _of_capture("1JU", first, "25.00")),
            "reversal": paypal_event("PAYMENT.CAPTURE.REVERSED", _of_capture("1JV", second, "10.00")),
        },
        balance=96 - 24,
        payments=2 + 1 + 1,
        fees=1,  # PayPal's part of what is refunded is not given back
        answers={
            f"GET /v2/checkout/orders/{order}": (200, {"status": "APPROVED"}),
            f"POST /v2/checkout/orders/{order}/capture": (201, _order(paid)),
            f"GET /v2/checkout/orders/{other}": (200, _order(too)),
        },
    )


def _order(capture: dict[str, Any]) -> dict[str, Any]:
    return {"status": "COMPLETED", "purchase_units": [{"payments": {"captures": [capture]}}]}


def _captured(reference: str, value: str, fee: str) -> dict[str, Any]:
    related = {"related_ids": {"order_id": session_of("paypal", reference)}}
    capture = paypal_capture(reference, value, fee=fee)
    return {**capture, "id": _capture_id(reference), "supplementary_data": related, "links": []}


def _capture_id(reference: str) -> str:
    return reference[-17:].upper()


def _of_capture(start: str, reference: str, value: str) -> dict[str, Any]:
    """A refund or reversal of that capture."""
    up = {"href": f"https://api.paypal.com/v2/payments/captures/{_capture_id(reference)}", "rel": "up"}
    return {**paypal_refund(f"{start}{reference[:14].upper()}", value, reference), "links": [up]}


def _stripe(first: str, second: str) -> Story:
    intent, other = _intent(first, 10_000, 400), _intent(second, 1000, 100)
    refund, failed = _of_intent(f"re_1{first}", first, 2500), _of_intent(f"re_2{first}", first, 500)
    by_hand = _of_intent(f"re_3{first}", first, 300)
    charge = stripe_charge(id=f"ch_{first}", payment_intent=intent["id"])
    rows = [refund, {**failed, "status": "failed"}, by_hand]
    early = stripe_charge([refund], id=f"ch_{first}", payment_intent=intent["id"])
    dispute = {"id": f"dp_{second}", "object": "dispute", "amount": 1000, "currency": "eur", "reason": "fraudulent"}
    dispute["payment_intent"] = other["id"]
    return Story(
        {
            "paid": stripe_event("checkout.session.completed", _session(first, 10_000, intent["id"])),
            "the same": stripe_event("payment_intent.succeeded", {**intent, "latest_charge": "ch_1"}),
            "paid too": stripe_event("checkout.session.completed", _session(second, 1000, other["id"])),
            "refund": stripe_event("refund.created", refund),
            "refund done": stripe_event("refund.updated", refund),
            "refund to fail": stripe_event("refund.created", {**failed, "status": "pending"}),
            "refund failed": stripe_event("refund.failed", {**failed, "status": "failed"}),
            "refund by the charge": stripe_event("charge.refunded", charge),
            "refund in the charge": stripe_event("charge.refunded", early),
            "reversal": stripe_event("charge.dispute.funds_withdrawn", dispute),
            "restored": stripe_event("charge.dispute.funds_reinstated", dispute),
        },
        balance=100 - 25 - 3 + 10,
        payments=2 + 2 + 2 + 2,
        fees=4 + 1,
        answers={
            f"GET /v1/checkout/sessions/{session_of('stripe', name)}": (200, _session(name, paid["amount"], paid))
            for name, paid in ((first, intent), (second, other))
        }
        | {"GET /v1/refunds": (200, {"object": "list", "data": rows, "has_more": False})},
    )


def _session(reference: str, amount: int, intent: Any) -> dict[str, Any]:
    return stripe_session(reference, amount, id=session_of("stripe", reference), payment_intent=intent)


def _intent(reference: str, amount: int, fee: int) -> dict[str, Any]:
    """A PaymentIntent with what Stripe kept of it, as it is when asked for so."""
    charge = {"id": f"ch_{reference}", "balance_transaction": {"fee": fee, "amount": amount, "currency": "eur"}}
    return stripe_intent(reference, amount, id=f"pi_{reference}", latest_charge=charge)


def _of_intent(refund_id: str, reference: str, amount: int) -> dict[str, Any]:
    return {**stripe_refund(refund_id, amount), "payment_intent": f"pi_{reference}"}
