"""PayMongo: Checkout Sessions, refunds, and webhooks signed by HMAC with a tolerance.

By PayMongo's documentation ("Checkout Session", "Securing a webhook", "Refund resource", "Idempotent requests"). A
payment's own id is that of its payment (pay_), a checkout's that of its session (cs_). No notice tells of disputes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

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
from tollgate.gateways.payments.signatures import check_hash, check_moment
from tollgate.gateways.payments.units import counted, micros

WHO: Final = "PayMongo"
SESSION_PAID: Final = "checkout_session.payment.paid"
REFUNDED: Final = ("payment.refunded", "payment.refund.updated")


class PayMongo:
    """One PayMongo account."""

    offline = True

    def __init__(self, config: Config) -> None:
        self._config = config
        self._url = config.settings.get("api_url", "").rstrip("/")

    def start(self, order: Order) -> Started:
        """A Checkout Session with one line."""
        item = {
            "currency": order.currency,
            "amount": counted(order.amount_micros, order.currency, who=WHO),
            "name": order.description,
            "quantity": 1,
        }
        attributes = {
            "line_items": [item],
            "payment_method_types": self._methods(),
            "description": order.description,
            "reference_number": order.reference,
            "metadata": {"reference": order.reference},
            "send_email_receipt": False,
            "success_url": order.return_url,
            "cancel_url": order.cancel_url,
        }
        made = self._post("/v1/checkout_sessions", attributes, order.reference)
        return Started(*http.texts({**_attributes(made), "id": made.get("id")}, "id", "checkout_url", who=WHO))

    def read_event(self, notice: Notice) -> Sequence[Event]:
        """What a signed webhook says."""
        self._check_signature(notice)
        event = http.part(http.told(notice.body), "data", "attributes")
        if event.get("livemode") is not self._config.live:
            raise Unverified("This event is of PayMongo's other mode, test or live.")
        kind, found = str(event.get("type", "")), http.part(event, "data")
        if kind == SESSION_PAID:
            return _payments(found)
        return _refunds(found) if kind in REFUNDED else [Event(kind="ignored", note=kind)]

    def ask(self, session: str) -> Sequence[Event]:
        """What became of a Checkout Session."""
        found = self._get(f"/v1/checkout_sessions/{session}")
        gone = [Event(kind="gone", session=session)] if _attributes(found).get("status") == "expired" else []
        return _payments(found) or gone

    def refund(self, refund: Refund) -> Event:
        """A refund of a payment; PayMongo may still call it pending, and says so by a webhook should it fail."""
        attributes = {
            "amount": counted(refund.amount_micros, refund.currency, who=WHO),
            "payment_id": refund.payment_id,
            "reason": "requested_by_customer",
            "notes": refund.reference,
            "metadata": {"reference": refund.reference},
        }
        made = self._post("/v1/refunds", attributes, refund.reference)
        if _attributes(made).get("status") == "failed":
            raise Declined("PayMongo could not give this back.")
        return _refunded(made)

    def charge(self, order: Order, method: Method) -> Sequence[Event]:
        """Not offered: nothing is stored at PayMongo."""
        raise NotOffered("PayMongo stores no method here.")

    def _methods(self) -> list[str]:
        named = self._config.settings.get("methods", "").replace(",", " ").split()
        if not named:
            raise Declined("No payment methods are named in the gateway's settings.")
        return named

    def _check_signature(self, notice: Notice) -> None:
        """The signature of our mode: each notice has a place for either."""
        named = [one.strip().partition("=") for one in notice.headers.get("paymongo-signature", "").split(",")]
        moment = next((value for name, _, value in named if name == "t"), "")
        given = [value for name, _, value in named if name == ("li" if self._config.live else "te")]
        key = self._config.secrets.get("webhook_secret", "").encode()
        message = moment.encode() + b"." + notice.body
        check_hash(message, given, key=key, digest="sha256", name="webhook secret")
        check_moment(moment, notice.received_at)

    def _post(self, path: str, attributes: object, key: str) -> dict[str, Any]:
        headers = {**self._login(), "Idempotency-Key": key}
        return _answer(*http.post_json(self._url + path, {"data": {"attributes": attributes}}, headers))

    def _get(self, path: str) -> dict[str, Any]:
        return _answer(*http.ask("GET", self._url + path, headers=self._login()))

    def _login(self) -> dict[str, str]:
        return http.basic(self._config.secrets.get("secret_key", ""), "")


def _answer(status: int, content: bytes) -> dict[str, Any]:
    found = http.told(content)
    words = [str(one.get("detail", "")) for one in http.parts(found, "errors")]
    return http.part(http.agreed(status, found, who=WHO, words=" ".join(words)), "data")


def _attributes(found: Mapping[str, Any]) -> dict[str, Any]:
    return http.part(found, "attributes")


def _reference(found: Mapping[str, Any]) -> str:
    return str(http.part(found, "metadata").get("reference", ""))


def _payments(session: Mapping[str, Any]) -> list[Event]:
    """The payments of a Checkout Session that were made: one at most."""
    told = _attributes(session)
    reference = str(told.get("reference_number") or "") or _reference(told)
    paid = [one for one in http.parts(told, "payments") if _attributes(one).get("status") == "paid"]
    return [_paid(one, reference=reference, session=str(session.get("id", ""))) for one in paid]


def _paid(payment: Mapping[str, Any], *, reference: str, session: str) -> Event:
    """A payment; what does not reach us of it is the fee, whatever it is made of."""
    told = _attributes(payment)
    currency = str(told.get("currency", ""))
    amount, net = (micros(told.get(name), currency) for name in ("amount", "net_amount"))
    return Event(
        kind="paid",
        external_id=str(payment.get("id", "")),
        reference=reference,
        session=session,
        amount_micros=amount,
        fee_micros=amount - net if 0 < net < amount else 0,
        currency=currency,
        payer=str(http.part(told, "billing").get("email") or ""),
    )


def _refunds(found: Mapping[str, Any]) -> list[Event]:
    """The refunds that a notice has: it is one, or the payment with all of them."""
    rows = http.parts(_attributes(found), "refunds") if str(found.get("id", "")).startswith("pay_") else [found]
    failed = [_attributes(one).get("status") == "failed" for one in rows]
    return [event for one, no in zip(rows, failed, strict=True) for event in given_back(_refunded(one), failed=no)]


def _refunded(refund: Mapping[str, Any]) -> Event:
    told = _attributes(refund)
    currency = str(told.get("currency", ""))
    return Event(
        kind="refunded",
        external_id=str(refund.get("id", "")),
        parent_id=str(told.get("payment_id", "")),
        reference=_reference(told) or str(told.get("notes") or ""),
        amount_micros=micros(told.get("amount"), currency),
        currency=currency,
    )
