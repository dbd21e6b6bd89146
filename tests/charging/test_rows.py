"""What the CDR says of a call's end: the carrier that is named, the codes and the cause."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from tests.charging.cast import World
from tests.charging.process import Charging, now
from tests.charging.test_timers import ask, event


def seconds(at: datetime) -> str:
    return f"{at.timestamp():.6f}"


def gateways(world: World, decision: Any) -> list[int]:
    """The gateways of a decision's routes, in their order."""
    hosts = [route["dst_uri"].split(":")[1] for route in decision["routes"]]
    return [world.one("SELECT id FROM gateway WHERE host = %s", host)["id"] for host in hosts]


def test_an_answered_call_that_failed_over_has_the_code_of_who_answered(
    world: World, start: Callable[..., Charging]
) -> None:
    charging = start(edge="kam1")
    _, second = gateways(world, ask(charging, "c1"))
    event(charging, "attempt", "c1", route=0, sip_code=503)
    at = now()
    event(charging, "answered", "c1", route=1, at=seconds(at))
    event(charging, "ended", "c1", at=seconds(at + timedelta(seconds=3)), answered_at=seconds(at), why="caller_bye")
    cdr = world.cdr("c1")
    assert (cdr["gateway_id"], cdr["sip_sent"], cdr["sip_received"]) == (second, 200, 200)


def test_a_call_that_was_not_tried_elsewhere_is_the_first_carrier_s(
    world: World, start: Callable[..., Charging]
) -> None:
    charging = start(edge="kam1")
    for code in (603, 486, 404):
        call_id = f"c{code}"
        first, _ = gateways(world, ask(charging, call_id))
        event(charging, "attempt", call_id, route=0, sip_code=code)
        assert [call["route_index"] or 0 for call in world.live()] == [0]
        event(charging, "failed", call_id, sip_code=code, route=0)
        cdr = world.cdr(call_id)
        assert (cdr["gateway_id"], cdr["sip_sent"], cdr["sip_received"]) == (first, code, code)


def test_a_caller_who_gives_up_at_the_second_carrier_has_not_its_code_from_the_first(
    world: World, start: Callable[..., Charging]
) -> None:
    charging = start(edge="kam1")
    _, second = gateways(world, ask(charging, "c1"))
    event(charging, "attempt", "c1", route=0, sip_code=503)
    event(charging, "failed", "c1", sip_code=487, route=1)
    cdr = world.cdr("c1")
    assert (cdr["gateway_id"], cdr["sip_sent"], cdr["sip_received"]) == (second, 487, 487)


def test_a_switch_tells_the_routes_that_failed_before_and_the_one_that_was_last(
    world: World, charging: Charging
) -> None:
    routes = charging.authorize("c1")["routes"]
    host = routes[1]["gateway"].split(":")[1]
    charging.ended("c1", now(), sip=486, route=1, attempts=[{"route": 0, "sip": 503}])
    cdr = world.cdr("c1")
    assert cdr["gateway_id"] == world.one("SELECT id FROM gateway WHERE host = %s", host)["id"]
    assert (cdr["sip_received"], cdr["q850"]) == (486, 17)
    assert [tried["sip"] for tried in cdr["detail"]["attempts"]] == [503]


CAUSES = [
    ({"why": "caller_bye"}, 16, "caller"),
    ({"why": "callee_bye", "reason_hdr": "Q.850;cause=38"}, 38, "callee"),
    ({"why": "max_duration"}, 102, "tollgate"),
    ({"why": "vanished"}, 27, "tollgate"),
    ({"why": "no_media"}, 41, "tollgate"),
    ({"why": "edge"}, 31, "tollgate"),
]


def test_every_answered_call_has_the_cause_that_its_sides_were_told(
    world: World, start: Callable[..., Charging]
) -> None:
    charging = start(edge="kam1")
    for place, (told, cause, released_by) in enumerate(CAUSES):
        call_id, at = f"c{place}", now()
        ask(charging, call_id)
        event(charging, "answered", call_id, route=0, at=seconds(at))
        event(charging, "ended", call_id, at=seconds(at + timedelta(seconds=2)), answered_at=seconds(at), **told)
        cdr = world.cdr(call_id)
        assert (cdr["state"], cdr["q850"], cdr["released_by"]) == ("charged", cause, released_by)
