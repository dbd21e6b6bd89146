"""Yoco: checkouts, refunds, and webhooks signed as Standard Webhooks are.

By Yoco's documentation ("Checkout API", "Refunds", "Webhooks", "Verifying the events"). A payment's own id is that of
its checkout (ch_), by which Yoco gives money back. Nothing tells what became of a checkout but its notices: `ask`
knows nothing, and a payment whose notice is lost waits until a person books it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tollgate.core.money import MICROS
from tollgate.gateways.payments import http
from tollgate.gateways.payments.model import (
    Config,
    Declined,
    Event,
    Method,
    Notice,
    NotOffered,
    Order,
    Refund,
    Started,
    Unverified,
)
from tollgate.gateways.payments.refunds import given_back
from tollgate.gateways.payments.signatures import check_any, check_moment
from tollgate.gateways.payments.units import counted, micros

WHO: Final = "Yoco"
ABOVE_MICROS: Final = 2 * MICROS
SECRET_BEGINS: Final = "whsec_"  # noqa: S105 - how Yoco's webhook secrets begin


class Yoco:
    """One Yoco account."""

    offline = True

    def __init__(self, config: Config) -> None:
        self._config = config
        self._url = config.settings.get("api_url", "").rstrip("/")

    def start(self, order: Order) -> Started:
        """A checkout."""
        if order.amount_micros <= ABOVE_MICROS:
            raise Declined("Yoco takes payments above 2 ZAR.")
        body = {
            "amount": counted(order.amount_micros, order.currency, who=WHO),
            "currency": order.currency,
            "successUrl": order.return_url,
            "cancelUrl": order.cancel_url,
            "failureUrl": order.cancel_url,
            "metadata": {"reference": order.reference},
        }
        made = self._post("/api/checkouts", body, order.reference)
        return Started(*http.texts(made, "id", "redirectUrl", who=WHO))

    def read_event(self, notice: Notice) -> Sequence[Event]:
        """What a signed webhook says."""
        self._check_signature(notice)
        said = http.told(notice.body)
        kind, found = str(said.get("type", "")), http.part(said, "payload")
        if found.get("mode") != ("live" if self._config.live else "test"):
            raise Unverified("This event is of Yoco's other mode, test or live.")
        if kind == "payment.succeeded":
            return [_paid(found)]
        if kind in ("refund.succeeded", "refund.failed"):
            return given_back(_refunded(found), failed=kind == "refund.failed")
        return [Event(kind="ignored", note=kind)]

    def ask(self, session: str) -> Sequence[Event]:
        """Nothing: Yoco's interface has no question for it."""
        return []

    def refund(self, refund: Refund) -> Event:
        """A refund of a checkout, which Yoco takes on and says by a webhook should it fail."""
        body = {
            "amount": counted(refund.amount_micros, refund.currency, who=WHO),
            "metadata": {"reference": refund.reference},
        }
        made = self._post(f"/api/checkouts/{refund.payment_id}/refund", body, refund.reference)
        if made.get("status") == "failed":
            raise Declined(str(made.get("message") or "Yoco could not give this back."))
        return Event(
            kind="refunded",
            external_id=str(made.get("refundId") or ""),
            parent_id=refund.payment_id,
            reference=refund.reference,
            amount_micros=refund.amount_micros,
            currency=refund.currency,
        )

    def charge(self, order: Order, method: Method) -> Sequence[Event]:
        """Not offered: nothing is stored at Yoco."""
        raise NotOffered("Yoco stores no method here.")

    def _check_signature(self, notice: Notice) -> None:
        """One of the signatures over the notice's id, moment and body must be by our secret."""
        own_id, moment = (notice.headers.get(f"webhook-{name}", "") for name in ("id", "timestamp"))
        told = [one.partition(",") for one in notice.headers.get("webhook-signature", "").split()]
        key = _key(self._config.secrets.get("webhook_secret", ""))
        signed = hmac.new(key, f"{own_id}.{moment}.".encode() + notice.body, hashlib.sha256).digest()
        given = [value for version, _, value in told if version == "v1"]
        check_any(base64.b64encode(signed).decode(), given, key=key, name="webhook secret")
        check_moment(moment, notice.received_at)

    def _post(self, path: str, body: object, key: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._config.secrets.get('secret_key', '')}", "Idempotency-Key": key}
        status, content = http.post_json(self._url + path, body, headers)
        found = http.told(content)
        return http.agreed(status, found, who=WHO, words=found.get("description") or found.get("message"))


def _key(secret: str) -> bytes:
    """The bytes that a webhook secret stands for; none for one that stands for nothing, which fits no signature."""
    try:
        return base64.b64decode(secret.removeprefix(SECRET_BEGINS), validate=True)
    except binascii.Error:
        return b""


def _metadata(found: Mapping[str, Any], name: str) -> str:
    return str(http.part(found, "metadata").get(name) or "")


def _paid(payment: Mapping[str, Any]) -> Event:
    currency, checkout = str(payment.get("currency", "")), _metadata(payment, "checkoutId")
    return Event(
        kind="paid",
        external_id=checkout,
        reference=_metadata(payment, "reference"),
        session=checkout,
        amount_micros=micros(payment.get("amount"), currency),
        currency=currency,
        note=str(payment.get("id", "")),
    )


def _refunded(refund: Mapping[str, Any]) -> Event:
    currency = str(refund.get("currency", ""))
    return Event(
        kind="refunded",
        external_id=str(refund.get("id", "")),
        parent_id=_metadata(refund, "checkoutId"),
        reference=_metadata(refund, "reference"),
        amount_micros=micros(refund.get("amount"), currency),
        currency=currency,
        note=str(refund.get("failureReason") or ""),
    )
