"""What an edge shows is compared with what we believe, whatever goes wrong on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from tests.charging.cast import ACME_IP, NUMBER, World
from tests.charging.edge_double import EdgeDouble
from tests.charging.process import Charging, now
from tests.charging.test_desk import soon, until
from tests.charging.test_timers import ask, event, rpc_edge
from tollgate.charging import reconcile
from tollgate.charging.reconcile import Reconciler, Shown, compare
from tollgate.charging.requests import Allowed
from tollgate.charging.service import Service
from tollgate.charging.timers import Timers
from tollgate.core.calls import Invite
from tollgate.store.sql import load


def in_process(world: World, story: Callable[[Service], Awaitable[None]]) -> None:
    """Plays a story with a service in this process."""

    async def play() -> None:
        service = Service(world.url)
        await service.start()
        try:
            await soon(lambda: service.desk._connected == 2)
            await story(service)
        finally:
            await service.stop()

    asyncio.run(play())


async def call(service: Service, call_id: str, edge: str = "sw1") -> None:
    """A call of Acme's that is carried."""
    snapshot = await service.snapshot_of(edge, "plain")
    invite = Invite(edge, call_id, ACME_IP, cli="442071838750", cld=NUMBER)
    outcome = await service.authorize(service.planned(invite, snapshot), snapshot, 10_000)
    assert isinstance(outcome, Allowed), outcome


def proven_s(world: World) -> dict[str, float]:
    """How long ago each live call was proven."""
    return {row["edge_call_id"]: (now() - row["last_seen_at"]).total_seconds() for row in world.live()}


def close(world: World) -> None:
    """Ends what a story has left, so that the books are whole."""
    charging = Charging(world.url)
    for row in world.live():
        charging.edge = row["edge"]
        charging.ended(row["edge_call_id"], now(), sip=487)
    charging.stop()


def test_an_error_of_the_database_breaks_off_one_comparison_and_not_the_comparing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "AGAIN_S", 0.05)

    async def story(service: Service) -> None:
        await call(service, "c1", "kam1")
        world.age(50)
        healthy, failed = service.reader.fetch, []

        async def full(statement: str, *values: Any) -> list[asyncpg.Record]:
            if statement == "seen_calls" and not failed:
                failed.append(statement)
                raise asyncpg.DiskFullError("no space left on device")
            return await healthy(statement, *values)

        monkeypatch.setattr(service.reader, "fetch", full)
        task = asyncio.create_task(Reconciler(service).run())
        await soon(lambda: proven_s(world)["c1"] < 30)
        assert failed
        task.cancel()

    with EdgeDouble() as edge:
        edge.calls["c1"] = (5, 7)
        rpc_edge(world, edge)
        in_process(world, story)
    close(world)


def test_one_edge_that_cannot_be_compared_keeps_no_other_from_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(service: Service) -> None:
        healthy = service.edges.calls

        async def broken(edge: Any) -> Any:
            if edge.name == "kam1":
                raise KeyError("a bug")
            return await healthy(edge)

        monkeypatch.setattr(service.edges, "calls", broken)
        assert await Reconciler(service).round() is False

    with EdgeDouble() as first, EdgeDouble() as second:
        rpc_edge(world, first, "kam1")
        rpc_edge(world, second, "kam2")
        second.calls["ghost"] = (1, 2)
        in_process(world, story)
        assert second.hung_up == [(1, 2)]


def test_edges_are_compared_beside_each_other_and_no_more_than_are_allowed_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or each that is gone would keep all after it waiting for seconds."""
    monkeypatch.setattr(reconcile, "AT_ONCE", 2)
    inside: set[str] = set()
    most = 0

    async def story(service: Service) -> None:
        healthy, met = service.edges.calls, asyncio.Event()

        async def counted(edge: Any) -> Any:
            nonlocal most
            inside.add(edge.name)
            most = max(most, len(inside))
            if len(inside) == 2:
                met.set()
            try:
                await asyncio.wait_for(met.wait(), 5)
                await asyncio.sleep(0.02)
                return await healthy(edge)
            finally:
                inside.discard(edge.name)

        monkeypatch.setattr(service.edges, "calls", counted)
        assert await Reconciler(service).round()
        assert service.edges.up == {"kam1": True, "kam2": True, "kam3": True}

    with EdgeDouble() as first, EdgeDouble() as second, EdgeDouble() as third:
        for name, edge in (("kam1", first), ("kam2", second), ("kam3", third)):
            rpc_edge(world, edge, name)
        in_process(world, story)
    assert most == 2


def test_what_a_batch_is_writing_is_passed_over_and_proven_when_it_is_written(world: World) -> None:
    """So the desk and the comparison never wait for each other in a circle."""

    async def story(service: Service) -> None:
        await call(service, "c1")
        await call(service, "c2")
        world.age(50)
        snapshot, batch = await service.snapshot_of("sw1", "plain"), await asyncpg.connect(world.url)
        await batch.execute("BEGIN; SELECT FROM call WHERE edge_call_id = 'c1' FOR UPDATE")
        shown = [Shown(call_id, "", None, answered=False) for call_id in ("c1", "c2")]
        comparing = asyncio.create_task(compare(service, snapshot, "sw1", shown))
        await soon(lambda: proven_s(world)["c2"] < 30)
        assert proven_s(world)["c1"] > 30
        await batch.close()
        await comparing
        assert max(proven_s(world).values()) < 30

    in_process(world, story)
    close(world)


@pytest.mark.parametrize("statement", ["seen_calls", "missed_calls"])
def test_what_is_shown_is_locked_once_however_few_calls_the_plan_was_made_for(world: World, statement: str) -> None:
    """A join that was planned for an empty table locks all again for each call."""
    sql = load("charging_calls")[statement].replace("$1", "1").replace("$2", "'{1,2}'").replace("$3", "now()")
    plan = "\n".join(row["QUERY PLAN"] for row in world.all(f"EXPLAIN {sql}"))
    assert plan.count("LockRows") == 1
    assert "\n  InitPlan 1" in plan
    assert "Join" not in plan
    assert "Nested Loop" not in plan


def test_a_call_outlives_the_disabling_of_its_edge_and_is_charged_to_its_end(
    world: World, start: Callable[..., Charging]
) -> None:
    with EdgeDouble() as edge:
        rpc_edge(world, edge)
        charging = start(edge="kam1")
        reference = ask(charging, "c1")["call_ref"]
        edge.calls["c1"] = (9, 4)
        event(charging, "answered", "c1", h="9:4", route=0)
        world.run("UPDATE edge SET enabled = false")
        stranger = {"edge": "kam1", "call_id": "c2", "src_ip": "192.0.2.1", "cld": NUMBER}
        until(lambda: charging.send("POST", "/v1/kamailio/authorize", stranger)[0] == 400)
        assert [row["call_id"] for row in charging.send("GET", "/v1/calls?edge=kam1")[1]["calls"]] == ["c1"]
        assert charging.send("POST", f"/v1/calls/{reference}/hangup", {})[0] == 202
        until(lambda: edge.hung_up == [(9, 4)])
        world.age(10)
        answered_at = now() - timedelta(seconds=9)
        event(charging, "ended", "c1", why="edge", answered_at=f"{answered_at.timestamp():.6f}")
    cdr = world.cdr("c1")
    assert (cdr["state"], cdr["refusal"]) == ("charged", None)
    assert cdr["cost_micros"] >= 9_000


def test_a_disabled_edge_is_compared_while_it_has_calls_and_not_spoken_to_after(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(service: Service) -> None:
        await call(service, "c1", "kam1")
        world.run("UPDATE edge SET enabled = false")
        await soon(lambda: not service.snapshots.by_edge["kam1"].edges["kam1"].enabled)
        world.age(50)
        assert await Reconciler(service).round()
        assert proven_s(world)["c1"] < 30
        await asyncio.to_thread(close, world)
        service.edges.up.clear()
        assert await Reconciler(service).round()
        assert service.edges.up == {}

    with EdgeDouble() as edge:
        edge.calls["c1"] = (5, 7)
        rpc_edge(world, edge)
        in_process(world, story)


def test_that_an_edge_was_heard_is_noted_before_the_dashboard_calls_it_silent(world: World) -> None:
    """By the comparison where we can ask it, by whatever it says itself elsewhere."""

    def stale() -> set[str]:
        long_ago = now() - timedelta(seconds=60)
        return {
            row["name"] for row in world.all("SELECT name, last_seen_at FROM edge") if row["last_seen_at"] < long_ago
        }

    async def story(service: Service) -> None:
        await service.snapshot_of("sw1", "plain")
        world.run("UPDATE edge SET last_seen_at = now() - interval '4 minutes'")
        assert stale() == {"kam1", "sw1"}
        await Reconciler(service).round()
        assert stale() == {"sw1"}
        await Timers(service).tick(now())
        assert stale() == set()

    with EdgeDouble() as edge:
        rpc_edge(world, edge)
        in_process(world, story)
