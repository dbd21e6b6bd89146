"""Claims about Razorpay: what its notices tell."""

from __future__ import annotations

from tests.gateways.payments import more
from tests.gateways.payments.asked import PAY, PAY2, RAND, read, seen
from tests.gateways.payments.desk import Desk
from tests.gateways.payments.more import FIRST, SECOND, story


def test_razorpay_tells_of_links_refunds_and_lost_disputes(house: Desk) -> None:
    told = story("razorpay", FIRST, SECOND)
    found = {name: seen(read(house, "razorpay", body)) for name, body in told.notices.items()}
    assert found == {
        "paid": [("paid", PAY, "", 100 * RAND)],
        "paid too": [("paid", PAY2, "", 10 * RAND)],
        "refund": [("refunded", "rfnd_1", PAY, 25 * RAND)],
        "refund done": [("refunded", "rfnd_1", PAY, 25 * RAND)],
        "refund failed": [("refunded", "rfnd_2", PAY, 5 * RAND), ("restored", "rfnd_2:back", "rfnd_2", 5 * RAND)],
        "dispute": [("ignored", "", "", 0)],
        "lost": [("reversed", "disp_EsIAlDcoUr8CaQ", PAY2, 10 * RAND)],
    }
    link, refunded = more.razorpay_link(FIRST, 100), more.razorpay_refund("rfnd_1", FIRST, 100)
    failed = more.razorpay_payment(FIRST, 100, captured=False)
    for body, expected in (
        (more.razorpay_event("payment_link.expired", payment_link=link), ("gone", "", "", 0)),
        (more.razorpay_event("payment_link.cancelled", payment_link=link), ("gone", "", "", 0)),
        (more.razorpay_event("payment.captured", payment=failed), ("ignored", "", "", 0)),
        (more.razorpay_event("refund.created", refund=refunded, payment=failed), ("ignored", "", "", 0)),
        (
            more.razorpay_event("payment.dispute.lost", dispute=more.razorpay_dispute(FIRST, 1000, 400)),
            ("trouble", "disp_EsIAlDcoUr8CaQ", PAY, -4 * RAND),
        ),
        (
            more.razorpay_event("payment.dispute.lost", dispute=more.razorpay_dispute(FIRST, 1000, 0)),
            ("ignored", "", "", 0),
        ),
    ):
        assert seen(read(house, "razorpay", body)) == [expected]
