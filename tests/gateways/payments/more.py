"""Notices of Razorpay, Paystack, PayMongo, Yoco and NOWPayments, signed as theirs are by functions of the tests' own.

    body = razorpay_paid("ref1", 10_000)
    signed("razorpay", body, at)                    the headers, with the key of `config("razorpay", url)`

The bodies are built from the services' documentation, with our own references and amounts in them; of a real notice of
Razorpay see recorded/, of the others none was found with its key. `story` tells the same of each service: two payments,
and what came back of them.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.gateways.payments.desk import Desk
from tollgate.gateways.payments.model import Config

CURRENCY: Final = {"razorpay": "EUR", "paystack": "ZAR", "paymongo": "PHP", "yoco": "ZAR", "nowpayments": "EUR"}
NEW: Final = tuple(CURRENCY)
WEBHOOK_KEY: Final = "of the tests"
FIRST, SECOND = "4f1d" * 8, "9c2e" * 8
"""References of two checkouts."""
KEYS: Final[Mapping[str, Mapping[str, str]]] = {
    "razorpay": {"key_secret": "EnLs21M47BllR3X8PSFtjtbd", "webhook_secret": WEBHOOK_KEY},
    "paystack": {"secret_key": WEBHOOK_KEY},
    "paymongo": {"secret_key": "sk_test_1", "webhook_secret": WEBHOOK_KEY},
    "yoco": {"secret_key": "sk_test_1", "webhook_secret": "whsec_" + base64.b64encode(WEBHOOK_KEY.encode()).decode()},
    "nowpayments": {"api_key": "AB12-CD34", "ipn_secret": WEBHOOK_KEY},
}


def settings_of(provider: str, url: str) -> dict[str, str]:
    """What is not secret."""
    more = {"razorpay": {"key_id": "rzp_test_1DP5mmOlF5G5ag"}, "paymongo": {"methods": "card, gcash"}}
    return {"api_url": url, **more.get(provider, {})}


def config(provider: str, url: str, *, mode: str = "test") -> Config:
    """An account whose service is the stand-in."""
    return Config(provider=provider, mode=mode, settings=settings_of(provider, url), secrets=KEYS[provider])


def signed(
    provider: str, body: bytes, at: dt.datetime, *, key: str = WEBHOOK_KEY, live: bool = False
) -> dict[str, str]:
    """The headers of a notice."""
    moment = int(at.timestamp())
    if provider == "razorpay":
        return {"x-razorpay-signature": _hex(body, key, "sha256"), "x-razorpay-event-id": "FOGqq3O6E5bkml"}
    if provider == "paystack":
        return {"x-paystack-signature": _hex(body, key, "sha512")}
    if provider == "paymongo":
        own = _hex(f"{moment}.".encode() + body, key, "sha256")
        return {"paymongo-signature": f"t={moment},te={'' if live else own},li={own if live else ''}"}
    if provider == "yoco":
        told = f"evt_1.{moment}.".encode() + body
        own = base64.b64encode(hmac.new(key.encode(), told, hashlib.sha256).digest()).decode()
        return {"webhook-id": "evt_1", "webhook-timestamp": str(moment), "webhook-signature": f"v1,bm90aGlz v1,{own}"}
    return {"x-nowpayments-sig": _hex(_sorted(body), key, "sha512")}


def _hex(message: bytes, key: str, digest: str) -> str:
    return hmac.new(key.encode(), message, digest).hexdigest()


def _sorted(body: bytes) -> bytes:
    """A notice with its keys sorted, and each number as it was written."""
    said = json.loads(body, parse_int="<{}>".format, parse_float="<{}>".format)
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return re.sub(r'"<([^>"]*)>"', r"\1", text).encode()


def razorpay_event(kind: str, **entities: Mapping[str, Any]) -> bytes:
    """A Razorpay webhook around its entities."""
    event = {
        "entity": "event", "account_id": "acc_BFQ7uQEaa7j2z7", "event": kind, "contains": sorted(entities),
        "payload": {name: {"entity": entity} for name, entity in entities.items()}, "created_at": 1600778001,
    }  # fmt: skip
    return json.dumps(event).encode()


def razorpay_link(reference: str, amount: int, **more: Any) -> dict[str, Any]:
    """A payment link that is paid."""
    return {
        "id": f"plink_{reference[:14]}", "reference_id": reference, "amount": amount, "amount_paid": amount,
        "accept_partial": False, "currency": "EUR", "status": "paid", "short_url": "https://rzp.io/i/1",
        "cancelled_at": 0, "expired_at": 0, "notes": {"reference": reference}, "user_id": "", **more,
    }  # fmt: skip


def razorpay_payment(reference: str, amount: int, fee: int = 0, **more: Any) -> dict[str, Any]:
    """A payment that is captured."""
    return {
        "id": f"pay_{reference[:14]}", "entity": "payment", "amount": amount, "currency": "EUR",
        "base_amount": amount, "base_currency": "EUR", "status": "captured", "captured": True, "method": "card",
        "email": "carla@acme.example", "fee": fee, "tax": 36, "notes": [], "order_id": "order_FOGqq9LZ7Z6ZBj", **more,
    }  # fmt: skip


def razorpay_paid(reference: str, amount: int, fee: int = 0) -> bytes:
    """The notice of a paid link."""
    link, payment = razorpay_link(reference, amount), razorpay_payment(reference, amount, fee)
    return razorpay_event("payment_link.paid", payment_link=link, payment=payment)


def razorpay_refund(refund_id: str, paid: str, amount: int, *, reference: str = "", status: str = "processed") -> Any:
    """A refund of that payment."""
    return {
        "id": refund_id, "entity": "refund", "amount": amount, "currency": "EUR", "payment_id": f"pay_{paid[:14]}",
        "notes": {"reference": reference} if reference else [], "receipt": None, "status": status,
        "speed_processed": "normal", "speed_requested": "normal",
    }  # fmt: skip


def razorpay_dispute(paid: str, amount: int, deducted: int) -> dict[str, Any]:
    """A dispute about that payment."""
    return {
        "id": "disp_EsIAlDcoUr8CaQ", "entity": "dispute", "payment_id": f"pay_{paid[:14]}", "amount": amount,
        "currency": "EUR", "amount_deducted": deducted, "reason_code": "processing_error", "status": "lost",
        "phase": "chargeback",
    }  # fmt: skip


def paystack_event(kind: str, data: Mapping[str, Any]) -> bytes:
    """A Paystack webhook around its data."""
    return json.dumps({"event": kind, "data": {"domain": "test", **data}}).encode()


def paystack_paid(reference: str, amount: int, fees: int = 0, **more: Any) -> dict[str, Any]:
    """A transaction that succeeded."""
    return {
        "id": int(hashlib.sha256(reference.encode()).hexdigest()[:8], 16), "domain": "test", "status": "success",
        "reference": reference, "amount": amount, "message": None, "gateway_response": "Approved", "currency": "ZAR",
        "channel": "card", "fees": fees, "customer": {"id": 68324, "email": "carla@acme.example"},
        "requested_amount": amount, **more,
    }  # fmt: skip


def paystack_refund(own_id: int, paid: str, amount: int, **more: Any) -> dict[str, Any]:
    """A refund of that transaction, as a list of them has it."""
    return {
        "id": own_id, "integration": 100982, "domain": "test", "transaction": paystack_paid(paid, 1)["id"],
        "dispute": None, "amount": amount, "currency": "ZAR", "status": "processed", "customer_note": "",
        "merchant_note": "", **more,
    }  # fmt: skip


def paystack_told(paid: str, amount: int, status: str = "processed") -> bytes:
    """The notice of a refund, which names no id of it."""
    data = {"status": status, "transaction_reference": paid, "refund_reference": None, "amount": str(amount)}
    return paystack_event(f"refund.{status}", {**data, "currency": "ZAR", "integration": 100982})


def paystack_dispute(paid: str, amount: int, **more: Any) -> dict[str, Any]:
    """A dispute about that transaction that its payer has won."""
    return {
        "id": 358949, "refund_amount": amount, "currency": "ZAR", "resolution": "merchant-accepted",
        "status": "resolved", "category": "general", "transaction": {"reference": paid, "domain": "test"}, **more,
    }  # fmt: skip


def paymongo_event(kind: str, resource: Mapping[str, Any], *, live: bool = False) -> bytes:
    """A PayMongo webhook around its resource."""
    attributes = {"type": kind, "livemode": live, "data": resource, "previous_data": {}, "created_at": 1671691201}
    event = {"data": {"id": "evt_nxu8C3nLwta2PVLKEqBiV6R", "type": "event", "attributes": attributes}}
    return json.dumps(event).encode()


def paymongo_payment(reference: str, amount: int, fee: int = 0, **more: Any) -> dict[str, Any]:
    """A payment."""
    attributes = {
        "amount": amount, "currency": "PHP", "fee": fee, "net_amount": amount - fee, "status": "paid",
        "billing": {"email": "carla@acme.example", "name": "Carla"}, "livemode": False, "refunds": [], "taxes": [],
        "source": {"id": "src_1", "type": "gcash"}, **more,
    }  # fmt: skip
    return {"id": f"pay_{reference[:24]}", "type": "payment", "attributes": attributes}


def paymongo_session(reference: str, *payments: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A Checkout Session."""
    attributes = {
        "checkout_url": "https://checkout.paymongo.com/cs_1", "livemode": False, "metadata": {"reference": reference},
        "payments": list(payments), "reference_number": reference, "status": "active", **more,
    }  # fmt: skip
    return {"id": f"cs_{reference[:24]}", "type": "checkout_session", "attributes": attributes}


def paymongo_refund(refund_id: str, paid: str, amount: int, *, reference: str = "", status: str = "succeeded") -> Any:
    """A refund of that payment."""
    attributes = {
        "amount": amount, "currency": "PHP", "livemode": False, "notes": None,
        "metadata": {"reference": reference} if reference else None,
        "payment_id": f"pay_{paid[:24]}", "reason": "requested_by_customer", "status": status,
    }  # fmt: skip
    return {"id": refund_id, "type": "refund", "attributes": attributes}


def yoco_event(kind: str, payload: Mapping[str, Any]) -> bytes:
    """A Yoco webhook around its payload."""
    event = {"id": "evt_1EAwK8Mjy2DT38WIWntiZWxm", "type": kind, "createdDate": "2026-11-02T12:00:00.000000Z"}
    return json.dumps({**event, "payload": payload}).encode()


def yoco_payment(reference: str, amount: int, **more: Any) -> dict[str, Any]:
    """A payment that succeeded."""
    return {
        "id": f"p_{reference[:24]}", "type": "payment", "amount": amount, "currency": "ZAR", "mode": "test",
        "status": "succeeded", "metadata": {"checkoutId": f"ch_{reference[:24]}", "reference": reference},
        "paymentMethodDetails": {"type": "card", "card": {"maskedCard": "**** **** **** 1111"}}, **more,
    }  # fmt: skip


def yoco_refund(refund_id: str, paid: str, amount: int, *, reference: str = "", **more: Any) -> dict[str, Any]:
    """A refund of that payment."""
    return {
        "id": refund_id, "type": "refund", "amount": amount, "currency": "ZAR", "mode": "test",
        "paymentId": f"p_{paid[:24]}", "metadata": {"checkoutId": f"ch_{paid[:24]}", "reference": reference}, **more,
    }  # fmt: skip


def nowpayments_event(reference: str, price: str, status: str = "finished", **more: Any) -> bytes:
    """A NOWPayments notice; its numbers are written as given."""
    numbers = {"price_amount": price, "pay_amount": "15.00", "actually_paid": "15", "outcome_amount": "14.8106"}
    numbers |= {name: str(more.pop(name)) for name in list(more) if name in numbers}
    said = {
        "payment_id": int(hashlib.sha256(reference.encode()).hexdigest()[:8], 16), "parent_payment_id": None,
        "invoice_id": f"4522625{reference[:4]}", "payment_status": status, "price_currency": "eur",
        "pay_address": "TJ\u00e9", "payin_extra_id": None, **{name: name for name in numbers}, "pay_currency": "trx",
        "actually_paid_at_fiat": 0,
        "order_id": reference, "order_description": "Top-up", "purchase_id": "5312822613", "outcome_currency": "trx",
        "payment_extra_ids": None, "fee": {"currency": "btc", "depositFee": 0.09853637216235617, "withdrawalFee": 0},
        **more,
    }  # fmt: skip
    text = json.dumps(said, ensure_ascii=False)
    for name, digits in numbers.items():
        text = text.replace(f'"{name}": "{name}"', f'"{name}": {digits}')
    return text.encode()


@dataclass
class Story:
    """The notices of a service about two payments, 100 and 10, and what a customer has of them when all have come."""

    notices: dict[str, bytes]
    balance: int
    payments: int
    fees: int = 0
    """What the account bears of the service's fees, where the story is about fees."""
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)

    def tell(self, house: Desk) -> Story:
        """The service answers by this story from now on."""
        house.answers |= self.answers
        return self


def _razorpay(first: str, second: str) -> Story:
    lost = {"payment": razorpay_payment(second, 1000), "dispute": razorpay_dispute(second, 1000, 1000)}
    paid = razorpay_payment(first, 10_000)
    failed = razorpay_refund("rfnd_2", first, 500, status="failed")
    return Story(
        {
            "paid": razorpay_paid(first, 10_000, 400),
            "paid too": razorpay_paid(second, 1000),
            "refund": razorpay_event("refund.created", refund=razorpay_refund("rfnd_1", first, 2500), payment=paid),
            "refund done": razorpay_event("refund.processed", refund=razorpay_refund("rfnd_1", first, 2500)),
            "refund failed": razorpay_event("refund.failed", refund=failed, payment=paid),
            "dispute": razorpay_event("payment.dispute.created", dispute=razorpay_dispute(second, 1000, 0)),
            "lost": razorpay_event("payment.dispute.lost", **lost),
        },
        balance=96 - 24,
        payments=2 + 1 + 2 + 1,
    )


def _paystack(first: str, second: str) -> Story:
    taken = paystack_refund(3018286, second, 1000, dispute={"id": 358949})
    rows = [paystack_refund(3018284, first, 2500), paystack_refund(3018285, first, 500, status="failed"), taken]
    paid, too = paystack_paid(first, 10_000, 400), paystack_paid(second, 1000)
    return Story(
        {
            "paid": paystack_event("charge.success", paid),
            "paid too": paystack_event("charge.success", too),
            "refund begun": paystack_told(first, 2500, "pending"),
            "refund": paystack_told(first, 2500),
            "refund failed": paystack_told(first, 500, "failed"),
            "dispute": paystack_event("charge.dispute.create", paystack_dispute(second, 1000, resolution=None)),
            "lost": paystack_event("charge.dispute.resolve", paystack_dispute(second, 1000)),
        },
        balance=96 - 24,
        payments=2 + 1 + 2 + 1,
        answers={
            f"GET /transaction/verify/{first}": (200, {"status": True, "data": paid}),
            f"GET /transaction/verify/{second}": (200, {"status": True, "data": {**too, "status": "reversed"}}),
            "GET /refund": (200, {"status": True, "data": rows}),
        },
    )


def _paymongo(first: str, second: str) -> Story:
    whole = paymongo_payment(second, 1000, refunds=[paymongo_refund("ref_3", second, 1000)])
    failed = paymongo_refund("ref_2", first, 500, status="failed")
    session = paymongo_session(first, paymongo_payment(first, 10_000, 400))
    return Story(
        {
            "paid": paymongo_event("checkout_session.payment.paid", session),
            "paid too": paymongo_event(
                "checkout_session.payment.paid", paymongo_session(second, paymongo_payment(second, 1000))
            ),
            "the payment": paymongo_event("payment.paid", paymongo_payment(first, 10_000)),
            "refund": paymongo_event("payment.refund.updated", paymongo_refund("ref_1", first, 2500)),
            "refund failed": paymongo_event("payment.refund.updated", failed),
            "refunded": paymongo_event("payment.refunded", whole),
        },
        balance=96 - 24,
        payments=2 + 1 + 2 + 1,
    )


def _yoco(first: str, second: str) -> Story:
    failed = yoco_refund("rfd_2", first, 500, failureReason="insufficient_balance")
    return Story(
        {
            "paid": yoco_event("payment.succeeded", yoco_payment(first, 10_000)),
            "paid too": yoco_event("payment.succeeded", yoco_payment(second, 1000)),
            "refund": yoco_event("refund.succeeded", yoco_refund("rfd_1", first, 2500)),
            "refund failed": yoco_event("refund.failed", failed),
            "refunded": yoco_event("refund.succeeded", yoco_refund("rfd_3", second, 1000)),
        },
        balance=100 - 25,
        payments=2 + 1 + 2 + 1,
    )


def _nowpayments(first: str, second: str) -> Story:
    part = {"actually_paid": "6.5", "payment_id": 77}
    return Story(
        {
            "waiting": nowpayments_event(first, "100", "waiting", actually_paid="0"),
            "paid": nowpayments_event(first, "100"),
            "paid too": nowpayments_event(second, "10.00"),
            "again, in part": nowpayments_event(first, "100", "partially_paid", parent_payment_id=5, **part),
        },
        balance=110,
        payments=2,
    )


STORIES: Final[Mapping[str, Callable[[str, str], Story]]] = {
    "razorpay": _razorpay,
    "paystack": _paystack,
    "paymongo": _paymongo,
    "yoco": _yoco,
    "nowpayments": _nowpayments,
}


def story(provider: str, first: str, second: str) -> Story:
    """What a service tells of two checkouts of ours, by their references."""
    return STORIES[provider](first, second)


STARTS: dict[str, tuple[str, Any, str, str]] = {
    "razorpay": ("POST /v1/payment_links", {"id": "plink_1", "short_url": "https://rzp.io/i/1"}, "plink_1", "https://rzp.io/i/1"),
    "paystack": (
        "POST /transaction/initialize",
        {"status": True, "data": {"authorization_url": "https://checkout.paystack.com/1", "reference": FIRST}},
        FIRST,
        "https://checkout.paystack.com/1",
    ),
    "paymongo": (
        "POST /v1/checkout_sessions",
        {"data": paymongo_session(FIRST)},
        f"cs_{FIRST[:24]}",
        "https://checkout.paymongo.com/cs_1",
    ),
    "yoco": ("POST /api/checkouts", {"id": "ch_1", "redirectUrl": "https://c.yoco.com/ch_1"}, "ch_1", "https://c.yoco.com/ch_1"),
    "nowpayments": (
        "POST /v1/invoice",
        {"id": "4522625843", "invoice_url": "https://nowpayments.io/payment/?iid=4522625843"},
        "4522625843",
        "https://nowpayments.io/payment/?iid=4522625843",
    ),
}  # fmt: skip
"""How a checkout is started: what is asked, the answer, and the session and the payer's address in it."""
LOGINS = {
    "razorpay": ("authorization", "Basic cnpwX3Rlc3RfMURQNW1tT2xGNUc1YWc6RW5MczIxTTQ3QmxsUjNYOFBTRnRqdGJk"),
    "paystack": ("authorization", f"Bearer {WEBHOOK_KEY}"),
    "paymongo": ("authorization", "Basic c2tfdGVzdF8xOg=="),
    "yoco": ("authorization", "Bearer sk_test_1"),
    "nowpayments": ("x-api-key", "AB12-CD34"),
}
"""The header by which each service knows us."""
