"""What happens to live calls by itself: more time, no more money, a hang-up, silence."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from tests.charging.cast import EURO, World
from tests.charging.edge_double import EdgeDouble
from tests.charging.process import Charging, now
from tests.charging.test_desk import until


def rpc_edge(world: World, edge: EdgeDouble, name: str = "kam1") -> None:
    """Makes the edge known with its RPC address."""
    world.insert("edge", account_id=world.account, name=name, rpc_url=edge.url)


def event(charging: Charging, name: str, call_id: str, **fields: Any) -> None:
    """An event of the Kamailio edge."""
    at = f"{time.time():.6f}"
    body = {"id": f"{call_id}.{name}", "edge": "kam1", "event": name, "call_id": call_id, "at": at} | fields
    status, answer = charging.send("POST", "/v1/kamailio/event", body)
    assert status == 200, answer


def ask(charging: Charging, call_id: str, **fields: Any) -> Any:
    """An INVITE at the Kamailio edge."""
    body = {
        "edge": "kam1",
        "call_id": call_id,
        "src_ip": "198.51.100.7",
        "cld": "14155550100",
        "cli": "4420718",
        "dst_ip": "10.1.1.1",
    }
    status, answer = charging.send("POST", "/v1/kamailio/authorize", body | fields)
    assert status == 200, answer
    return answer


def test_a_grant_is_renewed_and_the_edge_told_until_the_money_ends_exactly(
    world: World, start: Callable[..., Charging]
) -> None:
    """19 s of talk at 0.06 a minute is all that 0.019 buys."""
    world.run("UPDATE account SET slice_s = 2")
    world.run("UPDATE customer SET debit_limit_micros = 19000 WHERE id = %s", world.baltic)
    with EdgeDouble() as edge:
        rpc_edge(world, edge)
        charging = start(edge="kam1")
        assert ask(charging, "c1", src_ip="198.51.100.8")["max_duration"] == 3
        edge.calls["c1"] = (5, 7)
        event(charging, "answered", "c1", h="5:7", route=0)
        until(lambda: world.live()[0]["granted_s"] == 19, seconds=15)
        time.sleep(1.5)
        (call,) = world.live()
        assert (call["granted_s"], call["held_micros"]) == (19, [19_000])
        until(lambda: bool(edge.extended) and edge.extended[-1][:2] == (5, 7))
        assert 10_000 <= edge.extended[-1][2] <= 19_000
        answered = call["answered_at"].timestamp()
        event(charging, "ended", "c1", why="max_duration", answered_at=f"{answered:.6f}", at=f"{answered + 4:.6f}")
    assert world.cdr("c1")["cost_micros"] == 4000


def test_a_hang_up_asked_for_reaches_the_edge(world: World, start: Callable[..., Charging]) -> None:
    with EdgeDouble() as edge:
        rpc_edge(world, edge)
        charging = start(edge="kam1")
        reference = ask(charging, "c1")["call_ref"]
        edge.calls["c1"] = (9, 4)
        event(charging, "answered", "c1", h="9:4", route=0)
        assert charging.send("POST", f"/v1/calls/{reference}/hangup", {})[0] == 202
        until(lambda: edge.hung_up == [(9, 4)])
        event(charging, "ended", "c1", why="edge", answered_at=f"{time.time():.6f}")
        assert charging.send("POST", f"/v1/calls/{reference}/hangup", {})[0] == 404
    assert world.cdr("c1")["released_by"] == "tollgate"


def test_an_edge_is_told_to_end_calls_nobody_knows(world: World, start: Callable[..., Charging]) -> None:
    with EdgeDouble() as edge:
        edge.calls["ghost"] = (1, 2)
        rpc_edge(world, edge)
        start(edge="kam1")
        until(lambda: edge.hung_up == [(1, 2)])


def test_a_call_nobody_speaks_of_is_closed_at_its_last_proof_and_corrected_by_a_late_end_once(
    world: World, charging: Charging
) -> None:
    world.run("UPDATE account SET validity_s = 5")
    charging.authorize("c1")
    world.age(100)
    answered_at = now() - timedelta(seconds=99)
    charging.answered("c1", answered_at, route=0)
    world.run(
        "UPDATE call SET answered_at = now() - interval '90 s', last_seen_at = now() - interval '80 s',"
        " granted_until = now() - interval '29 s'"
    )
    until(lambda: not world.live(), seconds=20)
    cdr = world.cdr("c1")
    assert (cdr["state"], cdr["cost_micros"]) == ("unresolved", 11_000 if cdr["billed_s"] == 11 else 10_000)
    settled = world.wallet("customer", world.acme)["balance_micros"]
    assert settled == 50 * EURO - cdr["cost_micros"]
    true_start = cdr["answered_at"]
    first = charging.ended("c1", true_start + timedelta(seconds=30), true_start)
    assert first == {"cost": "0.03", "currency": "EUR", "already": False}
    assert charging.ended("c1", true_start + timedelta(seconds=30), true_start) == first | {"already": True}
    assert world.wallet("customer", world.acme)["balance_micros"] == 50 * EURO - 30_000
    kinds = [row["kind"] for row in world.all("SELECT kind FROM entry WHERE call_id = %s ORDER BY id", cdr["id"])]
    assert kinds == ["call", "call", "adjustment", "adjustment"]


def test_a_switch_without_an_address_learns_by_sync(world: World, charging: Charging) -> None:
    for call_id in ("c1", "c2"):
        charging.authorize(call_id)
        charging.answered(call_id, now(), route=0)
    world.age(20)
    first = charging.post("/v1/sync", live=["c1", "ghost"])
    assert first == {"settled": [], "hangup": ["ghost"], "grants": {"c1": 61}}
    second = charging.post("/v1/sync", live=["c1"])
    assert second["settled"] == ["c2"]
    assert world.cdr("c2")["state"] == "unresolved"
    calls = charging.send("GET", "/v1/calls?edge=sw1")[1]["calls"]
    assert [call["call_id"] for call in calls] == ["c1"]
    charging.ended("c1", now(), sip=487)


def test_a_call_is_renewed_between_two_comparisons_however_short_the_silence_allowed_is(
    world: World, charging: Charging
) -> None:
    """Calls are shown every half minute: a proof of 20 s ago is the newest there can be."""
    world.run("UPDATE account SET validity_s = 5")
    charging.authorize("c1")
    charging.answered("c1", now(), route=0)
    world.run(
        "UPDATE call SET answered_at = now() - interval '52 s', last_seen_at = now() - interval '20 s',"
        " authorized_at = now() - interval '53 s', granted_until = now() + interval '9 s', turn = turn + 1"
    )
    assert world.live()[0]["granted_s"] == 61
    until(lambda: world.live()[0]["granted_s"] > 61)
    charging.ended("c1", now(), duration_ms=52_000)
