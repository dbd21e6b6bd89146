"""Claims about refusals: each key a field can cause is caused by a real INVITE, answered by the table, kept in a CDR.

A case says how the customer differs from one that may call; `ALLOWED` cases are the same just inside the boundary.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from tests.sip.scene import PER_SECOND, Scene, Seller
from tests.sip.sipp import CallResult, until
from tests.world import CENT_PER_MINUTE, EURO
from tollgate.core.refusals import ANSWERS, Key

pytestmark = pytest.mark.sip
NUMBER: Final = "442071838750"
FOUR_CENTS: Final = {"prefix": "44", "price_nanos": 4 * CENT_PER_MINUTE, "initial_s": 60, "increment_s": 60}


def hours(*, allowed: bool) -> dict[str, Any]:
    """Windows that allow, or refuse, this moment and the minutes around it."""
    now = datetime.now(UTC)
    day = now.isoweekday() if allowed else (now + timedelta(days=3)).isoweekday()
    days = {day, (now + timedelta(minutes=10)).isoweekday()} if allowed else {day}
    return {
        "zone": "UTC",
        "windows": [{"weekday": weekday, "from": "00:00", "until": "24:00"} for weekday in sorted(days)],
        "holidays": [],
    }


def soon(seconds: int) -> datetime:
    """A moment from now."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


REFUSED: Final[dict[str, dict[str, Any]]] = {
    "status_inactive": {"status": "inactive"},
    "status_penalty": {"status": "penalty"},
    "status_pending": {"status": "pending"},
    "customer_expired": {"expires_at": soon(-5)},
    "email_unverified": {"email_verification": True},
    "mobile_unverified": {"mobile_verification": True},
    "time_restricted": {"hours": hours(allowed=False)},
    "credit": {"money_micros": 0},
    "daily_spend": {"daily_spend_limit_micros": 39_999, "rates": (FOUR_CENTS,)},
    "no_ingress_route": {"route": {"dial_patterns": "49\n43"}},
    "no_rate": {"rates": ({**PER_SECOND, "prefix": "49"},)},
    "destination_type": {"rates": ({**PER_SECOND, "blocked": True},)},
    "rate_capped": {"route": {"capped_price_nanos": PER_SECOND["price_nanos"] - 1}},
    "connect_cost_blocked": {
        "rates": ({**PER_SECOND, "connect_fee_nanos": 1_000_000},),
        "route": {"block_connect_fee": True},
    },
    "no_carrier": {"carrier": {"status": "inactive"}},
}
ALLOWED: Final[dict[str, dict[str, Any]]] = {
    "customer_expired": {"expires_at": soon(3600)},
    "time_restricted": {"hours": hours(allowed=True)},
    "credit": {"money_micros": 1000},
    "credit by a debit limit": {"money_micros": 0, "debit_limit_micros": 1000},
    "daily_spend": {"daily_spend_limit_micros": 40_000, "rates": (FOUR_CENTS,)},
    "no_ingress_route": {"route": {"dial_patterns": "49\n44"}},
    "rate_capped": {"route": {"capped_price_nanos": PER_SECOND["price_nanos"]}},
    "valid days": {"valid_days": 1},
}


def assert_refused(scene: Scene, result: CallResult, key: str, seller: Seller | None) -> None:
    """The SIP answer is the table's, and a CDR says why."""
    answer = ANSWERS[Key(key)]
    assert (result.code, result.reason) == (answer.sip, answer.reason)
    assert f"cause={answer.q850}" in result.header("Reason")
    assert result.header("X-Tollgate-Refusal") == key
    if answer.retry_after_s is not None:
        assert result.header("Retry-After") == str(answer.retry_after_s)
    cdr = scene.cdr(result.call_id)
    assert (cdr["refusal"], cdr["state"], cdr["sip_sent"], cdr["q850"]) == (key, "refused", answer.sip, answer.q850)
    assert cdr["customer_id"] == (seller.customer if seller else None)
    assert cdr["cost_micros"] == 0


@pytest.mark.parametrize("key", REFUSED)
def test_an_invite_is_refused_with_the_answer_of_the_table_and_a_cdr(scene: Scene, key: str) -> None:
    seller = scene.seller(**REFUSED[key])
    result = until(
        lambda: (r := scene.edge.call(caller=seller.ip, cld=NUMBER)).header("X-Tollgate-Refusal") == key and r,
        timeout_s=3,
        what=key,
    )
    assert_refused(scene, result, key, seller)


@pytest.mark.parametrize("case", ALLOWED)
def test_just_inside_the_boundary_the_call_is_carried(scene: Scene, case: str) -> None:
    seller = scene.seller(**ALLOWED[case])
    assert first_call(scene, seller).code == 200


def first_call(scene: Scene, seller: Seller, **more: Any) -> CallResult:
    """A short call, tried again until the new customer is known (at most a second)."""
    return until(
        lambda: (r := scene.edge.call(caller=seller.ip, cld=NUMBER, hold_ms=100, **more)).code not in {401, 407} and r,
        timeout_s=2,
        what="the customer to be known",
    )


@pytest.mark.parametrize(
    ("key", "part"),
    [
        ("channels_customer", {"channels": 1}),
        ("channels_endpoint", {"endpoint": {"channels": 1}}),
        ("channels_route", {"route": {"channels": 1}}),
        ("channels_carrier", {"carrier": {"channels": 1}}),
    ],
)
def test_one_call_more_than_the_channels_is_refused(scene: Scene, key: str, part: dict[str, Any]) -> None:
    seller = scene.seller(**part)
    assert first_call(scene, seller).code == 200
    talking = scene.edge.place(caller=seller.ip, cld=NUMBER, hold_ms=2500)
    talking.wait_for_answer()
    second = scene.edge.call(caller=seller.ip, cld=NUMBER, port=5062)
    assert_refused(scene, second, key, seller)
    assert talking.result().code == 200
    assert first_call(scene, seller).code == 200


@pytest.mark.parametrize(
    ("key", "part"),
    [
        ("cps_customer", {"cps_milli": 2000}),
        ("cps_endpoint", {"endpoint": {"cps_milli": 2000}}),
        ("cps_route", {"route": {"cps_milli": 2000}}),
        ("cps_carrier", {"carrier": {"cps_milli": 2000}}),
    ],
)
def test_one_call_more_in_a_second_than_the_cps_is_refused(scene: Scene, key: str, part: dict[str, Any]) -> None:
    seller = scene.seller(**part)
    assert first_call(scene, seller).code == 200
    results = scene.edge.place(caller=seller.ip, cld=NUMBER, hold_ms=100, count=4, rate=200).results()
    refused = [result for result in results if result.code != 200]
    assert 1 <= len(refused) <= 3
    assert_refused(scene, refused[0], key, seller)


@pytest.mark.parametrize(("key", "cld"), [("number_invalid", "44abc"), ("number_invalid", "4" * 25)])
def test_a_number_that_is_none_is_refused(scene: Scene, key: str, cld: str) -> None:
    seller = scene.seller()
    assert first_call(scene, seller).code == 200
    assert_refused(scene, scene.edge.call(caller=seller.ip, cld=cld), key, seller)


def test_an_unknown_address_is_challenged_or_refused_as_the_account_says(scene: Scene) -> None:
    stranger = scene.edge.address(251)
    scene.world.update("account", scene.world.account, challenge_unknown=False)
    try:
        result = until(
            lambda: (r := scene.edge.call(caller=stranger, cld=NUMBER)).code == 401 and r, timeout_s=2, what="401"
        )
    finally:
        scene.world.update("account", scene.world.account, challenge_unknown=True)
    assert_refused(scene, result, "ip_unknown", None)
    other = scene.edge.address(252)
    until(lambda: scene.edge.call(caller=other, cld=NUMBER).code == 407, timeout_s=2, what="407")


def test_a_wrong_password_is_refused_and_recorded(scene: Scene) -> None:
    seller = scene.seller()
    scene.world.sip_user(seller.customer, "dora", "right-password-1", realm=scene.edge.settings.realm)
    caller = scene.edge.address(249)
    call = lambda password: scene.edge.call(caller=caller, cld=NUMBER, user="dora", password=password, hold_ms=100)  # noqa: E731
    until(lambda: call("right-password-1").code == 200, timeout_s=3, what="the right password")
    result = call("wrong-password-1")
    assert (result.code, result.header("X-Tollgate-Refusal")) == (403, "digest_failed")
    assert scene.cdr(result.call_id)["refusal"] == "digest_failed"


def test_a_sip_user_from_a_foreign_address_is_refused(scene: Scene) -> None:
    seller = scene.seller()
    scene.world.sip_user(
        seller.customer, "edith", "right-password-1", realm=scene.edge.settings.realm, allowed_networks=["10.0.0.0/8"]
    )
    caller = scene.edge.address(248)
    result = until(
        lambda: (
            (
                r := scene.edge.call(caller=caller, cld=NUMBER, user="edith", password="right-password-1", hold_ms=100)
            ).header("X-Tollgate-Refusal")
            == "sip_user_ip_denied"
            and r
        ),
        timeout_s=3,
        what="the refusal",
    )
    assert_refused(scene, result, "sip_user_ip_denied", seller)


def paused(scene: Scene) -> Callable[[str], None]:
    """Sets the account's status."""
    return lambda status: scene.world.update("account", scene.world.account, status=status)


def test_a_paused_account_takes_no_calls(scene: Scene) -> None:
    seller = scene.seller()
    assert first_call(scene, seller).code == 200
    paused(scene)("paused")
    try:
        result = until(
            lambda: (r := scene.edge.call(caller=seller.ip, cld=NUMBER, hold_ms=100)).code == 503 and r,
            timeout_s=2,
            what="the pause",
        )
    finally:
        paused(scene)("active")
    assert_refused(scene, result, "account_paused", seller)
    until(lambda: first_call(scene, seller).code == 200, timeout_s=2, what="calls again")


def test_verified_contacts_let_the_calls_pass(scene: Scene) -> None:
    seller = scene.seller(email_verification=True, mobile_verification=True)
    now = datetime.now(UTC)
    scene.world.insert(
        "contact",
        customer_id=seller.customer,
        email="carla@acme.example",
        email_verified_at=now,
        mobile_verified_at=now,
        mobile="447700900123",
    )
    until(lambda: first_call(scene, seller).code == 200, timeout_s=2, what="the verification to count")


def test_what_is_spent_today_counts_against_the_daily_limit(scene: Scene) -> None:
    seller = scene.seller(daily_spend_limit_micros=79_999, rates=(FOUR_CENTS,))
    assert first_call(scene, seller).code == 200
    until(lambda: scene.world.wallet("customer", seller.customer)["spent_micros"] == 40_000, what="the charge")
    assert_refused(scene, scene.edge.call(caller=seller.ip, cld=NUMBER), "daily_spend", seller)
    scene.world.connection.execute(
        "UPDATE wallet SET spent_on = spent_on - 1 WHERE kind = 'customer' AND owner_id = %s", [seller.customer]
    )
    assert first_call(scene, seller).code == 200


def test_the_money_of_a_reseller_limits_its_customers(scene: Scene) -> None:
    reseller = scene.seller(money_micros=0, is_reseller=True)
    below = scene.world.customer("below a poor reseller", money_micros=EURO, parent_id=reseller.customer)
    scene.world.route(below, scene.world.card("poor sells", [PER_SECOND]), [])
    ip = scene.edge.address(247)
    scene.world.ip_endpoint(below, ip)
    result = until(lambda: (r := scene.edge.call(caller=ip, cld=NUMBER)).code == 402 and r, timeout_s=3, what="402")
    assert scene.cdr(result.call_id)["refusal"] == "credit"
