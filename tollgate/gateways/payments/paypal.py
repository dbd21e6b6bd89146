"""PayPal checkout: Orders v2, captured once the payer has approved, and webhooks signed by PayPal's certificate.

A payment's own id is that of its capture. The certificate is taken from PayPal's own hosts only. To obey another event,
add its line to `_read`.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tollgate.core.money import MICROS, AmountError, format_micros, parse_micros
from tollgate.gateways.payments import http
from tollgate.gateways.payments.model import (
    Config,
    Declined,
    Event,
    Method,
    Notice,
    NotOffered,
    NotReached,
    Order,
    Refund,
    Started,
    Unverified,
)

WHOLE: Final = frozenset({"HUF", "JPY", "TWD"})
"""PayPal takes no fractions of these."""
TOKEN: Final = "grant_type=client_credentials"  # noqa: S105 - the words of OAuth 2
TAKEN_BACK: Final = {"PAYMENT.CAPTURE.REFUNDED": "refunded", "PAYMENT.CAPTURE.REVERSED": "reversed"}
WON: Final = "RESOLVED_SELLER_FAVOUR"
LOST: Final = frozenset({"RESOLVED_BUYER_FAVOUR", "ACCEPTED", "NONE"})
"""Outcomes of a dispute that bring nothing back; after NONE another dispute goes on. Of all else a person judges.
developer.paypal.com/api/customer-disputes/v1/definitions/dispute_outcome
"""


def step_micros(currency: str) -> int:
    """The least amount of a currency that PayPal takes, in micros."""
    return MICROS if currency in WHOLE else MICROS // 100


def written(amount_micros: int, currency: str) -> str:
    """An amount as PayPal reads it. Raises Declined for a fraction that it does not take."""
    if amount_micros <= 0 or amount_micros % step_micros(currency):
        raise Declined(f"PayPal takes no such fraction of {currency}.")
    return format_micros(amount_micros, 0 if currency in WHOLE else 2)


class PayPal:
    """One PayPal business account."""

    offline = False

    def __init__(self, config: Config) -> None:
        self._config = config
        self._url = config.settings.get("api_url", "").rstrip("/")

    def start(self, order: Order) -> Started:
        """An order that the payer approves at PayPal."""
        unit = {
            "reference_id": "default",
            "custom_id": order.reference,
            "description": order.description[:127],
            "amount": {"currency_code": order.currency, "value": written(order.amount_micros, order.currency)},
        }
        context = {
            "return_url": order.return_url,
            "cancel_url": order.cancel_url,
            "shipping_preference": "NO_SHIPPING",
            "user_action": "PAY_NOW",
        }
        source = {"paypal": {"experience_context": context}}
        body = {"intent": "CAPTURE", "purchase_units": [unit], "payment_source": source}
        made = self._call("POST", "/v2/checkout/orders", body, key=order.reference)
        ways = {str(link.get("rel")): str(link.get("href")) for link in made.get("links", [])}
        url = ways.get("payer-action") or ways.get("approve", "")
        if not url:
            raise NotReached("PayPal names no address for the payer.")
        return Started(str(made["id"]), url)

    def read_event(self, notice: Notice) -> Sequence[Event]:
        """What a signed webhook says."""
        self._check_signature(notice)
        said = http.told(notice.body)
        return _read(str(said.get("event_type", "")), http.part(said, "resource"))

    def ask(self, session: str) -> Sequence[Event]:
        """What became of an order; one that the payer has approved is captured now."""
        order = self._call("GET", f"/v2/checkout/orders/{session}")
        if order.get("status") == "APPROVED":
            order = self._call("POST", f"/v2/checkout/orders/{session}/capture", {}, key=f"capture-{session}")
        if order.get("status") == "VOIDED":
            return [Event(kind="gone", session=session)]
        payer = str((order.get("payer") or {}).get("email_address", ""))
        units = order.get("purchase_units", [])
        captures = [one for unit in units for one in (unit.get("payments") or {}).get("captures", [])]
        return [_captured(one, session=session, payer=payer) for one in captures if _has_come(one)]

    def refund(self, refund: Refund) -> Event:
        """A refund of a capture."""
        value = {"value": written(refund.amount_micros, refund.currency), "currency_code": refund.currency}
        body = {"amount": value, "custom_id": refund.reference}
        made = self._call("POST", f"/v2/payments/captures/{refund.payment_id}/refund", body, key=refund.reference)
        if made.get("status") not in ("COMPLETED", "PENDING"):
            raise Declined(f"PayPal does not refund this: {made.get('status')}.")
        return Event(
            kind="refunded",
            external_id=str(made.get("id", "")),
            parent_id=refund.payment_id,
            reference=refund.reference,
            amount_micros=refund.amount_micros,
            currency=refund.currency,
        )

    def charge(self, order: Order, method: Method) -> Sequence[Event]:
        """Not offered: nothing is stored at PayPal."""
        raise NotOffered("PayPal stores no method here.")

    def _check_signature(self, notice: Notice) -> None:
        """The signature over the id, time, our webhook's id and the checksum of the body."""
        headers = notice.headers
        webhook_id = self._config.settings.get("webhook_id", "")
        names = ("transmission-id", "transmission-time", "transmission-sig", "cert-url")
        told, moment, signed, cert_url = (headers.get(f"paypal-{name}", "") for name in names)
        if not (told and moment and signed and cert_url and webhook_id):
            raise Unverified("The signature is missing.")
        certificate = self._certificate(cert_url)
        if not certificate.not_valid_before_utc <= notice.received_at <= certificate.not_valid_after_utc:
            raise Unverified("The certificate of the signature has run out.")
        key = certificate.public_key()
        message = f"{told}|{moment}|{webhook_id}|{zlib.crc32(notice.body)}".encode()
        try:
            assert isinstance(key, rsa.RSAPublicKey)
            key.verify(base64.b64decode(signed, validate=True), message, padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, binascii.Error, AssertionError):
            raise Unverified("The signature does not fit: compare the webhook id.") from None

    def _certificate(self, url: str) -> x509.Certificate:
        parts, ours = urlsplit(url), urlsplit(self._url)
        of_paypal = parts.scheme == "https" and (parts.hostname or "").endswith(".paypal.com")
        if not of_paypal and (parts.scheme, parts.netloc) != (ours.scheme, ours.netloc):
            raise Unverified("The certificate is not at an address of PayPal.")
        status, content = http.ask("GET", url, headers={})
        if status != 200:
            raise NotReached(f"PayPal answers {status} for its certificate.")
        try:
            return x509.load_pem_x509_certificate(content)
        except ValueError:
            raise Unverified("The certificate cannot be read.") from None

    def _call(self, method: str, path: str, body: object = None, *, key: str = "") -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token()}", **({"PayPal-Request-Id": key} if key else {})}
        if method == "GET":
            return _answer(*http.ask("GET", self._url + path, headers=headers))
        return _answer(*http.post_json(self._url + path, body, {**headers, "Prefer": "return=representation"}))

    def _token(self) -> str:
        login = f"{self._config.settings.get('client_id', '')}:{self._config.secrets.get('client_secret', '')}"
        headers = {
            "Authorization": f"Basic {base64.b64encode(login.encode()).decode()}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        status, content = http.ask("POST", f"{self._url}/v1/oauth2/token", body=TOKEN.encode(), headers=headers)
        token = http.told(content).get("access_token")
        if status != 200 or not isinstance(token, str):
            raise NotReached(f"PayPal answers {status} to our login: compare client id and secret.")
        return token


def _answer(status: int, content: bytes) -> dict[str, Any]:
    found = http.told(content)
    if 200 <= status < 300:
        return found
    details = found.get("details") or [{}]
    words = str(details[0].get("description") or found.get("message") or f"PayPal answers {status}.")
    if status in (400, 404, 422):
        raise Declined(words)
    raise NotReached(words)


def _read(kind: str, resource: Mapping[str, Any]) -> list[Event]:
    if kind == "CUSTOMER.DISPUTE.RESOLVED":
        return _resolved(resource)
    if kind == "CHECKOUT.ORDER.APPROVED":
        return [Event(kind="ask", session=str(resource.get("id", "")))]
    if kind == "PAYMENT.CAPTURE.COMPLETED":
        related = http.part(resource, "supplementary_data", "related_ids")
        return [_captured(resource, session=str(related.get("order_id") or ""), payer="")]
    if kind in TAKEN_BACK:
        amount, currency = _amount(resource.get("amount"))
        up = next((str(link["href"]) for link in http.parts(resource, "links") if link.get("rel") == "up"), "")
        taken = Event(
            kind=TAKEN_BACK[kind],
            external_id=str(resource.get("id", "")),
            parent_id=up.rstrip("/").rpartition("/")[2],
            reference=str(resource.get("custom_id") or ""),
            amount_micros=amount,
            currency=currency,
        )
        return [taken]
    return [Event(kind="ignored", note=kind)]


def _resolved(dispute: Mapping[str, Any]) -> list[Event]:
    """What a dispute that is over brings back of each payment it was about; PayPal tells of that no other way.

    The id of it has the moment, for a dispute may be lost and won again. Whether anything was taken, it does not say.
    """
    own_id, outcome = str(dispute.get("dispute_id") or ""), http.part(dispute, "dispute_outcome")
    code = str(outcome.get("outcome_code") or "")
    if code in LOST:
        return [Event(kind="ignored", note=f"Dispute {own_id}: {code}")]
    disputed = [one for one in http.parts(dispute, "disputed_transactions") if one.get("seller_transaction_id")]
    if not disputed:
        return [Event(kind="trouble", external_id=own_id or "dispute", note=f"Dispute {own_id} names no payment.")]
    whole = _amount(dispute.get("dispute_amount"))
    amounts = [whole] if len(disputed) == 1 else [_amount(one.get("gross_amount")) for one in disputed]
    doubt = ""
    if code != WON:
        doubt = f"PayPal says of the dispute {own_id}: {code or 'no outcome'}. Look there whether the money came back."
    elif _amount(outcome.get("amount_refunded"))[0]:
        doubt = f"A part of the dispute {own_id} was given to the buyer: look there how much came back."
    elif (sum(amount for amount, _ in amounts), {code for _, code in amounts}) != (whole[0], {whole[1]}):
        doubt = f"The dispute {own_id} is about several payments: look there how much came back of each."
    moment = str(dispute.get("update_time") or "")
    return [
        Event(
            kind="restored",
            external_id=":".join((own_id, str(one["seller_transaction_id"]), moment)),
            parent_id=str(one["seller_transaction_id"]),
            amount_micros=amount,
            currency=currency,
            note=f"Dispute {own_id}: {code}",
            if_taken=True,
            doubt=doubt,
        )
        for one, (amount, currency) in zip(disputed, amounts, strict=True)
    ]


def _has_come(capture: Mapping[str, Any]) -> bool:
    return capture.get("status") in ("COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED")


def _captured(capture: Mapping[str, Any], *, session: str, payer: str) -> Event:
    amount, currency = _amount(capture.get("amount"))
    fee, fee_currency = _amount((capture.get("seller_receivable_breakdown") or {}).get("paypal_fee"))
    return Event(
        kind="paid",
        external_id=str(capture.get("id", "")),
        reference=str(capture.get("custom_id") or ""),
        session=session,
        amount_micros=amount,
        fee_micros=fee if fee_currency == currency else 0,
        currency=currency,
        payer=payer,
    )


def _amount(value: object) -> tuple[int, str]:
    if not isinstance(value, dict):
        return 0, ""
    try:
        return abs(parse_micros(str(value.get("value", "0")))), str(value.get("currency_code", ""))
    except AmountError:
        return 0, ""
