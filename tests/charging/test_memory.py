"""What the process believes is never what it answers by when it is not so."""

from __future__ import annotations

import asyncio
import time

from tests.charging.cast import EURO, World
from tests.charging.process import Charging, now
from tollgate.charging.desk import BATCH_MOST, OVERLOAD, Desk
from tollgate.charging.requests import Authorize, Unavailable


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
