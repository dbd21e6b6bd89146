"""Claims about notices of gateways: only what is proved to be theirs and meant for us says anything."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.gateways.payments.desk import (
    STRIPE_SECRET,
    WEBHOOK_ID,
    Desk,
    desk,
    ipn,
    mass_ipn,
    paypal_capture,
    paypal_dispute,
    paypal_event,
    paypal_refund,
    stripe_charge,
    stripe_event,
    stripe_intent,
    stripe_notice,
    stripe_refund,
    stripe_session,
)
from tollgate.gateways.payments import open_gateway
from tollgate.gateways.payments.model import (
    Config,
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
from tollgate.gateways.payments.paypal import written
from tollgate.gateways.payments.stripe import counted

AT = datetime(2026, 11, 2, 12, tzinfo=UTC)
EURO = 1_000_000
PARTS = pytest.mark.usefixtures("inside_allowed")
pytestmark = PARTS


@pytest.fixture(scope="module")
def house() -> Iterator[Desk]:
    """The services' stand-in."""
    with desk() as found:
        yield found


def gateway(house: Desk, provider: str, *, mode: str = "test", **settings: str) -> Gateway:
    """A gateway that asks the stand-in."""
    words = {
        "api_url": house.url,
        "verify_url": f"{house.url}/cgi-bin/webscr",
        "webhook_id": WEBHOOK_ID,
        "client_id": "AX",
        "receivers": "Seller@demo.example, second@demo.example",
        "types": "send_money, masspay",
    }
    keys = {"secret_key": "sk_test_1", "webhook_secret": STRIPE_SECRET, "client_secret": "EX"}
    return open_gateway(Config(provider=provider, mode=mode, settings={**words, **settings}, secrets=keys))


def read(found: Gateway, body: bytes, headers: dict[str, str] | None = None, at: datetime = AT) -> list[Event]:
    """What a notice says."""
    return list(found.read_event(Notice(body=body, headers=headers or {}, received_at=at)))


def test_a_stripe_event_counts_only_with_a_fresh_signature_of_ours(house: Desk) -> None:
    stripe = gateway(house, "stripe")
    body = stripe_event("checkout.session.completed", stripe_session("ref1", 1995))
    (paid,) = read(stripe, body, stripe_notice(body, AT))
    assert (paid.kind, paid.external_id, paid.reference) == ("paid", "pi_1GszdL2eZvKYlo2C4nORvlio", "ref1")
    assert (paid.amount_micros, paid.currency) == (19_950_000, "EUR")
    for headers, at in (
        ({}, AT),
        (stripe_notice(body, AT, "whsec_other"), AT),
        (stripe_notice(body + b" ", AT), AT),
        (stripe_notice(body, AT), AT + timedelta(seconds=301)),
        (stripe_notice(body, AT), AT - timedelta(seconds=301)),
        ({"stripe-signature": "t=\u0661,v1=x"}, AT),
    ):
        with pytest.raises(Unverified):
            read(stripe, body, headers, at)
    live = stripe_event("checkout.session.completed", stripe_session("ref1", 1995), live=True)
    with pytest.raises(Unverified, match="other mode"):
        read(stripe, live, stripe_notice(live, AT))
    dispute = {"id": "dp_1", "amount": 100, "currency": "eur", "payment_intent": "pi_1", "reason": None}
    for kind, found, expected in (
        ("payment_intent.succeeded", stripe_intent("ref2", 500), "paid"),
        ("payment_intent.succeeded", stripe_intent("", 500, metadata=None), "paid"),
        ("checkout.session.completed", stripe_session("r", 1, payment_status="unpaid"), "ignored"),
        ("checkout.session.completed", {"id": "cs_1", "client_reference_id": "r"}, "ask"),
        ("checkout.session.expired", stripe_session("r", 1), "gone"),
        ("refund.created", stripe_refund("re_1", 100), "refunded"),
        ("refund.failed", stripe_refund("re_1", 100, status="failed"), "restored"),
        ("charge.dispute.funds_withdrawn", dispute, "reversed"),
        ("charge.dispute.funds_reinstated", dispute, "restored"),
        ("charge.dispute.funds_withdrawn", {**dispute, "payment_intent": None}, "ignored"),
        ("customer.created", {}, "ignored"),
    ):
        body = stripe_event(kind, found)
        assert [one.kind for one in read(stripe, body, stripe_notice(body, AT))] == [expected], kind


def test_refunds_of_a_charge_are_read_from_it_or_asked_for_to_the_last_page(house: Desk) -> None:
    stripe = gateway(house, "stripe")
    rows = [stripe_refund(f"re_{number}", 100) for number in range(3)]
    rows[1]["status"] = "failed"

    def said(charge: dict[str, Any]) -> list[Event]:
        body = stripe_event("charge.refunded", charge)
        return read(stripe, body, stripe_notice(body, AT))

    told = said(stripe_charge([{**row, "payment_intent": None} for row in rows]))
    assert [(one.kind, one.external_id, one.parent_id) for one in told] == [
        ("refunded", "re_0", "pi_1GszdL2eZvKYlo2C4nORvlio"),
        ("refunded", "re_1", "pi_1GszdL2eZvKYlo2C4nORvlio"),
        ("restored", "re_1:back", "re_1"),
        ("refunded", "re_2", "pi_1GszdL2eZvKYlo2C4nORvlio"),
    ]
    assert [one.kind for one in said(stripe_charge(rows, payment_intent=None))] == ["ignored"], "it is none of ours"
    charge = stripe_charge()["id"]
    part = {"refunds": {"data": rows[:1], "has_more": True}}
    for untold in (stripe_charge(), stripe_charge([]), stripe_charge(**part)):
        assert said(untold) == [Event(kind="ask", session=charge)]
    first, second = (f"GET /v1/refunds?charge={charge}&limit=100{after}" for after in ("", "&starting_after=re_1"))
    house.answers |= {first: (200, {"data": rows[:2], "has_more": True}), second: (200, {"data": rows[2:]})}
    assert stripe.ask(charge) == told
    for answer in ((200, {"data": [], "has_more": False}), (404, {}), (500, {})):
        house.answers[first] = answer
        with pytest.raises(NotReached):
            stripe.ask(charge)


@pytest.mark.parametrize(
    ("dispute", "kinds", "doubt"),
    [
        (paypal_dispute("C", "5.00"), ["restored"], ""),
        (paypal_dispute("C", "5.00", "RESOLVED_BUYER_FAVOUR"), ["ignored"], ""),
        (paypal_dispute("C", "5.00", "ACCEPTED"), ["ignored"], ""),
        (paypal_dispute("C", "5.00", "NONE"), ["ignored"], ""),
        (paypal_dispute("C", "5.00", "CANCELED_BY_BUYER"), ["restored"], "CANCELED_BY_BUYER"),
        (paypal_dispute("C", "5.00", "RESOLVED_WITH_PAYOUT"), ["restored"], "RESOLVED_WITH_PAYOUT"),
        (paypal_dispute("C", "5.00", dispute_outcome=None), ["restored"], "no outcome"),
        (
            paypal_dispute("C", "5.00", dispute_outcome={"outcome_code": "RESOLVED_SELLER_FAVOUR",
                                                         "amount_refunded": {"currency_code": "EUR", "value": "1.00"}}),
            ["restored"],
            "given to the buyer",
        ),
        (paypal_dispute("C", "5.00", disputed_transactions=[]), ["trouble"], ""),
        (paypal_dispute("C", "5.00", disputed_transactions=[
            {"seller_transaction_id": name, "gross_amount": {"currency_code": "EUR", "value": value}}
            for name, value in (("C", "2.00"), ("D", "3.00"))
        ]), ["restored", "restored"], ""),
        (paypal_dispute("C", "5.00", disputed_transactions=[
            {"seller_transaction_id": name} for name in "CD"
        ]), ["restored", "restored"], "several payments"),
    ],
)  # fmt: skip
def test_the_end_of_a_dispute_at_paypal_brings_back_what_was_taken_or_is_doubted(
    house: Desk, dispute: dict[str, Any], kinds: list[str], doubt: str
) -> None:
    body = paypal_event("CUSTOMER.DISPUTE.RESOLVED", dispute)
    found = read(gateway(house, "paypal"), body, house.paypal_notice(body, AT))
    assert [one.kind for one in found] == kinds
    back = [one for one in found if one.kind == "restored"]
    assert [one.parent_id for one in back] == ["C", "D"][: len(back)]
    assert all(one.if_taken and (doubt in one.doubt if doubt else not one.doubt) for one in back)
    if back and "several" not in doubt:
        assert sum(one.amount_micros for one in back) == 5 * EURO
    assert len({one.external_id for one in back}) == len(back)


def test_stripe_counts_currencies_in_its_own_units(house: Desk) -> None:
    for amount, currency, units in (
        (19_950_000, "EUR", 1995), (500_000_000, "JPY", 500), (5_120_000, "KWD", 5120),
        (5_000_000, "ISK", 500), (5_000_000, "UGX", 500), (5_000_000, "MGA", 5), (1_000_000, "HUF", 100),
    ):  # fmt: skip
        assert counted(amount, currency) == units
        body = stripe_event("payment_intent.succeeded", stripe_intent("r", units, currency.lower()))
        assert read(gateway(house, "stripe"), body, stripe_notice(body, AT))[0].amount_micros == amount
    for amount, currency in (
        (19_955_000, "EUR"),
        (500_500_000, "JPY"),
        (5_124_000, "KWD"),
        (5_500_000, "ISK"),
        (0, "EUR"),
    ):
        with pytest.raises(Declined):
            counted(amount, currency)
    assert [written(value, code) for value, code in ((5 * EURO, "JPY"), (19_950_000, "EUR"))] == ["5", "19.95"]
    with pytest.raises(Declined):
        written(1_500_000, "TWD")


def test_a_paypal_webhook_counts_only_with_paypals_signature_for_our_webhook(house: Desk) -> None:
    paypal = gateway(house, "paypal")
    body = paypal_event("PAYMENT.CAPTURE.COMPLETED", paypal_capture("ref1", "20.00"))
    (paid,) = read(paypal, body, house.paypal_notice(body, AT))
    assert (paid.kind, paid.external_id, paid.session) == ("paid", "42311647XV020574X", "5O190127TN364715T")
    assert (paid.amount_micros, paid.fee_micros, paid.reference) == (20 * EURO, 590_000, "ref1")
    strange = {**house.paypal_notice(body, AT), "paypal-cert-url": "https://paypal.com.evil.example/cert"}
    for headers in ({}, house.paypal_notice(body + b" ", AT), house.paypal_notice(body, AT, "OTHER"), strange):
        with pytest.raises(Unverified):
            read(paypal, body, headers)
    with pytest.raises(Unverified, match="run out"):
        read(paypal, body, house.paypal_notice(body, AT), AT + timedelta(days=4000))
    for kind, resource, expected in (
        ("CHECKOUT.ORDER.APPROVED", {"id": "5O190127TN364715T"}, ("ask", "", "5O190127TN364715T")),
        ("PAYMENT.CAPTURE.REFUNDED", paypal_refund("1JU", "5.00"), ("refunded", "42311647XV020574X", "")),
        ("PAYMENT.CAPTURE.REVERSED", paypal_refund("1JV", "5.00"), ("reversed", "42311647XV020574X", "")),
        ("CUSTOMER.DISPUTE.CREATED", {}, ("ignored", "", "")),
    ):
        body = paypal_event(kind, resource)
        (found,) = read(paypal, body, house.paypal_notice(body, AT))
        assert (found.kind, found.parent_id, found.session) == expected


def test_an_ipn_counts_only_when_paypal_says_so_and_it_is_meant_for_us(house: Desk) -> None:
    desk_ipn = gateway(house, "paypal_ipn", mode="live")
    good = ipn()
    house.own |= {good, ipn(test_ipn="1"), ipn(receiver_email="x@y.z", business="x@y.z")}
    (paid,) = read(desk_ipn, good)
    assert (paid.kind, paid.external_id, paid.payer) == ("paid", "61E67681CH3238416", "pays@acme.example")
    assert (paid.amount_micros, paid.fee_micros, paid.currency) == (19_950_000, 880_000, "EUR")
    assert house.asked[-1][2] == b"cmd=_notify-validate&" + good, "posted back byte for byte"
    debit = ipn(mc_gross="-19.95")
    house.own.add(debit)
    (lost,) = read(desk_ipn, debit)
    assert (lost.kind, lost.amount_micros) == ("trouble", -19_950_000), "a completed debit is no income"
    for body, words in (
        (ipn(txn_id="FORGED"), "does not know"),
        (ipn(test_ipn="1"), "other mode"),
        (ipn(receiver_email="x@y.z", business="x@y.z"), "not to us"),
    ):
        with pytest.raises(Unverified, match=words):
            read(desk_ipn, body)
    with pytest.raises(NotReached):
        read(gateway(house, "paypal_ipn", mode="live", verify_url=f"{house.url}/elsewhere"), good)


def test_each_item_of_a_mass_payment_stands_for_itself(house: Desk) -> None:
    body = mass_ipn(
        {
            "5W531651W5136225N": ("seller@demo.example", "25.99", "Completed"),
            "8P09425963946233T": ("second@demo.example", "9.99", "Unclaimed"),
            "9X": ("somebody@else.example", "9.99", "Completed"),
            "9Y": ("second@demo.example", "1,5", "Completed"),
            "9Z": ("second@demo.example", "9.99", "Returned"),
        }
    )
    others = [
        ipn(txn_id="R1", payment_status=status, parent_txn_id="61E67681CH3238416", mc_gross=gross, txn_type="")
        for status, gross in (("Refunded", "-5.00"), ("Reversed", "-19.95"), ("Canceled_Reversal", "19.95"))
    ]
    pending = ipn(payment_status="Pending")
    strange = [ipn(txn_type=kind, txn_id=kind) for kind in ("invoice_payment", "subscr_payment", "recurring_payment")]
    house.own |= {body, pending, *others, *strange}
    found = read(gateway(house, "paypal_ipn", mode="live"), body)
    assert [(one.kind, one.external_id) for one in found] == [
        ("paid", "5W531651W5136225N"), ("ignored", "8P09425963946233T"), ("ignored", "9X"), ("trouble", "9Y"),
        ("reversed", "9Z:back"),
    ]  # fmt: skip
    assert (found[0].amount_micros, found[0].fee_micros) == (25_990_000, 0), "the sender bears the fee"
    assert (found[4].parent_id, found[4].amount_micros) == ("9Z", 9_990_000), "what went back has no id of its own"
    unwanted = read(gateway(house, "paypal_ipn", mode="live", types="send_money"), body)
    assert unwanted[0].kind == "trouble"
    assert read(gateway(house, "paypal_ipn", mode="live"), pending)[0].kind == "ignored"
    for other in strange:
        (found_one,) = read(gateway(house, "paypal_ipn", mode="live"), other)
        assert (found_one.kind, found_one.amount_micros) == ("trouble", 19_950_000)
        assert found_one.external_id in found_one.note, "it says what PayPal calls it"
    kinds = [read(gateway(house, "paypal_ipn", mode="live"), other)[0] for other in others]
    assert [one.kind for one in kinds] == ["refunded", "reversed", "restored"]
    assert {one.parent_id for one in kinds} == {"61E67681CH3238416"}
    assert read(gateway(house, "paypal_ipn", mode="live", types="masspay"), ipn_known(house))[0].kind == "trouble"


def ipn_known(house: Desk) -> bytes:
    """A payment sent by itself that PayPal knows."""
    body = ipn(txn_id="ALONE")
    house.own.add(body)
    return body


def test_a_checkout_is_opened_asked_about_and_refunded(house: Desk) -> None:
    order = Order(
        reference="ref9", amount_micros=20 * EURO, currency="EUR", description="Top-up", email="carla@acme.example",
        return_url="https://portal.example/done", cancel_url="https://portal.example/no", keep_method=True,
    )  # fmt: skip
    stripe, paypal = gateway(house, "stripe"), gateway(house, "paypal")
    house.answers["POST /v1/checkout/sessions"] = (200, {"id": "cs_1", "url": "https://checkout.stripe.com/c/1"})
    assert stripe.start(order).url == "https://checkout.stripe.com/c/1"
    _, headers, body = house.asked[-1]
    assert (headers["idempotency-key"], headers["authorization"]) == ("ref9", "Bearer sk_test_1")
    assert b"unit_amount%5D=2000" in body
    assert b"setup_future_usage%5D=off_session" in body
    kept = {"id": "pm_1", "card": {"brand": "visa", "last4": "4242"}}
    balance = {"balance_transaction": {"fee": 88, "currency": "eur"}}
    intent = stripe_intent(
        "ref9", 2000, customer="cus_1", payment_method=kept, setup_future_usage="off_session", latest_charge=balance
    )
    house.answers["GET /v1/checkout/sessions/cs_1"] = (200, stripe_session("ref9", 2000, payment_intent=intent))
    (paid,) = stripe.ask("cs_1")
    assert (paid.method, paid.fee_micros) == (Method("cus_1", "pm_1", "Visa 4242"), 880_000)
    house.answers["POST /v1/refunds"] = (200, stripe_refund("re_9", 500, reference="back1"))
    given = Refund(reference="back1", payment_id=paid.external_id, amount_micros=5 * EURO, currency="EUR")
    assert stripe.refund(given).external_id == "re_9"
    declined = {"error": {"code": "card_declined", "message": "Your card was declined."}}
    house.answers["POST /v1/payment_intents"] = (402, declined)
    with pytest.raises(Declined, match="declined"):
        stripe.charge(order, Method("cus_1", "pm_1", "Visa 4242"))
    house.answers["POST /v1/payment_intents"] = (200, stripe_intent("ref9", 2000, status="processing"))
    assert stripe.charge(order, Method("cus_1", "pm_1", "Visa 4242"))[0].kind == "ask"
    link = {"href": "https://www.paypal.com/checkoutnow?token=5O1", "rel": "payer-action"}
    house.answers["POST /v2/checkout/orders"] = (200, {"id": "5O1", "status": "PAYER_ACTION_REQUIRED", "links": [link]})
    assert paypal.start(order).session == "5O1"
    house.answers["GET /v2/checkout/orders/5O1"] = (200, {"id": "5O1", "status": "APPROVED"})
    done = {"status": "COMPLETED", "payer": {"email_address": "pays@acme.example"}}
    unit = {"payments": {"captures": [paypal_capture("ref9", "20.00")]}}
    house.answers["POST /v2/checkout/orders/5O1/capture"] = (201, {**done, "purchase_units": [unit]})
    (captured,) = paypal.ask("5O1")
    assert (captured.external_id, captured.payer) == ("42311647XV020574X", "pays@acme.example")
    house.answers["POST /v2/payments/captures/42311647XV020574X/refund"] = (201, {"id": "1JU", "status": "COMPLETED"})
    back = Refund(reference="b", payment_id="42311647XV020574X", amount_micros=5 * EURO, currency="EUR")
    assert paypal.refund(back).parent_id == "42311647XV020574X"
    house.answers["POST /v1/refunds"] = (500, {})
    with pytest.raises(NotReached):
        stripe.refund(given)
    with pytest.raises(NotOffered):
        paypal.charge(order, Method("", "", ""))
