"""NOWPayments: invoices that are paid in coins, and notices signed by HMAC over their sorted JSON.

By NOWPayments' API documentation ("Instant Payments Notifications", "Payment statuses", "Repeated Deposits and
Wrong-Asset Deposits"). A payment's own id is theirs, a checkout's that of its invoice. What was paid in full is booked
as the invoice's price; a part of it, coins above the price, a second deposit and what they have sent back are for a
person to judge, with the part of the price that the coins stand for. Asking for an invoice's payments takes a login,
not the key: `ask` knows nothing. There are no refunds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, Final

from tollgate.core.money import MICROS, MOST_MICROS, UnknownCurrency, divide, format_micros, minor_digits
from tollgate.core.money import Method as Rounding
from tollgate.core.payments import step_micros
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
from tollgate.gateways.payments.signatures import check_hash

WHO: Final = "NOWPayments"
UNDER_WAY: Final = ("waiting", "confirming", "confirmed", "sending")
MOST_EXPONENT: Final = 40
TOLERATED: Final = Fraction(1, 100)
"""So much above the price is the play of exchange rates and of wallets, and is not told."""


class Number(str):
    """A number as it is written: its digits are signed, so they stay as they are."""

    __slots__ = ()


class NowPayments:
    """One NOWPayments account."""

    offline = True

    def __init__(self, config: Config) -> None:
        self._config = config
        self._url = config.settings.get("api_url", "").rstrip("/")

    def start(self, order: Order) -> Started:
        """An invoice; its price is written as it is, never as a binary fraction."""
        if order.amount_micros <= 0:
            raise Declined("NOWPayments takes amounts above zero.")
        fields = {
            "price_currency": order.currency.lower(),
            "order_id": order.reference,
            "order_description": order.description,
            "success_url": order.return_url,
            "cancel_url": order.cancel_url,
        }
        body = f'{{"price_amount": {format_micros(order.amount_micros, 2)}, {json.dumps(fields)[1:]}'
        key = {"x-api-key": self._config.secrets.get("api_key", ""), "Content-Type": "application/json"}
        status, content = http.ask("POST", f"{self._url}/v1/invoice", body=body.encode(), headers=key)
        found = http.told(content)
        made = http.agreed(status, found, who=WHO, words=found.get("message"))
        return Started(*http.texts(made, "id", "invoice_url", who=WHO))

    def read_event(self, notice: Notice) -> Sequence[Event]:
        """What a signed notice says."""
        return list(_read(self._proved(notice)))

    def ask(self, session: str) -> Sequence[Event]:
        """Nothing: the key opens no invoice."""
        return []

    def refund(self, refund: Refund) -> Event:
        """Not offered: coins are sent back by hand."""
        raise NotOffered("NOWPayments gives nothing back by its interface.")

    def charge(self, order: Order, method: Method) -> Sequence[Event]:
        """Not offered: nothing is stored at NOWPayments."""
        raise NotOffered("NOWPayments stores no method here.")

    def _proved(self, notice: Notice) -> dict[str, Any]:
        """The notice, once one of the two forms that NOWPayments' documentation signs has the signature."""
        try:
            said = json.loads(notice.body, parse_int=Number, parse_float=Number)
            forms = [signed_form(said), signed_form(said, sorted(said))] if isinstance(said, dict) else []
        except (ValueError, RecursionError):
            raise Unverified("The notice is no JSON.") from None
        if not forms:
            raise Unverified("The notice is no JSON object.")
        given = [notice.headers.get("x-nowpayments-sig", "")]
        key = self._config.secrets.get("ipn_secret", "").encode()
        try:
            check_hash(forms[0], given, key=key, digest="sha512", name="IPN secret")
        except Unverified:
            check_hash(forms[1], given, key=key, digest="sha512", name="IPN secret")
        assert isinstance(said, dict)
        return said


def signed_form(said: Mapping[str, Any], names: Sequence[str] | None = None) -> bytes:
    """The JSON that is signed: keys sorted on every level, or by `names` on every level, others left out."""
    return _written(said, names).encode("utf-8", "surrogatepass")


def _written(value: object, names: Sequence[str] | None) -> str:
    if isinstance(value, dict):
        kept = sorted(value) if names is None else [name for name in names if name in value]
        return "{" + ",".join(f"{_written(name, names)}:{_written(value[name], names)}" for name in kept) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_written(one, names) for one in value) + "]"
    return str(value) if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)


def _read(said: Mapping[str, Any]) -> Iterator[Event]:
    """A payment in full is booked; everything else that moved coins is for a person."""
    status, own_id = str(said.get("payment_status", "")), str(said.get("payment_id") or "")
    price, currency = _price(said)
    again = bool(said.get("parent_payment_id"))
    came, asked = _number(said.get("actually_paid")), _number(said.get("pay_amount"))
    if not own_id or status in UNDER_WAY or not currency:
        yield Event(kind="ignored", note=status or "Not about a payment.")
    elif status == "finished" and not again and price:
        yield Event(
            kind="paid",
            external_id=own_id,
            reference=str(said.get("order_id") or ""),
            session=str(said.get("invoice_id") or ""),
            amount_micros=price,
            currency=currency,
        )
        if asked and came > asked * (1 + TOLERATED):
            above = min(_share(said, came - asked), MOST_MICROS)
            yield from _trouble(said, f"{own_id}:over", above)
    elif status == "refunded":
        yield from _trouble(said, f"{own_id}:refunded", -min(price, _share(said, came or asked)))
    elif came or (status == "finished" and not again):
        yield from _trouble(said, own_id, min(price, _share(said, came)))
    else:
        yield Event(kind="ignored", note=status)


def _trouble(said: Mapping[str, Any], external_id: str, amount_micros: int) -> Iterator[Event]:
    """What a person should look at; coins worth less than the smallest unit are words in the log, and no payment."""
    words = [str(said.get(name) or "?") for name in ("payment_status", "actually_paid", "pay_amount", "pay_currency")]
    parent, (price, currency) = said.get("parent_payment_id"), _price(said)
    note = f"{words[0]}: {words[1]} of {words[2]} {words[3]} were paid for order {said.get('order_id')}"
    note += f", again after payment {parent}" if parent else ""
    if not amount_micros and price and _number(said.get("pay_amount")):
        yield Event(kind="ignored", note=f"{note}: less than the smallest unit of {currency}.")
        return
    if external_id.endswith(":over"):
        note += ". Look it up at NOWPayments; this amount was paid above the price."
    elif amount_micros:
        note += ". Look it up at NOWPayments; the amount is a part of the price, at most all of it."
    else:
        note += ". What it is worth is not told: look it up at NOWPayments, and enter the payment by hand."
    yield Event(
        kind="trouble",
        external_id=external_id,
        reference=str(said.get("order_id") or ""),
        amount_micros=amount_micros,
        currency=currency,
        note=note,
    )


def _price(said: Mapping[str, Any]) -> tuple[int, str]:
    """The invoice's price, rounded to its smallest unit, and its currency; none where that is coins, as ours never is.

    Zero is a price that cannot be read.
    """
    currency = str(said.get("price_currency") or "").upper()
    try:
        minor_digits(currency)
    except UnknownCurrency:
        return 0, ""
    step = step_micros(currency)
    exact = _number(said.get("price_amount")) * MICROS / step
    price = divide(exact.numerator, exact.denominator, Rounding.half_up) * step
    return price if price <= MOST_MICROS else 0, currency


def _number(value: object) -> Fraction:
    """A number above zero; zero for anything else."""
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return Fraction(0)
    if not found.is_finite() or found <= 0 or abs(found.adjusted()) > MOST_EXPONENT:
        return Fraction(0)
    return Fraction(found)


def _share(said: Mapping[str, Any], coins: Fraction) -> int:
    """The part of the price that coins stand for, or as much more than it, rounded down to its smallest unit."""
    (price, currency), asked = _price(said), _number(said.get("pay_amount"))
    step = step_micros(currency)
    return int(coins * price / asked / step) * step if asked else 0
