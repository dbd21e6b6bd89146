"""Claims about notices that services have really sent: what is theirs is proved, and understood to the last coin."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.gateways.payments.desk import STRIPE_SECRET, Desk, stripe_notice
from tests.gateways.payments.recordings import (
    FOLDER,
    RAZORPAY_KEY,
    SIMULATOR,
    Recorded,
    certified,
    recorded,
)
from tollgate.gateways.payments import open_gateway
from tollgate.gateways.payments.model import Config, Event, Gateway, Notice, Unverified

AT = datetime(2026, 11, 2, 12, tzinfo=UTC)
MASS_PAYER = "massuk_1351170591_biz@example.com"

PAYPAL = {
    "paypal-capture-completed": Event(
        kind="paid",
        external_id="12A34567BC123456S",
        session="1AB234567A1234567",
        amount_micros=30_000_000,
        fee_micros=1_540_000,
        currency="USD",
    ),
    "paypal-capture-refunded": Event(
        kind="refunded",
        external_id="1Y107995YT783435V",
        parent_id="0JF852973C016714D",
        amount_micros=990_000,
        currency="USD",
    ),
    "paypal-capture-reversed": Event(
        kind="reversed",
        external_id="09E71677NS257044M",
        parent_id="4L335234718889942",
        amount_micros=2_510_000,
        currency="USD",
    ),
    "paypal-capture-pending": Event(kind="ignored", note="PAYMENT.CAPTURE.PENDING"),
    "paypal-capture-declined": Event(kind="ignored", note="PAYMENT.CAPTURE.DECLINED"),
}
PAYPAL["paypal-capture-completed-2025"] = PAYPAL["paypal-capture-completed"]
"""The same, signed a year later and by the certificate of then."""

STRIPE = {
    "stripe-session-completed": Event(
        kind="paid",
        external_id="pi_000000000000000000000000",
        session="cs_test_" + "0" * 58,
        amount_micros=30_000_000,
        fee_later=True,
        currency="USD",
        payer="stripe@example.com",
    ),
    "stripe-intent-succeeded": Event(
        kind="paid",
        external_id="pi_000000000000000000000000",
        amount_micros=20_000_000,
        fee_later=True,
        currency="USD",
    ),
    "stripe-refund-failed": Event(
        kind="restored",
        external_id="re_1Gib6ZHLwdCOCoR7VrzCnXlj:back",
        parent_id="re_1Gib6ZHLwdCOCoR7VrzCnXlj",
        amount_micros=300_000_000_000,
        currency="INR",
        note="expired_or_canceled_card",
    ),
    "stripe-refund-of-a-charge": Event(kind="ignored", note="It takes back no PaymentIntent."),
    "stripe-dispute-created": Event(kind="ignored", note="charge.dispute.created"),
    "stripe-funds-withdrawn": Event(
        kind="reversed",
        external_id="du_test_charge_dispute",
        parent_id="pi_test_payment_intent",
        amount_micros=49_950_000,
        currency="USD",
        note="product_not_received",
    ),
}
LIVE = {"stripe-funds-withdrawn"}

IPN: dict[str, list[Event]] = {
    "ipn-web-accept": [
        Event(
            kind="paid",
            external_id="593976436",
            amount_micros=12_340_000,
            fee_micros=440_000,
            currency="USD",
            payer="buyer@paypalsandbox.com",
        )
    ],
    "ipn-declined": [Event(kind="ignored", note="web_accept declined")],
    "ipn-mass-pay": [
        Event(
            kind="paid",
            external_id="7XW35917TG8293137",
            amount_micros=10_000_000,
            currency="GBP",
            payer=MASS_PAYER,
            item=True,
        ),
        Event(kind="ignored", external_id="79512417EL9296629", note="not to us"),
        Event(
            kind="paid",
            external_id="75X24749Y32677910",
            amount_micros=20_000_000,
            currency="GBP",
            payer=MASS_PAYER,
            item=True,
        ),
    ],
}
RECEIVERS = "seller@paypalsandbox.com, buyer_1348066306_per@example.com, buyer_1351170993_per@example.com"


def paypal(house: Desk, webhook_id: str = SIMULATOR) -> Gateway:
    """The account whose webhook the simulator has called."""
    words = {"api_url": house.url, "webhook_id": webhook_id}
    return open_gateway(Config(provider="paypal", mode="test", settings=words, secrets={}))


def stripe(mode: str = "test", secret: str = STRIPE_SECRET) -> Gateway:
    """A Stripe account with that signing secret."""
    return open_gateway(Config(provider="stripe", mode=mode, settings={}, secrets={"webhook_secret": secret}))


def razorpay(secret: str) -> Gateway:
    """A Razorpay account with that webhook secret."""
    return open_gateway(Config(provider="razorpay", mode="test", settings={}, secrets={"webhook_secret": secret}))


def ipn(house: Desk, mode: str = "test") -> Gateway:
    """The accounts that the recorded payments went to, but for one of Mass Pay."""
    words = {"receivers": RECEIVERS, "types": "send_money, masspay", "verify_url": f"{house.url}/cgi-bin/webscr"}
    return open_gateway(Config(provider="paypal_ipn", mode=mode, settings=words, secrets={}))


def read(found: Gateway, body: bytes, headers: Any, at: datetime = AT) -> list[Event]:
    """What a notice says that comes at that moment."""
    return list(found.read_event(Notice(body=body, headers=headers, received_at=at)))


def is_proved(found: Gateway, notice: Recorded, headers: Any, at: datetime, others: list[Gateway]) -> list[Event]:
    """What a notice says; changed by one bit, or read with the keys of others, it says nothing."""
    for place in (0, len(notice.body) // 2, -1):
        with pytest.raises(Unverified, match="does not fit"):
            read(found, notice.with_byte(place), headers, at)
    for other in others:
        with pytest.raises(Unverified, match="does not fit"):
            read(other, notice.body, headers, at)
    return read(found, notice.body, headers, at)


@pytest.mark.parametrize("name", sorted(PAYPAL))
def test_a_webhook_that_paypal_has_signed_is_proved_and_understood(house: Desk, name: str) -> None:
    notice = recorded(name)
    headers = certified(notice, house)
    at = datetime.fromisoformat(headers["paypal-transmission-time"])
    assert is_proved(paypal(house), notice, headers, at, [paypal(house, "1JE4291016473214C")]) == [PAYPAL[name]]
    asked = [what for what, _, _ in house.asked]
    assert asked, "the certificate is that of the notice"
    assert set(asked) == {"GET " + headers["paypal-cert-url"].removeprefix(house.url)}
    for name_of, value in (("transmission-id", "0" * 36), ("transmission-time", "2024-08-02T19:33:36Z")):
        with pytest.raises(Unverified, match="does not fit"):
            read(paypal(house), notice.body, {**headers, f"paypal-{name_of}": value}, at)
    with pytest.raises(Unverified, match="run out"):
        read(paypal(house), notice.body, headers, at + timedelta(days=400))


def test_the_certificate_of_one_year_does_not_prove_a_webhook_of_another(house: Desk) -> None:
    notice, other = recorded("paypal-capture-completed"), recorded("paypal-capture-completed-2025")
    assert notice.body == other.body
    headers = {**certified(notice, house), "paypal-cert-url": certified(other, house)["paypal-cert-url"]}
    with pytest.raises(Unverified, match="does not fit"):
        read(paypal(house), notice.body, headers, datetime(2025, 2, 10, tzinfo=UTC))


@pytest.mark.parametrize("name", sorted(STRIPE))
def test_an_event_that_stripe_has_sent_is_understood_in_its_own_mode(name: str) -> None:
    body = recorded(name).body
    signed = stripe_notice(body, AT)  # the keys of these are not public
    own, other = ("live", "test") if name in LIVE else ("test", "live")
    assert read(stripe(own), body, signed) == [STRIPE[name]]
    with pytest.raises(Unverified, match="other mode"):
        read(stripe(other), body, signed)


@pytest.mark.parametrize("name", sorted(IPN))
def test_an_ipn_that_paypal_has_sent_is_given_back_byte_for_byte_and_understood(house: Desk, name: str) -> None:
    body = recorded(name).body
    house.own.add(body)
    assert read(ipn(house), body, {}) == IPN[name]
    assert house.asked[-1][2] == b"cmd=_notify-validate&" + body
    with pytest.raises(Unverified, match="other mode"):
        read(ipn(house, "live"), body, {})


def test_a_payment_that_razorpay_has_signed_is_proved_and_has_not_come_yet() -> None:
    notice = recorded("razorpay-payment-authorized")
    said = is_proved(razorpay(RAZORPAY_KEY), notice, notice.headers, AT, [razorpay("1234567")])
    assert said == [Event(kind="ignored", note="payment.authorized")]


def test_of_each_recording_it_is_told_where_it_comes_from_and_something_is_claimed() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    rows = {name: row for row in text.splitlines() for name in re.findall(r"^\| `([^`]+)`", row)}
    files = {path.name for path in FOLDER.iterdir()} - {"README.md"}
    assert set(rows) == files
    for name, row in rows.items():
        assert re.search(r"`[\w.-]+/[\w.-]+`: `[\w./-]+`", row), f"{name}: which file of which repository"
        assert re.search(r"MIT|Apache-2\.0", row), f"{name}: under which licence"
    claimed = {*PAYPAL, *STRIPE, *IPN, "razorpay-payment-authorized"}
    assert claimed == {path.stem for path in FOLDER.glob("*.http")}
