"""What the process believes is never what it answers by when it is not so."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time

import asyncpg
import pytest

from tests.charging.cast import ACME_IP, EURO, NUMBER, World
from tests.charging.process import Charging, now
from tollgate.charging import batch
from tollgate.charging import desk as desk_module
from tollgate.charging.database import DeskConnection
from tollgate.charging.desk import BATCH_MOST, COMPANY_COUNT, OVERLOAD, Desk
from tollgate.charging.requests import Allowed, Authorize, Outcome, Unavailable
from tollgate.charging.service import Service
from tollgate.core.calls import Invite


def test_money_and_limits_that_others_change_count_for_the_next_call(world: World, charging: Charging) -> None:
    """Each call before has taught the process what the wallet holds."""
    assert charging.authorize("c1")["allow"] is True
    charging.ended("c1", now(), sip=487)
    world.run("UPDATE wallet SET limit_micros = %s WHERE kind = 'customer' AND owner_id = %s", -50 * EURO, world.acme)
    assert charging.authorize("c2")["refusal"] == "credit"
    world.top_up(world.acme, EURO)
    assert charging.authorize("c3")["allow"] is True
    charging.ended("c3", now(), sip=487)
    world.run("UPDATE wallet SET limit_micros = 0 WHERE kind = 'customer' AND owner_id = %s", world.acme)


def test_a_call_that_others_change_is_decided_as_it_is(world: World, charging: Charging) -> None:
    charging.authorize("c1")
    at = now()
    charging.answered("c1", at, route=0)
    world.run("UPDATE call SET granted_s = 600, turn = turn + 1")
    world.age(120)
    charging.ended("c1", now(), duration_ms=100_000)
    assert world.cdr("c1")["duration_ms"] == 100_000


def test_every_change_of_a_wallet_is_another_turn(world: World) -> None:
    def turn() -> int:
        return int(world.wallet("customer", world.acme)["turn"])

    turns = [turn()]
    for statement in ("held_micros = held_micros", "balance_micros = balance_micros + 0", "turn = turn"):
        world.run(f"UPDATE wallet SET {statement} WHERE kind = 'customer' AND owner_id = %s", world.acme)
        turns.append(turn())
    world.run("UPDATE customer SET debit_limit_micros = 5 WHERE id = %s", world.acme)
    turns.append(turn())
    assert len(set(turns)) == len(turns)


def test_a_batch_is_not_sent_before_the_one_it_was_decided_on_has_begun(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server may well read a small batch sooner than a large one that was sent first. Here it gets to neither."""

    async def story() -> tuple[list[Outcome], int]:
        service, other = Service(world.url), await asyncpg.connect(world.url)
        await service.start()
        snapshot = await service.snapshot_of("sw1", "plain")

        def ask(number: int) -> asyncio.Task[Outcome]:
            invite = Invite("sw1", f"c{number}", ACME_IP, cli="442071838750", cld=NUMBER)
            return asyncio.create_task(service.authorize(service.planned(invite, snapshot), snapshot, 20_000))

        async def sent() -> int:
            return int(
                await other.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            )

        await other.execute("SELECT pg_advisory_lock($1)", service.desk._memory.lane)
        asked = [ask(1)]
        for _ in range(1000):
            if await sent():
                break
            await asyncio.sleep(0.01)
        asked += [ask(number) for number in range(2, 2 + COMPANY_COUNT)]
        for _ in range(1000):
            if len(service.desk._began_s) == 2:
                break
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        waiting = await sent()
        await other.close()
        answers = [await answer for answer in asked]
        await service.stop()
        gc.unfreeze()
        gc.enable()
        assert service.desk.counts.retries == 0
        assert list(service.desk.counts.sizes) == [1, COMPANY_COUNT]
        return answers, waiting

    monkeypatch.setattr(batch, "HANGS_S", 60)
    monkeypatch.setattr(desk_module, "COMPANY_S", 60)
    answers, waiting = asyncio.run(story())
    assert [type(answer) for answer in answers] == [Allowed] * (1 + COMPANY_COUNT)
    assert waiting == 1


@pytest.mark.parametrize(("company_s", "sizes"), [(60, [1, COMPANY_COUNT - 1]), (0.05, [1, 1, COMPANY_COUNT - 2])])
def test_a_few_requests_wait_for_the_batch_in_flight_unless_it_hangs(
    world: World, monkeypatch: pytest.MonkeyPatch, company_s: float, sizes: list[int]
) -> None:
    """A batch costs as much as a dozen requests in it, so that one for each of them would take a core for nothing."""

    async def story() -> list[int]:
        service, other = Service(world.url), await asyncpg.connect(world.url)
        await service.start()
        snapshot, desk = await service.snapshot_of("sw1", "plain"), service.desk
        numbers = iter(range(1, 100))

        def ask() -> asyncio.Task[Outcome]:
            invite = Invite("sw1", f"c{next(numbers)}", ACME_IP, cli="442071838750", cld=NUMBER)
            return asyncio.create_task(service.authorize(service.planned(invite, snapshot), snapshot, 60_000))

        async def in_flight(count: int) -> None:
            for _ in range(1000):
                if len(desk._began_s) == count and not desk.queued:
                    return
                await asyncio.sleep(0.01)
            raise AssertionError("the batch never began")

        await other.execute("SELECT pg_advisory_lock($1)", desk._memory.lane)
        asked = [ask()]
        await in_flight(1)
        if company_s < 1:
            asked.append(ask())
            await in_flight(2)
        asked += [ask() for _ in range(COMPANY_COUNT - len(asked))]
        await asyncio.sleep(0.2)
        assert desk.queued == sizes[-1]
        await other.close()
        assert [type(await answer) for answer in asked] == [Allowed] * COMPANY_COUNT
        await service.stop()
        gc.unfreeze()
        gc.enable()
        return list(desk.counts.sizes)

    monkeypatch.setattr(batch, "HANGS_S", 60)
    monkeypatch.setattr(desk_module, "COMPANY_S", company_s)
    assert sorted(asyncio.run(story())) == sorted(sizes), "who hears first that it is through is chance"


def test_what_a_full_batch_leaves_in_the_queue_is_looked_at_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a few that came in a crowd would wait for a batch that hangs, beside somebody who sleeps."""

    async def story() -> bool:
        desk = Desk("")
        desk._connected = 2
        loop = asyncio.get_running_loop()

        def come(count: int) -> None:
            now_s = time.monotonic()
            for _ in range(count):
                key = (1, "sw1", f"c{next(numbers)}")
                desk.submit(Authorize(key, loop.create_future(), now_s, now_s + 60))

        numbers = iter(range(BATCH_MOST + 10))
        come(COMPANY_COUNT)
        await asyncio.sleep(0.1)  # both are in flight, and whoever looked found nobody to take it
        come(BATCH_MOST + 2 - COMPANY_COUNT)
        assert len(desk._take()) == BATCH_MOST
        sleeper: asyncio.Future[None] = loop.create_future()
        desk._sleepers.append(sleeper)
        await asyncio.wait((sleeper,), timeout=5)
        return sleeper.done()

    monkeypatch.setattr(desk_module, "COMPANY_S", 0.05)
    assert asyncio.run(story())


def test_who_would_wait_too_long_is_turned_away_at_once_and_nobody_else() -> None:
    """Batches take 0.1 s, two at a time: a queue of eight full ones is 0.4 s long."""

    async def ask(queued: int, deadline_s: float) -> Unavailable | None:
        desk = Desk("")
        desk._connected = 1
        desk.counts.batch_s = 0.1
        now_s = time.monotonic()
        loop = asyncio.get_running_loop()
        requests = [
            Authorize((1, "sw1", f"c{number}"), loop.create_future(), now_s, now_s + 60) for number in range(queued)
        ]
        for request in requests:
            desk.submit(request)
        assert not any(request.future.done() for request in requests)
        last = Authorize((1, "sw1", "last"), loop.create_future(), now_s, now_s + deadline_s)
        desk.submit(last)
        assert desk.counts.shed == last.future.done()
        return last.future.result() if last.future.done() else None  # type: ignore[return-value]

    assert asyncio.run(ask(8 * BATCH_MOST, 0.5)) is OVERLOAD
    assert asyncio.run(ask(8 * BATCH_MOST, 0.7)) is None
    assert asyncio.run(ask(0, 0.001)) is None


def test_a_dead_or_hanging_connection_costs_no_other_request_its_answer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is woken with a dead connection lets the other have the request; and who waits for a batch that does not
    begin, waits a moment."""
    opened: list[DeskConnection] = []
    opening = DeskConnection.open

    async def noted(url: str) -> DeskConnection:
        opened.append(await opening(url))
        return opened[-1]

    async def story() -> list[Outcome]:
        service = Service(world.url)
        await service.start()
        snapshot, desk = await service.snapshot_of("sw1", "plain"), service.desk

        def ask(number: int) -> asyncio.Task[Outcome]:
            invite = Invite("sw1", f"c{number}", ACME_IP, cli="442071838750", cld=NUMBER)
            return asyncio.create_task(service.authorize(service.planned(invite, snapshot), snapshot, 20_000))

        async def asleep() -> None:
            for _ in range(1000):
                if len(desk._sleepers) == 2:
                    return
                await asyncio.sleep(0.01)

        await asleep()
        opened[0].close()
        answers = [await ask(1)]
        desk._sleepers.reverse()
        answers.append(await ask(2))
        await asleep()
        stopped = opened[-1].connection.get_server_pid()
        os.kill(stopped, signal.SIGSTOP)
        try:
            asked = [ask(3)]
            await asyncio.wait(asked, timeout=0.5)
            desk._sleepers.reverse()
            asked.append(ask(4))
            await asyncio.wait(asked, timeout=0.5)
            asked.append(ask(5))
            answers.append(await asyncio.wait_for(asked[-1], 5))
            assert sum(answer.done() for answer in asked) == 2
        finally:
            os.kill(stopped, signal.SIGCONT)
        answers += [await answer for answer in asked]
        await service.stop()
        gc.unfreeze()
        gc.enable()
        return answers

    monkeypatch.setattr(DeskConnection, "open", noted)
    monkeypatch.setattr(batch, "HANGS_S", 0.1)
    assert [type(answer) for answer in asyncio.run(story())] == [Allowed] * 6
