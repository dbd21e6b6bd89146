"""Claims about Razorpay, Paystack, PayMongo, Yoco and NOWPayments alike: what is proved, asked, started, given back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.gateways.payments import more
from tests.gateways.payments.asked import AT, PAY, RAND, gateway, order, read, refund, seen, sent
from tests.gateways.payments.desk import Desk
from tests.gateways.payments.more import (
    CURRENCY,
    FIRST,
    LOGINS,
    NEW,
    SECOND,
    STARTS,
    config,
    signed,
    story,
)
from tollgate.gateways.payments import PROVIDERS, open_gateway
from tollgate.gateways.payments.model import (
    Declined,
    Method,
    Notice,
    NotOffered,
    NotReached,
    Unverified,
)


@pytest.mark.parametrize("provider", NEW)
def test_a_notice_counts_only_with_a_signature_of_ours(house: Desk, provider: str) -> None:
    body = story(provider, FIRST, SECOND).notices["paid"]
    good = signed(provider, body, AT)
    (paid,) = read(house, provider, body)
    assert (paid.kind, paid.reference, paid.currency) == ("paid", FIRST, CURRENCY[provider])
    assert paid.amount_micros == 100 * RAND
    assert paid.session
    changed = body.replace(b"100", b"900", 1)
    assert changed != body
    for headers in (
        {},
        dict.fromkeys(good, ""),
        signed(provider, body, AT, key="of others"),
        dict.fromkeys(good, "\xe9"),
    ):
        with pytest.raises(Unverified):
            read(house, provider, body, headers=headers)
    with pytest.raises(Unverified, match="does not fit"):
        read(house, provider, changed, headers=good)
    without = config(provider, house.url)
    none = open_gateway(type(without)(provider=provider, mode="test", settings=without.settings, secrets={}))
    with pytest.raises(Unverified):
        none.read_event(Notice(body=body, headers=signed(provider, body, AT, key=""), received_at=AT))


@pytest.mark.parametrize("provider", ["paymongo", "yoco"])
def test_a_signed_moment_is_near(house: Desk, provider: str) -> None:
    body = story(provider, FIRST, SECOND).notices["paid"]
    for seconds in (-300, 300):
        assert read(house, provider, body, at=AT + timedelta(seconds=seconds))
    for seconds in (-301, 301):
        with pytest.raises(Unverified, match="too old"):
            read(house, provider, body, at=AT + timedelta(seconds=seconds))


@pytest.mark.parametrize("provider", ["paystack", "paymongo", "yoco"])
def test_a_notice_of_the_other_mode_moves_nothing(house: Desk, provider: str) -> None:
    body = story(provider, FIRST, SECOND).notices["paid"]
    with pytest.raises(Unverified, match="other mode"):
        read(house, provider, body, mode="live", headers=signed(provider, body, AT, live=True))
    if provider == "paymongo":
        with pytest.raises(Unverified, match="missing"):
            read(house, provider, body, mode="live")


def test_a_fee_counts_only_when_it_is_ours_and_in_the_currency_that_was_paid(house: Desk) -> None:
    def fee(**changed: Any) -> tuple[int, int]:
        payment = more.razorpay_payment(FIRST, 10_000, 236) | changed
        link = more.razorpay_link(FIRST, 10_000)
        (paid,) = read(house, "razorpay", more.razorpay_event("payment_link.paid", payment_link=link, payment=payment))
        return paid.amount_micros, paid.fee_micros

    assert fee() == (100 * RAND, 2_360_000)
    assert fee(fee_bearer="customer", amount=10_236) == (100 * RAND, 0), "the payer bore it, on top of our price"
    assert fee(base_currency="INR", base_amount=900_000) == (100 * RAND, 0), "told in rupees"
    for found, expected in (
        (more.paystack_paid(FIRST, 10_000, 150), (100 * RAND, 1_500_000)),
        (more.paystack_paid(FIRST, 10_150, 150, requested_amount=10_000), (100 * RAND, 0)),
        (more.paystack_paid(FIRST, 10_150, 200, requested_amount=10_000), (100 * RAND, 500_000)),
        (more.paystack_paid(FIRST, 10_000, None), (100 * RAND, 0)),  # type: ignore[arg-type]
    ):
        (paid,) = read(house, "paystack", more.paystack_event("charge.success", found))
        assert (paid.amount_micros, paid.fee_micros) == expected
    session = more.paymongo_session(FIRST, more.paymongo_payment(FIRST, 361_500, 7930))
    (paid,) = read(house, "paymongo", more.paymongo_event("checkout_session.payment.paid", session))
    assert (paid.amount_micros, paid.fee_micros, paid.payer) == (3615 * RAND, 79_300_000, "carla@acme.example")


@pytest.mark.parametrize("provider", NEW)
def test_a_checkout_is_started_with_the_exact_amount_and_our_reference(house: Desk, provider: str) -> None:
    what, answer, session, url = STARTS[provider]
    house.answers[what] = (200, answer)
    started = gateway(house, provider).start(order(provider, amount_micros=19_950_000))
    assert (started.session, started.url) == (session, url)
    assert house.asked[-1][0] == what
    name, value = LOGINS[provider]
    assert house.asked[-1][1][name] == value
    text = house.asked[-1][2].decode()
    assert FIRST in text
    assert "https://p.example/back" in text
    assert ('"price_amount": 19.95,' if provider == "nowpayments" else '"amount": 1995,') in text
    house.answers[what] = (200, {"id": "", "data": {}})
    with pytest.raises(NotReached, match="answers without"):
        gateway(house, provider).start(order(provider))
    for status in (401, 409, 429, 500):
        house.answers[what] = (status, {})
        with pytest.raises(NotReached, match=str(status)):
            gateway(house, provider).start(order(provider))
    words = {"error": {"description": "Too little"}, "message": "Too little", "errors": [{"detail": "Too little"}]}
    for status in (400, 422):
        house.answers[what] = (status, words)
        with pytest.raises(Declined, match="Too little"):
            gateway(house, provider).start(order(provider))
    heard = len(house.asked)
    with pytest.raises(Declined):
        gateway(house, provider).start(order(provider, amount_micros=0))
    if provider != "nowpayments":
        with pytest.raises(Declined, match="fraction"):
            gateway(house, provider).start(order(provider, amount_micros=19_951_000))
    assert len(house.asked) == heard, "what cannot be paid is not asked for"
    with pytest.raises(NotOffered):
        gateway(house, provider).charge(order(provider), Method("c", "m", "Visa"))


def test_what_a_gateway_cannot_start_is_declined_before_it_is_asked(house: Desk) -> None:
    for provider, changed, words in (
        ("paystack", {"email": ""}, "email"),
        ("yoco", {"amount_micros": 2 * RAND}, "above 2 ZAR"),
        ("razorpay", {"currency": "KWD", "amount_micros": 5_001_000}, "fraction"),
        ("razorpay", {"currency": "JPY", "amount_micros": 500_000}, "fraction"),
    ):
        with pytest.raises(Declined, match=words):
            gateway(house, provider).start(order(provider, **changed))
    whole = config("paymongo", house.url)
    none = type(whole)(provider="paymongo", mode="test", settings={"api_url": house.url}, secrets=whole.secrets)
    with pytest.raises(Declined, match="methods"):
        open_gateway(none).start(order("paymongo"))
    assert not house.asked
    house.answers["POST /v1/payment_links"] = (200, {"id": "plink_1", "short_url": "https://rzp.io/i/1"})
    for currency, amount, units in (("KWD", 5_120_000, 5120), ("JPY", 500 * RAND, 500), ("INR", 10_500_000, 1050)):
        gateway(house, "razorpay").start(order("razorpay", currency=currency, amount_micros=amount))
        assert sent(house)["amount"] == units


def test_a_gateway_is_asked_what_became_of_a_checkout(house: Desk) -> None:
    link = more.razorpay_link(FIRST, 10_000, payments=[{"payment_id": PAY, "status": "captured"}])
    house.answers["GET /v1/payment_links/plink_1"] = (200, link)
    house.answers[f"GET /v1/payments/{PAY}"] = (200, more.razorpay_payment(FIRST, 10_000, 236))
    (paid,) = gateway(house, "razorpay").ask("plink_1")
    assert (*seen([paid])[0], paid.fee_micros, paid.reference) == ("paid", PAY, "", 100 * RAND, 2_360_000, FIRST)
    for status, expected in (("created", []), ("expired", ["gone"]), ("cancelled", ["gone"]), ("partially_paid", [])):
        house.answers["GET /v1/payment_links/plink_1"] = (200, {**link, "status": status})
        assert [one.kind for one in gateway(house, "razorpay").ask("plink_1")] == expected

    story("paystack", FIRST, SECOND).tell(house)
    assert seen(list(gateway(house, "paystack").ask(FIRST))) == [("paid", FIRST, "", 100 * RAND)]
    assert [one.kind for one in gateway(house, "paystack").ask(SECOND)] == ["paid", "reversed"]
    for status in ("abandoned", "failed", "ongoing", "pending", "queued"):
        house.answers[f"GET /transaction/verify/{FIRST}"] = (200, {"data": {"status": status}})
        assert not gateway(house, "paystack").ask(FIRST)

    for session, expected in (
        (more.paymongo_session(FIRST, more.paymongo_payment(FIRST, 10_000)), ["paid"]),
        (more.paymongo_session(FIRST, more.paymongo_payment(FIRST, 10_000), status="expired"), ["paid"]),
        (
            more.paymongo_session(FIRST, more.paymongo_payment(FIRST, 10_000, status="failed"), status="expired"),
            ["gone"],
        ),
        (more.paymongo_session(FIRST), []),
    ):
        house.answers["GET /v1/checkout_sessions/cs_1"] = (200, {"data": session})
        assert [one.kind for one in gateway(house, "paymongo").ask("cs_1")] == expected

    for provider in ("yoco", "nowpayments"):
        heard = len(house.asked)
        assert not gateway(house, provider).ask("1")
        assert len(house.asked) == heard


def test_a_repeated_refund_finds_the_first_where_no_key_makes_it_one(house: Desk) -> None:
    made = more.razorpay_refund("rfnd_9", FIRST, 500, reference=SECOND)
    house.answers[f"GET /v1/payments/{PAY}/refunds"] = (200, {"items": [more.razorpay_refund("rfnd_1", FIRST, 500)]})
    house.answers[f"POST /v1/payments/{PAY}/refund"] = (200, made)
    back = gateway(house, "razorpay").refund(refund("razorpay", PAY))
    assert (*seen([back])[0], back.reference) == ("refunded", "rfnd_9", PAY, 5 * RAND, SECOND)
    assert (sent(house)["amount"], sent(house)["notes"]) == (500, {"reference": SECOND})
    assert house.asked[-1][1]["x-refund-idempotency"] == SECOND
    house.answers[f"GET /v1/payments/{PAY}/refunds"] = (200, {"items": [made]})
    assert gateway(house, "razorpay").refund(refund("razorpay", PAY)) == back
    assert house.asked[-1][0].startswith("GET")

    paid = more.paystack_paid(FIRST, 10_000)
    row = more.paystack_refund(3018284, FIRST, 500, status="pending", merchant_note=SECOND)
    other = more.paystack_refund(3018283, "elsewhere", 500, merchant_note=SECOND)
    house.answers[f"GET /transaction/verify/{FIRST}"] = (200, {"data": paid})
    house.answers["GET /refund"] = (200, {"data": [other]})
    house.answers["POST /refund"] = (200, {"data": {**row, "transaction": paid}})
    back = gateway(house, "paystack").refund(refund("paystack", FIRST))
    assert (*seen([back])[0], back.reference) == ("refunded", "3018284", FIRST, 5 * RAND, SECOND)
    assert (sent(house)["transaction"], sent(house)["amount"], sent(house)["merchant_note"]) == (FIRST, 500, SECOND)
    house.answers["GET /refund"] = (200, {"data": [other, {**row, "transaction": paid}]})
    assert gateway(house, "paystack").refund(refund("paystack", FIRST)) == back
    assert house.asked[-1][0] == "GET /refund"
    house.answers["GET /refund"] = (200, {"data": [row] * 100})
    with pytest.raises(NotReached, match="too many"):
        gateway(house, "paystack").refund(refund("paystack", FIRST))


def test_a_refund_has_a_key_that_makes_its_repeat_the_same_refund(house: Desk) -> None:
    made = more.paymongo_refund("ref_1", FIRST, 500, reference=SECOND, status="pending")
    house.answers["POST /v1/refunds"] = (200, {"data": made})
    back = gateway(house, "paymongo").refund(refund("paymongo", "pay_1"))
    assert (back.external_id, back.reference, back.amount_micros) == ("ref_1", SECOND, 5 * RAND)
    assert sent(house)["data"]["attributes"]["payment_id"] == "pay_1"
    assert house.asked[-1][1]["idempotency-key"] == SECOND
    house.answers["POST /api/checkouts/ch_1/refund"] = (
        202,
        {"id": "ch_1", "refundId": "rfd_1", "status": "successful"},
    )
    back = gateway(house, "yoco").refund(refund("yoco", "ch_1"))
    assert (*seen([back])[0], back.reference) == ("refunded", "rfd_1", "ch_1", 5 * RAND, SECOND)
    assert (sent(house), house.asked[-1][1]["idempotency-key"]) == (
        {"amount": 500, "metadata": {"reference": SECOND}},
        SECOND,
    )


def test_a_refund_that_a_gateway_refuses_is_declined(house: Desk) -> None:
    failed = more.razorpay_refund("rfnd_1", FIRST, 500, status="failed")
    house.answers[f"GET /v1/payments/{PAY}/refunds"] = (200, {"items": []})
    house.answers[f"POST /v1/payments/{PAY}/refund"] = (200, failed)
    house.answers[f"GET /transaction/verify/{PAY}"] = (200, {"data": more.paystack_paid(PAY, 10_000)})
    house.answers["GET /refund"] = (200, {"data": []})
    house.answers["POST /refund"] = (200, {"data": {"id": 1, "status": "failed"}})
    house.answers["POST /v1/refunds"] = (200, {"data": more.paymongo_refund("ref_1", FIRST, 500, status="failed")})
    house.answers[f"POST /api/checkouts/{PAY}/refund"] = (200, {"status": "failed", "message": "No balance"})
    for provider in ("razorpay", "paystack", "paymongo", "yoco"):
        with pytest.raises(Declined):
            gateway(house, provider).refund(refund(provider, PAY))
    with pytest.raises(NotOffered):
        gateway(house, "nowpayments").refund(refund("nowpayments", "1"))


@pytest.mark.parametrize("provider", NEW)
def test_no_sentence_or_name_of_a_gateway_has_a_key_in_it(house: Desk, provider: str) -> None:
    found = config(provider, house.url)
    assert all(value not in repr(found) for value in found.secrets.values())
    secret = {one.name for one in PROVIDERS[provider].fields if one.secret}
    assert secret == set(found.secrets)
