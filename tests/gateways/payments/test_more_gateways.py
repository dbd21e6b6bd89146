"""Claims about Razorpay, Paystack, PayMongo, Yoco and NOWPayments: what is proved, asked, started and given back."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.gateways.payments import more
from tests.gateways.payments.desk import Desk, desk
from tests.gateways.payments.more import (
    CURRENCY,
    FIRST,
    LOGINS,
    NEW,
    SECOND,
    STARTS,
    WEBHOOK_KEY,
    config,
    signed,
    story,
)
from tollgate.gateways.payments import PROVIDERS, open_gateway
from tollgate.gateways.payments.model import (
    Declined,
    Event,
    Gateway,
    Method,
    Notice,
    NotOffered,
    NotReached,
    Order,
    Refund,
    Unverified,
)

AT = datetime(2026, 11, 2, 12, tzinfo=UTC)
RAND = 1_000_000
pytestmark = pytest.mark.usefixtures("inside_allowed")


@pytest.fixture(scope="module")
def house() -> Iterator[Desk]:
    """The services' stand-in."""
    with desk() as found:
        yield found


@pytest.fixture(autouse=True)
def forgets(house: Desk) -> None:
    """Each test asks a stand-in that has heard nothing."""
    house.answers.clear()
    house.asked.clear()


def gateway(house: Desk, provider: str, *, mode: str = "test") -> Gateway:
    """A gateway that asks the stand-in."""
    return open_gateway(config(provider, house.url, mode=mode))


def read(house: Desk, provider: str, body: bytes, **changed: Any) -> list[Event]:
    """What a notice says; `headers`, `at` and `mode` are those of a good one unless given."""
    headers = changed["headers"] if "headers" in changed else signed(provider, body, AT)
    notice = Notice(body=body, headers=headers, received_at=changed.get("at", AT))
    return list(gateway(house, provider, mode=changed.get("mode", "test")).read_event(notice))


def order(provider: str, **changed: Any) -> Order:
    """Twenty of what the provider takes."""
    given = {
        "reference": FIRST,
        "amount_micros": 20 * RAND,
        "currency": CURRENCY[provider],
        "description": "Top-up of Acme",
        "email": "carla@acme.example",
        "return_url": "https://p.example/back",
        "cancel_url": "https://p.example/no",
        **changed,
    }
    return Order(**given)


def refund(provider: str, payment_id: str) -> Refund:
    """Five back."""
    return Refund(reference=SECOND, payment_id=payment_id, amount_micros=5 * RAND, currency=CURRENCY[provider])


def sent(house: Desk, number: int = -1) -> dict[str, Any]:
    """What the stand-in was sent."""
    found = json.loads(house.asked[number][2])
    assert isinstance(found, dict)
    return found


def seen(events: list[Event]) -> list[tuple[str, str, str, int]]:
    """What matters of events."""
    return [(one.kind, one.external_id, one.parent_id, one.amount_micros) for one in events]


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


def test_a_paymongo_signature_is_that_of_our_mode(house: Desk) -> None:
    session = more.paymongo_session(FIRST, more.paymongo_payment(FIRST, 10_000))
    body = more.paymongo_event("checkout_session.payment.paid", session, live=True)
    assert read(house, "paymongo", body, mode="live", headers=signed("paymongo", body, AT, live=True))
    with pytest.raises(Unverified):
        read(house, "paymongo", body, mode="live", headers=signed("paymongo", body, AT))


PAY, PAY2 = f"pay_{FIRST[:14]}", f"pay_{SECOND[:14]}"


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
