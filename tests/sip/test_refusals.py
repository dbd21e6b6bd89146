"""Claims about refusals: each key a field can cause is caused by a real INVITE, answered by the table, kept in a CDR.

A case says how the customer differs from one that may call; `ALLOWED` cases are the same just inside the boundary. What
depends on the clock is a function, asked when the case begins.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from tests.sip.scene import PER_SECOND, Scene, Seller, assert_told
from tests.sip.sipp import CallResult, until
from tests.world import CENT_PER_MINUTE, EURO

pytestmark = pytest.mark.sip
NUMBER: Final = "442071838750"
FOUR_CENTS: Final = {"prefix": "44", "price_nanos": 4 * CENT_PER_MINUTE, "initial_s": 60, "increment_s": 60}


def opened(zone: str) -> dict[str, Any]:
    """Windows of a zone that opened with this minute, and close after the next day."""
    now = datetime.now(ZoneInfo(zone))
    today = {"weekday": now.isoweekday(), "from": f"{now:%H:%M}", "until": "24:00"}
    tomorrow = {"weekday": now.isoweekday() % 7 + 1, "from": "00:00", "until": "24:00"}
    return {"zone": zone, "windows": [today, tomorrow], "holidays": []}


def opens_soon(zone: str) -> dict[str, Any]:
    """A window of a zone that opens with the next minute, or the one after where that is too near to place a call."""
    opens = (datetime.now(ZoneInfo(zone)) + timedelta(seconds=90)).replace(second=0)
    window = {"weekday": opens.isoweekday(), "from": f"{opens:%H:%M}", "until": "24:00"}
    return {"zone": zone, "windows": [window], "holidays": []}


def soon(seconds: int) -> datetime:
    """A moment from now."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


Case = dict[str, Any] | Callable[[], dict[str, Any]]
REFUSED: Final[dict[str, Case]] = {
    "status_inactive": {"status": "inactive"},
    "status_penalty": {"status": "penalty"},
    "status_pending": {"status": "pending"},
    "customer_expired": lambda: {"expires_at": soon(-1)},
    "email_unverified": {"email_verification": True},
    "mobile_unverified": {"mobile_verification": True},
    "time_restricted": lambda: {"hours": opens_soon("America/St_Johns")},  # UTC is there already
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
ALLOWED: Final[dict[str, Case]] = {
    "customer_expired": lambda: {"expires_at": soon(30)},
    "time_restricted": lambda: {"hours": opened("Asia/Kathmandu")},  # UTC is not there yet
    "credit": {"money_micros": 1000},
    "credit by a debit limit": {"money_micros": 0, "debit_limit_micros": 1000},
    "daily_spend": {"daily_spend_limit_micros": 40_000, "rates": (FOUR_CENTS,)},
    "no_ingress_route": {"route": {"dial_patterns": "49\n44"}},
    "rate_capped": {"route": {"capped_price_nanos": PER_SECOND["price_nanos"]}},
    "valid days": {"valid_days": 1},
}


def seller_of(scene: Scene, case: Case) -> Seller:
    """The seller of a case."""
    return scene.seller(**(case if isinstance(case, dict) else case()))


@pytest.mark.parametrize("key", REFUSED)
def test_an_invite_is_refused_with_the_answer_of_the_table_and_a_cdr(scene: Scene, key: str) -> None:
    seller = seller_of(scene, REFUSED[key])
    result = scene.edge.call(caller=seller.ip, cld=NUMBER)
    scene.assert_refused(result, key, seller.customer)


@pytest.mark.parametrize("case", ALLOWED)
def test_just_inside_the_boundary_the_call_is_carried(scene: Scene, case: str) -> None:
    seller = seller_of(scene, ALLOWED[case])
    assert first_call(scene, seller).code == 200


def first_call(scene: Scene, seller: Seller, **more: Any) -> CallResult:
    """A short call, tried again until the new customer is known (at most a second)."""
    return until(
        lambda: (r := scene.edge.call(caller=seller.ip, cld=NUMBER, hold_ms=100, **more)).code not in {401, 407} and r,
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
    talking = scene.edge.place(caller=seller.ip, cld=NUMBER, hold_ms=None)
    talking.wait_for_answer()
    second = scene.edge.call(caller=seller.ip, cld=NUMBER, port=5062)
    scene.assert_refused(second, key, seller.customer)
    scene.edge.hang_up(scene.edge.find(talking.call_id))
    assert talking.result().code == 200
    assert first_call(scene, seller).code == 200


def four_at_once(scene: Scene, seller: Seller) -> list[CallResult]:
    """Four calls decided within half a second; none where the machine was slower, which shows nothing."""
    results = scene.edge.place(caller=seller.ip, cld=NUMBER, hold_ms=100, count=4, rate=200).results()
    assert len(results) == 4
    decided_at = [scene.cdr(result.call_id)["started_at"] for result in results]
    if max(decided_at) - min(decided_at) < timedelta(seconds=0.4):
        return results
    until(lambda: first_call(scene, seller).code == 200, what="room for one more")
    time.sleep(2)  # all that the pace allows has come back
    return []


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
    results = until(lambda: four_at_once(scene, seller), what="four calls at once")
    refused = [result for result in results if result.code != 200]
    assert len(refused) == 2
    for result in refused:
        scene.assert_refused(result, key, seller.customer)
    until(lambda: first_call(scene, seller).code == 200, what="room for one more")


@pytest.mark.parametrize(("key", "cld"), [("number_invalid", "44abc"), ("number_invalid", "4" * 25)])
def test_a_number_that_is_none_is_refused(scene: Scene, key: str, cld: str) -> None:
    seller = scene.seller()
    assert first_call(scene, seller).code == 200
    scene.assert_refused(scene.edge.call(caller=seller.ip, cld=cld), key, seller.customer)


def test_an_unknown_address_is_challenged_or_refused_as_the_account_says(scene: Scene) -> None:
    stranger = scene.edge.address(251)
    scene.world.update("account", scene.world.account, challenge_unknown=False)
    try:
        result = until(lambda: (r := scene.edge.call(caller=stranger, cld=NUMBER)).code == 401 and r, what="401")
    finally:
        scene.world.update("account", scene.world.account, challenge_unknown=True)
    scene.assert_refused(result, "ip_unknown", None)
    other = scene.edge.address(252)
    until(lambda: scene.edge.call(caller=other, cld=NUMBER).code == 407, what="407")


def test_a_wrong_password_is_refused_and_recorded(scene: Scene) -> None:
    seller = scene.seller()
    scene.world.sip_user(seller.customer, "dora", "right-password-1", realm=scene.edge.settings.realm)
    caller = scene.edge.address(249)
    call = lambda password: scene.edge.call(caller=caller, cld=NUMBER, user="dora", password=password, hold_ms=100)  # noqa: E731
    until(lambda: call("right-password-1").code == 200, what="the right password")
    result = call("wrong-password-1")
    scene.assert_refused(result, "digest_failed", seller.customer)
    scene.world.update("account", scene.world.account, auth_failure_count=2)
    try:
        locked = until(lambda: (r := call("wrong-password-1")).code == 480 and r, what="the lock")
    finally:
        scene.world.update("account", scene.world.account, auth_failure_count=10)
    scene.assert_refused(locked, "digest_failed", seller.customer, variant="locked")


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
        what="the refusal",
    )
    scene.assert_refused(result, "sip_user_ip_denied", seller.customer)


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
            what="the pause",
        )
    finally:
        paused(scene)("active")
    scene.assert_refused(result, "account_paused", seller.customer)
    until(lambda: first_call(scene, seller).code == 200, what="calls again")


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
    until(lambda: first_call(scene, seller).code == 200, what="the verification to count")


def test_what_is_spent_today_counts_against_the_daily_limit(scene: Scene) -> None:
    seller = scene.seller(daily_spend_limit_micros=79_999, rates=(FOUR_CENTS,))
    assert first_call(scene, seller).code == 200
    until(lambda: scene.world.wallet("customer", seller.customer)["spent_micros"] == 40_000, what="the charge")
    scene.assert_refused(scene.edge.call(caller=seller.ip, cld=NUMBER), "daily_spend", seller.customer)
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
    result = until(lambda: (r := scene.edge.call(caller=ip, cld=NUMBER)).code == 402 and r, what="402")
    scene.assert_refused(result, "credit", below)


def test_what_is_not_decided_in_time_is_refused_as_overload_and_holds_nothing(scene: Scene) -> None:
    seller, world = scene.seller(), scene.world
    with world.connection.transaction():  # somebody else works on this wallet, for longer than a caller is kept waiting
        world.rows("SELECT id FROM wallet WHERE kind = 'customer' AND owner_id = %s FOR UPDATE", seller.customer)
        result = scene.edge.call(caller=seller.ip, cld=NUMBER)
    assert result.answer is not None
    assert_told(result.answer, "charging_unavailable", variant="overload")
    assert scene.cdr(result.call_id)["cost_micros"] == 0, "it was granted when nobody waited any more, and closed again"
    assert scene.live_count() == 0
    wallet = world.wallet("customer", seller.customer)
    assert (wallet["balance_micros"], wallet["held_micros"], wallet["channels"]) == (5 * EURO, 0, 0)
    until(lambda: first_call(scene, seller).code == 200, what="calls again")
    scene.assert_books()


@pytest.mark.parametrize(("key", "limit"), [("channels_endpoint", {"channels": 1}), ("cps_endpoint", {"cps_milli": 1})])
def test_one_call_more_to_a_phone_than_it_takes_is_refused_in_its_place(
    scene: Scene, key: str, limit: dict[str, int]
) -> None:
    owner, seller, user = scene.seller(), scene.seller(), f"phone-{key}"
    phone = scene.edge.address(245 if key.startswith("channels") else 246)
    scene.world.sip_user(owner.customer, user, "right-password-1", scene.edge.settings.realm, shared=True, **limit)
    registered = lambda: scene.edge.register(ip=phone, user=user, password="right-password-1").code == 200  # noqa: E731
    until(registered, what="the registration")
    scene.edge.carrier(phone, "answer")
    talking = scene.edge.place(caller=seller.ip, cld=user, hold_ms=None)
    talking.wait_for_answer()
    second = scene.edge.call(caller=seller.ip, cld=user, port=5062)
    scene.assert_refused(second, key, seller.customer, variant="called")
    scene.edge.hang_up(scene.edge.find(talking.call_id))
    assert talking.result().code == 200
