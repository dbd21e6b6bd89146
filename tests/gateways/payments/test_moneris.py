"""Claims about Moneris: a ticket for an exact amount, and a receipt that counts only as a purchase of that order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.gateways.payments.asked import AT, RAND, order, refund, seen, sent
from tests.gateways.payments.desk import Desk
from tests.gateways.payments.moneris import (
    REQUEST,
    SECRETS,
    TICKET,
    gateway,
    preloaded,
    receipt,
    refused,
    settings_of,
    unpaid,
)
from tests.gateways.payments.more import FIRST, SECOND
from tollgate.gateways.payments import PROVIDERS
from tollgate.gateways.payments.model import (
    Config,
    Declined,
    Method,
    Notice,
    NotOffered,
    NotReached,
    Order,
    Refund,
    Unverified,
)

PAGE = "https://p.example/portal/payments/7/pay/"


def twenty(**changed: Any) -> Order:
    """Twenty dollars."""
    return replace(order("yoco"), currency="CAD", page_url=PAGE, **changed)


def test_a_ticket_is_asked_for_with_the_exact_amount_and_our_reference(house: Desk) -> None:
    house.answers[REQUEST] = preloaded()
    for mode, environment in (("test", "qa"), ("live", "prod")):
        started = gateway(house, mode=mode).start(twenty(amount_micros=1_019_050_000))
        assert (started.session, started.url) == (TICKET, PAGE)
        assert sent(house) == {
            **SECRETS,
            "store_id": "monca10001",
            "checkout_id": "chkt5FU7F10001",
            "environment": environment,
            "action": "preload",
            "txn_total": "1019.05",
            "order_no": FIRST,
        }
    heard = len(house.asked)
    for amount in (0, 19_951_000):
        with pytest.raises(Declined, match="fraction"):
            gateway(house).start(twenty(amount_micros=amount))
    assert len(house.asked) == heard, "what cannot be paid is not asked for"


def test_a_no_is_told_without_what_was_sent(house: Desk) -> None:
    told = {"api_token": {"data": SECRETS["api_token"], "reason": "invalid"}, "order_no": {"reason": "duplicate"}}
    house.answers[REQUEST] = refused(**told)
    with pytest.raises(Declined, match=r"^api_token: invalid order_no: duplicate$"):
        gateway(house).start(twenty())
    house.answers[REQUEST] = refused(message="Too much")
    with pytest.raises(Declined, match=r"^Too much$"):
        gateway(house).start(twenty())
    for answer in ((500, {}), (401, {}), (200, {}), (200, {"response": {"success": "true"}})):
        house.answers[REQUEST] = answer
        with pytest.raises(NotReached):
            gateway(house).start(twenty())


def test_a_receipt_tells_what_was_paid(house: Desk) -> None:
    house.answers[REQUEST] = receipt(FIRST, "1019.95")
    (paid,) = gateway(house).ask(TICKET)
    assert sent(house)["action"] == "receipt"
    assert sent(house)["ticket"] == TICKET
    assert (*seen([paid])[0], paid.fee_micros) == ("paid", FIRST, "", 1_019_950_000, 0)
    assert (paid.reference, paid.session, paid.currency, paid.payer) == (FIRST, TICKET, "CAD", "carla@acme.example")
    for answer in (unpaid(), receipt(FIRST, "20.00", result="d")):
        house.answers[REQUEST] = answer
        assert gateway(house).ask(TICKET) == [], "nobody has paid, or another card may be tried"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (receipt(FIRST, "20.00", transaction_code="01"), "no money yet"),
        (receipt(FIRST, "0.00", transaction_code="06"), "no money yet"),
        (receipt(FIRST, "20.00", response_code="null"), "by no card"),
        (receipt(FIRST, "20.00", response_code="050"), "by no card"),
        ((200, {"response": {"success": "true", "receipt": {"result": "a", "gift": [{}]}}}), "by no card"),
        (receipt(FIRST, "20.00", order_no=SECOND), "another order"),
        (receipt(FIRST, "20.00", ticket="of another"), "another order"),
        (receipt(FIRST, "0.00"), "no amount"),
        (receipt(FIRST, "2e3"), "no amount"),
        (refused(field="api_token", message="invalid"), "^invalid$"),
        (refused(), "not why"),
    ],
)
def test_what_is_no_purchase_of_this_order_is_not_paid(house: Desk, answer: Any, words: str) -> None:
    house.answers[REQUEST] = answer
    with pytest.raises(NotReached, match=words):
        gateway(house).ask(TICKET)


def test_moneris_sends_no_notices_and_is_asked_for_no_refund(house: Desk) -> None:
    heard = len(house.asked)
    with pytest.raises(Unverified, match="no notices"):
        gateway(house).read_event(Notice(body=b"{}", headers={}, received_at=AT))
    back: Refund = replace(refund("yoco", FIRST), currency="CAD", amount_micros=5 * RAND)
    with pytest.raises(NotOffered, match="Merchant Resource Center"):
        gateway(house).refund(back)
    with pytest.raises(NotOffered):
        gateway(house).charge(twenty(), Method("c", "m", "Visa"))
    assert len(house.asked) == heard


def test_the_form_comes_from_where_moneris_is_asked() -> None:
    row = PROVIDERS["moneris"]
    assert (row.refunds, row.notifies, list(row.currencies)) == (False, False, ["CAD"])
    assert {one.name for one in row.fields if one.secret} == set(SECRETS)
    assert row.widget is not None
    for mode, host, setting in (("live", "gateway", "prod"), ("test", "gatewayt", "qa")):
        url = f"https://{host}.moneris.com"
        config = Config(provider="moneris", mode=mode, settings=settings_of(url), secrets=SECRETS)
        shown = row.widget(config)
        assert (shown.script, shown.origin, shown.mode) == (f"{url}/chktv2/js/chkt_v2.00.js", url, setting)
        assert SECRETS["api_token"] not in repr(config)
    defaults = next(one for one in row.fields if one.name == "api_url")
    assert (defaults.default, defaults.test) == ("https://gateway.moneris.com", "https://gatewayt.moneris.com")
