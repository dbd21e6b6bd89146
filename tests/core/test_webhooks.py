"""Claims about webhooks: what a signature proves, and for how long a delivery is tried."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.webhooks import EVENTS, PAUSES, TRIED_FOR, letter, next_try, signature

AT = datetime(2031, 5, 1, tzinfo=UTC)


def test_a_receiver_checks_the_signature_with_what_the_documentation_says() -> None:
    sent = letter(
        event_id=5, delivery_id=9, event="invoice.paid", ref="invoice:42", happened_at=AT,
        data={"number": "Ž-1"}, secret="whsec_x", at=AT + timedelta(seconds=3),
    )  # fmt: skip
    parts = dict(part.split("=") for part in sent.headers["Tollgate-Signature"].split(","))
    mine = hmac.new(b"whsec_x", f"{parts['t']}.".encode() + sent.body, hashlib.sha256).hexdigest()
    assert mine == parts["v1"]
    assert int(parts["t"]) == int(AT.timestamp()) + 3
    assert json.loads(sent.body) == {
        "id": 5, "event": "invoice.paid", "ref": "invoice:42", "at": AT.isoformat(), "data": {"number": "Ž-1"},
    }  # fmt: skip
    assert sent.headers["Tollgate-Event-Id"] == "5"
    assert sent.headers["Tollgate-Delivery-Id"] == "9"


@given(secret=st.text(min_size=1), stamp=st.integers(0, 2**33), body=st.binary(), other=st.binary())
def test_another_secret_moment_or_body_has_another_signature(
    secret: str, stamp: int, body: bytes, other: bytes
) -> None:
    mine = signature(secret, stamp, body)
    assert signature(secret + "x", stamp, body) != mine
    assert signature(secret, stamp + 1, body) != mine
    assert other == body or signature(secret, stamp, other) != mine


def test_a_delivery_is_tried_for_three_days_with_growing_pauses_and_then_no_more() -> None:
    at, tries, gaps = AT, 1, []
    while (following := next_try(tries, since=AT, at=at)) is not None:
        gaps.append(following - at)
        at, tries = following, tries + 1
    assert gaps == sorted(gaps)
    assert gaps[: len(PAUSES)] == list(PAUSES)
    assert TRIED_FOR - PAUSES[-1] < at - AT <= TRIED_FOR


def test_no_event_carries_a_float() -> None:
    values = [value for _, body in EVENTS.values() for value in body.values()]
    assert not [value for value in values if isinstance(value, float)]
