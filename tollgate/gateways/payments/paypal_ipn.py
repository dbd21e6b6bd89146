"""PayPal IPN: customers send money straight from PayPal, one by one or as Mass Pay, and PayPal tells us.

A notice is believed once PayPal, asked by posting it back, says VERIFIED; there is no switch for that. It must be meant
for one of our addresses and of our mode. A refund or reversal names the payment it takes back as its parent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import parse_qsl

from tollgate.core.money import AmountError, parse_micros
from tollgate.gateways.payments import http
from tollgate.gateways.payments.model import (
    Config,
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

VALIDATE: Final = b"cmd=_notify-validate&"
MOST_FIELDS: Final = 5000
TAKEN_BACK: Final = {"refunded": "refunded", "reversed": "reversed", "canceled_reversal": "restored"}
GONE_BACK: Final = ("returned", "reversed")
"""An item of Mass Pay that went back to its payer, by the id that it came by."""
OURS: Final = re.compile("[0-9a-f]{32}")
"""The custom id of a checkout by our PayPal gateway, of which an IPN comes too where the account sends them."""
SENT: Final = frozenset({"send_money", "web_accept", "express_checkout", "cart", "virtual_terminal", ""})
"""Payments one by one; what a customer types into PayPal's Send Money comes as one of the first two."""


class PayPalIpn:
    """Notices to our PayPal addresses."""

    offline = False

    def __init__(self, config: Config) -> None:
        self._config = config
        words = config.settings
        self._receivers = {word.strip().lower() for word in words.get("receivers", "").split(",") if word.strip()}
        self._types = {word.strip() for word in words.get("types", "").split(",")}

    def start(self, order: Order) -> Started:
        """Not offered: the payer begins at PayPal."""
        raise NotOffered("The payer sends money from PayPal.")

    def read_event(self, notice: Notice) -> Sequence[Event]:
        """What a verified notice says; of Mass Pay, one event for each item that is ours."""
        self._verify(notice.body)
        fields = read_fields(notice.body)
        if (fields.get("test_ipn") == "1") is self._config.live:
            raise Unverified("This notice is of PayPal's other mode, sandbox or live.")
        if "masspay_txn_id_1" in fields:
            return list(self._mass(fields))
        if not {fields.get("receiver_email", "").lower(), fields.get("business", "").lower()} & self._receivers:
            raise Unverified(f"The money went to {fields.get('receiver_email', 'nobody')}, not to us.")
        return [self._one(fields)]

    def ask(self, session: str) -> Sequence[Event]:
        """Nothing was started here."""
        return []

    def refund(self, refund: Refund) -> Event:
        """Not offered: refund at PayPal, whose notice then books it."""
        raise NotOffered("Refund this at PayPal: its notice books it.")

    def charge(self, order: Order, method: Method) -> Sequence[Event]:
        """Not offered: nothing is stored."""
        raise NotOffered("Nothing is stored at PayPal.")

    def _verify(self, body: bytes) -> None:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "Tollgate"}
        url = self._config.settings.get("verify_url", "")
        status, answer = http.ask("POST", url, body=VALIDATE + body, headers=headers)
        if status == 200 and answer.strip() == b"INVALID":
            raise Unverified("PayPal does not know this notice.")
        if status != 200 or answer.strip() != b"VERIFIED":
            raise NotReached(f"PayPal answers {status} when asked whether this notice is its own.")

    def _one(self, fields: Mapping[str, str]) -> Event:
        status, kind = fields.get("payment_status", "").lower(), fields.get("txn_type", "")
        if status in TAKEN_BACK:
            return _event(fields, TAKEN_BACK[status], parent_id=fields.get("parent_txn_id", ""))
        if status not in ("completed", "processed"):
            return Event(kind="ignored", note=f"{kind or 'payment'} {status}".strip())
        if kind not in SENT and kind != "masspay":
            return _event(
                fields, "trouble", note=f"PayPal calls it {kind}, which is no payment sent to us: look there."
            )
        wanted = "masspay" if kind == "masspay" else "send_money"
        if wanted not in self._types:
            return _event(fields, "trouble", note=f"Payments of type {wanted} are not accepted.")
        return _event(fields, "paid")

    def _mass(self, fields: Mapping[str, str]) -> Iterator[Event]:
        """Each item by itself, whatever becomes of the others; the sender bears the fee of Mass Pay."""
        for number in range(1, MOST_FIELDS):
            if f"masspay_txn_id_{number}" not in fields:
                return
            item = {
                "txn_id": fields[f"masspay_txn_id_{number}"],
                "mc_gross": fields.get(f"mc_gross_{number}", ""),
                "mc_currency": fields.get(f"mc_currency_{number}", ""),
                "payer_email": fields.get("payer_email", ""),
            }
            status = fields.get(f"status_{number}", "").lower()
            if fields.get(f"receiver_email_{number}", "").lower() not in self._receivers:
                yield Event(kind="ignored", external_id=item["txn_id"], note="not to us")
            elif status in GONE_BACK:
                back = {**item, "txn_id": f"{item['txn_id']}:back"}
                yield replace(_event(back, "reversed", parent_id=item["txn_id"], note=status), item=True)
            elif status != "completed":
                yield Event(kind="ignored", external_id=item["txn_id"], note=status)
            elif "masspay" in self._types:
                yield replace(_event(item, "paid"), item=True)
            else:
                yield _event(item, "trouble", note="Mass Pay is not accepted.")


def read_fields(body: bytes) -> dict[str, str]:
    """The fields of a notice in the charset that it names itself."""
    plain = dict(parse_qsl(body.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    charset = plain.get("charset", "utf-8")
    try:
        text = body.decode("ascii", "replace")
        return dict(
            parse_qsl(text, keep_blank_values=True, encoding=charset, errors="replace", max_num_fields=MOST_FIELDS)
        )
    except LookupError:
        return plain


def _event(fields: Mapping[str, str], kind: str, *, parent_id: str = "", note: str = "") -> Event:
    try:
        gross, fee = (parse_micros(fields.get(name) or "0") for name in ("mc_gross", "mc_fee"))
    except AmountError as problem:
        return Event(kind="trouble", external_id=fields.get("txn_id", ""), note=str(problem))
    if kind == "paid" and gross <= 0:
        kind, note = "trouble", "PayPal calls it completed, but it brought no money."
    return Event(
        kind=kind,
        external_id=fields.get("txn_id", ""),
        parent_id=parent_id,
        reference=own if OURS.fullmatch(own := fields.get("custom", "")) else "",
        amount_micros=gross if kind == "trouble" else abs(gross),
        fee_micros=max(fee, 0),
        currency=fields.get("mc_currency", "").upper(),
        payer=fields.get("payer_email", ""),
        note=note or fields.get("reason_code", ""),
    )
