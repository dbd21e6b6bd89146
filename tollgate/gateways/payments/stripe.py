"""Stripe: Checkout Sessions, off-session PaymentIntents, refunds, and webhooks signed by HMAC with a tolerance.

A payment's own id is that of its PaymentIntent, whichever event tells of it, and a refund's own id its own: it is told
by `refund.*` in API versions from 2024-10-28.acacia on, by `charge.refunded` and `charge.refund.updated` before
(docs.stripe.com/changelog/acacia/2024-10-28/refund-webhook-update). To obey another event, add its line to `EVENTS`.
Amounts go out in the units that Stripe counts in, which are not always those of ISO 4217.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from tollgate.core.money import MICROS
from tollgate.core.payments import share_micros
from tollgate.gateways.payments import http
from tollgate.gateways.payments.model import (
    Config,
    Declined,
    Event,
    Method,
    Notice,
    NotReached,
    Order,
    Refund,
    Started,
    Unverified,
)
from tollgate.gateways.payments.refunds import given_back

VERSION: Final = "2024-06-20"
"""Of what we ask. What comes is in the API version of the webhook endpoint."""
CHARGES: Final = ("ch_", "py_")
"""How ids of charges begin: of cards, and of all else."""
MOST_REFUNDS: Final = 100
"""Stripe's most on one page."""
TOLERANCE_S: Final = 300
ZERO_DECIMALS: Final = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
)
THREE_DECIMALS: Final = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
"""Counted in thousandths, of which the last digit must be 0. ISK and UGX are counted in hundredths."""
FAILED: Final = ("failed", "canceled")
"""What a refund is called whose money stays with us."""
WITH_FEE: Final = "latest_charge.balance_transaction"
EXPANDED: Final = f"expand[]=payment_intent.payment_method&expand[]=payment_intent.{WITH_FEE}"
NOT_OURS: Final = Event(kind="ignored", note="It takes back no PaymentIntent.")
"""Of a charge that others have made in the account: what we start are PaymentIntents."""


def unit_micros(currency: str) -> int:
    """What one of Stripe's units of a currency is, in micros."""
    if currency in ZERO_DECIMALS:
        return MICROS
    return MICROS // 1000 if currency in THREE_DECIMALS else MICROS // 100


def step_micros(currency: str) -> int:
    """The least amount of a currency that Stripe takes, in micros."""
    if currency in ("ISK", "UGX"):
        return MICROS
    return unit_micros(currency) * (10 if currency in THREE_DECIMALS else 1)


def counted(amount_micros: int, currency: str) -> int:
    """An amount as Stripe counts it. Raises Declined for one that Stripe cannot take."""
    if amount_micros <= 0 or amount_micros % step_micros(currency):
        raise Declined(f"Stripe takes no such fraction of {currency}.")
    return amount_micros // unit_micros(currency)


class Stripe:
    """One Stripe account."""

    offline = True

    def __init__(self, config: Config) -> None:
        self._config = config
        self._url = config.settings.get("api_url", "").rstrip("/")

    def start(self, order: Order) -> Started:
        """A Checkout Session."""
        item = "line_items[0]"
        fields = {
            "mode": "payment",
            "client_reference_id": order.reference,
            "metadata[reference]": order.reference,
            "payment_intent_data[metadata][reference]": order.reference,
            "payment_intent_data[description]": order.description,
            f"{item}[quantity]": "1",
            f"{item}[price_data][currency]": order.currency.lower(),
            f"{item}[price_data][unit_amount]": str(counted(order.amount_micros, order.currency)),
            f"{item}[price_data][product_data][name]": order.description,
            "success_url": order.return_url,
            "cancel_url": order.cancel_url,
            **({"customer_email": order.email} if order.email else {}),
        }
        if order.keep_method:
            fields |= {
                "customer_creation": "always",
                "payment_intent_data[setup_future_usage]": "off_session",
                "payment_method_types[0]": "card",
            }
        made = self._post("/v1/checkout/sessions", fields, order.reference)
        return Started(str(made["id"]), str(made["url"]))

    def read_event(self, notice: Notice) -> Sequence[Event]:
        """What a signed webhook says."""
        self._check_signature(notice)
        said = http.told(notice.body)
        if said.get("livemode") is not self._config.live:
            raise Unverified("This event is of Stripe's other mode, test or live.")
        kind, found = str(said.get("type", "")), http.part(said, "data", "object")
        if kind == "charge.refunded":
            return _charge_refunded(found)
        read = EVENTS.get(kind)
        return [read(found)] if read else [Event(kind="ignored", note=kind)]

    def ask(self, session: str) -> Sequence[Event]:
        """What became of a Checkout Session, or of a PaymentIntent; of a charge, its refunds."""
        if session.startswith(CHARGES):
            return self._refunds_of(session)
        if session.startswith("pi_"):
            return _of_intent(self._get(f"/v1/payment_intents/{session}?expand[]={WITH_FEE}"))
        found = self._get(f"/v1/checkout/sessions/{session}?{EXPANDED}")
        intent = found.get("payment_intent")
        if found.get("payment_status") == "paid" and isinstance(intent, dict):
            reference = str(found.get("client_reference_id") or "")
            return [_paid(intent, reference=reference, session=session, method=_method(intent))]
        return [Event(kind="gone", session=session)] if found.get("status") == "expired" else []

    def refund(self, refund: Refund) -> Event:
        """A refund of a PaymentIntent; Stripe may still call it pending, and says so by a webhook should it fail."""
        fields = {
            "payment_intent": refund.payment_id,
            "amount": str(counted(refund.amount_micros, refund.currency)),
            "metadata[reference]": refund.reference,
        }
        made = self._post("/v1/refunds", fields, refund.reference)
        if made.get("status") in FAILED:
            raise Declined(f"Stripe does not refund this: {made.get('failure_reason') or made.get('status')}.")
        return _refunded(made)

    def charge(self, order: Order, method: Method) -> Sequence[Event]:
        """An off-session PaymentIntent; one that is still under way gives no event yet but its id by `ask`."""
        fields = {
            "amount": str(counted(order.amount_micros, order.currency)),
            "currency": order.currency.lower(),
            "customer": method.customer,
            "payment_method": method.method,
            "off_session": "true",
            "confirm": "true",
            "description": order.description,
            "metadata[reference]": order.reference,
            "expand[]": WITH_FEE,
        }
        intent = self._post("/v1/payment_intents", fields, order.reference)
        if intent.get("status") == "processing":
            return [Event(kind="ask", session=str(intent["id"]), reference=order.reference)]
        if intent.get("status") != "succeeded":
            raise Declined(f"The card was not charged: {intent.get('status')}.")
        return [_paid(intent, reference=order.reference)]

    def _refunds_of(self, charge: str) -> Sequence[Event]:
        """All refunds of a charge that Stripe has called refunded. Raises NotReached where it does not tell any."""
        rows: list[dict[str, Any]] = []
        after = ""
        try:
            while True:
                page = self._get(f"/v1/refunds?charge={charge}&limit={MOST_REFUNDS}{after}")
                found = http.parts(page, "data")
                rows += found
                if not found or not page.get("has_more"):
                    break
                after = f"&starting_after={found[-1].get('id')}"
        except Declined as problem:  # it has told of them itself: they are there
            raise NotReached(str(problem)) from None
        if not rows:
            raise NotReached(f"Stripe tells no refund of {charge} yet.")
        return [event for row in rows for event in _given_back(row)]

    def _check_signature(self, notice: Notice) -> None:
        parts = [part.partition("=") for part in notice.headers.get("stripe-signature", "").split(",")]
        moments = [value for name, _, value in parts if name.strip() == "t" and value.isdecimal()]
        given = [value for name, _, value in parts if name.strip() == "v1"]
        if not moments or not given or len(moments[0]) > 12:
            raise Unverified("The signature is missing.")
        secret = self._config.secrets.get("webhook_secret", "")
        signed = hmac.new(secret.encode(), moments[0].encode() + b"." + notice.body, hashlib.sha256).hexdigest()
        if not secret or not any(hmac.compare_digest(signed.encode(), one.encode()) for one in given):
            raise Unverified("The signature does not fit: compare the signing secret.")
        if abs(int(notice.received_at.timestamp()) - int(moments[0])) > TOLERANCE_S:
            raise Unverified("The signature is too old.")

    def _post(self, path: str, fields: Mapping[str, str], key: str) -> dict[str, Any]:
        headers = {**self._headers(), "Idempotency-Key": key}
        return _answer(*http.post_form(self._url + path, fields, headers))

    def _get(self, path: str) -> dict[str, Any]:
        return _answer(*http.ask("GET", self._url + path, headers=self._headers()))

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._config.secrets.get('secret_key', '')}", "Stripe-Version": VERSION}


def _answer(status: int, content: bytes) -> dict[str, Any]:
    found = http.told(content)
    if 200 <= status < 300:
        return found
    words = str(found.get("error", {}).get("message", "")) or f"Stripe answers {status}."
    if status in (400, 402, 404):
        raise Declined(words)
    raise NotReached(words)


def _micros(amount: object, currency: str) -> int:
    return int(amount) * unit_micros(currency) if isinstance(amount, int) else 0


def _paid(intent: Mapping[str, Any], *, reference: str = "", session: str = "", method: Method | None = None) -> Event:
    currency, fee = str(intent.get("currency", "")).upper(), _fee(intent)
    return Event(
        kind="paid",
        external_id=str(intent.get("id", "")),
        reference=reference or _reference(intent),
        session=session,
        amount_micros=_micros(intent.get("amount_received"), currency),
        fee_micros=_micros(fee, currency),
        fee_later=fee is None,
        currency=currency,
        method=method,
    )


def _fee(intent: Mapping[str, Any]) -> int | None:
    """What Stripe kept, in units of the currency that was paid; None while it does not say.

    It says so in the currency of its own balance, into which it has converted what was paid: the part is the same.
    """
    charge = intent.get("latest_charge")
    balance = charge.get("balance_transaction") if isinstance(charge, dict) else None
    if not isinstance(balance, dict) or not isinstance(balance.get("fee"), int):
        return None
    if str(balance.get("currency", "")).upper() == str(intent.get("currency", "")).upper():
        return int(balance["fee"])
    paid, whole = intent.get("amount_received"), balance.get("amount")
    if not isinstance(paid, int) or not isinstance(whole, int) or whole <= 0:
        return None
    return share_micros(paid, part_micros=balance["fee"], whole_micros=whole)


def _of_intent(intent: Mapping[str, Any]) -> Sequence[Event]:
    if intent.get("status") == "succeeded":
        return [_paid(intent)]
    return [Event(kind="gone", session=str(intent.get("id", "")))] if intent.get("status") == "canceled" else []


def _method(intent: Mapping[str, Any]) -> Method | None:
    """The stored method of a PaymentIntent, when it is kept for later."""
    kept, customer = intent.get("payment_method"), intent.get("customer")
    if not intent.get("setup_future_usage") or not isinstance(kept, dict) or not customer:
        return None
    card = kept.get("card") or {}
    words = f"{str(card.get('brand', 'card')).capitalize()} {card.get('last4', '')}".strip()
    return Method(str(customer), str(kept.get("id", "")), words)


def _reference(found: Mapping[str, Any]) -> str:
    return str(http.part(found, "metadata").get("reference") or "")


def _of_session(session: Mapping[str, Any]) -> Event:
    """A completed session; one of an early API version does not say whether it is paid, and is asked for."""
    if "payment_status" not in session:
        return Event(kind="ask", session=str(session.get("id", "")))
    if session["payment_status"] != "paid":
        return Event(kind="ignored", note="The payment is still on its way.")
    currency = str(session.get("currency", "")).upper()
    return Event(
        kind="paid",
        external_id=str(session.get("payment_intent") or ""),
        reference=str(session.get("client_reference_id") or ""),
        session=str(session.get("id", "")),
        amount_micros=_micros(session.get("amount_total"), currency),
        fee_later=True,
        currency=currency,
        payer=str((session.get("customer_details") or {}).get("email") or ""),
    )


def _refunded(refund: Mapping[str, Any]) -> Event:
    currency = str(refund.get("currency", "")).upper()
    return Event(
        kind="refunded",
        external_id=str(refund.get("id", "")),
        parent_id=str(refund.get("payment_intent") or ""),
        reference=_reference(refund),
        amount_micros=_micros(refund.get("amount"), currency),
        currency=currency,
        note=str(refund.get("failure_reason") or ""),
    )


def _given_back(refund: Mapping[str, Any]) -> list[Event]:
    """A refund, and the way back of its money where it failed after all."""
    return given_back(_refunded(refund), failed=refund.get("status") in FAILED)


def _refund_told(refund: Mapping[str, Any]) -> Event:
    """What is new of a refund: that it is made, or that it failed after all; it was told before then."""
    return _given_back(refund)[-1] if refund.get("payment_intent") else NOT_OURS


def _charge_refunded(charge: Mapping[str, Any]) -> Sequence[Event]:
    """All refunds of a charge; API versions from 2022-11-15 on do not tell them with it, and they are asked for."""
    if not charge.get("payment_intent"):
        return [NOT_OURS]
    told = http.part(charge, "refunds")
    rows = http.parts(told, "data")
    if not rows or told.get("has_more"):
        return [Event(kind="ask", session=str(charge.get("id", "")))]
    return [event for row in rows for event in _given_back({**row, "payment_intent": charge["payment_intent"]})]


def _disputed(kind: str) -> Callable[[Mapping[str, Any]], Event]:
    def read(dispute: Mapping[str, Any]) -> Event:
        if not dispute.get("payment_intent"):
            return NOT_OURS
        currency = str(dispute.get("currency", "")).upper()
        suffix = ":back" if kind == "restored" else ""
        return Event(
            kind=kind,
            external_id=f"{dispute.get('id', '')}{suffix}",
            parent_id=str(dispute["payment_intent"]),
            amount_micros=_micros(dispute.get("amount"), currency),
            currency=currency,
            note=str(dispute.get("reason") or ""),
        )

    return read


EVENTS: Final[Mapping[str, Callable[[Mapping[str, Any]], Event]]] = {
    "checkout.session.completed": _of_session,
    "checkout.session.async_payment_succeeded": _of_session,
    "checkout.session.async_payment_failed": lambda found: Event(kind="gone", session=str(found.get("id", ""))),
    "checkout.session.expired": lambda found: Event(kind="gone", session=str(found.get("id", ""))),
    "payment_intent.succeeded": _paid,
    "charge.refund.updated": _refund_told,
    "refund.created": _refund_told,
    "refund.updated": _refund_told,
    "refund.failed": _refund_told,
    "charge.dispute.funds_withdrawn": _disputed("reversed"),
    "charge.dispute.funds_reinstated": _disputed("restored"),
}
