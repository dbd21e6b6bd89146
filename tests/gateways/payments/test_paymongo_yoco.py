"""Claims about PayMongo and Yoco: what their notices tell, and in which mode."""

from __future__ import annotations

import pytest

from tests.gateways.payments import more
from tests.gateways.payments.asked import AT, RAND, read, seen
from tests.gateways.payments.desk import Desk
from tests.gateways.payments.more import FIRST, SECOND, signed, story
from tollgate.gateways.payments.model import Unverified


def test_a_paymongo_signature_is_that_of_our_mode(house: Desk) -> None:
    session = more.paymongo_session(FIRST, more.paymongo_payment(FIRST, 10_000))
    body = more.paymongo_event("checkout_session.payment.paid", session, live=True)
    assert read(house, "paymongo", body, mode="live", headers=signed("paymongo", body, AT, live=True))
    with pytest.raises(Unverified):
        read(house, "paymongo", body, mode="live", headers=signed("paymongo", body, AT))


def test_paymongo_and_yoco_tell_of_payments_and_refunds(house: Desk) -> None:
    pay, pay2, checkout, checkout2 = f"pay_{FIRST[:24]}", f"pay_{SECOND[:24]}", f"ch_{FIRST[:24]}", f"ch_{SECOND[:24]}"
    told = story("paymongo", FIRST, SECOND)
    assert {name: seen(read(house, "paymongo", body)) for name, body in told.notices.items()} == {
        "paid": [("paid", pay, "", 100 * RAND)],
        "paid too": [("paid", pay2, "", 10 * RAND)],
        "the payment": [("ignored", "", "", 0)],
        "refund": [("refunded", "ref_1", pay, 25 * RAND)],
        "refund failed": [("refunded", "ref_2", pay, 5 * RAND), ("restored", "ref_2:back", "ref_2", 5 * RAND)],
        "refunded": [("refunded", "ref_3", pay2, 10 * RAND)],
    }
    told = story("yoco", FIRST, SECOND)
    assert {name: seen(read(house, "yoco", body)) for name, body in told.notices.items()} == {
        "paid": [("paid", checkout, "", 100 * RAND)],
        "paid too": [("paid", checkout2, "", 10 * RAND)],
        "refund": [("refunded", "rfd_1", checkout, 25 * RAND)],
        "refund failed": [("refunded", "rfd_2", checkout, 5 * RAND), ("restored", "rfd_2:back", "rfd_2", 5 * RAND)],
        "refunded": [("refunded", "rfd_3", checkout2, 10 * RAND)],
    }
    other = more.yoco_event("payment.created", more.yoco_payment(FIRST, 100))
    assert seen(read(house, "yoco", other)) == [("ignored", "", "", 0)]
