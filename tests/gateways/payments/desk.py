"""A stand-in for PayPal and Stripe on this machine: answers as they do, signs as they do, remembers what it was asked.

with desk() as house:
    house.answers["POST /v1/checkout/sessions"] = (200, {...})
    stripe_notice(body, at) / house.paypal_notice(body, at)    headers of a notice, signed with a key of its own

The bodies are built from the services' documentation, with our own names and amounts in them. Those that the services
have really sent are in recorded/, read by recordings.py; they prove what is built here in test_recorded.py.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

WEBHOOK_ID: Final = "1JE4291016473214C"
STRIPE_SECRET: Final = "whsec_of_the_tests"
CERTIFICATE: Final = "/v1/notifications/certs/CERT-360caa42-fca2a594"


@dataclass
class Desk:
    """What it answers (by method and path, with the query where so written; bytes as they are, all else as JSON), what
    it was asked, and the notices it calls its own."""

    url: str = ""
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict, repr=False)
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list, repr=False)
    own: set[bytes] = field(default_factory=set, repr=False)

    def answer(self, what: str, body: bytes) -> tuple[int, bytes]:
        """The answer to one question."""
        if what == "POST /cgi-bin/webscr":
            said = body.removeprefix(b"cmd=_notify-validate&")
            return 200, b"VERIFIED" if said in self.own else b"INVALID"
        if what == "POST /v1/oauth2/token":
            return 200, b'{"access_token": "A21AAF", "token_type": "Bearer", "expires_in": 32400}'
        if what == f"GET {CERTIFICATE}":
            return 200, _certificate()[1]
        status, value = self.answers.get(what, (404, {"error": {"message": "No such thing"}, "message": "NOT_FOUND"}))
        return status, value if isinstance(value, bytes) else json.dumps(value).encode()

    def paypal_notice(self, body: bytes, at: dt.datetime, webhook_id: str = WEBHOOK_ID) -> dict[str, str]:
        """The headers of a PayPal webhook."""
        told, moment = "69cd13f0-d67a-11e5-baa3-778b53f4ae55", at.strftime("%Y-%m-%dT%H:%M:%SZ")
        message = f"{told}|{moment}|{webhook_id}|{zlib.crc32(body)}".encode()
        signed = _certificate()[0].sign(message, padding.PKCS1v15(), hashes.SHA256())
        return {
            "paypal-transmission-id": told,
            "paypal-transmission-time": moment,
            "paypal-transmission-sig": base64.b64encode(signed).decode(),
            "paypal-auth-algo": "SHA256withRSA",
            "paypal-cert-url": self.url + CERTIFICATE,
        }


def stripe_notice(body: bytes, at: dt.datetime, secret: str = STRIPE_SECRET) -> dict[str, str]:
    """The headers of a Stripe webhook."""
    moment = int(at.timestamp())
    signed = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    old = hashlib.sha256(b"the secret before").hexdigest()
    return {"stripe-signature": f"t={moment},v1={old},v1={signed},v0=6ffbb59b"}


@contextmanager
def desk() -> Iterator[Desk]:
    """The stand-in on a free port of this machine."""
    house = Desk()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self._answer(f"POST {self.path.partition('?')[0]}", body)

        def do_GET(self) -> None:
            whole = f"GET {self.path}"
            self._answer(whole if whole in house.answers else whole.partition("?")[0], b"")

        def _answer(self, what: str, body: bytes) -> None:
            house.asked.append((what, {name.lower(): value for name, value in self.headers.items()}, body))
            status, content = house.answer(what, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    house.url = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield house
    finally:
        server.shutdown()
        server.server_close()


def ipn(**fields: str) -> bytes:
    """An IPN as PayPal sends one, with these fields in the place of its own."""
    from urllib.parse import urlencode

    usual = {
        "mc_gross": "19.95", "protection_eligibility": "Eligible", "payer_id": "LPLWNMTBWMFAY",
        "payment_date": "20:12:59 Jan 13, 2026 PST", "payment_status": "Completed", "charset": "windows-1252",
        "first_name": "Zo\xeb", "mc_fee": "0.88", "notify_version": "3.9", "payer_status": "verified",
        "business": "seller@demo.example", "verify_sign": "AtkOfCXbDm2hu0ZELryHFjY-Vb7PAUvS6nMXgysbElEn9v-1XcmSoGtf",
        "payer_email": "pays@acme.example", "txn_id": "61E67681CH3238416", "payment_type": "instant",
        "receiver_email": "seller@demo.example", "receiver_id": "S8XGHLYDW9T3S", "txn_type": "send_money",
        "mc_currency": "EUR", "residence_country": "LT", "transaction_subject": "", "ipn_track_id": "23f1a2b3c4d5",
    }  # fmt: skip
    return urlencode({**usual, **fields}, encoding="windows-1252").encode()


def mass_ipn(items: Mapping[str, tuple[str, str, str]]) -> bytes:
    """A Mass Pay IPN: by transaction id, the receiver, the amount and the status."""
    fields = {"txn_type": "masspay", "payment_status": "Processed", "txn_id": "", "receiver_email": "", "business": ""}
    for number, (txn_id, (receiver, amount, status)) in enumerate(items.items(), 1):
        fields |= {
            f"masspay_txn_id_{number}": txn_id,
            f"receiver_email_{number}": receiver,
            f"mc_gross_{number}": amount,
            f"mc_fee_{number}": "0.20",
            f"mc_currency_{number}": "EUR",
            f"status_{number}": status,
            f"unique_id_{number}": str(12345 + number),
        }
    return ipn(**fields)


def stripe_event(kind: str, found: Mapping[str, Any], *, live: bool = False) -> bytes:
    """A Stripe event around its object."""
    event = {
        "id": "evt_1NG8Du2eZvKYlo2CUI79vXWy", "object": "event", "api_version": "2024-06-20", "created": 1686089970,
        "data": {"object": found}, "livemode": live, "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None}, "type": kind,
    }  # fmt: skip
    return json.dumps(event, indent=2).encode()


def stripe_session(reference: str, amount: int, currency: str = "eur", **more: Any) -> dict[str, Any]:
    """A completed Checkout Session."""
    return {
        "id": "cs_test_a11YYufWQzNY63zpQ6QSNRQhkUpVph4WRmzW0zWJO2znZKdVujZ0N0S22u", "object": "checkout.session",
        "amount_subtotal": amount, "amount_total": amount, "client_reference_id": reference, "currency": currency,
        "customer": None, "customer_details": {"email": "carla@acme.example", "name": "Carla Rossi"},
        "livemode": False, "metadata": {"reference": reference}, "mode": "payment",
        "payment_intent": "pi_1GszdL2eZvKYlo2C4nORvlio", "payment_status": "paid", "status": "complete", **more,
    }  # fmt: skip


def stripe_intent(reference: str, amount: int, currency: str = "eur", **more: Any) -> dict[str, Any]:
    """A PaymentIntent that has succeeded."""
    return {
        "id": "pi_1GszdL2eZvKYlo2C4nORvlio", "object": "payment_intent", "amount": amount, "amount_received": amount,
        "currency": currency, "customer": None, "latest_charge": "ch_3MmlLrLkdIwHu7ix0snN0B15", "livemode": False,
        "metadata": {"reference": reference}, "status": "succeeded", "setup_future_usage": None, **more,
    }  # fmt: skip


def stripe_refund(refund_id: str, amount: int, *, status: str = "succeeded", reference: str = "") -> dict[str, Any]:
    """A refund of that PaymentIntent."""
    return {
        "id": refund_id, "object": "refund", "amount": amount, "charge": "ch_1NirD82eZvKYlo2CIvbtLWuY",
        "currency": "eur", "metadata": {"reference": reference} if reference else {},
        "payment_intent": "pi_1GszdL2eZvKYlo2C4nORvlio", "reason": None, "status": status,
    }  # fmt: skip


def stripe_charge(refunds: Sequence[Mapping[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    """The charge of that PaymentIntent, with its refunds as API versions before 2022-11-15 tell them."""
    told = {} if refunds is None else {"refunds": {"object": "list", "data": list(refunds), "has_more": False}}
    return {
        "id": "ch_1NirD82eZvKYlo2CIvbtLWuY", "object": "charge", "amount": 2000, "amount_refunded": 500,
        "currency": "eur", "livemode": False, "metadata": {}, "payment_intent": "pi_1GszdL2eZvKYlo2C4nORvlio",
        "refunded": False, "status": "succeeded", **told, **more,
    }  # fmt: skip


def paypal_event(kind: str, resource: Mapping[str, Any]) -> bytes:
    """A PayPal webhook around its resource."""
    event = {
        "id": "WH-58D329510W468432D-8HN650336L201105X", "event_version": "1.0", "resource_version": "2.0",
        "create_time": "2026-02-14T21:50:07.940Z", "resource_type": kind.split(".")[1].lower(), "event_type": kind,
        "summary": "Payment completed", "resource": resource, "links": [],
    }  # fmt: skip
    return json.dumps(event).encode()


def paypal_capture(reference: str, value: str, currency: str = "EUR", fee: str = "0.59") -> dict[str, Any]:
    """A completed capture."""
    money = {"currency_code": currency, "value": value}
    return {
        "id": "42311647XV020574X", "amount": money, "final_capture": True, "custom_id": reference,
        "seller_protection": {"status": "ELIGIBLE"},
        "seller_receivable_breakdown": {
            "gross_amount": money, "paypal_fee": {"currency_code": currency, "value": fee},
        },
        "status": "COMPLETED", "supplementary_data": {"related_ids": {"order_id": "5O190127TN364715T"}},
        "links": [{"href": "https://api.paypal.com/v2/payments/captures/42311647XV020574X", "rel": "self"}],
    }  # fmt: skip


def paypal_refund(refund_id: str, value: str, reference: str = "") -> dict[str, Any]:
    """A refund, or a reversal, of that capture."""
    return {
        "id": refund_id, "amount": {"currency_code": "EUR", "value": value}, "status": "COMPLETED",
        "custom_id": reference,
        "links": [
            {"href": f"https://api.paypal.com/v2/payments/refunds/{refund_id}", "rel": "self"},
            {"href": "https://api.paypal.com/v2/payments/captures/42311647XV020574X", "rel": "up"},
        ],
    }  # fmt: skip


def paypal_dispute(capture: str, value: str, code: str = "RESOLVED_SELLER_FAVOUR", **more: Any) -> dict[str, Any]:
    """A dispute over a capture that is over, as developer.paypal.com/docs/disputes/webhooks tells it."""
    return {
        "dispute_id": "PP-D-27803", "reason": "MERCHANDISE_OR_SERVICE_NOT_RECEIVED", "status": "RESOLVED",
        "create_time": "2026-02-14T21:50:07.000Z", "update_time": "2026-03-01T08:00:00.000Z",
        "disputed_transactions": [
            {"seller_transaction_id": capture, "seller": {"merchant_id": "RD465XN5VS364"}, "items": []},
        ],
        "dispute_amount": {"currency_code": "EUR", "value": value}, "dispute_outcome": {"outcome_code": code},
        "dispute_channel": "INTERNAL", "dispute_life_cycle_stage": "CHARGEBACK", **more,
    }  # fmt: skip


@cache
def _certificate() -> tuple[rsa.RSAPrivateKey, bytes]:
    """A key and the certificate over it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "messageverificationcerts.paypal.com")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=400))
        .not_valid_after(now + dt.timedelta(days=400))
        .sign(key, hashes.SHA256())
    )
    return key, made.public_bytes(serialization.Encoding.PEM)
