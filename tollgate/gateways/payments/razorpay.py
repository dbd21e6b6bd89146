"""Razorpay: payment links, refunds, and webhooks signed by HMAC over the raw body.

By Razorpay's documentation ("Payment Links", "Refunds", "Disputes", "Validate and Test Webhooks"). A payment's own id
is that of its payment (pay_), a checkout's that of its link (plink_). To obey another event, add its line to `EVENTS`.
Razorpay's notices name neither a mode nor a moment: the two modes differ by their webhook secrets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
)
from tollgate.gateways.payments.refunds import given_back
from tollgate.gateways.payments.signatures import check_hash
from tollgate.gateways.payments.units import counted, micros

WHO: Final = "Razorpay"
MOST_DESCRIPTION: Final = 2048
MOST_REFUNDS: Final = 100


class Razorpay:
    """One Razorpay account."""

    offline = True

    def __init__(self, config: Config) -> None:
        self._config = config
        self._url = config.settings.get("api_url", "").rstrip("/")

    def start(self, order: Order) -> Started:
        """A payment link, which is paid once and in full."""
        body = {
            "amount": counted(order.amount_micros, order.currency, who=WHO, tens=True),
            "currency": order.currency,
            "accept_partial": False,
            "reference_id": order.reference,
            "description": order.description[:MOST_DESCRIPTION],
            "notes": {"reference": order.reference},
            "notify": {"sms": False, "email": False},
            "reminder_enable": False,
            "callback_url": order.return_url,
            "callback_method": "get",
            **({"customer": {"email": order.email}} if order.email else {}),
        }
        made = self._post("/v1/payment_links", body)
        return Started(*http.texts(made, "id", "short_url", who=WHO))

    def read_event(self, notice: Notice) -> Sequence[Event]:
        """What a signed webhook says."""
        given = [notice.headers.get("x-razorpay-signature", "")]
        key = self._config.secrets.get("webhook_secret", "").encode()
        check_hash(notice.body, given, key=key, digest="sha256", name="webhook secret")
        said = http.told(notice.body)
        kind = str(said.get("event", ""))
        read = EVENTS.get(kind)
        return read(http.part(said, "payload")) if read else [Event(kind="ignored", note=kind)]

    def ask(self, session: str) -> Sequence[Event]:
        """What became of a payment link."""
        link = self._get(f"/v1/payment_links/{session}")
        if link.get("status") in ("expired", "cancelled"):
            return [Event(kind="gone", session=session)]
        ids = [str(one.get("payment_id")) for one in http.parts(link, "payments") if one.get("status") == "captured"]
        if link.get("status") != "paid" or not ids:
            return []
        return [_paid(link, self._get(f"/v1/payments/{ids[0]}"))]

    def refund(self, refund: Refund) -> Event:
        """A refund of a payment; one with our reference is looked for first, as not every country knows the header."""
        amount = counted(refund.amount_micros, refund.currency, who=WHO, tens=True)
        path = f"/v1/payments/{refund.payment_id}/refund"
        found = http.parts(self._get(f"{path}s?count={MOST_REFUNDS}"), "items")
        made = next((one for one in found if _reference(one) == refund.reference), None)
        if made is None:
            body = {"amount": amount, "notes": {"reference": refund.reference}, "receipt": refund.reference}
            made = self._post(path, body, {"X-Refund-Idempotency": refund.reference})
        if made.get("status") == "failed":
            raise Declined("Razorpay could not give this back.")
        return _refunded(made)

    def charge(self, order: Order, method: Method) -> Sequence[Event]:
        """Not offered: nothing is stored at Razorpay."""
        raise NotOffered("Razorpay stores no method here.")

    def _post(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        return _answer(*http.post_json(self._url + path, body, {**self._login(), **(headers or {})}))

    def _get(self, path: str) -> dict[str, Any]:
        return _answer(*http.ask("GET", self._url + path, headers=self._login()))

    def _login(self) -> dict[str, str]:
        return http.basic(self._config.settings.get("key_id", ""), self._config.secrets.get("key_secret", ""))


def _answer(status: int, content: bytes) -> dict[str, Any]:
    found = http.told(content)
    return http.agreed(status, found, who=WHO, words=http.part(found, "error").get("description"))


def _reference(found: Mapping[str, Any]) -> str:
    return str(http.part(found, "notes").get("reference", ""))


def _fee(payment: Mapping[str, Any]) -> int:
    """What Razorpay keeps, with its tax: none where the payer bears it or where it is told in another currency."""
    same = payment.get("base_currency") in (None, "", payment.get("currency"))
    ours = payment.get("fee_bearer") in (None, "", "platform")
    return micros(payment.get("fee"), str(payment.get("currency", ""))) if same and ours else 0


def _paid(link: Mapping[str, Any], payment: Mapping[str, Any]) -> Event:
    """The link's amount: a payment's own may have the fee on top that its payer bears."""
    currency = str(link.get("currency") or payment.get("currency") or "")
    return Event(
        kind="paid",
        external_id=str(payment.get("id", "")),
        reference=str(link.get("reference_id") or "") or _reference(link),
        session=str(link.get("id", "")),
        amount_micros=micros(link.get("amount_paid"), currency),
        fee_micros=_fee(payment),
        currency=currency,
        payer=str(payment.get("email") or ""),
    )


def _refunded(refund: Mapping[str, Any]) -> Event:
    currency = str(refund.get("currency", ""))
    return Event(
        kind="refunded",
        external_id=str(refund.get("id", "")),
        parent_id=str(refund.get("payment_id", "")),
        reference=_reference(refund),
        amount_micros=micros(refund.get("amount"), currency),
        currency=currency,
    )


def _of_link(payload: Mapping[str, Any]) -> list[Event]:
    return [_paid(http.part(payload, "payment_link", "entity"), http.part(payload, "payment", "entity"))]


def _gone(payload: Mapping[str, Any]) -> list[Event]:
    return [Event(kind="gone", session=str(http.part(payload, "payment_link", "entity").get("id", "")))]


def _of_refund(payload: Mapping[str, Any]) -> list[Event]:
    """A refund; what Razorpay gives back by itself of a payment that was never captured has never been ours."""
    if http.part(payload, "payment", "entity").get("captured") is False:
        return [Event(kind="ignored", note="The payment was not captured.")]
    found = http.part(payload, "refund", "entity")
    return given_back(_refunded(found), failed=found.get("status") == "failed")


def _dispute_lost(payload: Mapping[str, Any]) -> list[Event]:
    """What a lost dispute takes. Before it is lost nothing is taken; a part of it is for a person to judge."""
    found = http.part(payload, "dispute", "entity")
    currency = str(found.get("currency", ""))
    taken = micros(found.get("amount_deducted"), currency)
    if not taken:
        return [Event(kind="ignored", note="Nothing was deducted for the dispute.")]
    whole = taken == micros(found.get("amount"), currency)
    payment_id = str(found.get("payment_id", ""))
    reason = str(found.get("reason_code") or "")
    return [
        Event(
            kind="reversed" if whole else "trouble",
            external_id=str(found.get("id", "")),
            parent_id=payment_id,
            amount_micros=taken if whole else -taken,
            currency=currency,
            note=reason if whole else f"A part of the dispute over {payment_id} was deducted: {reason}",
        )
    ]


EVENTS: Final[Mapping[str, Callable[[Mapping[str, Any]], list[Event]]]] = {
    "payment_link.paid": _of_link,
    "payment_link.expired": _gone,
    "payment_link.cancelled": _gone,
    "refund.created": _of_refund,
    "refund.processed": _of_refund,
    "refund.failed": _of_refund,
    "payment.dispute.lost": _dispute_lost,
}
