"""The desk under trouble: locks held by others, deadlines, poison, a database that dies."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import asyncpg
import psycopg
import pytest
import urllib3

from tests.charging.cast import EURO, World
from tests.charging.process import Charging, now
from tollgate.charging import database
from tollgate.charging import desk as desk_module
from tollgate.charging.database import DeskConnection
from tollgate.charging.desk import Desk
from tollgate.jobs.postgres import Postgres


def until(holds: Callable[[], bool], *, seconds: float = 10) -> None:
    """Waits until something holds."""
    limit = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < limit, "it never came to hold"
        time.sleep(0.02)


async def soon(holds: Callable[[], bool]) -> None:
    """The same within a loop."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110  # what is awaited happens elsewhere
            await asyncio.sleep(0.01)


def test_a_decision_that_is_too_late_is_503_and_leaves_nothing_held(world: World, charging: Charging) -> None:
    with psycopg.connect(world.url) as other:
        other.execute("SELECT FROM wallet FOR UPDATE")
        body = {
            "edge": "sw1",
            "call_id": "c1",
            "source": {"ip": "198.51.100.7"},
            "cld": "14155550100",
            "deadline_ms": 300,
        }
        began = time.monotonic()
        status, answer = charging.send("POST", "/v1/authorize", body)
        assert (status, answer["title"]) == (503, "Charging unavailable")
        assert time.monotonic() - began < 1
    until(lambda: [cdr["state"] for cdr in world.cdrs()] == ["failed"])
    assert world.live() == []
    assert world.wallet("customer", world.acme)["held_micros"] == 0


def test_while_a_batch_hangs_new_requests_are_turned_away_at_once(world: World, charging: Charging) -> None:
    def ask(number: int) -> int:
        body = {
            "edge": "sw1",
            "call_id": f"c{number}",
            "source": {"ip": "198.51.100.7"},
            "cld": "1415",
            "deadline_ms": 1000,
        }
        return charging.send("POST", "/v1/authorize", body)[0]

    with psycopg.connect(world.url) as other:
        other.execute("SELECT FROM wallet FOR UPDATE")
        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(ask, range(4))) == [503] * 4
        time.sleep(1)
        took_s = []
        for number in range(9, 14):
            began = time.monotonic()
            assert ask(number) == 503
            took_s.append(time.monotonic() - began)
        assert min(took_s) < 0.2, "not after its deadline of a second"
    until(lambda: not world.live() and ask(int(time.monotonic() * 1000)) == 200)
    for call in world.live():
        charging.ended(call["edge_call_id"], now(), sip=487)


def test_a_poisoned_request_does_not_stop_the_others(world: World, charging: Charging) -> None:
    """A trigger stands for whatever nobody thought of: one customer's calls cannot be written."""
    world.run(
        "CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NEW.cld = '1666' THEN RAISE 'poison'; END IF; RETURN NEW; END $$"
    )
    world.run("CREATE TRIGGER poison BEFORE INSERT ON call FOR EACH ROW EXECUTE FUNCTION poison()")

    def ask(number: int) -> int:
        cld = "1666" if number == 7 else "14155550100"
        body = {
            "edge": "sw1",
            "call_id": f"c{number}",
            "source": {"ip": "198.51.100.7"},
            "cld": cld,
            "deadline_ms": 5000,
        }
        return charging.send("POST", "/v1/authorize", body)[0]

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(ask, range(20)))
    assert [number for number, status in enumerate(answers) if status != 200] == [7]
    for call in world.live():
        charging.ended(call["edge_call_id"], now(), sip=487)


def test_killing_postgres_in_mid_call_loses_and_doubles_nothing(durable_postgres: Postgres) -> None:
    with World(durable_postgres.url) as world:
        charging = Charging(world.url)
        try:
            charging.authorize("c1")
            at = now()
            charging.answered("c1", at, route=0)
            assert durable_postgres.pid is not None
            os.kill(durable_postgres.pid, signal.SIGKILL)
            until(lambda: not durable_postgres.running)
            until(lambda: charging.send("GET", "/healthz")[0] == 503)
            durable_postgres.start()
            until(lambda: charging.send("GET", "/healthz")[0] == 200)
            world.connect_again()
            assert charging.ended("c1", at + timedelta(seconds=3), at)["cost"] == "0.003"
            assert world.wallet("customer", world.acme)["balance_micros"] == 50 * EURO - 3000
            assert world.broken_laws() == {}
        finally:
            charging.stop()


def test_killing_the_process_in_mid_call_loses_and_doubles_nothing(world: World, charging: Charging) -> None:
    charging.authorize("c1")
    at = now()
    charging.answered("c1", at, route=0)
    with ThreadPoolExecutor(20) as threads:
        waiting = [threads.submit(_try_authorize, charging, f"x{number}") for number in range(100)]
        time.sleep(0.05)
        charging.kill()
        allowed = [call_id for call_id in (done.result() for done in waiting) if call_id is not None]
    charging.start()
    for call in world.live():
        if call["edge_call_id"] != "c1":
            charging.ended(call["edge_call_id"], now(), sip=487)
    recorded = {cdr["edge_call_id"] for cdr in world.cdrs()}
    assert set(allowed) <= recorded
    assert charging.ended("c1", at + timedelta(seconds=2), at)["cost"] == "0.002"
    assert world.wallet("customer", world.acme)["held_micros"] == 0


def _try_authorize(charging: Charging, call_id: str) -> str | None:
    try:
        return call_id if charging.authorize(call_id)["allow"] else None
    except (urllib3.exceptions.HTTPError, AssertionError):
        return None


def test_three_processes_serve_one_database_and_one_may_die(world: World, start: Callable[..., Charging]) -> None:
    processes = [start() for _ in range(3)]

    def call(number: int) -> None:
        processes[number % 3].authorize(f"c{number}")
        at = now()
        processes[(number + 1) % 3].answered(f"c{number}", at, route=0)
        processes[(number + 2) % 3].ended(f"c{number}", at + timedelta(seconds=2), at)

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(call, range(120)))
        assert world.live() == []
        for number in range(3):
            processes[0].authorize(f"k{number}")
        processes[0].kill()
        for number in range(3):
            at = now()
            processes[1].ended(f"k{number}", at + timedelta(seconds=1), at)
    assert len(world.cdrs()) == 123
    assert world.wallet("customer", world.acme)["balance_micros"] == 50 * EURO - 120 * 2000 - 3 * 1000


def test_a_connection_that_breaks_by_a_bug_or_cannot_be_opened_for_want_of_space_is_opened_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_module, "_BROKEN_S", 0.05)
    healthy_serve, healthy_open = Desk._serve, DeskConnection.open
    failed: list[str] = []

    async def serve(desk: Desk, connection: DeskConnection) -> None:
        if failed.count("serve") < 2:
            failed.append("serve")
            raise KeyError("a bug")
        await healthy_serve(desk, connection)

    async def opened(url: str) -> DeskConnection:
        if failed.count("open") < 2 and "serve" in failed:
            failed.append("open")
            raise asyncpg.DiskFullError("no space left on device")
        return await healthy_open(url)

    async def story() -> None:
        desk = Desk(world.url)
        await desk.start()
        await soon(lambda: failed.count("serve") == 2 and desk._connected == 2)
        assert not any(task.done() for task in desk.tasks)
        await desk.stop()

    monkeypatch.setattr(Desk, "_serve", serve)
    monkeypatch.setattr(DeskConnection, "open", opened)
    asyncio.run(story())
    assert "open" in failed


def test_a_connection_whose_statements_cannot_be_prepared_is_not_left_open(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again every two seconds, and the database has room for some hundred."""
    monkeypatch.setattr(database, "load", lambda _file: {"gone": "SELECT gone()"})
    count = (
        "SELECT count(*) AS n FROM pg_stat_activity"
        " WHERE application_name = 'tollgate charging' AND datname = current_database()"
    )

    async def story() -> None:
        with pytest.raises(asyncpg.UndefinedFunctionError):
            await DeskConnection.open(world.url)
        await soon(lambda: world.one(count)["n"] == 0)

    asyncio.run(story())
