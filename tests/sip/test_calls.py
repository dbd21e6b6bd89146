"""Claims about whole calls: a real INVITE through Kamailio, charging and the database, to a real carrier."""

from __future__ import annotations

import hashlib
import time
import urllib.request
from collections.abc import Callable
from datetime import datetime

import pytest

from tests.sip.scene import PER_SECOND, SECRET, Scene, assert_told
from tests.sip.sipp import Message, until
from tests.world import CENT_PER_MINUTE, EURO
from tollgate.core.refusals import ANSWERS, Key

pytestmark = [pytest.mark.sip, pytest.mark.timeout(240)]
NUMBER = "442071838750"
TRIES = 4
"""Of what takes a second at most, a machine that is busy with something else may spoil one try or another."""
SIX_SIX = {"prefix": "44", "price_nanos": 15_000_000, "initial_s": 6, "increment_s": 6}


def test_seven_seconds_at_6_6_cost_0_0030_and_the_carrier_side_its_own_price(scene: Scene) -> None:
    for _ in range(TRIES):
        seller = scene.seller(
            rates=(SIX_SIX,),
            costs=({"prefix": "44", "price_nanos": CENT_PER_MINUTE},),
            carrier_card={"duration_method": "down"},
        )
        result = scene.edge.call(caller=seller.ip, cld=NUMBER, hold_ms=7050)
        assert result.code == 200
        cdr = scene.cdr(result.call_id)
        if cdr["duration_ms"] < 8000:  # else SIPp hung up late, and it was another call
            break
    assert (cdr["state"], cdr["billed_s"], cdr["cost_micros"]) == ("charged", 12, 3000)
    assert (cdr["carrier_billed_s"], cdr["carrier_cost_micros"]) == (7, 1200)
    assert cdr["profit_micros"] == 1800
    assert 7000 <= cdr["duration_ms"] < 8000
    assert (cdr["released_by"], cdr["sip_sent"]) == ("caller", 200)
    assert scene.world.wallet("customer", seller.customer)["balance_micros"] == 5 * EURO - 3000
    assert scene.world.wallet("carrier", seller.carriers[0])["balance_micros"] == 1200
    assert scene.world.rows("SELECT sum(amount_micros) FROM ledger_line")[0][0] == 0
    scene.assert_books()


def test_the_money_ends_the_call_to_the_second_and_both_ends_hear_it(scene: Scene) -> None:
    for _ in range(TRIES):
        seller = scene.seller(money_micros=20_000)
        result = scene.edge.call(caller=seller.ip, cld=NUMBER, hold_ms=None)
        cdr = scene.cdr(result.call_id)
        if cdr["duration_ms"] <= 20_000 and result.duration_s <= 21.0:  # else the machine held the edge up
            break
    assert result.ended_by == "edge"
    assert 19.0 <= result.duration_s <= 21.0
    carrier = scene.carrier_at(seller.gateways[0])
    talked = carrier.wait_for("BYE", call_id=result.call_id).at - carrier.wait_for("ACK", call_id=result.call_id).at
    assert 19.0 <= talked.total_seconds() <= 21.0
    assert 19_000 <= cdr["duration_ms"] <= 20_000  # the edge cuts at the end of the grant and never after it
    wallet = scene.world.wallet("customer", seller.customer)
    assert wallet["balance_micros"] == 20_000 - cdr["cost_micros"] >= 0
    kinds = {kind for (kind,) in scene.world.rows("SELECT kind FROM entry WHERE call_id = %s", cdr["id"])}
    assert kinds == {"call"}, "nothing was talked beyond the money"
    assert (wallet["held_micros"], wallet["channels"]) == (0, 0)
    scene.assert_books()


def test_of_ten_calls_at_once_on_money_for_three_first_slices_three_ring(scene: Scene) -> None:
    minute = {"prefix": "44", "price_nanos": 60_000_000, "initial_s": 60, "increment_s": 60}
    scene.world.update("account", scene.world.account, slice_s=0)  # then a first slice is one minute
    try:
        seller = scene.seller(money_micros=180_000, rates=(minute,), carriers=("ring",))
        scene.obeyed()
        caller = scene.edge.place(caller=seller.ip, cld=NUMBER, cancel_after_ms=4000, count=10, rate=100)
        statement = "SELECT count(*) FROM call WHERE customer_id = %s"
        until(lambda: scene.world.rows(statement, seller.customer)[0][0] == 3, what="three calls")
        results = caller.results()
    finally:
        scene.world.update("account", scene.world.account, slice_s=60)
    assert sorted(result.code for result in results) == [402] * 7 + [487] * 3
    wallet = scene.world.wallet("customer", seller.customer)
    until(
        lambda: scene.world.wallet("customer", seller.customer)["held_micros"] == 0,
        what="the holds of canceled calls to be released",
    )
    assert wallet["balance_micros"] == 180_000
    scene.assert_books()


@pytest.mark.parametrize("first", ["refuse503", "silent", "down"])
def test_a_failed_carrier_is_followed_by_the_next_and_the_call_is_charged_once(scene: Scene, first: str) -> None:
    seller = scene.seller(carriers=(first, "answer"))
    result = scene.edge.call(caller=seller.ip, cld=NUMBER, hold_ms=1050)
    assert result.code == 200
    cdr = scene.cdr(result.call_id)
    assert cdr["carrier_id"] == seller.carriers[1]
    assert [attempt["route"] for attempt in cdr["detail"]["attempts"]] == [0]
    assert cdr["cost_micros"] == cdr["billed_s"] * 1000 >= 2000
    charges = scene.world.rows("SELECT amount_micros FROM entry WHERE call_id = %s AND book = 'revenue'", cdr["id"])
    assert charges == [(-cdr["cost_micros"],)]
    assert scene.world.wallet("carrier", seller.carriers[0])["balance_micros"] == 0
    scene.assert_books()


@pytest.mark.parametrize(
    ("kind", "code", "q850"),
    [("busy", 486, 17), ("refuse503", 503, None)],
)
def test_a_call_that_no_carrier_takes_costs_nothing(scene: Scene, kind: str, code: int, q850: int | None) -> None:
    seller = scene.seller(carriers=(kind,))
    result = scene.edge.call(caller=seller.ip, cld=NUMBER)
    cdr = scene.cdr(result.call_id)
    assert result.code == code
    assert (cdr["state"], cdr["cost_micros"], cdr["sip_received"]) == ("failed", 0, code)
    assert q850 is None or cdr["q850"] == q850
    wallet = scene.world.wallet("customer", seller.customer)
    assert (wallet["held_micros"], wallet["channels"], wallet["balance_micros"]) == (0, 0, 5 * EURO)
    scene.assert_books()


def test_a_call_longer_than_its_first_slice_is_extended(scene: Scene) -> None:
    seller = scene.seller(money_micros=EURO)
    scene.world.update("account", scene.world.account, slice_s=5)
    try:
        caller = scene.edge.place(caller=seller.ip, cld=NUMBER, hold_ms=22_000)
        result = caller.result()
    finally:
        scene.world.update("account", scene.world.account, slice_s=60)
    assert result.ended_by == "caller"
    cdr = scene.cdr(result.call_id)
    assert 22_000 <= cdr["duration_ms"] < 40_000
    assert cdr["cost_micros"] == cdr["billed_s"] * 1000
    assert cdr["held_micros"] > 6000
    scene.assert_books()


def test_every_level_pays_its_own_price(scene: Scene) -> None:
    world = scene.world
    reseller = scene.seller(rates=({**PER_SECOND, "price_nanos": 30_000_000},), is_reseller=True)
    below = world.customer("below", money_micros=EURO, parent_id=reseller.customer)
    card = world.card("below sells", [PER_SECOND])
    world.route(below, card, [])
    ip = scene.edge.address(250)
    world.ip_endpoint(below, ip)
    result = scene.edge.call(caller=ip, cld=NUMBER, hold_ms=1050)
    cdr = scene.cdr(result.call_id)
    billed_s = cdr["billed_s"]
    assert billed_s >= 2
    assert cdr["cost_micros"] == billed_s * 1000
    entries = dict(world.rows("SELECT book, amount_micros FROM entry WHERE call_id = %s", cdr["id"]))
    assert entries == {"resale": -billed_s * 1000, "revenue": -billed_s * 500, "carrier_cost": billed_s * 1000}
    assert world.wallet("customer", reseller.customer)["balance_micros"] == 5 * EURO - billed_s * 500
    scene.assert_books()


def test_a_changed_limit_is_obeyed_by_the_next_invite_within_a_second(scene: Scene) -> None:
    seller = scene.seller()

    def obeyed_after_s() -> float:
        scene.world.update("customer", seller.customer, status="active")
        scene.obeyed()
        assert scene.edge.call(caller=seller.ip, cld=NUMBER, hold_ms=100).code == 200
        scene.world.update("customer", seller.customer, status="inactive")
        changed_at = datetime.now()
        call = lambda: scene.edge.call(caller=seller.ip, cld=NUMBER, hold_ms=100)  # noqa: E731
        refused = until(lambda: (r := call()).code == 403 and r, what="the refusal")
        return (refused.messages[0].at - changed_at).total_seconds()

    assert_once_within_a_second(obeyed_after_s)
    scene.world.update("customer", seller.customer, status="active", channels=1, max_duration_s=2)
    result = until(
        lambda: (r := scene.edge.call(caller=seller.ip, cld=NUMBER, hold_ms=5000)).code == 200 and r, what="the call"
    )
    assert result.ended_by == "edge"
    assert 1.0 <= result.duration_s <= 4.0


def test_a_ringing_call_that_somebody_ends_is_over_on_both_sides_and_costs_nothing(scene: Scene) -> None:
    seller = scene.seller(carriers=("ring",))
    caller = scene.edge.place(caller=seller.ip, cld=NUMBER, hold_ms=None)
    statement = "SELECT id FROM call WHERE edge_call_id = %s"
    ((call_id,),) = until(lambda: scene.world.rows(statement, caller.call_id), what="the call")
    scene.carrier_at(seller.gateways[0]).wait_for("INVITE", call_id=caller.call_id)
    url = f"{scene.charging.url}/v1/calls/{call_id}/hangup"
    urllib.request.urlopen(urllib.request.Request(url, b"{}", {"X-Tollgate-Secret": SECRET}), timeout=3)
    result = caller.result()
    assert result.code == 487
    scene.carrier_at(seller.gateways[0]).wait_for("CANCEL", call_id=result.call_id)
    cdr = scene.cdr(result.call_id)
    assert (cdr["state"], cdr["cost_micros"], cdr["released_by"], cdr["q850"]) == ("failed", 0, "tollgate", 31)
    assert scene.world.wallet("customer", seller.customer)["held_micros"] == 0
    scene.assert_books()


def options(scene: Scene, ip: str) -> bytes:
    """An OPTIONS from `ip`, and what the edge answers it; nothing to whom it is deaf."""
    edge = scene.edge.settings.listen_ip
    lines = [
        f"OPTIONS sip:{edge} SIP/2.0",
        f"Via: SIP/2.0/UDP {ip}:5099;rport;branch=z9hG4bK{time.monotonic_ns()}",
        f"From: <sip:x@{ip}>;tag=x",
        f"To: <sip:{edge}>",
        f"Call-ID: ask-{time.monotonic_ns()}",
        "CSeq: 1 OPTIONS",
        "Max-Forwards: 70",
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def floods(scene: Scene, ip: str) -> None:
    for _ in range(250):
        scene.edge.send_raw(options(scene, ip), ip=ip, wait_s=0.001)


def is_heard(scene: Scene, ip: str) -> bool:
    return b" 200 " in scene.edge.send_raw(options(scene, ip), ip=ip, wait_s=0.2)


def is_shut_out(scene: Scene, ip: str) -> bool:
    """After a flood; again where the machine was too slow for one."""
    floods(scene, ip)
    return not is_heard(scene, ip)


def test_addresses_that_were_shut_out_are_heard_within_a_second_of_being_endpoints(scene: Scene) -> None:
    seller, stranger = scene.seller(), scene.edge.address(226)
    lasts = iter((220, 222, 224, 228))
    until(lambda: is_shut_out(scene, stranger), what="the stranger to be shut out")

    def heard_after_s() -> float:
        last = next(lasts)
        first, second = scene.edge.address(last), scene.edge.address(last + 1)
        for ip in (first, second):
            until(lambda: is_shut_out(scene, ip), what=f"{ip} to be shut out")  # noqa: B023
        scene.world.ip_endpoint(seller.customer, f"{first}/31")
        begun_s = time.monotonic()
        until(lambda: is_heard(scene, first), what="an answer to the new endpoint")
        took_s = time.monotonic() - begun_s
        assert scene.edge.call(caller=second, cld=NUMBER, hold_ms=100).code == 200
        return took_s

    assert_once_within_a_second(heard_after_s)
    assert not is_heard(scene, stranger)


def test_an_address_that_was_challenged_calls_within_a_second_of_being_an_endpoint(scene: Scene) -> None:
    seller, lasts = scene.seller(), iter(range(230, 230 + TRIES))

    def called_after_s() -> float:
        ip = scene.edge.address(next(lasts))
        assert scene.edge.call(caller=ip, cld=NUMBER, hold_ms=100).code == 407
        scene.world.ip_endpoint(seller.customer, ip)
        saved_at = datetime.now()
        call = lambda: scene.edge.call(caller=ip, cld=NUMBER, hold_ms=100)  # noqa: E731
        return (until(lambda: (r := call()).code == 200 and r, what="a call").messages[0].at - saved_at).total_seconds()

    assert_once_within_a_second(called_after_s)


def assert_once_within_a_second(measured_s: Callable[[], float]) -> None:
    """One of a few tries takes a second at most, from the save to the INVITE that obeys it."""
    took_s: list[float] = []
    while not took_s or (min(took_s) > 1 and len(took_s) < TRIES):
        took_s.append(measured_s())
    assert min(took_s) <= 1, took_s


def test_an_endpoint_is_not_shut_out_for_calls_that_are_refused(scene: Scene) -> None:
    seller = scene.seller(money_micros=0)
    assert scene.edge.call(caller=seller.ip, cld=NUMBER).code == 402
    floods(scene, seller.ip)
    until(lambda: is_heard(scene, seller.ip), what="an answer")  # who is shut out stays so for minutes


def test_a_sip_user_registers_calls_and_is_called(scene: Scene) -> None:
    seller = scene.seller()
    scene.world.sip_user(seller.customer, "carla", "correct-horse-7", realm=scene.edge.settings.realm)
    phone = scene.edge.address(200)
    until(
        lambda: scene.edge.register(ip=phone, user="carla", password="correct-horse-7").code == 200,
        what="the registration",
    )
    result = scene.edge.call(
        caller=scene.edge.address(201), cld=NUMBER, user="carla", password="correct-horse-7", hold_ms=300
    )
    assert result.code == 200
    assert scene.cdr(result.call_id)["customer_id"] == seller.customer
    scene.edge.carrier(phone, "answer")  # the phone that registered takes calls now
    called = scene.edge.call(caller=seller.ip, cld="carla", hold_ms=300)
    assert called.code == 200
    cdr = scene.cdr(called.call_id)
    assert (cdr["state"], cdr["destination"], cdr["cost_micros"]) == ("charged", "Local", 0)
    scene.assert_books()


def test_a_sip_user_registers_from_its_networks_only_and_anew_after_a_change(scene: Scene) -> None:
    seller, world, realm = scene.seller(), scene.world, scene.edge.settings.realm
    here, elsewhere = scene.edge.address(203), scene.edge.address(204)
    home = [f"{here}/32", "2001:db8::/32"]
    endpoint = world.sip_user(seller.customer, "dora", "dora-password-1", realm=realm, allowed_networks=home)

    def register(ip: str, password: str = "dora-password-1") -> tuple[int, str]:
        answer = scene.edge.register(ip=ip, user="dora", password=password)
        return answer.code, answer.header("X-Tollgate-Refusal")

    def call() -> int:
        return scene.edge.call(caller=seller.ip, cld="dora", hold_ms=100).code

    until(lambda: register(here)[0] == 200, what="the registration")
    assert register(elsewhere) == (403, "sip_user_ip_denied")  # by what the edge remembers
    scene.edge.forget_user("dora")
    assert register(elsewhere) == (403, "sip_user_ip_denied")  # by what it is told
    phone = scene.edge.carrier(here, "answer")
    assert call() == 200
    other = [f"{elsewhere}/32"]
    world.update("endpoint", endpoint, allowed_networks=other)
    until(lambda: call() == 480, what="the old phone to be called no more")
    phone.stop()
    assert register(here) == (403, "sip_user_ip_denied")
    assert register(elsewhere) == (200, "")
    scene.edge.carrier(elsewhere, "answer")
    assert call() == 200
    world.update("endpoint", endpoint, ha1=hashlib.md5(f"dora:{realm}:new-password-2".encode()).hexdigest())
    until(lambda: call() == 480, what="the phone with the old password to be called no more")


def invite_again(scene: Scene, ip: str, call_id: str) -> bytes:
    """A second INVITE with the Call-ID of a live call and a From tag of its own."""
    edge = scene.edge.settings.listen_ip
    lines = [
        f"INVITE sip:{NUMBER}@{edge} SIP/2.0",
        f"Via: SIP/2.0/UDP {ip}:5099;rport;branch=z9hG4bKsecond",
        f"From: <sip:acme@{ip}>;tag=second",
        f"To: <sip:{NUMBER}@{edge}>",
        f"Call-ID: {call_id}",
        "CSeq: 1 INVITE",
        f"Contact: <sip:acme@{ip}:5099>",
        "Max-Forwards: 70",
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def test_a_call_id_used_twice_never_buys_a_second_call(scene: Scene) -> None:
    seller = scene.seller()
    first = scene.edge.place(caller=seller.ip, cld=NUMBER, hold_ms=None)
    first.wait_for_answer()
    answer = scene.edge.send_raw(invite_again(scene, seller.ip, first.call_id), ip=seller.ip, wait_s=30)
    assert_told(Message(at=datetime.now(), received=True, text=answer.decode().replace("\r\n", "\n")), "call_id_in_use")
    scene.edge.hang_up(scene.edge.find(first.call_id))
    assert first.result().code == 200
    until(lambda: scene.live_count() == 0, what="the end of the first call")
    statement = "SELECT state, refusal, q850, cost_micros > 0 FROM cdr WHERE edge_call_id = %s ORDER BY started_at"
    until(lambda: len(scene.world.rows(statement, first.call_id)) == 2, what="both CDRs")
    carried, refused = scene.world.rows(statement, first.call_id)
    assert (carried[0], carried[3]) == ("charged", True)
    assert refused == ("refused", "call_id_in_use", ANSWERS[Key.call_id_in_use].q850, False)
    scene.assert_books()


def test_a_changed_password_counts_even_when_the_edge_could_not_be_told_at_once(scene: Scene) -> None:
    seller, world, realm = scene.seller(), scene.world, scene.edge.settings.realm
    endpoint = world.sip_user(seller.customer, "clara", "old-password-1", realm=realm)
    phone = scene.edge.address(202)

    def code(password: str) -> int:
        return scene.edge.call(caller=phone, cld=NUMBER, user="clara", password=password, hold_ms=100).code

    until(lambda: code("old-password-1") == 200, what="the first call")
    ((edge, url),) = world.rows("SELECT id, rpc_url FROM edge")
    world.update("edge", edge, rpc_url="http://127.0.0.1:1/RPC")
    scene.obeyed()
    world.update("endpoint", endpoint, ha1=hashlib.md5(f"clara:{realm}:new-password-1".encode()).hexdigest())
    time.sleep(2)
    assert code("old-password-1") == 200  # the edge has not heard of it
    world.update("edge", edge, rpc_url=url)
    until(lambda: code("new-password-1") == 200, what="the new password to count")
    assert code("old-password-1") == 403
