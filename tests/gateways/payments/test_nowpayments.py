"""Claims about NOWPayments: coins that come late, in part or beyond the price, and how notices are proved."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from tests.gateways.payments import more
from tests.gateways.payments.asked import RAND, read, seen
from tests.gateways.payments.desk import Desk
from tests.gateways.payments.more import FIRST, WEBHOOK_KEY
from tollgate.gateways.payments.model import Event, Unverified


def test_coins_are_booked_when_all_have_come_and_otherwise_wait_for_a_person(house: Desk) -> None:
    def told(status: str, **changed: Any) -> Event:
        given = {"payment_id": 9, "price_amount": "19.95", **changed}
        (event,) = read(house, "nowpayments", more.nowpayments_event(FIRST, "", status, **given))
        return event

    paid = told("finished")
    assert (paid.kind, paid.external_id, paid.amount_micros, paid.fee_micros) == ("paid", "9", 19_950_000, 0)
    for status in ("waiting", "confirming", "confirmed", "sending"):
        assert told(status).kind == "ignored"
    for status in ("expired", "failed"):
        assert told(status, actually_paid="0").kind == "ignored"
    dust = told("failed", actually_paid="1e-7")
    assert (dust.kind, "1e-7 of 15.00 trx were paid" in dust.note) == ("ignored", True), "it is worth no coin"
    for event, amount in (
        (told("partially_paid", actually_paid="5"), 6_650_000),
        (told("expired", actually_paid="4.999999999999999999"), 6_640_000),
        (told("finished", parent_payment_id=8), 19_950_000),
        (told("finished", parent_payment_id=8, actually_paid="90"), 19_950_000),
        (told("partially_paid", pay_amount="0"), 0),
    ):
        assert (event.kind, event.external_id, event.amount_micros) == ("trouble", "9", amount)
        assert FIRST in event.note
    assert "after payment 8" in told("finished", parent_payment_id=8).note
    for price in ("1.995e1", "19.950000000000001", "19.95000000000000000000000001"):
        assert (told("finished", price_amount=price).kind, told("finished", price_amount=price).amount_micros) == (
            "paid",
            19_950_000,
        )
    for price in ("null", "-1", "1e39"):
        unclear = told("finished", price_amount=price)
        assert (unclear.kind, unclear.external_id, unclear.amount_micros) == ("trouble", "9", 0)
        assert "enter the payment by hand" in unclear.note
    back = told("refunded", actually_paid="5")
    assert (back.kind, back.external_id, back.amount_micros) == ("trouble", "9:refunded", -6_650_000)
    assert told("finished", price_currency="btc").kind == "ignored", "none of our invoices"
    assert seen(read(house, "nowpayments", b'{"batch_withdrawal_id":"5","status":"finished"}')) == [
        ("ignored", "", "", 0)
    ]


def test_coins_above_the_price_are_told_beside_it(house: Desk) -> None:
    def paid(coins: str) -> list[tuple[str, str, str, int]]:
        return seen(read(house, "nowpayments", more.nowpayments_event(FIRST, "20", actually_paid=coins, payment_id=9)))

    whole = ("paid", "9", "", 20 * RAND)
    assert paid("15") == paid("14.9") == paid("15.15") == [whole], "so much is the play of rates"
    assert paid("45") == [whole, ("trouble", "9:over", "", 40 * RAND)]
    assert paid("15.1501") == [whole, ("trouble", "9:over", "", 200_000)]
    assert paid("1e30")[1] == ("trouble", "9:over", "", 2**63 - 1)


def test_both_documented_forms_of_sorted_json_are_proved_and_no_other(house: Desk) -> None:
    body = more.nowpayments_event(FIRST, "10.50")
    said = json.loads(body.replace(b'"withdrawalFee"', b'"pay_amount"'), parse_float=str, parse_int=str)
    body = json.dumps(said).encode()
    kept = {name: said[name] for name in sorted(said)} | {"fee": {"pay_amount": said["fee"]["pay_amount"]}}

    def read_as(form: dict[str, Any]) -> list[Event]:
        text = json.dumps(form, separators=(",", ":"), ensure_ascii=False).encode()
        own = hmac.new(WEBHOOK_KEY.encode(), text, hashlib.sha512).hexdigest()
        return read(house, "nowpayments", body, headers={"x-nowpayments-sig": own})

    assert read_as(kept)
    with pytest.raises(Unverified):
        read_as(said | {"unsorted": 1})
    for text in (b"", b"[]", b'"x"', b"{", b"[" * 200_000, b'{"a":' * 200_000, b"\xff"):
        with pytest.raises(Unverified):
            read(house, "nowpayments", text, headers={"x-nowpayments-sig": "00"})


def test_numbers_of_a_notice_are_proved_digit_by_digit(house: Desk) -> None:
    body = b'{"payment_id":5,"b":{"z":1.50,"a":1e-7,"e":[0.10,null,true,"\xc3\xa9/"]},"payment_status":"waiting"}'
    text = b'{"b":{"a":1e-7,"e":[0.10,null,true,"\xc3\xa9/"],"z":1.50},"payment_id":5,"payment_status":"waiting"}'
    own = hmac.new(WEBHOOK_KEY.encode(), text, hashlib.sha512).hexdigest()
    assert read(house, "nowpayments", body, headers={"x-nowpayments-sig": own})
