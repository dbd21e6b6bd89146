"""Moneris Checkout: a form of theirs within a page of ours, and a receipt that tells what became of it.

By Moneris' documentation ("Moneris Checkout": "Preload Request", "Receipt Request", "Handling Callbacks"). A checkout
is a ticket; a payment's own id is our reference, Moneris' order number, of which there is one purchase at most. Moneris
sends no notices: once the payer is back, and later by itself, the worker asks for the receipt. A refund is not asked
for: Moneris' gateway knows no key that makes a repeated one the same, and tells of none that was made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tollgate.core.money import AmountError, parse_micros
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
    Widget,
)
from tollgate.gateways.payments.units import counted

WHO: Final = "Moneris"
CURRENCY: Final = "CAD"
APPROVED: Final = "a"
PURCHASE: Final = "00"
"""The code of a transaction that takes the money; others only hold it, or try the card."""
DECLINED_FROM: Final = 50
"""Response codes below are approvals."""


class Moneris:
    """One Moneris store and the checkout profile that it pays by."""

    offline = True

    def __init__(self, config: Config) -> None:
        self._config = config

    def start(self, order: Order) -> Started:
        """A ticket, which the page of ours shows Moneris' form for."""
        cents = counted(order.amount_micros, order.currency, who=WHO)
        total = f"{cents // 100}.{cents % 100:02}"
        found = self._asked("preload", txn_total=total, order_no=order.reference)
        if found.get("success") != "true":
            raise Declined(_words(found))
        (ticket,) = http.texts(found, "ticket", who=WHO)
        return Started(ticket, order.page_url)

    def read_event(self, notice: Notice) -> Sequence[Event]:
        """Nothing is believed: Moneris sends no notices."""
        raise Unverified("Moneris sends no notices.")

    def ask(self, session: str) -> Sequence[Event]:
        """What the receipt of a ticket says; there is none before it is paid or declined."""
        found = self._asked("receipt", ticket=session)
        if found.get("success") == "true":
            return _read(found, session)
        if http.part(found, "error").get("field") == "ticket":
            return []
        raise NotReached(_words(found))

    def refund(self, refund: Refund) -> Event:
        """Not offered: a refund that is sent again would be another one."""
        raise NotOffered("Refund this in Moneris' Merchant Resource Center, and undo the payment here.")

    def charge(self, order: Order, method: Method) -> Sequence[Event]:
        """Not offered: nothing is stored at Moneris."""
        raise NotOffered("Moneris stores no method here.")

    def _asked(self, action: str, **fields: str) -> dict[str, Any]:
        """One question; the answer is told within `response`, whether it is a yes or a no."""
        settings = self._config.settings
        body = {
            "store_id": settings.get("store_id", ""),
            "api_token": self._config.secrets.get("api_token", ""),
            "checkout_id": settings.get("checkout_id", ""),
            "environment": _environment(self._config),
            "action": action,
            **fields,
        }
        status, content = http.post_json(f"{_url(self._config)}/chktv2/request/request.php", body, {})
        found = http.part(http.told(content), "response")
        http.agreed(status, found, who=WHO, words="")
        if not found:
            raise NotReached("Moneris answers without a response.")
        return found


def widget(config: Config) -> Widget:
    """The script that shows a ticket's form."""
    url = _url(config)
    return Widget(script=f"{url}/chktv2/js/chkt_v2.00.js", origin=url, mode=_environment(config))


def _url(config: Config) -> str:
    return config.settings.get("api_url", "").rstrip("/")


def _environment(config: Config) -> str:
    return "prod" if config.live else "qa"


def _words(found: Mapping[str, Any]) -> str:
    """Why it is a no: what was given is left out, for a key may be among it."""
    error = http.part(found, "error")
    named = {str(name): http.part(error, name).get("reason") for name in error}
    said = [str(error["message"])] if error.get("message") else [f"{name}: {why}" for name, why in named.items() if why]
    return " ".join(said) or "Moneris says no, and not why."


def _read(found: Mapping[str, Any], session: str) -> list[Event]:
    """What was paid by card; nothing for a card that was declined: its payer may try another with the same ticket."""
    request, receipt = http.part(found, "request"), http.part(found, "receipt")
    card = http.part(receipt, "cc")
    if receipt.get("result") != APPROVED:
        return []
    if card.get("result") != APPROVED or not _is_approval(card.get("response_code")):
        raise NotReached("Moneris calls it paid, but by no card: look it up in the Merchant Resource Center.")
    if card.get("transaction_code") != PURCHASE:
        raise NotReached("Moneris has taken no money yet: the checkout profile must make purchases.")
    reference = str(card.get("order_no") or "")
    if not reference or reference != request.get("order_no") or session != request.get("ticket"):
        raise NotReached("Moneris tells of another order: look it up in the Merchant Resource Center.")
    return [
        Event(
            kind="paid",
            external_id=reference,
            reference=reference,
            session=session,
            amount_micros=_amount(card),
            currency=CURRENCY,
            payer=str(http.part(request, "cust_info").get("email") or ""),
            note=str(card.get("transaction_no") or ""),
        )
    ]


def _is_approval(code: object) -> bool:
    text = str(code)
    return text.isascii() and text.isdigit() and int(text) < DECLINED_FROM


def _amount(card: Mapping[str, Any]) -> int:
    """What the card was charged. Raises NotReached for what is no amount."""
    try:
        amount = parse_micros(str(card.get("amount") or ""))
    except AmountError as problem:
        raise NotReached(f"Moneris tells no amount: {problem}") from None
    if amount <= 0:
        raise NotReached("Moneris tells no amount.")
    return amount
