"""The doors: what they take, what they turn away, and what the Kamailio edge is told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.charging.cast import World, prices
from tests.charging.edge_double import EdgeDouble
from tests.charging.process import Charging, now
from tests.charging.test_desk import until
from tests.charging.test_timers import ask, event, rpc_edge

GOOD = {"edge": "sw1", "call_id": "c1", "source": {"ip": "198.51.100.7"}, "cld": "14155550100"}


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("/v1/authorize", {**GOOD, "edge": 7}, "edge"),
    ("/v1/authorize", {**GOOD, "call_id": ""}, "call_id"),
    ("/v1/authorize", {**GOOD, "call_id": "a\u0000b"}, "call_id"),
    ("/v1/authorize", {**GOOD, "source": {}}, "source.ip"),
    ("/v1/authorize", {**GOOD, "source": {"ip": "1.1.1.1", "port": 70000}}, "source.port"),
    ("/v1/authorize", {key: value for key, value in GOOD.items() if key != "cld"}, "cld"),
    ("/v1/authorize", {**GOOD, "deadline_ms": 0}, "deadline_ms"),
    ("/v1/answered", {"edge": "sw1", "call_id": "c1", "at": "yesterday"}, "at"),
    ("/v1/answered", {"edge": "sw1", "call_id": "c1", "at": "2026-11-21T12:00:00"}, "at"),
    ("/v1/answered", {"edge": "sw1", "call_id": "c1", "at": -5}, "at"),
    ("/v1/ended", {"edge": "sw1", "call_id": "c1", "at": 1e300}, "at"),
    ("/v1/ended", {"edge": "sw1", "call_id": "c1", "at": 1, "duration_ms": -1}, "duration_ms"),
    ("/v1/ended", {"edge": "sw1", "call_id": "c1", "at": 1795255949000, "attempts": [{}]}, "attempts[0].route"),
    ("/v1/sync", {"edge": "sw1", "live": "all"}, "live"),
    ("/v1/kamailio/authorize", {"edge": "kam1", "call_id": "c1"}, "src_ip"),
    ("/v1/kamailio/event", {"id": "1", "edge": "kam1", "event": "ended", "call_id": "c", "at": "soon"}, "at"),
    ("/v1/kamailio/event", {"id": "1", "edge": "kam1", "event": "born", "call_id": "c", "at": "1"}, "event"),
    ("/v1/calls/x/hangup", {}, "call"),
]


def test_bad_input_is_400_and_names_the_field(charging: Charging) -> None:
    for path, body, field in BAD:
        status, problem = charging.send("POST", path, body)
        assert (status, problem["errors"][0]["field"]) == (400, field)


def test_a_body_that_is_no_json_or_too_long_is_turned_away(charging: Charging) -> None:
    url = f"http://127.0.0.1:{charging.port}/v1/authorize"
    assert charging.http.request("POST", url, body=b"\xff{").status == 400
    assert charging.http.request("POST", url, body=b"x" * 5_000_000).status == 413


def test_unknown_addresses_methods_and_calls_are_errors_of_their_own(charging: Charging) -> None:
    assert charging.send("GET", "/v1/authorize")[0] == 405
    assert charging.send("GET", "/nothing")[0] == 404
    at = now().isoformat()
    assert charging.send("POST", "/v1/ended", {"edge": "sw1", "call_id": "never", "at": at})[0] == 404


def test_without_the_secret_nothing_is_told(world: World, start: Callable[..., Charging]) -> None:
    charging = start(secret="open sesame")
    assert charging.authorize("c1")["allow"] is True
    charging.ended("c1", now(), sip=487)
    charging.secret = "wrong"
    status, problem = charging.send("POST", "/v1/authorize", GOOD)
    assert (status, problem["errors"][0]["field"]) == (403, "X-Tollgate-Secret")
    assert charging.send("GET", "/healthz")[0] == 200


def test_a_new_switch_is_known_at_its_first_message_and_a_disabled_one_brings_no_call_by_any_door(
    world: World, charging: Charging
) -> None:
    charging.authorize("c1")
    charging.ended("c1", now(), sip=487)
    assert [row["name"] for row in world.all("SELECT name FROM edge")] == ["sw1"]
    asked = {
        "/v1/authorize": GOOD,
        "/v1/simulate": GOOD,
        "/v1/pin": {"edge": "sw1", "access_number": "1", "pin": "1", "caller": "1"},
        "/v1/kamailio/authorize": {"edge": "sw1", "call_id": "c2", "src_ip": "192.0.2.1", "cld": "14155550100"},
    }
    assert {charging.send("POST", path, body)[0] for path, body in asked.items()} == {200}
    world.run("UPDATE edge SET enabled = false")
    until(lambda: charging.send("POST", "/v1/authorize", GOOD)[0] == 400)
    for path, body in asked.items():
        status, problem = charging.send("POST", path, body)
        assert (status, problem["errors"][0]["field"]) == (400, "edge"), path


def test_metrics_count_what_was_decided(world: World, charging: Charging) -> None:
    charging.authorize("c1")
    charging.authorize("c2", ip="192.0.2.1")
    text = charging.send("GET", "/metrics")[1]
    assert 'tollgate_decisions_total{outcome="allowed",refusal=""} 1.0' in text
    assert 'tollgate_decisions_total{outcome="refused",refusal="ip_unknown"} 1.0' in text
    assert 'tollgate_calls_live{state="authorized"} 1.0' in text
    charging.ended("c1", now(), sip=487)


def sip_user(world: World, name: str, **fields: Any) -> int:
    """A SIP user of Acme."""
    user = world.sip_user(world.acme, name, "secret", realm="demo", **fields)
    world.update("endpoint", user, ha1="0" * 32)
    return user


def test_kamailio_is_told_routes_in_its_own_words(world: World, start: Callable[..., Charging]) -> None:
    charging = start(edge="kam1")
    decision = ask(charging, "c1", privacy="id")
    assert (decision["action"], decision["max_duration"], decision["media"], decision["record"]) == ("route", 61, 1, 0)
    first = decision["routes"][0]
    assert first["uri"].startswith("sip:14155550100@203.0.113.")
    assert first["dst_uri"] == "sip:" + first["uri"].partition("@")[2]
    assert first["headers"] == {
        "from": {"display": "", "uri": "sip:4420718@10.1.1.1"},
        "extra": "P-Asserted-Identity: <sip:4420718@10.1.1.1>\r\nPrivacy: id\r\n",
    }
    assert (first["fr_timer"], first["fr_inv_timer"]) == (3000, 5000)
    event(charging, "failed", "c1", sip_code=487)
    assert world.cdr("c1")["sip_received"] == 487


def test_kamailio_is_told_why_a_call_is_refused(world: World, start: Callable[..., Charging]) -> None:
    charging = start(edge="kam1")
    world.run("UPDATE wallet SET cps_max_milli = 1, cps_tokens_milli = 0, cps_at = now() WHERE kind = 'account'")
    refused = ask(charging, "c1")
    assert (refused["action"], refused["code"], refused["reason"]) == ("refuse", 503, "CPS Limit Exceeded")
    assert refused["hdrs"] == (
        'Reason: Q.850;cause=42;text="CPS Limit Exceeded"\r\nX-Tollgate-Refusal: cps_customer\r\nRetry-After: 1\r\n'
    )


def test_an_unknown_address_is_asked_for_a_password_and_only_then_refused(
    world: World, start: Callable[..., Charging]
) -> None:
    charging = start(edge="kam1")
    sip_user(world, "alice")
    until(lambda: charging.send("POST", "/v1/kamailio/ha1", {"user": "Alice", "realm": "demo"})[1]["ha1"] == "0" * 32)
    assert charging.send("POST", "/v1/kamailio/ha1", {"user": "alice", "realm": "other"})[1]["ha1"] == ""
    assert ask(charging, "c1", src_ip="192.0.2.9") == {"action": "challenge"}
    assert world.cdrs() == []
    assert ask(charging, "c1", src_ip="192.0.2.9", auth_user="alice")["action"] == "route"
    event(charging, "failed", "c1", sip_code=487)
    event(charging, "auth_failed", "c9", user="alice", src_ip="192.0.2.9", cld="1", cli="2")
    failed = world.cdr("c9")
    assert (failed["state"], failed["refusal"], failed["customer_id"]) == ("refused", "digest_failed", world.acme)
    assert failed["sip_sent"] == 403
    event(charging, "auth_failed", "c10", user="alice", src_ip="192.0.2.9", cld="1", cli="2", why="locked")
    assert (world.cdr("c10")["refusal"], world.cdr("c10")["sip_sent"]) == ("digest_failed", 480)
    event(charging, "auth_locked", "c11", user="alice", src_ip="192.0.2.9")
    assert "tollgate_auth_locks_total 1.0" in charging.send("GET", "/metrics")[1]


def test_how_many_wrong_passwords_are_too_many_reaches_the_edge_at_once_and_no_phone_is_lost(
    world: World, start: Callable[..., Charging]
) -> None:
    with EdgeDouble() as edge:
        rpc_edge(world, edge)
        sip_user(world, "alice")
        charging = start(edge="kam1")
        world.update("account", world.account, auth_failure_count=3)
        until(lambda: edge.forgotten == ["*"])
        for user in ("alice", "nobody"):
            question = {"user": user, "realm": "demo", "edge": "kam1"}
            assert charging.send("POST", "/v1/kamailio/ha1", question)[1]["failures"] == 3
        world.update("account", world.account, slice_s=61)
        time.sleep(0.3)
        assert (edge.forgotten, edge.unregistered) == (["*"], [])


def test_a_new_password_is_believed_at_once(world: World, start: Callable[..., Charging]) -> None:
    with EdgeDouble() as edge:
        rpc_edge(world, edge)
        user = sip_user(world, "alice")
        start(edge="kam1")
        world.run("UPDATE endpoint SET ha1 = %s WHERE id = %s", "1" * 32, user)
        until(lambda: edge.forgotten == ["alice"])


@pytest.mark.parametrize("change", [{"allowed_networks": ["192.0.2.0/24"]}, {"enabled": False}])
def test_whoever_registered_by_what_no_longer_holds_is_called_no_more(
    world: World, start: Callable[..., Charging], change: dict[str, Any]
) -> None:
    with EdgeDouble() as edge:
        rpc_edge(world, edge)
        user = sip_user(world, "alice")
        other = sip_user(world, "bert")
        start(edge="kam1")
        world.update("endpoint", other, name="Bert's desk")
        world.update("endpoint", user, **change)
        until(lambda: edge.unregistered == ["alice"])
        assert edge.forgotten == ["alice"]


def test_an_edge_is_told_where_a_sip_user_may_register_from(world: World, start: Callable[..., Charging]) -> None:
    charging = start(edge="kam1")
    sip_user(world, "alice", allowed_networks=["192.0.2.0/24", "2001:db8::/32"])
    question = {"user": "alice", "realm": "demo"}
    told = {"ha1": "0" * 32, "networks": "192.0.2.0/24,2001:db8::/32", "failures": 10, "ttl": 300}
    until(lambda: charging.send("POST", "/v1/kamailio/ha1", question)[1] == told)
    assert charging.send("GET", "/v1/ha1?user=alice&realm=demo")[1] == told


def test_a_user_of_the_same_customer_is_called_for_nothing(world: World, start: Callable[..., Charging]) -> None:
    charging = start(edge="kam1")
    sip_user(world, "alice")
    sip_user(world, "bob")
    until(lambda: ask(charging, f"p{now().timestamp()}", auth_user="alice", cld="bob").get("local") == "bob")
    for call in world.live():
        event(charging, "failed", call["edge_call_id"], sip_code=487)
    decision = ask(charging, "c1", auth_user="alice", cld="bob")
    assert (decision["local"], decision["routes"]) == ("bob", [])
    at = now()
    event(charging, "answered", "c1", at=f"{at.timestamp():.6f}")
    event(
        charging,
        "ended",
        "c1",
        at=f"{(at + timedelta(seconds=4)).timestamp():.6f}",
        answered_at=f"{at.timestamp():.6f}",
    )
    cdr = world.cdr("c1")
    assert (cdr["state"], cdr["cost_micros"], cdr["carrier_id"], cdr["destination"]) == ("charged", 0, None, "Local")


def test_failed_routes_are_recorded_once_and_the_answering_carrier_is_paid(
    world: World, start: Callable[..., Charging]
) -> None:
    charging = start(edge="kam1")
    second = ask(charging, "c1")["routes"][1]["dst_uri"].split(":")[1]
    for _ in range(2):
        event(charging, "attempt", "c1", route=0, sip_code=503, why="", h="1:1")
    assert [call["route_index"] for call in world.live()] == [1]
    at = now()
    event(charging, "answered", "c1", route=1, at=f"{at.timestamp():.6f}")
    event(charging, "ended", "c1", at=f"{(at + timedelta(seconds=3)).timestamp():.6f}", why="caller_bye",
          answered_at=f"{at.timestamp():.6f}", pdd_ms=120, ring_ms=900)  # fmt: skip
    cdr = world.cdr("c1")
    assert [tried["sip"] for tried in cdr["detail"]["attempts"]] == [503]
    assert (cdr["released_by"], cdr["pdd_ms"], cdr["ring_ms"], cdr["cost_micros"]) == ("caller", 120, 900, 3000)
    assert cdr["gateway_id"] == world.one("SELECT id FROM gateway WHERE host = %s", second)["id"]


def test_a_second_dialog_with_the_call_id_of_a_live_call_is_refused_and_touches_nothing(
    world: World, start: Callable[..., Charging]
) -> None:
    charging = start(edge="kam1")
    first = ask(charging, "same", h="1:1")
    assert ask(charging, "same", h="1:1") == first
    second = ask(charging, "same", h="1:2")
    assert (second["action"], second["code"]) == ("refuse", 482)
    assert ask(charging, "same", h="1:2") == second
    at = now()
    event(charging, "answered", "same", h="1:2", at=f"{at.timestamp():.6f}")
    event(charging, "failed", "same", h="1:2", sip_code=482)
    (call,) = world.live()
    assert (call["dialog"], call["state"]) == ("1:1", "authorized")
    event(charging, "ended", "same", h="1:1", answered_at=f"{at.timestamp():.6f}", at=f"{at.timestamp() + 2:.6f}")
    assert [(cdr["state"], cdr["detail"]["dialog"]) for cdr in world.cdrs()] == [("charged", "1:1"), ("refused", "1:2")]


def test_the_call_id_of_an_ended_call_gives_no_grant_without_a_hold(
    world: World, start: Callable[..., Charging]
) -> None:
    charging = start(edge="kam1")
    ask(charging, "same", h="1:1")
    event(charging, "failed", "same", h="1:1", sip_code=486)
    assert ask(charging, "same", h="1:1")["code"] == 482
    assert world.live() == []
    again = ask(charging, "same", h="1:2")
    (call,) = world.live()
    assert (again["action"], again["call_ref"], call["held_micros"]) == ("route", str(call["id"]), [61_000])
    event(charging, "failed", "same", h="1:1", sip_code=486)
    assert len(world.live()) == 1
    event(charging, "failed", "same", h="1:2", sip_code=486)
    assert world.live() == []


def test_a_call_that_failed_at_the_carrier_has_its_cause(world: World, start: Callable[..., Charging]) -> None:
    charging = start(edge="kam1")
    for call_id, fields in (("mapped", {}), ("told", {"reason_hdr": "Q.850;cause=19"})):
        ask(charging, call_id)
        event(charging, "attempt", call_id, route=0, sip_code=486)
        event(charging, "failed", call_id, sip_code=480, **fields)
    mapped, told = world.cdr("mapped"), world.cdr("told")
    assert (mapped["sip_sent"], mapped["sip_received"], mapped["q850"]) == (480, 486, 18)
    assert told["q850"] == 19


def test_a_simulated_call_is_decided_and_leaves_no_trace(world: World, charging: Charging) -> None:
    before = world.all("SELECT * FROM wallet ORDER BY id")
    said = charging.post("/v1/simulate", **GOOD)
    assert (said["allow"], said["max_s"], said["routes"][0]["carrier"]) == (True, 61, "Cirrus")
    assert {gate["gate"] for gate in said["gates"]} >= {"identity", "status", "credit", "grant"}
    refused = charging.post("/v1/simulate", **{**GOOD, "cld": "9"})
    assert (refused["allow"], refused["refusal"], refused["sip"]) == (False, "no_rate", 503)
    named = charging.post("/v1/simulate", **{**GOOD, "source": {"ip": "192.0.2.1"}, "customer": world.baltic})
    assert named["allow"] is True
    long_ago = charging.post("/v1/simulate", **{**GOOD, "at": "2001-01-01T00:00:00Z"})
    assert long_ago["refusal"] == "no_rate"
    status, problem = charging.send("POST", "/v1/simulate", {**GOOD, "customer": 999_999})
    assert (status, problem["errors"][0]["field"]) == (400, "customer")
    assert world.all("SELECT * FROM wallet ORDER BY id") == before
    assert world.cdrs() == []


def test_a_call_of_the_past_is_simulated_at_the_prices_of_then(world: World, start: Callable[..., Charging]) -> None:
    world.publish(world.sold, prices({"1": 600}), effective="2024-01-01T00:00:00Z")
    world.publish(world.carrier_card, prices({"1": 500}), effective="2025-01-01T00:00:00Z")
    charging = start()
    held = [
        next(gate for gate in charging.post("/v1/simulate", **GOOD, **at)["gates"] if gate["gate"] == "grant")["values"]
        for at in ({"at": "2021-05-01T00:00:00Z"}, {"at": "2024-05-01T00:00:00Z"}, {})
    ]
    assert [grant["held_micros"] for grant in held] == [61_000, 610_000, 610_000]
    assert charging.post("/v1/simulate", **GOOD, at="2019-12-31T00:00:00Z")["refusal"] == "no_rate"


def test_events_may_come_in_a_group_and_take_effect_in_their_order(
    world: World, start: Callable[..., Charging]
) -> None:
    charging = start(edge="kam1")
    ask(charging, "c1")
    ask(charging, "c2")
    at = f"{now().timestamp():.6f}"
    common = {"edge": "kam1", "at": at}
    group = [
        common | {"id": "1", "event": "attempt", "call_id": "c1", "route": 0, "sip_code": 503},
        common | {"id": "2", "event": "answered", "call_id": "c1", "route": 1},
        common | {"id": "3", "event": "failed", "call_id": "c2", "sip_code": 486},
        common | {"id": "4", "event": "ended", "call_id": "c1", "answered_at": at, "why": "caller_bye"},
    ]
    for _ in range(2):
        body = json.dumps(group)
        answer = charging.http.request("POST", f"http://127.0.0.1:{charging.port}/v1/kamailio/events", body=body)
        assert answer.status == 200
    assert [tried["sip"] for tried in world.cdr("c1")["detail"]["attempts"]] == [503]
    assert world.cdr("c2")["state"] == "failed"
    bad = json.dumps([*group, {"id": "5"}])
    answer = charging.http.request("POST", f"http://127.0.0.1:{charging.port}/v1/kamailio/events", body=bad)
    assert (answer.status, answer.json()["errors"][0]["field"]) == (400, "[4].edge")
