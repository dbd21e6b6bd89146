"""Paystack: transactions, refunds, and webhooks signed by HMAC with the secret key over the raw body.

By Paystack's documentation ("Transaction API", "Refund API", "Dispute API", "Webhooks"). A payment's own id is our
reference, with which Paystack knows it too. A notice of a refund or a dispute names no refund that its API knows: it
is proved, and then Paystack is asked for the transaction's refunds, which are one thing whichever notice tells of them.
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
    NotReached,
    Order,
    Refund,
    Started,
    Unverified,
)
from tollgate.gateways.payments.refunds import given_back
from tollgate.gateways.payments.signatures import check_hash
from tollgate.gateways.payments.units import counted, micros

WHO: Final = "Paystack"
PAID: Final = ("success", "reversed")
"""What a transaction is once its money has come; it is called reversed when all of it has gone back."""
TAKEN: Final = ("merchant-accepted", "auto-accepted")
"""How a dispute ends that the payer wins."""
PAGE: Final = 100
MOST_PAGES: Final = 20


class Paystack:
    """One Paystack account."""

    offline = False

    def __init__(self, config: Config) -> None:
        self._config = config
        self._url = config.settings.get("api_url", "").rstrip("/")

    def start(self, order: Order) -> Started:
        """A transaction that is paid on Paystack's page; Paystack wants an email with each."""
        if not order.email:
            raise Declined("Paystack takes a payment only with an email address of the payer.")
        body = {
            "email": order.email,
            "amount": counted(order.amount_micros, order.currency, who=WHO),
            "currency": order.currency,
            "reference": order.reference,
            "callback_url": order.return_url,
            "metadata": {"cancel_action": order.cancel_url},
        }
        made = self._post("/transaction/initialize", body)
        return Started(*http.texts(made, "reference", "authorization_url", who=WHO))

    def read_event(self, notice: Notice) -> Sequence[Event]:
        """What a signed webhook says."""
        given = [notice.headers.get("x-paystack-signature", "")]
        check_hash(notice.body, given, key=self._key().encode(), digest="sha512", name="secret key")
        said = http.told(notice.body)
        kind, found = str(said.get("event", "")), http.part(said, "data")
        self._check_mode(found)
        if kind == "charge.success":
            return [_paid(found)]
        if kind.startswith("refund."):
            return self._asked(str(found.get("transaction_reference", "")))
        if kind == "charge.dispute.resolve" and found.get("resolution") in TAKEN:
            return self._disputed(found)
        return [Event(kind="ignored", note=kind)]

    def ask(self, session: str) -> Sequence[Event]:
        """What became of a transaction, and of its money if that has gone back since."""
        paid = self._get(f"/transaction/verify/{session}")
        if paid.get("status") not in PAID:
            return []
        back = [one for found in self._refunds(paid) for one in _refunded(found, session)]
        return [_paid(paid), *back] if paid.get("status") == "reversed" else [_paid(paid)]

    def refund(self, refund: Refund) -> Event:
        """A refund of a transaction; one that has our reference in its note is looked for first."""
        amount = counted(refund.amount_micros, refund.currency, who=WHO)
        paid = self._get(f"/transaction/verify/{refund.payment_id}")
        made = next((one for one in self._refunds(paid) if one.get("merchant_note") == refund.reference), None)
        if made is None:
            body = {
                "transaction": refund.payment_id,
                "amount": amount,
                "currency": refund.currency,
                "merchant_note": refund.reference,
            }
            made = self._post("/refund", body)
        if made.get("status") == "failed":
            raise Declined("Paystack could not give this back.")
        return Event(
            kind="refunded",
            external_id=str(made.get("id", "")),
            parent_id=refund.payment_id,
            reference=refund.reference,
            amount_micros=refund.amount_micros,
            currency=refund.currency,
        )

    def charge(self, order: Order, method: Method) -> Sequence[Event]:
        """Not offered: nothing is stored at Paystack."""
        raise NotOffered("Paystack stores no method here.")

    def _check_mode(self, found: Mapping[str, Any]) -> None:
        """A notice names its mode, or its transaction does."""
        domain = found.get("domain") or http.part(found, "transaction").get("domain")
        if domain != ("live" if self._config.live else "test"):
            raise Unverified("This event is of Paystack's other mode, test or live.")

    def _asked(self, reference: str) -> list[Event]:
        """A transaction and its refunds. Raises NotReached, as what a notice has told of is there, or will be."""
        try:
            paid = self._get(f"/transaction/verify/{reference}")
            found = self._refunds(paid)
        except Declined as problem:
            raise NotReached(f"Paystack does not tell of {reference}: {problem}") from None
        if paid.get("status") not in PAID:
            raise NotReached(f"Paystack calls {reference} {paid.get('status')}.")
        return [_paid(paid), *(one for row in found for one in _refunded(row, reference))]

    def _disputed(self, dispute: Mapping[str, Any]) -> Sequence[Event]:
        """What a dispute has taken, by the refund that was made for it; without one, it is for a person to judge."""
        own_id, transaction = str(dispute.get("id", "")), http.part(dispute, "transaction")
        reference = str(transaction.get("reference") or dispute.get("transaction_reference") or "")
        found = self._asked(reference)
        taken_for = f"dispute {own_id}"
        if any(one.note == taken_for for one in found):
            return found
        currency = str(dispute.get("currency") or transaction.get("currency") or "")
        trouble = Event(
            kind="trouble",
            external_id=taken_for,
            parent_id=reference,
            amount_micros=-micros(dispute.get("refund_amount"), currency),
            currency=currency,
            note=f"A dispute over {reference} was accepted, and no refund tells of it.",
        )
        return [*found, trouble]

    def _refunds(self, paid: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The refunds of a transaction. Raises NotReached where there are more than can be."""
        own_id = str(paid.get("id", ""))
        found: list[dict[str, Any]] = []
        for page in range(1, MOST_PAGES + 1):
            query = f"/refund?transaction={own_id}&perPage={PAGE}&page={page}"
            rows = http.parts(_answer(*http.ask("GET", self._url + query, headers=self._login())), "data")
            found += [one for one in rows if _transaction_id(one) == own_id]
            if len(rows) < PAGE:
                return found
        raise NotReached("Paystack names too many refunds.")

    def _post(self, path: str, body: object) -> dict[str, Any]:
        return http.part(_answer(*http.post_json(self._url + path, body, self._login())), "data")

    def _get(self, path: str) -> dict[str, Any]:
        return http.part(_answer(*http.ask("GET", self._url + path, headers=self._login())), "data")

    def _key(self) -> str:
        return self._config.secrets.get("secret_key", "")

    def _login(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._key()}"}


def _answer(status: int, content: bytes) -> dict[str, Any]:
    found = http.told(content)
    return http.agreed(status, found, who=WHO, words=found.get("message"))


def _transaction_id(refund: Mapping[str, Any]) -> str:
    """A refund names its transaction by its id, or has it whole."""
    named = refund.get("transaction")
    return str(named.get("id", "")) if isinstance(named, dict) else str(named)


def _paid(found: Mapping[str, Any]) -> Event:
    """A transaction; of one that asked its payer for the fee on top, what was asked for is ours."""
    currency = str(found.get("currency", ""))
    amount, wanted = (micros(found.get(name), currency) for name in ("amount", "requested_amount"))
    fee = micros(found.get("fees"), currency)
    if 0 < wanted < amount:
        amount, fee = wanted, max(0, fee - (amount - wanted))
    return Event(
        kind="paid",
        external_id=str(found.get("reference", "")),
        reference=str(found.get("reference", "")),
        session=str(found.get("reference", "")),
        amount_micros=amount,
        fee_micros=fee,
        currency=currency,
        payer=str(http.part(found, "customer").get("email") or ""),
    )


def _refunded(found: Mapping[str, Any], parent: str) -> list[Event]:
    """A refund, which a dispute has taken when it names one."""
    currency, dispute = str(found.get("currency", "")), found.get("dispute")
    own = dispute.get("id") if isinstance(dispute, dict) else dispute
    event = Event(
        kind="reversed" if own else "refunded",
        external_id=str(found.get("id", "")),
        parent_id=parent,
        reference="" if own else str(found.get("merchant_note") or ""),
        amount_micros=micros(found.get("amount"), currency),
        currency=currency,
        note=f"dispute {own}" if own else "",
    )
    return given_back(event, failed=found.get("status") == "failed")
