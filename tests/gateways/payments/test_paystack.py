"""Claims about Paystack: its notices name no refunds, so it is asked for them."""

from __future__ import annotations

import pytest

from tests.gateways.payments import more
from tests.gateways.payments.asked import RAND, read, seen
from tests.gateways.payments.desk import Desk
from tests.gateways.payments.more import FIRST, SECOND, story
from tollgate.gateways.payments.model import NotReached


def test_paystack_is_asked_for_the_refunds_that_its_notices_do_not_name(house: Desk) -> None:
    told = story("paystack", FIRST, SECOND).tell(house)
    both = [
        ("refunded", "3018284", FIRST, 25 * RAND),
        ("refunded", "3018285", FIRST, 5 * RAND),
        ("restored", "3018285:back", "3018285", 5 * RAND),
    ]
    found = {name: seen(read(house, "paystack", body)) for name, body in told.notices.items()}
    assert found == {
        "paid": [("paid", FIRST, "", 100 * RAND)],
        "paid too": [("paid", SECOND, "", 10 * RAND)],
        "refund begun": [("paid", FIRST, "", 100 * RAND), *both],
        "refund": [("paid", FIRST, "", 100 * RAND), *both],
        "refund failed": [("paid", FIRST, "", 100 * RAND), *both],
        "dispute": [("ignored", "", "", 0)],
        "lost": [("paid", SECOND, "", 10 * RAND), ("reversed", "3018286", SECOND, 10 * RAND)],
    }
    assert [one for one in house.asked if "authorization" not in one[1]] == []
    body = more.paystack_event("charge.dispute.resolve", more.paystack_dispute(FIRST, 700))
    assert seen(read(house, "paystack", body))[-1] == ("trouble", "dispute 358949", FIRST, -7 * RAND)
    won = more.paystack_event("charge.dispute.resolve", more.paystack_dispute(FIRST, 700, resolution="declined"))
    assert seen(read(house, "paystack", won)) == [("ignored", "", "", 0)]
    for answer in (
        (404, {"message": "Transaction reference not found"}),
        (200, {"data": {"status": "pending"}}),
        (503, {}),
    ):
        house.answers[f"GET /transaction/verify/{FIRST}"] = answer
        with pytest.raises(NotReached):
            read(house, "paystack", told.notices["refund"])
